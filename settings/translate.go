package settings

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/pmswriteback/pms/driver"
)

// Translate carries the settings of one practice over to another, whose PMS has
// other ids: each reference is looked for by its label among the target's active
// options, exactly first, then without regard to case, spaces and punctuation.
// The one option that fits takes its place. When none does, or several do, the
// reference is cleared and a row of the report says why: nothing is guessed, and
// that two ids are alike means nothing. Toggles, intervals and form types are
// copied; an interval below the target's minimum is raised.
//
// The label is the one that the source's catalogs show, so that a reference
// without a label, or with an outdated one, is found too; without catalogs it is
// the reference's own. Aliases help where they leave no doubt: when the label is
// the alias of exactly one option, or when they tell options of the same label
// apart. Not with providers, whose abbreviations every practice gives anew. What
// a status is used for in its PMS is told as a hint and decides nothing.
//
// The error is [ErrNotRead] when the target's lists were never read. What
// [Validate] says about the result is in the report: a target status that did
// find its place is an Error when its entry in the set did not.
func Translate(doc Document, from, to Place) (Document, Report, error) {
	if len(to.Catalogs.Lists) == 0 {
		return doc, Report{}, fmt.Errorf("settings: translate: %w", ErrNotRead)
	}
	from.Catalogs, to.Catalogs = from.Catalogs.Indexed(), to.Catalogs.Indexed()
	doc, _ = Normalize(doc, from.Catalogs)
	doc.carryOver(to)
	t := translator{doc: &doc, from: from, to: to, index: map[driver.Catalog]*labelIndex{}}
	doc.changeRefs(t.reference)
	// Two statuses of the source may be one here.
	doc, _ = Normalize(doc, to.Catalogs)
	raised := raiseIntervals(&doc, to.Info, nil)
	return doc, Report{
		ByLabel: true, References: t.rows, Changes: Diff(to.saved(), doc),
		Problems: Merge(raised, Validate(doc, to.Catalogs, to.Info, to.Saved)),
	}, nil
}

type translator struct {
	doc      *Document
	from, to Place
	index    map[driver.Catalog]*labelIndex
	rows     []Mapping
}

// reference gives what stands in a reference's place, and adds its row.
func (t *translator) reference(at Reference) Ref {
	if at.Ref == (Ref{}) {
		return at.Ref
	}
	was, source := t.source(at)
	m := t.find(at.Catalog, was, source)
	m.Path, m.Label, m.Was = at.Path, rowLabel(t.doc, at), was
	if m.Now.IsZero() {
		m.Words += " " + cleared(at.Path)
	}
	t.rows = append(t.rows, m)
	return m.Now
}

// source gives a reference the label that it has in its own PMS now, and the
// option there. Where ids are reused, or one stands for several options, what it
// was chosen as is all that can be trusted.
func (t *translator) source(at Reference) (Ref, driver.Option) {
	r, cats := at.Ref, t.from.Catalogs
	r.Label = cleanLabel(r.Label)
	switch cats.Standing(at.Catalog, r, t.from.Info.ReusesIDs) {
	case StandingGood, StandingInactive:
	default:
		return r, driver.Option{}
	}
	o, _ := cats.Lookup(at.Catalog, r.ID)
	switch now := refTo(o); {
	case r.Label == now.Label:
	case r.Label != "" && (t.from.Info.ReusesIDs || now.Label == ""):
		return r, driver.Option{}
	default:
		r = now
	}
	return r, o
}

// find looks for what a reference is called in the target's catalog.
func (t *translator) find(cat driver.Catalog, was Ref, source driver.Option) Mapping {
	pms, noun := productName(t.to.Info), catalogNoun(cat)
	if !t.to.Catalogs.Read(cat) {
		return Mapping{Outcome: OutcomeNoList, Words: fmt.Sprintf("%s offers no list %s, or it has not been read.", sentence(pms), CatalogTitle(cat))}
	}
	if was.Label == "" {
		return Mapping{Outcome: OutcomeUnlabelled, Words: fmt.Sprintf(
			"The %s is known only by the id %s of another practice, which means nothing here. Choose one.", noun, quoted(was.ID))}
	}
	x := t.indexOf(cat)
	fits, how := x.active.named(was.Label)
	if len(fits) == 0 && cat != driver.Providers {
		fits, how = x.alias[was.Label], fmt.Sprintf(" It has the label as another name in %s.", pms)
	}
	if len(fits) > 1 && cat != driver.Providers {
		if same := sharing(fits, source.Aliases); len(same) == 1 {
			fits, how = same, " Options of the same label were told apart by "+quoted(shared(same[0], source.Aliases))+"."
		}
	}
	switch {
	case len(fits) > 1:
		p := ambiguous(cat, was.Label, fits)
		return Mapping{Outcome: OutcomeAmbiguous, Words: p.Words, Candidates: someRefs(fits)}
	case len(fits) == 1 && t.to.Catalogs.differingTwins(cat, fits[0]):
		return Mapping{Outcome: OutcomeAmbiguous, Candidates: someRefs(fits),
			Words: standingWords(StandingAmbiguous, cat, refTo(fits[0]), t.to.Catalogs, t.to.Info)}
	case len(fits) == 1:
		now := refTo(fits[0])
		return Mapping{Outcome: OutcomeMapped, Now: now, Words: fmt.Sprintf("%s becomes %s.%s%s", sentence(shown(was)), shown(now), how, roleHint(source, fits[0]))}
	}
	if hidden, _ := x.hidden.named(was.Label); len(hidden) > 0 {
		return Mapping{Outcome: OutcomeInactive, Candidates: someRefs(hidden),
			Words: standingWords(StandingInactive, cat, refTo(hidden[0]), t.to.Catalogs, t.to.Info)}
	}
	m := Mapping{Outcome: OutcomeNotFound, Candidates: someRefs(t.akin(cat, source)),
		Words: fmt.Sprintf("%s has no active %s called %s. Choose one.", sentence(pms), noun, quoted(was.Label))}
	if len(m.Candidates) > 0 {
		names := make([]string, len(m.Candidates))
		for i, r := range m.Candidates {
			names[i] = shown(r)
		}
		m.Words += " It may be " + strings.Join(names, " or ") + "."
	}
	return m
}

