package opendental

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/pmswriteback/pms/driver"
)

// gates holds one gate for each server and pair of keys in use.
//
// It is the package's only shared state, and it has to be shared: the vendor
// throttles by key, a host may open one connector per practice or reconnect at
// any time, and two that knew nothing of each other would each take the whole
// allowance. It holds hashes, never keys, and forgets a gate that nobody has
// used for longer than its interval.
var gates = &gateKeeper{all: map[gateKey]*gate{}}

type gateKey [sha256.Size]byte

func newGateKey(server string, developer, customer driver.Secret) gateKey {
	return sha256.Sum256([]byte(server + "\x00" + developer.Reveal() + "\x00" + customer.Reveal()))
}

type gateKeeper struct {
	mu  sync.Mutex
	all map[gateKey]*gate
}

// acquire gives the gate for a key. When connections differ in their interval
// the longest one holds: it is the only one that cannot exceed the allowance.
func (k *gateKeeper) acquire(key gateKey, interval time.Duration) *gate {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, g := range k.all {
		if g.uses == 0 && g.idle() {
			delete(k.all, key)
		}
	}
	g := k.all[key]
	if g == nil {
		g = newGate(interval)
		k.all[key] = g
	}
	g.uses++
	g.slowTo(interval)
	return g
}

// release gives a gate back. It stays until the next acquire after its interval
// has passed, so that closing and connecting again wins nothing.
func (k *gateKeeper) release(g *gate) {
	k.mu.Lock()
	defer k.mu.Unlock()
	g.uses--
}

// turn says who goes first at a gate.
type turn int

const (
	turnWrite turn = iota // writes, what they read before, and verifying them
	turnRead              // everything that can wait
	turns
)

// longestPause is how long a request waits for the end of a pause that the PMS
// asked for; beyond it fails, so that the engine may wait instead.
const longestPause = 5 * time.Second

// gate lets requests through: one at a time and one per interval when it has an
// interval, all at once when it has none. Within a turn the operation that began
// first goes first: otherwise many payments on one line, each of which looks at
// several things before it leaves, would all be late together. It has no
// goroutine of its own.
type gate struct {
	uses int // guarded by the keeper

	mu       sync.Mutex
	limiter  *rate.Limiter // nil when there is no interval
	interval time.Duration
	last     time.Time // when a request was last let through
	busy     bool
	armed    bool // a timer will let the next one through
	waiting  [turns][]waiter
	paused   time.Time // nothing goes before this
}

type waiter struct {
	began time.Time     // of the operation
	come  chan struct{} // closed when its turn has come
}

func newGate(interval time.Duration) *gate {
	g := &gate{}
	g.slowTo(interval)
	return g
}

func (g *gate) slowTo(interval time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case interval <= g.interval:
	case g.limiter == nil:
		g.interval, g.limiter = interval, rate.NewLimiter(rate.Every(interval), 1)
	default:
		g.interval = interval
		g.limiter.SetLimit(rate.Every(interval))
	}
}

func (g *gate) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.busy && !g.armed && time.Since(g.last) > g.interval && time.Now().After(g.paused)
}

// enter waits until a request may start, and returns what ends its turn. It
// fails when ctx ends first or the PMS asked for a long pause.
func (g *gate) enter(ctx context.Context, t turn) (leave func(), err error) {
	for {
		if err := g.sitOut(ctx); err != nil {
			return nil, err
		}
		leave, err := g.line(ctx, t)
		if err != nil || !g.isPaused() {
			return leave, err
		}
		leave() // the PMS asked for a pause meanwhile
	}
}

// line waits for a turn.
func (g *gate) line(ctx context.Context, t turn) (leave func(), err error) {
	g.mu.Lock()
	if g.limiter == nil {
		g.last = time.Now()
		g.mu.Unlock()
		return func() {}, nil
	}
	mine := waiter{timingOf(ctx).began, make(chan struct{})}
	at := len(g.waiting[t])
	for at > 0 && mine.began.Before(g.waiting[t][at-1].began) {
		at--
	}
	g.waiting[t] = slices.Insert(g.waiting[t], at, mine)
	g.next()
	g.mu.Unlock()
	select {
	case <-mine.come:
		return g.leave, nil
	case <-ctx.Done():
		g.forget(t, mine)
		return nil, ctx.Err()
	}
}

func (g *gate) isPaused() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.paused)
}

// sitOut waits for the end of a pause.
func (g *gate) sitOut(ctx context.Context) error {
	g.mu.Lock()
	left := time.Until(g.paused)
	g.mu.Unlock()
	if left <= 0 {
		return nil
	}
	if left > longestPause {
		return &pauseError{left}
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause lets nothing through for d, for all that share the gate.
func (g *gate) pause(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(d); until.After(g.paused) {
		g.paused = until
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy = false
	g.next()
}

// forget takes a waiter away whose context ended; had its turn come meanwhile,
// the next one gets it.
func (g *gate) forget(t turn, mine waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting[t] {
		if w == mine {
			g.waiting[t] = append(g.waiting[t][:i], g.waiting[t][i+1:]...)
			return
		}
	}
	g.busy = false
	g.next()
}

// next lets a waiter through, or sets a timer to do so. Who goes is decided
// when the interval is over, not when it begins, so that a write that comes
// meanwhile goes before a read that has waited. The mutex is held.
func (g *gate) next() {
	if g.busy || g.armed || len(g.waiting[turnWrite])+len(g.waiting[turnRead]) == 0 {
		return
	}
	if wait := g.limiter.Reserve().Delay(); wait > 0 {
		g.armed = true
		time.AfterFunc(wait, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.armed = false
			g.admit()
		})
		return
	}
	g.admit()
}

func (g *gate) admit() {
	for t := range g.waiting {
		if len(g.waiting[t]) > 0 {
			first := g.waiting[t][0]
			g.waiting[t] = g.waiting[t][1:]
			g.busy, g.last = true, time.Now()
			close(first.come)
			return
		}
	}
}

// pauseError says that the PMS asked for a pause that is not over.
type pauseError struct{ left time.Duration }

func (*pauseError) Error() string { return "the PMS asked to wait" }
