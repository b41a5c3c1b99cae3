package settings

import (
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Catalogs are the lists of options of one practice's PMS, as last read.
type Catalogs struct {
	// Lists holds each catalog that was read, inactive options included, in the
	// PMS's order. A catalog that is missing was never read; an empty list means
	// that the PMS has no such option.
	Lists map[driver.Catalog][]driver.Option
	// AsOf is when the lists were last read in full; zero means never.
	AsOf time.Time
	// Stale says in staff words that the lists may be out of date, such as "Not
	// checked since 9:14, because Open Dental does not answer." Empty while they
	// are current.
	Stale string

	index map[driver.Catalog]map[string]entry
}

// entry is what the index knows of an id.
type entry struct {
	first   int  // its first place in the list
	differs bool // another place holds something else
}

// Indexed returns the same catalogs with an index that makes Lookup fast however
// long the lists are. The lists must not be changed afterwards.
func (c Catalogs) Indexed() Catalogs {
	c.index = make(map[driver.Catalog]map[string]entry, len(c.Lists))
	for cat, list := range c.Lists {
		ids := make(map[string]entry, len(list))
		for i, o := range list {
			e, ok := ids[o.ID]
			switch {
			case !ok:
				e = entry{first: i}
			case differ(list[e.first], o):
				e.differs = true
			}
			ids[o.ID] = e
		}
		c.index[cat] = ids
	}
	return c
}

// differ reports whether two rows with one id are more than one row read twice.
func differ(a, b driver.Option) bool {
	return a.Label != b.Label || a.Active != b.Active || a.Lowers != b.Lowers
}

// Read reports whether a catalog was ever read.
func (c Catalogs) Read(cat driver.Catalog) bool {
	_, ok := c.Lists[cat]
	return ok
}

// Lookup returns the option with exactly that id, active or not. Where a list has
// an id twice it is the first one.
func (c Catalogs) Lookup(cat driver.Catalog, id string) (driver.Option, bool) {
	list := c.Lists[cat]
	if ids, ok := c.index[cat]; ok {
		if e, ok := ids[id]; ok {
			return list[e.first], true
		}
		return driver.Option{}, false
	}
	for i := range list {
		if list[i].ID == id {
			return list[i], true
		}
	}
	return driver.Option{}, false
}

// Standing is what the PMS says about a reference now.
type Standing string

// The standings.
const (
	// StandingGood: the option exists and is active.
	StandingGood Standing = "good"
	// StandingUnread: the catalog was never read, so that nobody knows.
	StandingUnread Standing = "unread"
	// StandingUnknown: the PMS does not have the option.
	StandingUnknown Standing = "unknown"
	// StandingInactive: the option is hidden or inactive.
	StandingInactive Standing = "inactive"
	// StandingUnfit: an adjustment type that lowers what a patient owes.
	StandingUnfit Standing = "unfit"
	// StandingAmbiguous: several different options have the id.
	StandingAmbiguous Standing = "ambiguous"
	// StandingReused: the PMS reuses ids, and the id now has another label than
	// when it was chosen.
	StandingReused Standing = "reused"
)

// Standing says how r stands in a catalog: what to ask before a write. reuses is
// driver.Info.ReusesIDs.
func (c Catalogs) Standing(cat driver.Catalog, r Ref, reuses bool) Standing {
	if !c.Read(cat) {
		return StandingUnread
	}
	o, ok := c.Lookup(cat, r.ID)
	switch {
	case !ok:
		return StandingUnknown
	case c.differingTwins(cat, o):
		return StandingAmbiguous
	case !o.Active:
		return StandingInactive
	case o.Lowers:
		return StandingUnfit
	case reuses && r.Label != "" && o.Label != r.Label && cleanLabel(o.Label) != cleanLabel(r.Label):
		return StandingReused
	}
	return StandingGood
}

// differingTwins reports whether another row has o's id and is another option.
func (c Catalogs) differingTwins(cat driver.Catalog, o driver.Option) bool {
	if ids, ok := c.index[cat]; ok {
		return ids[o.ID].differs
	}
	return slices.ContainsFunc(c.Lists[cat], func(p driver.Option) bool { return p.ID == o.ID && differ(o, p) })
}

// Resolve finds the option that a person meant by a pasted text: the one with
// that id, or the only one with that alias or label. Case and leading zeros
// matter. Among several, active ones are preferred to inactive ones: practices
// give the abbreviation of a provider who left to the next.
//
// ok is false when there is none, or more than one; then candidates holds those
// that fit.
func (c Catalogs) Resolve(cat driver.Catalog, pasted string) (option driver.Option, candidates []driver.Option, ok bool) {
	if pasted == "" {
		return driver.Option{}, nil, false
	}
	if o, found := c.Lookup(cat, pasted); found {
		return o, nil, true
	}
	for _, fits := range []func(driver.Option) bool{
		func(o driver.Option) bool { return slices.Contains(o.Aliases, pasted) },
		func(o driver.Option) bool { return o.Label == pasted },
	} {
		switch found := preferActive(c.matching(cat, fits)); len(found) {
		case 0:
		case 1:
			return found[0], nil, true
		default:
			return driver.Option{}, found, false
		}
	}
	return driver.Option{}, nil, false
}

// matching returns the options that fit, each id once.
func (c Catalogs) matching(cat driver.Catalog, fits func(driver.Option) bool) []driver.Option {
	var out []driver.Option
	seen := map[string]bool{}
	for _, o := range c.Lists[cat] {
		if fits(o) && !seen[o.ID] {
			seen[o.ID] = true
			out = append(out, o)
		}
	}
	return out
}

func preferActive(options []driver.Option) []driver.Option {
	var active []driver.Option
	for _, o := range options {
		if o.Active {
			active = append(active, o)
		}
	}
	if len(active) > 0 {
		return active
	}
	return options
}

// Similar returns up to three ids whose id, alias or label is almost the text:
// the same but for case, leading zeros, spaces and hyphens. Active options only.
func (c Catalogs) Similar(cat driver.Catalog, text string) []string {
	want := blurred(text)
	if want == "" {
		return nil
	}
	var out []string
	for _, o := range c.matching(cat, func(o driver.Option) bool {
		return o.Active && (blurred(o.ID) == want || blurred(o.Label) == want ||
			slices.ContainsFunc(o.Aliases, func(a string) bool { return blurred(a) == want }))
	}) {
		if out = append(out, o.ID); len(out) == 3 {
			break
		}
	}
	return out
}

func blurred(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t-_.,", r) {
			return -1
		}
		return r
	}, strings.ToLower(s))
	return strings.TrimLeft(s, "0")
}
