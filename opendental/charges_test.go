package opendental_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// debtor is a practice whose patient owes 30.00 and 50.00, for which a payment of
// 42.50 is to pay 12.50 and 30.00: not what the office would do by itself.
func debtor(t *testing.T, cfg opendentaltest.Config, extra ...string) (p *practice, pay func() *driver.Payment, procs []int64) {
	t.Helper()
	p = newPractice(t, cfg, extra...)
	num, err := strconv.ParseInt(p.patient, 10, 64)
	require.NoError(t, err)
	for _, fee := range []float64{30, 50} {
		made, err := p.AddProcedure(t.Context(), opendentaltest.Procedure{
			PatNum: num, ProcDate: p.Now().AddDate(0, -1, 0), ProcFee: fee, ProcStatus: 2, ProvNum: 1,
		})
		require.NoError(t, err)
		procs = append(procs, made.ProcNum)
	}
	return p, func() *driver.Payment {
		op := p.op(driver.OpPayment).(*driver.Payment)
		op.Charges = []driver.Charge{{ID: id(procs[0]), Amount: driver.USD(12_50)}, {ID: id(procs[1]), Amount: driver.USD(30_00)}}
		return op
	}, procs
}

// byProcedure are a payment's splits in cents, by procedure; 0 is unearned income.
func (p *practice) byProcedure(payment string) map[int64]int64 {
	p.t.Helper()
	list, err := p.PaySplits(p.t.Context())
	require.NoError(p.t, err)
	out := map[int64]int64{}
	for _, s := range list {
		if id(s.PayNum) == payment {
			out[s.ProcNum] += int64(s.SplitAmt*100 + 0.5)
		}
	}
	return out
}

func TestAPaymentPaysJustTheChargesThatItNames(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		p, pay, procs := debtor(t, opendentaltest.Config{Mode: mode}, "rate", "1ms")
		require.NoError(t, p.SetPreference(t.Context(), "AllowPrepayProvider", "1"))
		op := pay()
		receipt, err := driver.Write(t.Context(), p.conn, op)
		require.NoError(t, err)
		require.Equal(t, map[int64]int64{procs[0]: 12_50, procs[1]: 30_00}, p.byProcedure(receipt.ID))
		verdict, found, err := driver.Verify(t.Context(), p.conn, op)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictApplied, verdict)
		require.Equal(t, receipt.ID, found.ID)
		require.Empty(t, found.State)
	}
}

func TestChargesThatCannotBePaidSoAreLeftToTheOffice(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		version string
		change  func(*driver.Payment)
		want    func(procs []int64) map[int64]int64
	}{
		"a version too old": {version: "25.1.10.0", want: func(procs []int64) map[int64]int64 {
			return map[int64]int64{procs[0]: 30_00, procs[1]: 12_50}
		}},
		"not all of the amount": {change: func(p *driver.Payment) { p.Charges = p.Charges[:1] }, want: func(procs []int64) map[int64]int64 {
			return map[int64]int64{procs[0]: 30_00, procs[1]: 12_50}
		}},
		"too many": {change: func(p *driver.Payment) {
			for i := range 10 {
				p.Charges = append(p.Charges, driver.Charge{ID: id(int64(1000 + i)), Amount: driver.USD(1)})
			}
			p.Amount = driver.USD(42_60)
		}, want: func(procs []int64) map[int64]int64 { return map[int64]int64{procs[0]: 30_00, procs[1]: 12_60} }},
		"less is owed": {change: func(p *driver.Payment) {
			p.Charges[0].Amount, p.Charges[1].Amount = driver.USD(32_50), driver.USD(10_00)
		}, want: func([]int64) map[int64]int64 { return map[int64]int64{0: 42_50} }},
	} {
		p, pay, procs := debtor(t, opendentaltest.Config{Version: tc.version})
		op := pay()
		if tc.change != nil {
			tc.change(op)
		}
		receipt, err := driver.Write(t.Context(), p.conn, op)
		require.NoError(t, err, name)
		require.Equal(t, tc.want(procs), p.byProcedure(receipt.ID), name)
	}
}

func TestAChargeThatIsNotThePatientsIsRefusedUnsent(t *testing.T) {
	t.Parallel()
	p, pay, procs := debtor(t, opendentaltest.Config{})
	num, err := strconv.ParseInt(p.patient, 10, 64)
	require.NoError(t, err)
	child, err := p.AddPatient(t.Context(), opendentaltest.Patient{LName: "Sampleton", FName: "Theo", Guarantor: num})
	require.NoError(t, err)
	add := func(patient int64, status int) string {
		made, err := p.AddProcedure(t.Context(), opendentaltest.Procedure{PatNum: patient, ProcDate: p.Now(), ProcFee: 90, ProcStatus: status})
		require.NoError(t, err)
		return id(made.ProcNum)
	}
	for name, charge := range map[string]string{
		"of the family": add(child.PatNum, 2), "only planned": add(num, 1), "unknown": id(procs[1] + 100), "no number": "D0120",
	} {
		op := pay()
		op.Charges[1].ID = charge
		_, err := driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ErrRejected, name)
		require.ErrorContains(t, err, "Charges", name)
	}
	require.Zero(t, p.Count("POST", "/payments"))
}

