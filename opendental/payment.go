package opendental

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

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

// writePayment posts a payment for this patient alone. CheckNum holds the Ref,
// which its 25 characters have room for, and so does the note. The API takes
// neither charges with amounts nor a provider; where the version allows they are
// set on the payment's splits afterwards, which is idempotent.
func (c *conn) writePayment(ctx context.Context, op string, p *driver.Payment) (driver.Receipt, error) {
	switch {
	case p.Amount.Minor <= 0:
		return driver.Receipt{}, rejected(op, driver.ReasonAmountInvalid, "")
	case !p.PostedOn.Valid():
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "PostedOn: not a day of the calendar")
	}
	if p.Prior != nil {
		if !isID(p.Prior.ID) {
			return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "Prior: names no payment")
		}
		attribute, err := true, error(nil)
		if tried, unpaid := triedAt(p.Prior.State, restCharges); unpaid {
			if attribute, err = c.attributes(ctx, op); err != nil {
				return driver.Receipt{}, c.withoutCharges(op, *p.Prior, tried, err)
			}
		}
		return c.finishPayment(ctx, op, p, *p.Prior, attribute)
	}
	if err := c.checkOption(ctx, op, driver.PaymentTypes, p.Type); err != nil {
		return driver.Receipt{}, err
	}
	attribute, err := c.attributes(ctx, op)
	if err != nil {
		return driver.Receipt{}, beforeSending(err)
	}
	if attribute && p.Provider != "" {
		if err := c.checkProvider(ctx, op, p.Provider); err != nil {
			return driver.Receipt{}, err
		}
	}
	if err := c.checkPatient(ctx, op, p.Patient); err != nil {
		return driver.Receipt{}, err
	}
	if err := c.checkPeriod(ctx, op, p.PostedOn); err != nil {
		return driver.Receipt{}, err
	}
	// The office pays charges by itself; those that are named, out of a prepayment.
	stays, charges := false, c.paysCharges(p)
	if charges {
		err = c.checkCharges(ctx, op, p)
	} else {
		stays, err = c.staysWithPatient(ctx, op, p)
	}
	if err != nil {
		return driver.Receipt{}, err
	}
	body := fields{
		"PatNum":   number(p.Patient),
		"PayAmt":   p.Amount.Decimal(),
		"PayType":  number(p.Type),
		"PayDate":  p.PostedOn.String(),
		"CheckNum": p.Ref,
		"PayNote":  withRef(p.Memo.Reveal(), p.Ref, payNoteChars),
		// Otherwise the splits go to the whole family's charges.
		"isPatientPreferred": "true",
	}
	if !stays {
		body["isPrepayment"] = "true"
	}
	r, err := c.post(ctx, op, "/payments", body)
	if err != nil {
		return driver.Receipt{}, c.notYet(op, p.PostedOn, err)
	}
	receipt := c.paymentReceipt(r)
	if receipt.ID == "" {
		// It is there, but under which number only Verify can tell.
		return driver.Receipt{}, failure(op, driver.ErrUnknownOutcome, driver.ReasonNone, "posted, but the answer names no payment")
	}
	if charges {
		receipt.State = restAt(restCharges, time.Time{})
	}
	return c.finishPayment(ctx, op, p, receipt, attribute)
}

// finishPayment does what is left to do for a payment that is posted: it pays the
// charges, and records the provider where the office does.
func (c *conn) finishPayment(ctx context.Context, op string, p *driver.Payment, done driver.Receipt, attribute bool) (driver.Receipt, error) {
	if tried, unpaid := triedAt(done.State, restCharges); unpaid {
		var err error
		if done, err = c.payCharges(ctx, op, p, done, tried); err != nil {
			return driver.Receipt{}, err
		}
	}
	done.State = ""
	if p.Provider == "" || !attribute {
		return done, nil
	}
	return c.attribute(ctx, op, done, p.Provider)
}

func (c *conn) paymentReceipt(r row) driver.Receipt {
	return driver.Receipt{ID: r.id("PayNum"), At: r.wall("SecDateTEdit", c.loc)}
}

// attributes reports whether a payment's provider can be recorded: since Open
// Dental 25.2.9, in an office that allows a provider on unearned income. In the
// others the splits that are free to take one are just those that may not.
func (c *conn) attributes(ctx context.Context, op string) (bool, error) {
	if !c.currentVersion().atLeast(sinceSplitProvider) {
		return false, nil
	}
	allowed, err := c.setting(ctx, op, "AllowPrepayProvider")
	return strings.TrimSpace(allowed) == "1", err
}

// attribute sets the provider on the splits of a payment that belong to no
// procedure, adjustment or payment plan; the others have their charge's provider, and must
// keep it. A refusal, after staff have worked on the splits, leaves nothing more
// to do; other failures leave a rest.
func (c *conn) attribute(ctx context.Context, op string, done driver.Receipt, provider string) (driver.Receipt, error) {
	splits, err := c.splitsToAttribute(ctx, op, done.ID, provider)
	if err != nil {
		return driver.Receipt{}, incomplete(op, done, restProvider, err)
	}
	for _, id := range splits {
		_, err := c.put(ctx, op, "/paysplits/"+id, driver.ReasonNone, fields{"ProvNum": number(provider)})
		if err != nil && !errors.Is(err, driver.ErrRejected) {
			return driver.Receipt{}, incomplete(op, done, restProvider, err)
		}
	}
	return done, nil
}

// splitsToAttribute are the payment's splits that could take the provider and do
// not have it.
func (c *conn) splitsToAttribute(ctx context.Context, op, payment, provider string) ([]string, error) {
	splits, err := c.get(ctx, call{op: op, path: "/paysplits", query: url.Values{"PayNum": {payment}}})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, s := range splits {
		id := s.id("SplitNum")
		if id == "" || s.id("PayNum") != payment || s.id("ProvNum") == provider ||
			s.id("ProcNum") != "" || s.id("AdjNum") != "" || s.id("PayPlanNum") != "" {
			continue
		}
		ids = append(ids, id)
	}
	return ids, nil
}
