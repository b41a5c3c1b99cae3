package drivertest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// work is one operation about to be written, and what its effect looks like.
type work struct {
	c       *checker
	s       *session
	op      driver.Op
	kind    driver.OpKind
	info    driver.OpInfo
	patient string
	before  []Row
	content []byte // of a document
	opened  int    // how often a document was opened
}

// patient stores a patient and returns the id.
func (c *checker) patient() string {
	c.need("Staff.AddPatient", c.pms.Staff.AddPatient != nil)
	c.people++
	return c.pms.Staff.AddPatient(person(c.people))
}

// visit stores an appointment for tomorrow at nine and returns the id.
func (c *checker) visit(s *session, patient, status string) string {
	return c.visitAt(s, patient, status, c.tomorrow(9, 0))
}

func (c *checker) visitAt(s *session, patient, status string, start time.Time) string {
	c.need("Staff.AddAppointment", c.pms.Staff.AddAppointment != nil)
	return c.pms.Staff.AddAppointment(NewAppointment{
		Patient: patient, Provider: s.provider(), Start: start, Duration: 30 * time.Minute, Status: status, Note: marker + " brings her old crown",
	})
}

// tomorrow is a wall time on the day after the PMS's today.
func (c *checker) tomorrow(hour, minute int) time.Time { return c.day(1, hour, minute) }

func (c *checker) day(offset, hour, minute int) time.Time {
	y, m, d := c.pms.now().In(c.zone).Date()
	return time.Date(y, m, d+offset, hour, minute, 0, 0, c.zone)
}

func (c *checker) today() driver.Date { return driver.DateOf(c.pms.now().In(c.zone)) }

// work prepares an operation for a patient of its own.
func (s *session) work(kind driver.OpKind) *work { return s.workFor(kind, s.c.patient()) }

func (s *session) workFor(kind driver.OpKind, patient string) *work {
	c := s.c
	w := &work{c: c, s: s, kind: kind, info: s.needOp(kind), patient: patient}
	h := driver.Header{Ref: c.ref(), Patient: patient, Provider: s.provider()}
	typ := ""
	if cat := w.info.TypeFrom; cat != "" && kind != driver.OpStatus {
		typ = s.option(kind, cat)
	}
	switch kind {
	case driver.OpNote:
		w.op = &driver.Note{
			Header: h, About: driver.IncomingCall, Type: typ, At: c.pms.now().In(c.zone).Add(-time.Hour).Truncate(time.Minute),
			Body: driver.NewText(marker + " asked about Friday.\nShe calls again.\nRef " + h.Ref), Part: 1, Parts: 1,
		}
	case driver.OpDocument:
		w.op = w.document(h, typ)
	case driver.OpStatus:
		two := s.statuses(2)
		w.op = &driver.StatusChange{Header: h, Appointment: c.visit(s, patient, two[0]), From: two[0], To: two[1]}
	case driver.OpPayment:
		w.op = &driver.Payment{
			Header: h, Type: typ, Amount: driver.USD(10269), PostedOn: c.today(), Memo: driver.NewText(marker + " paid by card"),
		}
	case driver.OpRefund:
		w.op = w.refund(h, typ)
	case driver.OpAdjustment:
		w.op = w.adjustment(h, typ)
	default:
		c.Fatalf("drivertest: no operation %q", kind)
	}
	w.before = w.rows()
	return w
}

func (w *work) document(h driver.Header, folder string) *driver.Document {
	mime := "application/pdf"
	if len(w.info.MIME) > 0 && !slices.Contains(w.info.MIME, mime) {
		mime = w.info.MIME[0]
	}
	d := &driver.Document{
		Header: h, About: driver.FormDocument, Category: driver.InformedConsent, FormType: "consent", Folder: folder,
		Title: driver.NewText(marker + " signed consent"), At: w.c.pms.now().In(w.c.zone).Truncate(time.Minute), MIME: mime,
	}
	w.fill(d, file(mime, 3000, h.Ref))
	return d
}

// fill gives a document its content.
func (w *work) fill(d *driver.Document, content []byte) {
	w.content = content
	d.Size, d.SHA256 = int64(len(content)), hash(content)
	d.Open = func(context.Context) (io.ReadCloser, error) {
		w.opened++
		return io.NopCloser(bytes.NewReader(content)), nil
	}
}

