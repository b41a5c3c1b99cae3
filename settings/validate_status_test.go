package settings

import (
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

// withStatuses gives the problems of a document with these statuses.
func withStatuses(s Statuses) []Problem {
	return problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Statuses = s })
}

func refsTo(ids ...string) []Ref {
	var out []Ref
	for _, id := range ids {
		out = append(out, Ref{ID: id})
	}
	return out
}

func TestConfirmedTargetMustCountAsConfirmed(t *testing.T) {
	t.Parallel()
	requireOne(t, withStatuses(Statuses{Confirmed: refsTo("300"), ConfirmedTarget: Ref{ID: "21"}}),
		Error, "statuses.confirmed_target", CodeTargetNotInSet, "Confirmed (21) does not count as confirmed")
	require.Empty(t, withStatuses(Statuses{Confirmed: refsTo("300", "21"), ConfirmedTarget: Ref{ID: "21"}}))
}

func TestUnconfirmedTargetMustNotCountAsConfirmed(t *testing.T) {
	t.Parallel()
	requireOne(t, withStatuses(Statuses{Confirmed: refsTo("21", "300"), UnconfirmedTarget: Ref{ID: "300"}}),
		Error, "statuses.unconfirmed_target", CodeTargetInSet, "Pre-confirmed (300) counts as confirmed")
	require.Empty(t, withStatuses(Statuses{Confirmed: refsTo("21"), UnconfirmedTarget: Ref{ID: "19"}}))
}

func TestTargetsMustDiffer(t *testing.T) {
	t.Parallel()
	problems := withStatuses(Statuses{Confirmed: refsTo("21", "300"), ConfirmedTarget: Ref{ID: "300"}, UnconfirmedTarget: Ref{ID: "300"}})
	require.Len(t, problems, 2)
	requireOne(t, problems[:1], Error, "statuses.unconfirmed_target", CodeTargetInSet)
	requireOne(t, problems[1:], Error, "statuses.unconfirmed_target", CodeTargetsEqual, "two different ones")
	require.Empty(t, withStatuses(Statuses{Confirmed: refsTo("21")}), "two that are not written do not count")
}

func TestEmptySetIsAWarningWhileTheStatusLoopRuns(t *testing.T) {
	t.Parallel()
	requireOne(t, withStatuses(Statuses{}), Warning, "statuses.confirmed", CodeNothingConfirmed, "Nothing counts as confirmed yet")
	require.Empty(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) {
		d.Statuses = Statuses{}
		d.Intervals.AppointmentStatus = Never()
	}))
}

func TestStatusThatStampsATimeIsNoTarget(t *testing.T) {
	t.Parallel()
	requireOne(t, withStatuses(Statuses{Confirmed: refsTo("21", "22"), ConfirmedTarget: Ref{ID: "22"}}),
		Error, "statuses.confirmed_target", CodeTargetRole, "Arrived (22) marks the patient as arrived in Open Dental")
	requireOne(t, withStatuses(Statuses{Confirmed: refsTo("21"), UnconfirmedTarget: Ref{ID: "25"}}),
		Error, "statuses.unconfirmed_target", CodeTargetRole, "seated")
	require.Empty(t, withStatuses(Statuses{Confirmed: refsTo("21", "22", "25")}), "who has arrived counts as confirmed")
}

func TestTargetThatThePMSMarksOtherwiseIsAWarning(t *testing.T) {
	t.Parallel()
	requireOne(t, withStatuses(Statuses{Confirmed: refsTo("21", "19"), ConfirmedTarget: Ref{ID: "19"}}),
		Warning, "statuses.confirmed_target", CodeTargetRole, "Unconfirmed (19) means unconfirmed")
	requireOne(t, withStatuses(Statuses{Confirmed: refsTo("300"), UnconfirmedTarget: Ref{ID: "21"}}),
		Warning, "statuses.unconfirmed_target", CodeTargetRole, "means confirmed")
}

