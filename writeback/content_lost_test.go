package writeback_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/writeback"
)

// lossy is a store that has lost its blobs while gone is set.
type lossy struct {
	writeback.Store
	gone *atomic.Bool
}

func (s lossy) Blob(ctx context.Context, practice, blob string, n int) ([]byte, error) {
	if s.gone.Load() {
		return nil, writeback.ErrNotFound
	}
	return s.Store.Blob(ctx, practice, blob, n)
}

// Trying again brings no bytes back, and a person must hear of it.
func TestADocumentWhoseBytesTheStoreHasLostWaitsForAPerson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Bool
		gone.Store(true)
		b := newBed(t, func(c *writeback.Config) { c.Store = lossy{c.Store, &gone} })
		b.save(nil)
		b.start()
		b.must(b.p.WriteDocument(t.Context(), b.document("lost")))
		b.must(b.p.WriteNote(t.Context(), b.note("other")))
		b.pass(time.Minute)
		require.Equal(t, writeback.ReasonContentLost, b.requireState("lost", writeback.Failed).Reason)
		b.requireState("other", writeback.Written)
		require.Empty(t, b.pms.Documents())

		gone.Store(false) // the back-up of the store is in
		b.must(b.p.Retry(t.Context(), b.item("lost").ID, "dana"))
		b.pass(time.Minute)
		b.requireState("lost", writeback.Written)
		require.Len(t, b.pms.Documents(), 1)
		b.stopped()
	})
}
