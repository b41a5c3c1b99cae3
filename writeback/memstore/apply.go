package memstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

// Apply carries out changes, each all or nothing.
func (s *Store) Apply(ctx context.Context, changes []writeback.Change) []error {
	errs := make([]error, len(changes))
	if err := s.enter(ctx, "apply"); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	defer s.mu.Unlock()
	now := s.clock()
	for i := range changes {
		c := change{s: s, p: s.practice(changes[i].Practice), now: now}
		if err := c.apply(&changes[i]); err != nil {
			c.undo()
			errs[i] = fmt.Errorf("memstore: apply: %w", err)
		}
	}
	return errs
}

// change is a change under way, with what takes it back.
type change struct {
	s     *Store
	p     *practice
	now   time.Time
	undos []func()
}

func (c *change) onUndo(f func()) { c.undos = append(c.undos, f) }

func (c *change) undo() {
	for i := len(c.undos) - 1; i >= 0; i-- {
		c.undos[i]()
	}
}

// apply does what can fail first; only that needs taking back.
func (c *change) apply(ch *writeback.Change) error {
	if ch.Fence != 0 && !c.p.holds(ch.Fence, c.now) {
		return writeback.ErrFenced
	}
	if ch.Revision != 0 && ch.Revision != c.p.latest() {
		return writeback.ErrStale
	}
	if ch.Save != nil && ch.Save.Expect != c.p.latest() {
		return writeback.ErrStale
	}
	for i := range ch.Items {
		if err := c.item(&ch.Items[i]); err != nil {
			return err
		}
	}
	for i := range ch.Docs {
		if err := c.doc(&ch.Docs[i]); err != nil {
			return err
		}
	}
	if ch.Save != nil {
		r := *ch.Save
		r.Number, r.Expect, r.At = c.p.latest()+1, 0, c.now
		r.Document = bytes.Clone(r.Document)
		c.p.revisions = append(c.p.revisions, r)
	}
	for i := range ch.Events {
		c.event(ch.Events[i])
	}
	for i := range ch.Seen {
		c.seen(&ch.Seen[i])
	}
	if ch.Wake {
		c.s.wakes++
		c.p.wake = c.s.wakes
	}
	return nil
}

func (c *change) item(w *writeback.ItemWrite) error {
	r := &w.Record
	if r.Practice != "" && r.Practice != c.p.id {
		return errors.New("item of another practice than its change")
	}
	if w.Expect < 0 {
		return errors.New("negative Expect: use 0 to insert")
	}
	old := c.p.items[r.ID]
	if w.Expect == 0 {
		if old != nil || c.p.byKey[r.Key] != nil {
			return writeback.ErrExists
		}
		it := &item{due: c.now.Add(w.Delay)}
		it.Record = copyRecord(r)
		it.Practice, it.Version, it.Age, it.DueIn = c.p.id, 1, 0, 0
		it.CreatedAt, it.UpdatedAt = c.now, c.now
		c.s.items++
		it.Seq = c.s.items
		c.p.items[it.ID], c.p.byKey[it.Key] = it, it
		c.p.order = append(c.p.order, it)
		c.p.link(it)
		c.onUndo(func() {
			c.p.unlink(it)
			c.p.order = c.p.order[:len(c.p.order)-1]
			delete(c.p.items, it.ID)
			delete(c.p.byKey, it.Key)
		})
		return nil
	}
	if old == nil || old.Version != w.Expect {
		return writeback.ErrStale
	}
	before := *old
	c.p.unlink(old)
	old.Record, old.due = copyRecord(r), c.now.Add(w.Delay)
	old.keepIdentity(&before.Record)
	old.Version, old.UpdatedAt, old.Age, old.DueIn = w.Expect+1, c.now, 0, 0
	c.p.link(old)
	c.onUndo(func() {
		c.p.unlink(old)
		*old = before
		c.p.link(old)
	})
	return nil
}

func (c *change) doc(w *writeback.DocWrite) error {
	old := c.p.docs[w.Name]
	version := int64(0)
	if old != nil {
		version = old.Version
	}
	if w.Expect >= 0 && w.Expect != version {
		return writeback.ErrStale
	}
	if w.Value == nil {
		delete(c.p.docs, w.Name)
	} else {
		c.p.docs[w.Name] = &writeback.Doc{
			Name: w.Name, Value: bytes.Clone(w.Value), Version: version + 1, UpdatedAt: c.now,
		}
	}
	c.onUndo(func() {
		if old == nil {
			delete(c.p.docs, w.Name)
		} else {
			c.p.docs[w.Name] = old
		}
	})
	return nil
}

func (c *change) event(e writeback.Event) {
	c.s.events++
	e.Practice, e.Seq, e.At = c.p.id, c.s.events, c.now
	c.p.events = append(c.p.events, e)
	if e.Item != "" {
		c.p.itemEvents[e.Item] = append(c.p.itemEvents[e.Item], len(c.p.events)-1)
	}
}

func (c *change) seen(w *writeback.SeenWrite) {
	feed := c.p.seen[w.Feed]
	if w.Forget {
		delete(feed, w.Seen.ID)
		return
	}
	if feed == nil {
		feed = map[string]writeback.Seen{}
		c.p.seen[w.Feed] = feed
	}
	seen := w.Seen
	if !seen.Start.IsZero() {
		seen.Start = seen.Start.UTC().Round(0)
	}
	feed[seen.ID] = seen
}
