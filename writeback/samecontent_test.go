package writeback_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// sameFile is the same statement of the same patient under any key.
func (b *bed) sameFile(key string) writeback.Document {
	d := b.document(key)
	d.Content = strings.NewReader("%PDF-1.7 the same")
	return d
}

func (b *bed) fileSame(key string) writeback.Item {
	b.t.Helper()
	return b.must(b.p.WriteDocument(b.t.Context(), b.sameFile(key)))
}

// requireFiledBefore is for an item that another one's receipt stands for.
func (b *bed) requireFiledBefore(key string) writeback.Item {
	b.t.Helper()
	it := b.requireState(key, writeback.Written)
	require.Equal(b.t, writeback.ReasonFiledBefore, it.Reason)
	require.Len(b.t, it.Legs, 1)
	require.True(b.t, it.Legs[0].Done)
	require.True(b.t, it.Legs[0].Receipt.Existed)
	events, err := b.p.ItemEvents(b.t.Context(), it.ID)
	require.NoError(b.t, err)
	last := events[len(events)-1]
	require.Equal(b.t, writeback.EventFiledBefore, last.Name)
	require.Equal(b.t, "engine", last.Actor)
	require.Contains(b.t, last.Detail, "item ")
	require.NotContains(b.t, last.Detail, it.ID)
	return it
}

// quietly makes an engine that reads nothing from the PMS, so that hours pass
// fast.
func quietly(c *writeback.Config) {
	c.Handlers, c.KeepContent, c.WakePoll = writeback.Handlers{}, 2*time.Hour, time.Minute
}

// inQuiet is inBubble with such an engine.
func inQuiet(t *testing.T, f func(t *testing.T, b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, quietly)
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Second)
		f(t, b)
	})
}

// named names the bed's patient otherwise than by id.
var named = writeback.PatientNamed("Ada", "Lovelace", driver.Date{Year: 1985, Month: 12, Day: 10})

func TestSameBytesForTheSamePatientAndKindAreFiledOnce(t *testing.T) {
	t.Parallel()
	inQuiet(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		other := b.pms.AddPatient(driver.Patient{FirstName: writeback.Text("Grace"), LastName: writeback.Text("Hopper")})

		// Many keys at once, by name and by id, under other titles and times: one.
		b.refresh()
		b.pass(time.Second)
		b.stopped() // so that they are all due when it goes on
		b.engine(quietly)
		var group sync.WaitGroup
		for i := range 20 {
			group.Go(func() {
				d := b.sameFile(fmt.Sprint("same-", i))
				d.Title, d.At = writeback.Text(fmt.Sprint("March ", i)), d.At.Add(time.Duration(i)*time.Hour)
				if i%2 == 1 {
					d.Patient = named
				}
				_, err := b.p.WriteDocument(ctx, d)
				require.NoError(t, err)
			})
		}
		group.Wait()
		b.start()
		b.pass(time.Minute)
		require.Len(t, b.pms.Documents(), 1)
		written := 0
		for i := range 20 {
			it := b.requireState(fmt.Sprint("same-", i), writeback.Written)
			require.Equal(t, b.pms.Documents()[0].ID, it.Legs[0].Receipt.ID)
			require.Equal(t, b.patient, it.Patient)
			require.Equal(t, b.pms.Documents()[0].SHA256, it.ContentSHA256)
			if it.Reason == "" {
				written++
			} else {
				b.requireFiledBefore(it.Key)
			}
		}
		require.Equal(t, 1, written)

		// Whatever makes another document of it is filed.
		n := 1
		filed := func(what string, err error) {
			t.Helper()
			require.NoError(t, err, what)
			b.pass(time.Minute)
			n++
			require.Len(t, b.pms.Documents(), n, what)
		}
		d := b.sameFile("other-patient")
		d.Patient = writeback.PatientID(other)
		filed("another patient", second(b.p.WriteDocument(ctx, d)))
		d = b.sameFile("other-kind")
		d.Kind = driver.InsuranceVerification
		filed("another kind", second(b.p.WriteDocument(ctx, d)))
		d = b.sameFile("other-bytes")
		d.Content = strings.NewReader("%PDF-1.7 the same ")
		filed("other bytes", second(b.p.WriteDocument(ctx, d)))
		form := func(key string, category driver.FormCategory, formType string) error {
			f := b.form(key)
			f.Category, f.Type, f.Content = category, formType, b.sameFile("").Content
			return second(b.p.SubmitForm(ctx, f))
		}
		filed("a form", form("form", driver.InformedConsent, "botox"))
		filed("a form of another category", form("category", driver.TreatmentPlan, "botox"))
		filed("a form of another type", form("type", driver.InformedConsent, ""))
		require.NoError(t, form("form again", driver.InformedConsent, "Botox"))
		b.pass(time.Minute)
		b.requireFiledBefore("form again")

		// A consent is written once and its hash is kept, also when nothing else is.
		b.pass(5 * time.Hour)
		records, err := b.store.Items(ctx, writeback.ItemQuery{Practice: practiceID})
		require.NoError(t, err)
		for _, r := range records {
			require.Empty(t, r.Payload, "purged")
		}
		require.NoError(t, form("form much later", driver.InformedConsent, "botox"))
		b.fileSame("much later")
		b.pass(time.Minute)
		b.requireFiledBefore("form much later")
		b.requireFiledBefore("much later")
		require.Len(t, b.pms.Documents(), n)
		it := b.item("form")
		require.Equal(t, b.item("form much later").ContentSHA256, it.ContentSHA256)
		require.Len(t, it.ContentSHA256, 64)
		f := b.form("form")
		f.Content = strings.NewReader("%PDF-1.7 forged")
		require.ErrorIs(t, second(b.p.SubmitForm(ctx, f)), writeback.ErrKeyReused)
	})
}

