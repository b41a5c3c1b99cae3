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
	"github.com/pmswriteback/pms/writeback/memstore"
)

// withOffset posts fees on their own and offsets them.
func withOffset(d *settings.Document) {
	d.Payments.Separate, d.Payments.OffsetFee = true, settings.Ref{ID: "0502"}
}

func offsetType(id string) func(*settings.Document) {
	return func(d *settings.Document) { d.Payments.OffsetFee = settings.Ref{ID: id} }
}

// withFee is a payment of $100.00 with a fee of $2.69.
func (b *bed) withFee(key string) writeback.Payment {
	pay := b.payment(key)
	pay.Fee, pay.Memo = driver.USD(269), writeback.Text("Invoice "+key)
	return pay
}

// feePaid submits it.
func (b *bed) feePaid(key string) writeback.Item {
	b.t.Helper()
	return b.must(b.p.PostPayment(b.t.Context(), b.withFee(key)))
}

// legNames are a payment's legs in their order.
var legNames = []string{"payment", "fee", "offset"}

// legOf is the leg that an operation writes.
func legOf(op driver.Op) string {
	switch op := op.(type) {
	case *driver.Payment:
		if op.Fee {
			return "fee"
		}
		return "payment"
	case *driver.Adjustment:
		return "offset"
	}
	return ""
}

func isLeg(name string) func(driver.Op) bool {
	return func(op driver.Op) bool { return legOf(op) == name }
}

// posted counts in the PMS's own tables how often each leg of an item is there.
func (b *bed) posted(key string) []int {
	b.t.Helper()
	var counts []int
	for _, l := range b.item(key).Legs {
		n := 0
		for _, p := range b.pms.Payments() {
			if p.Ref == l.Ref {
				n++
			}
		}
		for _, a := range b.pms.Adjustments() {
			if a.Ref == l.Ref {
				n++
			}
		}
		counts = append(counts, n)
	}
	return counts
}

// done says which legs the item takes for posted.
func done(it writeback.Item) []bool {
	var out []bool
	for _, l := range it.Legs {
		out = append(out, l.Done)
	}
	return out
}

// scribe is a connection that writes down what is asked of it, by leg, and what
// was answered.
type scribe struct {
	*hooked
	mu   *sync.Mutex
	said *[]string
}

func (s scribe) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*s.said = append(*s.said, fmt.Sprintf(format, args...))
}

func (s scribe) Write(ctx context.Context, op driver.Op) (driver.Receipt, error) {
	r, err := driver.Write(ctx, s.Conn, op)
	outcome := "done"
	if e := driver.WriteError(err); e != nil {
		outcome = string(e.Kind)
	}
	s.note("write %s: %s", legOf(op), outcome)
	return r, err
}

func (s scribe) Verify(ctx context.Context, op driver.Op) (driver.Verdict, driver.Receipt, error) {
	v, r, err := driver.Verify(ctx, s.Conn, op)
	s.note("verify %s: %s", legOf(op), v)
	return v, r, err
}

// scribed makes the bed's engine one whose calls are written down; heard gives
// them and forgets them.
func (b *bed) scribed() (heard func() []string) {
	var mu sync.Mutex
	var said []string
	b.engine(b.connectBy(func(c driver.Conn) driver.Conn { return scribe{&hooked{Conn: c}, &mu, &said} }))
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		out := said
		said = nil
		return out
	}
}

// requireOrder checks what was asked of the PMS for one payment: no leg before
// the one before it is certain, and none again before it was looked for.
func requireOrder(t *testing.T, name string, said []string) {
	t.Helper()
	certain, doubt := map[string]bool{"": true}, map[string]bool{}
	before := map[string]string{"payment": "", "fee": "payment", "offset": "fee"}
	for _, s := range said {
		call, outcome, _ := strings.Cut(s, ": ")
		verb, leg, _ := strings.Cut(call, " ")
		require.True(t, certain[before[leg]], "%s: %s before its %s is certain: %q", name, s, before[leg], said)
		switch {
		case verb == "write" && doubt[leg]:
			t.Fatalf("%s: sent again before it was looked for: %q", name, said)
		case outcome == "done", outcome == "applied":
			certain[leg] = true
		case verb == "write":
			doubt[leg] = outcome == string(driver.ErrUnknownOutcome)
		case outcome == "absent":
			doubt[leg] = false
		}
	}
	require.True(t, certain["offset"], "%s: %q", name, said)
}

