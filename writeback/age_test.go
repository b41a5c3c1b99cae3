package writeback

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/settings"
)

// aged gives an item an age in a state.
func aged(it *item, state State, age time.Duration) *item {
	it.State, it.Age = state, age
	return it
}

func TestOnlyNotesOfWhichNothingWasSentExpire(t *testing.T) {
	t.Parallel()
	const bound, day = 7 * 24 * time.Hour, 24 * time.Hour
	over := decision{EventExpired, ReasonNoteExpired, ""}
	leg1 := func(l leg) func(*item, *view) {
		return func(it *item, _ *view) { it.pr.Legs = []leg{l} }
	}
	for _, tc := range []struct {
		name   string
		item   *item
		change func(*item, *view)
		event  string
	}{
		{"queued", aged(noteItem(), Queued, bound), nil, EventExpired},
		{"held", aged(noteItem(), Held, bound), nil, EventExpired},
		{"no patient", aged(patientIs(noteItem(), someone, matchNone), NeedsPatient, bound), nil, EventExpired},
		{"several patients", aged(patientIs(noteItem(), someone, matchMany), NeedsPatient, bound), nil, EventExpired},
		{"planned and not sent", aged(noteItem(), Queued, bound), leg1(leg{Sent: &sentOp{Body: "x"}}), EventExpired},
		{"looked for and not there", aged(noteItem(), Queued, bound), leg1(leg{Looked: true}), EventExpired},
		{"held by the PMS", aged(noteItem(), Held, bound), func(_ *item, v *view) { hide(v, "providers", "DOC1") }, EventExpired},
		{"a moment before", aged(noteItem(), Queued, bound-time.Millisecond), nil, EventQueued},
		{"no bound", aged(noteItem(), Queued, 1000*bound), func(_ *item, v *view) { v.notesExpire = 0 }, EventQueued},
		{"being sent", aged(noteItem(), Queued, bound), leg1(leg{State: legSending, First: time.Now()}), EventQueued},
		{"sent before, outcome unknown", aged(noteItem(), Queued, bound), leg1(leg{Doubt: true}), EventQueued},
		{"there except for a rest", aged(noteItem(), PartiallyPosted, bound), leg1(leg{Prior: receipt("1")}), EventQueued},
		{"first part written", aged(noteItem(), PartiallyPosted, bound), func(it *item, _ *view) { it.pr.Legs = []leg{{State: legDone}, {}} }, EventQueued},
		{"switched off", aged(noteItem(), Queued, bound), func(_ *item, v *view) { v.settings.Notes.Enabled = nil }, EventSkipped},
		{"restored since, not looked for", aged(noteItem(), Queued, bound), func(_ *item, v *view) { v.restoredAt = v.now }, EventQueued},
		{"restored since, looked for", aged(noteItem(), Queued, bound), func(it *item, v *view) {
			v.restoredAt, it.pr.Legs = v.now, []leg{{Looked: true}}
		}, EventExpired},
		{"payment", aged(paymentItem(), Queued, 1000*bound), nil, EventQueued},
		{"refund", aged(refundItem(Written), Queued, 1000*bound), nil, EventQueued},
		{"document", aged(documentItem(), Queued, 1000*bound), nil, EventQueued},
		{"form", aged(formItem(), Queued, 1000*bound), nil, EventQueued},
		{"status", aged(statusItem(), Queued, 1000*bound), nil, EventQueued},
	} {
		v := wholeView()
		v.notesExpire, v.formsAskAfter = bound, day
		tc.item.CreatedAt = v.now.Add(-tc.item.Age)
		if tc.change != nil {
			tc.change(tc.item, &v)
		}
		d := decide(tc.item, v)
		require.Equal(t, tc.event, d.event, tc.name)
		if d.event == EventExpired {
			require.Equal(t, over, d, tc.name)
		}
	}
}

func TestFormsAskForTheirPatientWhenTheyHaveWaitedLong(t *testing.T) {
	t.Parallel()
	const bound = 7 * 24 * time.Hour
	require.Equal(t, bound, Config{}.withDefaults().FormsAskAfter)
	wait, ask := decision{EventNeedsPatient, ReasonNoPatient, ""}, decision{EventNeedsPatient, ReasonPatientOverdue, "patient_overdue"}
	several := decision{EventNeedsPatient, ReasonManyPatients, ""}
	for _, tc := range []struct {
		name string
		item *item
		want decision
	}{
		{"form", aged(patientIs(formItem(), someone, matchNone), NeedsPatient, bound), ask},
		{"document", aged(patientIs(documentItem(), someone, matchNone), NeedsPatient, bound), ask},
		{"form by phone", aged(patientIs(formItem(), patientData{Phone: "555-0100"}, matchNone), NeedsPatient, bound), ask},
		{"a moment before", aged(patientIs(formItem(), someone, matchNone), NeedsPatient, bound-time.Millisecond), wait},
		{"several fit", aged(patientIs(formItem(), someone, matchMany), NeedsPatient, bound), several},
		{"to be looked up", aged(patientIs(formItem(), someone, matchPending), Queued, bound), decision{event: EventQueued}},
		{"note", aged(patientIs(noteItem(), someone, matchNone), NeedsPatient, 1000*bound), wait},
		{"payment", aged(patientIs(paymentItem(), someone, matchNone), NeedsPatient, 1000*bound), wait},
		{"switched off", aged(patientIs(documentItem(), someone, matchNone), NeedsPatient, bound), decision{EventSkipped, ReasonDisabled, "disabled:documents.insurance_verification"}},
	} {
		v := wholeView()
		v.formsAskAfter = bound
		if tc.name == "switched off" {
			v.settings.Documents.InsuranceVerification = settings.Ref{}
		}
		require.Equal(t, tc.want, decide(tc.item, v), tc.name)
	}
}
