package settings

import (
	"fmt"
	"slices"
	"strings"
)

// Change is one difference between two documents, for a history that staff read.
type Change struct {
	// Path is the field's path. An entry of forms.types that went has the index it
	// had, any other the index it has now.
	Path string `json:"path"`
	// Label is the field's name.
	Label string `json:"label"`
	// Before and After are the values in staff words.
	Before string `json:"before"`
	After  string `json:"after"`
}

// String gives "Missed Call: off, now on".
func (c Change) String() string { return c.Label + ": " + c.Before + ", now " + c.After }

// Diff lists what differs from a to b, in the order of the page. References
// differ by their ids; a label alone is a difference only when both have one,
// since a label that is filled in later is none. Equal documents have no
// differences. [FieldAt] gives a label with the host's name in it.
func Diff(a, b Document) []Change {
	var out []Change
	for i := range fields {
		f := &fields[i]
		va, vb := f.get(&a), f.get(&b)
		if f.typ == TypeFormTypes {
			out = append(out, diffFormTypes(f, va.([]FormType), vb.([]FormType))...)
			continue
		}
		if !sameValue(va, vb) {
			out = append(out, Change{Path: f.path, Label: named(f.label, ""), Before: f.words(va), After: f.words(vb)})
		}
	}
	return out
}

func sameValue(a, b any) bool {
	switch a := a.(type) {
	case Ref:
		return sameRef(a, b.(Ref))
	case []Ref:
		return slices.EqualFunc(a, b.([]Ref), sameRef)
	case Interval:
		return a.canonical() == b.(Interval).canonical()
	}
	return a == b
}

func sameRef(a, b Ref) bool {
	return a.ID == b.ID && (a.IsZero() || a.Label == b.Label || a.Label == "" || b.Label == "")
}

// words says a value as staff read it.
func (f *field) words(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return "on"
		}
		return "off"
	case Interval:
		return v.Words()
	case Ref:
		if v.IsZero() && f.typ == TypeTarget {
			return "do not write"
		}
		return refWords(v)
	case []Ref:
		return refsWords(v)
	}
	return ""
}

func refWords(r Ref) string {
	if r.IsZero() {
		return "none"
	}
	return r.String()
}

func refsWords(refs []Ref) string {
	if len(refs) == 0 {
		return "none"
	}
	words := make([]string, len(refs))
	for i, r := range refs {
		if words[i] = r.String(); r.IsZero() {
			words[i] = "an empty entry"
		}
	}
	return strings.Join(words, ", ")
}

// diffFormTypes compares form types by name. Of several with one name (which
// Validate refuses) the first is compared with the first, and so on. An order
// that changed alone is told once, for the whole list.
func diffFormTypes(f *field, a, b []FormType) []Change {
	var out []Change
	left := make([]bool, len(b)) // already paired
	inOrder, last := true, -1
	for i, was := range a {
		j := slices.IndexFunc(b, func(t FormType) bool { return sameName(t.Name, was.Name) })
		for j >= 0 && left[j] {
			next := slices.IndexFunc(b[j+1:], func(t FormType) bool { return sameName(t.Name, was.Name) })
			if next < 0 {
				j = -1
				break
			}
			j += 1 + next
		}
		if j < 0 {
			out = append(out, formTypeChange(indexed(f.path, i), was.Name, formTypeWords(was), "none"))
			continue
		}
		left[j] = true
		inOrder, last = inOrder && j > last, j
		now := b[j]
		if was.Name != now.Name || was.Category != now.Category || !sameRef(was.Folder, now.Folder) {
			out = append(out, formTypeChange(indexed(f.path, j), now.Name, formTypeWords(was), formTypeWords(now)))
		}
	}
	for j, now := range b {
		if !left[j] {
			out = append(out, formTypeChange(indexed(f.path, j), now.Name, "none", formTypeWords(now)))
		}
	}
	if !inOrder {
		out = append(out, Change{Path: f.path, Label: named(f.label, ""), Before: namesOf(a), After: namesOf(b)})
	}
	return out
}

func formTypeChange(path, name, before, after string) Change {
	return Change{Path: path, Label: "Form Type " + clipped(name), Before: before, After: after}
}

func formTypeWords(t FormType) string {
	folder := "its category's folder"
	if !t.Folder.IsZero() {
		folder = refWords(t.Folder)
	}
	category := string(t.Category)
	if f := byPath("forms." + category); f != nil {
		category = f.label
	}
	return fmt.Sprintf("%s (%s): %s", clipped(t.Name), category, folder)
}

func namesOf(types []FormType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = clipped(t.Name)
	}
	return strings.Join(names, ", ")
}
