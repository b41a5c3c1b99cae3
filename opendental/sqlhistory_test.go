package opendental_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// onEachHistory runs a rule on an office without the index on changes: with keys
// that rise and with random ones, and on both kinds of tables.
func onEachHistory(t *testing.T, rule func(t *testing.T, o *office, r reader)) {
	t.Helper()
	t.Parallel()
	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	for name, s := range map[string]setUp{
		"rising": {plain: true, engine: "InnoDB", session: awkward}, "random": {plain: true, random: true},
	} {
		t.Run(name, func(t *testing.T) {
			o := newSQLOffice(t, chicago, s)
			rule(t, o, o.connect(t, s))
		})
	}
}

// settled follows a cursor, empty for a new one, until what happened before does
// not come again.
func (r reader) settled(o *office, feed driver.Feed, cursor string) string {
	r.t.Helper()
	for range 8 {
		o.passed.Add(int64(3 * time.Minute))
		page := r.changes(feed, cursor)
		if page.Len() == 0 && cursor != "" {
			return page.Next
		}
		cursor = page.Next
	}
	require.Fail(r.t, "the same comes again and again")
	return ""
}

func TestWithoutTheIndexChangesComeFromTheHistory(t *testing.T) {
	onEachHistory(t, func(t *testing.T, o *office, r reader) {
		feed := r.info().Feeds[driver.AppointmentFeed]
		require.True(t, feed.Changes && feed.Deletes && feed.Window)
		require.Contains(t, strings.Join(r.info().Notes, "\n"), "no index on DateTStamp")
		ada := o.patient("Ada", "Quill")
		var apts []int64
		for n := range 7 {
			apts = append(apts, o.visit(ada, o.Now().AddDate(0, 0, 1+n)))
		}
		cursor := r.settled(o, driver.AppointmentFeed, "")
		for _, apt := range apts[:5] { // pages of three
			require.NoError(t, o.SetConfirmed(t.Context(), apt, confirmed))
			require.NoError(t, o.SetConfirmed(t.Context(), apt, texted))
		}
		require.NoError(t, o.DeleteAppointment(t.Context(), apts[4]))
		page := r.changes(driver.AppointmentFeed, cursor)
		require.Equal(t, []string{id(apts[4])}, page.Deleted[:1])
		for n, apt := range apts {
			require.Equal(t, n < 4, holds(page, apt), n)
		}
		for _, a := range page.Appointments {
			require.Equal(t, id(texted), a.Status, "as it is now")
		}
		r.settled(o, driver.AppointmentFeed, page.Next)
	})
}

func TestAHistoryRowThatComesBeforeItsChangeLosesNothing(t *testing.T) {
	onEachHistory(t, func(t *testing.T, o *office, r reader) {
		apt := o.visit(o.patient("Ada", "Quill"), o.Now().Add(time.Hour))
		cursor := r.settled(o, driver.AppointmentFeed, "")
		o.tables.run(fmt.Sprintf("SET timestamp=%d; INSERT INTO histappointment (AptNum,HistDateTStamp,HistApptAction,Note,ProcDescript,ProcsColored) VALUES (%d,NOW(),1,'','',''); SET timestamp=DEFAULT",
			o.Now().Unix(), apt))
		page := r.changes(driver.AppointmentFeed, cursor)
		require.True(t, holds(page, apt))
		require.True(t, page.Appointments[0].Note.IsEmpty())
		o.passed.Add(int64(5 * time.Second))
		o.tables.run(fmt.Sprintf("UPDATE appointment SET Note='late' WHERE AptNum=%d", apt))
		page = r.changes(driver.AppointmentFeed, page.Next)
		require.True(t, holds(page, apt))
		require.Equal(t, "late", page.Appointments[0].Note.Reveal())
	})
}

// Bulk updates and other programs leave no history.
func TestAChangeWithoutHistoryIsFoundByTheNet(t *testing.T) {
	onEachHistory(t, func(t *testing.T, o *office, r reader) {
		ada := o.patient("Ada", "Quill")
		soon, far, planned := o.visit(ada, o.Now().Add(time.Hour)), o.visit(ada, o.Now().AddDate(4, 0, 0)), o.visit(ada, o.Now().AddDate(0, 2, 0))
		untouched := o.visit(ada, o.Now().AddDate(0, 1, 0))
		cursor := r.settled(o, driver.AppointmentFeed, "")
		// The net was cast with the last of these at the latest.
		for range 4 {
			o.passed.Add(int64(3 * time.Minute))
			page := r.changes(driver.AppointmentFeed, cursor)
			cursor = page.Next
		}
		o.passed.Add(int64(10 * time.Minute))
		cursor = r.changes(driver.AppointmentFeed, cursor).Next
		o.passed.Add(int64(time.Minute))
		o.stamp(soon, o.Now())
		o.stamp(far, o.Now())
		o.stamp(planned, o.Now())
		o.tables.run(fmt.Sprintf("UPDATE appointment SET AptStatus=6, DateTStamp=DateTStamp WHERE AptNum=%d", planned))
		o.passed.Add(int64(2 * time.Minute))
		page := r.changes(driver.AppointmentFeed, cursor)
		require.Zero(t, page.Len(), "it is not time yet")
		before := len(o.tables.heard())
		o.passed.Add(int64(8 * time.Minute))
		page = r.changes(driver.AppointmentFeed, page.Next)
		require.True(t, holds(page, soon))
		require.True(t, holds(page, far))
		require.Contains(t, page.Deleted, id(planned))
		require.False(t, holds(page, untouched))
		cast := 0
		for _, s := range o.tables.heard()[before:] {
			if strings.Contains(s, "AptDateTime>=") {
				cast++
			}
		}
		require.Equal(t, 14, cast, "a year in parts, and the rest")

		o.passed.Add(int64(time.Minute))
		page = r.changes(driver.AppointmentFeed, page.Next)
		require.Zero(t, page.Len())
		o.passed.Add(int64(20 * time.Minute))
		page = r.changes(driver.AppointmentFeed, page.Next)
		require.Zero(t, page.Len(), "each once")
	})
}

