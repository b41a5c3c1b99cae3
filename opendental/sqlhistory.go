package opendental

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// Before version 25 no index leads to the appointments that changed. The program
// writes a row of history for each change that a user makes, and these have keys
// that only rise: what they name is read by its number. Changes by other hands
// than the program's leave no such row, so that now and then the days from
// yesterday on are looked at by the stamps of their appointments: the net.
const (
	// netEvery is how often the net is cast.
	netEvery = 10 * time.Minute
	// netDays is how many days one statement of it reads, so that none keeps the
	// table for long, and netSpans how many such statements there are before one
	// that reads all later days: hardly anybody is booked so far ahead.
	netDays  = 28
	netSpans = 13
	// netBack is on how many days before today the net begins.
	netBack = 1
)

// noHistory says why changes cannot be found through the history.
func (s *sqlSchema) noHistory() string {
	const plain = "The table appointment has no index on DateTStamp, as in versions before 25"
	if why := s.noDeletes(); why != "" {
		return plain + ". " + why
	}
	if !s.indexed("appointment", "AptDateTime") && !s.indexed("appointment", "AptStatus") {
		return plain + ", and none on AptDateTime."
	}
	return ""
}

// historySince is the wall time in the program's history from which changes are
// asked for. The program stamps its history with the server's wall time.
func (c *sqlConn) historySince(s *sqlSchema, cur sqlCursor) time.Time {
	since := time.Unix(cur.Since, 0).Add(-s.zoneGap.Abs())
	return repeatedFrom(inZone(since.In(c.loc), wall), c.loc)
}

// historyChanges reads a page of a run: first what the history names, then, when
// it is time, the net.
func (c *sqlConn) historyChanges(ctx context.Context, op string, s *sqlSchema, cur sqlCursor, limit int) (driver.Page, error) {
	want := sqlpms.PageSize(limit)
	for {
		var page driver.Page
		var done bool
		var err error
		if cur.Way == byNet {
			page, done, err = c.net(ctx, op, s, &cur)
		} else {
			page, done, err = c.history(ctx, op, s, &cur, want)
		}
		if err != nil {
			return driver.Page{}, err
		}
		if done {
			page.Next = c.endRun(s, cur)
			return page, nil
		}
		if page.Len() > 0 {
			page.More, page.Next = true, cur.String()
			return page, nil
		}
	}
}

// history reads a page of what the history names, and moves cur behind it.
func (c *sqlConn) history(ctx context.Context, op string, s *sqlSchema, cur *sqlCursor, want int) (driver.Page, bool, error) {
	where, order := "", "h.HistApptNum"
	var day time.Time
	switch {
	case s.random:
		if day = parseWall(cur.Place, wall); day.IsZero() {
			day = c.historySince(s, *cur)
		}
		// A day at a time, so that a long absence does not make the server sort
		// everything since.
		at, end := formatWall(day, wall), formatWall(day.Add(catchUp), wall)
		where = "h.HistDateTStamp>='" + at + "' AND h.HistDateTStamp<'" + end + "'"
		if cur.Key > 0 {
			where += fmt.Sprintf(" AND (h.HistDateTStamp>'%s' OR h.HistApptNum>%d)", at, cur.Key)
		}
		order = "h.HistDateTStamp, h.HistApptNum"
	case cur.Mark.Seen == 0:
		return driver.Page{}, false, expired(op, "the cursor is from a time when the office's primary keys were random")
	default:
		where = "h.HistApptNum>" + strconv.FormatInt(max(cur.Mark.Low, cur.Key), 10)
	}
	stamped := ""
	if s.random {
		stamped = ", CAST(h.HistDateTStamp AS CHAR) AS HistAt"
	}
	rows, err := c.query(ctx, op, "SELECT h.HistApptNum, h.HistApptAction, h.AptNum AS Named"+stamped+", "+c.changedColumns(s)+
		" FROM histappointment h LEFT JOIN appointment a ON a.AptNum=h.AptNum WHERE "+where+" ORDER BY "+order+" LIMIT "+strconv.Itoa(want))
	if err != nil {
		return driver.Page{}, false, err
	}
	var page driver.Page
	named := map[string]bool{}
	rest := rows[:0:0]
	deleted := map[string]bool{}
	for _, r := range rows {
		if r.text("HistApptAction") == "4" {
			deleted[r.id("Named")] = true
		}
	}
	for _, r := range rows {
		id := r.id("Named")
		switch {
		case id == "" || named[id]:
		case r.id("AptNum") == "":
			// Deleted, or about to be there: then it comes the next time.
			if !deleted[id] {
				if err := c.inDoubt(ctx, op, s, id); err != nil {
					return driver.Page{}, false, err
				}
			}
			page.Deleted = append(page.Deleted, id)
		default:
			rest = append(rest, r)
		}
		named[id] = true
	}
	found := c.visitsAndLeft(rest)
	page.Appointments, page.Deleted = found.Appointments, append(page.Deleted, found.Deleted...)
	switch {
	case len(rows) == want:
		last := rows[len(rows)-1]
		if cur.Key, err = strconv.ParseInt(last.id("HistApptNum"), 10, 64); err != nil {
			return driver.Page{}, false, unavailable(op, "a row of history has no number")
		}
		if s.random {
			cur.Place = last.text("HistAt")
		}
		return page, false, nil
	case s.random && day.Add(catchUp).Before(c.historyEnd(s, *cur)):
		cur.Place, cur.Key = formatWall(day.Add(catchUp), wall), 0
		return page, false, nil
	case !c.netDue(s, *cur):
		return page, true, nil
	}
	cur.Way, cur.Key, cur.Place = byNet, 0, ""
	return page, false, nil
}

