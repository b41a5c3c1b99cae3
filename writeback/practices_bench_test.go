//go:build unix

package writeback_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// BenchmarkPractices runs 1,000 practices at the default intervals (15, 30 and
// 60 s) on a PMS that takes 50 ms a call, for 45 s after all have begun. It
// reports the CPU share of one core, the memory of a practice in this process
// (the fake PMS's connections included), and how late steps start; without hints,
// and with one a second from a PMS that takes 5 ms a call.
func BenchmarkPractices(b *testing.B) {
	b.Run("hints=none", func(b *testing.B) { benchmarkPractices(b, 0, 50*time.Millisecond) })
	b.Run("hints=1s", func(b *testing.B) { benchmarkPractices(b, time.Second, 5*time.Millisecond) })
}

func benchmarkPractices(b *testing.B, hintEvery, latency time.Duration) {
	const practices, settle, measure = 1000, 20 * time.Second, 45 * time.Second
	for range b.N {
		ctx := b.Context()
		pms := memdriver.New(memdriver.Config{Latency: latency})
		pms.AddDemo(20)
		var measuring atomic.Bool
		var mu sync.Mutex
		var late []time.Duration
		none := func() error { return nil }
		before := inUse()
		eng, err := writeback.NewWatched(writeback.Config{
			HostName: "Acme", Store: memstore.New(), Spread: 15 * time.Second, HintEvery: hintEvery,
			Connect: func(context.Context, string) (driver.Connector, error) { return pms.Connector(), nil },
			Handlers: writeback.Handlers{
				AppointmentStatuses: func(context.Context, string, []writeback.AppointmentStatusEvent) error { return none() },
				Appointments:        func(context.Context, string, []writeback.AppointmentEvent) error { return none() },
				NewPatients:         func(context.Context, string, []writeback.PatientEvent) error { return none() },
			},
		}, time.Nanosecond, func(_ string, d time.Duration) {
			if measuring.Load() {
				mu.Lock()
				late = append(late, d)
				mu.Unlock()
			}
		})
		require.NoError(b, err)
		for i := range practices {
			p, err := eng.AddPractice(ctx, writeback.PracticeConfig{ID: fmt.Sprintf("practice-%04d", i), Location: time.UTC})
			require.NoError(b, err)
			_, err = p.SaveSettings(ctx, settings.Default(), writeback.Save{Actor: "bench"})
			require.NoError(b, err)
		}
		run, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- eng.Run(run) }()
		time.Sleep(settle)
		measuring.Store(true)
		cpu, calls, started := cpuTime(b), pms.Traffic(), time.Now()
		time.Sleep(measure)
		took, used := time.Since(started), cpuTime(b)-cpu
		measuring.Store(false)
		memory := inUse() - before
		stop()
		<-done
		mu.Lock()
		slices.Sort(late)
		require.NotEmpty(b, late)
		b.ReportMetric(100*used.Seconds()/took.Seconds(), "%core")
		b.ReportMetric(float64(memory)/1024/practices, "KiB/practice")
		b.ReportMetric(float64(late[len(late)*99/100].Microseconds())/1000, "late-p99-ms")
		b.ReportMetric(float64(len(late))/took.Seconds(), "steps/s")
		mu.Unlock()
		b.ReportMetric(float64(pms.Traffic().Calls["hint"]-calls.Calls["hint"])/took.Seconds(), "hints/s")
		require.NotEqual(b, calls, pms.Traffic())
	}
}

// inUse is the memory that the process's heap and stacks hold.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// cpuTime is what the process has used of all cores.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
