package settings

import (
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// What a host needs to offer the page in its own navigation.
const (
	PageTitle = "PMS Writeback Settings"
	MenuLabel = "PMS Writeback Settings"
	MenuGroup = "Practice"
	SaveLabel = "Save Changes"
)

// Limits bound a field's value. A zero limit does not apply.
type Limits struct {
	// Min and Max bound an interval. A PMS may ask for more than Min.
	Min, Max time.Duration
	// MaxLength is how many characters an id, label or name may have.
	MaxLength int
	// MaxItems is how many entries a list may have.
	MaxItems int
}

// The limits of texts and lists.
const (
	// MaxIDLength is how many characters a Ref's ID may have.
	MaxIDLength = 200
	// MaxLabelLength is how many characters a Ref's Label or the name of a form
	// type may have.
	MaxLabelLength = 200
	// MaxItems is how many entries a set of references or the list of form types
	// may have.
	MaxItems = 200
)

// Field describes one field of a document, for a page or a form.
type Field struct {
	// Path is where the field stands.
	Path string
	// Group and Subgroup are the titles under which it stands; Subgroup may be
	// empty. Label is its name. All three are what staff know.
	Group, Subgroup, Label string
	// Help says what it does. See HelpFor.
	Help string
	// Type is the kind of its value.
	Type Type
	// Catalog is the list that its options come from; empty if none.
	Catalog driver.Catalog
	// Default is the value in a new document, in the form of [Text].
	Default string
	// Limits bound the value.
	Limits Limits
	// Op is the operation that the field needs, and Feed what it paces; each may
	// be empty.
	Op   driver.OpKind
	Feed driver.Feed
}

// Describe returns every field in the order in which staff see them. host is the
// host application's name, as it stands in labels and helps.
func Describe(host string) []Field {
	def := Default()
	out := make([]Field, 0, len(fields))
	for i := range fields {
		out = append(out, fields[i].describe(host, &def))
	}
	return out
}

// FieldAt returns the description of the field at a path, an element's included:
// "forms.types[0].folder" is described as a reference.
func FieldAt(host, path string) (Field, bool) {
	p, err := parsePath(path)
	if err != nil {
		return Field{}, false
	}
	def := Default()
	f := p.field.describe(host, &def)
	if p.index < 0 {
		return f, true
	}
	f.Path, f.Default = path, ""
	f.Limits = Limits{MaxLength: MaxIDLength}
	switch {
	case f.Type == TypeRefSet:
		f.Type = TypeRef
	case p.part == "folder":
		f.Type, f.Label, f.Help = TypeRef, "Folder", "Where forms of this type are filed. Empty: the folder of the category."
	case p.part == "name":
		f.Type, f.Label, f.Catalog, f.Help = TypeText, "Form Type", "", named("The name of the form type in {host}.", host)
		f.Limits.MaxLength = MaxLabelLength
	case p.part == "category":
		f.Type, f.Label, f.Catalog, f.Help = TypeCategory, "Category", "", "Where forms of this type belong."
		f.Limits = Limits{}
	}
	return f, true
}

func (f *field) describe(host string, def *Document) Field {
	out := Field{
		Path: f.path, Group: f.group, Subgroup: f.subgroup,
		Label: named(f.label, host), Help: named(f.help, host),
		Type: f.typ, Catalog: f.catalog, Default: textForm(f.get(def)), Op: f.op, Feed: f.feed,
	}
	switch f.typ {
	case TypeInterval:
		out.Limits = Limits{Min: MinInterval, Max: MaxInterval}
	case TypeRef, TypeTarget:
		out.Limits = Limits{MaxLength: MaxIDLength}
	case TypeRefSet, TypeFormTypes:
		out.Limits = Limits{MaxLength: MaxIDLength, MaxItems: MaxItems}
	}
	return out
}

// known reports whether info is a connected PMS's rather than the zero Info.
func known(info driver.Info) bool {
	return info.Product != "" || info.Ops != nil || info.Feeds != nil || info.Catalogs != nil
}

// Support says whether the connected PMS can do what the field is for, and why it
// cannot. The Support of a zero Info is that nothing is known yet.
func (f Field) Support(info driver.Info) driver.Support {
	if !known(info) {
		return driver.No("Not known yet: the PMS has not been reached.")
	}
	needs := f.Needs(info)
	for _, s := range f.supports(info) {
		if !s.Supported {
			why := s.Why
			if why == "" {
				why = productName(info) + " does not offer this."
			}
			return driver.No(why, needs...)
		}
	}
	return driver.Yes(needs...)
}

// Needs lists what the field takes in the connected PMS, such as a version or a
// permission tier, met or not.
func (f Field) Needs(info driver.Info) []string {
	var out []string
	for _, s := range f.supports(info) {
		for _, n := range s.Needs {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}

func (f Field) supports(info driver.Info) []driver.Support {
	var out []driver.Support
	if f.Op != "" {
		out = append(out, info.Ops[f.Op].Support)
	}
	if f.Feed != "" {
		out = append(out, info.Feeds[f.Feed].Support)
	}
	if f.Catalog != "" {
		out = append(out, info.Catalogs[f.Catalog])
	}
	return out
}

// MinInterval returns the shortest interval that both the library and the PMS
// allow; zero for a field that is no interval.
func (f Field) MinInterval(info driver.Info) time.Duration {
	if f.Type != TypeInterval {
		return 0
	}
	return leastInterval(f.Feed, info)
}

// leastInterval never exceeds MaxInterval: a minimum that nobody can meet would
// make every document invalid.
func leastInterval(feed driver.Feed, info driver.Info) time.Duration {
	return min(max(MinInterval, info.Feeds[feed].MinInterval), MaxInterval)
}

// HelpFor returns Help and, for the connected PMS, where staff find the value and
// what becomes of it.
func (f Field) HelpFor(info driver.Info) string {
	parts := []string{f.Help}
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	switch {
	case f.Path == "sync.provider":
		add(whereFound(info, f.Catalog))
		add(notAttributed(info))
	case f.Op == driver.OpNote && f.Type == TypeToggle:
		add(landing(info))
	case f.Type == TypeInterval:
		if least := leastInterval(f.Feed, info); least > MinInterval {
			parts = append(parts, productName(info)+" allows no interval shorter than "+durationWords(least)+".")
		}
	default:
		add(whereFound(info, f.Catalog))
	}
	return strings.Join(parts, " ")
}

// notAttributed says which operations the PMS keeps no provider with.
func notAttributed(info driver.Info) string {
	var kinds []string
	for _, row := range []struct {
		op   driver.OpKind
		name string
	}{{driver.OpNote, "notes"}, {driver.OpDocument, "documents"}, {driver.OpPayment, "payments"}} {
		if op := info.Ops[row.op]; op.Supported && !op.ProviderRecorded {
			kinds = append(kinds, row.name)
		}
	}
	if len(kinds) == 0 {
		return ""
	}
	return productName(info) + " records no provider with " + strings.Join(kinds, ", ") + "."
}

// Choice is one entry of a dropdown.
type Choice struct {
	Ref Ref
	// Broken is set for the present choice when it no longer works: the PMS does
	// not have it, or it is inactive. Why says so in staff words.
	Broken bool
	Why    string
}

// Choices returns the active options of a catalog in the PMS's order, a row that
// was read twice once, but no adjustment types that lower what is owed: nothing
// can be set to one. Present choices that are not among them come first, marked as
// broken, so that they stay visible until somebody mends them.
func Choices(cats Catalogs, cat driver.Catalog, info driver.Info, present ...Ref) []Choice {
	var broken, out []Choice
	for _, r := range present {
		if r.IsZero() {
			continue
		}
		switch standing := cats.Standing(cat, r, info.ReusesIDs); standing {
		case StandingGood:
		case StandingUnread:
			broken = append(broken, Choice{Ref: r})
		default:
			broken = append(broken, Choice{Ref: r, Broken: true, Why: standingWords(standing, cat, r, cats, info)})
		}
	}
	seen := map[Ref]bool{}
	for _, o := range cats.Lists[cat] {
		if r := refTo(o); o.Active && !o.Lowers && !seen[r] {
			seen[r] = true
			out = append(out, Choice{Ref: r})
		}
	}
	return append(broken, out...)
}
