package eaglesoft

import (
	"context"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// ReadWindow implements [driver.WindowReader].
func (c *conn) ReadWindow(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	const op = "read window"
	switch feedOf(q.Feed) {
	case appointmentRows:
		return c.appointmentWindow(ctx, op, q)
	case patientRows:
		return c.patientWindow(ctx, op, q)
	}
	return driver.Page{}, rejected(op, driver.ReasonUnsupported, "there is no such feed")
}

// The records of feeds, as tokens and cursors name them.
const (
	appointmentRows = "appointments"
	patientRows     = "patients"
)

// feedOf names the records of a feed.
func feedOf(f driver.Feed) string {
	switch f {
	case driver.AppointmentFeed, driver.AppointmentStatusFeed:
		return appointmentRows
	case driver.PatientFeed:
		return patientRows
	}
	return ""
}

// appointmentWindow reads whole days until there is a page. What was given is
// remembered, so that an appointment that is moved to a later day meanwhile does
// not come twice.
func (c *conn) appointmentWindow(ctx context.Context, op string, q driver.WindowQuery) (driver.Page, error) {
	if _, err := c.supported(ctx, op, tAppointment, tAppointmentProvider); err != nil {
		return driver.Page{}, err
	}
	page, err := c.visits.Page(ctx, sqlpms.WalkQuery[driver.Appointment]{
		Name: Name, Op: op, Window: fmt.Sprintf("%s-%d-%d", appointmentRows, q.From.Unix(), q.To.Unix()), Token: q.Token, Limit: q.Limit,
		ID:    func(a driver.Appointment) string { return a.ID },
		Start: func() sqlpms.Source[driver.Appointment] { return c.appointmentDays(op, q) },
	})
	return driver.Page{Appointments: page.Records, Next: page.Next, More: page.More}, err
}

// appointmentDays are the days of a window, which are read whole.
func (c *conn) appointmentDays(op string, q driver.WindowQuery) sqlpms.Source[driver.Appointment] {
	var sites map[string]string
	listed := false
	days := sqlpms.Days[driver.Appointment]{
		From: driver.DateOf(q.From.In(c.loc)).In(time.UTC), To: nextDay(driver.DateOf(q.To.In(c.loc))).In(time.UTC),
		Read: func(ctx context.Context, from, to time.Time) (found []driver.Appointment, err error) {
			if !listed {
				if sites, err = c.sites(ctx, op); err != nil {
					return nil, err
				}
				listed = true
			}
			rows, err := c.db.query(ctx, op, c.selectAppointments()+` WHERE a."start_time" >= ? AND a."start_time" < ?`+
				` ORDER BY a."start_time", a."appointment_id", p."provider_id"`, driver.DateOf(from).String(), driver.DateOf(to).String())
			if err != nil {
				return nil, err
			}
			for _, a := range c.appointments(rows, sites) {
				// Exact to the moment: the hour that comes twice when summer time ends has two
				// places in a window.
				if !a.Start.Before(q.From) && a.Start.Before(q.To) {
					found = append(found, a)
				}
			}
			return found, problem(op, rows)
		},
	}
	if !q.From.Before(q.To) {
		days.To = days.From
	}
	return days.Source()
}

// patientWindow reads all patients: first their ids, which are five characters each,
// and then ranges of ids with two ends.
func (c *conn) patientWindow(ctx context.Context, op string, q driver.WindowQuery) (driver.Page, error) {
	if _, err := c.supported(ctx, op, tPatient); err != nil {
		return driver.Page{}, err
	}
	page, err := c.people.Page(ctx, sqlpms.WalkQuery[driver.Patient]{
		Name: Name, Op: op, Window: fmt.Sprintf("%s-%d-%d", patientRows, q.From.Unix(), q.To.Unix()), Token: q.Token, Limit: q.Limit,
		Start: sqlpms.Keys[driver.Patient]{
			List: func(ctx context.Context) (ids []string, err error) {
				rows, err := c.db.query(ctx, op, `SELECT "patient_id" FROM `+c.db.from(tPatient)+` WHERE "patient_id" >= ? ORDER BY "patient_id"`, "")
				for _, r := range rows {
					ids = append(ids, r.Stored("patient_id"))
				}
				return ids, err
			},
			Read: func(ctx context.Context, first, last string) ([]driver.Patient, error) {
				s, err := c.schema(ctx, op)
				if err != nil {
					return nil, err
				}
				rows, err := c.db.query(ctx, op, c.selectPatients(s)+` WHERE "patient_id" >= ? AND "patient_id" <= ? ORDER BY "patient_id"`, first, last)
				if err != nil {
					return nil, err
				}
				return c.patients(rows), problem(op, rows)
			},
		}.Source,
	})
	return driver.Page{Patients: page.Records, Next: page.Next, More: page.More}, err
}
