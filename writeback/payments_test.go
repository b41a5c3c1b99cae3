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

// person adds a patient, and gives the id.
func (b *bed) person(first, last string, born driver.Date, change func(*driver.Patient)) string {
	p := driver.Patient{FirstName: writeback.Text(first), LastName: writeback.Text(last)}
	if !born.IsZero() {
		p.BirthDate = driver.NewBirthDate(born)
	}
	if change != nil {
		change(&p)
	}
	return b.pms.AddPatient(p)
}

func TestPaymentIsPostedOnlyToTheOnePatientOfThatNameAndBirthDate(t *testing.T) {
	t.Parallel()
	inQuiet(t, func(t *testing.T, b *bed) {
		day := driver.Date{Year: 2010, Month: 4, Day: 3}
		other := driver.Date{Year: 2010, Month: 3, Day: 4} // as if day and month were swapped
		max := b.person("Max", "Twin", day, nil)
		mia := b.person("Mia", "Twin", day, nil)
		b.person("Eve", "Double", day, nil)
		b.person("Eve", "Double", day, nil)
		jose := b.person("José María", "García-López Jr.", day, nil)
		b.person("Bob", "Stone", day, nil)
		b.person("Una", "Dated", driver.Date{}, nil)
		b.person("Old", "Record", day, func(p *driver.Patient) { p.State = driver.PatientArchived })
		quiet := b.person("Gone", "Quiet", day, func(p *driver.Patient) { p.State = driver.PatientInactive })

		named := writeback.PatientNamed
		with := func(p writeback.Patient, id string) writeback.Patient { p.ID = id; return p }
		undated := writeback.Patient{First: writeback.Text("Max"), Last: writeback.Text("Twin")}
		const none, many, conflict = writeback.ReasonNoPatient, writeback.ReasonManyPatients, writeback.ReasonIDConflict
		for i, tc := range []struct {
			name    string
			patient writeback.Patient
			posted  string        // the patient it was posted to
			reason  driver.Reason // why it was not
		}{
			{"one twin", named("Max", "Twin", day), max, ""},
			{"the other twin", named("mia", "TWIN", day), mia, ""},
			{"accents, case, hyphens and a suffix", named("jose maria", "GARCIA LOPEZ", day), jose, ""},
			{"an inactive patient", named("Gone", "Quiet", day), quiet, ""},
			{"with the id, too", with(named("Max", "Twin", day), max), max, ""},

			{"a triplet that is not there", named("Moe", "Twin", day), "", none},
			{"day and month swapped", named("Max", "Twin", other), "", none},
			{"first and last name swapped", named("Twin", "Max", day), "", none},
			{"a nickname's full name", named("Robert", "Stone", day), "", none},
			{"a middle name here only", named("Bob Lee", "Stone", day), "", none},
			{"no birth date here", undated, "", none},
			{"no birth date there", named("Una", "Dated", day), "", none},
			{"an archived patient", named("Old", "Record", day), "", none},
			{"namesakes born that day", named("Eve", "Double", day), "", many},
			{"the id of a twin", with(named("Max", "Twin", day), mia), "", conflict},
			{"an id nobody has", with(named("Max", "Twin", day), "99"), "", conflict},
			{"the right id, the wrong birth date", with(named("Max", "Twin", other), max), "", conflict},
			{"the id, no birth date", with(undated, max), "", writeback.ReasonUnverifiedPatient},
		} {
			key := fmt.Sprint("pay-", i)
			pay := b.payment(key)
			pay.Patient, pay.Amount = tc.patient, driver.USD(int64(100+i))
			before := len(b.pms.Payments())
			b.must(b.p.PostPayment(t.Context(), pay))
			b.pass(5 * time.Second)
			payments := b.pms.Payments()
			if tc.posted != "" {
				b.requireState(key, writeback.Written)
				require.Len(t, payments, before+1, tc.name)
				require.Equal(t, tc.posted, payments[before].Patient, tc.name)
				continue
			}
			it := b.item(key)
			require.Equal(t, tc.reason, it.Reason, tc.name)
			want := writeback.NeedsPatient
			if tc.reason == writeback.ReasonUnverifiedPatient {
				want = writeback.AwaitingTransfer
			}
			require.Equal(t, want, it.State, tc.name)
			require.NotEmpty(t, it.NextStep, tc.name)
		}
		posted := len(b.pms.Payments())
		b.pass(5 * time.Hour)
		require.Len(t, b.pms.Payments(), posted, "and no hour changes that")
	})
}

