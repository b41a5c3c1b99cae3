package memdriver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestABaselineIsEmptyAndMarksThePresent(t *testing.T) {
	t.Parallel()
	clk := newClock()
	p := newPractice(t, memdriver.Config{Now: clk.Now, Skew: -90 * time.Minute})
	clk.Advance(time.Minute)
	for _, feed := range driver.Feeds() {
		page := p.changes(feed, "")
		require.Zero(t, page.Len())
		require.False(t, page.More)
		require.Equal(t, noon.Add(-89*time.Minute), page.AsOf)
		require.Zero(t, ptr(p.changes(feed, page.Next)).Len(), "what was there before the tick of the baseline stays out")
	}
}

func TestEveryStaffActionIsInTheFeed(t *testing.T) {
	t.Parallel()
	clk := newClock()
	p := newPractice(t, memdriver.Config{Now: clk.Now})
	photo := p.AddPhoto(p.patient, "image/png", []byte("png"))
	clk.Advance(time.Minute)
	next := map[driver.Feed]string{}
	for _, feed := range driver.Feeds() {
		next[feed] = p.changes(feed, "").Next
	}
	// read gives what changed since the step before, and lets the tick end.
	read := func(feed driver.Feed) driver.Page {
		t.Helper()
		clk.Advance(time.Second)
		page := p.changes(feed, next[feed])
		require.Equal(t, 1, page.Len())
		require.False(t, page.More)
		next[feed] = page.Next
		return page
	}
	appointment := func() driver.Appointment {
		t.Helper()
		var got []driver.Appointment
		for _, feed := range []driver.Feed{driver.AppointmentFeed, driver.AppointmentStatusFeed} {
			got = append(got, read(feed).Appointments...)
			clk.Advance(-time.Second)
		}
		clk.Advance(time.Second)
		require.Len(t, got, 2)
		require.Equal(t, got[0], got[1])
		require.Equal(t, clk.Now().Add(-time.Second), got[0].ModifiedAt)
		return got[0]
	}
	id := p.appointment

	require.NoError(t, p.SetStatus(id, confirmed))
	require.Equal(t, confirmed, appointment().Status)
	require.NoError(t, p.MoveAppointment(id, noon))
	require.Equal(t, noon, appointment().Start)
	require.NoError(t, p.SetState(id, driver.AppointmentArrived))
	require.Equal(t, driver.AppointmentArrived, appointment().State)
	require.NoError(t, p.EditAppointment(id, func(a *driver.Appointment) { a.Operatory, a.ID = "2", "other" }))
	edited := appointment()
	require.Equal(t, "2", edited.Operatory)
	require.Equal(t, id, edited.ID)
	p.write(&driver.StatusChange{Header: p.header(), Appointment: id, From: confirmed, To: texted})
	require.Equal(t, texted, appointment().Status, "our own writes are in the feed too")
	added := p.AddAppointment(driver.Appointment{Patient: p.patient, Start: noon})
	got := appointment()
	require.Equal(t, added, got.ID)
	require.Equal(t, unconfirmed, got.Status)
	require.Equal(t, driver.AppointmentScheduled, got.State)
	require.NoError(t, p.DeleteAppointment(id))
	require.Equal(t, []string{id}, read(driver.AppointmentFeed).Deleted)

	patient := p.AddPatient(driver.Patient{LastName: driver.NewText("Roe")})
	rec := read(driver.PatientFeed).Patients[0]
	require.Equal(t, patient, rec.ID)
	require.Equal(t, driver.PatientActive, rec.State)
	require.Equal(t, clk.Now().Add(-time.Second), rec.CreatedAt)
	require.NoError(t, p.EditPatient(patient, func(r *driver.Patient) { r.Email = driver.NewText("roe@example.com") }))
	require.Equal(t, "roe@example.com", read(driver.PatientFeed).Patients[0].Email.Reveal())
	require.NoError(t, p.ArchivePatient(patient))
	require.Equal(t, driver.PatientArchived, read(driver.PatientFeed).Patients[0].State)
	require.NoError(t, p.DeletePatient(patient))
	require.Equal(t, []string{patient}, read(driver.PatientFeed).Deleted)

	tag := p.Photos()[0].Tag
	require.NoError(t, p.ReplacePhoto(photo, []byte("other")))
	pic := read(driver.PhotoFeed).Photos[0]
	require.NotEqual(t, tag, pic.Tag)
	require.Equal(t, int64(5), pic.Size)
	require.NoError(t, p.DeletePhoto(photo))
	require.Equal(t, []string{photo}, read(driver.PhotoFeed).Deleted)
}

