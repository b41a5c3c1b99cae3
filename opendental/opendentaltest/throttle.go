package opendentaltest

import (
	"context"
	"time"
)

// gate lets one request of a key through at a time, in the order of arrival,
// and no sooner than the interval after the one before began.
type gate struct {
	line chan struct{} // holds one token while nobody is inside
	next time.Time     // when the next may begin; guarded by the token
}

func newGate() gate {
	g := gate{line: make(chan struct{}, 1)}
	g.line <- struct{}{}
	return g
}

// enter waits for the key's turn. wait is how long the caller would have to
// come back in if reject is set and it is not its turn; leave must be called
// when the request is done.
func (g *gate) enter(ctx context.Context, closed <-chan struct{}, interval time.Duration, reject bool) (leave func(), wait time.Duration, err error) {
	if reject {
		select {
		case <-g.line:
		default:
			return nil, interval, nil
		}
		if left := time.Until(g.next); left > 0 {
			g.line <- struct{}{}
			return nil, left, nil
		}
	} else {
		// Receivers of a channel are served first come, first served.
		select {
		case <-g.line:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case <-closed:
			return nil, 0, context.Canceled
		}
		if left := time.Until(g.next); left > 0 {
			timer := time.NewTimer(left)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				g.line <- struct{}{}
				return nil, 0, ctx.Err()
			case <-closed:
				g.line <- struct{}{}
				return nil, 0, context.Canceled
			}
		}
	}
	g.next = time.Now().Add(interval)
	return func() { g.line <- struct{}{} }, 0, nil
}
