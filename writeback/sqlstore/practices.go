package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

// Values of pms_practices.state.
const (
	practiceMentioned = 0
	practiceStored    = 1
	practiceRemoved   = 2
)

// PutPractice stores a practice, new or changed.
func (s *Store) PutPractice(ctx context.Context, p writeback.PracticeRecord) error {
	if p.ID == "" {
		return errors.New("sqlstore: put practice: ID is empty")
	}
	state := practiceStored
	if p.Removed {
		state = practiceRemoved
	}
	_, err := s.inTx(ctx, 0, func(x *session) error {
		h, err := x.head(p.ID)
		if err != nil {
			return err
		}
		_, err = x.exec("UPDATE pms_practices SET state = ?, config = ? WHERE n = ?", state, bytesOrNull(p.Config), h.number)
		return err
	})
	return wrap("put practice", err)
}

type practiceRow struct {
	ID     string
	State  int
	Config []byte
}

func (r *practiceRow) record() writeback.PracticeRecord {
	return writeback.PracticeRecord{ID: r.ID, Config: r.Config, Removed: r.State == practiceRemoved}
}

// Practice returns one practice, removed or not.
func (s *Store) Practice(ctx context.Context, practice string) (writeback.PracticeRecord, error) {
	r := practiceRow{ID: practice}
	err := s.get(ctx, "SELECT state, config FROM pms_practices WHERE id = ?", []any{practice}, &r.State, &r.Config)
	if err = noRows(err); err != nil {
		return writeback.PracticeRecord{}, wrap("practice", err)
	}
	if r.State == practiceMentioned {
		return writeback.PracticeRecord{}, wrap("practice", writeback.ErrUnknownPractice)
	}
	return r.record(), nil
}

// Practices returns all practices that are not removed.
func (s *Store) Practices(ctx context.Context) ([]writeback.PracticeRecord, error) {
	var rows []practiceRow
	err := s.selectAll(ctx, &rows, "SELECT id, state, config FROM pms_practices WHERE state = ? ORDER BY id", practiceStored)
	if err != nil {
		return nil, wrap("practices", err)
	}
	var out []writeback.PracticeRecord
	for _, r := range rows {
		out = append(out, r.record())
	}
	return out, nil
}

// Wakes returns the practices woken since a position, in the order of their
// last wake.
func (s *Store) Wakes(ctx context.Context, after int64) (practices []string, next int64, err error) {
	var rows []struct {
		ID   string
		Wake int64
	}
	err = s.selectAll(ctx, &rows, "SELECT p.id, h.wake FROM pms_heads h JOIN pms_practices p ON p.n = h.practice "+
		"WHERE h.wake > ? AND h.wake > 0 ORDER BY h.wake", after)
	if err != nil {
		return nil, after, wrap("wakes", err)
	}
	next = after
	for _, r := range rows {
		practices = append(practices, r.ID)
		next = r.Wake
	}
	return practices, next, nil
}

// errNothing ends a transaction that turned out to change nothing.
var errNothing = errors.New("nothing to change")

// Acquire takes the lease of a practice.
func (s *Store) Acquire(ctx context.Context, practice, owner string, ttl time.Duration) (fence int64, ok bool, err error) {
	if owner == "" {
		return 0, false, errors.New("sqlstore: acquire: owner is empty")
	}
	_, err = s.inTx(ctx, 0, func(x *session) error {
		h, err := x.head(practice)
		if err != nil {
			return err
		}
		if err := x.load(h); err != nil {
			return err
		}
		held := h.holds(h.fence, x.now)
		if held && h.owner != owner {
			return errNothing
		}
		fence = h.fence
		if !held {
			fence++
		}
		_, err = x.exec("UPDATE pms_heads SET owner = ?, fence = ?, expires = ? WHERE practice = ?",
			owner, fence, x.now+ttl.Microseconds(), h.number)
		return err
	})
	if err != nil {
		return 0, false, wrap("acquire", nothing(err))
	}
	return fence, true, nil
}

// Renew extends a lease.
func (s *Store) Renew(ctx context.Context, practice, owner string, fence int64, ttl time.Duration) (bool, error) {
	err := s.lease(ctx, practice, owner, fence, func(x *session, h *head) error {
		_, err := x.exec("UPDATE pms_heads SET expires = ? WHERE practice = ?", x.now+ttl.Microseconds(), h.number)
		return err
	})
	return err == nil, wrap("renew", nothing(err))
}

// Release frees a lease. One that was taken over meanwhile is left alone.
func (s *Store) Release(ctx context.Context, practice, owner string, fence int64) error {
	err := s.lease(ctx, practice, owner, fence, func(x *session, h *head) error {
		_, err := x.exec("UPDATE pms_heads SET owner = '' WHERE practice = ?", h.number)
		return err
	})
	return wrap("release", nothing(err))
}

// lease runs f when the lease has this owner and fence, or ends with errNothing.
func (s *Store) lease(ctx context.Context, practice, owner string, fence int64, f func(*session, *head) error) error {
	_, err := s.inTx(ctx, 0, func(x *session) error {
		h, err := x.head(practice)
		if err != nil {
			return err
		}
		if err := x.load(h); err != nil {
			return err
		}
		if owner == "" || h.owner != owner || h.fence != fence {
			return errNothing
		}
		return f(x, h)
	})
	return err
}

func nothing(err error) error {
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}
