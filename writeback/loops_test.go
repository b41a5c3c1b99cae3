package writeback_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// counter counts calls by name and watches that none overlaps another.
type counter struct {
	mu      sync.Mutex
	calls   map[string]int
	running int
	peak    int
}

func (c *counter) hook(call string, after bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	if after {
		c.running--
		return
	}
	c.calls[call]++
	c.running++
	c.peak = max(c.peak, c.running)
}

// of counts the calls since the last time, of all names that begin so.
func (c *counter) of(prefix string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for call, calls := range c.calls {
		if strings.HasPrefix(call, prefix) {
			n += calls
			delete(c.calls, call)
		}
	}
	return n
}

// counted runs f with an engine whose calls are counted.
func counted(t *testing.T, change func(*writeback.Config), f func(t *testing.T, b *bed, c *counter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, c := newBed(t, nil), &counter{}
		b.engine(func(cfg *writeback.Config) {
			b.hook(c.hook)(cfg)
			cfg.SweepEvery, cfg.WakePoll = 1000*time.Hour, 20*time.Second
			if change != nil {
				change(cfg)
			}
		})
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(3 * time.Minute)
		b.news()
		c.of("")
		f(t, b, c)
	})
}

const statusFeed, appointmentFeed, patientFeed = "changes appointment_status", "changes appointments", "changes new_patients"

func TestLoopsRunAtTheirIntervals(t *testing.T) {
	t.Parallel()
	counted(t, nil, func(t *testing.T, b *bed, c *counter) {
		b.pass(time.Hour)
		for call, every := range map[string]time.Duration{statusFeed: 15 * time.Second, appointmentFeed: time.Minute, patientFeed: 30 * time.Second} {
			n, most := c.of(call), int(time.Hour/every)
			require.LessOrEqual(t, n, most+1, call)
			require.GreaterOrEqual(t, n, most*9/10, "%s: jitter is at most a tenth", call)
		}
		require.Zero(t, c.of("changes photos"), "photos are off")
		require.Zero(t, c.of("window"))
	})
}

func TestChangedIntervalCountsAtOnce(t *testing.T) {
	t.Parallel()
	counted(t, nil, func(t *testing.T, b *bed, c *counter) {
		every := func(i settings.Interval) {
			b.save(func(d *settings.Document) { d.Intervals.AppointmentStatus = i })
			b.pass(time.Second)
		}
		every(settings.Every(6 * time.Hour))
		b.pass(time.Minute)
		c.of("")
		b.pass(time.Hour)
		require.Zero(t, c.of(statusFeed))
		require.Positive(t, c.of(appointmentFeed), "the others go on")
		every(settings.Seconds(20)) // which is past
		require.Equal(t, 1, c.of(statusFeed), "due by the last run: now")
		b.pass(time.Minute)
		require.LessOrEqual(t, c.of(statusFeed), 3)

		every(settings.Never())
		c.of("")
		b.pass(time.Hour)
		require.Zero(t, c.of(statusFeed), "off is off")
		every(settings.Seconds(15))
		require.Equal(t, 1, c.of(statusFeed))
	})
}

func TestLoopThatIsOffIsNotSweptEither(t *testing.T) {
	t.Parallel()
	counted(t, func(c *writeback.Config) { c.SweepEvery = 10 * time.Minute }, func(t *testing.T, b *bed, c *counter) {
		id := b.appointment(48 * time.Hour)
		b.pass(3 * time.Minute)
		b.save(func(d *settings.Document) {
			d.Intervals.AppointmentStatus, d.Intervals.AppointmentChanges = settings.Never(), settings.Never()
		})
		b.pass(time.Minute)
		c.of("")
		b.news()
		require.NoError(t, b.pms.SetStatus(id, "0302"))
		require.NoError(t, b.pms.MoveAppointment(id, time.Now().Add(50*time.Hour)))
		b.pass(time.Hour)
		require.Empty(t, b.news().inWords())
		require.Zero(t, c.of("window"))
		// Switched on again it tells what happened meanwhile.
		b.save(func(d *settings.Document) {
			d.Intervals.AppointmentStatus, d.Intervals.AppointmentChanges = settings.Seconds(15), settings.Seconds(60)
		})
		b.pass(3 * time.Minute)
		require.Equal(t, []string{id + " moved", id + " status 0302"}, b.news().inWords())
	})
}

