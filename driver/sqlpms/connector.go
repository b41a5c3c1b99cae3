package sqlpms

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
)

// maxHung is how many calls may hang in the SQL driver, after their callers gave
// up, before no further connection is made: each holds a thread.
const maxHung = 16

// connector makes the connections of a pool.
type connector struct {
	cfg   Config
	inner sqldriver.Connector
	hung  atomic.Int64
}

// Driver implements sqldriver.Connector.
func (c *connector) Driver() sqldriver.Driver { return c.inner.Driver() }

// Connect makes a connection and runs the initial statements on it. Its errors
// are a *Fault or an *InitError.
func (c *connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, or(c.cfg.ConnectTimeout, defaultConnectTimeout))
	defer cancel()
	if c.hung.Load() >= maxHung {
		return nil, &Fault{Class: ClassLine, Words: "too many earlier calls still wait for the database server"}
	}
	made := &conn{of: c}
	err := made.call(ctx, func() error {
		inner, err := c.inner.Connect(ctx)
		made.inner = inner
		return err
	})
	if err != nil {
		return nil, c.cfg.fault(ctx, err)
	}
	for i, s := range c.cfg.Init {
		if err := made.initialise(ctx, s.Reveal()); err != nil {
			_ = made.Close()
			return nil, &InitError{Statement: i + 1, Of: len(c.cfg.Init), Fault: c.cfg.fault(ctx, err)}
		}
	}
	return made, nil
}

// initialise runs one initial statement to its end, rows and all.
func (c *conn) initialise(ctx context.Context, text string) error {
	return c.call(ctx, func() error {
		stmt, err := c.inner.Prepare(text)
		if err != nil {
			return err
		}
		//lint:ignore SA1019 what every SQL driver has
		_, err = stmt.Exec(nil)
		return errors.Join(err, stmt.Close())
	})
}

// InitError says that an initial statement of [Config].Init failed.
type InitError struct {
	// Statement is its number from 1, and Of how many there are.
	Statement, Of int
	// Fault is what the database said.
	Fault *Fault
}

// Error names the statement by its number: its text is a secret.
func (e *InitError) Error() string {
	return fmt.Sprintf("initial statement %d of %d failed: %v", e.Statement, e.Of, e.Fault)
}

// Unwrap returns the Fault.
func (e *InitError) Unwrap() error { return e.Fault }
