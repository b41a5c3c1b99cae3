package sqlpms

import (
	"bytes"
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"io"
)

// rows are an answer of the SQL driver, fetched some at a time, so that leaving a
// call behind costs nothing for each row.
type rows struct {
	c     *conn
	ctx   context.Context
	inner sqldriver.Rows
	stmt  sqldriver.Stmt // when the rows are those of a statement

	names  []string
	batch  [][]sqldriver.Value
	at     int
	ask    int // how many to fetch next
	end    error
	closed bool
}

// maxBatch is how many rows are fetched at a time, after the first: few enough
// that stopping early wastes little.
const maxBatch = 64

var (
	_ sqldriver.Rows              = (*rows)(nil)
	_ sqldriver.RowsNextResultSet = (*rows)(nil)
)

// Columns implements sqldriver.Rows.
func (r *rows) Columns() []string {
	if r.names == nil {
		r.names = r.inner.Columns()
	}
	return r.names
}

// advance makes the next row current, and reports whether there is one.
func (r *rows) advance(ctx context.Context) (bool, error) {
	r.at++
	if r.at <= len(r.batch) {
		return true, nil
	}
	if r.end != nil {
		return false, endOf(r.end)
	}
	r.ask = min(max(1, r.ask*4), maxBatch)
	width, ask := len(r.Columns()), r.ask
	var batch [][]sqldriver.Value
	var end error
	err := r.c.call(ctx, func() error {
		for len(batch) < ask {
			row := make([]sqldriver.Value, width)
			if err := r.inner.Next(row); err != nil {
				end = err
				return nil
			}
			for i, v := range row {
				if b, ok := v.([]byte); ok { // the SQL driver's buffer, which it uses again
					row[i] = bytes.Clone(b)
				}
			}
			batch = append(batch, row)
		}
		return nil
	})
	if err != nil {
		r.end = err
		return false, err
	}
	r.batch, r.at, r.end = batch, 1, end
	if end != nil && !errors.Is(end, io.EOF) && r.c.breaks(ctx, end) {
		r.c.bad = true
	}
	if len(batch) > 0 {
		return true, nil
	}
	return false, endOf(end)
}

// endOf is nil for an end in order.
func endOf(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// current is the current row.
func (r *rows) current() []sqldriver.Value { return r.batch[r.at-1] }

// Next implements sqldriver.Rows.
func (r *rows) Next(dest []sqldriver.Value) error {
	ok, err := r.advance(r.ctx)
	switch {
	case err != nil:
		return r.c.safe(r.ctx, err)
	case !ok:
		return io.EOF
	}
	copy(dest, r.current())
	return nil
}

// HasNextResultSet implements sqldriver.RowsNextResultSet.
func (r *rows) HasNextResultSet() bool {
	more, ok := r.inner.(sqldriver.RowsNextResultSet)
	return ok && more.HasNextResultSet()
}

// NextResultSet implements sqldriver.RowsNextResultSet. The ODBC driver's plain
// error that a result has no rows is the end: what follows a result without rows
// cannot be reached through it.
func (r *rows) NextResultSet() error {
	err := r.nextResult(r.ctx)
	if isNoResult(err) {
		return io.EOF
	}
	return r.c.safe(r.ctx, err)
}

func (r *rows) nextResult(ctx context.Context) error {
	more, ok := r.inner.(sqldriver.RowsNextResultSet)
	if !ok || !more.HasNextResultSet() {
		return io.EOF
	}
	err := r.c.call(ctx, more.NextResultSet)
	if err == nil {
		r.names, r.batch, r.at, r.end, r.ask = nil, nil, 0, nil, 0
	}
	return err
}

// Close implements sqldriver.Rows. Rows that were not read are given up.
func (r *rows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := r.c.call(ctx, func() error {
		err := r.inner.Close()
		if r.stmt != nil {
			err = errors.Join(err, r.stmt.Close())
		}
		return err
	})
	if err != nil {
		r.c.bad = true
		return r.c.of.cfg.fault(ctx, err)
	}
	return nil
}