// historyEnd is a wall time that no history of a run has reached, whatever zone
// the server shows and however summer time goes.
func (c *sqlConn) historyEnd(s *sqlSchema, cur sqlCursor) time.Time {
	return inZone(time.Unix(cur.End, 0).In(c.loc), wall).Add(s.zoneGap.Abs() + 2*time.Hour)
}

func (c *sqlConn) netDue(s *sqlSchema, cur sqlCursor) bool {
	return cur.End-max(cur.Net, 0) >= int64(netEvery/time.Second)
}

// net reads some of the days from yesterday on for what changed since the net was
// cast before, and moves cur behind them.
func (c *sqlConn) net(ctx context.Context, op string, s *sqlSchema, cur *sqlCursor) (driver.Page, bool, error) {
	first := driver.DateOf(time.Unix(cur.End, 0).In(c.loc)).In(wall).AddDate(0, 0, -netBack)
	day := parseWall(cur.Place, wall)
	if day.Before(first) {
		day = first
	}
	next := day.AddDate(0, 0, netDays)
	last := !day.Before(first.AddDate(0, 0, netDays*netSpans))
	since := cur.Since
	if cur.Net > 0 {
		since = cur.Net - int64(s.slack("appointment")/time.Second)
	}
	where := "a.AptDateTime>='" + formatWall(day, wall) + "'"
	if !last {
		where += " AND a.AptDateTime<'" + formatWall(next, wall) + "'"
	}
	// The states are named so that the index StatusDate serves as well.
	rows, err := c.query(ctx, op, "SELECT "+c.changedColumns(s)+" FROM appointment a WHERE a.AptStatus IN (0,1,2,3,4,5,6,7,8) AND "+where+
		fmt.Sprintf(" AND UNIX_TIMESTAMP(a.DateTStamp)>=%d", since))
	if err != nil {
		return driver.Page{}, false, err
	}
	cur.Place = formatWall(next, wall)
	if last {
		cur.Net = cur.End
	}
	return c.visitsAndLeft(rows), last, nil
}

// changedColumns are the columns of an appointment that changed. Of one in
// another clinic the note stays where it is: only that it is not in this one is
// told.
func (c *sqlConn) changedColumns(s *sqlSchema) string {
	columns := s.selected("appointment")
	if c.env.Site != "" {
		columns = strings.Replace(columns, ", a.Note", ", IF(a.ClinicNum="+c.env.Site+",a.Note,NULL) AS Note", 1)
	}
	return columns
}

// visitsAndLeft makes a page of appointments that changed. One that is no visit
// any more, or not in this clinic, may have been: its number is told as gone.
func (c *sqlConn) visitsAndLeft(rows []row) driver.Page {
	var page driver.Page
	for _, r := range rows {
		a, visit := appointmentOf(r, c.loc)
		switch id := r.id("AptNum"); {
		case visit && (c.env.Site == "" || c.env.Site == a.Site):
			a.ModifiedAt = r.epoch("Stamp")
			page.Appointments = append(page.Appointments, a)
		case id != "":
			page.Deleted = append(page.Deleted, id)
		}
	}
	return page
}

// sinceHistory reads what the history that the program keeps has named lately and
// stamps do not lead to: appointments that are gone, and those whose change was
// stamped before the cursor. Whoever changes something while a backup has locked
// the table waits for as long as that takes, with the stamp of when the waiting
// began; the program writes its history afterwards. What is there although the
// history says that it was deleted is about to be, and comes the next time.
func (c *sqlConn) sinceHistory(ctx context.Context, op string, s *sqlSchema, cur sqlCursor) (driver.Page, error) {
	if s.noDeletes() != "" {
		return driver.Page{}, nil // as Info says
	}
	where := ""
	switch {
	case s.random:
		where = "h.HistDateTStamp>='" + formatWall(c.historySince(s, cur), wall) + "'"
	case cur.Mark.Seen == 0:
		return driver.Page{}, expired(op, "the cursor is from a time when the office's primary keys were random")
	default:
		where = "h.HistApptNum>" + strconv.FormatInt(cur.Mark.Low, 10)
	}
	gone := "h.HistApptAction=4 AND a.AptNum IS NULL"
	if c.env.Site != "" && s.has("histappointment", "ClinicNum") && s.has("histappointment", "PatNum") {
		// Sometimes the history of a deletion holds nothing but the number.
		gone += " AND (h.ClinicNum=" + c.env.Site + " OR h.PatNum=0)"
	}
	rows, err := c.query(ctx, op, "SELECT h.AptNum AS Named, "+c.changedColumns(s)+" FROM histappointment h LEFT JOIN appointment a ON a.AptNum=h.AptNum WHERE "+where+
		fmt.Sprintf(" AND (UNIX_TIMESTAMP(a.DateTStamp)<%d OR (%s)) ORDER BY h.HistApptNum", cur.Since, gone))
	if err != nil {
		return driver.Page{}, err
	}
	var gones []string
	late := rows[:0:0]
	named := map[string]bool{}
	for _, r := range rows {
		id := r.id("Named")
		switch {
		case id == "" || named[id]:
		case r.id("AptNum") == "":
			gones = append(gones, id)
		default:
			late = append(late, r)
		}
		named[id] = true
	}
	page := c.visitsAndLeft(late)
	page.Deleted = append(page.Deleted, gones...)
	return page, nil
}
