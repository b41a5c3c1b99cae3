package opendental

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// firstDays is how many days of appointments are read at first.
const firstDays = 7

// sqlWindows are the walks through days that are not finished, oldest first.
type sqlWindows struct {
	count int64
	open  []*dayWalk
}

// dayWalk is a walk through appointments by days. Days are read whole, so that
// the index on the date serves without sorting; what was given is remembered, so
// that an appointment that is moved to a later day does not come twice.
type dayWalk struct {
	id       string
	page     int
	from, to time.Time
	day, end time.Time // wall days: the next one, and the first one behind the window
	span     int       // days to read at once
	seen     map[string]bool
	waiting  []driver.Appointment
	asOf     time.Time
}

func (w *dayWalk) token() string { return w.id + "." + strconv.Itoa(w.page) }

// ReadWindow implements [driver.WindowReader].
func (c *sqlConn) ReadWindow(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	const op = "read window"
	switch feedOf(q.Feed) {
	case "appointments":
		s, err := c.supported(ctx, op, c.noAppointments)
		if err != nil {
			return driver.Page{}, err
		}
		return c.appointmentWindow(ctx, op, s, q)
	case "patients":
		s, err := c.supported(ctx, op, c.noPatients)
		if err != nil {
			return driver.Page{}, err
		}
		return c.patientWindow(ctx, op, s, q)
	case "photos":
		return c.photoWindow(ctx, op, q)
	}
	return driver.Page{}, rejected(op, driver.ReasonUnsupported, "there is no such feed")
}

func (c *sqlConn) appointmentWindow(ctx context.Context, op string, s *sqlSchema, q driver.WindowQuery) (driver.Page, error) {
	w, err := c.takeWalk(op, q)
	if err != nil {
		return driver.Page{}, err
	}
	want := sqlpms.PageSize(q.Limit)
	for len(w.waiting) == 0 && w.day.Before(w.end) {
		if err := c.readDays(ctx, op, s, w, want); err != nil {
			c.keepWalk(w) // the token stays good
			return driver.Page{}, err
		}
	}
	n := min(want, len(w.waiting))
	page := driver.Page{Appointments: w.waiting[:n:n], AsOf: w.asOf}
	w.waiting = w.waiting[n:]
	if len(w.waiting) > 0 || w.day.Before(w.end) {
		w.page++
		c.keepWalk(w)
		page.More, page.Next = true, w.token()
	}
	return page, nil
}

// takeWalk begins a walk, or takes the one that goes with the token out of the
// open ones, so that no two calls are on it.
func (c *sqlConn) takeWalk(op string, q driver.WindowQuery) (*dayWalk, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q.Token == "" {
		if !q.From.Before(q.To) {
			return nil, rejected(op, driver.ReasonInvalid, "the window of appointments needs From before To")
		}
		c.windows.count++
		from, to := driver.DateOf(q.From.In(c.loc)), driver.DateOf(q.To.Add(-time.Nanosecond).In(c.loc))
		return &dayWalk{
			id: "s" + strconv.FormatInt(c.windows.count, 10), from: q.From, to: q.To,
			day: from.In(wall), end: to.In(wall).AddDate(0, 0, 1), span: firstDays, seen: map[string]bool{},
		}, nil
	}
	for i, w := range c.windows.open {
		if w.token() == q.Token && w.from.Equal(q.From) && w.to.Equal(q.To) {
			c.windows.open = slices.Delete(c.windows.open, i, i+1)
			return w, nil
		}
	}
	return nil, failure(op, driver.ErrCursorExpired, driver.ReasonNone, "the token is not one of a walk through this window on this connection")
}

func (c *sqlConn) keepWalk(w *dayWalk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.windows.open = append(c.windows.open, w)
	if len(c.windows.open) > openWalks {
		c.windows.open = slices.Delete(c.windows.open, 0, 1)
	}
}

// readDays reads the next days, as many as make about a page.
func (c *sqlConn) readDays(ctx context.Context, op string, s *sqlSchema, w *dayWalk, want int) error {
	last := w.day.AddDate(0, 0, w.span)
	if last.After(w.end) {
		last = w.end
	}
	// The states are named so that the index StatusDate serves as well.
	rows, err := c.query(ctx, op, "SELECT UNIX_TIMESTAMP() AS ServerNow, "+s.selected("appointment")+
		" FROM appointment a WHERE a.AptStatus IN (1,2,3,4,5) AND a.AptDateTime>='"+formatWall(w.day, wall)+
		"' AND a.AptDateTime<'"+formatWall(last, wall)+"'"+c.site("a"))
	if err != nil {
		return err
	}
	w.day = last
	switch {
	case len(rows) < want/2:
		w.span = min(w.span*2, 3660)
	case len(rows) > 2*want:
		w.span = max(w.span/2, 1)
	}
	for _, a := range c.appointments(rows) {
		if w.seen[a.ID] || a.Start.Before(w.from) || !a.Start.Before(w.to) {
			continue
		}
		w.seen[a.ID] = true
		w.waiting = append(w.waiting, a)
	}
	if len(rows) > 0 {
		w.asOf = rows[0].epoch("ServerNow")
	}
	return nil
}

// patientWindow reads a page of all patients; the token is the last number.
func (c *sqlConn) patientWindow(ctx context.Context, op string, s *sqlSchema, q driver.WindowQuery) (driver.Page, error) {
	last := "0"
	if q.Token != "" {
		var ok bool
		if last, ok = strings.CutPrefix(q.Token, "patient."); !ok || !isID(last) {
			return driver.Page{}, failure(op, driver.ErrCursorExpired, driver.ReasonNone, "the token is not one of this feed")
		}
	}
	for want := sqlpms.PageSize(q.Limit); ; {
		rows, err := c.query(ctx, op, "SELECT UNIX_TIMESTAMP() AS ServerNow, "+s.selected("patient")+
			" FROM patient p WHERE p.PatNum>"+last+c.site("p")+" ORDER BY p.PatNum LIMIT "+strconv.Itoa(want))
		if err != nil || len(rows) == 0 {
			return driver.Page{}, err
		}
		page := driver.Page{Patients: c.patients(rows), More: len(rows) == want, AsOf: rows[0].epoch("ServerNow")}
		last = rows[len(rows)-1].id("PatNum")
		if page.More {
			page.Next = "patient." + last
		}
		if page.Len() > 0 || !page.More {
			return page, nil
		}
	}
}
