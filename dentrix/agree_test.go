package dentrix_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// A status was decided for one patient's appointment: staff may have given it to
// another since, with the status that it had.
func TestAnAppointmentThatIsAnotherPatientsByNowKeepsItsStatus(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient, other := o.patient("Ada", "Quill", 0), o.patient("Ben", "Stone", 0)
	visit := o.visit(other, time.Now().Add(time.Hour), 1)
	_, err := driver.Write(t.Context(), conn, &driver.StatusChange{Header: driver.Header{Ref: ref("S"), Patient: patient}, Appointment: visit, From: "1", To: "2"})
	require.ErrorIs(t, err, driver.ErrConflict)
	status, err := o.Status(t.Context(), visit)
	require.NoError(t, err)
	require.Equal(t, "1", status)
}

func TestABrokenAppointmentIsOverAndNoConflict(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	visit := o.visit(patient, time.Now().Add(time.Hour), 1)
	require.NoError(t, o.BreakAppointment(t.Context(), number(o, visit)))
	_, err := driver.Write(t.Context(), conn, &driver.StatusChange{Header: driver.Header{Ref: ref("S"), Patient: patient}, Appointment: visit, From: "1", To: "2"})
	require.ErrorIs(t, err, driver.ReasonAppointmentClosed)
}

// What is committed while the look lasts may lie behind it: only the time at which
// the look began counts.
func TestALookThatBeganTooEarlyNeverSaysAbsent(t *testing.T) {
	t.Parallel()
	const after = time.Second
	o := openOffice(t, time.UTC, time.Now())
	cfg := o.config(dentrixtest.Profile())
	cfg.VerifyAfter = after
	k, err := dentrix.NewConnector(cfg)
	require.NoError(t, err)
	conn, err := k.Connect(t.Context(), driver.Env{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	op := payment(o.patient("Ada", "Quill", 0), "P")
	lift := o.line.Strike(odbctest.Trouble{When: odbctest.Runs(`sp_getaccountpayments`), Do: odbctest.Hang})
	verdicts := make(chan driver.Verdict, 1)
	op.FirstSent = time.Now()
	op.LastSent = op.FirstSent
	go func() {
		verdict, _, _ := driver.Verify(t.Context(), conn, op)
		verdicts <- verdict
	}()
	<-time.After(time.Until(op.LastSent.Add(after + 50*time.Millisecond)))
	lift()
	require.Equal(t, driver.VerdictUnknown, <-verdicts)
	verdict, _, err := driver.Verify(t.Context(), conn, op)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictAbsent, verdict)

	// One whose last sending was not noted was sent at the first.
	op.FirstSent, op.LastSent = time.Now().Add(time.Hour), time.Time{}
	verdict, _, err = driver.Verify(t.Context(), conn, op)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictUnknown, verdict)
}

func TestADocumentWhoseBytesAreOthersThanAnnouncedIsNotFiled(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	for _, op := range o.ops(patient, o.visit(patient, time.Now().Add(time.Hour), 1)) {
		d, ok := op.(*driver.Document)
		if !ok {
			continue
		}
		right := d.SHA256
		d.SHA256 = "00" + right[2:]
		_, err := driver.Write(t.Context(), conn, d)
		require.ErrorIs(t, err, driver.ErrRejected)
		require.ErrorIs(t, err, driver.ReasonInvalid)
		rows, err := o.Documents(t.Context(), patient)
		require.NoError(t, err)
		require.Empty(t, rows)
		d.SHA256 = right
		_, err = driver.Write(t.Context(), conn, d)
		require.NoError(t, err)
		return
	}
	t.Fatal("no document")
}
