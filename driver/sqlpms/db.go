package sqlpms

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// DB is a pool of connections to a PMS's database. It is safe for concurrent use.
// Every error that its methods return is a *driver.Error without text of the
// engine, the statement or the data source name; a *[Fault] inside it has the
// codes.
type DB struct {
	cfg  Config
	pool *sql.DB
	life context.Context // ends with Close
	end  context.CancelFunc
}

// Close ends all connections; running calls fail. Closing twice is no error.
func (db *DB) Close() error {
	db.end()
	_ = db.pool.Close()
	return nil
}

// Statement is a statement with its arguments. Its text is the driver's own: no
// value stands in it.
type Statement struct {
	// Text has a ? for each argument.
	Text string
	// Args are its values: text, numbers, bool, time.Time, nil; also driver.Text,
	// driver.BirthDate and driver.Date, which are sent as text ("2026-11-27", NULL
	// when there is none), and driver.Money, sent as a decimal number in text.
	//
	// A time.Time is sent as the wall time that it shows in its own location: give
	// [WallArg].
	Args []any
}

// SQL makes a Statement.
func SQL(text string, args ...any) Statement { return Statement{text, args} }

// Ping asks the server something by the Dialect's Ping.
func (db *DB) Ping(ctx context.Context, op string) error {
	return db.with(ctx, op, false, func(ctx context.Context, c *conn) error { return c.Ping(ctx) })
}

// Each runs a SELECT, or a procedure that only reads, and calls f for each row
// until it returns false or an error. The rows that are left are not fetched.
//
// A row's problem (see [Row].Problem) is an error too. When the connection turns
// out to be dead before the first row, the statement is run again on another:
// reading twice does no harm.
func (db *DB) Each(ctx context.Context, op string, s Statement, f func(*Row) (more bool, err error)) error {
	given := false
	return db.with(ctx, op, false, func(ctx context.Context, c *conn) error {
		err := c.each(ctx, s, func(r *Row) (bool, error) {
			given = true
			return f(r)
		})
		if given {
			return final(err)
		}
		return err
	})
}

// Columns are the names of the columns of a statement's first result, in lower
// case. No row is asked for.
func (db *DB) Columns(ctx context.Context, op string, s Statement) (names []string, err error) {
	err = db.with(ctx, op, false, func(ctx context.Context, c *conn) error {
		args, err := c.args(s.Args)
		if err != nil {
			return err
		}
		r, err := c.query(ctx, s.Text, args)
		if err != nil {
			return err
		}
		names = nil
		for _, n := range r.Columns() {
			names = append(names, strings.ToLower(strings.TrimSpace(n)))
		}
		return r.Close()
	})
	return names, err
}

// Call runs a procedure that only reads, as [Tx].Call does; f may be nil.
func (db *DB) Call(ctx context.Context, op string, s Statement, f func(set int, r *Row) error) error {
	given := false
	return db.with(ctx, op, false, func(ctx context.Context, c *conn) error {
		_, err := c.drain(ctx, s, func(set int, r *Row) error {
			given = true
			if f == nil {
				return nil
			}
			return f(set, r)
		})
		if given {
			return final(err)
		}
		return err
	})
}

// finalError is one after which a read is not tried again.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error {
	if err == nil {
		return nil
	}
	return finalError{err}
}

// with gives f a connection, and another one if the first turns out to have died
// while nobody used it. With first the connection is asked before, so that f is
// called once.
func (db *DB) with(ctx context.Context, op string, first bool, f func(context.Context, *conn) error) error {
	ctx, cancel := db.bound(ctx, or(db.cfg.Timeout, defaultTimeout))
	defer cancel()
	for {
		stale := false
		err := db.one(ctx, func(c *conn) error {
			stale = c.used
			c.used = true
			var err error
			if first && stale {
				err = c.Ping(ctx)
			}
			if err == nil {
				if err = f(ctx, c); first {
					err = final(err)
				}
			}
			var no finalError
			stale = stale && c.bad && ctx.Err() == nil && !errors.As(err, &no)
			return err
		})
		switch {
		case err == nil:
			return nil
		case stale:
			continue // each round takes one dead connection out of the pool
		}
		return db.readError(ctx, op, err)
	}
}

