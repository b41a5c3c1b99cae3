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
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// confirm submits a status for an appointment.
func (b *bed) confirm(key, appointment string, confirmed bool, basis string) writeback.Item {
	b.t.Helper()
	return b.must(b.p.SetAppointmentStatus(b.t.Context(), writeback.AppointmentStatus{
		Key: key, Appointment: appointment, Confirmed: confirmed, Basis: basis,
	}))
}

// basisOf makes staff's status known to the host and returns the event's token.
func (b *bed) basisOf(appointment, status string) string {
	b.t.Helper()
	if statusOf(b, appointment) == status {
		require.NoError(b.t, b.pms.SetStatus(appointment, "0305"))
		b.pass(time.Minute)
	}
	require.NoError(b.t, b.pms.SetStatus(appointment, status))
	b.pass(time.Minute)
	n := b.news()
	require.NotEmpty(b.t, n.statuses)
	last := n.statuses[len(n.statuses)-1]
	require.Equal(b.t, status, last.Appointment.Status)
	return last.Basis
}

// waiting holds the writes back until the returned function is called, so that
// staff can be at work between a submit and its write.
func (b *bed) waiting() func() {
	trip := b.pms.Fail(memdriver.Fault{On: "read appointment"})
	return func() { trip.Clear(); b.pass(10 * time.Minute) }
}

// inOffice runs f with settings saved and the first look over. There is no sweep,
// which would hide what the feeds themselves miss.
func inOffice(t *testing.T, f func(t *testing.T, b *bed, appointment string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *writeback.Config) { c.SweepEvery, c.WakePoll = 1000*time.Hour, 20*time.Second })
		id := b.appointment(48 * time.Hour)
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(3 * time.Minute)
		b.news()
		f(t, b, id)
	})
}

func TestStatusIsWrittenOnlyFromItsBasisOrAlongAStep(t *testing.T) {
	t.Parallel()
	const (
		unconfirmed, confirmed, texted = "0301", "0302", "0303"
		arrived, seated, done, faxed   = "0304", "0305", "0306", "0309"
	)
	for _, tc := range []struct {
		basis, now string
		confirm    bool
		state      writeback.State
		reason     driver.Reason
		after      string
	}{
		{unconfirmed, unconfirmed, true, writeback.Written, "", confirmed},
		{confirmed, confirmed, false, writeback.Written, "", unconfirmed},
		{texted, texted, true, writeback.Written, "", confirmed},
		{texted, texted, false, writeback.Written, "", unconfirmed},
		// Staff changed it in between: along a step it goes on, else theirs stands.
		{texted, unconfirmed, true, writeback.Written, "", confirmed},
		{texted, confirmed, false, writeback.Written, "", unconfirmed},
		{unconfirmed, texted, true, writeback.Conflict, writeback.ReasonStaffChanged, texted},
		{confirmed, texted, false, writeback.Conflict, writeback.ReasonStaffChanged, texted},
		{unconfirmed, faxed, true, writeback.Conflict, writeback.ReasonStaffChanged, faxed},
		// It is there already.
		{unconfirmed, confirmed, true, writeback.Written, "", confirmed},
		{confirmed, unconfirmed, false, writeback.Written, "", unconfirmed},
		// Who has come is not sent back.
		{unconfirmed, arrived, true, writeback.Expired, writeback.ReasonTooLate, arrived},
		{arrived, arrived, false, writeback.Expired, writeback.ReasonTooLate, arrived},
		{unconfirmed, seated, false, writeback.Expired, writeback.ReasonTooLate, seated},
		{unconfirmed, done, true, writeback.Expired, writeback.ReasonTooLate, done},
		// Without a basis what is found counts.
		{"", texted, true, writeback.Written, "", confirmed},
		{"", faxed, false, writeback.Written, "", unconfirmed},
		{"", arrived, true, writeback.Expired, writeback.ReasonTooLate, arrived},
	} {
		t.Run(fmt.Sprintf("%s from %q at %s", map[bool]string{true: "confirm", false: "unconfirm"}[tc.confirm], tc.basis, tc.now), func(t *testing.T) {
			t.Parallel()
			inOffice(t, func(t *testing.T, b *bed, id string) {
				basis := ""
				if tc.basis != "" {
					basis = b.basisOf(id, tc.basis)
				}
				release := b.waiting()
				b.confirm("it", id, tc.confirm, basis)
				b.pass(time.Minute)
				b.requireState("it", writeback.Queued)
				require.NoError(t, b.pms.SetStatus(id, tc.now))
				release()
				it := b.requireState("it", tc.state)
				require.Equal(t, tc.reason, it.Reason)
				require.Equal(t, tc.after, statusOf(b, id))
				writes := 0
				if tc.after != tc.now {
					writes = 1
				}
				require.Len(t, b.pms.StatusWrites(), writes)
			})
		})
	}
}

