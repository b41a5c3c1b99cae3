package writeback

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
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
	if !fi.Changes {
		return p.sweepFeed(ctx, feed)
	}
	pos, err := p.position(ctx, string(feed))
	if err != nil {
		return err
	}
	fresh := !pos.Baseline
	again, err := p.pages(ctx, feed, &pos, func(page driver.Page) ([]SeenWrite, error) {
		return p.takeAppointments(ctx, feed, page.Appointments, page.Deleted, false)
	})
	if err != nil {
		return err
	}
	if fresh || again {
		// The position is set; now everything that was there before.
		if err := p.sweepFeed(ctx, feed); err != nil {
			return err
		}
		before := pos
		pos.Baseline = true
		return p.advance(ctx, string(feed), &pos, before, nil)
	}
	return nil
}

// sweepAppointments reads the window whole for both feeds: what change marks
// cannot show (deletions, restored databases) is corrected, and the PMS wins.
func (p *Practice) sweepAppointments(ctx context.Context) error {
	for _, feed := range []driver.Feed{driver.AppointmentStatusFeed, driver.AppointmentFeed} {
		if !p.e.handles(feed) {
			continue
		}
		if err := p.sweepFeed(ctx, feed); err != nil {
			return err
		}
	}
	return nil
}

func (p *Practice) sweepFeed(ctx context.Context, feed driver.Feed) error {
	info, err := p.knownInfo(ctx)
	if err != nil {
		return err
	}
	if fi := info.Feeds[feed]; !fi.Supported || !fi.Window {
		return errFeed(feed, fi.Why)
	}
	zone := p.config().Location
	from := driver.DateOf(time.Now().In(zone)).In(zone)
	to := from.Add(p.e.cfg.SweepAhead)
	// What is remembered of the window, before it is read: a record that appears
	// meanwhile is not missed for gone.
	gone, err := p.seenBetween(ctx, feed, from, to)
	if err != nil {
		return err
	}
	err = p.window(ctx, driver.WindowQuery{Feed: feed, From: from, To: to}, func(page driver.Page) error {
		for _, a := range page.Appointments {
			delete(gone, a.ID)
		}
		seen, err := p.takeAppointments(ctx, feed, page.Appointments, nil, true)
		if err != nil {
			return err
		}
		return p.advance(ctx, string(feed), &position{}, position{}, seen)
	})
	if err != nil {
		return err
	}
	return p.missing(ctx, feed, gone)
}

// missing asks for each record that the window did not show any more: it may be
// deleted, or have moved out of the window.
func (p *Practice) missing(ctx context.Context, feed driver.Feed, gone map[string]Seen) error {
	for id := range gone {
		var a driver.Appointment
		err := p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
			a, err = driver.ReadAppointment(ctx, conn, id)
			return err
		})
		e := driver.ReadError(err)
		var appointments []driver.Appointment
		var deleted []string
		switch {
		case e == nil:
			appointments = []driver.Appointment{a}
		case e.Kind == driver.ErrRejected:
			// Gone, or a PMS that cannot be asked for one: the window has the word.
			deleted = []string{id}
		default:
			return err
		}
		seen, err := p.takeAppointments(ctx, feed, appointments, deleted, true)
		if err != nil {
			return err
		}
		if err := p.advance(ctx, string(feed), &position{}, position{}, seen); err != nil {
			return err
		}
	}
	return nil
}

func (p *Practice) seenBetween(ctx context.Context, feed driver.Feed, from, to time.Time) (map[string]Seen, error) {
	out := map[string]Seen{}
	after := ""
	for {
		list, err := p.e.cfg.Store.SeenBetween(ctx, p.id, feed, from, to, after, 1000)
		if err != nil {
			return nil, fmt.Errorf("writeback: read what was seen: %w", err)
		}
		for _, s := range list {
			out[s.ID] = s
			after = s.ID
		}
		if len(list) < 1000 {
			return out, nil
		}
	}
}

