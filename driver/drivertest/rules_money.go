package drivertest

import (
	"fmt"

	"github.com/pmswriteback/pms/driver"
)

func moneyRules() []rule {
	posted := []string{string(driver.OpPayment), string(driver.OpAdjustment)}
	money := []string{string(driver.OpPayment), string(driver.OpRefund), string(driver.OpAdjustment)}
	return []rule{
		{
			name:        "money/amounts",
			explanation: "An amount is posted to the cent, whatever its size.",
			subjects:    posted,
			try: func(c *checker) {
				s := c.open()
				for _, cents := range []int64{1, 10, 1999, 10269, 123456, 9999999} {
					w := s.work(c.op())
					setAmount(w.op, driver.USD(cents))
					w.mustWrite()
					if got := w.row().Amount.Minor; got != cents {
						c.Errorf("%s is posted as %s", driver.USD(cents), driver.USD(got))
					}
				}
			},
		}, {
			name:        "money/dates",
			explanation: "A payment or adjustment is posted on the date that was given, not on the day on which it is written.",
			subjects:    posted,
			try: func(c *checker) {
				s := c.open()
				for _, back := range []int{0, 1, 40} {
					w := s.work(c.op())
					on := driver.DateOf(c.day(-back, 12, 0))
					setDate(w.op, on)
					w.mustWrite()
					if got := w.row().On; got != on {
						c.Errorf("to be posted on %s, posted on %s", on, got)
					}
				}
			},
		}, {
			name:        "money/positive",
			explanation: "A payment, refund or adjustment of nothing or less is ErrRejected with ReasonAmountInvalid and has no effect: a negative payment would be a charge.",
			subjects:    money,
			try: func(c *checker) {
				s := c.open()
				for _, cents := range []int64{0, -500} {
					w := s.work(c.op())
					setAmount(w.op, driver.USD(cents))
					_, err := w.write()
					c.rejected(fmt.Sprintf("Write(%s) of %s", c.subject, driver.USD(cents)), err, driver.ReasonAmountInvalid)
					w.want(0, "an amount of "+driver.USD(cents).String())
				}
			},
		}, {
			name:        "money/look-alikes",
			explanation: "Two payments or adjustments that differ in nothing but their Ref are two: a family may pay the same copay, and the same fee, twice on one day.",
			subjects:    posted,
			try: func(c *checker) {
				s := c.open()
				first := s.work(c.op())
				second := s.workFor(c.op(), first.patient)
				first.mustWrite()
				second.mustWrite()
				first.want(2, "two that look alike")
			},
		}, {
			name:        "money/period-closed",
			explanation: "A posting date in a closed period is ErrRejected with ReasonPeriodClosed and has no effect, unless the PMS accepts it; the date is never moved.",
			subjects:    money,
			try: func(c *checker) {
				s := c.open()
				w := s.work(c.op())
				c.need("Staff.CloseBooks", c.pms.Staff.CloseBooks != nil)
				c.pms.Staff.CloseBooks(driver.DateOf(c.day(-1, 12, 0)))
				on := driver.DateOf(c.day(-2, 12, 0))
				setDate(w.op, on)
				w.refused("in a closed period", driver.ReasonPeriodClosed)
				for _, row := range w.added() {
					if row.On != on {
						c.Errorf("to be posted on %s, posted on %s", on, row.On)
					}
				}
			},
		}, {
			name:        "refund/linked",
			explanation: "A refund belongs to the payment that it gives back, not to the newest or the oldest.",
			try: func(c *checker) {
				s := c.open()
				w := s.work(driver.OpRefund)
				later := s.workFor(driver.OpPayment, w.patient)
				later.mustWrite()
				w.mustWrite()
				row, r := w.row(), w.op.(*driver.Refund)
				if row.Of != "" && row.Of != r.Of {
					c.Errorf("the refund of the payment %q belongs to %q in the PMS", r.Of, row.Of)
				}
				if row.Amount.Minor != r.Amount.Minor {
					c.Errorf("refunded %s, want %s", row.Amount, r.Amount)
				}
			},
		}, {
			name:        "refund/bounded",
			explanation: "More than was paid is not given back: it is ErrRejected with ReasonAmountInvalid or ReasonNotRefundable and has no effect.",
			try: func(c *checker) {
				w := c.open().work(driver.OpRefund)
				r := w.op.(*driver.Refund)
				r.Amount.Minor = r.OfAmount.Minor + 1
				_, err := w.write()
				c.rejected("Write(refund) of a cent more than was paid", err, driver.ReasonAmountInvalid, driver.ReasonNotRefundable)
				w.want(0, "a cent more than was paid")
			},
		}, {
			name:        "refund/partial",
			explanation: "A refund of a part is posted as that part, or ErrRejected with ReasonNotRefundable or ReasonAmountInvalid and without effect; never the whole.",
			try: func(c *checker) {
				w := c.open().work(driver.OpRefund)
				r := w.op.(*driver.Refund)
				r.Amount = driver.USD(2500)
				if _, err := w.write(); err != nil {
					c.rejected("Write(refund) of a part", err, driver.ReasonNotRefundable, driver.ReasonAmountInvalid)
					w.want(0, "a part that was refused")
					return
				}
				if row := w.row(); row.Amount.Minor != r.Amount.Minor {
					c.Errorf("refunded %s, want %s", row.Amount, r.Amount)
				}
			},
		}, {
			name:        "refund/missing",
			explanation: "A refund of a payment that the PMS does not have is ErrRejected with ReasonPaymentMissing and has no effect.",
			try: func(c *checker) {
				w := c.open().work(driver.OpRefund)
				r := w.op.(*driver.Refund)
				r.Of, r.OfRef = "999999999", c.ref()
				_, err := w.write()
				c.rejected("Write(refund) of a payment that is not there", err, driver.ReasonPaymentMissing)
				w.want(0, "of a payment that is not there")
			},
		},
	}
}

func setAmount(op driver.Op, m driver.Money) {
	switch op := op.(type) {
	case *driver.Payment:
		op.Amount = m
	case *driver.Refund:
		op.Amount = m
	case *driver.Adjustment:
		op.Amount = m
	}
}

func dateOf(op driver.Op) driver.Date {
	switch op := op.(type) {
	case *driver.Payment:
		return op.PostedOn
	case *driver.Refund:
		return op.PostedOn
	case *driver.Adjustment:
		return op.PostedOn
	}
	return driver.Date{}
}

func setDate(op driver.Op, d driver.Date) {
	switch op := op.(type) {
	case *driver.Payment:
		op.PostedOn = d
	case *driver.Refund:
		op.PostedOn = d
	case *driver.Adjustment:
		op.PostedOn = d
	}
}
