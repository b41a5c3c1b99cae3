package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// Normalize turns what people enter into what is stored: it resolves pasted texts
// to ids ([Catalogs.Resolve]: by id first, then by a unique alias, then by a
// unique label; spaces around a text do not count), fills in missing labels, and
// drops what a set of statuses holds twice. A reference that has a label was
// picked, so it keeps both its id and its label, even where they no longer fit.
//
// What cannot be resolved stays as it was, and so does a list of more than
// [MaxItems] entries, which Validate refuses. A text that fits several options is
// an Error that names them; Validate reports it too, so [Merge] both lists.
// Normalize of what it returned changes nothing.
func Normalize(doc Document, cats Catalogs) (Document, []Problem) {
	doc = doc.Clone()
	var problems []Problem
	resolve := func(path string, cat driver.Catalog, r Ref) Ref {
		out, problem := normalRef(cats, cat, r)
		if problem != nil {
			problem.Path = path
			problems = append(problems, *problem)
		}
		return out
	}
	for i := range fields {
		f := &fields[i]
		switch v := f.get(&doc).(type) {
		case Ref:
			f.set(&doc, resolve(f.path, f.catalog, v))
		case []Ref:
			if len(v) > MaxItems {
				// A file of a megabyte may list a hundred thousand. That is
				// refused, and must not take minutes first.
				continue
			}
			var out []Ref
			for j, r := range v {
				r = resolve(indexed(f.path, j), f.catalog, r)
				if r != (Ref{}) && !slices.ContainsFunc(out, func(o Ref) bool { return o.ID == r.ID }) {
					out = append(out, r)
				}
			}
			f.set(&doc, out)
		case []FormType:
			if len(v) > MaxItems {
				continue
			}
			for j, t := range v {
				t.Name = strings.TrimSpace(t.Name)
				t.Folder = resolve(indexed(f.path, j)+".folder", f.catalog, t.Folder)
				v[j] = t
			}
			f.set(&doc, v)
		}
	}
	return doc, problems
}

// normalRef resolves one reference. The problem has no path yet.
//
// Only what has no label is taken for a pasted text. A label shows that an option
// was picked by its id, and when that option vanished, another one whose alias
// happens to be the same must not slip into its place.
func normalRef(cats Catalogs, cat driver.Catalog, r Ref) (Ref, *Problem) {
	if r.IsZero() {
		return Ref{}, nil
	}
	if r.Label = cleanLabel(r.Label); r.Label != "" {
		return r, nil
	}
	o, candidates, ok := cats.Resolve(cat, r.ID)
	if trimmed := strings.TrimSpace(r.ID); !ok && len(candidates) == 0 && trimmed != r.ID {
		r.ID = trimmed
		o, candidates, ok = cats.Resolve(cat, trimmed)
	}
	switch {
	case len(candidates) > 0:
		return r, ambiguous(cat, r.ID, candidates)
	case !ok || cats.differingTwins(cat, o):
		// An id of several options has no label that could be filled in.
		return r, nil
	}
	return refTo(o), nil
}

// ambiguous says between which options a pasted text leaves the choice.
func ambiguous(cat driver.Catalog, text string, candidates []driver.Option) *Problem {
	const most = 5
	var names, ids []string
	for i, o := range candidates {
		if i == most {
			names = append(names, fmt.Sprintf("%d more", len(candidates)-most))
			break
		}
		names = append(names, shown(refTo(o)))
		ids = append(ids, o.ID)
	}
	return &Problem{
		Severity: Error, Code: CodeOptionAmbiguous, Suggestions: ids,
		Words: fmt.Sprintf("%s fits more than one %s: %s. Choose one of them.", quoted(text), catalogNoun(cat), listing(names)),
	}
}

// refTo is the reference to an option as it is kept.
func refTo(o driver.Option) Ref { return Ref{ID: o.ID, Label: cleanLabel(o.Label)} }

// cleanLabel makes a PMS's label fit to be kept: one line, not too long.
func cleanLabel(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), isControl), " ")
	if r := []rune(s); len(r) > MaxLabelLength {
		s = string(r[:MaxLabelLength])
	}
	return strings.TrimSpace(s)
}
