package opendental_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// A backup may lock tables for many minutes and let everybody read them. What staff
// do meanwhile waits, and is stamped with the moment at which the waiting began.
func TestAChangeThatWaitedForABackupIsNotLost(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		for _, random := range []string{"0", "1"} {
			o.must(o.SetPreference(t.Context(), "RandomPrimaryKeys", random))
			r.info()
			ada := o.patient("Ada", "Quill")
			apt, other := o.visit(ada, o.Now().Add(time.Hour)), o.visit(ada, o.Now().Add(2*time.Hour))
			cursor := r.settled(o, driver.AppointmentFeed, "")
			began := o.Now()
			for range 20 { // polls during the backup
				o.passed.Add(int64(time.Minute))
				page := r.changes(driver.AppointmentFeed, cursor)
				require.Zero(t, page.Len())
				cursor = page.Next
			}
			o.stamp(apt, began) // as soon as it may
			o.tables.run(fmt.Sprintf("SET timestamp=%d; INSERT INTO histappointment (AptNum,HistDateTStamp,HistApptAction,Note,ProcDescript,ProcsColored)"+
				" VALUES (%d,NOW(),1,'','',''); SET timestamp=DEFAULT", o.Now().Unix(), apt))
			o.passed.Add(int64(5 * time.Second))
			page := r.changes(driver.AppointmentFeed, cursor)
			require.True(t, holds(page, apt), "random keys: %s", random)
			require.False(t, holds(page, other))
			r.settled(o, driver.AppointmentFeed, page.Next)
		}
	})
}

// That is so: the server lets reads pass, and stamps a change with when it began.
func TestAChangeBehindALockIsStampedBeforeIt(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, inChicago(t), setUp{engine: "InnoDB"})
	r, apt := o.connect(t, setUp{}), o.visit(o.patient("Ada", "Quill"), time.Now().Add(time.Hour))
	backup, err := o.tables.root.Conn(t.Context())
	require.NoError(t, err)
	_, err = backup.ExecContext(t.Context(), "LOCK TABLES appointment READ")
	require.NoError(t, err)
	changed := make(chan error, 1)
	go func() {
		_, err := o.tables.root.ExecContext(t.Context(), fmt.Sprintf("UPDATE appointment SET Confirmed=%d WHERE AptNum=%d", texted, apt))
		changed <- err
	}()
	require.Eventually(t, func() bool {
		var waiting int
		require.NoError(t, o.tables.root.QueryRow("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB=DATABASE() AND STATE LIKE 'Waiting for table%'").Scan(&waiting))
		return waiting == 1
	}, soon, 10*time.Millisecond)
	nextSecond(t)
	locked := time.Now().Truncate(time.Second)
	require.NotEqual(t, id(texted), r.appointment(apt).Status)
	_, err = backup.ExecContext(t.Context(), "UNLOCK TABLES")
	require.NoError(t, err)
	require.NoError(t, backup.Close())
	require.NoError(t, <-changed)
	a := r.appointment(apt)
	require.Equal(t, id(texted), a.Status)
	require.True(t, a.ModifiedAt.Before(locked))
}

func TestANewPatientWhoWaitedForABackupIsNotLost(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		for _, random := range []string{"0", "1"} {
			o.must(o.SetPreference(t.Context(), "RandomPrimaryKeys", random))
			r.info()
			cursor := r.changes(driver.PatientFeed, "").Next
			began := o.Now()
			for range 50 { // polls during the backup
				o.passed.Add(int64(time.Minute))
				cursor = r.changes(driver.PatientFeed, cursor).Next
			}
			o.tables.run(fmt.Sprintf("SET timestamp=%d; INSERT INTO patient (LName,FName,SecDateEntry) VALUES ('New%s','One',CURDATE()); SET timestamp=DEFAULT",
				began.Unix(), random))
			page := r.changes(driver.PatientFeed, cursor)
			require.Equal(t, 1, slices.IndexFunc(page.Patients, func(p driver.Patient) bool { return p.LastName.Reveal() == "New"+random })+1, "random keys: %s", random)
		}
	})
}