func TestConflictingChangeOfStaffStandsAndIsTold(t *testing.T) {
	t.Parallel()
	inOffice(t, func(t *testing.T, b *bed, id string) {
		basis := b.basisOf(id, "0301")
		release := b.waiting()
		b.confirm("it", id, true, basis)
		require.NoError(t, b.pms.SetStatus(id, "0303"))
		release()
		it := b.requireState("it", writeback.Conflict)
		n := b.news()
		require.Equal(t, []string{id + " status 0303"}, n.inWords())
		require.Equal(t, writeback.Conflict, n.items[len(n.items)-1].To)

		// A person who has seen it may ask again; it counts once.
		b.must(b.p.Retry(t.Context(), it.ID, "dana"))
		b.pass(time.Minute)
		b.requireState("it", writeback.Written)
		require.Equal(t, "0302", statusOf(b, id))
		require.Empty(t, b.news().statuses)
	})
}

func TestConfirmationOfAVisitThatWasMovedIsNotWritten(t *testing.T) {
	t.Parallel()
	inOffice(t, func(t *testing.T, b *bed, id string) {
		basis := b.basisOf(id, "0301")
		release := b.waiting()
		b.confirm("it", id, true, basis)
		require.NoError(t, b.pms.EditAppointment(id, func(a *driver.Appointment) { a.Start = a.Start.Add(48 * time.Hour) }))
		release()
		b.requireState("it", writeback.Conflict)
		require.Equal(t, "0301", statusOf(b, id))
		n := b.news()
		require.Equal(t, []string{id + " moved"}, n.inWords())
		// The host asks the patient again, and answers that event.
		b.confirm("again", id, true, n.appointments[0].Basis)
		b.pass(time.Minute)
		b.requireState("again", writeback.Written)
		require.Equal(t, "0302", statusOf(b, id))
	})
}

func TestStatusThatComesTooLateExpires(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(b *bed, id string){
		"past": func(b *bed, id string) {
			require.NoError(b.t, b.pms.MoveAppointment(id, time.Now().Add(10*time.Minute)))
			b.pass(11 * time.Minute)
		},
		"cancelled":   func(b *bed, id string) { require.NoError(b.t, b.pms.SetState(id, driver.AppointmentCancelled)) },
		"unscheduled": func(b *bed, id string) { require.NoError(b.t, b.pms.SetState(id, driver.AppointmentUnscheduled)) },
		"arrived":     func(b *bed, id string) { require.NoError(b.t, b.pms.SetState(id, driver.AppointmentArrived)) },
		"seated":      func(b *bed, id string) { require.NoError(b.t, b.pms.SetState(id, driver.AppointmentSeated)) },
		"completed":   func(b *bed, id string) { require.NoError(b.t, b.pms.SetState(id, driver.AppointmentCompleted)) },
		"deleted":     func(b *bed, id string) { require.NoError(b.t, b.pms.DeleteAppointment(id)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				b.engine(func(c *writeback.Config) { c.WakePoll = time.Minute })
				id := b.appointment(48 * time.Hour)
				b.start()
				defer b.stopped()
				b.save(nil)
				b.pass(3 * time.Minute)
				release := b.waiting()
				b.confirm("it", id, true, "")
				do(b, id)
				release()
				it := b.requireState("it", writeback.Expired)
				require.Equal(t, writeback.ReasonTooLate, it.Reason)
				require.Empty(t, b.pms.StatusWrites())
				require.NotEmpty(t, it.Words)
			})
		})
	}
}

