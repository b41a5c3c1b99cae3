package writeback_test

import (
	"context"
	"errors"
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

// submitters submit one item of each kind that must not double.
var submitters = []struct {
	kind   writeback.ItemKind
	submit func(ctx context.Context, b *bed, key string) (writeback.Item, error)
	count  func(b *bed) int
}{
	{writeback.KindNote, func(ctx context.Context, b *bed, key string) (writeback.Item, error) {
		return b.p.WriteNote(ctx, b.note(key))
	}, func(b *bed) int { return len(b.pms.Notes()) }},
	{writeback.KindDocument, func(ctx context.Context, b *bed, key string) (writeback.Item, error) {
		return b.p.WriteDocument(ctx, writeback.Document{
			Key: key, Kind: driver.AccountStatement, Patient: writeback.PatientID(b.patient), At: time.Now(),
			Title: writeback.Text("March"), MIME: "application/pdf", Content: strings.NewReader("%PDF-1.7 " + key),
		})
	}, func(b *bed) int { return len(b.pms.Documents()) }},
	{writeback.KindPayment, func(ctx context.Context, b *bed, key string) (writeback.Item, error) {
		return b.p.PostPayment(ctx, b.payment(key))
	}, func(b *bed) int { return len(b.pms.Payments()) }},
}

func TestLostAnswerIsLookedForAndNeverSentTwice(t *testing.T) {
	t.Parallel()
	for _, s := range submitters {
		for _, fault := range []memdriver.Fault{
			{On: "write", Times: 1, Effect: memdriver.After},
			{On: "write", Times: 1, Effect: memdriver.Before, Err: driver.ErrUnknownOutcome},
			{On: "write", Times: 1, Effect: memdriver.Before, Err: fmt.Errorf("some error nobody classified")},
			{On: "write", Times: 1, Effect: memdriver.Late, After: 20 * time.Second},
			{On: "write", Times: 1, Effect: memdriver.Half},
			{On: "write", Times: 3, Effect: memdriver.Before},
			{On: "write", Times: 1, Effect: memdriver.Pass, Hang: memdriver.HangUntilDone},
		} {
			t.Run(fmt.Sprintf("%s/%d/%v/%v", s.kind, fault.Effect, fault.Hang, fault.Err), func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(t *testing.T, b *bed) {
					b.save(nil)
					b.pass(time.Second)
					b.pms.Fail(fault)
					b.must(s.submit(t.Context(), b, "once"))
					b.pass(20 * time.Minute)
					b.requireState("once", writeback.Written)
					require.Equal(t, 1, s.count(b))
				})
			})
		}
	}
}

func TestCrashInTheMiddleOfAWriteDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range submitters {
		for _, effect := range []memdriver.Effect{memdriver.Before, memdriver.After, memdriver.Late} {
			t.Run(fmt.Sprintf("%s/%d", s.kind, effect), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b := newBed(t, nil)
					frozen := &freezer{Store: b.store}
					b.engine(func(c *writeback.Config) { c.Store = frozen })
					b.start()
					b.save(nil)
					b.pass(time.Second)
					// The PMS is asked, and the process dies while it waits.
					trip := b.pms.Fail(memdriver.Fault{On: "write", Times: 1, Effect: effect, After: 3 * time.Minute, Hang: memdriver.HangHard})
					b.must(s.submit(t.Context(), b, "once"))
					<-trip.Reached()
					b.requireState("once", writeback.Writing)
					frozen.frozen.Store(true)

					stopDead, runDead := b.stop, b.run
					b.engine(nil) // another process
					b.start()
					b.pass(30 * time.Second)
					b.requireState("once", writeback.Writing) // the lease is still the dead one's
					b.pass(2 * time.Minute)
					// The dead process wakes up, too late to change the store.
					trip.Release()
					frozen.frozen.Store(false)
					stopDead()
					<-runDead
					b.pass(30 * time.Minute)
					b.requireState("once", writeback.Written)
					require.Equal(t, 1, s.count(b))
					b.stopped()
				})
			})
		}
	}
}

// freezer is a store as a frozen process sees it: nothing gets through.
type freezer struct {
	writeback.Store
	frozen atomic.Bool
}

var errFrozen = errors.New("frozen")

func (f *freezer) Apply(ctx context.Context, changes []writeback.Change) []error {
	if !f.frozen.Load() {
		return f.Store.Apply(ctx, changes)
	}
	errs := make([]error, len(changes))
	for i := range errs {
		errs[i] = errFrozen
	}
	return errs
}

