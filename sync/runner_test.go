package sync_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	pmssync "github.com/pmswriteback/pms/sync"
)

// log notes which practice ran when, in a synctest bubble.
type log struct {
	start time.Time
	mu    sync.Mutex
	runs  []string
}

func newLog() *log { return &log{start: time.Now()} }

func (l *log) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs = append(l.runs, fmt.Sprintf("%s@%v", what, time.Since(l.start)))
}

// take returns what was noted since the last take.
func (l *log) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	runs := l.runs
	l.runs = nil
	return runs
}

// runRunner makes a Runner that starts without a spread, runs it until the
// returned stop, and checks that it ends well.
func runRunner(t *testing.T, cfg pmssync.RunnerConfig) (r *pmssync.Runner, stop func()) {
	t.Helper()
	if cfg.Spread == 0 {
		cfg.Spread = -1
	}
	r, err := pmssync.NewRunner(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	synctest.Wait()
	return r, func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

const never = time.Duration(-1)

func TestRunnerRunsEachPracticeWhenItAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		every := map[string]time.Duration{"a": 3 * time.Second, "b": 5 * time.Second, "c": never}
		r, stop := runRunner(t, pmssync.RunnerConfig{Step: func(_ context.Context, practice string) (time.Duration, error) {
			l.note(practice)
			return every[practice], nil
		}})
		defer stop()
		for _, practice := range []string{"a", "b", "c"} {
			r.Add(practice)
			synctest.Wait()
		}
		require.Equal(t, 3, r.Len())
		time.Sleep(10*time.Second - 1)
		require.Equal(t, []string{"a@0s", "b@0s", "c@0s", "a@3s", "b@5s", "a@6s", "a@9s"}, l.take())
		r.Wake("c")
		synctest.Wait()
		require.Equal(t, []string{"c@9.999999999s"}, l.take())
	})
}

func TestRunnerScattersFirstStepsOverTheSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const practices = 1000
		var mu sync.Mutex
		bySecond := map[int]int{}
		start := time.Now()
		cfg := pmssync.RunnerConfig{Step: func(context.Context, string) (time.Duration, error) {
			mu.Lock()
			defer mu.Unlock()
			bySecond[int(time.Since(start).Seconds())]++
			return never, nil
		}}
		r, err := pmssync.NewRunner(cfg)
		require.NoError(t, err)
		for i := range practices / 2 { // before Run
			r.Add(fmt.Sprint("before", i))
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = r.Run(ctx) }()
		for i := range practices / 2 {
			r.Add(fmt.Sprint("after", i))
		}
		time.Sleep(pmssync.DefaultSpread)
		cancel()
		synctest.Wait()
		total := 0
		for second := range 10 {
			require.InDelta(t, practices/10, bySecond[second], 50)
			total += bySecond[second]
		}
		require.Equal(t, practices, total)
	})
}

