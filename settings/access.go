package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// ErrUnknownPath is the error of a path that no field has.
var ErrUnknownPath = errors.New("there is no such field")

// Get returns the value at a path: a bool, Ref, []Ref, Interval or []FormType as
// the field's [Type] says. "statuses.confirmed[0]" is a Ref, "forms.types[0]" a
// FormType, and "forms.types[0].name", ".category" and ".folder" are its string,
// driver.FormCategory and Ref. What it returns shares nothing with the document.
func Get(doc Document, path string) (any, error) {
	p, err := parsePath(path)
	if err != nil {
		return nil, fmt.Errorf("settings: get: %w", err)
	}
	doc = doc.Clone()
	v := p.field.get(&doc)
	if p.index < 0 {
		return v, nil
	}
	switch list := v.(type) {
	case []Ref:
		if p.index < len(list) {
			return list[p.index], nil
		}
	case []FormType:
		if p.index >= len(list) {
			break
		}
		switch t := list[p.index]; p.part {
		case "name":
			return t.Name, nil
		case "category":
			return t.Category, nil
		case "folder":
			return t.Folder, nil
		default:
			return t, nil
		}
	}
	return nil, fmt.Errorf("settings: get %s: %w: the list is shorter", quoted(path), ErrUnknownPath)
}

// Text returns the value at a path as [Set] takes it: Set(&doc, path, text)
// changes nothing.
//
//   - a toggle: "true" or "false"
//   - a reference: its id, and after a tab its label if it has one
//   - a set of references: one a line
//   - an interval: "off", whole seconds such as "15", or a duration such as "1.5s"
//   - form types: JSON as in the document
func Text(doc Document, path string) (string, error) {
	v, err := Get(doc, path)
	if err != nil {
		return "", err
	}
	return textForm(v), nil
}

func textForm(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case string:
		return v
	case driver.FormCategory:
		return string(v)
	case Interval:
		return v.String()
	case Ref:
		if v.Label == "" {
			return v.ID
		}
		return v.ID + "\t" + v.Label
	case []Ref:
		lines := make([]string, len(v))
		for i, r := range v {
			lines[i] = textForm(r)
		}
		return strings.Join(lines, "\n")
	case FormType:
		return formTypesNode([]FormType{v}).items[0].compact()
	case []FormType:
		if len(v) == 0 {
			return ""
		}
		return formTypesNode(v).compact()
	}
	return ""
}

func formTypesNode(types []FormType) *node {
	var e encoder
	return e.value(byPath("forms.types"), types)
}

// Set sets the value at a path from text, in the form of [Text], so that any form
// can be built from [Describe]. It also takes "on", "yes", "1" and "off", "no",
// "0", "" for a toggle, and any text that [ParseInterval] reads.
//
// A reference without a label keeps the one it has if the id stays. The index one
// past the end of a list appends, and an empty text removes the element of a
// list. Set checks the shape only: [Normalize] and [Validate] do the rest. When
// it fails the document is unchanged.
func Set(doc *Document, path, value string) error {
	p, err := parsePath(path)
	if err != nil {
		return fmt.Errorf("settings: set: %w", err)
	}
	v, err := p.parse(doc, value)
	if err != nil {
		return fmt.Errorf("settings: set %s: %w", path, err)
	}
	// The document may share its maps with the one it was copied from.
	*doc = doc.Clone()
	p.field.set(doc, v)
	return nil
}

// parse reads value for the place p, and returns the field's whole new value.
func (p fieldPath) parse(doc *Document, value string) (any, error) {
	switch old := p.field.get(doc).(type) {
	case bool:
		return parseToggle(value)
	case Interval:
		return ParseInterval(value)
	case Ref:
		return parseRef(value, old), nil
	case []Ref:
		if p.index >= 0 {
			return replaceAt(old, p.index, value != "", func(was Ref) (Ref, error) { return parseRef(value, was), nil })
		}
		var refs []Ref
		for line := range strings.SplitSeq(value, "\n") {
			if line = strings.TrimSuffix(line, "\r"); line != "" {
				refs = append(refs, parseRef(line, old...))
			}
		}
		return refs, nil
	case []FormType:
		if p.index >= 0 {
			return replaceAt(old, p.index, value != "" || p.part != "", func(was FormType) (FormType, error) {
				return p.parseFormType(value, was)
			})
		}
		return parseFormTypes(value)
	}
	return nil, ErrUnknownPath
}

