package eaglesoft_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/eaglesoft"
	"github.com/pmswriteback/pms/eaglesoft/eaglesofttest"
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

// Staff may move an appointment to an operatory of the other practice: what a
// connection does not read, it does not confirm either.
func TestAnAppointmentOfAnotherSiteKeepsItsStatus(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	k, err := eaglesoft.NewConnector(o.config())
	require.NoError(t, err)
	conn, err := k.Connect(t.Context(), driver.Env{Location: time.UTC, Site: eaglesofttest.Practice})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	op := o.operation(driver.OpStatus, o.patient()).(*driver.StatusChange)
	o.Run("UPDATE PPM.appointment SET location_id=3 WHERE appointment_id=?", op.Appointment)
	_, err = driver.Write(t.Context(), conn, op)
	require.ErrorIs(t, err, driver.ReasonAppointmentMissing)
	require.Zero(t, o.count(op))
	o.Run("UPDATE PPM.appointment SET location_id=2 WHERE appointment_id=?", op.Appointment)
	_, err = driver.Write(t.Context(), conn, op)
	require.NoError(t, err)
	require.Equal(t, 1, o.count(op))
}
