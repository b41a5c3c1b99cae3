package writeback

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

func offsetBy(id string) func(*settings.Document) {
	return func(d *settings.Document) { d.Payments.OffsetFee = settings.Ref{ID: id} }
}

// offsetItem is a payment with a fee that is to be offset, of which the first
// legs are in the PMS.
func offsetItem(done int) *item {
	it := paymentItem()
	if err := planMoney(it, settings.Payments{Auto: true, Separate: true, OffsetFee: settings.Ref{ID: "a1"}}); err != nil {
		panic(err)
	}
	for i := range done {
		l := &it.pr.Legs[i]
		l.State, l.First, l.Got.ID = legDone, time.Now(), "77"
		l.Sent = &sentOp{Provider: "DOC1", Patient: "42", Type: "p1", PostedOn: driver.Date{Year: 2025, Month: 3, Day: 1}}
		it.State = PartiallyPosted
	}
	return it
}

func TestOffsetIsPlannedAtTheSubmitWhereItCanBe(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*view, *item)
		want   []string
	}{
		{"chosen", nil, []string{"payment", "fee", "offset"}},
		{"not chosen", func(v *view, _ *item) { v.settings.Payments.OffsetFee = settings.Ref{} }, []string{"payment", "fee"}},
		{"in one with the payment", func(v *view, _ *item) { v.settings.Payments.Separate = false }, []string{"payment"}},
		{"no fee", func(_ *view, it *item) { it.p.Payment.Fee = driver.Money{} }, []string{"payment"}},
		{"PMS cannot", func(v *view, _ *item) { v.info.Ops[driver.OpAdjustment] = driver.OpInfo{Support: driver.No("No.")} }, []string{"payment", "fee"}},
		{"PMS says nothing of it", func(v *view, _ *item) { delete(v.info.Ops, driver.OpAdjustment) }, []string{"payment", "fee"}},
		{"PMS never reached", func(v *view, _ *item) { v.info = nil }, []string{"payment", "fee", "offset"}},
	} {
		it, v := paymentItem(), wholeView()
		v.settings.Payments.Separate, v.settings.Payments.OffsetFee = true, settings.Ref{ID: "a1"}
		if tc.change != nil {
			tc.change(&v, it)
		}
		before := v.settings.Payments.OffsetFee
		require.NoError(t, planMoney(it, v.payments()), tc.name)
		var names []string
		refs := map[string]bool{}
		for _, l := range it.pr.Legs {
			names = append(names, l.Name)
			refs[l.Ref] = true
			require.Equal(t, l.Name == "offset", l.Offset, tc.name)
			require.Equal(t, l.Name == "fee", l.Fee, tc.name)
			if l.Name != "payment" {
				require.Equal(t, it.p.Payment.Fee, l.Amount, tc.name)
			}
		}
		require.Equal(t, tc.want, names, tc.name)
		require.Len(t, refs, len(names), "each leg has a Ref of its own")
		require.Equal(t, before, v.settings.Payments.OffsetFee, "the settings stay as they are")
	}
}

