package writeback

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Via returns the practice's submitting methods over a store's Tx, so that an
// item becomes durable when the host's own transaction commits. The engines on
// the store hear of it within Config.WakePoll after the commit; [Engine.Wake],
// called after the commit, saves that wait.
func (p *Practice) Via(s Submitter) Via { return Via{p: p, to: s, host: true} }

// Via submits items through a [Submitter]. Get one from [Practice.Via].
type Via struct {
	p  *Practice
	to Submitter
	// host is set when the host's transaction decides when the item is there.
	host bool
}

// WriteNote submits a note. What it returns is durable. The error is an
// *InputError, ErrKeyReused, ErrUnknownPractice, or the store's.
func (p *Practice) WriteNote(ctx context.Context, n Note) (Item, error) {
	return p.via().WriteNote(ctx, n)
}

// WriteDocument submits a document; otherwise as WriteNote. The same bytes for
// the same patient and kind are filed once, under whatever keys: an item for
// which another one's document stands is Written with ReasonFiledBefore.
func (p *Practice) WriteDocument(ctx context.Context, d Document) (Item, error) {
	return p.via().WriteDocument(ctx, d)
}

// SubmitForm submits an online form; otherwise as WriteDocument. Forms of
// another category or type are other documents.
func (p *Practice) SubmitForm(ctx context.Context, f Form) (Item, error) {
	return p.via().SubmitForm(ctx, f)
}

// SetAppointmentStatus submits a confirmation status; otherwise as WriteNote. A
// newer one for the same appointment takes the place of those not yet written.
func (p *Practice) SetAppointmentStatus(ctx context.Context, s AppointmentStatus) (Item, error) {
	return p.via().SetAppointmentStatus(ctx, s)
}

// PostPayment submits a payment; otherwise as WriteNote.
func (p *Practice) PostPayment(ctx context.Context, pay Payment) (Item, error) {
	return p.via().PostPayment(ctx, pay)
}

// Refund submits a refund; otherwise as WriteNote.
func (p *Practice) Refund(ctx context.Context, r Refund) (Item, error) { return p.via().Refund(ctx, r) }

func (p *Practice) via() Via { return Via{p: p, to: p.e.commit} }

// WriteNote is [Practice.WriteNote].
func (v Via) WriteNote(ctx context.Context, n Note) (Item, error) {
	c := v.check("note")
	c.key(n.Key)
	if !n.Kind.Valid() {
		c.bad("kind", "is not a note kind; use one of driver.NoteKinds")
	}
	c.patient(n.Patient)
	c.at(n.At)
	body := n.Body.Reveal()
	if !n.HTML.IsEmpty() {
		body = c.html(n)
	} else {
		c.text("body", n.Body, maxText, true)
		if strings.TrimSpace(body) == "" && !callWithoutBody(n.Kind) {
			c.bad("body", "is empty; give the text")
		}
	}
	c.text("subject", n.Subject, maxShort, true)
	c.text("number", n.Number, maxShort, false)
	c.text("user", Text(n.User), maxShort, true)
	c.text("result", Text(n.Result), maxShort, true)
	for i, a := range n.Attachments {
		c.text(fmt.Sprintf("attachments[%d]", i), a, maxShort, true)
	}
	if len(n.Attachments) > 100 {
		c.bad("attachments", "are more than 100")
	}
	if n.Duration < 0 {
		c.bad("duration", "is negative")
	}
	if n.Verified && n.Kind != driver.InsuranceVerificationNote {
		c.bad("verified", "goes with an insurance verification note only")
	}
	if err := c.err(); err != nil {
		return Item{}, err
	}
	data := &noteData{
		Kind: n.Kind, Subject: n.Subject.Reveal(), Body: body, Number: n.Number.Reveal(),
		User: n.User, Result: n.Result, Duration: n.Duration, Verified: n.Verified,
	}
	for _, a := range n.Attachments {
		data.Attachments = append(data.Attachments, a.Reveal())
	}
	it := v.newItem(KindNote, n.Key, payload{Patient: patientDataOf(n.Patient), At: stamp(n.At), Note: data})
	it.pr.Masked += c.masked
	it.Lane = "notes:" + patientLane(it, v.p.e.seal.digests.oldest())
	return v.submit(ctx, it)
}

