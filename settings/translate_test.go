package settings

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

func option(id, label string, aliases ...string) driver.Option {
	return driver.Option{ID: id, Label: label, Aliases: aliases, Active: true}
}

// northside is a practice with another PMS than that of testCatalogs: the ids are
// others, and where they are alike they mean something else.
func northside() Place {
	info := testInfo()
	info.Product = "Eaglesoft"
	status := func(id, label string, role driver.StatusRole) driver.Option {
		return driver.Option{ID: id, Label: label, Active: true, Role: role}
	}
	return Place{Practice: "northside", Info: info, Catalogs: Catalogs{Lists: map[driver.Catalog][]driver.Option{
		driver.Providers:           {option("1", "Dr. Zimmer", "DOC1"), option("P7", "Dr. Adams"), option("P8", "HYGIENE")},
		driver.NoteTypes:           {option("239", "Phone"), option("500", "Misc"), option("501", "re-call")},
		driver.DocumentFolders:     {option("131", "X-Rays"), option("70", "Insurance"), option("71", "Patient Information "), {ID: "72", Label: "Statements"}},
		driver.AppointmentStatuses: {status("21", "Seated", driver.RoleSeated), status("2", "Confirmed", driver.RoleConfirmed), status("3", "Here", driver.RoleArrived), status("1", "unconfirmed", driver.RoleUnconfirmed)},
		driver.PaymentTypes:        {option("71", "Gift"), option("9", "Visa", "Credit Card"), option("10", "Surcharge"), option("11", "Surcharge")},
	}}}
}

func mainStreet() Place {
	return Place{Practice: "main-street", Info: testInfo(), Catalogs: testCatalogs()}
}

// rowAt gives the row of a path.
func rowAt(t *testing.T, r Report, path string) Mapping {
	t.Helper()
	for _, m := range r.References {
		if m.Path == path {
			return m
		}
	}
	t.Fatalf("no row for %s", path)
	return Mapping{}
}

func TestReferencesAreFoundByLabelInAnotherPractice(t *testing.T) {
	t.Parallel()
	doc := workingDocument()
	doc.Payments.OffsetFee = Ref{ID: "9", Label: "Fee offset"}
	before := doc.Clone()
	to := northside()
	got, report, err := Translate(doc, mainStreet(), to)
	require.NoError(t, err)
	require.True(t, doc.Equal(before), "the original is untouched")
	require.True(t, report.ByLabel)

	for path, want := range map[string]struct {
		outcome Outcome
		now     Ref
	}{
		"sync.provider":                    {OutcomeMapped, Ref{"P7", "Dr. Adams"}},
		"notes.type":                       {OutcomeMapped, Ref{"500", "Misc"}},
		"notes.type_by_kind.missed_call":   {OutcomeMapped, Ref{"501", "re-call"}},
		"documents.insurance_verification": {OutcomeMapped, Ref{"70", "Insurance"}},
		"documents.account_statement":      {OutcomeInactive, Ref{}},
		"statuses.confirmed[0]":            {OutcomeMapped, Ref{"2", "Confirmed"}},
		"statuses.confirmed[1]":            {OutcomeNotFound, Ref{}},
		"statuses.confirmed_target":        {OutcomeMapped, Ref{"2", "Confirmed"}},
		"statuses.unconfirmed_target":      {OutcomeMapped, Ref{"1", "unconfirmed"}},
		"forms.informed_consent":           {OutcomeMapped, Ref{"71", "Patient Information"}},
		"forms.types[0].folder":            {OutcomeMapped, Ref{"70", "Insurance"}},
		"payments.types.online":            {OutcomeMapped, Ref{"9", "Visa"}},
		"payments.provider":                {OutcomeMapped, Ref{"P8", "HYGIENE"}},
		"payments.surcharge_type":          {OutcomeAmbiguous, Ref{}},
		"payments.offset_fee":              {OutcomeNoList, Ref{}},
	} {
		m := rowAt(t, report, path)
		require.Equal(t, want.outcome, m.Outcome, path)
		require.Equal(t, want.now, m.Now, path)
		require.NotEmpty(t, m.Label, path)
	}
	require.Len(t, report.References, len(doc.References()), "a row for each")
	require.Len(t, report.Unmapped(), 4)

	require.Equal(t, Ref{"P7", "Dr. Adams"}, got.Sync.ProviderID)
	require.Equal(t, []Ref{{"2", "Confirmed"}}, got.Statuses.Confirmed)
	require.Zero(t, got.Documents.AccountStatement)
	require.Zero(t, got.Payments.SurchargeType)
	require.Equal(t, Diff(Default(), got), report.Changes)

	// The rest is copied.
	require.Equal(t, doc.Notes.Enabled, got.Notes.Enabled)
	require.Equal(t, doc.Intervals, got.Intervals)
	require.Equal(t, "Extraction Consent", got.Forms.Types[0].Name)
	require.Equal(t, FormType{Name: "Intake", Category: driver.PatientIdentification}, got.Forms.Types[1])
	require.True(t, got.Payments.Auto)
	require.True(t, got.Payments.Separate)

	require.Equal(t, Merge(Validate(got, to.Catalogs, to.Info, nil)), report.Problems)
	require.False(t, HasErrors(report.Problems), "%v", report.Problems)
}