// What is not in the PMS, and cannot be, does not count; when it goes on after
// the other one was filed, it is not filed again.
func TestOnlyWhatIsInThePMSStandsForAnother(t *testing.T) {
	t.Parallel()
	retry := func(b *bed) { b.must(b.p.Retry(b.t.Context(), b.item("first").ID, "dana")) }
	stranger := writeback.PatientNamed("Grace", "Hopper", driver.Date{Year: 1986, Month: 12, Day: 9})
	for name, tc := range map[string]struct {
		state writeback.State
		first func(b *bed) // submits "first"
		mend  func(b *bed) // before "second" is submitted
		goOn  func(b *bed) // lets "first" go on, nil when nothing can
	}{
		"refused": {writeback.Failed, func(b *bed) {
			b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Err: driver.ReasonTextRefused})
			b.fileSame("first")
		}, nil, retry},
		"skipped": {writeback.Skipped, func(b *bed) {
			b.save(func(d *settings.Document) { d.Documents.AccountStatement = settings.Ref{} })
			b.fileSame("first")
		}, func(b *bed) {
			b.save(func(d *settings.Document) { d.Documents.AccountStatement = settings.Ref{ID: "0202"} })
		}, retry},
		"parked": {writeback.NeedsPatient, func(b *bed) {
			d := b.sameFile("first")
			d.Patient = stranger
			b.must(b.p.WriteDocument(b.t.Context(), d))
		}, nil, func(b *bed) { b.must(b.p.Assign(b.t.Context(), b.item("first").ID, b.patient, "dana")) }},
		"refused for what can be mended": {writeback.Held, func(b *bed) {
			b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Err: driver.ReasonProviderInactive})
			b.fileSame("first")
		}, nil, retry},
		"dismissed": {writeback.Dismissed, func(b *bed) {
			b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Err: driver.ReasonTextRefused})
			b.fileSame("first")
			b.pass(time.Minute)
			b.must(b.p.Dismiss(b.t.Context(), b.item("first").ID, "dana", ""))
		}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inQuiet(t, func(t *testing.T, b *bed) {
				tc.first(b)
				b.pass(time.Minute)
				b.requireState("first", tc.state)
				if tc.mend != nil {
					tc.mend(b)
				}
				b.fileSame("second")
				b.pass(5 * time.Second)
				require.Empty(t, b.requireState("second", writeback.Written).Reason)
				require.Len(t, b.pms.Documents(), 1)
				if tc.goOn != nil {
					tc.goOn(b)
					b.pass(time.Minute)
					require.Equal(t, b.pms.Documents()[0].ID, b.requireFiledBefore("first").Legs[0].Receipt.ID)
				}
				require.Len(t, b.pms.Documents(), 1)
			})
		})
	}
}

