package settings

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pmswriteback/pms/driver"
)

// MaxSize is how many bytes a document may have, 1 MiB.
const MaxSize = 1 << 20

// Mode says where a document comes from.
type Mode int

// The modes. The zero value is the strict one.
const (
	// Human: from a person, as a file or a form. What is unknown or of the wrong
	// type is a Problem, and all of them are returned.
	Human Mode = iota
	// Stored: from the store. Unknown fields are kept and come back on Marshal,
	// since a newer version may have written them. A value of the wrong type is
	// an error: what the practice chose can no longer be told.
	Stored
)

// maxProblems bounds how many problems Parse reports of one document.
const maxProblems = 100

// Parse reads a document. What it does not mention has its default, so that a
// document of an older version loads with newer kinds off.
//
// An error means that there is no document: more than MaxSize bytes, not JSON,
// not UTF-8, nested too deep, a key given twice, a newer schema from a Human, and
// in mode Stored a value of the wrong type. Then the Document is Default.
// Otherwise the caller looks at the problems, of which [HasErrors] tells whether
// they block a save; a field with one has its default. Parse checks the shape
// only, [Validate] the content.
//
// Instead of {"id": "DOC1"} a reference may be written as "DOC1", and an interval
// as a number of seconds, a duration ("2m") or "off".
func Parse(data []byte, mode Mode) (Document, []Problem, error) {
	if len(data) > MaxSize {
		return Default(), nil, fmt.Errorf("settings: parse: the document has %d bytes, and %d are allowed", len(data), MaxSize)
	}
	// Windows editors put a byte order mark in front.
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return Default(), nil, errors.New("settings: parse: the document is not UTF-8 text")
	}
	root, err := readTree(data)
	if err != nil {
		return Default(), nil, fmt.Errorf("settings: parse: %w", err)
	}
	doc, problems, err := parseTree(root, mode)
	if err != nil {
		return Default(), nil, fmt.Errorf("settings: parse: %w", err)
	}
	return doc, problems, nil
}

// parseTree is Parse of what readTree read.
func parseTree(root *node, mode Mode) (Document, []Problem, error) {
	if root.kind != objectNode {
		return Default(), nil, fmt.Errorf("expected an object, got %s", root.kind)
	}
	p := parser{doc: Default(), mode: mode}
	if err := p.schema(root); err != nil {
		return Default(), nil, err
	}
	p.object(root, "")
	if mode == Stored {
		for _, problem := range p.problems {
			if problem.Severity == Error {
				return Default(), nil, fmt.Errorf("%s: %s", problem.Path, problem.Words)
			}
		}
	}
	return p.doc, p.problems, nil
}

type parser struct {
	doc      Document
	mode     Mode
	problems []Problem
}

func (p *parser) report(sev Severity, path, code, words string, suggestions ...string) {
	switch n := len(p.problems); {
	case n < maxProblems:
		p.problems = append(p.problems, Problem{Path: path, Severity: sev, Code: code, Words: words, Suggestions: suggestions})
	case n == maxProblems:
		p.problems = append(p.problems, Problem{Severity: Error, Code: CodeTooMany,
			Words: "There is more wrong with the document than is listed here. Mend this first."})
	}
}

func (p *parser) wrongType(path, expected string, n *node) {
	got := n.kind.String()
	if n.kind == boolNode {
		got = strconv.FormatBool(n.yes)
	}
	p.report(Error, path, CodeWrongType, fmt.Sprintf("Expected %s, got %s.", expected, got))
}