func TestRowsAreInStaffWords(t *testing.T) {
	t.Parallel()
	doc := workingDocument()
	doc.Payments.OffsetFee = Ref{ID: "9", Label: "Fee offset"}
	_, report, err := Translate(doc, mainStreet(), northside())
	require.NoError(t, err)
	for path, words := range map[string]string{
		"sync.provider":                  "Writeback Provider ID: Dr. Adams (1) becomes Dr. Adams (P7).",
		"notes.type_by_kind.missed_call": "Note Type for Missed Call: Recall (238) becomes re-call (501). The labels differ only in case, spaces or punctuation.",
		"documents.account_statement": "Account Statement: The document type or folder Statements (72) is hidden or inactive in Eaglesoft. Make it active there, or choose another one here. " +
			"Until one is chosen they are not filed.",
		"statuses.confirmed[1]": `Confirmed Appointment Status: Eaglesoft has no active appointment status called "Arrived". Choose one. It may be Here (3). ` +
			"Until one is added, appointments with it do not show as confirmed.",
		"forms.types[0].folder": "Form Type Extraction Consent: Insurance (131) becomes Insurance (70).",
		"payments.types.online": "Customer Online Payment: Credit Card (71) becomes Visa (9). It has the label as another name in Eaglesoft.",
		"payments.surcharge_type": `Charged by Practice Post Payment Type: "Surcharge" fits more than one payment type: Surcharge (10) and Surcharge (11). Choose one of them. ` +
			"Until one is chosen payments whose fee is posted on its own wait.",
		"payments.offset_fee": "Offset Fees with an Adjustment: Eaglesoft offers no list Adjustment Types, or it has not been read. Until one is chosen fees are not offset.",
	} {
		require.Equal(t, words, rowAt(t, report, path).String())
	}
}

