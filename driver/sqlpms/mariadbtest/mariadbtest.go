// Package mariadbtest starts a private MariaDB server for a test: its own data
// folder, socket and process, gone when the test ends or the test binary dies.
// A server is up in about a fifth of a second, because the empty data folder is
// made once and kept in the user's cache folder.
//
//	func TestSomething(t *testing.T) {
//		server := mariadbtest.Start(t, mariadbtest.Options{})
//		db := server.Open(t, server.Database(t))
//		...
//	}
//
// A test package that wants one server for all of its tests starts it in
// TestMain with [New] and closes it after m.Run.
//
// The server's binaries must be installed (Debian: mariadb-server). Where they
// are not, Start skips the test and says what to install; with PMS_REQUIRE_PARTS=1
// in the environment it fails instead, so that a machine meant to run everything
// cannot pass by leaving things out. Servers are started on Linux only.
package mariadbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ErrMissing says that MariaDB is not installed, or that servers are not
// started on this system. The error's text says what to install.
var ErrMissing = errors.New("mariadbtest: no MariaDB server: install the package mariadb-server (Linux only)")

// RequireVariable is the environment variable that, set to 1, turns a missing
// server into a failure.
const RequireVariable = "PMS_REQUIRE_PARTS"

// Options say what kind of server to start. The zero Options are a server in
// UTC with the default sql_mode, reached through its socket only.
type Options struct {
	// TimeZone is the server's own zone, such as "America/Chicago": what NOW()
	// and TIMESTAMP columns show. "" is UTC.
	TimeZone string
	// TCP opens a free port on 127.0.0.1 besides the socket.
	TCP bool
	// Flags are further flags of mariadbd, such as "--sql-mode=".
	Flags []string
	// Template is what the server's data folder starts from; nil is an empty
	// server.
	Template *Template
}

// Server is a running MariaDB server.
type Server struct {
	// Socket is the path of the server's Unix socket.
	Socket string
	// Address is host:port, or "" without Options.TCP.
	Address string

	databases atomic.Int64
	process   process
}

// Start starts a server that ends with the test. It skips or fails the test
// where no server can be had, as the package documentation says.
func Start(tb testing.TB, opt Options) *Server {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := New(ctx, opt)
	if err != nil {
		Missing(tb, err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("stopping MariaDB: %v", err)
		}
	})
	return s
}

// Missing ends a test that got err from [New]: it skips if the server is just
// not installed and nobody requires it, and fails otherwise.
func Missing(tb testing.TB, err error) {
	tb.Helper()
	if errors.Is(err, ErrMissing) && os.Getenv(RequireVariable) != "1" {
		tb.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	tb.Fatal(err)
}

// New starts a server. It returns [ErrMissing] where none is installed. The
// caller must Close it.
func New(ctx context.Context, opt Options) (*Server, error) {
	return start(ctx, opt)
}

// Close kills the server and removes its data. Nobody will miss it.
func (s *Server) Close() error { return s.stop() }

// Database makes a new, empty database and returns its name.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	db := s.Open(tb, "")
	if _, err := db.Exec("CREATE DATABASE " + name + " CHARACTER SET utf8mb3"); err != nil {
		tb.Fatalf("mariadbtest: create database: %v", err)
	}
	return name
}

// DSN is the data source name of a database for github.com/go-sql-driver/mysql:
// root without a password, through the socket.
func (s *Server) DSN(database string) string { return s.Config(database).FormatDSN() }

// Config is what DSN is made of, for callers that want to change it.
func (s *Server) Config(database string) *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "unix", s.Socket, database
	return cfg
}

// Open opens a database until the test ends. "" is no database in particular.
func (s *Server) Open(tb testing.TB, database string) *sql.DB {
	tb.Helper()
	connector, err := mysql.NewConnector(s.Config(database))
	if err != nil {
		tb.Fatalf("mariadbtest: open: %v", err)
	}
	db := sql.OpenDB(connector)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("closing a MariaDB connection: %v", err)
		}
	})
	return db
}
