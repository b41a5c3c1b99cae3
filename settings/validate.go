package settings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pmswriteback/pms/driver"
)

// Validate returns everything that is wrong with a document, in the order of the
// page. It is pure: the same arguments give the same problems.
//
// cats are the practice's options as last read; while they are stale or missing a
// Warning says so, and what needs them is not checked. info is the connected PMS,
// or the zero Info while it was never reached; then nothing that depends on it is
// checked.
//
// before is the saved revision that doc replaces, or nil. What depends on the PMS
// and was not touched since (a provider that went inactive, a minimum interval
// that grew) is a Warning instead of an Error, so that staff can always switch
// something else off. Rules within the document itself stay Errors.
func Validate(doc Document, cats Catalogs, info driver.Info, before *Document) []Problem {
	c := check{doc: &doc, before: before, cats: cats, info: info, known: known(info), hints: 20}
	if c.cats.index == nil && len(doc.References()) > 8 {
		c.cats = c.cats.Indexed()
	}
	return c.all()
}

// all checks everything.
func (c *check) all() []Problem {
	c.keys()
	for i := range fields {
		c.field(&fields[i])
	}
	c.freshness()
	c.provider()
	c.noteTypes()
	c.photos()
	c.statuses()
	c.formTypes()
	c.payments()
	slices.SortStableFunc(c.out, func(a, b Problem) int { return cmp.Compare(rank(a.Path), rank(b.Path)) })
	return c.out
}

// check gathers the problems of one document.
type check struct {
	doc    *Document
	before *Document
	cats   Catalogs
	info   driver.Info
	known  bool
	out    []Problem
	// hints is how many searches for similar options are left. They read whole
	// lists, and a document may have hundreds of broken references.
	hints int
}

func (c *check) report(sev Severity, path, code, words string, suggestions ...string) {
	c.out = append(c.out, Problem{Path: path, Severity: sev, Code: code, Words: words, Suggestions: suggestions})
}

func (c *check) fail(path, code, words string, suggestions ...string) {
	c.report(Error, path, code, words, suggestions...)
}

func (c *check) warn(path, code, words string, suggestions ...string) {
	c.report(Warning, path, code, words, suggestions...)
}

// unless is Error, or Warning for what was already so in the saved revision.
func unless(saved bool) Severity {
	if saved {
		return Warning
	}
	return Error
}

// rank orders paths as the page does: the whole document, the fields, the rest.
func rank(path string) int {
	if path == "" {
		return -1
	}
	base, _, _ := strings.Cut(path, "[")
	if i, ok := fieldIndex[base]; ok {
		return i
	}
	return len(fields)
}

// keys checks the maps' keys.
func (c *check) keys() {
	for _, k := range c.doc.badKeys() {
		c.fail(k.path, CodeUnknownKey, fmt.Sprintf("%s stands for nothing: expected %s.", quoted(k.path), k.expected))
	}
}

// field checks what one field can be checked for by itself.
func (c *check) field(f *field) {
	if i, ok := f.get(c.doc).(Interval); ok {
		c.interval(f, i)
	}
	c.out = append(c.out, f.tooMany(c.doc)...)
	c.support(f)
	for i, r := range f.refs(c.doc) {
		if i == MaxItems {
			break // reported as too many
		}
		c.reference(r)
	}
}

// tooMany reports a list with more entries than it may have.
func (f *field) tooMany(d *Document) []Problem {
	n := 0
	switch v := f.get(d).(type) {
	case []Ref:
		n = len(v)
	case []FormType:
		n = len(v)
	}
	if n <= MaxItems {
		return nil
	}
	return []Problem{{Path: f.path, Severity: Error, Code: CodeTooMany,
		Words: fmt.Sprintf("%s has %d entries, and %d are allowed. Remove some.", f.label, n, MaxItems)}}
}

// interval checks an interval against the library's bounds and the PMS's minimum.
func (c *check) interval(f *field, i Interval) {
	if i.Off {
		return
	}
	bounds := fmt.Sprintf(" Enter %s to %s, or switch it off.", durationWords(MinInterval), durationWords(MaxInterval))
	switch {
	case i.Every <= 0:
		c.fail(f.path, CodeInterval, f.label+" must be longer than zero."+bounds)
		return
	case i.Every < MinInterval:
		c.fail(f.path, CodeInterval, f.label+" is too short."+bounds)
		return
	case i.Every > MaxInterval:
		c.fail(f.path, CodeInterval, f.label+" is too long."+bounds)
		return
	}
	if f.feed == driver.PhotoFeed && !c.doc.Intervals.Photos {
		return // not in use
	}
	if least := leastInterval(f.feed, c.info); i.Every < least {
		saved := c.before != nil && f.get(c.before).(Interval).canonical() == i &&
			(f.feed != driver.PhotoFeed || c.before.Intervals.Photos)
		words := fmt.Sprintf("%s is %s, and %s allows no interval shorter than %s. Enter %s or more.",
			f.label, i.Words(), productName(c.info), durationWords(least), durationWords(least))
		if saved {
			words += " Until then it runs at that pace."
		}
		c.report(unless(saved), f.path, CodeIntervalMinimum, words, textForm(Every(least)))
	}
}

