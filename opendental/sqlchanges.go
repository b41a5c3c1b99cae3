package opendental

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
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
	// A patient has no history that would tell of one who waited longer, behind the
	// lock of a backup. There are few new ones, so that an hour of them may come
	// more than once.
	slackPatients = time.Hour
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

	seen present // by the call that has the cursor
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
	// Lower is when the highest key was first seen to be lower than before, in
	// seconds since 1970: an office has gone back to a back-up, and gives keys out
	// again that were seen.
	Lower int64 `json:"b,omitempty"`
}

// look notes whether keys have gone back, and reports whether that is long enough
// ago for the restore to be over. The cursor is of no more use then: rows that came
// since may have keys that it takes for seen.
func (m keyMark) look(seen present) (keyMark, bool) {
	if m.Seen > 0 && m.Lower == 0 && seen.highest < m.High {
		m.Lower = seen.now
	}
	return m, m.Lower > 0 && seen.now-m.Lower > int64(settleFor/time.Second)
}

// keysBack is how many keys a first mark lies before the highest, for rows that
// were under way.
const keysBack = 20

// next moves a mark on when it was old enough as the run began. seen is what its
// last call has seen.
func (m keyMark) next(age time.Duration, began int64, seen present) keyMark {
	switch {
	case m.Seen == 0:
		return keyMark{Low: max(0, seen.highest-keysBack), High: seen.highest, Seen: seen.now}
	case began-m.Seen < int64(age/time.Second):
		return m
	}
	return keyMark{m.High, max(seen.highest, m.High), seen.now, m.Lower}
}

// present is what a call sees before it reads rows: the server's clock in seconds
// since 1970, and the highest key of the table whose keys are marked.
type present struct{ now, highest int64 }

// markedKeys names the table and the key that a feed's mark is about; empty for
// none.
func (s *sqlSchema) markedKeys(feed string) (table, key string) {
	switch {
	case s.random:
		return "", ""
	case feed == "patients":
		return "patient", "PatNum"
	case feed == "photos":
		return "document", "DocNum"
	case s.noDeletes() == "":
		return "histappointment", "HistApptNum"
	}
	return "", ""
}

