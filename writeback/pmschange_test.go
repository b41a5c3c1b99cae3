package writeback_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// otherPMS is what the practice moves to: the same ids are other people there,
// but for Ada, who has another id.
func otherPMS(b *bed) (pms *memdriver.PMS, ada string) {
	pms = memdriver.New(memdriver.Config{Name: "new"})
	pms.SetInfo(func(i *driver.Info) { i.Product = "Other PMS" })
	pms.AddPatient(driver.Patient{ID: b.patient, FirstName: driver.NewText("Some"), LastName: driver.NewText("Body")})
	ada = pms.AddPatient(driver.Patient{ID: "ada-there",
		FirstName: driver.NewText("Ada"), LastName: driver.NewText("Lovelace"),
		BirthDate: driver.NewBirthDate(driver.Date{Year: 1985, Month: 12, Day: 10}),
	})
	return pms, ada
}

// moved ends the engine and starts one whose host connects to another PMS.
func (b *bed) moved(to *memdriver.PMS) {
	b.stopped()
	b.engine(func(c *writeback.Config) {
		c.Connect = func(context.Context, string) (driver.Connector, error) { return to.Connector(), nil }
	})
	b.start()
}

func TestChangedPMSClearsWhatWasChosenInTheOldOne(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(nil)
		b.pass(time.Minute)
		pms, _ := otherPMS(b)
		b.moved(pms)
		b.pass(time.Second)
		doc, rev, err := b.p.Settings(ctx)
		require.NoError(t, err)
		require.Equal(t, int64(2), rev)
		require.Empty(t, doc.References())
		words := got(b.host, func() (words []string) {
			for _, e := range b.host.practice {
				words = append(words, e.Words)
			}
			return words
		})
		require.Contains(t, words, "Another PMS answers (Memory PMS, now Other PMS): what was chosen in the former one was cleared, and nothing is written before a provider is chosen again.")
		require.True(t, doc.Notes.Enabled[driver.IncomingCall], "what names nothing in a PMS stays")
		require.True(t, doc.Payments.Auto)
		history, err := b.p.SettingsHistory(ctx, 10)
		require.NoError(t, err)
		require.Equal(t, "engine", history[0].Actor)
		require.Contains(t, history[0].Reason, "Memory PMS, now Other PMS")
		require.Len(t, history, 2, "the old one can be looked up")
		b.must(b.p.WriteNote(ctx, b.note("note")))
		b.pass(time.Minute)
		require.Equal(t, writeback.ReasonNotConfigured, b.requireState("note", writeback.Skipped).Reason)

		// Once: the next refresh, and a restart, find the PMS that is known.
		b.refresh()
		b.pass(time.Minute)
		b.moved(pms)
		b.pass(time.Hour)
		_, rev, err = b.p.Settings(ctx)
		require.NoError(t, err)
		require.Equal(t, int64(2), rev)
	})
}

