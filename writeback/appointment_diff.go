package writeback

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// look says how records come to be looked at.
type look struct {
	// window: a whole window was read, which says nothing of what changed.
	window bool
	// all: the host asked for everything, known or not.
	all bool
	// today is when the practice's day began.
	today time.Time
	// until is the end of the window that was read whole before, zero for none.
	until time.Time
}

// firstSight says what it means that an appointment was never told before. One
// that was there before the first look, or came into the window as that moved
// on, is found. So is one of an earlier day: staff edit those, and hardly ever
// make them.
func (l look) firstSight(a driver.Appointment) RecordChange {
	switch {
	case l.until.IsZero(), l.window && !a.Start.Before(l.until), !a.Start.IsZero() && a.Start.Before(l.today):
		return Found
	case offTheBook(a):
		return Cancelled
	}
	return Created
}

// offTheBook says that nobody is expected at that time.
func offTheBook(a driver.Appointment) bool {
	return a.State == driver.AppointmentCancelled || a.State == driver.AppointmentUnscheduled
}

// takeAppointments compares records with what was seen, gives the host the
// difference, and returns what is to be remembered.
func (p *Practice) takeAppointments(ctx context.Context, feed driver.Feed, list []driver.Appointment, deleted []string, how look) (taken, error) {
	if len(list)+len(deleted) == 0 {
		return taken{}, nil
	}
	ids := append([]string(nil), deleted...)
	for _, a := range list {
		ids = append(ids, a.ID)
	}
	if feed == driver.AppointmentStatusFeed {
		n, err := newNews[AppointmentStatusEvent](ctx, p, feed, ids)
		if err != nil {
			return taken{}, err
		}
		if err := p.diffStatuses(ctx, n, list, how); err != nil {
			return taken{}, err
		}
		for _, id := range deleted {
			if s, ok := n.known[id]; ok && !s.gone() {
				s.Hash = goneHash
				n.note(s)
			}
		}
		return n.give(ctx, p, p.e.cfg.Handlers.AppointmentStatuses)
	}
	n, err := newNews[AppointmentEvent](ctx, p, feed, ids)
	if err != nil {
		return taken{}, err
	}
	p.diffAppointments(n, list, how)
	if err := p.statusesToldToo(ctx, n); err != nil {
		return taken{}, err
	}
	for _, id := range deleted {
		s, ok := n.known[id]
		if !ok || s.gone() {
			continue
		}
		mark := s.telling(goneHash)
		told := mark
		told.Hash = goneHash
		n.tell(mark, told, AppointmentEvent{
			ID: p.eventID(string(feed), id, told.Rev), Change: Deleted, Appointment: driver.Appointment{ID: id, Start: s.Start},
		})
	}
	return n.give(ctx, p, p.e.cfg.Handlers.Appointments)
}

// diffStatuses finds changed confirmation statuses. What is seen for the first
// time is remembered and not told, because the appointment feed tells of new
// records with their status; only when that is off this feed does. While a write
// of ours is under way, the status it starts from and the one it sets stay
// silent, and a third one is staff's.
//
// In this feed Hash holds what the status meant when it was told: when the
// settings give it another meaning, that is news although the PMS has none.
func (p *Practice) diffStatuses(ctx context.Context, n *news[AppointmentStatusEvent], list []driver.Appointment, how look) error {
	for _, a := range list {
		s, ok := n.known[a.ID]
		meaning, label := p.meaning(a.Status)
		start := s.Start
		if !start.Equal(a.Start) {
			start = a.Start
		}
		if !ok || s.gone() {
			if p.runs(driver.AppointmentFeed) || how.firstSight(a) == Found {
				n.note(Seen{ID: a.ID, Start: a.Start, Status: a.Status, Hash: string(meaning), Rev: s.Rev})
				continue
			}
			s = Seen{ID: a.ID, Start: a.Start, Hash: s.Hash, Rev: s.Rev}
		} else if s.Status == a.Status && s.Hash == string(meaning) {
			if !s.Start.Equal(a.Start) {
				s.Start = a.Start
				n.note(s)
			}
			continue
		}
		ours, err := p.mayBeOurs(ctx, a)
		if err != nil {
			return err
		}
		if ours {
			n.docs = append(n.docs, p.lookLater(a.ID))
			continue
		}
		mark := s.telling(p.keyed("status", a.Status, string(meaning)))
		told := Seen{ID: a.ID, Start: start, Status: a.Status, Hash: string(meaning), Rev: mark.Rev}
		n.tell(mark, told, AppointmentStatusEvent{
			ID: p.eventID(string(n.feed), a.ID, told.Rev), Appointment: a,
			Status: meaning, StatusLabel: label, Basis: basis{a.Status, a.Start}.token(),
		})
	}
	return nil
}

