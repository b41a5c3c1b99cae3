package sync_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	pmssync "github.com/pmswriteback/pms/sync"
)

// journal is an apply function that records its batches. While it is gated it
// waits for one value on gate per batch.
type journal struct {
	gate    chan struct{}
	running atomic.Int32
	overlap atomic.Bool

	mu      sync.Mutex
	batches [][]int
}

func (j *journal) apply(ctx context.Context, batch []int) []error {
	if j.running.Add(1) > 1 {
		j.overlap.Store(true)
	}
	defer j.running.Add(-1)
	if j.gate != nil {
		<-j.gate
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.batches = append(j.batches, slices.Clone(batch))
	return make([]error, len(batch))
}

func (j *journal) applied() []int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Concat(j.batches...)
}

func TestCommitterAppliesEveryChangeOnceAndKeepsACallersOrder(t *testing.T) {
	t.Parallel()
	const callers, rounds = 32, 50
	j := &journal{}
	c := pmssync.NewCommitter(j.apply, pmssync.CommitterConfig{MaxBatch: 20})
	var wg sync.WaitGroup
	wrong := make(chan string, callers)
	for caller := range callers {
		wg.Go(func() {
			for round := range rounds {
				base := (caller*rounds + round) * 3
				errs := c.Do(t.Context(), base, base+1, base+2)
				if len(errs) != 3 || errors.Join(errs...) != nil {
					wrong <- "an outcome is missing or is not nil"
				}
			}
		})
	}
	wg.Wait()
	require.Empty(t, wrong)
	require.False(t, j.overlap.Load(), "two batches ran at once")

	for _, batch := range j.batches {
		require.LessOrEqual(t, len(batch), 20)
		for i := 0; i < len(batch); i += 3 {
			require.Equal(t, []int{batch[i], batch[i] + 1, batch[i] + 2}, batch[i:i+3], "a call's changes were parted")
		}
	}
	all := j.applied()
	for caller := range callers {
		own := slices.DeleteFunc(slices.Clone(all), func(v int) bool { return v/(rounds*3) != caller })
		require.True(t, slices.IsSorted(own), "a caller's changes overtook each other")
	}
	slices.Sort(all)
	want := make([]int, callers*rounds*3)
	for i := range want {
		want[i] = i
	}
	require.Equal(t, want, all)
}

func TestCommitterGathersWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{gate: make(chan struct{})}
		c := pmssync.NewCommitter(j.apply, pmssync.CommitterConfig{MaxBatch: 4})
		for i := range 7 {
			go c.Do(t.Context(), i)
			synctest.Wait() // one after the other, so that the order is known
		}
		for range 3 {
			j.gate <- struct{}{}
		}
		synctest.Wait()
		require.Equal(t, [][]int{{0}, {1, 2, 3, 4}, {5, 6}}, j.batches)
	})
}

func TestCommitterKeepsAnOversizedCallInOneBatch(t *testing.T) {
	t.Parallel()
	j := &journal{}
	c := pmssync.NewCommitter(j.apply, pmssync.CommitterConfig{MaxBatch: 2})
	require.Equal(t, make([]error, 5), c.Do(t.Context(), 1, 2, 3, 4, 5))
	require.Equal(t, [][]int{{1, 2, 3, 4, 5}}, j.batches)
}

func TestCommitterGivesEachChangeItsOwnOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		odd := errors.New("odd")
		gate := make(chan struct{})
		c := pmssync.NewCommitter(func(_ context.Context, batch []int) []error {
			<-gate
			errs := make([]error, len(batch))
			for i, v := range batch {
				if v%2 == 1 {
					errs[i] = odd
				}
			}
			return errs
		}, pmssync.CommitterConfig{})
		got := make([][]error, 3)
		for i := range got {
			go func() { got[i] = c.Do(t.Context(), i, i+1) }()
			synctest.Wait()
		}
		close(gate)
		synctest.Wait()
		require.Equal(t, [][]error{{nil, odd}, {odd, nil}, {nil, odd}}, got)
	})
}

func TestCommitterWithdrawsWhatHasNotStartedWhenItsCallerGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{gate: make(chan struct{})}
		c := pmssync.NewCommitter(j.apply, pmssync.CommitterConfig{})
		go c.Do(t.Context(), 1)
		synctest.Wait()

		ctx, cancel := context.WithCancel(t.Context())
		var gaveUp, stayed []error
		go func() { gaveUp = c.Do(ctx, 2, 3) }()
		synctest.Wait()
		go func() { stayed = c.Do(t.Context(), 4) }()
		synctest.Wait()

		cancel()
		synctest.Wait()
		require.Equal(t, []error{context.Canceled, context.Canceled}, gaveUp)

		close(j.gate)
		synctest.Wait()
		require.Equal(t, []error{nil}, stayed)
		require.Equal(t, []int{1, 4}, j.applied())
	})
}