func TestItemsOfTheOldPMSAreNotWrittenToWhoeverHasTheirIDsInTheNewOne(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(func(d *settings.Document) { d.Payments.Separate = true })
		begun := b.payment("begun")
		begun.Fee = driver.USD(269)
		b.pms.Fail(memdriver.Fault{On: "write payment", Skip: 1})
		b.must(b.p.PostPayment(ctx, begun))
		b.pass(time.Minute)
		b.requireState("begun", writeback.PartiallyPosted)
		b.pms.Fail(memdriver.Fault{On: "write payment"})
		b.must(b.p.PostPayment(ctx, b.payment("matched")))
		b.pass(time.Second)
		b.pms.SetOffline(true)
		appointment := b.appointment(48 * time.Hour)
		b.must(b.p.WriteNote(ctx, b.note("by id")))
		named := b.note("by name")
		named.Patient = b.payment("").Patient
		b.must(b.p.WriteNote(ctx, named))
		b.must(b.p.PostPayment(ctx, b.payment("pay")))
		both := b.note("by id and name")
		both.Patient = b.payment("").Patient
		both.Patient.ID = b.patient
		b.must(b.p.WriteNote(ctx, both))
		b.must(b.p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{Key: "status", Appointment: appointment, Confirmed: true}))
		b.pass(time.Minute)
		pms, ada := otherPMS(b)
		pms.AddAppointment(driver.Appointment{ID: appointment, Patient: b.patient, Start: time.Now().Add(50 * time.Hour), Status: "0301", State: driver.AppointmentScheduled})
		b.moved(pms)
		b.pass(time.Minute)
		// As somebody does who did not look closely: the same ids happen to exist.
		doc, rev, err := b.p.Settings(ctx)
		require.NoError(t, err)
		enabled, intervals := doc.Notes.Enabled, doc.Intervals
		doc = chosen()
		doc.Notes.Enabled, doc.Intervals, doc.Payments.Separate = enabled, intervals, true
		_, err = b.p.SaveSettings(ctx, doc, writeback.Save{Expect: rev, Actor: "dana"})
		require.NoError(t, err)
		for _, key := range []string{"by id", "by id and name", "by name", "status"} {
			// The change had skipped them, since nothing was configured.
			b.must(b.p.Retry(ctx, b.item(key).ID, "dana"))
		}
		b.pass(time.Hour)
		for _, key := range []string{"by id", "by id and name", "status"} {
			it := b.requireState(key, writeback.Held)
			require.Equal(t, writeback.ReasonPMSChanged, it.Reason, key)
			require.Equal(t, "pms_changed:Memory PMS", it.Cause)
			require.NotEmpty(t, it.NextStep)
		}
		require.Equal(t, writeback.ReasonPMSChanged, b.requireState("begun", writeback.PartiallyPosted).Reason)
		b.requireState("by name", writeback.Written)
		b.requireState("pay", writeback.Written)
		require.Len(t, pms.Notes(), 1)
		require.Equal(t, ada, pms.Notes()[0].Patient)
		b.requireState("matched", writeback.Written)
		require.Len(t, pms.Payments(), 2)
		for _, pay := range pms.Payments() {
			require.Equal(t, ada, pay.Patient)
		}
		require.Empty(t, pms.StatusWrites())
		b.must(b.p.Retry(ctx, b.item("by id").ID, "dana"))
		b.pass(time.Minute)
		b.requireState("by id", writeback.Held)
		b.must(b.p.Assign(ctx, b.item("by id").ID, ada, "dana"))
		b.pass(time.Minute)
		b.requireState("by id", writeback.Written)
		require.Len(t, pms.Notes(), 2)
		require.Equal(t, ada, pms.Notes()[1].Patient)
	})
}

func TestLinksAndPositionsOfTheOldPMSAreGivenUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(nil)
		linked := b.note("first")
		linked.Patient = writeback.HostPatient("h-1")
		it := b.must(b.p.WriteNote(ctx, linked))
		b.must(b.p.Assign(ctx, it.ID, b.patient, "dana"))
		b.pass(2 * time.Minute)
		b.requireState("first", writeback.Written)
		pms, _ := otherPMS(b)
		visit := pms.AddAppointment(driver.Appointment{Patient: b.patient, Start: time.Now().Add(50 * time.Hour), Status: "0302", State: driver.AppointmentScheduled})
		b.moved(pms)
		b.pass(2 * time.Minute)
		require.Empty(t, b.host.patients, "the patients of a new PMS are not new")
		require.Equal(t, visit, b.host.appointments[len(b.host.appointments)-1].Appointment.ID)
		doc, rev, err := b.p.Settings(ctx)
		require.NoError(t, err)
		doc.Sync.ProviderID, doc.Notes.Type = settings.Ref{ID: "DOC1"}, settings.Ref{ID: "0101"}
		_, err = b.p.SaveSettings(ctx, doc, writeback.Save{Expect: rev, Actor: "dana"})
		require.NoError(t, err)
		linked.Key = "second"
		b.must(b.p.WriteNote(ctx, linked))
		b.pass(time.Hour)
		b.requireState("second", writeback.NeedsPatient)
		require.Empty(t, pms.Notes())
	})
}

func TestUpdateOfThePMSIsNoChangeOfPMS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Minute)
		for _, change := range []func(*driver.Info){
			func(i *driver.Info) { i.Version = "2.0" },
			func(i *driver.Info) { i.Product = "" },
			func(i *driver.Info) { i.Product = "Memory PMS" },
		} {
			b.pms.SetInfo(change)
			b.refresh()
			b.pass(time.Minute)
			_, rev, err := b.p.Settings(t.Context())
			require.NoError(t, err)
			require.Equal(t, int64(1), rev)
		}
	})
}

func TestLoopsDoNotGoOnInAnotherPMSWhereTheyStoodInTheOldOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		pms := b.pms
		b.engine(func(c *writeback.Config) {
			c.Connect = func(context.Context, string) (driver.Connector, error) { return pms.Connector(), nil }
		})
		b.start()
		defer b.stopped()
		b.save(func(d *settings.Document) {
			d.Intervals.AppointmentStatus, d.Intervals.AppointmentChanges = settings.Never(), settings.Never()
		})
		b.pass(2 * time.Minute)
		pms, _ = otherPMS(b)
		// Another place of the same practice: the connection is made anew, and this
		// loop is the first to use it.
		_, err := b.eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: practiceID, Location: b.location, Site: "north"})
		require.NoError(t, err)
		b.pass(5 * time.Minute)
		require.Empty(t, b.host.patients, "the patients of a new PMS are not new")
		_, rev, err := b.p.Settings(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(2), rev)
	})
}

