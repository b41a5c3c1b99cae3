package settings

import (
	"fmt"
	"slices"

	"github.com/pmswriteback/pms/driver"
)

// reference checks one reference: its text, and whether the PMS has the option.
func (c *check) reference(at Reference) {
	saved := c.savedRef(at)
	r, noun := at.Ref, catalogNoun(at.Catalog)
	if r.IsZero() {
		c.report(unless(saved), at.Path, CodeInvalidID, fmt.Sprintf("The %s has no id. Choose one, or remove it.", noun))
		return
	}
	if bad := badText(r.ID, MaxIDLength); bad != "" {
		c.report(unless(saved), at.Path, CodeInvalidID, fmt.Sprintf("The id of the %s %s. Choose it from the list.", noun, bad))
		return
	}
	if bad := badLabel(r.Label, MaxLabelLength); bad != "" {
		c.report(unless(saved), at.Path, CodeInvalidText, fmt.Sprintf("The label of the %s %s. Choose it from the list again.", noun, bad))
	}
	if !c.cats.Read(at.Catalog) {
		c.unread(at, saved)
		return
	}
	switch standing := c.cats.Standing(at.Catalog, r, c.info.ReusesIDs); standing {
	case StandingGood, StandingUnread:
	case StandingUnknown:
		c.unknownOption(at, saved)
	default:
		c.report(unless(saved), at.Path, standingCode(standing, at.Catalog),
			standingWords(standing, at.Catalog, r, c.cats, c.info)+held(saved))
	}
}

// held tells what a broken reference means for what is already in force.
func held(saved bool) string {
	if saved {
		return " What needs it waits until then."
	}
	return ""
}

func standingCode(s Standing, cat driver.Catalog) string {
	switch {
	case s == StandingUnknown && cat == driver.Providers:
		return CodeProviderUnknown
	case s == StandingUnknown:
		return CodeOptionUnknown
	case s == StandingInactive && cat == driver.Providers:
		return CodeProviderInactive
	case s == StandingInactive:
		return CodeOptionInactive
	case s == StandingUnfit:
		return CodeOptionUnfit
	case s == StandingAmbiguous:
		return CodeOptionAmbiguous
	}
	return CodeOptionReused
}

// unread reports a reference into a list that was never read.
func (c *check) unread(at Reference, saved bool) {
	if s := c.info.Catalogs[at.Catalog]; c.known && !s.Supported {
		why := s.Why
		if why == "" {
			why = fmt.Sprintf("%s offers no list of these.", sentence(productName(c.info)))
		}
		c.report(unless(saved), at.Path, CodeUnsupported, fmt.Sprintf("No %s can be chosen here: %s", catalogNoun(at.Catalog), why))
		return
	}
	if len(c.cats.Lists) > 0 {
		c.warn(at.Path, CodeNotChecked, fmt.Sprintf("The %s %s is not checked yet: the list %s has not been read from %s.",
			catalogNoun(at.Catalog), shown(at.Ref), CatalogTitle(at.Catalog), productName(c.info)))
	}
}

// unknownOption reports an id that the list does not have, as helpfully as it can
// be told what was meant.
func (c *check) unknownOption(at Reference, saved bool) {
	cat, r := at.Catalog, at.Ref
	option, candidates, ok := c.cats.Resolve(cat, r.ID)
	if len(candidates) > 0 {
		p := ambiguous(cat, r.ID, candidates)
		c.report(unless(saved), at.Path, p.Code, p.Words, p.Suggestions...)
		return
	}
	code := standingCode(StandingUnknown, cat)
	words := standingWords(StandingUnknown, cat, r, c.cats, c.info)
	var suggestions []string
	switch {
	case ok:
		suggestions = []string{option.ID}
	case c.hints > 0:
		c.hints--
		suggestions = c.cats.Similar(cat, r.ID)
		if len(suggestions) == 0 && r.Label != "" {
			suggestions = c.cats.Similar(cat, r.Label)
		}
	}
	if len(suggestions) > 0 {
		words += fmt.Sprintf(" Is %s meant?", shown(labelled(cat, Ref{ID: suggestions[0]}, c.cats)))
	} else if other, o, found := c.elsewhere(cat, r); found {
		code = CodeWrongList
		words = fmt.Sprintf("%s is in the list %s of %s, so that it cannot be used here. Choose one from the list %s.",
			shown(refTo(o)), CatalogTitle(other), productName(c.info), CatalogTitle(cat))
	}
	c.report(unless(saved), at.Path, code, words+held(saved), suggestions...)
}

// elsewhere looks for the option in the other lists. Ids of different lists may be
// alike by chance, so a label that is known has to fit too.
func (c *check) elsewhere(cat driver.Catalog, r Ref) (driver.Catalog, driver.Option, bool) {
	for _, other := range driver.Catalogs() {
		if other == cat {
			continue
		}
		if o, ok := c.cats.Lookup(other, r.ID); ok && (r.Label == "" || r.Label == o.Label) {
			return other, o, true
		}
	}
	return "", driver.Option{}, false
}

// savedRef reports whether the saved revision has the same reference at the same
// field: then it was broken there already, and nobody chose it now.
func (c *check) savedRef(at Reference) bool {
	if c.before == nil {
		return false
	}
	_, ok := sameRefIn(c.before, c.doc, at)
	return ok
}

// sameRefIn finds the reference of doc in another document: one with its id at the
// same field, wherever it stands in a set, or with the form type of that name.
func sameRefIn(other, doc *Document, at Reference) (Ref, bool) {
	p, err := parsePath(at.Path)
	if err != nil {
		return Ref{}, false
	}
	switch was := p.field.get(other).(type) {
	case Ref:
		return was, was != (Ref{}) && was.ID == at.Ref.ID
	case []Ref:
		if i := slices.IndexFunc(was, func(r Ref) bool { return r.ID == at.Ref.ID }); i >= 0 {
			return was[i], true
		}
	case []FormType:
		if p.index >= len(doc.Forms.Types) {
			return Ref{}, false
		}
		name := doc.Forms.Types[p.index].Name
		if i := slices.IndexFunc(was, func(t FormType) bool { return sameName(t.Name, name) && t.Folder.ID == at.Ref.ID }); i >= 0 {
			return was[i].Folder, true
		}
	}
	return Ref{}, false
}
