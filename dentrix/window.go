package dentrix

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

const (
	// pageRows is how many records a page has when nobody says, and pageMost how
	// many it has at the most.
	pageRows = 500
	pageMost = 5000
	// spanDays is how many days of appointments are read at once: some thousands in a
	// large office. Each call reads one day more, so that short ones would be dear.
	spanDays = 31
)

func pageSize(limit int) int {
	if limit <= 0 {
		return pageRows
	}
	return min(limit, pageMost)
}

// ReadWindow implements [driver.WindowReader].
func (c *conn) ReadWindow(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	const op = "read window"
	p := c.known()
	f := c.feeds(p)[q.Feed]
	switch {
	case !f.Supported || !f.Window:
		return driver.Page{}, rejected(op, driver.ReasonUnsupported, "")
	case q.Feed == driver.PatientFeed:
		return c.patientWindow(ctx, op, p, q)
	case !q.From.Before(q.To):
		return driver.Page{}, rejected(op, driver.ReasonInvalid, "the window of appointments needs From before To")
	}
	// A token is good for its own window alone.
	of := fmt.Sprintf("%d-%d.", q.From.Unix(), q.To.Unix())
	token, ok := strings.CutPrefix(q.Token, of)
	if !ok && q.Token != "" {
		return driver.Page{}, expired(op, "the token is not one of a walk through this window")
	}
	var asOf time.Time
	walk, err := c.walks.Page(ctx, Name, op, token, pageSize(q.Limit), func(v visit) string { return v.ID }, func() sqlpms.Source[visit] {
		day, end := midnight(q.From, c.loc), midnight(q.To.Add(-time.Nanosecond), c.loc).AddDate(0, 0, 1)
		return func(ctx context.Context, _ int) ([]visit, bool, error) {
			to := day.AddDate(0, 0, spanDays)
			if to.After(end) {
				to = end
			}
			found, err := c.visitsOf(ctx, op, q, day, to)
			if err != nil {
				return nil, false, err
			}
			day = to
			return found, !day.Before(end), nil
		}
	})
	if err != nil {
		return driver.Page{}, err
	}
	page := driver.Page{More: walk.More}
	for _, v := range walk.Records {
		page.Appointments = append(page.Appointments, v.Appointment)
		asOf = v.asOf
	}
	page.AsOf = moment(asOf, c.loc, time.Now())
	if walk.More {
		page.Next = of + walk.Next
	}
	return page, nil
}

// midnight is the wall time at which the day of a moment begins.
func midnight(t time.Time, loc *time.Location) time.Time {
	return driver.DateOf(t.In(loc)).In(time.UTC)
}

// visitsOf reads the appointments of some days that lie in the window. Whether the
// procedure includes the last day is not documented, so that it is asked for one more.
func (c *conn) visitsOf(ctx context.Context, op string, q driver.WindowQuery, from, to time.Time) ([]visit, error) {
	first, last := driver.DateOf(from), driver.DateOf(to.Add(-time.Nanosecond))
	var found []visit
	var err error
	if p := c.known(); p.noChanges == "" {
		found, err = called(ctx, c.db, op, sqlpms.SQL(appointmentsCall(first, addDays(last, 1), time.Time{})), c.visit)
	} else {
		found, err = all(ctx, c.db, op, sqlpms.SQL("SELECT "+p.selected(appointmentView)+" FROM admin.v_appt WHERE appointment_date >= "+
			sqlpms.DateLiteral(first)+" AND appointment_date <= "+sqlpms.DateLiteral(last)), c.visit)
	}
	if err != nil {
		return nil, err
	}
	in := found[:0]
	for _, v := range found {
		if !v.day.IsZero() && !dayBefore(last, v.day) && !v.Start.Before(q.From) && v.Start.Before(q.To) {
			in = append(in, v)
		}
	}
	return in, nil
}

func dayBefore(a, b driver.Date) bool { return a.In(time.UTC).Before(b.In(time.UTC)) }
