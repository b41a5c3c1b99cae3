package memdriver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestAWindowIsHalfOpenAndLeavesOutWhatHasNoTime(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	first := p.AddAppointment(driver.Appointment{Patient: p.patient, Start: noon})
	p.AddAppointment(driver.Appointment{Patient: p.patient, Start: noon.Add(time.Hour)})
	p.AddAppointment(driver.Appointment{Patient: p.patient})
	gone := p.AddAppointment(driver.Appointment{Patient: p.patient, Start: noon})
	require.NoError(t, p.DeleteAppointment(gone))
	page, err := driver.ReadWindow(t.Context(), p.conn, driver.WindowQuery{Feed: driver.AppointmentFeed, From: noon, To: noon.Add(time.Hour)})
	require.NoError(t, err)
	require.Len(t, page.Appointments, 1)
	require.Equal(t, first, page.Appointments[0].ID)
	require.False(t, page.More)
}

func TestAWalkGivesWhatStaysExactlyOnce(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{PageSize: 3})
	stays := map[string]bool{}
	var moved []string
	for i := range 20 {
		id := p.AddAppointment(driver.Appointment{Patient: p.patient, Start: noon.Add(time.Duration(i) * time.Minute)})
		if i%4 == 0 {
			moved = append(moved, id)
		} else {
			stays[id] = true
		}
	}
	q := driver.WindowQuery{Feed: driver.AppointmentStatusFeed, From: noon, To: noon.Add(time.Hour)}
	seen := map[string]int{}
	for i := 0; ; i++ {
		page, err := driver.ReadWindow(t.Context(), p.conn, q)
		require.NoError(t, err)
		require.LessOrEqual(t, page.Len(), 3)
		require.Empty(t, page.Deleted)
		for _, a := range page.Appointments {
			seen[a.ID]++
			require.NoError(t, p.SetStatus(a.ID, confirmed))
		}
		// Meanwhile staff move one within the window, one out of it, and add one.
		if i < len(moved) {
			require.NoError(t, p.MoveAppointment(moved[i], noon.AddDate(0, 0, i)))
			p.AddAppointment(driver.Appointment{Patient: p.patient, Start: noon})
		}
		if q.Token = page.Next; !page.More {
			break
		}
	}
	for id := range stays {
		require.Equal(t, 1, seen[id])
	}
	for _, n := range seen {
		require.Equal(t, 1, n)
	}
}

func TestThePatientAndPhotoWindowsAreAllOfThem(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	p.AddPatient(driver.Patient{})
	photo := p.AddPhoto(p.patient, "image/png", []byte("png"))
	page, err := driver.ReadWindow(t.Context(), p.conn, driver.WindowQuery{Feed: driver.PatientFeed})
	require.NoError(t, err)
	require.Len(t, page.Patients, 2)
	page, err = driver.ReadWindow(t.Context(), p.conn, driver.WindowQuery{Feed: driver.PhotoFeed})
	require.NoError(t, err)
	require.Equal(t, photo, page.Photos[0].ID)
}

func TestATokenIsGoodForOneWalkOnOneConnection(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{PageSize: 1})
	p.AddPatient(driver.Patient{})
	page, err := driver.ReadWindow(t.Context(), p.conn, driver.WindowQuery{Feed: driver.PatientFeed})
	require.NoError(t, err)
	require.True(t, page.More)

	q := driver.WindowQuery{Feed: driver.PatientFeed, Token: page.Next}
	_, err = driver.ReadWindow(t.Context(), p.connect(driver.Env{}), q)
	require.ErrorIs(t, err, driver.ErrCursorExpired)
	for _, bad := range []driver.WindowQuery{
		{Feed: driver.PhotoFeed, Token: page.Next},
		{Feed: driver.AppointmentFeed, From: noon, To: noon, Token: page.Next},
		{Feed: driver.PatientFeed, Token: "x"},
		{Feed: driver.PatientFeed, Token: page.Next + "x"},
	} {
		_, err = driver.ReadWindow(t.Context(), p.conn, bad)
		require.ErrorIs(t, err, driver.ErrCursorExpired)
	}
	_, err = driver.ReadWindow(t.Context(), p.conn, q)
	require.NoError(t, err)
}

func TestBoundsThatDoNotGoWithTheFeedAreRefused(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	for _, q := range []driver.WindowQuery{
		{Feed: driver.AppointmentFeed},
		{Feed: driver.AppointmentFeed, From: noon},
		{Feed: driver.AppointmentStatusFeed, From: noon, To: noon.Add(-1)},
		{Feed: driver.PatientFeed, From: noon, To: noon.Add(1)},
	} {
		_, err := driver.ReadWindow(t.Context(), p.conn, q)
		require.ErrorIs(t, err, driver.ReasonInvalid)
	}
}
