package writeback_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

func (b *bed) mode(m writeback.Mode) {
	b.t.Helper()
	require.NoError(b.t, b.p.SetMode(b.t.Context(), m, "dana", "moving house"))
}

// submitAll submits one of each kind, with the keys that it returns. There is a
// refund of the payment among them.
func (b *bed) submitAll(prefix string, appointment string) []string {
	b.t.Helper()
	ctx := b.t.Context()
	key := func(s string) string { return prefix + s }
	b.must(b.p.WriteNote(ctx, b.note(key("note"))))
	b.must(b.p.WriteDocument(ctx, writeback.Document{
		Key: key("doc"), Kind: driver.InsuranceVerification, Patient: writeback.PatientID(b.patient), At: time.Now(),
		MIME: "application/pdf", Content: strings.NewReader("%PDF-1.7 " + key("doc")),
	}))
	b.must(b.p.SubmitForm(ctx, writeback.Form{
		Key: key("form"), Category: driver.InformedConsent, Patient: writeback.PatientID(b.patient), At: time.Now(),
		MIME: "application/pdf", Content: strings.NewReader("%PDF-1.7 " + key("form")),
	}))
	b.must(b.p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{Key: key("status"), Appointment: appointment, Confirmed: true}))
	pay := b.payment(key("pay"))
	pay.Fee = driver.USD(269)
	b.must(b.p.PostPayment(ctx, pay))
	b.must(b.p.Refund(ctx, writeback.Refund{Key: key("refund"), Payment: key("pay"), Amount: driver.USD(2500), At: time.Now()}))
	return []string{key("note"), key("doc"), key("form"), key("status"), key("pay"), key("refund")}
}

// lastPracticeWords are of the last event about the practice that the host got.
func (b *bed) lastPracticeWords() string {
	return got(b.host, func() string {
		if len(b.host.practice) == 0 {
			return ""
		}
		return b.host.practice[len(b.host.practice)-1].Words
	})
}

// written counts what the PMS has got, statuses included.
func (b *bed) written() int {
	return len(b.pms.Notes()) + len(b.pms.Documents()) + len(b.pms.StatusWrites()) + len(b.pms.Payments()) + len(b.pms.Refunds())
}

func TestPausedPracticeWritesNothingLosesNothingAndGoesOnByItself(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		id := b.appointment(48 * time.Hour)
		b.save(func(d *settings.Document) { d.Payments.Separate = true })
		b.pass(time.Minute)
		b.mode(writeback.Paused)
		keys := b.submitAll("", id)
		parked := b.note("parked")
		parked.Patient = writeback.PatientNamed("Mary", "Nobody", driver.Date{Year: 1970, Month: 1, Day: 1})
		b.must(b.p.WriteNote(t.Context(), parked))
		b.pass(2 * time.Hour)
		require.Zero(t, b.written())
		for _, key := range append(keys, "parked") {
			it := b.requireState(key, writeback.Held)
			require.Contains(t, []driver.Reason{writeback.ReasonPaused, writeback.ReasonWaitsForPayment}, it.Reason, key)
			require.NotEmpty(t, it.Words)
			require.NotEmpty(t, it.NextStep)
		}
		h, err := b.p.Health(t.Context())
		require.NoError(t, err)
		require.Equal(t, writeback.Paused, h.Mode)
		require.Equal(t, "mode:paused", h.Issues[0].Cause)
		require.Equal(t, "Writing is paused: what is submitted waits. Set by dana.", b.lastPracticeWords())

		// Reading goes on.
		require.NoError(t, b.pms.SetStatus(id, "0303"))
		b.pass(time.Minute)
		require.Len(t, b.host.statuses, 1)
		require.NoError(t, b.pms.SetStatus(id, "0301"))
		b.pass(time.Minute)

		b.mode(writeback.Live)
		b.pass(time.Minute)
		for _, key := range keys {
			b.requireState(key, writeback.Written)
		}
		b.requireState("parked", writeback.NeedsPatient)
		require.Len(t, b.pms.Notes(), 1)
		require.Len(t, b.pms.Documents(), 2)
		require.Len(t, b.pms.Payments(), 2, "payment and fee")
		require.Len(t, b.pms.Refunds(), 1)
	})
}

func TestWhatHasBegunWaitsForItsRestWhilePausedAndWhatIsUncertainIsLookedFor(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Payments.Separate = true })
		b.pass(time.Second)
		// The fee's turn does not come; and a note's answer is lost.
		b.pms.Fail(memdriver.Fault{On: "write payment", Skip: 1, Times: 1})
		b.pms.Fail(memdriver.Fault{On: "write note", Times: 1, Effect: memdriver.After})
		b.pms.Fail(memdriver.Fault{On: "verify", Times: 1})
		pay := b.payment("pay")
		pay.Fee = driver.USD(269)
		b.must(b.p.PostPayment(t.Context(), pay))
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		synctest.Wait()
		b.requireState("pay", writeback.PartiallyPosted)
		b.requireState("note", writeback.Uncertain)
		b.mode(writeback.Paused)
		b.pass(time.Hour)
		require.Equal(t, writeback.ReasonPaused, b.requireState("pay", writeback.PartiallyPosted).Reason)
		require.Len(t, b.pms.Payments(), 1)
		b.requireState("note", writeback.Written)
		require.Len(t, b.pms.Notes(), 1)
		b.mode(writeback.Live)
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
		require.Len(t, b.pms.Payments(), 2)
	})
}

