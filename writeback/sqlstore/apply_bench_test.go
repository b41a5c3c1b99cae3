package sqlstore_test

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
)

// perApply is how many changes share a commit in the benchmarks.
const perApply = 64

// noteChange submits a note as the engine does: an item, and an event.
func noteChange(practice string, i int) writeback.Change {
	key := fmt.Sprintf("call-%d", i)
	sum := sha256.Sum256([]byte(practice + key))
	id := base32.StdEncoding.EncodeToString(sum[:15])
	return writeback.Change{
		Practice: practice,
		Items: []writeback.ItemWrite{{Record: writeback.Record{
			ID: id, Key: key, Hash: id + id, Kind: writeback.KindNote, State: writeback.Queued, Active: true, Blocking: true,
			Lane: fmt.Sprintf("notes:%08x", i%5000*7919), Patient: fmt.Sprint(i % 5000), Revision: 3, Payload: make([]byte, 300),
		}}},
		Events: []writeback.Event{{Item: id, Name: "submitted", To: writeback.Queued, Actor: "engine"}},
	}
}

func claimed(r writeback.Record) writeback.Change {
	expect := r.Version
	r.Active, r.State, r.Attempts, r.Fence, r.Progress = false, writeback.Writing, 1, 7, []byte(`{"legs":[{"ref":"ABCDEFGHIJKLMNOP","sent":1}]}`)
	return writeback.Change{Practice: r.Practice, Items: []writeback.ItemWrite{{Record: r, Expect: expect}}}
}

func settled(r writeback.Record) writeback.Change {
	c := claimed(r)
	w := &c.Items[0].Record
	w.Blocking, w.State = false, writeback.Written
	c.Events = []writeback.Event{{Item: r.ID, Name: "written", From: writeback.Writing, To: writeback.Written, Actor: "engine"}}
	return c
}

// BenchmarkApply measures the store's share of an item's way, 64 changes a
// commit: submitted, claimed, settled, and all three with the reading of what is
// due between. It says how fast the disk was, by plain appends with fsync.
func BenchmarkApply(b *testing.B) {
	for _, practices := range []int{1, 50} {
		for _, stage := range []string{"submit", "claim", "settle", "cycle"} {
			b.Run(fmt.Sprintf("%s/practices=%d", stage, practices), func(b *testing.B) { benchApply(b, stage, practices) })
		}
	}
}

func benchApply(b *testing.B, stage string, practices int) {
	ctx := context.Background()
	s, err := sqlstore.Open(ctx, "sqlite", filepath.Join(b.TempDir(), "pms.db"))
	require.NoError(b, err)
	defer s.Close()
	apply := func(changes []writeback.Change) {
		for _, err := range s.Apply(ctx, changes) {
			require.NoError(b, err)
		}
	}
	n := (b.N + perApply - 1) / perApply
	batches := make([][]writeback.Change, n)
	for i := range batches {
		for k := range perApply {
			batches[i] = append(batches[i], noteChange(fmt.Sprint("practice-", i%practices), i*perApply+k))
		}
	}
	next := func(changes []writeback.Change, version int64, to func(writeback.Record) writeback.Change) []writeback.Change {
		out := make([]writeback.Change, len(changes))
		for i, c := range changes {
			r := c.Items[0].Record
			r.Practice, r.Version = c.Practice, version
			out[i] = to(r)
		}
		return out
	}
	if stage == "claim" || stage == "settle" {
		for _, batch := range batches {
			apply(batch)
		}
		for i := range batches {
			for k := range batches[i] { // with the Seq that the store gave
				c := &batches[i][k]
				c.Items[0].Record, err = s.Item(ctx, c.Practice, c.Items[0].Record.ID)
				require.NoError(b, err)
			}
		}
	}
	if stage == "settle" {
		for i, batch := range batches {
			apply(next(batch, 1, claimed))
			batches[i] = next(batch, 2, settled)
		}
	}
	sync := syncTime(b)
	b.ResetTimer()
	for i, batch := range batches {
		switch stage {
		case "submit", "settle":
			apply(batch)
		case "claim":
			apply(next(batch, 1, claimed))
		case "cycle":
			apply(batch)
			due, _, err := s.Due(ctx, fmt.Sprint("practice-", i%practices), perApply)
			require.NoError(b, err)
			require.NotEmpty(b, due)
			var claims, settles []writeback.Change
			for _, r := range due {
				claims = append(claims, claimed(r))
				r.Version++
				settles = append(settles, settled(r))
			}
			apply(claims)
			apply(settles)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(n*perApply)/b.Elapsed().Seconds(), "items/s")
	b.ReportMetric(float64(sync.Microseconds()), "µs/fsync")
}

// syncTime is what one small append with fsync takes.
func syncTime(b *testing.B) time.Duration {
	f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	require.NoError(b, err)
	defer f.Close()
	const n = 100
	start := time.Now()
	for range n {
		_, err := f.Write(make([]byte, 4096))
		require.NoError(b, err)
		require.NoError(b, f.Sync())
	}
	return time.Since(start) / n
}
