package sqlpms

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"time"
)

// conn is a connection of the SQL driver, made safe:
//
//   - A statement that has left is never run again. database/sql runs one again
//     after driver.ErrBadConn, which ODBC drivers say even of statements that were
//     run: here it only ever gets other errors.
//   - A call whose context has ended returns, even if the SQL driver does not: its
//     Exec knows no context, and a broken network can keep any call. The call is
//     left behind, and its connection closed when it returns.
//   - A panic of the SQL driver is an error. The ODBC driver panics on texts that
//     are longer in bytes than their column in characters.
//   - A connection after an error of the line, or after a call that was left
//     behind, is not used again.
type conn struct {
	of    *connector
	inner sqldriver.Conn
	bad   bool
	left  bool // a call was left behind and may still use inner
	used  bool // something was run on it before, so that it may be stale
}

var (
	_ sqldriver.Conn            = (*conn)(nil)
	_ sqldriver.ConnBeginTx     = (*conn)(nil)
	_ sqldriver.ExecerContext   = (*conn)(nil)
	_ sqldriver.QueryerContext  = (*conn)(nil)
	_ sqldriver.Pinger          = (*conn)(nil)
	_ sqldriver.SessionResetter = (*conn)(nil)
	_ sqldriver.Validator       = (*conn)(nil)
)

var (
	errLeft     = &Fault{Class: ClassLine, Words: "an earlier call on this connection has not ended"}
	errPanicked = &Fault{Class: ClassUnknown, Words: "the SQL driver failed; a text may be longer in bytes than its column in characters"}
)

// cancelGrace is how long a call whose context has ended may take to return by
// itself: an SQL driver that can cancel a statement then leaves a connection that
// can be closed in order.
const cancelGrace = 100 * time.Millisecond

// call runs f, which uses the SQL driver. When ctx ends first, f is left behind.
func (c *conn) call(ctx context.Context, f func() error) error {
	if c.left {
		return errLeft
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	done := make(chan error, 1)
	go func() {
		err := error(errPanicked)
		defer func() {
			_ = recover() // its text may hold a value
			done <- err
		}()
		err = f()
	}()
	err, ended := waitFor(ctx, done)
	if !ended {
		c.left, c.bad = true, true
		c.of.hung.Add(1)
		go func() {
			<-done
			c.of.hung.Add(-1)
			c.closeInner()
		}()
		return ctx.Err()
	}
	if err != nil && c.breaks(ctx, err) {
		c.bad = true
	}
	return err
}

// waitFor waits for a call, and a moment more when ctx ends meanwhile.
func waitFor(ctx context.Context, done <-chan error) (err error, ended bool) {
	select {
	case err := <-done:
		return err, true
	case <-ctx.Done():
	}
	grace := time.NewTimer(cancelGrace)
	defer grace.Stop()
	select {
	case err := <-done:
		return err, true
	case <-grace.C:
		return nil, false
	}
}

// breaks reports whether a connection is of no more use after an error.
func (c *conn) breaks(ctx context.Context, err error) bool {
	switch c.of.cfg.fault(ctx, err).Class {
	case ClassLine, ClassTimeout, ClassUnknown, ClassLogin, ClassSetup:
		return !errors.Is(err, sqldriver.ErrSkip) && !errors.Is(err, io.EOF) && !isNoResult(err)
	}
	return false
}

// safe keeps database/sql from running a statement again.
func (c *conn) safe(ctx context.Context, err error) error {
	if err == nil || !errors.Is(err, sqldriver.ErrBadConn) {
		return err
	}
	return c.of.cfg.fault(ctx, err)
}

func (c *conn) closeInner() {
	if c.inner != nil {
		defer func() { _ = recover() }()
		_ = c.inner.Close()
	}
}

// Close implements sqldriver.Conn. It may be called while a call is left behind.
func (c *conn) Close() error {
	if c.left {
		return nil // closed when the call returns
	}
	// A broken network can keep even this.
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := c.call(ctx, c.inner.Close)
	c.inner = nil
	if err != nil {
		return c.of.cfg.fault(ctx, err)
	}
	return nil
}

const closeTimeout = 5 * time.Second

// IsValid implements sqldriver.Validator.
func (c *conn) IsValid() bool { return !c.bad }

// ResetSession implements sqldriver.SessionResetter.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.bad {
		return sqldriver.ErrBadConn
	}
	if r, ok := c.inner.(sqldriver.SessionResetter); ok {
		return c.call(ctx, func() error { return r.ResetSession(ctx) })
	}
	return nil
}

// Ping implements sqldriver.Pinger by a statement that the server has to answer.
func (c *conn) Ping(ctx context.Context) error {
	r, err := c.query(ctx, or(c.of.cfg.Dialect.Ping, "SELECT 1"), nil)
	if err != nil {
		return c.safe(ctx, err)
	}
	defer func() { _ = r.Close() }()
	ok, err := r.advance(ctx)
	if err == nil && !ok {
		err = errNoAnswer
	}
	return c.safe(ctx, err)
}

var errNoAnswer = &Fault{Class: ClassLine, Words: "the database gives no row where one is due"}

// Begin implements sqldriver.Conn.
func (c *conn) Begin() (sqldriver.Tx, error) {
	return c.BeginTx(context.Background(), sqldriver.TxOptions{})
}

// BeginTx implements sqldriver.ConnBeginTx. The isolation is the engine's default,
// or what an initial statement sets.
func (c *conn) BeginTx(ctx context.Context, opts sqldriver.TxOptions) (sqldriver.Tx, error) {
	if c.bad {
		return nil, sqldriver.ErrBadConn // nothing has left
	}
	tx := &connTx{c: c}
	err := c.call(ctx, func() (err error) {
		if b, ok := c.inner.(sqldriver.ConnBeginTx); ok {
			// Not ctx: an SQL driver may undo the transaction when it ends, in the
			// middle of another call.
			tx.inner, err = b.BeginTx(context.WithoutCancel(ctx), opts)
		} else {
			//lint:ignore SA1019 what every SQL driver has
			tx.inner, err = c.inner.Begin()
		}
		return err
	})
	if err != nil {
		return nil, c.safe(ctx, err)
	}
	return tx, nil
}

// connTx is a transaction. Its ends know no context of their own.
type connTx struct {
	c     *conn
	inner sqldriver.Tx
}

func (t *connTx) Commit() error { return t.end(context.Background(), t.inner.Commit) }

func (t *connTx) Rollback() error { return t.end(context.Background(), t.inner.Rollback) }

// end ends the transaction. After an error nobody knows in which state the
// connection is: the ODBC driver leaves it without autocommit.
func (t *connTx) end(ctx context.Context, how func() error) error {
	err := t.c.call(ctx, how)
	if err != nil {
		t.c.bad = true
	}
	return t.c.safe(ctx, err)
}
