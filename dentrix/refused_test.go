package dentrix_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// The codes are those of the vendor's Exceptions Reference for what the driver writes. A
// procedure raises each, over ODBC.
func TestEveryDocumentedCodeHasItsMeaning(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	o.spoil()
	require.NoError(t, o.Exec(t.Context(), `CREATE PROCEDURE admin.standin_raises(IN PatientGuid CHAR(36), IN ContactDate DATE, IN ContactType SMALLINT, IN Note VARCHAR(5128))
		BEGIN DECLARE code INT DEFAULT (SELECT MAX(lab) FROM admin.standin_code); CALL admin.standin_refuse(code); END`))
	require.NoError(t, o.Exec(t.Context(), "CREATE TABLE admin.standin_code (lab INT)"))
	require.NoError(t, o.Exec(t.Context(), "GRANT EXECUTE ON PROCEDURE admin.standin_raises TO dxmember"))
	conn := o.connectWith(driver.Env{}, journalBy(t, "standin_raises"))
	patient := o.patient("Ada", "Quill", 0)

	means := map[driver.Reason][]int{
		driver.ReasonPatientNotFound:    {51001, 52005},
		driver.ReasonPatientArchived:    {51002},
		driver.ReasonProviderUnknown:    {51101},
		driver.ReasonProviderInactive:   {51102},
		driver.ReasonOptionUnfit:        {51103},
		driver.ReasonOptionUnknown:      {51501, 51602, 52308, 52450, 52453, 52901},
		driver.ReasonAppointmentMissing: {51601},
		driver.ReasonAppointmentClosed:  {52305},
		driver.ReasonRecordLocked:       {51701},
		driver.ReasonAmountInvalid:      {52324, 52325},
		driver.ReasonTextRefused:        {52904},
		driver.ReasonInvalid: {51502, 52300, 52303, 52304, 52306, 52309, 52312, 52317, 52318, 52319, 52320, 52326, 52331, 52332,
			52900, 52903, 52905, 52906, 52907, 52908, 52909, 52910, 50001, 59998},
	}
	for reason, codes := range means {
		for _, code := range codes {
			require.NoError(t, o.Exec(t.Context(), "REPLACE INTO admin.standin_code VALUES (?)", code))
			_, err := driver.Write(t.Context(), conn, note(patient, "N"))
			require.ErrorIs(t, err, reason, code)
			kind := driver.ErrRejected
			if code == 51701 {
				kind = driver.ErrUnavailable
				require.Equal(t, time.Minute, driver.WriteError(err).RetryAfter)
			}
			require.ErrorIs(t, err, kind, code)
			require.ErrorContains(t, err, fmt.Sprintf("(error %d)", code))
			require.NotContains(t, err.Error(), "Qzvk")
			require.NoError(t, o.Exec(t.Context(), "DELETE FROM admin.standin_code"))
		}
	}
}

// A procedure may report success and do nothing.
func TestAStatusThatIsStillTheFormerOneWasNotSet(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	o.spoil()
	require.NoError(t, o.Exec(t.Context(), "CREATE PROCEDURE admin.standin_idles(IN AppointmentId INT, IN StatusId SMALLINT) BEGIN END"))
	require.NoError(t, o.Exec(t.Context(), "GRANT EXECUTE ON PROCEDURE admin.standin_idles TO dxmember"))
	conn := o.connectWith(driver.Env{}, with(t, func(doc map[string]any) {
		part(doc, "operations", "status")["call"] = "call admin.standin_idles(?, ?)"
	}))
	patient := o.patient("Ada", "Quill", 0)
	_, err := driver.Write(t.Context(), conn, &driver.StatusChange{
		Header: driver.Header{Ref: ref("S"), Patient: patient}, Appointment: o.visit(patient, time.Now().Add(time.Hour), 1), From: "1", To: "2",
	})
	require.ErrorIs(t, err, driver.ErrRejected)
	require.ErrorContains(t, err, "has its former status")
}

// Whoever announces no hash has announced a length all the same.
func TestADocumentThatEndsEarlyIsNotFiled(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	for _, more := range []int64{-1, 1} {
		for _, op := range o.ops(patient, "1") {
			if d, ok := op.(*driver.Document); ok {
				d.SHA256, d.Size = "", d.Size+more
				_, err := driver.Write(t.Context(), conn, d)
				require.ErrorIs(t, err, driver.ErrRejected)
				require.ErrorContains(t, err, "not as long as was said")
			}
		}
	}
	rows, err := o.Documents(t.Context(), patient)
	require.NoError(t, err)
	require.Empty(t, rows)
}
