package opendental

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Changes are found by DateTStamp, which the server sets at each change: the
// moment at which the statement began, in whole seconds. A row may be seen later
// than its stamp says, because its statement waited for a lock or its transaction
// was still open. A cursor therefore lies so far before the server's clock that
// what is under way is in time, and rows of these seconds come more than once.
const (
	// A MyISAM table is written by one at a time.
	slackMyISAM = 10 * time.Second
	// An InnoDB statement waits up to 50 s for a row (innodb_lock_wait_timeout).
	slackInnoDB = 60 * time.Second
	// stepBack is how far the server's clock may lie behind what it showed before
	// until it counts as set back.
	stepBack = 2 * time.Second
	// catchUp is how much time a page covers at the most, so that a long absence
	// does not make the server sort everything since.
	catchUp = 24 * time.Hour
)

func (s *sqlSchema) slack(table string) time.Duration {
	if s.engines[table] == "myisam" {
		return slackMyISAM
	}
	return slackInnoDB // or another one with transactions
}

// sqlCursor is what [driver.Page].Next holds, as JSON. Times are seconds since
// 1970, which do not depend on a zone. It is no cursor of the API, nor the other
// way round: whoever changes the set-up reads a window.
type sqlCursor struct {
	Feed string `json:"q"`
	// Since is from when changes are asked for, and Now what the server's clock
	// showed when the cursor was made.
	Since int64 `json:"s"`
	Now   int64 `json:"n"`
	// Within a run of pages: where it ends, how it is read, and the stamp and key
	// of the last row.
	End   int64  `json:"e,omitempty"`
	Way   runWay `json:"w,omitempty"`
	Stamp int64  `json:"t,omitempty"`
	Key   int64  `json:"k,omitempty"`
	// Place is a wall time or a day that a run has come to; see history and net.
	Place string `json:"p,omitempty"`
	// Net is up to when changes were last looked for without the help of an index
	// or a history.
	Net int64 `json:"c,omitempty"`
	// All is when everything was last told, changed or not.
	All int64 `json:"a,omitempty"`
	// Mark is about keys of rows that are only ever added.
	Mark keyMark `json:"m,omitzero"`
}

// runWay is how a run of pages is read. One that was begun in another way, before
// the office's program was updated, begins anew.
type runWay string

const (
	byStamp   runWay = ""
	byHistory runWay = "h"
	byNet     runWay = "n"
)

// begin starts a run in the first of some ways, or keeps to the run that is under
// way in one of them.
func (cur sqlCursor) begin(now int64, ways ...runWay) sqlCursor {
	if cur.End == 0 || !slices.Contains(ways, cur.Way) {
		cur.End, cur.Way, cur.Stamp, cur.Key, cur.Place = now, ways[0], 0, 0, ""
	}
	return cur
}

func (cur sqlCursor) String() string {
	b, _ := json.Marshal(cur) // strings and numbers only
	return string(b)
}

func parseSQLCursor(op, feed, s string) (sqlCursor, error) {
	var cur sqlCursor
	if err := json.Unmarshal([]byte(s), &cur); err != nil || cur.Feed != feed || cur.Since <= 0 || cur.Now < cur.Since ||
		cur.End < 0 || cur.End > 0 && cur.End < cur.Since || cur.Stamp < 0 || cur.Stamp > cur.End || cur.Key < 0 || cur.Mark.Low < 0 ||
		cur.Net < 0 || cur.Net > cur.Now || cur.All < 0 || cur.All > cur.Now || cur.Place != "" && parseWall(cur.Place, wall).IsZero() {
		return sqlCursor{}, expired(op, "the cursor is not one of this feed and set-up")
	}
	return cur, nil
}

func expired(op, why string) error {
	return failure(op, driver.ErrCursorExpired, driver.ReasonNone, why)
}

// keyMark remembers up to which key rows were seen. A row whose key was given out
// may be committed after one with a higher key, so that a mark becomes good only
// when it is old enough.
type keyMark struct {
	Low  int64 `json:"l"` // everything up to it has been seen
	High int64 `json:"h"` // the highest key at Seen
	Seen int64 `json:"t"`
}

// keysBack is how many keys a first mark lies before the highest, for rows that
// were under way.
const keysBack = 20

// mark moves a mark on when it is old enough; only then it asks for the highest
// key.
func (c *sqlConn) mark(ctx context.Context, op string, m keyMark, age time.Duration, now int64, table, key string) (keyMark, error) {
	if m.Seen != 0 && now-m.Seen < int64(age/time.Second) {
		return m, nil
	}
	rows, err := c.query(ctx, op, "SELECT MAX(t."+key+") AS Highest FROM "+table+" t")
	if err != nil {
		return m, err
	}
	highest, _ := strconv.ParseInt(first(rows).text("Highest"), 10, 64) // none in an empty table
	if m.Seen == 0 {
		return keyMark{max(0, highest-keysBack), highest, now}, nil
	}
	return keyMark{m.High, max(highest, m.High), now}, nil
}

