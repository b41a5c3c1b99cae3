package opendental_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// reader reads through a connection and fails the test when it cannot.
type reader struct {
	t    *testing.T
	conn driver.Conn
}

func (o *office) connect(t *testing.T, s setUp) reader {
	t.Helper()
	connector, err := opendental.NewConnector(o.config(t, s))
	require.NoError(t, err)
	conn, err := connector.Connect(t.Context(), driver.Env{Location: o.zone})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return reader{t, conn}
}

func (r reader) info() driver.Info {
	r.t.Helper()
	info, err := r.conn.Info(r.t.Context())
	require.NoError(r.t, err)
	return info
}

// changes follows a cursor to the end; Next of what comes back is the last.
func (r reader) changes(feed driver.Feed, cursor string) driver.Page {
	r.t.Helper()
	var all driver.Page
	for n := 0; ; n++ {
		require.Less(r.t, n, 1000, "the pages do not end")
		page, err := driver.ReadChanges(r.t.Context(), r.conn, driver.ChangesQuery{Feed: feed, Cursor: cursor, Limit: 3})
		require.NoError(r.t, err)
		all.Appointments = append(all.Appointments, page.Appointments...)
		all.Patients = append(all.Patients, page.Patients...)
		all.Photos = append(all.Photos, page.Photos...)
		all.Deleted = append(all.Deleted, page.Deleted...)
		cursor, all.Next = page.Next, page.Next
		if !page.More {
			return all
		}
	}
}

// window walks through a window of appointments from a year ago to a year ahead.
func (r reader) window(feed driver.Feed) driver.Page {
	r.t.Helper()
	q := driver.WindowQuery{Feed: feed, Limit: 2}
	if feed == driver.AppointmentFeed || feed == driver.AppointmentStatusFeed {
		q.From, q.To = time.Now().AddDate(-1, 0, 0), time.Now().AddDate(1, 0, 0)
	}
	var all driver.Page
	for n := 0; ; n++ {
		require.Less(r.t, n, 1000, "the pages do not end")
		page, err := driver.ReadWindow(r.t.Context(), r.conn, q)
		require.NoError(r.t, err)
		all.Appointments = append(all.Appointments, page.Appointments...)
		all.Patients = append(all.Patients, page.Patients...)
		all.Photos = append(all.Photos, page.Photos...)
		if q.Token = page.Next; !page.More {
			return all
		}
	}
}

func (r reader) appointment(apt int64) driver.Appointment {
	r.t.Helper()
	a, err := driver.ReadAppointment(r.t.Context(), r.conn, id(apt))
	require.NoError(r.t, err)
	return a
}

func holds(page driver.Page, apt int64) bool {
	return slices.ContainsFunc(page.Appointments, func(a driver.Appointment) bool { return a.ID == id(apt) })
}

func (o *office) patient(first, last string) int64 {
	o.tb.Helper()
	p, err := o.AddPatient(o.tb.Context(), opendentaltest.Patient{
		FName: first, LName: last, Birthdate: time.Date(1980, 2, 29, 0, 0, 0, 0, o.zone), WirelessPhone: "(503)555-0142", ClinicNum: clinic,
	})
	o.must(err)
	return p.PatNum
}

func (o *office) visit(patient int64, start time.Time) int64 {
	o.tb.Helper()
	a, err := o.AddAppointment(o.tb.Context(), opendentaltest.Appointment{PatNum: patient, AptDateTime: start.In(o.zone).Truncate(time.Minute), ClinicNum: clinic})
	o.must(err)
	return a.AptNum
}
