package writeback

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// settleWrite turns a write's answer into the item's next state and stores it.
func (p *Practice) settleWrite(ctx context.Context, c claim, receipt driver.Receipt, err error) error {
	it, l := c.it, c.l
	if err == nil {
		p.up()
		return p.legDone(ctx, it, l, receipt, c.op)
	}
	if errors.Is(err, errNotSent) {
		return p.release(ctx, c)
	}
	var over *decisionError
	if errors.As(err, &over) {
		l.unsent()
		return p.settleAs(ctx, it, over.d)
	}
	e := driver.WriteError(err)
	if e.Kind == driver.ErrRejected || e.Kind == driver.ErrConflict {
		p.up() // a refusal is an answer
	}
	delay := p.retryDelay(it, e)
	if it.lost.Load() && (e.Kind == driver.ErrUnavailable || e.Kind == driver.ErrRejected) {
		// The PMS is not to blame, and a person has to hear of it.
		l.unsent()
		return p.settle(ctx, it, EventRejected, ReasonContentLost, 0)
	}
	switch e.Kind {
	case driver.ErrUnavailable:
		l.unsent()
		p.pingAfter(ctx, e)
		return p.settle(ctx, it, EventUnavailable, e.Reason, delay)
	case driver.ErrIncomplete:
		prior := e.Receipt
		l.State, l.Prior = legPending, &prior
		return p.settle(ctx, it, EventIncomplete, e.Reason, delay)
	case driver.ErrConflict:
		l.unsent()
		return p.settle(ctx, it, EventConflict, ReasonStaffChanged, 0)
	case driver.ErrUnauthorized:
		l.unsent()
		p.closeAccess(e, c.op.Kind())
		return p.settleAs(ctx, it, decided(EventUnauthorized, ReasonUnauthorized, unauthorizedCause(e.Scope, c.op.Kind())))
	case driver.ErrRejected:
		if !isMoney(it.opOf(l)) {
			// What is refused now was not taken before either. Of money that is not
			// certain: the period may have been closed since, for instance.
			l.Doubt = false
		}
		l.unsent()
		if cause := mendableCause(e.Reason, c.op); cause != "" {
			// What catalogs that were just read do not show, reading them again
			// does not either.
			if p.catalogsAge() > time.Minute {
				p.due.Now(loopCatalog)
			}
			it.pr.RefusedAt = stamp(time.Now())
			return p.settleAs(ctx, it, decided(EventHeld, e.Reason, cause))
		}
		return p.settle(ctx, it, EventRejected, e.Reason, 0)
	}
	if p.repeatable(c.op.Kind()) {
		// One effect however often it is sent: no need to look first.
		l.State, l.Doubt = legPending, true
		return p.settle(ctx, it, EventUnavailable, e.Reason, delay)
	}
	return p.settle(ctx, it, EventUnknown, e.Reason, delay)
}

func isMoney(op driver.OpKind) bool {
	return op == driver.OpPayment || op == driver.OpRefund || op == driver.OpAdjustment
}

func (p *Practice) legDone(ctx context.Context, it *item, l *leg, receipt driver.Receipt, op driver.Op) error {
	l.State, l.Got, l.Prior = legDone, receipt, nil
	it.Attempts = 0
	if it.nextLeg() != nil {
		return p.settle(ctx, it, EventLegWritten, "", 0)
	}
	event := EventWritten
	if it.State == Uncertain {
		event = EventFound
	}
	if change, ok := op.(*driver.StatusChange); ok {
		return p.settleStatus(ctx, it, event, change)
	}
	if it.Kind == KindPayment {
		p.redecide.Store(true) // its refunds may go on
	}
	return p.settle(ctx, it, event, "", 0)
}

// mendableCause names what has to be mended in the PMS or the settings, after
// which the same item can go through. Empty: only a person can help.
func mendableCause(r driver.Reason, op driver.Op) string {
	switch r {
	case driver.ReasonProviderInactive, driver.ReasonProviderUnknown:
		return string(r) + ":" + op.Head().Provider
	case driver.ReasonOptionInactive, driver.ReasonOptionUnknown, driver.ReasonOptionUnfit:
		catalog, id := optionOf(op)
		return optionCause(r, catalog, id)
	case driver.ReasonUnsupported, driver.ReasonVersionTooOld, driver.ReasonMaintenance:
		return string(r) + ":" + string(op.Kind())
	}
	return ""
}

