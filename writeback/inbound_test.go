package writeback_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/writeback"
)

// pmsMake is a PMS that differs from others in what it can tell of changes.
type pmsMake struct {
	name string
	cfg  memdriver.Config
	info func(*driver.Info)
	// swept: a deletion shows at the next sweep only.
	swept bool
	// mute: a single appointment cannot be asked for.
	mute  bool
	twice bool
}

// sweep is how long it takes until a deletion is noticed.
func (m pmsMake) sweep() time.Duration {
	if m.swept {
		return aSweep
	}
	return 3 * time.Minute
}

// aSweep is long enough for one, where the tests run them often.
const aSweep = 12 * time.Minute

// oftenSwept also looks for wakes less often: there is one process.
func oftenSwept(c *writeback.Config) { c.SweepEvery, c.WakePoll = 10*time.Minute, 20*time.Second }

func pmsMakes() []pmsMake {
	noChanges := []memdriver.Capability{memdriver.CanReadChanges}
	return []pmsMake{
		{name: "changes and deletions"},
		{name: "exact cursors", cfg: memdriver.Config{ExactCursors: true}},
		{name: "pages of one", cfg: memdriver.Config{PageSize: 1}},
		{name: "every record twice", twice: true},
		{name: "deletions unseen", swept: true, info: func(i *driver.Info) {
			for f, fi := range i.Feeds {
				fi.Deletes = false
				i.Feeds[f] = fi
			}
		}},
		{name: "windows only", cfg: memdriver.Config{Hide: noChanges}},
		{name: "windows only, pages of two, twice", cfg: memdriver.Config{PageSize: 2, Hide: noChanges}, twice: true},
		{name: "windows only, no single reads", cfg: memdriver.Config{Hide: append(noChanges, memdriver.CanReadAppointment)}, mute: true},
		{name: "a slow clock that is wrong", cfg: memdriver.Config{Resolution: 5 * time.Second, Skew: -10 * time.Minute}},
	}
}

// onEveryMake runs f for each make in a bubble, past the first look. prepare
// fills the PMS before that.
func onEveryMake(t *testing.T, prepare func(b *bed) []string, f func(t *testing.T, b *bed, m pmsMake, prepared []string)) {
	t.Parallel()
	for _, m := range pmsMakes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := bedOn(t, m.cfg, oftenSwept)
				if m.info != nil {
					b.pms.SetInfo(m.info)
				}
				if m.twice {
					b.pms.Fail(memdriver.Fault{On: "changes", Effect: memdriver.Pass, Twice: true})
					b.pms.Fail(memdriver.Fault{On: "window", Effect: memdriver.Pass, Twice: true})
				}
				var prepared []string
				if prepare != nil {
					prepared = prepare(b)
					time.Sleep(10 * time.Second) // not in the tick of the first look
				}
				b.start()
				defer b.stopped()
				b.save(withPhotos)
				b.pass(3 * time.Minute)
				f(t, b, m, prepared)
			})
		})
	}
}

func TestFirstLookFindsTheComingAppointmentsAndKnowsThePatients(t *testing.T) {
	day := 24 * time.Hour
	onEveryMake(t, func(b *bed) []string {
		for range 5 {
			b.newPatient("Grace", "Hopper")
		}
		b.appointment(-2 * day)
		b.appointment(100 * day)
		tomorrow, last, cancelled := b.appointment(day), b.appointment(59*day), b.appointment(3*day)
		require.NoError(b.t, b.pms.SetState(cancelled, driver.AppointmentCancelled))
		photo := b.pms.AddPhoto(b.patient, "image/png", []byte("face"))
		return []string{tomorrow + " found", last + " found", cancelled + " found", photo + " found"}
	}, func(t *testing.T, b *bed, _ pmsMake, want []string) {
		n := b.news()
		require.ElementsMatch(t, want, n.inWords())
		requireDistinct(t, n.ids())
		b.pass(7 * time.Hour) // past midnight
		require.Empty(t, b.news().inWords(), "what was found is told once")
	})
}