func TestRunnerNeverOverlapsStepsOfOnePracticeNorExceedsItsBound(t *testing.T) {
	t.Parallel()
	const practices, steps, bound = 40, 2000, 8
	var mu sync.Mutex
	running := map[string]bool{}
	most, count := 0, 0
	bad := ""
	done := make(chan struct{})
	var r *pmssync.Runner
	r, err := pmssync.NewRunner(pmssync.RunnerConfig{
		MaxConcurrent: bound,
		Spread:        -1,
		Step: func(_ context.Context, practice string) (time.Duration, error) {
			mu.Lock()
			if running[practice] {
				bad = practice
			}
			running[practice] = true
			most = max(most, len(running))
			mu.Unlock()
			r.Wake(practice)
			runtime.Gosched()
			mu.Lock()
			defer mu.Unlock()
			delete(running, practice)
			if count++; count == steps {
				close(done)
			}
			return never, nil
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	for i := range practices {
		r.Add(fmt.Sprint(i))
	}
	<-done
	for i := range practices { // while they run
		r.Remove(fmt.Sprint(i))
		r.Add(fmt.Sprint(i))
	}
	cancel()
	require.NoError(t, <-ended)
	require.Empty(t, bad, "two steps of one practice at once")
	require.LessOrEqual(t, most, bound)
	require.Greater(t, most, 1)
	require.Equal(t, practices, r.Len())
}

func TestRunnerIsFairWhenThereIsMoreToDoThanItMay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		var late []time.Duration
		r, stop := runRunner(t, pmssync.RunnerConfig{
			MaxConcurrent: 1,
			LateAfter:     1500 * time.Millisecond,
			OnLate:        func(_ string, by time.Duration) { late = append(late, by) },
			Step: func(_ context.Context, practice string) (time.Duration, error) {
				l.note(practice)
				time.Sleep(time.Second)
				return 0, nil // always wants more
			},
		})
		defer stop()
		for _, practice := range []string{"a", "b", "c"} {
			r.Add(practice)
			synctest.Wait()
		}
		time.Sleep(6500 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, []string{"a@0s", "b@1s", "c@2s", "a@3s", "b@4s", "c@5s", "a@6s"}, l.take())
		require.Equal(t, []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second, 2 * time.Second, 2 * time.Second}, late)

		// A wake makes nobody lose the place that he has waited for.
		r.Wake("b")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"b@7s"}, l.take())
	})
}

func TestRunnerCoalescesWakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		proceed := make(chan struct{})
		r, stop := runRunner(t, pmssync.RunnerConfig{Step: func(_ context.Context, practice string) (time.Duration, error) {
			l.note(practice)
			<-proceed
			return time.Hour, nil
		}})
		defer stop()
		r.Add("a")
		synctest.Wait()
		for range 5 {
			r.Wake("a") // while it runs: one more step
		}
		proceed <- struct{}{}
		synctest.Wait()
		require.Equal(t, []string{"a@0s", "a@0s"}, l.take())
		proceed <- struct{}{}
		synctest.Wait()
		require.Empty(t, l.take(), "the hour holds again")

		time.Sleep(time.Minute)
		r.Wake("a")
		r.Wake("a")
		r.Wake("nobody")
		synctest.Wait()
		proceed <- struct{}{}
		synctest.Wait()
		require.Equal(t, []string{"a@1m0s"}, l.take())

		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, []string{"a@1h1m0s"}, l.take(), "the wake replaced what was due before")
		proceed <- struct{}{}
	})
}

func TestRunnerBacksOffAfterErrorsUntilItWorksOrIsWoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		broken := errors.New("broken")
		works := false
		var heard []string
		r, stop := runRunner(t, pmssync.RunnerConfig{
			Backoff: pmssync.BackoffConfig{Min: time.Second, Max: 4 * time.Second, Jitter: -1},
			OnError: func(practice string, err error) { heard = append(heard, practice+": "+err.Error()) },
			Step: func(_ context.Context, practice string) (time.Duration, error) {
				l.note(practice)
				if works {
					works = false
					return time.Minute, nil
				}
				return time.Hour, broken
			},
		})
		defer stop()
		r.Add("a")
		time.Sleep(12 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"a@0s", "a@1s", "a@3s", "a@7s", "a@11s"}, l.take())
		require.Equal(t, slices.Repeat([]string{"a: broken"}, 5), heard)

		works = true
		r.Wake("a")
		synctest.Wait()
		require.Equal(t, []string{"a@12s"}, l.take(), "a wake does not wait for the back-off")
		time.Sleep(62 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"a@1m12s", "a@1m13s"}, l.take(), "what worked starts the back-off afresh")
	})
}

func TestRunnerReportsAPanicAndGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		var heard []error
		r, stop := runRunner(t, pmssync.RunnerConfig{
			MaxConcurrent: 1,
			Backoff:       pmssync.BackoffConfig{Min: time.Second, Jitter: -1},
			OnError:       func(_ string, err error) { heard = append(heard, err) },
			Step: func(_ context.Context, practice string) (time.Duration, error) {
				l.note(practice)
				switch len(heard) {
				case 0:
					var none []int
					return time.Duration(none[3]), nil
				case 1:
					panic(errors.New("Maria Lopez"))
				case 2:
					runtime.Goexit()
				}
				return never, nil
			},
		})
		defer stop()
		r.Add("a")
		time.Sleep(time.Minute)
		require.Equal(t, []string{"a@0s", "a@1s", "a@3s", "a@7s"}, l.take())
		require.Len(t, heard, 3)
		require.EqualError(t, heard[0], "sync: step: panic (runtime error: index out of range [3] with length 0)")
		require.EqualError(t, heard[1], "sync: step: panic (*errors.errorString)")
		require.EqualError(t, heard[2], "sync: step: panic (runtime.Goexit)")
		var panicked *pmssync.PanicError
		require.ErrorAs(t, heard[0], &panicked)
		require.Contains(t, string(panicked.Stack), "runner_test.go")
	})
}

func TestRunnerRemovesAPracticeAndWaitsForItsStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		var heard []error
		r, stop := runRunner(t, pmssync.RunnerConfig{
			OnError: func(_ string, err error) { heard = append(heard, err) },
			Step: func(ctx context.Context, practice string) (time.Duration, error) {
				l.note(practice + " starts")
				<-ctx.Done()
				time.Sleep(time.Second) // to tidy up
				l.note(practice + " ends")
				return 0, ctx.Err()
			},
		})
		defer stop()
		r.Add("a")
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, r.RemoveWait(short, "a"), context.DeadlineExceeded)
		require.Zero(t, r.Len())
		r.Wake("a") // of no effect
		require.NoError(t, r.RemoveWait(t.Context(), "a"))
		require.Equal(t, []string{"a starts@0s", "a ends@1s"}, l.take())
		time.Sleep(time.Hour)
		require.Empty(t, l.take())
		require.Empty(t, heard, "the cancellation was the Runner's own doing")
		require.NoError(t, r.RemoveWait(t.Context(), "a"))
		require.NoError(t, r.RemoveWait(t.Context(), "nobody"))
	})
}

func TestRunnerEndsAStepsContextWithTheStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var during error
		var kept context.Context
		r, stop := runRunner(t, pmssync.RunnerConfig{Step: func(ctx context.Context, _ string) (time.Duration, error) {
			during, kept = ctx.Err(), ctx
			return never, nil
		}})
		defer stop()
		r.Add("a")
		synctest.Wait()
		require.NoError(t, during)
		require.ErrorIs(t, kept.Err(), context.Canceled)
	})
}

func TestRunnerStartsARemovedPracticeAfreshOnceItsStepHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		r, stop := runRunner(t, pmssync.RunnerConfig{Step: func(ctx context.Context, practice string) (time.Duration, error) {
			l.note("start")
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
			}
			time.Sleep(time.Second)
			l.note("end")
			return never, nil
		}})
		defer stop()
		r.Add("a")
		synctest.Wait()
		r.Remove("a")
		require.Zero(t, r.Len())
		r.Add("a")
		r.Add("a")
		require.Equal(t, 1, r.Len())
		time.Sleep(time.Hour)
		require.Equal(t, []string{"start@0s", "end@1s", "start@1s", "end@1m2s"}, l.take())

		r.Wake("a")
		synctest.Wait()
		r.Remove("a")
		r.Add("a")
		r.Remove("a")
		time.Sleep(time.Hour)
		require.Equal(t, []string{"start@1h0m0s", "end@1h0m1s"}, l.take())
		require.Zero(t, r.Len())
	})
}

func TestRunnerRemovesWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		r, stop := runRunner(t, pmssync.RunnerConfig{Step: func(_ context.Context, practice string) (time.Duration, error) {
			l.note(practice)
			return time.Second, nil
		}})
		defer stop()
		r.Add("a")
		synctest.Wait()
		r.Add("b")
		synctest.Wait()
		r.Remove("a")
		time.Sleep(1500 * time.Millisecond)
		require.Equal(t, []string{"a@0s", "b@0s", "b@1s"}, l.take())
	})
}

