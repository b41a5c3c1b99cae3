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

func (b *bed) health() writeback.Health {
	b.t.Helper()
	h, err := b.p.Health(b.t.Context())
	require.NoError(b.t, err)
	return h
}

func TestHealthSaysHowOldTheDataIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The PMS's clock is what counts, and it is wrong.
		b := bedOn(t, memdriver.Config{Skew: -7 * time.Minute}, nil)
		b.start()
		defer b.stopped()
		h := b.health()
		require.True(t, h.Working)
		b.save(nil)
		b.pass(3 * time.Minute)
		for range 3 {
			h = b.health()
			require.Equal(t, practiceID, h.Practice)
			require.Equal(t, "Memory PMS", h.Product)
			require.Equal(t, "1.0", h.Version)
			require.True(t, h.Connected)
			require.Less(t, time.Since(h.LastAnswer), 17*time.Second)
			require.Less(t, time.Since(h.CatalogsAsOf), 17*time.Minute)
			require.Len(t, h.Loops, 4)
			for feed, every := range map[driver.Feed]time.Duration{
				driver.AppointmentStatusFeed: 15 * time.Second, driver.AppointmentFeed: time.Minute, driver.PatientFeed: 30 * time.Second,
			} {
				l := loopOf(h, feed)
				require.Equal(t, every, l.Every)
				require.Less(t, time.Since(l.LastRun), every*11/10+time.Second)
				require.False(t, l.LastOK.Before(l.LastRun))
				// By the PMS's own clock; a sweep may have read the feed since.
				require.False(t, l.AsOf.Before(l.LastOK.Add(-7*time.Minute-time.Second)), "%s", feed)
				require.False(t, l.AsOf.After(time.Now().Add(-7*time.Minute)), "%s", feed)
				require.Zero(t, l.Failures)
				require.Empty(t, l.LastError)
			}
			require.Zero(t, loopOf(h, driver.PhotoFeed).Every)
			b.pass(20 * time.Minute)
		}
		was := b.health()
		b.pms.SetOffline(true)
		b.pass(2 * time.Hour)
		h = b.health()
		require.False(t, h.Connected)
		require.Equal(t, string(driver.ErrUnavailable), h.LastError)
		require.False(t, h.LastAnswer.After(was.LastAnswer))
		require.Equal(t, loopOf(was, driver.AppointmentFeed).AsOf, loopOf(h, driver.AppointmentFeed).AsOf, "it does not grow younger")
		require.Equal(t, "Memory PMS", h.Product, "as last seen")
		b.pms.SetOffline(false)
		b.pass(10 * time.Minute)
		h = b.health()
		require.True(t, h.Connected)
		require.Empty(t, h.LastError)
		require.Less(t, time.Since(loopOf(h, driver.AppointmentFeed).LastOK), 67*time.Second)
	})
}

func TestHealthCountsWhatWasDelivered(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		for range 5 {
			b.appointment(48 * time.Hour)
		}
		id := b.appointment(48 * time.Hour)
		b.pass(3 * time.Minute)
		require.NoError(t, b.pms.SetStatus(id, "0302"))
		b.newPatient("New", "Comer")
		b.pass(3 * time.Minute)
		h := b.health()
		require.Equal(t, len(b.news().appointments), loopOf(h, driver.AppointmentFeed).Delivered)
		require.Equal(t, 1, loopOf(h, driver.AppointmentStatusFeed).Delivered)
		require.Equal(t, 1, loopOf(h, driver.PatientFeed).Delivered)
	})
}

