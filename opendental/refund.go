package opendental

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// writeRefund refunds a whole payment: the API makes the negative payment, with
// the amount, type, check number and note of the payment, dated today. Then the
// Ref, the type and a note that names the payment's Ref are set, which is
// idempotent. A refund that should have another date is refused: a date is never
// moved.
func (c *conn) writeRefund(ctx context.Context, op string, f *driver.Refund) (driver.Receipt, error) {
	if f.Prior != nil {
		if !isID(f.Prior.ID) {
			return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "Prior: names no refund")
		}
		return c.markRefund(ctx, op, *f.Prior, f)
	}
	switch {
	case f.Amount.Minor <= 0, f.Amount.Currency != f.OfAmount.Currency, f.Amount.Minor > f.OfAmount.Minor:
		return driver.Receipt{}, rejected(op, driver.ReasonAmountInvalid, "")
	case f.Amount != f.OfAmount:
		return driver.Receipt{}, rejected(op, driver.ReasonNotRefundable, "the API refunds whole payments only")
	case !f.PostedOn.Valid():
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "PostedOn: not a day of the calendar")
	}
	if err := c.checkPeriod(ctx, op, f.PostedOn); err != nil {
		return driver.Receipt{}, err
	}
	if err := c.checkOption(ctx, op, driver.PaymentTypes, f.Type); err != nil {
		return driver.Receipt{}, err
	}
	if err := c.checkPatient(ctx, op, f.Patient); err != nil {
		return driver.Receipt{}, err
	}
	payments, err := c.payments(ctx, op, f.Patient)
	if err != nil {
		return driver.Receipt{}, beforeSending(err)
	}
	of, found := findPaid(payments, f)
	if !found {
		return driver.Receipt{}, rejected(op, driver.ReasonPaymentMissing, "")
	}
	if f.OfRef == "" || !holdsRef(of, f.OfRef) {
		// The refund copies what the payment holds, and is found again by it.
		return driver.Receipt{}, rejected(op, driver.ReasonNotRefundable, "the payment no longer holds its reference, by which a refund is found again")
	}
	if today := c.officeDay(of); f.PostedOn != today {
		e := rejected(op, driver.ReasonNotRefundable, "the API dates a refund on the day it is written")
		if f.PostedOn.In(wall).After(today.In(wall)) {
			e.Err = errFuture
		}
		return driver.Receipt{}, c.notYet(op, f.PostedOn, e)
	}
	if amount, ok := of.money("PayAmt", f.Amount.Currency); !ok || amount != f.Amount {
		return driver.Receipt{}, rejected(op, driver.ReasonNotRefundable, "the payment has another amount by now")
	}
	for _, p := range payments {
		if isRefundOf(p, f) {
			return driver.Receipt{}, rejected(op, driver.ReasonNotRefundable, "the payment is refunded already")
		}
	}
	r, err := c.send(ctx, call{op: op, method: http.MethodPost, path: "/payments/Refund", missing: driver.ReasonPaymentMissing},
		fields{"PayNum": number(of.id("PayNum"))})
	if err != nil {
		return driver.Receipt{}, err
	}
	receipt := c.paymentReceipt(r)
	if receipt.ID == "" {
		return driver.Receipt{}, failure(op, driver.ErrUnknownOutcome, driver.ReasonNone, "posted, but the answer names no payment")
	}
	return c.markRefund(ctx, op, receipt, f)
}

// officeDay is the office's today, as a row that was just read tells it.
func (c *conn) officeDay(r row) driver.Date {
	if t := r.wall("serverDateTime", wall); !t.IsZero() {
		return driver.DateOf(t)
	}
	return driver.DateOf(time.Now().In(c.loc))
}

func (c *conn) markRefund(ctx context.Context, op string, done driver.Receipt, f *driver.Refund) (driver.Receipt, error) {
	body := fields{"CheckNum": f.Ref, "PayNote": refundNote(f)}
	if isID(f.Type) {
		body["PayType"] = number(f.Type)
	}
	_, err := c.put(ctx, op, "/payments/"+done.ID, driver.ReasonNone, body)
	if errors.Is(err, driver.ErrRejected) && body["PayType"] != nil {
		// The type may have been hidden since: the refund keeps the payment's, and
		// its Ref matters more.
		delete(body, "PayType")
		_, err = c.put(ctx, op, "/payments/"+done.ID, driver.ReasonNone, body)
	}
	if err != nil {
		return driver.Receipt{}, incomplete(op, done, restMark, err)
	}
	done.State = ""
	return done, nil
}

// refundNote names the payment as well.
func refundNote(f *driver.Refund) string {
	return withRef(f.Memo.Reveal(), "Refund of "+f.OfRef+" "+f.Ref, payNoteChars)
}

// payments are all payments of a patient. The API has no way to read a single
// one.
func (c *conn) payments(ctx context.Context, op, patient string) ([]row, error) {
	return c.all(ctx, listing{op: op, path: "/payments", query: url.Values{"PatNum": {patient}}, key: "PayNum"})
}

// findPaid finds the payment that is to be refunded, by its number or, without
// one, by its Ref.
func findPaid(payments []row, f *driver.Refund) (row, bool) {
	for _, p := range payments {
		switch {
		case p.id("PatNum") != f.Patient, isNegative(p):
		case f.Of != "" && p.id("PayNum") == f.Of:
			return p, true
		case f.Of == "" && f.OfRef != "" && holdsRef(p, f.OfRef):
			return p, true
		}
	}
	return nil, false
}
