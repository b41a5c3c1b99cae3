package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// sqliteWait is how long to wait for another process that writes.
	sqliteWait = 10 * time.Second
	// sqliteHeader begins every SQLite database.
	sqliteHeader = "SQLite format 3\x00"
	// sqlitePages is how long the log may grow before its content goes into the
	// database file, in pages of 4 KiB: long enough that a page that many
	// commits touch is copied once.
	sqlitePages = 4000
)

func sqliteDialect() *dialect {
	return &dialect{
		name:      "sqlite",
		sqlxName:  "sqlite3",
		folder:    "sqlite",
		open:      openSQLite,
		hasSchema: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'pms_schema'",
		begin:     "BEGIN IMMEDIATE",
		ignore:    func(insert string) string { return insert + " ON CONFLICT DO NOTHING" },
		upsert:    onConflict,
		index:     func(name string) string { return " INDEXED BY " + name },
		explain:   explainSQLite,
	}
}

// openSQLite makes one connection that writes and a few that read.
func openSQLite(ctx context.Context, dsn string) (write, read *sqlx.DB, err error) {
	path, wait, err := parseSQLite(dsn)
	if err != nil {
		return nil, nil, err
	}
	if err := prepareFile(path); err != nil {
		return nil, nil, err
	}
	write, err = sqlx.Open("sqlite", sqliteURI(path, wait, true))
	if err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	// The first connection of all switches the file to its log; two processes
	// that do so at once get in each other's way without waiting for each other.
	err = patiently(ctx, wait, func() error { return write.PingContext(ctx) })
	if err != nil {
		write.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, explainSQLite(err))
	}
	var mode string
	if err := write.GetContext(ctx, &mode, "PRAGMA journal_mode"); err != nil || mode != "wal" {
		write.Close()
		return nil, nil, fmt.Errorf("%s: no write-ahead log is possible there: name a file on a local disk", path)
	}
	read, err = sqlx.Open("sqlite", sqliteURI(path, wait, false))
	if err != nil {
		write.Close()
		return nil, nil, err
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return write, read, nil
}

// parseSQLite takes a path, or a file: URI.
func parseSQLite(dsn string) (path string, wait time.Duration, err error) {
	path, wait = dsn, sqliteWait
	if rest, ok := strings.CutPrefix(dsn, "file:"); ok {
		var options string
		path, options, _ = strings.Cut(rest, "?")
		if path, err = url.PathUnescape(path); err != nil {
			return "", 0, errors.New("DSN: the path has a % that is no escape: write %25")
		}
		if wait, err = parseOptions(options); err != nil {
			return "", 0, err
		}
		if after, ok := strings.CutPrefix(path, "//"); ok { // file:///path
			path = strings.TrimPrefix(after, "localhost")
		}
		// file:///C:/pms.db
		if runtime.GOOS == "windows" && len(path) > 2 && path[0] == '/' && path[2] == ':' {
			path = path[1:]
		}
	}
	switch {
	case path == "":
		return "", 0, errors.New("DSN: the path is empty: name a file")
	case strings.HasPrefix(path, ":memory:"):
		return "", 0, errors.New("DSN: a database in memory keeps nothing: use package memstore, or name a file")
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", 0, err
	}
	return path, wait, nil
}

func parseOptions(text string) (wait time.Duration, err error) {
	options, err := url.ParseQuery(text)
	if err != nil {
		return 0, errors.New("DSN: the options cannot be read: write name=value, joined by &")
	}
	wait = sqliteWait
	for name, values := range options {
		if name != "busy_timeout" {
			return 0, fmt.Errorf("DSN: unknown option %q: the one option is busy_timeout", name)
		}
		if wait, err = time.ParseDuration(values[len(values)-1]); err != nil || wait < 0 {
			return 0, errors.New("DSN: busy_timeout is no duration: write for example 10s")
		}
	}
	return wait, nil
}

// prepareFile makes sure that there is a file that can be written, and that it
// is a database or empty, so that the errors about it are clear.
func prepareFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		var pe *fs.PathError
		errors.As(err, &pe)
		switch info, statErr := os.Stat(path); {
		case statErr == nil && info.IsDir():
			return fmt.Errorf("%s is a folder: name a file in it", path)
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("the folder of %s does not exist: create it first", path)
		case statErr == nil:
			return fmt.Errorf("%s cannot be written: %w", path, pe.Err)
		default:
			return fmt.Errorf("%s cannot be created: %w", path, pe.Err)
		}
	}
	defer f.Close()
	head := make([]byte, len(sqliteHeader))
	n, err := io.ReadFull(f, head)
	if err == io.EOF {
		// SQLite makes further files beside it, for which the folder must be
		// writable too.
		return folderWritable(path)
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s cannot be read: %w", path, err)
	}
	if string(head[:n]) != sqliteHeader {
		return fmt.Errorf("%s is not a SQLite database: name another file", path)
	}
	return folderWritable(path)
}

func folderWritable(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".pms-probe-*")
	if err != nil {
		return fmt.Errorf("the folder of %s is not writable, which the database's log needs", path)
	}
	f.Close()
	return os.Remove(f.Name())
}

func sqliteURI(path string, wait time.Duration, writer bool) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed
	}
	q := url.Values{}
	q.Add("_pragma", "busy_timeout("+strconv.FormatInt(wait.Milliseconds(), 10)+")")
	q.Add("_pragma", "foreign_keys(1)")
	if writer {
		q.Add("_pragma", "journal_mode(WAL)")
		q.Add("_pragma", "synchronous(FULL)")
		q.Add("_pragma", "cache_size(-16384)")
		q.Add("_pragma", "journal_size_limit(67108864)")
		q.Add("_pragma", "wal_autocheckpoint("+strconv.Itoa(sqlitePages)+")")
		q.Set("_txlock", "immediate")
	} else {
		q.Add("_pragma", "query_only(1)")
	}
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: q.Encode()}
	return u.String()
}

// patiently tries again while the database is busy.
func patiently(ctx context.Context, wait time.Duration, try func() error) error {
	deadline := time.Now().Add(wait)
	for {
		err := try()
		if err == nil || !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func isBusy(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && se.Code()&0xff == sqlite3.SQLITE_BUSY
}

// explainSQLite says in words what SQLite's commonest troubles mean.
func explainSQLite(err error) error {
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return err
	}
	switch se.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("another process kept the database locked: %w", err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("the disk is full: %w", err)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("not a SQLite database: %w", err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("the database is damaged, restore a back-up: %w", err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("the database cannot be written, check the permissions of its file and folder: %w", err)
	}
	return err
}