func TestFeeIsOffsetByAnAdjustmentOfItsOwn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) {
			withOffset(d)
			d.Payments.Provider = settings.Ref{ID: "HYG1"}
		})
		b.pass(time.Second)
		pay := b.withFee("pay")
		pay.At = time.Now().Add(-50 * time.Hour)
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(time.Minute)
		it := b.requireState("pay", writeback.Written)
		payments, adjustments := b.pms.Payments(), b.pms.Adjustments()
		require.Len(t, payments, 2)
		require.Len(t, adjustments, 1)
		fee, offset := payments[1], adjustments[0]
		require.True(t, fee.Fee)
		require.Equal(t, memdriver.Adjustment{
			Row: memdriver.Row{ID: offset.ID, Ref: it.Legs[2].Ref, Patient: b.patient, Provider: "HYG1", StoredAt: offset.StoredAt, Complete: true},
			Of:  fee.ID, Type: "0502", Amount: fee.Amount, PostedOn: fee.PostedOn, Memo: offset.Memo,
		}, offset)
		require.Equal(t, driver.DateOf(pay.At.In(b.location)), offset.PostedOn)
		require.Equal(t, "Invoice pay", offset.Memo.Reveal())
		for i, name := range legNames {
			require.Equal(t, name, it.Legs[i].Name)
			require.True(t, it.Legs[i].Done)
			require.NotEmpty(t, it.Legs[i].Receipt.ID)
		}
		require.Equal(t, driver.USD(269), it.Legs[2].Amount)

		// Without a fee, or together with it, there is nothing to offset.
		b.must(b.p.PostPayment(t.Context(), b.payment("plain")))
		b.save(func(d *settings.Document) { d.Payments.Separate = false })
		b.feePaid("together")
		b.pass(time.Minute)
		require.Equal(t, []int{1}, b.posted("plain"))
		require.Equal(t, []int{1}, b.posted("together"))
		require.Len(t, b.pms.Adjustments(), 1)
	})
}

func TestThreeLegsArePostedOnceEachWhateverIsLost(t *testing.T) {
	t.Parallel()
	for _, leg := range legNames {
		t.Run(leg, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				heard := b.scribed()
				b.start()
				defer b.stopped()
				b.save(withOffset)
				b.pass(time.Second)
				for i, fault := range []memdriver.Fault{
					{Times: 1, Effect: memdriver.After},
					{Times: 1, Effect: memdriver.Before, Err: driver.ErrUnknownOutcome},
					{Times: 1, Effect: memdriver.Before, Err: fmt.Errorf("some error nobody classified")},
					{Times: 1, Effect: memdriver.Late, After: 20 * time.Second},
					{Times: 1, Effect: memdriver.Half},
					{Times: 3, Effect: memdriver.Before},
					{Times: 1, Effect: memdriver.Pass, Hang: memdriver.HangUntilDone},
				} {
					key := fmt.Sprint("pay-", i)
					fault.On, fault.Match = "write", isLeg(leg)
					b.pms.Fail(fault)
					b.feePaid(key)
					b.pass(20 * time.Minute)
					b.requireState(key, writeback.Written)
					require.Equal(t, []int{1, 1, 1}, b.posted(key), key)
					requireOrder(t, key, heard())
				}
			})
		})
	}
}

