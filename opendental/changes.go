package opendental

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// slack is how far a cursor lies before the office's clock. DateTStamp is the
// moment at which a statement begins, in whole seconds, and its row shows when it
// has got its lock: after up to 50 s in tables of InnoDB. The API does not tell
// which tables they are. Rows of these seconds come twice instead of not at all.
const slack = time.Minute

// runsAnew is how often a run of pages may begin anew, because rows were deleted
// or moved between two pages, before the cursor is given up for a window.
const runsAnew = 5

// clockJump is how far the office's clock may lie behind a cursor before the
// cursor is taken for one from before the clock was set back.
const clockJump = time.Minute

// cursor is what [driver.Page].Next holds, as JSON.
type cursor struct {
	// Feed tells the cursors of different records apart.
	Feed string `json:"f"`
	// Since is the wall time from which changes are asked for.
	Since string `json:"s"`
	// Within a run of pages: what Since becomes after it, how many rows lie
	// behind, the last row's key and place, and how often the run began anew.
	Next   string `json:"n,omitempty"`
	Offset int    `json:"o,omitempty"`
	Key    string `json:"k,omitempty"`
	Place  string `json:"p,omitempty"`
	Anew   int    `json:"a,omitempty"`
}

func (cur cursor) String() string {
	b, _ := json.Marshal(cur) // strings and numbers only
	return string(b)
}

func parseCursor(op, feed, s string) (cursor, error) {
	var cur cursor
	if err := json.Unmarshal([]byte(s), &cur); err != nil || cur.Feed != feed || parseWall(cur.Since, wall).IsZero() ||
		cur.Offset < 0 || (cur.Offset > 0 && parseWall(cur.Next, wall).IsZero()) {
		return cursor{}, failure(op, driver.ErrCursorExpired, driver.ReasonNone, "the cursor is not one of this feed")
	}
	return cur, nil
}

// feedOf names the records behind a feed in cursors; empty for an unknown feed.
func feedOf(f driver.Feed) string {
	switch f {
	case driver.AppointmentStatusFeed, driver.AppointmentFeed:
		return "appointments"
	case driver.PatientFeed:
		return "patients"
	case driver.PhotoFeed:
		return "photos"
	}
	return ""
}

// ReadChanges implements [driver.ChangeReader]. All feeds go by DateTStamp,
// which the database sets at each change, and by the office's clock.
//
// The clock of the office is a wall clock. When summer time ends, the hour that
// comes twice is read twice. When somebody sets the clock back by more than a
// minute, cursors from before are expired as soon as that shows.
func (c *conn) ReadChanges(ctx context.Context, q driver.ChangesQuery) (driver.Page, error) {
	const op = "read changes"
	feed := feedOf(q.Feed)
	if feed == "" {
		return driver.Page{}, rejected(op, driver.ReasonUnsupported, "there is no such feed")
	}
	if feed == "photos" {
		if err := c.photosWork(ctx, op); err != nil {
			return driver.Page{}, err
		}
	}
	if q.Cursor == "" {
		return c.baseline(ctx, op, feed)
	}
	cur, err := parseCursor(op, feed, q.Cursor)
	if err != nil {
		return driver.Page{}, err
	}
	if feed == "photos" {
		return c.photoChanges(ctx, op, cur)
	}
	return c.readRun(ctx, op, cur, q.Limit)
}

// baseline marks the present. An office that cannot tell its time has no rows
// yet, so that the beginning of time marks it as well.
func (c *conn) baseline(ctx context.Context, op, feed string) (driver.Page, error) {
	now, err := c.officeClock(ctx, op)
	if err != nil {
		return driver.Page{}, err
	}
	cur := cursor{Feed: feed, Since: beginning}
	if !now.IsZero() {
		cur.Since = formatWall(now.Add(-slack), wall)
	}
	return driver.Page{Next: cur.String(), AsOf: inZone(now, c.loc)}, nil
}

// changeListing is the list of what changed at or after since.
func (c *conn) changeListing(op string, cur cursor) listing {
	since := repeatedFrom(parseWall(cur.Since, wall), c.loc)
	query := url.Values{"DateTStamp": {formatWall(since, wall)}}
	if cur.Feed == "patients" {
		return c.patientListing(op, query)
	}
	// Of all clinics: one that was moved to another shows nowhere else.
	return appointmentListing(op, query)
}

// siteAppointments is appointmentListing within the clinic.
func (c *conn) siteAppointments(op string, query url.Values) listing {
	if c.env.Site != "" {
		query.Set("ClinicNum", c.env.Site)
	}
	return appointmentListing(op, query)
}

func appointmentListing(op string, query url.Values) listing {
	return listing{op: op, path: "/appointments", query: query, key: "AptNum", place: "AptDateTime"}
}

