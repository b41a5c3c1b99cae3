package sync

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Errors of leases.
var (
	// ErrLeaseHeld says that another owner has the lease.
	ErrLeaseHeld = errors.New("sync: lease: held by another owner")
	// ErrLeaseLost says that the lease lapsed or was taken over: what it allowed
	// is not allowed any more.
	ErrLeaseLost = errors.New("sync: lease: lost")
)

// LeaseStore keeps leases, by one clock for all processes. writeback.Store is
// one.
type LeaseStore interface {
	// Acquire takes a practice's lease for ttl when it is free, lapsed or owner's
	// own, and returns its fencing token, which rises with every change of owner
	// and every take-over of a lapsed lease.
	Acquire(ctx context.Context, practice, owner string, ttl time.Duration) (fence int64, ok bool, err error)
	// Renew makes a lease last for ttl from now, if it still has this owner and
	// fence.
	Renew(ctx context.Context, practice, owner string, fence int64, ttl time.Duration) (ok bool, err error)
	// Release frees a lease, if it still has this owner and fence.
	Release(ctx context.Context, practice, owner string, fence int64) error
}

// Lease is the right to work on a practice until it expires. By itself it is only
// data: no goroutine and no timer, so that thousands can be kept between steps,
// each with Ensure at a step's start. Keep renews it while something runs for
// long.
//
// A lease bounds who starts work, not what happens: a process frozen in the
// middle of a request goes on with it after its lease has lapsed. The fence keeps
// it from changing the store; nothing keeps it from reaching a PMS.
//
// A Lease is safe for concurrent use.
type Lease struct {
	store           LeaseStore
	practice, owner string
	ttl             time.Duration
	fence           int64

	mu      sync.Mutex
	expires time.Time // by our clock, never later than by the store's
	lost    bool      // for good
}

// Acquire takes a practice's lease. ErrLeaseHeld when another owner has it;
// otherwise an error of the store, wrapped.
func Acquire(ctx context.Context, store LeaseStore, practice, owner string, ttl time.Duration) (*Lease, error) {
	if ttl <= 0 {
		return nil, fmt.Errorf("sync: lease: ttl is %v: must be positive", ttl)
	}
	// The store's time begins when the call reaches it, which is later than now.
	expires := time.Now().Add(ttl)
	fence, ok, err := store.Acquire(ctx, practice, owner, ttl)
	if err != nil {
		return nil, fmt.Errorf("sync: lease: acquire: %w", err)
	}
	if !ok {
		return nil, ErrLeaseHeld
	}
	return &Lease{store: store, practice: practice, owner: owner, ttl: ttl, fence: fence, expires: expires}, nil
}

// Fence is the lease's fencing token, by which the store refuses changes of those
// who had the lease before.
func (l *Lease) Fence() int64 { return l.fence }

// Valid reports whether the lease is held at now, as far as can be known without
// asking the store.
func (l *Lease) Valid(now time.Time) bool { return l.left(now) > 0 }

// Ensure renews the lease when less than half of its time is left, so that most
// calls cost nothing. After nil the lease has at least half its time.
// ErrLeaseLost when another owner took it; otherwise an error of the store,
// wrapped, and the lease stays Valid for what was left of it.
func (l *Lease) Ensure(ctx context.Context) error {
	if l.left(time.Now()) >= l.ttl/2 {
		return nil
	}
	return l.Renew(ctx)
}

// Renew makes the lease last for its full time from now, even if it had lapsed,
// as long as nobody took it. Errors are those of Ensure.
func (l *Lease) Renew(ctx context.Context) error {
	if l.isLost() {
		return ErrLeaseLost
	}
	expires := time.Now().Add(l.ttl)
	ok, err := l.store.Renew(ctx, l.practice, l.owner, l.fence, l.ttl)
	if err != nil {
		return fmt.Errorf("sync: lease: renew: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !ok {
		l.lost = true
	}
	if l.lost { // released meanwhile, perhaps
		return ErrLeaseLost
	}
	if expires.After(l.expires) {
		l.expires = expires
	}
	return nil
}

// Release gives the lease back, so that another owner need not wait until it
// lapses. It is not Valid any more whatever is returned. Releasing what is lost
// or released is not an error.
func (l *Lease) Release(ctx context.Context) error {
	l.mu.Lock()
	lost := l.lost
	l.lost = true
	l.mu.Unlock()
	if lost {
		return nil
	}
	if err := l.store.Release(ctx, l.practice, l.owner, l.fence); err != nil {
		return fmt.Errorf("sync: lease: release: %w", err)
	}
	return nil
}

// left is how long the lease is still held, less than 0 when it is not.
func (l *Lease) left(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost {
		return -1
	}
	return l.expires.Sub(now)
}

func (l *Lease) isLost() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}
