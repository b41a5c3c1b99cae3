package sqlpms

import (
	sqldriver "database/sql/driver"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// PMSs keep wall times of the practice without a zone. A wall time is a time.Time
// in UTC here that shows the same digits; it is no moment until [Moment] says
// which.

// firstYear is the earliest year that is taken for a date. Engines and PMSs write
// "no date" as year 0, 1 or 1753.
const firstYear = 1800

// Wall is a column's wall time, in UTC; zero for NULL and for "no date".
func (r *Row) Wall(column string) time.Time {
	t, ok := wallOf(r.value(column))
	if !ok {
		r.bad(column, "is no date and time")
	}
	return t
}

// Moment is a column's wall time as a moment in a practice's zone; zero for NULL
// and for "no date".
func (r *Row) Moment(column string, loc *time.Location) time.Time {
	return Moment(r.Wall(column), loc)
}

// Date is a column's day; zero for NULL and for "no date".
func (r *Row) Date(column string) driver.Date {
	t, ok := wallOf(r.value(column))
	if !ok {
		r.bad(column, "is no date")
	}
	if t.IsZero() {
		return driver.Date{}
	}
	return driver.DateOf(t)
}

// BirthDate is a column's day of birth.
func (r *Row) BirthDate(column string) driver.BirthDate { return driver.NewBirthDate(r.Date(column)) }

// wallLayouts are the forms in which times come as text.
var wallLayouts = []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02", "2006-01-02 15:04"}

func wallOf(v sqldriver.Value) (time.Time, bool) {
	var t time.Time
	switch v := v.(type) {
	case nil:
		return time.Time{}, true
	case time.Time:
		// The digits count, whatever zone the SQL driver put with them.
		t = time.Date(v.Year(), v.Month(), v.Day(), v.Hour(), v.Minute(), v.Second(), v.Nanosecond(), time.UTC)
	case []byte:
		return parseWall(string(v))
	case string:
		return parseWall(v)
	default:
		return time.Time{}, false
	}
	if t.Year() < firstYear {
		return time.Time{}, true
	}
	return t, true
}

func parseWall(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasPrefix(s, "0000-00-00") {
		return time.Time{}, true
	}
	for _, layout := range wallLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			if t.Year() < firstYear {
				return time.Time{}, true
			}
			return t, true
		}
	}
	return time.Time{}, false
}

// WallOf gives the digits that a clock on the practice's wall shows at a moment.
func WallOf(t time.Time, loc *time.Location) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	t = t.In(loc)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// Moment gives the moment at which the practice's clock shows a wall time: the
// first of two in the hour that comes twice, and the moment after the gap, by as
// much, in the hour that is left out.
func Moment(wall time.Time, loc *time.Location) time.Time {
	if wall.IsZero() {
		return time.Time{}
	}
	at := func(l *time.Location) time.Time {
		return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), l)
	}
	t := at(loc)
	// time.Date leaves open which of two moments it gives; the other differs by
	// the change of the offset.
	_, before := t.Add(-24 * time.Hour).Zone()
	_, after := t.Add(24 * time.Hour).Zone()
	early := at(time.FixedZone("", before)).In(loc)
	if before > after && WallOf(early, loc).Equal(wall) {
		return early
	}
	if !WallOf(t, loc).Equal(wall) { // in the gap
		return early
	}
	return t
}

// WallArg is a moment as an argument for a column of wall times, in whole seconds:
// some engines refuse finer ones.
func WallArg(t time.Time, loc *time.Location) time.Time {
	return WallOf(t, loc).Truncate(time.Second)
}

// WallLiteral is a wall time as ODBC's escape in a statement's text, for engines
// that do not compare a parameter with a timestamp: {ts '2026-11-27 08:30:00'}.
func WallLiteral(wall time.Time) string {
	return "{ts '" + wall.Format("2006-01-02 15:04:05") + "'}"
}

// DateLiteral is a day as ODBC's escape in a statement's text: {d '2026-11-27'}.
func DateLiteral(d driver.Date) string { return "{d '" + d.String() + "'}" }

// Repeated reports whether a wall time comes twice in a zone, because clocks are
// set back, and gives the bounds of the wall times that do: from, included, to to,
// not included.
func Repeated(wall time.Time, loc *time.Location) (from, to time.Time, ok bool) {
	first := Moment(wall, loc)
	_, before := first.Zone()
	_, after := first.Add(12 * time.Hour).Zone()
	gap := time.Duration(before-after) * time.Second
	if gap <= 0 || !WallOf(first.Add(gap), loc).Equal(wall) {
		return time.Time{}, time.Time{}, false
	}
	// The change is where the offset does.
	lo, hi := first, first.Add(gap)
	for hi.Sub(lo) > time.Second {
		mid := lo.Add(hi.Sub(lo) / 2)
		if _, off := mid.Zone(); off == before {
			lo = mid
		} else {
			hi = mid
		}
	}
	end := WallOf(hi.Truncate(time.Second), loc)
	return end, end.Add(gap), true
}

// ZoneGap says what is wrong when a wall time that ODBC passes through the
// program's own zone may lose an hour: the ODBC driver makes a time.Time in
// time.Local of every wall time, and a wall time in the hour that time.Local
// leaves out becomes another. It is empty when the two zones leave out the same
// hours this year and next.
func ZoneGap(local, practice *time.Location, now time.Time) string {
	from := now.UTC().Truncate(24 * time.Hour)
	for t := from; t.Before(from.AddDate(2, 0, 0)); t = t.Add(30 * time.Minute) {
		// An hour is left out only where the program's own clock changes.
		_, before := t.Add(-48 * time.Hour).In(local).Zone()
		if _, after := t.Add(72 * time.Hour).In(local).Zone(); before == after {
			t = t.Add(24*time.Hour - 30*time.Minute)
			continue
		}
		wall := WallOf(t, practice)
		shown := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, local)
		if shown.Hour() != wall.Hour() {
			return "The program runs in a time zone whose clock leaves out an hour that the practice's does not. " +
				"Run it in UTC or in the practice's zone, or times in that hour will be wrong by one."
		}
	}
	return ""
}
