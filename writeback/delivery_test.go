package writeback_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// feedTrials make one change in each feed.
var feedTrials = []struct {
	feed driver.Feed
	do   func(b *bed, appointment string)
}{
	{driver.AppointmentStatusFeed, func(b *bed, a string) { require.NoError(b.t, b.pms.SetStatus(a, "0302")) }},
	{driver.AppointmentFeed, func(b *bed, a string) {
		require.NoError(b.t, b.pms.EditAppointment(a, func(r *driver.Appointment) { r.Operatory = "2" }))
	}},
	{driver.PatientFeed, func(b *bed, _ string) { b.newPatient("New", "Comer") }},
	{driver.PhotoFeed, func(b *bed, _ string) { b.pms.AddPhoto(b.patient, "image/png", []byte("face")) }},
}

func TestCrashBetweenHandlerAndPositionTellsAgainWithTheSameID(t *testing.T) {
	t.Parallel()
	for _, trial := range feedTrials {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/restart %v", trial.feed, restart), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b := newBed(t, nil)
					store := &leaky{Store: b.store}
					engine := func(c *writeback.Config) { oftenSwept(c); c.Store = store }
					b.engine(engine)
					id := b.appointment(48 * time.Hour)
					b.start()
					b.save(withPhotos)
					b.pass(3 * time.Minute)
					b.news()

					store.fail(settles(trial.feed))
					trial.do(b, id)
					b.pass(20 * time.Minute)
					require.Greater(t, store.count(), 1)
					n := b.news()
					require.Greater(t, len(n.ids()), 1, "told again until the position is stored")
					require.Len(t, unique(n.ids()), 1, "with one id")
					require.Len(t, unique(n.inWords()), 1, "as the same change")
					if restart {
						b.stopped()
						b.engine(engine)
						b.start()
					}
					store.fail(nil)
					b.pass(20 * time.Minute)
					last := b.news()
					require.Equal(t, n.ids()[:1], unique(last.ids()))
					b.pass(aSweep)
					require.Empty(t, b.news().ids(), "and no more once it is stored")
					b.stopped()
				})
			})
		}
	}
}

func unique(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// doubtful is a host that keeps what it is given, and then fails, as long as it
// is told to: nobody can see from outside what it kept.
type doubtful struct {
	mu    sync.Mutex
	fails bool
	// belief is the status the host knows, by the ids it has not seen before.
	belief map[string]string
	ids    map[string]bool
	order  []string
}

func (d *doubtful) take(id, appointment, status string) {
	if d.belief == nil {
		d.belief, d.ids = map[string]string{}, map[string]bool{}
	}
	if !d.ids[id] {
		d.belief[appointment] = status
		d.ids[id] = true
		d.order = append(d.order, status)
	}
}

func (d *doubtful) handle(_ context.Context, _ string, events []writeback.AppointmentStatusEvent) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range events {
		d.take(e.ID, e.Appointment.ID, e.Appointment.Status)
	}
	if d.fails {
		return errHost
	}
	return nil
}

func (d *doubtful) set(fails bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = fails
}

func (d *doubtful) knows() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprint(d.order)
}

func TestHostThatFailsAfterItTookEventsEndsUpWithTheTruth(t *testing.T) {
	t.Parallel()
	// The record changes, perhaps back, while the host fails in the middle.
	for _, tc := range []struct {
		while []string
		want  string
	}{
		{[]string{"0302"}, "[0302]"},
		{[]string{"0302", "0301"}, "[0302 0301]"},
		{[]string{"0302", "0301", "0302"}, "[0302 0301 0302]"},
		{[]string{"0302", "0303", "0302", "0301"}, "[0302 0303 0302 0301]"},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/restart %v", tc.while, restart), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b := newBed(t, nil)
					var d doubtful
					handle := func(c *writeback.Config) { oftenSwept(c); c.Handlers.AppointmentStatuses = d.handle }
					b.engine(handle)
					id := b.appointment(48 * time.Hour)
					b.start()
					b.pass(3 * time.Minute)
					d.set(true)
					for _, status := range tc.while {
						require.NoError(t, b.pms.SetStatus(id, status))
						b.pass(10 * time.Minute)
						if restart {
							b.stopped()
							b.engine(handle)
							b.start()
						}
					}
					d.set(false)
					b.pass(10 * time.Minute)
					require.Equal(t, tc.want, d.knows())
					b.pass(aSweep)
					require.Equal(t, tc.want, d.knows())
					b.stopped()
				})
			})
		}
	}
}

