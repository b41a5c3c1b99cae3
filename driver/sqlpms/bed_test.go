package sqlpms_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// office is a small PMS on MariaDB: padded CHAR, signed bytes, procedures that
// raise numbers of their own.
var office = mariadbtest.Pool{
	Options: mariadbtest.Options{Flags: []string{"--sql-mode=ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,STRICT_ALL_TABLES"}},
	Schemas: []string{"admin"},
	Prepare: func(ctx context.Context, db *sql.DB) error {
		for _, s := range []string{
			`CREATE SCHEMA admin CHARACTER SET utf8mb4`,
			`CREATE TABLE admin.note (id int AUTO_INCREMENT PRIMARY KEY, patient char(5) NOT NULL, body varchar(200), ref char(16) UNIQUE)`,
			`CREATE TABLE admin.appt (id int PRIMARY KEY, status tinyint NOT NULL, amount decimal(15,2), starts datetime, born date, flag tinyint, name varchar(40), at_time time, stamp datetime(3))`,
			`INSERT INTO admin.note (patient, body) VALUES ('1','first'),('1','second'),('2','third')`,
			`INSERT INTO admin.appt VALUES (1,-106,-102.69,'2026-03-08 02:30:00','2020-02-29',1,'Zoë 東京 🦷','13:05:00','2026-11-27 08:00:00.123'),(2,3,NULL,NULL,NULL,0,NULL,NULL,NULL)`,
			`CREATE PROCEDURE admin.add_note(p char(5), b varchar(200), r char(16))
				BEGIN
					IF p = '9' THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 51001, MESSAGE_TEXT = 'patient Quill not found'; END IF;
					INSERT INTO admin.note (patient, body, ref) VALUES (p, b, r);
					SELECT LAST_INSERT_ID() AS new_id;
					IF b = 'fails late' THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 52910, MESSAGE_TEXT = 'Quill'; END IF;
				END`,
			`CREATE PROCEDURE admin.two_sets() BEGIN SELECT 1 AS a UNION SELECT 2; SELECT 'x' AS b; END`,
			`CREATE PROCEDURE admin.silent(p char(5)) UPDATE admin.note SET body='silent' WHERE patient=p`,
		} {
			if _, err := db.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return nil
	},
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := office.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// dialect classifies what the office's procedures raise.
var dialect = sqlpms.Dialect{Name: "the test's", Ping: "SELECT 1 AS one", Classify: func(d sqlpms.Diagnosis) sqlpms.Fault {
	switch d.Native {
	case 51001:
		return sqlpms.Fault{Class: sqlpms.ClassOther, Kind: driver.ErrRejected, Reason: driver.ReasonPatientNotFound, Words: "no such patient"}
	case 52910:
		return sqlpms.Fault{Class: sqlpms.ClassOther, Kind: driver.ErrRejected, Reason: driver.ReasonInvalid, Words: "the note was not taken"}
	}
	return sqlpms.Fault{}
}}

type bed struct {
	t      *testing.T
	line   *odbctest.Line
	server *mariadbtest.Lent
	db     *sqlpms.DB
	cfg    sqlpms.Config
}

// pool is a pool of database/sql over connections of the same kind.
func (b bed) pool() *sql.DB {
	b.t.Helper()
	c, err := sqlpms.NewConnector(b.cfg)
	require.NoError(b.t, err)
	pool := sql.OpenDB(c)
	b.t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// newBed is the office behind a line, reached through ODBC.
func newBed(t *testing.T, change ...func(*sqlpms.Config)) bed {
	t.Helper()
	odbctest.Need(t)
	server := office.Borrow(t)
	line := odbctest.NewLine(t, server.Socket)
	cfg := sqlpms.Config{
		Name: "acme", SQLDriver: odbctest.DriverName, Dialect: dialect,
		DSN: driver.NewSecret(odbctest.Login{Socket: line.Socket, Database: "admin"}.DSN(t)),
	}
	for _, f := range change {
		f(&cfg)
	}
	db, err := sqlpms.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return bed{t, line, server, db, cfg}
}

func (b bed) count(where string) (n int) {
	b.t.Helper()
	require.NoError(b.t, b.server.Root.QueryRow("SELECT COUNT(*) FROM admin.note WHERE "+where).Scan(&n))
	return n
}

const ref = "ABCDEFGHIJKLMNOP"

// insert is a write of a note, which is found by its ref.
func insert(patient, body string) sqlpms.Write {
	return sqlpms.Write{Op: "write note", Find: findRef, Do: func(ctx context.Context, tx *sqlpms.Tx) (driver.Receipt, error) {
		return driver.Receipt{}, tx.ExecOne(ctx, sqlpms.SQL("INSERT INTO admin.note (patient, body, ref) VALUES (?, ?, ?)", patient, driver.NewText(body), ref))
	}}
}

// byCall writes it by the office's procedure.
func byCall(patient, body string) sqlpms.Write {
	return sqlpms.Write{Op: "write note", Find: findRef, MayCommit: true, Do: func(ctx context.Context, tx *sqlpms.Tx) (r driver.Receipt, err error) {
		_, err = tx.Call(ctx, sqlpms.SQL("call admin.add_note(?, ?, ?)", patient, body, ref), func(_ int, row *sqlpms.Row) error {
			r.ID = row.ID("new_id")
			return nil
		})
		return r, err
	}}
}

func findRef(ctx context.Context, tx *sqlpms.Tx) (r driver.Receipt, ok bool, err error) {
	err = tx.Each(ctx, sqlpms.SQL("SELECT id FROM admin.note WHERE ref=?", ref), func(row *sqlpms.Row) (bool, error) {
		r.ID, ok = row.ID("id"), true
		return false, nil
	})
	return r, ok, err
}

var isInsert = odbctest.Runs(`^(insert into|call) admin`)

// requireKind checks an error's kind, and that it holds nothing of the office.
func requireKind(t *testing.T, err error, kind driver.Kind) *driver.Error {
	t.Helper()
	var e *driver.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind, e.Kind, "%v", err)
	require.Equal(t, "acme", e.Driver)
	require.NotContains(t, err.Error(), "Quill")
	require.NotContains(t, err.Error(), "admin")
	return e
}

func soon(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 10*time.Second, 5*time.Millisecond, what)
}