func (p *Practice) repeatable(op driver.OpKind) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.info != nil && p.info.Ops[op].Idempotent
}

func (p *Practice) retryDelay(it *item, e *driver.Error) time.Duration {
	d := p.e.cfg.Retry.Delay(max(it.Attempts, 1), rand.Float64())
	return max(d, min(e.RetryAfter, longestWait))
}

// pingAfter finds out whether only this record was unavailable or the whole PMS.
func (p *Practice) pingAfter(ctx context.Context, e *driver.Error) {
	if errors.Is(e, errNotAsked) || e.Reason == driver.ReasonRecordLocked {
		return
	}
	_ = p.read(ctx, func(ctx context.Context, conn driver.Conn) error { return conn.Ping(ctx) }) // read draws the consequences
}

func (p *Practice) closeAccess(e *driver.Error, op driver.OpKind) {
	if e.Scope == driver.ScopeConnection || e.Scope == "" {
		p.failed(e)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	closed := map[driver.OpKind]driver.Scope{}
	for k, s := range p.closed {
		closed[k] = s
	}
	closed[op] = e.Scope
	if e.Scope == driver.ScopeWrites {
		for _, k := range driver.OpKinds() {
			closed[k] = e.Scope
		}
	}
	p.closed = closed
	p.redecide.Store(true)
}

// settleAs stores where a decision sent an item.
func (p *Practice) settleAs(ctx context.Context, it *item, d decision) error {
	from := it.State
	if !it.apply(d) {
		return fmt.Errorf("writeback: item %s: %s does not allow %s", it.ID, from, d.event)
	}
	return p.store(ctx, it, d.event, from, 0)
}

// settle takes an item along the table and stores it.
func (p *Practice) settle(ctx context.Context, it *item, event string, reason driver.Reason, delay time.Duration) error {
	from := it.State
	if _, ok := it.move(event); !ok {
		return fmt.Errorf("writeback: item %s: %s does not allow %s", it.ID, from, event)
	}
	it.Reason = reason
	return p.store(ctx, it, event, from, delay)
}

// store commits an item with its event. It goes through even while the engine
// is stopping.
func (p *Practice) store(ctx context.Context, it *item, event string, from State, delay time.Duration, more ...func(*Change)) error {
	change, err := p.changeOf(it, delay)
	if err != nil {
		return err
	}
	change.Events = []Event{it.event(event, from, "engine")}
	for _, f := range more {
		f(&change)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err = p.e.commit.Apply(ctx, []Change{change})[0]
	if errors.Is(err, ErrStale) && from != Writing {
		return nil // somebody else moved it first; theirs counts
	}
	if err != nil {
		return err
	}
	return p.stored(it)
}

func (p *Practice) changeOf(it *item, delay time.Duration) (Change, error) {
	if err := p.e.seal.sealProgress(it); err != nil {
		return Change{}, err
	}
	return Change{
		Practice: p.id, Fence: p.lease.Fence(),
		Items: []ItemWrite{{Record: it.Record, Expect: it.Version, Delay: delay}},
	}, nil
}

// putOff delays an item whose patient could not be looked up.
func (p *Practice) putOff(ctx context.Context, it *item, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := driver.ReadError(err)
	if e.Kind == driver.ErrRejected {
		// This PMS cannot look patients up: a person has to.
		it.pr.Match = matchResult{Result: matchNone}
		return p.settleAs(ctx, it, decided(EventNeedsPatient, ReasonNoPatient, ""))
	}
	it.Attempts++
	return p.settle(ctx, it, EventUnavailable, e.Reason, p.retryDelay(it, e))
}

// unreadable sets an item aside that cannot be opened with the keys at hand.
func (p *Practice) unreadable(ctx context.Context, r Record) error {
	it := &item{Record: r}
	from := it.State
	it.Active, it.Blocking = true, false
	it.Reason, it.Cause = ReasonUnreadable, "unreadable"
	change := Change{
		Practice: p.id, Fence: p.lease.Fence(),
		Items: []ItemWrite{{Record: it.Record, Expect: it.Version, Delay: time.Hour}},
	}
	if r.Reason != ReasonUnreadable {
		change.Events = []Event{it.event(EventHeld, from, "engine")}
	}
	err := p.e.commit.Apply(ctx, []Change{change})[0]
	if errors.Is(err, ErrStale) {
		return nil
	}
	return err
}
