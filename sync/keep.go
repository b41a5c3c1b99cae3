package sync

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Held is a Lease that is kept alive until it is released.
type Held struct {
	*Lease
	ctx  context.Context
	stop func()
}

// Hold is Acquire and Keep: it takes a practice's lease and renews it until it is
// released or ctx ends.
func Hold(ctx context.Context, store LeaseStore, practice, owner string, ttl time.Duration) (*Held, error) {
	lease, err := Acquire(ctx, store, practice, owner, ttl)
	if err != nil {
		return nil, err
	}
	held := &Held{Lease: lease}
	held.ctx, held.stop = lease.Keep(ctx)
	return held, nil
}

// Context is for the work that the lease allows. It ends with the context given
// to Hold, with Release, and with cause ErrLeaseLost when the lease is lost.
func (h *Held) Context() context.Context { return h.ctx }

// Release ends Context and the renewals, and gives the lease back. See
// Lease.Release.
func (h *Held) Release(ctx context.Context) error {
	h.stop()
	return h.Lease.Release(ctx)
}

// Keep renews the lease at every third of its time until stop is called or ctx
// ends. The returned context is for the work that the lease allows: it ends with
// ctx, with stop, and, with cause ErrLeaseLost, when the lease was taken over or
// when no renewal worked until a tenth of its time was left. A renewal that fails
// for another reason is tried again until then.
//
// stop must be called. When it returns no renewal is under way any more; calling
// it again is harmless. The lease itself stays held until it expires or is
// released.
func (l *Lease) Keep(ctx context.Context) (work context.Context, stop func()) {
	work, cancel := context.WithCancelCause(ctx)
	k := &keeper{lease: l, ctx: work, cancel: cancel, renewing: make(chan struct{}, 1)}
	k.mu.Lock()
	defer k.mu.Unlock()
	left := l.left(time.Now())
	// Two timers: one to renew, one that does not depend on how a renewal fares,
	// for a store may hang, and a process may be frozen in the middle of one.
	k.lapse = time.AfterFunc(left-l.ttl/10, func() { k.lapsed() })
	k.renew = time.AfterFunc(min(l.ttl/3, left-l.ttl*2/3), func() { k.renewal() })
	return work, k.stop
}

// keeper renews one lease while work runs.
type keeper struct {
	lease  *Lease
	ctx    context.Context
	cancel context.CancelCauseFunc
	// renewing has room for one: a renewal, from its beginning to its end.
	renewing chan struct{}

	mu           sync.Mutex
	renew, lapse *time.Timer
	stopped      bool
}

// renewal is one attempt; it arranges the next.
func (k *keeper) renewal() {
	k.renewing <- struct{}{}
	defer func() { <-k.renewing }()
	if k.isStopped() {
		return
	}
	err := k.lease.Renew(k.ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.stopped || k.ctx.Err() != nil:
	case errors.Is(err, ErrLeaseLost):
		k.cancel(ErrLeaseLost)
	case err != nil:
		k.renew.Reset(k.lease.ttl / 12) // a few tries before it lapses
	default:
		k.renew.Reset(k.lease.ttl / 3)
	}
}

// lapsed ends the work, unless the lease was renewed in the meantime, here or by
// other means.
func (k *keeper) lapsed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped {
		return
	}
	if left := k.lease.left(time.Now()) - k.lease.ttl/10; left > 0 {
		k.lapse.Reset(left)
		return
	}
	k.cancel(ErrLeaseLost)
}

// stop ends the work and waits for a renewal that is under way.
func (k *keeper) stop() {
	k.cancel(context.Canceled)
	k.mu.Lock()
	k.stopped = true
	k.renew.Stop()
	k.lapse.Stop()
	k.mu.Unlock()
	// A renewal that began before is given up by its context.
	k.renewing <- struct{}{}
	<-k.renewing
}

func (k *keeper) isStopped() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stopped
}