// A person who posts a document by hand knows for whom, and so does the engine,
// as far as it can.
func TestDocumentPostedByHandIsNotFiledAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		b := newBed(t, quietly)
		b.pms.SetOffline(true)
		b.start()
		b.save(nil)
		other := named
		other.First = writeback.Text("Annabella")
		b.pms.AddPatient(driver.Patient{FirstName: other.First, LastName: other.Last, BirthDate: other.Birth})
		submit := func(key, content string, who writeback.Patient) {
			d := b.sameFile(key)
			d.Patient, d.Content = who, strings.NewReader("%PDF-1.7 "+content)
			b.must(b.p.WriteDocument(ctx, d))
		}
		for i, who := range []struct {
			key     string
			patient writeback.Patient
		}{
			{"by id", writeback.PatientID(b.patient)}, {"by name", named}, // while the PMS was never reached
			{"by id, later", writeback.PatientID(b.patient)}, {"by name, later", named},
		} {
			if i == 2 {
				b.pms.SetOffline(false)
				b.refresh()
				b.pass(10 * time.Minute)
			}
			_, _, reached, err := b.p.Catalogs(ctx)
			require.NoError(t, err)
			require.Equal(t, i >= 2, reached)
			b.pms.SetOffline(true)
			submit(who.key, who.key, who.patient)
			b.pass(time.Second)
			b.must(b.p.MarkPosted(ctx, b.item(who.key).ID, "dana", "17"))
			submit(who.key+" again", who.key, who.patient)
			submit(who.key+", for another", who.key, other)
		}
		b.pms.SetOffline(false)
		b.pass(5 * time.Hour)
		submit("when all is purged", "by name", named)
		b.pass(time.Minute)
		b.requireFiledBefore("when all is purged")
		for _, key := range []string{"by id", "by name", "by id, later", "by name, later"} {
			b.requireFiledBefore(key + " again")
			require.Empty(t, b.requireState(key+", for another", writeback.Written).Reason)
		}
		require.Len(t, b.pms.Documents(), 4)
		b.stopped()
	})
}

// Ids mean something inside one PMS only: in the next one the patient of that id
// is somebody else, who has nothing of it.
func TestDocumentInAnotherPMSDoesNotCount(t *testing.T) {
	t.Parallel()
	inQuiet(t, func(t *testing.T, b *bed) {
		b.fileSame("here")
		b.pass(time.Minute)
		b.requireState("here", writeback.Written)
		b.pms.SetInfo(func(i *driver.Info) { i.Product = "Another PMS" })
		b.refresh()
		b.pass(time.Minute)
		b.save(func(d *settings.Document) { *d = chosen() })
		b.fileSame("there")
		b.fileSame("there again")
		b.pass(time.Minute)
		require.Empty(t, b.requireState("there", writeback.Written).Reason)
		b.requireFiledBefore("there again")
		require.Len(t, b.pms.Documents(), 2)
	})
}

// What cannot be opened with the keys at hand still says by its state whether it
// is in the PMS.
func TestDocumentOfALostKeyIsNotFiledAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		with := func(id string) {
			b.engine(func(c *writeback.Config) { quietly(c); keys(id)(c) })
			b.start()
		}
		with("2024")
		b.save(nil)
		b.pass(time.Second)
		b.fileSame("filed")
		b.pass(time.Minute)
		b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Effect: memdriver.After})
		b.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ErrRejected})
		other := b.document("lost")
		b.must(b.p.WriteDocument(t.Context(), other))
		b.pass(time.Minute)
		lost := b.requireState("lost", writeback.Uncertain)
		b.stopped()

		with("2025")
		b.fileSame("filed again")
		other.Key, other.Content = "lost again", b.document("lost").Content
		b.must(b.p.WriteDocument(t.Context(), other))
		b.pass(2 * time.Hour)
		b.requireFiledBefore("filed again")
		require.Equal(t, "document:"+lost.ID, b.requireState("lost again", writeback.Held).Cause)
		require.Len(t, b.pms.Documents(), 2)
		b.stopped()

		b.pms.Heal()
		with("2024")
		b.pass(2 * time.Hour)
		b.requireState("lost", writeback.Written)
		b.stopped()
		b.engine(func(c *writeback.Config) { quietly(c); keys("2025", "2024")(c) })
		b.start()
		b.pass(2 * time.Hour)
		b.requireFiledBefore("lost again")
		require.Len(t, b.pms.Documents(), 2)
		b.stopped()
	})
}

func TestTwoEnginesFileTheSameDocumentOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.save(nil)
		first, one := b.eng, b.p
		b.engine(nil)
		for i := range 10 {
			p := one
			if i%2 == 1 {
				p = b.p
			}
			b.must(p.WriteDocument(t.Context(), b.sameFile(fmt.Sprint("same-", i))))
		}
		for range 60 {
			for _, eng := range []*writeback.Engine{first, b.eng} {
				_, err := eng.Step(t.Context(), practiceID)
				require.NoError(t, err)
			}
			time.Sleep(10 * time.Second)
		}
		require.Len(t, b.pms.Documents(), 1)
		for i := range 10 {
			b.requireState(fmt.Sprint("same-", i), writeback.Written)
		}
		require.NoError(t, first.Close())
		require.NoError(t, b.eng.Close())
	})
}
