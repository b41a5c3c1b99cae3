package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxDepth is how deep a document may nest. Its own shape needs five levels.
const maxDepth = 16

// node is a JSON value that keeps what encoding/json would drop: that a key came
// twice, and the digits of a number.
type node struct {
	kind    nodeKind
	text    string // the text of a string, the digits of a number
	yes     bool
	members []member
	items   []*node
}

type member struct {
	name  string
	value *node
}

type nodeKind byte

const (
	nullNode nodeKind = iota
	boolNode
	numberNode
	textNode
	listNode
	objectNode
)

// String names the kind as a person would.
func (k nodeKind) String() string {
	return [...]string{"null", "true or false", "a number", "text", "a list", "an object"}[k]
}

func textOf(s string) *node        { return &node{kind: textNode, text: s} }
func boolOf(b bool) *node          { return &node{kind: boolNode, yes: b} }
func objectOf(m ...member) *node   { return &node{kind: objectNode, members: m} }
func listOf(items ...*node) *node  { return &node{kind: listNode, items: items} }
func numberOf(digits string) *node { return &node{kind: numberNode, text: digits} }

// add appends members, except those whose names n already had before.
func (n *node) add(members ...member) {
	had := n.members
	for _, m := range members {
		if !slices.ContainsFunc(had, func(h member) bool { return h.name == m.name }) {
			n.members = append(n.members, m)
		}
	}
}

// readTree reads one JSON value and nothing after it. Keys that come twice and
// values that nest too deep are errors that name the path.
func readTree(data []byte) (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	n, err := readNode(dec, "", 0)
	if err == nil {
		if _, end := dec.Token(); end != io.EOF {
			err = errors.New("there is something after the end of the document")
		}
	}
	if err != nil {
		line := 1 + bytes.Count(data[:min(int(dec.InputOffset()), len(data))], []byte("\n"))
		return nil, fmt.Errorf("line %d: %w", line, err)
	}
	return n, nil
}

func readNode(dec *json.Decoder, path string, depth int) (*node, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, syntaxError(err)
	}
	switch v := tok.(type) {
	case nil:
		return &node{}, nil
	case bool:
		return boolOf(v), nil
	case json.Number:
		return numberOf(v.String()), nil
	case string:
		return textOf(v), nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("%s nests deeper than %d levels", pathWords(path), maxDepth)
	}
	if tok == json.Delim('[') {
		return readList(dec, path, depth)
	}
	return readObject(dec, path, depth)
}

func readList(dec *json.Decoder, path string, depth int) (*node, error) {
	n := listOf()
	for dec.More() {
		item, err := readNode(dec, indexed(path, len(n.items)), depth+1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := dec.Token()
	return n, syntaxError(err)
}

func readObject(dec *json.Decoder, path string, depth int) (*node, error) {
	n := objectOf()
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, syntaxError(err)
		}
		name := tok.(string) // the decoder lets nothing else be a key
		at := joined(path, name)
		if seen[name] {
			return nil, fmt.Errorf("%s is given twice", pathWords(at))
		}
		seen[name] = true
		value, err := readNode(dec, at, depth+1)
		if err != nil {
			return nil, err
		}
		n.members = append(n.members, member{name, value})
	}
	_, err := dec.Token()
	return n, syntaxError(err)
}

func syntaxError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the document ends in the middle")
	}
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return nil
}

func joined(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func pathWords(path string) string {
	if path == "" {
		return "the document"
	}
	return quoted(path)
}

// quoted quotes a text that may be long or hold anything.
func quoted(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// write appends n with sorted keys. An indent of "" gives the compact form.
func (n *node) write(b *bytes.Buffer, indent string, level int) {
	line := func(level int) {
		if indent != "" {
			b.WriteString("\n" + strings.Repeat(indent, level))
		}
	}
	switch n.kind {
	case nullNode:
		b.WriteString("null")
	case boolNode:
		fmt.Fprint(b, n.yes)
	case numberNode:
		b.WriteString(n.text)
	case textNode:
		writeText(b, n.text)
	case listNode:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			line(level + 1)
			item.write(b, indent, level+1)
		}
		if len(n.items) > 0 {
			line(level)
		}
		b.WriteByte(']')
	case objectNode:
		members := slices.SortedFunc(slices.Values(n.members), func(a, b member) int { return strings.Compare(a.name, b.name) })
		b.WriteByte('{')
		for i, m := range members {
			if i > 0 {
				b.WriteByte(',')
			}
			line(level + 1)
			writeText(b, m.name)
			b.WriteByte(':')
			if indent != "" {
				b.WriteByte(' ')
			}
			m.value.write(b, indent, level+1)
		}
		if len(members) > 0 {
			line(level)
		}
		b.WriteByte('}')
	}
}

func writeText(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	// An ampersand in a folder's name stays readable.
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string into a buffer cannot fail
	b.Truncate(b.Len() - 1)
}

// compact gives n as compact JSON.
func (n *node) compact() string {
	var b bytes.Buffer
	n.write(&b, "", 0)
	return b.String()
}