func TestRefusedLegIsRetriedAlone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(withOffset)
		b.pass(time.Second)
		for i, leg := range legNames {
			b.pms.Fail(memdriver.Fault{On: "write", Match: isLeg(leg), Times: 1, Err: driver.ReasonPeriodClosed})
			it := b.feePaid(leg)
			b.pass(time.Hour)
			want := writeback.PartiallyPosted
			if i == 0 {
				want = writeback.Failed
			}
			require.Equal(t, driver.ReasonPeriodClosed, b.requireState(leg, want).Reason, leg)
			require.Equal(t, []bool{i > 0, i > 1, false}, done(b.item(leg)), leg)
			b.must(b.p.Retry(t.Context(), it.ID, "dana"))
			b.pass(time.Minute)
			b.requireState(leg, writeback.Written)
			require.Equal(t, []int{1, 1, 1}, b.posted(leg), leg)
		}
	})
}

// What is wrong with adjustments is put right for adjustments: payments go on.
func TestOffsetIsHeldAloneAndResumesByItself(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(withOffset)
		b.pass(time.Second)
		supported := func(yes bool) {
			b.pms.SetInfo(func(i *driver.Info) {
				o := i.Ops[driver.OpAdjustment]
				if o.Support = driver.Yes(); !yes {
					o.Support = driver.No("Needs the next version.")
				}
				i.Ops[driver.OpAdjustment] = o
			})
		}
		trip := &memdriver.Trip{}
		for _, tc := range []struct {
			name        string
			spoil, mend func()
			cause       string
		}{
			{"type hidden", func() { require.NoError(t, b.pms.SetOptionActive(driver.AdjustmentTypes, "0502", false)) },
				func() { require.NoError(t, b.pms.SetOptionActive(driver.AdjustmentTypes, "0502", true)) }, "option_inactive:adjustment_types:0502"},
			{"type does not fit", func() {
				trip = b.pms.Fail(memdriver.Fault{On: "write adjustment", Err: driver.ReasonOptionUnfit})
			}, func() { trip.Clear() }, "option_unfit:adjustment_types:0502"},
			{"no permission", func() {
				trip = b.pms.Fail(memdriver.Fault{On: "write adjustment", Err: memdriver.Unauthorized(driver.ScopeOperation)})
			}, func() { trip.Clear() }, "unauthorized:operation:adjustment"},
			{"no longer supported", func() { supported(false) }, func() { supported(true) }, "unsupported:adjustment"},
		} {
			tc.spoil()
			b.feePaid(tc.name)
			b.pass(5 * time.Minute)
			it := b.requireState(tc.name, writeback.PartiallyPosted)
			require.Equal(t, tc.cause, it.Cause, tc.name)
			require.Equal(t, []bool{true, true, false}, done(it), tc.name)
			require.NotEmpty(t, it.Words, tc.name)
			require.NotEmpty(t, it.NextStep, tc.name)
			b.must(b.p.PostPayment(t.Context(), b.payment("meanwhile "+tc.name)))
			b.pass(time.Minute)
			b.requireState("meanwhile "+tc.name, writeback.Written)
			tc.mend()
			b.pass(31 * time.Minute)
			b.requireState(tc.name, writeback.Written)
			require.Equal(t, []int{1, 1, 1}, b.posted(tc.name), tc.name)
		}
	})
}

