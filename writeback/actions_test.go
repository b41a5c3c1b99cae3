package writeback_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// acts are what a person can do to an item.
var acts = map[string]func(ctx context.Context, b *bed, id string) (writeback.Item, error){
	writeback.EventRetried: func(ctx context.Context, b *bed, id string) (writeback.Item, error) {
		return b.p.Retry(ctx, id, "dana")
	},
	writeback.EventDismissed: func(ctx context.Context, b *bed, id string) (writeback.Item, error) {
		return b.p.Dismiss(ctx, id, "dana", "twice in the host")
	},
	writeback.EventTransferred: func(ctx context.Context, b *bed, id string) (writeback.Item, error) {
		return b.p.Transfer(ctx, id, "dana")
	},
	writeback.EventAssigned: func(ctx context.Context, b *bed, id string) (writeback.Item, error) {
		return b.p.Assign(ctx, id, b.patient, "dana")
	},
	writeback.EventMarkedPosted: func(ctx context.Context, b *bed, id string) (writeback.Item, error) {
		return b.p.MarkPosted(ctx, id, "dana", "receipt 17")
	},
}

// inState brings an item into a state.
var inState = map[writeback.State]func(b *bed) writeback.Item{
	writeback.Skipped: func(b *bed) writeback.Item {
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false })
		return b.must(b.p.WriteNote(b.t.Context(), b.note("it")))
	},
	writeback.NeedsPatient: func(b *bed) writeback.Item {
		pay := b.payment("it")
		pay.Patient = writeback.PatientNamed("Grace", "Hopper", driver.Date{Year: 1986, Month: 12, Day: 9})
		return b.must(b.p.PostPayment(b.t.Context(), pay))
	},
	writeback.AwaitingTransfer: func(b *bed) writeback.Item {
		b.save(func(d *settings.Document) { d.Payments.Auto = false })
		return b.must(b.p.PostPayment(b.t.Context(), b.payment("it")))
	},
	writeback.Held: func(b *bed) writeback.Item {
		require.NoError(b.t, b.pms.SetOptionActive(driver.PaymentTypes, "0402", false))
		b.refresh()
		b.pass(time.Second)
		return b.must(b.p.PostPayment(b.t.Context(), b.payment("it")))
	},
	writeback.Queued: func(b *bed) writeback.Item {
		b.pms.SetOffline(true)
		return b.must(b.p.PostPayment(b.t.Context(), b.payment("it")))
	},
	writeback.Writing: func(b *bed) writeback.Item {
		b.pms.Fail(memdriver.Fault{On: "write", Times: 1, Effect: memdriver.Pass, Delay: 2 * time.Minute})
		return b.must(b.p.PostPayment(b.t.Context(), b.payment("it")))
	},
	writeback.Uncertain: func(b *bed) writeback.Item {
		b.pms.Fail(memdriver.Fault{On: "write", Times: 1, Effect: memdriver.Before, Err: driver.ErrUnknownOutcome})
		b.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ErrUnavailable})
		return b.must(b.p.PostPayment(b.t.Context(), b.payment("it")))
	},
	writeback.PartiallyPosted: func(b *bed) writeback.Item {
		b.save(func(d *settings.Document) { d.Payments.Separate = true })
		b.pms.Fail(memdriver.Fault{On: "write payment", Skip: 1, Times: 1, Err: driver.ReasonAmountInvalid})
		pay := b.payment("it")
		pay.Fee = driver.USD(269)
		return b.must(b.p.PostPayment(b.t.Context(), pay))
	},
	writeback.Written: func(b *bed) writeback.Item { return b.must(b.p.PostPayment(b.t.Context(), b.payment("it"))) },
	writeback.Failed: func(b *bed) writeback.Item {
		b.pms.Fail(memdriver.Fault{On: "write", Times: 1, Err: driver.ReasonAmountInvalid})
		return b.must(b.p.PostPayment(b.t.Context(), b.payment("it")))
	},
	writeback.Conflict: func(b *bed) writeback.Item {
		b.pms.Fail(memdriver.Fault{On: "write", Times: 1, Err: driver.ErrConflict})
		return b.must(b.p.SetAppointmentStatus(b.t.Context(), writeback.AppointmentStatus{Key: "it", Appointment: b.appointment(48 * time.Hour), Confirmed: true}))
	},
	writeback.Dismissed: func(b *bed) writeback.Item {
		b.save(func(d *settings.Document) { d.Payments.Auto = false }) // nobody is faster
		it := b.must(b.p.PostPayment(b.t.Context(), b.payment("it")))
		return b.must(b.p.Dismiss(b.t.Context(), it.ID, "kim", ""))
	},
}

