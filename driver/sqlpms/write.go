package sqlpms

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Write is one guarded write: a transaction on one connection that checks the
// connection, looks for the effect, does it once, reads it back and commits.
//
// Until COMMIT is sent nothing has happened, whatever breaks: the error then says
// so (ErrUnavailable, ErrRejected, ErrConflict, ErrUnauthorized). When COMMIT is
// not answered, nobody knows: ErrUnknownOutcome. Nothing is ever sent again.
type Write struct {
	// Op is what is done, for errors: "write note".
	Op string
	// Check says whether anything may be written on the connection, before all else; it
	// may be nil. Another connection of the pool tells nothing.
	Check func(ctx context.Context, tx *Tx) error
	// Find looks for the effect by the Ref, where the PMS has room for it; else it is
	// nil. It is called before Do, where finding it ends the write with
	// ErrUnknownOutcome and ReasonDuplicate: a sending that was taken for lost has
	// arrived since, and Verify tells the rest. It is called again after Do, where not
	// finding it undoes the write: a trigger, or a column that is shorter than it says,
	// has changed the Ref, and nobody could ever find it. It is what Verify calls, too,
	// with [DB].Look.
	//
	// A driver whose procedures commit by themselves looks before and after the Write
	// and leaves this nil: what is there after the end cannot be undone.
	Find func(ctx context.Context, tx *Tx) (found driver.Receipt, ok bool, err error)
	// Do has the effect. An error that it makes itself, such as ErrConflict, is
	// returned as it is, when nothing can have happened.
	Do func(ctx context.Context, tx *Tx) (driver.Receipt, error)
	// MayCommit is set when Do calls procedures of the PMS, which may commit by
	// themselves. Then only what the PMS refuses before it begins is without
	// effect; see [Tx].Call.
	MayCommit bool
	// Timeout bounds the write, besides its context; 0 is Config.Timeout.
	Timeout time.Duration
}

// Settled reports whether a server that was cut off can no longer carry out what it
// had received: whether after, which is the driver's OpInfo.VerifyAfter, has passed
// since the operation was sent last, or first where the last is not known. Until then
// Verify must not say that a write is absent.
//
// Ask before the look, with the time at which it begins: what is committed while it
// lasts may lie behind it already.
func Settled(h *driver.Header, after time.Duration, now time.Time) bool {
	last := h.LastSent
	if last.Before(h.FirstSent) {
		last = h.FirstSent
	}
	return last.IsZero() || !now.Before(last.Add(after))
}

// Tx is a transaction of a [Write] or a look of [DB].Look. It is good within the
// function that gets it.
type Tx struct {
	db   *DB
	c    *conn
	op   string
	sent bool // a statement that changes something has left
	over bool // one of them came back, or gave rows: it had an effect

	write *Write
	back  *driver.Receipt // what was read back
}

// Write carries out a guarded write.
func (db *DB) Write(ctx context.Context, w Write) (driver.Receipt, error) {
	ctx, cancel := db.bound(ctx, or(w.Timeout, or(db.cfg.Timeout, defaultTimeout)))
	defer cancel()
	for {
		var receipt driver.Receipt
		began := false
		stale := false
		err := db.one(ctx, func(c *conn) error {
			// A connection that died unnoticed is found out before anything leaves.
			if c.used {
				if err := c.Ping(ctx); err != nil {
					stale = c.bad && ctx.Err() == nil
					return err
				}
			}
			c.used = true
			begun, err := c.BeginTx(ctx, sqldriver.TxOptions{})
			if err != nil {
				return err
			}
			began = true
			receipt, err = db.write(ctx, w, &Tx{db: db, c: c, op: w.Op, write: &w}, begun.(*connTx))
			return err
		})
		switch {
		case err == nil:
			return receipt, nil
		case stale:
			continue
		case !began:
			return driver.Receipt{}, db.notBegun(ctx, w.Op, err)
		}
		return driver.Receipt{}, err
	}
}

// notBegun is an error of the way to the database. A refusal of it, such as of one of
// the host's initial statements, is none of the write, which would be lost by it.
func (db *DB) notBegun(ctx context.Context, op string, err error) error {
	var e *driver.Error
	if err = db.readError(ctx, op, err); errors.As(err, &e) && e.Kind == driver.ErrRejected {
		e.Kind, e.Reason = driver.ErrUnavailable, driver.ReasonNone
	}
	return err
}

