package memstore_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

func note(id, lane string) writeback.Record {
	return writeback.Record{
		ID: id, Key: "key-" + id, Kind: writeback.KindNote, State: writeback.Queued, Lane: lane, Active: true, Blocking: true,
		Payload: make([]byte, 300),
	}
}

func TestClockOfABubbleCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		errs := s.Apply(t.Context(), []writeback.Change{{
			Practice: "p", Items: []writeback.ItemWrite{{Record: note("a", ""), Delay: 90 * time.Minute}},
		}})
		require.NoError(t, errs[0])
		items, wait, err := s.Due(t.Context(), "p", 10)
		require.NoError(t, err)
		require.Empty(t, items)
		require.Equal(t, 90*time.Minute, wait)
		_, ok, err := s.Acquire(t.Context(), "p", "me", time.Hour)
		require.NoError(t, err)
		require.True(t, ok)

		time.Sleep(wait) // of the bubble: takes no time
		items, _, err = s.Due(t.Context(), "p", 10)
		require.NoError(t, err)
		require.Len(t, items, 1)
		require.Zero(t, items[0].DueIn)
		_, ok, err = s.Acquire(t.Context(), "p", "you", time.Hour)
		require.NoError(t, err)
		require.True(t, ok, "the lease lapsed by the bubble's clock")
	})
}

func TestSameCallsGiveSameAnswers(t *testing.T) {
	t.Parallel()
	run := func() []any {
		at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
		s := memstore.NewClock(func() time.Time { return at })
		var out []any
		for i := range 40 {
			p := fmt.Sprint("p", i*7%9)
			r := note(fmt.Sprint(i), fmt.Sprint("lane", i%3))
			r.Cause = fmt.Sprint(i % 4)
			out = append(out, s.Apply(t.Context(), []writeback.Change{{
				Practice: p, Items: []writeback.ItemWrite{{Record: r}}, Events: []writeback.Event{{Item: r.ID, Name: "submitted"}}, Wake: true,
			}}))
		}
		woken, next, err := s.Wakes(t.Context(), 0)
		out = append(out, woken, next, err)
		for i := range 9 {
			p := fmt.Sprint("p", i)
			due, wait, err := s.Due(t.Context(), p, 3)
			groups, err2 := s.Summary(t.Context(), p)
			events, err3 := s.Events(t.Context(), p, 0, 100)
			out = append(out, due, wait, err, groups, err2, events, err3)
		}
		return out
	}
	first := run()
	for range 5 {
		require.Equal(t, first, run())
	}
}

// TestQueueKeepsOrder moves items in and out of the middle of long queues, where
// the order is kept by moving the shorter side.
func TestQueueKeepsOrder(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	const n = 200
	var c writeback.Change
	for i := range n {
		c.Items = append(c.Items, writeback.ItemWrite{Record: note(fmt.Sprintf("%03d", i), "")})
	}
	c.Practice = "p"
	require.NoError(t, s.Apply(t.Context(), []writeback.Change{c})[0])
	active := map[int]bool{}
	for i := range n {
		active[i] = true
	}
	for step := range 600 {
		i := step * 73 % n
		r, err := s.Item(t.Context(), "p", fmt.Sprintf("%03d", i))
		require.NoError(t, err)
		r.Active = !r.Active
		active[i] = r.Active
		errs := s.Apply(t.Context(), []writeback.Change{{Practice: "p", Items: []writeback.ItemWrite{{Record: r, Expect: r.Version}}}})
		require.NoError(t, errs[0])
		if step%20 != 0 {
			continue
		}
		var want, got []string
		for i := range n {
			if active[i] {
				want = append(want, fmt.Sprintf("%03d", i))
			}
		}
		due, _, err := s.Due(t.Context(), "p", n)
		require.NoError(t, err)
		for _, r := range due {
			got = append(got, r.ID)
		}
		require.Equal(t, want, got)
	}
}

// BenchmarkCycle is the way of an item, submitted, claimed and settled, 64 a
// time, in 1,000 practices.
func BenchmarkCycle(b *testing.B) {
	ctx := b.Context()
	s := memstore.New()
	const practices, at = 1000, 64
	var items atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mine := int(items.Add(1))
			if mine%at != 0 {
				continue // an iteration is an item, and they go at a time
			}
			p := fmt.Sprint("p", mine/at%practices)
			submits := make([]writeback.Change, at)
			for i := range submits {
				id := fmt.Sprintf("%d-%d", mine, i)
				submits[i] = writeback.Change{
					Practice: p, Items: []writeback.ItemWrite{{Record: note(id, id)}},
					Events: []writeback.Event{{Item: id, Name: "submitted"}}, Wake: true,
				}
			}
			s.Apply(ctx, submits)
			for _, state := range []writeback.State{writeback.Writing, writeback.Written} {
				changes := make([]writeback.Change, at)
				for i := range changes {
					r, err := s.Item(ctx, p, submits[i].Items[0].Record.ID)
					if err != nil {
						b.Error(err)
						return
					}
					r.Active, r.Blocking, r.State = false, state == writeback.Writing, state
					changes[i] = writeback.Change{Practice: p, Items: []writeback.ItemWrite{{Record: r, Expect: r.Version}}}
				}
				for _, err := range s.Apply(ctx, changes) {
					if err != nil {
						b.Error(err)
						return
					}
				}
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
}

// BenchmarkDueOfABacklog asks for 64 of 100,000 items that are due.
func BenchmarkDueOfABacklog(b *testing.B) {
	ctx := b.Context()
	s := memstore.New()
	for i := range 100_000 {
		r := note(fmt.Sprint(i), fmt.Sprint("lane", i%5000))
		if err := s.Apply(ctx, []writeback.Change{{Practice: "p", Items: []writeback.ItemWrite{{Record: r}}}})[0]; err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for range b.N {
		if items, _, err := s.Due(ctx, "p", 64); err != nil || len(items) != 64 {
			b.Fatal(len(items), err)
		}
	}
}