// appointmentSteps are what staff do to an appointment one after the other, and
// what the host is to be told of it.
var appointmentSteps = []struct {
	name, want string
	// far: the appointment leaves the window, or comes back into it.
	far bool
	do  func(*driver.Appointment)
}{
	{name: "note", want: "edited", do: func(a *driver.Appointment) { a.Note = driver.NewText("x-rays") }},
	{name: "provider", want: "edited", do: func(a *driver.Appointment) { a.Provider = "HYG1" }},
	{name: "length", want: "edited", do: func(a *driver.Appointment) { a.Duration *= 2 }},
	{name: "nothing", do: func(*driver.Appointment) {}},
	{name: "start", want: "moved", do: func(a *driver.Appointment) { a.Start = a.Start.Add(time.Hour) }},
	{name: "operatory", want: "moved", do: func(a *driver.Appointment) { a.Operatory = "2" }},
	{name: "status", want: "status 0302", do: func(a *driver.Appointment) { a.Status = "0302" }},
	{name: "status back", want: "status 0301", do: func(a *driver.Appointment) { a.Status = "0301" }},
	{name: "status forth", want: "status 0302", do: func(a *driver.Appointment) { a.Status = "0302" }},
	{name: "arrival", want: "edited", do: func(a *driver.Appointment) { a.State = driver.AppointmentArrived }},
	{name: "no arrival", want: "edited", do: func(a *driver.Appointment) { a.State = driver.AppointmentScheduled }},
	{name: "cancellation", want: "cancelled", do: func(a *driver.Appointment) { a.State = driver.AppointmentCancelled }},
	{name: "note of a cancelled one", want: "edited", do: func(a *driver.Appointment) { a.Note = driver.NewText("ill") }},
	{name: "start of a cancelled one", want: "moved", do: func(a *driver.Appointment) { a.Start = a.Start.Add(time.Hour) }},
	{name: "reinstatement", want: "edited", do: func(a *driver.Appointment) { a.State = driver.AppointmentScheduled }},
	{name: "far away", want: "moved", far: true, do: func(a *driver.Appointment) { a.Start = a.Start.Add(60 * 24 * time.Hour) }},
	{name: "near again", want: "moved", far: true, do: func(a *driver.Appointment) { a.Start = a.Start.Add(-60 * 24 * time.Hour) }},
	{name: "no time", want: "cancelled", far: true, do: func(a *driver.Appointment) {
		a.State, a.Start = driver.AppointmentUnscheduled, time.Time{}
	}},
	{name: "a time again", want: "moved", far: true, do: func(a *driver.Appointment) {
		a.State, a.Start = driver.AppointmentScheduled, time.Now().Add(30*24*time.Hour)
	}},
}

func TestEachChangeIsToldOnceAndAsWhatItIs(t *testing.T) {
	onEveryMake(t, nil, func(t *testing.T, b *bed, m pmsMake, _ []string) {
		b.news()
		var ids []string
		expect := func(name string, d time.Duration, want ...string) {
			t.Helper()
			b.pass(d)
			n := b.news()
			require.Equal(t, append([]string{}, want...), n.inWords(), name)
			ids = append(ids, n.ids()...)
		}
		other := b.appointment(30 * 24 * time.Hour)
		expect("another one", 3*time.Minute, other+" created")
		id := b.appointment(30 * 24 * time.Hour)
		expect("a new one", 3*time.Minute, id+" created")
		for i, s := range appointmentSteps {
			if i%4 == 0 {
				expect("a sweep later", aSweep)
			}
			if s.far && m.mute {
				continue // such a PMS cannot tell it from a deletion
			}
			require.NoError(t, b.pms.EditAppointment(id, s.do))
			if s.want == "" {
				expect(s.name, 3*time.Minute)
				continue
			}
			expect(s.name, 3*time.Minute, id+" "+s.want)
		}
		require.NoError(t, b.pms.DeleteAppointment(id))
		expect("a deletion", m.sweep(), id+" deleted")
		expect("a sweep later", aSweep)
		requireDistinct(t, ids)
	})
}

func TestWhatWasChangedBackBetweenTwoLooksIsNoNews(t *testing.T) {
	onEveryMake(t, nil, func(t *testing.T, b *bed, _ pmsMake, _ []string) {
		id := b.appointment(48 * time.Hour)
		b.pass(3 * time.Minute)
		b.news()
		b.pms.SetOffline(true)
		for _, step := range []time.Duration{time.Hour, -time.Hour} {
			require.NoError(t, b.pms.EditAppointment(id, func(a *driver.Appointment) { a.Start = a.Start.Add(step) }))
			require.NoError(t, b.pms.SetStatus(id, map[bool]string{true: "0302", false: "0301"}[step > 0]))
			b.pass(time.Minute)
		}
		b.pms.SetOffline(false)
		b.pass(10 * time.Minute)
		require.Empty(t, b.news().inWords())
	})
}

