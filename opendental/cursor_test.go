package opendental_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// drain reads a run of pages to its end.
func (p *practice) drain(feed driver.Feed, cursor string) (ids map[string]bool, next string, pages int) {
	p.t.Helper()
	ids = map[string]bool{}
	for pages = 1; ; pages++ {
		page, err := driver.ReadChanges(p.t.Context(), p.conn, driver.ChangesQuery{Feed: feed, Cursor: cursor})
		require.NoError(p.t, err)
		for _, r := range page.Patients {
			ids[r.ID] = true
		}
		for _, r := range page.Appointments {
			ids[r.ID] = true
		}
		cursor = page.Next
		if !page.More {
			return ids, cursor, pages
		}
		require.Less(p.t, pages, 50)
	}
}

// The office's clock stands in rows only: an empty page has none, and the host's
// own may be wrong.
func TestAnEmptyPageMovesNoCursor(t *testing.T) {
	t.Parallel()
	for i, off := range []time.Duration{0, -7 * time.Minute, 7 * time.Minute} {
		mode := modes[i]
		p := newPractice(t, opendentaltest.Config{Mode: mode, Now: func() time.Time { return time.Now().Add(off) }}, "rate", "1ms")
		passed := time.Duration(0)
		for _, feed := range []driver.Feed{driver.AppointmentFeed, driver.PatientFeed} {
			name := fmt.Sprint(mode, " ", off, " ", feed)
			base, err := driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: feed})
			require.NoError(t, err)
			_, cursor, _ := p.drain(feed, base.Next) // what lies within the slack
			passed += 3 * time.Minute
			p.SkewClock(passed)
			_, cursor, _ = p.drain(feed, cursor)
			for range 3 {
				ids, next, pages := p.drain(feed, cursor)
				require.Empty(t, ids, name)
				require.Equal(t, 1, pages, name)
				require.Equal(t, cursor, next, name)
			}
			var want string
			if feed == driver.PatientFeed {
				made, err := p.AddPatient(t.Context(), opendentaltest.Patient{LName: "Late", FName: "Ann"})
				require.NoError(t, err)
				want = id(made.PatNum)
			} else {
				want = id(p.visit(p.Now().Add(24 * time.Hour)).AptNum)
			}
			ids, next, _ := p.drain(feed, cursor)
			require.Contains(t, ids, want, name)
			require.NotEqual(t, cursor, next, "%s: rows have a clock", name)
		}
	}
}

func TestAPageThatIsJustFullIsNotTakenForTheLast(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{Mode: opendentaltest.ModeRemote}, "rate", "1ms")
	for _, rows := range []int{100, 195} {
		base, err := driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.PatientFeed})
		require.NoError(t, err)
		want := map[string]bool{}
		for n := range rows {
			made, err := p.AddPatient(t.Context(), opendentaltest.Patient{LName: "Crowd", FName: strconv.Itoa(n)})
			require.NoError(t, err)
			want[id(made.PatNum)] = true
		}
		ids, _, _ := p.drain(driver.PatientFeed, base.Next)
		for num := range want {
			require.Contains(t, ids, num, "%d rows", rows)
		}
	}
}

// A change is stamped when its statement begins, and shows when it has got its lock.
func TestAChangeThatWaitedForALockShowsThroughTheAPI(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		p := newPractice(t, opendentaltest.Config{Mode: mode}, "rate", "1ms")
		late, other := p.visit(p.Now().Add(24*time.Hour)), p.visit(p.Now().Add(25*time.Hour))
		p.SkewClock(10 * time.Minute)
		base, err := driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed})
		require.NoError(t, err)
		p.SkewClock(10*time.Minute + 50*time.Second)
		_, err = p.EditAppointment(t.Context(), other.AptNum, func(a *opendentaltest.Appointment) { a.Note = "x" })
		require.NoError(t, err)
		_, cursor, _ := p.drain(driver.AppointmentFeed, base.Next) // moves on by this one
		p.SkewClock(10 * time.Minute)                              // as it is stamped
		_, err = p.EditAppointment(t.Context(), late.AptNum, func(a *opendentaltest.Appointment) { a.Note = "y" })
		require.NoError(t, err)
		p.SkewClock(10*time.Minute + 55*time.Second)
		ids, _, _ := p.drain(driver.AppointmentFeed, cursor)
		require.Contains(t, ids, id(late.AptNum), mode)
	}
}
