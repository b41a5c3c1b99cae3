package memdriver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// Write implements driver.Writer. It breaks a rule before the write, by writing
// something else; in its answer; or after it, by touching what is stored.
func (b *brokenConn) Write(ctx context.Context, op driver.Op) (driver.Receipt, error) {
	if err := b.crowded(); err != nil {
		return driver.Receipt{}, err
	}
	if b.p.broken("outcome/ended-context") && ctx.Err() != nil {
		return driver.Receipt{}, nil
	}
	b.mu.Lock()
	b.refs[op.Head().Ref] = true
	b.mu.Unlock()
	if b.p.broken("status/already-over") && b.isOver(op) {
		return driver.Receipt{}, reject("write status", driver.ReasonAppointmentClosed, nil)
	}
	if r, done := b.dedupe(op); done {
		return r, nil
	}
	sent, undo := b.breakOp(ctx, op)
	r, err := driver.Write(ctx, b.Conn, sent)
	undo()
	if err != nil {
		return b.breakWriteError(ctx, op, err)
	}
	return b.breakEffect(op, r), nil
}

// crowded is a connection or PMS that cannot take two writes at once.
func (b *brokenConn) crowded() error {
	calls, conns := b.p.broken("concurrent/calls"), b.p.broken("concurrent/connections")
	if !calls && !conns {
		return nil
	}
	s := &b.p.broke
	enter := func(d int) (mine, others int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.inside == nil {
			s.inside = map[int64]int{}
		}
		s.inside[b.raw.serial] += d
		for serial, n := range s.inside {
			if serial != b.raw.serial {
				others += n
			}
		}
		return s.inside[b.raw.serial], others
	}
	enter(1)
	pause()
	mine, others := enter(0)
	pause()
	enter(-1)
	if calls && mine > 1 || conns && others > 0 {
		return fail("write", driver.ErrUnavailable, errors.New("another write is under way"))
	}
	return nil
}

// dedupe answers a write with what is there already.
func (b *brokenConn) dedupe(op driver.Op) (driver.Receipt, bool) {
	defer b.p.lock()()
	h := op.Head()
	if n, ok := op.(*driver.Note); ok && b.p.broken("write/twice") && h.Prior == nil {
		if row := b.p.rows.byRef(n.Kind(), h.Ref); row != nil {
			return receiptOf(row), true
		}
	}
	if b.p.broken("money/look-alikes") {
		if row := b.p.lookAlike(op); row != nil {
			return receiptOf(row), true
		}
	}
	return driver.Receipt{}, false
}

// lookAlike finds a row of ours that differs from a payment or adjustment in its
// Ref alone.
func (p *PMS) lookAlike(op driver.Op) *Row {
	switch m := op.(type) {
	case *driver.Payment:
		for _, row := range p.rows.payments.list {
			if row.Patient == m.Patient && row.Amount == m.Amount && row.PostedOn == m.PostedOn && row.Ref != m.Ref && !row.Staff {
				return &row.Row
			}
		}
	case *driver.Adjustment:
		for _, row := range p.rows.adjustments.list {
			if row.Patient == m.Patient && row.Amount == m.Amount && row.PostedOn == m.PostedOn && row.Ref != m.Ref && !row.Staff {
				return &row.Row
			}
		}
	}
	return nil
}

// breakOp gives what is sent in the place of op, and undoes afterwards what had
// to be changed in the PMS for it.
func (b *brokenConn) breakOp(ctx context.Context, op driver.Op) (driver.Op, func()) {
	sent := cloneOp(op)
	h := sent.Head()
	p, undo := b.p, func() {}
	patient, known := p.Patient(h.Patient)
	switch {
	case p.broken("refuse/unknown-patient") && !known:
		h.Patient = p.Patients()[0].ID
	case p.broken("refuse/archived-patient") && patient.State == driver.PatientArchived:
		state := func(s driver.PatientState) error {
			return p.EditPatient(h.Patient, func(r *driver.Patient) { r.State = s })
		}
		if state(driver.PatientActive) == nil {
			undo = func() { _ = state(driver.PatientArchived) }
		}
	case p.broken("incomplete/finished"):
		h.Prior = nil
	case p.broken("incomplete/again") && h.Prior != nil && h.Prior.State == "again":
		h.Prior = nil
	}
	b.breakProvider(h)
	if stop := b.breakOption(sent); stop != nil {
		undo = stop
	}
	switch o := sent.(type) {
	case *driver.Note:
		b.breakNote(o)
	case *driver.Document:
		b.breakDocument(ctx, o)
	case *driver.StatusChange:
		undo = b.breakStatus(o)
	case *driver.Payment:
		b.breakMoney(&o.Amount, &o.PostedOn)
		if p.broken("money/charges") {
			o.Charges = nil
		}
		if p.broken("money/period-closed") {
			undo = b.openBooks()
		}
	case *driver.Refund:
		b.breakRefund(o)
		if p.broken("money/period-closed") {
			undo = b.openBooks()
		}
	case *driver.Adjustment:
		b.breakMoney(&o.Amount, &o.PostedOn)
		if p.broken("money/period-closed") {
			undo = b.openBooks()
		}
	}
	return sent, undo
}

