package sqlpms

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Walks pages through all records of a window, each of them once, while staff go
// on working. One belongs to one connection: a token of another is
// ErrCursorExpired. The zero value works. It is safe for concurrent use.
type Walks[T any] struct {
	mu    sync.Mutex
	count int64
	open  []*walk[T] // oldest first
}

// maxWalks is how many walks may be unfinished; the oldest is given up.
const maxWalks = 4

// Source gives the next records of a walk, about as many as wanted; none and
// done false is allowed. It returns done with the last ones. After an error it is
// called again for the same records.
type Source[T any] func(ctx context.Context, want int) (records []T, done bool, err error)

type walk[T any] struct {
	id      string
	page    int
	next    Source[T]
	done    bool
	seen    map[string]bool
	waiting []T
}

func (w *walk[T]) token() string { return w.id + "." + strconv.Itoa(w.page) }

// WalkPage is a page of a walk.
type WalkPage[T any] struct {
	// Records are the page's.
	Records []T
	// Next is the token of the next page; More is set when there is one.
	Next string
	More bool
}

// Page gives a page: of a new walk, which start begins, when token is empty, else
// of the walk that goes with the token. id tells records apart: one that comes
// again, because it was moved meanwhile, is left out. After an error the token is
// still good.
func (w *Walks[T]) Page(ctx context.Context, name, op, token string, limit int, id func(T) string, start func() Source[T]) (WalkPage[T], error) {
	walk, ok := w.take(token, start)
	if !ok {
		return WalkPage[T]{}, Expired(name, op, "the token is not one of a walk on this connection")
	}
	want := limit
	if want <= 0 {
		want = pageRows
	}
	for len(walk.waiting) < want && !walk.done {
		found, done, err := walk.next(ctx, want-len(walk.waiting))
		if err != nil {
			if token != "" {
				w.keep(walk)
			}
			return WalkPage[T]{}, err
		}
		for _, r := range found {
			if key := id(r); !walk.seen[key] {
				walk.seen[key] = true
				walk.waiting = append(walk.waiting, r)
			}
		}
		walk.done = done
	}
	n := min(want, len(walk.waiting))
	page := WalkPage[T]{Records: walk.waiting[:n:n]}
	walk.waiting = walk.waiting[n:]
	if len(walk.waiting) > 0 || !walk.done {
		walk.page++
		w.keep(walk)
		page.More, page.Next = true, walk.token()
	}
	return page, nil
}

func (w *Walks[T]) take(token string, start func() Source[T]) (*walk[T], bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if token == "" {
		w.count++
		// The number of a process's start keeps tokens of an earlier one apart.
		id := strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.FormatInt(w.count, 36)
		return &walk[T]{id: id, next: start(), seen: map[string]bool{}}, true
	}
	i := slices.IndexFunc(w.open, func(o *walk[T]) bool { return o.token() == token })
	if i < 0 {
		return nil, false
	}
	found := w.open[i]
	w.open = slices.Delete(w.open, i, i+1)
	return found, true
}

func (w *Walks[T]) keep(k *walk[T]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, k)
	if len(w.open) > maxWalks {
		w.open = slices.Delete(w.open, 0, 1)
	}
}

// Days is a Source that reads records by the wall days of their start, from from
// to to, not included. read gets a bound that lies in the window: its times are
// wall times. Days without records are read more at a time.
func Days[T any](from, to time.Time, read func(ctx context.Context, from, to time.Time) ([]T, error)) Source[T] {
	const first, most = 7, 366
	span := first
	return func(ctx context.Context, want int) ([]T, bool, error) {
		if !from.Before(to) {
			return nil, true, nil
		}
		end := from.AddDate(0, 0, span)
		if end.After(to) {
			end = to
		}
		found, err := read(ctx, from, end)
		if err != nil {
			return nil, false, err
		}
		switch n := len(found); {
		case n < want/4:
			span = min(most, span*4)
		case n > want:
			span = max(1, span/2)
		}
		from = end
		return found, !from.Before(to), nil
	}
}

// Keys is a Source that reads records by ascending keys. read gives about want
// records whose key is greater than after, in the order of their keys, and the
// last key; it stops reading when it has enough. No record is the end.
func Keys[T any](first string, read func(ctx context.Context, after string, want int) (records []T, last string, err error)) Source[T] {
	after := first
	return func(ctx context.Context, want int) ([]T, bool, error) {
		found, last, err := read(ctx, after, want)
		if err != nil {
			return nil, false, err
		}
		if last == "" || last == after {
			return found, true, nil
		}
		after = last
		return found, false, nil
	}
}
