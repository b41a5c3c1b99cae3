package opendental

import (
	"context"

	"github.com/pmswriteback/pms/driver"
)

// phoneTable reports whether numbers can be looked up in the table phonenumber,
// which holds their digits: the office has its program do so.
func (s *sqlSchema) phoneTable() bool {
	return s.phones && s.lacks("phonenumber") == "" && s.indexed("phonenumber", "PhoneNumberDigits")
}

// FindPatients implements [driver.PatientFinder]. By phone it reads the whole
// table of patients, because numbers are stored as people write them; they
// compare as in the API's way, by their last ten digits in the three phone
// fields. Where the office uses the table of phone numbers, one with ten digits
// or more is looked up there, by the last ten, without and with the country code
// 1: among a patient's further numbers, too.
func (c *sqlConn) FindPatients(ctx context.Context, q driver.PatientQuery) ([]driver.Patient, error) {
	const op = "find patients"
	why, where := c.noPatients, ""
	switch q.By() {
	case driver.FindByID:
		// Not narrowed to the clinic: whoever has the id has met the patient in it.
		if !isID(q.ID) {
			return nil, nil
		}
		where = "p.PatNum=" + q.ID
	case driver.FindByBirthDate:
		born := q.BirthDate.Reveal()
		if !born.Valid() {
			return nil, rejected(op, driver.ReasonInvalid, "the birth date is not a day of the calendar")
		}
		where = "p.Birthdate='" + born.String() + "'" + c.site("p")
	case driver.FindByPhone:
		digits := digitsOf(q.Phone.Reveal())
		if len(digits) < 7 {
			return nil, rejected(op, driver.ReasonInvalid, "a phone number has at least seven digits")
		}
		why, where = c.noPhones, "("+phoneMatches(digits, []string{"p.HmPhone", "p.WkPhone", "p.WirelessPhone"})+")"+c.site("p")
	default:
		return nil, rejected(op, driver.ReasonInvalid, "ask by exactly one of id, birth date and phone")
	}
	s, err := c.supported(ctx, op, why)
	if err != nil {
		return nil, err
	}
	from := "SELECT " + s.selected("patient") + " FROM patient p"
	if digits := digitsOf(q.Phone.Reveal()); q.By() == driver.FindByPhone && s.phoneTable() && len(digits) >= phoneDigits {
		tail := digits[len(digits)-phoneDigits:]
		from = "SELECT DISTINCT " + s.selected("patient") + " FROM phonenumber n JOIN patient p ON p.PatNum=n.PatNum"
		where = "n.PhoneNumberDigits IN ('" + tail + "','1" + tail + "')" + c.site("p")
	}
	rows, err := c.query(ctx, op, from+" WHERE "+where+" ORDER BY p.PatNum")
	if err != nil {
		return nil, err
	}
	return c.patients(rows), nil
}

// patients reads rows and leaves deleted patients out.
func (c *sqlConn) patients(rows []row) []driver.Patient {
	var found []driver.Patient
	for _, r := range rows {
		if p, ok := patientOf(r, c.loc); ok {
			p.ModifiedAt = r.epoch("Stamp")
			found = append(found, p)
		}
	}
	return found
}

// appointments reads rows and leaves out what is no visit.
func (c *sqlConn) appointments(rows []row) []driver.Appointment {
	var found []driver.Appointment
	for _, r := range rows {
		if a, ok := appointmentOf(r, c.loc); ok {
			a.ModifiedAt = r.epoch("Stamp")
			found = append(found, a)
		}
	}
	return found
}

// ReadAppointment implements [driver.AppointmentReader]. A planned appointment
// and a note in the schedule are no appointments: they are missing.
func (c *sqlConn) ReadAppointment(ctx context.Context, id string) (driver.Appointment, error) {
	const op = "read appointment"
	missing := rejected(op, driver.ReasonAppointmentMissing, "")
	if !isID(id) {
		return driver.Appointment{}, missing
	}
	s, err := c.supported(ctx, op, c.noAppointments)
	if err != nil {
		return driver.Appointment{}, err
	}
	rows, err := c.query(ctx, op, "SELECT "+s.selected("appointment")+" FROM appointment a WHERE a.AptNum="+id+c.site("a"))
	if err != nil {
		return driver.Appointment{}, err
	}
	if found := c.appointments(rows); len(found) == 1 {
		return found[0], nil
	}
	if len(rows) == 0 {
		if err := c.inDoubt(ctx, op, s, id); err != nil {
			return driver.Appointment{}, err
		}
	}
	return driver.Appointment{}, missing
}
