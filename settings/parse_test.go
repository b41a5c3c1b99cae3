package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

func TestEmptyDocumentHasTheDefaults(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Human, Stored} {
		d, problems, err := Parse([]byte(`{}`), mode)
		require.NoError(t, err)
		require.Empty(t, problems)
		require.True(t, d.Equal(Default()))
	}
}

func TestEveryFieldStandsAtItsPathInTheDocument(t *testing.T) {
	t.Parallel()
	data, err := filledDocument().Marshal()
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, json.Unmarshal(data, &tree))
	for _, f := range page {
		var at any = tree
		for name := range strings.SplitSeq(f.path, ".") {
			object, ok := at.(map[string]any)
			require.True(t, ok, f.path)
			at, ok = object[name]
			require.True(t, ok, f.path)
		}
	}
	require.Equal(t, float64(SchemaVersion), tree["schema"])
}

func TestMarshalledDocumentComesBackInBothModes(t *testing.T) {
	t.Parallel()
	for _, doc := range []Document{Default(), filledDocument()} {
		data, err := doc.Marshal()
		require.NoError(t, err)
		for _, mode := range []Mode{Human, Stored} {
			got, problems, err := Parse(data, mode)
			require.NoError(t, err)
			require.Empty(t, problems)
			require.True(t, got.Equal(doc))
		}
	}
}

func TestMarshalIsStable(t *testing.T) {
	t.Parallel()
	first, err := filledDocument().Marshal()
	require.NoError(t, err)
	for range 20 {
		again, err := filledDocument().Marshal()
		require.NoError(t, err)
		require.Equal(t, string(first), string(again))
	}
	require.True(t, bytes.HasSuffix(first, []byte("}\n")))
	require.Less(t, bytes.Index(first, []byte(`"documents"`)), bytes.Index(first, []byte(`"forms"`)), "keys are sorted")
}

func TestDocumentInsideOtherJSONIsTheSame(t *testing.T) {
	t.Parallel()
	type saved struct{ Doc Document }
	data, err := json.Marshal(saved{filledDocument()})
	require.NoError(t, err)
	var got saved
	require.NoError(t, json.Unmarshal(data, &got))
	require.True(t, got.Doc.Equal(filledDocument()))
	require.Error(t, json.Unmarshal([]byte(`{"Doc": {"payments": {"auto": "yes"}}}`), &got))
}

func TestPeopleMayWriteShortForms(t *testing.T) {
	t.Parallel()
	d, problems, err := Parse([]byte("\ufeff"+`{
		"sync": {"provider": "001"},
		"intervals": {"appointment_status": 20, "appointment_changes": "2m", "new_patients": "off", "photo_sweep": null},
		"statuses": {"confirmed": ["21", {"id": "22", "label": "Arrived"}], "confirmed_target": null},
		"forms": {"types": [{"name": "Consent", "category": "informed_consent", "folder": "131"}]},
		"notes": null
	}`), Human)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Equal(t, Ref{ID: "001"}, d.Sync.ProviderID)
	require.Equal(t, Seconds(20), d.Intervals.AppointmentStatus)
	require.Equal(t, Every(2*time.Minute), d.Intervals.AppointmentChanges)
	require.Equal(t, Never(), d.Intervals.NewPatients)
	require.Equal(t, Every(15*time.Minute), d.Intervals.PhotoSweep)
	require.Equal(t, []Ref{{ID: "21"}, {ID: "22", Label: "Arrived"}}, d.Statuses.Confirmed)
	require.Equal(t, []FormType{{Name: "Consent", Category: driver.InformedConsent, Folder: Ref{ID: "131"}}}, d.Forms.Types)
}