func TestFailingHandlerHoldsUpItsFeedAlone(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(ctx context.Context) error{
		"error":      func(context.Context) error { return errHost },
		"panic":      func(context.Context) error { panic("patient Ada Lovelace") },
		"goexit":     func(context.Context) error { runtime.Goexit(); return nil },
		"too slow":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"nil answer": func(context.Context) error { var e error = (*nothing)(nil); return e },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				var failing atomic.Bool
				var ids []string
				var calls []time.Time
				take := take(b.host, "appointments", &b.host.appointments)
				b.engine(func(c *writeback.Config) {
					c.Handlers.Appointments = func(ctx context.Context, practice string, events []writeback.AppointmentEvent) error {
						calls = append(calls, time.Now())
						for _, e := range events {
							ids = append(ids, e.ID)
						}
						if failing.Load() {
							return fail(ctx)
						}
						return take(ctx, practice, events)
					}
				})
				id := b.appointment(48 * time.Hour)
				b.start()
				defer b.stopped()
				b.save(nil)
				b.pass(3 * time.Minute)
				b.news()
				failing.Store(true)
				ids, calls = nil, nil
				require.NoError(t, b.pms.EditAppointment(id, func(a *driver.Appointment) { a.Operatory = "2" }))
				b.pass(time.Hour)
				require.Greater(t, len(calls), 5)
				require.Less(t, len(calls), 40, "it backs off")
				require.Len(t, unique(ids), 1)
				h, err := b.p.Health(t.Context())
				require.NoError(t, err)
				require.Equal(t, []string{"appointments"}, h.BlockedByHost)
				l := loopOf(h, driver.AppointmentFeed)
				require.Positive(t, l.Failures)
				require.Equal(t, "the host's handler for appointments failed", l.LastError)
				require.True(t, h.Connected)

				// Everything else goes on.
				require.NoError(t, b.pms.SetStatus(id, "0302"))
				newcomer := b.newPatient("New", "Comer")
				b.must(b.p.WriteNote(t.Context(), b.note("note")))
				b.pass(time.Minute)
				require.Equal(t, []string{id + " status 0302", newcomer + " created"}, b.news().inWords())
				b.requireState("note", writeback.Written)

				failing.Store(false)
				b.pass(10 * time.Minute)
				require.Equal(t, []string{id + " moved"}, b.news().inWords())
				require.Len(t, unique(ids), 1)
				h, err = b.p.Health(t.Context())
				require.NoError(t, err)
				require.Empty(t, h.BlockedByHost)
				require.Zero(t, loopOf(h, driver.AppointmentFeed).Failures)
			})
		})
	}
}

type nothing struct{}

func (*nothing) Error() string { return "nothing" }

func loopOf(h writeback.Health, feed driver.Feed) writeback.LoopHealth {
	for _, l := range h.Loops {
		if l.Loop == string(feed) {
			return l
		}
	}
	return writeback.LoopHealth{}
}

func TestHandlerThatIgnoresItsTimeIsLeftAloneUntilItReturns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		release := make(chan struct{})
		var running, peak, calls atomic.Int32
		b.engine(func(c *writeback.Config) {
			c.Handlers.NewPatients = func(context.Context, string, []writeback.PatientEvent) error {
				calls.Add(1)
				peak.Store(max(peak.Load(), running.Add(1)))
				defer running.Add(-1)
				<-release
				return nil
			}
		})
		id := b.appointment(48 * time.Hour)
		b.start()
		b.save(nil)
		b.pass(3 * time.Minute)
		b.news()
		b.newPatient("New", "Comer")
		b.pass(time.Hour)
		require.EqualValues(t, 1, calls.Load(), "never two calls at once")
		h, err := b.p.Health(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"new_patients"}, h.BlockedByHost)
		require.NoError(t, b.pms.SetStatus(id, "0302"))
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(time.Minute)
		require.Equal(t, []string{id + " status 0302"}, b.news().inWords())
		b.requireState("note", writeback.Written)

		// Run does not return while the host's code still runs.
		b.stop()
		synctest.Wait()
		require.Empty(t, b.run)
		close(release)
		require.ErrorIs(t, <-b.run, context.Canceled)
		require.EqualValues(t, 1, peak.Load())

		b.engine(nil)
		b.start()
		b.pass(time.Minute)
		require.Len(t, b.news().patients, 1, "it is told again")
		b.stopped()
	})
}

