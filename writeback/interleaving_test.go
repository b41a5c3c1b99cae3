package writeback_test

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// The moments at which staff may be at work while a status of the host is on
// its way into the PMS.
var moments = []string{
	"submit",                      // just before
	"-read appointment",           // before the engine looks,
	"+read appointment",           // after it looked and before it writes,
	"+write",                      // after the PMS has it and before the engine knows
	"-changes appointment_status", // before and
	"+changes appointment_status", // after the status feed is read,
	"+changes appointments",       // and the other one
	"handler",                     // while the host takes a status
	"later",                       // when all is at rest
}

// schedule is one way in which things may happen.
type schedule struct {
	first   string    // the status that the host was told
	wish    bool      // what the host writes: confirmed or not
	based   bool      // on what it was told, or on whatever is there
	staff   [2]string // what staff set,
	at      [2]int    // and when
	moving  [2]bool   // with another operatory, so that the other feed tells too
	swapped bool      // the other feed is the faster one
	slow    bool      // the engine gets to look or write again only after a while
	failing bool      // the host takes what it is told, and then fails
	fault   int
}

// writeFaults are what may happen to the host's write.
var writeFaults = []struct {
	name string
	set  func(b *bed)
}{
	{"none", func(*bed) {}},
	{"answer lost", func(b *bed) { b.pms.Fail(memdriver.Fault{On: "write status", Times: 1, Effect: memdriver.After}) }},
	{"outcome unknown, not written", func(b *bed) {
		b.pms.Fail(memdriver.Fault{On: "write status", Times: 2, Effect: memdriver.Before, Err: driver.ErrUnknownOutcome})
	}},
	{"unavailable", func(b *bed) { b.pms.Fail(memdriver.Fault{On: "write status", Times: 1}) }},
	{"late", func(b *bed) {
		b.pms.Fail(memdriver.Fault{On: "write status", Times: 1, Effect: memdriver.Late, After: 20 * time.Second})
	}},
	{"refused", func(b *bed) {
		b.pms.Fail(memdriver.Fault{On: "write status", Times: 1, Err: driver.ReasonRecordLocked})
	}},
	{"answer lost, then refused", func(b *bed) {
		b.pms.Fail(memdriver.Fault{On: "write status", Times: 1, Effect: memdriver.After})
		b.pms.Fail(memdriver.Fault{On: "write status", Err: driver.ReasonRecordLocked})
	}},
	{"answer lost, to be looked for", func(b *bed) {
		notIdempotent(b)
		b.pms.Fail(memdriver.Fault{On: "write status", Times: 1, Effect: memdriver.After})
	}},
	{"late, to be looked for", func(b *bed) {
		notIdempotent(b)
		b.pms.Fail(memdriver.Fault{On: "write status", Times: 1, Effect: memdriver.Late, After: 20 * time.Second})
	}},
}

func notIdempotent(b *bed) {
	b.pms.SetInfo(func(i *driver.Info) {
		op := i.Ops[driver.OpStatus]
		op.Idempotent = false
		i.Ops[driver.OpStatus] = op
	})
}

// deals is how often what else may differ is dealt out to each pair of moments
// and statuses.
const deals = 1

func schedules() []schedule {
	rnd := rand.New(rand.NewPCG(1, 2))
	coin := func() bool { return rnd.IntN(2) == 0 }
	statuses := []string{"0301", "0302", "0303"}
	var out []schedule
	for i := range moments {
		for j := i; j < len(moments); j++ {
			for n := range len(statuses) * len(statuses) * deals {
				out = append(out, schedule{
					first: statuses[rnd.IntN(3)], wish: coin(), based: rnd.IntN(4) != 0,
					staff: [2]string{statuses[n%3], statuses[n/3%3]}, at: [2]int{i, j},
					moving: [2]bool{coin(), coin()}, swapped: coin(), slow: coin(), failing: rnd.IntN(3) == 0, fault: rnd.IntN(len(writeFaults)),
				})
			}
		}
	}
	return out
}

// TestHostAndPMSAgreeAtRestHoweverStaffAndHostInterleave tries four hundred
// ways in which two changes of staff and one of the host fall together.
func TestHostAndPMSAgreeAtRestHoweverStaffAndHostInterleave(t *testing.T) {
	t.Parallel()
	all := schedules()
	require.Greater(t, len(all), 400)
	const shards = 4
	for shard := range shards {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			for i := shard; i < len(all); i += shards {
				synctest.Test(t, func(t *testing.T) { play(t, i, all[i]) })
			}
		})
	}
}

