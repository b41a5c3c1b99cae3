package sync

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Defaults of CommitterConfig.
const (
	DefaultMaxBatch      = 256
	DefaultCommitTimeout = 30 * time.Second
)

// CommitterConfig bounds a Committer's batches. The zero value is good.
type CommitterConfig struct {
	// MaxBatch is the most changes that share a commit; 0 or less means
	// DefaultMaxBatch. Only a single Do with more changes than that goes beyond.
	MaxBatch int
	// Timeout bounds one call of apply; 0 or less means DefaultCommitTimeout.
	Timeout time.Duration
}

// Committer is group commit: while one batch is being committed, other callers'
// changes gather and share the next commit. With a store whose commit waits for
// the disk this is worth an order of magnitude under load, and costs a lone
// caller nothing.
//
// It has no goroutine of its own. A caller that finds nobody committing leads:
// it commits one batch, its own changes among them, and hands the lead on to the
// caller that has waited longest. So no caller works for others for longer than
// its own changes take.
//
// A Committer is safe for concurrent use.
type Committer[C any] struct {
	apply   func(ctx context.Context, batch []C) []error
	max     int
	timeout time.Duration
	waiters sync.Pool // of *waiter[C]

	mu         sync.Mutex
	head, tail *waiter[C] // callers whose changes wait, oldest first
	leading    bool       // somebody commits, or was told to
}

// waiter is one call of Do.
type waiter[C any] struct {
	changes []C
	errs    []error
	// ready gets true when the caller is to lead, false when its outcome is in
	// errs. It has room for one value, and no more than one is ever on the way.
	ready      chan bool
	state      waiterState // guarded by Committer.mu
	prev, next *waiter[C]
}

type waiterState uint8

const (
	waiting waiterState = iota
	leader              // at the head of the queue and told to lead
	taken               // its batch has started
)

// NewCommitter returns a Committer that commits by apply, and starts nothing.
//
// apply must carry out the changes in order and return one error per change, nil
// for one that is committed. A result of another length is reported to every
// caller of the batch as an error, for nothing is known then. Its context has
// the values of the caller that leads, is not cancelled by any caller, and ends
// after the Timeout. It must not use batch after it returned. Two calls of apply
// never overlap. It panics when apply is nil.
func NewCommitter[C any](apply func(ctx context.Context, batch []C) []error, cfg CommitterConfig) *Committer[C] {
	if apply == nil {
		panic("sync: NewCommitter: apply is nil")
	}
	if cfg.MaxBatch <= 0 {
		cfg.MaxBatch = DefaultMaxBatch
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultCommitTimeout
	}
	return &Committer[C]{apply: apply, max: cfg.MaxBatch, timeout: cfg.Timeout}
}

// Do commits changes and returns one error per change, nil for one that is
// committed. The changes of one Do stay together in one batch, in order. Without
// changes it returns nil at once.
//
// When ctx ends before the batch with these changes has started, they are
// withdrawn and each error is ctx's; nothing of them was done. Once the batch
// has started Do waits for the outcome, whatever ctx does: a committed change is
// never reported as failed. A panic of apply gives a *PanicError to every caller
// of the batch.
//
// The result must not be changed.
func (c *Committer[C]) Do(ctx context.Context, changes ...C) []error {
	if len(changes) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return repeat(err, len(changes))
	}
	w, lead := c.enqueue(changes)
	if !lead {
		select {
		case lead = <-w.ready:
		case <-ctx.Done():
			if c.withdraw(w) {
				return repeat(ctx.Err(), len(changes))
			}
			<-w.ready
		}
	}
	if lead {
		if err := ctx.Err(); err != nil && c.withdraw(w) {
			return repeat(err, len(changes))
		}
		gather()
		c.lead(ctx, w)
	}
	errs := w.errs
	c.recycle(w)
	return errs
}