func TestTiesAreNotLost(t *testing.T) {
	t.Parallel()
	clk := newClock()
	p := newPractice(t, memdriver.Config{Now: clk.Now})
	clk.Advance(time.Minute)
	cursor := p.changes(driver.AppointmentFeed, "").Next
	require.NoError(t, p.SetStatus(p.appointment, texted))
	page := p.changes(driver.AppointmentFeed, cursor)
	require.Len(t, page.Appointments, 1)
	clk.Advance(900 * time.Millisecond) // the same tick
	require.NoError(t, p.SetStatus(p.appointment, confirmed))
	again := p.changes(driver.AppointmentFeed, page.Next)
	require.Equal(t, confirmed, again.Appointments[0].Status)
	require.Equal(t, page.Appointments[0].ModifiedAt, again.Appointments[0].ModifiedAt)
	require.Len(t, p.changes(driver.AppointmentFeed, again.Next).Appointments, 1, "the tick is not over: it comes again")
	clk.Advance(100 * time.Millisecond)
	last := p.changes(driver.AppointmentFeed, again.Next)
	require.Len(t, last.Appointments, 1)
	require.Empty(t, p.changes(driver.AppointmentFeed, last.Next).Appointments)
}

func TestExactCursorsGiveNothingTwice(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{Now: newClock().Now, ExactCursors: true})
	cursor := p.changes(driver.AppointmentFeed, "").Next
	require.Empty(t, p.changes(driver.AppointmentFeed, cursor).Appointments)
	require.NoError(t, p.SetStatus(p.appointment, confirmed))
	page := p.changes(driver.AppointmentFeed, cursor)
	require.Len(t, page.Appointments, 1)
	require.Empty(t, p.changes(driver.AppointmentFeed, page.Next).Appointments)
}

func TestAWalkOverChangesEndsAndIsComplete(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{Now: newClock().Now})
	cursor := p.changes(driver.PatientFeed, "").Next
	want := map[string]bool{p.patient: true} // it ties with the baseline
	for range 25 {
		want[p.AddPatient(driver.Patient{})] = true
	}
	got, pages := map[string]bool{}, 0
	for more := true; more; pages++ {
		page, err := driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: cursor, Limit: 10})
		require.NoError(t, err)
		require.LessOrEqual(t, page.Len(), 10)
		for _, r := range page.Patients {
			require.False(t, got[r.ID])
			got[r.ID] = true
		}
		cursor, more = page.Next, page.More
	}
	require.Equal(t, want, got)
	require.Equal(t, 3, pages)
}

func TestManyChangesOfOneRecordAreOneRecord(t *testing.T) {
	t.Parallel()
	clk := newClock()
	p := newPractice(t, memdriver.Config{Now: clk.Now})
	cursor := p.changes(driver.AppointmentFeed, "").Next
	for range 5000 {
		require.NoError(t, p.MoveAppointment(p.appointment, noon))
	}
	clk.Advance(time.Second)
	page := p.changes(driver.AppointmentFeed, cursor)
	require.Len(t, page.Appointments, 1)
	require.Zero(t, ptr(p.changes(driver.AppointmentFeed, page.Next)).Len())
}

func TestAClockThatIsSetBackLosesNothing(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{Now: newClock().Now})
	cursor := p.changes(driver.AppointmentFeed, "").Next
	p.SkewClock(-24 * time.Hour)
	require.Equal(t, -24*time.Hour, p.Info().Clock.Skew)
	require.NoError(t, p.SetStatus(p.appointment, confirmed))
	page := p.changes(driver.AppointmentFeed, cursor)
	require.Equal(t, confirmed, page.Appointments[0].Status)
	require.Equal(t, noon.Add(-24*time.Hour), page.Appointments[0].ModifiedAt)
}

