package memdriver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// halfState is the Receipt.State of a row whose rest remains to be done.
const halfState = "half"

// write is an operation made into a row, so that nothing of the Op is kept.
type write struct {
	conn  *conn
	name  string // for errors
	kind  driver.OpKind
	from  driver.Catalog // of its Type or Folder
	ofRef string
	prior *driver.Receipt
	row   Row
	// verified is the day that a note about a verification sets.
	verified driver.Date

	// One of these is set.
	note       *Note
	document   *Document
	status     *StatusWrite
	payment    *Payment
	refund     *Refund
	adjustment *Adjustment
}

// halfDone tells stumble that the rest of a write remains, and its receipt.
type halfDone struct{ receipt driver.Receipt }

func (*halfDone) Error() string { return "memdriver: half done" }

// Write implements driver.Writer. It looks for no double: the same operation
// twice is two rows, except for a StatusChange.
func (c *conn) Write(ctx context.Context, op driver.Op) (driver.Receipt, error) {
	var out driver.Receipt
	kind := op.Kind()
	err := c.do(ctx, callWrite, string(kind), op, func(m mode) error {
		p := c.pms
		name := callWrite.opName(string(kind))
		info := p.info.Load().Ops[kind]
		if err := checkForm(name, op, info); err != nil {
			return err
		}
		w := c.newWrite(name, op, info)
		if m, ok := op.(*driver.Payment); ok {
			w.payment.Charges = p.payable(w, m, info)
		}
		if w.document != nil && w.prior == nil {
			if err := p.receive(ctx, w, op.(*driver.Document), info.MaxBytes); err != nil {
				return err
			}
		}
		defer p.lock()()
		if m.late != nil {
			return p.postpone(w, m.late)
		}
		if m.ignored {
			return p.ignore(w)
		}
		receipt, err := p.carryOut(w, !m.half)
		if err != nil {
			return err
		}
		if m.half && receipt.State != "" {
			return &halfDone{receipt}
		}
		out = receipt
		return nil
	})
	if err != nil {
		return driver.Receipt{}, err
	}
	return out, nil
}

// ignore is what is read back of a write that the PMS accepted and did not make.
func (p *PMS) ignore(w *write) error {
	if w.prior == nil {
		if err := p.checkState(w); err != nil {
			return err
		}
	}
	return reject(w.name, driver.ReasonInvalid, errIgnored)
}

var errIgnored = errors.New("the PMS reported success, and what was written is not there")

// newWrite copies an operation.
func (c *conn) newWrite(name string, op driver.Op, info driver.OpInfo) *write {
	h := op.Head()
	w := &write{
		conn: c, name: name, kind: op.Kind(), from: info.TypeFrom,
		row: Row{Ref: h.Ref, Patient: h.Patient},
	}
	if info.ProviderRecorded {
		w.row.Provider = h.Provider
	}
	if h.Prior != nil {
		prior := *h.Prior
		w.prior = &prior
	}
	switch o := op.(type) {
	case *driver.Note:
		w.note = &Note{About: o.About, Type: o.Type, At: o.At, Body: o.Body, Part: o.Part, Parts: o.Parts}
		if o.Verified {
			w.verified = driver.DateOf(o.At.In(c.env.Zone()))
		}
	case *driver.Document:
		w.document = &Document{
			About: o.About, Category: o.Category, FormType: o.FormType, Folder: o.Folder,
			Title: o.Title, At: o.At, MIME: o.MIME,
		}
	case *driver.StatusChange:
		w.status = &StatusWrite{Appointment: o.Appointment, From: o.From, To: o.To}
	case *driver.Payment:
		w.payment = &Payment{Type: o.Type, Amount: o.Amount, PostedOn: o.PostedOn, Memo: o.Memo, Fee: o.Fee}
	case *driver.Refund:
		w.refund = &Refund{Of: o.Of, Type: o.Type, Amount: o.Amount, PostedOn: o.PostedOn, Memo: o.Memo}
		w.ofRef = o.OfRef
	case *driver.Adjustment:
		w.adjustment = &Adjustment{Of: o.Of, Type: o.Type, Amount: o.Amount, PostedOn: o.PostedOn, Memo: o.Memo}
	}
	return w
}

// receive reads a document's bytes once its filing is known to be allowed. What
// does not arrive whole has no effect.
func (p *PMS) receive(ctx context.Context, w *write, d *driver.Document, maxBytes int64) error {
	defer p.beginWrite(w.row.Ref)()
	unlock := p.lock()
	err := p.checkState(w)
	unlock()
	if err != nil {
		return err
	}
	r, err := d.Open(ctx)
	if err != nil {
		return fail(w.name, driver.ErrUnavailable, errors.New("Document.Open failed"))
	}
	defer r.Close()
	hash := sha256.New()
	var sink io.Writer = hash
	var kept keeper
	if d.Size <= p.cfg.KeepBytes {
		kept = make(keeper, 0, d.Size)
		sink = io.MultiWriter(hash, &kept)
	}
	n, err := io.Copy(sink, io.LimitReader(r, d.Size+1))
	sum := hex.EncodeToString(hash.Sum(nil))
	switch {
	case err != nil:
		return fail(w.name, driver.ErrUnavailable, errors.New("reading the document failed"))
	case n != d.Size:
		return reject(w.name, driver.ReasonInvalid, errors.New("Document.Size is not the number of bytes that Open gives"))
	case maxBytes > 0 && n > maxBytes:
		return reject(w.name, driver.ReasonTooLarge, nil)
	case d.SHA256 != "" && d.SHA256 != sum:
		return reject(w.name, driver.ReasonInvalid, errors.New("Document.SHA256 is not the hash of the bytes that Open gives"))
	}
	w.document.Size, w.document.SHA256 = n, sum
	if kept != nil {
		content := string(kept)
		w.document.content = &content
	}
	return nil
}

