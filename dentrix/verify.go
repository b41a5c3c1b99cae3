package dentrix

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// Verify implements [driver.Verifier]: it looks for the write's key, or for the
// appointment's status. An operation for which the profile has no look-up stays
// VerdictUnknown, and so does one whose patient is gone, or whose look-up is not known
// to find what is written: see [Find].ProvedOn.
func (c *conn) Verify(ctx context.Context, op driver.Op) (driver.Verdict, driver.Receipt, error) {
	name := "verify " + string(op.Kind())
	if err := checkHead(name, op); err != nil {
		return driver.VerdictUnknown, driver.Receipt{}, err
	}
	p := c.known()
	o := c.operation(op.Kind())
	if o == nil {
		return driver.VerdictUnknown, driver.Receipt{}, rejected(name, driver.ReasonUnsupported, "")
	}
	w := &writing{conn: c, p: p, op: op, o: o, name: name}
	// Before the look: what is committed while it lasts may lie behind it already.
	settled := sqlpms.Settled(op.Head(), c.cfg.verifyAfter(), time.Now())
	receipt, there, known, err := w.verify(ctx)
	switch {
	case err != nil:
		return driver.VerdictUnknown, driver.Receipt{}, err
	case there:
		if o.Find != nil {
			c.finds(op.Kind(), op.Head().Ref)
		}
		return driver.VerdictApplied, receipt, nil
	case !known, !c.trusts(op.Kind(), o), !settled:
		return driver.VerdictUnknown, driver.Receipt{}, nil
	}
	return driver.VerdictAbsent, driver.Receipt{}, nil
}

// verify tells whether the effect is there; known is false when that cannot be told.
func (w *writing) verify(ctx context.Context) (receipt driver.Receipt, there, known bool, err error) {
	if s, ok := w.op.(*driver.StatusChange); ok {
		a, err := w.readVisit(ctx, w.name, w.p, s.Appointment)
		if errors.Is(err, driver.ReasonAppointmentMissing) {
			return driver.Receipt{}, false, true, nil
		}
		return driver.Receipt{ID: a.ID, At: a.ModifiedAt}, a.Status == s.To, true, err
	}
	if w.o.Find == nil {
		return driver.Receipt{}, false, false, nil
	}
	w.facts = w.factsOf(w.op, w.o)
	who, err := w.person(ctx, w.name, w.p, w.op.Head().Patient)
	if err != nil || who == nil {
		return driver.Receipt{}, false, false, err
	}
	w.facts.ofPatient(who)
	receipt, there, err = w.find(ctx, w.o.Find, w.facts)
	return receipt, there, true, err
}

// find looks for a record by its key, in the rows of the profile's look-up.
func (w *writing) find(ctx context.Context, f *Find, known facts) (driver.Receipt, bool, error) {
	key, _ := known[BindKey].(string)
	if len(key) != driver.RefLen {
		return driver.Receipt{}, false, nil
	}
	var found driver.Receipt
	there := false
	name, marks, _ := procedure(f.Call)
	err := w.db.Call(ctx, w.name, sqlpms.SQL(callText(name, marks), known.arguments(f.Arguments)...), func(set int, r *sqlpms.Row) error {
		if set > 1 || there {
			return nil
		}
		for _, column := range f.KeyColumns {
			if there = strings.Contains(r.Text(column), key); there {
				break
			}
		}
		if f.IDColumn != "" {
			// Asked for of every row: a column that is not there is an error, and not
			// a record without an id.
			if id := r.ID(f.IDColumn); there {
				found.ID = id
			}
		}
		return nil
	})
	return found, there && err == nil, err
}
