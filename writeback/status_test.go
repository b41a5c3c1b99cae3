package writeback_test

import (
	"fmt"
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
			b.refresh()
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
			b.refresh()
			b.pass(time.Hour)
			require.Equal(t, "0301", statusOf(b, id), "the old wish is not fulfilled any more")
		})
	})
	t.Run("a newer one that is held", func(t *testing.T) {
		t.Parallel()
		inOffice(t, func(t *testing.T, b *bed, id string) {
			require.NoError(t, b.pms.SetOptionActive(driver.AppointmentStatuses, "0301", false))
			b.refresh()
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
