// Package odbctest gives the tests of drivers for SQL-backed PMSs a real ODBC
// stack: a private MariaDB of package mariadbtest stands for the PMS's engine and
// is reached through database/sql, github.com/alexbrainman/odbc, unixODBC and
// MariaDB's ODBC driver, so that the code path that ships is the one that is
// tested.
//
//	server := office.Borrow(t) // a mariadbtest.Pool
//	line := odbctest.NewLine(t, server.Socket)
//	dsn := odbctest.Login{Socket: line.Socket, Database: "admin"}.DSN(t)
//	db := odbctest.Open(t, dsn)
//	defer line.Strike(odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutAfter})()
//
// A [Line] lies between the ODBC driver and the server, writes down what is sent,
// and fails on demand: before a statement, after it, at COMMIT, in the middle of
// an answer.
//
// # What must be there
//
// The SQL driver needs cgo on Linux and unixODBC's headers to compile. A machine
// without them must still build and vet everything, so that it is linked only with
// the build tag odbc, which make test, make lint and make bench set when the parts
// are there:
//
//	go test -tags odbc ./dentrix
//
// Without the tag, or without MariaDB's ODBC driver, [DSN] and [Open] skip the
// test and say what to do; with PMS_REQUIRE_PARTS=1 in the environment they fail.
// Tests run on Linux only, as the servers do.
package odbctest

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
)

// DriverName is the name under which the ODBC driver is registered with
// database/sql. It is registered only where ODBC is there.
const DriverName = "odbc"

// ErrMissing says that tests cannot go through ODBC here. The error's text says
// what to install and how to call go test.
var ErrMissing = errors.New("odbctest: no ODBC: install the packages unixodbc, unixodbc-dev, odbc-mariadb and a C compiler," +
	" and run go test with -tags odbc, as make test does (Linux only)")

// libraries are the places where MariaDB's ODBC driver may be.
var libraries = []string{
	"/usr/lib/*/odbc/libmaodbc.so", "/usr/lib/*/libmaodbc.so", "/usr/lib64/libmaodbc.so", "/usr/lib/libmaodbc.so",
	"/usr/local/lib/*/libmaodbc.so", "/usr/local/lib/libmaodbc.so", "/usr/local/lib/mariadb/libmaodbc.so",
}

// library is the path of MariaDB's ODBC driver. It is looked for once: each case of
// a conformance test asks.
var library = sync.OnceValues(func() (string, error) {
	for _, pattern := range libraries {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0], nil
		}
	}
	return "", ErrMissing
})

// Available tells whether tests can go through ODBC here: nil, or [ErrMissing].
func Available() error {
	if !linked {
		return ErrMissing
	}
	_, err := library()
	return err
}

// Need ends a test that cannot go through ODBC: it skips, or fails where the
// parts are required.
func Need(tb testing.TB) {
	tb.Helper()
	if err := Available(); err != nil {
		if os.Getenv(mariadbtest.RequireVariable) != "1" {
			tb.Skipf("SKIPPED, NOT TESTED: %v", err)
		}
		tb.Fatal(err)
	}
}

// Login says how to get into a server.
type Login struct {
	// Socket is the server's, or that of a [Line] to it.
	Socket string
	// Database is the schema of unqualified names; it may be empty.
	Database string
	// User and Password; an empty User is root without a password.
	User, Password string
	// Charset is that of texts on the line; empty is utf8mb4.
	Charset string
	// Further are more parts of the connection string, such as "ReadTimeout=5".
	Further []string
}

// DSN gives the connection string. It needs no odbc.ini. Option=2 makes an UPDATE
// that changes nothing count the rows that it found, as other engines do.
func (l Login) DSN(tb testing.TB) string {
	tb.Helper()
	Need(tb)
	lib, err := library()
	if err != nil {
		tb.Fatal(err)
	}
	user, charset := l.User, l.Charset
	if user == "" {
		user = "root"
	}
	if charset == "" {
		charset = "utf8mb4"
	}
	parts := []string{"Driver=" + lib, "Socket=" + l.Socket, "UID=" + user, "PWD=" + l.Password, "Option=2", "charset=" + charset}
	if l.Database != "" {
		parts = append(parts, "Database="+l.Database)
	}
	return strings.Join(append(parts, l.Further...), ";")
}

// Open opens a connection string until the test ends.
func Open(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	Need(tb)
	db, err := sql.Open(DriverName, dsn)
	if err != nil {
		tb.Fatal("odbctest: the driver refuses the connection string")
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}
