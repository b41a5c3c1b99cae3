package writeback_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/writeback"
)

func TestPhoneNumberProposesCandidatesAndDecidesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		caller := b.pms.AddPatient(driver.Patient{FirstName: driver.NewText("Grace"), LastName: driver.NewText("Hopper"), Phones: []driver.Text{driver.NewText("(312) 555-0142")}})
		child := b.pms.AddPatient(driver.Patient{FirstName: driver.NewText("Kay"), LastName: driver.NewText("Hopper"), Phones: []driver.Text{driver.NewText("312.555.0142")}})
		old := b.pms.AddPatient(driver.Patient{LastName: driver.NewText("Gone"), Phones: []driver.Text{driver.NewText("3125550142")}, State: driver.PatientArchived})
		b.save(nil)
		note := b.note("note")
		note.Patient = writeback.PatientPhone("+1 312 555 0142")
		b.must(b.p.WriteNote(ctx, note))
		pay := b.payment("pay")
		pay.Patient = note.Patient
		b.must(b.p.PostPayment(ctx, pay))
		alone := b.note("alone")
		alone.Patient = writeback.PatientPhone("+1 312 555 0199")
		b.must(b.p.WriteNote(ctx, alone))
		named := b.note("named")
		named.Patient = writeback.PatientNamed("Gracie", "Hopper", driver.Date{Year: 1906, Month: 12, Day: 9})
		named.Patient.Phone = note.Patient.Phone
		b.must(b.p.WriteNote(ctx, named))
		b.pass(time.Minute)
		for _, key := range []string{"note", "pay", "named"} {
			it := b.requireState(key, writeback.NeedsPatient)
			require.Equal(t, writeback.ReasonNoPatient, it.Reason)
			require.Equal(t, []string{caller, child}, it.Candidates, key)
			require.NotContains(t, it.Candidates, old)
		}
		require.Empty(t, b.requireState("alone", writeback.NeedsPatient).Candidates)

		// One candidate alone decides nothing either.
		only := b.pms.AddPatient(driver.Patient{LastName: driver.NewText("Solo"), Phones: []driver.Text{driver.NewText("3125550199")}})
		events := func() int {
			list, err := b.p.ItemEvents(ctx, b.item("alone").ID)
			require.NoError(t, err)
			return len(list)
		}
		before := events()
		b.pass(2 * time.Hour)
		require.Equal(t, []string{only}, b.requireState("alone", writeback.NeedsPatient).Candidates)
		require.Equal(t, before, events(), "that somebody may be meant is no event")
		require.Zero(t, b.written())

		b.must(b.p.Assign(ctx, b.item("note").ID, child, "dana"))
		b.pass(time.Minute)
		require.Empty(t, b.requireState("note", writeback.Written).Candidates)
		require.Equal(t, child, b.pms.Notes()[0].Patient)
	})
}

func TestNamesakesAreProposed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		twin := b.pms.AddPatient(driver.Patient{FirstName: driver.NewText("ada"), LastName: driver.NewText("Love-Lace"), BirthDate: driver.NewBirthDate(driver.Date{Year: 1985, Month: 12, Day: 10})})
		b.save(nil)
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		other := b.payment("other")
		other.Patient.ID = "somebody-else"
		b.must(b.p.PostPayment(t.Context(), other))
		b.pass(time.Minute)
		require.Equal(t, []string{b.patient, twin}, b.requireState("pay", writeback.NeedsPatient).Candidates)
		it := b.requireState("other", writeback.NeedsPatient)
		require.Equal(t, writeback.ReasonIDConflict, it.Reason)
		require.Equal(t, []string{b.patient, twin}, it.Candidates)
		require.Empty(t, b.pms.Payments())
	})
}

func TestPMSThatFindsNobodyByPhoneProposesNobody(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pms.Fail(memdriver.Fault{On: "find phone", Err: driver.ReasonUnsupported})
		note := b.note("note")
		note.Patient = writeback.PatientPhone("3125550142")
		b.must(b.p.WriteNote(t.Context(), note))
		b.pass(time.Minute)
		require.Empty(t, b.requireState("note", writeback.NeedsPatient).Candidates)
	})
}
