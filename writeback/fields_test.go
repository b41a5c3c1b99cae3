package writeback_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// fieldRow is one field of the settings: what staff call it, and what the PMS is
// given or asked, and the host told, for each value that it may have.
type fieldRow struct {
	path, label string
	// base says what else has to be chosen for the field to count.
	base func(*settings.Document)
	// rule does what the field is about, and says what came of it.
	rule func(f *fieldBed) string
	// values are the field's values in the form of settings.Set, with what comes
	// of each.
	values []fieldValue
}

type fieldValue struct{ value, want string }

// noteLabels are the note kinds as staff know them.
var noteLabels = []struct {
	kind  driver.NoteKind
	label string
}{
	{driver.OutgoingCall, "Outgoing Call"},
	{driver.IncomingCall, "Incoming Call"},
	{driver.MissedCall, "Missed Call"},
	{driver.IncomingCallTranscript, "Incoming Call Transcript"},
	{driver.OutgoingCallTranscript, "Outgoing Call Transcript"},
	{driver.IncomingCallSummary, "Incoming Call Summary"},
	{driver.OutgoingCallSummary, "Outgoing Call Summary"},
	{driver.PatientNote, "Patient Notes"},
	{driver.TaskNote, "Task Notes"},
	{driver.OutgoingSMS, "Outgoing SMS"},
	{driver.IncomingSMS, "Incoming SMS"},
	{driver.OutgoingEmail, "Outgoing Email"},
	{driver.IncomingEmail, "Incoming Email"},
	{driver.InsuranceVerificationNote, "Insurance Verification Note"},
}

