// Package eaglesofttest is a stand-in for Eaglesoft: a practice in a real MariaDB,
// with the tables, columns and types that public accounts of Eaglesoft's database
// have, and as much of SQL Anywhere around them as the driver asks for. It is for
// tests of the driver and of what is built on it; it is reached through a real ODBC
// stack (package odbctest).
//
//	var offices = mariadbtest.Pool{
//		Options: eaglesofttest.Options(), Prepare: eaglesofttest.Prepare,
//		Schemas: eaglesofttest.Schemas(),
//	}
//
//	server := offices.Borrow(t)
//	office := eaglesofttest.Open(t, server.Root, time.UTC)
//	login := odbctest.Login{Socket: server.Socket, Database: "PPM", User: eaglesofttest.User, Password: eaglesofttest.Password}
//
// # What is as in SQL Anywhere
//
//   - The owner of the tables is PPM. Ids of people are CHAR and come padded.
//   - A connection sees rows that are not committed (isolation level 0) until its
//     session is told otherwise, and takes quoted names for names.
//   - An unauthenticated connection may write for thirty seconds and gets
//     "Authentication violation" from then on.
//   - PROPERTY, CONNECTION_PROPERTY, USER_ID and GETDATE are there, and the views
//     SYS.SYSTAB and SYS.SYSTABCOL with what the driver reads of them.
//   - operatory_notes, document, appointment and the ledger number their rows.
//
// # What is not
//
//   - Statements that set options (SET TEMPORARY OPTION) are no statements of
//     MariaDB: tests give [Session] and [Signature] in their place.
//   - A reader does not wait for what somebody else has not committed; it does not
//     see it.
//   - Text compares without regard to blanks at its end.
//   - Nothing is known of triggers of the vendor's, and none are here.
package eaglesofttest

import (
	"context"
	"database/sql"
	_ "embed" // the tables
	"fmt"

	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
)

// Owner is the owner of the tables, and the name of their schema.
const Owner = "PPM"

// User and Password are of the login that the driver connects with. It may read
// everything in PPM and change what the driver's writes change.
const (
	User     = "webuser"
	Password = "PwEagle5T"
)

// Staff is the code of the active member of staff for Config.User. Practice is the
// practice_id of the one practice, and OtherPractice of another one in the same
// database.
const (
	Staff         = "WEB"
	Practice      = "1"
	OtherPractice = "2"
)

// Elsewhere is a database on the same server in which there is nothing of
// Eaglesoft's.
const Elsewhere = "elsewhere"

// Signature authenticates a connection. It takes the place of SET TEMPORARY OPTION
// connection_authentication='...'.
const Signature = "SET @connection_authentication='Signature7Q'"

// Session makes a connection read only what is committed and not wait long for
// locks. It takes the place of the statements of eaglesoft.DefaultSession.
func Session() []string {
	return []string{
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
		"SET SESSION innodb_lock_wait_timeout=10",
	}
}

//go:embed schema.sql
var schemaSQL string

//go:embed engine.sql
var engineSQL string

//go:embed seed.sql
var seedSQL string

// Options are those of a server for the stand-in: its sql_mode, the isolation level
// of SQL Anywhere, and the moment at which each connection began.
func Options() mariadbtest.Options {
	return mariadbtest.Options{Flags: []string{
		"--sql-mode=ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES",
		"--transaction-isolation=READ-UNCOMMITTED",
		"--init-connect=SET @connected_at=SYSDATE(6)",
		"--log-bin-trust-function-creators=1",
	}}
}

// Schemas are those that hold rows.
func Schemas() []string { return []string{Owner, "standin"} }

// guarded are the tables that an unauthenticated connection may not change.
var guarded = []string{
	"appointment", "appointment_provider", "appt_log", "operatory_notes", "document",
	"transactions_header", "transactions_detail", "transactions_extra", "patient", "provider",
}

// writable are those that the driver's login may change, and how.
var writable = map[string]string{
	"operatory_notes": "INSERT", "appointment": "UPDATE", "appt_log": "INSERT", "document": "INSERT",
	"transactions_header": "INSERT", "transactions_detail": "INSERT", "transactions_extra": "INSERT",
}

// Prepare makes the practice in an empty server: catalogs, providers, and no
// patients. One call of db may hold several statements.
func Prepare(ctx context.Context, db *sql.DB) error {
	for _, text := range []string{schemaSQL, engineSQL, seedSQL} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("eaglesofttest: make the tables: %w", err)
		}
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("eaglesofttest: %w", err)
	}
	defer func() { _ = conn.Close() }()
	statements := []string{"SET SESSION sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES'"}
	for _, name := range guarded {
		for _, action := range []string{"INSERT", "UPDATE", "DELETE"} {
			statements = append(statements, fmt.Sprintf(`CREATE TRIGGER "PPM"."%s_%s" BEFORE %s ON "PPM"."%s" FOR EACH ROW CALL "standin"."guard"()`, name, action, action, name))
		}
	}
	statements = append(statements, "CREATE USER "+User+"@localhost IDENTIFIED BY '"+Password+"'",
		`GRANT EXECUTE ON "PPM".* TO `+User+"@localhost", `GRANT SELECT ON "SYS".* TO `+User+"@localhost",
		`GRANT SELECT ON "`+Elsewhere+`".* TO `+User+"@localhost",
		"SET SESSION sql_mode=DEFAULT")
	for _, s := range append(statements, grants()...) {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("eaglesofttest: %s: %w", s, err)
		}
	}
	return nil
}

// readable are all tables.
var readable = []string{
	"system_preferences", "provider", "patient", "chairs", "appt_types", "appointment", "appointment_provider", "appt_log",
	"operatory_notes_type", "operatory_notes", "document_group", "document", "practice_preferences",
	"paytype", "transactions_header", "transactions_detail", "transactions_extra",
}

// grants are by table, so that one right can be taken away while a connection
// lives. Whoever takes one away gives it back, or spoils the server.
func grants() []string {
	var list []string
	for _, name := range readable {
		list = append(list, fmt.Sprintf(`GRANT SELECT ON PPM.%s TO %s@localhost`, name, User))
		if how := writable[name]; how != "" {
			list = append(list, fmt.Sprintf(`GRANT %s ON PPM.%s TO %s@localhost`, how, name, User))
		}
	}
	return list
}
