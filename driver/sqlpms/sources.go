package sqlpms

import (
	"context"
	"time"
)

// Engines share no way to ask for a number of rows: what is read at once is bounded
// by days or by keys.

// Days reads records by the days of their start. Read must find a record in every
// span that holds its day; what lies outside the window it leaves out.
type Days[T any] struct {
	// From is where the walk begins, and To its end, not included: wall times, and
	// midnights as a rule. To that is not after From is an empty walk.
	From, To time.Time
	// First is how many days are read at first; 0 means 7. Where few records come, it
	// becomes more, up to Most; 0 means 112.
	First, Most int
	// Read reads the records from from, included, to to, not included.
	Read func(ctx context.Context, from, to time.Time) ([]T, error)
}

// Source is that of a walk.
func (d Days[T]) Source() Source[T] {
	from, span, most := d.From, or(d.First, defaultDays), or(d.Most, mostDays)
	return func(ctx context.Context, want int) ([]T, bool, error) {
		if !from.Before(d.To) {
			return nil, true, nil
		}
		to := from.AddDate(0, 0, span)
		if to.After(d.To) {
			to = d.To
		}
		found, err := d.Read(ctx, from, to)
		if err != nil {
			return nil, false, err
		}
		if len(found) < want {
			span = max(span, min(most, span*2))
		}
		from = to
		return found, !from.Before(d.To), nil
	}
}

// Keys reads records by ranges of keys with two ends. List gives all keys as they
// are stored, in the engine's order; it is called once. It is for tables whose keys
// are short and not numbers.
type Keys[T any] struct {
	// List gives the keys.
	List func(ctx context.Context) ([]string, error)
	// Read reads the records from first to last, both included, in any order.
	Read func(ctx context.Context, first, last string) ([]T, error)
}

// Source is that of a walk.
func (k Keys[T]) Source() Source[T] {
	listed := false
	var keys []string
	return func(ctx context.Context, want int) ([]T, bool, error) {
		if !listed {
			var err error
			if keys, err = k.List(ctx); err != nil {
				return nil, false, err
			}
			listed = true
		}
		if len(keys) == 0 {
			return nil, true, nil
		}
		n := min(want, len(keys))
		found, err := k.Read(ctx, keys[0], keys[n-1])
		if err != nil {
			return nil, false, err
		}
		keys = keys[n:]
		return found, len(keys) == 0, nil
	}
}
