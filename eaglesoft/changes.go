package eaglesoft

import (
	"context"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// Eaglesoft marks no changes: neither the table of patients nor that of
// appointments has a column for them. New patients show by the day on which they
// were entered. Appointments are read by windows.

// daysBack is how many days before the last one patients are asked for again: one
// is stored before its transaction ends, and clocks of workstations differ.
const daysBack = 1

// cursor is what a cursor of patients remembers. Days are the practice's, by the
// PMS's clock.
type cursor struct {
	// Since is the day from which on patients were entered, and Full the moment of
	// the cursor from which the full pass is counted.
	Since string `json:"d"`
	Full  int64  `json:"f"`
	// Key is the id after which a run of pages goes on, and End the day of its end.
	Key string `json:"k,omitempty"`
	End string `json:"e,omitempty"`
}

// source is the set-up of which a cursor is: other tables and another site have
// other patients.
func (c *conn) source() string { return c.cfg.Owner + "/" + c.env.Site }

func (c *conn) format(cur cursor) string { return sqlpms.FormatCursor(patientRows, c.source(), cur) }

func (c *conn) parseCursor(op, s string) (cur cursor, err error) {
	if err := sqlpms.ParseCursor(Name, op, patientRows, c.source(), s, &cur); err != nil {
		return cur, err
	}
	bad := expired(op, "the cursor is not one of this feed")
	if cur.Full <= 0 || cur.Key != "" && !isPatientID(cur.Key) {
		return cur, bad
	}
	for _, day := range []string{cur.Since, cur.End} {
		if d, err := driver.ParseDate(day); err != nil || day == cur.Since && !d.Valid() {
			return cur, bad
		}
	}
	return cur, nil
}

// ReadChanges implements [driver.ChangeReader] for new patients. Everybody entered
// on the last day or the one before comes each time, as the contract allows: the
// engine knows whom it has told of. After [Config.FullPass] the cursor is expired,
// so that the engine looks through all patients.
func (c *conn) ReadChanges(ctx context.Context, q driver.ChangesQuery) (driver.Page, error) {
	const op = "read changes"
	if feedOf(q.Feed) != patientRows {
		return driver.Page{}, rejected(op, driver.ReasonUnsupported, "the PMS marks no changes of this feed")
	}
	s, err := c.supported(ctx, op, tPatient)
	if err != nil {
		return driver.Page{}, err
	}
	var cur cursor
	if q.Cursor != "" {
		if cur, err = c.parseCursor(op, q.Cursor); err != nil {
			return driver.Page{}, err
		}
	}
	// The clock is read before the rows: what they lack was stored later.
	now, err := c.clock(ctx, op)
	if err != nil {
		return driver.Page{}, err
	}
	today := driver.DateOf(now)
	next := cursor{Since: driver.DateOf(now.AddDate(0, 0, -daysBack)).String(), Full: cur.Full}
	if q.Cursor == "" {
		next.Full = now.Unix()
		return driver.Page{Next: c.format(next), AsOf: now}, nil
	}
	switch since, _ := driver.ParseDate(cur.Since); {
	case today.In(time.UTC).Before(since.In(time.UTC)):
		return driver.Page{}, expired(op, "the database server's clock was set back")
	case cur.Key == "" && now.Sub(time.Unix(cur.Full, 0)) >= c.cfg.fullPass():
		return driver.Page{}, expired(op, "it is time to look through all patients")
	}
	if cur.End == "" {
		cur.End = next.Since
	}
	next.Since = cur.End
	where, args := ` WHERE "date_entered" >= ?`, []any{cur.Since}
	if cur.Key != "" {
		// Padded, it lies behind the id in both forms in which that may be stored.
		_, padded := idForms(cur.Key, patientWidth)
		where, args = where+` AND "patient_id" > ?`, append(args, padded)
	}
	want := sqlpms.PageSize(q.Limit)
	rows, err := c.db.first(ctx, op, want+1, c.selectPatients(s)+where+` ORDER BY "patient_id"`, args...)
	if err != nil {
		return driver.Page{}, err
	}
	page := driver.Page{AsOf: now}
	if len(rows) > want {
		rows = rows[:want]
		before := cur.Key
		for _, r := range rows {
			if id := r.text("patient_id"); isPatientID(id) {
				cur.Key = id
			}
		}
		// A page of nothing but ids that no patient can have leads nowhere; the full
		// pass reads what lies behind it.
		if page.More = cur.Key != before; page.More {
			next = cur
		}
	}
	page.Patients, page.Next = c.patients(rows), c.format(next)
	return page, problem(op, rows)
}

// clock is the wall time that the database server shows, which Eaglesoft stamps
// with, in the practice's zone.
func (c *conn) clock(ctx context.Context, op string) (time.Time, error) {
	return c.clockBy(ctx, c.db, op)
}

func (c *conn) clockBy(ctx context.Context, q querier, op string) (time.Time, error) {
	rows, err := q.query(ctx, op, "SELECT GETDATE() AS now_wall")
	if err != nil {
		return time.Time{}, err
	}
	if len(rows) == 0 || rows[0].Wall("now_wall").IsZero() {
		return time.Time{}, unavailable(op, "the database does not tell its time")
	}
	return rows[0].Moment("now_wall", c.loc), nil
}