func TestNamesThatSoundLikeOutreachAreAWarning(t *testing.T) {
	t.Parallel()
	requireOne(t, withStatuses(Statuses{Confirmed: refsTo("21", "20")}), Warning, "statuses.confirmed[1]", CodeSoundsLikeOutreach, "Left Msg (20)")
	requireOne(t, withStatuses(Statuses{Confirmed: refsTo("252", "21")}), Warning, "statuses.confirmed[0]", CodeSoundsLikeOutreach, "E-mailed (252)")
	requireOne(t, withStatuses(Statuses{Confirmed: refsTo("21", "291")}), Warning, "statuses.confirmed[1]", CodeSoundsLikeOutreach, "Asked (291)")

	for _, label := range []string{"Texted", "Text Sent", "E-mailed", "Sent Email", "Left Msg", "Left Message", "LMM", "eConfirmSent", "eConfirmCallBack",
		"No Answer", "Phone Busy", "Line Busy", "Waiting For Callback", "Left V/M", "Disconnected"} {
		require.True(t, soundsLikeOutreach(label), label)
	}
	for _, label := range []string{"Confirmed", "Confirmed by text", "Confirmed via email", "FIRM", "FIRM-E", "Arrived", "Ready to go Back", "Here", "Pre-confirmed", "Web confirmed", ""} {
		require.False(t, soundsLikeOutreach(label), label)
	}
}

func TestStatusThatIsInTheSetTwiceIsAWarning(t *testing.T) {
	t.Parallel()
	requireOne(t, withStatuses(Statuses{Confirmed: refsTo("21", "300", "21")}), Warning, "statuses.confirmed[2]", CodeDuplicate, "Confirmed (21) is in the list twice")
}

func TestStatusRulesHoldWithoutAnyList(t *testing.T) {
	t.Parallel()
	d := Default()
	d.Statuses = Statuses{Confirmed: []Ref{{ID: "1", Label: "Texted"}}, ConfirmedTarget: Ref{ID: "2"}, UnconfirmedTarget: Ref{ID: "1"}}
	var codes []string
	for _, p := range Validate(d, Catalogs{}, driver.Info{}, nil) {
		codes = append(codes, p.Code)
	}
	require.Equal(t, []string{CodeNotChecked, CodeNotConfigured, CodeSoundsLikeOutreach, CodeTargetNotInSet, CodeTargetInSet}, codes)
}

// What was broken in the saved revision only warns.

func TestReferenceThatWasBrokenBeforeOnlyWarns(t *testing.T) {
	t.Parallel()
	before := workingDocument()
	for _, cat := range driver.Catalogs() {
		cats := testCatalogs()
		cats.Lists[cat] = []driver.Option{} // everything vanished
		doc := before.Clone()
		doc.Notes.Enabled[driver.TaskNote] = false
		problems := Validate(doc, cats, testInfo(), &before)
		require.False(t, HasErrors(problems), "%s: %v", cat, problems)
		if cat != driver.AdjustmentTypes {
			require.NotEmpty(t, problems, cat)
			require.True(t, HasErrors(Validate(doc, cats, testInfo(), nil)), cat)
			require.Contains(t, problems[0].Words, "What needs it waits until then.")
		}
	}
}

func TestReferenceThatIsBrokenNowIsAnErrorWhateverWasBefore(t *testing.T) {
	t.Parallel()
	before := workingDocument()
	before.Notes.Type = Ref{ID: "gone1"}
	doc := before.Clone()
	doc.Notes.Type = Ref{ID: "gone2"}
	requireOne(t, Validate(doc, testCatalogs(), testInfo(), &before), Error, "notes.type", CodeOptionUnknown)

	doc = before.Clone()
	doc.Notes.TypeByKind[driver.MissedCall] = Ref{ID: "gone1"}
	problems := Validate(doc, testCatalogs(), testInfo(), &before)
	require.Len(t, problems, 2)
	require.Equal(t, Warning, problems[0].Severity)
	require.Equal(t, Error, problems[1].Severity, "a broken reference is not copied to another field")
}

