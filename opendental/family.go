package opendental

import (
	"context"
	"errors"

	"github.com/pmswriteback/pms/driver"
)

// staysWithPatient reports whether a payment that pays the patient's charges can
// pay nobody else's. With isPatientPreferred the program pays this patient's
// charges first, and with what is left those of the family (Open Dental's
// published source, ImplicitlyLinkCredits); the API has no way to take that back.
// So that who owes what is looked at beforehand (AccountModules GET
// PatientBalances, since 22.1): nothing can be left while the patient owes as
// much, or nobody else owes anything.
//
// Otherwise, and when the office does not tell, the payment is posted as a
// prepayment: one split, of this patient's unearned income, which staff allocate.
func (c *conn) staysWithPatient(ctx context.Context, op string, p *driver.Payment) (bool, error) {
	rows, err := c.get(ctx, call{op: op, path: "/accountmodules/" + p.Patient + "/PatientBalances"})
	if errors.Is(err, driver.ErrRejected) || errors.Is(err, errGarbled) {
		return false, nil
	}
	if err != nil {
		return false, beforeSending(err)
	}
	owes, known, others := false, false, false
	for i, r := range rows {
		if i == len(rows)-1 && len(rows) > 1 {
			break // the whole family's, under the guarantor's number
		}
		balance, ok := r.money("Balance", p.Amount.Currency)
		switch who := r.id("PatNum"); {
		case !ok || who == "":
			return false, nil
		case who == p.Patient:
			known, owes = true, balance.Minor >= p.Amount.Minor
		case balance.Minor > 0:
			others = true
		}
	}
	return known && (owes || !others), nil
}
