package writeback_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// While it is not known whether the PMS has the one, the other is never written,
// and goes on by itself when it is.
func TestDocumentIsNeverSentPastOneThatMayBeThere(t *testing.T) {
	t.Parallel()
	verify := func(times int) memdriver.Fault {
		return memdriver.Fault{On: "verify", Times: times, Err: driver.ErrUnknownOutcome}
	}
	lost := func(effect memdriver.Effect, looks int) func(b *bed) {
		return func(b *bed) {
			b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Effect: effect, Err: driver.ErrUnknownOutcome})
			b.pms.Fail(verify(looks))
		}
	}
	half := func(b *bed) {
		b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Effect: memdriver.Half})
		b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Err: driver.ReasonTextRefused})
	}
	act := func(f func(b *bed, id string) error) func(b *bed) {
		return func(b *bed) { require.NoError(b.t, f(b, b.item("first").ID)) }
	}
	retry := act(func(b *bed, id string) error { return second(b.p.Retry(b.t.Context(), id, "dana")) })
	for name, tc := range map[string]struct {
		fault  func(b *bed)
		state  writeback.State
		settle func(b *bed)
		filed  []string // by another's receipt
	}{
		"found":                   {lost(memdriver.After, 3), writeback.Uncertain, nil, []string{"second"}},
		"not found":               {lost(memdriver.Before, 3), writeback.Uncertain, nil, []string{"second"}},
		"found when all gave up":  {lost(memdriver.After, 12), writeback.Uncertain, nil, []string{"second"}},
		"absent when all gave up": {lost(memdriver.Before, 12), writeback.Uncertain, nil, []string{"second"}},
		"given up, and it is there": {lost(memdriver.After, 0), writeback.Uncertain, act(func(b *bed, id string) error {
			return second(b.p.MarkPosted(b.t.Context(), id, "dana", "17"))
		}), []string{"second"}},
		"given up, and dismissed": {lost(memdriver.Before, 0), writeback.Uncertain, act(func(b *bed, id string) error {
			return second(b.p.Dismiss(b.t.Context(), id, "dana", ""))
		}), nil},
		"given up, and tried again": {lost(memdriver.Before, 0), writeback.Uncertain, retry, []string{"second"}},
		"half done, and finished":   {half, writeback.PartiallyPosted, retry, []string{"second"}},
		"half done, and posted by hand": {half, writeback.PartiallyPosted, act(func(b *bed, id string) error {
			return second(b.p.MarkPosted(b.t.Context(), id, "dana", "17"))
		}), []string{"second"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inQuiet(t, func(t *testing.T, b *bed) {
				tc.fault(b)
				first := b.fileSame("first")
				d := b.sameFile("second")
				d.Patient = named
				b.must(b.p.WriteDocument(t.Context(), d))
				b.fileSame("third")
				b.pass(5 * time.Second)
				b.requireState("first", tc.state)
				count := len(b.pms.Documents())
				if tc.settle != nil {
					b.pass(40 * time.Minute)
					b.requireState("first", tc.state)
					for _, key := range []string{"second", "third"} {
						it := b.requireState(key, writeback.Held)
						require.Equal(t, writeback.ReasonWaitsForDocument, it.Reason)
						require.Equal(t, "document:"+first.ID, it.Cause)
						require.NotEmpty(t, it.NextStep)
						events, err := b.p.ItemEvents(t.Context(), it.ID)
						require.NoError(t, err)
						require.Len(t, events, 2, "submitted and held: it is not tried over and over")
						it = b.must(b.p.Retry(t.Context(), it.ID, "dana"))
						b.pass(time.Minute)
						b.requireState(key, writeback.Held) // nobody's word sends it past the other one
					}
					require.Len(t, b.pms.Documents(), count)
					tc.settle(b)
					b.pass(time.Minute)
				}
				b.pass(time.Hour)
				require.Len(t, b.pms.Documents(), 1)
				for _, key := range tc.filed {
					b.requireFiledBefore(key)
				}
				b.requireFiledBefore("third")
			})
		})
	}
}

// slowSettle takes its time to store that something was written.
type slowSettle struct{ writeback.Store }

func (s slowSettle) Apply(ctx context.Context, changes []writeback.Change) []error {
	for _, c := range changes {
		for _, e := range c.Events {
			if e.Name == writeback.EventWritten {
				time.Sleep(time.Second)
			}
		}
	}
	return s.Store.Apply(ctx, changes)
}

// An older one that somebody tries again is not held back by its lane when a
// newer one is being written: it waits all the same.
func TestOlderDocumentWaitsForANewerOneThatIsBeingWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.store = slowSettle{b.store}
		b.engine(quietly)
		b.start()
		b.save(nil)
		b.pass(time.Second)
		b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Err: driver.ReasonTextRefused})
		first := b.fileSame("first")
		b.pass(time.Minute)
		b.requireState("first", writeback.Failed)
		b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Effect: memdriver.Pass, Delay: 2 * time.Second})
		b.fileSame("second")
		b.pass(time.Second)
		b.requireState("second", writeback.Writing)
		b.must(b.p.Retry(t.Context(), first.ID, "dana"))
		b.pass(time.Minute)
		b.requireFiledBefore("first")
		require.Len(t, b.pms.Documents(), 1)
		b.stopped()
	})
}

