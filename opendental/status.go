package opendental

import (
	"context"
	"net/http"

	"github.com/pmswriteback/pms/driver"
)

// writeStatus confirms by defNum. The API has no condition on a write, so that
// the status is read, compared and read back; between the first read and the
// write lie milliseconds, or in Remote mode a second.
func (c *conn) writeStatus(ctx context.Context, op string, s *driver.StatusChange) (driver.Receipt, error) {
	if err := c.checkOption(ctx, op, driver.AppointmentStatuses, s.To); err != nil {
		return driver.Receipt{}, err
	}
	a, err := c.readAppointment(ctx, op, s.Appointment)
	if err != nil {
		return driver.Receipt{}, beforeSending(err)
	}
	switch {
	case a.Patient != s.Patient:
		return driver.Receipt{}, failure(op, driver.ErrConflict, driver.ReasonNone, "the appointment is another patient's")
	case a.Status == s.To:
		// Whatever has become of the visit since: an earlier sending may have set it.
		return driver.Receipt{ID: a.ID, At: a.ModifiedAt, Existed: true}, nil
	case a.State == driver.AppointmentCompleted, a.State == driver.AppointmentCancelled, a.State == driver.AppointmentUnscheduled:
		return driver.Receipt{}, rejected(op, driver.ReasonAppointmentClosed, "")
	case a.Status != s.From:
		return driver.Receipt{}, failure(op, driver.ErrConflict, driver.ReasonNone, "the status is another one by now")
	}
	_, err = c.send(ctx, call{
		op:      op,
		method:  http.MethodPut,
		path:    "/appointments/" + a.ID + "/Confirm",
		missing: driver.ReasonAppointmentMissing,
	}, fields{"defNum": number(s.To)})
	if err != nil {
		return driver.Receipt{}, err
	}
	after, err := c.readAppointment(ctx, op, a.ID)
	if err != nil {
		// The API said that it was done; only the look failed.
		return driver.Receipt{ID: a.ID}, nil
	}
	if after.Status == s.From {
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "accepted, but the status is unchanged")
	}
	return driver.Receipt{ID: a.ID, At: after.ModifiedAt}, nil
}
