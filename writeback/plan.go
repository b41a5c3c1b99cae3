package writeback

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// A plan is the legs of an item. What moves money is planned and frozen at the
// submit; a note's parts are planned when it is first claimed, because the PMS's
// limits must be known; options are bound when a leg is first sent, so that a
// hold can be mended until then.

// planMoney fixes a payment's legs, one, or the payment, its fee and the fee's
// offset, and whether it may post by itself.
func planMoney(it *item, s settings.Payments) error {
	pay := it.p.Payment
	it.pr.Manual = !s.Auto
	it.pr.Separate = s.Separate && !pay.Fee.IsZero()
	if it.pr.Separate {
		it.pr.Legs = []leg{
			it.newLeg("payment", pay.Amount, false),
			it.newLeg("fee", pay.Fee, true),
		}
		if !s.OffsetFee.IsZero() {
			it.pr.Legs = append(it.pr.Legs, it.newOffset(pay.Fee))
		}
		return nil
	}
	total := pay.Amount
	if !pay.Fee.IsZero() {
		var err error
		if total, err = pay.Amount.Add(pay.Fee); err != nil {
			return err
		}
	}
	it.pr.Legs = []leg{it.newLeg("payment", total, false)}
	return nil
}

func (it *item) newLeg(name string, amount driver.Money, fee bool) leg {
	return leg{Name: name, Ref: legRef(it.Practice, it.Key, name), Amount: amount, Fee: fee}
}

// planLegs gives an item its legs if it has none yet. A note of which nothing
// was sent is planned anew: the PMS's limits may be others by now.
func planLegs(it *item, env planEnv) error {
	if it.Kind == KindNote && it.untouched() {
		return planNote(it, env)
	}
	if len(it.pr.Legs) > 0 {
		return nil
	}
	switch it.Kind {
	case KindRefund:
		it.pr.Legs = []leg{it.newLeg("refund", it.p.Refund.Amount, false)}
	default:
		it.pr.Legs = []leg{it.newLeg(string(it.Kind), driver.Money{}, false)}
	}
	return nil
}

// planEnv is what planning and binding need besides settings.
type planEnv struct {
	hostName string
	zone     *time.Location
	info     driver.Info
	view     view
	title    titleTemplate
	// open gives a document's bytes.
	open func(ctx context.Context, it *item) (io.ReadCloser, error)
}

// planNote splits a note into parts that fit.
func planNote(it *item, env planEnv) error {
	op := env.info.Ops[driver.OpNote]
	first := it.newLeg("part 1", driver.Money{}, false)
	parts, replaced, err := renderNote(it, env, first.Ref, limits{op.MaxBytes, op.MaxChars, op.Repertoire})
	if err != nil {
		return err
	}
	it.pr.Legs, it.pr.Replaced = nil, replaced
	for i, body := range parts {
		l := it.newLeg(fmt.Sprintf("part %d", i+1), driver.Money{}, false)
		l.Sent = &sentOp{Body: withRef(body, hostLine(env, op.Repertoire), l.Ref, i+1, len(parts)), Part: i + 1, Parts: len(parts)}
		it.pr.Legs = append(it.pr.Legs, l)
	}
	return nil
}

// bind makes the operation of a leg. What was bound when the leg was first sent
// stays; the rest is taken from the settings in force. It changes the leg, and
// the caller stores it before anything is sent.
func bind(it *item, l *leg, env planEnv) (driver.Op, error) {
	s := env.view.settings
	if l.Sent == nil {
		l.Sent = &sentOp{}
	}
	if l.First.IsZero() {
		b := l.Sent
		b.Provider = s.Provider().ID
		b.Patient = it.patientID()
		if done := it.pr.Legs[0]; done.State == legDone && done.Sent != nil && done.Sent.Patient != "" {
			b.Patient = done.Sent.Patient // all of an item goes to one patient, whoever is linked by now
		}
		switch it.Kind {
		case KindNote:
			b.Type = noteType(it, s).ID
		case KindDocument, KindForm:
			b.Type = folder(it, s).ID
			b.Title = label(env.title.render(it, env.hostName, env.zone), env.info.Ops[driver.OpDocument].Repertoire).Reveal()
		case KindStatus:
			b.To = s.StatusTarget(it.p.Status.Confirmed).ID
		case KindPayment:
			b.Provider = s.PaymentProvider().ID
			b.Type = paymentNeed(it, l, s).ref.ID
			b.PostedOn = driver.DateOf(it.p.At.In(env.zone))
			if l.Offset {
				if err := it.bindOffset(b); err != nil {
					return nil, err
				}
			}
		case KindRefund:
			of := it.near.leg
			if of == nil || of.Sent == nil || of.State != legDone {
				return nil, fmt.Errorf("writeback: item %s: its payment is not there", it.ID)
			}
			b.Provider, b.Patient, b.Type = of.Sent.Provider, of.Sent.Patient, of.Sent.Type
			b.Of, b.OfRef, b.OfAmount = of.Got.ID, of.Ref, of.Amount
			b.PostedOn = driver.DateOf(it.p.At.In(env.zone))
		}
	}
	b := l.Sent
	head := driver.Header{
		Ref: l.Ref, Patient: b.Patient, Provider: b.Provider,
		FirstSent: l.First, LastSent: l.Last, Prior: l.Prior,
	}
	switch it.Kind {
	case KindNote:
		return &driver.Note{
			Header: head, About: it.p.Note.Kind, Type: b.Type, At: it.p.At,
			Body: driver.NewText(b.Body), Part: b.Part, Parts: b.Parts,
			Verified: it.p.Note.Verified && b.Part == b.Parts,
		}, nil
	case KindDocument, KindForm:
		d := it.p.Document
		return &driver.Document{
			Header: head, About: d.Kind, Category: d.Category, FormType: d.FormType,
			Folder: b.Type, Title: driver.NewText(b.Title), At: it.p.At,
			MIME: spelledMIME(env.info.Ops[driver.OpDocument].MIME, d.MIME), Size: d.Size, SHA256: d.SHA256,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return env.open(ctx, it) },
		}, nil
	case KindStatus:
		return &driver.StatusChange{Header: head, Appointment: it.p.Status.Appointment, From: b.From, To: b.To}, nil
	case KindPayment:
		if l.Offset {
			return &driver.Adjustment{
				Header: head, Type: b.Type, Amount: l.Amount, PostedOn: b.PostedOn, Of: b.Of, OfRef: b.OfRef,
				Memo: label(it.p.Payment.Memo, env.info.Ops[driver.OpAdjustment].Repertoire),
			}, nil
		}
		return &driver.Payment{
			Header: head, Type: b.Type, Amount: l.Amount, PostedOn: b.PostedOn,
			Memo: label(it.p.Payment.Memo, env.info.Ops[driver.OpPayment].Repertoire), Fee: l.Fee, Charges: chargesOf(it, l),
		}, nil
	}
	return &driver.Refund{
		Header: head, Of: b.Of, OfRef: b.OfRef, OfAmount: b.OfAmount, Type: b.Type,
		Amount: it.p.Refund.Amount, PostedOn: b.PostedOn, Memo: label(it.p.Refund.Memo, env.info.Ops[driver.OpRefund].Repertoire),
	}, nil
}

// chargesOf are the charges that a payment's leg pays: those of the payment, unless
// the fee is in the same leg or the leg is the fee.
func chargesOf(it *item, l *leg) []driver.Charge {
	if l.Fee || l.Amount != it.p.Payment.Amount {
		return nil
	}
	return it.p.Payment.Charges
}
