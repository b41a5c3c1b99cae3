package writeback

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// decideAgain runs decide for what waits, when something changed that may move
// it: settings, a catalog, the PMS's abilities, the lease's holder. Waiting for
// a cause is nothing but being decided again, so a missed signal does no harm:
// a claim compares the revision, and a new lease asks for this too.
func (p *Practice) decideAgain(ctx context.Context) error {
	p.mu.Lock()
	revision, known := p.revision, p.info != nil
	p.mu.Unlock()
	if !p.redecide.Load() && p.decidedBy == revision {
		return nil
	}
	if !known && revision == 0 {
		// Nothing that waits can go anywhere yet; the first catalog asks again.
		p.redecide.Store(false)
		return nil
	}
	p.redecide.Store(false)
	if err := p.decideStates(ctx, decidedAgain()...); err != nil {
		p.redecide.Store(true)
		return err
	}
	p.decidedBy = revision
	return nil
}

// decidedAgain are the states whose items are decided again. Payments that wait
// for a transfer are not among them: no setting posts what a person was left to.
func decidedAgain() []State { return []State{Queued, Held, PartiallyPosted, NeedsPatient} }

// decideStates decides all items in these states again.
func (p *Practice) decideStates(ctx context.Context, states ...State) error {
	v := p.viewNow()
	var after int64
	for {
		records, err := p.e.cfg.Store.Items(ctx, ItemQuery{Practice: p.id, States: states, After: after, Limit: 500})
		if err != nil {
			return fmt.Errorf("writeback: read waiting items: %w", err)
		}
		if len(records) == 0 {
			return nil
		}
		after = records[len(records)-1].Seq
		var changes []Change
		for _, r := range records {
			it, err := p.e.seal.open(r)
			if err != nil {
				continue // set aside when its turn comes
			}
			if it.onItsWay() {
				continue
			}
			change, ok, err := p.decideOne(ctx, it, v)
			if err != nil {
				return err
			}
			if ok {
				changes = append(changes, change)
			}
		}
		if len(changes) == 0 {
			continue
		}
		for _, err := range p.e.commit.Apply(ctx, changes) {
			if err != nil && !errors.Is(err, ErrStale) {
				return fmt.Errorf("writeback: decide again: %w", err)
			}
		}
	}
}

// onItsWay reports whether the rest of an item is about to be sent: the claim
// decides it.
func (it *item) onItsWay() bool {
	return it.Active && it.State == PartiallyPosted && it.Reason != ReasonUnreadable
}

// decideOne gives the change that a new decision makes, if it makes one.
func (p *Practice) decideOne(ctx context.Context, it *item, v view) (Change, bool, error) {
	if err := p.gatherWaiting(ctx, it); err != nil {
		return Change{}, false, err
	}
	from := it.State
	d, moved := it.decideAnew(v)
	if !moved {
		return Change{}, false, nil
	}
	change, err := p.changeOf(it, 0)
	if err != nil {
		return Change{}, false, err
	}
	change.Events = []Event{it.event(d.event, from, "engine")}
	return change, true, nil
}

// gatherWaiting is gather for an item that waits, maybe for another document.
func (p *Practice) gatherWaiting(ctx context.Context, it *item) error {
	if err := p.gather(ctx, it, p.e.cfg.Store); err != nil {
		return err
	}
	if it.Reason == ReasonWaitsForDocument {
		return p.lookForSame(ctx, it)
	}
	return nil
}

// decideAnew decides an item that waits once more and moves it, here only. It
// reports false when the item stays as it is stored.
func (it *item) decideAnew(v view) (d decision, moved bool) {
	// What could not be opened before has its turn now.
	opened := it.Reason == ReasonUnreadable && it.Active
	if it.State == PartiallyPosted && it.Cause == "" && it.Reason != "" {
		return d, false // waits for a person
	}
	from, reason, cause := it.State, it.Reason, it.Cause
	d = decide(it, v)
	if d.event == EventQueued && from == Queued && !opened {
		return d, false
	}
	if d.event == EventHeld && from == NeedsPatient {
		return d, false // what holds it up counts once its patient is known
	}
	if !it.apply(d) {
		return d, false
	}
	if it.State == from && it.Reason == reason && it.Cause == cause {
		return d, false
	}
	it.Revision = v.revision
	if it.State == Queued {
		it.Attempts = 0
	}
	return d, true
}

// matchAgain looks again for the patients of items that nobody fitted: those
// born on one of the days, or all when there are none. Items that several
// patients fit wait for a person. An item that still has no patient stays as it
// is, without an event.
//
// Writes that are due have their turn in between; and when all are looked for and
// that takes long, so have the other loops, after which it goes on.
func (p *Practice) matchAgain(ctx context.Context, born ...driver.Date) error {
	end := time.Now().Add(stepBudget)
	var after int64
	if len(born) == 0 {
		after, p.matchAfter = p.matchAfter, 0
	}
	for {
		records, err := p.e.cfg.Store.Items(ctx, ItemQuery{
			Practice: p.id, States: []State{NeedsPatient}, Reasons: []driver.Reason{ReasonNoPatient, ReasonPatientOverdue}, After: after, Limit: 500,
		})
		if err != nil {
			return fmt.Errorf("writeback: read parked items: %w", err)
		}
		if len(records) == 0 {
			return nil
		}
		for _, r := range records {
			after = r.Seq
			asked, err := p.matchOne(ctx, r, born)
			if err != nil {
				return err
			}
			if !asked {
				continue
			}
			if err := p.breathe(ctx); err != nil {
				return err
			}
			if len(born) == 0 && time.Now().After(end) {
				p.matchAfter = after
				p.due.Now(loopMatch)
				return nil
			}
		}
	}
}

// matchOne looks again for the patient of one item, and says whether it asked the
// PMS.
func (p *Practice) matchOne(ctx context.Context, r Record, born []driver.Date) (asked bool, err error) {
	v := p.viewNow()
	it, err := p.e.seal.open(r)
	if err != nil {
		return false, nil //nolint:nilerr // set aside when its turn comes
	}
	if it.foreign(v) {
		return false, nil
	}
	proposed := it.pr.Match.Candidates
	it.pr.Match = matchResult{}
	it.settleIn(v)
	birth := it.p.Patient.patient().Birth.Reveal()
	if !it.needsMatch() || len(born) > 0 && !slices.Contains(born, birth) {
		return false, nil
	}
	err = it.lookUp(ctx, p.find)
	if errors.Is(err, driver.ErrRejected) {
		return true, nil // the PMS does not look for this one; it may for the others
	}
	if err != nil {
		return true, err
	}
	change, ok, err := p.decideOne(ctx, it, v)
	if err != nil {
		return true, err
	}
	if !ok {
		if slices.Equal(proposed, it.pr.Match.Candidates) {
			return true, nil
		}
		if change, err = p.changeOf(it, 0); err != nil {
			return true, err
		}
	}
	if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil && !errors.Is(err, ErrStale) {
		return true, fmt.Errorf("writeback: match again: %w", err)
	}
	return true, nil
}
