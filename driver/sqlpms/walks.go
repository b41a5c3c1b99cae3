package sqlpms

import (
	"context"
	"slices"
	"strconv"
	"strings"
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
const maxWalks = 8

// Source gives the next records of a walk, about as many as wanted; none and
// done false is allowed. It returns done with the last ones. After an error it is
// called again for the same records. [Days] and [Keys] are sources.
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

// WalkQuery asks for a page of a walk.
type WalkQuery[T any] struct {
	// Name is the PMS driver's, and Op what is done, for errors.
	Name, Op string
	// Window names what is walked through, such as the feed and its bounds, in
	// printable ASCII. A token is good for its own window alone.
	Window string
	// Token is the one of the page before; empty begins a walk.
	Token string
	// Limit is how many records are wanted; see [PageSize].
	Limit int
	// ID tells records apart: one that comes again, because it was moved meanwhile, is
	// left out. It may be nil where none can come again.
	ID func(T) string
	// Start makes the source of a walk that begins. It does no I/O.
	Start func() Source[T]
}

// WalkPage is a page of a walk.
type WalkPage[T any] struct {
	// Records are the page's.
	Records []T
	// Next is the token of the next page; More is set when there is one.
	Next string
	More bool
}

// Page gives a page. After an error the token is still good.
func (w *Walks[T]) Page(ctx context.Context, q WalkQuery[T]) (WalkPage[T], error) {
	walk, ok := w.take(q)
	if !ok {
		return WalkPage[T]{}, Expired(q.Name, q.Op, "the token is not one of a walk through this window on this connection")
	}
	want := PageSize(q.Limit)
	for len(walk.waiting) < want && !walk.done {
		found, done, err := walk.next(ctx, want-len(walk.waiting))
		if err != nil {
			if q.Token != "" {
				w.keep(walk)
			}
			return WalkPage[T]{}, err
		}
		for _, r := range found {
			if q.ID != nil {
				key := q.ID(r)
				if walk.seen[key] {
					continue
				}
				walk.seen[key] = true
			}
			walk.waiting = append(walk.waiting, r)
		}
		walk.done = done
	}
	n := min(want, len(walk.waiting))
	page := WalkPage[T]{Records: walk.waiting[:n:n]}
	walk.waiting = walk.waiting[n:]
	if len(walk.waiting) > 0 || !walk.done {
		walk.page++
		w.keep(walk)
		page.More, page.Next = true, q.Window+"/"+walk.token()
	}
	return page, nil
}

func (w *Walks[T]) take(q WalkQuery[T]) (*walk[T], bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if q.Token == "" {
		w.count++
		// The number of a process's start keeps tokens of an earlier one apart.
		id := strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.FormatInt(w.count, 36)
		return &walk[T]{id: id, next: q.Start(), seen: map[string]bool{}}, true
	}
	token, ok := strings.CutPrefix(q.Token, q.Window+"/")
	if !ok {
		return nil, false
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

const (
	pageRows    = 500
	mostOnPage  = 5000
	defaultDays = 7
	mostDays    = 112
)

// PageSize is how many records a page has: limit, 500 when nobody says, and 5,000 at
// the most.
func PageSize(limit int) int {
	if limit <= 0 {
		return pageRows
	}
	return min(limit, mostOnPage)
}