// support checks that the PMS can do what a field switches on.
func (c *check) support(f *field) {
	if !c.known || !f.isOn(c.doc) {
		return
	}
	var s driver.Support
	sev := Error
	switch {
	case f.writes || f.op == driver.OpAdjustment:
		s = c.info.Ops[f.op].Support
		sev = unless(c.before != nil && f.isOn(c.before))
	case f.typ == TypeToggle && f.feed != "":
		s = c.info.Feeds[f.feed].Support
		sev = unless(c.before != nil && f.isOn(c.before))
	case f.typ == TypeInterval && f.feed != driver.PhotoFeed:
		// Intervals come filled in, so that nobody asked for this one.
		s, sev = c.info.Feeds[f.feed].Support, Warning
	default:
		return
	}
	if s.Supported {
		return
	}
	why := s.Why
	if why == "" {
		why = sentence(productName(c.info)) + " does not offer this."
	}
	c.report(sev, f.path, CodeUnsupported, fmt.Sprintf("%s does not work here: %s", named(f.label, ""), why))
}

// freshness says how far the options could be checked at all.
func (c *check) freshness() {
	refs := c.doc.References()
	if len(refs) == 0 {
		return
	}
	switch {
	case c.cats.Stale != "":
		c.warn("", CodeNotChecked, c.cats.Stale)
	case len(c.cats.Lists) == 0:
		c.warn("", CodeNotChecked, "Not checked yet: the lists of the PMS have not been read. They are checked as soon as it is reached.")
	}
}

// provider checks that there is somebody to write for.
func (c *check) provider() {
	if c.doc.Provider().IsZero() && (c.doc.wantsWrites() || c.doc.Payments.Auto) {
		c.warn("sync.provider", CodeNotConfigured,
			"Nothing is written back until a Writeback Provider ID is chosen, whatever else is switched on.")
	}
}

// noteTypes checks that every note has a note type, if the PMS has note types.
func (c *check) noteTypes() {
	switch {
	case c.known && c.info.Ops[driver.OpNote].TypeFrom != driver.NoteTypes:
		return
	case !c.known && len(c.cats.Lists[driver.NoteTypes]) == 0:
		return
	case c.cats.Read(driver.NoteTypes) && len(c.cats.Lists[driver.NoteTypes]) == 0:
		return // nothing that could be chosen
	}
	var missing []string
	saved := c.before != nil
	for _, k := range driver.NoteKinds() {
		if r, on := c.doc.NoteType(k); on && r.IsZero() {
			missing = append(missing, byPath("notes.enabled."+string(k)).label)
			if c.before != nil {
				was, wasOn := c.before.NoteType(k)
				saved = saved && wasOn && was.IsZero()
			}
		}
	}
	if len(missing) > 0 {
		c.report(unless(saved), "notes.type", CodeNoteTypeRequired,
			fmt.Sprintf("%s needs a note type for every note. Choose one under Note Type Selection, or switch off %s.", sentence(productName(c.info)), listing(missing)))
	}
}

// photos checks that something pulls them.
func (c *check) photos() {
	i := c.doc.Intervals
	if i.Photos && i.NewPatients.Off && i.PhotoSweep.Off {
		c.warn("intervals.photos", CodeNoEffect,
			"Photos are never pulled, because both New Patients and the search for changed photos are off. Switch one of them on.")
	}
}

// isControl reports what may not stand in an id, a label or a name. U+FFFD is
// what is left of a character that could not be read.
func isControl(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }

// badText says what is wrong with an id or a name, or "".
func badText(s string, most int) string {
	if strings.TrimSpace(s) != s && !strings.ContainsFunc(s, isControl) {
		return "has spaces before or after it"
	}
	return badLabel(s, most)
}

// badLabel says what is wrong with a label, or "". Some PMSs pad theirs.
func badLabel(s string, most int) string {
	switch {
	case !utf8.ValidString(s) || strings.ContainsFunc(s, isControl):
		return "has characters that cannot be stored, such as a line break or a tab"
	case utf8.RuneCountInString(s) > most:
		return fmt.Sprintf("is longer than %d characters", most)
	}
	return ""
}