func TestUnknownFieldFromAPersonIsAProblemThatNamesThePath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ json, path, suggestion string }{
		{`{"colour": 1}`, "colour", ""},
		{`{"notes": {"enabled": {"incomming_call": true}}}`, "notes.enabled.incomming_call", "notes.enabled.incoming_call"},
		{`{"Payments": {}}`, "Payments", "payments"},
		{`{"payments": {"types": {"On-Line": "71"}}}`, "payments.types.On-Line", "payments.types.online"},
		{`{"notes.enabled": {}}`, "notes.enabled", ""},
		{`{"sync": {"provider": {"id": "1", "lable": "x"}}}`, "sync.provider.lable", "sync.provider.label"},
		{`{"statuses": {"confirmed": [{"id": "1"}, {"id": "2", "ids": ""}]}}`, "statuses.confirmed[1].ids", ""},
		{`{"forms": {"types": [{"name": "A", "foldre": "1"}]}}`, "forms.types[0].foldre", "forms.types[0].folder"},
		{`{"forms": {"types": [{"name": "A", "folder": {"id": "1", "path": "x"}}]}}`, "forms.types[0].folder.path", ""},
	} {
		_, problems, err := Parse([]byte(c.json), Human)
		require.NoError(t, err, c.json)
		require.Len(t, problems, 1, c.json)
		require.Equal(t, c.path, problems[0].Path)
		require.Equal(t, CodeUnknownField, problems[0].Code)
		require.Equal(t, Error, problems[0].Severity)
		if c.suggestion == "" {
			require.Empty(t, problems[0].Suggestions, c.json)
		} else {
			require.Equal(t, []string{c.suggestion}, problems[0].Suggestions)
		}
	}
}

func TestUnknownFieldFromTheStoreComesBackOnMarshal(t *testing.T) {
	t.Parallel()
	stored := `{
		"schema": 1, "later": {"b": [1, 2.50, null], "a": "x"},
		"notes": {"enabled": {"fax": true, "missed_call": true}, "style": "short", "type": {"id": "239", "site": "north"}},
		"statuses": {"confirmed": [{"id": "21"}, {"id": "22", "since": 3}], "confirmed_target": {"id": "", "auto": true}},
		"forms": {"types": [{"name": "A", "category": "informed_consent"}, {"name": "B", "category": "informed_consent", "copies": 2, "folder": {"id": "131", "sub": "x"}}]}
	}`
	d, problems, err := Parse([]byte(stored), Stored)
	require.NoError(t, err)
	require.Empty(t, problems)
	data, err := d.Marshal()
	require.NoError(t, err)

	var got map[string]any
	require.NoError(t, json.Unmarshal(data, &got))
	at := func(path ...any) any {
		var v any = got
		for _, p := range path {
			switch p := p.(type) {
			case string:
				v = v.(map[string]any)[p]
			case int:
				v = v.([]any)[p]
			}
		}
		return v
	}
	require.Equal(t, map[string]any{"a": "x", "b": []any{1.0, 2.5, nil}}, at("later"))
	require.Contains(t, string(data), "2.50", "a number keeps its digits")
	require.Equal(t, true, at("notes", "enabled", "fax"))
	require.Equal(t, "short", at("notes", "style"))
	require.Equal(t, "north", at("notes", "type", "site"))
	require.Equal(t, 3.0, at("statuses", "confirmed", 1, "since"))
	require.Equal(t, true, at("statuses", "confirmed_target", "auto"))
	require.Equal(t, 2.0, at("forms", "types", 1, "copies"))
	require.Equal(t, "x", at("forms", "types", 1, "folder", "sub"))

	again, _, err := Parse(data, Stored)
	require.NoError(t, err)
	require.True(t, again.Equal(d))
	require.False(t, d.Equal(d.withoutExtras()))
}

func (d Document) withoutExtras() Document { d.extras = nil; return d }

func TestUnknownFieldStaysWithWhatItBelongsTo(t *testing.T) {
	t.Parallel()
	d, _, err := Parse([]byte(`{"notes": {"type": {"id": "239", "site": "north"}},
		"forms": {"types": [{"name": "A", "category": "informed_consent"}, {"name": "B", "category": "informed_consent", "copies": 2}]}}`), Stored)
	require.NoError(t, err)

	require.NoError(t, Set(&d, "forms.types[0]", ""))
	data, err := d.Marshal()
	require.NoError(t, err)
	require.Contains(t, string(data), `"copies": 2`, "the list moved, and the field with it")
	require.Contains(t, string(data), "north")

	require.NoError(t, Set(&d, "notes.type", "240"))
	require.NoError(t, Set(&d, "forms.types[0]", ""))
	data, err = d.Marshal()
	require.NoError(t, err)
	require.NotContains(t, string(data), "north", "another note type was chosen")
	require.NotContains(t, string(data), "copies")
	again, _, err := Parse(data, Stored)
	require.NoError(t, err)
	require.True(t, again.Equal(d))
}

