package memdriver

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Effect says what becomes of a call that meets a [Fault].
type Effect int

// The effects. What is said of writes holds for reads as far as it makes sense:
// a read has no effect to lose, so for it Late and Half are Before.
const (
	// Before: the call fails, and nothing was done. Err is ErrUnavailable unless
	// the fault says otherwise.
	Before Effect = iota
	// After: the call is carried out whole, and then fails. For a write Err is
	// ErrUnknownOutcome, for a read ErrUnavailable, unless the fault says
	// otherwise. A call that the PMS refuses is refused.
	After
	// Late: the call fails now, and is carried out after Fault.After, or when the
	// fault is released. Err is ErrUnknownOutcome unless the fault says
	// otherwise.
	Late
	// Half: the effect is there, and an idempotent rest remains, which a Write
	// with Prior does. Err is ErrIncomplete, with the receipt, unless the fault
	// says otherwise.
	Half
	// Pass: the call is carried out and answered truthfully, after Delay and
	// Hang, and twice over with Twice.
	Pass
	// Ignored: the PMS accepts a write and does nothing. The driver finds that out
	// when it reads back: ErrRejected with ReasonInvalid. A read is carried out.
	Ignored
)

// Hang says whether a call that meets a [Fault] stops to answer. Before and Pass
// hang before anything is done; After, Late and Half when it is done.
type Hang int

// The ways to hang.
const (
	// NoHang answers.
	NoHang Hang = iota
	// HangUntilDone hangs until the fault is released, the call's context ends or
	// the connection is closed. A write is then an unknown outcome.
	HangUntilDone
	// HangHard hangs until the fault is released, whatever the context says.
	HangHard
)

// Fault says which calls go wrong, and how. The zero value fails every call with
// ErrUnavailable.
type Fault struct {
	// On names the calls: empty for all, "connect", "ping", "info", "catalog",
	// "find", "changes", "window", "read appointment", "photo", "write" or
	// "verify"; or one kind of them: "catalog providers", "find birth_date",
	// "changes appointments", "window photos", "write note", "verify payment". An
	// operation's name alone means its writes: "note". Another name is a mistake
	// in a test and panics.
	On string
	// Times is how many calls it hits; 0 for all until it is cleared. Faults are
	// tried in the order in which they were added, one a call, so that several
	// make a script.
	Times int
	// Skip is how many calls pass unharmed before the first.
	Skip int
	// Match, when not nil, narrows writes and verifications to some. It must not
	// call the PMS.
	Match func(driver.Op) bool
	// Effect is what becomes of the call.
	Effect Effect
	// After is when a Late effect happens, by Config.Now; 0 when it waits for
	// [Trip.Release].
	After time.Duration
	// Delay is how long the call takes before anything else; its context ends it.
	Delay time.Duration
	// Hang says whether the call answers.
	Hang Hang
	// Err is the answer: a *driver.Error, a driver.Kind, a driver.Reason (which
	// is a rejection), or any error, which is then unclassified. Nil is the
	// default of Effect.
	Err error
	// Twice, with Pass, gives each record of a page and each option of a catalog
	// twice.
	Twice bool
}

// Trip is a fault that was set. It is safe for concurrent use.
type Trip struct {
	pms      *PMS
	fault    Fault
	left     int // guarded by faultQueue.mu
	skip     int // guarded by faultQueue.mu
	hits     atomic.Int64
	reach    sync.Once
	reached  chan struct{}
	release  sync.Once
	released chan struct{}
}

// faultQueue holds the faults in order. Asking costs one atomic load while there
// are none.
type faultQueue struct {
	active atomic.Int64
	mu     sync.Mutex
	list   []*Trip
}

// Fail sets a fault.
func (p *PMS) Fail(f Fault) *Trip {
	if !validOn(f.On) {
		panic("memdriver: Fault.On names no call: " + f.On)
	}
	t := &Trip{pms: p, fault: f, left: f.Times, skip: f.Skip, reached: make(chan struct{}), released: make(chan struct{})}
	q := &p.faults
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, t)
	q.active.Store(int64(len(q.list)))
	return t
}