func TestOffsetGoesByTheSettingsOfItsTurnAndByThePlanOfTheSubmit(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		for _, tc := range []struct {
			name                  string
			submit, waiting, then func(*settings.Document)
			want                  []int
			types                 []string
		}{
			{"as it was", withOffset, nil, nil, []int{1, 1, 1}, []string{"0502"}},
			{"another type", withOffset, offsetType("0501"), nil, []int{1, 1, 1}, []string{"0501"}},
			{"chosen after the submit", func(d *settings.Document) { d.Payments.Separate = true }, withOffset, nil, []int{1, 1}, nil},
			{"separate switched off", withOffset, func(d *settings.Document) { d.Payments.Separate = false }, nil, []int{1, 1, 1}, []string{"0502"}},
			{"cleared, and chosen again", withOffset, offsetType(""), offsetType("0501"), []int{1, 1, 1}, []string{"0501"}},
		} {
			before := len(b.pms.Adjustments())
			b.save(func(d *settings.Document) {
				d.Payments.Auto, d.Payments.Separate, d.Payments.OffsetFee = false, false, settings.Ref{}
				tc.submit(d)
			})
			it := b.feePaid(tc.name)
			b.pass(time.Minute)
			b.requireState(tc.name, writeback.AwaitingTransfer)
			if tc.waiting != nil {
				b.save(tc.waiting)
			}
			b.must(b.p.Transfer(t.Context(), it.ID, "dana"))
			b.pass(time.Minute)
			if tc.then != nil {
				held := b.requireState(tc.name, writeback.PartiallyPosted)
				require.Equal(t, "not_configured:payments.offset_fee", held.Cause)
				require.Equal(t, writeback.ReasonNotConfigured, held.Reason)
				require.Equal(t, []int{1, 1, 0}, b.posted(tc.name), "the money is not held for it")
				b.save(tc.then)
				b.pass(time.Minute)
			}
			b.requireState(tc.name, writeback.Written)
			require.Equal(t, tc.want, b.posted(tc.name), tc.name)
			var types []string
			for _, a := range b.pms.Adjustments()[before:] {
				types = append(types, a.Type)
			}
			require.Equal(t, tc.types, types, tc.name)
		}
	})
}

func TestRestThatNobodyWantsIsDismissedAndThePaymentRefunded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(withOffset)
		b.pass(time.Second)
		for name, end := range map[string]func(id string) (writeback.Item, error){
			"dismissed":     func(id string) (writeback.Item, error) { return b.p.Dismiss(t.Context(), id, "dana", "no offset") },
			"marked posted": func(id string) (writeback.Item, error) { return b.p.MarkPosted(t.Context(), id, "dana", "adj 5") },
		} {
			trip := b.pms.Fail(memdriver.Fault{On: "write adjustment"})
			it := b.feePaid(name)
			b.pass(time.Minute)
			b.save(offsetType(""))
			trip.Clear()
			b.pass(time.Hour)
			require.Equal(t, "not_configured:payments.offset_fee", b.requireState(name, writeback.PartiallyPosted).Cause)
			refund := writeback.Refund{Key: "refund " + name, Payment: name, Amount: driver.USD(10000), At: time.Now()}
			b.must(b.p.Refund(t.Context(), refund))
			b.pass(time.Minute)
			b.requireState(refund.Key, writeback.Held) // its payment is not settled
			b.must(end(it.ID))
			b.save(withOffset)
			b.pass(time.Hour)
			b.requireState(refund.Key, writeback.Written)
			require.Equal(t, []int{1, 1, 0}, b.posted(name), name)
		}
	})
}

func TestRefundTouchesTheFirstLegAlone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(withOffset)
		b.feePaid("pay")
		b.pass(time.Minute)
		it := b.requireState("pay", writeback.Written)
		_, err := b.p.Refund(t.Context(), writeback.Refund{Key: "too-much", Payment: "pay", Amount: driver.USD(10269), At: time.Now()})
		require.ErrorIs(t, err, writeback.ErrInvalid)
		b.must(b.p.Refund(t.Context(), writeback.Refund{Key: "refund", Payment: "pay", Amount: driver.USD(10000), At: time.Now()}))
		b.pass(time.Minute)
		b.requireState("refund", writeback.Written)
		require.Len(t, b.pms.Refunds(), 1)
		require.Equal(t, it.Legs[0].Receipt.ID, b.pms.Refunds()[0].Of)
		require.Equal(t, []int{1, 1, 1}, b.posted("pay"))
	})
}

