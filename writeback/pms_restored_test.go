package writeback_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

// What the package's documentation says of a PMS that went back to a back-up.
func TestANumberThatARestoredPMSGivesOutAgainShowsInAnImport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.save(nil)
		b.start()
		b.pass(time.Hour)
		lost := b.newPatient("Grace", "Hopper")
		b.pass(time.Hour)
		require.Equal(t, []string{lost + " created"}, b.news().inWords())

		// The back-up is older than her, and somebody else gets her number.
		require.NoError(t, b.pms.DeletePatient(lost))
		b.pass(time.Hour)
		require.Equal(t, lost, b.pms.AddPatient(driver.Patient{
			ID: lost, FirstName: driver.NewText("Mary"), LastName: driver.NewText("Shelley"),
			BirthDate: driver.NewBirthDate(driver.Date{Year: 1997, Month: 8, Day: 30}),
		}))
		b.pass(time.Hour)
		require.Empty(t, b.news().inWords(), "the number is known")

		pay := b.payment("hers")
		pay.Patient = writeback.Patient{
			ID: lost, First: driver.NewText("Grace"), Last: driver.NewText("Hopper"),
			Birth: driver.NewBirthDate(driver.Date{Year: 1985, Month: 12, Day: 10}),
		}
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(time.Minute)
		b.requireState("hers", writeback.NeedsPatient)
		require.Empty(t, b.pms.Payments())

		require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
		require.True(t, b.imported(driver.PatientFeed, time.Hour).Done)
		names := map[string]string{}
		for _, e := range b.news().patients {
			require.Equal(t, writeback.Found, e.Change)
			names[e.Patient.ID] = e.Patient.FirstName.Reveal()
		}
		require.Equal(t, map[string]string{b.patient: "Ada", lost: "Mary"}, names)
		b.stopped()
	})
}
