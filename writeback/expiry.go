package writeback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// What waits does not wait in silence for ever. A note is news, and after the
// bound that the host sets nobody misses it: it expires. A form or a document is
// a record, which is never given up: after a while a person is asked for its
// patient. Payments, and what has begun, know no age.

// loopAges looks once an hour for what has grown too old, whether the PMS
// answers or not. A claim does not rely on it: decide asks for the age too.
const (
	loopAges  = "ages"
	agesEvery = time.Hour
)

// causeOverdue is one issue, however many forms wait.
const causeOverdue = "patient_overdue"

// expired reports whether a note's time is over. One of which the PMS may have
// something is finished or looked for instead.
func expired(it *item, v view) bool {
	if it.Kind != KindNote || v.notesExpire <= 0 || it.Age < v.notesExpire || it.maybeSent() {
		return false
	}
	return it.State != Queued || !it.forgotten(v.restoredAt)
}

// maybeSent reports whether the PMS may have something of the item.
func (it *item) maybeSent() bool {
	for i := range it.pr.Legs {
		if l := &it.pr.Legs[i]; l.State != legPending || l.Prior != nil || l.Doubt || !l.First.IsZero() {
			return true
		}
	}
	return false
}

// forgotten reports whether the store was restored since the item's event, so
// that it may have been written, and nobody has looked yet.
func (it *item) forgotten(restored time.Time) bool {
	l := it.nextLeg()
	return it.since().Before(restored) && (l == nil || !l.Looked)
}

// overdue makes the wait of a form or document for its patient a question to a
// person, once it has lasted. The look for the patient goes on.
func overdue(it *item, v view, d decision) decision {
	if d.reason != ReasonNoPatient || it.Kind != KindForm && it.Kind != KindDocument || v.formsAskAfter <= 0 || it.Age < v.formsAskAfter {
		return d
	}
	return decided(EventNeedsPatient, ReasonPatientOverdue, causeOverdue)
}

// checkAges expires notes and asks for the patients of forms and documents.
func (p *Practice) checkAges(ctx context.Context) error {
	v := p.viewNow()
	if v.notesExpire > 0 {
		notes := ItemQuery{States: []State{Queued, Held, NeedsPatient}, Kinds: []ItemKind{KindNote}, MinAge: v.notesExpire}
		err := p.decideOld(ctx, notes, func(it *item) decision {
			if expired(it, v) {
				return decided(EventExpired, ReasonNoteExpired, "")
			}
			return decision{}
		})
		if err != nil {
			return err
		}
	}
	forms := ItemQuery{
		States: []State{NeedsPatient}, Kinds: []ItemKind{KindForm, KindDocument}, Reasons: []driver.Reason{ReasonNoPatient}, MinAge: v.formsAskAfter,
	}
	return p.decideOld(ctx, forms, func(it *item) decision {
		// What else may be in its way counts once its patient is known.
		d, _ := decidePatient(it, v)
		if d.reason != ReasonPatientOverdue {
			return decision{}
		}
		return d
	})
}

// decideOld applies what judge says of the items that a query gives; an empty
// decision leaves an item as it is.
func (p *Practice) decideOld(ctx context.Context, q ItemQuery, judge func(*item) decision) error {
	q.Practice, q.Limit = p.id, 500
	for {
		records, err := p.e.cfg.Store.Items(ctx, q)
		if err != nil {
			return fmt.Errorf("writeback: read old items: %w", err)
		}
		if len(records) == 0 {
			return nil
		}
		q.After = records[len(records)-1].Seq
		var changes []Change
		for _, r := range records {
			it, err := p.e.seal.open(r)
			if err != nil {
				continue // nobody can say what has become of it
			}
			if err := p.gather(ctx, it, p.e.cfg.Store); err != nil {
				return err
			}
			from := it.State
			d := judge(it)
			if d.event == "" || !it.apply(d) {
				continue
			}
			change, err := p.changeOf(it, 0)
			if err != nil {
				return err
			}
			change.Events = []Event{it.event(d.event, from, "engine")}
			changes = append(changes, change)
		}
		if len(changes) == 0 {
			continue
		}
		for _, err := range p.e.commit.Apply(ctx, changes) {
			if err != nil && !errors.Is(err, ErrStale) {
				return fmt.Errorf("writeback: decide about old items: %w", err)
			}
		}
	}
}
