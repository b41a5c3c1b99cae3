package drivertest

import (
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
)

func verifyRules() []rule {
	rows := opSubjects(driver.OpStatus)
	return []rule{
		{
			name:        "verify/applied",
			explanation: "A write that happened is VerdictApplied, with the receipt that Write gave.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needVerify()
				w := s.work(c.op())
				r := w.mustWrite()
				w.found(s, r.ID)
			},
		}, {
			name:        "verify/restart",
			explanation: "Verify works on another connection and after a restart: what it needs is in the Op and in the PMS.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needVerify()
				w := s.work(c.op())
				r := w.mustWrite()
				if err := s.conn.Close(); err != nil {
					c.Errorf("Close: %v", err)
				}
				w.found(c.open(), r.ID)
			},
		}, {
			name:        "verify/absent",
			explanation: "A write that never happened is VerdictAbsent once no earlier request can still cause it; without that nothing is ever sent again.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needVerify()
				w := s.work(c.op())
				verdict, _, err := s.verifyLate(w.op)
				if err != nil {
					c.Errorf("Verify: %v", err)
				} else if verdict != driver.VerdictAbsent {
					c.Errorf("nothing was ever written, and Verify says %s", verdict)
				}
			},
		}, {
			name:        "verify/early",
			explanation: "Until LastSent + VerifyAfter a write that is not there is VerdictUnknown: the PMS may be at work on it.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needVerify()
				w := s.work(c.op())
				if w.info.VerifyAfter == 0 {
					c.notApplicable("VerifyAfter is zero")
				}
				w.op.Head().FirstSent, w.op.Head().LastSent = time.Now(), time.Now() // by a process that died then
				verdict, _, err := s.verify(c.ctx, w.op)
				if err != nil {
					c.Errorf("Verify: %v", err)
				} else if verdict != driver.VerdictUnknown {
					c.Errorf("sent a moment ago, VerifyAfter is %v, and Verify says %s", w.info.VerifyAfter, verdict)
				}
			},
		}, {
			name:        "verify/staff-similar",
			explanation: "A record like ours that staff made by hand is not taken for ours: the Ref decides. Taken for ours, ours would never be written.",
			subjects:    rows,
			try: func(c *checker) {
				s := c.open()
				s.needVerify()
				w := s.work(c.op())
				w.byHand()
				verdict, _, err := s.verifyLate(w.op)
				if err != nil {
					c.Errorf("Verify: %v", err)
				} else if verdict == driver.VerdictApplied {
					c.Errorf("staff made a similar %s by hand, and Verify says that ours is there", c.op())
				}
			},
		}, {
			name:        "verify/look-alikes",
			explanation: "Of two writes that differ in nothing but their Ref, each is found by its own: one that is missing is not found in the other.",
			subjects:    opSubjects(driver.OpStatus, driver.OpRefund),
			try: func(c *checker) {
				s := c.open()
				s.needVerify()
				a := s.work(c.op())
				b := s.workFor(c.op(), a.patient)
				ra := a.mustWrite()
				if verdict, _, err := s.verifyLate(b.op); err != nil || verdict != driver.VerdictAbsent {
					c.Errorf("only the other one is there, and Verify says %s (error %v)", verdict, err)
				}
				rb := b.mustWrite()
				a.found(s, ra.ID)
				b.found(s, rb.ID)
			},
		}, {
			name:        "verify/third-status",
			explanation: "A status change whose appointment has neither From nor To is VerdictAbsent, not VerdictUnknown: it would wait for a person, and sending it again does no harm, being ErrConflict.",
			try: func(c *checker) {
				s := c.open()
				s.needVerify()
				w := s.work(driver.OpStatus)
				third := s.statuses(3)[2]
				c.need("Staff.SetStatus", c.pms.Staff.SetStatus != nil)
				c.pms.Staff.SetStatus(w.op.(*driver.StatusChange).Appointment, third)
				verdict, _, err := s.verifyLate(w.op)
				if err != nil || verdict != driver.VerdictAbsent {
					c.Errorf("staff have set a third status, and Verify says %s (error %v)", verdict, err)
				}
			},
		}, {
			name:        "verify/crowd",
			explanation: "A write is found however many records came after it.",
			subjects:    rows,
			try: func(c *checker) {
				s := c.open()
				s.needVerify()
				w := s.work(c.op())
				r := w.mustWrite()
				for range c.suite.h.crowd() {
					w.byHand()
				}
				w.found(s, r.ID)
			},
		}, {
			name:        "verify/after-staff",
			explanation: "A write is still found after staff have added to the note, renamed the document or looked at it, as long as they left its Ref; its id may be another one by then.",
			subjects:    []string{string(driver.OpNote), string(driver.OpDocument)},
			try:         tryAfterStaff,
		}, {
			name:        "verify/changes-nothing",
			explanation: "Verify changes nothing in the PMS, whatever it finds.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needVerify()
				w := s.work(c.op())
				for _, when := range []string{"before the write", "after it"} {
					before := w.picture()
					if _, _, err := s.verifyLate(w.op); err != nil {
						c.Errorf("Verify %s: %v", when, err)
					}
					if after := w.picture(); after != before {
						c.Errorf("Verify %s changed the PMS", when)
					}
					if when == "before the write" {
						w.mustWrite()
					}
				}
			},
		}, {
			name:        "verify/offline",
			explanation: "A failure to look is an error of a read and VerdictUnknown: \"could not look\" is not \"is not there\".",
			subjects:    opSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needVerify()
				w := s.work(c.op())
				w.mustWrite()
				c.inject(Fault{Kind: FaultOffline})
				verdict, _, err := s.verifyLate(w.op)
				c.readFails("Verify while offline", err, driver.ErrUnavailable)
				if verdict != driver.VerdictUnknown {
					c.Errorf("Verify could not look, and says %s", verdict)
				}
			},
		}, {
			name:        "verify/cut",
			explanation: "When the connection breaks while Verify looks, the part that came does not make it say Absent.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needVerify()
				w := s.work(c.op())
				w.mustWrite()
				c.inject(Fault{Kind: FaultCutMiddle, Call: CallVerify, Op: c.op()})
				verdict, _, err := s.verifyLate(w.op)
				if err != nil {
					c.readFails("Verify when the connection breaks", err, driver.ErrUnavailable)
				}
				if verdict == driver.VerdictAbsent {
					c.Errorf("the connection broke, and Verify says absent")
				}
			},
		},
	}
}

