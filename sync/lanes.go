package sync

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// RunLanes calls do for each item, at most parallel at once, and never for two of
// one lane at once: the next of a lane starts only after the one before it has
// returned, in the order of items. An item whose lane is "" waits for no other.
// Otherwise items start in their order. When do returns false the rest of its
// lane is left out; for items without a lane it means nothing.
//
// Once ctx has ended no further item starts; do gets ctx and decides for itself
// what becomes of work that runs. RunLanes returns when the last do has, with the
// items that were never started, in order.
//
// With parallel of 1 or less everything runs on the caller's goroutine. A panic
// of do ends the hand-out and is raised again on the caller's goroutine, when the
// other ones have returned, as a *PanicError.
func RunLanes[T any](ctx context.Context, items []T, lane func(T) string, parallel int, do func(ctx context.Context, item T) (continueLane bool)) (left []T) {
	if len(items) == 0 {
		return nil
	}
	l := newLanes(items, lane)
	if workers := min(parallel, len(l.ready)); workers <= 1 {
		for i, ok := l.next(ctx); ok; i, ok = l.next(ctx) {
			l.settle(i, do(ctx, items[i]))
		}
	} else {
		var group errgroup.Group
		for range workers {
			group.Go(func() error {
				return l.work(ctx, func(i int) bool { return do(ctx, items[i]) })
			})
		}
		if err := group.Wait(); err != nil {
			panic(err)
		}
	}
	for i, started := range l.started {
		if !started {
			left = append(left, items[i])
		}
	}
	return left
}

// lanes hands out the indexes of items.
type lanes struct {
	mu      sync.Mutex
	ready   []int  // may start now, rising
	follows []int  // by index: the next item of the same lane, 0 for none
	started []bool // by index
	stopped bool
}

func newLanes[T any](items []T, lane func(T) string) *lanes {
	l := &lanes{follows: make([]int, len(items)), started: make([]bool, len(items))}
	latest := map[string]int{}
	for i, item := range items {
		name := lane(item)
		if before, ok := latest[name]; ok && name != "" {
			l.follows[before] = i
		} else {
			l.ready = append(l.ready, i)
		}
		latest[name] = i
	}
	return l
}

// work runs items until none is ready. It need not wait for one to become so:
// only the end of another worker's item can make one, and that worker takes on.
func (l *lanes) work(ctx context.Context, do func(i int) bool) (err error) {
	finished := false
	defer func() {
		if !finished {
			err = newPanicError("lane", recover())
			l.mu.Lock()
			l.stopped = true
			l.mu.Unlock()
		}
	}()
	for i, ok := l.next(ctx); ok; i, ok = l.next(ctx) {
		l.settle(i, do(i))
	}
	finished = true
	return nil
}

// next takes the first item that may start.
func (l *lanes) next(ctx context.Context) (i int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || len(l.ready) == 0 || ctx.Err() != nil {
		return 0, false
	}
	i, l.ready = l.ready[0], l.ready[1:]
	l.started[i] = true
	return i, true
}

// settle lets the next item of a lane start.
func (l *lanes) settle(i int, goOn bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if follower := l.follows[i]; goOn && follower != 0 {
		at, _ := slices.BinarySearch(l.ready, follower)
		l.ready = slices.Insert(l.ready, at, follower)
	}
}
