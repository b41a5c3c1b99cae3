package memstore

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

// Events returns a practice's events behind a position.
func (s *Store) Events(ctx context.Context, practice string, after int64, limit int) ([]writeback.Event, error) {
	if err := s.enter(ctx, "events"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	events := s.look(practice).events
	at, found := slices.BinarySearchFunc(events, after, func(e writeback.Event, seq int64) int {
		switch {
		case e.Seq < seq:
			return -1
		case e.Seq > seq:
			return 1
		}
		return 0
	})
	if found {
		at++
	}
	return slices.Clone(events[at:min(len(events), at+max(limit, 0))]), nil
}

// ItemEvents returns all events of one item.
func (s *Store) ItemEvents(ctx context.Context, practice, item string) ([]writeback.Event, error) {
	if err := s.enter(ctx, "item events"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	p := s.look(practice)
	var out []writeback.Event
	for _, i := range p.itemEvents[item] {
		out = append(out, p.events[i])
	}
	return out, nil
}

// Doc returns one document.
func (s *Store) Doc(ctx context.Context, practice, name string) (writeback.Doc, error) {
	if err := s.enter(ctx, "doc"); err != nil {
		return writeback.Doc{}, err
	}
	defer s.mu.Unlock()
	d := s.look(practice).docs[name]
	if d == nil {
		return writeback.Doc{}, fmt.Errorf("memstore: doc: %w", writeback.ErrNotFound)
	}
	return viewDoc(d, s.clock()), nil
}

// Docs returns the documents whose name begins with prefix.
func (s *Store) Docs(ctx context.Context, practice, prefix string) ([]writeback.Doc, error) {
	if err := s.enter(ctx, "docs"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	docs, now := s.look(practice).docs, s.clock()
	var out []writeback.Doc
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		if strings.HasPrefix(name, prefix) {
			out = append(out, viewDoc(docs[name], now))
		}
	}
	return out, nil
}

func viewDoc(d *writeback.Doc, now time.Time) writeback.Doc {
	v := *d
	v.Value = bytes.Clone(d.Value)
	v.Age = now.Sub(d.UpdatedAt)
	return v
}

// Revision returns a settings revision, the latest for rev 0.
func (s *Store) Revision(ctx context.Context, practice string, rev int64) (writeback.Revision, error) {
	if err := s.enter(ctx, "revision"); err != nil {
		return writeback.Revision{}, err
	}
	defer s.mu.Unlock()
	p := s.look(practice)
	if rev == 0 {
		rev = p.latest()
	}
	if rev < 1 || rev > p.latest() {
		return writeback.Revision{}, fmt.Errorf("memstore: revision: %w", writeback.ErrNotFound)
	}
	return viewRevision(p.revisions[rev-1]), nil
}

// Revisions returns the latest revisions, newest first.
func (s *Store) Revisions(ctx context.Context, practice string, limit int) ([]writeback.Revision, error) {
	if err := s.enter(ctx, "revisions"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	p := s.look(practice)
	var out []writeback.Revision
	for i := len(p.revisions) - 1; i >= 0 && len(out) < limit; i-- {
		out = append(out, viewRevision(p.revisions[i]))
	}
	return out, nil
}

func viewRevision(r writeback.Revision) writeback.Revision {
	r.Document = bytes.Clone(r.Document)
	return r
}
