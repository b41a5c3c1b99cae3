package writeback

import "github.com/pmswriteback/pms/driver"

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
