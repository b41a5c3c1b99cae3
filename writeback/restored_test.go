package writeback_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

func TestRestoredStoreLooksBeforeItSendsWhatItMayHaveForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		b := newBed(t, nil)
		b.start()
		b.save(nil)
		note, lost, pay := b.note("note"), b.note("never-written"), b.payment("pay")
		b.must(b.p.WriteNote(ctx, note))
		b.must(b.p.PostPayment(ctx, pay))
		b.pass(time.Minute)
		b.requireState("note", writeback.Written)
		b.requireState("pay", writeback.Written)
		b.stopped()

		// The disk is gone. The back-up is from before both were written: it has
		// the payment waiting, and knows nothing of the note.
		b.store = memstore.New()
		b.engine(nil)
		b.save(nil)
		b.must(b.p.PostPayment(ctx, pay))
		b.pass(time.Minute)
		require.NoError(t, b.eng.MarkRestored(ctx, "dana"))
		b.start()
		b.must(b.p.WriteNote(ctx, note)) // the host submits again what it is not sure of
		b.must(b.p.WriteNote(ctx, lost))
		b.pass(time.Minute)
		b.must(b.p.WriteNote(ctx, b.note("after")))
		b.pass(10 * time.Minute)
		for _, key := range []string{"note", "pay", "never-written", "after"} {
			b.requireState(key, writeback.Written)
		}
		require.Len(t, b.pms.Payments(), 1)
		require.Len(t, b.pms.Notes(), 3)
		looked := func(key string) bool {
			events, err := b.p.ItemEvents(ctx, b.item(key).ID)
			require.NoError(t, err)
			for _, e := range events {
				if e.Name == writeback.EventRestored {
					return true
				}
			}
			return false
		}
		require.True(t, looked("note"))
		require.True(t, looked("pay"))
		require.True(t, looked("never-written"))
		require.False(t, looked("after"), "what happened after the restore cannot have been written before")
		require.Equal(t, driver.USD(10000), b.pms.Payments()[0].Amount)
		b.stopped()
	})
}

func TestRestoreIsMarkedBySomebody(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	require.ErrorIs(t, b.eng.MarkRestored(t.Context(), ""), writeback.ErrInvalid)
	require.NoError(t, b.eng.Close())
	require.ErrorIs(t, b.eng.MarkRestored(t.Context(), "dana"), writeback.ErrClosed)
}
