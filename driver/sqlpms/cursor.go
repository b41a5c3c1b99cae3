package sqlpms

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Cursor is what a driver's [driver.Page].Next holds. Its String is printable
// ASCII and survives a restart. Wall times are those of the PMS.
type Cursor struct {
	// Feed and Source say whose it is: a cursor of another feed or of another
	// set-up (owner, site, way of reading) has expired.
	Feed   string `json:"f"`
	Source string `json:"s,omitempty"`
	// Since is from when changes are asked for, and Now what the PMS's clock showed
	// when the cursor was made.
	Since time.Time `json:"a"`
	Now   time.Time `json:"n"`
	// End and From are within a run of pages: where the run ends, and from when the
	// next page reads.
	End  time.Time `json:"e,omitzero"`
	From time.Time `json:"b,omitzero"`
	// Mark is about keys of rows that are only ever added.
	Mark KeyMark `json:"m,omitzero"`
	// Key is the driver's own, such as the last key of a walk.
	Key string `json:"k,omitempty"`
}

// String gives the cursor as it is handed out.
func (c Cursor) String() string {
	b, _ := json.Marshal(c) // texts, numbers and times only
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads a cursor that String gave. One that is not of this feed and
// source, or not a cursor at all, is ErrCursorExpired.
func ParseCursor(name, op, feed, source, s string) (Cursor, error) {
	var c Cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	switch {
	case err != nil, c.Feed != feed, c.Source != source, c.Since.IsZero(), c.Now.Before(c.Since), c.Mark.Low < 0,
		!c.End.IsZero() && c.End.Before(c.Now), !c.From.IsZero() && (c.End.IsZero() || c.From.Before(c.Since)):
		return Cursor{}, Expired(name, op, "the cursor is not one of this feed and set-up")
	}
	return c, nil
}

// Expired is ErrCursorExpired with a reason for support.
func Expired(name, op, why string) error {
	return &driver.Error{Driver: name, Op: op, Kind: driver.ErrCursorExpired, Err: errors.New(why)}
}

// KeyMark remembers up to which key rows of a table were seen whose keys the engine
// gives out in ascending order. A row whose key was given out may be committed
// after one with a higher key, so that a mark becomes good only when it is old
// enough.
type KeyMark struct {
	// Low: all rows up to this key were seen.
	Low int64 `json:"l"`
	// High is the highest key when the PMS's clock showed Seen.
	High int64     `json:"h"`
	Seen time.Time `json:"t"`
}

// keysBack is how many keys a first mark lies before the highest, for rows that
// were under way.
const keysBack = 20

// Advance moves the mark on: now is the PMS's clock, highest the highest key at
// that time, and age how long a row may be under way.
func (m KeyMark) Advance(now time.Time, highest int64, age time.Duration) KeyMark {
	switch {
	case m.Seen.IsZero():
		return KeyMark{max(0, highest-keysBack), highest, now}
	case now.Sub(m.Seen) < age:
		return m
	}
	return KeyMark{m.High, max(highest, m.High), now}
}