func TestPMSMinimumIsKept(t *testing.T) {
	t.Parallel()
	counted(t, nil, func(t *testing.T, b *bed, c *counter) {
		b.pms.SetInfo(func(i *driver.Info) {
			for f, fi := range i.Feeds {
				fi.MinInterval = 5 * time.Minute
				i.Feeds[f] = fi
			}
		})
		b.refresh()
		b.pass(time.Second)
		c.of("")
		b.pass(time.Hour)
		require.LessOrEqual(t, c.of(statusFeed), 13)
		require.LessOrEqual(t, c.of(patientFeed), 13)
		b.pms.Fail(memdriver.Fault{On: "changes", Err: driver.ErrRejected})
		b.pass(6 * time.Minute)
		c.of("")
		b.pass(4 * time.Minute)
		require.LessOrEqual(t, c.of(statusFeed), 1)
		b.pass(time.Hour)
		require.LessOrEqual(t, c.of(statusFeed), 13, "failures are no reason to ask more often")
		h, err := b.p.Health(t.Context())
		require.NoError(t, err)
		require.Equal(t, 5*time.Minute, loopOf(h, driver.AppointmentStatusFeed).Every)
	})
}

func TestSyncNowRunsAtOnceAndOnce(t *testing.T) {
	t.Parallel()
	counted(t, nil, func(t *testing.T, b *bed, c *counter) {
		b.save(func(d *settings.Document) { d.Intervals.AppointmentChanges = settings.Every(6 * time.Hour) })
		b.pass(time.Minute)
		c.of("")
		ask := func() { require.NoError(t, b.p.SyncNow(t.Context(), driver.AppointmentFeed)) }
		ask()
		synctest.Wait() // without any time passing
		require.Equal(t, 1, c.of(appointmentFeed))

		// While it runs, asking again causes one more run.
		trip := b.pms.Fail(memdriver.Fault{On: appointmentFeed, Times: 1, Effect: memdriver.Pass, Hang: memdriver.HangUntilDone})
		ask()
		<-trip.Reached()
		for range 10 {
			ask()
		}
		trip.Release()
		b.pass(30 * time.Second)
		require.Equal(t, 2, c.of(appointmentFeed))
		b.pass(30 * time.Minute)
		require.Zero(t, c.of(appointmentFeed), "and that is all")
		require.Equal(t, 1, c.peak, "no two runs at once")
	})
}

func TestSyncNowIsRememberedUntilAnEngineRuns(t *testing.T) {
	t.Parallel()
	counted(t, nil, func(t *testing.T, b *bed, c *counter) {
		b.save(func(d *settings.Document) { d.Intervals.AppointmentChanges = settings.Every(6 * time.Hour) })
		b.stopped()
		b.engine(func(cfg *writeback.Config) { b.hook(c.hook)(cfg) })
		require.NoError(t, b.p.SyncNow(t.Context(), driver.AppointmentFeed))
		b.pass(time.Hour)
		require.Zero(t, c.of(appointmentFeed))
		b.start()
		b.pass(2 * time.Second)
		require.Equal(t, 1, c.of(appointmentFeed))

		// From a process that only submits, on the same store.
		other := *b
		other.engine(nil)
		require.NoError(t, other.p.SyncNow(t.Context(), driver.AppointmentFeed))
		b.pass(3 * time.Second)
		require.Equal(t, 1, c.of(appointmentFeed))
	})
}

func TestSyncNowAsksAPMSThatWasDownAMomentAgo(t *testing.T) {
	t.Parallel()
	counted(t, nil, func(t *testing.T, b *bed, _ *counter) {
		b.pms.SetOffline(true)
		b.pass(3 * time.Hour)
		id := b.appointment(48 * time.Hour)
		for range 5 {
			b.pass(70 * time.Second)
			before := b.pms.Traffic().Calls["changes"]
			require.NoError(t, b.p.SyncNow(t.Context(), driver.AppointmentFeed))
			b.pass(time.Second)
			require.LessOrEqual(t, b.pms.Traffic().Calls["changes"], before+2, "one try for each time somebody asks")
		}
		b.pms.SetOffline(false)
		require.NoError(t, b.p.SyncNow(t.Context(), driver.AppointmentFeed))
		b.pass(time.Second)
		require.Equal(t, []string{id + " created"}, b.news().inWords())
	})
}

func TestSyncNowOfWhatIsNotReadSaysWhy(t *testing.T) {
	t.Parallel()
	counted(t, func(c *writeback.Config) { c.Handlers.NewPatients = nil }, func(t *testing.T, b *bed, _ *counter) {
		b.save(func(d *settings.Document) { d.Intervals.AppointmentStatus = settings.Never() })
		for feed, words := range map[driver.Feed]string{
			"weather": "is not a feed", driver.PatientFeed: "has no handler", driver.AppointmentStatusFeed: "is off in the settings",
			driver.PhotoFeed: "is off in the settings",
		} {
			err := b.p.SyncNow(t.Context(), feed)
			require.ErrorIs(t, err, writeback.ErrInvalid)
			require.ErrorContains(t, err, words)
		}
	})
}

