package sqlpms

import (
	"context"
	"errors"

	"github.com/pmswriteback/pms/driver"
)

// Each reads rows within the transaction, as [DB].Each does, but never again.
// Errors may be returned from the write's function as they are: what they mean is
// decided there.
func (tx *Tx) Each(ctx context.Context, s Statement, f func(*Row) (more bool, err error)) error {
	return tx.c.each(ctx, s, f)
}

// Exec changes rows, and returns how many the statement found. It is not for
// procedures: see Call.
func (tx *Tx) Exec(ctx context.Context, s Statement) (affected int64, err error) {
	args, err := tx.c.args(s.Args)
	if err != nil {
		return 0, err
	}
	tx.sent = true
	result, err := tx.c.ExecContext(ctx, s.Text, args)
	if err != nil {
		return 0, err
	}
	tx.over = true
	affected, err = result.RowsAffected()
	if err != nil {
		return 0, &Fault{Class: ClassUnknown, Words: "the SQL driver does not tell how many records were changed"}
	}
	return affected, nil
}

// ExecOne changes exactly one row: it compares and sets. When no row fits, the
// record moved meanwhile: ErrConflict. When several do, nothing is changed and it
// is ErrRejected.
func (tx *Tx) ExecOne(ctx context.Context, s Statement) error {
	n, err := tx.Exec(ctx, s)
	switch {
	case err != nil:
		return err
	case n == 1:
		return nil
	case n == 0:
		return &driver.Error{Driver: tx.db.cfg.Name, Op: tx.op, Kind: driver.ErrConflict, Err: errMoved}
	}
	return &driver.Error{Driver: tx.db.cfg.Name, Op: tx.op, Kind: driver.ErrRejected, Reason: driver.ReasonInvalid, Err: errSeveral}
}

var (
	errMoved   = errors.New("the record is not as it was when this was decided")
	errSeveral = errors.New("several records fit where one is due; nothing was changed")
)

// Call runs a procedure of the PMS and goes through all of its results, because an
// error after the first result is seen in no other way. f gets every row, with the
// number of its result from 1; it may be nil. It returns how many rows there were.
//
// Within a [Write] with MayCommit an error is without effect only if the engine
// did not run the procedure, or if the Dialect's Classify gave the error a Kind,
// and no row came before it.
func (tx *Tx) Call(ctx context.Context, s Statement, f func(set int, r *Row) error) (rows int, err error) {
	tx.sent = true
	rows, err = tx.c.drain(ctx, s, f)
	if err == nil || rows > 0 {
		tx.over = true
	}
	return rows, err
}
