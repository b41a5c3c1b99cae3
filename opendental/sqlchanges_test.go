package opendental_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

var engines = []string{"MyISAM", "InnoDB"}

// onEachEngine runs a rule on an office in Chicago, on both kinds of tables and
// in an ordinary and an awkward session.
func onEachEngine(t *testing.T, rule func(t *testing.T, o *office, r reader)) {
	t.Helper()
	t.Parallel()
	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s := setUp{engine: engine}
			if engine == "InnoDB" {
				s.session = awkward
			}
			o := newSQLOffice(t, chicago, s)
			rule(t, o, o.connect(t, s))
		})
	}
}

// stamp gives an appointment the moment of its last change, past the program.
func (o *office) stamp(apt int64, at time.Time) {
	o.tables.run(fmt.Sprintf("SET time_zone='+00:00'; UPDATE appointment SET Note=CONCAT(Note,'.'), DateTStamp=FROM_UNIXTIME(%d) WHERE AptNum=%d;"+
		" SET time_zone=@@global.time_zone", at.Unix(), apt))
}

// at sets the office's clock.
func (o *office) at(now time.Time) { o.passed.Store(int64(now.Sub(o.start))) }

func TestNothingIsLostWhenSummerTimeEnds(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		apt := o.visit(o.patient("Ada", "Quill"), time.Now().Add(time.Hour))
		first := time.Date(2027, 11, 7, 6, 0, 0, 0, time.UTC) // 1:00 in summer time
		require.Equal(t, 1, first.In(o.zone).Hour())
		require.Equal(t, 1, first.Add(time.Hour).In(o.zone).Hour(), "the hour comes twice")
		// Whenever the cursor was given and the change was made around that hour.
		for given := -70 * time.Minute; given <= 130*time.Minute; given += 25 * time.Minute {
			for _, later := range []time.Duration{0, 20 * time.Minute, time.Hour, 100 * time.Minute} {
				o.at(first.Add(given))
				cursor := r.changes(driver.AppointmentFeed, "").Next
				changed := first.Add(given + later)
				o.stamp(apt, changed)
				o.at(changed.Add(10 * time.Minute))
				page := r.changes(driver.AppointmentFeed, cursor)
				require.True(t, holds(page, apt), "given at %v, changed %v later", given, later)
				require.True(t, page.Appointments[0].ModifiedAt.Equal(changed))
				page = r.changes(driver.AppointmentFeed, page.Next)
				require.False(t, holds(page, apt), "read again: given at %v, changed %v later", given, later)
			}
		}
	})
}

func TestAStatementThatWaitedForALockIsNotLost(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		apt := o.visit(o.patient("Ada", "Quill"), time.Now().Add(time.Hour))
		cursor := r.settled(o, driver.AppointmentFeed, "")
		began := o.Now()
		waits := map[bool]time.Duration{true: 9 * time.Second, false: 50 * time.Second}[r.engine(o) == "MyISAM"]
		for range 3 { // polls that do not see it yet
			o.passed.Add(int64(waits / 3))
			page := r.changes(driver.AppointmentFeed, cursor)
			require.False(t, holds(page, apt))
			cursor = page.Next
		}
		o.stamp(apt, began)
		require.True(t, holds(r.changes(driver.AppointmentFeed, cursor), apt))
	})
}

func (r reader) engine(o *office) string {
	var engine string
	require.NoError(r.t, o.tables.root.QueryRow("SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME='appointment'").Scan(&engine))
	return engine
}

func TestADeletionCommittedOutOfOrderIsNotLost(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		gone := func(hist, apt int64) {
			o.tables.run(fmt.Sprintf("INSERT INTO histappointment (HistApptNum,AptNum,HistApptAction,Note,ProcDescript,ProcsColored) VALUES (%d,%d,4,'','','')", hist, apt))
		}
		gone(1000, 1)
		o.passed.Add(int64(time.Hour))
		cursor := r.changes(driver.AppointmentFeed, "").Next
		o.passed.Add(int64(70 * time.Second)) // the mark moves on with the next poll
		gone(1005, 55)
		page := r.changes(driver.AppointmentFeed, cursor)
		require.Contains(t, page.Deleted, "55")
		o.passed.Add(int64(5 * time.Second))
		page = r.changes(driver.AppointmentFeed, page.Next)
		gone(1003, 33) // its number was given out earlier
		o.passed.Add(int64(4 * time.Second))
		require.Contains(t, r.changes(driver.AppointmentFeed, page.Next).Deleted, "33")

		// After a while they are no longer told.
		for range 5 {
			o.passed.Add(int64(70 * time.Second))
			page = r.changes(driver.AppointmentFeed, page.Next)
		}
		require.Empty(t, page.Deleted)
	})
}

