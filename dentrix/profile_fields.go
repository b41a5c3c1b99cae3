package dentrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// strayFields lists every field of a JSON document that a profile does not have,
// with its place: a misspelt field that is passed over would be a limit or a
// look-up that is not there.
func strayFields(doc any) []string {
	return stray("profile", doc, reflect.TypeFor[Profile]())
}

var rawMessage = reflect.TypeFor[json.RawMessage]()

func stray(path string, doc any, typ reflect.Type) []string {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	var found []string
	switch doc := doc.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(doc)) {
			switch {
			case typ == rawMessage: // a value of any form
			case typ.Kind() == reflect.Map:
				found = append(found, stray(below(path, key), doc[key], typ.Elem())...)
			case typ.Kind() == reflect.Struct:
				field, ok := fieldOf(typ, key)
				if !ok {
					found = append(found, fmt.Sprintf("%s: there is no such field; it may have %s", below(path, key), strings.Join(fieldsOf(typ), ", ")))
					continue
				}
				found = append(found, stray(below(path, key), doc[key], field)...)
			}
		}
	case []any:
		if typ.Kind() == reflect.Slice && typ != rawMessage {
			for i, element := range doc {
				found = append(found, stray(fmt.Sprintf("%s[%d]", path, i), element, typ.Elem())...)
			}
		}
	}
	return found
}

// twice lists every field of a JSON document that an object has more than once, with its
// place. JSON takes the last of them, and whoever reads the file may go by the first.
func twice(text []byte) []string {
	dec := json.NewDecoder(bytes.NewReader(text))
	var found []string
	var walk func(path string) error
	walk = func(path string) error {
		opening, err := dec.Token()
		if err != nil {
			return err
		}
		if opening != json.Delim('{') && opening != json.Delim('[') {
			return nil
		}
		seen := map[string]bool{}
		for i := 0; dec.More(); i++ {
			at := fmt.Sprintf("%s[%d]", path, i)
			if opening == json.Delim('{') {
				key, err := dec.Token()
				if err != nil {
					return err
				}
				name, _ := key.(string)
				if at = below(path, name); seen[name] {
					found = append(found, at+": is there twice")
				}
				seen[name] = true
			}
			if err := walk(at); err != nil {
				return err
			}
		}
		_, err = dec.Token() // the end
		return err
	}
	_ = walk("profile") // what is not JSON has been refused
	return found
}

// below is the place of a field. The profile itself needs no name.
func below(path, key string) string {
	if len(key) > 40 {
		key = key[:40]
	}
	if path == "profile" {
		return key
	}
	return path + "." + key
}

func fieldOf(typ reflect.Type, key string) (reflect.Type, bool) {
	for i := range typ.NumField() {
		if name(typ.Field(i)) == key {
			return typ.Field(i).Type, true
		}
	}
	return nil, false
}

func fieldsOf(typ reflect.Type) []string {
	var out []string
	for i := range typ.NumField() {
		out = append(out, name(typ.Field(i)))
	}
	return out
}

func name(f reflect.StructField) string {
	n, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return n
}