func TestNewerStatusTakesThePlaceOfOlderOnes(t *testing.T) {
	t.Parallel()
	t.Run("queued", func(t *testing.T) {
		t.Parallel()
		inOffice(t, func(t *testing.T, b *bed, id string) {
			release := b.waiting()
			b.confirm("1", id, true, "")
			b.pass(time.Second)
			b.confirm("2", id, false, "")
			b.confirm("3", id, true, "")
			release()
			b.requireState("1", writeback.Superseded)
			b.requireState("2", writeback.Superseded)
			b.requireState("3", writeback.Written)
			require.Len(t, b.pms.StatusWrites(), 1)
			require.Equal(t, "0302", statusOf(b, id))
		})
	})
	t.Run("held", func(t *testing.T) {
		t.Parallel()
		inOffice(t, func(t *testing.T, b *bed, id string) {
			// The option for "confirmed" is inactive; the one for "unconfirmed" works.
			require.NoError(t, b.pms.SetOptionActive(driver.AppointmentStatuses, "0302", false))
			b.p.RefreshCatalogs()
			b.pass(time.Minute)
			b.confirm("held", id, true, "")
			b.pass(time.Minute)
			b.requireState("held", writeback.Held)
			require.NoError(t, b.pms.SetStatus(id, "0303"))
			b.confirm("newer", id, false, "")
			b.pass(time.Minute)
			b.requireState("held", writeback.Superseded)
			b.requireState("newer", writeback.Written)
			require.NoError(t, b.pms.SetOptionActive(driver.AppointmentStatuses, "0302", true))
			b.p.RefreshCatalogs()
			b.pass(time.Hour)
			require.Equal(t, "0301", statusOf(b, id), "the old wish is not fulfilled any more")
		})
	})
	t.Run("a newer one that is held", func(t *testing.T) {
		t.Parallel()
		inOffice(t, func(t *testing.T, b *bed, id string) {
			require.NoError(t, b.pms.SetOptionActive(driver.AppointmentStatuses, "0301", false))
			b.p.RefreshCatalogs()
			b.pass(time.Minute)
			release := b.waiting()
			b.confirm("older", id, true, "")
			b.pass(time.Second)
			b.confirm("newer", id, false, "")
			release()
			b.requireState("older", writeback.Superseded)
			b.requireState("newer", writeback.Held)
			require.Empty(t, b.pms.StatusWrites())
		})
	})
	t.Run("a newer one that is not to be written", func(t *testing.T) {
		t.Parallel()
		inOffice(t, func(t *testing.T, b *bed, id string) {
			b.save(func(d *settings.Document) { d.Statuses.UnconfirmedTarget = settings.Ref{} })
			release := b.waiting()
			b.confirm("older", id, true, "")
			b.pass(time.Second)
			b.confirm("newer", id, false, "")
			release()
			b.requireState("older", writeback.Superseded)
			b.requireState("newer", writeback.Skipped)
			require.Equal(t, "0301", statusOf(b, id), "who cancelled at night is not confirmed in the morning")
		})
	})
	t.Run("dismissed newer ones do not count", func(t *testing.T) {
		t.Parallel()
		inOffice(t, func(t *testing.T, b *bed, id string) {
			release := b.waiting()
			b.confirm("older", id, true, "")
			b.pass(time.Second) // it was tried and waits
			newer := b.confirm("newer", id, false, "")
			_, err := b.p.Dismiss(t.Context(), newer.ID, "dana", "")
			require.NoError(t, err)
			release()
			b.requireState("older", writeback.Written)
		})
	})
	t.Run("other appointments' do not count", func(t *testing.T) {
		t.Parallel()
		inOffice(t, func(t *testing.T, b *bed, id string) {
			other := b.appointment(72 * time.Hour)
			b.confirm("one", id, true, "")
			b.confirm("two", other, true, "")
			b.pass(time.Minute)
			b.requireState("one", writeback.Written)
			b.requireState("two", writeback.Written)
		})
	})
}

func TestOurOwnWriteIsSilentAndStaffsAnswerIsTold(t *testing.T) {
	onEveryMake(t, nil, func(t *testing.T, b *bed, m pmsMake, _ []string) {
		if m.mute {
			return // without a look before the write nothing is written
		}
		id := b.appointment(48 * time.Hour)
		b.pass(3 * time.Minute)
		b.news()
		for i := range 3 {
			b.confirm(fmt.Sprint("yes", i), id, true, "")
			b.pass(aSweep)
			b.requireState(fmt.Sprint("yes", i), writeback.Written)
			require.Empty(t, b.news().inWords(), "our own write is no news")
			require.NoError(t, b.pms.SetStatus(id, "0301"))
			b.pass(aSweep)
			require.Equal(t, []string{id + " status 0301"}, b.news().inWords(), "staff's change back is")
		}
	})
}

func TestOwnWriteBeforeTheFirstLookIsKnownAfterwards(t *testing.T) {
	t.Parallel()
	inOffice(t, func(t *testing.T, b *bed, _ string) {
		// The status feed has not seen the appointment when it is written, and staff
		// change it before it does.
		id := b.appointment(48 * time.Hour)
		b.confirm("it", id, true, "")
		synctest.Wait()
		b.requireState("it", writeback.Written)
		require.NoError(t, b.pms.SetStatus(id, "0303"))
		b.pass(3 * time.Minute)
		require.Contains(t, b.news().inWords(), id+" status 0303")
	})
}

func TestStatusOfAPMSThatCannotBeAskedIsHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{Hide: []memdriver.Capability{memdriver.CanReadAppointment}}, nil)
		id := b.appointment(48 * time.Hour)
		b.start()
		defer b.stopped()
		b.save(nil)
		b.confirm("it", id, true, "")
		before := b.pms.Traffic().Calls
		b.pass(2 * time.Hour)
		b.requireState("it", writeback.Held)
		require.Empty(t, b.pms.StatusWrites())
		require.Less(t, b.pms.Traffic().Calls["read appointment"]-before["read appointment"], 50)
	})
}

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
					b.p.RefreshCatalogs()
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
