package eaglesoft

import (
	"context"
	"errors"

	"github.com/pmswriteback/pms/driver"
)

// What the one public account of a confirmation writes into appt_log.
const (
	logAction = "R"
	logSlot   = 1
)

// writeStatus sets a confirmation status over the one on which it was decided, if
// the appointment is still at the same time, and writes the schedule's log as
// Eaglesoft's own users do by its program. An appointment of another site than the
// connection's, by sites, is none.
func (c *conn) writeStatus(ctx context.Context, t *tx, op string, sc *driver.StatusChange, sites map[string]string) (driver.Receipt, error) {
	to, known := c.cfg.confirmation(sc.To)
	if !known {
		return driver.Receipt{}, rejected(op, driver.ReasonOptionUnknown, "")
	}
	n, ok := number(sc.Appointment)
	if !ok {
		return driver.Receipt{}, rejected(op, driver.ReasonAppointmentMissing, "")
	}
	rows, err := t.query(ctx, op, c.selectAppointments()+` WHERE a."appointment_id" = ? ORDER BY p."provider_id"`, n)
	if err != nil {
		return driver.Receipt{}, err
	}
	found := c.appointments(rows, sites)
	if err := problem(op, rows); err != nil {
		return driver.Receipt{}, err
	}
	if len(found) != 1 {
		return driver.Receipt{}, rejected(op, driver.ReasonAppointmentMissing, "")
	}
	a, r := found[0], rows[0]
	switch {
	case a.Patient != sc.Patient:
		return driver.Receipt{}, failure(op, driver.ErrConflict, driver.ReasonNone, "the appointment is another patient's by now")
	case a.Status == sc.To:
		// Whatever has become of the visit since: an earlier sending may have set it.
		return driver.Receipt{ID: a.ID, Existed: true}, nil
	case a.State == driver.AppointmentCancelled || a.State == driver.AppointmentCompleted:
		return driver.Receipt{}, rejected(op, driver.ReasonAppointmentClosed, "")
	case a.Status != sc.From:
		return driver.Receipt{}, failure(op, driver.ErrConflict, driver.ReasonNone, "the status has changed since")
	}
	user, err := c.author(ctx, t, op, &sc.Header)
	if err != nil {
		return driver.Receipt{}, err
	}
	set, args := `"confirmation_status" = ?`, []any{to.ID}
	if to.Role == driver.RoleConfirmed {
		now, err := c.clockBy(ctx, t, op)
		if err != nil {
			return driver.Receipt{}, err
		}
		set, args = set+`, "date_confirmed" = ?`, append(args, driver.DateOf(now).String())
	}
	// The guard: no statement of another user comes between the look and this.
	where, guards := ` WHERE "appointment_id" = ?`, []any{n}
	start := r.Wall("start_time")
	if !start.IsZero() {
		where, guards = where+` AND "start_time" = ?`, append(guards, start)
	}
	if previous, set := r.integer("confirmation_status"); set {
		where, guards = where+` AND "confirmation_status" = ?`, append(guards, previous)
	} else {
		where += ` AND "confirmation_status" IS NULL`
	}
	err = t.execOne(ctx, "UPDATE "+c.db.from(tAppointment)+" SET "+set+where, append(args, guards...)...)
	if errors.Is(err, driver.ErrConflict) {
		// Staff were faster, or an earlier sending of this was, whose end was waited for.
		id, err := c.findStatus(ctx, t, op, sc)
		if err != nil || id != "" {
			return driver.Receipt{ID: id, Existed: true}, err
		}
		return driver.Receipt{}, failure(op, driver.ErrConflict, driver.ReasonNone, "the appointment has changed since")
	}
	if err != nil {
		return driver.Receipt{}, err
	}
	var day any
	if !start.IsZero() {
		day = start
	}
	_, err = t.exec(ctx, c.db.insert(tLog, "appt_id", "old_slot", "new_date", "appt_log_action", "user_id", "modified_by"),
		n, logSlot, day, logAction, user, user)
	return driver.Receipt{ID: a.ID}, err
}
