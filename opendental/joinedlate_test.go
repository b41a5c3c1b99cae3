package opendental_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// A line that breaks may lead to another database when it is back.
func TestAfterALineThatBrokeTheDatabaseIsComparedAgain(t *testing.T) {
	t.Parallel()
	o, other := newSQLOffice(t, inChicago(t), both), newSQLOffice(t, inChicago(t), both)
	ada, zoe := o.patient("Ada", "Quill"), other.patient("Zoe", "Xia")
	require.Equal(t, ada, zoe, "one number in both")
	r := o.connect(t, both)
	name := func() string {
		t.Helper()
		found, err := driver.FindPatients(t.Context(), r.conn, driver.PatientQuery{ID: id(ada)})
		require.NoError(t, err)
		require.Len(t, found, 1)
		return found[0].FirstName.Reveal()
	}
	require.Equal(t, "Ada", name())
	o.tables.line.set(lineCutMiddle)
	require.Equal(t, "Ada", name(), "through the API")
	o.tables.standIn(other.tables)
	o.tables.line.set(lineGood)
	for range 3 {
		require.Equal(t, "Ada", name())
	}
	require.Contains(t, r.notes(), "differ in their patients")
}

// A window of more than one page is walked to its end where the API stands in.
func TestAWalkThroughTheAPIEndsBesideTheDatabase(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, inChicago(t), both)
	d, ada := o.tables, o.patient("Ada", "Quill")
	var want []string
	for n := range 7 { // pages of two
		want = append(want, id(o.visit(ada, o.Now().Add(time.Duration(1+n)*time.Hour))))
	}
	d.run("REVOKE SELECT ON " + d.name + ".* FROM " + d.reader + "@localhost")
	for _, table := range []string{"preference", "patient", "definition", "provider"} {
		d.run("GRANT SELECT ON " + d.name + "." + table + " TO " + d.reader + "@localhost")
	}
	r := o.connect(t, both)
	o.ResetCounts()
	var got []string
	for _, a := range r.window(driver.AppointmentFeed).Appointments {
		got = append(got, a.ID)
	}
	require.ElementsMatch(t, want, got)
	require.Greater(t, o.Count("GET", "/appointments"), 1)
	require.Len(t, r.window(driver.PatientFeed).Patients, 1, "from the database")
}
