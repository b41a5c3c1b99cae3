package dentrix

import (
	"context"
	"strconv"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// appointmentsCall is the documented call for a range of days, and, with a wall time,
// for what has changed in them since (Developer Guide 2.1, sp_appointments). Whether
// the last day is included is not documented: callers ask for one more.
func appointmentsCall(from, to driver.Date, since time.Time) string {
	changed := "NULL"
	if !since.IsZero() {
		changed = sqlpms.WallLiteral(since)
	}
	return "call admin.sp_appointments(" + sqlpms.DateLiteral(from) + ", " + sqlpms.DateLiteral(to) + ", " + changed + ")"
}

// visit is an appointment with the day on which it is, which its moment in the
// practice's zone cannot tell in the hours at which clocks change.
type visit struct {
	driver.Appointment
	day  driver.Date
	asOf time.Time // the office's wall time when it was read, by sp_appointments
}

// visit makes a record of a row of v_appt or of sp_appointments.
func (c *conn) visit(r *sqlpms.Row) visit {
	status := statusID(int64(r.Byte("status_id")))
	v := visit{
		Appointment: driver.Appointment{
			ID:         r.ID("appointment_id"),
			Status:     status,
			State:      stateOf(status, r.Has("broken") && r.Bool("broken")),
			Provider:   idOf(r, "provider_id"),
			Operatory:  idOf(r, "operatory_id"),
			ModifiedAt: moment(r.Wall("modified_time_stamp"), c.loc, time.Now()),
		},
		day: r.Date("appointment_date"),
	}
	if r.Has("length") {
		v.Duration = time.Duration(r.Int("length")) * time.Minute
	}
	// A new patient who is not in the list yet has the number 0.
	if v.Patient = r.ID("patient_id"); v.Patient == "" || v.Patient == "0" {
		v.Patient, v.NewPatient = "", true
	}
	if !v.day.IsZero() {
		v.Start = time.Date(v.day.Year, v.day.Month, v.day.Day, int(r.Int("start_hour")), int(r.Int("start_minute")), 0, 0, c.loc)
		// Only sp_appointments has the note. One without a date is never read again
		// by it alone, so that its note is left out everywhere.
		if r.Has("note") {
			v.Note = r.Secret("note")
		}
	}
	if r.Has("servertime") {
		v.asOf = r.Wall("servertime")
	}
	return v
}

// idOf is an id of a column that may not be there.
func idOf(r *sqlpms.Row, column string) string {
	if !r.Has(column) {
		return ""
	}
	return r.ID(column)
}

// ReadAppointment implements [driver.AppointmentReader]: it reads the appointment,
// and with it its day, because only sp_appointments has the note.
func (c *conn) ReadAppointment(ctx context.Context, id string) (driver.Appointment, error) {
	const op = "read appointment"
	p := c.known()
	if s := c.windowSupport(p); !s.Supported {
		return driver.Appointment{}, rejected(op, driver.ReasonUnsupported, "")
	}
	for range 3 {
		v, err := c.readVisit(ctx, op, p, id)
		if err != nil || v.day.IsZero() || p.noChanges != "" {
			return v.Appointment, err
		}
		day, err := called(ctx, c.db, op, sqlpms.SQL(appointmentsCall(v.day, addDays(v.day, 1), time.Time{})), c.visit)
		if err != nil {
			return driver.Appointment{}, err
		}
		for _, found := range day {
			if found.ID == id {
				return found.Appointment, nil
			}
		}
		// It was moved to another day meanwhile.
	}
	return driver.Appointment{}, unavailable(op, "the appointment is being moved about")
}

// readVisit reads the row alone, without the note.
func (c *conn) readVisit(ctx context.Context, op string, p *probed, id string) (visit, error) {
	number, ok := idNumber(id)
	if !ok || number == 0 {
		return visit{}, rejected(op, driver.ReasonAppointmentMissing, "")
	}
	found, err := all(ctx, c.db, op, sqlpms.SQL("SELECT "+p.selected(appointmentView)+" FROM admin.v_appt WHERE appointment_id = ?", number), c.visit)
	if err != nil {
		return visit{}, err
	}
	if len(found) == 0 {
		return visit{}, rejected(op, driver.ReasonAppointmentMissing, "")
	}
	return found[0], nil
}

func addDays(d driver.Date, n int) driver.Date { return driver.DateOf(d.In(time.UTC).AddDate(0, 0, n)) }

// idNumber reads an id of the one spelling that the driver gives.
func idNumber(id string) (int64, bool) {
	n, err := strconv.ParseInt(id, 10, 32)
	return n, err == nil && strconv.FormatInt(n, 10) == id
}