// What each action leads to at once, by state; what is missing is not allowed.
var actTable = map[writeback.State]map[string]writeback.State{
	writeback.Skipped:          {writeback.EventRetried: writeback.Queued, writeback.EventDismissed: writeback.Dismissed},
	writeback.NeedsPatient:     {writeback.EventRetried: writeback.Queued, writeback.EventDismissed: writeback.Dismissed, writeback.EventAssigned: writeback.Queued, writeback.EventMarkedPosted: writeback.Written},
	writeback.AwaitingTransfer: {writeback.EventTransferred: writeback.Queued, writeback.EventDismissed: writeback.Dismissed, writeback.EventAssigned: writeback.Queued, writeback.EventMarkedPosted: writeback.Written},
	// Held again at once: nothing was mended.
	writeback.Held:            {writeback.EventRetried: writeback.Held, writeback.EventDismissed: writeback.Dismissed, writeback.EventAssigned: writeback.Held, writeback.EventMarkedPosted: writeback.Written},
	writeback.Queued:          {writeback.EventRetried: writeback.Queued, writeback.EventDismissed: writeback.Dismissed, writeback.EventAssigned: writeback.Queued, writeback.EventMarkedPosted: writeback.Written},
	writeback.Writing:         {},
	writeback.Uncertain:       {writeback.EventRetried: writeback.Queued, writeback.EventDismissed: writeback.Dismissed, writeback.EventMarkedPosted: writeback.Written},
	writeback.PartiallyPosted: {writeback.EventRetried: writeback.PartiallyPosted, writeback.EventDismissed: writeback.Dismissed, writeback.EventMarkedPosted: writeback.Written},
	writeback.Written:         {},
	writeback.Failed:          {writeback.EventRetried: writeback.Queued, writeback.EventDismissed: writeback.Dismissed, writeback.EventAssigned: writeback.Queued, writeback.EventMarkedPosted: writeback.Written},
	writeback.Conflict:        {writeback.EventRetried: writeback.Queued, writeback.EventDismissed: writeback.Dismissed},
	writeback.Dismissed:       {},
}

func TestPeopleCanDoWhatTheStateAllows(t *testing.T) {
	t.Parallel()
	for state, bring := range inState {
		for name, act := range acts {
			t.Run(fmt.Sprintf("%s/%s", state, name), func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(t *testing.T, b *bed) {
					b.save(nil)
					b.pass(time.Second)
					id := bring(b).ID
					b.pass(30 * time.Second)
					b.requireState("it", state)
					before, err := b.p.ItemEvents(t.Context(), id)
					require.NoError(t, err)

					it, err := act(t.Context(), b, id)
					want, allowed := actTable[state][name]
					if !allowed {
						require.ErrorIs(t, err, writeback.ErrNotAllowed)
						require.ErrorContains(t, err, string(state))
						after, err := b.p.ItemEvents(t.Context(), id)
						require.NoError(t, err)
						require.Equal(t, before, after)
						return
					}
					require.NoError(t, err)
					require.Equal(t, want, it.State)
					after, err := b.p.ItemEvents(t.Context(), id)
					require.NoError(t, err)
					require.Greater(t, len(after), len(before))
					done := after[len(before)]
					require.Equal(t, name, done.Name)
					require.Equal(t, "dana", done.Actor)
					require.Equal(t, state, done.From)
					require.Equal(t, want, done.To)
					switch name {
					case writeback.EventDismissed:
						require.Equal(t, "twice in the host", done.Detail)
					case writeback.EventMarkedPosted:
						require.Equal(t, "receipt 17", done.Detail)
					}
					b.pms.Heal()
					b.pass(10 * time.Minute)
					if want.Final() {
						b.requireState("it", want)
					}
					require.LessOrEqual(t, len(b.pms.Payments()), 2)
				})
			})
		}
	}
}

func TestActionsNeedAnActorAndNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	ctx := t.Context()
	it := b.must(b.p.PostPayment(ctx, b.payment("pay")))
	for field, err := range map[string]error{
		"actor: is empty":             second(b.p.Retry(ctx, it.ID, "")),
		"actor: has":                  second(b.p.Retry(ctx, it.ID, " "+secret)),
		"dismiss: reason: has":        second(b.p.Dismiss(ctx, it.ID, "dana", strings.Repeat(secret, 1000))),
		"mark posted: reference: has": second(b.p.MarkPosted(ctx, it.ID, "dana", strings.Repeat(secret, 1000))),
		"patient: is":                 second(b.p.Assign(ctx, it.ID, "", "dana")),
		"patient: has":                second(b.p.Assign(ctx, it.ID, secret+"\n", "dana")),
	} {
		require.ErrorIs(t, err, writeback.ErrInvalid)
		require.ErrorContains(t, err, field)
		require.NotContains(t, err.Error(), secret)
	}
	for name, act := range acts {
		_, err := act(ctx, b, "nothing")
		require.ErrorIs(t, err, writeback.ErrNotFound, name)
	}
	require.ErrorIs(t, b.p.SyncNow(ctx, driver.Feed(secret)), writeback.ErrInvalid)
	require.NotContains(t, b.p.SyncNow(ctx, driver.Feed(secret)).Error(), secret)
}

func second(_ writeback.Item, err error) error { return err }

func TestAssignLinksTheHostsID(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		first, next := b.note("first"), b.note("next")
		first.Patient, next.Patient = writeback.HostPatient("h-17"), writeback.HostPatient("h-17")
		b.must(b.p.WriteNote(t.Context(), first))
		b.pass(time.Minute)
		it := b.requireState("first", writeback.NeedsPatient)
		b.must(b.p.Assign(t.Context(), it.ID, b.patient, "dana"))
		b.pass(time.Minute)
		b.requireState("first", writeback.Written)
		b.must(b.p.WriteNote(t.Context(), next))
		b.pass(time.Minute)
		require.Equal(t, b.patient, b.requireState("next", writeback.Written).Patient)
		// A payment by that id alone still asks a person.
		pay := b.payment("pay")
		pay.Patient = writeback.HostPatient("h-17")
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(time.Minute)
		b.requireState("pay", writeback.NeedsPatient)
	})
}

func TestAssignAfterARefusalIsTaken(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		gone := b.pms.AddPatient(driver.Patient{FirstName: writeback.Text("Old"), LastName: writeback.Text("Record")})
		require.NoError(t, b.pms.ArchivePatient(gone))
		n := b.note("note")
		n.Patient = writeback.PatientID(gone)
		b.must(b.p.WriteNote(t.Context(), n))
		b.pass(time.Minute)
		it := b.requireState("note", writeback.Failed)
		require.Equal(t, driver.ReasonPatientArchived, it.Reason)
		b.must(b.p.Assign(t.Context(), it.ID, b.patient, "dana"))
		b.pass(time.Minute)
		b.requireState("note", writeback.Written)
		require.Equal(t, b.patient, b.pms.Notes()[0].Patient)
	})
}

func TestPhoneAloneIsNeverTransferredToNobody(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Payments.Auto = false })
		pay := b.payment("pay")
		pay.Patient = writeback.PatientPhone("555-0100")
		b.must(b.p.PostPayment(t.Context(), pay))
		it := b.requireState("pay", writeback.AwaitingTransfer)
		b.must(b.p.Transfer(t.Context(), it.ID, "dana"))
		b.pass(time.Hour)
		b.requireState("pay", writeback.NeedsPatient)
		require.Empty(t, b.pms.Payments())
		b.must(b.p.Assign(t.Context(), it.ID, b.patient, "dana"))
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
	})
}