// fieldTable has a row for every field that settings.Describe knows.
func fieldTable() []fieldRow {
	rows := []fieldRow{
		{path: "sync.provider", label: "Writeback Provider ID", rule: oneOfEach, values: []fieldValue{
			{"DOC1", "note 0101 by DOC1; document 0202 by DOC1; form 0204 by DOC1; status 0301 to 0302; payment 100.00 0402 by DOC1"},
			{"HYG1", "note 0101 by HYG1; document 0202 by HYG1; form 0204 by HYG1; status 0301 to 0302; payment 100.00 0402 by HYG1"},
			{"", "note skipped (not_configured); document skipped (not_configured); form skipped (not_configured); status skipped (not_configured); payment held (not_configured)"},
		}},
		{path: "notes.type", label: "Note Type Selection", rule: allNotes, base: func(d *settings.Document) {
			d.Notes.TypeByKind = map[driver.NoteKind]settings.Ref{driver.MissedCall: {ID: "0104"}}
		}, values: []fieldValue{
			{"0101", notesWanted("0101 by DOC1", driver.MissedCall, "0104 by DOC1")},
			{"0102", notesWanted("0102 by DOC1", driver.MissedCall, "0104 by DOC1")},
		}},
		{path: "documents.insurance_verification", label: "Insurance Verification", rule: bothDocuments, values: []fieldValue{
			{"0201", "insurance_verification 0201 by DOC1; account_statement 0202 by DOC1"},
			{"0206", "insurance_verification 0206 by DOC1; account_statement 0202 by DOC1"},
			{"", "insurance_verification skipped (disabled); account_statement 0202 by DOC1"},
		}},
		{path: "documents.account_statement", label: "Account Statement", rule: bothDocuments, values: []fieldValue{
			{"0202", "insurance_verification 0201 by DOC1; account_statement 0202 by DOC1"},
			{"0206", "insurance_verification 0201 by DOC1; account_statement 0206 by DOC1"},
			{"", "insurance_verification 0201 by DOC1; account_statement skipped (disabled)"},
		}},
		{path: "intervals.appointment_status", label: "Appointment Status", base: alone, rule: paced(staffConfirm), values: []fieldValue{
			{"15", "asked every 15s, host told status 0302"},
			{"120", "asked every 2m0s, host told status 0302"},
			{"off", "never asked, host told nothing"},
		}},
		{path: "intervals.appointment_changes", label: "Appointment Changes", base: alone, rule: paced(staffMove), values: []fieldValue{
			{"60", "asked every 1m0s, host told moved"},
			{"20", "asked every 20s, host told moved"},
			{"off", "never asked, host told nothing"},
		}},
		{path: "intervals.new_patients", label: "New Patients", base: alone, rule: paced(staffAddPatient), values: []fieldValue{
			{"30", "asked every 30s, host told created"},
			{"240", "asked every 4m0s, host told created"},
			{"off", "never asked, host told nothing"},
		}},
		{path: "intervals.photos", label: "Patient Profile Photos", base: func(d *settings.Document) {
			alone(d)
			d.Intervals.PhotoSweep = settings.Seconds(60)
		}, rule: paced(staffReplacePhoto), values: []fieldValue{
			{"on", "asked every 1m0s, host told edited"},
			{"off", "never asked, host told nothing"},
		}},
		{path: "intervals.photo_sweep", label: "Patient Profile Photos: Changed Photos", base: func(d *settings.Document) {
			alone(d)
			d.Intervals.Photos = true
		}, rule: paced(staffReplacePhoto), values: []fieldValue{
			{"15", "asked every 15s, host told edited"},
			{"120", "asked every 2m0s, host told edited"},
			{"off", "never asked, host told nothing"},
		}},
		{path: "statuses.confirmed", label: "Confirmed Appointment Status", base: func(d *settings.Document) {
			d.Statuses = settings.Statuses{}
		}, rule: meanings, values: []fieldValue{
			{"", "0301 unconfirmed; 0302 other; 0303 other"},
			{"0302", "0301 unconfirmed; 0302 confirmed; 0303 other"},
			{"0302\n0303", "0301 unconfirmed; 0302 confirmed; 0303 confirmed"},
		}},
		{path: "statuses.confirmed_target", label: "Confirmed in Acme", base: func(d *settings.Document) {
			d.Statuses.Confirmed = []settings.Ref{{ID: "0302"}, {ID: "0303"}}
		}, rule: bothStatuses, values: []fieldValue{
			{"0302", "confirm 0301 to 0302; unconfirm 0302 to 0301"},
			{"0303", "confirm 0301 to 0303; unconfirm 0302 to 0301"},
			{"", "confirm skipped (disabled); unconfirm 0302 to 0301"},
		}},
		{path: "statuses.unconfirmed_target", label: "Unconfirmed in Acme", rule: bothStatuses, values: []fieldValue{
			{"0301", "confirm 0301 to 0302; unconfirm 0302 to 0301"},
			{"0303", "confirm 0301 to 0302; unconfirm 0302 to 0303"},
			{"", "confirm 0301 to 0302; unconfirm skipped (disabled)"},
		}},
		{path: "forms.types", label: "Form Types", rule: formTypes, values: []fieldValue{
			{"", "botox 0204 by DOC1; other 0204 by DOC1"},
			{`[{"name":"Botox","category":"informed_consent","folder":"0206"}]`, "botox 0206 by DOC1; other 0204 by DOC1"},
			{`[{"name":"Botox","category":"treatment_plan"}]`, "botox 0205 by DOC1; other 0204 by DOC1"},
		}},
		{path: "payments.auto", label: "Automatically Sync Payments", rule: allPayments, values: []fieldValue{
			{"on", paymentsWanted("0405", "0402", "0403")},
			{"off", "provider awaiting_transfer (auto_off); online awaiting_transfer (auto_off); in_office awaiting_transfer (auto_off)"},
		}},
		{path: "payments.provider", label: "Provider for Payments", rule: oneOfEach, values: []fieldValue{
			{"", "note 0101 by DOC1; document 0202 by DOC1; form 0204 by DOC1; status 0301 to 0302; payment 100.00 0402 by DOC1"},
			{"HYG1", "note 0101 by DOC1; document 0202 by DOC1; form 0204 by DOC1; status 0301 to 0302; payment 100.00 0402 by HYG1"},
		}},
		{path: "payments.surcharge_type", label: "Charged by Practice Post Payment Type", base: separate, rule: withFee, values: []fieldValue{
			{"0404", "payment 100.00 0402 by DOC1, 2.69 0404 by DOC1"},
			{"0401", "payment 100.00 0402 by DOC1, 2.69 0401 by DOC1"},
			{"", "payment held (not_configured)"},
		}},
		{path: "payments.separate", label: "Separate Payments and Fees", rule: withFee, values: []fieldValue{
			{"on", "payment 100.00 0402 by DOC1, 2.69 0404 by DOC1"},
			{"off", "payment 102.69 0402 by DOC1"},
		}},
		{path: "payments.offset_fee", label: "Offset Fees with an Adjustment", base: separate, rule: withFee, values: []fieldValue{
			{"", "payment 100.00 0402 by DOC1, 2.69 0404 by DOC1"},
			{"0502", "payment 100.00 0402 by DOC1, 2.69 0404 by DOC1, adjustment 2.69 0502 by DOC1"},
			{"0501", "payment 100.00 0402 by DOC1, 2.69 0404 by DOC1, adjustment 2.69 0501 by DOC1"},
		}},
	}
	for _, n := range noteLabels {
		rows = append(rows, fieldRow{path: "notes.enabled." + string(n.kind), label: n.label, rule: allNotes, values: []fieldValue{
			{"on", notesWanted("0101 by DOC1", "", "")},
			{"off", notesWanted("0101 by DOC1", n.kind, "skipped (disabled)")},
		}}, fieldRow{path: "notes.type_by_kind." + string(n.kind), label: "Note Type for " + n.label, rule: allNotes, values: []fieldValue{
			{"", notesWanted("0101 by DOC1", "", "")},
			{"0103", notesWanted("0101 by DOC1", n.kind, "0103 by DOC1")},
		}})
	}
	for i, label := range []string{"Patient Identification", "Informed Consent", "Treatment Plan", "Scanned Documents"} {
		category := driver.FormCategories()[i]
		rows = append(rows, fieldRow{path: "forms." + string(category), label: label, rule: allForms, values: []fieldValue{
			{"0201", formsWanted(category, "0201 by DOC1")},
			{"0202", formsWanted(category, "0202 by DOC1")},
			{"", formsWanted(category, "skipped (disabled)")},
		}})
	}
	for i, label := range []string{"Post Payments to Provider", "Customer Online Payment", "In-Office POS Payment Post Payment Type"} {
		channel, usual := driver.PaymentChannels()[i], []string{"0405", "0402", "0403"}
		with := func(t string) string {
			types := slices.Clone(usual)
			types[i] = t
			return paymentsWanted(types...)
		}
		rows = append(rows, fieldRow{path: "payments.types." + string(channel), label: label, rule: allPayments, values: []fieldValue{
			{usual[i], with(usual[i])}, {"0401", with("0401")}, {"", with("")},
		}})
	}
	return rows
}