func TestAPaymentWhoseChargesFailIsFinishedAndNeverPostedAgain(t *testing.T) {
	t.Parallel()
	for _, fault := range []opendentaltest.FaultKind{
		opendentaltest.FaultTimeoutApplied, opendentaltest.FaultTimeoutLost, opendentaltest.FaultCutAfter, opendentaltest.FaultErrorBefore,
	} {
		p, pay, procs := debtor(t, opendentaltest.Config{}, "verify_after", "1ms")
		op := pay()
		in, err := p.Inject(opendentaltest.Fault{Kind: fault, Method: "PUT", Route: "/payments/*/Partial", Count: -1})
		require.NoError(t, err)
		_, err = driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ErrIncomplete, fault)
		in.Remove()
		prior := driver.WriteError(err).Receipt
		verdict, found, err := driver.Verify(t.Context(), p.conn, op)
		require.NoError(t, err, fault)
		require.Equal(t, driver.VerdictApplied, verdict, fault)
		require.Equal(t, prior.ID, found.ID, fault)
		applied := fault == opendentaltest.FaultTimeoutApplied || fault == opendentaltest.FaultCutAfter
		require.Equal(t, !applied, found.State != "", fault)
		for range 2 { // it may be done again
			op.Prior = &prior
			_, err = driver.Write(t.Context(), p.conn, op)
			require.NoError(t, err, fault)
		}
		require.Equal(t, map[int64]int64{procs[0]: 12_50, procs[1]: 30_00}, p.byProcedure(prior.ID), fault)
		require.Equal(t, 1, p.Count("POST", "/payments"), fault)
	}
}

// The office deletes the splits and makes new ones: two of its threads at once
// would make them twice, and the payment pay more than it is.
func TestChargesThatTheOfficeMayStillBePayingAreNotPaidASecondTimeMeanwhile(t *testing.T) {
	t.Parallel()
	p, pay, procs := debtor(t, opendentaltest.Config{})
	op := pay()
	in, err := p.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultTimeoutLater, Method: "PUT", Route: "/payments/*/Partial"})
	require.NoError(t, err)
	_, err = driver.Write(t.Context(), p.conn, op)
	require.ErrorIs(t, err, driver.ErrIncomplete)
	require.Greater(t, driver.WriteError(err).RetryAfter, time.Minute)
	prior := driver.WriteError(err).Receipt
	// And after a crash, when only Verify knows.
	verdict, found, err := driver.Verify(t.Context(), p.conn, op)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictApplied, verdict)
	for _, done := range []driver.Receipt{prior, found} {
		op.Prior = &done
		_, err = driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ErrIncomplete)
		require.Greater(t, driver.WriteError(err).RetryAfter, time.Minute)
		require.Equal(t, prior.ID, driver.WriteError(err).Receipt.ID)
	}
	require.Equal(t, 1, p.Count("PUT", "/payments/{PayNum}/Partial"))
	in.Release()
	_, err = driver.Write(t.Context(), p.conn, op)
	require.NoError(t, err, "what has come meanwhile is seen at once")
	require.Equal(t, 1, p.Count("PUT", "/payments/{PayNum}/Partial"))
	require.Equal(t, map[int64]int64{procs[0]: 12_50, procs[1]: 30_00}, p.byProcedure(prior.ID))
}

func TestSplitsThatStaffHaveMadeAreLeftAlone(t *testing.T) {
	t.Parallel()
	p, pay, procs := debtor(t, opendentaltest.Config{})
	op := pay()
	in, err := p.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultErrorBefore, Method: "PUT", Route: "/payments/*/Partial", Delay: time.Millisecond})
	require.NoError(t, err)
	_, err = driver.Write(t.Context(), p.conn, op)
	require.ErrorIs(t, err, driver.ErrIncomplete)
	in.Remove()
	prior := driver.WriteError(err).Receipt
	p.asStaff("PUT", "/payments/"+prior.ID+"/Partial", map[string]any{"procNumsAndAmounts": []map[string]any{{"ProcNum": procs[1], "Amount": 42.5}}})
	op.Prior = &prior
	_, err = driver.Write(t.Context(), p.conn, op)
	require.NoError(t, err)
	require.Equal(t, map[int64]int64{procs[1]: 42_50}, p.byProcedure(prior.ID))
}

func TestAPaymentsChargesReachTheOfficeThroughTheEngine(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(func(d *settings.Document) { d.Payments.Separate = true })
	var charges []driver.Charge
	want := map[int64]float64{}
	for _, cents := range []int64{2500, 7500} {
		made, err := h.AddProcedure(t.Context(), opendentaltest.Procedure{PatNum: h.patient.PatNum, ProcDate: h.Now(), ProcFee: 100, ProcStatus: 2})
		require.NoError(t, err)
		charges = append(charges, driver.Charge{ID: id(made.ProcNum), Amount: driver.USD(cents)})
		want[made.ProcNum] = float64(cents) / 100
	}
	h.must(h.p.PostPayment(t.Context(), writeback.Payment{
		Key: "pay", Channel: driver.ChannelOnline, Patient: h.nora(), Amount: driver.USD(10000), Fee: driver.USD(269), At: h.Now(), Charges: charges,
	}))
	paid := h.posted(h.rests("pay", writeback.Written).Legs[0].Ref)
	splits, err := h.PaySplits(t.Context())
	require.NoError(t, err)
	got := map[int64]float64{}
	for _, s := range splits {
		if s.PayNum == paid.PayNum {
			got[s.ProcNum] += s.SplitAmt
		}
	}
	require.Equal(t, want, got)
}
