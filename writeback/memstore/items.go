package memstore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

// defaultLimit is an ItemQuery's when it names none.
const defaultLimit = 100

// item is a record as kept; its Age and DueIn are always 0, CreatedAt and due
// count instead.
type item struct {
	writeback.Record
	due time.Time
}

// view returns a copy for the outside.
func (it *item) view(now time.Time) writeback.Record {
	r := copyRecord(&it.Record)
	r.Age = now.Sub(r.CreatedAt)
	if r.Active {
		r.DueIn = it.due.Sub(now)
	}
	return r
}

// keepIdentity puts back what a replaced item keeps.
func (it *item) keepIdentity(old *writeback.Record) {
	it.Practice, it.ID, it.Key = old.Practice, old.ID, old.Key
	it.Seq, it.CreatedAt = old.Seq, old.CreatedAt
}

func copyRecord(r *writeback.Record) writeback.Record {
	c := *r
	c.Payload = bytes.Clone(r.Payload)
	c.Progress = bytes.Clone(r.Progress)
	return c
}

// link enters an item where its fields say that it is looked for.
func (p *practice) link(it *item) {
	if it.Active {
		p.active.add(it)
	}
	if it.Blocking && it.Lane != "" {
		lane := p.lanes[it.Lane]
		if lane == nil {
			lane = &queue{}
			p.lanes[it.Lane] = lane
		}
		lane.add(it)
	}
	if it.Blob != "" {
		p.named[it.Blob]++
	}
}

// unlink undoes link.
func (p *practice) unlink(it *item) {
	if it.Active {
		p.active.remove(it)
	}
	if it.Blocking && it.Lane != "" {
		lane := p.lanes[it.Lane]
		lane.remove(it)
		if lane.first() == nil {
			delete(p.lanes, it.Lane)
		}
	}
	if it.Blob != "" {
		if p.named[it.Blob]--; p.named[it.Blob] == 0 {
			delete(p.named, it.Blob)
		}
	}
}

// blocked reports whether an item of the same lane stands before it.
func (p *practice) blocked(it *item) bool {
	if it.Lane == "" {
		return false
	}
	lane := p.lanes[it.Lane]
	return lane != nil && lane.first().Seq < it.Seq
}

// Due returns the items whose turn it is. Items without a lane never block each
// other.
func (s *Store) Due(ctx context.Context, practice string, limit int) ([]writeback.Record, time.Duration, error) {
	if err := s.enter(ctx, "due"); err != nil {
		return nil, 0, err
	}
	defer s.mu.Unlock()
	p, now := s.look(practice), s.clock()
	var due []writeback.Record
	wait := time.Duration(-1)
	for _, it := range p.active.list {
		if p.blocked(it) {
			continue
		}
		in := it.due.Sub(now)
		switch {
		case in > 0:
			if wait < 0 || in < wait {
				wait = in
			}
		case len(due) >= limit:
			return due, 0, nil
		default:
			due = append(due, it.view(now))
		}
	}
	return due, wait, nil
}

// Item returns one item.
func (s *Store) Item(ctx context.Context, practice, id string) (writeback.Record, error) {
	if err := s.enter(ctx, "item"); err != nil {
		return writeback.Record{}, err
	}
	defer s.mu.Unlock()
	return s.found("item", s.look(practice).items[id])
}

// ItemByKey returns the item with the host's key.
func (s *Store) ItemByKey(ctx context.Context, practice, key string) (writeback.Record, error) {
	if err := s.enter(ctx, "item by key"); err != nil {
		return writeback.Record{}, err
	}
	defer s.mu.Unlock()
	return s.found("item by key", s.look(practice).byKey[key])
}

func (s *Store) found(op string, it *item) (writeback.Record, error) {
	if it == nil {
		return writeback.Record{}, fmt.Errorf("memstore: %s: %w", op, writeback.ErrNotFound)
	}
	return it.view(s.clock()), nil
}

// Items returns the items that fit.
func (s *Store) Items(ctx context.Context, q writeback.ItemQuery) ([]writeback.Record, error) {
	if err := s.enter(ctx, "items"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	order, now := s.look(q.Practice).order, s.clock()
	var out []writeback.Record
	take := func(it *item) bool {
		if fits(&q, it, now) {
			out = append(out, it.view(now))
		}
		return len(out) < limit
	}
	if q.Newest {
		at := len(order)
		if q.After != 0 {
			at, _ = slices.BinarySearchFunc(order, q.After, bySeq)
		}
		for at--; at >= 0 && take(order[at]); at-- {
		}
		return out, nil
	}
	at, _ := slices.BinarySearchFunc(order, q.After+1, bySeq)
	for ; at < len(order) && take(order[at]); at++ {
	}
	return out, nil
}

func fits(q *writeback.ItemQuery, it *item, now time.Time) bool {
	age, idle := now.Sub(it.CreatedAt), now.Sub(it.UpdatedAt)
	return (len(q.States) == 0 || slices.Contains(q.States, it.State)) &&
		(len(q.Reasons) == 0 || slices.Contains(q.Reasons, it.Reason)) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, it.Kind)) &&
		(q.Patient == "" || q.Patient == it.Patient) &&
		(q.Subject == "" || q.Subject == it.Subject) &&
		(q.Cause == "" || q.Cause == it.Cause) &&
		(!q.NoCause || it.Cause == "") &&
		(q.MinAge == 0 || age >= q.MinAge) &&
		(q.MaxAge == 0 || age <= q.MaxAge) &&
		(q.MinIdle == 0 || idle >= q.MinIdle) &&
		(q.MaxIdle == 0 || idle <= q.MaxIdle)
}

// Summary counts a practice's items, ordered by the fields they are grouped by.
func (s *Store) Summary(ctx context.Context, practice string) ([]writeback.Group, error) {
	if err := s.enter(ctx, "summary"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	groups := map[writeback.Group]*writeback.Group{}
	for _, it := range s.look(practice).order {
		key := writeback.Group{State: it.State, Kind: it.Kind, Reason: it.Reason, Cause: it.Cause}
		g := groups[key]
		if g == nil {
			first := key
			first.Oldest = it.CreatedAt
			g = &first
			groups[key] = g
		}
		g.Count++
		if it.CreatedAt.Before(g.Oldest) {
			g.Oldest = it.CreatedAt
		}
	}
	var out []writeback.Group
	for _, g := range groups {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b writeback.Group) int {
		return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Cause, b.Cause))
	})
	return out, nil
}
