package eaglesoft_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"strings"
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/eaglesoft"
)

// What SQL Anywhere is sent, to the letter: the stand-in is another engine and may
// take more.

// columnsOf are the columns of the tables, as a catalog would list them.
var columnsOf = map[string]string{
	"system_preferences":   "version",
	"provider":             "provider_id first_name last_name status",
	"patient":              "patient_id first_name last_name preferred_name home_phone work_phone cell_phone email_address status patient_status responsible_party birth_date date_entered practice_id",
	"appointment":          "appointment_id start_time end_time patient_id location_id classification appointment_type_id appointment_notes arrival_status confirmation_status date_confirmed",
	"appointment_provider": "appointment_id provider_id",
	"chairs":               "chair_num practice_id",
	"appt_types":           "type_id description active",
	"appt_log":             "appt_id old_slot new_date appt_log_action user_id modified_by",
	"operatory_notes_type": "id note_type description",
	"operatory_notes": "note_id patient_id date_entered user_id note_class note_type note_type_id description note color post_proc_status" +
		" date_modified modified_by locked_eod status claim_id statement_yn resp_party_id practice_id freshness",
	"document_group": "group_id description type",
	"document": "document_id document_name document_type document_creation_date document_modified_date open_with ref_id ref_table user_id" +
		" original_user_id private display_in_docmgr signed needs_converted notice_of_privacy privacy_authorization consent practice_id" +
		" custom_document_id headerfooter_added document_group_id",
	"paytype":             "paytype_id sequence description",
	"transactions_header": "tran_num user_id type tran_date resp_party_id amount paytype_id description impacts status aging_date practice_id",
	"transactions_detail": "detail_id tran_num user_id date_entered provider_id collections_go_to patient_id amount provider_practice_id patient_practice_id status posneg",
	"transactions_extra":  "tran_num",
}

var autoincrement = "appointment_id note_id document_id tran_num detail_id"