// refund makes the payment that it gives back, through the driver.
func (w *work) refund(h driver.Header, typ string) *driver.Refund {
	pay := w.s.workFor(driver.OpPayment, h.Patient)
	receipt := pay.mustWrite()
	if receipt.ID == "" {
		w.c.notApplicable("the PMS gives no id for a payment")
	}
	p := pay.op.(*driver.Payment)
	return &driver.Refund{
		Header: h, Of: receipt.ID, OfRef: p.Ref, OfAmount: p.Amount, Type: typ, Amount: p.Amount,
		PostedOn: w.c.today(), Memo: driver.NewText(marker + " gave it back"),
	}
}

// adjustment makes the fee that it offsets, through the driver, where the PMS
// takes payments.
func (w *work) adjustment(h driver.Header, typ string) *driver.Adjustment {
	a := &driver.Adjustment{
		Header: h, Type: typ, Amount: driver.USD(269), PostedOn: w.c.today(), Memo: driver.NewText(marker + " paid a fee"),
	}
	if w.s.info.Ops[driver.OpPayment].Supported {
		fee := w.s.workFor(driver.OpPayment, h.Patient)
		p := fee.op.(*driver.Payment)
		p.Fee, p.Amount = true, a.Amount
		a.Of, a.OfRef = fee.mustWrite().ID, p.Ref
	}
	return a
}

// rows are the patient's rows of the operation's kind.
func (w *work) rows() []Row { return w.c.rows(w.kind, w.patient) }

func (c *checker) rows(kind driver.OpKind, patient string) []Row {
	if kind == driver.OpStatus {
		return nil
	}
	c.need("Rows", c.pms.Rows != nil)
	return c.pms.Rows(kind, patient)
}

// status is an appointment's status in the PMS's own tables.
func (c *checker) status(appointment string) string {
	c.need("Status", c.pms.Status != nil)
	return c.pms.Status(appointment)
}

// added are the rows that were not there before the work began.
func (w *work) added() []Row {
	var out []Row
	for _, r := range w.rows() {
		if !slices.ContainsFunc(w.before, func(b Row) bool { return b.ID == r.ID }) {
			out = append(out, r)
		}
	}
	return out
}

// effects counts how often the effect is in the PMS's own tables.
func (w *work) effects() int {
	sc, ok := w.op.(*driver.StatusChange)
	if !ok {
		return len(w.added())
	}
	if w.c.status(sc.Appointment) == sc.To {
		return 1
	}
	return 0
}

// want fails the case unless the effect is there so many times.
func (w *work) want(n int, when string) {
	w.c.Helper()
	if got := w.effects(); got != n {
		w.c.Errorf("%s, %s: the effect is in the PMS %d times, want %d", w.kind, when, got, n)
	}
}

// write sends the operation.
func (w *work) write() (driver.Receipt, error) { return w.s.write(w.c.ctx, w.op) }

func (w *work) mustWrite() driver.Receipt {
	r, err := w.write()
	if err != nil {
		w.c.Fatalf("Write(%s): %v", w.kind, err)
	}
	return r
}

// the row that the work added, when it is one.
func (w *work) row() Row {
	added := w.added()
	if len(added) != 1 {
		w.c.Fatalf("%s: %d rows were added, want 1", w.kind, len(added))
	}
	return added[0]
}

// hasText reports whether stored text holds want, whatever the PMS does to the
// ends of lines and to blanks.
func hasText(stored, want string) bool {
	fold := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	return strings.Contains(fold(stored), fold(want))
}

// subjects of the rules that are tried on operations and feeds.
func opSubjects(except ...driver.OpKind) []string {
	var out []string
	for _, k := range driver.OpKinds() {
		if !slices.Contains(except, k) {
			out = append(out, string(k))
		}
	}
	return out
}

func (c *checker) op() driver.OpKind { return driver.OpKind(c.subject) }

func feedSubjects() []string {
	var out []string
	for _, f := range driver.Feeds() {
		out = append(out, string(f))
	}
	return out
}

func (c *checker) feed() driver.Feed { return driver.Feed(c.subject) }

func catalogSubjects() []string {
	var out []string
	for _, cat := range driver.Catalogs() {
		out = append(out, string(cat))
	}
	return out
}

func (c *checker) cat() driver.Catalog { return driver.Catalog(c.subject) }

func quote(ids []string) string { return fmt.Sprintf("%q", ids) }