func (p *parser) schema(root *node) error {
	for _, m := range root.members {
		if m.name != "schema" {
			continue
		}
		v, err := strconv.Atoi(m.value.text)
		switch {
		case m.value.kind != numberNode || err != nil || v < 1:
			p.wrongType("schema", fmt.Sprintf("a whole number from 1 to %d", SchemaVersion), m.value)
		case v <= SchemaVersion:
		case p.mode == Human:
			return fmt.Errorf("the document has schema %d, and this version of the library reads up to %d: update it, or export the document from a version that fits", v, SchemaVersion)
		default:
			p.doc.schema = v
			p.report(Warning, "schema", CodeSchemaNewer,
				fmt.Sprintf("A newer version saved these settings (schema %d, here %d). What it added is kept and has no effect here.", v, SchemaVersion))
		}
	}
	return nil
}

// object reads the members of the object at path, which is "" for the document.
func (p *parser) object(n *node, path string) {
	for _, m := range n.members {
		at := joined(path, m.name)
		f := byPath(at)
		switch {
		case at == "schema":
		case strings.Contains(m.name, "."):
			// It would look like the path of another field.
			p.unknown(path, "", path, m)
		case f != nil:
			p.leaf(f, m.value)
		case !interior[at]:
			p.unknown(path, "", path, m)
		case m.value.kind == objectNode:
			p.object(m.value, at)
		case m.value.kind != nullNode:
			p.wrongType(at, "an object", m.value)
		}
	}
}

// unknown reports or keeps a member that no field stands for. shown is the path of
// the object for people, parent and anchor its place for the store.
func (p *parser) unknown(parent, anchor, shown string, m member) {
	if p.mode == Stored {
		if p.doc.extras == nil {
			p.doc.extras = extras{}
		}
		p.doc.extras[extraKey{parent, anchor, m.name}] = m.value.compact()
		return
	}
	at := joined(shown, clipped(m.name))
	var suggestions []string
	words := fmt.Sprintf("There is no field %s.", quoted(at))
	if near := nearest(m.name, siblings(parent)); near != "" {
		suggestions = []string{joined(shown, near)}
		words += fmt.Sprintf(" Is %q meant?", suggestions[0])
	}
	p.report(Error, at, CodeUnknownField, words, suggestions...)
}

// leaf reads the value of a field. A null leaves the default.
func (p *parser) leaf(f *field, n *node) {
	if n.kind == nullNode {
		return
	}
	switch f.typ {
	case TypeToggle:
		if n.kind != boolNode {
			p.wrongType(f.path, "true or false", n)
			return
		}
		f.set(&p.doc, n.yes)
	case TypeInterval:
		p.interval(f, n)
	case TypeRef, TypeTarget:
		if r, ok := p.ref(n, f.path, "", f.path); ok {
			f.set(&p.doc, r)
		}
	case TypeRefSet:
		if n.kind != listNode {
			p.wrongType(f.path, `a list such as [{"id": "21"}]`, n)
			return
		}
		var refs []Ref
		for i, item := range n.items {
			if r, ok := p.ref(item, f.path, "", indexed(f.path, i)); ok {
				refs = append(refs, r)
			}
		}
		f.set(&p.doc, refs)
	case TypeFormTypes:
		if n.kind != listNode {
			p.wrongType(f.path, `a list such as [{"name": "...", "category": "informed_consent"}]`, n)
			return
		}
		var types []FormType
		for i, item := range n.items {
			if t, ok := p.formType(item, f.path, indexed(f.path, i)); ok {
				types = append(types, t)
			}
		}
		f.set(&p.doc, types)
	}
}

func (p *parser) interval(f *field, n *node) {
	const expected = `a number of seconds such as 30, a duration such as "2m", or "off"`
	if n.kind != numberNode && n.kind != textNode {
		p.wrongType(f.path, expected, n)
		return
	}
	i, err := ParseInterval(n.text)
	if err != nil || n.text == "" {
		p.report(Error, f.path, CodeWrongType, fmt.Sprintf("Expected %s, got %s.", expected, quoted(n.text)))
		return
	}
	f.set(&p.doc, i)
}

