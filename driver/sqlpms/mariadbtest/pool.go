package mariadbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Pool lends servers whose schemas have fixed names, as a PMS's have, so that two
// cases cannot share one. A server that comes back gets the rows of the beginning
// and is lent again, which takes a few milliseconds where a new server takes a
// fifth of a second. As many servers run as cases at the same time.
//
//	var office = mariadbtest.Pool{Schemas: []string{"PPM"}, Prepare: load}
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		if err := office.Close(); err != nil { ... }
//		os.Exit(code)
//	}
//
//	func newCase(tb testing.TB) { server := office.Borrow(tb) ... }
//
// Only rows come back: what a case does to tables, rights, users or variables
// stays, unless Restore undoes it. A case that changes these calls [Lent].Spoil.
// Numbers that were given out are not given out again.
type Pool struct {
	// Options are those of every server.
	Options Options
	// Prepare makes the schemas with all that a case begins with. It is called
	// once; servers after the first start from a copy.
	Prepare func(ctx context.Context, db *sql.DB) error
	// Schemas are those whose rows are put back.
	Schemas []string
	// Restore undoes what cases do besides changing rows; it may be nil. The rows
	// are put back after it.
	Restore func(ctx context.Context, db *sql.DB) error

	mu       sync.Mutex
	template *Template
	err      error // why there is no template
	restore  string
	all      []*Lent
	idle     []*Lent
}

// Lent is a server of a [Pool] that one test has for itself.
type Lent struct {
	*Server
	// Root may do everything. One call may hold several statements.
	Root *sql.DB

	spoilt bool
}

// Spoil says that the server cannot be put back to its beginning. It ends with
// the test.
func (l *Lent) Spoil() { l.spoilt = true }

// Borrow lends a server until the test ends. It skips or fails the test where no
// server can be had, as the package documentation says.
func (p *Pool) Borrow(tb testing.TB) *Lent {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l, err := p.take(ctx)
	if err != nil {
		Missing(tb, err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.giveBack(ctx, l); err != nil {
			tb.Errorf("putting a server back: %v", err)
		}
	})
	return l
}

// Close ends all servers, also those that are lent.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, l := range p.all {
		errs = append(errs, l.Root.Close(), l.Close())
	}
	errs = append(errs, p.template.Close())
	p.all, p.idle, p.template, p.err = nil, nil, nil, errors.New("mariadbtest: the pool is closed")
	return errors.Join(errs...)
}

func (p *Pool) take(ctx context.Context) (*Lent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		l := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return l, nil
	}
	if p.template == nil && p.err == nil {
		// A failure is kept: it would fail again, and slowly.
		p.template, p.err = NewTemplate(ctx, p.Options, p.prepare)
	}
	if p.err != nil {
		return nil, p.err
	}
	opt := p.Options
	opt.Template = p.template
	s, err := New(ctx, opt)
	if err != nil {
		return nil, err
	}
	root, err := s.root()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	l := &Lent{Server: s, Root: root}
	p.all = append(p.all, l)
	return l, nil
}

// root is a pool of connections that take several statements at once.
func (s *Server) root() (*sql.DB, error) {
	cfg := s.Config("")
	cfg.InterpolateParams, cfg.MultiStatements = true, true
	cfg.Logger = &mysql.NopLogger{} // connections are killed when a server is put back
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("mariadbtest: open: %w", err)
	}
	return sql.OpenDB(connector), nil
}

func (p *Pool) prepare(ctx context.Context, s *Server) error {
	db, err := s.root()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := p.Prepare(ctx, db); err != nil {
		return err
	}
	return p.keep(ctx, db)
}

// keptIn is the schema that keeps the rows of the beginning.
const keptIn = "kept_from_the_beginning"

