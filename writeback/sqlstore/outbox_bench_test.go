package sqlstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
)

// BenchmarkOutboxSQLite measures the whole way of a note: 64 submitters, each
// waiting for its own durable acknowledgement, the delivery to a PMS in memory,
// and the settling, on SQLite with synchronous=FULL. An item counts when it is
// written and settled. x-fsync is the ratio to what the same disk does of
// append+fsync, measured before and after in the same run.
func BenchmarkOutboxSQLite(b *testing.B) {
	const submitters = 64
	ctx := b.Context()
	dir := b.TempDir()
	store, err := sqlstore.Open(ctx, "sqlite", filepath.Join(dir, "pms.db"))
	require.NoError(b, err)
	defer store.Close()
	pms := memdriver.New(memdriver.Config{MaxCalls: 64})
	patients := make([]string, 512)
	for i := range patients {
		patients[i] = pms.AddPatient(driver.Patient{})
	}
	eng, err := writeback.New(writeback.Config{
		HostName: "Acme", Store: store, Spread: -1,
		Connect: func(context.Context, string) (driver.Connector, error) { return pms.Connector(), nil },
	})
	require.NoError(b, err)
	p, err := eng.AddPractice(ctx, writeback.PracticeConfig{ID: "bench", Location: time.UTC})
	require.NoError(b, err)
	runCtx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- eng.Run(runCtx) }()
	defer func() { stop(); <-done }()

	doc := settings.Default()
	doc.Sync.ProviderID = settings.Ref{ID: "DOC1"}
	doc.Notes.Enabled = map[driver.NoteKind]bool{driver.IncomingSMS: true}
	doc.Notes.Type = settings.Ref{ID: "0101"}
	_, err = p.SaveSettings(ctx, doc, writeback.Save{Actor: "bench"})
	require.NoError(b, err)
	submit := func(i int64) {
		_, err := p.WriteNote(ctx, writeback.Note{
			Key: fmt.Sprintf("sms-%d", i), Kind: driver.IncomingSMS, At: time.Unix(1_700_000_000, 0),
			Patient: writeback.PatientID(patients[i%int64(len(patients))]), Body: writeback.Text("See you on Friday at ten."),
		})
		if err != nil {
			b.Error(err)
		}
	}
	submit(-0)
	written := func() int {
		groups, err := store.Summary(ctx, "bench")
		require.NoError(b, err)
		n := 0
		for _, g := range groups {
			if g.State == writeback.Written {
				n += g.Count
			}
		}
		return n
	}
	for pms.Counts().Notes < 1 {
		time.Sleep(time.Millisecond)
	}

	before := fsyncRate(b, dir)
	var next atomic.Int64
	latencies := make([][]time.Duration, submitters)
	b.ResetTimer()
	started := time.Now()
	var group sync.WaitGroup
	for s := range submitters {
		group.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				t := time.Now()
				submit(i)
				latencies[s] = append(latencies[s], time.Since(t))
			}
		})
	}
	group.Wait()
	for pms.Counts().Notes < b.N+1 {
		time.Sleep(100 * time.Microsecond)
	}
	for written() < b.N+1 {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(started)
	b.StopTimer()
	after := fsyncRate(b, dir)

	all := slices.Concat(latencies...)
	slices.Sort(all)
	rate := float64(b.N) / took.Seconds()
	b.ReportMetric(rate, "items/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "submit-p99-ms")
	b.ReportMetric(rate/((before+after)/2), "x-fsync")
	b.ReportMetric((before+after)/2, "fsyncs/s")
	require.Equal(b, b.N+1, pms.Counts().Notes, "each note once")
}

// fsyncRate is how many times a second this disk appends and syncs, in the median
// of five short runs.
func fsyncRate(b *testing.B, dir string) float64 {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	require.NoError(b, err)
	defer f.Close()
	record := make([]byte, 4096)
	rates := make([]float64, 5)
	for i := range rates {
		started, n := time.Now(), 0
		for time.Since(started) < 100*time.Millisecond {
			_, err := f.Write(record)
			require.NoError(b, err)
			require.NoError(b, f.Sync())
			n++
		}
		rates[i] = float64(n) / time.Since(started).Seconds()
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}
