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
		// Reading has no effect, so whatever it was can be tried again.
		e := driver.ReadError(err)
		if e.Kind == driver.ErrRejected && e.Reason != driver.ReasonUnsupported {
			return e
		}
		if e.Kind == driver.ErrUnauthorized {
			return e
		}
		return &driver.Error{Op: "read appointment", Kind: driver.ErrUnavailable, RetryAfter: e.RetryAfter}
	}
	if now.State != driver.AppointmentScheduled || (!now.Start.IsZero() && now.Start.Before(time.Now())) {
		return &decisionError{decided(EventExpired, ReasonTooLate, "")}
	}
	if now.Status != change.To && !p.mayStep(c.it, now, change.To) {
		return &decisionError{decided(EventConflict, ReasonStaffChanged, "")}
	}
	change.From = now.Status
	change.Patient = now.Patient
	c.l.Sent.From, c.l.Sent.Patient = now.Status, now.Patient
	return nil
}

// mayStep says whether a status may be replaced by the wanted one.
func (p *Practice) mayStep(it *item, now driver.Appointment, to string) bool {
	if it.p.Status.Basis == "" || it.pr.AnyBasis {
		return true
	}
	b, err := parseBasis(it.p.Status.Basis)
	if err != nil {
		return false
	}
	if now.Status == b.Status {
		return true
	}
	s := p.viewNow().settings
	if it.p.Status.Confirmed {
		return now.Status == s.StatusTarget(false).ID && now.Status != ""
	}
	return s.IsConfirmed(now.Status)
}

// supersede keeps only the newest wish for an appointment: older ones that are
// not yet written give way.
func (p *Practice) supersede(ctx context.Context, it *item) (stop bool, err error) {
	others, err := p.e.cfg.Store.Items(ctx, ItemQuery{
		Practice: p.id, Kinds: []ItemKind{KindStatus}, Subject: it.Subject,
		States: []State{Queued, Held, NeedsPatient}, Limit: 1000,
	})
	if err != nil {
		return false, err
	}
	newer := false
	for _, r := range others {
		if r.Seq > it.Seq && r.State == Queued {
			newer = true
		}
		if r.Seq < it.Seq {
			older, err := p.e.seal.open(r)
			if err != nil {
				continue
			}
			if err := p.settle(ctx, older, EventSuperseded, "", 0); err != nil {
				return false, err
			}
		}
	}
	if newer {
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
	seen, err := p.e.cfg.Store.Seen(ctx, p.id, driver.AppointmentStatusFeed, []string{change.Appointment})
	if err != nil {
		// The host is told of its own write as of a change; nothing is lost.
		seen = nil
	}
	return p.store(ctx, it, event, from, 0, func(c *Change) {
		if s, ok := seen[change.Appointment]; ok {
			s.Status = change.To
			c.Seen = []SeenWrite{{Feed: driver.AppointmentStatusFeed, Seen: s}}
		}
	})
}

// refundsTooMuch adds up what earlier refunds of the payment took.
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
		if r.Seq >= it.Seq || r.State == Dismissed || r.State == Failed {
			continue
		}
		other, err := p.e.seal.open(r)
		if err != nil {
			return false, nil //nolint:nilerr // it is set aside by itself; the PMS has the last word
		}
		total += other.p.Refund.Amount.Minor
	}
	return total > it.near.leg.Amount.Minor, nil
}
