package writeback_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
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

func TestPatientWhoCannotBeLookedUpKeepsNoOtherFromBeingFound(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		for i, key := range []string{"refused", "found"} {
			note := b.note(key)
			note.Patient = writeback.PatientNamed("Ada", "Lovelace", driver.Date{Year: 1986 + i, Month: 12, Day: 10})
			b.must(b.p.WriteNote(t.Context(), note))
			b.pass(time.Minute)
			b.requireState(key, writeback.NeedsPatient)
		}
		b.pass(10 * time.Minute)
		trip := b.pms.Fail(memdriver.Fault{On: "find", Times: 1, Err: driver.ReasonInvalid})
		require.NoError(t, b.pms.EditPatient(b.patient, func(p *driver.Patient) {
			p.BirthDate = driver.NewBirthDate(driver.Date{Year: 1987, Month: 12, Day: 10})
		}))
		for trip.Hits() == 0 {
			b.pass(time.Second)
		}
		b.pass(5 * time.Second)
		b.requireState("found", writeback.Written)
		b.requireState("refused", writeback.NeedsPatient)
	})
}

func TestLookingForManyPatientsKeepsNoPaymentWaiting(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		for i := range 200 {
			note := b.note(fmt.Sprintf("early %d", i))
			note.Patient = writeback.PatientNamed("Ada", "Lovelace", driver.Date{Year: 1986, Month: 12, Day: 10})
			b.must(b.p.WriteNote(t.Context(), note))
		}
		b.pass(time.Minute)
		b.pass(10 * time.Minute)
		trip := b.pms.Fail(memdriver.Fault{On: "find", Effect: memdriver.Pass, Delay: time.Second})
		for trip.Hits() < 2 {
			b.pass(time.Second)
		}
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.pass(10 * time.Second)
		b.requireState("pay", writeback.Written)
		require.Less(t, trip.Hits(), 100, "it goes on looking")
	})
}