// enqueue appends the changes to the queue. When nobody commits, the caller is
// to lead.
func (c *Committer[C]) enqueue(changes []C) (w *waiter[C], lead bool) {
	w, _ = c.waiters.Get().(*waiter[C])
	if w == nil {
		w = &waiter[C]{ready: make(chan bool, 1)}
	}
	w.changes = changes

	c.mu.Lock()
	defer c.mu.Unlock()
	w.state = waiting
	w.prev, w.next = c.tail, nil
	if c.tail == nil {
		c.head = w
	} else {
		c.tail.next = w
	}
	c.tail = w
	if c.leading {
		return w, false
	}
	c.leading = true
	w.state = leader
	return w, true
}

// withdraw takes back changes that no batch has started with, and says whether
// it could. A leader that withdraws hands the lead on.
func (c *Committer[C]) withdraw(w *waiter[C]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.state == taken {
		return false
	}
	wasLeader := w.state == leader
	c.unlink(w)
	if wasLeader {
		select {
		case <-w.ready: // told to lead, but it never listened
		default:
		}
		c.handOn()
	}
	c.recycle(w)
	return true
}

// gather lets those run first whose commit has just ended: many of them bring
// their next change, which then shares the coming commit instead of waiting for
// it. Without this, two halves of the callers take turns. Two rounds, for the
// first only gets them going (measured with 16 and 64 callers and an fsync a
// commit: 8 and 32 changes a commit without, 16 and 63 with).
func gather() {
	runtime.Gosched()
	runtime.Gosched()
}

// lead commits one batch, which begins with the changes of w itself, for w is
// the head of the queue.
func (c *Committer[C]) lead(ctx context.Context, w *waiter[C]) {
	first, changes := c.take()
	var errs []error
	// Deferred, so that the others get their outcome even when apply ends this
	// goroutine by runtime.Goexit.
	defer func() {
		c.mu.Lock()
		c.handOn()
		c.mu.Unlock()
		for each := first; each != nil; {
			next := each.next // before its owner may use it again
			n := len(each.changes)
			each.errs, errs = errs[:n:n], errs[n:]
			if each != w {
				each.ready <- false
			}
			each = next
		}
	}()
	c.run(ctx, changes, &errs)
}

// take removes the next batch from the queue, as a chain of waiters and their
// changes in order.
func (c *Committer[C]) take() (first *waiter[C], changes []C) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first = c.head
	n := 0
	var last *waiter[C]
	for w := first; w != nil && (last == nil || n+len(w.changes) <= c.max); w = w.next {
		w.state = taken
		n += len(w.changes)
		last = w
	}
	c.head = last.next
	if c.head == nil {
		c.tail = nil
	} else {
		c.head.prev = nil
	}
	last.next = nil
	if first == last {
		return first, first.changes
	}
	changes = make([]C, 0, n)
	for w := first; w != nil; w = w.next {
		changes = append(changes, w.changes...)
	}
	return first, changes
}

// run calls apply and makes sure that errs has one outcome per change.
func (c *Committer[C]) run(ctx context.Context, batch []C, errs *[]error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
	defer cancel()
	returned := false
	defer func() {
		if !returned {
			*errs = repeat(error(newPanicError("commit", recover())), len(batch))
		}
	}()
	got := c.apply(ctx, batch)
	returned = true
	if len(got) != len(batch) {
		err := fmt.Errorf("sync: commit: apply returned %d outcomes for %d changes", len(got), len(batch))
		got = repeat(err, len(batch))
	}
	*errs = got
}

// handOn makes the head of the queue the leader, or nobody. c.mu is held.
func (c *Committer[C]) handOn() {
	if c.head == nil {
		c.leading = false
		return
	}
	c.head.state = leader
	c.head.ready <- true
}

// unlink removes a waiter from the queue. c.mu is held.
func (c *Committer[C]) unlink(w *waiter[C]) {
	if w.prev == nil {
		c.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		c.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
}

// recycle keeps a waiter for the next caller, without what it carried: a change
// may hold patient data, and is not to live longer than its call.
func (c *Committer[C]) recycle(w *waiter[C]) {
	w.changes, w.errs, w.prev, w.next = nil, nil, nil, nil
	c.waiters.Put(w)
}

func repeat(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}