func TestLabelFitsExactlyThenButForItsSpellingAndOnlyOnce(t *testing.T) {
	t.Parallel()
	hidden := func(id, label string) driver.Option { return driver.Option{ID: id, Label: label} }
	for _, c := range []struct {
		name    string
		list    []driver.Option
		outcome Outcome
		now     string
		offered []Ref
	}{
		{"exactly", []driver.Option{option("a", "Misc Notes")}, OutcomeMapped, "a", nil},
		{"padded and on two lines", []driver.Option{option("a", " Misc Notes\r\n")}, OutcomeMapped, "a", nil},
		{"exactly goes before spelling", []driver.Option{option("b", "misc-notes"), option("a", "Misc Notes")}, OutcomeMapped, "a", nil},
		{"but for case", []driver.Option{option("a", "MISC notes")}, OutcomeMapped, "a", nil},
		{"but for spaces", []driver.Option{option("a", "MiscNotes")}, OutcomeMapped, "a", nil},
		{"but for punctuation", []driver.Option{option("a", "(Misc.) Notes…")}, OutcomeMapped, "a", nil},
		{"not but for symbols", []driver.Option{option("a", "Misc Notes +")}, OutcomeNotFound, "", nil},
		{"not a part of it", []driver.Option{option("a", "Misc"), option("b", "Misc Notes 2")}, OutcomeNotFound, "", nil},
		{"none", nil, OutcomeNotFound, "", nil},
		{"twins", []driver.Option{option("a", "Misc Notes"), option("b", "Misc Notes")}, OutcomeAmbiguous, "", []Ref{{"a", "Misc Notes"}, {"b", "Misc Notes"}}},
		{"twins but for spelling", []driver.Option{option("a", "misc notes"), option("b", "MISC NOTES")}, OutcomeAmbiguous, "", []Ref{{"a", "misc notes"}, {"b", "MISC NOTES"}}},
		{"twins exactly, and another spelling", []driver.Option{option("a", "Misc Notes"), option("c", "misc notes"), option("b", "Misc Notes")}, OutcomeAmbiguous, "", []Ref{{"a", "Misc Notes"}, {"b", "Misc Notes"}}},
		{"the row read twice", []driver.Option{option("a", "Misc Notes"), option("a", "Misc Notes")}, OutcomeMapped, "a", nil},
		{"an id of two options", []driver.Option{option("a", "Misc Notes"), option("a", "Billing")}, OutcomeAmbiguous, "", []Ref{{"a", "Misc Notes"}}},
		{"an id that is hidden too", []driver.Option{hidden("a", "Misc Notes"), option("a", "Misc Notes")}, OutcomeAmbiguous, "", []Ref{{"a", "Misc Notes"}}},
		{"hidden", []driver.Option{hidden("a", "Misc Notes")}, OutcomeInactive, "", []Ref{{"a", "Misc Notes"}}},
		{"hidden but for spelling", []driver.Option{hidden("a", "misc notes")}, OutcomeInactive, "", []Ref{{"a", "misc notes"}}},
		{"a hidden twin does not count", []driver.Option{hidden("a", "Misc Notes"), option("b", "Misc Notes")}, OutcomeMapped, "b", nil},
		{"active but for spelling goes before hidden", []driver.Option{hidden("a", "Misc Notes"), option("b", "misc notes")}, OutcomeMapped, "b", nil},
		{"the id that is alike", []driver.Option{option("7", "Billing")}, OutcomeNotFound, "", nil},
		{"the id that is alike beside the label", []driver.Option{option("7", "Billing"), option("a", "Misc Notes")}, OutcomeMapped, "a", nil},
		{"an id like the label", []driver.Option{option("Misc Notes", "Billing")}, OutcomeNotFound, "", nil},
		{"another name", []driver.Option{option("a", "Notes", "MN", "Misc Notes")}, OutcomeMapped, "a", nil},
		{"another name twice", []driver.Option{option("a", "Notes", "Misc Notes"), option("b", "More", "Misc Notes")}, OutcomeAmbiguous, "", []Ref{{"a", "Notes"}, {"b", "More"}}},
		{"the label goes before another name", []driver.Option{option("a", "Notes", "Misc Notes"), option("b", "Misc Notes")}, OutcomeMapped, "b", nil},
		{"another name but for spelling", []driver.Option{option("a", "Notes", "misc notes")}, OutcomeNotFound, "", nil},
		{"twins told apart by an abbreviation", []driver.Option{option("a", "Misc Notes", "X"), option("b", "Misc Notes", "MN")}, OutcomeMapped, "b", nil},
		{"twins of one abbreviation", []driver.Option{option("a", "Misc Notes", "MN"), option("b", "Misc Notes", "MN")}, OutcomeAmbiguous, "", []Ref{{"a", "Misc Notes"}, {"b", "Misc Notes"}}},
		{"an abbreviation alone is a hint", []driver.Option{option("a", "Billing", "MN"), option("b", "Recall")}, OutcomeNotFound, "", []Ref{{"a", "Billing"}}},
		{"six of them are five", func() (six []driver.Option) {
			for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
				six = append(six, option(id, "Misc Notes"))
			}
			return six
		}(), OutcomeAmbiguous, "", []Ref{{"a", "Misc Notes"}, {"b", "Misc Notes"}, {"c", "Misc Notes"}, {"d", "Misc Notes"}, {"e", "Misc Notes"}}},
	} {
		from, to := mainStreet(), northside()
		from.Catalogs.Lists[driver.NoteTypes] = []driver.Option{option("7", "Misc Notes", "MN")}
		to.Catalogs.Lists[driver.NoteTypes] = c.list
		doc := Default()
		doc.Notes.Type = Ref{ID: "7", Label: "Misc Notes"}
		got, report, err := Translate(doc, from, to)
		require.NoError(t, err)
		require.Len(t, report.References, 1)
		m := report.References[0]
		require.Equal(t, c.outcome, m.Outcome, c.name)
		require.Equal(t, c.now, m.Now.ID, c.name)
		require.Equal(t, c.offered, m.Candidates, c.name)
		require.Equal(t, c.now, got.Notes.Type.ID, c.name)
	}
}

