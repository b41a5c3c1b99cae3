package memstore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

// PutPractice stores a practice, new or changed.
func (s *Store) PutPractice(ctx context.Context, r writeback.PracticeRecord) error {
	if err := s.enter(ctx, "put practice"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if r.ID == "" {
		return errors.New("memstore: put practice: ID is empty")
	}
	p := s.practice(r.ID)
	p.record, p.registered = viewPractice(r), true
	return nil
}

// Practice returns one practice, removed or not.
func (s *Store) Practice(ctx context.Context, practice string) (writeback.PracticeRecord, error) {
	if err := s.enter(ctx, "practice"); err != nil {
		return writeback.PracticeRecord{}, err
	}
	defer s.mu.Unlock()
	p := s.look(practice)
	if !p.registered {
		return writeback.PracticeRecord{}, fmt.Errorf("memstore: practice: %w", writeback.ErrUnknownPractice)
	}
	return viewPractice(p.record), nil
}

// Practices returns all practices that are not removed.
func (s *Store) Practices(ctx context.Context) ([]writeback.PracticeRecord, error) {
	if err := s.enter(ctx, "practices"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var out []writeback.PracticeRecord
	for _, p := range s.practices {
		if p.registered && !p.record.Removed {
			out = append(out, viewPractice(p.record))
		}
	}
	slices.SortFunc(out, func(a, b writeback.PracticeRecord) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

func viewPractice(r writeback.PracticeRecord) writeback.PracticeRecord {
	r.Config = bytes.Clone(r.Config)
	return r
}

// Wakes returns the practices woken since a position, in the order of their
// last wake.
func (s *Store) Wakes(ctx context.Context, after int64) ([]string, int64, error) {
	if err := s.enter(ctx, "wakes"); err != nil {
		return nil, after, err
	}
	defer s.mu.Unlock()
	if after >= s.wakes {
		return nil, after, nil
	}
	var woken []*practice
	for _, p := range s.practices {
		if p.wake > after {
			woken = append(woken, p)
		}
	}
	slices.SortFunc(woken, func(a, b *practice) int { return cmp.Compare(a.wake, b.wake) })
	var out []string
	for _, p := range woken {
		out = append(out, p.id)
	}
	return out, s.wakes, nil
}

// holds reports whether fence is that of a lease that somebody holds.
func (p *practice) holds(fence int64, now time.Time) bool {
	return p.owner != "" && p.fence == fence && now.Before(p.expires)
}

// Acquire takes the lease of a practice.
func (s *Store) Acquire(ctx context.Context, practice, owner string, ttl time.Duration) (int64, bool, error) {
	if err := s.enter(ctx, "acquire"); err != nil {
		return 0, false, err
	}
	defer s.mu.Unlock()
	if owner == "" {
		return 0, false, errors.New("memstore: acquire: owner is empty")
	}
	p, now := s.practice(practice), s.clock()
	held := p.owner != "" && now.Before(p.expires)
	if held && p.owner != owner {
		return 0, false, nil
	}
	if !held {
		p.owner = owner
		p.fence++
	}
	p.expires = now.Add(ttl)
	return p.fence, true, nil
}

// Renew extends a lease.
func (s *Store) Renew(ctx context.Context, practice, owner string, fence int64, ttl time.Duration) (bool, error) {
	if err := s.enter(ctx, "renew"); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	p := s.look(practice)
	if owner == "" || p.owner != owner || p.fence != fence {
		return false, nil
	}
	p.expires = s.clock().Add(ttl)
	return true, nil
}

// Release frees a lease. One that was taken over meanwhile is left alone.
func (s *Store) Release(ctx context.Context, practice, owner string, fence int64) error {
	if err := s.enter(ctx, "release"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if p := s.look(practice); p.owner == owner && p.fence == fence {
		p.owner = ""
	}
	return nil
}
