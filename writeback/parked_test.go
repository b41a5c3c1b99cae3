package writeback_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

func TestParkedItemFindsAPatientWhoWasCorrectedWithinTheHour(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		note := b.note("early")
		note.Patient = writeback.PatientNamed("Ada", "Lovelace", driver.Date{Year: 1986, Month: 12, Day: 10})
		it := b.must(b.p.WriteNote(t.Context(), note))
		b.pass(5 * time.Hour)
		b.requireState("early", writeback.NeedsPatient)
		events, err := b.p.ItemEvents(t.Context(), it.ID)
		require.NoError(t, err)
		require.LessOrEqual(t, len(events), 2, "looking in vain is no news")
		// The front desk had the year wrong. Nobody new arrives.
		require.NoError(t, b.pms.EditPatient(b.patient, func(p *driver.Patient) {
			p.BirthDate = driver.NewBirthDate(driver.Date{Year: 1986, Month: 12, Day: 10})
		}))
		b.pass(70 * time.Minute)
		b.requireState("early", writeback.Written)
		require.Len(t, b.pms.Notes(), 1)
	})
}

func TestParkedItemIsSkippedWhenItsKindIsSwitchedOff(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		note := b.note("early")
		note.Patient = writeback.PatientNamed("Grace", "Hopper", driver.Date{Year: 1986, Month: 12, Day: 10})
		b.must(b.p.WriteNote(t.Context(), note))
		b.pass(time.Minute)
		b.requireState("early", writeback.NeedsPatient)
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false })
		b.pass(time.Minute)
		require.Equal(t, writeback.ReasonDisabled, b.requireState("early", writeback.Skipped).Reason)
	})
}
