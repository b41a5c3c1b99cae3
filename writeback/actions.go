package writeback

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pmswriteback/pms/driver"
)

// Item returns one item by its id; ErrNotFound when there is none.
func (p *Practice) Item(ctx context.Context, id string) (Item, error) {
	r, err := p.e.cfg.Store.Item(ctx, p.id, id)
	if err != nil {
		return Item{}, fmt.Errorf("writeback: item: %w", err)
	}
	return p.publicOf(r)
}

// ItemByKey returns one item by the host's key; ErrNotFound when there is none.
func (p *Practice) ItemByKey(ctx context.Context, key string) (Item, error) {
	r, err := p.e.cfg.Store.ItemByKey(ctx, p.id, key)
	if err != nil {
		return Item{}, fmt.Errorf("writeback: item: %w", err)
	}
	return p.publicOf(r)
}

// Items returns the items that fit; q.Practice is set by the call. Page with
// q.After and the last item's Seq. To select by times of day, give the ages that
// they have now. An *InputError names what is wrong with the query: its Limit is
// at most 10,000.
func (p *Practice) Items(ctx context.Context, q ItemQuery) ([]Item, error) {
	c := inputCheck{e: InputError{Op: "items"}}
	c.query("", q)
	if err := c.err(); err != nil {
		return nil, err
	}
	q.Practice = p.id
	records, err := p.e.cfg.Store.Items(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("writeback: items: %w", err)
	}
	items := make([]Item, 0, len(records))
	for _, r := range records {
		it, err := p.e.seal.open(r)
		if err != nil {
			it = &item{Record: r}
		}
		items = append(items, it.public())
	}
	return items, nil
}

// ItemEvents returns what happened to an item, in order.
func (p *Practice) ItemEvents(ctx context.Context, id string) ([]Event, error) {
	return p.e.cfg.Store.ItemEvents(ctx, p.id, id)
}

// Retry tries an item again that failed, conflicted, is held, waits for its
// patient or for the PMS, or was skipped; it is decided again, and may end where
// it was. The rest of one that is partially posted is tried again alone. On an
// uncertain item it is a person's word that they looked and that the
// PMS does not have it; the PMS is asked once more all the same, and the word
// counts when it cannot tell. ErrNotAllowed in other states.
func (p *Practice) Retry(ctx context.Context, id, actor string) (Item, error) {
	return p.act(ctx, id, EventRetried, actor, "", func(it *item) error {
		retry(it)
		if it.Kind == KindStatus {
			// The person has seen what stands there and wants theirs all the same.
			it.pr.AnyBasis = true
			if l := it.nextLeg(); l != nil && l.Sent != nil {
				l.Sent.From = ""
			}
		}
		for i := range it.pr.Legs {
			it.pr.Legs[i].Unseen = false
		}
		return nil
	})
}

// retry prepares an item to be tried again.
func retry(it *item) {
	it.Attempts = 0
	it.pr.PlanOnly = false
	if it.pr.Match.Result != matchOne {
		it.pr.Match = matchResult{}
	}
	for i := range it.pr.Legs {
		if l := &it.pr.Legs[i]; l.State == legSending {
			l.State, l.Doubt = legPending, true
		}
	}
}

// Dismiss decides against an item. reason is kept in the audit log and must not
// hold patient data. What is written, or being written, cannot be dismissed.
func (p *Practice) Dismiss(ctx context.Context, id, actor, reason string) (Item, error) {
	return p.act(ctx, id, EventDismissed, actor, reason, nil)
}

// Transfer lets a payment be posted that waits for a person, to the patient that
// it names.
func (p *Practice) Transfer(ctx context.Context, id, actor string) (Item, error) {
	return p.act(ctx, id, EventTransferred, actor, "", func(it *item) error {
		it.pr.Approved, it.pr.PlanOnly = true, false
		if it.p.Patient.ID != "" && it.pr.Match.Patient == "" && !it.p.Patient.patient().named() {
			// The person vouches for the id, which alone would not do.
			it.pr.Match = matchResult{Result: matchOne, Patient: it.p.Patient.ID}
		}
		return nil
	})
}

// Assign says which PMS patient an item is for. If the item names its patient by
// the host's own id, the link is kept for all further items.
func (p *Practice) Assign(ctx context.Context, id, patient, actor string) (Item, error) {
	c := inputCheck{e: InputError{Op: "assign"}}
	if patient == "" {
		c.bad("patient", "is empty; give the PMS's patient id")
	}
	c.id("patient", patient)
	if err := c.err(); err != nil {
		return Item{}, err
	}
	return p.act(ctx, id, EventAssigned, actor, "", func(it *item) error {
		it.pr.Match = matchResult{Result: matchOne, Patient: patient}
		it.pr.Approved, it.pr.PlanOnly = true, false
		return nil
	})
}

// MarkPosted says that a person posted an item by hand; reference is their note,
// such as the PMS's number, and must not hold patient data.
func (p *Practice) MarkPosted(ctx context.Context, id, actor, reference string) (Item, error) {
	return p.act(ctx, id, EventMarkedPosted, actor, reference, func(it *item) error { return p.postedByHand(ctx, it) })
}

