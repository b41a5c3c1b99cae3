package writeback_test

import (
	"testing"
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
