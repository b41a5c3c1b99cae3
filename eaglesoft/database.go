package eaglesoft

import (
	"context"
	"errors"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// database sends statements to one practice's database. Texts are made of
// constants, the owner (which is a name and nothing else) and question marks.
type database struct {
	db    *sqlpms.DB
	owner string
	// moved is called when an error shows that the tables are not what they were.
	moved func()
}

// querier reads rows: from the pool, or within a transaction.
type querier interface {
	query(ctx context.Context, op, statement string, args ...any) ([]*row, error)
}

var (
	_ querier = (*database)(nil)
	_ querier = (*tx)(nil)
)

// openDatabase makes a pool, without I/O.
func openDatabase(cfg Config, moved func()) (*database, error) {
	c := sqlpms.Config{Name: Name, Dialect: dialect, MaxConns: callsAtOnce, Timeout: cfg.timeout()}
	if cfg.DB != nil {
		c.Pool = cfg.DB.DB
	} else {
		c.SQLDriver, c.DSN = cfg.Database.SQLDriver(), cfg.Database.Secret()
	}
	for _, s := range cfg.session() {
		c.Init = append(c.Init, driver.NewSecret(s))
	}
	c.Init = append(c.Init, cfg.Init...)
	db, err := sqlpms.Open(c)
	if err != nil {
		return nil, err
	}
	return &database{db: db, owner: cfg.Owner, moved: moved}, nil
}

func (d *database) close() error { return d.db.Close() }

// query reads all rows.
func (d *database) query(ctx context.Context, op, statement string, args ...any) ([]*row, error) {
	return d.first(ctx, op, everyRow, statement, args...)
}

const everyRow = -1

// first reads the first rows, and leaves the rest where it is.
func (d *database) first(ctx context.Context, op string, most int, statement string, args ...any) ([]*row, error) {
	var rows []*row
	err := d.db.Each(ctx, op, sqlpms.SQL(statement, args...), take(&rows, most))
	return rows, d.note(err)
}

// take keeps rows until there are enough. The values of a row are its own.
func take(rows *[]*row, most int) func(*sqlpms.Row) (bool, error) {
	return func(r *sqlpms.Row) (bool, error) {
		*rows = append(*rows, &row{*r})
		return len(*rows) != most, nil
	}
}

// look reads in one connection.
func (d *database) look(ctx context.Context, op string, f func(ctx context.Context, t *tx) error) error {
	return d.note(d.db.Look(ctx, op, func(ctx context.Context, t *sqlpms.Tx) error { return f(ctx, &tx{t}) }))
}

// write is one transaction, which has to be one in which something may be written. An
// error of do before its end has no effect. find may be nil; see [sqlpms.Write].Find.
func (d *database) write(ctx context.Context, op string, within time.Duration, find finder, do func(ctx context.Context, t *tx) (driver.Receipt, error)) (driver.Receipt, error) {
	w := sqlpms.Write{
		Op: op, Timeout: within,
		Check: func(ctx context.Context, t *sqlpms.Tx) error { return checkSession(ctx, &tx{t}, op) },
		Do:    func(ctx context.Context, t *sqlpms.Tx) (driver.Receipt, error) { return do(ctx, &tx{t}) },
	}
	if find != nil {
		w.Find = func(ctx context.Context, t *sqlpms.Tx) (driver.Receipt, bool, error) {
			id, err := find(ctx, &tx{t})
			return receipt(id), id != "", err
		}
	}
	r, err := d.db.Write(ctx, w)
	return r, d.note(err)
}

// finder looks for an operation's Ref, and gives the id of the record that holds it;
// empty when there is none.
type finder func(ctx context.Context, q querier) (id string, err error)

// note takes notice of an error that shows that the tables have changed. An initial
// statement that is not allowed closes the connection, and no operation.
func (d *database) note(err error) error {
	var init *sqlpms.InitError
	var e *driver.Error
	switch {
	case errors.As(err, &init):
		if errors.As(err, &e) && e.Kind == driver.ErrUnauthorized {
			e.Scope = driver.ScopeConnection
		}
	case sqlpms.FaultOf(err, notThere...) != nil:
		d.moved()
	}
	return err
}

// notThere are the errors of a table or column that is not there, or may not be read
// any more.
var notThere = []sqlpms.Class{sqlpms.ClassMissing, sqlpms.ClassDenied}

// tx is a transaction.
type tx struct{ tx *sqlpms.Tx }

func (t *tx) query(ctx context.Context, _, statement string, args ...any) ([]*row, error) {
	var rows []*row
	err := t.tx.Each(ctx, sqlpms.SQL(statement, args...), take(&rows, everyRow))
	return rows, err
}

func (t *tx) exec(ctx context.Context, statement string, args ...any) (affected int64, err error) {
	return t.tx.Exec(ctx, sqlpms.SQL(statement, args...))
}

// execOne changes one row, see [sqlpms.Tx].ExecOne.
func (t *tx) execOne(ctx context.Context, statement string, args ...any) error {
	return t.tx.ExecOne(ctx, sqlpms.SQL(statement, args...))
}

// readBack is the number that the database gave to the row that holds the Ref, as it
// is found in the same transaction. Numbers are never made up here: the front desk's
// program would take the same one.
func (t *tx) readBack(ctx context.Context) (id string, err error) {
	r, err := t.tx.ReadBack(ctx)
	return r.ID, err
}

// row is a row of an answer.
type row struct{ sqlpms.Row }

// noRow is what is read where there is none.
var noRow = &row{}

func first(rows []*row) *row {
	if len(rows) == 0 {
		return noRow
	}
	return rows[0]
}

// text is a column's text without blanks around it; empty for NULL.
func (r *row) text(name string) string {
	if !r.Has(name) {
		return ""
	}
	return r.ID(name)
}

// integer is a whole number; false for NULL.
func (r *row) integer(name string) (int64, bool) {
	if !r.Has(name) || r.IsNull(name) {
		return 0, false
	}
	return r.Int(name), true
}

// problem is the first value of some rows that was not what it should be.
func problem(op string, rows []*row) error {
	for _, r := range rows {
		if err := r.Problem(); err != nil {
			return &driver.Error{Driver: Name, Op: op, Kind: driver.ErrUnavailable, Err: err}
		}
	}
	return nil
}

// dialect is SQL Anywhere. Its numbers of errors are negative. That of an
// unauthenticated connection's write was not found in public: its text is.
var dialect = sqlpms.Dialect{
	Name: "SQL Anywhere",
	Ping: "SELECT GETDATE() AS now_wall",
	Classify: func(d sqlpms.Diagnosis) sqlpms.Fault {
		if d.Contains("authentication violation") {
			return sqlpms.Fault{Class: sqlpms.ClassReadOnly, Words: whyUnauthenticated}
		}
		return sqlpms.Fault{Class: sqlAnywhere[d.Native]}
	},
}

// sqlAnywhere are the numbers that say more than their SQLSTATE. -83 was seen with
// Eaglesoft; the others are the engine's own, from its documentation.
var sqlAnywhere = map[int]sqlpms.Class{
	-80: sqlpms.ClassLine, -83: sqlpms.ClassLine, -85: sqlpms.ClassLine, -100: sqlpms.ClassLine, -101: sqlpms.ClassLine, -308: sqlpms.ClassLine,
	-102: sqlpms.ClassBusy, -210: sqlpms.ClassBusy, -306: sqlpms.ClassBusy, -307: sqlpms.ClassBusy,
	-103: sqlpms.ClassLogin, -121: sqlpms.ClassDenied,
	-141: sqlpms.ClassMissing, -143: sqlpms.ClassMissing,
	-193: sqlpms.ClassDuplicate, -194: sqlpms.ClassReference, -638: sqlpms.ClassTooLong,
}