// mayBeOurs reports whether a write of ours to the appointment, whose outcome is
// not known yet, may be what made it have the status it has.
func (p *Practice) mayBeOurs(ctx context.Context, a driver.Appointment) (bool, error) {
	pending, err := p.pendingWrites(ctx, a.ID)
	if err != nil {
		return false, err
	}
	for _, l := range pending {
		if l.Sent.To == a.Status || l.Sent.From == a.Status {
			return true, nil
		}
	}
	return false, nil
}

// pendingWrites returns the status writes to an appointment that may have been
// sent and are not settled: also those that wait to be sent again.
func (p *Practice) pendingWrites(ctx context.Context, appointment string) ([]*leg, error) {
	pending, err := p.e.cfg.Store.Items(ctx, ItemQuery{
		Practice: p.id, Kinds: []ItemKind{KindStatus}, Subject: appointment,
		States: []State{Writing, Uncertain, PartiallyPosted, Queued, Held}, Limit: 100,
	})
	if err != nil {
		return nil, fmt.Errorf("writeback: read pending statuses: %w", err)
	}
	var legs []*leg
	v := p.viewNow()
	for _, r := range pending {
		it, err := p.e.seal.open(r)
		if err != nil {
			continue
		}
		if it.foreign(v) {
			continue // it went to another PMS
		}
		if l := it.nextLeg(); l != nil && l.Sent != nil && !l.First.IsZero() {
			legs = append(legs, l)
		}
	}
	return legs, nil
}

// cancelledMark ends the place of an appointment that is off the book.
const cancelledMark = "-"

// diffAppointments finds what is new or different in everything but the
// confirmation status. In this feed Seen.Status holds the place, which tells a
// moved appointment from an edited one; the status itself is the other feed's.
func (p *Practice) diffAppointments(n *news[AppointmentEvent], list []driver.Appointment, how look) {
	for _, a := range list {
		hash := p.hashAppointment(a)
		place := p.keyed("place", a.Start.UTC().Format(time.RFC3339), a.Operatory)
		if offTheBook(a) {
			place += cancelledMark
		}
		s := n.known[a.ID]
		same := s.Hash == hash
		if same && (!how.all || n.told[a.ID]) {
			continue
		}
		change := Edited
		settled, _, _ := s.settled()
		switch {
		case settled == "":
			change = how.firstSight(a)
		case settled == goneHash:
			change = Created
		case same:
			change = Found
		case offTheBook(a) && !strings.HasSuffix(s.Status, cancelledMark):
			change = Cancelled
		case strings.TrimSuffix(s.Status, cancelledMark) != strings.TrimSuffix(place, cancelledMark):
			change = Moved
		}
		if s.ID == "" {
			s = Seen{ID: a.ID, Start: a.Start}
		}
		mark := s.telling(hash)
		told := Seen{ID: a.ID, Hash: hash, Start: a.Start, Status: place, Rev: mark.Rev}
		meaning, label := p.meaning(a.Status)
		n.tell(mark, told, AppointmentEvent{
			ID: p.eventID(string(n.feed), a.ID, told.Rev), Change: change, Appointment: a,
			Status: meaning, StatusLabel: label, Basis: basis{a.Status, a.Start}.token(),
		})
	}
}