func TestAbbreviationsOfProvidersAreNeverTrusted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		list    []driver.Option
		outcome Outcome
	}{
		{"the abbreviation of somebody else", []driver.Option{option("1", "Dr. Zimmer", "DOC1")}, OutcomeNotFound},
		{"the label as abbreviation", []driver.Option{option("1", "Dr. Zimmer", "Dr. Adams")}, OutcomeNotFound},
		{"twins", []driver.Option{option("1", "Dr. Adams", "DOC1"), option("2", "Dr. Adams", "DOC2")}, OutcomeAmbiguous},
	} {
		to := northside()
		to.Catalogs.Lists[driver.Providers] = c.list
		got, report, err := Translate(workingDocument(), mainStreet(), to)
		require.NoError(t, err)
		require.Equal(t, c.outcome, rowAt(t, report, "sync.provider").Outcome, c.name)
		require.Zero(t, got.Sync.ProviderID, c.name)
		require.False(t, got.Writes())
	}
	// Worth a look it is.
	to := northside()
	to.Catalogs.Lists[driver.Providers] = []driver.Option{option("1", "Dr. Zimmer", "DOC1"), option("2", "Dr. Young")}
	_, report, err := Translate(workingDocument(), mainStreet(), to)
	require.NoError(t, err)
	require.Equal(t, []Ref{{"1", "Dr. Zimmer"}}, rowAt(t, report, "sync.provider").Candidates)
}

func TestLabelIsWhatTheSourcesCatalogsShow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		ref     Ref
		edit    func(*Place)
		outcome Outcome
		now     string
	}{
		{"its own", Ref{"239", "Misc"}, nil, OutcomeMapped, "500"},
		{"none", Ref{"239", ""}, nil, OutcomeMapped, "500"},
		{"outdated", Ref{"239", "Recall"}, nil, OutcomeMapped, "500"},
		{"outdated, ids reused", Ref{"239", "Recall"}, func(p *Place) { p.Info.ReusesIDs = true }, OutcomeMapped, "501"},
		{"hidden at the source", Ref{"239", ""}, func(p *Place) { p.Catalogs.Lists[driver.NoteTypes][1].Active = false }, OutcomeMapped, "500"},
		{"outdated, hidden", Ref{"239", "Recall"}, func(p *Place) { p.Catalogs.Lists[driver.NoteTypes][1].Active = false }, OutcomeMapped, "500"},
		{"outdated, hidden, ids reused", Ref{"239", "Recall"}, func(p *Place) { p.Catalogs.Lists[driver.NoteTypes][1].Active = false; p.Info.ReusesIDs = true }, OutcomeMapped, "501"},
		{"outdated, no catalogs", Ref{"239", "Recall"}, func(p *Place) { p.Catalogs = Catalogs{} }, OutcomeMapped, "501"},
		{"none, no catalogs", Ref{"239", ""}, func(p *Place) { p.Catalogs = Catalogs{} }, OutcomeUnlabelled, ""},
		{"none, gone", Ref{"77", ""}, nil, OutcomeUnlabelled, ""},
		{"its own, gone", Ref{"77", "Misc"}, nil, OutcomeMapped, "500"},
		{"none, the id of two options", Ref{"239", ""}, func(p *Place) {
			p.Catalogs.Lists[driver.NoteTypes] = append(p.Catalogs.Lists[driver.NoteTypes], option("239", "Recall"))
		}, OutcomeUnlabelled, ""},
		{"the option has none", Ref{"239", "Misc"}, func(p *Place) { p.Catalogs.Lists[driver.NoteTypes][1].Label = "" }, OutcomeMapped, "500"},
		{"a pasted text", Ref{" Misc ", ""}, nil, OutcomeMapped, "500"},
	} {
		from := mainStreet()
		if c.edit != nil {
			c.edit(&from)
		}
		doc := Default()
		doc.Notes.Type = c.ref
		got, report, err := Translate(doc, from, northside())
		require.NoError(t, err)
		require.Equal(t, c.outcome, report.References[0].Outcome, c.name)
		require.Equal(t, c.now, got.Notes.Type.ID, c.name)
		if c.outcome == OutcomeUnlabelled {
			require.Contains(t, report.References[0].Words, "known only by the id ")
		}
	}
}

