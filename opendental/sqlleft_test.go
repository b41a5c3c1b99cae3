package opendental_test

import (
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// ways are how an office is read, as far as they find changes differently.
var ways = map[string]setUp{
	"index": {}, "history": {plain: true, engine: "InnoDB", session: awkward}, "history, random keys": {plain: true, random: true},
	"API": {api: true},
}

// eachWay runs a rule on an office in each of the ways. connect connects it for a
// clinic, empty for all.
func eachWay(t *testing.T, rule func(t *testing.T, o *office, connect func(site string) reader)) {
	t.Helper()
	t.Parallel()
	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	for name, s := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newSQLOffice(t, chicago, s)
			rule(t, o, func(site string) reader {
				cfg := o.config(t, s)
				if name == "API" {
					cfg.DB = nil
				}
				connector, err := opendental.NewConnector(cfg)
				require.NoError(t, err)
				conn, err := connector.Connect(t.Context(), driver.Env{Location: o.zone, Site: site})
				require.NoError(t, err)
				t.Cleanup(func() { _ = conn.Close() })
				return reader{t, conn}
			})
		})
	}
}

func (o *office) edit(apt int64, change func(*opendentaltest.Appointment)) {
	o.tb.Helper()
	_, err := o.EditAppointment(o.tb.Context(), apt, change)
	o.must(err)
}

func TestAVisitThatBecomesNoneIsToldAsGone(t *testing.T) {
	eachWay(t, func(t *testing.T, o *office, connect func(string) reader) {
		r, ada := connect(""), o.patient("Ada", "Quill")
		for _, status := range []opendentaltest.AptStatus{opendentaltest.AptPlanned, opendentaltest.AptPtNote, opendentaltest.AptPtNoteCompleted, opendentaltest.AptNone} {
			apt, stays := o.visit(ada, o.Now().Add(time.Hour)), o.visit(ada, o.Now().Add(2*time.Hour))
			o.passed.Add(int64(2 * time.Minute))
			cursor := r.changes(driver.AppointmentFeed, "").Next
			o.edit(apt, func(a *opendentaltest.Appointment) { a.AptStatus = status })
			o.edit(stays, func(a *opendentaltest.Appointment) { a.Note = "Needs a ramp" })
			page := r.changes(driver.AppointmentFeed, cursor)
			require.Contains(t, page.Deleted, id(apt), "status %d", status)
			require.False(t, holds(page, apt))
			require.True(t, holds(page, stays))
			require.NotContains(t, page.Deleted, id(stays))

			// It may become a visit again.
			o.passed.Add(int64(2 * time.Minute))
			o.edit(apt, func(a *opendentaltest.Appointment) { a.AptStatus = opendentaltest.AptScheduled })
			require.True(t, holds(r.changes(driver.AppointmentFeed, page.Next), apt))
		}
	})
}

func TestAVisitThatIsMovedToAnotherClinicIsToldAsGone(t *testing.T) {
	eachWay(t, func(t *testing.T, o *office, connect func(string) reader) {
		other, err := o.AddClinic(t.Context(), opendentaltest.Clinic{Description: "North"})
		require.NoError(t, err)
		here, there := connect(id(clinic)), connect(id(other.ClinicNum))
		ada := o.patient("Ada", "Quill")
		apt, stays := o.visit(ada, o.Now().Add(time.Hour)), o.visit(ada, o.Now().Add(2*time.Hour))
		o.passed.Add(int64(2 * time.Minute))
		from, to := here.changes(driver.AppointmentFeed, "").Next, there.changes(driver.AppointmentFeed, "").Next
		o.edit(apt, func(a *opendentaltest.Appointment) { a.ClinicNum, a.Note = other.ClinicNum, "Moved north" })
		o.edit(stays, func(a *opendentaltest.Appointment) { a.Note = "Needs a ramp" })
		left, come := here.changes(driver.AppointmentFeed, from), there.changes(driver.AppointmentFeed, to)
		require.Contains(t, left.Deleted, id(apt))
		require.False(t, holds(left, apt))
		require.True(t, holds(left, stays))
		require.True(t, holds(come, apt))
		require.Contains(t, come.Deleted, id(stays), "it is not there, so it is gone there")
		for _, page := range []driver.Page{left, come} {
			i := slices.IndexFunc(page.Appointments, func(a driver.Appointment) bool { return !a.Note.IsEmpty() })
			require.GreaterOrEqual(t, i, 0, "the notes of a clinic's own visits come")
		}

		o.passed.Add(int64(2 * time.Minute))
		o.edit(apt, func(a *opendentaltest.Appointment) { a.ClinicNum = clinic })
		require.True(t, holds(here.changes(driver.AppointmentFeed, left.Next), apt), "it may come back")
		require.Contains(t, there.changes(driver.AppointmentFeed, come.Next).Deleted, id(apt))
	})
}

// What a connection for one clinic reads of the others is numbers and times, not
// what somebody wrote.
func TestNotesOfOtherClinicsAreNotReadFromTheDatabase(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(strconv.FormatBool(plain), func(t *testing.T) {
			s := setUp{plain: plain}
			o := newSQLOffice(t, time.UTC, s)
			r, apt := o.connect(t, s), o.visit(o.patient("Ada", "Quill"), o.Now().Add(time.Hour))
			connector, err := opendental.NewConnector(o.config(t, s))
			require.NoError(t, err)
			conn, err := connector.Connect(t.Context(), driver.Env{Location: o.zone, Site: "77"})
			require.NoError(t, err)
			elsewhere := reader{t, conn}
			cursor := elsewhere.changes(driver.AppointmentFeed, "").Next
			o.edit(apt, func(a *opendentaltest.Appointment) { a.Note = "Anxious about needles" })
			before := len(o.tables.heard())
			require.Contains(t, elsewhere.changes(driver.AppointmentFeed, cursor).Deleted, id(apt))
			for _, statement := range o.tables.heard()[before:] {
				rows, err := o.tables.root.Query(statement)
				require.NoError(t, err)
				require.NotContains(t, allText(t, rows), "needles", statement)
			}
			require.Equal(t, "Anxious about needles", r.appointment(apt).Note.Reveal())
		})
	}
}

// allText is everything in some rows.
func allText(t *testing.T, rows *sql.Rows) string {
	t.Helper()
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	require.NoError(t, err)
	values, into := make([]sql.RawBytes, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	var b strings.Builder
	for rows.Next() {
		require.NoError(t, rows.Scan(into...))
		for _, v := range values {
			b.Write(v)
			b.WriteByte(' ')
		}
	}
	require.NoError(t, rows.Err())
	return b.String()
}
