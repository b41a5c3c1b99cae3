package odbctest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// office is a small PMS: a table, and a procedure that says what it did.
var office = mariadbtest.Pool{
	Options: mariadbtest.Options{Flags: []string{"--sql-mode=ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,STRICT_ALL_TABLES"}},
	Schemas: []string{"admin"},
	Prepare: func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, `CREATE SCHEMA admin;
			CREATE TABLE admin.note (id int AUTO_INCREMENT PRIMARY KEY, patient char(5), body varchar(200));
			INSERT INTO admin.note (patient, body) VALUES ('1','first'),('1','second'),('2','third')`)
		return err
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

type bed struct {
	t    *testing.T
	line *odbctest.Line
	root *sql.DB
	db   *sql.DB
}

func newBed(t *testing.T) bed {
	t.Helper()
	odbctest.Need(t)
	server := office.Borrow(t)
	line := odbctest.NewLine(t, server.Socket)
	db := odbctest.Open(t, odbctest.Login{Socket: line.Socket, Database: "admin"}.DSN(t))
	db.SetMaxOpenConns(1)
	require.NoError(t, query(db, "SELECT 1"))
	return bed{t, line, server.Root, db}
}

// query reads all rows, as a driver does: ODBC's Ping asks nobody.
func query(db *sql.DB, statement string, args ...any) error {
	rows, err := db.Query(statement, args...)
	if err != nil {
		return err
	}
	// The end of the rows does not give the connection back: ODBC may have more
	// results.
	defer func() { _ = rows.Close() }()
	for rows.Next() {
	}
	return rows.Err()
}

// write inserts a note in a transaction.
func (b bed) write(body string) error {
	tx, err := b.db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec("INSERT INTO note (patient, body) VALUES (?, ?)", "2", body); err != nil {
		return err
	}
	return tx.Commit()
}

func (b bed) count(body string) (n int) {
	require.NoError(b.t, b.root.QueryRow("SELECT COUNT(*) FROM admin.note WHERE body=?", body).Scan(&n))
	return n
}

func TestStatementsGoThroughODBC(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	require.NoError(t, b.write("plain"))
	require.Equal(t, 1, b.count("plain"))
	var texts []string
	rows, err := b.db.Query("SELECT body FROM note WHERE patient=? ORDER BY id", "1")
	require.NoError(t, err)
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		texts = append(texts, s)
	}
	require.NoError(t, errors.Join(rows.Err(), rows.Close()))
	require.Equal(t, []string{"first", "second"}, texts)
	sent := b.line.Sent()
	require.Contains(t, sent, odbctest.Sent{Conn: 1, Step: odbctest.StepConnect})
	require.Contains(t, sent, odbctest.Sent{Conn: 1, Step: odbctest.StepPrepare, Text: "INSERT INTO note (patient, body) VALUES (?, ?)"})
	require.Contains(t, sent, odbctest.Sent{Conn: 1, Step: odbctest.StepExecute, Text: "INSERT INTO note (patient, body) VALUES (?, ?)"})
	require.True(t, odbctest.IsCommit(sent[len(sent)-1]) || hasCommit(sent), "%v", sent)
}

func hasCommit(sent []odbctest.Sent) bool {
	for _, s := range sent {
		if odbctest.IsCommit(s) {
			return true
		}
	}
	return false
}

var isInsert = odbctest.Runs(`^insert into note`)

func TestALineCutsBeforeAndAfterTheEffect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trouble odbctest.Trouble
		effects int
	}{
		"the statement never arrives":   {odbctest.Trouble{When: isInsert, Do: odbctest.CutBefore, Times: 1}, 0},
		"its answer never arrives":      {odbctest.Trouble{When: isInsert, Do: odbctest.CutAfter, Times: 1}, 0}, // no COMMIT followed
		"COMMIT never arrives":          {odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutBefore, Times: 1}, 0},
		"COMMIT's answer never arrives": {odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutAfter, Times: 1}, 1},
		"it is refused":                 {odbctest.Trouble{When: isInsert, Do: odbctest.Refuse, Code: 1205, Message: "Lock wait timeout"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			lift := b.line.Strike(c.trouble)
			require.Error(t, b.write("struck"))
			lift()
			require.Equal(t, c.effects, b.count("struck"))
			require.Eventually(t, func() bool { return query(b.db, "SELECT 1") == nil }, 10*time.Second, 10*time.Millisecond)
			require.NoError(t, b.write("after"))
			require.Equal(t, 1, b.count("after"))
		})
	}
}

// Why every write runs in a transaction: database/sql takes the ODBC driver's
// ErrBadConn for a statement that was not run, and runs it again.
func TestAWriteWithoutATransactionIsRunTwice(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	lift := b.line.Strike(odbctest.Trouble{When: isInsert, Do: odbctest.CutAfter, Times: 1})
	_, err := b.db.Exec("INSERT INTO note (patient, body) VALUES ('2', 'twice')")
	lift()
	require.NoError(t, err)
	require.Equal(t, 2, b.count("twice"))
}

func TestALineLetsTheServerActLater(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	lift := b.line.Strike(odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.ActLater})
	require.Error(t, b.write("later"))
	require.Equal(t, 0, b.count("later"))
	lift()
	require.Equal(t, 1, b.count("later"))
}

func TestALineHangsUntilItIsLifted(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	lift := b.line.Strike(odbctest.Trouble{When: isInsert, Do: odbctest.Hang})
	done := make(chan error, 1)
	go func() { done <- b.write("hung") }()
	require.Eventually(t, func() bool {
		for _, s := range b.line.Sent() {
			if isInsert(s) {
				return true
			}
		}
		return false
	}, 10*time.Second, time.Millisecond)
	select {
	case err := <-done:
		t.Fatalf("the write ended: %v", err)
	default:
	}
	lift()
	require.NoError(t, <-done)
	require.Equal(t, 1, b.count("hung"))
}

func TestALineBreaksInTheMiddleOfAnAnswer(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	defer b.line.Strike(odbctest.Trouble{When: odbctest.Runs("^select id, body"), Do: odbctest.CutMiddle})()
	require.Error(t, query(b.db, "SELECT id, body FROM note"))
}

func TestNothingAnswersOffline(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	lift := b.line.Offline()
	require.Error(t, query(b.db, "SELECT 1"))
	require.Eventually(t, func() bool { return b.line.Open() == 0 }, 10*time.Second, time.Millisecond)
	lift()
	require.NoError(t, query(b.db, "SELECT 1"))
}

func TestConnectingIsStruckToo(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.line.HangUp()
	for _, do := range []odbctest.Action{odbctest.CutBefore, odbctest.Refuse} {
		lift := b.line.Strike(odbctest.Trouble{When: odbctest.IsConnect, Do: do, Code: 1040, State: "08004", Message: "Too many connections"})
		db := odbctest.Open(t, odbctest.Login{Socket: b.line.Socket}.DSN(t))
		require.Error(t, query(db, "SELECT 1"), do)
		lift()
		require.NoError(t, query(db, "SELECT 1"), do)
	}
}
