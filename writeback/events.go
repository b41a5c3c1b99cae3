package writeback

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// tellItems gives the host what became of its items: the audit rows behind the
// handler's durable position, until end. It says in how long it wants to be
// called again.
func (p *Practice) tellItems(ctx context.Context, end time.Time) (time.Duration, error) {
	handler := p.e.cfg.Handlers.Items
	if handler == nil {
		return -1, nil
	}
	if wait := time.Until(p.tellAfter); wait > 0 {
		return wait, nil
	}
	doc, err := p.e.cfg.Store.Doc(ctx, p.id, docEvents)
	var after int64
	if err == nil {
		if err := json.Unmarshal(doc.Value, &after); err != nil {
			return 0, fmt.Errorf("writeback: the position of the Items handler is damaged")
		}
	} else if !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("writeback: read position of the Items handler: %w", err)
	}
	for {
		rows, err := p.e.cfg.Store.Events(ctx, p.id, after, handlerBatch)
		if err != nil {
			return 0, fmt.Errorf("writeback: read events: %w", err)
		}
		if len(rows) == 0 {
			return -1, nil
		}
		events, err := p.itemEvents(ctx, rows)
		if err != nil {
			return 0, err
		}
		if err := deliver(ctx, p, "items", handler, events); err != nil {
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			p.tellFailures++
			wait := p.e.cfg.Retry.Delay(p.tellFailures, 0.5)
			p.tellAfter = time.Now().Add(wait)
			p.e.cfg.Log.Warn("items not delivered", "practice", p.id, "error", safeError(err), "again_in", wait)
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
			return 0, fmt.Errorf("writeback: store position of the Items handler: %w", err)
		}
		if len(rows) < handlerBatch {
			return -1, nil
		}
		if time.Now().After(end) {
			return 0, nil
		}
	}
}

// itemEvents adds to each row the item as it is now.
func (p *Practice) itemEvents(ctx context.Context, rows []Event) ([]ItemEvent, error) {
	items := map[string]Item{}
	events := make([]ItemEvent, 0, len(rows))
	for _, row := range rows {
		if row.Item == "" {
			continue // about the practice
		}
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