func TestNewPatientsAreToldOnceWithTheirPhotos(t *testing.T) {
	onEveryMake(t, func(b *bed) []string { return []string{b.newPatient("Grace", "Hopper")} }, func(t *testing.T, b *bed, _ pmsMake, _ []string) {
		b.news()
		var ids []string
		expect := func(d time.Duration, want ...string) {
			t.Helper()
			b.pass(d)
			n := b.news()
			require.ElementsMatch(t, append([]string{}, want...), n.inWords())
			ids = append(ids, n.ids()...)
		}
		id := b.newPatient("Mary", "Shelley")
		photo := b.pms.AddPhoto(id, "image/png", []byte("one"))
		expect(time.Minute, id+" created", photo+" created") // the photo at once, not after its 15 minutes
		require.NoError(t, b.pms.EditPatient(id, func(p *driver.Patient) { p.Email = driver.NewText("m@example.com") }))
		expect(time.Hour)
		require.NoError(t, b.pms.ReplacePhoto(photo, []byte("two")))
		expect(20*time.Minute, photo+" edited")
		second := b.pms.AddPhoto(b.patient, "image/png", []byte("three"))
		expect(20*time.Minute, second+" created")
		requireDistinct(t, ids)
		require.NoError(t, b.pms.DeletePatient(id))
		expect(aSweep)
	})
}

// Open Dental stores a patient when the window for the new one opens, and once more
// when staff have filled it in.
func TestAPatientWhoIsFilledInAfterwardsIsToldOnceMore(t *testing.T) {
	onEveryMake(t, func(b *bed) []string { return nil }, func(t *testing.T, b *bed, _ pmsMake, _ []string) {
		b.news()
		var ids []string
		expect := func(want ...string) {
			t.Helper()
			b.pass(time.Minute)
			n := b.news()
			require.ElementsMatch(t, append([]string{}, want...), n.inWords())
			ids = append(ids, n.ids()...)
		}
		id := b.pms.AddPatient(driver.Patient{LastName: driver.NewText("Shelley"), State: driver.PatientActive})
		expect(id + " created")
		edit := func(change func(*driver.Patient)) { t.Helper(); require.NoError(t, b.pms.EditPatient(id, change)) }
		edit(func(p *driver.Patient) { p.FirstName = driver.NewText("Mary") })
		expect()
		edit(func(p *driver.Patient) { p.BirthDate = driver.NewBirthDate(driver.Date{Year: 1997, Month: 8, Day: 30}) })
		expect(id + " edited")
		edit(func(p *driver.Patient) { p.Email = driver.NewText("m@example.com") })
		expect()
		edit(func(p *driver.Patient) { p.BirthDate = driver.BirthDate{} })
		expect()
		edit(func(p *driver.Patient) { p.BirthDate = driver.NewBirthDate(driver.Date{Year: 1979, Month: 8, Day: 30}) })
		expect()
		requireDistinct(t, ids)
	})
}

func TestWhatComesIntoTheWindowIsFoundAndWhatIsBookedInItIsCreated(t *testing.T) {
	day := 24 * time.Hour
	onEveryMake(t, func(b *bed) []string { return []string{b.appointment(60 * day)} }, func(t *testing.T, b *bed, _ pmsMake, far []string) {
		b.news()
		b.pass(7 * time.Hour) // past midnight the window reaches it
		require.Equal(t, []string{far[0] + " found"}, b.news().inWords())
		id := b.appointment(59 * day)
		b.pass(3 * time.Minute)
		require.Equal(t, []string{id + " created"}, b.news().inWords())
	})
}

func TestVisitsOfEarlierDaysThatStaffEditAreNotNew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		old := b.appointment(-72 * time.Hour)
		time.Sleep(10 * time.Second)
		b.start()
		defer b.stopped()
		b.pass(3 * time.Minute)
		b.news()
		require.NoError(t, b.pms.EditAppointment(old, func(a *driver.Appointment) { a.Note = driver.NewText("billed") }))
		b.pass(3 * time.Minute)
		require.Equal(t, []string{old + " found"}, b.news().inWords())
		recall := b.appointment(180 * 24 * time.Hour)
		b.pass(3 * time.Minute)
		require.Equal(t, []string{recall + " created"}, b.news().inWords(), "a visit booked half a year ahead is new")
	})
}

