package sqlpms

import (
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/pmswriteback/pms/driver"
)

// cursor is what a [driver.Page].Next holds.
type cursor struct {
	Feed   string          `json:"f"`
	Source string          `json:"s,omitempty"`
	State  json.RawMessage `json:"c"`
}

// FormatCursor makes what a driver's [driver.Page].Next holds: printable ASCII that
// survives a restart. feed and source say whose it is; source is the set-up, such as
// the tables' owner, the site or the way of reading. state is what the driver
// remembers: a struct of texts and numbers for package json. [Marks] makes its own.
func FormatCursor(feed, source string, state any) string {
	b, err := json.Marshal(state)
	if err == nil {
		b, err = json.Marshal(cursor{feed, source, b})
	}
	if err != nil {
		panic("sqlpms: the state of a cursor is no JSON") // a driver's mistake, whatever the data
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads a cursor that FormatCursor made into state. One that is not of
// this feed and source, or not a cursor at all, is ErrCursorExpired; whether what is
// in the state makes sense is the driver's to check, and to say by [Expired].
func ParseCursor(name, op, feed, source, s string, state any) error {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err == nil && c.Feed == feed && c.Source == source && json.Unmarshal(c.State, state) == nil {
		return nil
	}
	return Expired(name, op, "the cursor is not one of this feed and set-up")
}

// Expired is ErrCursorExpired with a reason for support.
func Expired(name, op, why string) error {
	return &driver.Error{Driver: name, Op: op, Kind: driver.ErrCursorExpired, Err: errors.New(why)}
}
