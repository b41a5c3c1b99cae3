package opendental

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// mostCharges is how many charges a payment can pay by name: each is looked at
// beforehand, and in Remote mode that takes a turn of the line.
const mostCharges = 10

// restCharges is the rest of a payment that does not pay its charges yet. Behind it
// stands when that was last tried: the office deletes the splits and makes new
// ones, and two of its threads at once would make them twice.
const restCharges = "charges@"

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
		var r row
		rows := 0
		status, err := c.do(ctx, call{op: op, method: http.MethodGet, path: "/procedurelogs/" + charge.ID, missing: driver.ReasonInvalid},
			func(got row) error { r, rows = got, rows+1; return nil })
		gone := status == http.StatusNotFound && !errors.Is(err, driver.ReasonNotThisPMS)
		switch {
		case err != nil && !gone:
			return beforeSending(err)
		case err == nil && rows != 1:
			return unavailable(op, errGarbled.Error())
		}
		if gone || r.id("ProcNum") != charge.ID || r.id("PatNum") != p.Patient || r.text("ProcStatus") != "C" {
			return rejected(op, driver.ReasonInvalid, "Charges: names what is no completed procedure of this patient")
		}
	}
	return nil
}

// payCharges replaces the one split of a payment that was posted as a prepayment
// by those for its charges, unless a request of before, which left at tried, may
// still be doing that. Doing it again gives the same. Splits that are others by now
// are staff's, and are left alone; and where the office refuses, because less is
// owed, the payment stays unearned income.
func (c *conn) payCharges(ctx context.Context, op string, p *driver.Payment, done driver.Receipt, tried time.Time) (driver.Receipt, error) {
	early := time.Now().Before(tried.Add(c.cfg.verifyAfter(driver.OpPayment)))
	untouched, err := c.unallocated(ctx, op, done.ID)
	if err == nil && untouched && !early {
		tried = time.Now()
		if err = c.allocate(ctx, op, p, done.ID); !errors.Is(err, driver.ErrUnknownOutcome) {
			tried = time.Time{} // nothing is under way
		}
		untouched = false
	}
	if err == nil && !untouched || errors.Is(err, driver.ErrRejected) {
		return done, nil
	}
	return driver.Receipt{}, c.withoutCharges(op, done, tried, err)
}

// allocate sends what a payment pays.
func (c *conn) allocate(ctx context.Context, op string, p *driver.Payment, payment string) error {
	type pair struct {
		ProcNum json.Number
		Amount  json.Number
	}
	var pairs []pair
	for _, charge := range p.Charges {
		pairs = append(pairs, pair{number(charge.ID), json.Number(charge.Amount.Decimal())})
	}
	_, err := c.send(ctx, call{op: op, method: http.MethodPut, path: "/payments/" + payment + "/Partial"}, fields{"procNumsAndAmounts": pairs})
	return err
}

// withoutCharges is the error of a payment whose charges are still to be paid, or
// are in doubt.
func (c *conn) withoutCharges(op string, done driver.Receipt, tried time.Time, cause error) error {
	return c.underWay(op, done, restCharges, "the charges remain to be paid", driver.OpPayment, tried, cause)
}

// unallocated reports whether all of a payment is unearned income, as it was
// posted, or has no splits at all, as when the office broke off between deleting
// them and making new ones.
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
	return len(splits) <= 1, nil
}
