package drivertest

import (
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
)

func findRules() []rule {
	return []rule{
		{
			name:        "find/by-id",
			explanation: "FindPatients by id gives that patient alone, as the PMS stores it; birth date, names and phones are what matching rests on.",
			try:         tryFindByID,
		}, {
			name:        "find/id-exact",
			explanation: "Ids are compared byte for byte: a query with another spelling of an id never gives a patient.",
			try: func(c *checker) {
				s := c.open()
				s.needFind(driver.FindByID)
				id := c.patient()
				for _, other := range []string{"0" + id, id + " ", " " + id, id + ".0"} {
					got, err := s.find(c.ctx, driver.PatientQuery{ID: other})
					if err == nil && len(got) > 0 {
						c.Errorf("the id %q gives the patient with the id %q", other, got[0].ID)
					}
				}
			},
		}, {
			name:        "find/by-birth-date",
			explanation: "FindPatients by birth date gives everybody born that day, twins apart and the archived included, and nobody else: \"exactly one\" can only be decided on a complete list.",
			try:         tryFindByBirthDate,
		}, {
			name:        "find/crowd",
			explanation: "The list is complete however long it is, or an error: a driver that has to stop early fails instead.",
			try: func(c *checker) {
				s := c.open()
				s.needFind(driver.FindByBirthDate)
				want := map[string]bool{}
				for range c.suite.h.crowd() {
					want[c.patient()] = true
				}
				got, err := s.find(c.ctx, driver.PatientQuery{BirthDate: driver.NewBirthDate(born())})
				if err != nil {
					return
				}
				seen := map[string]int{}
				for _, p := range got {
					seen[p.ID]++
				}
				missing, twice := 0, 0
				for id := range want {
					switch n := seen[id]; {
					case n == 0:
						missing++
					case n > 1:
						twice++
					}
				}
				if missing+twice > 0 {
					c.Errorf("%d were born that day: %d are missing, %d came more than once", len(want), missing, twice)
				}
			},
		}, {
			name:        "find/archived",
			explanation: "An archived patient is found, with the State PatientArchived: the engine must not take a patient for new because the record is archived.",
			try: func(c *checker) {
				s := c.open()
				s.needFind(driver.FindByID)
				id := c.patient()
				c.need("Staff.ArchivePatient", c.pms.Staff.ArchivePatient != nil)
				c.pms.Staff.ArchivePatient(id)
				got, err := s.find(c.ctx, driver.PatientQuery{ID: id})
				switch {
				case err != nil:
					c.Errorf("FindPatients: %v", err)
				case len(got) != 1:
					c.Errorf("%d patients, want the archived one", len(got))
				case got[0].State != driver.PatientArchived:
					c.Errorf("the state is %q, want %q", got[0].State, driver.PatientArchived)
				}
			},
		}, {
			name:        "find/deleted",
			explanation: "A deleted patient is not found in any way: what is written to such a record is lost.",
			try: func(c *checker) {
				s := c.open()
				stays, gone := c.patient(), c.patient()
				c.need("Staff.DeletePatient", c.pms.Staff.DeletePatient != nil)
				c.pms.Staff.DeletePatient(gone)
				tried := false
				for _, q := range []driver.PatientQuery{{ID: gone}, {BirthDate: driver.NewBirthDate(born())}, {Phone: driver.NewText(person(1).Phone)}} {
					if !s.info.Find[q.By()].Supported {
						continue
					}
					tried = true
					got, err := s.find(c.ctx, q)
					if err != nil {
						c.Errorf("FindPatients by %s: %v", q.By(), err)
					}
					n := countPatients(got)
					if n[gone] != 0 {
						c.Errorf("the deleted patient is found by %s", q.By())
					}
					if q.ID == "" && n[stays] != 1 {
						c.Errorf("the other patient is found %d times by %s", n[stays], q.By())
					}
				}
				if !tried {
					c.notApplicable("patients cannot be found")
				}
			},
		}, {
			name:        "find/no-birth-date",
			explanation: "A patient whose birth date the PMS does not know has a zero BirthDate, not the date by which the PMS says unknown.",
			try: func(c *checker) {
				s := c.open()
				s.needFind(driver.FindByID)
				c.need("Staff.AddPatient", c.pms.Staff.AddPatient != nil)
				p := person(1)
				p.BirthDate = driver.Date{}
				got, err := s.find(c.ctx, driver.PatientQuery{ID: c.pms.Staff.AddPatient(p)})
				switch {
				case err != nil:
					c.Errorf("FindPatients: %v", err)
				case len(got) != 1:
					c.Errorf("%d patients, want 1", len(got))
				case !got[0].BirthDate.IsZero():
					c.Errorf("the birth date is a date in the year %d", got[0].BirthDate.Reveal().Year)
				}
			},
		}, {
			name:        "find/none",
			explanation: "Nobody is an empty list without an error.",
			try: func(c *checker) {
				s := c.open()
				gone := driver.NewBirthDate(driver.Date{Year: 1908, Month: time.February, Day: 29})
				for _, q := range []driver.PatientQuery{{BirthDate: gone}, {ID: "999999999"}, {Phone: driver.NewText("(907) 555-0199")}} {
					if !s.info.Find[q.By()].Supported {
						continue
					}
					if got, err := s.find(c.ctx, q); err != nil || len(got) != 0 {
						c.Errorf("by %s: %d patients and the error %v, want none and no error", q.By(), len(got), err)
					}
				}
			},
		}, {
			name:        "find/by-phone",
			explanation: "FindPatients by phone gives everybody with that number, however it is written.",
			try:         tryFindByPhone,
		}, {
			name:        "find/illegal",
			explanation: "A query with no field set or several, or by what Info does not support, is ErrRejected; it never gives everybody.",
			try: func(c *checker) {
				s := c.open()
				if _, ok := s.conn.(driver.PatientFinder); !ok {
					c.notApplicable("the connection is no driver.PatientFinder")
				}
				id := c.patient()
				_, err := s.find(c.ctx, driver.PatientQuery{})
				c.rejected("FindPatients with no field set", err)
				_, err = s.find(c.ctx, driver.PatientQuery{ID: id, BirthDate: driver.NewBirthDate(born())})
				c.rejected("FindPatients with two fields set", err)
				for _, q := range []driver.PatientQuery{{ID: id}, {BirthDate: driver.NewBirthDate(born())}, {Phone: driver.NewText(person(1).Phone)}} {
					if !s.info.Find[q.By()].Supported {
						_, err := s.find(c.ctx, q)
						c.rejected(fmt.Sprintf("FindPatients by %s, which Info does not support", q.By()), err, driver.ReasonUnsupported)
					}
				}
			},
		}, {
			name:        "find/fresh",
			explanation: "A patient is found as soon as staff have stored it, on a connection that looked before: a stale list makes a second patient.",
			try: func(c *checker) {
				s := c.open()
				s.needFind(driver.FindByBirthDate)
				q := driver.PatientQuery{BirthDate: driver.NewBirthDate(born())}
				if _, err := s.find(c.ctx, q); err != nil {
					c.Fatalf("FindPatients: %v", err)
				}
				id := c.patient()
				got, err := s.find(c.ctx, q)
				if err != nil {
					c.Fatalf("FindPatients: %v", err)
				}
				if countPatients(got)[id] != 1 {
					c.Errorf("the patient stored a moment ago is not found")
				}
			},
		}, {
			name:        "find/cut",
			explanation: "When the connection breaks in the middle of a list, FindPatients is ErrUnavailable, not the part that came.",
			try: func(c *checker) {
				s := c.open()
				s.needFind(driver.FindByBirthDate)
				want := 0
				for range c.suite.h.crowd() {
					c.patient()
					want++
				}
				c.inject(Fault{Kind: FaultCutMiddle, Call: CallFind})
				got, err := s.find(c.ctx, driver.PatientQuery{BirthDate: driver.NewBirthDate(born())})
				switch {
				case err != nil:
					c.readFails("FindPatients when the connection breaks", err, driver.ErrUnavailable)
				case len(got) < want:
					c.Errorf("the connection broke, and FindPatients gave %d of %d patients without an error", len(got), want)
				}
			},
		},
	}
}

