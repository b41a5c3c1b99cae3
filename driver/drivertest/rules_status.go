package drivertest

import (
	"github.com/pmswriteback/pms/driver"
)

func statusRules() []rule {
	return []rule{
		{
			name:        "status/compare-and-set",
			explanation: "A status is written only over the one on which the decision was based: when staff have set another since, Write is ErrConflict and changes nothing.",
			try: func(c *checker) {
				s := c.open()
				w := s.work(driver.OpStatus)
				sc := w.op.(*driver.StatusChange)
				third := s.statuses(3)[2]
				c.need("Staff.SetStatus", c.pms.Staff.SetStatus != nil)
				c.pms.Staff.SetStatus(sc.Appointment, third)
				_, err := w.write()
				c.writeFails("Write over a status that staff have changed", err, driver.ErrConflict)
				if got := c.status(sc.Appointment); got != third {
					c.Errorf("staff set %q, and the status is now %q", third, got)
				}
			},
		}, {
			name:        "status/already",
			explanation: "An appointment that has the wanted status already is success without a write, and the receipt says that it existed.",
			try: func(c *checker) {
				s := c.open()
				w := s.work(driver.OpStatus)
				sc := w.op.(*driver.StatusChange)
				c.need("Staff.SetStatus", c.pms.Staff.SetStatus != nil)
				c.pms.Staff.SetStatus(sc.Appointment, sc.To)
				before := s.modified(sc.Appointment)
				c.tick(s)
				r := w.mustWrite()
				if !r.Existed {
					c.Errorf("the status was there before, and Receipt.Existed is not set")
				}
				if after := s.modified(sc.Appointment); after != before {
					c.Errorf("the status was there before, and the appointment was written all the same")
				}
				w.want(1, "written over itself")
			},
		}, {
			name:        "status/already-over",
			explanation: "An appointment that is over and has the wanted status is success too, and the receipt says that it existed: an earlier sending may have set it, and refusing it would tell staff that it was not.",
			try: func(c *checker) {
				s := c.open()
				staff := c.pms.Staff
				c.need("Staff.SetStatus", staff.SetStatus != nil)
				c.need("Staff.CompleteAppointment", staff.CompleteAppointment != nil)
				tried := false
				for _, end := range []func(string){staff.CompleteAppointment, staff.CancelAppointment} {
					if end == nil {
						continue
					}
					w := s.work(driver.OpStatus)
					sc := w.op.(*driver.StatusChange)
					staff.SetStatus(sc.Appointment, sc.To)
					end(sc.Appointment)
					if c.status(sc.Appointment) != sc.To {
						continue
					}
					tried = true
					if r := w.mustWrite(); !r.Existed {
						c.Errorf("the status was there before the appointment ended, and Receipt.Existed is not set")
					}
				}
				if !tried {
					c.notApplicable("ending an appointment changes its confirmation status")
				}
			},
		}, {
			name:        "status/ignored",
			explanation: "A status that the PMS accepts and does not set is ErrRejected with ReasonInvalid: success would be a lie, and an unknown outcome would be found absent, sent again and ignored again without end.",
			try: func(c *checker) {
				s := c.open()
				w := s.work(driver.OpStatus)
				lift := c.inject(Fault{Kind: FaultIgnored, Call: CallWrite, Op: driver.OpStatus})
				_, err := w.write()
				lift()
				w.want(0, "accepted and ignored")
				c.rejected("Write of a status that the PMS ignores", err, driver.ReasonInvalid)
			},
		}, {
			name:        "status/other-patient",
			explanation: "A status for an appointment that is another patient's by now is ErrConflict and changes nothing, also when it has the wanted status already.",
			try: func(c *checker) {
				s := c.open()
				w := s.work(driver.OpStatus)
				sc := w.op.(*driver.StatusChange)
				other := c.visit(s, c.patient(), sc.From)
				sc.Appointment = other
				_, err := w.write()
				c.writeFails("Write for another patient's appointment", err, driver.ErrConflict)
				if got := c.status(other); got != sc.From {
					c.Errorf("another patient's appointment had the status %q, and has %q", sc.From, got)
				}
				c.need("Staff.SetStatus", c.pms.Staff.SetStatus != nil)
				c.pms.Staff.SetStatus(other, sc.To)
				_, err = w.write()
				c.writeFails("Write for another patient's appointment that has the status", err, driver.ErrConflict)
			},
		}, {
			name:        "status/missing",
			explanation: "A status for an appointment that is gone is ErrRejected with ReasonAppointmentMissing.",
			try: func(c *checker) {
				s := c.open()
				w := s.work(driver.OpStatus)
				c.need("Staff.DeleteAppointment", c.pms.Staff.DeleteAppointment != nil)
				c.pms.Staff.DeleteAppointment(w.op.(*driver.StatusChange).Appointment)
				_, err := w.write()
				c.rejected("Write for an appointment that is gone", err, driver.ReasonAppointmentMissing)
			},
		}, {
			name:        "status/closed",
			explanation: "A status for an appointment that is completed is ErrRejected with ReasonAppointmentClosed and changes nothing, unless the PMS accepts it.",
			try: func(c *checker) {
				s := c.open()
				w := s.work(driver.OpStatus)
				sc := w.op.(*driver.StatusChange)
				c.need("Staff.CompleteAppointment", c.pms.Staff.CompleteAppointment != nil)
				c.pms.Staff.CompleteAppointment(sc.Appointment)
				if now := c.status(sc.Appointment); now != sc.From {
					c.notApplicable("completing an appointment changes its confirmation status")
				}
				w.refused("for a completed appointment", driver.ReasonAppointmentClosed)
			},
		}, {
			name:        "status/nothing-else",
			explanation: "Writing a status leaves the appointment's start, length, state, provider and note as they are.",
			try: func(c *checker) {
				s := c.open()
				s.needReader()
				w := s.work(driver.OpStatus)
				sc := w.op.(*driver.StatusChange)
				before, err := s.appointment(c.ctx, sc.Appointment)
				if err != nil {
					c.Fatalf("ReadAppointment: %v", err)
				}
				w.mustWrite()
				after, err := s.appointment(c.ctx, sc.Appointment)
				if err != nil {
					c.Fatalf("ReadAppointment: %v", err)
				}
				if !after.Start.Equal(before.Start) || after.Duration != before.Duration {
					c.Errorf("writing the status moved the appointment from %s (%v) to %s (%v)", before.Start, before.Duration, after.Start, after.Duration)
				}
				if after.State != before.State {
					c.Errorf("writing the status changed the state from %q to %q", before.State, after.State)
				}
				if after.Provider != before.Provider || after.Operatory != before.Operatory || after.Patient != before.Patient {
					c.Errorf("writing the status changed the patient, provider or operatory")
				}
				if !after.Note.Equal(before.Note) {
					c.Errorf("writing the status changed the note")
				}
			},
		},
	}
}

// modified is an appointment's change mark as text, "" where there is none.
func (s *session) modified(appointment string) string {
	if _, ok := s.conn.(driver.AppointmentReader); !ok {
		return ""
	}
	a, err := s.appointment(s.c.ctx, appointment)
	if err != nil {
		s.c.Fatalf("ReadAppointment: %v", err)
	}
	if a.ModifiedAt.IsZero() {
		return ""
	}
	return a.ModifiedAt.UTC().String()
}