func TestRefundOfAPaymentInTheOldPMSIsNotPostedToWhoeverHasItsIDsInTheNewOne(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(nil)
		b.must(b.p.PostPayment(ctx, b.payment("pay")))
		b.pass(time.Minute)
		paid := b.requireState("pay", writeback.Written)
		pms, _ := otherPMS(b)
		b.moved(pms)
		b.pass(time.Minute)
		_, rev, err := b.p.Settings(ctx)
		require.NoError(t, err)
		_, err = b.p.SaveSettings(ctx, chosen(), writeback.Save{Expect: rev, Actor: "dana"})
		require.NoError(t, err)
		// Somebody else's payment, which happens to have the same id there.
		b.must(b.p.PostPayment(ctx, b.payment("another")))
		b.pass(time.Minute)
		require.Equal(t, paid.Legs[0].Receipt.ID, b.requireState("another", writeback.Written).Legs[0].Receipt.ID)
		b.must(b.p.Refund(ctx, writeback.Refund{Key: "refund", Payment: "pay", Amount: driver.USD(2500), At: time.Now()}))
		b.pass(time.Hour)
		it := b.requireState("refund", writeback.Held)
		require.Equal(t, writeback.ReasonPMSChanged, it.Reason)
		require.Equal(t, "pms_changed:Memory PMS", it.Cause)
		require.Empty(t, pms.Refunds())
		b.must(b.p.Refund(ctx, writeback.Refund{Key: "refund another", Payment: "another", Amount: driver.USD(2500), At: time.Now()}))
		b.pass(time.Minute)
		b.requireState("refund another", writeback.Written)
		b.must(b.p.MarkPosted(ctx, it.ID, "dana", "by hand"))
	})
}

func TestNewPatientsOfANewPMSAreToldThoughTheOldOneHadTheirIDs(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(2 * time.Minute)
		old := b.pms.AddPatient(driver.Patient{FirstName: driver.NewText("Old"), LastName: driver.NewText("One")})
		b.pass(2 * time.Minute)
		require.Len(t, b.host.patients, 1)
		pms, _ := otherPMS(b)
		b.moved(pms)
		b.pass(5 * time.Minute)
		pms.AddPatient(driver.Patient{ID: old, FirstName: driver.NewText("New"), LastName: driver.NewText("One")})
		b.pass(5 * time.Minute)
		require.Len(t, b.host.patients, 2)
		require.Equal(t, "New", b.host.patients[1].Patient.FirstName.Reveal())
		require.NotEqual(t, b.host.patients[0].ID, b.host.patients[1].ID)
	})
}

func TestWhatCameBeforeThePMSWasReachedIsOfTheFirstOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		ctx := t.Context()
		b.save(func(d *settings.Document) { d.Payments.Auto = false })
		require.NoError(t, b.p.SetMode(ctx, writeback.Paused, "dana", ""))
		b.must(b.p.WriteNote(ctx, b.note("held")))
		off := b.note("skipped")
		off.Kind = driver.OutgoingCall
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.OutgoingCall] = false })
		b.must(b.p.WriteNote(ctx, off))
		pay := b.payment("awaiting")
		pay.Patient = writeback.PatientID(b.patient)
		b.must(b.p.PostPayment(ctx, pay))
		b.start()
		b.pass(time.Hour)
		b.requireState("awaiting", writeback.AwaitingTransfer)
		b.requireState("skipped", writeback.Skipped)
		pms, _ := otherPMS(b)
		b.moved(pms)
		defer b.stopped()
		b.pass(time.Minute)
		_, rev, err := b.p.Settings(ctx)
		require.NoError(t, err)
		_, err = b.p.SaveSettings(ctx, chosen(), writeback.Save{Expect: rev, Actor: "dana"})
		require.NoError(t, err)
		require.NoError(t, b.p.SetMode(ctx, writeback.Live, "dana", ""))
		b.must(b.p.Transfer(ctx, b.item("awaiting").ID, "dana"))
		for _, key := range []string{"held", "skipped"} {
			b.must(b.p.Retry(ctx, b.item(key).ID, "dana"))
		}
		b.pass(time.Hour)
		for _, key := range []string{"held", "skipped", "awaiting"} {
			require.Equal(t, "pms_changed:Memory PMS", b.requireState(key, writeback.Held).Cause, key)
		}
		require.Empty(t, pms.Payments())
		require.Empty(t, pms.Notes())
	})
}
