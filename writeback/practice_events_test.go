package writeback_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// listener is a host that writes down, in one list, what either handler of events
// tells it.
type listener struct {
	mu    sync.Mutex
	heard []string
	seqs  []int64
	fail  map[string]error
}

func (l *listener) take(handler string, e writeback.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail[handler]; err != nil {
		return err
	}
	if e.Name == writeback.EventUnavailable {
		return nil // whether it is tried in between is not the question
	}
	l.heard, l.seqs = append(l.heard, handler+" "+e.Name), append(l.seqs, e.Seq)
	return nil
}

func (l *listener) refuse(handler string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = map[string]error{handler: err}
}

// news returns what was heard since the last call.
func (l *listener) news() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.heard
	l.heard = nil
	return out
}

func (l *listener) items(_ context.Context, _ string, events []writeback.ItemEvent) error {
	for _, e := range events {
		if err := l.take("item", e.Event); err != nil {
			return err
		}
	}
	return nil
}

func (l *listener) practice(_ context.Context, _ string, events []writeback.PracticeEvent) error {
	for _, e := range events {
		if err := l.take("practice", e.Event); err != nil {
			return err
		}
	}
	return nil
}

func TestPracticeEventsComeInOrderWithThoseOfItems(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, l := newBed(t, nil), &listener{}
		listen := func(c *writeback.Config) { c.Handlers.Items, c.Handlers.Practice = l.items, l.practice }
		b.engine(listen)
		b.start()
		b.save(nil)
		b.pass(time.Second)
		require.Equal(t, []string{"practice settings_saved"}, l.news())

		b.pms.SetOffline(true)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false })
		b.pass(time.Second)
		require.Equal(t, []string{"item queued", "practice settings_saved", "item skipped"}, l.news())

		// One that fails holds up both, and nothing is lost or told out of order.
		for _, handler := range []string{"practice", "item"} {
			l.refuse(handler, errHost)
			b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = true })
			b.must(b.p.WriteNote(t.Context(), b.note("note before "+handler)))
			b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false })
			b.pass(2 * time.Minute)
			blocked := map[string]string{"practice": "practice", "item": "items"}[handler]
			require.Equal(t, []string{blocked}, b.health().BlockedByHost)
			b.stopped()
			b.engine(listen)
			b.start()
			b.pass(time.Minute)
			before := l.news() // what came before the one that failed
			l.refuse("", nil)
			b.pass(10 * time.Minute)
			want := []string{"practice settings_saved", "item queued", "practice settings_saved", "item skipped"}
			after := l.news()
			require.Equal(t, want[len(want)-len(after):], after, "from the position on, which had not moved")
			require.GreaterOrEqual(t, len(after), 3)
			require.Subset(t, want, before)
			require.GreaterOrEqual(t, len(before)+len(after), len(want), "nothing is lost")
			require.Empty(t, b.health().BlockedByHost)
		}
		require.NoError(t, b.eng.MarkRestored(t.Context(), "dana"))
		b.pass(time.Second)
		require.Equal(t, []string{"practice store_restored"}, l.news())
		b.stopped()
		last := int64(0)
		for _, seq := range l.seqs[len(l.seqs)-5:] {
			require.Greater(t, seq, last)
			last = seq
		}
	})
}

// countedEvents is a store that counts how often the audit log is read.
type countedEvents struct {
	writeback.Store
	mu sync.Mutex
	n  int
}

func (c *countedEvents) Events(ctx context.Context, practice string, after int64, limit int) ([]writeback.Event, error) {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	return c.Store.Events(ctx, practice, after, limit)
}

func TestHandlerOfEventsThatIsSetIsServed(t *testing.T) {
	t.Parallel()
	for _, items := range []bool{false, true} {
		for _, practice := range []bool{false, true} {
			t.Run(fmt.Sprintf("items %v, practice %v", items, practice), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b, l := newBed(t, nil), &listener{}
					store := &countedEvents{Store: b.store}
					b.engine(func(c *writeback.Config) {
						c.Store, c.Handlers = store, writeback.Handlers{}
						if items {
							c.Handlers.Items = l.items
						}
						if practice {
							c.Handlers.Practice = l.practice
						}
					})
					b.start()
					defer b.stopped()
					b.save(nil)
					b.must(b.p.WriteNote(t.Context(), b.note("note")))
					b.save(nil)
					b.pass(time.Minute)
					want := []string(nil)
					if practice {
						want = append(want, "practice settings_saved")
					}
					if items {
						want = append(want, "item queued", "item written")
					}
					if practice {
						want = append(want, "practice settings_saved")
					}
					require.ElementsMatch(t, want, l.news())
					require.Equal(t, items || practice, store.n > 0, "what nobody hears is not read")
				})
			})
		}
	}
}
