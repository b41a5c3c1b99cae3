package opendental_test

import (
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/writeback"
)

// A restore drops a table, makes it anew and fills it, one table after the other.
func TestAHalfRestoredDatabaseDeletesNothing(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		d := o.tables
		ada := o.patient("Ada", "Quill")
		old, later, gone := o.visit(ada, time.Now().Add(time.Hour)), o.visit(ada, time.Now().Add(2*time.Hour)), o.visit(ada, time.Now().Add(3*time.Hour))
		o.must(o.DeleteAppointment(t.Context(), gone))
		cursor := r.changes(driver.AppointmentFeed, "").Next
		d.run("CREATE TABLE saved LIKE appointment", "INSERT INTO saved SELECT * FROM appointment")
		doubtful := func(apt int64) {
			t.Helper()
			_, err := driver.ReadAppointment(t.Context(), r.conn, id(apt))
			requireError(t, err, driver.ErrUnavailable, driver.ReasonMaintenance, "back-up may be being restored")
		}
		missing := func(apt int64) {
			t.Helper()
			_, err := driver.ReadAppointment(t.Context(), r.conn, id(apt))
			require.ErrorIs(t, err, driver.ReasonAppointmentMissing)
		}
		missing(gone)
		missing(later + 5000)

		d.run("DROP TABLE appointment") // tables missing
		_, err := driver.ReadAppointment(t.Context(), r.conn, id(old))
		require.ErrorIs(t, err, driver.ErrUnavailable)
		_, err = driver.ReadWindow(t.Context(), r.conn, driver.WindowQuery{Feed: driver.AppointmentFeed, From: o.Now(), To: o.Now().Add(time.Hour)})
		require.ErrorIs(t, err, driver.ReasonUnsupported)

		nextSecond(t)
		d.run("CREATE TABLE appointment LIKE saved")
		require.True(t, r.info().Feeds[driver.AppointmentFeed].Window, "as soon as Info is read")
		require.Empty(t, r.window(driver.AppointmentFeed).Appointments)
		doubtful(old)
		missing(gone) // as the history says
		require.NotContains(t, r.changes(driver.AppointmentFeed, cursor).Deleted, id(old))

		d.run("INSERT INTO appointment SELECT * FROM saved WHERE AptNum=" + id(old)) // old data, with lower numbers
		require.True(t, r.appointment(old).Start.After(time.Now()))
		doubtful(later)

		// An office that stays with the back-up has no such visit.
		opendental.LetSettle(r.conn, opendental.SettleFor)
		missing(later)
		require.NotErrorIs(t, r.conn.Ping(t.Context()), driver.ErrRejected)

		d.run("CREATE TABLE prefs AS SELECT * FROM preference", "DELETE FROM preference") // an empty one
		requireError(t, r.conn.Ping(t.Context()), driver.ErrRejected, driver.ReasonNotThisPMS, "no version of Open Dental")
		_, err = r.conn.Info(t.Context())
		requireError(t, err, driver.ErrRejected, driver.ReasonNotThisPMS, "no version of Open Dental")
		d.run("INSERT INTO preference SELECT * FROM prefs")
		r.info()
	})
}

// The whole way to the host: the sweep finds the visits missing, and nobody is
// told, neither while the table is empty nor while it holds less.
func TestTheHostIsToldOfNoDeletionsDuringARestore(t *testing.T) {
	t.Parallel()
	h, d, pool := newHostOnTables(t)
	stop := h.run(func(c *writeback.Config) { c.SweepEvery = 50 * time.Millisecond }, func() (driver.Connector, error) {
		return h.joined(pool)
	})
	t.Cleanup(stop)
	h.save(nil)
	var visits []int64
	for range 4 {
		visit, _ := h.known(unconfirmed)
		visits = append(visits, visit)
	}
	swept := func(what string) {
		t.Helper()
		from := time.Now()
		h.eventually(what, func() bool {
			health, err := h.p.Health(t.Context())
			require.NoError(t, err)
			for _, c := range health.Checks {
				if c.Loop == "sweep" && c.LastRun.After(from) {
					return true
				}
			}
			return false
		})
	}
	nextSecond(t)
	d.run("CREATE TABLE saved LIKE appointment", "INSERT INTO saved SELECT * FROM appointment",
		"CREATE TABLE made LIKE appointment", "RENAME TABLE appointment TO away, made TO appointment")
	swept("with an empty table")
	swept("and again")
	d.run("INSERT INTO appointment SELECT * FROM saved WHERE AptNum<=" + id(visits[1]))
	swept("with old data")
	swept("and again")
	for _, v := range visits {
		require.False(t, h.toldChange(v, writeback.Deleted))
	}
	d.run("REPLACE INTO appointment SELECT * FROM saved")
	require.NoError(t, h.DeleteAppointment(t.Context(), visits[3]))
	h.poll()
	h.eventually("a real deletion is told", func() bool { return h.toldChange(visits[3], writeback.Deleted) })
	for _, v := range visits[:3] {
		require.False(t, h.toldChange(v, writeback.Deleted))
	}
}