func (b *brokenConn) breakProvider(h *driver.Header) {
	if h.Provider == "" {
		return
	}
	opts := b.p.Options(driver.Providers)
	i := slices.IndexFunc(opts, func(o driver.Option) bool { return o.ID == h.Provider })
	switch {
	case i < 0 && b.p.broken("refuse/unknown-provider"):
		h.Provider = ""
	case i >= 0 && !opts[i].Active && b.p.broken("refuse/inactive-provider"),
		i >= 0 && opts[i].Active && b.p.broken("write/provider"):
		h.Provider = opts[0].ID
	}
}

// breakOption writes with another option, or with one that is hidden.
func (b *brokenConn) breakOption(op driver.Op) (undo func()) {
	cat := b.p.Info().Ops[op.Kind()].TypeFrom
	id := optionField(op)
	if id == nil || cat == "" {
		return nil
	}
	opts := b.p.Options(cat)
	i := slices.IndexFunc(opts, func(o driver.Option) bool { return o.ID == *id })
	switch {
	case i < 0 && b.p.broken("refuse/unknown-option"):
		*id = opts[0].ID
		if _, ok := op.(*driver.StatusChange); ok {
			*id = opts[1].ID
		}
	case i >= 0 && opts[i].Lowers && b.p.broken("refuse/unfit-option"):
		*id = opts[0].ID
	case i >= 0 && !opts[i].Active && b.p.broken("refuse/inactive-option"):
		hidden := *id
		if b.p.SetOptionActive(cat, hidden, true) == nil {
			return func() { _ = b.p.SetOptionActive(cat, hidden, false) }
		}
	}
	return nil
}

func optionField(op driver.Op) *string {
	switch o := op.(type) {
	case *driver.Note:
		return &o.Type
	case *driver.Document:
		return &o.Folder
	case *driver.StatusChange:
		return &o.To
	case *driver.Payment:
		return &o.Type
	case *driver.Refund:
		return &o.Type
	case *driver.Adjustment:
		return &o.Type
	}
	return nil
}

func (b *brokenConn) breakNote(n *driver.Note) {
	body, limit := n.Body.Reveal(), b.p.Info().Ops[driver.OpNote].MaxChars
	switch {
	case b.p.broken("write/content"):
		body = strings.ReplaceAll(body, " calls", "")
	case b.p.broken("limit/note-too-large") && len(body) > limit:
		body = body[:limit]
	case b.p.broken("limit/note-at-limit") && len(body) == limit:
		body = body[:limit-40]
	case b.p.broken("limit/characters"):
		body = strings.Map(func(r rune) rune {
			if r > 0xFFFF {
				return '?'
			}
			return r
		}, body)
	}
	n.Body = driver.NewText(body)
	b.breakVerified(n)
	if b.p.broken("zone/note-time") { // the wall time, in whatever zone it came
		at := n.At
		n.At = driver.DateOf(at).In(b.raw.env.Zone()).Add(at.Sub(driver.DateOf(at).In(at.Location())))
	}
}

func (b *brokenConn) breakVerified(n *driver.Note) {
	defer b.p.lock()()
	a := &b.p.accounts
	switch {
	case b.p.broken("write/verified"):
		n.Verified = false
	case b.p.broken("write/verified-earlier") && n.Verified:
		delete(a.verified, n.Patient)
	case b.p.broken("write/verified-unclear") && (!n.Verified || a.coverages[n.Patient] > 1):
		a.verified[n.Patient] = driver.DateOf(n.At.In(b.raw.env.Zone()))
	}
}

