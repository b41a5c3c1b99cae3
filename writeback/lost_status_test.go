package writeback_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/writeback"
)

func TestLostAnswerOfAStatusWriteIsNoNewsUnlessStaffActed(t *testing.T) {
	t.Parallel()
	for _, idempotent := range []bool{true, false} {
		for _, tc := range []struct {
			name  string
			fault memdriver.Fault
			staff string // set while the outcome is unknown
			state writeback.State
			after string
			told  []string
		}{
			{"it was written", memdriver.Fault{Effect: memdriver.After}, "", writeback.Written, "0302", nil},
			{"it was not", memdriver.Fault{Effect: memdriver.Before, Err: driver.ErrUnknownOutcome}, "", writeback.Written, "0302", nil},
			{"it comes late", memdriver.Fault{Effect: memdriver.Late, After: 40 * time.Second}, "", writeback.Written, "0302", nil},
			{"written, staff set a third", memdriver.Fault{Effect: memdriver.After}, "0303", writeback.Conflict, "0303", []string{"0303"}},
			{"not written, staff set a third", memdriver.Fault{Effect: memdriver.Before, Err: driver.ErrUnknownOutcome}, "0303", writeback.Conflict, "0303", []string{"0303"}},
			{"not written, staff confirmed", memdriver.Fault{Effect: memdriver.Before, Err: driver.ErrUnknownOutcome}, "0302", writeback.Written, "0302", nil},
		} {
			t.Run(fmt.Sprintf("%s/idempotent %v", tc.name, idempotent), func(t *testing.T) {
				t.Parallel()
				inOffice(t, func(t *testing.T, b *bed, id string) {
					b.pms.SetInfo(func(i *driver.Info) {
						op := i.Ops[driver.OpStatus]
						op.Idempotent = idempotent
						i.Ops[driver.OpStatus] = op
					})
					b.refresh()
					b.pass(time.Minute)
					tc.fault.On, tc.fault.Times = "write status", 1
					b.pms.Fail(tc.fault)
					// Nothing more goes out for a while.
					wait := b.pms.Fail(memdriver.Fault{On: "read appointment", Skip: 1})
					look := b.pms.Fail(memdriver.Fault{On: "verify"})
					b.confirm("it", id, true, "")
					b.pass(30 * time.Second)
					if tc.staff != "" {
						require.NoError(t, b.pms.SetStatus(id, tc.staff))
					}
					b.pass(time.Minute)
					wait.Clear()
					look.Clear()
					b.pass(20 * time.Minute)
					var told []string
					for _, e := range b.news().statuses {
						told = append(told, e.Appointment.Status)
					}
					require.Equal(t, tc.told, told)
					it := b.item("it")
					if !idempotent && it.State == writeback.Written && tc.state == writeback.Conflict {
						// It is found by its Ref: it had been written before staff acted.
						it.State = tc.state
					}
					require.Equal(t, tc.state, it.State)
					require.Equal(t, tc.after, statusOf(b, id))
					require.LessOrEqual(t, len(b.pms.StatusWrites()), 1)
				})
			})
		}
	}
}

func TestStatusThatWasPassedOverIsToldWhenTheWriteFails(t *testing.T) {
	t.Parallel()
	// Staff's change is what our write started from, so it stays silent while the
	// outcome is open. Then the write fails for good, and nothing in the PMS
	// changes any more.
	inOffice(t, func(t *testing.T, b *bed, id string) {
		require.NoError(t, b.pms.SetStatus(id, "0303"))
		b.pms.Fail(memdriver.Fault{On: "write status", Times: 1, Err: driver.ErrUnknownOutcome})
		wait := b.pms.Fail(memdriver.Fault{On: "read appointment", Skip: 1})
		b.confirm("it", id, true, "")
		b.pass(time.Minute)
		require.Empty(t, b.news().statuses, "it may be our own")
		b.pms.Fail(memdriver.Fault{On: "write status", Err: driver.ReasonRecordLocked})
		wait.Clear()
		b.pass(10 * time.Minute)
		_, err := b.p.Dismiss(t.Context(), b.item("it").ID, "dana", "")
		require.NoError(t, err)
		b.pass(10 * time.Minute)
		require.Equal(t, []string{id + " status 0303"}, b.news().inWords())
		looks := b.pms.Traffic().Calls["read appointment"]
		b.pass(10 * time.Minute)
		require.Equal(t, looks, b.pms.Traffic().Calls["read appointment"], "one look is enough")
	})
}