// bound is ctx with a deadline, which ends with the DB as well.
func (db *DB) bound(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, most)
	stop := context.AfterFunc(db.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// one gives f one physical connection.
func (db *DB) one(ctx context.Context, f func(*conn) error) error {
	if db.life.Err() != nil {
		return errClosed
	}
	held, err := db.pool.Conn(ctx)
	if err != nil {
		if errors.Is(err, sql.ErrConnDone) || db.life.Err() != nil {
			return errClosed
		}
		return err
	}
	defer func() { _ = held.Close() }()
	return held.Raw(func(c any) error { return f(c.(*conn)) })
}

var errClosed = &Fault{Class: ClassLine, Words: "the connection is closed"}

// readError is an error of a call that changed nothing.
func (db *DB) readError(ctx context.Context, op string, err error) error {
	var e *driver.Error
	if errors.As(err, &e) {
		return e
	}
	var init *InitError
	if errors.As(err, &init) {
		e := init.Fault.noEffect(db.cfg.Name, op)
		e.Err = init
		return e
	}
	var bad *BadValue
	if errors.As(err, &bad) {
		return &driver.Error{Driver: db.cfg.Name, Op: op, Kind: driver.ErrUnavailable, Err: bad}
	}
	e = db.cfg.fault(ctx, err).noEffect(db.cfg.Name, op)
	if e.Kind == driver.ErrRejected && e.Reason == driver.ReasonUnsupported {
		// What was there when the connection was made: in the middle of an update
		// or a restore.
		e.Kind, e.Reason = driver.ErrUnavailable, ""
	}
	return e
}

// each runs a statement and gives its rows to f.
func (c *conn) each(ctx context.Context, s Statement, f func(*Row) (bool, error)) (err error) {
	args, err := c.args(s.Args)
	if err != nil {
		return err
	}
	r, err := c.query(ctx, s.Text, args)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := r.Close(); err == nil {
			err = closeErr
		}
	}()
	return eachRow(ctx, r, f)
}

// eachRow goes through one result.
func eachRow(ctx context.Context, r *rows, f func(*Row) (bool, error)) error {
	row := newRow(r.Columns())
	for {
		ok, err := r.advance(ctx)
		if err != nil || !ok {
			return err
		}
		row.values = r.current()
		more, err := f(row)
		if err = errors.Join(err, row.Problem()); err != nil || !more {
			return err
		}
	}
}

// args turns arguments into what the SQL driver takes.
func (c *conn) args(args []any) ([]sqldriver.NamedValue, error) {
	out := make([]sqldriver.NamedValue, len(args))
	for i, a := range args {
		nv := sqldriver.NamedValue{Ordinal: i + 1, Value: plain(a)}
		err := sqldriver.ErrSkip
		if ch, ok := c.inner.(sqldriver.NamedValueChecker); ok {
			err = ch.CheckNamedValue(&nv)
		}
		if errors.Is(err, sqldriver.ErrSkip) {
			nv.Value, err = sqldriver.DefaultParameterConverter.ConvertValue(nv.Value)
		}
		if err != nil { // its text may hold the value
			return nil, &BadValue{Column: "argument", Number: i + 1, What: "is of a type that the SQL driver does not take"}
		}
		out[i] = nv
	}
	return out, nil
}

// plain takes the values of package driver for what they hold.
func plain(a any) any {
	switch v := a.(type) {
	case driver.Text:
		return v.Reveal()
	case driver.BirthDate:
		return plain(v.Reveal())
	case driver.Date:
		if v.IsZero() {
			return nil
		}
		return v.String()
	case driver.Money:
		return v.Decimal()
	}
	return a
}
