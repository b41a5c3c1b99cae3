package writeback_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

func keys(ids ...string) func(*writeback.Config) {
	return func(c *writeback.Config) {
		for _, id := range ids {
			c.SealKeys = append(c.SealKeys, writeback.SealKey{ID: id, Key: bytes.Repeat([]byte(id[:1]), 32)})
		}
	}
}

func TestEngineWithoutTheKeySetsItemsAsideUntilItHasIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, keys("2024"))
		b.start()
		b.save(func(d *settings.Document) { d.Payments.Separate = true })
		b.pass(time.Second)
		b.pms.SetOffline(true)
		for _, submit := range everyKind(b, time.Now(), "") {
			b.must(submit(t.Context(), b.p))
		}
		b.pass(time.Second)
		b.stopped()

		b.engine(nil)
		b.start()
		b.pms.SetOffline(false)
		b.must(b.p.WriteNote(t.Context(), b.note("plain")))
		b.pass(30 * time.Minute)
		b.requireState("plain", writeback.Written)
		require.Len(t, b.pms.Notes(), 1, "what can be read is written")
		require.Empty(t, b.pms.Payments())
		items, err := b.p.Items(t.Context(), writeback.ItemQuery{Reasons: []driver.Reason{writeback.ReasonUnreadable}})
		require.NoError(t, err)
		require.Len(t, items, 5)
		for _, it := range items {
			require.Equal(t, writeback.Queued, it.State)
			require.NotEmpty(t, it.NextStep)
		}
		h, err := b.p.Health(t.Context())
		require.NoError(t, err)
		require.Len(t, h.Issues, 1)
		require.Equal(t, 5, h.Issues[0].Count)
		for _, act := range acts {
			_, err := act(t.Context(), b, items[0].ID)
			require.Error(t, err, "nobody decides about what cannot be read")
		}
		b.stopped()

		b.engine(keys("2025", "2024"))
		b.start()
		b.pass(time.Minute)
		for _, key := range []string{"note", "document", "form", "payment"} {
			b.requireState(key, writeback.Written)
		}
		require.Len(t, b.pms.Notes(), 2)
		require.Len(t, b.pms.Documents(), 2)
		require.NotEmpty(t, b.pms.Documents()[0].Bytes())
		require.Len(t, b.pms.Payments(), 1)
		// A key that was replaced still answers for what was submitted with it.
		again := b.must(b.p.WriteNote(t.Context(), b.note("plain-2")))
		require.Equal(t, writeback.Queued, again.State)
		b.stopped()
	})
}

func TestSameContentIsOneItemWhateverTheSealKey(t *testing.T) {
	t.Parallel()
	b := newBed(t, keys("2024"))
	at := time.Now()
	before := map[string]writeback.Item{}
	for kind, submit := range everyKind(b, at, "") {
		before[kind] = b.must(submit(t.Context(), b.p))
	}
	b.engine(keys("2025", "2024"))
	for kind, submit := range everyKind(b, at, "") {
		require.Equal(t, before[kind].ID, b.must(submit(t.Context(), b.p)).ID, kind)
	}
	for kind, submit := range everyKind(b, at, "!") {
		require.ErrorIs(t, second(submit(t.Context(), b.p)), writeback.ErrKeyReused, kind)
	}
}

func TestItemsOfAnotherPracticeAreNotFound(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	it := b.must(b.p.WriteNote(t.Context(), b.note("note")))
	other, err := b.eng.AddPractice(context.Background(), writeback.PracticeConfig{ID: "side-street", Location: b.location})
	require.NoError(t, err)
	_, err = other.Item(t.Context(), it.ID)
	require.ErrorIs(t, err, writeback.ErrNotFound)
	_, err = other.ItemByKey(t.Context(), "note")
	require.ErrorIs(t, err, writeback.ErrNotFound)
	_, err = other.Dismiss(t.Context(), it.ID, "dana", "")
	require.ErrorIs(t, err, writeback.ErrNotFound)
	// The same key there is another item with other Refs.
	same := b.must(other.WriteNote(t.Context(), b.note("note")))
	require.NotEqual(t, it.ID, same.ID)
}