// act is what a person does to an item: along the state table, compare-and-set,
// with the actor in the audit log.
func (p *Practice) act(ctx context.Context, id, event, actor, detail string, prepare func(*item) error) (Item, error) {
	if err := p.usable(); err != nil {
		return Item{}, err
	}
	said := "reason"
	if event == EventMarkedPosted {
		said = "reference"
	}
	c := inputCheck{e: InputError{Op: actionName(event)}}
	c.actor(actor, said, detail)
	if err := c.err(); err != nil {
		return Item{}, err
	}
	for tries := 0; ; tries++ {
		it, err := p.actOnce(ctx, id, event, actor, detail, prepare)
		if errors.Is(err, ErrStale) && tries < 5 {
			continue // the engine moved it in between: look again
		}
		if err != nil {
			return Item{}, err
		}
		p.redecide.Store(true) // a refund may wait for this payment
		p.wakeOthers(ctx)
		return it, nil
	}
}

// actor checks who does something, and what they say about it in a field.
func (c *inputCheck) actor(actor, field, said string) {
	if actor == "" {
		c.bad("actor", "is empty; say who does it")
	}
	c.id("actor", actor)
	c.remark(field, said)
}

// remark checks what a person says for the audit log, which shows it as it is and
// keeps it for ever.
func (c *inputCheck) remark(field, said string) {
	switch {
	case len(said) > maxShort:
		c.bad(field, fmt.Sprintf("has more than %d bytes", maxShort))
	case !utf8.ValidString(said) || strings.ContainsRune(said, 0):
		c.bad(field, "is not UTF-8 text")
	case HasCardNumber(said):
		c.card(field)
	}
}

func (p *Practice) actOnce(ctx context.Context, id, event, actor, detail string, prepare func(*item) error) (Item, error) {
	r, err := p.e.cfg.Store.Item(ctx, p.id, id)
	if err != nil {
		return Item{}, fmt.Errorf("writeback: item: %w", err)
	}
	it, err := p.e.seal.open(r)
	if err != nil {
		return Item{}, err
	}
	change, err := p.actChange(ctx, it, event, actor, detail, prepare)
	if err != nil {
		return Item{}, err
	}
	if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
		return Item{}, err
	}
	return it.public(), nil
}

// actChange moves an item as a person wants it and gives the change that stores
// that.
func (p *Practice) actChange(ctx context.Context, it *item, event, actor, detail string, prepare func(*item) error) (Change, error) {
	if err := it.permits(event); err != nil {
		return Change{}, err
	}
	from := it.State
	cell, _ := it.move(event)
	if prepare != nil {
		if err := prepare(it); err != nil {
			return Change{}, err
		}
	}
	if cell.act == actDecide {
		if err := p.gather(ctx, it, p.e.cfg.Store); err != nil {
			return Change{}, err
		}
		v, err := p.view(ctx)
		if err != nil {
			return Change{}, err
		}
		if event == EventAssigned {
			it.pr.PMS = v.product() // the person named a patient of this one
		}
		switch d := decide(it, v); d.event {
		case EventExpired:
			return Change{}, fmt.Errorf("%w: item %s is older than Config.NotesExpire", ErrNotAllowed, it.ID)
		case EventQueued, EventSkipped:
		default:
			it.apply(d)
		}
		it.Revision = v.revision
	}
	if err := p.e.seal.sealProgress(it); err != nil {
		return Change{}, err
	}
	row := it.event(event, from, actor)
	row.Detail = detail
	change := Change{
		Practice: p.id,
		Items:    []ItemWrite{{Record: it.Record, Expect: it.Version}},
		Events:   []Event{row},
	}
	if event == EventAssigned && it.p.Patient.HostID != "" {
		change.Docs = []DocWrite{{
			Name: docLink + derive("link", p.id, it.p.Patient.HostID, 20), Value: []byte(it.pr.Match.Patient), Expect: -1,
		}}
	}
	return change, nil
}

// wakeOthers asks for a step here and, through the store, wherever the practice
// is worked on. What it changes is found without it too.
func (p *Practice) wakeOthers(ctx context.Context) {
	if err := p.e.commit.Apply(ctx, []Change{{Practice: p.id, Wake: true}})[0]; err != nil {
		p.e.cfg.Log.Warn("other processes were not woken", "practice", p.id, "error", err)
	}
	p.e.Wake(p.id)
}

// SyncNow runs a feed's loop at once, here or wherever the practice is worked
// on. Asking again before it ran changes nothing.
func (p *Practice) SyncNow(ctx context.Context, feed driver.Feed) error {
	if !feed.Valid() {
		return &InputError{Op: "sync now", Fields: []FieldError{{"feed", "is not a feed; use one of driver.Feeds"}}}
	}
	if err := p.usable(); err != nil {
		return err
	}
	if !p.e.handles(feed) {
		return &InputError{Op: "sync now", Fields: []FieldError{{"feed", "has no handler in Config.Handlers"}}}
	}
	if err := p.loadSettings(ctx); err != nil {
		return err
	}
	if !p.runs(feed) {
		return &InputError{Op: "sync now", Fields: []FieldError{{"feed", "is off in the settings"}}}
	}
	if err := p.askFor(ctx, string(feed)); err != nil {
		return fmt.Errorf("writeback: sync now: %w", err)
	}
	return nil
}

// askFor leaves word in the store that a loop is to run at once, for the process
// that works on the practice.
func (p *Practice) askFor(ctx context.Context, loop string) error {
	change := Change{Practice: p.id, Docs: []DocWrite{{Name: docNow + loop, Value: []byte("1"), Expect: -1}}, Wake: true}
	if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
		return err
	}
	p.e.Wake(p.id)
	return nil
}