const (
	tablesInOrder = "system_preferences provider patient appointment appointment_provider chairs appt_types appt_log operatory_notes_type" +
		" operatory_notes document_group document paytype transactions_header transactions_detail transactions_extra"
	sessionText = "SELECT CONNECTION_PROPERTY('Authenticated') AS authenticated, CONNECTION_PROPERTY('isolation_level') AS isolation_level," +
		" CONNECTION_PROPERTY('quoted_identifier') AS quoted_identifier"
	catalogText = `SELECT t."table_name", c."column_name", c."default" AS column_default, c."width" AS column_width` +
		` FROM SYS.SYSTAB t JOIN SYS.SYSTABCOL c ON c."table_id" = t."table_id"` +
		` WHERE t."creator" = USER_ID(?) AND t."table_name" IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	visitText = `SELECT a."appointment_id", a."start_time", a."end_time", a."patient_id", a."location_id", a."classification",` +
		` a."appointment_type_id", a."appointment_notes", a."arrival_status", a."confirmation_status", p."provider_id"` +
		` FROM "PPM"."appointment" a LEFT OUTER JOIN "PPM"."appointment_provider" p ON p."appointment_id" = a."appointment_id"`
	patientText = `SELECT "patient_id", "first_name", "last_name", "preferred_name", "home_phone", "work_phone", "cell_phone",` +
		` "email_address", "status", "patient_status", "responsible_party", "birth_date", "date_entered", "practice_id" FROM "PPM"."patient"`
)

var serverNow = time.Date(2026, 11, 27, 8, 30, 0, 0, time.UTC)

// pinned is a connection to an engine that answers what it is told to, and takes
// nothing else.
type pinned struct {
	t *testing.T
	m sqlmock.Sqlmock
}

func rowsOf(columns string, values ...sqldriver.Value) *sqlmock.Rows {
	names := strings.Fields(columns)
	rows := sqlmock.NewRows(names)
	for len(values) > 0 {
		rows.AddRow(values[:len(names)]...)
		values = values[len(names):]
	}
	return rows
}

// reads expects a SELECT.
func (p *pinned) reads(text string, rows *sqlmock.Rows, args ...sqldriver.Value) {
	p.m.ExpectQuery(text).WithArgs(args...).WillReturnRows(rows)
}

// does expects a statement that changes one row.
func (p *pinned) does(text string, args ...sqldriver.Value) {
	p.m.ExpectExec(text).WithArgs(args...).WillReturnResult(sqlmock.NewResult(0, 1))
}

// prepared expects a statement without arguments or rows.
func (p *pinned) prepared(text string) {
	p.m.ExpectPrepare(text).ExpectExec().WillReturnResult(sqlmock.NewResult(0, 0))
}

// begins expects the beginning of a write on a connection that was used before.
func (p *pinned) begins() {
	p.reads("SELECT GETDATE() AS now_wall", rowsOf("now_wall", serverNow))
	p.m.ExpectBegin()
	p.reads(sessionText, rowsOf("authenticated isolation_level quoted_identifier", "Yes", "1", "On"))
}

// finds expects the look at a patient and a provider.
func (p *pinned) findsPatient() {
	p.reads(`SELECT "patient_id", "responsible_party", "practice_id" FROM "PPM"."patient" WHERE "patient_id" IN (?, ?)`,
		rowsOf("patient_id responsible_party practice_id", "1001 ", "1000 ", int64(1)), "1001", "1001 ")
}

func (p *pinned) findsProvider() {
	p.reads(`SELECT "provider_id", "status" FROM "PPM"."provider" WHERE "provider_id" IN (?, ?)`, rowsOf("provider_id status", "D1 ", "A"), "D1", "D1 ")
}

// connect expects all that a connection looks at first.
func connect(t *testing.T) (*pinned, driver.Conn) {
	db, m, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherEqual))
	require.NoError(t, err)
	p := &pinned{t, m}
	p.prepared("SET TEMPORARY OPTION quoted_identifier='On'")
	p.prepared("SET TEMPORARY OPTION isolation_level='1'")
	p.prepared("SET TEMPORARY OPTION blocking_timeout='10000'")
	p.prepared(secretInit)
	p.looks()
	conn := connectPool(t, db)
	require.NoError(t, m.ExpectationsWereMet())
	return p, conn
}

func connectPool(t *testing.T, db *sql.DB) driver.Conn {
	k, err := eaglesoft.NewConnector(eaglesoft.Config{
		DB: sqlx.NewDb(db, "sqlmock"), Init: []driver.Secret{driver.NewSecret(secretInit)},
		Owner: "PPM", User: "D1", Practice: "1", Payments: true,
	})
	require.NoError(t, err)
	conn, err := k.Connect(t.Context(), driver.Env{Location: time.UTC})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// looks expects the look at the whole database.
func (p *pinned) looks() {
	p.reads("SELECT PROPERTY('ProductVersion') AS engine", rowsOf("engine", "17.0.11.6933"))
	p.reads(sessionText, rowsOf("authenticated isolation_level quoted_identifier", "Yes", "1", "On"))
	p.reads(`SELECT "version" FROM "PPM"."system_preferences"`, rowsOf("version", "24.10.09"))
	p.reads("SELECT GETDATE() AS now_wall", rowsOf("now_wall", serverNow))
	catalog := rowsOf("table_name column_name column_default column_width")
	args := []sqldriver.Value{"PPM"}
	for _, table := range strings.Fields(tablesInOrder) {
		args = append(args, table)
		for _, name := range strings.Fields(columnsOf[table]) {
			var value sqldriver.Value
			if strings.Contains(autoincrement, name) {
				value = "autoincrement"
			}
			catalog.AddRow(table, name, value, int64(4000))
		}
	}
	p.reads(catalogText, catalog, args...)
	for _, table := range strings.Fields(tablesInOrder) {
		names := strings.Fields(strings.TrimSuffix(columnsOf[table], " date_confirmed"))
		p.reads(`SELECT "`+strings.Join(names, `", "`)+`" FROM "PPM"."`+table+`" WHERE 1 = 0`, rowsOf(strings.Join(names, " ")))
	}
	p.tries()
	p.findsProvider()
}

// tries expects the questions for the rights to write, of which none changes a row.
func (p *pinned) tries() {
	p.reads("SELECT GETDATE() AS now_wall", rowsOf("now_wall", serverNow))
	p.m.ExpectBegin()
	for _, text := range []string{
		`INSERT INTO "PPM"."operatory_notes" ("note_id") SELECT "note_id" FROM "PPM"."operatory_notes" WHERE 1 = 0`,
		`UPDATE "PPM"."appointment" SET "confirmation_status" = "confirmation_status" WHERE 1 = 0`,
		`INSERT INTO "PPM"."appt_log" ("appt_id") SELECT "appt_id" FROM "PPM"."appt_log" WHERE 1 = 0`,
		`INSERT INTO "PPM"."transactions_header" ("tran_num") SELECT "tran_num" FROM "PPM"."transactions_header" WHERE 1 = 0`,
		`INSERT INTO "PPM"."transactions_detail" ("detail_id") SELECT "detail_id" FROM "PPM"."transactions_detail" WHERE 1 = 0`,
		`INSERT INTO "PPM"."transactions_extra" ("tran_num") SELECT "tran_num" FROM "PPM"."transactions_extra" WHERE 1 = 0`,
	} {
		p.m.ExpectExec(text).WithArgs().WillReturnResult(sqlmock.NewResult(0, 0))
	}
	p.m.ExpectRollback()
}

func TestTextsOfTheFirstLook(t *testing.T) {
	t.Parallel()
	p, conn := connect(t)
	p.looks()
	info, err := conn.Info(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.m.ExpectationsWereMet())
	require.Equal(t, "24.10.09", info.Version)
	require.True(t, info.Ops[driver.OpNote].Supported, info.Ops[driver.OpNote].Why)
}

const testRef = "EAGLETESTREFABCD"

func TestTextsOfANote(t *testing.T) {
	t.Parallel()
	p, conn := connect(t)
	at := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	p.begins()
	looks := func(found *sqlmock.Rows) {
		p.reads(`SELECT "note_id", "patient_id", "note" FROM "PPM"."operatory_notes" WHERE "patient_id" IN (?, ?) AND "date_entered" >= ?`+
			` AND "date_entered" < ? ORDER BY "note_id"`, found, "1001", "1001 ", at.Add(-48*time.Hour), at.Add(48*time.Hour))
	}
	looks(rowsOf("note_id patient_id note"))
	p.findsPatient()
	p.findsProvider()
	p.reads(`SELECT "id", "note_type" FROM "PPM"."operatory_notes_type" WHERE "id" = ?`, rowsOf("id note_type", int64(7), "G"), int64(7))
	p.does(`INSERT INTO "PPM"."operatory_notes" ("patient_id", "date_entered", "user_id", "note_class", "note_type", "note_type_id",`+
		` "description", "note", "color", "post_proc_status", "modified_by", "locked_eod", "status", "claim_id", "statement_yn",`+
		` "resp_party_id", "practice_id", "date_modified", "freshness") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, GETDATE(), GETDATE())`,
		"1001 ", at, "D1 ", "T", "G", "7", "Incoming Call", "Called. "+testRef, int64(0), "V", "D1 ", int64(0), "A", int64(-1), "N", "1000 ", "1")
	looks(rowsOf("note_id patient_id note", int64(4711), "1001 ", "Called. "+testRef))
	p.m.ExpectCommit()
	r, err := driver.Write(t.Context(), conn, &driver.Note{
		Header: driver.Header{Ref: testRef, Patient: "1001", Provider: "D1"}, About: driver.IncomingCall, Type: "7", At: at, Body: driver.NewText("Called. " + testRef),
	})
	require.NoError(t, err)
	require.NoError(t, p.m.ExpectationsWereMet())
	require.Equal(t, "4711", r.ID)
}

func TestTextsOfAStatus(t *testing.T) {
	t.Parallel()
	p, conn := connect(t)
	start := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	visit := func() *sqlmock.Rows {
		return rowsOf("appointment_id start_time end_time patient_id location_id classification appointment_type_id appointment_notes arrival_status confirmation_status provider_id",
			int64(12), start, start.Add(time.Hour), "1001 ", int64(1), int64(1), nil, nil, nil, int64(3), "D1 ")
	}
	p.begins()
	p.reads(visitText+` WHERE a."appointment_id" = ? ORDER BY p."provider_id"`, visit(), int64(12))
	p.findsProvider()
	p.reads("SELECT GETDATE() AS now_wall", rowsOf("now_wall", serverNow))
	p.does(`UPDATE "PPM"."appointment" SET "confirmation_status" = ?, "date_confirmed" = ? WHERE "appointment_id" = ? AND "start_time" = ? AND "confirmation_status" = ?`,
		int64(1), "2026-11-27", int64(12), start, int64(3))
	p.does(`INSERT INTO "PPM"."appt_log" ("appt_id", "old_slot", "new_date", "appt_log_action", "user_id", "modified_by") VALUES (?, ?, ?, ?, ?, ?)`,
		int64(12), int64(1), start, "R", "D1 ", "D1 ")
	p.m.ExpectCommit()
	_, err := driver.Write(t.Context(), conn, &driver.StatusChange{Header: driver.Header{Ref: testRef, Patient: "1001", Provider: "D1"}, Appointment: "12", From: "3", To: "1"})
	require.NoError(t, err)
	require.NoError(t, p.m.ExpectationsWereMet())

	// Somebody was faster, between the look and the change.
	p.begins()
	p.reads(visitText+` WHERE a."appointment_id" = ? ORDER BY p."provider_id"`, visit(), int64(12))
	p.findsProvider()
	p.m.ExpectExec(`UPDATE "PPM"."appointment" SET "confirmation_status" = ? WHERE "appointment_id" = ? AND "start_time" = ? AND "confirmation_status" = ?`).
		WithArgs(int64(0), int64(12), start, int64(3)).WillReturnResult(sqlmock.NewResult(0, 0))
	p.reads(`SELECT "appointment_id", "confirmation_status" FROM "PPM"."appointment" WHERE "appointment_id" = ?`,
		rowsOf("appointment_id confirmation_status", int64(12), int64(5)), int64(12))
	p.m.ExpectRollback()
	_, err = driver.Write(t.Context(), conn, &driver.StatusChange{Header: driver.Header{Ref: testRef, Patient: "1001", Provider: "D1"}, Appointment: "12", From: "3", To: "0"})
	require.ErrorIs(t, err, driver.ErrConflict)
	require.NoError(t, p.m.ExpectationsWereMet())
}

func TestTextsOfAPayment(t *testing.T) {
	t.Parallel()
	p, conn := connect(t)
	p.begins()
	looks := func(found *sqlmock.Rows) {
		p.reads(`SELECT "tran_num", "description" FROM "PPM"."transactions_header" WHERE "tran_date" >= ? AND "tran_date" < ? ORDER BY "tran_num"`,
			found, "2026-11-20", "2026-12-05")
	}
	looks(rowsOf("tran_num description"))
	p.findsPatient()
	p.findsProvider()
	p.reads(`SELECT "paytype_id" FROM "PPM"."paytype" WHERE "paytype_id" = ?`, rowsOf("paytype_id", int64(2)), int64(2))
	p.does(`INSERT INTO "PPM"."transactions_header" ("user_id", "type", "tran_date", "resp_party_id", "amount", "paytype_id", "description",`+
		` "impacts", "status", "aging_date", "practice_id") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		"D1 ", "A", "2026-11-27", "1000 ", "-102.69", int64(2), "Paid online "+testRef, "C", "A", "2026-11-27", "1")
	looks(rowsOf("tran_num description", int64(899), "Paid online", int64(900), "Paid online "+testRef))
	p.does(`INSERT INTO "PPM"."transactions_detail" ("tran_num", "user_id", "provider_id", "collections_go_to", "patient_id", "amount",`+
		` "provider_practice_id", "patient_practice_id", "status", "posneg", "date_entered") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, GETDATE())`,
		"900", "D1 ", "D1 ", "D1 ", "1001 ", "-102.69", "1", "1", int64(1), int64(0))
	p.does(`INSERT INTO "PPM"."transactions_extra" ("tran_num") VALUES (?)`, "900")
	p.m.ExpectCommit()
	r, err := driver.Write(t.Context(), conn, &driver.Payment{
		Header: driver.Header{Ref: testRef, Patient: "1001", Provider: "D1"}, Type: "2", Amount: driver.USD(10269),
		PostedOn: driver.Date{Year: 2026, Month: time.November, Day: 27}, Memo: driver.NewText("Paid\nonline"),
	})
	require.NoError(t, err)
	require.NoError(t, p.m.ExpectationsWereMet())
	require.Equal(t, "900", r.ID)
}