func TestRefundFollowsItsPayment(t *testing.T) {
	t.Parallel()
	refund := func(b *bed, key string, cents int64) {
		b.must(b.p.Refund(b.t.Context(), writeback.Refund{Key: key, Payment: "pay", Amount: driver.USD(cents), At: time.Now()}))
	}
	t.Run("posted by hand", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(t *testing.T, b *bed) {
			b.save(func(d *settings.Document) { d.Payments.Auto = false })
			b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
			refund(b, "refund", 100)
			b.requireState("refund", writeback.Held)
			b.must(b.p.MarkPosted(t.Context(), b.item("pay").ID, "dana", "17"))
			b.pass(time.Minute)
			it := b.requireState("refund", writeback.Failed)
			require.Equal(t, driver.ReasonPaymentMissing, it.Reason, "so must its refund be")
		})
	})
	t.Run("dismissed", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(t *testing.T, b *bed) {
			b.save(func(d *settings.Document) { d.Payments.Auto = false })
			b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
			refund(b, "refund", 100)
			b.must(b.p.Dismiss(t.Context(), b.item("pay").ID, "dana", ""))
			b.pass(time.Minute)
			require.Equal(t, driver.ReasonPaymentMissing, b.requireState("refund", writeback.Failed).Reason)
		})
	})
	t.Run("a month later", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, func(c *writeback.Config) { c.KeepContent = time.Hour })
			b.start()
			b.save(nil)
			b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
			refund(b, "early", 6000)
			b.pass(4 * time.Hour)
			refund(b, "refund", 4000)
			b.must(b.p.Refund(t.Context(), writeback.Refund{Key: "too-much", Payment: "pay", Amount: driver.USD(1), At: time.Now()}))
			b.pass(time.Minute)
			b.requireState("refund", writeback.Written)
			require.Equal(t, driver.ReasonAmountInvalid, b.requireState("too-much", writeback.Failed).Reason)
			require.Len(t, b.pms.Refunds(), 2)
			require.NotEmpty(t, b.item("early").Legs[0].Receipt.ID, "ids stay")
			b.stopped()
		})
	})
	t.Run("retried after one behind it went through", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(t *testing.T, b *bed) {
			b.save(nil)
			b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
			b.pass(time.Minute)
			b.pms.Fail(memdriver.Fault{On: "write refund", Times: 1, Err: driver.ReasonPeriodClosed})
			refund(b, "first", 6000)
			b.pass(time.Minute)
			b.requireState("first", writeback.Failed)
			refund(b, "second", 6000)
			b.pass(time.Minute)
			b.requireState("second", writeback.Written)
			b.must(b.p.Retry(t.Context(), b.item("first").ID, "dana"))
			b.pass(time.Minute)
			b.requireState("first", writeback.Failed)
			require.Len(t, b.pms.Refunds(), 1, "no more is given back than was paid")
		})
	})
}

func TestPeopleAndEngineDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		b.pms.SetOffline(true)
		for i := range 20 {
			b.must(b.p.PostPayment(t.Context(), b.payment(fmt.Sprint("pay-", i))))
		}
		b.pass(time.Second)
		b.pms.SetOffline(false)
		var group sync.WaitGroup
		dismissed := make([]bool, 20)
		for i := range 20 {
			group.Go(func() {
				time.Sleep(time.Duration(i) * 200 * time.Millisecond)
				_, err := b.p.Dismiss(t.Context(), b.item(fmt.Sprint("pay-", i)).ID, "dana", "")
				dismissed[i] = err == nil
				if err != nil {
					require.ErrorIs(t, err, writeback.ErrNotAllowed)
				}
			})
		}
		group.Wait()
		b.pass(10 * time.Minute)
		written := 0
		for i := range 20 {
			want := writeback.Written
			if dismissed[i] {
				want = writeback.Dismissed
			} else {
				written++
			}
			b.requireState(fmt.Sprint("pay-", i), want)
		}
		require.Len(t, b.pms.Payments(), written)
	})
}

