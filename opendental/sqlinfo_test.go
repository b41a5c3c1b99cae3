package opendental_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestRightsOnColumnsAndByRolesAreAdvisedAgainstToo(t *testing.T) {
	t.Parallel()
	advised := func(o *office) bool {
		return strings.Contains(strings.Join(o.connect(t, setUp{}).info().Notes, "\n"), "SELECT alone is advised")
	}
	o := newSQLOffice(t, time.UTC, setUp{})
	d := o.tables
	require.False(t, advised(o))
	d.run("GRANT UPDATE (LName) ON " + d.name + ".patient TO " + d.reader + "@localhost")
	require.True(t, advised(o))
	d.run("REVOKE UPDATE (LName) ON " + d.name + ".patient FROM " + d.reader + "@localhost")
	require.False(t, advised(o))

	role := "writers_" + d.reader
	d.run("CREATE ROLE "+role, "GRANT INSERT ON "+d.name+".* TO "+role, "GRANT "+role+" TO "+d.reader+"@localhost",
		"SET DEFAULT ROLE "+role+" FOR "+d.reader+"@localhost")
	require.True(t, advised(o))
}

func TestAServerWhoseClockIsWrongIsNoted(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, inChicago(t), setUp{})
	r := o.connect(t, setUp{})
	require.Empty(t, r.info().Notes)
	o.passed.Add(int64(3 * time.Hour))
	info := r.info()
	require.Contains(t, strings.Join(info.Notes, "\n"), "clock is wrong by 3h0m0s")
	require.InDelta(t, 3*time.Hour, info.Clock.Skew, float64(time.Minute))
}

func TestAPhoneNumberIsLookedUpWithItsCountryCode(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	o.tables.run(phoneNumbers)
	o.must(o.SetPreference(t.Context(), "PatientPhoneUsePhonenumberTable", "1"))
	with, without, other := o.patient("Ada", "Quill"), o.patient("Bea", "Quill"), o.patient("Cy", "Quill")
	for patient, digits := range map[int64]string{with: "15035550199", without: "5035550199", other: "25035550199"} {
		o.tables.run("INSERT INTO phonenumber (PatNum,PhoneNumberVal,PhoneNumberDigits,PhoneType) VALUES (" + id(patient) + ",'','" + digits + "',0)")
	}
	r := o.connect(t, setUp{})
	for _, number := range []string{"(503) 555-0199", "+1 503 555 0199"} {
		found, err := driver.FindPatients(t.Context(), r.conn, driver.PatientQuery{Phone: driver.NewText(number)})
		require.NoError(t, err)
		var ids []string
		for _, p := range found {
			ids = append(ids, p.ID)
		}
		require.ElementsMatch(t, []string{id(with), id(without)}, ids)
	}
}

// Whoever closes a connection does not wait for a table that a backup has locked.
func TestCloseEndsAReadThatWaits(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	r := o.connect(t, setUp{})
	backup, err := o.tables.root.Conn(t.Context())
	require.NoError(t, err)
	_, err = backup.ExecContext(t.Context(), "LOCK TABLES appointment WRITE")
	require.NoError(t, err)
	ended := make(chan error, 1)
	before := len(o.tables.heard())
	go func() {
		_, err := driver.ReadAppointment(t.Context(), r.conn, "1")
		ended <- err
	}()
	require.Eventually(t, func() bool { return len(o.tables.heard()) > before }, soon, time.Millisecond)
	began := time.Now()
	require.NoError(t, r.conn.Close())
	require.ErrorIs(t, <-ended, driver.ErrUnavailable)
	require.Less(t, time.Since(began), 10*time.Second, "less than the timeout")
	_, err = backup.ExecContext(t.Context(), "UNLOCK TABLES")
	require.NoError(t, err)
	require.NoError(t, backup.Close())
}
