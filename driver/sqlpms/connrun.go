package sqlpms

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
)

// ExecContext implements sqldriver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, text string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	var result sqldriver.Result
	err := c.call(ctx, func() (err error) {
		if e, ok := c.inner.(sqldriver.ExecerContext); ok {
			if result, err = e.ExecContext(ctx, text, args); !errors.Is(err, sqldriver.ErrSkip) {
				return err
			}
		}
		stmt, err := c.inner.Prepare(text)
		if err != nil {
			return err
		}
		if s, ok := stmt.(sqldriver.StmtExecContext); ok {
			result, err = s.ExecContext(ctx, args)
		} else {
			//lint:ignore SA1019 ODBC's statements have no other
			result, err = stmt.Exec(values(args))
		}
		return errors.Join(err, stmt.Close())
	})
	if err != nil {
		return nil, c.safe(ctx, err)
	}
	return result, nil
}

func values(args []sqldriver.NamedValue) []sqldriver.Value {
	out := make([]sqldriver.Value, len(args))
	for i, a := range args {
		out[i] = a.Value
	}
	return out
}

// QueryContext implements sqldriver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, text string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	r, err := c.query(ctx, text, args)
	if err != nil {
		return nil, c.safe(ctx, err)
	}
	return r, nil
}

func (c *conn) query(ctx context.Context, text string, args []sqldriver.NamedValue) (*rows, error) {
	r := &rows{c: c, ctx: ctx}
	err := c.call(ctx, func() (err error) {
		if q, ok := c.inner.(sqldriver.QueryerContext); ok {
			if r.inner, err = q.QueryContext(ctx, text, args); !errors.Is(err, sqldriver.ErrSkip) {
				return err
			}
		}
		if r.stmt, err = c.inner.Prepare(text); err != nil {
			return err
		}
		if s, ok := r.stmt.(sqldriver.StmtQueryContext); ok {
			r.inner, err = s.QueryContext(ctx, args)
		} else {
			//lint:ignore SA1019 some SQL drivers have no other
			r.inner, err = r.stmt.Query(values(args))
		}
		if err != nil {
			return errors.Join(err, r.stmt.Close())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Prepare implements sqldriver.Conn. The statement is prepared each time it is
// run: nothing here runs one often.
func (c *conn) Prepare(text string) (sqldriver.Stmt, error) {
	if c.bad || c.left {
		return nil, sqldriver.ErrBadConn // nothing has left
	}
	return &stmt{c, text}, nil
}

// stmt runs its text on the connection, so that what protects the connection
// protects it.
type stmt struct {
	c    *conn
	text string
}

func (s *stmt) Close() error  { return nil }
func (s *stmt) NumInput() int { return -1 }

func (s *stmt) Exec(args []sqldriver.Value) (sqldriver.Result, error) {
	return s.c.ExecContext(context.Background(), s.text, named(args))
}

func (s *stmt) ExecContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	return s.c.ExecContext(ctx, s.text, args)
}

func (s *stmt) Query(args []sqldriver.Value) (sqldriver.Rows, error) {
	return s.c.QueryContext(context.Background(), s.text, named(args))
}

func (s *stmt) QueryContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return s.c.QueryContext(ctx, s.text, args)
}

func named(args []sqldriver.Value) []sqldriver.NamedValue {
	out := make([]sqldriver.NamedValue, len(args))
	for i, a := range args {
		out[i] = sqldriver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return out
}
