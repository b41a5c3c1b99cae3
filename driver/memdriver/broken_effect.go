package memdriver

import (
	"context"
	"errors"
	"slices"

	"github.com/pmswriteback/pms/driver"
)

// breakWriteError breaks what is said of a write that failed.
func (b *brokenConn) breakWriteError(ctx context.Context, op driver.Op, err error) (driver.Receipt, error) {
	var none driver.Receipt
	e := driver.WriteError(err)
	name := callWrite.opName(string(op.Kind()))
	p := b.p
	online := !p.offline.Load() && !b.raw.isClosed() && ctx.Err() == nil
	p.mu.Lock()
	row := p.rows.byRef(op.Kind(), op.Head().Ref)
	p.mu.Unlock()
	switch {
	case p.broken("outcome/offline") && p.offline.Load(),
		p.broken("outcome/cut-before") && online && e.Kind == driver.ErrUnavailable && e.RetryAfter == 0,
		p.broken("outcome/hang") && errors.Is(err, context.DeadlineExceeded):
		return none, reject(name, driver.ReasonInvalid, nil)
	case p.broken("outcome/busy") && e.RetryAfter > 0:
		return none, fail(name, driver.ErrUnavailable, nil)
	case p.broken("outcome/cut-after") && e.Kind == driver.ErrUnknownOutcome && row != nil: // sends again
		p.again(b.raw, op)
	case p.broken("outcome/act-later") && online && e.Kind == driver.ErrUnknownOutcome && row == nil:
		return none, fail(name, driver.ErrUnavailable, nil)
	case p.broken("outcome/no-permission") && e.Kind == driver.ErrUnauthorized:
		return none, &driver.Error{Driver: driverName, Op: name, Kind: driver.ErrUnauthorized, Scope: driver.ScopeConnection}
	case p.broken("outcome/after-a-fault") && online && e.Kind == driver.ErrUnavailable:
		b.mu.Lock()
		b.pending = cloneOp(op)
		b.mu.Unlock()
	case p.broken("incomplete/reported") && e.Kind == driver.ErrIncomplete:
		return e.Receipt, nil
	case p.broken("status/ignored") && errors.Is(err, errIgnored),
		p.broken("write/unsupported") && e.Reason == driver.ReasonUnsupported,
		p.broken("status/missing") && e.Reason == driver.ReasonAppointmentMissing:
		return none, nil
	}
	if n, ok := op.(*driver.Note); ok && p.broken("errors/private") {
		return none, &driver.Error{Driver: driverName, Op: name, Kind: e.Kind, Reason: e.Reason, Scope: e.Scope, RetryAfter: e.RetryAfter, Receipt: e.Receipt, Err: errors.New(n.Body.Reveal())}
	}
	return none, err
}

// again carries an operation out once more, past all faults.
func (p *PMS) again(c *conn, op driver.Op) {
	defer p.lock()()
	w := c.newWrite("write", op, p.info.Load().Ops[op.Kind()])
	w.prior = nil
	_, _ = p.carryOut(w, true)
}

// breakEffect spoils what a write that succeeded has left, or its receipt.
func (b *brokenConn) breakEffect(op driver.Op, r driver.Receipt) driver.Receipt {
	p, h := b.p, op.Head()
	switch {
	case p.broken("write/receipt"):
		r.Existed = true
	case p.broken("incomplete/again") && h.Prior != nil:
		h.Prior.State = "again"
	case p.broken("outcome/after-a-fault"):
		b.mu.Lock()
		late := b.pending
		b.pending = nil
		b.mu.Unlock()
		if late != nil {
			p.again(b.raw, late)
		}
	}
	switch o := op.(type) {
	case *driver.Note:
		switch {
		case p.broken("write/op-unchanged"):
			o.Parts++
		case p.broken("errors/opaque"):
			r.State = o.Body.Reveal()
		}
	case *driver.Document:
		if p.broken("write/once") {
			p.again(b.raw, op)
		}
	case *driver.StatusChange:
		b.breakAppointmentAfter(o, &r)
	case *driver.Payment:
		switch {
		case p.broken("money/charges-unfit"):
			unlock := p.lock()
			if row := p.rows.payments.byRef[h.Ref]; row != nil {
				row.Charges = slices.Clone(o.Charges)
			}
			unlock()
		case p.broken("write/elsewhere"):
			p.AddStaffNote(Note{Row: Row{Patient: h.Patient}, Body: driver.NewText("Payment received.")})
		case p.broken("write/ref") && h.Prior == nil:
			unlock := p.lock()
			if row := p.rows.payments.byRef[h.Ref]; row != nil {
				row.Ref = ""
			}
			unlock()
		}
	}
	return r
}

