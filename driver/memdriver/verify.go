package memdriver

import (
	"context"

	"github.com/pmswriteback/pms/driver"
)

// Verify implements driver.Verifier. The Ref decides, also when staff changed the
// record since. A status that the appointment has now is applied, whoever set it.
//
// A row whose rest remains is VerdictApplied with the receipt that ErrIncomplete
// would have carried: its State is not empty, and Write with it as Prior does
// the rest.
func (c *conn) Verify(ctx context.Context, op driver.Op) (driver.Verdict, driver.Receipt, error) {
	verdict, receipt := driver.VerdictUnknown, driver.Receipt{}
	kind, h := op.Kind(), op.Head()
	err := c.do(ctx, callVerify, string(kind), op, func(mode) error {
		p := c.pms
		defer p.lock()()
		if row := p.rows.byRef(kind, h.Ref); row != nil {
			verdict, receipt = driver.VerdictApplied, receiptOf(row)
			return nil
		}
		if s, ok := op.(*driver.StatusChange); ok {
			if a := p.appointments.get(s.Appointment); a != nil && c.sees(a.rec.Site) && a.rec.Status == s.To {
				verdict = driver.VerdictApplied
				receipt = driver.Receipt{ID: a.id, At: p.Clock(), Existed: true}
				return nil
			}
		}
		last := h.LastSent
		if last.Before(h.FirstSent) {
			last = h.FirstSent
		}
		mayStillCome := p.underway[h.Ref] > 0 || !last.IsZero() && p.cfg.Now().Before(last.Add(p.info.Load().Ops[kind].VerifyAfter))
		if !mayStillCome {
			verdict = driver.VerdictAbsent
		}
		return nil
	})
	if err != nil {
		return driver.VerdictUnknown, driver.Receipt{}, err
	}
	return verdict, receipt, nil
}