// ReadChanges implements [driver.ChangeReader]. When the server's clock was set
// back, cursors from before are expired.
func (c *sqlConn) ReadChanges(ctx context.Context, q driver.ChangesQuery) (driver.Page, error) {
	const op = "read changes"
	feed := feedOf(q.Feed)
	why := map[string]func(*sqlSchema) string{
		"appointments": c.noAppointmentChanges,
		"patients":     c.noPatientChanges,
		"photos":       func(*sqlSchema) string { return "" }, // asked for below
	}[feed]
	if why == nil {
		return driver.Page{}, rejected(op, driver.ReasonUnsupported, "there is no such feed")
	}
	s, err := c.supported(ctx, op, why)
	if err != nil {
		return driver.Page{}, err
	}
	category := ""
	if feed == "photos" {
		if category, err = c.photosWork(ctx, op, s); err != nil {
			return driver.Page{}, err
		}
	}
	cur := sqlCursor{Feed: feed}
	if q.Cursor != "" {
		if cur, err = parseSQLCursor(op, feed, q.Cursor); err != nil {
			return driver.Page{}, err
		}
	}
	now, err := c.clock(ctx, op)
	if err != nil {
		return driver.Page{}, err
	}
	switch {
	case q.Cursor == "":
		return c.baselineSQL(ctx, op, s, cur, now)
	case now < max(cur.Now, cur.End)-int64(stepBack/time.Second):
		return driver.Page{}, expired(op, "the database server's clock was set back")
	}
	var page driver.Page
	switch {
	case feed == "appointments" && s.indexed("appointment", "DateTStamp"):
		page, err = c.appointmentChanges(ctx, op, s, cur.begin(now, byStamp), q.Limit)
	case feed == "appointments":
		page, err = c.historyChanges(ctx, op, s, cur.begin(now, byHistory, byNet), q.Limit)
	case feed == "patients":
		page, err = c.patientChanges(ctx, op, s, cur.begin(now, byStamp), q.Limit)
	default:
		page, err = c.photoChanges(ctx, op, s, cur.begin(now, byStamp, byNet), category, q.Limit)
	}
	if err != nil {
		return driver.Page{}, err
	}
	page.AsOf = time.Unix(now, 0)
	return page, nil
}

// clock is the server's clock in seconds since 1970. It is read before the rows:
// what they lack was stamped later.
func (c *sqlConn) clock(ctx context.Context, op string) (int64, error) {
	rows, err := c.query(ctx, op, "SELECT UNIX_TIMESTAMP() AS ServerNow")
	if err != nil {
		return 0, err
	}
	now := first(rows).epoch("ServerNow")
	if now.IsZero() {
		return 0, unavailable(op, "the database does not tell its time")
	}
	return now.Unix(), nil
}

func (c *sqlConn) baselineSQL(ctx context.Context, op string, s *sqlSchema, cur sqlCursor, now int64) (driver.Page, error) {
	cur.End = now
	next, err := c.endRun(ctx, op, s, cur)
	if err != nil {
		return driver.Page{}, err
	}
	return driver.Page{Next: next, AsOf: time.Unix(now, 0)}, nil
}

// endRun makes the cursor for the run after the one of cur.
func (c *sqlConn) endRun(ctx context.Context, op string, s *sqlSchema, cur sqlCursor) (string, error) {
	var err error
	var slack time.Duration
	mark, net, all := cur.Mark, cur.Net, cur.All
	switch cur.Feed {
	case "appointments":
		slack = s.slack("appointment")
		if cur.Way == byStamp {
			net = cur.End // everything was looked at
		}
		if s.noDeletes() == "" && !s.random {
			mark, err = c.mark(ctx, op, mark, s.slack("histappointment"), cur.End, "histappointment", "HistApptNum")
		}
	case "patients":
		slack = s.slack("patient")
		if !s.random {
			mark, err = c.mark(ctx, op, mark, newFor, cur.End, "patient", "PatNum")
		}
	default:
		slack = s.slack("document")
		if cur.Since == 0 {
			net, all = cur.End, cur.End // a baseline: what there is is read by window
		}
		if !s.random {
			mark, err = c.mark(ctx, op, mark, newPhotoFor, cur.End, "document", "DocNum")
		}
	}
	if err != nil {
		return "", err
	}
	return sqlCursor{Feed: cur.Feed, Since: cur.End - int64(slack/time.Second), Now: cur.End, Net: net, All: all, Mark: mark}.String(), nil
}

