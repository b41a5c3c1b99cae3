package memstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

// Seen returns what was seen of these records of a feed.
func (s *Store) Seen(ctx context.Context, practice string, feed driver.Feed, ids []string) (map[string]writeback.Seen, error) {
	if err := s.enter(ctx, "seen"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	kept := s.look(practice).seen[feed]
	out := make(map[string]writeback.Seen, len(ids))
	for _, id := range ids {
		if seen, ok := kept[id]; ok {
			out[id] = seen
		}
	}
	return out, nil
}

// SeenBetween returns the records of a feed with Start in [from, to).
func (s *Store) SeenBetween(ctx context.Context, practice string, feed driver.Feed, from, to time.Time, after string, limit int) ([]writeback.Seen, error) {
	if err := s.enter(ctx, "seen between"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	kept := s.look(practice).seen[feed]
	var out []writeback.Seen
	for _, id := range slices.Sorted(maps.Keys(kept)) {
		if len(out) >= limit {
			break
		}
		if seen := kept[id]; (after == "" || id > after) && between(seen.Start, from, to) {
			out = append(out, seen)
		}
	}
	return out, nil
}

func between(start, from, to time.Time) bool {
	if from.IsZero() && to.IsZero() {
		return true
	}
	return !start.IsZero() &&
		(from.IsZero() || !start.Before(from)) &&
		(to.IsZero() || start.Before(to))
}
