package eaglesoft

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Eaglesoft marks no changes: neither the table of patients nor that of
// appointments has a column for them. New patients show by the day on which they
// were entered. Appointments are read by windows.

// daysBack is how many days before the last one patients are asked for again: one
// is stored before its transaction ends, and clocks of workstations differ.
const daysBack = 1

// cursor is what [driver.Page].Next holds, as JSON. Days are the practice's, by the
// PMS's clock.
type cursor struct {
	Feed string `json:"q"`
	// Since is the day from which on patients were entered, and Full the moment of
	// the cursor from which the full pass is counted.
	Since string `json:"d"`
	Full  int64  `json:"f"`
	// Key is the id after which a run of pages goes on, and End the day of its end.
	Key string `json:"k,omitempty"`
	End string `json:"e,omitempty"`
}

func (cur cursor) String() string {
	b, _ := json.Marshal(cur) // strings and numbers only
	return string(b)
}

func parseCursor(op, s string) (cursor, error) {
	var cur cursor
	bad := expired(op, "the cursor is not one of this feed")
	if err := json.Unmarshal([]byte(s), &cur); err != nil || cur.Feed != "patients" || cur.Full <= 0 || cur.Key != "" && !isPatientID(cur.Key) {
		return cursor{}, bad
	}
	for _, day := range []string{cur.Since, cur.End} {
		if d, err := driver.ParseDate(day); err != nil || day == cur.Since && !d.Valid() {
			return cursor{}, bad
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
	if feedOf(q.Feed) != "patients" {
		return driver.Page{}, rejected(op, driver.ReasonUnsupported, "the PMS marks no changes of this feed")
	}
	s, err := c.supported(ctx, op, tPatient)
	if err != nil {
		return driver.Page{}, err
	}
	cur := cursor{Feed: "patients"}
	if q.Cursor != "" {
		if cur, err = parseCursor(op, q.Cursor); err != nil {
			return driver.Page{}, err
		}
	}
	// The clock is read before the rows: what they lack was stored later.
	now, err := c.clock(ctx, op)
	if err != nil {
		return driver.Page{}, err
	}
	today := driver.DateOf(now)
	next := cursor{Feed: cur.Feed, Since: driver.DateOf(now.AddDate(0, 0, -daysBack)).String(), Full: cur.Full}
	if q.Cursor == "" {
		next.Full = now.Unix()
		return driver.Page{Next: next.String(), AsOf: now}, nil
	}
	switch since, _ := driver.ParseDate(cur.Since); {
	case before(today, since):
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
	want := pageSize(q.Limit)
	rows, err := c.db.first(ctx, op, want+1, c.selectPatients(s)+where+` ORDER BY "patient_id"`, args...)
	if err != nil {
		return driver.Page{}, err
	}
	page := driver.Page{AsOf: now, More: len(rows) > want}
	if page.More {
		rows = rows[:want]
		cur.Key = rows[want-1].text("patient_id")
		next = cur
	}
	page.Patients, page.Next = c.patients(rows), next.String()
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
