package writeback

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MarkRestored tells the engine that its store came from a back-up, so that it
// may have forgotten what was written since. Call it before Run, once, after
// restoring. From then on whatever happened or was submitted before the call is
// looked for in the PMS before it is sent for the first time: items of the
// back-up as well as those that the host submits again with their old keys,
// which give them their old references.
//
// What the inbound feeds have forgotten needs no mark: the next sweep corrects
// the host. Statuses are simply set again.
func (e *Engine) MarkRestored(ctx context.Context, actor string) error {
	if err := e.usable(); err != nil {
		return err
	}
	c := inputCheck{e: InputError{Op: "mark restored"}}
	if actor == "" {
		c.bad("actor", "is empty; say who does it")
	}
	c.id("actor", actor)
	if err := c.err(); err != nil {
		return err
	}
	records, err := e.cfg.Store.Practices(ctx)
	if err != nil {
		return fmt.Errorf("writeback: mark restored: %w", err)
	}
	value, err := stamp(time.Now()).MarshalText()
	if err != nil {
		return err
	}
	for _, r := range records {
		change := Change{
			Practice: r.ID, Wake: true,
			Docs:   []DocWrite{{Name: docRestored, Value: value, Expect: -1}},
			Events: []Event{{Practice: r.ID, Name: EventStoreRestored, Actor: actor}},
		}
		if err := e.commit.Apply(ctx, []Change{change})[0]; err != nil {
			return fmt.Errorf("writeback: mark restored: practice %s: %w", r.ID, err)
		}
		e.mu.Lock()
		p := e.practices[r.ID]
		e.mu.Unlock()
		if p != nil {
			p.wakeUp()
		}
	}
	return nil
}

// loadRestored reads when the practice's store was last marked as restored.
func (p *Practice) loadRestored(ctx context.Context) error {
	var at time.Time
	doc, err := p.e.cfg.Store.Doc(ctx, p.id, docRestored)
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return fmt.Errorf("writeback: read restore mark: %w", err)
	default:
		if err := at.UnmarshalText(doc.Value); err != nil {
			return errors.New("writeback: the stored restore mark is damaged")
		}
	}
	p.mu.Lock()
	p.restoredAt = at
	p.mu.Unlock()
	return nil
}

// suspect says whether a leg that was never sent may be in the PMS all the same,
// because the store has forgotten it. If so, the leg is made to look as if it had
// been sent, once, some time between its event and the restore.
func (p *Practice) suspect(it *item, l *leg) bool {
	since, restored := it.since(), p.restoreMark()
	if l.Looked || !l.First.IsZero() || !since.Before(restored) || p.repeatable(it.opOf(l)) {
		return false
	}
	l.Looked, l.State = true, legSending
	l.First, l.Last = stamp(since), restored
	return true
}

// forgotten says whether all of an item is suspect, none of it having been looked
// for yet.
func (p *Practice) forgotten(it *item) bool {
	return it.untouched() && it.since().Before(p.restoreMark()) && !p.repeatable(it.opKind())
}

// since is the earliest time at which an item can have been sent.
func (it *item) since() time.Time {
	if !it.p.At.IsZero() && it.p.At.Before(it.CreatedAt) {
		return it.p.At
	}
	return it.CreatedAt
}

// restoreMark is when the store was marked as restored, zero for never.
func (p *Practice) restoreMark() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.restoredAt
}
