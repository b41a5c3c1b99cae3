package driver

import (
	"context"
	"time"
)

// ChangesQuery asks for what changed in one feed.
type ChangesQuery struct {
	Feed Feed
	// Cursor is the Next of an earlier page; empty sets a baseline.
	Cursor string
	// Limit is about how many records one page should hold; 0 leaves it to the
	// driver. A page may hold more where the PMS has ties.
	Limit int
}

// Page is a page of records, of the one type that goes with its feed.
type Page struct {
	Appointments []Appointment
	Patients     []Patient
	Photos       []Photo
	// Deleted are ids of records that are gone: deleted, or no longer of the kind or
	// in the [Env].Site that the feed is about. An id that the feed never gave may be
	// among them.
	Deleted []string
	// Next is the cursor for the following call. It is never empty after
	// ReadChanges, not even after an empty page.
	Next string
	// More is set when there is more to read at once.
	More bool
	// AsOf is the PMS's clock when the page was read, zero when it does not tell.
	AsOf time.Time
}

// Len is the number of records and deletions in the page.
func (p *Page) Len() int {
	return len(p.Appointments) + len(p.Patients) + len(p.Photos) + len(p.Deleted)
}

// ChangeReader reads what changed since a cursor.
type ChangeReader interface {
	// ReadChanges returns a page of records that changed since the cursor.
	//
	//  1. An empty cursor is a baseline: the page is empty, More is false, and
	//     Next marks the present by the PMS's clock, never the host's.
	//  2. Whatever was committed in the PMS after a cursor was given is in a
	//     page read from that cursor, ties on a coarse clock included. Nothing
	//     is lost; a record may come twice.
	//  3. The cursor is opaque, good in another process and after a restart,
	//     and at most 1,024 bytes of printable ASCII without patient data.
	//  4. A cursor that the PMS or the driver cannot serve is ErrCursorExpired;
	//     the engine then reads a window.
	//  5. The records show the state when they were read, not each step before.
	//  6. Following Next while More is true ends.
	ReadChanges(ctx context.Context, q ChangesQuery) (Page, error)
}

// ReadChanges asks conn. A connection that is no ChangeReader gives ErrRejected
// with ReasonUnsupported.
func ReadChanges(ctx context.Context, conn Conn, q ChangesQuery) (Page, error) {
	r, ok := conn.(ChangeReader)
	if !ok {
		return Page{}, unsupported("read changes")
	}
	return r.ReadChanges(ctx, q)
}
