package writeback_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

func TestPracticeThatChoseNothingWritesNothingAndIsReadAllTheSame(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		f := &fieldBed{bed: b}
		b.pass(2 * time.Minute)
		nothing := "note skipped (not_configured); document skipped (not_configured); form skipped (not_configured); status skipped (not_configured); payment held (not_configured)"
		require.Equal(t, nothing, oneOfEach(f))
		// Saved as it is, it says the same.
		problems, err := b.p.SaveSettings(t.Context(), settings.Default(), writeback.Save{Actor: "dana"})
		require.NoError(t, err)
		require.False(t, settings.HasErrors(problems))
		b.pass(time.Second)
		require.Equal(t, nothing, oneOfEach(f))
		require.Zero(t, b.pms.Traffic().Calls["write"])
		b.pass(3 * time.Minute)
		b.news()
		id, patient := b.appointment(48*time.Hour), b.newPatient("New", "Comer")
		b.pass(2 * time.Minute)
		require.ElementsMatch(t, []string{id + " created", patient + " created"}, b.news().inWords())
	})
}

func TestProviderThatIsChangedReattributesNothing(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		before := oneOfEach(f)
		notes, documents, payments := f.pms.Notes(), f.pms.Documents(), f.pms.Payments()
		f.save(func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "HYG1"} })
		f.pass(time.Hour)
		require.Equal(t, notes, f.pms.Notes())
		require.Equal(t, documents, f.pms.Documents())
		require.Equal(t, payments, f.pms.Payments())
		require.NotEqual(t, before, oneOfEach(f), "and counts from then on")
	})
}

// The engine was away for more than a year.
func TestPaymentNeverExpiresAndKeepsItsDay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.start()
		b.save(nil)
		b.pass(time.Second)
		b.stopped()
		b.engine(nil)
		day := driver.DateOf(time.Now().In(b.location))
		appointment := b.appointment(48 * time.Hour)
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.confirm("status", appointment, true, "")
		time.Sleep(400 * 24 * time.Hour)
		b.start()
		defer b.stopped()
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
		require.Equal(t, day, b.pms.Payments()[0].PostedOn, "it is not moved to another day")
		require.Equal(t, writeback.ReasonTooLate, b.requireState("status", writeback.Expired).Reason)
	})
}

// What was signed is filed once, byte for byte, and can be recognised after its
// content is gone from the store.
func TestConsentIsFiledOnceAndKnownByItsContentForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *writeback.Config) { c.KeepContent = time.Hour })
		b.start()
		defer b.stopped()
		b.save(nil)
		signed := time.Now()
		consent := func(content string) writeback.Form {
			form := b.form("consent")
			form.At, form.Content = signed, strings.NewReader(content)
			return form
		}
		first := b.must(b.p.SubmitForm(t.Context(), consent("%PDF-1.7 signed")))
		b.pass(5 * time.Hour) // the content is purged
		b.requireState("consent", writeback.Written)
		require.Equal(t, first.ID, b.must(b.p.SubmitForm(t.Context(), consent("%PDF-1.7 signed"))).ID)
		_, err := b.p.SubmitForm(t.Context(), consent("%PDF-1.7 changed"))
		require.ErrorIs(t, err, writeback.ErrKeyReused)
		b.pass(time.Hour)
		require.Len(t, b.pms.Documents(), 1)
		require.Equal(t, "%PDF-1.7 signed", string(b.pms.Documents()[0].Bytes()))
	})
}

// What no field sets: the sweep that finds what change marks cannot show, and the
// reading of the lists.
func TestSweepsAndListsHaveTheirPaceByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, c := newBed(t, nil), &counter{}
		b.engine(func(cfg *writeback.Config) {
			b.hook(c.hook)(cfg)
			cfg.WakePoll = time.Minute
		})
		b.pms.SetInfo(func(i *driver.Info) {
			for f, fi := range i.Feeds {
				fi.Deletes = false
				i.Feeds[f] = fi
			}
		})
		near := b.appointment(59 * 24 * time.Hour)
		b.start()
		defer b.stopped()
		b.save(func(d *settings.Document) {
			alone(d)
			d.Intervals.AppointmentChanges = settings.Every(time.Hour)
		})
		b.pass(2 * time.Hour)
		require.Equal(t, []string{near + " found"}, b.news().inWords())
		require.NoError(t, b.pms.DeleteAppointment(near))
		b.pass(7 * time.Hour)
		require.Equal(t, []string{near + " deleted"}, b.news().inWords())
		c.of("")
		lists := b.pms.Traffic().Calls["info"]
		b.pass(48 * time.Hour)
		sweeps := c.of("window appointments")
		require.LessOrEqual(t, sweeps, 8, "every six hours")
		require.GreaterOrEqual(t, sweeps, 7, "jitter is at most a tenth")
		lists = b.pms.Traffic().Calls["info"] - lists
		require.LessOrEqual(t, lists, 48*4+1, "every quarter of an hour")
		require.GreaterOrEqual(t, lists, 48*4*10/11)
	})
}