func TestHealthCountsItemsAndGroupsTheirCauses(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.must(b.p.WriteNote(ctx, b.note("skipped")))
		b.save(nil)
		b.pass(time.Minute)
		b.must(b.p.WriteNote(ctx, b.note("written")))
		b.pass(time.Minute)
		lost := b.note("lost")
		lost.Patient = writeback.PatientNamed("Grace", "Hopper", driver.Date{Year: 1906, Month: 12, Day: 9})
		it := b.must(b.p.WriteNote(ctx, lost))
		b.pass(time.Minute)
		require.Equal(t, 1, b.health().Items[writeback.NeedsPatient])
		_, err := b.p.Dismiss(ctx, it.ID, "dana", "")
		require.NoError(t, err)
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		b.refresh()
		b.pass(time.Minute)
		oldest := time.Now()
		for i := range 3 {
			b.must(b.p.WriteNote(ctx, b.note(fmt.Sprint("held", i))))
			b.pass(time.Minute)
		}
		h := b.health()
		require.Equal(t, map[writeback.State]int{writeback.Skipped: 1, writeback.Written: 1, writeback.Dismissed: 1, writeback.Held: 3}, h.Items)
		require.Zero(t, h.Waiting, "held is not on its way")
		require.Len(t, h.Issues, 1)
		i := h.Issues[0]
		require.Equal(t, "provider_inactive:DOC1", i.Cause)
		require.Equal(t, driver.ReasonProviderInactive, i.Reason)
		require.Equal(t, 3, i.Count)
		require.WithinDuration(t, oldest, i.Oldest, time.Second)
		require.NotEmpty(t, i.Words)
		require.NotEmpty(t, i.NextStep)

		require.NoError(t, b.pms.SetProviderActive("DOC1", true))
		b.refresh()
		b.pass(time.Minute)
		b.pms.SetOffline(true)
		since := time.Now()
		b.pass(10 * time.Minute)
		b.must(b.p.WriteNote(ctx, b.note("waiting")))
		b.pass(10 * time.Minute)
		h = b.health()
		require.Equal(t, 1, h.Waiting)
		require.WithinDuration(t, since.Add(10*time.Minute), h.OldestWaiting, time.Second)
		b.pms.SetOffline(false)
		b.pass(20 * time.Minute)
		h = b.health()
		require.Empty(t, h.Issues)
		require.Equal(t, 5, h.Items[writeback.Written])
		require.True(t, h.OldestWaiting.IsZero())
	})
}

func TestHealthIsTheSameInEveryProcessButForTheWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.start()
		b.save(nil)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(3 * time.Minute)
		office := *b
		office.engine(nil)
		here, there := b.health(), office.health()
		require.True(t, here.Working)
		require.False(t, there.Working)
		require.Equal(t, here.Items, there.Items)
		require.Equal(t, here.Product, there.Product)
		require.Equal(t, loopOf(here, driver.AppointmentFeed).Every, loopOf(there, driver.AppointmentFeed).Every)
		b.stopped()
		require.False(t, b.health().Working, "nobody works any more")
	})
}

func TestHealthForgetsAHandlerWhoseFeedIsOff(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(withPhotos)
		b.pass(20 * time.Minute)
		b.host.refuse("photos", errHost)
		b.pms.AddPhoto(b.patient, "image/png", []byte("face"))
		b.pass(20 * time.Minute)
		require.Equal(t, []string{"photos"}, b.health().BlockedByHost)
		b.save(nil)
		require.Equal(t, []string{"photos"}, b.health().BlockedByHost)
		b.save(withoutPhotos)
		require.Empty(t, b.health().BlockedByHost)
	})
}

// A PMS that refuses something is there.
func TestRefusedWriteEndsAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *writeback.Config) { c.Handlers = writeback.Handlers{} }) // else a feed's answer would end it
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Second)
		b.pms.SetOffline(true)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(30 * time.Second)
		require.False(t, b.health().Connected)
		require.NoError(t, b.pms.SetOptionActive(driver.NoteTypes, "0101", false))
		b.pms.SetOffline(false)
		b.pass(time.Minute)
		b.requireState("note", writeback.Held)
		h := b.health()
		require.True(t, h.Connected)
		require.NotContains(t, fmt.Sprint(h.Settings), settings.CodeNotChecked)
	})
}