func TestACursorIsGoodOnAnotherConnectionAndNotInAnotherPMS(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{Now: newClock().Now})
	page := p.changes(driver.AppointmentFeed, "")
	query := driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: page.Next}
	require.NoError(t, p.conn.Close())
	p.conn = p.connect(driver.Env{})
	_, err := driver.ReadChanges(t.Context(), p.conn, query)
	require.NoError(t, err)

	other := newPractice(t, memdriver.Config{Now: newClock().Now})
	_, err = driver.ReadChanges(t.Context(), other.conn, query)
	require.ErrorIs(t, err, driver.ErrCursorExpired)
	for _, bad := range []string{"x", page.Next + "0000", page.Next[:len(page.Next)-1] + "-1", p.changes(driver.PatientFeed, "").Next} {
		_, err = driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: bad})
		require.ErrorIs(t, err, driver.ErrCursorExpired, bad)
	}
	p.ExpireCursors()
	_, err = driver.ReadChanges(t.Context(), p.conn, query)
	require.ErrorIs(t, err, driver.ErrCursorExpired)
	require.NotEmpty(t, p.changes(driver.AppointmentFeed, "").Next)
}

func TestFeedsServeWhatInfoSays(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{Now: newClock().Now})
	cursor := p.changes(driver.AppointmentFeed, "").Next
	require.NoError(t, p.DeleteAppointment(p.appointment))
	set := func(change func(*driver.FeedInfo)) {
		p.SetInfo(func(i *driver.Info) {
			f := i.Feeds[driver.AppointmentFeed]
			change(&f)
			i.Feeds[driver.AppointmentFeed] = f
		})
	}
	set(func(f *driver.FeedInfo) { f.Deletes = false })
	require.Empty(t, p.changes(driver.AppointmentFeed, cursor).Deleted)
	set(func(f *driver.FeedInfo) { f.Changes = false })
	_, err := driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed})
	require.ErrorIs(t, err, driver.ReasonUnsupported)
	window := driver.WindowQuery{Feed: driver.AppointmentFeed, From: noon, To: noon.Add(time.Hour)}
	_, err = driver.ReadWindow(t.Context(), p.conn, window)
	require.NoError(t, err)
	set(func(f *driver.FeedInfo) { f.Window = false })
	_, err = driver.ReadWindow(t.Context(), p.conn, window)
	require.ErrorIs(t, err, driver.ReasonUnsupported)
	_, err = driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: "gossip"})
	require.ErrorIs(t, err, driver.ReasonUnsupported)
}

func TestAConnectionOfASiteSeesItsAppointments(t *testing.T) {
	t.Parallel()
	clk := newClock()
	p := newPractice(t, memdriver.Config{Now: clk.Now})
	north, south := p.connect(driver.Env{Site: "north"}), p.connect(driver.Env{Site: "south"})
	clk.Advance(time.Second)
	base := p.changes(driver.AppointmentFeed, "").Next
	id := p.AddAppointment(driver.Appointment{Patient: p.patient, Start: noon, Site: "north"})
	read := func(conn driver.Conn) driver.Page {
		t.Helper()
		page, err := driver.ReadChanges(t.Context(), conn, driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: base})
		require.NoError(t, err)
		return page
	}
	require.Equal(t, id, read(north).Appointments[0].ID)
	require.Zero(t, ptr(read(south)).Len())
	_, err := driver.ReadAppointment(t.Context(), south, id)
	require.ErrorIs(t, err, driver.ReasonAppointmentMissing)

	require.NoError(t, p.EditAppointment(id, func(a *driver.Appointment) { a.Site = "south" }))
	require.Equal(t, id, read(south).Appointments[0].ID)
	require.Equal(t, []string{id}, read(north).Deleted, "it left this site")
	page, err := driver.ReadWindow(t.Context(), north, driver.WindowQuery{Feed: driver.AppointmentFeed, From: noon, To: noon.Add(time.Hour)})
	require.NoError(t, err)
	require.Zero(t, page.Len())
}

func TestTimesAreInThePracticesZone(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{Now: newClock().Now})
	zone := time.FixedZone("practice", -6*60*60)
	a, err := driver.ReadAppointment(t.Context(), p.connect(driver.Env{Location: zone}), p.appointment)
	require.NoError(t, err)
	require.Equal(t, noon.Add(24*time.Hour).In(zone), a.Start)
	require.Equal(t, noon.In(zone), a.ModifiedAt)
}

func ptr[T any](v T) *T { return &v }
