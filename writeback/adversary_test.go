package writeback_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// sulky is a store that does not take leases back while it sulks.
type sulky struct {
	leaky
	sulks atomic.Bool
}

func (s *sulky) Release(ctx context.Context, practice, owner string, fence int64) error {
	if s.sulks.Load() {
		return errLeaky
	}
	return s.Store.Release(ctx, practice, owner, fence)
}

func TestAnswerThatCannotBeStoredIsLookedForEvenUnderTheSameLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		store := &sulky{leaky: leaky{Store: b.store}}
		b.engine(func(c *writeback.Config) { c.Store = store })
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Second)
		trip := b.pms.Fail(memdriver.Fault{On: "write payment", Times: 1, Effect: memdriver.Pass, Hang: memdriver.HangHard})
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		<-trip.Reached()
		store.fail(func(writeback.Change) bool { return true })
		store.sulks.Store(true)
		trip.Release()
		b.pass(time.Second)
		store.fail(nil)
		store.sulks.Store(false)
		b.pass(10 * time.Minute)
		b.requireState("pay", writeback.Written)
		require.Len(t, b.pms.Payments(), 1)
	})
}

// panicky is a connection whose next write panics.
type panicky struct {
	hooked
	due *atomic.Bool
}

func (p *panicky) Write(ctx context.Context, op driver.Op) (driver.Receipt, error) {
	r, err := driver.Write(ctx, p.Conn, op)
	if p.due.CompareAndSwap(true, false) {
		panic("Ada Lovelace was not expected")
	}
	return r, err
}

func TestDriverThatPanicsInAWriteIsAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		var due atomic.Bool
		b.engine(b.connectBy(func(c driver.Conn) driver.Conn { return &panicky{hooked{Conn: c}, &due} }))
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Second)
		due.Store(true)
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.pass(10 * time.Minute)
		require.False(t, due.Load())
		b.requireState("pay", writeback.Written)
		require.Len(t, b.pms.Payments(), 1)
	})
}

func TestPaymentThatStaffRetryIsLookedForAllTheSame(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		effect memdriver.Effect
		blind  bool // the PMS cannot be asked when it is retried
	}{
		"it is there":                    {memdriver.After, false},
		"it is not there":                {memdriver.Before, false},
		"not there, and nobody can tell": {memdriver.Before, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *bed) {
				b.save(nil)
				b.pass(time.Second)
				b.pms.Fail(memdriver.Fault{On: "write payment", Times: 1, Effect: tc.effect, Err: driver.ErrUnknownOutcome})
				blind := b.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ReasonUnsupported})
				it := b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
				b.pass(20 * time.Minute)
				b.requireState("pay", writeback.Uncertain)
				if !tc.blind {
					blind.Clear()
				}
				b.must(b.p.Retry(t.Context(), it.ID, "dana"))
				b.pass(time.Minute)
				b.requireState("pay", writeback.Written)
				require.Len(t, b.pms.Payments(), 1)
			})
		})
	}
}

func TestItemThatWasSentIsNotAssignedToSomebodyElse(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		other := b.newPatient("Grace", "Hopper")
		b.pms.Fail(memdriver.Fault{On: "write note", Times: 1, Effect: memdriver.Before, Err: driver.ErrUnknownOutcome})
		b.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ReasonUnsupported})
		it := b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(time.Minute)
		b.requireState("note", writeback.Uncertain)
		b.pms.SetOffline(true)
		b.must(b.p.Retry(t.Context(), it.ID, "dana"))
		_, err := b.p.Assign(t.Context(), it.ID, other, "dana")
		require.ErrorIs(t, err, writeback.ErrNotAllowed)
		b.pms.SetOffline(false)
		b.pass(10 * time.Minute)
		it = b.requireState("note", writeback.Written)
		require.Equal(t, b.patient, b.pms.Notes()[0].Patient)
		require.Equal(t, b.patient, it.Patient)
	})
}