func (b *brokenConn) breakAppointmentAfter(s *driver.StatusChange, r *driver.Receipt) {
	switch {
	case b.p.broken("status/already") && r.Existed:
		_ = b.p.SetStatus(s.Appointment, s.To)
	case b.p.broken("status/nothing-else") && !r.Existed:
		_ = b.p.EditAppointment(s.Appointment, func(a *driver.Appointment) { a.Note = driver.Text{} })
	}
}

// Verify implements driver.Verifier.
func (b *brokenConn) Verify(ctx context.Context, op driver.Op) (driver.Verdict, driver.Receipt, error) {
	var none driver.Receipt
	verdict, r, err := driver.Verify(ctx, b.Conn, op)
	p, h := b.p, op.Head()
	switch {
	case p.broken("verify/offline") && p.offline.Load(),
		p.broken("verify/cut") && b.cut(ctx, err):
		return driver.VerdictAbsent, none, nil
	case err != nil:
		return verdict, r, err
	}
	defer p.lock()()
	row := p.rows.byRef(op.Kind(), h.Ref)
	b.mu.Lock()
	ours := b.refs[h.Ref]
	b.mu.Unlock()
	switch verdict {
	case driver.VerdictApplied:
		switch {
		case p.broken("verify/applied"):
			return verdict, none, nil
		case p.broken("verify/restart") && !ours,
			p.broken("incomplete/verified") && r.State != "",
			p.broken("verify/crowd") && row != nil && p.isOld(op.Kind(), row.ID),
			p.broken("verify/after-staff") && p.edited(op):
			return driver.VerdictAbsent, none, nil
		case p.broken("verify/changes-nothing"):
			if m := p.rows.payments.byRef[h.Ref]; m != nil {
				m.Memo = driver.NewText(m.Memo.Reveal() + " (verified)")
			}
		}
	case driver.VerdictAbsent:
		staff, others := p.alike(op.Kind(), h.Patient)
		switch {
		case p.broken("verify/absent"):
			return driver.VerdictUnknown, none, nil
		case p.broken("verify/third-status") && p.hasThird(op):
			return driver.VerdictUnknown, none, nil
		case p.broken("verify/staff-similar") && staff, p.broken("verify/look-alikes") && others:
			return driver.VerdictApplied, none, nil
		}
	case driver.VerdictUnknown:
		if p.broken("verify/early") && p.underway[h.Ref] == 0 {
			return driver.VerdictAbsent, none, nil
		}
	}
	return verdict, r, nil
}

// hasThird reports whether an appointment has a status that is neither From nor To.
func (p *PMS) hasThird(op driver.Op) bool {
	s, ok := op.(*driver.StatusChange)
	if !ok {
		return false
	}
	a := p.appointments.get(s.Appointment)
	return a != nil && a.rec.Status != s.From && a.rec.Status != s.To
}

// isOld reports whether a row is not among the newest ten of its table.
func (p *PMS) isOld(k driver.OpKind, id string) bool {
	for i := range 10 {
		var newest string
		switch r := &p.rows; k {
		case driver.OpNote:
			newest = idBack(r.notes, i)
		case driver.OpDocument:
			newest = idBack(r.documents, i)
		case driver.OpPayment:
			newest = idBack(r.payments, i)
		case driver.OpRefund:
			newest = idBack(r.refunds, i)
		case driver.OpAdjustment:
			newest = idBack(r.adjustments, i)
		default:
			return false
		}
		if newest == id {
			return false
		}
	}
	return true
}

// idBack is the id of a table's row so many before the newest.
func idBack[T any](s sheet[T], back int) string {
	t := sheet[T]{prefix: s.prefix, list: s.list[:max(0, len(s.list)-1-back)]}
	return t.nextID()
}

// edited reports whether staff have changed the text of what was written.
func (p *PMS) edited(op driver.Op) bool {
	switch o := op.(type) {
	case *driver.Note:
		return !p.rows.notes.byRef[o.Ref].Body.Equal(o.Body)
	case *driver.Document:
		return !p.rows.documents.byRef[o.Ref].Title.Equal(o.Title)
	}
	return false
}

// alike reports whether the patient has rows of that kind, from staff or ours.
func (p *PMS) alike(k driver.OpKind, patient string) (staff, others bool) {
	see := func(r Row) {
		if r.Patient == patient {
			staff, others = staff || r.Staff, others || !r.Staff
		}
	}
	switch k {
	case driver.OpNote:
		for _, r := range p.rows.notes.list {
			see(r.Row)
		}
	case driver.OpDocument:
		for _, r := range p.rows.documents.list {
			see(r.Row)
		}
	case driver.OpPayment:
		for _, r := range p.rows.payments.list {
			see(r.Row)
		}
	case driver.OpRefund:
		for _, r := range p.rows.refunds.list {
			see(r.Row)
		}
	case driver.OpAdjustment:
		for _, r := range p.rows.adjustments.list {
			see(r.Row)
		}
	}
	return staff, others
}