func TestWrongTypesNameThePathAndWhatIsExpected(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ json, path, words string }{
		{`{"notes": []}`, "notes", "Expected an object, got a list."},
		{`{"notes": {"enabled": {"missed_call": "yes"}}}`, "notes.enabled.missed_call", "Expected true or false, got text."},
		{`{"sync": {"provider": 12}}`, "sync.provider", `Expected an id in quotes such as "21", or an object such as {"id": "21"}, got a number.`},
		{`{"sync": {"provider": {"id": 12}}}`, "sync.provider.id", `Expected text in quotes, such as "21", got a number.`},
		{`{"statuses": {"confirmed": "21"}}`, "statuses.confirmed", `Expected a list such as [{"id": "21"}], got text.`},
		{`{"statuses": {"confirmed": [true]}}`, "statuses.confirmed[0]", `Expected an id in quotes such as "21", or an object such as {"id": "21"}, got true.`},
		{`{"intervals": {"new_patients": "often"}}`, "intervals.new_patients", `Expected a number of seconds such as 30, a duration such as "2m", or "off", got "often".`},
		{`{"intervals": {"new_patients": 1.5}}`, "intervals.new_patients", `Expected a number of seconds such as 30, a duration such as "2m", or "off", got "1.5".`},
		{`{"intervals": {"new_patients": {}}}`, "intervals.new_patients", `Expected a number of seconds such as 30, a duration such as "2m", or "off", got an object.`},
		{`{"forms": {"types": {}}}`, "forms.types", `Expected a list such as [{"name": "...", "category": "informed_consent"}], got an object.`},
		{`{"forms": {"types": ["A"]}}`, "forms.types[0]", `Expected an object such as {"name": "...", "category": "informed_consent"}, got text.`},
		{`{"forms": {"types": [{"name": 1}]}}`, "forms.types[0].name", `Expected text in quotes, such as "21", got a number.`},
		{`{"forms": {"types": [{"name": "A", "folder": 1}]}}`, "forms.types[0].folder", `Expected an id in quotes such as "21", or an object such as {"id": "21"}, got a number.`},
		{`{"schema": "1"}`, "schema", "Expected a whole number from 1 to 1, got text."},
		{`{"schema": 0}`, "schema", "Expected a whole number from 1 to 1, got a number."},
	} {
		d, problems, err := Parse([]byte(c.json), Human)
		require.NoError(t, err, c.json)
		require.Len(t, problems, 1, c.json)
		require.Equal(t, Problem{Path: c.path, Severity: Error, Code: CodeWrongType, Words: c.words}, problems[0])
		require.False(t, d.Writes())

		_, _, err = Parse([]byte(c.json), Stored)
		require.ErrorContains(t, err, c.path, "what a practice chose is never guessed")
	}
}

func TestAllProblemsOfADocumentAreReportedUpToABound(t *testing.T) {
	t.Parallel()
	_, problems, err := Parse([]byte(`{"a": 1, "b": 2, "payments": {"auto": 1, "separate": 2}}`), Human)
	require.NoError(t, err)
	require.Len(t, problems, 4)

	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, `,"x%d": 1`, i)
	}
	_, problems, err = Parse([]byte("{"+b.String()[1:]+"}"), Human)
	require.NoError(t, err)
	require.Len(t, problems, maxProblems+1)
	require.Equal(t, CodeTooMany, problems[maxProblems].Code)
}