func TestPracticeThatOnlyPlansShowsEverythingAndWritesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		id := b.appointment(48 * time.Hour)
		b.save(func(d *settings.Document) { d.Payments.Separate, d.Payments.OffsetFee = true, settings.Ref{ID: "0502"} })
		b.pass(time.Second)
		b.pms.SetOffline(true)
		b.must(b.p.WriteNote(ctx, b.note("before")))
		b.pass(time.Second)
		b.mode(writeback.PlanOnly)
		b.pms.SetOffline(false)
		keys := b.submitAll("", id)
		parked := b.note("parked")
		parked.Patient = writeback.PatientNamed("Mary", "Nobody", driver.Date{Year: 1970, Month: 1, Day: 1})
		b.must(b.p.WriteNote(ctx, parked))
		b.pass(2 * time.Hour)
		require.Zero(t, b.written())
		for _, key := range keys[:4] {
			require.Equal(t, writeback.ReasonPlanOnly, b.requireState(key, writeback.Skipped).Reason, key)
		}
		require.Equal(t, writeback.ReasonPlanOnly, b.requireState("pay", writeback.AwaitingTransfer).Reason)
		require.Equal(t, writeback.ReasonWaitsForPayment, b.requireState("refund", writeback.Held).Reason)
		require.Equal(t, writeback.ReasonPlanOnly, b.requireState("before", writeback.Held).Reason)
		b.requireState("parked", writeback.NeedsPatient)

		// The plan.
		note := b.item("note").Legs[0].With
		require.Equal(t, b.patient, note.Patient)
		require.Equal(t, "DOC1", note.Provider)
		require.Equal(t, "0101", note.Option)
		require.Contains(t, note.Body.Reveal(), "Asked about Friday.")
		require.NotContains(t, fmt.Sprintf("%+v", b.item("note")), "Friday")
		require.Equal(t, "0201", b.item("doc").Legs[0].With.Option)
		require.Equal(t, "0204", b.item("form").Legs[0].With.Option)
		require.Equal(t, "0302", b.item("status").Legs[0].With.Option)
		pay := b.item("pay").Legs
		require.Len(t, pay, 3)
		for i, option := range []string{"0402", "0404", "0502"} {
			require.Equal(t, option, pay[i].With.Option)
			require.Equal(t, b.patient, pay[i].With.Patient)
			require.Equal(t, "DOC1", pay[i].With.Provider)
			require.False(t, pay[i].With.PostedOn.IsZero())
		}

		// Another plan by other settings.
		b.save(func(d *settings.Document) { d.Notes.Type = settings.Ref{ID: "0102"} })
		b.pass(time.Minute)
		require.Equal(t, "0102", b.item("before").Legs[0].With.Option)

		b.mode(writeback.Live)
		b.pass(2 * time.Hour)
		b.requireState("before", writeback.Written)
		require.Equal(t, 1, b.written(), "what the practice did otherwise meanwhile is not written a second time")

		// Until somebody asks for it.
		b.must(b.p.Retry(ctx, b.item("note").ID, "dana"))
		b.must(b.p.Transfer(ctx, b.item("pay").ID, "dana"))
		b.pass(time.Minute)
		b.requireState("note", writeback.Written)
		b.requireState("pay", writeback.Written)
		b.must(b.p.Transfer(ctx, b.requireState("refund", writeback.AwaitingTransfer).ID, "dana"))
		b.pass(time.Minute)
		b.requireState("refund", writeback.Written)
		require.Equal(t, 5, b.written())
		require.Len(t, b.pms.Adjustments(), 1)
	})
}

func TestPlanOnlyShowsWhatWouldHoldAnItemUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.mode(writeback.PlanOnly)
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		b.refresh()
		b.pass(time.Second)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.pass(time.Minute)
		require.Equal(t, driver.ReasonProviderInactive, b.requireState("note", writeback.Held).Reason)
		require.Equal(t, driver.ReasonProviderInactive, b.requireState("pay", writeback.Held).Reason)
		require.NoError(t, b.pms.SetProviderActive("DOC1", true))
		b.refresh()
		b.pass(time.Minute)
		b.requireState("note", writeback.Skipped)
		b.requireState("pay", writeback.AwaitingTransfer)
		// A transfer while nothing is written waits, and is not forgotten.
		b.must(b.p.Transfer(t.Context(), b.item("pay").ID, "dana"))
		b.pass(time.Minute)
		require.Equal(t, writeback.ReasonPlanOnly, b.requireState("pay", writeback.Held).Reason)
		require.Zero(t, b.written())
		b.mode(writeback.Live)
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
		require.Equal(t, 1, b.written())
	})
}

