package dentrixtest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
)

// The stand-in has the traps of the real one, and its procedures raise the documented
// codes and write nothing then.
func TestTheStandInBehavesAsTheDocumentsSay(t *testing.T) {
	t.Parallel()
	pool := mariadbtest.Pool{Options: dentrixtest.Options(), Schemas: dentrixtest.Schemas(), Prepare: dentrixtest.Prepare, Restore: dentrixtest.Restore}
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	server := pool.Borrow(t)
	ctx := t.Context()
	o, err := dentrixtest.New(ctx, server.Root, time.UTC, time.Date(2026, time.May, 4, 9, 30, 0, 0, time.UTC))
	require.NoError(t, err)
	db := server.Root

	var padded string
	require.NoError(t, db.QueryRow("SELECT last_name FROM admin.v_provider WHERE provider_id='DDS1'").Scan(&padded))
	require.Len(t, padded, 21)
	patient, err := o.AddPatient(ctx, dentrixtest.Patient{First: "Ada", Last: "Quill"})
	require.NoError(t, err)
	visit, err := o.AddAppointment(ctx, dentrixtest.Appointment{Patient: patient, Start: o.Now(), Duration: time.Hour, Status: 150})
	require.NoError(t, err)
	var signed int
	require.NoError(t, db.QueryRow("SELECT status_id FROM admin.v_appt").Scan(&signed))
	require.Equal(t, -106, signed)
	var clock string
	require.NoError(t, db.QueryRow("SELECT admin.getdate()").Scan(&clock))
	require.Equal(t, "2026-05-04 09:30:00", clock)

	pay := "CALL admin.standin_addpayment(?, '2026-05-04', ?, ?, ?, 'KEY', '')"
	for code, call := range map[uint16][]any{
		51001: {pay, 999999, 7, -5, "DDS1"}, 52450: {pay, patient, 99, -5, "DDS1"}, 52324: {pay, patient, 7, 5, "DDS1"},
		51101: {pay, patient, 7, -5, "NONE"}, 51102: {pay, patient, 7, -5, "OLD1"}, 51103: {pay, patient, 7, -5, "HYG1"},
		52305: {"CALL admin.standin_setstatus(?, 1)", visit}, 51601: {"CALL admin.standin_setstatus(?, 1)", 999999},
	} {
		_, err := db.Exec(call[0].(string), call[1:]...)
		var said *mysql.MySQLError
		require.True(t, errors.As(err, &said), "%d: %v", code, err)
		require.Equal(t, code, said.Number)
	}
	rows, err := o.Payments(ctx, "1")
	require.NoError(t, err)
	require.Empty(t, rows)
	require.NoError(t, o.Lock(ctx, true))
	_, err = db.Exec(pay, patient, 7, -5, "DDS1")
	require.ErrorContains(t, err, "51701")
}