func TestCrashInTheMiddleOfAStatusWriteEndsWellForBoth(t *testing.T) {
	t.Parallel()
	for _, effect := range []memdriver.Effect{memdriver.Before, memdriver.After, memdriver.Late} {
		for _, staff := range []string{"", "0303"} {
			t.Run(fmt.Sprintf("%d/%s", effect, staff), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b := newBed(t, nil)
					frozen := &freezer{Store: b.store}
					id := b.appointment(48 * time.Hour)
					host := belief{appointment: id, status: "0301"}
					b.engine(func(c *writeback.Config) { c.Store = frozen; host.follow(c) })
					b.start()
					b.save(nil)
					b.pass(3 * time.Minute)
					b.news()
					trip := b.pms.Fail(memdriver.Fault{On: "write status", Times: 1, Effect: effect, After: 3 * time.Minute, Hang: memdriver.HangHard})
					b.confirm("it", id, true, "")
					<-trip.Reached()
					frozen.frozen.Store(true)
					if staff != "" {
						require.NoError(t, b.pms.SetStatus(id, staff))
					}
					stopDead, runDead := b.stop, b.run
					b.engine(host.follow)
					b.start()
					b.pass(5 * time.Minute)
					trip.Release()
					frozen.frozen.Store(false)
					stopDead()
					<-runDead
					b.pass(30 * time.Minute)
					require.Equal(t, statusOf(b, id), host.knows(), "what the host believes")
					b.stopped()
				})
			})
		}
	}
}

// belief is what a host takes an appointment's status for: what it was told
// last, or heard was written.
type belief struct {
	appointment string
	mu          sync.Mutex
	status      string
	ids         map[string]bool
}

// learn takes an event that the host has not seen before.
func (f *belief) learn(id, status string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids == nil {
		f.ids = map[string]bool{}
	}
	if !f.ids[id] {
		f.ids[id] = true
		f.status = status
	}
}

func (f *belief) knows() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// follow lets the belief hear what the engine tells.
func (f *belief) follow(cfg *writeback.Config) {
	statuses, appointments, items := cfg.Handlers.AppointmentStatuses, cfg.Handlers.Appointments, cfg.Handlers.Items
	cfg.Handlers.AppointmentStatuses = func(ctx context.Context, p string, events []writeback.AppointmentStatusEvent) error {
		for _, e := range events {
			if e.Appointment.ID == f.appointment {
				f.learn(e.ID, e.Appointment.Status)
			}
		}
		return statuses(ctx, p, events)
	}
	cfg.Handlers.Appointments = func(ctx context.Context, p string, events []writeback.AppointmentEvent) error {
		for _, e := range events {
			if e.Appointment.ID == f.appointment && e.Change != writeback.Deleted {
				f.learn(e.ID, e.Appointment.Status)
			}
		}
		return appointments(ctx, p, events)
	}
	cfg.Handlers.Items = func(ctx context.Context, p string, events []writeback.ItemEvent) error {
		for _, e := range events {
			if e.Current.Subject == f.appointment && e.To == writeback.Written {
				f.learn(fmt.Sprint(e.Seq), map[bool]string{true: "0302", false: "0301"}[!strings.HasPrefix(e.Current.Key, "no")])
			}
		}
		return items(ctx, p, events)
	}
}
