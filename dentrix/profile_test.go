package dentrix_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
)

// with is the stand-in's profile with something changed.
func with(t *testing.T, change func(doc map[string]any)) []byte {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal(dentrixtest.Profile(), &doc))
	change(doc)
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	return text
}

// part goes down into a document.
func part(doc any, path ...any) map[string]any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			doc = doc.(map[string]any)[step]
		case int:
			doc = doc.([]any)[step]
		}
	}
	return doc.(map[string]any)
}

func TestAProfileHoldsCallsOfProceduresAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]string{
		"an INSERT":                 "INSERT INTO admin.officejournal VALUES (?, ?, ?, ?, ?, ?, ?)",
		"an UPDATE":                 "update admin.appt set status = ?",
		"a DELETE":                  "DELETE FROM admin.appt WHERE id = ?",
		"a SELECT":                  "SELECT admin.f(?)",
		"another owner":             "call sysadm.sp_x(?, ?, ?, ?, ?, ?, ?)",
		"no owner":                  "call sp_x(?, ?, ?, ?, ?, ?, ?)",
		"a second statement":        "call admin.sp_x(?, ?, ?, ?, ?, ?, ?); DELETE FROM admin.patient",
		"a value":                   "call admin.sp_x(?, ?, ?, ?, ?, 5, ?)",
		"a comment":                 "call admin.sp_x(?, ?, ?, ?, ?, ?, ?) -- all",
		"a block comment":           "call /* x */ admin.sp_x(?, ?, ?, ?, ?, ?, ?)",
		"a quoted name":             `call admin."sp_x"(?, ?, ?, ?, ?, ?, ?)`,
		"a named parameter":         "call admin.sp_x(:a, ?, ?, ?, ?, ?, ?)",
		"a nested call":             "call admin.sp_x(admin.f(?), ?, ?, ?, ?, ?, ?)",
		"a missing comma":           "call admin.sp_x(? ?, ?, ?, ?, ?, ?, ?)",
		"no parentheses":            "call admin.sp_x",
		"text behind":               "call admin.sp_x(?, ?, ?, ?, ?, ?, ?) x",
		"an escape with an outcome": "{? = call admin.sp_x(?, ?, ?, ?, ?, ?, ?)}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dentrix.ParseProfile(with(t, func(doc map[string]any) { part(doc, "operations", "note")["call"] = call }))
			require.ErrorContains(t, err, "operations.note.call: must be")
			_, err = dentrix.ParseProfile(with(t, func(doc map[string]any) { part(doc, "operations", "note", "find")["call"] = call }))
			require.ErrorContains(t, err, "operations.note.find.call: must be")
		})
	}
	for _, call := range []string{"CALL Admin.SP_X( ?,?, ? ,?, ?,?,? )", "  call   admin.sp_x(?, ?, ?, ?, ?, ?, ?) "} {
		_, err := dentrix.ParseProfile(with(t, func(doc map[string]any) { part(doc, "operations", "note")["call"] = call }))
		require.NoError(t, err, call)
	}
}

func TestEverythingThatIsWrongInAProfileIsSaidAtOnceWithItsPlace(t *testing.T) {
	t.Parallel()
	_, err := dentrix.ParseProfile(with(t, func(doc map[string]any) {
		doc["version"], doc["source"], doc["verison"] = 2, " ", 1
		doc["definitions"] = []any{
			map[string]any{"catalog": "providers", "id": "DDS1", "text": ""},
			map[string]any{"catalog": "payment_types", "id": "7", "text": "a"}, map[string]any{"catalog": "payment_types", "id": "7", "text": "b"},
		}
		note := part(doc, "operations", "note")
		note["call"] = "call admin.standin_addjournal(?, ?)"
		part(note, "arguments", 0)["bind"] = "patient_name"
		part(note, "arguments", 1)["value"] = 5
		part(note, "arguments", 2)["bnid"] = "time"
		note["type"] = map[string]any{"id": "7", "text": "Broken appointment"}
		note["max_chars"] = 10
		part(note, "find")["proved_on"] = "fill_in: a copy"
		payment := part(doc, "operations", "payment")
		delete(payment, "find")
		payment["errors"] = map[string]any{"59001": "closed", "x": "period_closed"}
		payment["mime"] = []any{"application/pdf"}
		part(payment, "arguments", 3)["bind"] = "key"
		part(payment, "arguments", 1)["bind"] = "provider"
		refund := part(doc, "operations", "refund")
		part(refund, "arguments", 3)["bind"] = "amount_negative"
		part(doc, "operations", "adjustment", "find")["call"] = "call admin.standin_setstatus(?, ?, ?)"
		part(doc, "operations", "document", "find")["key_columns"] = []any{}
		part(doc, "operations", "status")["find"] = map[string]any{"call": "call admin.sp_x()", "arguments": []any{}, "key_columns": []any{""}}
		part(doc, "operations")["charge"] = map[string]any{}
	}))
	for _, want := range []string{
		"version: must be 1", "source: must name", "verison: there is no such field",
		"definitions[0].catalog: must be one of appointment_statuses, payment_types", "definitions[0].id: must be", "definitions[0].text: must be", "definitions[2]: names the same option",
		"operations.charge: there is no such operation",
		"operations.note.arguments: there are 7, and the call has 2 question marks", "operations.note.arguments[0].bind: must be one of", "operations.note.arguments[1]: must have either bind or value",
		"operations.note.arguments[2].bnid: there is no such field; it may have about, name, bind, value",
		"operations.note.arguments: the patient is missing", "operations.note.type.id: Dentrix takes Office Journal entries of the types 3, 4, 5, 20 only", "operations.note.max_chars: leaves no room", "operations.note.find.proved_on: fill in",
		"operations.payment.id.from: needs find", "operations.payment.errors.59001: must be", "operations.payment.errors.x: the code must be", "operations.payment: max_bytes and mime are for documents",
		"operations.payment.arguments: the amount is missing", "operations.payment.arguments: the posting date is missing",
		"operations.refund: needs payment with find", "operations.refund.arguments[3].bind: must be one of", "operations.refund.arguments: the amount, which raises what is owed, is missing",
		"operations.adjustment.find.call: calls the procedure by which a status is written",
		"operations.document.find.key_columns: must name", "operations.status.find: a status is read from the appointment",
		"operations.status.find.arguments: must bind the patient or the key",
	} {
		require.ErrorContains(t, err, "dentrix: "+want)
	}
	require.NotContains(t, err.Error(), "patient_name", "values are not repeated")
}

