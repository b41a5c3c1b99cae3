package opendental

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
)

// The API pages by offset, and an offset counts rows that come and go: when a
// row before it is deleted, a row that nobody has read slips to the page before.
// A walk therefore reads each page with an overlap. A row of the overlap that
// still stands where it stood proves that nothing after it was missed; without
// such a row the walk steps back until there is one, or to the beginning.

// overlap is how many rows of the page before a page reads again. It is how many
// deletions at once a walk bears without stepping back.
const overlap = 5

// commonPage is the page size at which some servers stop whatever limit they are
// given, so that a page of just this many rows is never taken for the last.
const commonPage = 100

// stepsBack is how often a walk may step back before it gives up. An office
// never deletes and moves rows that fast.
const stepsBack = 20

// listing is a list of the API that is read by offset.
type listing struct {
	op    string
	path  string
	query url.Values
	key   string // the field with the primary key
	place string // the field by which the list is sorted before key; empty for none
	limit int64  // see call.limit
	skip  string // a field that is dropped while reading, for its size
}

func (l listing) placeOf(r row) string {
	if l.place == "" {
		return ""
	}
	return r.text(l.place)
}

// walk reads a listing so that each row that stays in it comes exactly once.
type walk struct {
	list   listing
	seen   map[string]string // key to place
	offset int               // rows of the list that lie behind
	done   bool
}

// maxPage is the largest page that the API gives (Open Dental API, Limit).
func (c *conn) maxPage() int {
	if c.cfg.mode() == Remote {
		return 100
	}
	return 1000
}

// next reads about want rows that the walk has not given yet. None is the end.
func (c *conn) next(ctx context.Context, w *walk, want int) ([]row, error) {
	if want <= 0 {
		want = c.maxPage() - overlap
	}
	if w.seen == nil {
		w.seen = map[string]string{}
	}
	back := overlap
	for steps := 0; !w.done; {
		at := max(0, w.offset-back)
		limit := min(want+w.offset-at, c.maxPage())
		page, err := c.page(ctx, w.list, at, limit)
		if err != nil {
			return nil, err
		}
		if !w.continues(page, at) {
			if steps++; steps > stepsBack {
				return nil, unavailable(w.list.op, "the list changes faster than it can be read")
			}
			back = (back + 1) * 4
			w.offset = max(0, min(w.offset, at+len(page)))
			continue
		}
		fresh := page[:0:0]
		for _, r := range page {
			id := r.text(w.list.key)
			if _, known := w.seen[id]; !known {
				fresh = append(fresh, r)
			}
			w.seen[id] = w.list.placeOf(r)
		}
		// A short step back may end before what was read already.
		w.offset, back = at+len(page), overlap
		w.done = len(page) < limit && len(page) != commonPage || len(page) == 0
		if len(fresh) > 0 {
			return fresh, nil
		}
		if steps++; steps > stepsBack && !w.done {
			return nil, unavailable(w.list.op, "the list gives the same rows again and again")
		}
	}
	return nil, nil
}

// continues reports whether a page hangs together with what was read before.
func (w *walk) continues(page []row, at int) bool {
	if at == 0 {
		return true
	}
	for _, r := range page {
		if place, known := w.seen[r.text(w.list.key)]; known && place == w.list.placeOf(r) {
			return true
		}
	}
	return false
}

func (c *conn) page(ctx context.Context, l listing, offset, limit int) ([]row, error) {
	q := url.Values{"Limit": {strconv.Itoa(limit)}}
	if offset > 0 {
		q.Set("Offset", strconv.Itoa(offset))
	}
	for k, v := range l.query {
		q[k] = v
	}
	var rows []row
	_, err := c.do(ctx, call{op: l.op, method: http.MethodGet, path: l.path, query: q, limit: l.limit}, func(r row) error {
		delete(r, l.skip)
		rows = append(rows, r)
		return nil
	})
	return rows, err
}

// all reads a whole listing. A list whose contents make a page too large is read
// again in smaller pages.
func (c *conn) all(ctx context.Context, l listing) ([]row, error) {
	for want := c.maxPage() - overlap; ; want /= 8 {
		rows, err := c.allBy(ctx, l, max(1, want))
		if want == 0 || !errors.Is(err, errTooLarge) {
			return rows, err
		}
	}
}

func (c *conn) allBy(ctx context.Context, l listing, want int) ([]row, error) {
	w := &walk{list: l}
	var rows []row
	for {
		page, err := c.next(ctx, w, want)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return rows, nil
		}
		rows = append(rows, page...)
	}
}