func TestCommitterNeverReportsACommittedChangeAsFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{gate: make(chan struct{})}
		c := pmssync.NewCommitter(j.apply, pmssync.CommitterConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		var got [][]error
		var mu sync.Mutex
		for i := range 3 { // the leader alone, then two in one batch
			go func() {
				errs := c.Do(ctx, i)
				mu.Lock()
				defer mu.Unlock()
				got = append(got, errs)
			}()
			synctest.Wait()
		}
		j.gate <- struct{}{}
		synctest.Wait() // the second batch has started
		cancel()
		synctest.Wait()
		require.Equal(t, [][]error{{nil}}, got, "a caller did not wait for its outcome")
		j.gate <- struct{}{}
		synctest.Wait()
		require.Equal(t, [][]error{{nil}, {nil}, {nil}}, got)
		require.Equal(t, []int{0, 1, 2}, j.applied())
	})
}

func TestCommitterRefusesAnEndedContext(t *testing.T) {
	t.Parallel()
	j := &journal{}
	c := pmssync.NewCommitter(j.apply, pmssync.CommitterConfig{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, []error{context.Canceled}, c.Do(ctx, 1))
	require.Empty(t, j.applied())
	require.Nil(t, c.Do(t.Context()))
}

func TestCommitterDetachesABatchFromItsCallersButBoundsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		started := time.Now()
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "trace"))
		c := pmssync.NewCommitter(func(ctx context.Context, batch []int) []error {
			cancel()
			if ctx.Err() != nil || ctx.Value(key{}) != "trace" {
				return []error{errors.New("the context is not a detached one with the caller's values")}
			}
			<-ctx.Done()
			return []error{ctx.Err()}
		}, pmssync.CommitterConfig{Timeout: 5 * time.Second})
		require.Equal(t, []error{context.DeadlineExceeded}, c.Do(ctx, 1))
		require.Equal(t, 5*time.Second, time.Since(started))
	})
}

func TestCommitterTellsEveryCallerOfAPanicWithoutItsValue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		calls := 0
		c := pmssync.NewCommitter(func(_ context.Context, batch []int) []error {
			<-gate
			if calls++; calls == 2 {
				panic("Maria Lopez, 1970-01-01")
			}
			return make([]error, len(batch))
		}, pmssync.CommitterConfig{})
		got := make([][]error, 3)
		for i := range got {
			go func() { got[i] = c.Do(t.Context(), i) }()
			synctest.Wait()
		}
		close(gate)
		synctest.Wait()
		require.Equal(t, []error{nil}, got[0])
		for _, errs := range got[1:] {
			var panicked *pmssync.PanicError
			require.Len(t, errs, 1)
			require.ErrorAs(t, errs[0], &panicked)
			require.EqualError(t, errs[0], "sync: commit: panic (string)")
			require.Contains(t, string(panicked.Stack), "commit_test.go")
			require.NotContains(t, string(panicked.Stack), "Lopez")
		}
		require.Equal(t, []error{nil}, c.Do(t.Context(), 9), "a panic must not end the Committer")
	})
}

func TestCommitterOutlivesAnApplyThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		exit := true
		c := pmssync.NewCommitter(func(_ context.Context, batch []int) []error {
			<-gate
			if exit {
				exit = false
				runtime.Goexit()
			}
			return make([]error, len(batch))
		}, pmssync.CommitterConfig{})
		go c.Do(t.Context(), 1)
		synctest.Wait()
		var second []error
		go func() { second = c.Do(t.Context(), 2) }()
		synctest.Wait()
		close(gate)
		synctest.Wait()
		require.Equal(t, []error{nil}, second)
	})
}

func TestCommitterTrustsNoResultOfTheWrongLength(t *testing.T) {
	t.Parallel()
	for name, result := range map[string][]error{"none": nil, "too few": make([]error, 1), "too many": make([]error, 3)} {
		c := pmssync.NewCommitter(func(context.Context, []int) []error { return result }, pmssync.CommitterConfig{})
		errs := c.Do(t.Context(), 1, 2)
		require.Len(t, errs, 2, name)
		require.ErrorContains(t, errs[0], "outcomes for 2 changes", name)
		require.ErrorContains(t, errs[1], "outcomes for 2 changes", name)
	}
	require.Panics(t, func() { pmssync.NewCommitter[int](nil, pmssync.CommitterConfig{}) })
}

func TestCommitterReportsTheTruthWhateverItsCallersDo(t *testing.T) {
	t.Parallel()
	const callers, rounds = 16, 300
	var mu sync.Mutex
	committed := map[int]bool{}
	c := pmssync.NewCommitter(func(_ context.Context, batch []int) []error {
		mu.Lock()
		defer mu.Unlock()
		for _, v := range batch {
			committed[v] = true
		}
		return make([]error, len(batch))
	}, pmssync.CommitterConfig{MaxBatch: 5})
	said := make([]bool, callers*rounds)
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(caller)))
			for round := range rounds {
				v := caller*rounds + round
				ctx, cancel := context.WithCancel(t.Context())
				switch rnd.IntN(3) {
				case 0:
					go cancel()
				case 1:
					time.AfterFunc(time.Duration(rnd.IntN(20))*time.Microsecond, cancel)
				}
				said[v] = c.Do(ctx, v)[0] == nil
				cancel()
			}
		})
	}
	wg.Wait()
	for v, ok := range said {
		require.Equal(t, ok, committed[v], "change %d", v)
	}
	require.Equal(t, []error{nil}, c.Do(t.Context(), -1), "the lead got lost")
}
