package eaglesoft

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/pmswriteback/pms/driver"
)

const (
	// pageOf is how many records a page has when nobody says, and mostOnPage how
	// many it has at the most.
	pageOf     = 500
	mostOnPage = 5000
	// firstDays is how many days of appointments are read at first, and mostDays how
	// many at the most.
	firstDays = 7
	mostDays  = 112
	// keptWalks bounds the walks that nobody finished.
	keptWalks = 8
)

func pageSize(limit int) int {
	if limit <= 0 {
		return pageOf
	}
	return min(limit, mostOnPage)
}

// walk is a walk through a window that is not finished. There is no way to ask SQL
// Anywhere and this driver's other engines alike for a number of rows: what is read
// is bounded by days or keys, and what a page does not take waits.
type walk struct {
	id       string
	page     int
	feed     string
	from, to time.Time
	sites    map[string]string

	// Appointments: the next day and the first one behind the window (days of the
	// practice), how many to read at once, what was given and what waits.
	day, end driver.Date
	span     int
	seen     map[string]bool
	waiting  []driver.Appointment

	// Patients: the ids, as they are stored, that are still to be read.
	ids []string
}

func (w *walk) token() string { return w.id + "." + strconv.Itoa(w.page) }

// ReadWindow implements [driver.WindowReader].
func (c *conn) ReadWindow(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	const op = "read window"
	feed := feedOf(q.Feed)
	var next func(context.Context, string, *walk, int) (driver.Page, bool, error)
	var begin func(context.Context, string, *walk) error
	var err error
	switch feed {
	case "appointments":
		next, begin = c.nextAppointments, c.beginAppointments
		_, err = c.supported(ctx, op, tAppointment, tAppointmentProvider)
	case "patients":
		next, begin = c.nextPatients, c.beginPatients
		_, err = c.supported(ctx, op, tPatient)
	default:
		err = rejected(op, driver.ReasonUnsupported, "there is no such feed")
	}
	if err != nil {
		return driver.Page{}, err
	}
	w, err := c.takeWalk(op, feed, q)
	if err != nil {
		return driver.Page{}, err
	}
	if q.Token == "" {
		if err := begin(ctx, op, w); err != nil {
			return driver.Page{}, err
		}
	}
	page, more, err := next(ctx, op, w, pageSize(q.Limit))
	if err != nil {
		c.keepWalk(w) // the token stays good
		return driver.Page{}, err
	}
	if more {
		w.page++
		c.keepWalk(w)
		page.More, page.Next = true, w.token()
	}
	return page, nil
}

// feedOf names the records of a feed.
func feedOf(f driver.Feed) string {
	switch f {
	case driver.AppointmentFeed, driver.AppointmentStatusFeed:
		return "appointments"
	case driver.PatientFeed:
		return "patients"
	}
	return ""
}

// takeWalk begins a walk, or takes the one of the token out of the list.
func (c *conn) takeWalk(op, feed string, q driver.WindowQuery) (*walk, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q.Token == "" {
		c.walked++
		return &walk{id: strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.FormatInt(c.walked, 36), feed: feed, from: q.From, to: q.To}, nil
	}
	for i, w := range c.walks {
		if w.token() == q.Token && w.feed == feed && w.from.Equal(q.From) && w.to.Equal(q.To) {
			c.walks = slices.Delete(c.walks, i, i+1)
			return w, nil
		}
	}
	return nil, expired(op, "the token is not of a walk on this connection")
}

func (c *conn) keepWalk(w *walk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.walks) >= keptWalks {
		c.walks = slices.Delete(c.walks, 0, 1)
	}
	c.walks = append(c.walks, w)
}

func (c *conn) beginAppointments(ctx context.Context, op string, w *walk) (err error) {
	w.seen, w.span = map[string]bool{}, firstDays
	w.day = driver.DateOf(w.from.In(c.loc))
	w.end = nextDay(driver.DateOf(w.to.In(c.loc)))
	if !w.from.Before(w.to) {
		w.end = w.day
	}
	w.sites, err = c.sites(ctx, op)
	return err
}

// nextAppointments reads whole days until something is there. What was given is
// remembered, so that an appointment that is moved to a later day meanwhile does
// not come twice.
func (c *conn) nextAppointments(ctx context.Context, op string, w *walk, want int) (driver.Page, bool, error) {
	for len(w.waiting) == 0 && before(w.day, w.end) {
		to := driver.DateOf(w.day.In(time.UTC).AddDate(0, 0, w.span))
		if before(w.end, to) {
			to = w.end
		}
		rows, err := c.db.query(ctx, op, c.selectAppointments()+` WHERE a."start_time" >= ? AND a."start_time" < ?`+
			` ORDER BY a."start_time", a."appointment_id", p."provider_id"`, w.day.String(), to.String())
		if err != nil {
			return driver.Page{}, false, err
		}
		list := c.appointments(rows, w.sites)
		if err := problem(op, rows); err != nil {
			return driver.Page{}, false, err
		}
		for _, a := range list {
			// Exact to the moment: days are read whole, and the hour that comes twice when
			// summer time ends has two places in a window.
			if !w.seen[a.ID] && !a.Start.Before(w.from) && a.Start.Before(w.to) {
				w.seen[a.ID] = true
				w.waiting = append(w.waiting, a)
			}
		}
		if w.day = to; len(rows) < pageOf {
			w.span = min(2*w.span, mostDays)
		}
	}
	n := min(want, len(w.waiting))
	page := driver.Page{Appointments: w.waiting[:n:n]}
	w.waiting = w.waiting[n:]
	return page, len(w.waiting) > 0 || before(w.day, w.end), nil
}

func before(a, b driver.Date) bool { return a.In(time.UTC).Before(b.In(time.UTC)) }

// beginPatients reads the ids of all patients, which are five characters each: the
// pages are then ranges of ids with two ends.
func (c *conn) beginPatients(ctx context.Context, op string, w *walk) error {
	rows, err := c.db.query(ctx, op, `SELECT "patient_id" FROM `+c.db.from(tPatient)+` WHERE "patient_id" >= ? ORDER BY "patient_id"`, "")
	if err != nil {
		return err
	}
	for _, r := range rows {
		w.ids = append(w.ids, r.Stored("patient_id"))
	}
	return nil
}

func (c *conn) nextPatients(ctx context.Context, op string, w *walk, want int) (driver.Page, bool, error) {
	s, err := c.schema(ctx, op)
	if err != nil {
		return driver.Page{}, false, err
	}
	for len(w.ids) > 0 {
		n := min(want, len(w.ids))
		rows, err := c.db.query(ctx, op, c.selectPatients(s)+` WHERE "patient_id" >= ? AND "patient_id" <= ? ORDER BY "patient_id"`, w.ids[0], w.ids[n-1])
		if err != nil {
			return driver.Page{}, false, err
		}
		page := driver.Page{Patients: c.patients(rows)}
		if err := problem(op, rows); err != nil {
			return driver.Page{}, false, err
		}
		if w.ids = w.ids[n:]; page.Len() > 0 {
			return page, len(w.ids) > 0, nil
		}
	}
	return driver.Page{}, false, nil
}
