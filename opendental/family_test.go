package opendental_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// owes charges a patient for something that was done.
func (p *practice) owes(patient int64, dollars float64) {
	p.t.Helper()
	_, err := p.AddProcedure(p.t.Context(), opendentaltest.Procedure{
		PatNum: patient, ProcDate: p.Now().AddDate(0, -1, 0), ProcFee: dollars, ProcStatus: 2, ProvNum: 1,
	})
	require.NoError(p.t, err)
}

// splitsOf are a payment's splits as patient to cents, by whether they pay a
// procedure.
func (p *practice) splitsOf(payment string) (charges, unearned map[int64]int64) {
	p.t.Helper()
	list, err := p.PaySplits(p.t.Context())
	require.NoError(p.t, err)
	charges, unearned = map[int64]int64{}, map[int64]int64{}
	for _, s := range list {
		into := unearned
		if s.ProcNum != 0 {
			into = charges
		}
		if id(s.PayNum) == payment {
			into[s.PatNum] += int64(s.SplitAmt*100 + 0.5)
		}
	}
	return charges, unearned
}

func TestAPaymentPaysNobodyElsesCharges(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		p := newPractice(t, opendentaltest.Config{Mode: mode}, "rate", "1ms")
		for name, tc := range map[string]struct {
			own, others       float64
			charges, unearned int64
		}{
			"the patient owes as much":          {own: 100, others: 50, charges: 42_50},
			"less, and the family owes":         {own: 20, others: 50, unearned: 42_50},
			"nothing, and the family owes":      {others: 50, unearned: 42_50},
			"less, and the family owes nothing": {own: 20, charges: 20_00, unearned: 22_50},
			"nobody owes anything":              {unearned: 42_50},
		} {
			parent, err := p.AddPatient(t.Context(), opendentaltest.Patient{LName: "Sampleton", FName: "Nora"})
			require.NoError(t, err)
			num := parent.PatNum
			p.patient = id(num)
			child, err := p.AddPatient(t.Context(), opendentaltest.Patient{LName: "Sampleton", FName: "Theo", Guarantor: num})
			require.NoError(t, err)
			if tc.own > 0 {
				p.owes(num, tc.own)
			}
			if tc.others > 0 {
				p.owes(child.PatNum, tc.others)
			}
			receipt, err := driver.Write(t.Context(), p.conn, p.op(driver.OpPayment))
			require.NoError(t, err, name)
			charges, unearned := p.splitsOf(receipt.ID)
			want := func(cents int64) map[int64]int64 {
				if cents == 0 {
					return map[int64]int64{}
				}
				return map[int64]int64{num: cents}
			}
			require.Equal(t, want(tc.charges), charges, name)
			require.Equal(t, want(tc.unearned), unearned, name)
		}
	}
}

func TestAPaymentIsAPrepaymentWhenTheOfficeDoesNotTellWhoOwes(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	num, err := strconv.ParseInt(p.patient, 10, 64)
	require.NoError(t, err)
	p.owes(num, 100)
	op := p.op(driver.OpPayment)
	in, err := p.Inject(opendentaltest.Fault{
		Kind: opendentaltest.FaultGarbage, Method: http.MethodGet, Route: "/accountmodules/*/PatientBalances", Count: -1,
	})
	require.NoError(t, err)
	receipt, err := driver.Write(t.Context(), p.conn, op)
	require.NoError(t, err)
	in.Remove()
	charges, unearned := p.splitsOf(receipt.ID)
	require.Empty(t, charges)
	require.Equal(t, map[int64]int64{num: 42_50}, unearned)

	// Down is not "does not tell": nothing is sent.
	op = p.op(driver.OpPayment)
	in, err = p.Inject(opendentaltest.Fault{
		Kind: opendentaltest.FaultErrorBefore, Method: http.MethodGet, Route: "/accountmodules/*/PatientBalances", Count: -1, Delay: time.Millisecond,
	})
	require.NoError(t, err)
	posted := p.Count("POST", "/payments")
	_, err = driver.Write(t.Context(), p.conn, op)
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.Equal(t, posted, p.Count("POST", "/payments"))
	in.Remove()
}
