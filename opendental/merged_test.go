package opendental_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// merge has staff merge the practice's patient into a new one.
func (p *practice) merge() {
	p.t.Helper()
	into, err := p.AddPatient(p.t.Context(), opendentaltest.Patient{LName: "Sampleton", FName: "Nora M."})
	require.NoError(p.t, err)
	from, err := strconv.ParseInt(p.patient, 10, 64)
	require.NoError(p.t, err)
	require.NoError(p.t, p.MergePatients(p.t.Context(), into.PatNum, from))
}

// long is before what the office may still be at work on.
func long(op driver.Op) driver.Op {
	at := time.Now().Add(-time.Hour)
	op.Head().FirstSent, op.Head().LastSent = at, at
	return op
}

// movable are the operations whose rows go with a merged patient.
var movable = []driver.OpKind{driver.OpNote, driver.OpDocument, driver.OpPayment, driver.OpRefund, driver.OpAdjustment}

func TestWhatWasWrittenIsFoundAfterItsPatientWasMerged(t *testing.T) {
	t.Parallel()
	for _, mode := range []opendentaltest.Mode{opendentaltest.ModeService, opendentaltest.ModeLocal, opendentaltest.ModeRemote} {
		p := newPractice(t, opendentaltest.Config{Mode: mode}, "rate", "1ms")
		var written, never []driver.Op
		ids := map[driver.OpKind]string{}
		for _, kind := range movable {
			op := p.op(kind)
			receipt, err := driver.Write(t.Context(), p.conn, op)
			require.NoError(t, err)
			ids[kind] = receipt.ID
			written, never = append(written, long(op)), append(never, long(p.op(kind)))
		}
		p.merge()
		// In Remote mode a patient is taken for fit for 30 turns.
		merged := time.Now()
		require.Eventually(t, func() bool { return time.Since(merged) > 40*time.Millisecond }, soon, 5*time.Millisecond)
		for i, kind := range movable {
			verdict, receipt, err := driver.Verify(t.Context(), p.conn, written[i])
			require.NoError(t, err, kind)
			require.Equal(t, driver.VerdictApplied, verdict, "%s: it would be written again for the patient who is left", kind)
			require.Equal(t, ids[kind], receipt.ID, kind)
			verdict, _, err = driver.Verify(t.Context(), p.conn, never[i])
			require.NoError(t, err, kind)
			require.Equal(t, driver.VerdictAbsent, verdict, kind)
			_, err = driver.Write(t.Context(), p.conn, never[i])
			require.ErrorIs(t, err, driver.ReasonPatientArchived, kind)
		}
	}
}

// Until its second step a refund has nothing but what its payment has.
func TestARefundHalfDoneIsFoundAfterItsPatientWasMerged(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	op := p.op(driver.OpRefund)
	_, err := p.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultErrorBefore, Method: "PUT", Route: "/payments/*"})
	require.NoError(t, err)
	_, err = driver.Write(t.Context(), p.conn, op)
	require.ErrorIs(t, err, driver.ErrIncomplete)
	done := driver.WriteError(err).Receipt
	p.merge()
	verdict, receipt, err := driver.Verify(t.Context(), p.conn, long(op))
	require.NoError(t, err)
	require.Equal(t, driver.VerdictApplied, verdict)
	require.Equal(t, done.ID, receipt.ID)
}

func TestWhatCannotBeSearchedForAfterAMergeIsLeftToAPerson(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	op := long(p.op(driver.OpPayment))
	_, err := driver.Write(t.Context(), p.conn, op)
	require.NoError(t, err)
	p.merge()
	require.NoError(t, p.SetKeyPermissions(opendentaltest.DefaultCustomerKey, opendentaltest.Tier35&^opendentaltest.Queries))
	verdict, _, err := driver.Verify(t.Context(), p.conn, op)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictUnknown, verdict)
}
