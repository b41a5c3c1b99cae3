package opendentaltest

import (
	"context"
	"errors"
	"time"
)

// AddAppointment schedules an appointment. PatNum and AptDateTime are required.
func (o *Office) AddAppointment(ctx context.Context, a Appointment) (Appointment, error) {
	if a.PatNum == 0 || a.AptDateTime.IsZero() {
		return Appointment{}, errors.New("opendentaltest: add appointment: PatNum and AptDateTime are required")
	}
	return act[Appointment](ctx, o, func(s *session) (record, error) {
		if _, err := s.must("patient", a.PatNum); err != nil {
			return record{}, err
		}
		return s.insertAppointment(s.encode(s.table("appointment"), a))
	})
}

// EditAppointment opens an appointment, lets change alter it, and saves it with
// its history. A save that alters nothing leaves no trace.
func (o *Office) EditAppointment(ctx context.Context, aptNum int64, change func(*Appointment)) (Appointment, error) {
	return edit(ctx, o, "appointment", aptNum, change, func(s *session, r record, values set) (record, error) {
		return s.changeAppointment(r, values, histChanged)
	})
}

// MoveAppointment moves an appointment to another time and operatory. Op 0
// keeps the operatory.
func (o *Office) MoveAppointment(ctx context.Context, aptNum int64, to time.Time, op int64) (Appointment, error) {
	return o.EditAppointment(ctx, aptNum, func(a *Appointment) {
		a.AptDateTime, a.AptStatus = to, AptScheduled
		if op != 0 {
			a.Op = op
		}
	})
}

// SetConfirmed sets the confirmation status to a definition of category
// ApptConfirmed. Statuses that the office chose as triggers also note the time
// of arrival, seating or dismissal.
func (o *Office) SetConfirmed(ctx context.Context, aptNum, defNum int64) error {
	return o.write(ctx, func(s *session) error {
		r, err := s.must("appointment", aptNum)
		if err != nil {
			return err
		}
		if _, found, err := s.definition(defNum, CategoryApptConfirmed); err != nil || !found {
			return cmpErr(err, errors.New("opendentaltest: set confirmed: no such ApptConfirmed definition"))
		}
		values := set{}
		if err := s.confirm(r, defNum, values); err != nil {
			return err
		}
		_, err = s.changeAppointment(r, values, histChanged)
		return err
	})
}

// CompleteAppointment sets an appointment complete.
func (o *Office) CompleteAppointment(ctx context.Context, aptNum int64) error {
	_, err := o.EditAppointment(ctx, aptNum, func(a *Appointment) { a.AptStatus = AptComplete })
	return err
}

// BreakAppointment breaks an appointment. With toUnscheduledList it leaves the
// schedule for the Unscheduled List; otherwise it stays in place, broken.
func (o *Office) BreakAppointment(ctx context.Context, aptNum int64, toUnscheduledList bool) error {
	return o.write(ctx, func(s *session) error {
		r, err := s.must("appointment", aptNum)
		if err != nil {
			return err
		}
		return s.breakAppointment(r, "", toUnscheduledList)
	})
}

// DeleteAppointment deletes an appointment. Its row is gone; the history is
// what remains.
func (o *Office) DeleteAppointment(ctx context.Context, aptNum int64) error {
	return o.write(ctx, func(s *session) error {
		r, err := s.must("appointment", aptNum)
		if err != nil {
			return err
		}
		return s.deleteAppointment(r)
	})
}
