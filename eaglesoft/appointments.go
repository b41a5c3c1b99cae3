package eaglesoft

import (
	"context"
	"strconv"

	"github.com/pmswriteback/pms/driver"
)

// selectAppointments reads appointments with their providers: the appointment's own
// row names none. One with several providers comes several times, one without
// comes all the same. Nothing else is joined, because types and statuses may be
// NULL.
func (c *conn) selectAppointments() string {
	return "SELECT " + columns("a.", tAppointment.Must...) + `, p."provider_id" FROM ` + c.db.from(tAppointment) +
		" a LEFT OUTER JOIN " + c.db.from(tAppointmentProvider) + ` p ON p."appointment_id" = a."appointment_id"`
}

// appointments makes one of each appointment's rows, and leaves out what is no
// visit.
func (c *conn) appointments(rows []*row, sites map[string]string) []driver.Appointment {
	var found []driver.Appointment
	for _, r := range rows {
		id := r.text("appointment_id")
		if n := len(found); n > 0 && found[n-1].ID == id {
			continue // a further provider: the first one has it
		}
		a, ok := c.appointmentOf(r)
		if !ok {
			continue
		}
		a.Site = sites[a.Operatory]
		if c.env.Site != "" && a.Site != "" && a.Site != c.env.Site {
			continue
		}
		found = append(found, a)
	}
	return found
}

// appointmentOf reads a row; false when it is no patient's visit.
func (c *conn) appointmentOf(r *row) (driver.Appointment, bool) {
	a := driver.Appointment{
		ID:       r.text("appointment_id"),
		Patient:  r.text("patient_id"),
		Start:    r.Moment("start_time", c.loc),
		Status:   confirmationOf(r),
		Provider: r.text("provider_id"),
		Type:     r.text("appointment_type_id"),
		Note:     driver.NewText(r.text("appointment_notes")),
	}
	class, known := r.integer("classification")
	if a.ID == "" || a.Patient == "" || !known {
		return a, false
	}
	if place, ok := r.integer("location_id"); ok && place >= 0 {
		a.Operatory = strconv.FormatInt(place, 10)
	}
	if end := r.Moment("end_time", c.loc); !a.Start.IsZero() && end.After(a.Start) {
		a.Duration = end.Sub(a.Start)
	}
	switch {
	case c.has(class, c.class.Gone):
		a.State = driver.AppointmentCancelled
	case c.has(class, c.class.Blocks), !c.has(class, c.class.Scheduled):
		return a, false
	default:
		a.State = c.arrival(r)
		if a.State == driver.AppointmentScheduled && (a.Operatory == "" || a.Start.IsZero()) {
			a.State = driver.AppointmentUnscheduled // in the queue
		}
	}
	return a, true
}

func (c *conn) has(class int64, bits []int) bool {
	for _, bit := range bits {
		if class&int64(bit) != 0 {
			return true
		}
	}
	return false
}

// arrival reads arrival_status. A number that nobody knows the meaning of says at
// least that the patient did more than to have an appointment.
func (c *conn) arrival(r *row) driver.AppointmentState {
	n, ok := r.integer("arrival_status")
	if !ok || n == 0 {
		return driver.AppointmentScheduled
	}
	if c.cfg.Arrivals == nil {
		if n == walkedOut {
			return driver.AppointmentCompleted
		}
	} else if state, known := c.cfg.Arrivals[int(n)]; known {
		return state
	}
	return driver.AppointmentArrived
}

// walkedOut is the one number of arrival_status whose meaning is known.
const walkedOut = 4

// confirmationOf is the confirmation status; an appointment without one is
// unconfirmed.
func confirmationOf(r *row) string {
	n, _ := r.integer("confirmation_status")
	return strconv.FormatInt(n, 10)
}

// ReadAppointment implements [driver.AppointmentReader]. Blocked time is no
// appointment: it is missing.
func (c *conn) ReadAppointment(ctx context.Context, id string) (driver.Appointment, error) {
	const op = "read appointment"
	missing := rejected(op, driver.ReasonAppointmentMissing, "")
	n, ok := number(id)
	if !ok {
		return driver.Appointment{}, missing
	}
	if _, err := c.supported(ctx, op, tAppointment, tAppointmentProvider); err != nil {
		return driver.Appointment{}, err
	}
	sites, err := c.sites(ctx, op)
	if err != nil {
		return driver.Appointment{}, err
	}
	rows, err := c.db.query(ctx, op, c.selectAppointments()+` WHERE a."appointment_id" = ? ORDER BY p."provider_id"`, n)
	if err != nil {
		return driver.Appointment{}, err
	}
	found := c.appointments(rows, sites)
	if err := problem(op, rows); err != nil {
		return driver.Appointment{}, err
	}
	if len(found) != 1 {
		return driver.Appointment{}, missing
	}
	return found[0], nil
}

// sites says to which practice an operatory belongs; nil when that cannot be read.
func (c *conn) sites(ctx context.Context, op string) (map[string]string, error) {
	s, err := c.schema(ctx, op)
	if err != nil || s.lacks(tChairs) != "" {
		return nil, err
	}
	rows, err := c.db.query(ctx, op, "SELECT "+columns("", tChairs.Must...)+" FROM "+c.db.from(tChairs)+` WHERE "chair_num" >= ? ORDER BY "chair_num"`, 0)
	if err != nil {
		return nil, err
	}
	sites := map[string]string{}
	for _, r := range rows {
		sites[r.text("chair_num")] = r.text("practice_id")
	}
	return sites, nil
}

// number reads an id of an integer column; false when it can be none.
func number(id string) (int64, bool) {
	n, err := strconv.ParseInt(id, 10, 32)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == id
}