func TestJournalEntriesAreOfTheFourTypesThatTheVendorTakes(t *testing.T) {
	t.Parallel()
	for id, good := range map[string]bool{"1": false, "3": true, "4": true, "5": true, "7": false, "20": true, "05": false} {
		_, err := dentrix.ParseProfile(with(t, func(doc map[string]any) {
			part(doc, "operations", "note")["type"] = map[string]any{"id": id, "text": "x"}
		}))
		require.Equal(t, good, err == nil, "%s: %v", id, err)
	}
}

func TestFixedValuesAreTextsWholeNumbersAndNull(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{`"x"`: true, `5`: true, `-5`: true, `null`: true, `true`: true, `5.5`: false, `[1]`: false, `{}`: false, `1e99`: false,
		`"` + strings.Repeat("x", 256) + `"`: false} {
		_, err := dentrix.ParseProfile(with(t, func(doc map[string]any) {
			part(doc, "operations", "payment", "find", "arguments", 3)["value"] = json.RawMessage(value)
		}))
		require.Equal(t, good, err == nil, "%s: %v", value, err)
	}
}

func TestWhatIsNotAProfileIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                         "not JSON",
		`{`:                        "not JSON",
		`[]`:                       "does not fit",
		`{"version":"1"}`:          "version: is a JSON string, which does not fit",
		`{"version":1} {}`:         "something follows",
		`{"version":1,"source":5}`: "source: is a JSON number",
		string(dentrixtest.Profile()) + strings.Repeat(" ", 1<<20): "longer than",
	} {
		_, err := dentrix.ParseProfile([]byte(text))
		require.ErrorContains(t, err, want)
	}
	_, err := dentrix.ParseProfile(dentrixtest.Profile())
	require.NoError(t, err)
}

// The template is whole but for what only a member of the programme knows, and says
// what that is.
func TestTheTemplateLacksWhatHasToBeFilledInAndNothingElse(t *testing.T) {
	t.Parallel()
	_, err := dentrix.ParseProfile(dentrix.ProfileTemplate())
	require.Error(t, err)
	for line := range strings.Lines(err.Error()) {
		require.Regexp(t, `: (fill in|must name)`, line)
	}
	filled := strings.NewReplacer(`admin.fill_in_`, `admin.sp_made_up_`, `"fill_in"`, `"made_up"`, `fill_in: the`, `The`).Replace(string(dentrix.ProfileTemplate()))
	p, err := dentrix.ParseProfile([]byte(filled))
	require.NoError(t, err)
	for _, kind := range []driver.OpKind{driver.OpNote, driver.OpStatus, driver.OpPayment, driver.OpRefund} {
		require.Contains(t, p.Operations, kind)
	}
	require.True(t, json.Valid(dentrix.ProfileTemplate()))
	dentrix.ProfileTemplate()[0] = 'x'
	require.True(t, json.Valid(dentrix.ProfileTemplate()), "callers get a copy")
}

func FuzzParseProfile(f *testing.F) {
	// Short ones: the fuzzer spends a minute on making a long one shorter.
	f.Add(`{"version":1,"source":"x","operations":{"status":{"call":"call admin.x(?,?)","arguments":[{"bind":"status"},{"bind":"appointment_id"}]}}}`)
	f.Add(`{"operations":{"note":{"call":"call admin.x(?)","arguments":[{"value":null}]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := dentrix.ParseProfile([]byte(text))
		if err != nil {
			return
		}
		for _, op := range p.Operations {
			for _, forbidden := range []string{";", "'", `"`, "--", "/*", "="} {
				require.NotContains(t, op.Call, forbidden)
			}
		}
		back, err := json.Marshal(p)
		require.NoError(t, err)
		_, err = dentrix.ParseProfile(back)
		require.NoError(t, err)
	})
}

// The set-up page lists what a profile can bind, and no more.
func TestTheSetUpPageNamesEveryBinding(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("SETUP.md")
	require.NoError(t, err)
	source, err := os.ReadFile("profile_bind.go")
	require.NoError(t, err)
	_, list, ok := strings.Cut(string(page), "\nBindings: ")
	require.True(t, ok)
	list, _, _ = strings.Cut(list, "\n\n")
	var named, there []string
	for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(list, -1) {
		named = append(named, m[1])
	}
	for _, m := range regexp.MustCompile(`Binding += "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		there = append(there, m[1])
	}
	require.ElementsMatch(t, there, named)
}