func TestWhatAStatusIsUsedForIsAHint(t *testing.T) {
	t.Parallel()
	to := northside()
	list := to.Catalogs.Lists[driver.AppointmentStatuses]
	list[1].Role = driver.RoleUnconfirmed // what is called Confirmed
	list = append(list, driver.Option{ID: "8", Label: "OK", Active: true, Role: driver.RoleConfirmed}, driver.Option{ID: "9", Label: "Gone", Role: driver.RoleArrived})
	to.Catalogs.Lists[driver.AppointmentStatuses] = list
	_, report, err := Translate(workingDocument(), mainStreet(), to)
	require.NoError(t, err)
	m := rowAt(t, report, "statuses.confirmed_target")
	require.Equal(t, "2", m.Now.ID, "the label decides")
	require.Contains(t, m.Words, "It means unconfirmed here and confirmed there: check that it is the right one.")
	m = rowAt(t, report, "statuses.confirmed[1]")
	require.Equal(t, OutcomeNotFound, m.Outcome)
	require.Equal(t, []Ref{{"3", "Here"}}, m.Candidates, "used for arrived as well, and active")
}

func TestTwoStatusesThatAreOneHereStandInTheSetOnce(t *testing.T) {
	t.Parallel()
	doc := workingDocument()
	doc.Statuses.Confirmed = []Ref{{"21", "Confirmed"}, {"x", "confirmed."}}
	got, report, err := Translate(doc, mainStreet(), northside())
	require.NoError(t, err)
	require.Equal(t, []Ref{{"2", "Confirmed"}}, got.Statuses.Confirmed)
	require.Equal(t, OutcomeMapped, rowAt(t, report, "statuses.confirmed[1]").Outcome)
}

func TestIntervalBelowTheMinimumOfTheOtherPMSIsRaisedAndTold(t *testing.T) {
	t.Parallel()
	to := northside()
	to.Info.Feeds[driver.AppointmentStatusFeed] = driver.FeedInfo{Support: driver.Yes(), MinInterval: 2 * time.Minute}
	to.Info.Feeds[driver.PatientFeed] = driver.FeedInfo{Support: driver.Yes(), MinInterval: 90 * time.Second}
	to.Info.Feeds[driver.AppointmentFeed] = driver.FeedInfo{Support: driver.Yes(), MinInterval: 2 * time.Minute}
	doc := workingDocument() // 20 seconds, off, 90 seconds
	saved := Default()
	saved.Intervals.AppointmentStatus = Seconds(20)
	to.Saved = &saved
	got, report, err := Translate(doc, mainStreet(), to)
	require.NoError(t, err)
	require.Equal(t, Intervals{AppointmentStatus: Seconds(120), AppointmentChanges: Never(), NewPatients: Seconds(90), Photos: true, PhotoSweep: Seconds(3600)}, got.Intervals)
	require.Equal(t, Problem{
		Path: "intervals.appointment_status", Severity: Warning, Code: CodeIntervalRaised,
		Words: "Appointment Status becomes 2 minutes instead of 20 seconds, because Eaglesoft allows no shorter interval.",
	}, report.Problems[0])
	require.Empty(t, at(report.Problems, "intervals.new_patients"))

	// What is wrong in itself is not mended.
	doc.Intervals.AppointmentStatus = Every(-time.Second)
	got, report, err = Translate(doc, mainStreet(), to)
	require.NoError(t, err)
	require.Equal(t, Every(-time.Second), got.Intervals.AppointmentStatus)
	require.Equal(t, CodeInterval, at(report.Problems, "intervals.appointment_status")[0].Code)
}

func TestWhatDoesNotFindItsPlaceIsValidatedWithTheRest(t *testing.T) {
	t.Parallel()
	doc := workingDocument()
	doc.Statuses.Confirmed = []Ref{{"22", "Arrived"}}
	doc.Statuses.ConfirmedTarget = Ref{"21", "Confirmed"}
	doc.Statuses.Confirmed = append(doc.Statuses.Confirmed, Ref{"21", "Verified"})
	from, to := mainStreet(), northside()
	from.Catalogs = Catalogs{} // so that the labels of the references count
	to.Catalogs.Lists[driver.NoteTypes] = to.Catalogs.Lists[driver.NoteTypes][:1]
	got, report, err := Translate(doc, from, to)
	require.NoError(t, err)
	require.Equal(t, "2", got.Statuses.ConfirmedTarget.ID)
	require.Empty(t, got.Statuses.Confirmed)
	require.True(t, HasErrors(report.Problems))
	require.Equal(t, CodeTargetNotInSet, at(report.Problems, "statuses.confirmed_target")[0].Code)
	require.Equal(t, CodeNoteTypeRequired, at(report.Problems, "notes.type")[0].Code)
}