func TestAnUpdateThatBringsTheIndexLosesNothing(t *testing.T) {
	t.Parallel()
	s := setUp{plain: true}
	o := newSQLOffice(t, time.UTC, s)
	r, ada := o.connect(t, s), o.patient("Ada", "Quill")
	var apts []int64
	for n := range 5 {
		apts = append(apts, o.visit(ada, o.Now().AddDate(0, 0, 1+n)))
	}
	o.passed.Add(int64(3 * time.Minute))
	cursor := r.changes(driver.AppointmentFeed, "").Next
	for _, step := range []string{"ADD KEY DateTStamp (DateTStamp)", "DROP KEY DateTStamp"} {
		for _, apt := range apts {
			require.NoError(t, o.SetConfirmed(t.Context(), apt, map[bool]int64{true: confirmed, false: texted}[step[0] == 'A']))
		}
		// In the middle of a run.
		first, err := driver.ReadChanges(t.Context(), r.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: cursor, Limit: 2})
		require.NoError(t, err)
		require.True(t, first.More)
		o.tables.run("ALTER TABLE appointment " + step)
		r.info() // looks again
		page := r.changes(driver.AppointmentFeed, first.Next)
		for _, apt := range apts {
			require.True(t, holds(page, apt))
		}
		cursor = page.Next
		o.passed.Add(int64(3 * time.Minute))
	}
}

func TestWithoutIndexAndHistoryAppointmentsAreReadByTheirDay(t *testing.T) {
	t.Parallel()
	s := setUp{plain: true}
	o := newSQLOffice(t, time.UTC, s)
	o.tables.run("ALTER TABLE histappointment DROP COLUMN HistApptAction")
	r := o.connect(t, s)
	feed := r.info().Feeds[driver.AppointmentFeed]
	require.True(t, feed.Supported && feed.Window)
	require.False(t, feed.Changes || feed.Deletes)
	require.Contains(t, strings.Join(r.info().Notes, "\n"), "Appointments are read by their day instead")
	_, err := driver.ReadChanges(t.Context(), r.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed})
	require.ErrorIs(t, err, driver.ReasonUnsupported)
}

func TestAPollOfTheHistoryUsesTheIndexes(t *testing.T) {
	onEachHistory(t, func(t *testing.T, o *office, r reader) {
		o.visit(o.patient("Ada", "Quill"), o.Now().Add(time.Hour))
		for range 12 { // 4096 of them, long ago
			o.tables.run("INSERT INTO appointment (PatNum,AptStatus,AptDateTime,DateTStamp,DateTimeArrived,DateTimeSeated,DateTimeDismissed,ProcsColored)"+
				" SELECT PatNum,AptStatus,AptDateTime - INTERVAL AptNum HOUR,'2020-01-01' + INTERVAL AptNum MINUTE,0,0,0,'' FROM appointment",
				"INSERT INTO histappointment (AptNum,HistDateTStamp,HistApptAction,Note,ProcDescript,ProcsColored)"+
					" SELECT AptNum,'2020-01-01' + INTERVAL HistApptNum MINUTE,1,'','','' FROM histappointment")
		}
		o.tables.run("ANALYZE TABLE appointment, histappointment")
		cursor := r.changes(driver.AppointmentFeed, "").Next
		o.passed.Add(int64(30 * time.Minute))
		before := len(o.tables.heard())
		r.changes(driver.AppointmentFeed, cursor)
		explained := 0
		for _, s := range o.tables.heard()[before:] {
			if !strings.Contains(s, " WHERE ") {
				continue
			}
			explained++
			for _, row := range o.explain(t, s) {
				require.NotContains(t, []string{"ALL", "index"}, row["type"], "%s: %v", s, row)
			}
		}
		require.GreaterOrEqual(t, explained, 15, "the history and the net")
	})
}