func countPatients(list []driver.Patient) map[string]int {
	out := map[string]int{}
	for _, p := range list {
		out[p.ID]++
	}
	return out
}

func tryFindByID(c *checker) {
	s := c.open()
	s.needFind(driver.FindByID)
	id := c.patient()
	c.patient()
	got, err := s.find(c.ctx, driver.PatientQuery{ID: id})
	if err != nil {
		c.Fatalf("FindPatients: %v", err)
	}
	if len(got) != 1 {
		c.Fatalf("%d patients have the id, want 1", len(got))
	}
	p, want := got[0], person(1)
	if p.ID != id {
		c.Errorf("asked for the id %q, got %q", id, p.ID)
	}
	if p.FirstName.Reveal() != want.First || p.LastName.Reveal() != want.Last {
		c.Errorf("the name is not as stored")
	}
	if p.BirthDate.Reveal() != want.BirthDate {
		c.Errorf("the birth date is not as stored")
	}
	found := false
	for _, phone := range p.Phones {
		found = found || digits(phone.Reveal()) == digits(want.Phone)
	}
	if !found {
		c.Errorf("the phone number is not among the %d that came", len(p.Phones))
	}
	if !p.Email.IsEmpty() && p.Email.Reveal() != want.Email {
		c.Errorf("the email address is not as stored")
	}
	if p.State != driver.PatientActive {
		c.Errorf("the state is %q, want %q", p.State, driver.PatientActive)
	}
	if now := c.pms.now(); !p.CreatedAt.IsZero() && (p.CreatedAt.After(now.Add(time.Minute)) || p.CreatedAt.Before(now.Add(-49*time.Hour))) {
		c.Errorf("stored now (%s by the PMS's clock), and CreatedAt is %s", now, p.CreatedAt)
	}
}

