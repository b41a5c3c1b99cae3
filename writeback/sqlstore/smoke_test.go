package sqlstore

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/pmswriteback/pms/writeback"
	"github.com/stretchr/testify/require"
)

func TestSmoke(t *testing.T) {
	ctx := t.Context()
	s, err := Open(ctx, "sqlite", filepath.Join(t.TempDir(), "a b%#?.db"))
	require.NoError(t, err)
	ch := writeback.Change{Practice: "p", Wake: true, Items: []writeback.ItemWrite{{Record: writeback.Record{ID: "i", Key: "k", Active: true, Blocking: true, Lane: "l", Payload: []byte("x")}}}, Events: []writeback.Event{{Item: "i", Name: "submitted"}}, Docs: []writeback.DocWrite{{Name: "d", Value: []byte{}}}}
	errs := s.Apply(ctx, []writeback.Change{ch, ch, {Practice: "q", Save: &writeback.Revision{Document: []byte("{}")}}})
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], writeback.ErrExists)
	require.NoError(t, errs[2])
	items, wait, err := s.Due(ctx, "p", 10)
	require.NoError(t, err)
	require.Len(t, items, 1)
	require.Negative(t, wait)
	r := items[0]
	r.State = writeback.Writing
	errs = s.Apply(ctx, []writeback.Change{{Practice: "p", Items: []writeback.ItemWrite{{Record: r, Expect: r.Version, Delay: time.Second}}}})
	require.NoError(t, errs[0])
	errs = s.Apply(ctx, []writeback.Change{{Practice: "p", Items: []writeback.ItemWrite{{Record: r, Expect: r.Version, Delay: time.Second}}}})
	require.ErrorIs(t, errs[0], writeback.ErrStale)
	items, wait, err = s.Due(ctx, "p", 10)
	require.NoError(t, err)
	require.Empty(t, items)
	require.Positive(t, wait)
	ev, err := s.ItemEvents(ctx, "p", "i")
	require.NoError(t, err)
	require.Len(t, ev, 1)
	d, err := s.Docs(ctx, "p", "d")
	require.NoError(t, err)
	require.Len(t, d, 1)
	w, next, err := s.Wakes(ctx, 0)
	require.NoError(t, err)
	require.Equal(t, []string{"p"}, w)
	require.Positive(t, next)
	require.NoError(t, s.Close())
}
