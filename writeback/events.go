package writeback

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// tellEvents gives the host the audit rows behind its durable position, until
// end: those of items to one handler and those of the practice to the other, all
// in order. It says in how long it wants to be called again.
func (p *Practice) tellEvents(ctx context.Context, end time.Time) (time.Duration, error) {
	if h := p.e.cfg.Handlers; h.Items == nil && h.Practice == nil {
		return -1, nil
	}
	if wait := time.Until(p.tellAfter); wait > 0 {
		return wait, nil
	}
	doc, err := p.e.cfg.Store.Doc(ctx, p.id, docEvents)
	var after int64
	if err == nil {
		if err := json.Unmarshal(doc.Value, &after); err != nil {
			return 0, fmt.Errorf("writeback: the position of the handlers of events is damaged")
		}
	} else if !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("writeback: read position of the handlers of events: %w", err)
	}
	for {
		rows, err := p.e.cfg.Store.Events(ctx, p.id, after, handlerBatch)
		if err != nil {
			return 0, fmt.Errorf("writeback: read events: %w", err)
		}
		if len(rows) == 0 {
			return -1, nil
		}
		if err := p.tellRows(ctx, rows); err != nil {
			var host *handlerError
			switch {
			case ctx.Err() != nil:
				return 0, ctx.Err()
			case !errors.As(err, &host):
				return 0, err
			}
			p.tellFailures++
			wait := p.e.cfg.Retry.Delay(p.tellFailures, 0.5)
			p.tellAfter = time.Now().Add(wait)
			p.e.cfg.Log.Warn("events not delivered", "practice", p.id, "error", safeError(err), "again_in", wait)
			return wait, nil
		}
		p.tellFailures = 0
		after = rows[len(rows)-1].Seq
		value, err := json.Marshal(after)
		if err != nil {
			return 0, err
		}
		change := Change{Practice: p.id, Fence: p.lease.Fence(), Docs: []DocWrite{{Name: docEvents, Value: value, Expect: -1}}}
		if err := p.e.commit.Apply(context.WithoutCancel(ctx), []Change{change})[0]; err != nil {
			return 0, fmt.Errorf("writeback: store position of the handlers of events: %w", err)
		}
		if len(rows) < handlerBatch {
			return -1, nil
		}
		if time.Now().After(end) {
			return 0, nil
		}
	}
}

// tellRows gives rows to the handlers, run by run, so that a host that has both
// hears of a save before it hears what the save did to its items.
func (p *Practice) tellRows(ctx context.Context, rows []Event) error {
	h := p.e.cfg.Handlers
	for len(rows) > 0 {
		ofItem := rows[0].Item != ""
		n := 1
		for n < len(rows) && (rows[n].Item != "") == ofItem {
			n++
		}
		run := rows[:n]
		rows = rows[n:]
		switch {
		case ofItem && h.Items != nil:
			events, err := p.itemEvents(ctx, run)
			if err != nil {
				return err
			}
			if err := deliver(ctx, p, handlerItems, h.Items, events); err != nil {
				return err
			}
		case !ofItem && h.Practice != nil:
			if err := deliver(ctx, p, handlerPractice, h.Practice, p.practiceEvents(run)); err != nil {
				return err
			}
		}
	}
	return nil
}

// The names of the handlers that serve no feed, in Health.BlockedByHost.
const (
	handlerItems    = "items"
	handlerPractice = "practice"
	handlerImports  = "imports"
)

// itemEvents adds to each row the item as it is now.
func (p *Practice) itemEvents(ctx context.Context, rows []Event) ([]ItemEvent, error) {
	items := map[string]Item{}
	events := make([]ItemEvent, 0, len(rows))
	for _, row := range rows {
		current, ok := items[row.Item]
		if !ok {
			r, err := p.e.cfg.Store.Item(ctx, p.id, row.Item)
			if err != nil {
				return nil, fmt.Errorf("writeback: read item %s: %w", row.Item, err)
			}
			it, err := p.e.seal.open(r)
			if err != nil {
				it = &item{Record: r}
			}
			current = it.public()
			items[row.Item] = current
		}
		events = append(events, ItemEvent{Event: row, Current: current, Words: wordsFor(row)})
	}
	return events, nil
}

// loadSalt reads the key for hashes of what was seen, making it the first time.
func (p *Practice) loadSalt(ctx context.Context) error {
	for len(p.salt) == 0 {
		doc, err := p.e.cfg.Store.Doc(ctx, p.id, docSeenSalt)
		if err == nil {
			p.salt = doc.Value
			return nil
		}
		if !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("writeback: read salt: %w", err)
		}
		salt := make([]byte, 32)
		if _, err := rand.Read(salt); err != nil {
			return err
		}
		change := Change{Practice: p.id, Fence: p.lease.Fence(), Docs: []DocWrite{{Name: docSeenSalt, Value: salt}}}
		if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil && !errors.Is(err, ErrStale) {
			return fmt.Errorf("writeback: store salt: %w", err)
		}
	}
	return nil
}
