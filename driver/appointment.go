package driver

import "context"

// AppointmentReader reads one appointment: before a status is written, and
// after.
type AppointmentReader interface {
	// ReadAppointment returns the appointment as it is now. One that is gone is
	// ErrRejected with ReasonAppointmentMissing.
	ReadAppointment(ctx context.Context, id string) (Appointment, error)
}

// ReadAppointment asks conn. A connection that is no AppointmentReader gives
// ErrRejected with ReasonUnsupported.
func ReadAppointment(ctx context.Context, conn Conn, id string) (Appointment, error) {
	r, ok := conn.(AppointmentReader)
	if !ok {
		return Appointment{}, unsupported("read appointment")
	}
	return r.ReadAppointment(ctx, id)
}