// Heal clears and releases every fault and puts the PMS online.
func (p *PMS) Heal() {
	q := &p.faults
	q.mu.Lock()
	list := q.list
	q.list = nil
	q.active.Store(0)
	q.mu.Unlock()
	for _, t := range list {
		t.Release()
	}
	p.releaseLate(func(*lateWrite) bool { return true })
	p.SetOffline(false)
}

// Clear removes the fault. Calls that hang go on hanging, and late effects stay
// late, until Release.
func (t *Trip) Clear() {
	q := &t.pms.faults
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = slices.DeleteFunc(q.list, func(o *Trip) bool { return o == t })
	q.active.Store(int64(len(q.list)))
}

// Format prints the PMS's name and the calls it is about, whatever the verb.
func (t *Trip) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "memdriver.Trip(%s, %q)", t.pms.cfg.Name, t.fault.On)
}

// Release lets hanging calls go on and carries out late effects now. From then
// on the fault hangs no call and delays no effect.
func (t *Trip) Release() {
	t.release.Do(func() { close(t.released) })
	t.pms.releaseLate(func(l *lateWrite) bool { return l.trip == t })
}

// Reached is closed when the fault first hit a call: when that hangs, or is
// about to answer.
func (t *Trip) Reached() <-chan struct{} { return t.reached }

// Hits is how many calls it has hit.
func (t *Trip) Hits() int { return int(t.hits.Load()) }

// take returns the fault that hits this call, nil when none does.
func (q *faultQueue) take(k callKind, detail string, op driver.Op) *Trip {
	if q.active.Load() == 0 {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, t := range q.list {
		switch {
		case !t.fault.matches(k, detail, op):
			continue
		case t.skip > 0:
			t.skip--
			continue
		case t.left == 1:
			q.list = slices.Delete(q.list, i, i+1)
			q.active.Store(int64(len(q.list)))
		case t.left > 1:
			t.left--
		}
		t.hits.Add(1)
		return t
	}
	return nil
}

func (f *Fault) matches(k callKind, detail string, op driver.Op) bool {
	name := k.String()
	rest, isCall := strings.CutPrefix(f.On, name)
	switch {
	case f.On == "":
	case isCall && (rest == "" || rest == " "+detail):
	case k == callWrite && f.On == detail:
	default:
		return false
	}
	return f.Match == nil || op != nil && f.Match(op)
}

// err is what a call answers that meets the fault; nil for Pass.
func (t *Trip) err(name string, k callKind, receipt driver.Receipt) error {
	kind := driver.ErrUnavailable
	switch {
	case t.fault.Effect == Pass, t.fault.Effect == Ignored:
		return nil
	case k == callWrite && t.fault.Effect == Half:
		kind = driver.ErrIncomplete
	case k == callWrite && t.fault.Effect != Before:
		kind = driver.ErrUnknownOutcome
	}
	out := &driver.Error{Driver: driverName, Op: name, Kind: kind}
	switch e := t.fault.Err.(type) {
	case nil:
	case *driver.Error:
		given := *e
		if given.Driver == "" {
			given.Driver = driverName
		}
		if given.Op == "" {
			given.Op = name
		}
		out = &given
	case driver.Kind:
		out.Kind = e
	case driver.Reason:
		out.Kind, out.Reason = driver.ErrRejected, e
	default:
		return e
	}
	if out.Kind == driver.ErrIncomplete && out.Receipt == (driver.Receipt{}) {
		out.Receipt = receipt
	}
	return out
}

// Reject is the Err of a fault that refuses for a reason.
func Reject(r driver.Reason) error { return &driver.Error{Kind: driver.ErrRejected, Reason: r} }

// Unauthorized is the Err of a fault that closes scope.
func Unauthorized(s driver.Scope) error { return &driver.Error{Kind: driver.ErrUnauthorized, Scope: s} }

// Busy is the Err of a fault that asks to come back later.
func Busy(after time.Duration) error {
	return &driver.Error{Kind: driver.ErrUnavailable, RetryAfter: after}
}