// stage is where a schedule is played: it lets staff act at their moments.
type stage struct {
	b           *bed
	mu          sync.Mutex
	s           schedule
	appointment string
	armed       bool
	done        int // how many of staff's changes are made
	failures    int // of the host
	hits        map[string]int
}

func newStage(b *bed) *stage { return &stage{b: b, hits: map[string]int{}} }

// watch makes the engine's calls and the host's handler the moments.
func (g *stage) watch(c *writeback.Config) {
	g.b.hook(func(call string, after bool) {
		g.reach(map[bool]string{true: "+", false: "-"}[after] + call)
	})(c)
	take := c.Handlers.AppointmentStatuses
	c.Handlers.AppointmentStatuses = func(ctx context.Context, p string, events []writeback.AppointmentStatusEvent) error {
		g.reach("handler")
		if err := take(ctx, p, events); err != nil {
			return err
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.armed && g.s.failing && g.failures < 3 {
			g.failures++
			return errHost
		}
		return nil
	}
}

// arm begins: from here on staff act at their moments.
func (g *stage) arm(s schedule, appointment string) {
	g.mu.Lock()
	g.s, g.appointment, g.armed, g.done, g.failures = s, appointment, true, 0, 0
	g.mu.Unlock()
	g.reach("submit")
}

func (g *stage) reach(moment string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.armed && g.done < len(g.s.staff) && moments[g.s.at[g.done]] == moment {
		g.edit()
		g.hits[moment]++
	}
}

// edit makes staff's next change; mu is held.
func (g *stage) edit() {
	require.NoError(g.b.t, g.b.pms.EditAppointment(g.appointment, func(a *driver.Appointment) {
		a.Status = g.s.staff[g.done]
		if g.s.moving[g.done] {
			a.Operatory = fmt.Sprint(g.done + 2)
		}
	}))
	g.done++
}

// end lets staff make the changes whose moments did not come, each after a pause.
func (g *stage) end(pause time.Duration) {
	g.mu.Lock()
	for g.done < len(g.s.staff) {
		g.edit()
		g.mu.Unlock()
		g.b.pass(pause)
		g.mu.Lock()
	}
	g.armed = false
	g.mu.Unlock()
}

// play carries a schedule out.
func play(t *testing.T, number int, s schedule) {
	b := newBed(t, nil)
	id := b.appointment(48 * time.Hour)
	require.NoError(t, b.pms.SetStatus(id, s.first))
	host, g := &belief{appointment: id}, newStage(b)
	b.engine(func(c *writeback.Config) {
		c.WakePoll, c.SweepEvery = time.Minute, 1000*time.Hour
		host.follow(c)
		g.watch(c)
	})
	b.start()
	defer b.stopped()
	b.save(func(d *settings.Document) {
		d.Intervals.NewPatients = settings.Never()
		if s.swapped {
			d.Intervals.AppointmentStatus, d.Intervals.AppointmentChanges = settings.Seconds(60), settings.Seconds(15)
		}
	})
	b.pass(20 * time.Second)
	require.Equal(t, s.first, host.knows())
	writeFaults[s.fault].set(b)
	if s.slow {
		b.pms.Fail(memdriver.Fault{On: "read appointment", Skip: 1, Times: 5})
		b.pms.Fail(memdriver.Fault{On: "verify", Times: 5, Err: driver.ReasonRecordLocked})
	}
	b.refresh()
	b.pass(time.Second)

	basis := ""
	if s.based {
		basis = got(b.host, func() string { return b.host.appointments[0].Basis })
	}
	g.arm(s, id)
	b.confirm(map[bool]string{true: "yes", false: "no"}[s.wish], id, s.wish, basis)
	b.pass(3 * time.Minute)
	g.end(30 * time.Second)
	// Nothing goes wrong any more. Longer than any back-off, and much shorter than
	// the time to the next sweep, which would hide what the feeds themselves missed.
	b.pms.Heal()
	b.pass(6 * time.Minute)
	require.Equal(t, statusOf(b, id), host.knows(), "schedule %d: %+v (%s): what the host believes", number, s, writeFaults[s.fault].name)
}
