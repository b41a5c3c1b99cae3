package opendental

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestTheIntervalRunsFromStartToStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Second)
		begin := time.Now()
		var starts []time.Duration
		for _, takes := range []time.Duration{600 * time.Millisecond, 0, 2500 * time.Millisecond, 0} {
			leave, err := g.enter(t.Context(), turnRead)
			require.NoError(t, err)
			starts = append(starts, time.Since(begin))
			time.Sleep(takes)
			leave()
		}
		require.Equal(t, []time.Duration{0, time.Second, 2 * time.Second, 4500 * time.Millisecond}, starts)
	})
}

func TestOneRequestIsUnderWayAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Millisecond)
		var wg sync.WaitGroup
		under, most := 0, 0
		for range 20 {
			wg.Go(func() {
				leave, err := g.enter(t.Context(), turnRead)
				require.NoError(t, err)
				under++ // races would show: the gate is the only lock
				most = max(most, under)
				time.Sleep(5 * time.Millisecond)
				under--
				leave()
			})
		}
		wg.Wait()
		require.Equal(t, 1, most)
	})
}

func TestWritesGoBeforeReadsThatWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Second)
		leave, err := g.enter(t.Context(), turnRead)
		require.NoError(t, err)
		var order []string
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, w := range []struct {
			name  string
			turn  turn
			after time.Duration
		}{{"read 1", turnRead, 0}, {"read 2", turnRead, 1}, {"write 1", turnWrite, 500 * time.Millisecond}, {"write 2", turnWrite, 900 * time.Millisecond}} {
			wg.Go(func() {
				time.Sleep(w.after)
				leave, err := g.enter(t.Context(), w.turn)
				require.NoError(t, err)
				mu.Lock()
				order = append(order, w.name)
				mu.Unlock()
				leave()
			})
		}
		leave() // the line is free, and the interval still runs
		wg.Wait()
		require.Equal(t, []string{"write 1", "write 2", "read 1", "read 2"}, order)
	})
}

func TestAWaiterWhoGivesUpLosesNothingForTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Second)
		leave, err := g.enter(t.Context(), turnRead)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, err := g.enter(ctx, turnWrite)
			gone <- err
		}()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-gone, context.Canceled)
		leave()
		leave, err = g.enter(t.Context(), turnRead)
		require.NoError(t, err)
		leave()
	})
}

func TestAPauseHoldsForAllAndALongOneFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0)
		g.pause(3 * time.Second)
		begin := time.Now()
		leave, err := g.enter(t.Context(), turnRead)
		require.NoError(t, err)
		leave()
		require.Equal(t, 3*time.Second, time.Since(begin))

		g.pause(time.Minute)
		_, err = g.enter(t.Context(), turnWrite)
		e := waitError("post payment", err)
		require.ErrorIs(t, e, driver.ErrUnavailable)
		require.Equal(t, time.Minute, e.RetryAfter)
	})
}

func TestAGateWithoutIntervalHoldsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0)
		begin := time.Now()
		for range 50 {
			_, err := g.enter(t.Context(), turnRead)
			require.NoError(t, err)
		}
		require.Zero(t, time.Since(begin))
	})
}

func TestConnectionsWithTheSameKeyShareOneGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keeper := &gateKeeper{all: map[gateKey]*gate{}}
		one := newGateKey("https://a", driver.NewSecret("d"), driver.NewSecret("c"))
		other := newGateKey("https://a", driver.NewSecret("d"), driver.NewSecret("c2"))
		a := keeper.acquire(one, time.Second)
		require.Same(t, a, keeper.acquire(one, 5*time.Second), "same key, same gate")
		require.NotSame(t, a, keeper.acquire(other, time.Second))
		require.Equal(t, 5*time.Second, a.interval, "the slower rate holds")

		leave, err := a.enter(t.Context(), turnRead)
		require.NoError(t, err)
		leave()
		keeper.release(a)
		keeper.release(a)
		require.Same(t, a, keeper.acquire(one, time.Second), "closing and connecting again wins nothing")
		keeper.release(a)
		time.Sleep(6 * time.Second)
		require.NotSame(t, a, keeper.acquire(one, time.Second), "an unused gate is forgotten")
	})
}

func TestAPollThatWaitsGoesAfterNineWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Second)
		leave, err := g.enter(t.Context(), turnWrite)
		require.NoError(t, err)
		var order []turn
		var mu sync.Mutex
		var wg sync.WaitGroup
		enters := func(kind turn, times int) {
			wg.Go(func() {
				for range times {
					leave, err := g.enter(t.Context(), kind)
					require.NoError(t, err)
					mu.Lock()
					order = append(order, kind)
					mu.Unlock()
					leave()
				}
			})
		}
		enters(turnRead, 2)
		for range 4 { // there is always a write that waits
			enters(turnWrite, 8)
		}
		synctest.Wait()
		leave()
		wg.Wait()
		var reads []int
		for i, kind := range order {
			if kind == turnRead {
				reads = append(reads, i)
			}
		}
		require.Equal(t, []int{9, 19}, reads)
	})
}

func TestTheIntervalCountsFromSendingAndLeavesRoomForTheWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Second)
		begin := time.Now()
		start, leave, err := g.enterAhead(t.Context(), turnWrite, connectAhead)
		require.NoError(t, err)
		require.Equal(t, begin, start, "the line was free")
		time.Sleep(200 * time.Millisecond) // to connect
		g.sent()
		time.Sleep(20 * time.Millisecond) // it reached the office in here
		leave()
		start, leave, err = g.enterAhead(t.Context(), turnWrite, connectAhead)
		require.NoError(t, err)
		require.Equal(t, 1220*time.Millisecond, start.Sub(begin))
		require.Equal(t, connectAhead, time.Until(start), "it may connect before")
		g.sent()
		time.Sleep(time.Second)
		leave()
		_, err = g.enter(t.Context(), turnRead)
		require.NoError(t, err)
		require.Equal(t, (970+1000+50)*time.Millisecond, time.Since(begin), "no more than a twentieth")
	})
}

func TestTheRoomGrowsWhenTheOfficeRefusesAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Second)
		for _, want := range []int{100, 200, 400, 800, 1000, 1000} {
			g.refused(0)
			require.Equal(t, time.Duration(want)*time.Millisecond, g.margin)
		}
		begin := time.Now()
		leave, err := g.enter(t.Context(), turnRead)
		require.NoError(t, err)
		leave()
		require.Equal(t, time.Second, time.Since(begin), "no Retry-After is one interval")
		for range 5 * cleanRun {
			leave, err := g.enter(t.Context(), turnRead)
			require.NoError(t, err)
			leave()
		}
		require.Equal(t, 50*time.Millisecond, g.margin)
	})
}
