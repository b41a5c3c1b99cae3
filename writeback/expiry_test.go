package writeback_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// quiet keeps the loops from filling a bubble of many days.
func quiet(d *settings.Document) {
	d.Intervals.AppointmentStatus, d.Intervals.AppointmentChanges = settings.Never(), settings.Never()
	d.Intervals.NewPatients = settings.Every(time.Hour)
}

// slow keeps an engine from filling a bubble of many days.
func slow(c *writeback.Config) {
	c.WakePoll, c.LeaseTTL = time.Minute, 10*time.Minute
	c.CatalogEvery, c.Retry = 24*time.Hour, writeback.Backoff{Min: time.Minute, Max: time.Hour}
}

var nobody = writeback.PatientNamed("Grace", "Hopper", driver.Date{Year: 1906, Month: 12, Day: 9})

func TestNotesThatNeverBeganExpireWhetherThePMSAnswersOrNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *writeback.Config) {
			slow(c)
			c.NotesExpire = 48 * time.Hour
		})
		b.pms.SetInfo(func(i *driver.Info) {
			op := i.Ops[driver.OpNote]
			op.MaxChars = 200
			i.Ops[driver.OpNote] = op
		})
		b.start()
		b.save(func(d *settings.Document) {
			quiet(d)
			d.Notes.TypeByKind = map[driver.NoteKind]settings.Ref{driver.TaskNote: {ID: "0102"}}
		})
		b.pass(time.Second)
		ctx := t.Context()
		submit := func(key string, change func(*writeback.Note)) {
			n := b.note(key)
			if change != nil {
				change(&n)
			}
			b.must(b.p.WriteNote(ctx, n))
		}
		// What has not begun.
		submit("nobody", func(n *writeback.Note) { n.Patient = nobody })
		b.pass(time.Second)
		require.NoError(t, b.pms.SetOptionActive(driver.NoteTypes, "0102", false))
		b.refresh()
		b.pass(time.Second)
		submit("held", func(n *writeback.Note) { n.Kind = driver.TaskNote })
		b.pass(time.Second)
		b.requireState("nobody", writeback.NeedsPatient)
		b.requireState("held", writeback.Held)
		// What has begun: the PMS took it and gave no answer, or took a part.
		b.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ErrUnavailable})
		b.pms.Fail(memdriver.Fault{On: "write note", Times: 1, Effect: memdriver.After, Err: driver.ErrUnknownOutcome})
		submit("uncertain", nil)
		b.pass(time.Second)
		b.requireState("uncertain", writeback.Uncertain)
		b.pms.Fail(memdriver.Fault{On: "write note", Skip: 1, Times: 20, Err: driver.ErrUnavailable})
		submit("part", func(n *writeback.Note) {
			n.Kind, n.Patient = driver.PatientNote, writeback.PatientID(b.pms.AddPatient(driver.Patient{FirstName: writeback.Text("Other")}))
			n.Body = writeback.Text(strings.Repeat("What about Friday? ", 20))
		})
		b.pass(time.Second)
		b.requireState("part", writeback.PartiallyPosted)
		b.pms.SetOffline(true)
		submit("queued", nil)
		b.must(b.p.PostPayment(ctx, b.payment("payment")))
		f := b.form("form")
		f.Patient = nobody
		b.must(b.p.SubmitForm(ctx, f))

		waiting := map[string]writeback.State{"nobody": writeback.NeedsPatient, "held": writeback.Held, "queued": writeback.Queued}
		b.pass(47*time.Hour + 55*time.Minute)
		for key, state := range waiting {
			b.requireState(key, state)
		}
		// Nothing else happens: the PMS does not answer, nobody saves or submits.
		b.pass(80 * time.Minute)
		for key, state := range waiting {
			it := b.requireState(key, writeback.Expired)
			require.Equal(t, writeback.ReasonNoteExpired, it.Reason)
			require.NotEmpty(t, it.Words)
			require.NotEmpty(t, it.NextStep)
			events, err := b.p.ItemEvents(ctx, it.ID)
			require.NoError(t, err)
			last := events[len(events)-1]
			require.Equal(t, writeback.EventExpired, last.Name)
			require.Equal(t, state, last.From)
			require.Equal(t, "engine", last.Actor)
			_, err = b.p.Retry(ctx, it.ID, "dana")
			require.ErrorIs(t, err, writeback.ErrNotAllowed)
		}
		b.requireState("uncertain", writeback.Uncertain)
		b.requireState("part", writeback.PartiallyPosted)

		b.pms.Heal()
		b.pms.SetOffline(false)
		b.pass(4 * time.Hour)
		for _, key := range []string{"uncertain", "part", "payment"} {
			b.requireState(key, writeback.Written)
		}
		b.requireState("form", writeback.NeedsPatient)
		for _, note := range b.pms.Notes() {
			require.NotContains(t, note.Body.Reveal(), "queued")
		}
		require.Len(t, b.pms.Notes(), 1+len(b.item("part").Legs))
		b.stopped()
	})
}