// keep copies the rows, and writes down how they are put back.
func (p *Pool) keep(ctx context.Context, db *sql.DB) error {
	list, err := tables(ctx, db, p.Schemas)
	if err != nil {
		return err
	}
	copies, back := "CREATE SCHEMA "+keptIn+";", "SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO',foreign_key_checks=0;"
	for i, t := range list {
		copied := fmt.Sprintf("%s.t%d", keptIn, i)
		copies += "CREATE TABLE " + copied + " AS SELECT " + t.columns + " FROM " + t.name + ";"
		back += "DELETE FROM " + t.name + ";"
		var one int
		switch err := db.QueryRowContext(ctx, "SELECT 1 FROM "+t.name+" LIMIT 1").Scan(&one); {
		case err == nil:
			back += "INSERT INTO " + t.name + " (" + t.columns + ") SELECT " + t.columns + " FROM " + copied + ";"
		case !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("mariadbtest: look into %s: %w", t.name, err)
		}
	}
	p.restore = "START TRANSACTION;" + back + "COMMIT;SET SESSION sql_mode=DEFAULT,foreign_key_checks=DEFAULT"
	if _, err := db.ExecContext(ctx, copies); err != nil {
		return fmt.Errorf("mariadbtest: keep the rows: %w", err)
	}
	return nil
}

type table struct{ name, columns string }

// tables are the base tables of schemas, with the columns that can be written.
func tables(ctx context.Context, db *sql.DB, schemas []string) ([]table, error) {
	rows, err := db.QueryContext(ctx, "SELECT c.TABLE_SCHEMA, c.TABLE_NAME, GROUP_CONCAT(CONCAT('`',c.COLUMN_NAME,'`') ORDER BY c.ORDINAL_POSITION)"+
		" FROM information_schema.COLUMNS c JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME)"+
		" WHERE t.TABLE_TYPE='BASE TABLE' AND c.IS_GENERATED='NEVER' AND FIND_IN_SET(c.TABLE_SCHEMA, ?)"+
		" GROUP BY 1, 2", strings.Join(schemas, ","))
	if err != nil {
		return nil, fmt.Errorf("mariadbtest: list the tables: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []table
	for rows.Next() {
		var schema, name, columns string
		if err := rows.Scan(&schema, &name, &columns); err != nil {
			return nil, fmt.Errorf("mariadbtest: list the tables: %w", err)
		}
		// A CHAR column of the catalog is padded in the mode of some stand-ins.
		name = "`" + strings.TrimSpace(schema) + "`.`" + strings.TrimSpace(name) + "`"
		list = append(list, table{name, columns})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("mariadbtest: list the tables: %w", err)
	}
	return list, nil
}

func (p *Pool) giveBack(ctx context.Context, l *Lent) error {
	if !l.spoilt {
		err := p.putBack(ctx, l)
		if err == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.err == nil {
				p.idle = append(p.idle, l)
			}
			return nil
		}
		return errors.Join(err, p.drop(l))
	}
	return p.drop(l)
}

func (p *Pool) drop(l *Lent) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.all {
		if other == l {
			p.all = append(p.all[:i], p.all[i+1:]...)
			return errors.Join(l.Root.Close(), l.Close())
		}
	}
	return nil // closed with the pool
}

// putBack ends what the case left running, which may hold locks, and puts the
// rows back.
func (p *Pool) putBack(ctx context.Context, l *Lent) error {
	conn, err := l.Root.Conn(ctx)
	if err != nil {
		return fmt.Errorf("mariadbtest: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if err := endOthers(ctx, conn); err != nil {
		return err
	}
	if p.Restore != nil {
		if err := p.Restore(ctx, l.Root); err != nil {
			return fmt.Errorf("mariadbtest: restore: %w", err)
		}
	}
	if _, err := conn.ExecContext(ctx, p.restore); err != nil {
		return fmt.Errorf("mariadbtest: put the rows back: %w", err)
	}
	return nil
}

func endOthers(ctx context.Context, conn *sql.Conn) error {
	rows, err := conn.QueryContext(ctx, "SELECT ID FROM information_schema.PROCESSLIST WHERE ID<>CONNECTION_ID() AND USER<>'system user'")
	if err != nil {
		return fmt.Errorf("mariadbtest: list the connections: %w", err)
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err = rows.Scan(&id); err != nil {
			break
		}
		ids = append(ids, id)
	}
	if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("mariadbtest: list the connections: %w", err)
	}
	for _, id := range ids {
		_, _ = conn.ExecContext(ctx, fmt.Sprintf("KILL %d", id)) // it may have ended by itself
	}
	return nil
}
