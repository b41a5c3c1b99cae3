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

// job is an item of a lane; its name is the lane and a number.
type job struct {
	lane string
	n    int
}

func laneOf(j job) string { return j.lane }

func TestLanesKeepOrderInALaneAndStayWithinTheBound(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, parallel := range []int{-1, 1, 2, 5, 1000} {
		var items []job
		for n := range 500 {
			items = append(items, job{[]string{"", "a", "b", "c", "d", "e", "f"}[rnd.IntN(7)], n})
		}
		var mu sync.Mutex
		byLane := map[string][]int{}
		inLane := map[string]int{}
		running, most, together := 0, 0, false
		left := pmssync.RunLanes(t.Context(), items, laneOf, parallel, func(_ context.Context, j job) bool {
			mu.Lock()
			running++
			most = max(most, running)
			inLane[j.lane]++
			together = together || j.lane != "" && inLane[j.lane] > 1
			byLane[j.lane] = append(byLane[j.lane], j.n)
			mu.Unlock()
			if j.n%7 == 0 {
				runtime.Gosched() // lets others overtake, if they can
			}
			mu.Lock()
			defer mu.Unlock()
			inLane[j.lane]--
			running--
			return true
		})
		require.Empty(t, left)
		require.False(t, together, "two of one lane at once")
		require.LessOrEqual(t, most, max(parallel, 1))
		total := 0
		for lane, order := range byLane {
			if lane != "" {
				require.True(t, slices.IsSorted(order), "lane %s: %v", lane, order)
			}
			total += len(order)
		}
		require.Equal(t, len(items), total)
	}
}

func TestLanesRunAsManyAtOnceAsTheyMay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		l := newLog()
		items := []job{{"a", 1}, {"a", 2}, {"b", 1}, {"", 1}, {"c", 1}}
		left := pmssync.RunLanes(t.Context(), items, laneOf, 3, func(_ context.Context, j job) bool {
			l.note(j.lane)
			time.Sleep(time.Second)
			return true
		})
		require.Empty(t, left)
		require.Equal(t, 2*time.Second, time.Since(start))
		runs := l.take()
		slices.Sort(runs[:3])
		slices.Sort(runs[3:])
		require.Equal(t, []string{"@0s", "a@0s", "b@0s", "a@1s", "c@1s"}, runs)
	})
}

func TestLanesPreferWhatComesFirst(t *testing.T) {
	t.Parallel()
	items := []job{{"a", 1}, {"a", 2}, {"b", 3}, {"", 4}, {"b", 5}, {"a", 6}}
	var order []int
	pmssync.RunLanes(t.Context(), items, laneOf, 1, func(_ context.Context, j job) bool {
		order = append(order, j.n)
		return true
	})
	require.Equal(t, []int{1, 2, 3, 4, 5, 6}, order)
}

func TestLanesLeaveOutTheRestOfALaneThatStops(t *testing.T) {
	t.Parallel()
	items := []job{{"a", 1}, {"", 2}, {"a", 3}, {"b", 4}, {"", 5}, {"a", 6}, {"b", 7}}
	for _, parallel := range []int{1, 4} {
		var mu sync.Mutex
		var ran []int
		left := pmssync.RunLanes(t.Context(), items, laneOf, parallel, func(_ context.Context, j job) bool {
			mu.Lock()
			defer mu.Unlock()
			ran = append(ran, j.n)
			return j.lane == "b"
		})
		slices.Sort(ran)
		require.Equal(t, []int{1, 2, 4, 5, 7}, ran)
		require.Equal(t, []job{{"a", 3}, {"a", 6}}, left)
	}
}

func TestLanesStartNothingOnceTheContextHasEnded(t *testing.T) {
	t.Parallel()
	for _, parallel := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			var items []job
			for n := range 10 {
				items = append(items, job{"", n})
			}
			var finished atomic.Int32
			left := pmssync.RunLanes(ctx, items, laneOf, parallel, func(context.Context, job) bool {
				time.Sleep(time.Second) // does not look at the context
				finished.Add(1)
				return true
			})
			require.Equal(t, items[2*parallel:], left)
			require.EqualValues(t, 2*parallel, finished.Load(), "what has started is waited for")
		})
	}
	require.Nil(t, pmssync.RunLanes(t.Context(), nil, laneOf, 4, func(context.Context, job) bool { return true }))
}

func TestLanesRaiseAPanicOnTheCallersGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var finished atomic.Int32
		run := func() {
			pmssync.RunLanes(t.Context(), []job{{"", 0}, {"", 1}, {"", 2}, {"", 3}}, laneOf, 2, func(_ context.Context, j job) bool {
				if j.n == 0 {
					time.Sleep(time.Second / 2) // the other is under way
					panic(errors.New("Maria Lopez"))
				}
				time.Sleep(time.Second)
				finished.Add(1)
				return true
			})
		}
		require.PanicsWithError(t, "sync: lane: panic (*errors.errorString)", run)
		require.EqualValues(t, 1, finished.Load(), "the other is waited for, and none started after it")
	})
}
