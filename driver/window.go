package driver

import (
	"context"
	"time"
)

// WindowQuery asks for all records of a window, whether they changed or not.
type WindowQuery struct {
	Feed Feed
	// From and To bound appointments by their start, From included, To not.
	// They are zero for patients and photos, whose window is all of them.
	From, To time.Time
	// Token is the Next of the page before; empty starts.
	Token string
	// Limit is about how many records one page should hold; 0 leaves it to the
	// driver.
	Limit int
}

// WindowReader reads all records of a window. The engine finds changes, moves
// and deletions by comparing two windows, so that a PMS without change marks
// needs nothing more.
type WindowReader interface {
	// ReadWindow returns a page. Walking Next until More is false gives every
	// record that was in the window during the whole walk exactly once; those
	// that came, went or moved meanwhile may show or not. Deleted stays empty.
	// A token is good for one walk on one connection; one that is not is
	// ErrCursorExpired.
	ReadWindow(ctx context.Context, q WindowQuery) (Page, error)
}

// ReadWindow asks conn. A connection that is no WindowReader gives ErrRejected
// with ReasonUnsupported.
func ReadWindow(ctx context.Context, conn Conn, q WindowQuery) (Page, error) {
	r, ok := conn.(WindowReader)
	if !ok {
		return Page{}, unsupported("read window")
	}
	return r.ReadWindow(ctx, q)
}
