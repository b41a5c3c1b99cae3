package opendental

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/pmswriteback/pms/driver"
)

// mostCharges is how many charges a payment can pay by name: each is looked at
// beforehand, and in Remote mode that takes a turn of the line.
const mostCharges = 10

// restCharges is the rest of a payment that does not pay its charges yet.
const restCharges = "charges"

// paysCharges reports whether a payment goes to the charges that it names
// (Payments PUT Partial, since 25.1.11), at most mostCharges. What they come to has to be the payment's
// amount to the cent; otherwise the office decides, as it does without any.
func (c *conn) paysCharges(p *driver.Payment) bool {
	if len(p.Charges) == 0 || len(p.Charges) > mostCharges || !c.currentVersion().atLeast(sinceCharges) {
		return false
	}
	sum := driver.Money{Currency: p.Amount.Currency}
	for _, charge := range p.Charges {
		var err error
		if sum, err = sum.Add(charge.Amount); err != nil {
			return false
		}
	}
	return sum == p.Amount
}

// checkCharges refuses what is no completed procedure of the patient: the API
// takes those of the whole family.
func (c *conn) checkCharges(ctx context.Context, op string, p *driver.Payment) error {
	for _, charge := range p.Charges {
		if !isID(charge.ID) || charge.Amount.Minor <= 0 {
			return rejected(op, driver.ReasonInvalid, "Charges: an ID is no procedure's number (ProcNum), or an amount is not more than zero")
		}
		r, err := c.getOne(ctx, call{op: op, path: "/procedurelogs/" + charge.ID, missing: driver.ReasonInvalid})
		gone := errors.Is(err, driver.ErrRejected) && errors.Is(err, driver.ReasonInvalid)
		if err != nil && !gone {
			return beforeSending(err)
		}
		if gone || r.id("ProcNum") != charge.ID || r.id("PatNum") != p.Patient || r.text("ProcStatus") != "C" {
			return rejected(op, driver.ReasonInvalid, "Charges: names what is no completed procedure of this patient")
		}
	}
	return nil
}

// payCharges replaces the one split of a payment that was posted as a prepayment
// by those for its charges. Doing it again gives the same. Splits that are others
// by now are staff's, and are left alone; and where the office refuses, because
// less is owed, the payment stays unearned income.
func (c *conn) payCharges(ctx context.Context, op string, p *driver.Payment, done driver.Receipt) (driver.Receipt, error) {
	untouched, err := c.unallocated(ctx, op, done.ID)
	if err == nil && untouched {
		type pair struct {
			ProcNum json.Number
			Amount  json.Number
		}
		var pairs []pair
		for _, charge := range p.Charges {
			pairs = append(pairs, pair{number(charge.ID), json.Number(charge.Amount.Decimal())})
		}
		_, err = c.send(ctx, call{op: op, method: http.MethodPut, path: "/payments/" + done.ID + "/Partial"}, fields{"procNumsAndAmounts": pairs})
	}
	if err != nil && !errors.Is(err, driver.ErrRejected) {
		return driver.Receipt{}, incomplete(op, done, restCharges, err)
	}
	return done, nil
}

// unallocated reports whether all of a payment is unearned income, as it was
// posted.
func (c *conn) unallocated(ctx context.Context, op, payment string) (bool, error) {
	splits, err := c.get(ctx, call{op: op, path: "/paysplits", query: url.Values{"PayNum": {payment}}})
	if err != nil {
		return false, err
	}
	for _, s := range splits {
		if s.id("PayNum") != payment || s.id("ProcNum") != "" || s.id("AdjNum") != "" || s.id("PayPlanNum") != "" || s.id("UnearnedType") == "" {
			return false, nil
		}
	}
	return len(splits) == 1, nil
}
