package opendental

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

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

// readsPass is how many writes may go before a read that waits: then it goes
// first. A tenth of the line is what minInterval leaves to a poll.
const readsPass = 9

// leastMargin is the part of the interval that the margin is at the least, and
// cleanRun after how many requests without a 429 it is halved again.
const leastMargin, cleanRun = 20, 200

// gate lets requests through: one at a time and one per interval when it has an
// interval, all at once when it has none. Within a turn the operation that began
// first goes first: otherwise many payments on one line, each of which looks at
// several things before it leaves, would all be late together. It has no
// goroutine of its own.
//
// The PMS counts from when a request reaches it, which nobody here sees. It lies
// between when the request was sent and when its answer came, so that the gate
// counts from the first and adds what is not known, up to a margin. Two requests
// whose ways take differently long would otherwise come too close to each other.
// The margin is a twentieth of the interval, and doubles each time the PMS answers
// 429 all the same.
type gate struct {
	uses int // guarded by the keeper

	mu       sync.Mutex
	interval time.Duration // 0 is none
	margin   time.Duration // see above
	clean    int           // requests since the margin was last changed
	ready    time.Time     // nothing starts before this
	sentAt   time.Time     // when the request under way was sent; zero if it was not
	busy     bool
	timer    *time.Timer // lets the next one through; nil while nobody waits for it
	waiting  [turns][]*waiter
	passed   int       // writes that went before a read that waits
	paused   time.Time // nothing goes before this
}

type waiter struct {
	began time.Time     // of the operation
	lead  time.Duration // how long before its time it may go
	start time.Time     // its time, once it has come
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
	g.interval = max(g.interval, interval)
	g.margin = max(g.margin, g.interval/leastMargin)
}

func (g *gate) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	return !g.busy && g.timer == nil && now.After(g.ready) && now.After(g.paused)
}

// enter waits until a request may start, and returns what ends its turn. It
// fails when ctx ends first or the PMS asked for a long pause.
func (g *gate) enter(ctx context.Context, t turn) (leave func(), err error) {
	_, leave, err = g.enterAhead(ctx, t, 0)
	return leave, err
}

// enterAhead is enter for a request that needs time before it can be sent: it has
// the line up to lead before it may be sent, which is at start. It waits for that
// itself.
func (g *gate) enterAhead(ctx context.Context, t turn, lead time.Duration) (start time.Time, leave func(), err error) {
	for {
		if err := g.sitOut(ctx); err != nil {
			return start, nil, err
		}
		start, leave, err = g.line(ctx, t, lead)
		if err != nil || !g.isPaused() {
			return start, leave, err
		}
		leave() // the PMS asked for a pause meanwhile
	}
}

// line waits for a turn.
func (g *gate) line(ctx context.Context, t turn, lead time.Duration) (start time.Time, leave func(), err error) {
	g.mu.Lock()
	if g.interval == 0 {
		g.mu.Unlock()
		return time.Time{}, func() {}, nil
	}
	mine := &waiter{began: timingOf(ctx).began, lead: min(lead, g.interval/4), come: make(chan struct{})}
	at := len(g.waiting[t])
	for at > 0 && mine.began.Before(g.waiting[t][at-1].began) {
		at--
	}
	g.waiting[t] = slices.Insert(g.waiting[t], at, mine)
	g.next()
	g.mu.Unlock()
	select {
	case <-mine.come:
		return mine.start, g.leave, nil
	case <-ctx.Done():
		g.forget(t, mine)
		return time.Time{}, nil, ctx.Err()
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

// refused says that the PMS answered 429 and asked to wait for d, which may be
// nothing.
func (g *gate) refused(d time.Duration) {
	g.mu.Lock()
	g.clean, g.margin = 0, min(2*g.margin, g.interval)
	if d == 0 {
		d = max(g.interval, time.Second)
	}
	g.mu.Unlock()
	g.pause(d)
}

// sent says that the request under way is being sent now.
func (g *gate) sent() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy {
		g.sentAt = time.Now()
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.sentAt.IsZero() {
		g.ready = g.sentAt.Add(g.interval + min(time.Since(g.sentAt), g.margin))
	}
	if g.clean++; g.clean >= cleanRun {
		g.clean, g.margin = 0, max(g.margin/2, g.interval/leastMargin)
	}
	g.over()
}

// over ends a turn. The mutex is held.
func (g *gate) over() {
	g.busy, g.sentAt = false, time.Time{}
	g.next()
}

// forget takes a waiter away whose context ended; had its turn come meanwhile,
// the next one gets it.
func (g *gate) forget(t turn, mine *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := slices.Index(g.waiting[t], mine); at >= 0 {
		g.waiting[t] = slices.Delete(g.waiting[t], at, at+1)
		return
	}
	g.over()
}

// front is the turn of whoever goes next: a write, unless so many have gone
// before a read that waits. False when nobody waits. The mutex is held.
func (g *gate) front() (turn, bool) {
	switch write, read := len(g.waiting[turnWrite]) > 0, len(g.waiting[turnRead]) > 0; {
	case write && (!read || g.passed < readsPass):
		return turnWrite, true
	default:
		return turnRead, read
	}
}

// next lets a waiter through, or sets a timer to do so. Who goes is decided
// when the interval is over, not when it begins, so that a write that comes
// meanwhile goes before a read that has waited. The mutex is held.
func (g *gate) next() {
	t, waits := g.front()
	if g.busy || !waits {
		return
	}
	if g.timer != nil {
		g.timer.Stop()
		g.timer = nil
	}
	first := g.waiting[t][0]
	now := time.Now()
	if wait := g.ready.Add(-first.lead).Sub(now); wait > 0 {
		var mine *time.Timer
		mine = time.AfterFunc(wait, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.timer == mine {
				g.timer = nil
				g.next()
			}
		})
		g.timer = mine
		return
	}
	g.waiting[t] = slices.Delete(g.waiting[t], 0, 1)
	if t == turnRead {
		g.passed = 0
	} else if len(g.waiting[turnRead]) > 0 {
		g.passed++
	}
	first.start = g.ready
	if now.After(first.start) {
		first.start = now
	}
	g.busy, g.ready = true, first.start.Add(g.interval)
	close(first.come)
}

// pauseError says that the PMS asked for a pause that is not over.
type pauseError struct{ left time.Duration }

func (*pauseError) Error() string { return "the PMS asked to wait" }
