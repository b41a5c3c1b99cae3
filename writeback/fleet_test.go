package writeback_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/writeback"
)

// process is an engine of its own on the bed's store and PMS.
type process struct {
	*bed
	frozen *freezer
}

// another starts a process beside those that run.
func (b *bed) another(change func(*writeback.Config)) *process {
	b.t.Helper()
	p := &process{bed: &bed{}, frozen: &freezer{Store: b.store}}
	*p.bed = *b
	p.engine(func(c *writeback.Config) {
		c.Store, c.SweepEvery = p.frozen, 1000*time.Hour
		if change != nil {
			change(c)
		}
	})
	p.start()
	return p
}

// crash makes the process vanish: nothing of what it does reaches the store any
// more, and its lease is not given back.
func (p *process) crash() {
	p.frozen.frozen.Store(true)
	p.stopped()
}

func (p *process) working() bool {
	p.t.Helper()
	h, err := p.p.Health(p.t.Context())
	require.NoError(p.t, err)
	return h.Working
}

func TestOneOfTwoProcessesWorksOnAPractice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, c := newBed(t, nil), &counter{}
		id := b.appointment(48 * time.Hour)
		b.pms.SetLatency(200 * time.Millisecond)
		one, two := b.another(b.hook(c.hook)), b.another(b.hook(c.hook))
		one.save(nil)
		b.pass(time.Minute)
		b.news()
		for i := range 20 {
			require.NoError(t, b.pms.SetStatus(id, []string{"0303", "0304"}[i%2]))
			one.must(one.p.WriteNote(t.Context(), one.note(fmt.Sprint("one", i))))
			two.must(two.p.WriteNote(t.Context(), two.note(fmt.Sprint("two", i))))
			require.NoError(t, two.p.SyncNow(t.Context(), driver.AppointmentFeed))
			b.pass(time.Minute)
			require.Equal(t, []string{id + " status " + statusOf(b, id)}, b.news().inWords())
			require.True(t, one.working() != two.working(), "one of them works")
		}
		require.Len(t, b.pms.Notes(), 40)
		require.Equal(t, 1, c.peak, "the PMS never sees two at once")
		one.stopped()
		two.stopped()
	})
}

func TestAnotherProcessTakesOverWhenTheWorkerIsGone(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprintf("crash %v", crash), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				id := b.appointment(48 * time.Hour)
				lease := func(c *writeback.Config) { c.LeaseTTL = time.Minute }
				worker := b.another(lease)
				b.pass(time.Minute)
				for range 5 {
					standby := b.another(lease)
					b.pass(30 * time.Second)
					b.news()
					require.True(t, worker.working())
					require.False(t, standby.working())
					if crash {
						worker.crash()
					} else {
						worker.stopped()
					}
					status := map[string]string{"0301": "0303", "0303": "0301"}[statusOf(b, id)]
					require.NoError(t, b.pms.SetStatus(id, status))
					// The lease's time, a quarter of it until somebody looks, and an interval.
					b.pass(time.Minute + 15*time.Second + 17*time.Second)
					require.True(t, standby.working())
					require.Equal(t, []string{id + " status " + status}, b.news().inWords())
					worker = standby
				}
				worker.stopped()
			})
		})
	}
}

func TestNoNewsIsLostWhenProcessesComeAndGo(t *testing.T) {
	t.Parallel()
	for seed := range 4 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				var list []string
				for range 5 {
					list = append(list, b.appointment(48*time.Hour))
				}
				b.pms.SetLatency(300 * time.Millisecond)
				short := func(c *writeback.Config) { c.LeaseTTL = 5 * time.Second }
				worker := b.another(short)
				worker.save(nil)
				b.pass(time.Minute)
				patients := map[string]bool{}
				for i := range 20 {
					// Staff are at work, and the process dies at some moment of it.
					for j, id := range list {
						require.NoError(t, b.pms.EditAppointment(id, func(a *driver.Appointment) {
							a.Start = a.Start.Add(time.Minute)
							a.Status = []string{"0301", "0302", "0303"}[(i+j)%3]
						}))
					}
					patients[b.newPatient("New", "Comer")] = true
					key := fmt.Sprint("note", i)
					worker.must(worker.p.WriteNote(t.Context(), worker.note(key)))
					b.pass(time.Duration(seed*370+i*1130) * time.Millisecond)
					if (seed+i)%2 == 0 {
						worker.crash()
					} else {
						worker.stopped()
					}
					worker = b.another(short)
				}
				b.pass(3 * time.Minute)
				n := b.news()
				starts, statuses := map[string]time.Time{}, map[string]string{}
				byID := map[string]string{}
				same := func(id, content string) {
					if was, ok := byID[id]; ok {
						require.Equal(t, was, content, "one id for two things")
					}
					byID[id] = content
				}
				for _, e := range n.appointments {
					starts[e.Appointment.ID] = e.Appointment.Start
					same(e.ID, fmt.Sprint(e.Appointment.Start))
				}
				for _, e := range n.statuses {
					statuses[e.Appointment.ID] = e.Appointment.Status
					same(e.ID, e.Appointment.Status)
				}
				for _, e := range n.patients {
					delete(patients, e.Patient.ID)
					same(e.ID, e.Patient.ID)
				}
				require.Empty(t, patients, "every new patient was told")
				for _, id := range list {
					a, _ := b.pms.Appointment(id)
					require.True(t, starts[id].Equal(a.Start))
					require.Equal(t, a.Status, statuses[id])
				}
				require.Len(t, b.pms.Notes(), 20, "every note once")
				worker.stopped()
			})
		})
	}
}

