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

// slowFeeds lets a PMS ask for longer intervals than the defaults.
func slowFeeds(least map[driver.Feed]time.Duration) func(*driver.Info) {
	return func(i *driver.Info) {
		for feed, d := range least {
			f := i.Feeds[feed]
			f.MinInterval = d
			i.Feeds[feed] = f
		}
	}
}

func TestPracticeBeginsWithWhatItsPMSAllows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		ctx := t.Context()
		b.pms.SetInfo(slowFeeds(map[driver.Feed]time.Duration{
			driver.AppointmentStatusFeed: 40 * time.Second, driver.AppointmentFeed: time.Minute, driver.PatientFeed: 2 * time.Minute,
		}))
		plain, rev, err := b.p.Settings(ctx)
		require.NoError(t, err)
		require.Zero(t, rev)
		require.True(t, plain.Equal(settings.Default()), "the PMS was never reached")

		b.start()
		defer b.stopped()
		b.pass(time.Minute)
		doc, rev, err := b.p.Settings(ctx)
		require.NoError(t, err)
		require.Zero(t, rev)
		require.Equal(t, settings.Seconds(40), doc.Intervals.AppointmentStatus)
		require.Equal(t, settings.Seconds(60), doc.Intervals.AppointmentChanges, "the default is enough")
		require.Equal(t, settings.Seconds(120), doc.Intervals.NewPatients)
		require.Equal(t, []settings.Ref{{ID: "0302", Label: "Confirmed"}}, doc.Statuses.Confirmed, "the active one that the PMS marks")
		require.False(t, doc.Writes())
		shown, reasons, err := b.p.InitialSettings(ctx)
		require.NoError(t, err)
		require.True(t, shown.Equal(doc))
		require.Len(t, reasons, 2)
		for i, path := range []string{"intervals.appointment_status", "intervals.new_patients"} {
			require.Equal(t, path, reasons[i].Path)
			require.Equal(t, settings.CodeIntervalRaised, reasons[i].Code)
			require.Contains(t, reasons[i].Words, "Memory PMS")
		}
		// What is shown is in force, and the same in every process.
		require.Equal(t, 40*time.Second, b.every(b.p, driver.AppointmentStatusFeed))
		require.Equal(t, 2*time.Minute, b.every(b.p, driver.PatientFeed))
		office := *b
		office.engine(nil)
		there, _, err := office.p.Settings(ctx)
		require.NoError(t, err)
		require.True(t, there.Equal(doc))
		b.news()
		id := b.appointment(48 * time.Hour)
		b.pass(3 * time.Minute)
		b.news()
		require.NoError(t, b.pms.SetStatus(id, "0302"))
		b.pass(time.Minute)
		n := b.news()
		require.Len(t, n.statuses, 1)
		require.Equal(t, writeback.Confirmed, n.statuses[0].Status)
		it := b.must(b.p.WriteNote(ctx, b.note("note")))
		require.Equal(t, writeback.Skipped, it.State, "nothing is written")

		// A minimum that grows before anybody saved is simply what it begins with.
		b.pms.SetInfo(slowFeeds(map[driver.Feed]time.Duration{driver.PatientFeed: 5 * time.Minute}))
		b.refresh()
		b.pass(time.Second)
		doc, _, err = b.p.Settings(ctx)
		require.NoError(t, err)
		require.Equal(t, settings.Seconds(300), doc.Intervals.NewPatients)
		problems, err := b.p.SettingsProblems(ctx)
		require.NoError(t, err)
		require.Empty(t, problems)

		// Saved unchanged it is what was shown.
		_, problems, err = b.p.CheckSettings(ctx, doc)
		require.NoError(t, err)
		require.Empty(t, problems)
		problems, err = b.p.SaveSettings(ctx, doc, writeback.Save{Actor: "dana"})
		require.NoError(t, err)
		require.Empty(t, problems)
		saved, rev, err := b.p.Settings(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 1, rev)
		require.True(t, saved.Equal(doc))
		require.Equal(t, 5*time.Minute, b.every(b.p, driver.PatientFeed))
		require.Equal(t, []string{"settings_saved: revision 1"}, b.practiceLog())
	})
}
