package sqlpms_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// stamped is a PMS whose clock and rows a test sets.
type stamped struct {
	t     *testing.T
	loc   *time.Location
	now   time.Time // the moment
	rows  map[string]time.Time
	reads int
	err   error
}

func newStamped(t *testing.T, loc *time.Location, now time.Time) *stamped {
	return &stamped{t: t, loc: loc, now: now, rows: map[string]time.Time{}}
}

func (s *stamped) marks() sqlpms.Marks[string] {
	return sqlpms.Marks[string]{
		Name: "acme", Feed: "appointments", Source: "PPM/1", Location: s.loc, Overlap: time.Minute, Step: 24 * time.Hour,
		Now: func(context.Context) (time.Time, error) { return sqlpms.WallOf(s.now, s.loc), s.err },
		Read: func(_ context.Context, from, to time.Time) (found []sqlpms.Marked[string], err error) {
			s.reads++
			require.True(s.t, from.Before(to))
			for id, at := range s.rows {
				if !at.Before(from) && at.Before(to) {
					found = append(found, sqlpms.Marked[string]{At: at, Record: id})
				}
			}
			return found, s.err
		},
	}
}

// stamp is what staff do: the row is marked by the wall clock, in whole seconds.
func (s *stamped) stamp(ids ...string) {
	for _, id := range ids {
		s.rows[id] = sqlpms.WallOf(s.now, s.loc).Truncate(time.Second)
	}
}

func (s *stamped) page(cursor string, limit int) (sqlpms.MarkPage[string], string) {
	s.t.Helper()
	p, err := s.marks().Page(s.t.Context(), "read changes", cursor, limit)
	require.NoError(s.t, err)
	return p, p.Next
}

// run reads all pages after a cursor.
func (s *stamped) run(cursor string, limit int) (seen map[string]int, next string) {
	s.t.Helper()
	seen = map[string]int{}
	for range 1000 {
		p, c := s.page(cursor, limit)
		for _, id := range p.Records {
			seen[id]++
		}
		cursor = c
		if !p.More {
			return seen, cursor
		}
	}
	s.t.Fatal("the run does not end")
	return nil, ""
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func TestABaselineIsEmptyAndMarksThePresent(t *testing.T) {
	t.Parallel()
	s := newStamped(t, time.UTC, noon)
	s.now = noon.Add(-time.Hour)
	s.stamp("old")
	s.now = noon
	p, cursor := s.page("", 10)
	require.Empty(t, p.Records)
	require.False(t, p.More)
	require.Equal(t, noon, p.Now)
	require.LessOrEqual(t, len(cursor), 1024)
	s.stamp("same tick")
	seen, _ := s.run(cursor, 10)
	require.Equal(t, map[string]int{"same tick": 1}, seen)
}

func TestNothingIsLostInTiesOrAtTheEdgesOfPages(t *testing.T) {
	t.Parallel()
	for limit := 1; limit <= 7; limit++ {
		s := newStamped(t, time.UTC, noon)
		_, cursor := s.page("", limit)
		want := 0
		for i := range 10 {
			for j := range i % 4 {
				s.stamp(fmt.Sprintf("row %d %d", i, j))
				want++
			}
			s.now = s.now.Add(time.Second)
		}
		seen, next := s.run(cursor, limit)
		require.Len(t, seen, want)
		for id, n := range seen {
			require.Equal(t, 1, n, id)
		}
		// Stamped before the run's end and committed after it: the overlap.
		s.rows["late"] = s.now.Add(-30 * time.Second)
		seen, _ = s.run(next, limit)
		require.Contains(t, seen, "late")
	}
}

func TestRowsStampedFinerThanTheTickAreNotLost(t *testing.T) {
	t.Parallel()
	s := newStamped(t, time.UTC, noon)
	_, cursor := s.page("", 1)
	for i := range 50 {
		s.rows[fmt.Sprint(i)] = noon.Add(time.Duration(i) * 137 * time.Millisecond)
	}
	s.now = noon.Add(time.Minute)
	seen, _ := s.run(cursor, 3)
	require.Len(t, seen, 50)
}

func TestALongAbsenceIsReadInSteps(t *testing.T) {
	t.Parallel()
	s := newStamped(t, time.UTC, noon)
	_, cursor := s.page("", 10)
	for day := range 30 {
		s.now = noon.AddDate(0, 0, day)
		s.stamp(fmt.Sprint("day ", day))
	}
	seen, next := s.run(cursor, 10)
	require.Len(t, seen, 30)
	require.GreaterOrEqual(t, s.reads, 29)
	s.reads = 0
	s.now = s.now.AddDate(1, 0, 0)
	_, _ = s.run(next, 10) // an empty year does not give a page for every step
	require.GreaterOrEqual(t, s.reads, 360)
}

// In autumn the clock shows an hour twice: what is stamped in the second pass has
// marks that lie before those of the first.
func TestNothingIsLostWhenClocksAreSetBackInAutumn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"America/Chicago", "Europe/Berlin", "Australia/Lord_Howe"} {
		loc := zone(t, name)
		begin := map[string]time.Time{
			"America/Chicago":     time.Date(2026, 11, 1, 5, 0, 0, 0, time.UTC),
			"Europe/Berlin":       time.Date(2026, 10, 24, 23, 0, 0, 0, time.UTC),
			"Australia/Lord_Howe": time.Date(2026, 4, 4, 14, 0, 0, 0, time.UTC),
		}[name]
		for _, every := range []time.Duration{time.Minute, 7 * time.Minute, 23 * time.Minute, 61 * time.Minute} {
			s := newStamped(t, loc, begin)
			_, cursor := s.page("", 2)
			n, got := 0, map[string]int{}
			for next := begin.Add(every); s.now.Before(begin.Add(4 * time.Hour)); s.now = s.now.Add(41 * time.Second) {
				s.stamp(fmt.Sprint("row ", n))
				n++
				if !s.now.Before(next) {
					var seen map[string]int
					seen, cursor = s.run(cursor, 2)
					for id := range seen {
						got[id]++
					}
					next = next.Add(every)
				}
			}
			s.now = s.now.Add(time.Second)
			seen, _ := s.run(cursor, 2)
			for id := range seen {
				got[id]++
			}
			require.Len(t, got, n, "%s, every %v", name, every)
		}
	}
}