func TestLongRunsAreCountedAndStarveNobody(t *testing.T) {
	t.Parallel()
	counted(t, nil, func(t *testing.T, b *bed, c *counter) {
		b.pms.SetLatency(20 * time.Second)
		b.pass(time.Hour)
		h, err := b.p.Health(t.Context())
		require.NoError(t, err)
		require.Greater(t, loopOf(h, driver.AppointmentStatusFeed).Overruns, 10)
		require.Zero(t, loopOf(h, driver.AppointmentFeed).Overruns)
		for _, feed := range []driver.Feed{driver.AppointmentStatusFeed, driver.AppointmentFeed, driver.PatientFeed} {
			require.Less(t, time.Since(loopOf(h, feed).LastOK), 3*time.Minute, "%s", feed)
		}
		require.Equal(t, 1, c.peak)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(3 * time.Minute)
		b.requireState("note", writeback.Written)
	})
}

func TestPMSThatIsOffIsNotHammered(t *testing.T) {
	t.Parallel()
	counted(t, nil, func(t *testing.T, b *bed, _ *counter) {
		b.pms.SetOffline(true)
		before := b.pms.Traffic().Calls
		b.pass(10 * time.Hour)
		total := 0
		for call, n := range b.pms.Traffic().Calls {
			total += n - before[call]
		}
		require.Less(t, total, 10*60/4, "about one call in five minutes")
		require.Greater(t, total, 10*60/12)
		id := b.appointment(48 * time.Hour)
		b.pms.SetOffline(false)
		b.pass(7 * time.Minute)
		require.Equal(t, []string{id + " created"}, b.news().inWords())
	})
}

func TestFeedThatFailsStopsNoOther(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"rejected": driver.ErrRejected, "unauthorized": driver.ErrUnauthorized,
		"unauthorized here": memdriver.Unauthorized(driver.ScopeOperation), "unclassified": errHost,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counted(t, nil, func(t *testing.T, b *bed, c *counter) {
				id := b.appointment(48 * time.Hour)
				b.pass(2 * time.Minute)
				b.news()
				b.pms.Fail(memdriver.Fault{On: appointmentFeed, Err: err})
				c.of("")
				b.pass(time.Hour)
				n := c.of(appointmentFeed)
				require.Less(t, n, 60, "no more often than when it works")
				require.Positive(t, n)
				require.NoError(t, b.pms.SetStatus(id, "0302"))
				b.must(b.p.WriteNote(t.Context(), b.note("note")))
				b.pass(10 * time.Minute)
				require.Equal(t, []string{id + " status 0302"}, b.news().inWords(), "%v", err)
				b.requireState("note", writeback.Written)
				h, herr := b.p.Health(t.Context())
				require.NoError(t, herr)
				require.Positive(t, loopOf(h, driver.AppointmentFeed).Failures)
				require.NotEmpty(t, loopOf(h, driver.AppointmentFeed).LastError)
				require.Zero(t, loopOf(h, driver.PatientFeed).Failures)
			})
		})
	}
}

func TestWritesGoOnWhileAllPatientsAreWalked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{PageSize: 1, Latency: 3 * time.Second}, nil)
		for range 200 {
			b.newPatient("Grace", "Hopper")
		}
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(2 * time.Minute) // in the middle of ten minutes
		require.Less(t, b.pms.Traffic().Calls["window"], 100)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(30 * time.Second)
		b.requireState("note", writeback.Written)
		require.Less(t, b.pms.Traffic().Calls["window"], 150)
		b.pass(20 * time.Minute)
		require.Empty(t, b.news().patients, "they were there before")
		id := b.newPatient("New", "Comer")
		b.pass(2 * time.Minute)
		require.Equal(t, []string{id + " created"}, b.news().inWords())
	})
}

func TestSweepThatFailsIsTriedAgainSoon(t *testing.T) {
	t.Parallel()
	counted(t, func(c *writeback.Config) { c.SweepEvery = 90 * time.Minute }, func(t *testing.T, b *bed, _ *counter) {
		trip := b.pms.Fail(memdriver.Fault{On: "window", Err: driver.ErrRejected})
		b.pass(2 * time.Hour)
		require.Positive(t, trip.Hits())
		h, err := b.p.Health(t.Context())
		require.NoError(t, err)
		require.Equal(t, "sweep", h.Checks[0].Loop)
		require.Positive(t, h.Checks[0].Failures)
		trip.Clear()
		b.pass(7 * time.Minute)
		h, err = b.p.Health(t.Context())
		require.NoError(t, err)
		require.Zero(t, h.Checks[0].Failures)
		require.Less(t, time.Since(h.Checks[0].LastOK), 7*time.Minute)
	})
}
