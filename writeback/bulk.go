package writeback

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Bulk is what a person does to many items at once.
type Bulk struct {
	// Action is ActionDismiss, ActionRetry or ActionBackfill. Required.
	Action ActionName
	// Query selects the items, of this practice. They are taken in the order of
	// their submission; to go on where an earlier call ended set Query.After to its
	// result's After. Leave Practice, Newest and Limit empty.
	//
	// Dismissing and retrying need Query.States. A backfill is of skipped items,
	// needs Query.MaxAge, and takes notes, documents and forms unless Query.Kinds
	// says otherwise.
	Query ItemQuery
	// Actor is who does it. Required. Reason is why, for the audit log, which has
	// a row for each item; it must not hold patient data.
	Actor, Reason string
	// Max bounds how many items are done, at most 10,000. Required for a backfill,
	// else 500 by default. No call looks at more than 10,000 items.
	Max int
	// DryRun changes nothing, and says what would be done.
	DryRun bool
}

// BulkResult is what became of the items that a [Bulk] selected.
type BulkResult struct {
	// Done counts the items it was done to, or would be in a dry run. Items are
	// their ids, in order, and States counts what they became at first.
	Done   int
	Items  []string
	States map[State]int
	// NotAllowed counts items whose state or content does not allow it, Off those
	// of a backfill that the settings still say not to write. They stay as they
	// are.
	NotAllowed, Off int
	// Changed counts items that somebody else, or the engine, moved meanwhile so
	// that they do not fit the query any more.
	Changed int
	// More says that items are left that fit the query, behind After.
	More bool
	// After is the Seq of the last item that was looked at.
	After int64
}

const (
	defaultBulk = 500
	maxBulk     = 10_000
	bulkPage    = 200
)

// Bulk dismisses, retries or backfills many items. Each goes along the state
// table by itself, with its own row in the audit log, so that a call that was cut
// short leaves nothing half done, and calling again goes on with the rest. It
// returns what was done also when it fails.
//
// A retry of many is nobody's word that they looked: what is uncertain is looked
// for, and sent again only if the PMS says that it is not there; a status that
// conflicted is written only if it can be without overruling anybody. A backfill
// takes what the settings skipped and would write now: it is decided again, in
// order, and may still wait for its patient or be held. Payments and refunds are
// never skipped. What was skipped longer ago than Config.KeepContent, or is
// older than Config.NotesExpire, cannot be written any more.
func (p *Practice) Bulk(ctx context.Context, b Bulk) (BulkResult, error) {
	res := BulkResult{After: b.Query.After}
	if err := p.usable(); err != nil {
		return res, err
	}
	if err := b.check(); err != nil {
		return res, err
	}
	b.Query.Practice = p.id
	if b.Max == 0 {
		b.Max = defaultBulk
	}
	err := p.bulk(ctx, b, &res)
	if res.Done > 0 && !b.DryRun {
		p.redecide.Store(true)
		p.wakeOthers(context.WithoutCancel(ctx))
	}
	return res, err
}

// check completes a bulk and says what is wrong with it.
func (b *Bulk) check() error {
	c := inputCheck{e: InputError{Op: "bulk"}}
	c.actor(b.Actor, "reason", b.Reason)
	q := &b.Query
	c.query("query.", *q)
	if q.Newest {
		c.bad("query.newest", "is set; items are taken in the order of their submission")
	}
	if q.Limit != 0 {
		c.bad("query.limit", "is set; use max")
	}
	if b.Max < 0 || b.Max > maxBulk {
		c.bad("max", fmt.Sprintf("must be from 1 to %d, or 0 for the default", maxBulk))
	}
	switch b.Action {
	case ActionDismiss, ActionRetry:
		if len(q.States) == 0 {
			c.bad("query.states", "are empty; name the states whose items are meant")
		}
		if b.Action == ActionRetry && slices.Contains(q.States, Skipped) {
			c.bad("query.states", "have skipped items; backfill them")
		}
	case ActionBackfill:
		if len(q.States) == 0 {
			q.States = []State{Skipped}
		} else if !slices.Equal(q.States, []State{Skipped}) {
			c.bad("query.states", "have others than skipped items; a backfill is of those alone")
		}
		if len(q.Kinds) == 0 {
			q.Kinds = []ItemKind{KindNote, KindDocument, KindForm}
		} else if slices.Contains(q.Kinds, KindPayment) || slices.Contains(q.Kinds, KindRefund) {
			c.bad("query.kinds", "have payments or refunds, which are never skipped")
		}
		if q.MaxAge == 0 {
			c.bad("query.max_age", "is empty; say how far back it goes")
		}
		if b.Max == 0 {
			c.bad("max", "is empty; say how many it may be")
		}
	default:
		c.bad("action", "is none for many items; use ActionDismiss, ActionRetry or ActionBackfill")
	}
	return c.err()
}

