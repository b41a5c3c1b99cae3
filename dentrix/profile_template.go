package dentrix

import (
	_ "embed"
	"slices"
	"strings"
)

//go:embed profile.template.json
var template []byte

// ProfileTemplate is an annotated profile to copy and fill in: JSON, with remarks in
// the fields named "about". It is refused by [ParseProfile] as it is, and the error
// lists what has to be filled in.
func ProfileTemplate() []byte { return slices.Clone(template) }

// unfilled reports whether a value is still the template's.
func unfilled(s string) bool { return strings.HasPrefix(strings.ToLower(s), "fill_in") }