func TestPMSWithoutAdjustmentsTakesThePaymentAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		// The PMS was never reached: nobody knows.
		b.save(withOffset)
		b.feePaid("unknown")
		b.pms.SetInfo(func(i *driver.Info) {
			i.Ops[driver.OpAdjustment] = driver.OpInfo{Support: driver.No("This PMS keeps no adjustments.")}
		})
		b.start()
		defer b.stopped()
		b.pass(time.Minute)
		require.Equal(t, []int{1, 1, 0}, b.posted("unknown"))
		it := b.requireState("unknown", writeback.PartiallyPosted)
		require.Equal(t, "unsupported:adjustment", it.Cause)

		b.feePaid("known")
		b.pass(time.Minute)
		b.requireState("known", writeback.Written)
		require.Equal(t, []int{1, 1}, b.posted("known"))

		doc, rev, err := b.p.Settings(t.Context())
		require.NoError(t, err)
		doc.Payments.OffsetFee = settings.Ref{}
		_, err = b.p.SaveSettings(t.Context(), doc, writeback.Save{Expect: rev, Actor: "dana"})
		require.NoError(t, err)
		withOffset(&doc)
		problems, err := b.p.SaveSettings(t.Context(), doc, writeback.Save{Expect: rev + 1, Actor: "dana"})
		require.ErrorIs(t, err, writeback.ErrProblems)
		require.Len(t, problems, 1)
		require.Equal(t, "payments.offset_fee", problems[0].Path)
		require.Contains(t, problems[0].Words, "This PMS keeps no adjustments.")
	})
}

func TestUncertainOffsetIsLookedForByItsOwnRules(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		heard := b.scribed()
		b.pms.SetInfo(func(i *driver.Info) {
			// Payments may be sent again without a look, adjustments may not.
			payment, adjustment := i.Ops[driver.OpPayment], i.Ops[driver.OpAdjustment]
			payment.Idempotent, adjustment.VerifyAfter = true, 3*time.Hour
			i.Ops[driver.OpPayment], i.Ops[driver.OpAdjustment] = payment, adjustment
		})
		b.start()
		defer b.stopped()
		b.save(withOffset)
		b.pass(time.Second)
		// The answer is lost, and the PMS carries it out hours later. Somebody
		// looks, does not find it, and may be in a hurry.
		for _, name := range []string{"patient", "hurried"} {
			b.pms.Fail(memdriver.Fault{On: "write adjustment", Times: 1, Effect: memdriver.Late, After: 2 * time.Hour})
			it := b.feePaid(name)
			b.pass(time.Hour)
			require.Empty(t, b.requireState(name, writeback.Uncertain).Reason, "it is too early to ask a person")
			if name == "hurried" {
				b.must(b.p.Retry(t.Context(), it.ID, "dana"))
			}
			b.pass(4 * time.Hour)
			b.requireState(name, writeback.Written)
			require.Equal(t, []int{1, 1, 1}, b.posted(name), name)
			requireOrder(t, name, heard())
		}

		// A PMS that cannot be asked leaves it to a person.
		b.pms.Fail(memdriver.Fault{On: "write adjustment", Times: 1, Effect: memdriver.After})
		trip := b.pms.Fail(memdriver.Fault{On: "verify adjustment", Err: driver.ReasonUnsupported})
		b.feePaid("unasked")
		b.pass(5 * time.Hour)
		stuck := b.requireState("unasked", writeback.Uncertain)
		require.Equal(t, writeback.ReasonOutcomeUnknown, stuck.Reason)
		require.Equal(t, "outcome_unknown:adjustment", stuck.Cause)
		trip.Clear()
		b.pass(2 * time.Hour)
		b.requireState("unasked", writeback.Written)
		require.Equal(t, []int{1, 1, 1}, b.posted("unasked"))

		// Its type is cleared while nobody knows whether it is there.
		for name, there := range map[string]int{"cleared, there": 1, "cleared, not there": 0} {
			fault := memdriver.Fault{On: "write adjustment", Times: 1, Effect: memdriver.After}
			if there == 0 {
				fault.Effect, fault.Err = memdriver.Before, driver.ErrUnknownOutcome
			}
			b.pms.Fail(fault)
			b.pms.Fail(memdriver.Fault{On: "verify adjustment", Times: 3})
			b.feePaid(name)
			b.pass(2 * time.Second)
			b.requireState(name, writeback.Uncertain)
			b.save(offsetType(""))
			b.pass(5 * time.Hour)
			require.Equal(t, []int{1, 1, there}, b.posted(name), name)
			if there == 0 {
				require.Equal(t, "not_configured:payments.offset_fee", b.requireState(name, writeback.PartiallyPosted).Cause)
			}
			b.save(withOffset)
			b.pass(time.Minute)
			b.requireState(name, writeback.Written)
			require.Equal(t, []int{1, 1, 1}, b.posted(name), name)
		}
	})
}