func (p *Practice) bulk(ctx context.Context, b Bulk, res *BulkResult) error {
	q := b.Query
	for looked := 0; ; {
		// One more than can be done shows whether any is left.
		q.Limit = min(bulkPage, b.Max-res.Done+1)
		records, err := p.e.cfg.Store.Items(ctx, q)
		if err != nil {
			return fmt.Errorf("writeback: bulk: %w", err)
		}
		if len(records) == 0 {
			return nil
		}
		room := min(b.Max-res.Done, maxBulk-looked)
		if room <= 0 {
			res.More = true
			return nil
		}
		records = records[:min(len(records), room)]
		looked += len(records)
		if err := p.bulkItems(ctx, b, records, res); err != nil {
			return err
		}
		q.After = records[len(records)-1].Seq
		res.After = q.After
	}
}

// bulkItems does it to some items, in one commit.
func (p *Practice) bulkItems(ctx context.Context, b Bulk, records []Record, res *BulkResult) error {
	var failed error
	for tries := 0; len(records) > 0 && failed == nil; tries++ {
		var items []*item
		var changes []Change
		for _, r := range records {
			it, change, err := p.bulkChange(ctx, b, r)
			switch {
			case errors.Is(err, errStillOff):
				res.Off++
			case errors.Is(err, ErrNotAllowed):
				res.NotAllowed++
			case err != nil:
				return err
			default:
				items, changes = append(items, it), append(changes, change)
			}
		}
		records = nil
		if len(changes) == 0 {
			return nil
		}
		errs := make([]error, len(changes))
		if !b.DryRun {
			errs = p.e.commit.Apply(ctx, changes)
		}
		for i, err := range errs {
			it := items[i]
			switch {
			case err == nil:
				res.Done++
				res.Items = append(res.Items, it.ID)
				if res.States == nil {
					res.States = map[State]int{}
				}
				res.States[it.State]++
			case !errors.Is(err, ErrStale):
				failed = errors.Join(failed, err)
			default:
				// It was moved in between: look again, whether it is still meant.
				again, err := p.e.cfg.Store.Item(ctx, p.id, it.ID)
				switch {
				case err != nil:
					failed = errors.Join(failed, err)
				case tries < 5 && b.Query.fits(again):
					records = append(records, again)
				default:
					res.Changed++
				}
			}
		}
	}
	if failed != nil {
		return fmt.Errorf("writeback: bulk: %w", failed)
	}
	return nil
}

// errStillOff says that the settings would skip the item again.
var errStillOff = errors.New("writeback: the settings say not to write it")

func (p *Practice) bulkChange(ctx context.Context, b Bulk, r Record) (*item, Change, error) {
	it, err := p.e.seal.open(r)
	if err != nil {
		it = &item{Record: r} // permits says that nobody can decide about it
	}
	event, prepare := EventDismissed, func(*item) error { return nil }
	switch b.Action {
	case ActionRetry:
		event, prepare = EventRetried, retryUnseen
	case ActionBackfill:
		event, prepare = EventBackfilled, func(it *item) error {
			v, err := p.view(ctx)
			if err != nil {
				return err
			}
			if _, off := decideWanted(it, v); off {
				return errStillOff
			}
			retry(it)
			return nil
		}
	}
	change, err := p.actChange(ctx, it, event, b.Actor, b.Reason, prepare)
	return it, change, err
}

// retryUnseen prepares a retry by somebody who has not looked at the item.
func retryUnseen(it *item) error {
	retry(it)
	for i := range it.pr.Legs {
		if l := &it.pr.Legs[i]; l.Doubt {
			l.Unseen = true
		}
	}
	return nil
}

// fits reports whether an item is still one that the query selects; age apart,
// which only grows.
func (q ItemQuery) fits(r Record) bool {
	return (len(q.States) == 0 || slices.Contains(q.States, r.State)) &&
		(len(q.Reasons) == 0 || slices.Contains(q.Reasons, r.Reason)) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, r.Kind)) &&
		(q.Patient == "" || q.Patient == r.Patient) &&
		(q.Subject == "" || q.Subject == r.Subject) &&
		(q.Cause == "" || q.Cause == r.Cause) && (!q.NoCause || r.Cause == "")
}