// stampSince is the condition that a row changed at or after a moment, in a form
// that an index serves, and exactly. The server compares wall times of the
// session's zone with the column; in the hour that comes twice when summer time
// ends, the bound lies an hour earlier.
func stampSince(column string, since int64) string {
	return fmt.Sprintf("%s>=LEAST(FROM_UNIXTIME(%d),FROM_UNIXTIME(%d)-INTERVAL 1 HOUR) AND UNIX_TIMESTAMP(%s)>=%d",
		column, since, since+3600, column, since)
}

// appointmentChanges reads a page of a run, in the order of stamps and keys: a
// row that changes meanwhile moves behind all that were read.
func (c *sqlConn) appointmentChanges(ctx context.Context, op string, s *sqlSchema, cur sqlCursor, limit int) (driver.Page, error) {
	want := pageSize(limit)
	for {
		from := max(cur.Since, cur.Stamp)
		to := min(cur.End, from+int64(catchUp/time.Second))
		where := stampSince("a.DateTStamp", from)
		if to < cur.End {
			// Two hours more, because of the hour that comes twice; the next condition
			// is exact.
			where += fmt.Sprintf(" AND a.DateTStamp<=FROM_UNIXTIME(%d)", to+7200)
		}
		where += fmt.Sprintf(" AND UNIX_TIMESTAMP(a.DateTStamp)<=%d", to)
		if cur.Key > 0 {
			where += fmt.Sprintf(" AND (UNIX_TIMESTAMP(a.DateTStamp)>%d OR a.AptNum>%d)", cur.Stamp, cur.Key)
		}
		rows, err := c.query(ctx, op, "SELECT "+c.changedColumns(s)+" FROM appointment a WHERE "+where+
			" ORDER BY a.DateTStamp, a.AptNum LIMIT "+strconv.Itoa(want))
		if err != nil {
			return driver.Page{}, err
		}
		page := c.visitsAndLeft(rows)
		switch {
		case len(rows) == want:
			last := rows[len(rows)-1]
			cur.Stamp = last.epoch("Stamp").Unix()
			if cur.Key, err = strconv.ParseInt(last.id("AptNum"), 10, 64); err != nil {
				return driver.Page{}, unavailable(op, "an appointment has no number")
			}
		case to < cur.End:
			cur.Stamp, cur.Key = to+1, 0
		default:
			gone, err := c.deletedAppointments(ctx, op, s, cur)
			if err != nil {
				return driver.Page{}, err
			}
			// Deleted after it was read.
			page.Appointments = slices.DeleteFunc(page.Appointments, func(a driver.Appointment) bool {
				return slices.Contains(gone, a.ID)
			})
			page.Deleted = append(page.Deleted, gone...)
			page.Next, err = c.endRun(ctx, op, s, cur)
			return page, err
		}
		if page.Len() > 0 {
			page.More, page.Next = true, cur.String()
			return page, nil
		}
	}
}

// newFor is how long a patient counts as new. A patient is stored first and
// completed by staff while the window is open.
const newFor = 24 * time.Hour

// patientChanges reads a page of patients who were entered lately and changed
// since. There is no index on the change of a patient, and the table changes all
// the time (balances are kept in it): only the new ones are looked at, by their
// keys or, where these are random, by the day of their entry.
func (c *sqlConn) patientChanges(ctx context.Context, op string, s *sqlSchema, cur sqlCursor, limit int) (driver.Page, error) {
	where := "p.PatNum>"
	switch {
	case s.random:
		day := time.Unix(cur.Since, 0).In(c.loc).AddDate(0, 0, -2).Format(time.DateOnly)
		where = "p.SecDateEntry>='" + day + "' AND p.PatNum>"
	case cur.Mark.Seen == 0:
		return driver.Page{}, expired(op, "the cursor is from a time when the office's primary keys were random")
	default:
		cur.Key = max(cur.Key, cur.Mark.Low)
	}
	want := pageSize(limit)
	for {
		rows, err := c.query(ctx, op, "SELECT "+s.selected("patient", "p")+" FROM patient p WHERE "+where+
			fmt.Sprintf("%d AND UNIX_TIMESTAMP(p.DateTStamp)>=%d", cur.Key, cur.Since)+c.site("p")+" ORDER BY p.PatNum LIMIT "+strconv.Itoa(want))
		if err != nil {
			return driver.Page{}, err
		}
		page := driver.Page{Patients: c.patients(rows), More: len(rows) == want}
		if !page.More {
			page.Next, err = c.endRun(ctx, op, s, cur)
			return page, err
		}
		if cur.Key, err = strconv.ParseInt(rows[len(rows)-1].id("PatNum"), 10, 64); err != nil {
			return driver.Page{}, unavailable(op, "a patient has no number")
		}
		if page.Next = cur.String(); page.Len() > 0 {
			return page, nil
		}
	}
}
