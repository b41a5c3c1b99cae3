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
	moving  bool      // with another operatory, so that the other feed tells too
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
					moving: coin(), swapped: coin(), slow: coin(), failing: rnd.IntN(3) == 0, fault: rnd.IntN(len(writeFaults)),
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

// play carries a schedule out.
func play(t *testing.T, number int, s schedule) {
	b := newBed(t, nil)
	id := b.appointment(48 * time.Hour)
	require.NoError(t, b.pms.SetStatus(id, s.first))
	host := &belief{appointment: id}
	var mu sync.Mutex
	armed, done, failures := false, 0, 0
	edit := func() {
		require.NoError(t, b.pms.EditAppointment(id, func(a *driver.Appointment) {
			a.Status = s.staff[done]
			if s.moving {
				a.Operatory = fmt.Sprint(done + 2)
			}
		}))
		done++
	}
	reach := func(moment string) {
		mu.Lock()
		defer mu.Unlock()
		for armed && done < len(s.staff) && moments[s.at[done]] == moment {
			edit()
		}
	}
	b.engine(func(c *writeback.Config) {
		c.WakePoll, c.SweepEvery = time.Minute, 1000*time.Hour
		b.hook(func(call string, after bool) {
			reach(map[bool]string{true: "+", false: "-"}[after] + call)
		})(c)
		host.follow(c)
		take := c.Handlers.AppointmentStatuses
		c.Handlers.AppointmentStatuses = func(ctx context.Context, p string, events []writeback.AppointmentStatusEvent) error {
			reach("handler")
			if err := take(ctx, p, events); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if armed && s.failing && failures < 3 {
				failures++
				return errHost
			}
			return nil
		}
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
	mu.Lock()
	armed = true
	mu.Unlock()
	reach("submit")
	b.confirm(map[bool]string{true: "yes", false: "no"}[s.wish], id, s.wish, basis)
	b.pass(3 * time.Minute)
	mu.Lock()
	for done < len(s.staff) { // what was waited for did not happen
		edit()
		mu.Unlock()
		b.pass(30 * time.Second)
		mu.Lock()
	}
	armed = false
	mu.Unlock()
	// Longer than any back-off, and much shorter than the time to the next sweep,
	// which would hide what the feeds themselves missed.
	b.pass(6 * time.Minute)
	require.Equal(t, statusOf(b, id), host.knows(), "schedule %d: %+v (%s): what the host believes", number, s, writeFaults[s.fault].name)
}
