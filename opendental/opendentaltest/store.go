package opendentaltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // the embedded database of an Office without a Store
)

// Dialect names the SQL that a [Store] speaks.
type Dialect string

// The dialects.
const (
	// DialectSQLite is SQLite 3.44 or newer.
	DialectSQLite Dialect = "sqlite"
	// DialectMySQL is MySQL or MariaDB.
	DialectMySQL Dialect = "mysql"
)

// Store is the database a practice lives in. Everything an [Office] knows is in
// its tables, which have Open Dental's own names, columns and types, so that
// SQL reads of the same database see what the API answers. Use [SQLite],
// [MySQL] or [MySQLDB].
type Store interface {
	// DB is the open database. It must stay open as long as the Office lives.
	DB() *sql.DB
	// Dialect is the SQL it speaks.
	Dialect() Dialect
	// Close releases what the Store itself opened.
	Close() error
}

type store struct {
	db      *sql.DB
	dialect Dialect
	owned   bool
}

func (s *store) DB() *sql.DB      { return s.db }
func (s *store) Dialect() Dialect { return s.dialect }

func (s *store) Close() error {
	if !s.owned {
		return nil
	}
	return s.db.Close()
}

// SQLite opens a practice in an SQLite file, made if it is not there, or in
// memory if path is "". A practice in a file is there again after the process
// was restarted or killed: every answer is committed before it is sent.
func SQLite(path string) (Store, error) {
	if strings.ContainsRune(path, '?') {
		return nil, errors.New("opendentaltest: sqlite: path: must not contain a question mark")
	}
	dsn, connections := ":memory:", 1 // every connection to :memory: would be a database of its own
	pragmas := "?_pragma=busy_timeout(10000)&_txlock=immediate&_pragma=synchronous(OFF)"
	if path != "" {
		// WAL with synchronous=NORMAL: a commit is in the operating system's
		// hands before the answer goes out, so kill -9 of this process loses
		// nothing. Only a power cut could, and no test pulls that plug.
		dsn, connections = path, 4
		pragmas = "?_pragma=busy_timeout(10000)&_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"
	}
	db, err := sql.Open("sqlite", dsn+pragmas)
	if err != nil {
		return nil, fmt.Errorf("opendentaltest: sqlite: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	err = db.Ping()
	if err == nil && path == "" {
		err = copyFresh(db)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opendentaltest: sqlite: open: %w", err), db.Close())
	}
	return &store{db: db, dialect: DialectSQLite, owned: true}, nil
}

// fresh is the image of a database with the tables of an empty practice. Tests
// open offices by the hundred, and copying an image takes a tenth of the time
// that making the tables does.
var fresh = sync.OnceValues(func() ([]byte, error) {
	sc, err := embedded()
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := prepareSQLite(ctx, conn, sc); err != nil {
		return nil, err
	}
	var image []byte
	err = conn.Raw(func(driverConn any) error {
		image, err = driverConn.(interface{ Serialize() ([]byte, error) }).Serialize()
		return err
	})
	return image, err
})

// copyFresh fills a new in-memory database.
func copyFresh(db *sql.DB) error {
	image, err := fresh()
	if err != nil {
		return err
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driverConn any) error {
		return driverConn.(interface{ Deserialize([]byte) error }).Deserialize(image)
	})
}

// MySQL opens a practice in a MySQL or MariaDB database, in the form of
// github.com/go-sql-driver/mysql: "user:password@unix(/run/db.sock)/opendental".
// The database must exist; missing tables are made. Let the server run in the
// office's time zone, as a practice's server does: its NOW() is the office's
// wall clock. An error never repeats the DSN.
func MySQL(dsn string) (Store, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, errors.New("opendentaltest: mysql: the DSN is malformed: want user:password@net(address)/database")
	}
	cfg.InterpolateParams = true // one round trip a statement
	cfg.ParseTime = false        // 0001-01-01 is a value here, not a time
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, errors.New("opendentaltest: mysql: the DSN is refused by the SQL driver")
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	if err := db.Ping(); err != nil {
		return nil, errors.Join(fmt.Errorf("opendentaltest: mysql: open: %w", err), db.Close())
	}
	return &store{db: db, dialect: DialectMySQL, owned: true}, nil
}

// MySQLDB uses a MySQL or MariaDB database that the caller opened and closes.
func MySQLDB(db *sql.DB) Store {
	return &store{db: db, dialect: DialectMySQL}
}

// prepare makes the missing tables and, in a database that has none, the
// definitions and preferences of a fresh practice.
func prepare(ctx context.Context, s Store, sc *schema) error {
	conn, err := s.DB().Conn(ctx)
	if err != nil {
		return fmt.Errorf("opendentaltest: prepare store: %w", err)
	}
	defer conn.Close()
	switch s.Dialect() {
	case DialectSQLite:
		err = prepareSQLite(ctx, conn, sc)
	case DialectMySQL:
		err = prepareMySQL(ctx, conn, sc)
	default:
		return fmt.Errorf("opendentaltest: store: dialect %q is unknown: use DialectSQLite or DialectMySQL", s.Dialect())
	}
	if err != nil {
		return fmt.Errorf("opendentaltest: prepare store: %w", err)
	}
	return nil
}

func prepareSQLite(ctx context.Context, conn *sql.Conn, sc *schema) error {
	var there int
	if err := conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN ('"+
		strings.Join(sc.order, "', '")+"')").Scan(&there); err != nil || there == len(sc.order) {
		return err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	var statements []string
	for _, name := range sc.order {
		statements = append(statements, sc.tables[name].sqliteCreate())
	}
	statements = append(statements, sqliteIndexes...)
	err := runAll(ctx, conn, statements)
	if err == nil {
		err = fillEmpty(ctx, conn, sc)
	}
	if err != nil {
		_, _ = conn.ExecContext(ctx, "ROLLBACK")
		return err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

func prepareMySQL(ctx context.Context, conn *sql.Conn, sc *schema) error {
	// Open Dental runs without strict mode; its zero dates need that.
	statements := []string{"SET SESSION sql_mode=''"}
	for _, name := range sc.order {
		statements = append(statements, sc.tables[name].create)
	}
	err := runAll(ctx, conn, statements)
	if err == nil {
		err = fillEmpty(ctx, conn, sc)
	}
	// The connection goes back to the caller's pool as it was.
	_, restore := conn.ExecContext(ctx, "SET SESSION sql_mode=@@GLOBAL.sql_mode")
	return errors.Join(err, restore)
}

func runAll(ctx context.Context, conn *sql.Conn, statements []string) error {
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func fillEmpty(ctx context.Context, conn *sql.Conn, sc *schema) error {
	for _, name := range sc.order {
		if len(sc.rows[name]) == 0 {
			continue
		}
		var n int
		if err := conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+name).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if err := runAll(ctx, conn, sc.rows[name]); err != nil {
			return err
		}
	}
	return nil
}