// digits are the last ten of a number, which is all that counts in North America.
func digits(phone string) string {
	var out []byte
	for _, b := range []byte(phone) {
		if b >= '0' && b <= '9' {
			out = append(out, b)
		}
	}
	return string(out[max(0, len(out)-10):])
}

func tryFindByBirthDate(c *checker) {
	s := c.open()
	s.needFind(driver.FindByBirthDate)
	c.need("Staff.AddPatient", c.pms.Staff.AddPatient != nil)
	twin, other, archived := c.patient(), c.patient(), c.patient()
	later := person(9)
	later.BirthDate.Day++
	dayAfter := c.pms.Staff.AddPatient(later)
	unknown := person(10)
	unknown.BirthDate = driver.Date{}
	without := c.pms.Staff.AddPatient(unknown)
	want := []string{twin, other}
	if c.pms.Staff.ArchivePatient != nil {
		c.pms.Staff.ArchivePatient(archived)
		want = append(want, archived)
	}
	got, err := s.find(c.ctx, driver.PatientQuery{BirthDate: driver.NewBirthDate(born())})
	if err != nil {
		c.Fatalf("FindPatients: %v", err)
	}
	n := countPatients(got)
	for _, id := range want {
		if n[id] != 1 {
			c.Errorf("the patient %q, born that day, came %d times", id, n[id])
		}
	}
	if n[dayAfter] != 0 {
		c.Errorf("a patient born the day after came too")
	}
	if n[without] != 0 {
		c.Errorf("a patient without a birth date came too")
	}
}

func tryFindByPhone(c *checker) {
	s := c.open()
	s.needFind(driver.FindByPhone)
	id, sibling := c.patient(), c.patient()
	other := person(9)
	other.Phone = "(907) 555-0100"
	stranger := c.pms.Staff.AddPatient(other)
	for _, form := range []string{"(312) 555-0142", "312-555-0142", "3125550142", "+13125550142"} {
		got, err := s.find(c.ctx, driver.PatientQuery{Phone: driver.NewText(form)})
		if err != nil {
			c.Fatalf("FindPatients by a phone number written %q: %v", shape(form), err)
		}
		n := countPatients(got)
		if n[id] != 1 || n[sibling] != 1 {
			c.Errorf("written as %q, the number's two patients came %d and %d times", shape(form), n[id], n[sibling])
		}
		if n[stranger] != 0 {
			c.Errorf("written as %q, the number gives a patient with another one", shape(form))
		}
	}
}

// shape shows how a number is written without the number.
func shape(phone string) string {
	b := []byte(phone)
	for i := range b {
		if b[i] >= '0' && b[i] <= '9' {
			b[i] = '#'
		}
	}
	return string(b)
}
