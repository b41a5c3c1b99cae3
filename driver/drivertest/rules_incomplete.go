package drivertest

import (
	"github.com/pmswriteback/pms/driver"
)

func incompleteRules() []rule {
	return []rule{
		{
			name:        "incomplete/reported",
			explanation: "When the effect has happened and the rest failed, Write is ErrIncomplete with a receipt that names what exists: neither a success nor a failure that would be sent again.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w, prior := c.halfDone()
				if prior.ID == "" && prior.State == "" {
					c.Errorf("the receipt of ErrIncomplete names nothing")
				}
				w.want(1, "half done")
			},
		}, {
			name:        "incomplete/finished",
			explanation: "With Header.Prior Write does the rest and no more: the effect is there once, with the same id, and complete.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w, prior := c.halfDone()
				w.op.Head().Prior = &prior
				r, err := w.write()
				if err != nil {
					c.Fatalf("Write with Prior: %v", err)
				}
				w.want(1, "finished with Prior")
				if prior.ID != "" && r.ID != "" && r.ID != prior.ID {
					c.Errorf("the receipt of the half was %q, that of the whole is %q", prior.ID, r.ID)
				}
				if w.info.ProviderRecorded && c.op() != driver.OpStatus {
					if got, want := w.row().Provider, w.op.Head().Provider; got != want {
						c.Errorf("finished with Prior, and the provider is %q, want %q", got, want)
					}
				}
			},
		}, {
			name:        "incomplete/again",
			explanation: "The rest is idempotent: done again with the same Prior, nothing is there twice.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w, prior := c.halfDone()
				for range 2 {
					w.op.Head().Prior = &prior
					if _, err := w.write(); err != nil {
						c.Fatalf("Write with Prior: %v", err)
					}
				}
				w.want(1, "finished with Prior twice")
			},
		}, {
			name:        "incomplete/verified",
			explanation: "Verify of a half-done write does not say Absent: the effect is there.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w, _ := c.halfDone()
				w.s.needVerify()
				if verdict, _, err := w.s.verifyLate(w.op); err == nil && verdict == driver.VerdictAbsent {
					c.Errorf("the effect is there, its rest is not, and Verify says absent")
				}
			},
		},
	}
}

// halfDone writes into a PMS that does the first half, and repairs the PMS.
func (c *checker) halfDone() (*work, driver.Receipt) {
	w := c.open().work(c.op())
	lift := c.inject(Fault{Kind: FaultHalfDone, Call: CallWrite, Op: c.op()})
	_, err := w.write()
	c.writeFails("Write("+c.subject+") of which the PMS does half", err, driver.ErrIncomplete)
	lift()
	e := driver.WriteError(err)
	if e == nil || e.Kind != driver.ErrIncomplete {
		c.FailNow()
	}
	return w, e.Receipt
}