func TestHandlerGetsAtMostAHundredEventsAndADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{PageSize: 300}, nil)
		var sizes []int
		take := take(b.host, "appointments", &b.host.appointments)
		b.engine(func(c *writeback.Config) {
			c.HandlerTimeout = 7 * time.Second
			c.Handlers.Appointments = func(ctx context.Context, practice string, events []writeback.AppointmentEvent) error {
				sizes = append(sizes, len(events))
				deadline, ok := ctx.Deadline()
				require.True(t, ok)
				require.Equal(t, 7*time.Second, time.Until(deadline))
				require.Equal(t, practiceID, practice)
				require.Equal(t, len(events), cap(events), "what a host appends must not reach the next call's events")
				return take(ctx, practice, events)
			}
		})
		for range 250 {
			b.appointment(48 * time.Hour)
		}
		b.start()
		defer b.stopped()
		b.pass(3 * time.Minute)
		require.Equal(t, []int{100, 100, 50}, sizes)
		n := b.news()
		require.Len(t, n.appointments, 250)
		requireDistinct(t, n.ids())
	})
}

func TestHandlerMayCallTheEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.engine(func(c *writeback.Config) {
			c.Handlers.AppointmentStatuses = func(ctx context.Context, practice string, events []writeback.AppointmentStatusEvent) error {
				p, err := b.eng.Practice(ctx, practice)
				if err != nil {
					return err
				}
				for _, e := range events {
					// The host's patient answers at once: not confirmed after all.
					if _, err := p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{
						Key: "answer-" + e.ID, Appointment: e.Appointment.ID, Basis: e.Basis,
					}); err != nil {
						return err
					}
				}
				if _, err := p.Health(ctx); err != nil {
					return err
				}
				return p.SyncNow(ctx, driver.AppointmentFeed)
			}
		})
		id := b.appointment(48 * time.Hour)
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(3 * time.Minute)
		require.NoError(t, b.pms.SetStatus(id, "0302"))
		b.pass(time.Minute)
		require.Equal(t, "0301", statusOf(b, id))
	})
}

func TestNobodyIsToldWithoutAHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.engine(func(c *writeback.Config) { c.Handlers = writeback.Handlers{} })
		b.appointment(48 * time.Hour)
		b.start()
		defer b.stopped()
		b.save(func(d *settings.Document) { d.Intervals.Photos = true })
		b.pass(2 * time.Hour)
		calls := b.pms.Traffic().Calls
		require.Zero(t, calls["changes"]+calls["window"], "what nobody hears is not read")
		h, err := b.p.Health(t.Context())
		require.NoError(t, err)
		for _, l := range h.Loops {
			require.Zero(t, l.Every)
		}
	})
}

func TestItemEventsAreToldInOrderAndNoneIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		store := &leaky{Store: b.store}
		b.engine(func(c *writeback.Config) { c.Store = store })
		b.start()
		b.save(nil)
		b.pass(time.Minute)
		b.news()
		b.host.refuse("items", errHost)
		for i := range 120 {
			b.must(b.p.WriteNote(t.Context(), b.note(fmt.Sprintf("note-%03d", i))))
		}
		b.pass(time.Minute)
		require.Len(t, b.pms.Notes(), 120, "writing goes on")
		h, err := b.p.Health(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"items"}, h.BlockedByHost)
		b.stopped()

		b.engine(func(c *writeback.Config) { c.Store = store })
		b.start()
		b.host.refuse("items", nil)
		store.fail(func(c writeback.Change) bool { return len(c.Docs) == 1 && c.Docs[0].Name == "events/handler" })
		b.pass(2 * time.Minute)
		require.NotEmpty(t, b.news().items)
		store.fail(nil)
		b.pass(10 * time.Minute)
		last := map[string]writeback.Event{}
		var after int64
		for _, e := range b.news().items {
			if e.Seq <= after {
				require.Less(t, e.Seq, after, "told again from the position on")
			}
			after = e.Seq
			last[e.Event.Item] = e.Event
			require.NotEmpty(t, e.Words)
			require.Equal(t, e.Item, e.Current.ID)
		}
		require.Len(t, last, 120)
		for _, e := range last {
			require.Equal(t, writeback.Written, e.To)
		}
		b.stopped()
	})
}