// The other way round: the newer one was sent, nobody knows whether the PMS has
// it, and somebody tries it again.
func TestOlderDocumentWaitsForANewerOneThatIsTriedAgain(t *testing.T) {
	t.Parallel()
	inQuiet(t, func(t *testing.T, b *bed) {
		b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Err: driver.ReasonTextRefused})
		b.fileSame("older")
		b.pass(time.Minute)
		b.requireState("older", writeback.Failed)
		b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Effect: memdriver.After})
		b.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ErrRejected})
		b.fileSame("newer")
		b.pass(30 * time.Minute)
		require.Equal(t, writeback.ReasonOutcomeUnknown, b.requireState("newer", writeback.Uncertain).Reason)
		b.must(b.p.Retry(t.Context(), b.item("older").ID, "dana"))
		b.pass(time.Minute)
		b.requireState("older", writeback.Held)
		b.pms.SetOffline(true)
		b.must(b.p.Retry(t.Context(), b.item("newer").ID, "dana"))
		b.pass(time.Minute)
		b.requireState("newer", writeback.Queued)
		b.requireState("older", writeback.Held)
		b.pms.Heal()
		b.pass(time.Hour)
		b.requireState("newer", writeback.Written)
		b.requireFiledBefore("older")
		require.Len(t, b.pms.Documents(), 1)
	})
}

// Both may be in the PMS, which cannot tell. Neither waits for the other.
func TestTwoDocumentsInDoubtDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, quietly)
		b.save(nil)
		b.fileSame("first")
		b.fileSame("second")
		time.Sleep(time.Minute)
		require.NoError(t, b.eng.MarkRestored(t.Context(), "dana"))
		b.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ErrRejected})
		b.start()
		for range 40 {
			// Somebody looks for whichever asks for a person, and finds nothing.
			for _, key := range []string{"first", "second"} {
				if it := b.item(key); it.Reason == writeback.ReasonOutcomeUnknown {
					b.must(b.p.Retry(t.Context(), it.ID, "dana"))
				}
			}
			b.pass(10 * time.Minute)
		}
		b.requireState("first", writeback.Written)
		b.requireState("second", writeback.Written)
		require.Len(t, b.pms.Documents(), 1)
		b.stopped()
	})
}

// In a restored store nobody knows which of two was filed. Both are looked for
// before either is sent.
func TestRestoredStoreFilesTheSameDocumentOnce(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{{"filed", "stood for"}, {"stood for", "filed"}} {
		t.Run(order[0]+" first", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				b := newBed(t, quietly)
				b.start()
				b.save(nil)
				docs := map[string]writeback.Document{}
				submit := func(key string) {
					d := docs[key]
					d.Content = b.sameFile("").Content
					b.must(b.p.WriteDocument(ctx, d))
				}
				for _, key := range []string{"filed", "stood for"} {
					docs[key] = b.sameFile(key)
					submit(key)
					b.pass(time.Minute)
				}
				b.requireFiledBefore("stood for")
				b.stopped()

				b.store = memstore.New()
				b.engine(quietly)
				b.save(nil)
				for _, key := range order {
					submit(key)
				}
				b.pass(time.Minute)
				require.NoError(t, b.eng.MarkRestored(ctx, "dana"))
				b.start()
				b.pass(10 * time.Minute)
				require.Len(t, b.pms.Documents(), 1)
				require.Equal(t, b.pms.Documents()[0].ID, b.requireState("filed", writeback.Written).Legs[0].Receipt.ID)
				b.requireFiledBefore("stood for")
				b.stopped()
			})
		})
	}
}

func TestPreviewKnowsThatADocumentWaitsForAnother(t *testing.T) {
	t.Parallel()
	inQuiet(t, func(t *testing.T, b *bed) {
		b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Effect: memdriver.After, Err: driver.ErrUnknownOutcome})
		b.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ErrUnknownOutcome})
		b.fileSame("first")
		b.fileSame("second")
		b.pass(time.Hour)
		require.Equal(t, writeback.ReasonWaitsForDocument, b.requireState("second", writeback.Held).Reason)
		doc, _, err := b.p.Settings(t.Context())
		require.NoError(t, err)
		preview, err := b.p.Preview(t.Context(), doc)
		require.NoError(t, err)
		require.Equal(t, 1, preview.Looked)
		require.Zero(t, preview.Moving, "%+v", preview.Items)
	})
}

func TestDocumentDoesNotWaitForOneThatIsOfAFormerPMS(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(nil)
		b.pass(time.Minute)
		require.NoError(t, b.p.SetMode(ctx, writeback.Paused, "dana", ""))
		b.fileSame("former")
		b.pass(time.Minute)
		require.NoError(t, b.eng.MarkRestored(ctx, "dana"))
		pms, _ := otherPMS(b)
		b.moved(pms)
		b.pass(time.Minute)
		_, rev, err := b.p.Settings(ctx)
		require.NoError(t, err)
		_, err = b.p.SaveSettings(ctx, chosen(), writeback.Save{Expect: rev, Actor: "dana"})
		require.NoError(t, err)
		b.must(b.p.Retry(ctx, b.item("former").ID, "dana"))
		require.NoError(t, b.p.SetMode(ctx, writeback.Live, "dana", ""))
		b.pass(time.Minute)
		require.Equal(t, writeback.ReasonPMSChanged, b.requireState("former", writeback.Held).Reason)
		// The id is somebody else's here.
		b.fileSame("new")
		b.pass(time.Minute)
		b.requireState("new", writeback.Written)
		require.Len(t, pms.Documents(), 1)
	})
}
