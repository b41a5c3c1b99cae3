package dentrix

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// person is a patient with what calls need.
type person struct {
	driver.Patient
	number, guarantor   int64
	guid, guarantorGUID string
	hasGuarantor        bool
}

func patient(r *sqlpms.Row) driver.Patient { return personOf(r).Patient }

// personOf makes a record of a row of v_patient.
func personOf(r *sqlpms.Row) person {
	p := person{number: r.Int("patient_id"), guid: idOf(r, "patient_guid"), guarantorGUID: idOf(r, "guar_guid")}
	if r.Has("guar_id") && !r.IsNull("guar_id") {
		p.guarantor, p.hasGuarantor = r.Int("guar_id"), true
	}
	p.Patient = driver.Patient{
		ID:        strconv.FormatInt(p.number, 10),
		FirstName: r.Secret("first_name"),
		LastName:  r.Secret("last_name"),
		BirthDate: r.BirthDate("birth_date"),
		State:     patientState(p.number, r.Int("status")),
	}
	if r.Has("preferred_name") {
		p.Preferred = r.Secret("preferred_name")
	}
	if r.Has("email") {
		p.Email = r.Secret("email")
	}
	for _, column := range phoneColumns {
		if r.Has(column) {
			if phone := r.Secret(column); !phone.IsEmpty() {
				p.Phones = append(p.Phones, phone)
			}
		}
	}
	return p
}

var phoneColumns = []string{"mobile_phone", "home_phone", "work_phone", "other_phone"}

// patientState reads v_patient.status (Developer Guide 2.1). The vendor's API refuses
// negative numbers as it refuses archived patients.
func patientState(id, status int64) driver.PatientState {
	switch {
	case id < 0 || status == 4:
		return driver.PatientArchived
	case status == 2:
		return driver.PatientNonMember
	case status == 3:
		return driver.PatientInactive
	}
	return driver.PatientActive
}

// FindPatients implements [driver.PatientFinder].
func (c *conn) FindPatients(ctx context.Context, q driver.PatientQuery) ([]driver.Patient, error) {
	const op = "find patients"
	p := c.known()
	if q.By() == "" {
		return nil, rejected(op, driver.ReasonInvalid, "the query must have exactly one of id, birth date and phone")
	}
	if !c.findSupport(p)[q.By()].Supported {
		return nil, rejected(op, driver.ReasonUnsupported, "")
	}
	return c.find(ctx, op, p, q)
}

func (c *conn) find(ctx context.Context, op string, p *probed, q driver.PatientQuery) ([]driver.Patient, error) {
	switch q.By() {
	case driver.FindByID:
		found, err := c.person(ctx, op, p, q.ID)
		if err != nil || found == nil {
			return nil, err
		}
		return []driver.Patient{found.Patient}, nil
	case driver.FindByBirthDate:
		return c.patientsOf(ctx, op, p, "birth_date = ?", q.BirthDate)
	}
	return c.findByPhone(ctx, op, p, q.Phone)
}