// fieldTableProblems compares the table with what the page shows.
func fieldTableProblems(fields []settings.Field, rows []fieldRow) []string {
	var found []string
	known := map[string]settings.Field{}
	for _, f := range fields {
		known[f.Path] = f
	}
	seen := map[string]bool{}
	for _, r := range rows {
		f, there := known[r.path]
		switch {
		case !there:
			found = append(found, r.path+" is no field")
		case seen[r.path]:
			found = append(found, r.path+" has two rows")
		case f.Label != r.label:
			found = append(found, fmt.Sprintf("%s is called %q, and staff know it as %q", r.path, f.Label, r.label))
		case len(r.values) < 2:
			found = append(found, r.path+" has fewer than two values, so that nothing shows that it counts")
		}
		seen[r.path] = true
	}
	for _, f := range fields {
		if !seen[f.Path] {
			found = append(found, f.Path+" has no row")
		}
	}
	return found
}

// outcomeProblems compares what came of a field's values with what should have,
// and the outcomes with each other: a field whose values make no difference does
// nothing, whatever its row says.
func outcomeProblems(r fieldRow, got []string) []string {
	var found []string
	for i, v := range r.values {
		if got[i] != v.want {
			found = append(found, fmt.Sprintf("%s = %q\n  came to %s\n  not to  %s", r.path, v.value, got[i], v.want))
		}
		for j := range i {
			if got[j] == got[i] {
				found = append(found, fmt.Sprintf("%s: %q and %q make no difference: %s", r.path, r.values[j].value, v.value, got[i]))
			}
		}
	}
	return found
}