// found verifies a work that is there.
func (w *work) found(s *session, id string) {
	c := w.c
	c.Helper()
	verdict, r, err := s.verifyLate(w.op)
	switch {
	case err != nil:
		c.Errorf("Verify: %v", err)
	case verdict != driver.VerdictApplied:
		c.Errorf("the %s is there, and Verify says %s", w.kind, verdict)
	case id != "" && r.ID != id:
		c.Errorf("Write gave the id %q, and Verify gives %q", id, r.ID)
	}
}

// byHand has staff make a record like the work's, without its Ref.
func (w *work) byHand() {
	c, staff := w.c, w.c.pms.Staff
	switch op := w.op.(type) {
	case *driver.Note:
		c.need("Staff.WriteNote", staff.WriteNote != nil)
		staff.WriteNote(w.patient, marker+" asked about Friday.\nShe calls again.")
	case *driver.Document:
		c.need("Staff.FileDocument", staff.FileDocument != nil)
		staff.FileDocument(w.patient, op.Title.Reveal(), w.content)
	case *driver.Payment:
		c.need("Staff.PostPayment", staff.PostPayment != nil)
		staff.PostPayment(w.patient, op.Amount, op.Memo.Reveal())
	case *driver.Refund:
		c.need("Staff.PostRefund", staff.PostRefund != nil)
		staff.PostRefund(w.patient, op.Of, op.Amount, op.Memo.Reveal())
	case *driver.Adjustment:
		c.need("Staff.PostAdjustment", staff.PostAdjustment != nil)
		staff.PostAdjustment(w.patient, op.Amount, op.Memo.Reveal())
	}
}

// picture is what the PMS holds about the work, to be compared.
func (w *work) picture() string {
	if sc, ok := w.op.(*driver.StatusChange); ok {
		return w.c.status(sc.Appointment)
	}
	return fmt.Sprintf("%+v", w.rows())
}

func tryAfterStaff(c *checker) {
	s := c.open()
	s.needVerify()
	w := s.work(c.op())
	w.mustWrite()
	row, staff := w.row(), c.pms.Staff
	switch op := w.op.(type) {
	case *driver.Note:
		c.need("Staff.EditNote", staff.EditNote != nil)
		staff.EditNote(row.ID, op.Body.Reveal()+"\nCalled back, all is well.")
		w.found(s, "")
	case *driver.Document:
		c.need("Staff.RenameDocument", staff.RenameDocument != nil)
		staff.RenameDocument(row.ID, "Checked by the front desk "+op.Ref)
		w.found(s, "")
		c.need("Staff.ViewDocument", staff.ViewDocument != nil)
		staff.ViewDocument(row.ID)
		w.found(s, "")
		if n := len(c.rows(driver.OpDocument, w.patient)); n != 1 {
			c.Errorf("harness: after viewing the document the patient has %d, want 1", n)
		}
	}
}