// person reads a patient, nil when there is none.
func (c *conn) person(ctx context.Context, op string, p *probed, id string) (*person, error) {
	number, ok := idNumber(id)
	if !ok || number == 0 {
		return nil, nil
	}
	found, err := all(ctx, c.db, op, sqlpms.SQL("SELECT "+p.selected(patientView)+" FROM admin.v_patient WHERE patient_id = ?", number), personOf)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func (c *conn) patientsOf(ctx context.Context, op string, p *probed, where string, args ...any) ([]driver.Patient, error) {
	return all(ctx, c.db, op, sqlpms.SQL("SELECT "+p.selected(patientView)+" FROM admin.v_patient WHERE "+where, args...), patient)
}

// findByPhone has the database look through all patients for the digits in their
// order, whatever stands between them, and compares what is left.
func (c *conn) findByPhone(ctx context.Context, op string, p *probed, phone driver.Text) ([]driver.Patient, error) {
	want := phoneDigits(phone.Reveal())
	if len(want) < 7 {
		return nil, rejected(op, driver.ReasonInvalid, "the phone number has less than seven digits")
	}
	pattern := "%" + strings.Join(strings.Split(want, ""), "%") + "%"
	var likes []string
	args := []any{int64(lowestPatient)}
	for _, column := range phoneColumns {
		if p.has(patientView, column) {
			likes = append(likes, column+" LIKE ?")
			args = append(args, driver.NewText(pattern))
		}
	}
	all, err := c.patientsOf(ctx, op, p, "patient_id > ? AND ("+strings.Join(likes, " OR ")+")", args...)
	if err != nil {
		return nil, err
	}
	var out []driver.Patient
	for _, found := range all {
		for _, have := range found.Phones {
			if phoneDigits(have.Reveal()) == want {
				out = append(out, found)
				break
			}
		}
	}
	return out, nil
}

const lowestPatient = -1 << 31

// phoneDigits are the last ten digits of a number, which is all that counts in North
// America.
func phoneDigits(s string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
	return digits[max(0, len(digits)-10):]
}

// patientKeys and patientSource say whose a cursor of new patients is.
const (
	patientKeys   = "patients"
	patientSource = "v_patient"
)

// newPatients reads patients by numbers above the highest that was seen: Dentrix
// stamps patients with no time of their creation.
func (c *conn) newPatients(ctx context.Context, op string, p *probed, q driver.ChangesQuery) (driver.Page, error) {
	if q.Cursor == "" {
		mark, err := c.patientBaseline(ctx, op)
		if err != nil {
			return driver.Page{}, err
		}
		return driver.Page{Next: sqlpms.FormatCursor(patientKeys, patientSource, mark)}, nil
	}
	var mark sqlpms.KeyMark
	if err := sqlpms.ParseCursor(Name, op, patientKeys, patientSource, q.Cursor, &mark); err != nil {
		return driver.Page{}, err
	}
	text := "SELECT " + p.selected(patientView) + " FROM admin.v_patient WHERE patient_id > ? ORDER BY patient_id"
	page, err := sqlpms.NewRows(mark, q.Limit, func(after int64, row func(int64, driver.Patient) bool) error {
		return c.db.Each(ctx, op, sqlpms.SQL(text, after), func(r *sqlpms.Row) (bool, error) {
			found := personOf(r)
			return row(found.number, found.Patient), nil
		})
	})
	if err != nil {
		return driver.Page{}, err
	}
	return driver.Page{Patients: page.Records, More: page.More, Next: sqlpms.FormatCursor(patientKeys, patientSource, page.Next)}, nil
}

// patientBaseline marks the present: the highest number, and which of those below it
// there are.
func (c *conn) patientBaseline(ctx context.Context, op string) (sqlpms.KeyMark, error) {
	_, highest, any, err := c.patientRange(ctx, op)
	if err != nil || !any {
		return sqlpms.KeyMark{}, err
	}
	mark := sqlpms.KeyMark{Last: highest}
	ids, err := all(ctx, c.db, op, sqlpms.SQL("SELECT patient_id FROM admin.v_patient WHERE patient_id > ? AND patient_id <= ?", mark.After(), highest),
		func(r *sqlpms.Row) int64 { return r.Int("patient_id") })
	for _, id := range ids {
		mark = mark.With(id)
	}
	return mark, err
}

// patientRange is the lowest and the highest number of a patient.
func (c *conn) patientRange(ctx context.Context, op string) (lowest, highest int64, any bool, err error) {
	err = c.db.Each(ctx, op, sqlpms.SQL("SELECT MIN(patient_id) AS lowest, MAX(patient_id) AS highest FROM admin.v_patient"), func(r *sqlpms.Row) (bool, error) {
		lowest, highest, any = r.Int("lowest"), r.Int("highest"), !r.IsNull("highest")
		return false, nil
	})
	return lowest, highest, any, err
}

// patientWindow reads a page of all patients, by ranges of numbers that make about a
// page. The token is the last number, the highest when the walk began, and the width
// of the next range.
func (c *conn) patientWindow(ctx context.Context, op string, p *probed, q driver.WindowQuery) (driver.Page, error) {
	want := int64(sqlpms.PageSize(q.Limit))
	at, highest, width := int64(0), int64(0), want
	if q.Token == "" {
		lowest, top, any, err := c.patientRange(ctx, op)
		if err != nil || !any {
			return driver.Page{}, err
		}
		at, highest = lowest-1, top
	} else {
		var rest string
		if n, err := fmt.Sscanf(q.Token, "patients.%d.%d.%d%s", &at, &highest, &width, &rest); n != 3 || err == nil || width < 1 || width > patientSpan {
			return driver.Page{}, expired(op, "the token is not one of this feed")
		}
	}
	for at < highest {
		to := min(at+width, highest)
		found, err := c.patientsOf(ctx, op, p, "patient_id > ? AND patient_id <= ? ORDER BY patient_id", at, to)
		if err != nil {
			return driver.Page{}, err
		}
		at = to
		switch n := int64(len(found)); {
		case n < want/2 || n == 0:
			width = min(width*2, patientSpan)
		case n > want:
			width = max(width/2, 1)
		}
		if len(found) > 0 || at >= highest {
			page := driver.Page{Patients: found, More: at < highest}
			if page.More {
				page.Next = fmt.Sprintf("patients.%d.%d.%d", at, highest, width)
			}
			return page, nil
		}
	}
	return driver.Page{}, nil
}

// patientSpan bounds the range of numbers that is read at once.
const patientSpan = 1 << 20