// The PMS takes less than it did when its limits were read.
func TestNoteThatWasTooLongIsSplitAnewOnRetry(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		b.pms.SetInfo(func(i *driver.Info) {
			op := i.Ops[driver.OpNote]
			op.MaxChars = 200
			i.Ops[driver.OpNote] = op
		})
		n := b.note("note")
		n.Body = writeback.Text(strings.Repeat("What about Friday? ", 40))
		b.must(b.p.WriteNote(t.Context(), n))
		b.pass(time.Minute)
		it := b.requireState("note", writeback.Failed)
		require.Equal(t, driver.ReasonTooLarge, it.Reason)
		b.refresh()
		b.pass(time.Second)
		b.must(b.p.Retry(t.Context(), it.ID, "dana"))
		b.pass(time.Minute)
		b.requireState("note", writeback.Written)
		require.Greater(t, len(b.pms.Notes()), 4)
	})
}

// A note of several parts whose kind is switched off half way is finished, and
// holds nobody up.
func TestWhatIsBegunIsFinishedAfterASave(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.pms.SetInfo(func(i *driver.Info) {
			op := i.Ops[driver.OpNote]
			op.MaxChars = 200
			i.Ops[driver.OpNote] = op
		})
		b.refresh()
		b.save(func(d *settings.Document) { d.Payments.Separate = true })
		b.pass(time.Second)
		b.pms.Fail(memdriver.Fault{On: "write note", Skip: 1, Times: 3, Err: driver.ErrUnavailable})
		b.pms.Fail(memdriver.Fault{On: "write payment", Skip: 1, Times: 3, Err: driver.ErrUnavailable})
		n := b.note("note")
		n.Body = writeback.Text(strings.Repeat("What about Friday? ", 40))
		b.must(b.p.WriteNote(t.Context(), n))
		pay := b.payment("pay")
		pay.Fee = driver.USD(269)
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(time.Second)
		b.requireState("note", writeback.PartiallyPosted)
		b.requireState("pay", writeback.PartiallyPosted)
		b.save(func(d *settings.Document) {
			d.Notes.Enabled[driver.IncomingCall] = false
			d.Payments.Auto = false
		})
		b.must(b.p.WriteDocument(t.Context(), b.document("document")))
		b.pass(20 * time.Minute)
		b.requireState("note", writeback.Written)
		b.requireState("pay", writeback.Written)
		b.requireState("document", writeback.Written)
		require.Len(t, b.pms.Payments(), 2)
		for _, part := range b.pms.Notes() {
			require.Equal(t, "0101", part.Type)
		}
	})
}

// Remarks are kept in the audit log as they are, outside of what is sealed.
func TestRemarkWithACardNumberIsRefusedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(func(d *settings.Document) { d.Payments.Auto = false })
		id := b.must(b.p.PostPayment(ctx, b.payment("pay"))).ID
		paid := "paid by " + card
		for field, do := range map[string]func(said string) error{
			"dismiss: reason":        func(said string) error { return second(b.p.Dismiss(ctx, id, "dana", said)) },
			"mark posted: reference": func(said string) error { return second(b.p.MarkPosted(ctx, id, "dana", said)) },
			"bulk: reason": func(said string) error {
				_, err := b.p.Bulk(ctx, writeback.Bulk{Action: writeback.ActionDismiss, Query: writeback.ItemQuery{States: []writeback.State{writeback.AwaitingTransfer}}, Actor: "dana", Reason: said})
				return err
			},
			"set mode: reason": func(said string) error { return b.p.SetMode(ctx, writeback.Paused, "dana", said) },
			"save settings: reason": func(said string) error {
				_, err := b.p.SaveSettings(ctx, chosen(), writeback.Save{Expect: 1, Actor: "dana", Reason: said})
				return err
			},
		} {
			for _, said := range []string{paid, "\xff", "a\x00b"} {
				var input *writeback.InputError
				err := do(said)
				require.ErrorAs(t, err, &input, field)
				_, name, _ := strings.Cut(field, ": ")
				require.Equal(t, name, input.Fields[0].Field, field)
				require.NotContains(t, err.Error(), card)
			}
			require.ErrorContains(t, do(paid), "card_number")
		}
		b.requireState("pay", writeback.AwaitingTransfer)
		b.must(b.p.Dismiss(ctx, id, "dana", "paid twice,\nsee 4711"))
	})
}