// present sees it. That comes before the rows: what they lack was stamped
// later.
func (c *sqlConn) present(ctx context.Context, op string, s *sqlSchema, feed string) (present, error) {
	statement := "SELECT UNIX_TIMESTAMP() AS ServerNow"
	if table, key := s.markedKeys(feed); table != "" {
		statement += ", (SELECT MAX(t." + key + ") FROM " + table + " t) AS Highest"
	}
	rows, err := c.query(ctx, op, statement)
	if err != nil {
		return present{}, err
	}
	now := first(rows).epoch("ServerNow")
	if now.IsZero() {
		return present{}, unavailable(op, "the database does not tell its time")
	}
	highest, _ := strconv.ParseInt(first(rows).text("Highest"), 10, 64) // none in an empty table
	return present{now.Unix(), highest}, nil
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
	if cur.seen, err = c.present(ctx, op, s, feed); err != nil {
		return driver.Page{}, err
	}
	now := cur.seen.now
	switch {
	case q.Cursor == "":
		return c.baselineSQL(s, cur), nil
	case now < max(cur.Now, cur.End)-int64(stepBack/time.Second):
		return driver.Page{}, expired(op, "the database server's clock was set back")
	}
	// Photos whose keys went back are found by their net, and newest documents are
	// often deleted.
	if table, _ := s.markedKeys(feed); table != "" && feed != "photos" {
		var over bool
		if cur.Mark, over = cur.Mark.look(cur.seen); over {
			return driver.Page{}, expired(op, "the office has gone back to a back-up")
		}
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

func (c *sqlConn) baselineSQL(s *sqlSchema, cur sqlCursor) driver.Page {
	cur.End = cur.seen.now
	return driver.Page{Next: c.endRun(s, cur), AsOf: time.Unix(cur.End, 0)}
}

// endRun makes the cursor for the run after the one of cur.
func (c *sqlConn) endRun(s *sqlSchema, cur sqlCursor) string {
	var slack, age time.Duration
	next := sqlCursor{Feed: cur.Feed, Now: cur.End, Net: cur.Net, All: cur.All, Mark: cur.Mark}
	switch cur.Feed {
	case "appointments":
		slack, age = s.slack("appointment"), s.slack("histappointment")
		if cur.Way == byStamp {
			next.Net = cur.End // everything was looked at
		}
	case "patients":
		slack, age = slackPatients, newFor
	default:
		slack, age = s.slack("document"), newPhotoFor
		if cur.Since == 0 {
			next.Net, next.All = cur.End, cur.End // a baseline: what there is is read by window
		}
	}
	if table, _ := s.markedKeys(cur.Feed); table != "" {
		next.Mark = cur.Mark.next(age, cur.End, cur.seen)
	}
	next.Since = cur.End - int64(slack/time.Second)
	return next.String()
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
	want := sqlpms.PageSize(limit)
	for {
		where, order := c.restOfSecond(cur)
		to := cur.Stamp
		if cur.Key == 0 {
			where, order, to = c.nextStamps(cur)
		}
		rows, err := c.query(ctx, op, "SELECT "+c.changedColumns(s)+" FROM appointment a WHERE "+where+" ORDER BY "+order+" LIMIT "+strconv.Itoa(want))
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
			named, err := c.sinceHistory(ctx, op, s, cur)
			if err != nil {
				return driver.Page{}, err
			}
			// Deleted after it was read.
			page.Appointments = slices.DeleteFunc(page.Appointments, func(a driver.Appointment) bool {
				return slices.Contains(named.Deleted, a.ID)
			})
			page.Appointments = append(page.Appointments, named.Appointments...)
			page.Deleted = append(page.Deleted, named.Deleted...)
			page.Next = c.endRun(s, cur)
			return page, nil
		}
		if page.Len() > 0 {
			page.More, page.Next = true, cur.String()
			return page, nil
		}
	}
}

// nextStamps is the condition of the next rows by their stamps, their order, and up
// to when it goes.
func (c *sqlConn) nextStamps(cur sqlCursor) (where, order string, to int64) {
	from := max(cur.Since, cur.Stamp)
	to = min(cur.End, from+int64(catchUp/time.Second))
	where = stampSince("a.DateTStamp", from)
	if to < cur.End {
		// Two hours more, because of the hour that comes twice; the next condition
		// is exact.
		where += fmt.Sprintf(" AND a.DateTStamp<=FROM_UNIXTIME(%d)", to+7200)
	}
	return where + fmt.Sprintf(" AND UNIX_TIMESTAMP(a.DateTStamp)<=%d", to), "a.DateTStamp, a.AptNum", to
}

// restOfSecond is the condition of the rows behind a key in one second, and their
// order. An update of Open Dental may stamp all appointments in one second: their
// keys then lead to the next ones, where an order by stamps would have the server
// sort all of them for each page.
func (c *sqlConn) restOfSecond(cur sqlCursor) (where, order string) {
	return fmt.Sprintf("a.AptNum>%d AND %s AND a.DateTStamp<=GREATEST(FROM_UNIXTIME(%d),FROM_UNIXTIME(%d)+INTERVAL 1 HOUR) AND UNIX_TIMESTAMP(a.DateTStamp)<=%d",
		cur.Key, stampSince("a.DateTStamp", cur.Stamp), cur.Stamp, cur.Stamp-3600, cur.Stamp), "a.AptNum"
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
	want := sqlpms.PageSize(limit)
	for {
		rows, err := c.query(ctx, op, "SELECT "+s.selected("patient")+" FROM patient p WHERE "+where+
			fmt.Sprintf("%d AND UNIX_TIMESTAMP(p.DateTStamp)>=%d", cur.Key, cur.Since)+c.site("p")+" ORDER BY p.PatNum LIMIT "+strconv.Itoa(want))
		if err != nil {
			return driver.Page{}, err
		}
		page := driver.Page{Patients: c.patients(rows), More: len(rows) == want}
		if !page.More {
			page.Next = c.endRun(s, cur)
			return page, nil
		}
		if cur.Key, err = strconv.ParseInt(rows[len(rows)-1].id("PatNum"), 10, 64); err != nil {
			return driver.Page{}, unavailable(op, "a patient has no number")
		}
		if page.Next = cur.String(); page.Len() > 0 {
			return page, nil
		}
	}
}