func parseToggle(value string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true", "on", "yes", "1":
		return true, nil
	case "false", "off", "no", "0", "":
		return false, nil
	}
	return false, errors.New(`expected "true" or "false"`)
}

// parseRef reads an id, and after a tab a label. Without one the label of the
// reference that has the id already stays.
func parseRef(text string, known ...Ref) Ref {
	id, label, labelled := strings.Cut(text, "\t")
	r := Ref{ID: id, Label: label}
	if id == "" {
		return Ref{}
	}
	if !labelled {
		if i := slices.IndexFunc(known, func(k Ref) bool { return k.ID == id }); i >= 0 {
			r.Label = known[i].Label
		}
	}
	return r
}

func parseFormTypes(value string) ([]FormType, error) {
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	n, err := readTree([]byte(value))
	if err != nil {
		return nil, err
	}
	p := parser{}
	p.leaf(byPath("forms.types"), n)
	if len(p.problems) > 0 {
		return nil, errors.New(p.problems[0].Path + ": " + p.problems[0].Words)
	}
	return p.doc.Forms.Types, nil
}

func (p fieldPath) parseFormType(value string, was FormType) (FormType, error) {
	switch p.part {
	case "name":
		was.Name = value
	case "category":
		was.Category = driver.FormCategory(value)
	case "folder":
		was.Folder = parseRef(value, was.Folder)
	default:
		types, err := parseFormTypes("[" + value + "]")
		if err == nil && len(types) != 1 {
			err = errors.New("expected one form type")
		}
		if err != nil {
			return FormType{}, err
		}
		was = types[0]
	}
	return was, nil
}

// replaceAt returns a copy of list with the element at i changed, appended, or
// removed when keep is false.
func replaceAt[E any](list []E, i int, keep bool, change func(E) (E, error)) ([]E, error) {
	if i > len(list) || (i == len(list) && !keep) {
		return nil, fmt.Errorf("%w: the list has %d entries", ErrUnknownPath, len(list))
	}
	list = slices.Clone(list)
	if !keep {
		return slices.Delete(list, i, i+1), nil
	}
	if i == len(list) {
		var zero E
		list = append(list, zero)
	}
	e, err := change(list[i])
	list[i] = e
	return list, err
}

// fieldPath is a path that was read.
type fieldPath struct {
	field *field
	index int    // of an element, or -1
	part  string // of a form type: "name", "category", "folder", or ""
}

func parsePath(path string) (fieldPath, error) {
	p := fieldPath{index: -1}
	base, rest, found := strings.Cut(path, "[")
	p.field = byPath(base)
	fail := func() (fieldPath, error) {
		err := fmt.Errorf("%s: %w", quoted(path), ErrUnknownPath)
		if near := nearestPath(path); near != "" {
			err = fmt.Errorf("%w: is %q meant?", err, near)
		}
		return p, err
	}
	if p.field == nil {
		return fail()
	}
	if !found {
		return p, nil
	}
	digits, part, closed := strings.Cut(rest, "]")
	i, err := strconv.Atoi(digits)
	if err != nil || !closed || i < 0 || strconv.Itoa(i) != digits {
		return fail()
	}
	p.index = i
	switch {
	case p.field.typ == TypeRefSet && part == "":
	case p.field.typ == TypeFormTypes && slices.Contains([]string{"", ".name", ".category", ".folder"}, part):
		p.part = strings.TrimPrefix(part, ".")
	default:
		return fail()
	}
	return p, nil
}

func nearestPath(path string) string {
	if len(path) > 100 {
		return ""
	}
	paths := make([]string, len(fields))
	for i, f := range fields {
		paths[i] = f.path
	}
	return nearest(path, paths)
}