func TestStatusThatIsHalfWrittenIsFinishedBeforeANewerOne(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		id := b.appointment(48 * time.Hour)
		b.pms.Fail(memdriver.Fault{On: "write status", Times: 1, Effect: memdriver.Half})
		b.must(b.p.SetAppointmentStatus(t.Context(), writeback.AppointmentStatus{Key: "yes", Appointment: id, Confirmed: true}))
		b.must(b.p.SetAppointmentStatus(t.Context(), writeback.AppointmentStatus{Key: "no", Appointment: id}))
		b.pms.SetOffline(false)
		b.pass(time.Millisecond)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(10 * time.Minute)
		b.requireState("note", writeback.Written)
		b.requireState("no", writeback.Written)
		a, _ := b.pms.Appointment(id)
		require.Equal(t, "0301", a.Status)
	})
}

func TestHalfWrittenStatusAndANewerOneStopNobody(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		id := b.appointment(48 * time.Hour)
		b.pms.Fail(memdriver.Fault{On: "write status", Times: 1, Effect: memdriver.Half})
		b.must(b.p.SetAppointmentStatus(t.Context(), writeback.AppointmentStatus{Key: "yes", Appointment: id, Confirmed: true}))
		b.pass(100 * time.Millisecond)
		b.requireState("yes", writeback.PartiallyPosted)
		b.must(b.p.SetAppointmentStatus(t.Context(), writeback.AppointmentStatus{Key: "no", Appointment: id}))
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(10 * time.Minute)
		b.requireState("note", writeback.Written)
		b.requireState("yes", writeback.Written)
		b.requireState("no", writeback.Written)
		a, _ := b.pms.Appointment(id)
		require.Equal(t, "0301", a.Status)
	})
}

func TestAnswerOfAnotherPMSFailsNoItem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.start()
		b.save(nil)
		b.pass(time.Second)
		b.stopped()
		b.engine(nil)
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		wrong := b.pms.Fail(memdriver.Fault{On: "connect", Err: driver.ReasonNotThisPMS})
		b.start()
		defer b.stopped()
		b.pass(time.Hour)
		b.requireState("pay", writeback.Queued)
		require.Less(t, b.pms.Traffic().Calls["connect"], 40, "it is asked now and then")
		wrong.Clear()
		b.pass(10 * time.Minute)
		b.requireState("pay", writeback.Written)
	})
}

func TestShortOutageDelaysManyItemsShortly(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		b.pms.SetOffline(true)
		for i := range 40 {
			n := b.note(fmt.Sprintf("note-%02d", i))
			n.Patient = writeback.PatientID(b.newPatient("Ada", fmt.Sprintf("Lovelace %c", 'A'+i)))
			b.must(b.p.WriteNote(t.Context(), n))
		}
		b.pass(time.Second)
		b.pms.SetOffline(false)
		b.pass(20 * time.Second)
		require.Len(t, b.pms.Notes(), 40)
	})
}

func TestWriteThatWaitedForItsTurnPastTheLeaseIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		frozen := &freezer{Store: b.store}
		b.engine(func(c *writeback.Config) { c.Store, c.MaxCalls, c.Grace = frozen, 1, time.Hour })
		b.start()
		b.save(nil)
		b.pass(time.Second)
		other, err := b.eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: "elsewhere", Location: b.location})
		require.NoError(t, err)
		problems, err := other.SaveSettings(t.Context(), chosen(), writeback.Save{Actor: "dana"})
		require.NoError(t, err, "%v", problems)
		b.pass(time.Second)
		// The only place is taken by another practice's write.
		trip := b.pms.Fail(memdriver.Fault{On: "write note", Times: 1, Effect: memdriver.Pass, Hang: memdriver.HangHard})
		b.must(other.WriteNote(t.Context(), b.note("long")))
		<-trip.Reached()
		b.must(b.p.WriteDocument(t.Context(), writeback.Document{
			Key: "doc", Kind: driver.AccountStatement, Patient: writeback.PatientID(b.patient), At: time.Now(),
			Title: writeback.Text("March"), MIME: "application/pdf", Content: strings.NewReader("%PDF-1.7 x"),
		}))
		b.pass(time.Millisecond)
		b.requireState("doc", writeback.Writing)
		frozen.frozen.Store(true)

		stopDead, runDead := b.stop, b.run
		b.engine(nil)
		b.start()
		for range 120 {
			b.eng.Wake(practiceID)
			b.pass(time.Second)
			if b.item("doc").State == writeback.Written {
				break
			}
		}
		b.requireState("doc", writeback.Written)
		require.Len(t, b.pms.Documents(), 1)
		trip.Release()
		b.pass(time.Minute)
		require.Len(t, b.pms.Documents(), 1)
		frozen.frozen.Store(false)
		stopDead()
		<-runDead
		b.stopped()
	})
}