func TestAnAppointmentThatIsThereIsNotToldAsDeleted(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		apt := o.visit(o.patient("Ada", "Quill"), time.Now().Add(time.Hour))
		cursor := r.changes(driver.AppointmentFeed, "").Next
		// The program writes the history first.
		o.tables.run(fmt.Sprintf("INSERT INTO histappointment (AptNum,HistApptAction,Note,ProcDescript,ProcsColored) VALUES (%d,4,'','','')", apt))
		page := r.changes(driver.AppointmentFeed, cursor)
		require.NotContains(t, page.Deleted, id(apt))
		o.tables.run(fmt.Sprintf("DELETE FROM appointment WHERE AptNum=%d", apt))
		require.Contains(t, r.changes(driver.AppointmentFeed, page.Next).Deleted, id(apt))
	})
}

func TestADatabaseClockThatWasSetBackExpiresCursors(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		for _, feed := range driver.Feeds() {
			cursor := r.changes(feed, "").Next
			o.passed.Add(int64(-time.Second))
			r.changes(feed, cursor)
			o.passed.Add(int64(-20 * time.Second))
			_, err := driver.ReadChanges(t.Context(), r.conn, driver.ChangesQuery{Feed: feed, Cursor: cursor})
			require.ErrorIs(t, err, driver.ErrCursorExpired, feed)
		}
	})
}

func TestANewPatientWhoIsCompletedLaterComesAgain(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		old := o.patient("Olga", "Ode")
		for range 30 { // behind the first mark
			o.patient("Pat", "Padding")
		}
		o.passed.Add(int64(2 * time.Hour))
		cursor := r.changes(driver.PatientFeed, "").Next
		ada := o.patient("Ada", "New")
		page := r.changes(driver.PatientFeed, cursor)
		require.Len(t, page.Patients, 1)
		o.passed.Add(int64(3 * time.Hour))
		page = r.changes(driver.PatientFeed, r.changes(driver.PatientFeed, page.Next).Next)
		require.Empty(t, page.Patients)
		for _, patient := range []int64{ada, old} {
			_, err := o.EditPatient(t.Context(), patient, func(p *opendentaltest.Patient) { p.LName = "Married" })
			require.NoError(t, err)
		}
		page = r.changes(driver.PatientFeed, page.Next)
		require.Len(t, page.Patients, 1, "one who is not new is not looked at")
		require.Equal(t, id(ada), page.Patients[0].ID)
		require.Equal(t, "Married", page.Patients[0].LastName.Reveal())

		// A day later a new one is no longer new.
		for range 3 {
			o.passed.Add(int64(25 * time.Hour))
			page = r.changes(driver.PatientFeed, page.Next)
		}
		late := o.patient("Lea", "Late")
		page = r.changes(driver.PatientFeed, page.Next)
		require.Len(t, page.Patients, 1)
		require.Equal(t, id(late), page.Patients[0].ID)
	})
}

func TestALongAbsenceIsCaughtUpDayByDay(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		ada := o.patient("Ada", "Quill")
		cursor := r.changes(driver.AppointmentFeed, "").Next
		var want []int64
		for day := range 40 {
			apt := o.visit(ada, time.Now().Add(time.Hour))
			if day%7 == 3 {
				want = append(want, apt)
			} else {
				o.tables.run(fmt.Sprintf("DELETE FROM appointment WHERE AptNum=%d", apt))
			}
			o.passed.Add(int64(24 * time.Hour))
		}
		before := len(o.tables.heard())
		page := r.changes(driver.AppointmentFeed, cursor)
		for _, apt := range want {
			require.True(t, holds(page, apt))
		}
		pages := 0
		for _, s := range o.tables.heard()[before:] {
			if strings.Contains(s, "ORDER BY a.DateTStamp") {
				pages++
			}
		}
		require.GreaterOrEqual(t, pages, 40)
	})
}

func TestTheEdgesOfTheDaysThatACatchUpReadsAreNotLost(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		ada := o.patient("Ada", "Quill")
		var apts []int64
		for range 5 {
			apts = append(apts, o.visit(ada, time.Now().Add(time.Hour)))
		}
		slack := 10 * time.Second
		if r.engine(o) == "InnoDB" {
			slack = time.Minute
		}
		twice := time.Date(2027, 11, 7, 7, 20, 0, 0, time.UTC) // 1:20 for the second time
		for _, edge := range []time.Time{twice, twice.Add(-time.Hour), twice.AddDate(0, 3, 0)} {
			since := edge.Add(-24 * time.Hour)
			o.at(since.Add(slack))
			cursor := r.changes(driver.AppointmentFeed, "").Next
			for i, off := range []time.Duration{-30 * time.Minute, 0, time.Second, 2 * time.Second, 24 * time.Hour} {
				o.stamp(apts[i], edge.Add(off))
			}
			o.at(edge.Add(70 * time.Hour))
			page := r.changes(driver.AppointmentFeed, cursor)
			require.Len(t, page.Appointments, len(apts), "each once, around %v", edge)
			for _, apt := range apts {
				require.True(t, holds(page, apt))
			}
		}
	})
}

