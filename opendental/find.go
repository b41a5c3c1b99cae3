package opendental

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// patientStates maps PatStatus, as the API's text and as the database's number.
// A deleted patient is in neither: nobody can be filed for.
var patientStates = map[string]driver.PatientState{
	"Patient": driver.PatientActive, "0": driver.PatientActive,
	"NonPatient": driver.PatientNonMember, "1": driver.PatientNonMember,
	"Inactive": driver.PatientInactive, "2": driver.PatientInactive,
	"Archived": driver.PatientArchived, "3": driver.PatientArchived,
	"Deceased": driver.PatientDeceased, "5": driver.PatientDeceased,
	"Prospective": driver.PatientProspect, "6": driver.PatientProspect,
}

// FindPatients implements [driver.PatientFinder]. By phone it needs the
// permission Queries: the API's own search window is partial. Numbers compare by
// their last ten digits, in the three phone fields of the patient.
func (c *conn) FindPatients(ctx context.Context, q driver.PatientQuery) ([]driver.Patient, error) {
	const op = "find patients"
	ctx = withTiming(ctx, timing{turn: turnWrite})
	switch q.By() {
	case driver.FindByID:
		return c.findByID(ctx, op, q.ID)
	case driver.FindByBirthDate:
		return c.findByBirthDate(ctx, op, q.BirthDate.Reveal())
	case driver.FindByPhone:
		return c.findByPhone(ctx, op, digitsOf(q.Phone.Reveal()))
	}
	return nil, rejected(op, driver.ReasonInvalid, "ask by exactly one of id, birth date and phone")
}

// findByID does not look at the patient's clinic: whoever has the id has met the
// patient in this one.
func (c *conn) findByID(ctx context.Context, op, id string) ([]driver.Patient, error) {
	p, err := c.readPatient(ctx, op, id)
	if p == nil || err != nil {
		return nil, err
	}
	c.knowPatients([]driver.Patient{*p})
	return []driver.Patient{*p}, nil
}

// readPatient gives nil for a patient who is unknown or deleted. Who is seen to be
// so, or archived, is no longer taken for fit to be written for.
func (c *conn) readPatient(ctx context.Context, op, id string) (*driver.Patient, error) {
	if !isID(id) {
		return nil, nil
	}
	r, err := c.getOne(ctx, call{op: op, path: "/patients/" + id, missing: driver.ReasonPatientNotFound})
	if err != nil && !errors.Is(err, driver.ReasonPatientNotFound) {
		return nil, err
	}
	p, ok := c.patient(r)
	there := err == nil && ok && p.ID == id
	if !there || p.State == driver.PatientArchived {
		c.forgetPatient(id)
	}
	if !there {
		return nil, nil
	}
	return &p, nil
}

func (c *conn) findByBirthDate(ctx context.Context, op string, born driver.Date) ([]driver.Patient, error) {
	if !born.Valid() {
		return nil, rejected(op, driver.ReasonInvalid, "the birth date is not a day of the calendar")
	}
	rows, err := c.all(ctx, c.patientListing(op, url.Values{"Birthdate": {born.String()}}))
	if err != nil {
		return nil, err
	}
	var found []driver.Patient
	for _, r := range rows {
		if p, ok := c.patient(r); ok && p.BirthDate.Reveal() == born {
			found = append(found, p)
		}
	}
	c.knowPatients(found)
	return found, nil
}

// phoneDigits is how many digits of a phone number decide: without the country
// code, which staff leave out.
const phoneDigits = 10

func (c *conn) findByPhone(ctx context.Context, op, digits string) ([]driver.Patient, error) {
	if !c.phoneSupport().Supported {
		return nil, rejected(op, driver.ReasonUnsupported, "by phone needs the permission Queries")
	}
	if len(digits) < 7 {
		return nil, rejected(op, driver.ReasonInvalid, "a phone number has at least seven digits")
	}
	where := "(" + phoneMatches(digits, phoneFields) + ")"
	if c.env.Site != "" {
		where += " AND ClinicNum=" + c.env.Site
	}
	var found []driver.Patient
	for last := "0"; ; {
		rows, err := c.shortQuery(ctx, op, fmt.Sprintf(
			"SELECT PatNum, LName, FName, Preferred, Birthdate, HmPhone, WkPhone, WirelessPhone, Email, PatStatus, SecDateEntry, DateTStamp"+
				" FROM patient WHERE %s AND PatNum > %s ORDER BY PatNum", where, last))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			last = r.id("PatNum")
			if p, ok := c.patient(r); ok {
				found = append(found, p)
			}
		}
		if len(rows) < queryPage || last == "" {
			return found, nil
		}
	}
}

// phoneMatches is the condition that one of the fields ends with the digits that
// decide.
func phoneMatches(digits string, fields []string) string {
	tail := digits[max(0, len(digits)-phoneDigits):]
	var match []string
	for _, field := range fields {
		match = append(match, bareDigits(field)+" LIKE '%"+tail+"'")
	}
	return strings.Join(match, " OR ")
}

var phoneFields = []string{"HmPhone", "WkPhone", "WirelessPhone"}

// bareDigits is a column without what people write between digits.
func bareDigits(column string) string {
	for _, c := range []string{" ", "(", ")", "-", "."} {
		column = "REPLACE(" + column + ",'" + c + "','')"
	}
	return column
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// patientListing is a list of patients in the order of their numbers.
func (c *conn) patientListing(op string, query url.Values) listing {
	if c.env.Site != "" {
		query.Set("ClinicNum", c.env.Site)
	}
	return listing{op: op, path: "/patients/Simple", query: query, key: "PatNum"}
}

// patient reads a row; false for a deleted patient.
func (c *conn) patient(r row) (driver.Patient, bool) { return patientOf(r, c.loc) }

func patientOf(r row, loc *time.Location) (driver.Patient, bool) {
	state, known := patientStates[r.text("PatStatus")]
	p := driver.Patient{
		ID:         r.id("PatNum"),
		FirstName:  r.patientText("FName"),
		LastName:   r.patientText("LName"),
		Preferred:  r.patientText("Preferred"),
		BirthDate:  driver.NewBirthDate(r.date("Birthdate")),
		Email:      r.patientText("Email"),
		State:      state,
		CreatedAt:  r.wall("SecDateEntry", loc),
		ModifiedAt: r.wall("DateTStamp", loc),
	}
	for _, field := range phoneFields {
		if phone := r.patientText(field); !phone.IsEmpty() {
			p.Phones = append(p.Phones, phone)
		}
	}
	return p, known && p.ID != ""
}