func (f *freezer) Renew(ctx context.Context, practice, owner string, fence int64, ttl time.Duration) (bool, error) {
	if f.frozen.Load() {
		return false, errFrozen
	}
	return f.Store.Renew(ctx, practice, owner, fence, ttl)
}

func TestPMSThatIsOffForTheNightLosesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		b.pms.SetOffline(true)
		for i := range 50 {
			b.must(b.p.WriteNote(t.Context(), b.note(fmt.Sprintf("note-%02d", i))))
		}
		b.pass(10 * time.Hour)
		require.Empty(t, b.pms.Notes())
		h, err := b.p.Health(t.Context())
		require.NoError(t, err)
		require.False(t, h.Connected)
		require.Equal(t, 50, h.Waiting)
		calls := b.pms.Traffic()
		b.pms.SetOffline(false)
		b.pass(10 * time.Minute)
		require.Len(t, b.pms.Notes(), 50)
		require.NotZero(t, calls)
		for i, n := range b.pms.Notes() {
			require.Equal(t, b.item(fmt.Sprintf("note-%02d", i)).Legs[0].Ref, n.Ref, "a patient's notes stay in order")
		}
	})
}

func TestOneCauseHoldsManyAndLiftsByItself(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		for i := range 20 {
			b.must(b.p.WriteNote(t.Context(), b.note(fmt.Sprintf("note-%02d", i))))
		}
		b.pass(time.Minute)
		require.Empty(t, b.pms.Notes())
		h, err := b.p.Health(t.Context())
		require.NoError(t, err)
		require.Len(t, h.Issues, 1)
		require.Equal(t, "provider_inactive:DOC1", h.Issues[0].Cause)
		require.Equal(t, 20, h.Issues[0].Count)
		require.NotEmpty(t, h.Issues[0].NextStep)
		require.NoError(t, b.pms.SetProviderActive("DOC1", true))
		b.pass(16 * time.Minute)
		require.Len(t, b.pms.Notes(), 20)
	})
}

func TestRefusedItemFailsWithItsReasonAndCanBeRetried(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pms.SetLockDate(driver.DateOf(time.Now().Add(24 * time.Hour)))
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.pass(time.Minute)
		it := b.requireState("pay", writeback.Failed)
		require.Equal(t, driver.ReasonPeriodClosed, it.Reason)
		b.pms.SetLockDate(driver.Date{})
		b.pass(time.Hour)
		b.requireState("pay", writeback.Failed)
		b.must(b.p.Retry(t.Context(), it.ID, "dana"))
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
		require.Len(t, b.pms.Payments(), 1)
	})
}

func TestPaymentLegsAreWrittenEachOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Payments.Separate = true })
		b.pass(time.Second)
		pay := b.payment("pay")
		pay.Fee = driver.USD(269)
		// The second leg is refused, then goes through.
		b.pms.Fail(memdriver.Fault{On: "write payment", Skip: 1, Times: 1, Err: driver.ReasonAmountInvalid})
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(time.Minute)
		it := b.requireState("pay", writeback.PartiallyPosted)
		require.Len(t, b.pms.Payments(), 1)
		require.True(t, it.Legs[0].Done)
		require.False(t, it.Legs[1].Done)
		b.must(b.p.Retry(t.Context(), it.ID, "dana"))
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
		payments := b.pms.Payments()
		require.Len(t, payments, 2)
		require.Equal(t, driver.USD(10000), payments[0].Amount)
		require.Equal(t, "0402", payments[0].Type)
		require.Equal(t, driver.USD(269), payments[1].Amount)
		require.Equal(t, "0404", payments[1].Type)
	})
}

