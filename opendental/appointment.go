package opendental

import (
	"context"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// patternStep is the length of one character of an appointment's Pattern.
const patternStep = 5 * time.Minute

// appointmentStates maps AptStatus, as the API's text and as the database's
// number. What is missing is no visit: Planned, PtNote, PtNoteCompleted, None.
// ASAP is an old form of Scheduled.
var appointmentStates = map[string]driver.AppointmentState{
	"Scheduled": driver.AppointmentScheduled, "1": driver.AppointmentScheduled,
	"Complete": driver.AppointmentCompleted, "2": driver.AppointmentCompleted,
	"UnschedList": driver.AppointmentUnscheduled, "3": driver.AppointmentUnscheduled,
	"ASAP": driver.AppointmentScheduled, "4": driver.AppointmentScheduled,
	"Broken": driver.AppointmentCancelled, "5": driver.AppointmentCancelled,
}

// ReadAppointment implements [driver.AppointmentReader]. A planned appointment
// and a note in the schedule are no appointments: they are missing.
func (c *conn) ReadAppointment(ctx context.Context, id string) (driver.Appointment, error) {
	return c.readAppointment(withTiming(ctx, timing{turn: turnWrite}), "read appointment", id)
}

func (c *conn) readAppointment(ctx context.Context, op, id string) (driver.Appointment, error) {
	missing := rejected(op, driver.ReasonAppointmentMissing, "")
	if !isID(id) {
		return driver.Appointment{}, missing
	}
	r, err := c.getOne(ctx, call{op: op, path: "/appointments/" + id, missing: driver.ReasonAppointmentMissing})
	if err != nil {
		return driver.Appointment{}, err
	}
	a, ok := c.appointment(r)
	if !ok || a.ID != id || !c.inSite(a.Site) {
		return driver.Appointment{}, missing
	}
	return a, nil
}

// inSite reports whether a clinic is within what the connection is narrowed to.
func (c *conn) inSite(clinic string) bool { return c.env.Site == "" || c.env.Site == clinic }

// appointment reads a row; false when it is no visit.
func (c *conn) appointment(r row) (driver.Appointment, bool) { return appointmentOf(r, c.loc) }

func appointmentOf(r row, loc *time.Location) (driver.Appointment, bool) {
	state, visit := appointmentStates[r.text("AptStatus")]
	a := driver.Appointment{
		ID:         r.id("AptNum"),
		Patient:    r.id("PatNum"),
		Start:      r.wall("AptDateTime", loc),
		Duration:   time.Duration(len(r.text("Pattern"))) * patternStep,
		Status:     r.id("Confirmed"),
		State:      state,
		Provider:   r.id("ProvNum"),
		Operatory:  r.id("Op"),
		Type:       r.id("AppointmentTypeNum"),
		Site:       r.id("ClinicNum"),
		Note:       r.patientText("Note"),
		NewPatient: r.truth("IsNewPatient"),
		ModifiedAt: r.wall("DateTStamp", loc),
	}
	if !visit || a.ID == "" {
		return driver.Appointment{}, false
	}
	if state == driver.AppointmentScheduled {
		switch {
		case hasTime(r, "DateTimeSeated"):
			a.State = driver.AppointmentSeated
		case hasTime(r, "DateTimeArrived"):
			a.State = driver.AppointmentArrived
		}
	}
	return a, true
}

// hasTime reports whether an arrival time is set. Open Dental keeps these with
// the appointment's day and midnight when they are not.
func hasTime(r row, field string) bool {
	if strings.HasSuffix(r.text(field), " 00:00:00") {
		return false // most of them
	}
	t := r.wall(field, wall)
	return !t.IsZero() && (t.Hour() != 0 || t.Minute() != 0 || t.Second() != 0)
}