func TestUnreadableDocumentsAreClearErrors(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for _, c := range []struct{ name, doc, want string }{
		{"empty", ``, "ends in the middle"},
		{"cut off", `{"notes": {`, "ends in the middle"},
		{"no JSON", "{\n\n!", "line 3: not JSON"},
		{"a list", `[]`, "expected an object, got a list"},
		{"a text", `"x"`, "expected an object, got text"},
		{"two documents", `{} {}`, "something after the end"},
		{"a double key", `{"notes": {"enabled": {"missed_call": true, "missed_call": false}}}`, `"notes.enabled.missed_call" is given twice`},
		{"a double key in a list", `{"forms": {"types": [{}, {"name": "A", "name": "B"}]}}`, `"forms.types[1].name" is given twice`},
		{"a double key at the top", `{"sync": {}, "sync": {}}`, `"sync" is given twice`},
		{"too deep", deep, "nests deeper than 16 levels"},
		{"not UTF-8", "{\"a\": \"\xff\"}", "not UTF-8"},
		{"10 MB", `{"a": "` + strings.Repeat("x", 10<<20) + `"}`, "10485769 bytes, and 1048576 are allowed"},
	} {
		for _, mode := range []Mode{Human, Stored} {
			d, problems, err := Parse([]byte(c.doc), mode)
			require.ErrorContains(t, err, c.want, c.name)
			require.True(t, strings.HasPrefix(err.Error(), "settings: parse: "), c.name)
			require.Less(t, len(err.Error()), 1000, c.name)
			require.Empty(t, problems)
			require.True(t, d.Equal(Default()))
		}
	}
}

func TestOlderDocumentLoadsWithNewKindsOff(t *testing.T) {
	t.Parallel()
	// Written when there were neither summaries nor insurance notes, nor photos.
	d, problems, err := Parse([]byte(`{"schema": 1, "notes": {"enabled": {"incoming_call": true}}, "intervals": {"new_patients": 45}}`), Stored)
	require.NoError(t, err)
	require.Empty(t, problems)
	for _, k := range driver.NoteKinds() {
		_, on := d.NoteType(k)
		require.Equal(t, k == driver.IncomingCall, on, k)
	}
	require.False(t, d.Intervals.Photos)
	require.Equal(t, Seconds(15), d.Intervals.AppointmentStatus)
}

func TestNewerSchemaIsAnErrorFromAPersonAndKeptFromTheStore(t *testing.T) {
	t.Parallel()
	doc := []byte(`{"schema": 7, "payments": {"auto": true}, "later": 1}`)
	_, _, err := Parse(doc, Human)
	require.ErrorContains(t, err, "schema 7, and this version of the library reads up to 1")

	d, problems, err := Parse(doc, Stored)
	require.NoError(t, err)
	require.Len(t, problems, 1)
	require.Equal(t, CodeSchemaNewer, problems[0].Code)
	require.Equal(t, Warning, problems[0].Severity)
	require.True(t, d.Payments.Auto)
	data, err := d.Marshal()
	require.NoError(t, err)
	require.Contains(t, string(data), `"schema": 7`)
	require.Contains(t, string(data), `"later": 1`)
}

func TestMarshalRefusesWhatCouldNotComeBack(t *testing.T) {
	t.Parallel()
	d := Default()
	d.Notes.Enabled = map[driver.NoteKind]bool{"fax": true}
	_, err := d.Marshal()
	require.ErrorContains(t, err, `settings: marshal: "notes.enabled.fax": expected a note kind`)

	d = Default()
	d.Forms.Types = make([]FormType, 100)
	for i := range d.Forms.Types {
		d.Forms.Types[i].Name = strings.Repeat("x", 20_000)
	}
	_, err = d.Marshal()
	require.ErrorContains(t, err, "1048576 are allowed")
}

func TestIntervalsAreReadInSecondsDurationsAndOff(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Interval{
		"15": Seconds(15), " 90 ": Seconds(90), "0": {}, "-3": Seconds(-3),
		"2m": Seconds(120), "1.5s": Every(1500 * time.Millisecond), "off": Never(), "OFF": Never(),
	} {
		got, err := ParseInterval(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		again, err := ParseInterval(got.String())
		require.NoError(t, err)
		require.Equal(t, got, again, text)
	}
	for _, text := range []string{"", "soon", "1.5", "9223372036854775807", "-9223372036854775808", "15 seconds", "1e3"} {
		_, err := ParseInterval(text)
		require.Error(t, err, text)
	}
	for words, i := range map[string]Interval{
		"off": Never(), "1 second": Seconds(1), "60 seconds": Seconds(60), "90 seconds": Seconds(90),
		"2 minutes": Seconds(120), "15 minutes": Seconds(900), "24 hours": Every(24 * time.Hour), "1.5s": Every(1500 * time.Millisecond),
	} {
		require.Equal(t, words, i.Words())
	}
}
