package dentrix_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
)

// Windows writes files with a mark in front, and its older shell writes what a program
// prints as UTF-16.
func TestAProfileThatWindowsWroteIsReadOrSaysHowToStoreIt(t *testing.T) {
	t.Parallel()
	text := string(dentrixtest.Profile())
	_, err := dentrix.ParseProfile([]byte("\xef\xbb\xbf" + text))
	require.NoError(t, err)
	for name, order := range map[string][2]int{"\xff\xfe": {0, 8}, "\xfe\xff": {8, 0}} {
		wide := []byte(name)
		for _, unit := range utf16.Encode([]rune(text)) {
			wide = append(wide, byte(unit>>order[0]), byte(unit>>order[1]))
		}
		_, err = dentrix.ParseProfile(wide)
		require.ErrorContains(t, err, "store it as UTF-8")
	}
}

// Of two fields with one name JSON keeps the last, and who reads the file may look at
// the first.
func TestAFieldThatIsThereTwiceIsRefused(t *testing.T) {
	t.Parallel()
	text := string(dentrixtest.Profile())
	for place, change := range map[string]string{
		"operations":                    strings.Replace(text, `"operations": {`, `"operations": {}, "operations": {`, 1),
		"operations.payment":            strings.Replace(text, `"payment": {`, `"payment": {"call": "call admin.other(?)"}, "payment": {`, 1),
		"operations.payment.find":       strings.Replace(text, `"procid",`, `"procid"}, "find": {"call": "call admin.other(?)",`, 1),
		"definitions[0].id":             strings.Replace(text, `"id": "7"`, `"id": "8", "id": "7"`, 1),
		"operations.payment.max_chars":  strings.Replace(text, `"errors": {"59001"`, `"max_chars": 40, "max_chars": 9000, "errors": {"59001"`, 1),
		"operations.payment.errors.590": strings.Replace(text, `"errors": {"59001"`, `"errors": {"590": "unavailable", "590": "period_closed", "59001"`, 1),
	} {
		require.NotEqual(t, text, change, place)
		_, err := dentrix.ParseProfile([]byte(change))
		require.ErrorContains(t, err, "dentrix: "+place+": is there twice", place)
	}
}

// What the template leaves to be filled in must not reach the ledger as it is.
func TestWhatWasNotFilledInIsRefusedWhereverItStands(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(doc map[string]any){
		"operations.note.arguments[6].value: fill in": func(doc map[string]any) {
			args := part(doc, "operations", "note")["arguments"].([]any)
			args[3] = map[string]any{"bind": "text"}
			args[6] = map[string]any{"value": "fill_in: what is always the same"}
		},
		"definitions[0].text: fill in":                 func(doc map[string]any) { part(doc, "definitions", 0)["text"] = "fill_in" },
		"operations.refund.type.text: fill in":         func(doc map[string]any) { part(doc, "operations", "refund", "type")["text"] = "fill_in" },
		"operations.payment.find.proved_on: say where": func(doc map[string]any) { part(doc, "operations", "payment", "find")["proved_on"] = " " },
	} {
		_, err := dentrix.ParseProfile(with(t, change))
		require.ErrorContains(t, err, want)
	}
}

// While the procedure's name is not filled in, what is wrong with its arguments is said
// all the same.
func TestArgumentsAreCountedBeforeTheNameIsFilledIn(t *testing.T) {
	t.Parallel()
	_, err := dentrix.ParseProfile(with(t, func(doc map[string]any) {
		part(doc, "operations", "note")["call"] = "call admin.fill_in_note(?, ?)"
	}))
	require.ErrorContains(t, err, "operations.note.call: fill in the procedure's name")
	require.ErrorContains(t, err, "operations.note.arguments: there are 7, and the call has 2 question marks")
}