func TestProcessThatOnlySubmitsKnowsTheSettingsAndIsHeard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		quiet := func(c *writeback.Config) { c.Handlers = writeback.Handlers{} }
		b.engine(quiet)
		web := b.p // of an engine that never runs
		b.engine(quiet)
		b.start()
		defer b.stopped()
		it := b.must(web.WriteNote(t.Context(), b.note("before")))
		require.Equal(t, writeback.Skipped, it.State)
		b.save(nil)
		b.pass(5 * time.Second)
		it = b.must(web.WriteNote(t.Context(), b.note("after")))
		require.Equal(t, writeback.Queued, it.State, "the settings are in force within seconds everywhere")
		b.pass(5 * time.Second)
		b.requireState("after", writeback.Written)
	})
}

func TestUnreadablePaymentStopsNothingButItsRefund(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lost := writeback.SealKey{ID: "lost", Key: bytes.Repeat([]byte{1}, 32)}
		kept := writeback.SealKey{ID: "kept", Key: bytes.Repeat([]byte{2}, 32)}
		keys := func(k ...writeback.SealKey) func(*writeback.Config) {
			return func(c *writeback.Config) { c.SealKeys = k }
		}
		b := newBed(t, keys(lost))
		b.start()
		b.save(nil)
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.pass(5 * time.Second)
		b.requireState("pay", writeback.Written)
		b.stopped()
		b.engine(keys(kept, lost))
		b.must(b.p.Refund(t.Context(), writeback.Refund{Key: "refund", Payment: "pay", Amount: driver.USD(100), At: time.Now()}))
		b.engine(keys(kept))
		b.start()
		b.pass(5 * time.Second)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(time.Minute)
		b.requireState("note", writeback.Written)
		it := b.requireState("refund", writeback.Held)
		require.Equal(t, writeback.ReasonUnreadable, it.Reason)
		b.stopped()
		b.engine(keys(kept, lost))
		b.start()
		defer b.stopped()
		b.pass(time.Minute)
		b.requireState("refund", writeback.Written)
	})
}

func TestWhatWasPostedOfADismissedPaymentCanBeRefunded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Payments.Separate = true })
		b.pass(time.Second)
		pay := b.payment("pay")
		pay.Fee = driver.USD(269)
		b.pms.Fail(memdriver.Fault{On: "write payment", Skip: 1, Times: 1, Err: driver.ReasonAmountInvalid})
		it := b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(time.Minute)
		b.requireState("pay", writeback.PartiallyPosted)
		b.must(b.p.Dismiss(t.Context(), it.ID, "dana", "no fee"))
		b.must(b.p.Refund(t.Context(), writeback.Refund{Key: "refund", Payment: "pay", Amount: driver.USD(10000), At: time.Now()}))
		b.pass(time.Minute)
		b.requireState("refund", writeback.Written)
		require.Len(t, b.pms.Refunds(), 1)
	})
}

func TestNobodyWaitsForAYearBecauseAProxySaidSo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		b.pms.Fail(memdriver.Fault{On: "write note", Times: 1, Err: memdriver.Busy(365 * 24 * time.Hour)})
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(3 * time.Hour)
		b.requireState("note", writeback.Written)
	})
}

