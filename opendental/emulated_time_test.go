package opendental_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// ids of the appointments that changed since a cursor, and the next cursor.
func (p *practice) changed(cursor string) (ids []string, next string) {
	p.t.Helper()
	for more := true; more; {
		page, err := driver.ReadChanges(p.t.Context(), p.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: cursor})
		require.NoError(p.t, err)
		for _, a := range page.Appointments {
			ids = append(ids, a.ID)
		}
		cursor, more = page.Next, page.More
	}
	return ids, cursor
}

func TestNothingIsLostInTheHourThatComesTwice(t *testing.T) {
	t.Parallel()
	loc, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	end := time.Date(2025, 11, 2, 7, 0, 0, 0, time.UTC) // 02:00 CDT, 01:00 CST
	var now atomic.Int64
	now.Store(end.Add(-time.Minute).Unix())
	p := newPractice(t, opendentaltest.Config{Location: loc, Now: func() time.Time { return time.Unix(now.Load(), 0) }})
	p.visit(end.Add(30 * 24 * time.Hour))
	_, cursor := p.changed("")
	_, cursor = p.changed(cursor)
	for _, after := range []time.Duration{-30 * time.Second, 10 * time.Second, 20 * time.Minute, 59 * time.Minute, 61 * time.Minute, 2 * time.Hour} {
		now.Store(end.Add(after).Unix())
		a := p.visit(end.Add(31 * 24 * time.Hour))
		var ids []string
		ids, cursor = p.changed(cursor)
		require.Contains(t, ids, id(a.AptNum), "changed %v after summer time ended", after)
	}
	now.Store(end.Add(3 * time.Hour).Unix())
	_, cursor = p.changed(cursor)
	ids, _ := p.changed(cursor)
	require.Empty(t, ids, "the hour is not read for ever")
}

func TestAClockThatWasSetBackExpiresCursors(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	p.SkewClock(26 * time.Hour)
	p.visit(p.Now())
	_, cursor := p.changed("")
	_, cursor = p.changed(cursor)
	_, cursor = p.changed(cursor) // the clock is only ahead: the cursor is good
	p.SkewClock(0)
	p.visit(p.Now())
	_, err := driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: cursor})
	require.ErrorIs(t, err, driver.ErrCursorExpired)
}

func TestAnEmptyOfficeThatTellsNoTimeGetsABaseline(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{Customers: []opendentaltest.CustomerKey{{Key: opendentaltest.DefaultCustomerKey}}})
	patient, err := strconv.ParseInt(p.patient, 10, 64)
	require.NoError(t, err)
	require.NoError(t, p.DeletePatient(t.Context(), patient))
	page, err := driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.PatientFeed})
	require.NoError(t, err)
	require.NotEmpty(t, page.Next)
	require.Zero(t, page.Len())
	added, err := p.AddPatient(t.Context(), opendentaltest.Patient{LName: "First", FName: "Ever"})
	require.NoError(t, err)
	page, err = driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: page.Next})
	require.NoError(t, err)
	require.Len(t, page.Patients, 1)
	require.Equal(t, id(added.PatNum), page.Patients[0].ID)
}

func TestChangesThatShiftThePagesLoseNothing(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	_, cursor := p.changed("")
	var made []opendentaltest.Appointment
	day := p.Now().Truncate(time.Hour).Add(48 * time.Hour)
	for i := range 60 {
		made = append(made, p.visit(day.Add(time.Duration(i)*10*time.Minute)))
	}
	seen := map[string]bool{}
	gone := map[int]bool{}
	for i, more := 0, true; more; i++ {
		page, err := driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: cursor, Limit: 10})
		require.NoError(t, err)
		for _, a := range page.Appointments {
			seen[a.ID] = true
		}
		cursor, more = page.Next, page.More
		if i < 2 { // staff delete what was read, and everything after it slips
			for n := i * 8; n < i*8+8; n++ {
				require.NoError(t, p.DeleteAppointment(t.Context(), made[n].AptNum))
				gone[n] = true
			}
		}
	}
	for n, a := range made {
		if !gone[n] {
			require.True(t, seen[id(a.AptNum)], "appointment %d of %d", n, len(made))
		}
	}
}

func TestAListThatShiftsIsStillReadWhole(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{Mode: opendentaltest.ModeRemote})
	var patients []int64
	for range 260 {
		a, err := p.AddPatient(t.Context(), opendentaltest.Patient{LName: "Crowd", FName: "One"})
		require.NoError(t, err)
		patients = append(patients, a.PatNum)
	}
	seen := map[string]int{}
	token, deleted := "", map[int64]bool{}
	for more, i := true, 0; more; i++ {
		page, err := driver.ReadWindow(t.Context(), p.conn, driver.WindowQuery{Feed: driver.PatientFeed, Token: token})
		require.NoError(t, err)
		for _, a := range page.Patients {
			seen[a.ID]++
		}
		token, more = page.Next, page.More
		if i == 0 { // more of them than a page overlaps by
			for _, n := range patients[:40] {
				require.NoError(t, p.DeletePatient(t.Context(), n))
				deleted[n] = true
			}
		}
	}
	for _, n := range patients {
		if !deleted[n] {
			require.Equal(t, 1, seen[id(n)])
		}
	}
}