// write is a Write within its transaction. Its errors are final.
func (db *DB) write(ctx context.Context, w Write, tx *Tx, begun *connTx) (driver.Receipt, error) {
	undo := func(err error) error {
		// It must run even though the context has ended, and cannot do harm: what
		// is not committed is undone when the connection closes.
		rollback, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = begun.end(rollback, begun.inner.Rollback)
		return tx.outcome(ctx, w, err)
	}
	if w.Check != nil {
		if err := w.Check(ctx, tx); err != nil {
			return driver.Receipt{}, undo(err)
		}
	}
	if w.Find != nil {
		_, ok, err := w.Find(ctx, tx)
		if err == nil && ok {
			err = &driver.Error{Driver: db.cfg.Name, Op: w.Op, Kind: driver.ErrUnknownOutcome, Reason: driver.ReasonDuplicate, Err: errThere}
		}
		if err != nil {
			return driver.Receipt{}, undo(err)
		}
	}
	receipt, err := w.Do(ctx, tx)
	if err != nil {
		return driver.Receipt{}, undo(err)
	}
	if w.Find != nil {
		if tx.back == nil {
			if _, err := tx.ReadBack(ctx); err != nil {
				return driver.Receipt{}, undo(err)
			}
		}
		receipt = merge(receipt, *tx.back)
	}
	if err := ctx.Err(); err != nil {
		return driver.Receipt{}, undo(err)
	}
	if err := begun.end(ctx, begun.inner.Commit); err != nil {
		return driver.Receipt{}, tx.commitOutcome(ctx, w, err)
	}
	return receipt, nil
}

// ReadBack is what [Write].Find finds, for a Do that needs the id of its record before
// it goes on: the engine has given it. It is not looked for once more at the end. An
// error has to be returned by Do.
func (tx *Tx) ReadBack(ctx context.Context) (driver.Receipt, error) {
	if tx.write == nil || tx.write.Find == nil {
		return driver.Receipt{}, problem("nothing to read back: there is no Find")
	}
	found, ok, err := tx.write.Find(ctx, tx)
	if err == nil && !ok {
		err = &driver.Error{Driver: tx.db.cfg.Name, Op: tx.op, Kind: driver.ErrRejected, Reason: driver.ReasonInvalid, Err: errNotThere}
	}
	if err != nil {
		return driver.Receipt{}, err
	}
	tx.back = &found
	return found, nil
}

var (
	errThere    = errors.New("the Ref is in the PMS already")
	errNotFound = errors.New("the database took it, and what was written cannot be read back")
	errNotThere = errors.New("the database took it, and what was written cannot be read back; nothing was kept")
)

func merge(r, found driver.Receipt) driver.Receipt {
	r.ID = or(r.ID, found.ID)
	r.State = or(r.State, found.State)
	if r.At.IsZero() {
		r.At = found.At
	}
	return r
}

// commitOutcome is a failed COMMIT: only an engine that says that it undid the
// transaction is believed.
func (tx *Tx) commitOutcome(ctx context.Context, w Write, err error) error {
	f := tx.db.cfg.fault(ctx, err)
	if strings.HasPrefix(f.State, "40") && f.State != "40003" && !w.MayCommit {
		return f.noEffect(tx.db.cfg.Name, w.Op)
	}
	return tx.unknown(f)
}

func (tx *Tx) unknown(cause error) error {
	return &driver.Error{Driver: tx.db.cfg.Name, Op: tx.op, Kind: driver.ErrUnknownOutcome, Err: cause}
}

// outcome is what an error before COMMIT means.
func (tx *Tx) outcome(ctx context.Context, w Write, err error) error {
	if err == nil {
		return nil
	}
	var own *driver.Error
	isOwn := errors.As(err, &own)
	if w.MayCommit && tx.sent {
		switch {
		case isOwn && (own.Kind == driver.ErrIncomplete || own.Kind == driver.ErrUnknownOutcome):
			return own
		case isOwn && !tx.over: // from a call that was refused, or before any was sent
			return own
		case isOwn:
			if errors.Is(own.Err, errNotThere) {
				return tx.unknown(errNotFound) // the procedure may have kept it
			}
			return tx.unknown(own.Err)
		}
		f := tx.db.cfg.fault(ctx, err)
		if tx.over || !f.refusal() {
			return tx.unknown(f)
		}
		return f.noEffect(tx.db.cfg.Name, w.Op)
	}
	if isOwn {
		return own
	}
	var bad *BadValue
	if errors.As(err, &bad) {
		return &driver.Error{Driver: tx.db.cfg.Name, Op: w.Op, Kind: driver.ErrUnavailable, Err: bad}
	}
	out := tx.db.cfg.fault(ctx, err).noEffect(tx.db.cfg.Name, w.Op)
	if !tx.sent && out.Kind == driver.ErrRejected {
		// A look that is refused, such as of a table that is being remade, is no
		// refusal of the write.
		out.Kind, out.Reason = driver.ErrUnavailable, driver.ReasonNone
	}
	return out
}

// refusal reports whether a procedure that may commit had no effect: it was not
// run, or the PMS's driver knows the error as a check before the effect.
func (f *Fault) refusal() bool {
	if f.Kind != "" {
		return true
	}
	switch f.Class {
	case ClassDenied, ClassMissing, ClassStatement, ClassLogin, ClassSetup, ClassReadOnly:
		return true
	}
	return false
}

// Look runs f in a transaction that changes nothing, for Verify. Its errors are
// those of a read.
func (db *DB) Look(ctx context.Context, op string, f func(ctx context.Context, tx *Tx) error) error {
	return db.with(ctx, op, true, func(ctx context.Context, c *conn) error {
		return f(ctx, &Tx{db: db, c: c, op: op})
	})
}
