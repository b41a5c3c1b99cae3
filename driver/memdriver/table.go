package memdriver

import (
	"slices"
	"sort"
	"time"
)

// table holds records in the order in which they were added, and a log of what
// changed. A deleted record stays as a mark, so that the log can tell of it.
type table[R any] struct {
	byID  map[string]*entry[R]
	order []*entry[R]
	log   []change[R]
}

type entry[R any] struct {
	id   string
	rec  R
	seq  uint64 // of its latest change
	gone bool
	left string // the site it moved away from, for connections of that site
}

// change says that e changed; it is stale once e changed again.
type change[R any] struct {
	seq uint64
	at  time.Time
	e   *entry[R]
}

func (t *table[R]) init() { t.byID = map[string]*entry[R]{} }

// get returns the entry with this id unless it is deleted.
func (t *table[R]) get(id string) *entry[R] {
	if e := t.byID[id]; e != nil && !e.gone {
		return e
	}
	return nil
}

// put adds a record; a deleted one with that id comes back to life.
func (t *table[R]) put(id string, rec R, seq uint64, at time.Time) {
	e := t.byID[id]
	if e == nil {
		e = &entry[R]{id: id}
		t.byID[id] = e
		t.order = append(t.order, e)
	}
	e.rec, e.gone, e.left = rec, false, ""
	t.touch(e, seq, at)
}

// touch logs a change of e, and now and then forgets changes that are stale.
func (t *table[R]) touch(e *entry[R], seq uint64, at time.Time) {
	e.seq = seq
	t.log = append(t.log, change[R]{seq, at, e})
	if len(t.log) > 64+2*len(t.order) {
		t.log = slices.DeleteFunc(t.log, func(c change[R]) bool { return c.seq != c.e.seq })
	}
}

// since visits entries that changed after seq, at most limit, and returns the
// seq to go on from and whether there is more.
func (t *table[R]) since(seq uint64, limit int, visit func(*entry[R]) bool) (next uint64, more bool) {
	next = seq
	for i := t.after(seq); i < len(t.log); i++ {
		c := t.log[i]
		if c.seq == c.e.seq {
			if limit == 0 {
				return next, true
			}
			if visit(c.e) {
				limit--
			}
		}
		next = c.seq
	}
	return next, false
}

// beforeTick goes back from the end of the log over the changes stamped at, but
// not before seq.
func (t *table[R]) beforeTick(end, seq uint64, at time.Time) uint64 {
	for i := len(t.log) - 1; i >= 0 && t.log[i].seq > seq && t.log[i].at.Equal(at); i-- {
		end = t.log[i].seq - 1
	}
	return end
}

// last is the seq of the newest change.
func (t *table[R]) last() uint64 {
	if len(t.log) == 0 {
		return 0
	}
	return t.log[len(t.log)-1].seq
}

func (t *table[R]) after(seq uint64) int {
	return sort.Search(len(t.log), func(i int) bool { return t.log[i].seq > seq })
}

// live returns copies of the records that are not deleted, in order.
func (t *table[R]) live() []R {
	out := make([]R, 0, len(t.order))
	for _, e := range t.order {
		if !e.gone {
			out = append(out, e.rec)
		}
	}
	return out
}

func (t *table[R]) count() int {
	n := 0
	for _, e := range t.order {
		if !e.gone {
			n++
		}
	}
	return n
}