func callWithoutBody(k driver.NoteKind) bool {
	return k == driver.OutgoingCall || k == driver.IncomingCall || k == driver.MissedCall
}

// patientLane keeps the notes of one patient in order. It is a hash, since a
// name may be all there is.
func patientLane(it *item, k digestKey) string {
	who := "id\x00" + it.p.Patient.ID
	if it.p.Patient.ID == "" {
		who = "host\x00" + k.named(it.p.Patient)
	}
	return derive("lane", it.Practice, who, 10)
}

// SetAppointmentStatus is [Practice.SetAppointmentStatus].
func (v Via) SetAppointmentStatus(ctx context.Context, s AppointmentStatus) (Item, error) {
	c := v.check("appointment status")
	c.key(s.Key)
	if s.Appointment == "" {
		c.bad("appointment", "is empty; give the PMS's appointment id")
	}
	c.id("appointment", s.Appointment)
	if s.Basis != "" {
		if _, err := parseBasis(s.Basis); err != nil {
			c.bad("basis", "is not a token of an event; pass on Basis as it came")
		}
	}
	if err := c.err(); err != nil {
		return Item{}, err
	}
	it := v.newItem(KindStatus, s.Key, payload{
		Status: &statusData{Appointment: s.Appointment, Confirmed: s.Confirmed, Basis: s.Basis},
	})
	it.Subject = s.Appointment
	it.Lane = "appointment:" + s.Appointment
	return v.submit(ctx, it)
}

// PostPayment is [Practice.PostPayment].
func (v Via) PostPayment(ctx context.Context, pay Payment) (Item, error) {
	c := v.check("payment")
	c.key(pay.Key)
	c.patient(pay.Patient)
	c.at(pay.At)
	if !pay.Channel.Valid() {
		c.bad("channel", "is not a payment channel; use one of driver.PaymentChannels")
	}
	c.amount("amount", pay.Amount, false)
	c.amount("fee", pay.Fee, true)
	if !pay.Fee.IsZero() && pay.Fee.Currency != pay.Amount.Currency {
		c.bad("fee.currency", "differs from the amount's")
	}
	c.total(pay)
	c.charges(pay)
	c.text("memo", pay.Memo, maxShort, true)
	if err := c.err(); err != nil {
		return Item{}, err
	}
	if pay.Fee.IsZero() {
		pay.Fee = driver.Money{} // no fee is one content, whatever its currency
	}
	it := v.newItem(KindPayment, pay.Key, payload{
		Patient: patientDataOf(pay.Patient), At: stamp(pay.At),
		Payment: &paymentData{Channel: pay.Channel, Amount: pay.Amount, Fee: pay.Fee, Memo: pay.Memo.Reveal(), Charges: pay.Charges},
	})
	it.Lane = "payment:" + it.ID
	return v.submit(ctx, it)
}

// Refund is [Practice.Refund].
func (v Via) Refund(ctx context.Context, r Refund) (Item, error) {
	c := v.check("refund")
	c.key(r.Key)
	c.at(r.At)
	c.amount("amount", r.Amount, false)
	c.text("memo", r.Memo, maxShort, true)
	if r.Payment == "" {
		c.bad("payment", "is empty; give the key of the payment")
	} else if r.Payment == r.Key {
		c.bad("payment", "is the refund's own key")
	}
	if err := c.err(); err != nil {
		return Item{}, err
	}
	paid, err := v.to.ItemByKey(ctx, v.p.id, r.Payment)
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && paid.Kind != KindPayment:
		c.bad("payment", "is not the key of a payment that was submitted here")
		return Item{}, c.err()
	case err != nil:
		return Item{}, err
	}
	if payment, err := v.p.e.seal.open(paid); err == nil && len(payment.pr.Legs) > 0 {
		// A fee that was posted on its own is not part of what is refunded.
		was := payment.pr.Legs[0].Amount
		if r.Amount.Currency != was.Currency {
			c.bad("amount.currency", "differs from the payment's")
		} else if r.Amount.Minor > was.Minor {
			c.bad("amount", "is more than was paid")
		}
		if err := c.err(); err != nil {
			return Item{}, err
		}
	}
	it := v.newItem(KindRefund, r.Key, payload{
		At:     stamp(r.At),
		Refund: &refundData{Payment: r.Payment, Amount: r.Amount, Memo: r.Memo.Reveal()},
	})
	it.Subject = paid.ID
	it.Lane = "payment:" + paid.ID
	return v.submit(ctx, it)
}