func TestPaymentOfAClosedPeriodAsksAPersonAndIsNeverRedated(t *testing.T) {
	t.Parallel()
	inQuiet(t, func(t *testing.T, b *bed) {
		day := driver.Date{Year: 1999, Month: 12, Day: 31} // in Chicago still
		require.Equal(t, 2000, time.Now().UTC().Year())
		pay := b.payment("pay")
		b.pms.SetLockDate(day)
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(30 * time.Hour)
		for range 2 {
			it := b.requireState("pay", writeback.Failed)
			require.Equal(t, driver.ReasonPeriodClosed, it.Reason)
			require.NotEmpty(t, it.NextStep)
			b.must(b.p.Retry(t.Context(), it.ID, "dana"))
			b.pass(time.Minute)
		}
		require.Empty(t, b.pms.Payments())
		b.pms.SetLockDate(driver.Date{})
		b.pass(time.Hour)
		b.requireState("pay", writeback.Failed) // a person has to ask
		b.must(b.p.Retry(t.Context(), b.item("pay").ID, "dana"))
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
		require.Len(t, b.pms.Payments(), 1)
		require.Equal(t, day, b.pms.Payments()[0].PostedOn)

		// A refund keeps its day, too.
		b.pms.SetLockDate(driver.Date{Year: 2000, Month: 1, Day: 4})
		refunded := driver.DateOf(time.Now().In(b.location))
		b.must(b.p.Refund(t.Context(), writeback.Refund{Key: "refund", Payment: "pay", Amount: driver.USD(100), At: time.Now()}))
		b.pass(30 * time.Hour)
		require.Equal(t, driver.ReasonPeriodClosed, b.requireState("refund", writeback.Failed).Reason)
		b.pms.SetLockDate(driver.Date{})
		b.must(b.p.Retry(t.Context(), b.item("refund").ID, "dana"))
		b.pass(time.Minute)
		require.Len(t, b.pms.Refunds(), 1)
		require.Equal(t, refunded, b.pms.Refunds()[0].PostedOn)
	})
}

// Legs and amounts are those of the submit; where they are posted is what the
// settings say when each is sent.
func TestPaymentKeepsItsLegsAndAmountsAndTakesLaterTypes(t *testing.T) {
	t.Parallel()
	inQuiet(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Payments.Separate = true })
		b.pms.SetOffline(true)
		pay := b.payment("pay")
		pay.Fee, pay.Total = driver.USD(269), driver.USD(10269)
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(time.Minute)
		b.save(func(d *settings.Document) {
			d.Payments.Separate = false
			d.Payments.Types[driver.ChannelOnline] = settings.Ref{ID: "0403"}
		})
		// The first leg goes through, the second one does not.
		b.pms.Fail(memdriver.Fault{On: "write payment", Skip: 1, Times: 1, Err: driver.ReasonAmountInvalid})
		b.pms.SetOffline(false)
		b.pass(10 * time.Minute)
		it := b.requireState("pay", writeback.PartiallyPosted)
		b.save(func(d *settings.Document) {
			d.Payments.Types[driver.ChannelOnline] = settings.Ref{ID: "0402"}
			d.Payments.SurchargeType = settings.Ref{ID: "0401"}
		})
		b.must(b.p.Retry(t.Context(), it.ID, "dana"))
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
		payments := b.pms.Payments()
		require.Len(t, payments, 2)
		require.Equal(t, []any{driver.USD(10000), "0403", false}, []any{payments[0].Amount, payments[0].Type, payments[0].Fee})
		require.Equal(t, []any{driver.USD(269), "0401", true}, []any{payments[1].Amount, payments[1].Type, payments[1].Fee})
	})
}