func TestNothingIsFoundWhereNothingWasRead(t *testing.T) {
	t.Parallel()
	_, report, err := Translate(workingDocument(), mainStreet(), Place{Practice: "new"})
	require.ErrorIs(t, err, ErrNotRead)
	require.ErrorContains(t, err, "settings: translate: the lists of the practice's PMS have not been read yet")
	require.Empty(t, report)
}

func TestReferenceThatIsNotFoundIsClearedAnywhereAndToldWhatThatMeans(t *testing.T) {
	t.Parallel()
	to := northside()
	to.Catalogs.Lists[driver.AdjustmentTypes] = []driver.Option{}
	refPlaces(t, func(t *testing.T, path string, cat driver.Catalog, with func(Ref) Document) {
		doc := with(Ref{ID: "P7", Label: "Nobody has this"}) // the id of a provider there
		got, report, err := Translate(doc, Place{Practice: "main-street"}, to)
		require.NoError(t, err)
		m := rowAt(t, report, path)
		require.Equal(t, OutcomeNotFound, m.Outcome)
		require.Equal(t, Ref{ID: "P7", Label: "Nobody has this"}, m.Was)
		require.Contains(t, m.Words, " Until one is ")
		require.Contains(t, m.Words, catalogNoun(cat))
		require.Contains(t, report.Unmapped(), m)
		r, err := Get(got, path)
		if strings.HasPrefix(path, "statuses.confirmed[") {
			require.ErrorIs(t, err, ErrUnknownPath, "it left the set")
			return
		}
		require.NoError(t, err)
		require.Zero(t, r)
	})
	require.Equal(t, "Until one is chosen payments are attributed to the Writeback Provider.", cleared("payments.provider"))
	require.Equal(t, "Until one is chosen these forms go to the folder of their category.", cleared("forms.types[3].folder"))
}

func TestWhatANewerVersionKeepsStaysInItsPractice(t *testing.T) {
	t.Parallel()
	doc, saved := workingDocument(), workingDocument()
	doc.schema, doc.extras = 9, extras{{"notes", "", "later"}: `"theirs"`, {"notes.type", "500", "x"}: `1`}
	saved.schema, saved.extras = 8, extras{{"notes", "", "later"}: `"ours"`}
	to := northside()
	got, _, err := Translate(doc, mainStreet(), to)
	require.NoError(t, err)
	require.Empty(t, got.extras)
	require.Zero(t, got.schema)
	to.Saved = &saved
	got, _, err = Translate(doc, mainStreet(), to)
	require.NoError(t, err)
	require.Equal(t, saved.extras, got.extras)
	require.Equal(t, 8, got.schema)
}

func TestAnyDocumentFindsItselfInAPracticeOfTheSameOptions(t *testing.T) {
	t.Parallel()
	// The same labels under other ids, without twins of a label.
	from, to := mainStreet(), mainStreet()
	to.Practice = "northside"
	for cat, list := range to.Catalogs.Lists {
		for i := range list {
			list[i].ID = "n" + list[i].ID
		}
		to.Catalogs.Lists[cat] = list
	}
	everyDocument(t, func(t *testing.T, _ *rand.Rand, d Document) {
		source, _ := Normalize(d, from.Catalogs)
		there, report, err := Translate(d, from, to)
		require.NoError(t, err)
		require.Len(t, report.References, len(source.References()))
		for _, m := range report.References {
			o, ok := from.Catalogs.Lookup(byPath(strings.SplitN(m.Path, "[", 2)[0]).catalog, m.Was.ID)
			if ok && o.Active {
				require.Equal(t, "n"+m.Was.ID, m.Now.ID, m)
			}
			require.Equal(t, m.Now.IsZero(), m.Outcome != OutcomeMapped, m)
		}
		data, err := there.Marshal()
		require.NoError(t, err)
		again, _, err := Parse(data, Stored)
		require.NoError(t, err)
		require.True(t, again.Equal(there))
		// And back again.
		back, _, err := Translate(there, to, from)
		require.NoError(t, err)
		for _, r := range back.References() {
			_, ok := from.Catalogs.Lookup(r.Catalog, r.Ref.ID)
			require.True(t, ok, r)
		}
	})
}
