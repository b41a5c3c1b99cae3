package memdriver

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/pmswriteback/pms/driver"
)

// Notes returns copies of all notes in the order in which they were stored.
func (p *PMS) Notes() []Note {
	defer p.lock()()
	return p.rows.notes.copies()
}

// Documents returns copies of all documents in the order in which they were
// stored.
func (p *PMS) Documents() []Document {
	defer p.lock()()
	return p.rows.documents.copies()
}

// StatusWrites returns copies of all statuses that were written, in order.
func (p *PMS) StatusWrites() []StatusWrite {
	defer p.lock()()
	return p.rows.statuses.copies()
}

// Payments returns copies of all payments in the order in which they were
// stored.
func (p *PMS) Payments() []Payment {
	defer p.lock()()
	return p.rows.payments.copies()
}

// Refunds returns copies of all refunds in the order in which they were stored.
func (p *PMS) Refunds() []Refund {
	defer p.lock()()
	return p.rows.refunds.copies()
}

// Adjustments returns copies of all adjustments in the order in which they were
// stored.
func (p *PMS) Adjustments() []Adjustment {
	defer p.lock()()
	return p.rows.adjustments.copies()
}

// Counts is how many records a PMS holds. Deleted ones do not count, what staff
// entered does.
type Counts struct {
	Patients, Appointments, Photos                    int
	Notes, Documents, StatusWrites, Payments, Refunds int
	Adjustments                                       int
	Incomplete                                        int // rows whose rest is not done
	Late                                              int // writes that are answered and yet to come
}

// Counts counts the PMS's records.
func (p *PMS) Counts() Counts {
	defer p.lock()()
	r := &p.rows
	return Counts{
		Patients: p.patients.count(), Appointments: p.appointments.count(), Photos: p.photos.count(),
		Notes: len(r.notes.list), Documents: len(r.documents.list), StatusWrites: len(r.statuses.list),
		Payments: len(r.payments.list), Refunds: len(r.refunds.list), Adjustments: len(r.adjustments.list),
		Incomplete: r.incomplete, Late: len(p.late),
	}
}

// AddStaffNote files a note by hand and returns its id. Ref is dropped: staff
// have none. Nothing is checked.
func (p *PMS) AddStaffNote(n Note) string {
	defer p.lock()()
	s := &p.rows.notes
	n.Row = p.staffRow(n.Row, s.nextID())
	s.add("", &n)
	return n.ID
}

// AddStaffDocument files a document by hand and returns its id. Size and SHA256
// are those of content.
func (p *PMS) AddStaffDocument(d Document, content []byte) string {
	defer p.lock()()
	s := &p.rows.documents
	d.Row = p.staffRow(d.Row, s.nextID())
	sum := sha256.Sum256(content)
	d.Size, d.SHA256, d.content = int64(len(content)), hex.EncodeToString(sum[:]), nil
	if d.Size <= p.cfg.KeepBytes {
		kept := string(content)
		d.content = &kept
	}
	s.add("", &d)
	return d.ID
}

// AddStaffPayment posts a payment by hand and returns its id.
func (p *PMS) AddStaffPayment(m Payment) string {
	defer p.lock()()
	s := &p.rows.payments
	m.Row = p.staffRow(m.Row, s.nextID())
	s.add("", &m)
	return m.ID
}

// AddStaffRefund posts a refund by hand and returns its id. It counts against
// what can be refunded of the payment Of.
func (p *PMS) AddStaffRefund(m Refund) string {
	defer p.lock()()
	s := &p.rows.refunds
	m.Row = p.staffRow(m.Row, s.nextID())
	s.add("", &m)
	p.rows.refunded[m.Of] += m.Amount.Minor
	return m.ID
}

// AddStaffAdjustment posts an adjustment by hand and returns its id. Its Amount
// may be less than zero: staff also lower what is owed.
func (p *PMS) AddStaffAdjustment(m Adjustment) string {
	defer p.lock()()
	s := &p.rows.adjustments
	m.Row = p.staffRow(m.Row, s.nextID())
	s.add("", &m)
	return m.ID
}

// RenameDocument gives a document another title, as staff do.
func (p *PMS) RenameDocument(id, title string) error {
	defer p.lock()()
	d := p.rows.documents.get(id)
	if d == nil {
		return missing("document", id)
	}
	d.Title = driver.NewText(title)
	return nil
}

// staffRow makes a row one that was entered in the PMS itself.
func (p *PMS) staffRow(r Row, id string) Row {
	r.ID, r.Ref, r.StoredAt, r.Complete, r.Staff = id, "", p.Clock(), true, true
	return r
}

// EditNote gives a note another body, as staff do.
func (p *PMS) EditNote(id, body string) error {
	defer p.lock()()
	n := p.rows.notes.get(id)
	if n == nil {
		return missing("note", id)
	}
	n.Body = driver.NewText(body)
	return nil
}