func (b *brokenConn) breakDocument(ctx context.Context, d *driver.Document) {
	info := b.p.Info().Ops[driver.OpDocument]
	switch {
	case b.p.broken("limit/document-too-large") && d.Size > info.MaxBytes:
		if r, err := d.Open(ctx); err == nil {
			r.Close()
		}
	case b.p.broken("limit/mime") && !slices.Contains(info.MIME, d.MIME):
		d.MIME = info.MIME[0]
	case d.Size > info.MaxBytes:
	case b.p.broken("write/closes"):
		open := d.Open
		d.Open = func(ctx context.Context) (io.ReadCloser, error) {
			r, err := open(ctx)
			if err != nil {
				return nil, err
			}
			return io.NopCloser(r), nil
		}
	case b.p.broken("write/wrong-content"):
		if content, err := b.readAll(ctx, d); err == nil {
			b.refill(d, content)
		}
	case b.p.broken("limit/document-sizes") && d.Size > 64<<10:
		b.refill(d, b.gulp(ctx, d)[:64<<10])
	case b.p.broken("write/open-fails"):
		if content, err := b.readAll(ctx, d); err != nil {
			b.refill(d, content)
		}
	}
}

// gulp reads what comes of a document, whatever happens.
func (b *brokenConn) gulp(ctx context.Context, d *driver.Document) []byte {
	content, _ := b.readAll(ctx, d)
	return content
}

func (b *brokenConn) readAll(ctx context.Context, d *driver.Document) ([]byte, error) {
	r, err := d.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func (b *brokenConn) refill(d *driver.Document, content []byte) {
	d.Size, d.SHA256 = int64(len(content)), ""
	d.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}

func (b *brokenConn) breakStatus(s *driver.StatusChange) (undo func()) {
	a, ok := b.p.Appointment(s.Appointment)
	switch {
	case !ok:
	case b.p.broken("status/other-patient"):
		s.Header.Patient = a.Patient
	case b.p.broken("status/compare-and-set"):
		s.From = a.Status
	case b.p.broken("status/closed") && a.State == driver.AppointmentCompleted:
		if b.p.SetState(a.ID, driver.AppointmentScheduled) == nil {
			return func() { _ = b.p.SetState(a.ID, a.State) }
		}
	}
	return func() {}
}

// isOver reports whether a status is for a visit that is over.
func (b *brokenConn) isOver(op driver.Op) bool {
	s, ok := op.(*driver.StatusChange)
	if !ok {
		return false
	}
	a, _ := b.p.Appointment(s.Appointment)
	return a.State == driver.AppointmentCompleted || a.State == driver.AppointmentCancelled
}

// breakMoney spoils what a payment or an adjustment would post.
func (b *brokenConn) breakMoney(amount *driver.Money, on *driver.Date) {
	zone := b.raw.env.Zone()
	today := driver.DateOf(b.p.Clock().In(zone))
	switch {
	case b.p.broken("zone/posting-date"):
		*on = driver.DateOf(on.In(zone).UTC())
	case b.p.broken("money/amounts") && amount.Minor > 1_000_000:
		amount.Minor--
	case b.p.broken("money/dates") && on.In(zone).AddDate(0, 1, 0).Before(today.In(zone)):
		*on = today
	case b.p.broken("money/positive") && amount.Minor < 0:
		*amount = amount.Neg()
	}
}

func (b *brokenConn) breakRefund(r *driver.Refund) {
	defer b.p.lock()()
	paid := b.p.rows.payments
	newest := len(paid.list) - 1
	switch {
	case b.p.broken("refund/linked") && newest >= 0 && paid.get(r.Of) != nil,
		b.p.broken("refund/missing") && newest >= 0 && paid.get(r.Of) == nil:
		r.Of, r.OfRef = paid.list[newest].ID, paid.list[newest].Ref
	case b.p.broken("refund/bounded") && r.Amount.Minor > r.OfAmount.Minor,
		b.p.broken("refund/partial") && 0 < r.Amount.Minor && r.Amount.Minor < r.OfAmount.Minor:
		r.Amount = r.OfAmount
	case b.p.broken("money/positive") && r.Amount.Minor < 0:
		r.Amount = r.Amount.Neg()
	}
}

// openBooks opens the closed period for one write.
func (b *brokenConn) openBooks() (undo func()) {
	unlock := b.p.lock()
	closed := b.p.lockDate
	b.p.lockDate = driver.Date{}
	unlock()
	return func() { b.p.SetLockDate(closed) }
}

func cloneOp(op driver.Op) driver.Op {
	switch o := op.(type) {
	case *driver.Note:
		c := *o
		return &c
	case *driver.Document:
		c := *o
		return &c
	case *driver.StatusChange:
		c := *o
		return &c
	case *driver.Payment:
		c := *o
		return &c
	case *driver.Refund:
		c := *o
		return &c
	case *driver.Adjustment:
		c := *o
		return &c
	}
	return op
}