// TestEveryFieldDoesWhatItSays saves each field with each of its values while the
// engine runs, changes nothing else, and looks at what the PMS was given or asked
// and what the host was told.
func TestEveryFieldDoesWhatItSays(t *testing.T) {
	t.Parallel()
	rows, fields := fieldTable(), settings.Describe("Acme")
	require.Empty(t, fieldTableProblems(fields, rows))
	sections := map[string][]fieldRow{}
	for _, f := range fields {
		i := slices.IndexFunc(rows, func(r fieldRow) bool { return r.path == f.Path })
		sections[f.Group] = append(sections[f.Group], rows[i])
	}
	for section, rows := range sections {
		t.Run(section, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &fieldBed{bed: newBed(t, nil)}
				f.engine(func(c *writeback.Config) { c.SweepEvery = 1000 * time.Hour })
				f.start()
				defer f.stopped()
				f.save(nil)
				f.pass(2 * time.Minute)
				var problems []string
				for _, r := range rows {
					problems = append(problems, outcomeProblems(r, f.play(r))...)
				}
				require.Empty(t, strings.Join(problems, "\n"))
			})
		})
	}
}

// fieldBed is a bed on which fields are tried, one after the other.
type fieldBed struct {
	*bed
	keys int
}

// play saves each value of a field and says what came of each.
func (f *fieldBed) play(r fieldRow) []string {
	f.t.Helper()
	doc := chosen()
	if r.base != nil {
		r.base(&doc)
	}
	var got []string
	for i, v := range r.values {
		before := doc.Clone()
		require.NoError(f.t, settings.Set(&doc, r.path, v.value))
		if i > 0 {
			for _, c := range settings.Diff(before, doc) {
				path, _, _ := strings.Cut(c.Path, "[")
				require.Equal(f.t, r.path, path, "nothing else is changed")
			}
			require.False(f.t, before.Equal(doc), "%s: %q is what it was", r.path, v.value)
		}
		f.save(func(d *settings.Document) { *d = doc })
		f.pass(time.Second)
		got = append(got, r.rule(f))
	}
	return got
}

// A table that fits whatever it is compared with would prove nothing.
func TestFieldTableFindsWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	fields := []settings.Field{{Path: "a", Label: "A"}, {Path: "b", Label: "B"}}
	row := func(path, label string) fieldRow {
		return fieldRow{path: path, label: label, values: []fieldValue{{"on", "yes"}, {"off", "no"}}}
	}
	a, b := row("a", "A"), row("b", "B")
	require.Empty(t, fieldTableProblems(fields, []fieldRow{a, b}))
	require.Equal(t, []string{"b has no row"}, fieldTableProblems(fields, []fieldRow{a}))
	require.Equal(t, []string{"c is no field"}, fieldTableProblems(fields, []fieldRow{a, b, row("c", "C")}))
	require.Equal(t, []string{"a has two rows"}, fieldTableProblems(fields, []fieldRow{a, b, a}))
	require.Equal(t, []string{`b is called "B", and staff know it as "Bee"`}, fieldTableProblems(fields, []fieldRow{a, row("b", "Bee")}))
	one := row("b", "B")
	one.values = one.values[:1]
	require.Equal(t, []string{"b has fewer than two values, so that nothing shows that it counts"}, fieldTableProblems(fields, []fieldRow{a, one}))

	require.Empty(t, outcomeProblems(a, []string{"yes", "no"}))
	require.Len(t, outcomeProblems(a, []string{"yes", "maybe"}), 1)
	require.Len(t, outcomeProblems(a, []string{"yes", "yes"}), 2, "not what it should be, and no difference")
	a.values[1].want = "yes"
	require.Equal(t, []string{`a: "on" and "off" make no difference: yes`}, outcomeProblems(a, []string{"yes", "yes"}))
}