// Between two looks at the ages, and after a time in which nobody worked at all,
// a claim knows the age too.
func TestExpiredNoteIsNeverWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *writeback.Config) { c.NotesExpire = 3 * time.Hour })
		b.save(quiet)
		b.must(b.p.WriteNote(t.Context(), b.note("old")))
		time.Sleep(2 * time.Hour)
		b.must(b.p.WriteNote(t.Context(), b.note("young")))
		time.Sleep(time.Hour)
		b.start()
		b.requireState("old", writeback.Expired)
		b.requireState("young", writeback.Written)
		require.Len(t, b.pms.Notes(), 1)

		// A person's word does not make it young again.
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false })
		b.must(b.p.WriteNote(t.Context(), b.note("skipped")))
		b.pass(3 * time.Hour)
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = true })
		_, err := b.p.Retry(t.Context(), b.item("skipped").ID, "dana")
		require.ErrorIs(t, err, writeback.ErrNotAllowed)
		require.ErrorContains(t, err, "NotesExpire")
		b.requireState("skipped", writeback.Skipped)
		b.stopped()
	})
}

func TestFormWithoutAPatientAsksAPersonOnceAndIsNeverGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *writeback.Config) {
			slow(c)
			c.KeepContent, c.NotesExpire, c.FormsAskAfter = time.Hour, time.Hour, 24*time.Hour
		})
		b.start()
		b.save(quiet)
		b.pass(time.Second)
		ctx := t.Context()
		form, document, phone := b.form("form"), b.document("document"), b.form("phone")
		form.Patient, document.Patient, phone.Patient = nobody, nobody, writeback.PatientPhone("555-0100")
		ids := map[string]string{"form": b.must(b.p.SubmitForm(ctx, form)).ID, "document": b.must(b.p.WriteDocument(ctx, document)).ID, "phone": b.must(b.p.SubmitForm(ctx, phone)).ID}
		b.pass(24*time.Hour - 5*time.Minute)
		before := map[string]int{}
		for key, id := range ids {
			require.Equal(t, writeback.ReasonNoPatient, b.requireState(key, writeback.NeedsPatient).Reason)
			events, err := b.p.ItemEvents(ctx, id)
			require.NoError(t, err)
			before[key] = len(events)
		}
		require.Empty(t, b.health().Issues)

		b.pms.SetOffline(true) // what the PMS does is of no account
		b.pass(80 * time.Minute)
		asked := func() {
			for key, id := range ids {
				it := b.requireState(key, writeback.NeedsPatient)
				require.Equal(t, writeback.ReasonPatientOverdue, it.Reason)
				require.NotEmpty(t, it.Words)
				require.NotEmpty(t, it.NextStep)
				events, err := b.p.ItemEvents(ctx, id)
				require.NoError(t, err)
				require.Len(t, events, before[key]+1, "it is told once")
				require.Equal(t, writeback.EventNeedsPatient, events[before[key]].Name)
				require.Equal(t, writeback.ReasonPatientOverdue, events[before[key]].Reason)
			}
			h := b.health()
			require.Len(t, h.Issues, 1)
			require.Equal(t, 3, h.Issues[0].Count)
			require.Equal(t, writeback.ReasonPatientOverdue, h.Issues[0].Reason)
		}
		asked()
		b.pms.SetOffline(false)
		b.pass(5 * 24 * time.Hour)
		b.save(nil) // decided again, to no effect
		b.pass(time.Minute)
		asked()
		for key, id := range ids {
			r, err := b.store.Item(ctx, practiceID, id)
			require.NoError(t, err)
			require.NotEmpty(t, r.Payload, key)
			_, err = b.store.Blob(ctx, practiceID, r.Blob, 0)
			require.NoError(t, err, "the bytes are there for as long as it waits")
		}

		b.pms.AddPatient(driver.Patient{
			FirstName: writeback.Text("Grace"), LastName: writeback.Text("Hopper"), BirthDate: driver.NewBirthDate(driver.Date{Year: 1906, Month: 12, Day: 9}),
		})
		b.pass(70 * time.Minute)
		b.requireState("form", writeback.Written)
		b.requireState("document", writeback.Written)
		b.requireState("phone", writeback.NeedsPatient)
		require.Len(t, b.pms.Documents(), 2)
		b.must(b.p.Assign(ctx, ids["phone"], b.patient, "dana"))
		b.pass(time.Minute)
		b.requireState("phone", writeback.Written)
		require.Empty(t, b.health().Issues)
		b.stopped()
	})
}

func TestBoundsOfTheAgesAreChecked(t *testing.T) {
	t.Parallel()
	for _, age := range []time.Duration{-time.Hour, time.Nanosecond, time.Hour - 1} {
		err := writeback.Config{NotesExpire: age, FormsAskAfter: age}.Validate()
		require.ErrorContains(t, err, "config: NotesExpire: ", fmt.Sprint(age))
		require.ErrorContains(t, err, "config: FormsAskAfter: ", fmt.Sprint(age))
	}
	err := writeback.Config{NotesExpire: time.Hour, FormsAskAfter: time.Hour}.Validate()
	require.NotContains(t, err.Error(), "NotesExpire")
	require.NotContains(t, err.Error(), "FormsAskAfter")
}
