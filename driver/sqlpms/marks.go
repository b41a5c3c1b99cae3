package sqlpms

import (
	"context"
	"slices"
	"time"
)

// Marks reads a feed by the change marks of its rows, page by page, without losing
// one. A mark is the PMS's wall time of the last change, often in whole seconds
// and often without an index, so that neither ties nor an order can be relied on:
//
//   - Rows are read for a span of time and put in order here.
//   - A page ends only between two ticks of the clock, so that ties stay together.
//   - A run starts Overlap before the end of the one before: a row may be stamped
//     and committed later, or stamped by a workstation whose clock is behind. What
//     lies there comes again.
//   - In the hour that comes twice each run starts at its beginning.
//   - A clock that was set back expires the cursor.
//
// T is the driver's record.
type Marks[T any] struct {
	// Name is the PMS driver's, Feed and Source are those of the cursor.
	Name, Feed, Source string
	// Location is the practice's zone.
	Location *time.Location
	// Tick is the resolution of the marks; 0 means a second.
	Tick time.Duration
	// Overlap is how far back a run starts; 0 means 5 minutes.
	Overlap time.Duration
	// Step is how much time one read covers at the most, so that a long absence
	// does not read everything at once; 0 means a week.
	Step time.Duration
	// Now reads the PMS's clock, as a wall time.
	Now func(ctx context.Context) (time.Time, error)
	// Read reads the rows whose mark lies from from, included, to to, not included,
	// in any order. More rows do no harm.
	Read func(ctx context.Context, from, to time.Time) ([]Marked[T], error)
}

// Marked is a record with its change mark.
type Marked[T any] struct {
	// At is the mark, as a wall time.
	At time.Time
	// Record is the record.
	Record T
}

// MarkPage is one page.
type MarkPage[T any] struct {
	// Records are in the order of their marks.
	Records []T
	// Next is the cursor for the next page; More is set when there is one now.
	Next string
	More bool
	// Now is what the PMS's clock showed, as a wall time.
	Now time.Time
}

const (
	defaultOverlap = 5 * time.Minute
	defaultStep    = 7 * 24 * time.Hour
	// stepBack is how far the PMS's clock may lie behind what it showed before
	// until it counts as set back.
	stepBack = 2 * time.Second
)

// span is what a cursor of Marks remembers, in wall times of the PMS.
type span struct {
	// Since is from when changes are asked for, and Now what the PMS's clock showed
	// when the cursor was made.
	Since time.Time `json:"a"`
	Now   time.Time `json:"n"`
	// End and From are within a run of pages: where the run ends, and from when the
	// next page reads.
	End  time.Time `json:"e,omitzero"`
	From time.Time `json:"b,omitzero"`
}

// makesSense tells a cursor of Marks from another driver's of the same name.
func (s span) makesSense() bool {
	switch {
	case s.Since.IsZero(), s.Now.Before(s.Since), !s.End.IsZero() && s.End.Before(s.Now):
		return false
	}
	return s.From.IsZero() || !s.End.IsZero() && !s.From.Before(s.Since)
}

// Page reads the page after a cursor, of [PageSize] of limit and of what shares its
// last mark. An empty cursor sets a baseline.
func (m Marks[T]) Page(ctx context.Context, op, cursor string, limit int) (MarkPage[T], error) {
	var cur span
	if cursor != "" {
		if err := ParseCursor(m.Name, op, m.Feed, m.Source, cursor, &cur); err != nil {
			return MarkPage[T]{}, err
		}
		if !cur.makesSense() {
			return MarkPage[T]{}, Expired(m.Name, op, "the cursor is not one of this feed and set-up")
		}
	}
	// Before the rows: what they lack is stamped later.
	now, err := m.Now(ctx)
	if err != nil {
		return MarkPage[T]{}, err
	}
	now = now.Truncate(or(m.Tick, time.Second))
	if cursor == "" {
		return MarkPage[T]{Next: m.format(m.next(now)), Now: now}, nil
	}
	if now.Before(latest(cur.Now, cur.End).Add(-stepBack)) && !m.bothRepeated(now, latest(cur.Now, cur.End)) {
		return MarkPage[T]{}, Expired(m.Name, op, "the PMS's clock was set back")
	}
	if cur.End.IsZero() {
		// Within the hour that comes twice the clock may show less than before.
		cur.End = latest(now, cur.Now)
	}
	return m.read(ctx, cur, now, PageSize(limit))
}

func (m Marks[T]) read(ctx context.Context, cur span, now time.Time, limit int) (MarkPage[T], error) {
	tick := or(m.Tick, time.Second)
	from, end := latest(cur.Since, cur.From), cur.End.Add(tick)
	for {
		to := end
		if most := from.Add(or(m.Step, defaultStep)); most.Before(to) {
			to = most
		}
		found, err := m.Read(ctx, from, to)
		if err != nil {
			return MarkPage[T]{}, err
		}
		found = slices.DeleteFunc(found, func(r Marked[T]) bool { return r.At.Before(from) || !r.At.Before(to) })
		slices.SortStableFunc(found, func(a, b Marked[T]) int { return a.At.Compare(b.At) })
		n := len(found)
		if n > limit {
			last := found[limit-1].At.Truncate(tick)
			for n = limit; n < len(found) && !found[n].At.Truncate(tick).After(last); {
				n++
			}
		}
		page := MarkPage[T]{Records: records(found[:n]), Now: now}
		switch {
		case n < len(found):
			cur.From = found[n-1].At.Truncate(tick).Add(tick)
		case to.Before(end):
			cur.From = to
		default:
			page.Next = m.format(m.next(cur.End))
			return page, nil
		}
		if n > 0 {
			page.Next, page.More = m.format(cur), true
			return page, nil
		}
		from = cur.From
	}
}

func records[T any](rows []Marked[T]) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = r.Record
	}
	return out
}

// next is the cursor for the run after one that ended at end.
func (m Marks[T]) next(end time.Time) span {
	overlap := or(m.Overlap, defaultOverlap)
	since := end.Add(-overlap)
	// After the hour that is left out the clock shows more than has passed.
	if passed := WallOf(Moment(end, m.zone()).Add(-overlap), m.zone()); passed.Before(since) {
		since = passed
	}
	if from, _, ok := Repeated(end, m.zone()); ok && from.Before(since) {
		since = from
	}
	return span{Since: since, Now: end}
}

func (m Marks[T]) format(s span) string { return FormatCursor(m.Feed, m.Source, s) }

func (m Marks[T]) zone() *time.Location {
	if m.Location == nil {
		return time.UTC
	}
	return m.Location
}

// bothRepeated reports whether two wall times lie in the same hour that comes
// twice, where the later one may show less.
func (m Marks[T]) bothRepeated(a, b time.Time) bool {
	fromA, _, okA := Repeated(a, m.zone())
	fromB, _, okB := Repeated(b, m.zone())
	return okA && okB && fromA.Equal(fromB)
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
