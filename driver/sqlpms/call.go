package sqlpms

import (
	"context"
	"errors"
	"io"
)

// drain runs a procedure and goes through all of its results: an error that the
// procedure raises after its first result is seen by draining only. f gets every
// row of every result, numbered from 1; it may be nil. It returns how many rows
// there were.
//
// Over ODBC a procedure is run as a query even if it gives no rows: the driver's
// Exec swallows errors between results.
func (c *conn) drain(ctx context.Context, s Statement, f func(set int, r *Row) error) (count int, err error) {
	args, err := c.args(s.Args)
	if err != nil {
		return 0, err
	}
	r, err := c.query(ctx, s.Text, args)
	if isNoResult(err) {
		return 0, nil // it ran, and has nothing to tell
	}
	if err != nil {
		return 0, err
	}
	defer func() {
		if closeErr := r.Close(); err == nil {
			err = closeErr
		}
	}()
	var failed error // of f: the rest is drained all the same
	for set := 1; ; set++ {
		err := eachRow(ctx, r, func(row *Row) (bool, error) {
			count++
			if f != nil && failed == nil {
				failed = errors.Join(f(set, row), row.Problem())
				row.problem = nil
			}
			return true, nil
		})
		if err == nil {
			err = r.nextResult(ctx)
		}
		switch {
		case errors.Is(err, io.EOF), isNoResult(err):
			return count, failed
		case err != nil:
			return count, err
		}
	}
}