// readRun reads one page of a run. A page overlaps the one before it; when the
// last row of that one is no longer where it was, the run begins anew.
func (c *conn) readRun(ctx context.Context, op string, cur cursor, want int) (driver.Page, error) {
	if want <= 0 {
		want = c.maxPage() - overlap
	}
	l := c.changeListing(op, cur)
	for {
		at := max(0, cur.Offset-overlap)
		limit := min(want+cur.Offset-at, c.maxPage())
		began := time.Now()
		rows, err := c.page(ctx, l, at, limit)
		if err != nil {
			return driver.Page{}, err
		}
		fresh, ok := afterAnchor(l, cur, rows)
		full := len(rows) >= limit || len(rows) == commonPage
		if !ok || full && len(fresh) == 0 {
			if cur.Anew++; cur.Anew > runsAnew {
				return driver.Page{}, failure(op, driver.ErrCursorExpired, driver.ReasonNone, "the list changes faster than it can be read")
			}
			cur = cursor{Feed: cur.Feed, Since: cur.Since, Anew: cur.Anew}
			continue
		}
		if len(rows) == 0 {
			if cur.Feed == "patients" {
				c.patientsChanged(nil, began)
			}
			return c.emptyRun(ctx, op, cur)
		}
		asOf := rows[0].wall("serverDateTime", wall)
		if err := c.checkJump(op, cur, asOf); err != nil {
			return driver.Page{}, err
		}
		if cur.Offset == 0 {
			cur.Next = formatWall(runStart(rows).Add(-slack), wall)
		}
		page := c.records(cur.Feed, fresh)
		page.AsOf = inZone(asOf, c.loc)
		last := rows[len(rows)-1]
		if full {
			page.More = true
			cur.Offset, cur.Key, cur.Place = at+len(rows), last.text(l.key), l.placeOf(last)
			page.Next = cur.String()
			began = time.Time{}
		} else {
			page.Next = cursor{Feed: cur.Feed, Since: cur.Next}.String()
		}
		if cur.Feed == "patients" {
			c.patientsChanged(page.Patients, began)
		}
		return page, nil
	}
}

// afterAnchor gives the rows after the last one of the page before; false when
// that is not among them where it was.
func afterAnchor(l listing, cur cursor, rows []row) ([]row, bool) {
	if cur.Offset == 0 {
		return rows, true
	}
	for i, r := range rows {
		if r.text(l.key) == cur.Key && l.placeOf(r) == cur.Place {
			return rows[i+1:], true
		}
	}
	return nil, false
}

// runStart is the office's clock when the first page of a run was read. An old
// version that does not send it leaves the newest change, which is no later.
func runStart(rows []row) time.Time {
	if t := rows[0].wall("serverDateTime", wall); !t.IsZero() {
		return t
	}
	var newest time.Time
	for _, r := range rows {
		if t := r.wall("DateTStamp", wall); t.After(newest) {
			newest = t
		}
	}
	return newest
}

// emptyRun keeps the cursor: without rows there is no clock to read. A cursor in
// what the host takes for the future is checked, since a clock that was set back
// would hide every change until it has caught up.
func (c *conn) emptyRun(ctx context.Context, op string, cur cursor) (driver.Page, error) {
	since := parseWall(cur.Since, wall)
	if inZone(since, c.loc).After(time.Now().Add(clockJump)) {
		now, err := c.officeClock(ctx, op)
		if err != nil {
			return driver.Page{}, err
		}
		if err := c.checkJump(op, cur, now); err != nil {
			return driver.Page{}, err
		}
	}
	return driver.Page{Next: cursor{Feed: cur.Feed, Since: cur.Since}.String()}, nil
}

// checkJump expires a cursor that lies well after the office's clock, when that
// is known: what changed since it was set back has stamps before the cursor.
func (c *conn) checkJump(op string, cur cursor, now time.Time) error {
	if !now.IsZero() && now.Add(clockJump).Before(repeatedFrom(parseWall(cur.Since, wall), c.loc)) {
		return failure(op, driver.ErrCursorExpired, driver.ReasonNone, "the office's clock was set back")
	}
	return nil
}

// records makes a page of rows that are appointments or patients. An appointment
// that is no visit any more, or not in this clinic, may have been: its number is
// told as gone.
func (c *conn) records(feed string, rows []row) driver.Page {
	var page driver.Page
	for _, r := range rows {
		if feed == "patients" {
			if p, ok := c.patient(r); ok {
				page.Patients = append(page.Patients, p)
			}
		} else if a, ok := c.appointment(r); ok && c.inSite(a.Site) {
			page.Appointments = append(page.Appointments, a)
		} else if id := r.id("AptNum"); id != "" {
			page.Deleted = append(page.Deleted, id)
		}
	}
	return page
}

// repeatedFrom gives the wall time from which changes have to be asked for, for
// a cursor at t: in the hour that comes twice when summer time ends, the second
// pass has stamps that lie before a cursor of the first, so that the whole hour
// is asked for.
func repeatedFrom(t time.Time, loc *time.Location) time.Time {
	start, end := inZone(t, loc).ZoneBounds()
	for _, change := range []time.Time{start, end} {
		if change.IsZero() {
			continue
		}
		_, before := change.Add(-time.Second).In(loc).Zone()
		_, after := change.In(loc).Zone()
		first := change.UTC().Add(time.Duration(after) * time.Second)
		last := change.UTC().Add(time.Duration(before) * time.Second)
		if !t.Before(first) && t.Before(last) {
			return first
		}
	}
	return t
}
