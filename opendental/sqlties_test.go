package opendental_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// More changes in one second than a page holds, at any time of the year and in the
// hour that comes twice.
func TestTiesAcrossPagesComeOnceEach(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		ada := o.patient("Ada", "Quill")
		offsets := []time.Duration{-time.Hour, -time.Second, 0, 0, 0, 0, 0, 0, 0, time.Second, time.Hour}
		var apts []int64
		for range offsets {
			apts = append(apts, o.visit(ada, time.Now().Add(time.Hour)))
		}
		twice := time.Date(2027, 11, 7, 7, 20, 0, 0, time.UTC) // 1:20 for the second time
		for _, at := range []time.Time{twice.AddDate(0, 1, 0), twice.Add(-time.Hour), twice, twice.Add(40 * time.Minute), twice.AddDate(1, -8, 7)} {
			o.at(at.Add(-3 * time.Hour))
			cursor := r.changes(driver.AppointmentFeed, "").Next
			for i, off := range offsets {
				o.stamp(apts[i], at.Add(off))
			}
			for _, seen := range []time.Duration{0, 2 * time.Hour} { // as it happens, and later
				o.at(at.Add(seen))
				got := map[string]int{}
				for _, a := range r.changes(driver.AppointmentFeed, cursor).Appointments { // pages of three
					got[a.ID]++
				}
				for i, apt := range apts {
					if seen == 0 && offsets[i] > 0 {
						continue
					}
					require.Equal(t, 1, got[id(apt)], "at %v, %v after it, the one that changed %v later", at, seen, offsets[i])
				}
			}
		}
	})
}

// An update of Open Dental may touch every row. To sort all of them for each page
// would keep an office with MyISAM tables from writing for minutes.
func TestAnUpdateOfAllAppointmentsIsReadByTheirKeys(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		o.visit(o.patient("Ada", "Quill"), time.Now().Add(time.Hour))
		for range 12 {
			o.tables.run("INSERT INTO appointment (PatNum,AptStatus,AptDateTime,DateTStamp,DateTimeArrived,DateTimeSeated,DateTimeDismissed,ProcsColored)" +
				" SELECT PatNum,AptStatus,AptDateTime - INTERVAL AptNum HOUR,'2020-01-01' + INTERVAL AptNum MINUTE,0,0,0,'' FROM appointment")
		}
		cursor := r.changes(driver.AppointmentFeed, "").Next
		o.passed.Add(int64(time.Hour))
		o.tables.run(fmt.Sprintf("UPDATE appointment SET DateTStamp=FROM_UNIXTIME(%d)", o.Now().Unix()), "ANALYZE TABLE appointment")
		o.passed.Add(int64(time.Hour))
		q := driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: cursor, Limit: 100}
		seen := map[string]bool{}
		before := len(o.tables.heard())
		for {
			page, err := driver.ReadChanges(t.Context(), r.conn, q)
			require.NoError(t, err)
			for _, a := range page.Appointments {
				require.False(t, seen[a.ID])
				seen[a.ID] = true
			}
			if q.Cursor = page.Next; !page.More {
				break
			}
		}
		require.Len(t, seen, 4096)
		byKey := 0
		for _, s := range o.tables.heard()[before:] {
			if !strings.Contains(s, "a.AptNum>") {
				continue
			}
			byKey++
			if byKey == 20 {
				for _, row := range o.explain(t, s) {
					require.Equal(t, "PRIMARY", row["key"], "%v", row)
					require.NotContains(t, row["Extra"], "filesort", "%v", row)
				}
			}
		}
		require.GreaterOrEqual(t, byKey, 40)

		// A few in a second are found by their stamps.
		o.tables.run("UPDATE appointment SET DateTStamp='2020-01-01' + INTERVAL AptNum MINUTE",
			fmt.Sprintf("UPDATE appointment SET DateTStamp=FROM_UNIXTIME(%d) WHERE AptNum<=150", o.Now().Unix()), "ANALYZE TABLE appointment")
		o.passed.Add(int64(time.Hour))
		before = len(o.tables.heard())
		for q.Limit = 100; ; {
			page, err := driver.ReadChanges(t.Context(), r.conn, q)
			require.NoError(t, err)
			if q.Cursor = page.Next; !page.More {
				break
			}
		}
		for _, s := range o.tables.heard()[before:] {
			if strings.Contains(s, "a.AptNum>") {
				for _, row := range o.explain(t, s) {
					require.Equal(t, "DateTStamp", row["key"], "%v", row)
				}
			}
		}
	})
}

// A number that was given out before the feed began may show after it has.
func TestANewPatientWhoseRowWasUnderWayIsNotLost(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		enter := func(number int) {
			o.tables.run(fmt.Sprintf("SET timestamp=%d; INSERT INTO patient (PatNum,LName,FName,SecDateEntry) VALUES (%d,'Quill','Ada',CURDATE()); SET timestamp=DEFAULT",
				o.Now().Unix(), number))
		}
		enter(500)
		o.passed.Add(int64(3 * time.Hour))
		cursor := r.changes(driver.PatientFeed, "").Next
		enter(495)
		page := r.changes(driver.PatientFeed, cursor)
		require.Len(t, page.Patients, 1)
		require.Equal(t, "495", page.Patients[0].ID)
	})
}
