package dentrix_test

import (
	"database/sql/driver"
	"strings"
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	pms "github.com/pmswriteback/pms/driver"
)

const (
	patientColumns = "patient_id, last_name, first_name, status, birth_date, preferred_name, home_phone, work_phone, other_phone, mobile_phone, email, patient_guid, guar_id, guar_guid"
	visitColumns   = "appointment_id, appointment_date, start_hour, start_minute, patient_id, status_id, modified_time_stamp, length, broken, provider_id, operatory_id"
)

// script is a database that answers exactly what is expected, in order.
type script struct {
	sqlmock.Sqlmock
}

func newScript(t *testing.T, profile *dentrix.Profile) (script, func() pms.Conn) {
	t.Helper()
	db, mock, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherEqual))
	require.NoError(t, err)
	s := script{mock}
	return s, func() pms.Conn {
		k, err := dentrix.NewConnector(dentrix.Config{DB: sqlx.NewDb(db, "sqlmock"), Profile: profile})
		require.NoError(t, err)
		conn, err := k.Connect(t.Context(), pms.Env{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
}

// answers expects a query and answers with rows of comma-separated columns.
func (s script) answers(query, columns string, rows [][]driver.Value, args ...driver.Value) {
	answer := sqlmock.NewRows(strings.Split(columns, ", "))
	for _, r := range rows {
		answer.AddRow(r...)
	}
	s.ExpectQuery(query).WithArgs(args...).WillReturnRows(answer)
}

var (
	wallClock = time.Date(2026, time.May, 4, 9, 30, 0, 0, time.UTC)
	wallRow   = [][]driver.Value{{wallClock}}
)

// probe expects what every connection begins with.
func (s script) probe() {
	names := []driver.Value{"Data_Version", "sp_appointments", "v_patient", "v_appt", "v_provider", "v_appt_status_codes", "v_payment_types", "v_adjustment_types", "v_document_types"}
	s.answers("SELECT optionkey, optionvalue FROM admin.options WHERE optionkey IN (?, ?, ?, ?, ?, ?, ?, ?, ?)", "optionkey, optionvalue", [][]driver.Value{{"Data_Version", "16.20"}}, names...)
	s.answers("SELECT GETDATE() AS servertime FROM admin.options WHERE optionkey = ?", "servertime", wallRow, "Data_Version")
	s.answers("SELECT * FROM admin.v_patient WHERE patient_id = ?", patientColumns, nil, 0)
	s.answers("SELECT * FROM admin.v_appt WHERE appointment_id = ?", visitColumns, nil, 0)
	s.answers("SELECT * FROM admin.v_provider WHERE provider_id = ?", "provider_id, last_name, first_name, inactive", nil, "")
	s.answers("SELECT * FROM admin.v_appt_status_codes WHERE defid = ?", "defid, descript", nil, -1)
	s.answers("SELECT * FROM admin.v_payment_types WHERE def_id = ?", "def_id, descript", nil, -1)
	s.answers("SELECT * FROM admin.v_adjustment_types WHERE def_id = ?", "def_id, descript", nil, -1)
	s.answers("SELECT * FROM admin.v_document_types WHERE dc_doctype_id = ?", "dc_doctype_id, doctype_desc", nil, -1)
	s.answers("call admin.sp_appointments({d '1901-01-01'}, {d '1901-01-01'}, NULL)", visitColumns+", note, servertime", nil)
}

func TestTheTextsOfReadsAreThese(t *testing.T) {
	t.Parallel()
	s, connect := newScript(t, nil)
	s.probe()
	conn := connect()

	s.answers("SELECT "+patientColumns+" FROM admin.v_patient WHERE birth_date = ?", patientColumns, nil, "1985-12-10")
	_, err := pms.FindPatients(t.Context(), conn, pms.PatientQuery{BirthDate: pms.NewBirthDate(pms.Date{Year: 1985, Month: 12, Day: 10})})
	require.NoError(t, err)
	s.answers("SELECT "+patientColumns+" FROM admin.v_patient WHERE patient_id > ? AND (mobile_phone LIKE ? OR home_phone LIKE ? OR work_phone LIKE ? OR other_phone LIKE ?)",
		patientColumns, nil, -1<<31, "%5%0%3%5%5%5%0%1%4%2%", "%5%0%3%5%5%5%0%1%4%2%", "%5%0%3%5%5%5%0%1%4%2%", "%5%0%3%5%5%5%0%1%4%2%")
	_, err = pms.FindPatients(t.Context(), conn, pms.PatientQuery{Phone: pms.NewText("(503) 555-0142")})
	require.NoError(t, err)

	// The clock, and what changed since five minutes before the cursor.
	s.answers("SELECT GETDATE() AS servertime FROM admin.options WHERE optionkey = ?", "servertime", wallRow, "Data_Version")
	page, err := pms.ReadChanges(t.Context(), conn, pms.ChangesQuery{Feed: pms.AppointmentFeed})
	require.NoError(t, err)
	s.answers("SELECT GETDATE() AS servertime FROM admin.options WHERE optionkey = ?", "servertime", wallRow, "Data_Version")
	s.answers("call admin.sp_appointments({d '1990-01-01'}, {d '2099-12-31'}, {ts '2026-05-04 09:25:00'})", visitColumns+", note, servertime", nil)
	_, err = pms.ReadChanges(t.Context(), conn, pms.ChangesQuery{Feed: pms.AppointmentFeed, Cursor: page.Next})
	require.NoError(t, err)

	// Three days, and one more: nobody says whether the last is included.
	s.answers("call admin.sp_appointments({d '2026-05-04'}, {d '2026-05-07'}, NULL)", visitColumns+", note, servertime", nil)
	_, err = pms.ReadWindow(t.Context(), conn, pms.WindowQuery{Feed: pms.AppointmentFeed, From: wallClock, To: wallClock.AddDate(0, 0, 2)})
	require.NoError(t, err)

	s.answers("SELECT MIN(patient_id) AS lowest, MAX(patient_id) AS highest FROM admin.v_patient", "lowest, highest", [][]driver.Value{{int64(5), int64(2000)}})
	s.answers("SELECT "+patientColumns+" FROM admin.v_patient WHERE patient_id > ? AND patient_id <= ? ORDER BY patient_id", patientColumns,
		[][]driver.Value{{int64(7), "Quill    ", "Ada ", int64(1), nil, nil, nil, nil, nil, nil, nil, nil, nil, nil}}, 4, 504)
	page, err = pms.ReadWindow(t.Context(), conn, pms.WindowQuery{Feed: pms.PatientFeed})
	require.NoError(t, err)
	require.Equal(t, []string{"7"}, ids(page))
	require.True(t, page.More)

	s.answers("SELECT def_id, descript FROM admin.v_payment_types WHERE def_id >= ? AND def_id <= ? ORDER BY def_id", "def_id, descript", nil, -128, 32767)
	_, err = pms.ReadCatalog(t.Context(), conn, pms.PaymentTypes)
	require.NoError(t, err)
	require.NoError(t, s.ExpectationsWereMet())
}

// Look, one call in one transaction, look again: nothing else, and in this order.
func TestTheTextsOfAPaymentAreThese(t *testing.T) {
	t.Parallel()
	profile, err := dentrix.ParseProfile(with(t, func(doc map[string]any) {
		delete(doc, "definitions")
		doc["operations"] = map[string]any{"payment": part(doc, "operations", "payment")}
	}))
	require.NoError(t, err)
	require.NotEmpty(t, dentrixtest.Profile())
	s, connect := newScript(t, profile)
	s.probe()
	for name, n := range map[string]int{"standin_addpayment": 7} {
		s.procedure(name, n)
	}
	s.procedure("sp_getaccountpayments", 4)
	conn := connect()

	find := func(rows [][]driver.Value) {
		s.answers("call admin.sp_getaccountpayments(?, ?, ?, ?)", "procid, checknumber", rows, "guar-guid", "2024-05-04", sqlmock.AnyArg(), 1)
	}
	s.answers("SELECT "+patientColumns+" FROM admin.v_patient WHERE patient_id = ?", patientColumns,
		[][]driver.Value{{int64(42), "Quill", "Ada", int64(1), nil, nil, nil, nil, nil, nil, nil, "guid", int64(41), "guar-guid "}}, 42)
	s.answers("SELECT provider_id, last_name, first_name, inactive FROM admin.v_provider WHERE provider_id = ?", "provider_id, last_name, first_name, inactive",
		[][]driver.Value{{"DDS1", "Rowan", "Iris", false}}, "DDS1")
	s.answers("SELECT def_id, descript FROM admin.v_payment_types WHERE def_id >= ? AND def_id <= ? ORDER BY def_id", "def_id, descript", [][]driver.Value{{int64(7), "Card"}}, -128, 32767)
	find(nil)
	s.answers("SELECT COUNT(*) AS n FROM admin.options WHERE optionkey = 'Data_Version'", "n", [][]driver.Value{{int64(1)}})
	s.ExpectBegin()
	s.answers("call admin.standin_addpayment(?, ?, ?, ?, ?, ?, ?)", "procid", [][]driver.Value{{int64(9)}}, 42, "2026-05-04", 7, "-102.69", "DDS1", ref("P"), "card")
	s.ExpectCommit()
	find([][]driver.Value{{int64(8), "1234"}, {int64(9), ref("P") + "    "}})
	op := payment("42", "P")
	op.PostedOn = pms.DateOf(wallClock)
	receipt, err := pms.Write(t.Context(), conn, op)
	require.NoError(t, err)
	require.Equal(t, "9", receipt.ID)
	require.NoError(t, s.ExpectationsWereMet())
}

// procedure expects what is asked about a procedure of so many arguments.
func (s script) procedure(name string, arguments int) {
	s.answers("SELECT proc_id FROM admin.sysprocedures WHERE owner = ? AND LOWER(proc_name) = ?", "proc_id", [][]driver.Value{{int64(3)}}, "admin", name)
	rows := [][]driver.Value{{"procid", "RESULT", int64(4)}} // not an argument
	for range arguments {
		rows = append(rows, []driver.Value{"a", "IN      ", int64(0)})
	}
	s.answers("SELECT name, argtype, width FROM admin.sysproccolumns WHERE proc_id = ? ORDER BY id", "name, argtype, width", rows, 3)
}