// secondPractice is a practice of its own PMS beside the bed's.
const secondPractice = "oak-avenue"

func (b *bed) connectBoth(second *memdriver.PMS) func(*writeback.Config) {
	return func(c *writeback.Config) {
		c.Connect = func(_ context.Context, practice string) (driver.Connector, error) {
			if practice == secondPractice {
				return second.Connector(), nil
			}
			return b.pms.Connector(), nil
		}
	}
}

func TestPracticesComeAndGoWhileEnginesRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		oak := memdriver.New(memdriver.Config{Name: "oak"})
		worker := b.another(b.connectBoth(oak))
		b.pass(time.Minute)
		b.news()

		// Another process, which does not run, adds a practice.
		office := *b
		office.engine(b.connectBoth(oak))
		cfg := writeback.PracticeConfig{ID: secondPractice, Location: b.location}
		_, err := office.eng.AddPractice(t.Context(), cfg)
		require.NoError(t, err)
		patient := oak.AddPatient(driver.Patient{LastName: driver.NewText("Known")})
		b.pass(10 * time.Second)
		require.Positive(t, oak.Traffic().Calls["changes"], "it is taken up within seconds")
		ids, err := worker.eng.Practices(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{practiceID, secondPractice}, ids)
		id := oak.AddAppointment(driver.Appointment{Patient: patient, Start: time.Now().Add(48 * time.Hour)})
		b.pass(2 * time.Minute)
		require.Equal(t, []string{id + " created"}, b.news().inWords())

		// It is removed from there, too.
		require.NoError(t, office.eng.RemovePractice(t.Context(), secondPractice))
		b.pass(5 * time.Second)
		calls := oak.Traffic()
		require.Zero(t, calls.Open, "no connection is left open")
		require.NoError(t, oak.SetStatus(id, "0302"))
		newcomer := oak.AddPatient(driver.Patient{LastName: driver.NewText("New")})
		b.pass(time.Hour)
		require.Equal(t, calls.Calls, oak.Traffic().Calls)
		require.Empty(t, b.news().inWords())
		_, err = worker.eng.Practice(t.Context(), secondPractice)
		require.ErrorIs(t, err, writeback.ErrUnknownPractice)
		require.Positive(t, b.pms.Traffic().Calls["changes"], "the other one goes on")

		// It comes back and resumes where it was.
		_, err = office.eng.AddPractice(t.Context(), cfg)
		require.NoError(t, err)
		b.pass(2 * time.Minute)
		require.Equal(t, []string{id + " status 0302", newcomer + " created"}, b.news().inWords())
		worker.stopped()
	})
}

func TestRemovePracticeWaitsForWhatRuns(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Minute)
		trip := b.pms.Fail(memdriver.Fault{On: "write", Times: 1, Effect: memdriver.After, Hang: memdriver.HangHard})
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		<-trip.Reached()
		removed := make(chan error, 1)
		go func() { removed <- b.eng.RemovePractice(t.Context(), practiceID) }()
		b.pass(20 * time.Second)
		require.Empty(t, removed, "a write is under way")
		trip.Release()
		require.NoError(t, <-removed)
		require.Zero(t, b.pms.Traffic().Open)
		calls := b.pms.Traffic().Calls
		b.pass(time.Hour)
		require.Equal(t, calls, b.pms.Traffic().Calls)

		p, err := b.eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: practiceID, Location: b.location})
		require.NoError(t, err)
		b.p = p
		b.pass(10 * time.Minute)
		b.requireState("note", writeback.Written)
		require.Len(t, b.pms.Notes(), 1)
	})
}

func TestStepsByHandOfTwoProcessesDoNotOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		one, other := b.eng, *b
		other.engine(nil)
		two := other.eng
		id := b.appointment(48 * time.Hour)
		step := func(e *writeback.Engine) time.Duration {
			next, err := e.Step(t.Context(), practiceID)
			require.NoError(t, err)
			return next
		}
		for range 40 {
			time.Sleep(min(step(one), 10*time.Second))
		}
		require.Equal(t, []string{id + " found"}, b.news().inWords())
		calls := b.pms.Traffic().Calls
		next := step(two)
		require.Equal(t, calls, b.pms.Traffic().Calls, "the other one has the lease")
		require.Positive(t, next)
		require.LessOrEqual(t, next, time.Minute)

		require.NoError(t, one.Close())
		require.ErrorIs(t, one.Close(), writeback.ErrClosed)
		require.NoError(t, b.pms.SetStatus(id, "0302"))
		for range 40 {
			time.Sleep(min(step(two), 10*time.Second))
		}
		require.Equal(t, []string{id + " status 0302"}, b.news().inWords())
		_, err := one.Step(t.Context(), practiceID)
		require.ErrorIs(t, err, writeback.ErrClosed)
		require.NoError(t, two.Close())
	})
}