func TestRunnerKeepsWhatItIsToldBeforeRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		r, err := pmssync.NewRunner(pmssync.RunnerConfig{Spread: time.Hour, Step: func(_ context.Context, practice string) (time.Duration, error) {
			l.note(practice)
			return never, nil
		}})
		require.NoError(t, err)
		r.Add("a")
		r.Add("b")
		r.Add("c")
		r.Wake("a")
		r.Remove("c")
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		require.Empty(t, l.take(), "nothing runs before Run")
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = r.Run(ctx) }()
		synctest.Wait()
		require.Equal(t, []string{"a@24h0m0s"}, l.take(), "the wake was kept")
		time.Sleep(time.Hour)
		require.Len(t, l.take(), 1, "b's turn is within the spread, and c was removed")
		cancel()
		synctest.Wait()
	})
}

func TestRunnerDrainsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		grace, work time.Duration
		want        []string
	}{
		"cancelled at once":          {0, 5 * time.Second, []string{"cancelled@1s"}},
		"finished within the grace":  {10 * time.Second, 5 * time.Second, []string{"finished@5s"}},
		"cancelled after the grace":  {10 * time.Second, time.Hour, []string{"cancelled@11s"}},
		"finished before the cancel": {0, time.Millisecond, []string{"finished@1ms"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLog()
				r, stop := runRunner(t, pmssync.RunnerConfig{MaxConcurrent: 1, Grace: tc.grace, Step: func(ctx context.Context, practice string) (time.Duration, error) {
					if practice != "first" {
						l.note(practice)
						return never, nil
					}
					select {
					case <-ctx.Done():
						l.note("cancelled")
					case <-time.After(tc.work):
						l.note("finished")
					}
					return never, nil
				}})
				r.Add("first")
				synctest.Wait()
				time.Sleep(time.Second)
				r.Add("second")
				synctest.Wait()
				if tc.work < time.Second {
					tc.want = append(tc.want, "second@1s")
				}
				stop()
				require.Equal(t, tc.want, l.take(), "second, which waited for its turn, must not start any more")
				time.Sleep(time.Hour)
				require.Empty(t, l.take())
				r.Add("third")
				r.Wake("first")
				require.Equal(t, 2, r.Len(), "nothing is added to what has ended")
			})
		})
	}
}

func TestRunnerRunsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, stop := runRunner(t, pmssync.RunnerConfig{Step: func(context.Context, string) (time.Duration, error) { return never, nil }})
		require.ErrorIs(t, r.Run(t.Context()), pmssync.ErrRunning)
		stop()
		require.ErrorIs(t, r.Run(t.Context()), pmssync.ErrClosed)
	})
}

func TestRunnerNamesEverythingWrongInItsConfig(t *testing.T) {
	t.Parallel()
	_, err := pmssync.NewRunner(pmssync.RunnerConfig{MaxConcurrent: -1, Grace: -1, LateAfter: -1, Backoff: pmssync.BackoffConfig{Min: -1}})
	for _, field := range []string{"Step", "MaxConcurrent", "Grace", "LateAfter", "Min"} {
		require.ErrorContains(t, err, field)
	}
}

func TestRunnerCostsNoGoroutineForAPracticeThatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ran := 0
		var mu sync.Mutex
		r, stop := runRunner(t, pmssync.RunnerConfig{Step: func(context.Context, string) (time.Duration, error) {
			mu.Lock()
			defer mu.Unlock()
			ran++
			return time.Hour, nil
		}})
		defer stop()
		for i := range 1000 {
			r.Add(fmt.Sprint(i))
		}
		synctest.Wait()
		require.Equal(t, 1000, ran)
		// Of other tests there may be some in the process, but not hundreds.
		require.Less(t, runtime.NumGoroutine(), 200)
	})
}