// statusesToldToo keeps the status feed's memory in step with this feed's
// events, which carry statuses as well. Otherwise a status that changes between
// this event and the status feed's first look would be taken for the one that
// the host was told. It is kept for a host that does not take statuses, too: once
// it does, it is told what it does not know.
func (p *Practice) statusesToldToo(ctx context.Context, n *news[AppointmentEvent]) error {
	if len(n.events) == 0 {
		return nil
	}
	ids := make([]string, len(n.events))
	for i, e := range n.events {
		ids[i] = e.Appointment.ID
	}
	known, err := p.seen(ctx, driver.AppointmentStatusFeed, ids)
	if err != nil {
		return err
	}
	for _, e := range n.events {
		a := e.Appointment
		s, ok := known[a.ID]
		fresh := !ok || s.wasGone()
		if !fresh {
			_, try, unsure := s.settled()
			if s.Status == a.Status && s.Hash == string(e.Status) {
				continue
			}
			if s.Status == a.Status && p.e.handles(driver.AppointmentStatusFeed) {
				// It means something else now, of which the PMS shows that feed nothing.
				n.docs = append(n.docs, p.lookLater(a.ID))
			}
			// While that feed is telling another status, which the host may have taken,
			// this event comes after it: when it tells the same again, that is news.
			if unsure && try == p.keyed("status", a.Status, string(e.Status)) {
				continue
			}
		}
		if fresh {
			s = Seen{ID: a.ID, Start: a.Start, Status: a.Status, Hash: string(e.Status), Rev: s.Rev}
		}
		// Until this event is taken, and for good if the status feed last told
		// another one, that feed tells the status whatever it is.
		mark := s.telling(toldElsewhere)
		n.before = append(n.before, SeenWrite{Feed: driver.AppointmentStatusFeed, Seen: mark})
		if fresh {
			s.Rev = mark.Rev
			n.after = append(n.after, SeenWrite{Feed: driver.AppointmentStatusFeed, Seen: s})
			mark = s
		}
		known[a.ID] = mark
	}
	return nil
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

// mapping stands for all that meaning goes by: when it changes, appointments that
// did not change may have to be told.
func (p *Practice) mapping(v view) string {
	confirmed := make([]string, 0, len(v.settings.Statuses.Confirmed))
	for _, r := range v.settings.Statuses.Confirmed {
		confirmed = append(confirmed, r.ID)
	}
	slices.Sort(confirmed)
	fields := append(slices.Compact(confirmed), "", v.settings.StatusTarget(false).ID, "")
	for _, o := range v.catalogs.Lists[driver.AppointmentStatuses] {
		if o.Role == driver.RoleUnconfirmed {
			fields = append(fields, o.ID)
		}
	}
	return p.keyed("mapping", fields...)
}

func (p *Practice) hashAppointment(a driver.Appointment) string {
	return p.keyed("appointment", a.Patient, a.Start.UTC().Format(time.RFC3339), a.Duration.String(),
		string(a.State), a.Provider, a.Operatory, a.Type, a.Site, a.Note.Reveal(), strconv.FormatBool(a.NewPatient))
}

// keyed hashes fields under the practice's salt, so that what is remembered of a
// record cannot be guessed from a stolen store and a list of likely contents
// without at least that practice's salt.
func (p *Practice) keyed(what string, fields ...string) string {
	mac := hmac.New(sha256.New, p.salt)
	fmt.Fprintf(mac, "%d:%s", len(what), what)
	for _, f := range fields {
		fmt.Fprintf(mac, "%d:%s", len(f), f)
	}
	return hex.EncodeToString(mac.Sum(nil)[:12])
}

// eventID is the same for the same delivery and new for each change.
func (p *Practice) eventID(feed, id string, rev int64) string {
	return derive("event/"+feed, p.id, id+"\x00"+strconv.FormatInt(rev, 10), 15)
}