func TestPaymentWaitsForAPersonUnlessThePatientIsCertain(t *testing.T) {
	t.Parallel()
	born := driver.Date{Year: 1985, Month: 12, Day: 10}
	for _, tc := range []struct {
		name    string
		patient func(b *bed) writeback.Patient
		state   writeback.State
		reason  driver.Reason
	}{
		{"one fits", func(*bed) writeback.Patient { return writeback.PatientNamed(" adá ", "LOVELACE, Jr.", born) }, writeback.Written, ""},
		{"nobody fits", func(*bed) writeback.Patient { return writeback.PatientNamed("Grace", "Hopper", born) }, writeback.NeedsPatient, writeback.ReasonNoPatient},
		{"swapped names", func(*bed) writeback.Patient { return writeback.PatientNamed("Lovelace", "Ada", born) }, writeback.NeedsPatient, writeback.ReasonNoPatient},
		{"namesakes", func(b *bed) writeback.Patient {
			b.pms.AddPatient(driver.Patient{FirstName: writeback.Text("Ada"), LastName: writeback.Text("Lovelace"), BirthDate: driver.NewBirthDate(born)})
			return writeback.PatientNamed("Ada", "Lovelace", born)
		}, writeback.NeedsPatient, writeback.ReasonManyPatients},
		{"id of somebody else", func(b *bed) writeback.Patient {
			p := writeback.PatientNamed("Ada", "Lovelace", born)
			p.ID = b.pms.AddPatient(driver.Patient{FirstName: writeback.Text("Grace"), LastName: writeback.Text("Hopper")})
			return p
		}, writeback.NeedsPatient, writeback.ReasonIDConflict},
		{"id alone", func(b *bed) writeback.Patient { return writeback.PatientID(b.patient) }, writeback.AwaitingTransfer, writeback.ReasonUnverifiedPatient},
		{"phone alone", func(*bed) writeback.Patient { return writeback.PatientPhone("555-0100") }, writeback.NeedsPatient, writeback.ReasonNoPatient},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *bed) {
				b.save(nil)
				pay := b.payment("pay")
				pay.Patient = tc.patient(b)
				b.must(b.p.PostPayment(t.Context(), pay))
				b.pass(time.Hour)
				it := b.requireState("pay", tc.state)
				require.Equal(t, tc.reason, it.Reason)
				if tc.state == writeback.Written {
					return
				}
				require.Empty(t, b.pms.Payments())
				if tc.state == writeback.AwaitingTransfer {
					b.must(b.p.Transfer(t.Context(), it.ID, "dana"))
				} else {
					b.must(b.p.Assign(t.Context(), it.ID, b.patient, "dana"))
				}
				b.pass(time.Minute)
				b.requireState("pay", writeback.Written)
				require.Equal(t, b.patient, b.pms.Payments()[0].Patient)
			})
		})
	}
}

func TestParkedItemsFindTheirPatientLater(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		note := b.note("early")
		note.Patient = writeback.PatientNamed("Grace", "Hopper", driver.Date{Year: 1986, Month: 12, Day: 9})
		b.must(b.p.WriteNote(t.Context(), note))
		b.pass(time.Minute)
		b.requireState("early", writeback.NeedsPatient)
		id := b.pms.AddPatient(driver.Patient{
			FirstName: writeback.Text("Grace"), LastName: writeback.Text("Hopper"),
			BirthDate: driver.NewBirthDate(driver.Date{Year: 1986, Month: 12, Day: 9}),
		})
		b.pass(time.Minute)
		b.requireState("early", writeback.Written)
		require.Equal(t, id, b.pms.Notes()[0].Patient)
	})
}

func TestRetryWaitsUntilThePMSCanNoLongerBeAtWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.pms.SetInfo(func(info *driver.Info) {
			op := info.Ops[driver.OpPayment]
			op.VerifyAfter = 2 * time.Minute
			info.Ops[driver.OpPayment] = op
		})
		b.start()
		b.save(nil)
		b.pass(time.Second)
		// The answer is lost, and the PMS carries the payment out a minute later.
		b.pms.Fail(memdriver.Fault{On: "write payment", Times: 1, Effect: memdriver.Late, After: time.Minute})
		it := b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.pass(2 * time.Second)
		b.requireState("pay", writeback.Uncertain)
		// Somebody looks, does not find it, and is in a hurry.
		b.must(b.p.Retry(t.Context(), it.ID, "dana"))
		b.pass(30 * time.Minute)
		b.requireState("pay", writeback.Written)
		require.Len(t, b.pms.Payments(), 1)
		b.stopped()
	})
}

// A refusal says nothing of an earlier sending of which nobody knows whether it
// was taken.
func TestPaymentOfUnknownOutcomeThatIsRefusedLaterIsStillLookedForBeforeItIsSent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(nil)
		b.pms.Fail(memdriver.Fault{On: "write payment", Times: 1, Effect: memdriver.After})
		b.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ReasonUnsupported})
		b.must(b.p.PostPayment(ctx, b.payment("pay")))
		b.pass(time.Minute)
		it := b.requireState("pay", writeback.Uncertain)
		require.Len(t, b.pms.Payments(), 1, "it is there, and nobody knows")
		b.pms.Fail(memdriver.Fault{On: "write payment", Times: 1, Err: driver.ReasonPeriodClosed})
		b.must(b.p.Retry(ctx, it.ID, "dana"))
		b.pass(time.Minute)
		require.Equal(t, driver.ReasonPeriodClosed, b.requireState("pay", writeback.Failed).Reason)
		b.pms.Heal() // the PMS can tell again
		b.must(b.p.Retry(ctx, it.ID, "dana"))
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
		require.Len(t, b.pms.Payments(), 1)
	})
}
