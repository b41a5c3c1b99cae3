package writeback

import (
	"context"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// giveUpAfter is how many looks are taken for an uncertain item before a person
// is asked. It is still looked for afterwards, ever more rarely.
const giveUpAfter = 8

// recoverOrphans finds what was being written when the lease was given up or
// lost, whoever held it: by another process, or by this one, which gives it up
// when it cannot store an answer. The outcome is unknown. Nothing is being
// written by the practice while this runs.
func (p *Practice) recoverOrphans(ctx context.Context) error {
	for {
		left, err := p.e.cfg.Store.Items(ctx, ItemQuery{Practice: p.id, States: []State{Writing}, Limit: 500})
		if err != nil {
			return fmt.Errorf("writeback: read unfinished items: %w", err)
		}
		moved := 0
		for _, r := range left {
			it, err := p.e.seal.open(r)
			if err != nil {
				it = &item{Record: r} // it stays as sealed as it is
			}
			from := it.State
			it.move(EventLapsed)
			change := Change{
				Practice: p.id, Fence: p.lease.Fence(),
				Items:  []ItemWrite{{Record: it.Record, Expect: it.Version}},
				Events: []Event{it.event(EventLapsed, from, "engine")},
			}
			if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
				return fmt.Errorf("writeback: recover item %s: %w", it.ID, err)
			}
			moved++
		}
		if moved == 0 || len(left) < 500 {
			return nil
		}
	}
}

// lookFor asks the PMS whether an uncertain item's write is there.
func (p *Practice) lookFor(ctx context.Context, it *item, env planEnv) error {
	if err := p.gather(ctx, it, p.e.cfg.Store); err != nil {
		return err
	}
	if it.foreign(env.view) {
		return p.stillUnknown(ctx, it, 0, true) // that PMS cannot be asked any more
	}
	l := it.nextLeg()
	if l == nil || l.Sent == nil || l.First.IsZero() {
		// It was claimed and its leg never bound: nothing can have been sent.
		return p.settle(ctx, it, EventAbsent, "", 0)
	}
	op, err := bind(it, l, env)
	if err != nil {
		return p.stillUnknown(ctx, it, 0, true)
	}
	if p.repeatable(op.Kind()) {
		// One effect however often it is sent.
		l.State, l.Doubt = legPending, true
		return p.settle(ctx, it, EventAbsent, "", 0)
	}
	var verdict driver.Verdict
	var receipt driver.Receipt
	err = p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
		verdict, receipt, err = driver.Verify(ctx, conn, op)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e := driver.ReadError(err)
		if e.Kind == driver.ErrUnavailable {
			// The PMS is down: that says nothing about this item.
			return p.stillUnknown(ctx, it, e.RetryAfter, false)
		}
		return p.stillUnknown(ctx, it, e.RetryAfter, true)
	}
	switch verdict {
	case driver.VerdictApplied:
		if receipt.State != "" {
			// It is there except for a rest that can be repeated.
			l.State, l.Prior = legPending, &receipt
			return p.settle(ctx, it, EventIncomplete, "", 0)
		}
		return p.legDone(ctx, it, l, receipt, op)
	case driver.VerdictAbsent:
		l.Doubt = false
		l.unsent()
		it.Attempts = 0
		return p.settle(ctx, it, EventAbsent, "", 0)
	}
	// Before that time the answer cannot be known, so that look does not count;
	// unless it was sent in the future, by a clock that has been put right since.
	after := env.info.Ops[op.Kind()].VerifyAfter
	wait := time.Until(l.Last.Add(after))
	early := wait > 0 && wait <= after
	return p.stillUnknown(ctx, it, min(max(wait, 0), after), !early)
}

// stillUnknown waits for another look. After some, a person is asked, and the
// item no longer holds back what is behind it. A look that could not tell
// anything of the item, because the PMS was down or it was too early, does not
// count.
func (p *Practice) stillUnknown(ctx context.Context, it *item, wait time.Duration, counts bool) error {
	if counts {
		it.Attempts = max(it.Attempts, 0) + 1
	}
	from, before := it.State, it.Reason
	it.move(EventStillUnknown)
	it.Reason = before
	if it.Attempts >= giveUpAfter {
		it.Reason, it.Cause = ReasonOutcomeUnknown, "outcome_unknown:"+string(it.nextOp())
		it.Blocking = false
	}
	delay := max(min(wait, longestWait), p.retryDelay(it, &driver.Error{}))
	return p.store(ctx, it, EventStillUnknown, from, delay, func(c *Change) {
		if it.Reason == before {
			c.Events = nil // no news
		}
	})
}

// lookFirst looks for what a person asked to send again although its outcome was
// not known: they may have looked in the wrong place. Their word counts when the
// PMS cannot tell, if they gave it for this item alone; but not while it may still be at work on the earlier sending:
// what is not there yet may come.
func (p *Practice) lookFirst(ctx context.Context, conn driver.Conn, c claim) (receipt driver.Receipt, there bool, err error) {
	if !c.l.Doubt || c.l.Prior != nil || p.repeatable(c.op.Kind()) {
		return receipt, false, nil
	}
	var verdict driver.Verdict
	head := c.op.Head()
	head.LastSent = c.before
	err = p.onConn(ctx, p.e.cfg.ReadTimeout, conn, func(ctx context.Context, conn driver.Conn) (err error) {
		verdict, receipt, err = driver.Verify(ctx, conn, c.op)
		return err
	})
	head.LastSent = c.l.Last
	switch {
	case err != nil:
		if e := driver.ReadError(err); e.Kind == driver.ErrUnavailable {
			return driver.Receipt{}, false, e
		}
	case verdict == driver.VerdictApplied && receipt.State != "":
		return driver.Receipt{}, false, &driver.Error{Op: "verify", Kind: driver.ErrIncomplete, Receipt: receipt}
	case verdict == driver.VerdictApplied:
		return receipt, true, nil
	case verdict == driver.VerdictAbsent:
		c.l.Doubt = false
		return driver.Receipt{}, false, nil
	}
	after := p.verifyAfter(c.op.Kind())
	if wait := time.Until(c.before.Add(after)); wait > 0 && wait <= after {
		c.l.Last = c.before // it is not sent now
		return driver.Receipt{}, false, &driver.Error{Op: "verify", Kind: driver.ErrUnavailable, RetryAfter: wait}
	}
	if c.l.Unseen {
		c.l.Last = c.before
		return driver.Receipt{}, false, &driver.Error{Op: "verify", Kind: driver.ErrUnknownOutcome}
	}
	return driver.Receipt{}, false, nil
}

func (p *Practice) verifyAfter(op driver.OpKind) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.info == nil {
		return 0
	}
	return p.info.Ops[op].VerifyAfter
}