// toldChange reports whether the host was told that a visit changed in a way.
func (h *host) toldChange(visit int64, change writeback.RecordChange) bool {
	return locked(h, func() bool {
		for _, e := range h.appointments {
			if e.Change == change && e.Appointment.ID == id(visit) {
				return true
			}
		}
		return false
	})
}

// joined is the recommended set-up of the host's office.
func (h *host) joined(pool *sqlx.DB) (driver.Connector, error) {
	return opendental.NewConnector(opendental.Config{
		Mode: opendental.Service, URL: h.URL, DB: pool, VerifyAfter: 100 * time.Millisecond,
		DeveloperKey: driver.NewSecret(opendentaltest.DefaultDeveloperKey), CustomerKey: driver.NewSecret(opendentaltest.DefaultCustomerKey),
	})
}

// newHostOnTables is a host whose office is in MariaDB, without an engine yet.
func newHostOnTables(t *testing.T) (*host, *database, *sqlx.DB) {
	t.Helper()
	d := newDatabase(t)
	h := &host{t: t}
	cfg := opendentaltest.Config{Store: opendentaltest.MySQLDB(d.root)}
	h.observe(&cfg)
	var err error
	h.Server, err = opendentaltest.NewServer(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	h.furnish()
	return h, d, d.open(t, nil)
}

// nextSecond waits until the server would tell another time of making a table: it
// tells it in seconds, of a clock that is some milliseconds late.
func nextSecond(t *testing.T) {
	t.Helper()
	next := time.Now().Truncate(time.Second).Add(time.Second + 50*time.Millisecond)
	require.Eventually(t, func() bool { return time.Now().After(next) }, soon, 5*time.Millisecond)
}

// The history may name a visit whose row is not back yet.
func TestWithoutTheIndexARestoreDeletesNothing(t *testing.T) {
	onEachHistory(t, func(t *testing.T, o *office, r reader) {
		d := o.tables
		ada := o.patient("Ada", "Quill")
		kept, gone := o.visit(ada, o.Now().AddDate(0, 0, 1)), o.visit(ada, o.Now().AddDate(0, 0, 2))
		cursor := r.settled(o, driver.AppointmentFeed, "")
		require.NoError(t, o.SetConfirmed(t.Context(), kept, confirmed))
		d.run("CREATE TABLE saved LIKE appointment", "INSERT INTO saved SELECT * FROM appointment")
		nextSecond(t)
		d.run("DROP TABLE appointment", "CREATE TABLE appointment LIKE saved")
		_, err := driver.ReadChanges(t.Context(), r.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: cursor})
		requireError(t, err, driver.ErrUnavailable, driver.ReasonMaintenance, "back-up may be being restored")

		d.run("INSERT INTO appointment SELECT * FROM saved")
		require.NoError(t, o.DeleteAppointment(t.Context(), gone))
		page := r.changes(driver.AppointmentFeed, cursor)
		require.True(t, holds(page, kept))
		require.Equal(t, []string{id(gone)}, page.Deleted)
	})
}

// An office that stays with an older back-up gives numbers out again.
func TestACursorEndsWhenNumbersAreGivenOutAgain(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		d := o.tables
		for range 30 {
			o.patient("Ada", "Quill")
		}
		cursor := r.changes(driver.PatientFeed, "").Next
		for range 2 { // until the mark is at the highest number
			o.passed.Add(int64(25 * time.Hour))
			cursor = r.changes(driver.PatientFeed, cursor).Next
		}
		d.run("CREATE TABLE kept AS SELECT PatNum FROM patient ORDER BY PatNum LIMIT 5",
			"DELETE FROM patient WHERE PatNum NOT IN (SELECT PatNum FROM kept)", "ALTER TABLE patient AUTO_INCREMENT=1")
		cursor = r.changes(driver.PatientFeed, cursor).Next // a restore may be under way
		again := o.patient("Bo", "Reyes")
		o.passed.Add(int64(opendental.SettleFor) / 2)
		page := r.changes(driver.PatientFeed, cursor)
		require.Empty(t, page.Patients)
		o.passed.Add(int64(opendental.SettleFor))
		_, err := driver.ReadChanges(t.Context(), r.conn, driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: page.Next})
		requireError(t, err, driver.ErrCursorExpired, driver.ReasonNone, "gone back to a back-up")

		// Whoever begins anew reads all patients by window.
		var ids []string
		for _, p := range r.window(driver.PatientFeed).Patients {
			ids = append(ids, p.ID)
		}
		require.Contains(t, ids, id(again))
	})
}