// An offset is asked about when its turn comes: until then nothing of it holds
// the payment or the fee, and then nothing of theirs holds the offset.
func TestLegIsDecidedByItsOwnOperation(t *testing.T) {
	t.Parallel()
	queued := decision{event: EventQueued}
	no := driver.OpInfo{Support: driver.No("No.")}
	closed := func(op driver.OpKind) func(*view, *item) {
		return func(v *view, _ *item) { v.closed = map[driver.OpKind]driver.Scope{op: driver.ScopeOperation} }
	}
	for _, tc := range []struct {
		name    string
		change  func(*view, *item)
		money   decision // while the payment or its fee is next
		atTheOf decision // when the offset is
	}{
		{"everything in order", nil, queued, queued},
		{"type cleared", settingsAre(offsetBy("")), queued, decision{EventHeld, ReasonNotConfigured, "not_configured:payments.offset_fee"}},
		{"type gone", settingsAre(offsetBy("a9")), queued, decision{EventHeld, driver.ReasonOptionUnknown, "option_unknown:adjustment_types:a9"}},
		{"type hidden", func(v *view, _ *item) { hide(v, driver.AdjustmentTypes, "a1") }, queued, decision{EventHeld, driver.ReasonOptionInactive, "option_inactive:adjustment_types:a1"}},
		{"type that lowers", func(v *view, _ *item) { v.catalogs.Lists[driver.AdjustmentTypes][0].Lowers = true }, queued, decision{EventHeld, driver.ReasonOptionUnfit, "option_unfit:adjustment_types:a1"}},
		{"adjustments not supported", func(v *view, _ *item) { v.info.Ops[driver.OpAdjustment] = no }, queued, decision{EventHeld, driver.ReasonUnsupported, "unsupported:adjustment"}},
		{"adjustments closed", closed(driver.OpAdjustment), queued, decision{EventHeld, ReasonUnauthorized, "unauthorized:operation:adjustment"}},
		{"payments not supported", func(v *view, _ *item) { v.info.Ops[driver.OpPayment] = no }, decision{EventHeld, driver.ReasonUnsupported, "unsupported:payment"}, queued},
		{"payments closed", closed(driver.OpPayment), decision{EventHeld, ReasonUnauthorized, "unauthorized:operation:payment"}, queued},
		{"fee without a type", settingsAre(func(d *settings.Document) { d.Payments.SurchargeType = settings.Ref{} }), decision{EventHeld, ReasonNotConfigured, "not_configured:payments.surcharge_type"}, queued},
		{"surcharge type hidden", func(v *view, _ *item) { hide(v, driver.PaymentTypes, "p2") }, decision{EventHeld, driver.ReasonOptionInactive, "option_inactive:payment_types:p2"}, queued},
		{"separate switched off", settingsAre(func(d *settings.Document) { d.Payments.Separate = false }), queued, queued},
		{"auto switched off", settingsAre(func(d *settings.Document) { d.Payments.Auto = false }), decision{EventAwaiting, ReasonAutoOff, ""}, queued},
	} {
		for done := range 3 {
			it, v := offsetItem(done), wholeView()
			offsetBy("a1")(&v.settings)
			if tc.change != nil {
				tc.change(&v, it)
			}
			want := tc.money
			switch {
			case done == 2:
				want = tc.atTheOf
			case done == 1 && want.event == EventAwaiting:
				want = queued // it is begun
			}
			require.Equal(t, want, decide(it, v), "%s, %d legs are there", tc.name, done)
		}
	}
	// What was sent once is not asked about again.
	it, v := offsetItem(2), wholeView()
	it.pr.Legs[2].First = time.Now()
	require.Equal(t, queued, decide(it, v), "its type was cleared since")
}

func TestOffsetIsBoundToItsFee(t *testing.T) {
	t.Parallel()
	v := wholeView()
	offsetBy("a1")(&v.settings)
	v.settings.Payments.Provider = settings.Ref{ID: "DOC2"}
	env := planEnv{view: v, zone: time.UTC}
	it := offsetItem(2)
	it.p.Payment.Memo = "Invoice 7"
	offset := &it.pr.Legs[2]
	require.Equal(t, driver.OpAdjustment, it.opOf(offset))
	require.Equal(t, driver.OpAdjustment, it.nextOp())
	require.Equal(t, driver.OpPayment, it.opOf(&it.pr.Legs[1]))
	op, err := bind(it, offset, env)
	require.NoError(t, err)
	a := op.(*driver.Adjustment)
	fee := it.pr.Legs[1]
	require.Equal(t, driver.Adjustment{
		Header: driver.Header{Ref: offset.Ref, Patient: fee.Sent.Patient, Provider: "DOC2"},
		Type:   "a1", Amount: driver.USD(269), PostedOn: fee.Sent.PostedOn, Memo: a.Memo, Of: fee.Got.ID, OfRef: fee.Ref,
	}, *a)
	require.Equal(t, "Invoice 7", a.Memo.Reveal())

	// What it was first sent with stays.
	offset.First = time.Now()
	offsetBy("a2")(&env.view.settings)
	op, err = bind(it, offset, env)
	require.NoError(t, err)
	require.Equal(t, "a1", op.(*driver.Adjustment).Type)

	for done := range 2 {
		it := offsetItem(done)
		_, err := bind(it, &it.pr.Legs[2], env)
		require.Error(t, err, "the fee is not there")
	}
	it = offsetItem(2)
	it.pr.Legs[1].State = legSending
	_, err = bind(it, &it.pr.Legs[2], env)
	require.Error(t, err, "the fee is not certain")

	// A refusal has the cause that decide would give.
	it = offsetItem(2)
	v = wholeView()
	offsetBy("a1")(&v.settings)
	op, err = bind(it, &it.pr.Legs[2], planEnv{view: v, zone: time.UTC})
	require.NoError(t, err)
	for reason, change := range map[driver.Reason]func(){
		driver.ReasonOptionInactive: func() { v.catalogs.Lists[driver.AdjustmentTypes][0].Active = false },
		driver.ReasonOptionUnfit:    func() { v.catalogs.Lists[driver.AdjustmentTypes][0].Lowers = true },
		driver.ReasonUnsupported:    func() { v.info.Ops[driver.OpAdjustment] = driver.OpInfo{} },
	} {
		v = wholeView()
		offsetBy("a1")(&v.settings)
		change()
		require.Equal(t, decide(it, v).cause, mendableCause(reason, op), reason)
	}
}
