package writeback

import (
	"fmt"

	"github.com/pmswriteback/pms/driver"
)

// charges checks what a payment pays: each charge once, and all of the amount.
func (c *inputCheck) charges(pay Payment) {
	if len(pay.Charges) == 0 || c.wrongMoney() {
		return
	}
	if len(pay.Charges) > 100 {
		c.bad("charges", "are more than 100")
		return
	}
	known, seen := len(c.e.Fields), map[string]bool{}
	sum := driver.Money{Currency: pay.Amount.Currency}
	for i, charge := range pay.Charges {
		field := fmt.Sprintf("charges[%d]", i)
		c.id(field+".id", charge.ID)
		switch {
		case len(c.e.Fields) > known:
		case charge.ID == "":
			c.bad(field+".id", "is empty; give the PMS's id of the charge")
		case seen[charge.ID]:
			c.bad(field+".id", "is there twice")
		case charge.Amount.Minor <= 0:
			c.bad(field+".amount", "must be more than zero")
		case charge.Amount.Currency != pay.Amount.Currency:
			c.bad(field+".amount.currency", "differs from the amount's")
		default:
			seen[charge.ID] = true
			var err error
			if sum, err = sum.Add(charge.Amount); err != nil {
				c.bad(field+".amount", "cannot be added to the others")
				return
			}
			continue
		}
		return
	}
	if sum != pay.Amount {
		c.bad("charges", "do not add up to the amount; give how much pays each, or leave them out")
	}
}

// total compares a payment's total, if the host gave one, with what it is made
// of: a payment whose parts do not add up is a mistake that nobody should find
// in the ledger.
func (c *inputCheck) total(pay Payment) {
	if pay.Total == (driver.Money{}) || c.wrongMoney() {
		return
	}
	if pay.Total.Currency != pay.Amount.Currency {
		c.bad("total.currency", "differs from the amount's")
		return
	}
	sum := pay.Amount
	if !pay.Fee.IsZero() {
		var err error
		if sum, err = pay.Amount.Add(pay.Fee); err != nil {
			c.bad("fee", "cannot be added to the amount")
			return
		}
	}
	if pay.Total != sum {
		c.bad("total", "is not amount and fee together; give what was paid in all, or leave it out")
	}
}

// wrongMoney reports whether an amount was found wrong already, which is enough
// to be told.
func (c *inputCheck) wrongMoney() bool {
	for _, f := range c.e.Fields {
		switch f.Field {
		case "amount", "amount.currency", "fee", "fee.currency":
			return true
		}
	}
	return false
}