// akin returns the active options that share an abbreviation with the source's, or
// are used for the same. That makes them worth a look, and no more.
func (t *translator) akin(cat driver.Catalog, source driver.Option) []driver.Option {
	list := t.indexOf(cat).list
	out := sharing(list, source.Aliases)
	for _, o := range list {
		known := slices.ContainsFunc(out, func(k driver.Option) bool { return k.ID == o.ID })
		if source.Role != driver.RoleNone && o.Role == source.Role && !known {
			out = append(out, o)
		}
	}
	return out
}

// roleHint says when two statuses of one label are used for different things.
func roleHint(source, target driver.Option) string {
	if source.Role == target.Role || source.Role == driver.RoleNone || target.Role == driver.RoleNone {
		return ""
	}
	return fmt.Sprintf(" It means %s here and %s there: check that it is the right one.", target.Role, source.Role)
}

func sharing(options []driver.Option, aliases []string) []driver.Option {
	var out []driver.Option
	for _, o := range options {
		if shared(o, aliases) != "" {
			out = append(out, o)
		}
	}
	return out
}

// shared returns an alias that the option has too, "" when there is none.
func shared(o driver.Option, aliases []string) string {
	for _, a := range aliases {
		if a != "" && slices.Contains(o.Aliases, a) {
			return a
		}
	}
	return ""
}

func someRefs(options []driver.Option) []Ref {
	var out []Ref
	for _, o := range options[:min(len(options), 5)] {
		out = append(out, refTo(o))
	}
	return out
}

// labelIndex finds the options of one catalog by what they are called. A row that
// was read twice is in it once.
type labelIndex struct {
	list           []driver.Option // the active ones
	active, hidden labels
	alias          map[string][]driver.Option
}

// labels finds options by label.
type labels struct{ exact, folded map[string][]driver.Option }

// named returns the options of a label, exactly or but for its spelling, and in
// the second case says so.
func (l labels) named(label string) (fits []driver.Option, how string) {
	if fits = l.exact[label]; len(fits) > 0 {
		return fits, ""
	}
	return l.folded[foldLabel(label)], " The labels differ only in case, spaces or punctuation."
}

func (l *labels) add(o driver.Option) {
	add(&l.exact, cleanLabel(o.Label), o)
	add(&l.folded, foldLabel(o.Label), o)
}

// add puts an option under a name, if that says something.
func add(m *map[string][]driver.Option, name string, o driver.Option) {
	if name == "" {
		return
	}
	if *m == nil {
		*m = map[string][]driver.Option{}
	}
	(*m)[name] = append((*m)[name], o)
}

func (t *translator) indexOf(cat driver.Catalog) *labelIndex {
	if x := t.index[cat]; x != nil {
		return x
	}
	x := &labelIndex{}
	t.index[cat] = x
	type row struct {
		ref    Ref
		active bool
	}
	seen := map[row]bool{}
	for _, o := range t.to.Catalogs.Lists[cat] {
		if r := (row{refTo(o), o.Active}); seen[r] {
			continue
		} else {
			seen[r] = true
		}
		if !o.Active {
			x.hidden.add(o)
			continue
		}
		x.list = append(x.list, o)
		x.active.add(o)
		for i, a := range o.Aliases {
			if !slices.Contains(o.Aliases[:i], a) {
				add(&x.alias, cleanLabel(a), o)
			}
		}
	}
	return x
}

// foldLabel is a label without regard to case, spaces and punctuation.
func foldLabel(label string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsPunct(r) || isControl(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, label)
}
