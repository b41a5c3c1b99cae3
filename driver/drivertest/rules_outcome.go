package drivertest

import (
	"context"

	"github.com/pmswriteback/pms/driver"
)

func outcomeRules() []rule {
	noEffect := []driver.Kind{driver.ErrUnavailable, driver.ErrUnknownOutcome}
	return []rule{
		{
			name:        "outcome/offline",
			explanation: "A write while the PMS does not answer is ErrUnavailable, or ErrUnknownOutcome where the driver cannot tell that nothing left, and has no effect. ErrRejected would drop it for good.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w := c.open().work(c.op())
				lift := c.inject(Fault{Kind: FaultOffline})
				_, err := w.write()
				c.writeFails("Write("+c.subject+") while offline", err, noEffect...)
				lift()
				w.want(0, "written while offline")
			},
		}, {
			name:        "outcome/busy",
			explanation: "A PMS that asks to come back later is ErrUnavailable with RetryAfter as it said, and the write has no effect.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w := c.open().work(c.op())
				lift := c.inject(Fault{Kind: FaultBusy, Call: CallWrite, Op: c.op()})
				_, err := w.write()
				c.writeFails("Write("+c.subject+") while the PMS is busy", err, driver.ErrUnavailable)
				if e := driver.WriteError(err); e != nil && e.RetryAfter <= 0 {
					c.Errorf("the PMS says when to come back, and RetryAfter is %v", e.RetryAfter)
				}
				lift()
				w.want(0, "while the PMS was busy")
			},
		}, {
			name:        "outcome/cut-before",
			explanation: "When the connection breaks before the PMS acts, Write is ErrUnavailable or ErrUnknownOutcome: it can say for certain neither that it was refused nor that it was done.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w := c.open().work(c.op())
				lift := c.inject(Fault{Kind: FaultCutBefore, Call: CallWrite, Op: c.op()})
				_, err := w.write()
				c.writeFails("Write("+c.subject+") when the connection breaks", err, noEffect...)
				lift()
				w.want(0, "cut before the PMS acted")
			},
		}, {
			name:        "outcome/cut-after",
			explanation: "When the answer is lost after the PMS has acted, Write is ErrUnknownOutcome (or success, where the driver made sure), and it never sends again by itself: the effect is there once.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w := c.open().work(c.op())
				lift := c.inject(Fault{Kind: FaultCutAfter, Call: CallWrite, Op: c.op()})
				if _, err := w.write(); err != nil {
					c.writeFails("Write("+c.subject+") when the answer is lost", err, driver.ErrUnknownOutcome)
				}
				lift()
				w.want(1, "the answer was lost")
			},
		}, {
			name:        "outcome/act-later",
			explanation: "When the PMS may still act after it gave up answering, Write is ErrUnknownOutcome, and Verify does not say Absent before it is certain: the engine would send again and it would be there twice.",
			subjects:    opSubjects(),
			try:         tryActLater,
		}, {
			name:        "outcome/hang",
			explanation: "Write returns soon after its context ends while the PMS hangs, with ErrUnknownOutcome, or with ErrUnavailable if nothing can come of it any more.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w := c.open().work(c.op())
				lift := c.inject(Fault{Kind: FaultHang, Call: CallWrite, Op: c.op()})
				var err error
				c.endsSoon("Write("+c.subject+")", func(ctx context.Context) { _, err = w.s.write(ctx, w.op) })
				c.writeFails("Write("+c.subject+") in a PMS that hangs", err, noEffect...)
				lift()
				c.wait(hangFor) // what the PMS does with the request now, it does at once
				if n := w.effects(); n > 1 || n == 1 && driver.WriteError(err).Kind == driver.ErrUnavailable {
					c.Errorf("Write(%s) ended with %v, and the effect is in the PMS %d times", c.op(), driver.WriteError(err).Kind, n)
				}
			},
		}, {
			name:        "outcome/ended-context",
			explanation: "A write whose context has ended before has no effect, or is ErrUnknownOutcome; it is never a success without effect and never ErrRejected.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w := c.open().work(c.op())
				ctx, cancel := context.WithCancel(c.ctx)
				cancel()
				_, err := w.s.write(ctx, w.op)
				n := w.effects()
				switch e := driver.WriteError(err); {
				case err == nil && n != 1:
					c.Errorf("Write(%s) reports success, and the effect is in the PMS %d times", c.op(), n)
				case err == nil:
				case e.Kind == driver.ErrUnavailable && n != 0:
					c.Errorf("Write(%s) is ErrUnavailable, and the effect is in the PMS %d times", c.op(), n)
				case e.Kind != driver.ErrUnavailable && e.Kind != driver.ErrUnknownOutcome:
					c.Errorf("Write(%s) with an ended context is %v", c.op(), e)
				}
			},
		}, {
			name:        "outcome/no-permission",
			explanation: "A write that the credentials do not allow is ErrUnauthorized without effect, with ScopeOperation when other writes work and ScopeWrites when none does; reading goes on.",
			subjects:    opSubjects(),
			try:         tryNoPermission,
		}, {
			name:        "outcome/after-a-fault",
			explanation: "After a fault the next write works, and has one effect, not that of the one before as well.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				s := c.open()
				first := s.work(c.op())
				lift := c.inject(Fault{Kind: FaultCutBefore, Call: CallWrite, Op: c.op()})
				_, err := first.write()
				c.writeFails("Write("+c.subject+") when the connection breaks", err, noEffect...)
				lift()
				second := s.workFor(c.op(), first.patient)
				second.mustWrite()
				second.want(1, "after a fault")
			},
		},
	}
}

func tryActLater(c *checker) {
	s := c.open()
	w := s.work(c.op())
	act := c.inject(Fault{Kind: FaultActLater, Call: CallWrite, Op: c.op()})
	_, err := w.write()
	c.writeFails("Write("+c.subject+") when the PMS gives up answering", err, driver.ErrUnknownOutcome)
	_, verifies := s.conn.(driver.Verifier)
	if verifies {
		verdict, _, err := s.verify(c.ctx, w.op)
		if err != nil {
			c.readFails("Verify", err, driver.ErrUnavailable)
		} else if verdict != driver.VerdictUnknown && w.effects() == 0 {
			c.Errorf("the PMS has yet to act, and Verify says %s", verdict)
		}
	}
	act()
	c.wait(hangFor)
	w.want(1, "the PMS acted after it had given up answering")
	if verifies {
		if verdict, _, err := s.verifyLate(w.op); err != nil || verdict != driver.VerdictApplied {
			c.Errorf("the PMS has acted, and Verify says %s (error %v)", verdict, err)
		}
	}
}

func tryNoPermission(c *checker) {
	s := c.open()
	w := s.work(c.op())
	for _, scope := range []driver.Scope{driver.ScopeOperation, driver.ScopeWrites} {
		lift := c.inject(Fault{Kind: FaultUnauthorized, Call: CallWrite, Op: c.op(), Scope: scope})
		_, err := w.write()
		c.writeFails("Write("+c.subject+") without the permission", err, driver.ErrUnauthorized)
		e := driver.WriteError(err)
		if e != nil && e.Kind == driver.ErrUnauthorized && e.Scope != scope && e.Scope != driver.ScopeOperation {
			c.Errorf("without the permission for %s, the error's scope is %q", scope, e.Scope)
		}
		if err := s.ping(c.ctx); err != nil {
			c.Errorf("Ping without the permission for %s: %v", scope, err)
		}
		lift()
	}
	w.want(0, "without the permission")
}
