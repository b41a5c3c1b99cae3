package memdriver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestTheDayOfAVerificationIsTheRestOfItsNote(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	p.AddCoverage(p.patient)
	n := p.ops()[driver.OpNote].(*driver.Note)
	n.About, n.Verified = driver.InsuranceVerificationNote, true
	trip := p.Fail(memdriver.Fault{On: "note", Effect: memdriver.Half})
	_, err := driver.Write(t.Context(), p.conn, n)
	trip.Clear()
	require.ErrorIs(t, err, driver.ErrIncomplete)
	require.True(t, p.InsuranceVerified(p.patient).IsZero())

	prior := driver.WriteError(err).Receipt
	n.Prior = &prior
	for range 2 {
		_, err = driver.Write(t.Context(), p.conn, n)
		require.NoError(t, err)
		require.Equal(t, driver.DateOf(n.At), p.InsuranceVerified(p.patient))
		require.Len(t, p.Notes(), 1)
	}
}

func TestAPaymentPaysOnlyThePatientsOwnChargesAndOnlyInWhole(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	mine, others := p.AddCharge(p.patient), p.AddCharge(p.AddPatient(driver.Patient{}))
	pay := p.ops()[driver.OpPayment].(*driver.Payment)
	whole := []driver.Charge{{ID: mine, Amount: pay.Amount}}
	for _, tc := range []struct {
		name    string
		offered bool
		charges []driver.Charge
		paid    bool
	}{
		{"as given", true, whole, true},
		{"not offered", false, whole, false},
		{"another patient's", true, []driver.Charge{{ID: others, Amount: pay.Amount}}, false},
		{"unknown", true, []driver.Charge{{ID: "charge-99", Amount: pay.Amount}}, false},
		{"less", true, []driver.Charge{{ID: mine, Amount: driver.USD(1)}}, false},
		{"more", true, []driver.Charge{{ID: mine, Amount: pay.Amount}, {ID: mine, Amount: driver.USD(1)}}, false},
	} {
		p.SetInfo(func(i *driver.Info) {
			op := i.Ops[driver.OpPayment]
			op.Charges = tc.offered
			i.Ops[driver.OpPayment] = op
		})
		op := *pay
		op.Ref, op.Charges = refOf(1000+len(p.Payments())), tc.charges
		_, err := driver.Write(t.Context(), p.conn, &op)
		require.NoError(t, err, tc.name)
		stored := p.Payments()[len(p.Payments())-1]
		require.Equal(t, pay.Amount, stored.Amount, tc.name)
		require.Equal(t, tc.paid, stored.Charges != nil, tc.name)
	}
}

func TestAnIgnoredWriteIsRefusedAndHasNoEffect(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	ops := p.ops()
	p.Fail(memdriver.Fault{On: "write", Effect: memdriver.Ignored})
	for kind, op := range ops {
		before, was := p.Counts(), p.Appointments()
		_, err := driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ErrRejected, kind)
		require.ErrorIs(t, err, driver.ReasonInvalid, kind)
		require.Equal(t, before, p.Counts(), kind)
		require.Equal(t, was, p.Appointments(), kind)
	}
}
