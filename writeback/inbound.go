package writeback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Inbound, one feed: read a page, compare it with what was seen, give the host
// the difference, and only then store the position together with what was seen.
// A crash anywhere in between gives the host the same events again, with the
// same ids.

// position is where a feed stands; it is the document "cursor/<feed>".
type position struct {
	Cursor string `json:"cursor,omitempty"`
	// Baseline is set once the first look is complete.
	Baseline bool `json:"baseline,omitempty"`
	version  int64
}

func (p *Practice) position(ctx context.Context, name string) (position, error) {
	doc, err := p.e.cfg.Store.Doc(ctx, p.id, docCursor+name)
	if errors.Is(err, ErrNotFound) {
		return position{}, nil
	}
	if err != nil {
		return position{}, fmt.Errorf("writeback: read position: %w", err)
	}
	var pos position
	if err := json.Unmarshal(doc.Value, &pos); err != nil {
		// A damaged position is like an expired cursor: everything is read anew.
		return position{version: doc.Version}, nil
	}
	pos.version = doc.Version
	return pos, nil
}

// advance stores a feed's position and what was seen, after the host took the
// events. Nothing is written when nothing changed.
func (p *Practice) advance(ctx context.Context, name string, pos *position, before position, seen []SeenWrite) error {
	change := Change{Practice: p.id, Fence: p.lease.Fence(), Seen: seen}
	if pos.Cursor != before.Cursor || pos.Baseline != before.Baseline {
		data, err := json.Marshal(pos)
		if err != nil {
			return fmt.Errorf("writeback: encode position")
		}
		change.Docs = []DocWrite{{Name: docCursor + name, Value: data, Expect: pos.version}}
	}
	if len(change.Seen) == 0 && len(change.Docs) == 0 {
		return nil
	}
	if err := p.e.commit.Apply(context.WithoutCancel(ctx), []Change{change})[0]; err != nil {
		return fmt.Errorf("writeback: store position: %w", err)
	}
	if len(change.Docs) > 0 {
		pos.version++
	}
	return nil
}

// pull runs one inbound loop once.
func (p *Practice) pull(ctx context.Context, feed driver.Feed) error {
	if _, err := p.knownInfo(ctx); err != nil {
		return err
	}
	switch feed {
	case driver.PatientFeed:
		return p.pullPatients(ctx)
	case driver.PhotoFeed:
		return p.pullPhotos(ctx)
	}
	return p.pullAppointments(ctx, feed)
}

// knownInfo gives Info, reading it when the PMS was never reached before.
func (p *Practice) knownInfo(ctx context.Context) (driver.Info, error) {
	p.mu.Lock()
	info := p.info
	p.mu.Unlock()
	if info == nil {
		if err := p.refreshCatalogs(ctx); err != nil {
			return driver.Info{}, err
		}
		p.mu.Lock()
		info = p.info
		p.mu.Unlock()
	}
	return *info, nil
}

// errFeed says why a feed is not read.
func errFeed(feed driver.Feed, why string) error {
	return &driver.Error{Op: "read " + string(feed), Kind: driver.ErrRejected, Reason: driver.ReasonUnsupported, Err: errors.New(why)}
}

// pages walks a feed's changes from pos. Each page is given to take, and pos
// moves on when take returns nil. An expired cursor starts a new baseline, after
// which again reports true: the caller reads a window to catch up.
func (p *Practice) pages(ctx context.Context, feed driver.Feed, pos *position, take func(driver.Page) ([]SeenWrite, error)) (again bool, err error) {
	end := time.Now().Add(stepBudget)
	for {
		before := *pos
		var page driver.Page
		err := p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
			page, err = driver.ReadChanges(ctx, conn, driver.ChangesQuery{Feed: feed, Cursor: pos.Cursor})
			return err
		})
		if errors.Is(err, driver.ErrCursorExpired) && pos.Cursor != "" {
			pos.Cursor, pos.Baseline = "", false
			again = true
			continue
		}
		if err != nil {
			return again, err
		}
		first := pos.Cursor == ""
		seen, err := take(page)
		if err != nil {
			return again, err
		}
		pos.Cursor = page.Next
		if err := p.advance(ctx, string(feed), pos, before, seen); err != nil {
			return again, err
		}
		p.noteAsOf(string(feed), page.AsOf)
		if !page.More || first {
			return again, nil
		}
		if time.Now().After(end) {
			p.due.Now(string(feed)) // the rest at once, after the others had their turn
			return again, nil
		}
	}
}

// walk is a window that is being read, across steps.
type walk struct {
	token string
	from  time.Time
}

// window reads a whole window, a page at a time, and gives each page to take.
func (p *Practice) window(ctx context.Context, q driver.WindowQuery, take func(driver.Page) error) error {
	for {
		var page driver.Page
		err := p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
			page, err = driver.ReadWindow(ctx, conn, q)
			return err
		})
		if err != nil {
			return err
		}
		if err := take(page); err != nil {
			return err
		}
		if !page.More {
			p.noteAsOf(string(q.Feed), page.AsOf)
			return nil
		}
		q.Token = page.Next
	}
}

// deliver gives events to a handler, at most 100 at a time, within its time.
func deliver[E any](ctx context.Context, p *Practice, feed string, handler func(context.Context, string, []E) error, events []E) error {
	for len(events) > 0 {
		n := min(len(events), handlerBatch)
		if err := p.handle(ctx, feed, func(ctx context.Context) error { return handler(ctx, p.id, events[:n:n]) }); err != nil {
			return err
		}
		p.noteDelivered(feed, n)
		events = events[n:]
	}
	return nil
}

// handle calls the host's code. A panic there is the host's mistake, and is
// treated as a failure, so that one practice does not stop ten thousand; its
// value is not shown, because it may be anything.
func (p *Practice) handle(ctx context.Context, feed string, f func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, p.e.cfg.HandlerTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = &handlerError{feed: feed, err: errors.New("writeback: the handler panicked")}
		}
		p.noteHandler(feed, err)
	}()
	if err := f(ctx); err != nil {
		return &handlerError{feed: feed, err: err}
	}
	return nil
}
