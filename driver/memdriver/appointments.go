package memdriver

import (
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
)

func missing(what, id string) error { return fmt.Errorf("memdriver: no %s with the id %q", what, id) }

func mustBeFree(free bool, what, id string) {
	if !free {
		panic(fmt.Sprintf("memdriver: there is a %s with the id %q already; leave ID empty for a new one", what, id))
	}
}

// AddAppointment adds an appointment and returns the id. An empty ID is chosen
// by the PMS, an empty State is scheduled, an empty Status is the first status
// whose role is unconfirmed. An ID that is taken panics.
func (p *PMS) AddAppointment(r driver.Appointment) string {
	defer p.lock()()
	if r.ID == "" {
		r.ID = p.newID("apt")
	}
	mustBeFree(p.appointments.get(r.ID) == nil, "appointment", r.ID)
	if r.State == "" {
		r.State = driver.AppointmentScheduled
	}
	if r.Status == "" {
		for _, o := range p.catalogs[driver.AppointmentStatuses] {
			if o.Role == driver.RoleUnconfirmed {
				r.Status = o.ID
				break
			}
		}
	}
	r.ModifiedAt = p.Clock()
	p.seq++
	p.appointments.put(r.ID, r, p.seq, r.ModifiedAt)
	return r.ID
}

// EditAppointment changes an appointment. ID and ModifiedAt are the PMS's.
func (p *PMS) EditAppointment(id string, edit func(*driver.Appointment)) error {
	defer p.lock()()
	e := p.appointments.get(id)
	if e == nil {
		return missing("appointment", id)
	}
	p.editAppointment(e, edit)
	return nil
}

func (p *PMS) editAppointment(e *entry[driver.Appointment], edit func(*driver.Appointment)) {
	site, now := e.rec.Site, p.Clock()
	edit(&e.rec)
	e.rec.ID, e.rec.ModifiedAt = e.id, now
	if e.rec.Site != site {
		e.left = site
	}
	p.seq++
	p.appointments.touch(e, p.seq, now)
}

// MoveAppointment sets the start.
func (p *PMS) MoveAppointment(id string, start time.Time) error {
	return p.EditAppointment(id, func(r *driver.Appointment) { r.Start = start })
}

// SetStatus sets the confirmation status. Staff may set what they like: the
// option is not checked.
func (p *PMS) SetStatus(id, status string) error {
	return p.EditAppointment(id, func(r *driver.Appointment) { r.Status = status })
}

// SetState sets where the appointment is in its life.
func (p *PMS) SetState(id string, state driver.AppointmentState) error {
	return p.EditAppointment(id, func(r *driver.Appointment) { r.State = state })
}

// DeleteAppointment removes an appointment for good.
func (p *PMS) DeleteAppointment(id string) error {
	defer p.lock()()
	e := p.appointments.get(id)
	if e == nil {
		return missing("appointment", id)
	}
	e.gone = true
	p.seq++
	p.appointments.touch(e, p.seq, p.Clock())
	return nil
}

// Appointment returns an appointment.
func (p *PMS) Appointment(id string) (driver.Appointment, bool) {
	defer p.lock()()
	e := p.appointments.get(id)
	if e == nil {
		return driver.Appointment{}, false
	}
	return e.rec, true
}

// Appointments returns all appointments in the order in which they were added.
func (p *PMS) Appointments() []driver.Appointment {
	defer p.lock()()
	return p.appointments.live()
}
