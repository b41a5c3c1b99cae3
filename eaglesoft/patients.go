package eaglesoft

import (
	"context"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// person is a patient's row as a write needs it: with the ids as they are stored,
// blanks included, because a foreign key compares them so.
type person struct {
	id, party string
}

// idForms are the forms in which an id of a CHAR column may be stored: as it is, or
// padded with blanks. SQL Anywhere compares blanks unless the database was made
// without.
func idForms(id string, width int) (plain, padded string) {
	if len(id) < width {
		return id, id + strings.Repeat(" ", width-len(id))
	}
	return id, id
}

// isPatientID reports whether a patient can have this id. It is compared byte for
// byte, while the database folds case and blanks.
func isPatientID(id string) bool {
	return id != "" && len(id) <= patientWidth && isCode(id)
}

func (c *conn) selectPatients(s *schema) string {
	return "SELECT " + columns("", s.catalog.Selected(tPatient)...) + " FROM " + c.db.from(tPatient)
}

// patientOf reads a row.
func (c *conn) patientOf(r *row) driver.Patient {
	p := driver.Patient{
		ID:        r.text("patient_id"),
		FirstName: driver.NewText(r.text("first_name")),
		LastName:  driver.NewText(r.text("last_name")),
		Preferred: driver.NewText(r.text("preferred_name")),
		BirthDate: driver.NewBirthDate(r.Date("birth_date")),
		Email:     driver.NewText(r.text("email_address")),
		State:     driver.PatientActive,
	}
	for _, field := range phoneColumns {
		if phone := r.text(field); phone != "" {
			p.Phones = append(p.Phones, driver.NewText(phone))
		}
	}
	switch {
	case !strings.EqualFold(r.text("status"), "A"):
		p.State = driver.PatientInactive
	case strings.EqualFold(r.text("patient_status"), "N"):
		p.State = driver.PatientNonMember // somebody's responsible party or policy holder
	}
	if entered := r.Date("date_entered"); !entered.IsZero() {
		p.CreatedAt = entered.In(c.loc)
	}
	return p
}

var phoneColumns = []string{"home_phone", "work_phone", "cell_phone", "pager_phone"}

// here reports whether a patient belongs to the site that the connection is
// narrowed to. Who has no practice belongs to all of them.
func (c *conn) here(r *row) bool {
	at := r.text("practice_id")
	return c.env.Site == "" || at == "" || at == c.env.Site
}

func (c *conn) patients(rows []*row) []driver.Patient {
	var found []driver.Patient
	for _, r := range rows {
		if c.here(r) && r.text("patient_id") != "" {
			found = append(found, c.patientOf(r))
		}
	}
	return found
}

// FindPatients implements [driver.PatientFinder]. By phone every patient's numbers
// are compared in the database by their last four digits, and then by all of them.
func (c *conn) FindPatients(ctx context.Context, q driver.PatientQuery) ([]driver.Patient, error) {
	const op = "find patients"
	var where string
	var args []any
	fits := func(driver.Patient) bool { return true }
	switch q.By() {
	case driver.FindByID:
		if !isPatientID(q.ID) {
			return nil, nil
		}
		plain, padded := idForms(q.ID, patientWidth)
		where, args = ` WHERE "patient_id" IN (?, ?)`, []any{plain, padded}
		fits = func(p driver.Patient) bool { return p.ID == q.ID }
	case driver.FindByBirthDate:
		day := q.BirthDate.Reveal()
		if !day.Valid() {
			return nil, rejected(op, driver.ReasonInvalid, "the birth date is no day of the calendar")
		}
		where, args = ` WHERE "birth_date" >= ? AND "birth_date" < ?`, []any{day.String(), nextDay(day).String()}
	case driver.FindByPhone:
		digits := digitsOf(q.Phone.Reveal())
		if len(digits) < 7 {
			return nil, rejected(op, driver.ReasonInvalid, "a phone number has at least seven digits")
		}
		return c.findByPhone(ctx, op, digits)
	default:
		return nil, rejected(op, driver.ReasonInvalid, "ask by exactly one of id, birth date and phone")
	}
	s, err := c.supported(ctx, op, tPatient)
	if err != nil {
		return nil, err
	}
	rows, err := c.db.query(ctx, op, c.selectPatients(s)+where+` ORDER BY "patient_id"`, args...)
	if err != nil {
		return nil, err
	}
	var found []driver.Patient
	for _, p := range c.patients(rows) {
		if fits(p) {
			found = append(found, p)
		}
	}
	return found, problem(op, rows)
}

func (c *conn) findByPhone(ctx context.Context, op, digits string) ([]driver.Patient, error) {
	s, err := c.supported(ctx, op, tPatient)
	if err != nil {
		return nil, err
	}
	var either []string
	var args []any
	for _, name := range s.catalog.Selected(tPatient) {
		if strings.HasSuffix(name, "_phone") {
			either = append(either, `"`+name+`" LIKE ?`)
			args = append(args, "%"+digits[len(digits)-4:]+"%")
		}
	}
	rows, err := c.db.query(ctx, op, c.selectPatients(s)+" WHERE ("+strings.Join(either, " OR ")+`) ORDER BY "patient_id"`, args...)
	if err != nil {
		return nil, err
	}
	var found []driver.Patient
	for _, p := range c.patients(rows) {
		for _, phone := range p.Phones {
			if samePhone(digitsOf(phone.Reveal()), digits) {
				found = append(found, p)
				break
			}
		}
	}
	return found, problem(op, rows)
}

// samePhone compares the last ten digits, which is all that counts in North
// America; where one has fewer, these.
func samePhone(a, b string) bool {
	n := min(10, len(a), len(b))
	return n >= 7 && a[len(a)-n:] == b[len(b)-n:]
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func nextDay(d driver.Date) driver.Date { return addDays(d, 1) }

func addDays(d driver.Date, n int) driver.Date { return driver.DateOf(d.In(time.UTC).AddDate(0, 0, n)) }
