package writeback_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// withOffset posts fees on their own and offsets them.
func withOffset(d *settings.Document) {
	d.Payments.Separate, d.Payments.OffsetFee = true, settings.Ref{ID: "0502"}
}

// withOffsetOnly is withOffset in a practice from which nothing is read, for
// tests that last for hours.
func withOffsetOnly(d *settings.Document) {
	withOffset(d)
	off := settings.Interval{Off: true}
	d.Intervals = settings.Intervals{AppointmentStatus: off, AppointmentChanges: off, NewPatients: off, PhotoSweep: off}
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

func TestRefusedLegIsRetriedAlone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(withOffsetOnly)
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
		b.save(withOffsetOnly)
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
		b.save(withOffsetOnly)
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
			b.save(withOffsetOnly)
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
