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
	// Behind is set while a cursor had to be given up and what came meanwhile has
	// not been looked for in a window yet.
	Behind bool `json:"behind,omitempty"`
	// Until is the end of the window of appointments that was last read whole.
	Until time.Time `json:"until,omitzero"`
	// Mapping is what the statuses meant when the window was last read whole; see
	// mapping.
	Mapping string `json:"mapping,omitempty"`
	version int64
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
		return position{Baseline: true, Behind: true, version: doc.Version}, nil
	}
	pos.version = doc.Version
	return pos, nil
}

// advance stores a feed's position and what was seen, after the host took the
// events. Nothing is written when nothing changed.
func (p *Practice) advance(ctx context.Context, name string, pos *position, before position, t taken) error {
	change := Change{Practice: p.id, Fence: p.lease.Fence(), Seen: t.seen, Docs: t.docs}
	moved := pos.Cursor != before.Cursor || pos.Baseline != before.Baseline || pos.Behind != before.Behind ||
		pos.Mapping != before.Mapping || !pos.Until.Equal(before.Until)
	if moved {
		data, err := json.Marshal(pos)
		if err != nil {
			return fmt.Errorf("writeback: encode position")
		}
		change.Docs = append(change.Docs, DocWrite{Name: docCursor + name, Value: data, Expect: pos.version})
	}
	if len(change.Seen) == 0 && len(change.Docs) == 0 {
		return nil
	}
	if err := p.e.commit.Apply(context.WithoutCancel(ctx), []Change{change})[0]; err != nil {
		return fmt.Errorf("writeback: store position: %w", err)
	}
	if moved {
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

// errNoProgress says that a driver breaks its contract: what it gave would be
// read for ever, or from the beginning.
func errNoProgress(feed driver.Feed) error {
	return &driver.Error{Op: "read " + string(feed), Kind: driver.ErrRejected, Reason: driver.ReasonInvalid, Err: errors.New("the driver gave no position to go on from")}
}

// pages walks a feed's changes from pos. Each page is given to take, and pos
// moves on when take returns nil. An expired cursor is replaced by a new one, and
// pos is Behind: the caller reads a window to catch up.
func (p *Practice) pages(ctx context.Context, feed driver.Feed, pos *position, take func(driver.Page) (taken, error)) error {
	end := time.Now().Add(stepBudget)
	before := *pos
	for {
		var page driver.Page
		err := p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
			page, err = driver.ReadChanges(ctx, conn, driver.ChangesQuery{Feed: feed, Cursor: pos.Cursor})
			return err
		})
		if errors.Is(err, driver.ErrCursorExpired) && pos.Cursor != "" {
			pos.Cursor, pos.Behind = "", true
			continue
		}
		if err != nil {
			return err
		}
		first := pos.Cursor == ""
		if page.Next == "" || page.More && page.Next == pos.Cursor {
			return errNoProgress(feed)
		}
		t, err := take(page)
		if err != nil {
			return err
		}
		pos.Cursor = page.Next
		if err := p.advance(ctx, string(feed), pos, before, t); err != nil {
			return err
		}
		before = *pos
		p.noteAsOf(string(feed), page.AsOf)
		if !page.More || first {
			return nil
		}
		if time.Now().After(end) {
			p.due.Now(string(feed)) // the rest at once, after the others had their turn
			return nil
		}
		if err := p.breathe(ctx); err != nil {
			return err
		}
	}
}

// window reads a whole window, a page at a time, and gives each page to take.
func (p *Practice) window(ctx context.Context, q driver.WindowQuery, take func(driver.Page) (taken, error)) error {
	for {
		var page driver.Page
		err := p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
			page, err = driver.ReadWindow(ctx, conn, q)
			return err
		})
		if err != nil {
			return err
		}
		t, err := take(page)
		if err != nil {
			return err
		}
		if err := p.advance(ctx, string(q.Feed), &position{}, position{}, t); err != nil {
			return err
		}
		if !page.More {
			p.noteAsOf(string(q.Feed), page.AsOf)
			return nil
		}
		if page.Next == "" || page.Next == q.Token {
			return errNoProgress(q.Feed)
		}
		q.Token = page.Next
		if err := p.breathe(ctx); err != nil {
			return err
		}
	}
}

// breathe lets writes that are due have their turn between two pages, so that a
// walk through all patients does not keep a payment waiting.
func (p *Practice) breathe(ctx context.Context) error {
	if time.Since(p.wroteAt) < time.Second {
		return nil
	}
	_, err := p.writeDue(ctx, time.Now().Add(stepBudget))
	p.wroteAt = time.Now()
	return err
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

// handlerGrace is how long a handler may take to return once its time is over.
const handlerGrace = time.Second

// handle calls the host's code. A panic there is the host's mistake, and is
// treated as a failure, so that one practice does not stop ten thousand; its
// value is not shown, because it may be anything. A handler that does not return
// when its time is over has failed too, and is not called again before it has:
// meanwhile the practice's other work goes on.
func (p *Practice) handle(ctx context.Context, feed string, f func(context.Context) error) (err error) {
	defer func() { p.noteHandler(feed, err) }()
	if late := p.handling[feed]; late != nil {
		select {
		case <-late:
		default:
			return &handlerError{feed: feed, err: errors.New("writeback: the handler is still at work on an earlier call")}
		}
		delete(p.handling, feed)
	}
	ctx, cancel := context.WithTimeout(ctx, p.e.cfg.HandlerTimeout)
	defer cancel()
	result := errors.New("writeback: the handler panicked") // or ended its goroutine
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		result = f(ctx)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		grace := time.NewTimer(handlerGrace)
		defer grace.Stop()
		select {
		case <-done:
		case <-grace.C:
			p.handling[feed] = done
			return &handlerError{feed: feed, err: errors.New("writeback: the handler did not return in time")}
		}
	}
	if result != nil {
		return &handlerError{feed: feed, err: result}
	}
	return nil
}
