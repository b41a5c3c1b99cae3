package drivertest

import (
	"github.com/pmswriteback/pms/driver"
)

// maxPages bounds a walk: a driver whose More never ends shall fail, not hang.
const maxPages = 500

// walked is what a walk over pages gave.
type walked struct {
	// ids counts how often each record came; deleted, how often each was said
	// to be gone.
	ids, deleted map[string]int
	// The latest form of each record.
	appointments map[string]driver.Appointment
	patients     map[string]driver.Patient
	photos       map[string]driver.Photo
	// stale counts appointments of which two copies in the walk differ.
	states map[string][]string
	next   string
	pages  int
}

func newWalked() *walked {
	return &walked{
		ids: map[string]int{}, deleted: map[string]int{}, appointments: map[string]driver.Appointment{},
		patients: map[string]driver.Patient{}, photos: map[string]driver.Photo{}, states: map[string][]string{},
	}
}

func (w *walked) add(p driver.Page) {
	w.pages++
	for _, a := range p.Appointments {
		w.ids[a.ID]++
		w.appointments[a.ID] = a
		w.states[a.ID] = append(w.states[a.ID], a.Status)
	}
	for _, pt := range p.Patients {
		w.ids[pt.ID]++
		w.patients[pt.ID] = pt
	}
	for _, ph := range p.Photos {
		w.ids[ph.ID]++
		w.photos[ph.ID] = ph
	}
	for _, id := range p.Deleted {
		w.deleted[id]++
	}
	w.next = p.Next
}

// baseline sets a baseline for a feed and returns its cursor.
func (s *session) baseline(feed driver.Feed) string {
	page, err := s.changes(s.c.ctx, driver.ChangesQuery{Feed: feed})
	if err != nil {
		s.c.Fatalf("ReadChanges(%s) without a cursor: %v", feed, err)
	}
	if page.Next == "" {
		s.c.Fatalf("ReadChanges(%s) without a cursor gives no cursor", feed)
	}
	return page.Next
}

// walkChanges reads from a cursor to the end.
func (s *session) walkChanges(feed driver.Feed, cursor string, limit int) *walked {
	w := newWalked()
	w.next = cursor
	for more := true; more; {
		page, err := s.changes(s.c.ctx, driver.ChangesQuery{Feed: feed, Cursor: w.next, Limit: limit})
		if err != nil {
			s.c.Fatalf("ReadChanges(%s), page %d: %v", feed, w.pages+1, err)
		}
		if page.Next == "" {
			s.c.Fatalf("ReadChanges(%s), page %d: Next is empty", feed, w.pages+1)
		}
		w.add(page)
		if more = page.More; more && w.pages >= maxPages {
			s.c.Fatalf("ReadChanges(%s): More is still set after %d pages", feed, w.pages)
		}
	}
	return w
}

// walkWindow reads a window to the end, from wherever q.Token says.
func (s *session) walkWindow(q driver.WindowQuery) *walked {
	w := newWalked()
	for more := true; more; {
		page, err := s.window(s.c.ctx, q)
		if err != nil {
			s.c.Fatalf("ReadWindow(%s), page %d: %v", q.Feed, w.pages+1, err)
		}
		w.add(page)
		q.Token = page.Next
		if more = page.More; more && page.Next == "" {
			s.c.Fatalf("ReadWindow(%s), page %d: More is set, and Next is empty", q.Feed, w.pages)
		}
		if more && w.pages >= maxPages {
			s.c.Fatalf("ReadWindow(%s): More is still set after %d pages", q.Feed, w.pages)
		}
	}
	return w
}

// events prepares n changes in a feed. Each func makes one and returns the id of
// the record that shows it; the preparation is done before, so that a baseline
// can be set in between.
func (s *session) events(feed driver.Feed, n int) []func() string {
	c, staff := s.c, s.c.pms.Staff
	var out []func() string
	switch feed {
	case driver.AppointmentFeed:
		c.need("Staff.AddAppointment", staff.AddAppointment != nil)
		patient := c.patient()
		for i := range n {
			out = append(out, func() string { return c.visitAt(s, patient, "", c.tomorrow(8+i, 0)) })
		}
	case driver.AppointmentStatusFeed:
		c.need("Staff.SetStatus", staff.SetStatus != nil)
		patient, two := c.patient(), s.statuses(2)
		for i := range n {
			id := c.visitAt(s, patient, two[0], c.tomorrow(8+i, 0))
			out = append(out, func() string { staff.SetStatus(id, two[1]); return id })
		}
	case driver.PatientFeed:
		c.need("Staff.AddPatient", staff.AddPatient != nil)
		for range n {
			out = append(out, c.patient)
		}
	case driver.PhotoFeed:
		c.need("Staff.AddPhoto", staff.AddPhoto != nil)
		for i := range n {
			patient, content := c.patient(), picture(c, i+1)
			out = append(out, func() string { return staff.AddPhoto(patient, content) })
		}
	}
	c.tick(s)
	return out
}

// has fails the case for every record that a walk lacks.
func (w *walked) has(c *checker, what string, want ...string) {
	c.Helper()
	for _, id := range want {
		if w.ids[id] == 0 {
			c.Errorf("%s: the record %q is not in the %d pages", what, id, w.pages)
		}
	}
}
