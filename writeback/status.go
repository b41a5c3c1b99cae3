package writeback

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// decisionError carries a decision out of a write that was not made.
type decisionError struct{ d decision }

func (e *decisionError) Error() string { return "writeback: not written: " + e.d.event }

// basis is what an inbound event knew of an appointment.
type basis struct {
	Status string    `json:"s"`
	Start  time.Time `json:"t"`
}

func (b basis) token() string {
	data, _ := json.Marshal(b) // two plain fields
	return base64.RawURLEncoding.EncodeToString(data)
}

func parseBasis(token string) (basis, error) {
	var b basis
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(data) > 1000 {
		return b, errors.New("writeback: not a basis token")
	}
	if err := json.Unmarshal(data, &b); err != nil || b.Status == "" && b.Start.IsZero() {
		return b, errors.New("writeback: not a basis token")
	}
	return b, nil
}

// readBeforeWrite looks at the appointment and decides whether the status may be
// written: only from the status on which the host's decision was based or along
// a step between confirmed and unconfirmed, only on a visit that is still to
// come. What staff did in between stands.
func (p *Practice) readBeforeWrite(ctx context.Context, conn driver.Conn, c claim, change *driver.StatusChange) error {
	var now driver.Appointment
	err := p.onConn(ctx, p.e.cfg.ReadTimeout, conn, func(ctx context.Context, conn driver.Conn) (err error) {
		now, err = driver.ReadAppointment(ctx, conn, change.Appointment)
		return err
	})
	if errors.Is(err, driver.ReasonAppointmentMissing) {
		return &decisionError{decided(EventExpired, ReasonTooLate, "")}
	}
	if err != nil {
		// Reading has no effect, so what is not refused can be tried again.
		e := driver.ReadError(err)
		if e.Kind == driver.ErrRejected || e.Kind == driver.ErrUnauthorized {
			return e
		}
		return &driver.Error{Op: "read appointment", Kind: driver.ErrUnavailable, RetryAfter: e.RetryAfter}
	}
	if now.State != driver.AppointmentScheduled || (!now.Start.IsZero() && now.Start.Before(time.Now())) {
		return &decisionError{decided(EventExpired, ReasonTooLate, "")}
	}
	if now.Status != change.To {
		switch option, _ := p.viewNow().catalogs.Lookup(driver.AppointmentStatuses, now.Status); option.Role {
		case driver.RoleArrived, driver.RoleSeated, driver.RoleCompleted:
			return &decisionError{decided(EventExpired, ReasonTooLate, "")}
		}
		if !p.mayStep(c, now) {
			return &decisionError{decided(EventConflict, ReasonStaffChanged, "")}
		}
	}
	change.From = now.Status
	change.Patient = now.Patient
	c.l.Sent.From, c.l.Sent.Patient = now.Status, now.Patient
	return nil
}

// mayStep says whether a status may be replaced by the wanted one: when it is
// what the decision was based on, or a step between confirmed and unconfirmed
// away from it. A visit that was moved since is another visit: who confirmed
// Tuesday has not confirmed Thursday.
func (p *Practice) mayStep(c claim, now driver.Appointment) bool {
	it, from := c.it, c.l.Sent.From
	based := it.p.Status.Basis != "" && !it.pr.AnyBasis
	var b basis
	if based {
		var err error
		if b, err = parseBasis(it.p.Status.Basis); err != nil || !b.Start.IsZero() && !b.Start.Equal(now.Start) {
			return false
		}
	}
	switch {
	case from != "": // from there it was sent before, or was about to be
		if now.Status == from {
			return true
		}
	case !based || now.Status == b.Status:
		return true
	}
	meaning, _ := p.meaning(now.Status)
	if it.p.Status.Confirmed {
		return meaning == Unconfirmed
	}
	return meaning == Confirmed
}

// supersede keeps only the newest wish for an appointment: older ones that are
// not yet written give way, held ones too, and one that is tried again gives way
// to a newer one whatever became of that, unless somebody decided against it.
func (p *Practice) supersede(ctx context.Context, it *item) (stop bool, err error) {
	others, err := p.e.cfg.Store.Items(ctx, ItemQuery{Practice: p.id, Kinds: []ItemKind{KindStatus}, Subject: it.Subject, Limit: 1000})
	if err != nil {
		return false, err
	}
	newer := false
	for _, r := range others {
		if r.Seq > it.Seq && r.State != Dismissed {
			newer = true
		}
		if r.Seq < it.Seq && (r.State == Queued || r.State == Held) {
			older, err := p.e.seal.open(r)
			if err != nil {
				continue
			}
			if err := p.settle(ctx, older, EventSuperseded, "", 0); err != nil {
				return false, err
			}
		}
	}
	// What is there except for a rest is finished first.
	if newer && !it.begun() {
		return true, p.settle(ctx, it, EventSuperseded, "", 0)
	}
	return false, nil
}

// settleStatus stores a written status together with what the status feed has
// seen, so that the next poll knows our own write for an echo.
func (p *Practice) settleStatus(ctx context.Context, it *item, event string, change *driver.StatusChange) error {
	from := it.State
	it.move(event)
	it.Reason = ""
	known, err := p.seen(ctx, driver.AppointmentStatusFeed, []string{change.Appointment})
	return p.store(ctx, it, event, from, 0, func(c *Change) {
		if err != nil {
			return // the host is told of its own write as of a change; nothing is lost
		}
		s := known[change.Appointment]
		// The host believes what it asked for, whatever the settings make of that
		// status by now.
		meaning := Unconfirmed
		if it.p.Status.Confirmed {
			meaning = Confirmed
		}
		s.ID, s.Status, s.Hash = change.Appointment, change.To, string(meaning)
		c.Seen = []SeenWrite{{Feed: driver.AppointmentStatusFeed, Seen: s}}
		if event == EventFound && p.e.handles(driver.AppointmentStatusFeed) {
			// It was written a while ago: something else may stand there by now.
			c.Docs = append(c.Docs, p.lookLater(change.Appointment))
		}
	})
}

// refundsTooMuch adds up what other refunds of the payment took: all before it
// that may still be posted, and those behind it that have overtaken it.
func (p *Practice) refundsTooMuch(ctx context.Context, it *item) (bool, error) {
	others, err := p.e.cfg.Store.Items(ctx, ItemQuery{Practice: p.id, Kinds: []ItemKind{KindRefund}, Subject: it.Subject, Limit: 1000})
	if err != nil {
		return false, err
	}
	if it.near.leg == nil {
		return false, nil
	}
	total := it.p.Refund.Amount.Minor
	for _, r := range others {
		switch r.State {
		case Writing, Uncertain, PartiallyPosted, Written:
		case Dismissed, Failed, Skipped, Expired, Superseded:
			continue
		default:
			if r.Seq > it.Seq {
				continue
			}
		}
		if r.ID == it.ID {
			continue
		}
		other, err := p.e.seal.open(r)
		switch {
		case err != nil:
			return false, nil //nolint:nilerr // it is set aside by itself; the PMS has the last word
		case len(other.pr.Legs) > 0:
			total += other.pr.Legs[0].Amount.Minor
		case other.p.Refund != nil:
			total += other.p.Refund.Amount.Minor
		}
	}
	return total > it.near.leg.Amount.Minor, nil
}
