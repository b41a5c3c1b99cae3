package memdriver

import (
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Row is what all written records share.
type Row struct {
	// ID is the PMS's id, and the Receipt's.
	ID string
	// Ref is Header.Ref; empty for what staff entered.
	Ref string
	// Patient and Provider are PMS ids. Provider is empty where the PMS does not
	// record it.
	Patient, Provider string
	// StoredAt is when it was stored, by the PMS's clock.
	StoredAt time.Time
	// Complete is false while an idempotent rest remains to be done.
	Complete bool
	// Staff is set for what was entered in the PMS itself.
	Staff bool
}

// Note is a note in the PMS.
type Note struct {
	Row
	About       driver.NoteKind
	Type        string
	At          time.Time
	Body        driver.Text
	Part, Parts int
}

// Document is a filed document.
type Document struct {
	Row
	About    driver.DocumentKind
	Category driver.FormCategory
	FormType string
	Folder   string
	Title    driver.Text
	At       time.Time
	MIME     string
	// Size and SHA256 (hexadecimal) are of the bytes that arrived.
	Size    int64
	SHA256  string
	content *string // which prints as an address under every verb
}

// Bytes returns a copy of the content; nil when it is larger than
// Config.KeepBytes.
func (d Document) Bytes() []byte {
	if d.content == nil {
		return nil
	}
	return []byte(*d.content)
}

// StatusWrite is a confirmation status that was written by a driver. What staff
// set, and what was there already, is none.
type StatusWrite struct {
	Row
	Appointment, From, To string
}

// Payment is a payment in the ledger.
type Payment struct {
	Row
	Type     string
	Amount   driver.Money
	PostedOn driver.Date
	Memo     driver.Text
	Fee      bool
	// Charges are what it pays, when the operation named them and OpInfo.Charges is
	// set; nil when that was left to the PMS.
	Charges []driver.Charge
}

// Refund is a refund in the ledger.
type Refund struct {
	Row
	// Of is the id of the payment.
	Of       string
	Type     string
	Amount   driver.Money
	PostedOn driver.Date
	Memo     driver.Text
}

// Adjustment is an adjustment in the ledger. Written by a driver, it raises what
// the patient owes.
type Adjustment struct {
	Row
	// Of is the id of the payment that it offsets; empty when the operation named
	// none.
	Of       string
	Type     string
	Amount   driver.Money
	PostedOn driver.Date
	Memo     driver.Text
}

// sheet is a table of written rows, found by id and by Ref without a search.
type sheet[T any] struct {
	prefix string
	list   []*T
	byRef  map[string]*T
}

func newSheet[T any](prefix string) sheet[T] {
	return sheet[T]{prefix: prefix + "-", byRef: map[string]*T{}}
}

// nextID is the id of the row that is added next: its place in the list.
func (s *sheet[T]) nextID() string { return s.prefix + strconv.Itoa(len(s.list)+1) }

// add adds a row. Of several with one Ref, the first is found by it.
func (s *sheet[T]) add(ref string, row *T) {
	s.list = append(s.list, row)
	if _, taken := s.byRef[ref]; ref != "" && !taken {
		s.byRef[ref] = row
	}
}

func (s *sheet[T]) get(id string) *T {
	digits, ok := strings.CutPrefix(id, s.prefix)
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > len(s.list) || strconv.Itoa(n) != digits {
		return nil
	}
	return s.list[n-1]
}

func (s *sheet[T]) copies() []T {
	out := make([]T, len(s.list))
	for i, row := range s.list {
		out[i] = *row
	}
	return out
}

// rows are all tables of written rows.
type rows struct {
	notes       sheet[Note]
	documents   sheet[Document]
	statuses    sheet[StatusWrite]
	payments    sheet[Payment]
	refunds     sheet[Refund]
	adjustments sheet[Adjustment]

	refunded   map[string]int64 // minor units given back, by payment id
	incomplete int              // rows whose rest is not done
}

func newRows() rows {
	return rows{
		notes: newSheet[Note]("not"), documents: newSheet[Document]("doc"), statuses: newSheet[StatusWrite]("sts"),
		payments: newSheet[Payment]("pay"), refunds: newSheet[Refund]("ref"),
		adjustments: newSheet[Adjustment]("adj"), refunded: map[string]int64{},
	}
}

// byRef and byID return what the tables have in common of a row; nil when there
// is none.
func (r *rows) byRef(k driver.OpKind, ref string) *Row {
	switch k {
	case driver.OpNote:
		return noteRow(r.notes.byRef[ref])
	case driver.OpDocument:
		return documentRow(r.documents.byRef[ref])
	case driver.OpStatus:
		return statusRow(r.statuses.byRef[ref])
	case driver.OpPayment:
		return paymentRow(r.payments.byRef[ref])
	case driver.OpRefund:
		return refundRow(r.refunds.byRef[ref])
	case driver.OpAdjustment:
		return adjustmentRow(r.adjustments.byRef[ref])
	}
	return nil
}

func (r *rows) byID(k driver.OpKind, id string) *Row {
	switch k {
	case driver.OpNote:
		return noteRow(r.notes.get(id))
	case driver.OpDocument:
		return documentRow(r.documents.get(id))
	case driver.OpStatus:
		return statusRow(r.statuses.get(id))
	case driver.OpPayment:
		return paymentRow(r.payments.get(id))
	case driver.OpRefund:
		return refundRow(r.refunds.get(id))
	case driver.OpAdjustment:
		return adjustmentRow(r.adjustments.get(id))
	}
	return nil
}

func noteRow(n *Note) *Row {
	if n == nil {
		return nil
	}
	return &n.Row
}

func documentRow(d *Document) *Row {
	if d == nil {
		return nil
	}
	return &d.Row
}

func statusRow(s *StatusWrite) *Row {
	if s == nil {
		return nil
	}
	return &s.Row
}

func paymentRow(m *Payment) *Row {
	if m == nil {
		return nil
	}
	return &m.Row
}

func refundRow(m *Refund) *Row {
	if m == nil {
		return nil
	}
	return &m.Row
}

func adjustmentRow(m *Adjustment) *Row {
	if m == nil {
		return nil
	}
	return &m.Row
}
