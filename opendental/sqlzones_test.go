package opendental_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
)

// named has the program's history name an appointment, as of the server's wall
// time.
func (o *office) named(apt int64, action int) {
	o.tables.run(fmt.Sprintf("SET timestamp=%d; INSERT INTO histappointment (AptNum,HistDateTStamp,HistApptAction,Note,ProcDescript,ProcsColored)"+
		" VALUES (%d,NOW(),%d,'','',''); SET timestamp=DEFAULT", o.Now().Unix(), apt, action))
}

// Where keys are random the history is read by its wall times, which are those of
// the server, whatever the practice's zone is set to.
func TestHistoryOfAServerInAnotherZoneIsNotLost(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Pacific/Auckland", "Pacific/Honolulu"} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprint(zone, plain), func(t *testing.T) {
				t.Parallel()
				loc, err := time.LoadLocation(zone)
				require.NoError(t, err)
				s := setUp{random: true, plain: plain}
				o := newSQLOffice(t, loc, s)
				r, ada := o.connect(t, s), o.patient("Ada", "Quill")
				apt := o.visit(ada, o.Now().Add(time.Hour))
				o.passed.Add(int64(48 * time.Hour))
				cursor := r.changes(driver.AppointmentFeed, "").Next
				o.passed.Add(int64(time.Minute))
				o.named(4711, 4)
				o.stamp(apt, o.Now())
				o.named(apt, 1)
				page := r.changes(driver.AppointmentFeed, cursor)
				require.Contains(t, page.Deleted, "4711")
				require.True(t, holds(page, apt))
			})
		}
	}
}

// In the hour that comes twice the wall times of the history begin again.
func TestHistoryIsNotLostWhenSummerTimeEnds(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprint(plain), func(t *testing.T) {
			t.Parallel()
			s := setUp{random: true, plain: plain}
			o := newSQLOffice(t, inChicago(t), s)
			r := o.connect(t, s)
			apt := o.visit(o.patient("Ada", "Quill"), o.Now().Add(time.Hour))
			first := time.Date(2027, 11, 7, 6, 0, 0, 0, time.UTC) // 1:00 in summer time
			for i, given := range []time.Duration{-30 * time.Minute, 20 * time.Minute, 50 * time.Minute, 80 * time.Minute, 130 * time.Minute} {
				for j, later := range []time.Duration{2 * time.Minute, 25 * time.Minute, time.Hour} {
					o.at(first.Add(given))
					cursor := r.changes(driver.AppointmentFeed, "").Next
					o.at(first.Add(given + later))
					gone := int64(5000 + 10*i + j)
					o.named(gone, 4)
					o.stamp(apt, o.Now())
					o.named(apt, 1)
					page := r.changes(driver.AppointmentFeed, cursor)
					require.Contains(t, page.Deleted, id(gone), "given at %v, deleted %v later", given, later)
					require.True(t, holds(page, apt), "given at %v, changed %v later", given, later)
				}
			}
		})
	}
}

// A host that was off for days reads the history to its end.
func TestALongAbsenceIsCaughtUpFromTheHistory(t *testing.T) {
	onEachHistory(t, func(t *testing.T, o *office, r reader) {
		ada := o.patient("Ada", "Quill")
		var apts []int64
		for n := range 9 {
			apts = append(apts, o.visit(ada, o.Now().AddDate(0, 0, -100-n))) // the net does not reach them
		}
		cursor := r.settled(o, driver.AppointmentFeed, "")
		for _, apt := range apts {
			o.passed.Add(int64(13 * time.Hour))
			o.stamp(apt, o.Now())
			o.named(apt, 1)
		}
		page := r.changes(driver.AppointmentFeed, cursor)
		for n, apt := range apts {
			require.True(t, holds(page, apt), n)
		}
	})
}

// The history of a deletion sometimes holds the number alone, so that it may have
// been in any clinic; those of other clinics are theirs.
func TestADeletionIsToldToItsClinic(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	connector, err := opendental.NewConnector(o.config(t, setUp{}))
	require.NoError(t, err)
	conn, err := connector.Connect(t.Context(), driver.Env{Location: o.zone, Site: id(clinic)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	r := reader{t, conn}
	cursor := r.changes(driver.AppointmentFeed, "").Next
	for apt, in := range map[int]string{7001: "5," + id(clinic), 7002: "5,77", 7003: "0,0"} {
		o.tables.run(fmt.Sprintf("INSERT INTO histappointment (AptNum,PatNum,ClinicNum,HistApptAction,Note,ProcDescript,ProcsColored) VALUES (%d,%s,4,'','','')", apt, in))
	}
	require.ElementsMatch(t, []string{"7001", "7003"}, r.changes(driver.AppointmentFeed, cursor).Deleted)
}

// A walk that breaks goes on where it was.
func TestAWalkGoesOnAfterALineThatBroke(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		ada := o.patient("Ada", "Quill")
		for n := range 4 {
			o.visit(ada, o.Now().AddDate(0, 0, 1+n*10))
		}
		q := driver.WindowQuery{Feed: driver.AppointmentFeed, From: o.Now(), To: o.Now().AddDate(0, 0, 60), Limit: 1}
		found := map[string]int{}
		broke := 0
		for pages := 0; ; pages++ {
			require.Less(t, pages, 20)
			o.tables.line.set(lineOffline)
			page, err := driver.ReadWindow(t.Context(), r.conn, q)
			o.tables.line.set(lineGood)
			if err != nil {
				broke++
				require.ErrorIs(t, err, driver.ErrUnavailable)
				page, err = driver.ReadWindow(t.Context(), r.conn, q)
			}
			require.NoError(t, err)
			for _, a := range page.Appointments {
				found[a.ID]++
			}
			if q.Token = page.Next; !page.More {
				break
			}
		}
		require.Greater(t, broke, 1)
		require.Len(t, found, 4)
	})
}
