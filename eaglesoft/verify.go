package eaglesoft

import (
	"context"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// Verify implements [driver.Verifier]. Everything is found by its Ref, but for a
// status, which has no room for one: there the appointment's own status decides.
//
// It looks at what is committed only: a row of a connection that died before its
// end would be found and then be gone.
func (c *conn) Verify(ctx context.Context, op driver.Op) (driver.Verdict, driver.Receipt, error) {
	name := "verify " + string(op.Kind())
	unknown := func(err error) (driver.Verdict, driver.Receipt, error) {
		return driver.VerdictUnknown, driver.Receipt{}, err
	}
	if err := checkHead(name, op.Head()); err != nil {
		return unknown(err)
	}
	// Before the look: what is committed while it lasts may lie behind it already.
	settled := sqlpms.Settled(op.Head(), c.cfg.verifyAfter(), time.Now())
	r, found, err := c.find(ctx, name, op)
	switch {
	case err != nil:
		return unknown(err)
	case found:
		return driver.VerdictApplied, r, nil
	case !settled:
		return unknown(nil)
	}
	return driver.VerdictAbsent, driver.Receipt{}, nil
}

// find looks for an operation's effect.
func (c *conn) find(ctx context.Context, name string, op driver.Op) (r driver.Receipt, found bool, err error) {
	if c.noOp(nil, op.Kind()) != "" {
		return r, false, rejected(name, driver.ReasonUnsupported, "")
	}
	err = c.db.look(ctx, name, func(ctx context.Context, t *tx) (err error) {
		rows, err := t.query(ctx, name, sessionQuery)
		if err != nil {
			return err
		}
		if sessionOf(rows).dirty {
			return unavailable(name, whyDirtyReads)
		}
		if find := c.finder(name, op); find != nil {
			r.ID, err = find(ctx, t)
		} else if sc, ok := op.(*driver.StatusChange); ok {
			r.ID, err = c.findStatus(ctx, t, name, sc)
		}
		return err
	})
	return r, r.ID != "", err
}

// findStatus looks at the appointment. A third status is staff's, and whoever sends
// again meets it.
func (c *conn) findStatus(ctx context.Context, t *tx, name string, sc *driver.StatusChange) (id string, err error) {
	n, ok := number(sc.Appointment)
	if !ok {
		return "", nil
	}
	rows, err := t.query(ctx, name, "SELECT "+columns("", "appointment_id", "confirmation_status")+" FROM "+c.db.from(tAppointment)+
		` WHERE "appointment_id" = ?`, n)
	if err != nil || len(rows) == 0 {
		return "", err // one that is gone will not be there for whoever sends again
	}
	if confirmationOf(rows[0]) != sc.To {
		return "", problem(name, rows)
	}
	return sc.Appointment, nil
}
