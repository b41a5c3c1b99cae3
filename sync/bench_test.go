package sync_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	pmssync "github.com/pmswriteback/pms/sync"
)

// BenchmarkCommitter commits changes that are worth 100 bytes each to a file,
// with one fsync a commit, as an embedded database does. The baseline is the
// disk: one change, one fsync, one after the other.
func BenchmarkCommitter(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			file, err := os.Create(filepath.Join(b.TempDir(), "journal"))
			require.NoError(b, err)
			defer func() { _ = file.Close() }()
			record := make([]byte, 100)
			commits := 0
			apply := func(_ context.Context, batch []int) []error {
				commits++
				errs := make([]error, len(batch))
				for i := range batch {
					_, errs[i] = file.Write(record)
				}
				if err := file.Sync(); err != nil {
					errs[0] = err
				}
				return errs
			}
			run := func(b *testing.B, do func(v int) []error) {
				b.ReportAllocs()
				commits = 0
				b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
				if callers == 1 {
					for b.Loop() {
						if do(1)[0] != nil {
							b.Fatal("commit failed")
						}
					}
				} else {
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							if do(1)[0] != nil {
								b.Error("commit failed")
							}
						}
					})
				}
				b.ReportMetric(float64(b.N)/float64(commits), "changes/commit")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
			}
			b.Run("baseline", func(b *testing.B) {
				var mu sync.Mutex
				run(b, func(v int) []error {
					mu.Lock()
					defer mu.Unlock()
					return apply(b.Context(), []int{v})
				})
			})
			b.Run("grouped", func(b *testing.B) {
				c := pmssync.NewCommitter(apply, pmssync.CommitterConfig{})
				run(b, func(v int) []error { return c.Do(b.Context(), v) })
			})
		})
	}
}

// BenchmarkCommitterOverhead commits to nothing: what is left is the Committer.
func BenchmarkCommitterOverhead(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			c := pmssync.NewCommitter(func(_ context.Context, batch []int) []error {
				return make([]error, len(batch))
			}, pmssync.CommitterConfig{})
			b.ReportAllocs()
			if callers == 1 {
				for b.Loop() {
					c.Do(b.Context(), 1)
				}
				return
			}
			b.SetParallelism(callers / runtime.GOMAXPROCS(0))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c.Do(b.Context(), 1)
				}
			})
		})
	}
}

// BenchmarkRunnerIdle holds 10,000 practices that wait for their next step, and
// reports what each costs.
func BenchmarkRunnerIdle(b *testing.B) {
	const practices = 10_000
	names := make([]string, practices)
	for i := range names {
		names[i] = fmt.Sprintf("practice-%05d", i)
	}
	for b.Loop() {
		heap, goroutines := inUse()
		r, stop := startRunner(b, func(context.Context, string) (time.Duration, error) { return time.Hour, nil }, names)
		heapAfter, goroutinesAfter := inUse()
		b.ReportMetric(float64(heapAfter-heap)/1024/practices, "KiB/practice")
		b.ReportMetric(float64(goroutinesAfter-goroutines)/practices, "goroutines/practice")
		require.Equal(b, practices, r.Len())
		stop()
	}
}

// BenchmarkRunnerStep runs empty steps of 10,000 practices as fast as it can.
func BenchmarkRunnerStep(b *testing.B) {
	const practices = 10_000
	names := make([]string, practices)
	for i := range names {
		names[i] = fmt.Sprintf("practice-%05d", i)
	}
	left := make(chan struct{}, b.N)
	for range b.N {
		left <- struct{}{}
	}
	done := make(chan struct{})
	var once sync.Once
	b.ReportAllocs()
	_, stop := startRunner(b, func(context.Context, string) (time.Duration, error) {
		select {
		case <-left:
		default:
			once.Do(func() { close(done) })
		}
		return 0, nil
	}, names)
	<-done
	stop()
}

// startRunner returns when each practice had its first step.
func startRunner(b *testing.B, step pmssync.StepFunc, names []string) (*pmssync.Runner, func()) {
	var first sync.WaitGroup
	first.Add(len(names))
	seen := make(map[string]bool, len(names))
	var mu sync.Mutex
	r, err := pmssync.NewRunner(pmssync.RunnerConfig{Spread: -1, Step: func(ctx context.Context, practice string) (time.Duration, error) {
		mu.Lock()
		if !seen[practice] {
			seen[practice] = true
			first.Done()
		}
		mu.Unlock()
		return step(ctx, practice)
	}})
	require.NoError(b, err)
	for _, name := range names {
		r.Add(name)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	first.Wait()
	return r, func() {
		cancel()
		require.NoError(b, <-ended)
	}
}

// inUse is the memory and the goroutines in use, stacks included, once what has
// ended is gone.
func inUse() (bytes, goroutines int) {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse), runtime.NumGoroutine()
}
