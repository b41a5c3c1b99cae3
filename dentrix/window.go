package dentrix

import (
	"context"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// spanDays is how many days of appointments are read at once: some thousands in a
// large office. Each call reads one day more, so that short ones would be dear.
const spanDays = 31

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
	walk, err := c.walks.Page(ctx, sqlpms.WalkQuery[visit]{
		Name: Name, Op: op, Window: fmt.Sprintf("%d-%d", q.From.Unix(), q.To.Unix()), Token: q.Token, Limit: q.Limit,
		ID: func(v visit) string { return v.ID },
		Start: sqlpms.Days[visit]{
			From: midnight(q.From, c.loc), To: midnight(q.To.Add(-time.Nanosecond), c.loc).AddDate(0, 0, 1), First: spanDays, Most: spanDays,
			Read: func(ctx context.Context, from, to time.Time) ([]visit, error) {
				return c.visitsOf(ctx, op, q, from, to)
			},
		}.Source,
	})
	if err != nil {
		return driver.Page{}, err
	}
	var asOf time.Time
	page := driver.Page{More: walk.More, Next: walk.Next}
	for _, v := range walk.Records {
		page.Appointments = append(page.Appointments, v.Appointment)
		asOf = v.asOf
	}
	page.AsOf = moment(asOf, c.loc, time.Now())
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
