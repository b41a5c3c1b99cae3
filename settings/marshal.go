package settings

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Marshal returns the document as indented JSON with sorted keys, ending in a
// newline: the same bytes for equal documents. Toggles and intervals are written
// out, references only when they are set.
//
// It fails on what Parse could not give back: a key of a map that is no kind,
// category or channel, and more than MaxSize bytes. [Validate] reports both
// before.
func (d Document) Marshal() ([]byte, error) {
	if err := d.badKey(); err != nil {
		return nil, fmt.Errorf("settings: marshal: %w", err)
	}
	root := d.tree()
	var b bytes.Buffer
	root.write(&b, "  ", 0)
	b.WriteByte('\n')
	if b.Len() > MaxSize {
		return nil, fmt.Errorf("settings: marshal: the document has %d bytes, and %d are allowed", b.Len(), MaxSize)
	}
	return b.Bytes(), nil
}

// MarshalJSON is Marshal, so that a document inside another JSON value is the
// same.
func (d Document) MarshalJSON() ([]byte, error) { return d.Marshal() }

// keyError names a key of a map that stands for nothing.
type keyError struct{ path, expected string }

func (e *keyError) Error() string { return fmt.Sprintf("%s: expected %s", quoted(e.path), e.expected) }

// badKeys finds the keys that stand for nothing, sorted.
func (d *Document) badKeys() []keyError {
	var out []keyError
	check := func(path, expected string, valid bool) {
		if !valid {
			out = append(out, keyError{path, expected})
		}
	}
	for k := range d.Notes.Enabled {
		check("notes.enabled."+string(k), "a note kind", k.Valid())
	}
	for k := range d.Notes.TypeByKind {
		check("notes.type_by_kind."+string(k), "a note kind", k.Valid())
	}
	for k := range d.Forms.ByCategory {
		check("forms."+string(k), "a form category ("+strings.Join(categoryNames(), ", ")+")", k.Valid())
	}
	for k := range d.Payments.Types {
		check("payments.types."+string(k), "a payment channel", k.Valid())
	}
	slices.SortFunc(out, func(a, b keyError) int { return strings.Compare(a.path, b.path) })
	return out
}

func (d *Document) badKey() error {
	if bad := d.badKeys(); len(bad) > 0 {
		return &bad[0]
	}
	return nil
}

// tree builds the document's JSON.
func (d *Document) tree() *node {
	e := encoder{extras: map[place][]member{}}
	for _, k := range slices.SortedFunc(maps.Keys(d.extras), func(a, b extraKey) int { return strings.Compare(a.name, b.name) }) {
		at := place{k.parent, k.anchor}
		// It was read by readTree, so it can be read again.
		if value, err := readTree([]byte(d.extras[k])); err == nil {
			e.extras[at] = append(e.extras[at], member{k.name, value})
		}
	}
	root := objectOf()
	root.add(member{"schema", numberOf(strconv.Itoa(max(d.schema, SchemaVersion)))})
	objects := map[string]*node{"": root}
	var object func(path string) *node
	object = func(path string) *node {
		if n := objects[path]; n != nil {
			return n
		}
		parent, name := split(path)
		n := objectOf()
		objects[path] = n
		object(parent).add(member{name, n})
		return n
	}
	for i := range fields {
		f := &fields[i]
		if v := e.value(f, f.get(d)); v != nil {
			parent, name := split(f.path)
			object(parent).add(member{name, v})
		}
	}
	for at, members := range e.extras {
		if at.anchor == "" && interior[at.parent] {
			object(at.parent).add(members...)
		}
	}
	return root
}

// split cuts the last name off a path.
func split(path string) (parent, name string) {
	i := strings.LastIndex(path, ".")
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

// place is where an object stands, as in extraKey.
type place struct{ parent, anchor string }

type encoder struct{ extras map[place][]member }

// value gives a field's JSON, or nil when it is left out.
func (e *encoder) value(f *field, v any) *node {
	switch v := v.(type) {
	case bool:
		return boolOf(v)
	case Interval:
		if s := v.String(); isInteger(s) {
			return numberOf(s)
		} else {
			return textOf(s)
		}
	case Ref:
		return e.optionalRef(f.path, "", v)
	case []Ref:
		if len(v) == 0 {
			return nil
		}
		list := listOf()
		for _, r := range v {
			list.items = append(list.items, e.ref(f.path, "", r))
		}
		return list
	case []FormType:
		if len(v) == 0 {
			return nil
		}
		list := listOf()
		for _, t := range v {
			n := objectOf(member{"name", textOf(t.Name)}, member{"category", textOf(string(t.Category))})
			if folder := e.optionalRef(folderParent, t.Name+"\x00", t.Folder); folder != nil {
				n.add(member{"folder", folder})
			}
			list.items = append(list.items, e.withExtras(f.path, t.Name, n))
		}
		return list
	}
	return nil
}

// optionalRef leaves out a reference about which there is nothing to say.
func (e *encoder) optionalRef(parent, anchor string, r Ref) *node {
	if n := e.ref(parent, anchor, r); r != (Ref{}) || len(n.members) > 1 {
		return n
	}
	return nil
}

func (e *encoder) ref(parent, anchor string, r Ref) *node {
	n := objectOf(member{"id", textOf(r.ID)})
	if r.Label != "" {
		n.add(member{"label", textOf(r.Label)})
	}
	return e.withExtras(parent, anchor+r.ID, n)
}

func (e *encoder) withExtras(parent, anchor string, n *node) *node {
	n.add(e.extras[place{parent, anchor}]...)
	return n
}

func isInteger(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

// liveExtras returns the unknown members whose place still exists: Marshal writes
// only those.
func (d *Document) liveExtras() extras {
	if len(d.extras) == 0 {
		return nil
	}
	live := map[place]bool{}
	for path := range interior {
		live[place{path, ""}] = true
	}
	for i := range fields {
		f := &fields[i]
		switch v := f.get(d).(type) {
		case Ref:
			live[place{f.path, v.ID}] = true
		case []Ref:
			for _, r := range v {
				live[place{f.path, r.ID}] = true
			}
		case []FormType:
			for _, t := range v {
				live[place{f.path, t.Name}] = true
				live[place{folderParent, t.Name + "\x00" + t.Folder.ID}] = true
			}
		}
	}
	out := extras{}
	for k, v := range d.extras {
		if live[place{k.parent, k.anchor}] {
			out[k] = v
		}
	}
	return out
}
