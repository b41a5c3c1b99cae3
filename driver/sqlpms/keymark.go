package sqlpms

import "math"

// KeyMark is the watermark of rows that are only ever added, and whose keys the
// engine gives out in ascending order: the highest key that was seen, and which of
// those right below it were. A row that got its key and was committed after one with
// a higher key is found as long as it is among these; what comes later still is for
// the pass through all rows. It is the state of a cursor, see [FormatCursor]. The
// zero value knows the keys from -64 down.
type KeyMark struct {
	// Last is the highest key.
	Last int64 `json:"l"`
	// Seen has bit n for the key Last-n.
	Seen uint64 `json:"s"`
}

// KeyMemory is how many keys a KeyMark remembers one by one.
const KeyMemory = 64

// After is the key behind which rows are read: those above it may be new.
func (m KeyMark) After() int64 { return max(m.Last, math.MinInt64+KeyMemory) - KeyMemory }

// behind is how far a key that is not above Last lies below it. As a signed number it
// could overflow: a cursor comes from outside.
func (m KeyMark) behind(key int64) uint64 { return uint64(m.Last) - uint64(key) }

// Knows reports whether a row was seen before.
func (m KeyMark) Knows(key int64) bool {
	return key <= m.Last && (m.behind(key) >= KeyMemory || m.Seen>>m.behind(key)&1 == 1)
}

// With is the mark after a row was seen.
func (m KeyMark) With(key int64) KeyMark {
	if key > m.Last {
		m.Seen <<= min(uint64(key)-uint64(m.Last), KeyMemory)
		m.Last = key
	}
	if m.behind(key) < KeyMemory {
		m.Seen |= 1 << m.behind(key)
	}
	return m
}

// KeyPage is a page of new rows.
type KeyPage[T any] struct {
	// Records are the new rows, in the order of their keys.
	Records []T
	// Next is the mark for the next page; More is set when there is one now.
	Next KeyMark
	More bool
}

// NewRows makes a page, of [PageSize] of limit, out of the rows that the mark does
// not know. read gives each row whose key is above after to row, in the order of the
// keys, until that returns false.
func NewRows[T any](m KeyMark, limit int, read func(after int64, row func(key int64, record T) (more bool)) error) (KeyPage[T], error) {
	page, left := KeyPage[T]{Next: m}, PageSize(limit)
	err := read(m.After(), func(key int64, record T) bool {
		switch {
		case m.Knows(key):
			return true
		case left == 0:
			page.More = true
			return false
		}
		left--
		page.Records, page.Next = append(page.Records, record), page.Next.With(key)
		return true
	})
	return page, err
}
