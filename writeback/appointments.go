package writeback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// pullAppointments reads one of the two appointment feeds. Both see the same
// records: one tells of confirmation statuses, the other of everything else.
func (p *Practice) pullAppointments(ctx context.Context, feed driver.Feed) error {
	info, err := p.knownInfo(ctx)
	if err != nil {
		return err
	}
	fi := info.Feeds[feed]
	if !fi.Supported {
		return errFeed(feed, fi.Why)
	}
	if feed == driver.AppointmentStatusFeed {
		if err := p.lookAgain(ctx); err != nil {
			return err
		}
	}
	if !fi.Changes {
		return p.sweepFeed(ctx, feed)
	}
	pos, err := p.position(ctx, string(feed))
	if err != nil {
		return err
	}
	how := look{today: p.today(), until: pos.Until}
	err = p.pages(ctx, feed, &pos, func(page driver.Page) (taken, error) {
		return p.takeAppointments(ctx, feed, page.Appointments, page.Deleted, how)
	})
	if err != nil {
		return err
	}
	if !pos.Baseline || pos.Behind || feed == driver.AppointmentStatusFeed && pos.Mapping != p.mapping(p.viewNow()) {
		// The position is set; now everything that was there before, or means
		// something else by now.
		return p.sweepFeed(ctx, feed)
	}
	return nil
}

// today is when the practice's day began.
func (p *Practice) today() time.Time {
	zone := p.config().Location
	return driver.DateOf(time.Now().In(zone)).In(zone)
}

// sweepAppointments reads the window whole for both feeds: what change marks
// cannot show (deletions, restored databases) is corrected, and the PMS wins.
func (p *Practice) sweepAppointments(ctx context.Context) error {
	for _, feed := range []driver.Feed{driver.AppointmentStatusFeed, driver.AppointmentFeed} {
		info, err := p.knownInfo(ctx)
		if err != nil {
			return err
		}
		if fi := info.Feeds[feed]; !p.runs(feed) || !fi.Supported || !fi.Window {
			continue
		}
		if err := p.sweepFeed(ctx, feed); err != nil {
			return err
		}
	}
	return nil
}

// runs reports whether a feed is read at all: it has a handler and is not off.
func (p *Practice) runs(feed driver.Feed) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.every(p.settings, feed) > 0
}

// sweepFeed compares a window with what was seen, and completes the feed's
// baseline.
func (p *Practice) sweepFeed(ctx context.Context, feed driver.Feed) error {
	info, err := p.knownInfo(ctx)
	if err != nil {
		return err
	}
	pos, err := p.position(ctx, string(feed))
	if err != nil {
		return err
	}
	from := p.today()
	to := from.Add(p.e.cfg.SweepAhead)
	mapping := p.mapping(p.viewNow())
	if info.Feeds[feed].Window {
		// What is remembered of the window, before it is read: a record that
		// appears meanwhile is not missed for gone.
		gone, err := p.seenBetween(ctx, feed, from, to)
		if err != nil {
			return err
		}
		how := look{window: true, today: from, until: pos.Until}
		err = p.window(ctx, driver.WindowQuery{Feed: feed, From: from, To: to}, func(page driver.Page) (taken, error) {
			for _, a := range page.Appointments {
				delete(gone, a.ID)
			}
			return p.takeAppointments(ctx, feed, page.Appointments, nil, how)
		})
		if err != nil {
			return err
		}
		if err := p.missing(ctx, feed, gone, how); err != nil {
			return err
		}
	}
	before := pos
	pos.Baseline, pos.Behind = true, false
	if feed == driver.AppointmentStatusFeed {
		pos.Mapping = mapping
	}
	if to.After(pos.Until) {
		pos.Until = to
	}
	return p.advance(ctx, string(feed), &pos, before, taken{})
}

// missing asks for each record that the window did not show any more: it may be
// deleted, or have moved out of the window. One that cannot be read holds up no
// other.
func (p *Practice) missing(ctx context.Context, feed driver.Feed, gone map[string]Seen, how look) error {
	var refused error
	for id := range gone {
		list, deleted, err := p.ask(ctx, id)
		switch {
		case errors.Is(err, driver.ReasonUnsupported):
			deleted = []string{id} // the window has the word
		case errors.Is(err, driver.ErrRejected):
			refused = err
			continue
		case err != nil:
			return err
		}
		t, err := p.takeAppointments(ctx, feed, list, deleted, how)
		if err != nil {
			return err
		}
		if err := p.advance(ctx, string(feed), &position{}, position{}, t); err != nil {
			return err
		}
		if err := p.breathe(ctx); err != nil {
			return err
		}
	}
	return refused
}

// ask reads one appointment, which may be gone.
func (p *Practice) ask(ctx context.Context, id string) (list []driver.Appointment, deleted []string, err error) {
	var a driver.Appointment
	err = p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
		a, err = driver.ReadAppointment(ctx, conn, id)
		return err
	})
	switch {
	case err == nil:
		return []driver.Appointment{a}, nil, nil
	case errors.Is(err, driver.ReasonAppointmentMissing):
		return nil, []string{id}, nil
	}
	return nil, nil, err
}

// seenBetween returns what is remembered of a window, without what is gone.
func (p *Practice) seenBetween(ctx context.Context, feed driver.Feed, from, to time.Time) (map[string]Seen, error) {
	out := map[string]Seen{}
	after := ""
	for {
		list, err := p.e.cfg.Store.SeenBetween(ctx, p.id, feed, from, to, after, 1000)
		if err != nil {
			return nil, fmt.Errorf("writeback: read what was seen: %w", err)
		}
		for _, s := range list {
			if !s.gone() {
				out[s.ID] = s
			}
			after = s.ID
		}
		if len(list) < 1000 {
			return out, nil
		}
	}
}

// lookLater remembers that a status was passed over because it may have been our
// own write's. When that is settled it is read again, so that the host is told
// if it was not.
func (p *Practice) lookLater(appointment string) DocWrite {
	name := docLook + derive("look", p.id, appointment, 15)
	p.looks[name] = appointment
	return DocWrite{Name: name, Value: []byte(appointment), Expect: -1}
}

// loadLooks reads what lookLater remembered, once for each lease.
func (p *Practice) loadLooks(ctx context.Context) error {
	if p.looks != nil {
		return nil
	}
	docs, err := p.e.cfg.Store.Docs(ctx, p.id, docLook)
	if err != nil {
		return fmt.Errorf("writeback: read what to look at: %w", err)
	}
	p.looks = map[string]string{}
	for _, d := range docs {
		p.looks[d.Name] = string(d.Value)
	}
	return nil
}

// lookAgain reads the appointments that lookLater remembered and of which no
// write is under way any more.
func (p *Practice) lookAgain(ctx context.Context) error {
	for name, appointment := range p.looks {
		pending, err := p.pendingWrites(ctx, appointment)
		if err != nil {
			return err
		}
		if len(pending) > 0 {
			continue
		}
		list, deleted, err := p.ask(ctx, appointment)
		if err != nil && !errors.Is(err, driver.ErrRejected) {
			return err
		}
		// One that cannot be read by itself waits for the sweep.
		t, err := p.takeAppointments(ctx, driver.AppointmentStatusFeed, list, deleted, look{today: p.today()})
		if err != nil {
			return err
		}
		t.docs = append(t.docs, DocWrite{Name: name, Expect: -1})
		if err := p.advance(ctx, string(driver.AppointmentStatusFeed), &position{}, position{}, t); err != nil {
			return err
		}
		delete(p.looks, name)
	}
	return nil
}
