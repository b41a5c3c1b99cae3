package writeback_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// An event of an appointment carries what its status meant at that time. When the
// settings take that back before the status feed looked, nothing has changed for
// that feed but what the host believes.
func TestMeaningThatTheOtherFeedToldIsCorrectedWhenItIsTakenBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		id := b.appointment(48 * time.Hour)
		b.save(nil)
		b.pass(2 * time.Minute)
		require.Equal(t, writeback.Unconfirmed, b.believed(id))
		mean := func(every settings.Interval, confirmed string) {
			b.save(func(d *settings.Document) {
				d.Statuses.Confirmed, d.Statuses.ConfirmedTarget, d.Statuses.UnconfirmedTarget = []settings.Ref{{ID: confirmed}}, settings.Ref{}, settings.Ref{}
				d.Intervals.AppointmentStatus = every
			})
		}
		mean(settings.Never(), "0301")
		require.NoError(t, b.pms.EditAppointment(id, func(a *driver.Appointment) { a.Note = driver.NewText("x-rays") }))
		b.pass(2 * time.Minute)
		require.Equal(t, writeback.Confirmed, b.believed(id), "as it was meant then")
		mean(settings.Seconds(15), "0302")
		b.pass(time.Minute)
		require.Equal(t, writeback.Unconfirmed, b.believed(id))
		require.Len(t, b.host.statuses, 1)
		b.pass(time.Hour)
		require.Len(t, b.host.statuses, 1, "told once")
	})
}

// A host may learn to take statuses after it took appointments, whose events
// carried them, and after it wrote some itself.
func TestHostThatTakesStatusesFromNowOnIsToldThoseItDoesNotKnow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		without := func(c *writeback.Config) { c.Handlers.AppointmentStatuses = nil }
		b.engine(without)
		b.start()
		b.save(nil)
		changed, same, written, taken := b.appointment(48*time.Hour), b.appointment(49*time.Hour), b.appointment(50*time.Hour), b.appointment(51*time.Hour)
		b.pass(2 * time.Minute)
		require.Equal(t, writeback.Unconfirmed, b.believed(changed))
		require.NoError(t, b.pms.SetStatus(changed, "0302"))
		b.confirm("written", written, true, "")
		b.confirm("taken", taken, true, "")
		b.pass(2 * time.Minute)
		b.requireState("taken", writeback.Written)
		require.NoError(t, b.pms.SetStatus(taken, "0301"))
		b.pass(2 * time.Minute)
		b.stopped()
		b.engine(nil)
		b.start()
		defer b.stopped()
		b.pass(2 * time.Minute)
		require.Equal(t, writeback.Confirmed, b.believed(changed))
		require.Equal(t, writeback.Unconfirmed, b.believed(same))
		told := map[string]writeback.Confirmation{}
		for _, e := range got(b.host, func() []writeback.AppointmentStatusEvent { return b.host.statuses }) {
			told[e.Appointment.ID] = e.Status
		}
		require.Equal(t, map[string]writeback.Confirmation{changed: writeback.Confirmed, taken: writeback.Unconfirmed}, told,
			"what the host was told, and what it wrote, is no news")
	})
}