// In spring the clock shows an hour more than has passed.
func TestTheOverlapIsOneOfTimeThatHasPassed(t *testing.T) {
	t.Parallel()
	loc := zone(t, "America/Chicago")
	s := newStamped(t, loc, time.Date(2026, 3, 8, 8, 0, 10, 0, time.UTC)) // 03:00:10, 20 s after 01:59:50
	s.rows["late"] = time.Date(2026, 3, 8, 1, 59, 50, 0, time.UTC)
	_, cursor := s.page("", 10)
	seen, _ := s.run(cursor, 10)
	require.Contains(t, seen, "late")
}

func TestACursorThatCannotBeServedHasExpired(t *testing.T) {
	t.Parallel()
	s := newStamped(t, time.UTC, noon)
	_, cursor := s.page("", 10)
	refused := func(why, cursor string, change func(*sqlpms.Marks[string])) {
		t.Helper()
		m := s.marks()
		if change != nil {
			change(&m)
		}
		_, err := m.Page(t.Context(), "read changes", cursor, 10)
		requireKind(t, err, driver.ErrCursorExpired)
	}
	refused("garbage", "garbage!", nil)
	refused("no cursor's JSON", "e30", nil)
	refused("another state", sqlpms.FormatCursor("appointments", "PPM/1", "a text"), nil)
	refused("no time", sqlpms.FormatCursor("appointments", "PPM/1", struct{}{}), nil)
	refused("another feed", cursor, func(m *sqlpms.Marks[string]) { m.Feed = "patients" })
	refused("another set-up", cursor, func(m *sqlpms.Marks[string]) { m.Source = "PPM/2" })
	s.now = noon.Add(-time.Second)
	s.page(cursor, 10) // within what clocks do
	s.now = noon.Add(-time.Minute)
	refused("the clock was set back", cursor, nil)
}

func TestAFailedReadLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStamped(t, time.UTC, noon)
	_, cursor := s.page("", 10)
	s.stamp("row")
	s.err = errors.New("broken")
	_, err := s.marks().Page(t.Context(), "read changes", cursor, 10)
	require.Error(t, err)
	s.err = nil
	seen, _ := s.run(cursor, 10)
	require.Contains(t, seen, "row")
}
