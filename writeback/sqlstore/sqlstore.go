// Package sqlstore is a durable writeback.Store on a SQL database: SQLite,
// embedded in the process, for a host on one machine.
//
//	store, err := sqlstore.Open(ctx, "sqlite", "pms.db")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//
// [Open] owns its connections. [New] works on a database handle that the host
// has already, beside the host's own tables; every table of the store begins
// with pms_. With such a handle the host can submit inside its own
// transaction, see [Store.Tx].
//
// # Durability
//
// When Apply returns nil for a change, the change survives a power cut, as far
// as the disk keeps its promises: SQLite runs with a write-ahead log and
// synchronous=FULL. Changes that are applied together share one commit and so
// one wait for the disk.
//
// # Clock
//
// On SQLite the store's clock is that of the process; processes that share a
// file run on one machine and so share its clock. Times are kept to the
// microsecond.
//
// # Several processes
//
// Processes on one machine may share a file, and may open it, and bring its
// schema up to date, at the same time. A file on a network share must not be
// shared: SQLite's log needs shared memory.
//
// # Back-ups
//
// Copy the file with SQLite's own means (VACUUM INTO, the online back-up), not
// by copying pms.db alone: what was committed last is in pms.db-wal. After
// putting back a back-up, call the engine's MarkRestored before its Run: the
// store has forgotten what was written to the PMS since.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/pmswriteback/pms/writeback"
)

var _ writeback.Store = (*Store)(nil)

var errClosed = errors.New("sqlstore: closed")

// Config says where a store keeps its data.
type Config struct {
	// Driver names the kind of database: "sqlite".
	Driver string
	// DSN names the database when DB is nil. For SQLite it is a path, or
	// "file:" and a path; the one option is busy_timeout, a duration ("10s"),
	// which says how long to wait for another process that writes.
	DSN string
	// DB is the host's own handle on the database. The store never closes it.
	DB *sql.DB
	// Now is the clock where the process's clock counts. Nil is time.Now.
	Now func() time.Time
}

// Open opens a database and brings its schema up to date. A SQLite file that
// does not exist is created, readable by its owner only; its folder must exist.
//
// The error says what to do: about a folder that cannot be written to, a file
// that is not a database, a database of a later version of this package.
func Open(ctx context.Context, driverName, dsn string) (*Store, error) {
	return Config{Driver: driverName, DSN: dsn}.Open(ctx)
}

// New makes a store on the host's own database handle and brings its schema up
// to date. dialect is "sqlite". How durable a commit is, how long to wait for
// other writers and how many connections there are is the host's choice then;
// for SQLite, journal_mode=WAL, synchronous=FULL and a busy_timeout are
// advised. A call needs a connection of its own: do not call the store from
// inside a transaction, other than by Tx, when db has one connection only. Close
// leaves db open.
func New(ctx context.Context, db *sql.DB, dialect string) (*Store, error) {
	return Config{Driver: dialect, DB: db}.Open(ctx)
}

// Open opens the store that c describes.
func (c Config) Open(ctx context.Context) (*Store, error) {
	d, err := dialectOf(c.Driver)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: open: %w", err)
	}
	s := &Store{
		dialect: d, now: c.Now, turn: make(chan struct{}, 1),
		numbers: map[string]int64{}, stmts: map[string]*sql.Stmt{}, reads: map[string]*sql.Stmt{},
		insertEvents: map[int]string{},
		insertItem:   d.ignore(insertItem),
		upsertSeen:   insertSeen + d.upsert([]string{"practice", "feed", "id"}, []string{"hash", "start", "status", "rev"}),
		upsertBlob:   d.upsert([]string{"practice", "blob"}, []string{"at"}),
		upsertChunk:  d.upsert([]string{"practice", "blob", "n"}, []string{"chunk"}),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if c.DB != nil {
		if c.DSN != "" {
			return nil, errors.New("sqlstore: open: DB and DSN are both set: set one")
		}
		s.write = sqlx.NewDb(c.DB, d.sqlxName)
		s.read = s.write
	} else {
		if s.write, s.read, err = d.open(ctx, c.DSN); err != nil {
			return nil, fmt.Errorf("sqlstore: open: %w", err)
		}
		s.owned = true
	}
	err = migrate(ctx, s.write.DB, d)
	if err == nil {
		err = s.prepare(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("sqlstore: open: %w", errors.Join(err, s.Close()))
	}
	return s, nil
}

// prepare readies the statements that every item and every poll passes through.
func (s *Store) prepare(ctx context.Context) error {
	texts := []string{drawPositions, lastPosition, s.insertItem, updateStill, updateClosed, updateItem, selectHead, setWake,
		docVersion, insertDoc, updateDoc, s.upsertSeen}
	for _, rows := range eventRows {
		s.insertEvents[rows] = insertEvents + eventValues + strings.Repeat(", "+eventValues, rows-1)
		texts = append(texts, s.insertEvents[rows])
	}
	for _, text := range texts {
		st, err := s.write.PrepareContext(ctx, s.dialect.rebind(text))
		if err != nil {
			return s.dialect.explain(err)
		}
		s.stmts[text] = st
	}
	return nil
}

// Store is a writeback.Store on a SQL database. It is safe for concurrent use.
type Store struct {
	dialect *dialect
	now     func() time.Time
	write   *sqlx.DB // one connection, when owned
	read    *sqlx.DB
	owned   bool
	// turn is held by who writes, so that the store's own writers wait for each
	// other here and not for the database's lock.
	turn chan struct{}

	mu      sync.RWMutex
	closed  bool
	numbers map[string]int64     // practice numbers that are committed
	stmts   map[string]*sql.Stmt // prepared on write, by text
	reads   map[string]*sql.Stmt // prepared on read, by text

	// Texts in the dialect's own words.
	insertEvents                                    map[int]string // by number of events
	insertItem, upsertSeen, upsertBlob, upsertChunk string
}

// Close ends the use of the store: it closes the connections that Open made.
// Calls that are under way end first or fail.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	stmts := slices.Concat(slices.Collect(maps.Values(s.stmts)), slices.Collect(maps.Values(s.reads)))
	s.stmts, s.reads = nil, nil
	s.mu.Unlock()
	var errs []error
	for _, st := range stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, s.closePools())...)
}

func (s *Store) closePools() error {
	if !s.owned {
		return nil
	}
	// The writer goes last: the last connection to leave puts the log's
	// content into the database file.
	return errors.Join(s.read.Close(), s.write.Close())
}

// check says whether the store can be used.
func (s *Store) check() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	return nil
}

// micros reads the store's clock.
func (s *Store) micros(ctx context.Context) (int64, error) {
	if s.dialect.now == "" {
		return s.now().UnixMicro(), nil
	}
	var n int64
	err := s.get(ctx, s.dialect.now, nil, &n)
	return n, err
}

// fromMicros is the time that n microseconds of the store's clock mean.
func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// wrap adds the operation to an error. Errors of the database carry no values.
func wrap(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("sqlstore: %s: %w", op, writeback.ErrNotFound)
	case errors.Is(err, errClosed):
		return err
	}
	return fmt.Errorf("sqlstore: %s: %w", op, err)
}