func TestStatusBetweenTheFirstTwoLooksIsNotLost(t *testing.T) {
	t.Parallel()
	// The appointment feed tells of a new appointment; its status changes before
	// the status feed has ever seen it.
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.start()
		defer b.stopped()
		b.pass(3 * time.Minute)
		b.news()
		for i := range 40 {
			id := b.appointment(48 * time.Hour)
			require.NoError(t, b.p.SyncNow(t.Context(), driver.AppointmentFeed))
			synctest.Wait()
			status := []string{"0302", "0303"}[i%2]
			require.NoError(t, b.pms.SetStatus(id, status))
			b.pass(2 * time.Minute)
			n := b.news()
			require.Equal(t, []string{id + " created", id + " status " + status}, n.inWords())
			require.Equal(t, "0301", n.appointments[0].Appointment.Status)
		}
	})
}

func TestStatusThatTheOtherFeedToldIsCorrectedWhenItIsTakenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		id := b.appointment(48 * time.Hour)
		b.start()
		defer b.stopped()
		b.pass(3 * time.Minute)
		b.news()
		require.NoError(t, b.pms.EditAppointment(id, func(a *driver.Appointment) { a.Status, a.Operatory = "0302", "2" }))
		require.NoError(t, b.p.SyncNow(t.Context(), driver.AppointmentFeed))
		synctest.Wait()
		require.NoError(t, b.pms.SetStatus(id, "0301"))
		b.pass(2 * time.Minute)
		n := b.news()
		require.Len(t, n.appointments, 1)
		require.Equal(t, "0302", n.appointments[0].Appointment.Status)
		require.Len(t, n.statuses, 1, "the host believes 0302")
		require.Equal(t, "0301", n.statuses[0].Appointment.Status)
	})
}

// The host takes a status and fails, so that it will come again with the same id.
// Meanwhile the other feed tells another one.
func TestStatusThatComesAgainAfterTheOtherFeedToldAnotherIsNews(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, host := newBed(t, nil), &doubtful{}
		b.engine(func(c *writeback.Config) {
			c.SweepEvery = 1000 * time.Hour
			c.Handlers.AppointmentStatuses = host.handle
			c.Handlers.Appointments = func(_ context.Context, _ string, events []writeback.AppointmentEvent) error {
				for _, e := range events {
					host.mu.Lock()
					host.take(e.ID, e.Appointment.ID, e.Appointment.Status)
					host.mu.Unlock()
				}
				return nil
			}
		})
		id := b.appointment(48 * time.Hour)
		b.start()
		defer b.stopped()
		b.pass(3 * time.Minute)
		host.set(true)
		require.NoError(t, b.pms.SetStatus(id, "0302"))
		require.NoError(t, b.p.SyncNow(t.Context(), driver.AppointmentStatusFeed))
		synctest.Wait()
		require.NoError(t, b.pms.EditAppointment(id, func(a *driver.Appointment) { a.Status, a.Operatory = "0301", "2" }))
		require.NoError(t, b.p.SyncNow(t.Context(), driver.AppointmentFeed))
		synctest.Wait()
		require.NoError(t, b.pms.SetStatus(id, "0302"))
		host.set(false)
		b.pass(3 * time.Minute)
		require.Equal(t, "[0301 0302 0301 0302]", host.knows())
	})
}

func TestHostOfStatusesAloneHearsOfNewAppointments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.engine(func(c *writeback.Config) { c.Handlers.Appointments = nil })
		b.appointment(24 * time.Hour)
		b.start()
		defer b.stopped()
		b.pass(3 * time.Minute)
		require.Empty(t, b.news().inWords())
		id := b.pms.AddAppointment(driver.Appointment{Patient: b.patient, Start: time.Now().Add(48 * time.Hour), Status: "0302"})
		b.pass(time.Minute)
		require.Equal(t, []string{id + " status 0302"}, b.news().inWords())
	})
}

func TestStatusesAreSaidInTheHostsTerms(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		id := b.appointment(48 * time.Hour)
		b.save(nil)
		b.pass(3 * time.Minute)
		b.news()
		for status, want := range map[string]writeback.Confirmation{"0302": writeback.Confirmed, "0301": writeback.Unconfirmed, "0303": writeback.Other} {
			require.NoError(t, b.pms.SetStatus(id, "0304"))
			b.pass(time.Minute)
			b.news()
			require.NoError(t, b.pms.SetStatus(id, status))
			b.pass(time.Minute)
			n := b.news()
			require.Len(t, n.statuses, 1)
			require.Equal(t, want, n.statuses[0].Status)
			require.NotEmpty(t, n.statuses[0].StatusLabel)
			require.NotEmpty(t, n.statuses[0].Basis)
		}
	})
}

func statusOf(b *bed, appointment string) string {
	a, ok := b.pms.Appointment(appointment)
	require.True(b.t, ok)
	return a.Status
}