func TestItemThatAsksForAPersonGoesOnAskingWhileThePMSIsDown(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		b.pms.Fail(memdriver.Fault{On: "write note", Times: 1, Effect: memdriver.After})
		b.pms.Fail(memdriver.Fault{On: "verify", Times: 12, Err: driver.ReasonUnsupported})
		it := b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(30 * time.Minute)
		require.Equal(t, writeback.ReasonOutcomeUnknown, b.requireState("note", writeback.Uncertain).Reason)
		before, err := b.p.ItemEvents(t.Context(), it.ID)
		require.NoError(t, err)
		b.pms.SetOffline(true)
		b.pass(2 * time.Hour)
		now := b.requireState("note", writeback.Uncertain)
		require.Equal(t, writeback.ReasonOutcomeUnknown, now.Reason)
		require.Equal(t, "outcome_unknown:note", now.Cause)
		after, err := b.p.ItemEvents(t.Context(), it.ID)
		require.NoError(t, err)
		require.Len(t, after, len(before), "nothing happened to it")
		b.pms.Heal()
		b.pass(30 * time.Minute)
		b.requireState("note", writeback.Written)
		require.Len(t, b.pms.Notes(), 1)
	})
}

func TestWhatWasClaimedAndNotSentIsReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.start()
		b.save(nil)
		b.pass(time.Second)
		b.stopped()
		b.engine(func(c *writeback.Config) { c.MaxCalls, c.Grace = 1, time.Second })
		trip := b.pms.Fail(memdriver.Fault{On: "write note", Times: 1, Effect: memdriver.Pass, Hang: memdriver.HangUntilDone})
		second := b.note("second")
		second.Patient = writeback.PatientID(b.newPatient("Grace", "Hopper"))
		b.must(b.p.WriteNote(t.Context(), b.note("first")))
		b.must(b.p.WriteNote(t.Context(), second))
		b.start()
		<-trip.Reached()
		b.requireState("first", writeback.Writing)
		b.requireState("second", writeback.Writing)
		b.stopped()
		b.engine(nil)
		// They are of two patients: either may have had its turn.
		sent, left := "first", "second"
		if b.item(sent).State == writeback.Queued {
			sent, left = left, sent
		}
		b.requireState(sent, writeback.Uncertain)
		it := b.requireState(left, writeback.Queued)
		events, err := b.p.ItemEvents(t.Context(), it.ID)
		require.NoError(t, err)
		require.Equal(t, writeback.EventReleased, events[len(events)-1].Name)
		require.Empty(t, b.pms.Notes())
		b.start()
		defer b.stopped()
		b.pass(10 * time.Minute)
		b.requireState("first", writeback.Written)
		b.requireState("second", writeback.Written)
		require.Len(t, b.pms.Notes(), 2)
	})
}

func TestHostNameIsOneLine(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	for _, name := range []string{"Acme\nDental", "Acme\rDental", "Acme\x00", "Acme\u2028Dental", "Acme\u0085Dental", "\xff", " "} {
		_, err := writeback.New(writeback.Config{HostName: name, Store: b.store, Connect: func(context.Context, string) (driver.Connector, error) { return b.pms.Connector(), nil }})
		require.ErrorContains(t, err, "HostName", "%q", name)
	}
}

func TestAnswerThatCannotBeStoredIsLookedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		store := &leaky{Store: b.store}
		b.engine(func(c *writeback.Config) { c.Store = store })
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Second)
		store.fail(func(c writeback.Change) bool { return len(c.Items) > 0 && c.Items[0].Record.State == writeback.Written })
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.pass(time.Second)
		require.NotZero(t, store.count())
		store.fail(nil)
		b.pass(10 * time.Minute)
		b.requireState("pay", writeback.Written)
		require.Len(t, b.pms.Payments(), 1)
	})
}