// stamp gives a time the form in which it is stored, so that the same event
// has the same hash.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func (v Via) newItem(kind ItemKind, key string, p payload) *item {
	it := &item{
		Record: Record{Practice: v.p.id, ID: newItemID(), Key: key, Kind: kind, Patient: p.Patient.ID},
		p:      p,
	}
	if v.p.e.cfg.MaskCards {
		it.pr.Masked = it.p.maskCards()
	}
	return it
}

// submit decides the item and stores it, with its first event, in one change.
func (v Via) submit(ctx context.Context, it *item) (Item, error) {
	p := v.p
	if err := p.usable(); err != nil {
		return Item{}, err
	}
	view, err := p.view(ctx)
	if err != nil {
		return Item{}, err
	}
	if it.Kind == KindPayment {
		if err := planMoney(it, view.payments()); err != nil {
			return Item{}, &InputError{Op: "payment", Fields: []FieldError{{"fee", "cannot be added to the amount"}}}
		}
	}
	if err := p.e.seal.sealPayload(it); err != nil {
		return Item{}, err
	}
	if err := p.gather(ctx, it, v.to); err != nil {
		return Item{}, err
	}
	it.pr.PlanOnly = view.mode == PlanOnly
	it.settleIn(view)
	d := decide(it, view)
	it.apply(d)
	it.Revision = view.revision
	if err := p.e.seal.sealProgress(it); err != nil {
		return Item{}, err
	}
	change := Change{
		Practice: p.id,
		Items:    []ItemWrite{{Record: it.Record}},
		Events:   []Event{it.event(d.event, fresh, "host")},
		// Whoever works on it elsewhere has to hear of it through the store.
		Wake: it.Active && (v.host || !p.works()),
	}
	err = v.to.Apply(ctx, []Change{change})[0]
	if errors.Is(err, ErrExists) {
		return v.again(ctx, it)
	}
	if err != nil {
		return Item{}, err
	}
	it.Version = 1
	if it.Active && !v.host {
		p.e.Wake(p.id)
	}
	return it.public(), nil
}

// again answers a key that is there: the same item for the same content.
func (v Via) again(ctx context.Context, it *item) (Item, error) {
	known, err := v.to.ItemByKey(ctx, it.Practice, it.Key)
	if err != nil {
		return Item{}, err
	}
	if known.Kind != it.Kind || !v.p.e.seal.isOf(it, known.Hash) {
		if _, err := v.p.publicOf(known); err != nil {
			return Item{}, err // nobody can tell
		}
		return Item{}, fmt.Errorf("%w (item %s)", ErrKeyReused, known.ID)
	}
	return v.p.publicOf(known)
}

// apply moves an item by a decision. The decisions' events are in the table for
// every state that decide is asked about.
func (it *item) apply(d decision) bool {
	from, reason, cause := it.State, it.Reason, it.Cause
	if _, ok := it.move(d.event); !ok {
		return false
	}
	if from != Writing && (d.reason != reason || d.cause != cause) {
		it.pr.RefusedAt = time.Time{} // it waits for something else than what the PMS refused it for
	}
	it.Reason, it.Cause = d.reason, d.cause
	if d.event == EventFiledBefore {
		it.takeReceipt()
	}
	return true
}

// event makes the audit row of what just happened.
func (it *item) event(name string, from State, actor string) Event {
	e := Event{Practice: it.Practice, Item: it.ID, Name: name, From: from, To: it.State, Reason: it.Reason, Actor: actor}
	if name == EventFiledBefore {
		e.Detail = "item " + it.near.same.filed.ID
	}
	return e
}
