package opendental_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestAVisitThatMovesAheadOfAWalkComesOnce(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		ada := o.patient("Ada", "Quill")
		day := func(n int) time.Time { return o.Now().AddDate(0, 0, n).Truncate(time.Hour) }
		var apts []int64
		for n := range 9 {
			apts = append(apts, o.visit(ada, day(1+n*10)))
		}
		q := driver.WindowQuery{Feed: driver.AppointmentFeed, From: day(0), To: day(200), Limit: 1}
		times := map[string]int{}
		for pages := 0; ; pages++ {
			require.Less(t, pages, 100)
			page, err := driver.ReadWindow(t.Context(), r.conn, q)
			require.NoError(t, err)
			for _, a := range page.Appointments {
				times[a.ID]++
			}
			if pages == 0 {
				require.Equal(t, 1, times[id(apts[0])])
				_, err := o.MoveAppointment(t.Context(), apts[0], day(150), 0)
				require.NoError(t, err)
			}
			if q.Token = page.Next; !page.More {
				break
			}
		}
		for _, apt := range apts {
			require.Equal(t, 1, times[id(apt)])
		}
	})
}

func TestAWalkIsForgottenWhenManyOthersBegin(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	ada := o.patient("Ada", "Quill")
	for n := range 3 {
		o.visit(ada, o.Now().AddDate(0, 0, n))
	}
	r := o.connect(t, setUp{})
	q := driver.WindowQuery{Feed: driver.AppointmentFeed, From: o.Now().AddDate(0, 0, -1), To: o.Now().AddDate(0, 0, 9), Limit: 1}
	first, err := driver.ReadWindow(t.Context(), r.conn, q)
	require.NoError(t, err)
	for range 8 {
		_, err := driver.ReadWindow(t.Context(), r.conn, q)
		require.NoError(t, err)
	}
	q.Token = first.Next
	_, err = driver.ReadWindow(t.Context(), r.conn, q)
	require.ErrorIs(t, err, driver.ErrCursorExpired)
	_, err = driver.ReadWindow(t.Context(), r.conn, driver.WindowQuery{Feed: driver.AppointmentFeed, From: o.Now(), To: o.Now()})
	require.ErrorIs(t, err, driver.ErrRejected)
}
