package writeback_test

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// beliefs are what a host takes the statuses of appointments for, from nothing
// but what it is told.
type beliefs struct {
	mu    sync.Mutex
	of    map[string]string
	basis map[string]string
	seen  map[string]bool
}

func newBeliefs() *beliefs {
	return &beliefs{of: map[string]string{}, basis: map[string]string{}, seen: map[string]bool{}}
}

// learn takes an event that was not seen before.
func (h *beliefs) learn(event, appointment, status, basis string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen[event] {
		return
	}
	h.seen[event], h.of[appointment] = true, status
	if basis != "" {
		h.basis[appointment] = basis
	}
}

func (h *beliefs) knows(appointment string) (status, basis string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.of[appointment], h.basis[appointment]
}

func (h *beliefs) handlers() writeback.Handlers {
	return writeback.Handlers{
		AppointmentStatuses: func(_ context.Context, _ string, events []writeback.AppointmentStatusEvent) error {
			for _, e := range events {
				h.learn(e.ID, e.Appointment.ID, e.Appointment.Status, e.Basis)
			}
			return nil
		},
		Appointments: func(_ context.Context, _ string, events []writeback.AppointmentEvent) error {
			for _, e := range events {
				h.learn(e.ID, e.Appointment.ID, e.Appointment.Status, e.Basis)
			}
			return nil
		},
		Items: func(_ context.Context, _ string, events []writeback.ItemEvent) error {
			for _, e := range events {
				if e.To == writeback.Written {
					h.learn(fmt.Sprint("item ", e.Seq), e.Current.Subject, map[bool]string{true: "0302", false: "0301"}[strings.HasPrefix(e.Current.Key, "yes")], "")
				}
			}
			return nil
		},
	}
}

// core are schedules without faults: every pair of moments, with every pair of
// statuses that staff may set then, from every status that the host may have been
// told, for either wish. What else may differ is dealt out to them.
func core() []schedule {
	rnd := rand.New(rand.NewPCG(3, 4))
	statuses := []string{"0301", "0302", "0303"}
	var out []schedule
	for i := range moments {
		for j := i; j < len(moments); j++ {
			for n := range 3 * 3 * 3 * 2 {
				out = append(out, schedule{
					first: statuses[n/18], wish: n/9%2 == 0, based: rnd.IntN(4) != 0,
					staff: [2]string{statuses[n%3], statuses[n/3%3]}, at: [2]int{i, j},
					moving: [2]bool{rnd.IntN(2) == 0, rnd.IntN(2) == 0},
				})
			}
		}
	}
	return out
}

// TestHostAndPMSAgreeAtRestInEveryInterleaving plays all of core, hundreds of
// appointments after each other in one practice.
func TestHostAndPMSAgreeAtRestInEveryInterleaving(t *testing.T) {
	t.Parallel()
	all := core()
	require.Len(t, all, 45*54)
	const shards = 8
	for shard := range shards {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			onStage(t, nil, func(g *stage, host *beliefs) {
				for i := shard; i < len(all); i += shards {
					g.playNext(i, all[i], host, nil)
				}
				for _, moment := range moments[:len(moments)-1] {
					require.Greater(t, g.hits[moment], 5, "%s: staff are hardly ever at work then", moment)
				}
			})
		})
	}
}

// onStage runs f in a practice that looks often: nothing is swept, and what goes
// wrong is tried again after a look.
func onStage(t *testing.T, prepare func(*bed), f func(g *stage, host *beliefs)) {
	synctest.Test(t, func(t *testing.T) {
		b, host := newBed(t, nil), newBeliefs()
		g := newStage(b)
		if prepare != nil {
			prepare(b)
		}
		b.engine(func(c *writeback.Config) {
			c.WakePoll, c.SweepEvery, c.CatalogEvery = 1000*time.Hour, 1000*time.Hour, 1000*time.Hour
			c.Retry = writeback.Backoff{Min: aLook, Max: aLook}
			c.Handlers = host.handlers()
			g.watch(c)
		})
		b.start()
		defer b.stopped()
		b.save(func(d *settings.Document) {
			d.Intervals.NewPatients = settings.Never()
			d.Intervals.AppointmentStatus, d.Intervals.AppointmentChanges = settings.Seconds(3), settings.Seconds(4)
		})
		b.pass(2 * aLook)
		f(g, host)
	})
}

// aLook is a little longer than the interval of the slower feed.
const aLook = 4500 * time.Millisecond

// playNext plays a schedule with an appointment of its own.
func (g *stage) playNext(number int, s schedule, host *beliefs, faults []memdriver.Fault) {
	b := g.b
	id := b.appointment(480 * time.Hour)
	require.NoError(b.t, b.pms.SetStatus(id, s.first))
	b.pass(aLook)
	first, basis := host.knows(id)
	require.Equal(b.t, s.first, first)
	if !s.based {
		basis = ""
	}
	rest := aLook
	for _, f := range faults {
		b.pms.Fail(f)
		rest += 2 * aLook
	}
	g.arm(s, id)
	key := fmt.Sprint(map[bool]string{true: "yes", false: "no"}[s.wish], number)
	b.confirm(key, id, s.wish, basis)
	b.pass(rest)
	g.end(aLook)
	b.pass(rest)
	require.NotContains(b.t, []writeback.State{writeback.Queued, writeback.Writing, writeback.Uncertain}, b.item(key).State, "not at rest yet")
	now, _ := host.knows(id)
	require.Equal(b.t, statusOf(b, id), now, "schedule %d: %+v: what the host believes", number, s)
	if faults != nil {
		b.pms.Heal()
	}
}

// early are the moments before the first answer of the PMS is settled.
const early = 6

// TestHostAndPMSAgreeAtRestThoughAnswersAreLostAndWritesRefused lets staff act
// early, so that nothing they do later hides what the host was not told.
func TestHostAndPMSAgreeAtRestThoughAnswersAreLostAndWritesRefused(t *testing.T) {
	t.Parallel()
	lost := memdriver.Fault{On: "write status", Times: 1, Effect: memdriver.After}
	unknown := memdriver.Fault{On: "write status", Times: 1, Effect: memdriver.Before, Err: driver.ErrUnknownOutcome}
	refused := memdriver.Fault{On: "write status", Err: driver.ReasonRecordLocked}
	for name, tc := range map[string]struct {
		prepare func(*bed)
		faults  []memdriver.Fault
	}{
		"lost":                                 {nil, []memdriver.Fault{lost}},
		"lost, to be looked for":               {notIdempotent, []memdriver.Fault{lost}},
		"unknown, to be looked for":            {notIdempotent, []memdriver.Fault{unknown}},
		"lost, then refused":                   {nil, []memdriver.Fault{lost, refused}},
		"not written, then refused":            {nil, []memdriver.Fault{unknown, refused}},
		"not written, looked for, and refused": {notIdempotent, []memdriver.Fault{unknown, refused}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onStage(t, tc.prepare, func(g *stage, host *beliefs) {
				rnd := rand.New(rand.NewPCG(5, 6))
				for n, s := range core() {
					if s.at[1] >= early || rnd.IntN(14) != 0 {
						continue
					}
					s.based = rnd.IntN(2) == 0
					g.playNext(n, s, host, tc.faults)
				}
			})
		})
	}
}
