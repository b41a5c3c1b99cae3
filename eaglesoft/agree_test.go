package eaglesoft_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// A status whose answer was lost is sent again without a look: by then the patient
// may have been seen, and it was written all the same.
func TestAStatusThatIsThereIsWrittenThoughTheVisitIsOver(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	op := o.operation(driver.OpStatus, o.patient()).(*driver.StatusChange)
	_, err := driver.Write(t.Context(), conn, op)
	require.NoError(t, err)
	o.Run("UPDATE PPM.appointment SET arrival_status=4 WHERE appointment_id=?", op.Appointment)
	receipt, err := driver.Write(t.Context(), conn, op)
	require.NoError(t, err)
	require.True(t, receipt.Existed)
	require.Equal(t, 1, o.count(op))
	op.From, op.To = op.To, op.From
	_, err = driver.Write(t.Context(), conn, op)
	require.ErrorIs(t, err, driver.ReasonAppointmentClosed)
}

// Staff may put a payment on another day before anybody has looked for it.
func TestAPaymentThatStaffMovedToAnotherDayIsFound(t *testing.T) {
	t.Parallel()
	for _, days := range []int{-7, -1, 1, 7} {
		o := newOffice(t, time.UTC)
		conn := o.connect(o.config())
		op := o.operation(driver.OpPayment, o.patient())
		written, err := driver.Write(t.Context(), conn, op)
		require.NoError(t, err)
		o.Run("UPDATE PPM.transactions_header SET tran_date=tran_date + INTERVAL ? DAY WHERE tran_num=?", days, written.ID)
		verdict, receipt, err := o.verifyLate(conn, op)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictApplied, verdict, "%d days", days)
		require.Equal(t, written.ID, receipt.ID)
		_, err = driver.Write(t.Context(), conn, op)
		require.ErrorIs(t, err, driver.ReasonDuplicate)
		require.Equal(t, 1, o.count(op))
	}
}
