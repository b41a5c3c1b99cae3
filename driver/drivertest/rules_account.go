package drivertest

import (
	"maps"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// accountRules are about what a write does beside its record: the charges that a
// payment pays, the day on which insurance was verified.
func accountRules() []rule {
	return []rule{
		{
			name:        "money/charges",
			explanation: "Where Info says Charges, a payment pays the charges that it names, with just as much each, and is found again.",
			try: func(c *checker) {
				s := c.open()
				w, charges := s.indebted()
				w.op.(*driver.Payment).Charges = charges
				r := w.mustWrite()
				if got := paid(w.row().Charges); !maps.Equal(got, paid(charges)) {
					c.Errorf("to pay charges with %v cents, and pays %v", paid(charges), got)
				}
				w.found(s, r.ID)
			},
		}, {
			name:        "money/charges-unfit",
			explanation: "A payment whose Charges are not its Amount is posted with its Amount, and what it pays is left to the PMS: money that was received is neither refused nor cut.",
			try: func(c *checker) {
				s := c.open()
				w, charges := s.indebted()
				charges[1].Amount.Minor -= 1000
				op := w.op.(*driver.Payment)
				op.Charges = charges
				w.mustWrite()
				row := w.row()
				if row.Amount.Minor != op.Amount.Minor {
					c.Errorf("the amount stored is %s, want %s", row.Amount, op.Amount)
				}
				if got := paid(row.Charges); maps.Equal(got, paid(charges)) {
					c.Errorf("the charges are not the amount, and were paid as they were given: %v cents", got)
				}
			},
		}, {
			name:        "write/verified",
			explanation: "A note about a verification that found the insurance in force sets the day on which it was last verified, beside the note, where the PMS keeps one.",
			try: func(c *checker) {
				s := c.open()
				w, n := s.verification(1)
				w.mustWrite()
				w.want(1, "with a verification")
				c.verifiedOn(w.patient, driver.DateOf(n.At.In(c.zone)))
			},
		}, {
			name:        "write/verified-earlier",
			explanation: "The day on which insurance was last verified never becomes an earlier one: the note is filed and the day stays.",
			try: func(c *checker) {
				s := c.open()
				w, n := s.verification(1)
				w.mustWrite()
				late := s.workFor(driver.OpNote, w.patient)
				earlier := late.op.(*driver.Note)
				earlier.About, earlier.Verified, earlier.At = n.About, true, n.At.Add(-72*time.Hour)
				late.mustWrite()
				late.want(1, "with an earlier verification")
				c.verifiedOn(w.patient, driver.DateOf(n.At.In(c.zone)))
			},
		}, {
			name:        "write/verified-unclear",
			explanation: "Where it is not clear which coverage was verified, or it was not found in force, the note is filed and no day is set.",
			try: func(c *checker) {
				s := c.open()
				for _, coverages := range []int{0, 1, 2} {
					w, n := s.verification(coverages)
					n.Verified = coverages != 1
					w.mustWrite()
					w.want(1, "with nothing to set")
					c.verifiedOn(w.patient, driver.Date{})
				}
			},
		},
	}
}

// indebted is a payment of 42.50 by a patient who owes 30.00 and 50.00, and the
// charges that it is to pay: not in the order in which a PMS would by itself.
func (s *session) indebted() (*work, []driver.Charge) {
	c := s.c
	if !s.needOp(driver.OpPayment).Charges {
		c.notApplicable("Info says that what a payment pays is left to the PMS")
	}
	c.need("Staff.AddCharge", c.pms.Staff.AddCharge != nil)
	patient := c.patient()
	first := c.pms.Staff.AddCharge(patient, driver.USD(3000))
	second := c.pms.Staff.AddCharge(patient, driver.USD(5000))
	w := s.workFor(driver.OpPayment, patient)
	setAmount(w.op, driver.USD(4250))
	return w, []driver.Charge{{ID: first, Amount: driver.USD(1250)}, {ID: second, Amount: driver.USD(3000)}}
}

// paid are cents by charge.
func paid(list []driver.Charge) map[string]int64 {
	out := map[string]int64{}
	for _, c := range list {
		out[c.ID] += c.Amount.Minor
	}
	return out
}

// verification is a note that a patient's insurance was found in force.
func (s *session) verification(coverages int) (*work, *driver.Note) {
	c := s.c
	s.needOp(driver.OpNote)
	c.need("Staff.AddCoverage", c.pms.Staff.AddCoverage != nil)
	c.need("Verified", c.pms.Verified != nil)
	w := s.work(driver.OpNote)
	for range coverages {
		c.pms.Staff.AddCoverage(w.patient)
	}
	n := w.op.(*driver.Note)
	n.About, n.Verified = driver.InsuranceVerificationNote, true
	return w, n
}

func (c *checker) verifiedOn(patient string, want driver.Date) {
	c.Helper()
	if got := c.pms.Verified(patient); got != want {
		c.Errorf("the insurance was last verified on %q, want %q", got, want)
	}
}