// ref reads a reference. parent and anchor place its unknown members: the anchor
// ends with the reference's own id.
func (p *parser) ref(n *node, parent, anchor, shown string) (Ref, bool) {
	var r Ref
	switch n.kind {
	case textNode:
		return Ref{ID: n.text}, true
	case objectNode:
	default:
		p.wrongType(shown, `an id in quotes such as "21", or an object such as {"id": "21"}`, n)
		return Ref{}, false
	}
	ok := p.texts(n, shown, map[string]*string{"id": &r.ID, "label": &r.Label})
	for _, m := range n.members {
		if m.name != "id" && m.name != "label" {
			p.unknown(parent, anchor+r.ID, shown, m)
		}
	}
	return r, ok
}

// formType reads an entry of forms.types.
func (p *parser) formType(n *node, parent, shown string) (FormType, bool) {
	var t FormType
	if n.kind != objectNode {
		p.wrongType(shown, `an object such as {"name": "...", "category": "informed_consent"}`, n)
		return t, false
	}
	ok := p.texts(n, shown, map[string]*string{"name": &t.Name, "category": (*string)(&t.Category)})
	for _, m := range n.members {
		switch m.name {
		case "name", "category":
		case "folder":
			if m.value.kind == nullNode {
				continue
			}
			folder, good := p.ref(m.value, folderParent, t.Name+"\x00", shown+".folder")
			t.Folder, ok = folder, ok && good
		default:
			p.unknown(parent, t.Name, shown, m)
		}
	}
	return t, ok
}

// texts reads the named members of n, each of which is text or missing.
func (p *parser) texts(n *node, shown string, into map[string]*string) bool {
	ok := true
	for _, m := range n.members {
		to, known := into[m.name]
		switch {
		case !known || m.value.kind == nullNode:
		case m.value.kind == textNode:
			*to = m.value.text
		default:
			p.wrongType(shown+"."+m.name, `text in quotes, such as "21"`, m.value)
			ok = false
		}
	}
	return ok
}

// folderParent is the parent of a form type's folder, without its index.
const folderParent = "forms.types.folder"

// interior holds the paths of the objects that hold fields.
var interior = func() map[string]bool {
	m := map[string]bool{"": true}
	for _, f := range fields {
		for at := f.path; strings.Contains(at, "."); {
			at = at[:strings.LastIndex(at, ".")]
			m[at] = true
		}
	}
	return m
}()

// siblings returns the names that an object at parent may have.
func siblings(parent string) []string {
	switch parent {
	case "forms.types":
		return []string{"name", "category", "folder"}
	case folderParent:
		return []string{"id", "label"}
	}
	if byPath(parent) != nil {
		return []string{"id", "label"}
	}
	var out []string
	seen := map[string]bool{}
	for _, f := range fields {
		rest, ok := strings.CutPrefix(f.path, parent)
		if !ok {
			continue
		}
		rest = strings.TrimPrefix(rest, ".")
		name, _, _ := strings.Cut(rest, ".")
		if joined(parent, name) == f.path || interior[joined(parent, name)] {
			if !seen[name] {
				seen[name] = true
				out = append(out, name)
			}
		}
	}
	return out
}

// nearest returns the name that name is probably a slip of, or "".
func nearest(name string, among []string) string {
	best, bestAt := "", 3
	for _, s := range among {
		if blurred(s) == blurred(name) {
			return s
		}
		if len(name) <= 2*len(s) && len(s) >= 4 {
			if d := distance(name, s, bestAt); d < bestAt {
				best, bestAt = s, d
			}
		}
	}
	return best
}

// distance counts the letters to change, add or drop from a to b, up to a limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// UnmarshalJSON reads a document as Parse does in mode Stored.
func (d *Document) UnmarshalJSON(data []byte) error {
	doc, _, err := Parse(data, Stored)
	if err != nil {
		return err
	}
	*d = doc
	return nil
}

// categoryNames lists the form categories, for messages and suggestions.
func categoryNames() []string {
	var names []string
	for _, c := range driver.FormCategories() {
		names = append(names, string(c))
	}
	return names
}