func TestBrokenEntryOfAListOnlyWarnsWhereverItMoves(t *testing.T) {
	t.Parallel()
	before := workingDocument()
	before.Statuses.Confirmed = refsTo("gone", "21")
	before.Forms.Types = []FormType{{Name: "A", Category: driver.InformedConsent}, {Name: "B", Category: "unheard", Folder: Ref{ID: "gone"}}}
	doc := before.Clone()
	doc.Statuses.Confirmed = refsTo("21", "gone")
	doc.Forms.Types = doc.Forms.Types[1:]
	problems := Validate(doc, testCatalogs(), testInfo(), &before)
	require.Len(t, problems, 3)
	require.False(t, HasErrors(problems), problems)

	doc.Forms.Types[0].Name = "C"
	require.True(t, HasErrors(Validate(doc, testCatalogs(), testInfo(), &before)))
}

func TestMinimumThatGrewOnlyWarns(t *testing.T) {
	t.Parallel()
	info := testInfo()
	info.Feeds[driver.PatientFeed] = driver.FeedInfo{Support: driver.Yes(), MinInterval: time.Hour}
	before := workingDocument()
	requireOne(t, Validate(before, testCatalogs(), info, &before), Warning, "intervals.new_patients", CodeIntervalMinimum, "Until then it runs at that pace")
	doc := before.Clone()
	doc.Intervals.NewPatients = Seconds(31)
	requireOne(t, Validate(doc, testCatalogs(), info, &before), Error, "intervals.new_patients", CodeIntervalMinimum)

	info = testInfo()
	info.Feeds[driver.PhotoFeed] = driver.FeedInfo{Support: driver.Yes(), MinInterval: 2 * time.Hour}
	before.Intervals.Photos = false
	requireOne(t, Validate(workingDocument(), testCatalogs(), info, &before), Error, "intervals.photo_sweep", CodeIntervalMinimum)
}

func TestOperationThatThePMSLostOnlyWarns(t *testing.T) {
	t.Parallel()
	info := testInfo()
	info.Ops[driver.OpNote] = driver.OpInfo{Support: driver.No("The key lost its permission.")}
	before := workingDocument()
	before.Notes.Enabled = map[driver.NoteKind]bool{driver.MissedCall: true}
	requireOne(t, Validate(before, testCatalogs(), info, &before), Warning, "notes.enabled.missed_call", CodeUnsupported, "The key lost its permission.")
	doc := before.Clone()
	doc.Notes.Enabled[driver.TaskNote] = true
	problems := Validate(doc, testCatalogs(), info, &before)
	require.Len(t, problems, 2)
	requireOne(t, problems[1:], Error, "notes.enabled.task_note", CodeUnsupported)
}

func TestNoteTypesThatThePMSGotLaterOnlyWarn(t *testing.T) {
	t.Parallel()
	before := workingDocument()
	before.Notes = Notes{Enabled: map[driver.NoteKind]bool{driver.MissedCall: true}}
	requireOne(t, Validate(before, testCatalogs(), testInfo(), &before), Warning, "notes.type", CodeNoteTypeRequired)
	doc := before.Clone()
	doc.Notes.Enabled[driver.TaskNote] = true
	requireOne(t, Validate(doc, testCatalogs(), testInfo(), &before), Error, "notes.type", CodeNoteTypeRequired)
}

func TestRulesWithinTheDocumentStayErrors(t *testing.T) {
	t.Parallel()
	before := workingDocument()
	before.Statuses.ConfirmedTarget = Ref{ID: "300"}
	before.Intervals.NewPatients = Interval{}
	before.Forms.Types = append(before.Forms.Types, before.Forms.Types[0])
	n := 0
	for _, p := range Validate(before, testCatalogs(), testInfo(), &before) {
		require.Equal(t, Error, p.Severity, p)
		n++
	}
	require.Equal(t, 3, n)
}

func TestStatusesAreNamedAsThePMSCallsThemNow(t *testing.T) {
	t.Parallel()
	problems := problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) {
		d.Statuses.ConfirmedTarget.Label = "Old name"
		d.Statuses.Confirmed = d.Statuses.Confirmed[1:]
	})
	requireOne(t, problems, Error, "statuses.confirmed_target", CodeTargetNotInSet, "Confirmed (21) does not count as confirmed")
}