// keeper keeps what is written to it.
type keeper []byte

func (k *keeper) Write(b []byte) (int, error) {
	*k = append(*k, b...)
	return len(b), nil
}

// carryOut has a write's effect, or refuses it. The PMS is locked.
func (p *PMS) carryOut(w *write, whole bool) (driver.Receipt, error) {
	if w.prior != nil {
		return p.finish(w, whole)
	}
	if err := p.checkState(w); err != nil {
		return driver.Receipt{}, err
	}
	now := p.Clock()
	w.row.StoredAt, w.row.Complete = now, whole
	r := &p.rows
	switch {
	case w.note != nil:
		w.row.ID = r.notes.nextID()
		w.note.Row = w.row
		r.notes.add(w.row.Ref, w.note)
		if whole {
			p.verifyCoverage(w)
		}
	case w.document != nil:
		w.row.ID = r.documents.nextID()
		w.document.Row = w.row
		r.documents.add(w.row.Ref, w.document)
	case w.payment != nil:
		w.row.ID = r.payments.nextID()
		w.payment.Row = w.row
		r.payments.add(w.row.Ref, w.payment)
	case w.refund != nil:
		w.row.ID = r.refunds.nextID()
		w.refund.Row = w.row
		r.refunds.add(w.row.Ref, w.refund)
		r.refunded[w.refund.Of] += w.refund.Amount.Minor
	case w.adjustment != nil:
		w.row.ID = r.adjustments.nextID()
		w.adjustment.Row = w.row
		r.adjustments.add(w.row.Ref, w.adjustment)
	case w.status != nil:
		a := p.appointments.get(w.status.Appointment)
		if a.rec.Status == w.status.To {
			return driver.Receipt{ID: a.id, At: now, Existed: true}, nil
		}
		w.row.ID = r.statuses.nextID()
		w.status.Row, w.status.From = w.row, a.rec.Status
		r.statuses.add(w.row.Ref, w.status)
		p.editAppointment(a, func(rec *driver.Appointment) { rec.Status = w.status.To })
	}
	if !whole {
		r.incomplete++
	}
	return receiptOf(&w.row), nil
}

// finish does the rest of what Prior names, which does no harm a second time.
func (p *PMS) finish(w *write, whole bool) (driver.Receipt, error) {
	row := p.rows.byID(w.kind, w.prior.ID)
	if row == nil || row.Ref != w.row.Ref {
		return driver.Receipt{}, reject(w.name, driver.ReasonInvalid, errors.New("Header.Prior names nothing that this operation wrote"))
	}
	if whole && !row.Complete {
		row.Complete = true
		p.verifyCoverage(w)
		p.rows.incomplete--
	}
	return receiptOf(row), nil
}

func receiptOf(r *Row) driver.Receipt {
	out := driver.Receipt{ID: r.ID, At: r.StoredAt}
	if !r.Complete {
		out.State = halfState
	}
	return out
}

// beginWrite marks a write as under way: until end it may have its effect.
func (p *PMS) beginWrite(ref string) (end func()) {
	unlock := p.lock()
	defer unlock()
	p.underway[ref]++
	return func() {
		defer p.lock()()
		p.endWrite(ref)
	}
}

func (p *PMS) endWrite(ref string) {
	if p.underway[ref]--; p.underway[ref] == 0 {
		delete(p.underway, ref)
	}
}

// lateWrite is a write that was answered before it has its effect.
type lateWrite struct {
	w    *write
	trip *Trip
	due  time.Time // by Config.Now; zero when it waits for Release
}

// postpone puts a write off that the PMS would accept now.
func (p *PMS) postpone(w *write, t *Trip) error {
	if w.prior == nil {
		if err := p.checkState(w); err != nil {
			return err
		}
	}
	l := &lateWrite{w: w, trip: t}
	if t.fault.After > 0 {
		l.due = p.cfg.Now().Add(t.fault.After)
	}
	p.late = append(p.late, l)
	p.underway[w.row.Ref]++
	return nil
}

// settleLate carries out the late writes that are due, in the order in which
// they were sent. One that the PMS would refuse by now has no effect.
func (p *PMS) settleLate() {
	now := p.cfg.Now()
	p.settle(func(l *lateWrite) bool { return !l.due.IsZero() && !now.Before(l.due) })
}

func (p *PMS) releaseLate(which func(*lateWrite) bool) {
	defer p.lock()()
	p.settle(which)
}

func (p *PMS) settle(which func(*lateWrite) bool) {
	var rest []*lateWrite
	for _, l := range p.late {
		if !which(l) {
			rest = append(rest, l)
			continue
		}
		p.endWrite(l.w.row.Ref)
		// Nobody is left to hear of a refusal.
		_, _ = p.carryOut(l.w, true)
	}
	p.late = rest
}