func TestACursorOfAnotherSetUpIsExpired(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{api: true})
	withDatabase := o.connect(t, setUp{api: true})
	connector, err := o.pms().Driver.OpenConnector(o.pms().DSN)
	require.NoError(t, err)
	conn, err := connector.Connect(t.Context(), driver.Env{Location: time.UTC})
	require.NoError(t, err)
	alone := reader{t, conn}
	for _, feed := range driver.Feeds() {
		_, err := driver.ReadChanges(t.Context(), alone.conn, driver.ChangesQuery{Feed: feed, Cursor: withDatabase.changes(feed, "").Next})
		require.ErrorIs(t, err, driver.ErrCursorExpired, feed)
		_, err = driver.ReadChanges(t.Context(), withDatabase.conn, driver.ChangesQuery{Feed: feed, Cursor: alone.changes(feed, "").Next})
		require.ErrorIs(t, err, driver.ErrCursorExpired, feed)
	}
}

func TestADamagedCursorIsExpired(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	r := o.connect(t, setUp{})
	now := o.Now().Unix()
	for _, fields := range []string{
		"", `,"s":0,"n":%d`, `,"s":-1,"n":%d`, `,"s":9223372036854775807,"n":%d`, `,"s":1,"n":9223372036854775807`,
		`,"s":1,"n":%d,"e":9223372036854775807`, `,"s":10,"n":%d,"e":5`, `,"s":1,"n":%d,"e":5,"t":6`, `,"s":1,"n":%d,"k":-5`, `,"s":1.5,"n":%d`,
		`,"s":"1 OR 1=1","n":%d`,
	} {
		if strings.Contains(fields, "%d") {
			fields = fmt.Sprintf(fields, now)
		}
		for feed, name := range map[driver.Feed]string{driver.AppointmentFeed: "appointments", driver.PatientFeed: "patients", driver.PhotoFeed: "photos"} {
			cursor := `{"q":"` + name + `"` + fields + `,"m":{"l":1,"h":1,"t":1}}`
			_, err := driver.ReadChanges(t.Context(), r.conn, driver.ChangesQuery{Feed: feed, Cursor: cursor})
			require.ErrorIs(t, err, driver.ErrCursorExpired, cursor)
		}
	}
}

// A poll that read the whole table would keep an office with MyISAM tables from
// writing meanwhile.
func TestAPollUsesTheIndexes(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		ada := o.patient("Ada", "Quill")
		o.visit(ada, time.Now().Add(time.Hour))
		for range 12 { // 4096 of them, long ago
			o.tables.run("INSERT INTO appointment (PatNum,AptStatus,AptDateTime,DateTStamp,DateTimeArrived,DateTimeSeated,DateTimeDismissed,ProcsColored)" +
				" SELECT PatNum,AptStatus,AptDateTime - INTERVAL AptNum HOUR,'2020-01-01' + INTERVAL AptNum MINUTE,0,0,0,'' FROM appointment")
		}
		for range 11 {
			o.tables.run("INSERT INTO patient (LName,DateTStamp) SELECT 'X','2020-01-01' FROM patient")
		}
		o.tables.run("ANALYZE TABLE appointment, patient, histappointment")
		o.passed.Add(int64(time.Minute))
		cursors := []string{r.changes(driver.AppointmentFeed, "").Next, r.changes(driver.PatientFeed, "").Next}
		before := len(o.tables.heard())
		o.passed.Add(int64(time.Second))
		r.changes(driver.AppointmentFeed, cursors[0])
		r.changes(driver.PatientFeed, cursors[1])
		_, err := driver.ReadWindow(t.Context(), r.conn, driver.WindowQuery{Feed: driver.AppointmentFeed, From: time.Now(), To: time.Now().AddDate(0, 0, 2)})
		require.NoError(t, err)
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
		require.Equal(t, 4, explained)
	})
}

func (o *office) explain(t *testing.T, statement string) []map[string]any {
	rows, err := o.tables.open(t, nil).Queryx("EXPLAIN " + statement)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var out []map[string]any
	for rows.Next() {
		row := map[string]any{}
		require.NoError(t, rows.MapScan(row))
		for k, v := range row {
			if b, ok := v.([]byte); ok {
				row[k] = string(b)
			}
		}
		out = append(out, row)
	}
	return out
}
