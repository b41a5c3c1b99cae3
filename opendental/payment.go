package opendental

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/pmswriteback/pms/driver"
)

const (
	// payNoteChars bounds payment.PayNote: the column's nominal size.
	payNoteChars = 4_000
	// restProvider and restMark are the rests of an incomplete write, as
	// driver.Receipt.State.
	restProvider = "provider"
	restMark     = "mark"
)

// writePayment posts a payment. CheckNum holds the Ref, which its 25 characters
// have room for, and so does the note. The API takes no provider; where the
// version allows it is set on the payment's splits afterwards, which is
// idempotent.
func (c *conn) writePayment(ctx context.Context, op string, p *driver.Payment) (driver.Receipt, error) {
	switch {
	case p.Amount.Minor <= 0:
		return driver.Receipt{}, rejected(op, driver.ReasonAmountInvalid, "")
	case !p.PostedOn.Valid():
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "PostedOn: not a day of the calendar")
	}
	attribute := p.Provider != "" && c.currentVersion().atLeast(sinceSplitProvider)
	if p.Prior != nil {
		if !isID(p.Prior.ID) {
			return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "Prior: names no payment")
		}
		return c.attribute(ctx, op, *p.Prior, p.Provider)
	}
	if err := c.checkOption(ctx, op, driver.PaymentTypes, p.Type); err != nil {
		return driver.Receipt{}, err
	}
	if attribute {
		if err := c.checkProvider(ctx, op, p.Provider); err != nil {
			return driver.Receipt{}, err
		}
	}
	if err := c.checkPatient(ctx, op, p.Patient); err != nil {
		return driver.Receipt{}, err
	}
	r, err := c.post(ctx, op, "/payments", fields{
		"PatNum":   number(p.Patient),
		"PayAmt":   p.Amount.Decimal(),
		"PayType":  number(p.Type),
		"PayDate":  p.PostedOn.String(),
		"CheckNum": p.Ref,
		"PayNote":  withRef(p.Memo.Reveal(), p.Ref, payNoteChars),
		// Otherwise the splits go to the whole family's charges.
		"isPatientPreferred": "true",
	})
	if err != nil {
		return driver.Receipt{}, err
	}
	receipt := c.paymentReceipt(r)
	if receipt.ID == "" {
		// It is there, but under which number only Verify can tell.
		return driver.Receipt{}, failure(op, driver.ErrUnknownOutcome, driver.ReasonNone, "posted, but the answer names no payment")
	}
	if !attribute {
		return receipt, nil
	}
	return c.attribute(ctx, op, receipt, p.Provider)
}

func (c *conn) paymentReceipt(r row) driver.Receipt {
	return driver.Receipt{ID: r.id("PayNum"), At: r.wall("SecDateTEdit", c.loc)}
}

// attribute sets the provider on the splits of a payment that belong to no
// procedure and no adjustment; the others have their charge's provider, and must
// keep it. An office may forbid a provider on unearned income; then there is
// nothing more to do. Other failures leave a rest.
func (c *conn) attribute(ctx context.Context, op string, done driver.Receipt, provider string) (driver.Receipt, error) {
	done.State = ""
	if provider == "" {
		return done, nil
	}
	splits, err := c.get(ctx, call{op: op, path: "/paysplits", query: url.Values{"PayNum": {done.ID}}})
	if err != nil {
		return driver.Receipt{}, incomplete(op, done, restProvider, err)
	}
	for _, s := range splits {
		id := s.id("SplitNum")
		if id == "" || s.id("PayNum") != done.ID || s.id("ProvNum") == provider || s.id("ProcNum") != "" || s.id("AdjNum") != "" {
			continue
		}
		_, err := c.put(ctx, op, "/paysplits/"+id, driver.ReasonNone, fields{"ProvNum": number(provider)})
		if err != nil && !errors.Is(err, driver.ErrRejected) {
			return driver.Receipt{}, incomplete(op, done, restProvider, err)
		}
	}
	return done, nil
}

// incomplete says that the effect is there and what remains.
func incomplete(op string, done driver.Receipt, rest string, cause error) error {
	done.State = rest
	e := failure(op, driver.ErrIncomplete, driver.ReasonNone, "the "+rest+" remains to be set")
	e.Receipt = done
	var d *driver.Error
	if errors.As(cause, &d) {
		e.RetryAfter = d.RetryAfter
	}
	return e
}

// writeRefund refunds a whole payment: the API makes the negative payment, with
// the amount, type, check number and note of the payment, dated today. Then the
// Ref, the type and a note that names the payment's Ref are set, which is
// idempotent.
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
	if err := c.checkOption(ctx, op, driver.PaymentTypes, f.Type); err != nil {
		return driver.Receipt{}, err
	}
	if err := c.checkPatient(ctx, op, f.Patient); err != nil {
		return driver.Receipt{}, err
	}
	payments, err := c.payments(ctx, op, f.Patient, "")
	if err != nil {
		return driver.Receipt{}, beforeSending(err)
	}
	of, found := findPaid(payments, f)
	if !found {
		return driver.Receipt{}, rejected(op, driver.ReasonPaymentMissing, "")
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

func (c *conn) markRefund(ctx context.Context, op string, done driver.Receipt, f *driver.Refund) (driver.Receipt, error) {
	body := fields{"CheckNum": f.Ref, "PayNote": refundNote(f)}
	if isID(f.Type) {
		body["PayType"] = number(f.Type)
	}
	if _, err := c.put(ctx, op, "/payments/"+done.ID, driver.ReasonNone, body); err != nil {
		return driver.Receipt{}, incomplete(op, done, restMark, err)
	}
	done.State = ""
	return done, nil
}

// refundNote names the payment, and the day when it is not the ledger's.
func refundNote(f *driver.Refund) string {
	return withRef(f.Memo.Reveal(), "Refund of "+f.OfRef+" on "+f.PostedOn.String()+" "+f.Ref, payNoteChars)
}

// payments are a patient's payments entered on or after a day, or all. The API
// has no way to read a single one.
func (c *conn) payments(ctx context.Context, op, patient, since string) ([]row, error) {
	query := url.Values{"PatNum": {patient}}
	if since != "" {
		query.Set("DateEntry", since)
	}
	return c.all(ctx, listing{op: op, path: "/payments", query: query, key: "PayNum"})
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
