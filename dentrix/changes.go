package dentrix

import (
	"context"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// The days between which changed appointments are looked for. The procedure wants a
// range, and selects by the time of the change.
var (
	earliestDay = driver.Date{Year: 1990, Month: time.January, Day: 1}
	latestDay   = driver.Date{Year: 2099, Month: time.December, Day: 31}
)

// oneCall makes a run of pages out of one span of time: the procedure takes no end of
// the span, so that several would read the same again.
const oneCall = 100 * 365 * 24 * time.Hour

// ReadChanges implements [driver.ChangeReader].
func (c *conn) ReadChanges(ctx context.Context, q driver.ChangesQuery) (driver.Page, error) {
	const op = "read changes"
	p := c.known()
	if f := c.feeds(p)[q.Feed]; !f.Supported || !f.Changes {
		return driver.Page{}, rejected(op, driver.ReasonUnsupported, "")
	}
	if q.Feed == driver.PatientFeed {
		return c.newPatients(ctx, op, p, q)
	}
	return c.changedAppointments(ctx, op, p, q)
}

// changedAppointments reads what has changed since a little before the cursor, by the
// office's clock, which is asked before the rows are read.
func (c *conn) changedAppointments(ctx context.Context, op string, p *probed, q driver.ChangesQuery) (driver.Page, error) {
	now, err := c.askClock(ctx, op, p.option)
	if err != nil {
		return driver.Page{}, err
	}
	if now.IsZero() {
		return driver.Page{}, unavailable(op, "the database does not tell its time")
	}
	marks := sqlpms.Marks[driver.Appointment]{
		Name: Name, Feed: "appointments", Source: "sp_appointments", Location: c.loc, Step: oneCall, Overlap: c.cfg.overlap(),
		Now: func(context.Context) (time.Time, error) { return now, nil },
		Read: func(ctx context.Context, from, _ time.Time) ([]sqlpms.Marked[driver.Appointment], error) {
			return called(ctx, c.db, op, sqlpms.SQL(appointmentsCall(earliestDay, latestDay, from)), func(r *sqlpms.Row) sqlpms.Marked[driver.Appointment] {
				return sqlpms.Marked[driver.Appointment]{At: r.Wall("modified_time_stamp"), Record: c.visit(r).Appointment}
			})
		},
	}
	page, err := marks.Page(ctx, op, q.Cursor, q.Limit)
	if err != nil {
		return driver.Page{}, err
	}
	return driver.Page{Appointments: page.Records, Next: page.Next, More: page.More, AsOf: moment(now, c.loc, time.Now())}, nil
}