// takeAppointments compares records with what was seen, delivers the
// difference, and returns what is to be remembered.
func (p *Practice) takeAppointments(ctx context.Context, feed driver.Feed, list []driver.Appointment, deleted []string, sweep bool) ([]SeenWrite, error) {
	ids := append([]string(nil), deleted...)
	for _, a := range list {
		ids = append(ids, a.ID)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	known, err := p.e.cfg.Store.Seen(ctx, p.id, feed, ids)
	if err != nil {
		return nil, fmt.Errorf("writeback: read what was seen: %w", err)
	}
	// A record may come twice in a page; the later one is compared with the
	// earlier.
	var writes []SeenWrite
	remember := func(s Seen) {
		known[s.ID] = s
		writes = append(writes, SeenWrite{Feed: feed, Seen: s})
	}
	if feed == driver.AppointmentStatusFeed {
		events, err := p.diffStatuses(ctx, list, known, remember)
		if err != nil {
			return nil, err
		}
		for _, id := range deleted {
			if s, ok := known[id]; ok {
				writes = append(writes, SeenWrite{Feed: feed, Seen: s, Forget: true})
			}
		}
		return writes, deliver(ctx, p, string(feed), p.e.cfg.Handlers.AppointmentStatuses, events)
	}
	events := p.diffAppointments(list, known, sweep, remember)
	for _, id := range deleted {
		s, ok := known[id]
		if !ok {
			continue
		}
		writes = append(writes, SeenWrite{Feed: feed, Seen: s, Forget: true})
		events = append(events, AppointmentEvent{
			ID: p.eventID(string(feed), id, s.Rev+1), Change: Deleted, Appointment: driver.Appointment{ID: id, Start: s.Start},
		})
		delete(known, id)
	}
	return writes, deliver(ctx, p, string(feed), p.e.cfg.Handlers.Appointments, events)
}

// diffStatuses finds changed confirmation statuses. What is seen for the first
// time is remembered and not told: the appointment feed tells of new records.
// While a write of ours is under way, the status it starts from and the one it
// sets stay silent, and a third one is staff's.
func (p *Practice) diffStatuses(ctx context.Context, list []driver.Appointment, known map[string]Seen, remember func(Seen)) ([]AppointmentStatusEvent, error) {
	var events []AppointmentStatusEvent
	for _, a := range list {
		s, ok := known[a.ID]
		if !ok {
			remember(Seen{ID: a.ID, Start: a.Start, Status: a.Status})
			continue
		}
		moved := !s.Start.Equal(a.Start)
		if s.Status == a.Status {
			if moved {
				s.Start = a.Start
				remember(s)
			}
			continue
		}
		ours, err := p.pendingStatus(ctx, a.ID, a.Status)
		if err != nil {
			return nil, err
		}
		if ours {
			continue // told, or not, when the write is settled
		}
		s.Status, s.Start, s.Rev = a.Status, a.Start, s.Rev+1
		remember(s)
		meaning, label := p.meaning(a.Status)
		events = append(events, AppointmentStatusEvent{
			ID: p.eventID(string(driver.AppointmentStatusFeed), a.ID, s.Rev), Appointment: a,
			Status: meaning, StatusLabel: label, Basis: basis{a.Status, a.Start}.token(),
		})
	}
	return events, nil
}

// pendingStatus reports whether a write of ours to the appointment may be what
// made it have this status.
func (p *Practice) pendingStatus(ctx context.Context, appointment, status string) (bool, error) {
	pending, err := p.e.cfg.Store.Items(ctx, ItemQuery{
		Practice: p.id, Kinds: []ItemKind{KindStatus}, Subject: appointment,
		States: []State{Writing, Uncertain, PartiallyPosted}, Limit: 10,
	})
	if err != nil {
		return false, fmt.Errorf("writeback: read pending statuses: %w", err)
	}
	for _, r := range pending {
		it, err := p.e.seal.open(r)
		if err != nil {
			continue
		}
		if l := it.nextLeg(); l != nil && l.Sent != nil && (l.Sent.To == status || l.Sent.From == status) {
			return true, nil
		}
	}
	return false, nil
}

// diffAppointments finds what is new or different in everything but the
// confirmation status.
func (p *Practice) diffAppointments(list []driver.Appointment, known map[string]Seen, sweep bool, remember func(Seen)) []AppointmentEvent {
	var events []AppointmentEvent
	for _, a := range list {
		hash := p.hashAppointment(a)
		place := p.keyed("place", a.Start.UTC().Format(time.RFC3339), a.Operatory, string(a.State))
		s, ok := known[a.ID]
		if ok && s.Hash == hash {
			continue
		}
		change := Created
		switch {
		case !ok && sweep:
			change = Found
		case a.State == driver.AppointmentCancelled || a.State == driver.AppointmentUnscheduled:
			change = Cancelled
		case !ok:
		case s.Status != place:
			change = Moved
		default:
			change = Edited
		}
		// Status holds the place here: the feed's own status is the other feed's.
		s = Seen{ID: a.ID, Hash: hash, Start: a.Start, Status: place, Rev: s.Rev + 1}
		remember(s)
		meaning, label := p.meaning(a.Status)
		events = append(events, AppointmentEvent{
			ID: p.eventID(string(driver.AppointmentFeed), a.ID, s.Rev), Change: change, Appointment: a,
			Status: meaning, StatusLabel: label, Basis: basis{a.Status, a.Start}.token(),
		})
	}
	return events
}

// meaning maps a PMS status by the settings in force.
func (p *Practice) meaning(status string) (Confirmation, string) {
	v := p.viewNow()
	option, _ := v.catalogs.Lookup(driver.AppointmentStatuses, status)
	switch {
	case v.settings.IsConfirmed(status):
		return Confirmed, option.Label
	case status != "" && status == v.settings.StatusTarget(false).ID, option.Role == driver.RoleUnconfirmed:
		return Unconfirmed, option.Label
	}
	return Other, option.Label
}

func (p *Practice) hashAppointment(a driver.Appointment) string {
	return p.keyed("appointment", a.Patient, a.Start.UTC().Format(time.RFC3339), a.Duration.String(),
		string(a.State), a.Provider, a.Operatory, a.Type, a.Site, a.Note.Reveal(), strconv.FormatBool(a.NewPatient))
}

// keyed hashes fields under the practice's salt, so that what is remembered of a
// record cannot be guessed from a stolen store and a list of likely contents
// without at least that practice's salt.
func (p *Practice) keyed(fields ...string) string {
	mac := hmac.New(sha256.New, p.salt)
	for _, f := range fields {
		fmt.Fprintf(mac, "%d:%s", len(f), f)
	}
	return hex.EncodeToString(mac.Sum(nil)[:12])
}

// eventID is the same for the same delivery and new for each change.
func (p *Practice) eventID(feed, id string, rev int64) string {
	return derive("event/"+feed, p.id, id+"\x00"+strconv.FormatInt(rev, 10), 15)
}