func TestCrashBetweenOrInLegsDoublesNone(t *testing.T) {
	t.Parallel()
	for _, leg := range legNames[1:] {
		for effect, name := range map[memdriver.Effect]string{memdriver.Before: "before", memdriver.After: "after", memdriver.Late: "late"} {
			t.Run(leg+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b := newBed(t, nil)
					frozen := &freezer{Store: b.store}
					b.engine(func(c *writeback.Config) { c.Store = frozen })
					b.start()
					b.save(withOffset)
					b.pass(time.Second)
					// The PMS is asked, and the process dies while it waits.
					trip := b.pms.Fail(memdriver.Fault{On: "write", Match: isLeg(leg), Times: 1, Effect: effect, After: 3 * time.Minute, Hang: memdriver.HangHard})
					b.feePaid("pay")
					<-trip.Reached()
					b.requireState("pay", writeback.Writing)
					frozen.frozen.Store(true)
					stopDead, runDead := b.stop, b.run
					b.engine(nil) // another process
					b.start()
					b.pass(3 * time.Minute)
					trip.Release()
					frozen.frozen.Store(false)
					stopDead()
					<-runDead
					b.pass(30 * time.Minute)
					b.requireState("pay", writeback.Written)
					require.Equal(t, []int{1, 1, 1}, b.posted("pay"))
					b.stopped()
				})
			})
		}
	}
	t.Run("between", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, nil)
			b.start()
			b.save(withOffset)
			b.pass(time.Second)
			trip := b.pms.Fail(memdriver.Fault{On: "write adjustment"})
			b.feePaid("pay")
			b.pass(time.Minute)
			require.Equal(t, []bool{true, true, false}, done(b.requireState("pay", writeback.PartiallyPosted)))
			b.stopped()
			trip.Clear()
			heard := b.scribed()
			b.start()
			b.pass(10 * time.Minute)
			b.requireState("pay", writeback.Written)
			require.Equal(t, []int{1, 1, 1}, b.posted("pay"))
			require.Equal(t, []string{"write offset: done"}, heard(), "what is there is left alone")
			b.stopped()
		})
	})
}

func TestRestoredStoreLooksForAnOffsetItMayHaveForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.pms.SetInfo(func(i *driver.Info) {
			// Payments may be sent again without a look, adjustments may not.
			payment := i.Ops[driver.OpPayment]
			payment.Idempotent = true
			i.Ops[driver.OpPayment] = payment
		})
		b.start()
		b.save(withOffset)
		pay := b.withFee("pay")
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
		b.stopped()

		b.store = memstore.New() // the disk is gone
		heard := b.scribed()
		b.save(withOffset)
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(time.Minute)
		require.NoError(t, b.eng.MarkRestored(t.Context(), "dana"))
		b.start()
		b.pass(10 * time.Minute)
		b.requireState("pay", writeback.Written)
		require.Equal(t, []string{"write payment: done", "write fee: done", "verify offset: applied"}, heard())
		require.Len(t, b.pms.Adjustments(), 1)
		b.stopped()
	})
}