func TestPlanIsForgottenTogetherWithTheContent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.engine(func(c *writeback.Config) { c.KeepContent = 48 * time.Hour })
		b.start()
		defer b.stopped()
		b.save(func(d *settings.Document) {
			d.Intervals.AppointmentStatus, d.Intervals.AppointmentChanges, d.Intervals.NewPatients = settings.Never(), settings.Never(), settings.Never()
		})
		b.mode(writeback.PlanOnly)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(47 * time.Hour)
		require.Contains(t, b.requireState("note", writeback.Skipped).Legs[0].With.Body.Reveal(), "Friday")
		b.pass(3 * time.Hour)
		it := b.requireState("note", writeback.Skipped)
		require.Empty(t, it.Legs)
		require.Equal(t, []writeback.ActionName{writeback.ActionDismiss}, it.Actions)
		r, err := b.store.Item(t.Context(), practiceID, it.ID)
		require.NoError(t, err)
		require.NotContains(t, string(r.Payload)+string(r.Progress), "Friday")
	})
}

func TestKindSwitchedOffWhilePausedIsSkippedAndNotWrittenAfterwards(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.mode(writeback.Paused)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(time.Minute)
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false })
		b.pass(time.Second)
		require.Equal(t, writeback.ReasonDisabled, b.requireState("note", writeback.Skipped).Reason)
		b.mode(writeback.Live)
		b.pass(time.Hour)
		require.Empty(t, b.pms.Notes())
	})
}

func TestModeIsInForceElsewhereWithinFiveSecondsAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		worker, other := b.another(nil), b.another(nil)
		worker.save(nil)
		b.pass(time.Minute)
		for i, m := range []writeback.Mode{writeback.Paused, writeback.Live, writeback.PlanOnly, writeback.Live} {
			other.mode(m)
			b.pass(5 * time.Second)
			key := fmt.Sprint("note", i)
			worker.must(worker.p.WriteNote(t.Context(), worker.note(key)))
			b.pass(5 * time.Second)
			state := worker.item(key).State
			require.Equal(t, m == writeback.Live, state == writeback.Written, "%s: %s", m, state)
		}
		other.mode(writeback.Paused)
		worker.stopped()
		other.stopped()
		again := b.another(nil)
		again.must(again.p.WriteNote(t.Context(), again.note("later")))
		b.pass(time.Hour)
		again.requireState("later", writeback.Held)
		again.stopped()
	})
}

func TestModeIsSetBySomebodyAndLandsInTheAuditLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		ctx := t.Context()
		m, err := b.p.Mode(ctx)
		require.NoError(t, err)
		require.Equal(t, writeback.ModeState{Mode: writeback.Live}, m)
		require.ErrorContains(t, b.p.SetMode(ctx, "asleep", "dana", ""), "mode: is not a mode")
		require.ErrorContains(t, b.p.SetMode(ctx, "", "dana", ""), "mode: is not a mode")
		require.ErrorContains(t, b.p.SetMode(ctx, writeback.Paused, "", ""), "actor: is empty")
		require.ErrorContains(t, b.p.SetMode(ctx, writeback.Paused, "dana", strings.Repeat("x", 1001)), "reason: has more than")
		b.mode(writeback.Paused)
		m, err = b.p.Mode(ctx)
		require.NoError(t, err)
		require.Equal(t, "dana", m.Actor)
		require.Equal(t, "moving house", m.Reason)
		require.WithinDuration(t, time.Now(), m.Since, time.Second)
		events, err := b.store.Events(ctx, practiceID, 0, 10)
		require.NoError(t, err)
		require.Equal(t, writeback.EventModeSet, events[0].Name)
		require.Equal(t, "dana", events[0].Actor)
		require.Equal(t, "paused: moving house", events[0].Detail)
		require.NoError(t, b.eng.RemovePractice(ctx, practiceID))
		require.ErrorIs(t, b.p.SetMode(ctx, writeback.Live, "dana", ""), writeback.ErrUnknownPractice)
		require.NoError(t, b.eng.Close())
	})
}

func TestWhatThePMSRefusedGoesOnWhenThePracticeIsLiveAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(nil)
		b.refresh()
		b.pass(time.Second)
		trip := b.pms.Fail(memdriver.Fault{On: "write note", Err: driver.ReasonProviderInactive})
		b.must(b.p.WriteNote(ctx, b.note("note")))
		b.pass(time.Second)
		require.Equal(t, driver.ReasonProviderInactive, b.requireState("note", writeback.Held).Reason)
		trip.Clear()
		require.NoError(t, b.p.SetMode(ctx, writeback.Paused, "dana", ""))
		b.save(func(d *settings.Document) { d.Payments.Auto = false })
		b.pass(time.Second)
		require.Equal(t, writeback.ReasonPaused, b.requireState("note", writeback.Held).Reason)
		require.NoError(t, b.p.SetMode(ctx, writeback.Live, "dana", ""))
		b.pass(10 * time.Second)
		b.requireState("note", writeback.Written)
	})
}
