package dentrix

import (
	"context"

	"github.com/pmswriteback/pms/driver"
)

// setStatus writes an appointment's status over the one that was decided on. The
// vendor's procedures cannot compare and set in one step, so that what staff set
// between the look and the call, some milliseconds, is written over.
func (w *writing) setStatus(ctx context.Context, s *driver.StatusChange) (driver.Receipt, error) {
	if !settable(s.To) {
		if err := w.checkOption(ctx, driver.AppointmentStatuses, s.To); err != nil && driver.ReadError(err).Reason != driver.ReasonOptionInactive {
			return driver.Receipt{}, beforeSending(err)
		}
		return driver.Receipt{}, rejected(w.name, driver.ReasonOptionUnfit, "To: breaking, unscheduling and completing appointments stays with staff")
	}
	if err := w.checkOption(ctx, driver.AppointmentStatuses, s.To); err != nil {
		return driver.Receipt{}, beforeSending(err)
	}
	before, err := w.readVisit(ctx, w.name, w.p, s.Appointment)
	switch {
	case err != nil:
		return driver.Receipt{}, beforeSending(err)
	case before.Patient != s.Patient:
		return driver.Receipt{}, failure(w.name, driver.ErrConflict, driver.ReasonNone, "the appointment is another patient's by now")
	case before.Status == s.To:
		return driver.Receipt{ID: before.ID, At: before.ModifiedAt, Existed: true}, nil
	case before.State != driver.AppointmentScheduled:
		return driver.Receipt{}, rejected(w.name, driver.ReasonAppointmentClosed, "")
	case before.Status != s.From:
		return driver.Receipt{}, failure(w.name, driver.ErrConflict, driver.ReasonNone, "the appointment has another status by now")
	}
	if binds(w.o.Arguments, BindPatientID, BindPatientGUID) {
		who, err := w.person(ctx, w.name, w.p, before.Patient)
		if err != nil {
			return driver.Receipt{}, beforeSending(err)
		}
		if who == nil {
			return driver.Receipt{}, rejected(w.name, driver.ReasonPatientNotFound, "")
		}
		w.facts.ofPatient(who)
	}
	if _, err := w.send(ctx); err != nil {
		return driver.Receipt{}, err
	}
	after, err := w.readVisit(ctx, w.name, w.p, s.Appointment)
	switch {
	case err == nil && after.Status == s.From:
		return driver.Receipt{}, rejected(w.name, driver.ReasonInvalid, "the procedure reported success, and the appointment has its former status")
	case err == nil:
		return driver.Receipt{ID: after.ID, At: after.ModifiedAt}, nil
	}
	// It was written: a look that fails does not undo it.
	return driver.Receipt{ID: s.Appointment}, nil
}