func TestPaymentsGoByTheirProviderAndTheRestByTheWritebackProvider(t *testing.T) {
	t.Parallel()
	inQuiet(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(func(d *settings.Document) { d.Payments.Provider = settings.Ref{ID: "HYG1"} })
		submit := func(round string) {
			b.must(b.p.WriteNote(ctx, b.note("note"+round)))
			b.must(b.p.WriteDocument(ctx, b.document("doc"+round)))
			b.must(b.p.PostPayment(ctx, b.payment("pay"+round)))
			b.must(b.p.Refund(ctx, writeback.Refund{Key: "refund" + round, Payment: "pay" + round, Amount: driver.USD(100), At: time.Now()}))
			b.pass(time.Minute)
		}
		submit("")
		require.Equal(t, "DOC1", b.pms.Notes()[0].Provider)
		require.Equal(t, "DOC1", b.pms.Documents()[0].Provider)
		require.Equal(t, "HYG1", b.pms.Payments()[0].Provider)
		require.Equal(t, "HYG1", b.pms.Refunds()[0].Provider)

		// Who collects the payments is away: that holds nothing else.
		require.NoError(t, b.pms.SetProviderActive("HYG1", false))
		b.refresh()
		submit(" while away")
		b.requireState("note while away", writeback.Written)
		b.requireState("doc while away", writeback.Written)
		it := b.requireState("pay while away", writeback.Held)
		require.Equal(t, "provider_inactive:HYG1", it.Cause)
		b.save(func(d *settings.Document) { d.Payments.Provider = settings.Ref{} })
		b.pass(time.Minute)
		b.requireState("pay while away", writeback.Written)
		require.Equal(t, "DOC1", b.pms.Payments()[1].Provider, "without one of their own they go by the Writeback Provider")
		require.Equal(t, "DOC1", b.pms.Refunds()[1].Provider, "and a refund by its payment's")
	})
}

func TestPaymentThatAPersonSettledIsNeverPosted(t *testing.T) {
	t.Parallel()
	inQuiet(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(func(d *settings.Document) { d.Payments.Auto = false })
		for _, key := range []string{"marked", "dismissed"} {
			b.must(b.p.PostPayment(ctx, b.payment(key)))
			b.requireState(key, writeback.AwaitingTransfer)
		}
		b.must(b.p.MarkPosted(ctx, b.item("marked").ID, "dana", "receipt 17"))
		b.must(b.p.Dismiss(ctx, b.item("dismissed").ID, "dana", "paid in cash"))
		b.save(func(d *settings.Document) { d.Payments.Auto = true })
		b.pass(5 * time.Hour)
		for key, state := range map[string]writeback.State{"marked": writeback.Written, "dismissed": writeback.Dismissed} {
			it := b.requireState(key, state)
			require.False(t, it.Legs[0].Done, "the PMS's own receipt is not known")
			for _, err := range []error{
				second(b.p.Transfer(ctx, it.ID, "kim")), second(b.p.Assign(ctx, it.ID, b.patient, "kim")), second(b.p.Retry(ctx, it.ID, "kim")),
			} {
				require.ErrorIs(t, err, writeback.ErrNotAllowed)
			}
		}
		b.pass(time.Hour)
		require.Empty(t, b.pms.Payments())
	})
}

func TestFeeGoesToThePatientOfItsPaymentThoughTheLinkChanged(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		other := b.pms.AddPatient(driver.Patient{FirstName: driver.NewText("Grace"), LastName: driver.NewText("Hopper")})
		b.save(func(d *settings.Document) { d.Payments.Separate, d.Payments.Auto = true, false })
		note := func(key, patient string) {
			n := b.note(key)
			n.Patient = writeback.HostPatient("h-1")
			trip := b.pms.Fail(memdriver.Fault{On: "write note", Err: driver.ReasonInvalid})
			b.must(b.p.WriteNote(ctx, n))
			b.pass(time.Minute)
			b.must(b.p.Assign(ctx, b.item(key).ID, patient, "dana"))
			b.pass(time.Minute)
			trip.Clear()
		}
		note("links", b.patient)
		pay := b.payment("pay")
		pay.Patient, pay.Fee = writeback.HostPatient("h-1"), driver.USD(269)
		it := b.must(b.p.PostPayment(ctx, pay))
		trip := b.pms.Fail(memdriver.Fault{On: "write payment", Skip: 1})
		b.pass(time.Minute)
		b.must(b.p.Transfer(ctx, it.ID, "dana"))
		b.pass(time.Minute)
		b.requireState("pay", writeback.PartiallyPosted)
		note("links elsewhere", other)
		trip.Clear()
		b.pass(time.Hour)
		b.requireState("pay", writeback.Written)
		require.Len(t, b.pms.Payments(), 2)
		for _, posted := range b.pms.Payments() {
			require.Equal(t, b.patient, posted.Patient)
		}
	})
}