func TestTextsOfReads(t *testing.T) {
	t.Parallel()
	p, conn := connect(t)
	ctx := t.Context()
	none := rowsOf("patient_id")
	p.reads(patientText+` WHERE "patient_id" IN (?, ?) ORDER BY "patient_id"`, none, "1001", "1001 ")
	_, err := driver.FindPatients(ctx, conn, driver.PatientQuery{ID: "1001"})
	require.NoError(t, err)
	p.reads(patientText+` WHERE "birth_date" >= ? AND "birth_date" < ? ORDER BY "patient_id"`, none, "1980-02-29", "1980-03-01")
	_, err = driver.FindPatients(ctx, conn, driver.PatientQuery{BirthDate: driver.NewBirthDate(driver.Date{Year: 1980, Month: 2, Day: 29})})
	require.NoError(t, err)
	p.reads(patientText+` WHERE ("home_phone" LIKE ? OR "work_phone" LIKE ? OR "cell_phone" LIKE ?) ORDER BY "patient_id"`, none, "%0142%", "%0142%", "%0142%")
	_, err = driver.FindPatients(ctx, conn, driver.PatientQuery{Phone: driver.NewText("(503) 555-0142")})
	require.NoError(t, err)

	p.reads(`SELECT "paytype_id", "sequence", "description" FROM "PPM"."paytype" WHERE "paytype_id" >= ? ORDER BY "sequence", "paytype_id"`,
		rowsOf("paytype_id sequence description", int64(1), int64(1), "Cash"), int64(-2147483648))
	_, err = driver.ReadCatalog(ctx, conn, driver.PaymentTypes)
	require.NoError(t, err)

	p.reads("SELECT GETDATE() AS now_wall", rowsOf("now_wall", serverNow))
	page, err := driver.ReadChanges(ctx, conn, driver.ChangesQuery{Feed: driver.PatientFeed})
	require.NoError(t, err)
	p.reads("SELECT GETDATE() AS now_wall", rowsOf("now_wall", serverNow))
	p.reads(patientText+` WHERE "date_entered" >= ? ORDER BY "patient_id"`, none, "2026-11-26")
	_, err = driver.ReadChanges(ctx, conn, driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: page.Next})
	require.NoError(t, err)

	p.reads(`SELECT "chair_num", "practice_id" FROM "PPM"."chairs" WHERE "chair_num" >= ? ORDER BY "chair_num"`, rowsOf("chair_num practice_id"), int64(0))
	p.reads(visitText+` WHERE a."start_time" >= ? AND a."start_time" < ? ORDER BY a."start_time", a."appointment_id", p."provider_id"`,
		rowsOf("appointment_id"), "2026-11-27", "2026-11-30")
	from := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	_, err = driver.ReadWindow(ctx, conn, driver.WindowQuery{Feed: driver.AppointmentFeed, From: from, To: from.AddDate(0, 0, 2)})
	require.NoError(t, err)

	p.reads(`SELECT "patient_id" FROM "PPM"."patient" WHERE "patient_id" >= ? ORDER BY "patient_id"`, rowsOf("patient_id", "1001 ", "1002 "), "")
	p.reads(patientText+` WHERE "patient_id" >= ? AND "patient_id" <= ? ORDER BY "patient_id"`, none, "1001 ", "1002 ")
	_, err = driver.ReadWindow(ctx, conn, driver.WindowQuery{Feed: driver.PatientFeed})
	require.NoError(t, err)
	require.NoError(t, p.m.ExpectationsWereMet())
}
