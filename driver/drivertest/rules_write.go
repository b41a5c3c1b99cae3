package drivertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"sync/atomic"
	"testing/iotest"

	"github.com/pmswriteback/pms/driver"
)

func writeRules() []rule {
	rows := opSubjects(driver.OpStatus)
	return []rule{
		{
			name:        "write/once",
			explanation: "Success means that the effect is in the PMS, once.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w := c.open().work(c.op())
				w.want(0, "before it is written")
				w.mustWrite()
				w.want(1, "after a success")
			},
		}, {
			name:        "write/elsewhere",
			explanation: "A write touches its own patient and its own kind of record, and nothing else.",
			subjects:    opSubjects(),
			try:         tryElsewhere,
		}, {
			name:        "write/content",
			explanation: "What is stored is what was given: text, type or folder, dates, amount, bytes.",
			subjects:    rows,
			try:         tryContent,
		}, {
			name:        "write/provider",
			explanation: "Where Info says that the provider is recorded, Header.Provider is, and not the patient's own or the user's.",
			subjects:    rows,
			try: func(c *checker) {
				s := c.open()
				if !s.needOp(c.op()).ProviderRecorded {
					c.notApplicable("Info says that the PMS does not record it")
				}
				w := s.work(c.op())
				if can, _ := c.adds(driver.Providers); can && s.info.Catalogs[driver.Providers].Supported {
					w.op.Head().Provider = c.addOption(driver.Providers, "Dr. New Here")
				}
				w.mustWrite()
				if got, want := w.row().Provider, w.op.Head().Provider; got != want {
					c.Errorf("the provider recorded is %q, want %q", got, want)
				}
			},
		}, {
			name:        "write/ref",
			explanation: "Header.Ref is stored with the effect, where staff can read it too, because that is how Verify finds the write again.",
			subjects:    rows,
			try: func(c *checker) {
				w := c.open().work(c.op())
				w.mustWrite()
				if !hasText(w.row().Text, w.op.Head().Ref) {
					c.Errorf("the stored %s does not hold its Ref", w.kind)
				}
			},
		}, {
			name:        "write/receipt",
			explanation: "The receipt's id is the PMS's id of what was written; it may be empty, but never another one.",
			subjects:    rows,
			try: func(c *checker) {
				w := c.open().work(c.op())
				r := w.mustWrite()
				if row := w.row(); r.ID != "" && r.ID != row.ID {
					c.Errorf("the receipt's id is %q, the PMS's %q", r.ID, row.ID)
				}
				if r.Existed {
					c.Errorf("the receipt says that the effect existed before")
				}
			},
		}, {
			name:        "write/twice",
			explanation: "The same operation written twice has two effects, or one where Info says Idempotent: a driver never drops a write silently, and whether it may be sent again is Info's to say.",
			subjects:    opSubjects(driver.OpRefund),
			try: func(c *checker) {
				w := c.open().work(c.op())
				w.mustWrite()
				_, err := w.write()
				want := 2
				if w.info.Idempotent || driver.ReasonDuplicate == reasonOf(err) {
					want = 1
				} else if err != nil {
					c.Errorf("the second write: %v", err)
				}
				w.want(want, "written twice")
			},
		}, {
			name:        "write/op-unchanged",
			explanation: "Write does not change the Op: the engine stores and verifies it as it was sent.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				w := c.open().work(c.op())
				before := snapshot(w.op)
				w.mustWrite()
				after := snapshot(w.op)
				for i, name := range after.names {
					if !reflect.DeepEqual(before.values[i], after.values[i]) && name != "FirstSent" && name != "LastSent" {
						c.Errorf("Write changed %s of the %s", name, w.kind)
					}
				}
			},
		}, {
			name:        "write/wrong-content",
			explanation: "A document whose bytes are not Size, or do not have SHA256, is ErrRejected with ReasonInvalid and has no effect: what is damaged where it is kept does not get better by trying again, and a person must hear of it.",
			try:         tryWrongContent,
		}, {
			name:        "write/unsupported",
			explanation: "An operation that Info does not support is ErrRejected with ReasonUnsupported, and nothing is sent.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				s := c.open()
				if _, ok := s.conn.(driver.Writer); !ok {
					c.notApplicable("the connection is no driver.Writer")
				}
				if s.info.Ops[c.op()].Supported {
					c.notApplicable("Info supports it")
				}
				patient := c.patient()
				before := c.rows(c.op(), patient)
				_, err := s.write(c.ctx, c.unsupportedOp(patient))
				c.rejected("Write("+c.subject+")", err, driver.ReasonUnsupported)
				if after := c.rows(c.op(), patient); len(after) != len(before) {
					c.Errorf("the refused %s is in the PMS", c.op())
				}
			},
		}, {
			name:        "write/closes",
			explanation: "What Document.Open gives is closed, after a success and after a failure: it is a file or a lease of the host's.",
			try: func(c *checker) {
				s := c.open()
				for _, how := range []string{"the document is stored", "reading fails"} {
					w := s.work(driver.OpDocument)
					d := w.op.(*driver.Document)
					var open atomic.Int64
					d.Open = func(context.Context) (io.ReadCloser, error) {
						open.Add(1)
						var r io.Reader = bytes.NewReader(w.content)
						if how == "reading fails" {
							r = iotest.ErrReader(errors.New("store is gone"))
						}
						return closing{r, func() { open.Add(-1) }}, nil
					}
					_, err := w.write()
					if how == "the document is stored" && err != nil {
						c.Errorf("Write(document): %v", err)
					}
					if n := open.Load(); n != 0 {
						c.Errorf("%s, and %d of what Open gave are still open", how, n)
					}
				}
			},
		}, {
			name:        "write/open-fails",
			explanation: "A document whose bytes cannot be read to the end is ErrUnavailable (or ErrUnknownOutcome) and leaves no document: half a consent is worse than none, and another time it may be read.",
			try: func(c *checker) {
				s := c.open()
				for _, how := range []string{"Open fails", "reading fails half way"} {
					w := s.work(driver.OpDocument)
					d := w.op.(*driver.Document)
					broken, half := errors.New("store is gone"), w.content[:len(w.content)/2]
					d.Open = func(context.Context) (io.ReadCloser, error) {
						if how == "Open fails" {
							return nil, broken
						}
						return io.NopCloser(io.MultiReader(bytes.NewReader(half), iotest.ErrReader(broken))), nil
					}
					_, err := w.write()
					c.writeFails("Write when "+how, err, driver.ErrUnavailable, driver.ErrUnknownOutcome)
					w.want(0, how)
				}
			},
		},
	}
}

// closing tells when it is closed first.
type closing struct {
	io.Reader
	closed func()
}

func (r closing) Close() error {
	r.closed()
	return nil
}

func reasonOf(err error) driver.Reason {
	if e := driver.WriteError(err); e != nil {
		return e.Reason
	}
	return driver.ReasonNone
}

func tryElsewhere(c *checker) {
	s := c.open()
	other := c.patient()
	statuses := map[string]string{}
	if s.info.Catalogs[driver.AppointmentStatuses].Supported && c.pms.Staff.AddAppointment != nil && c.pms.Status != nil {
		id := c.visit(s, other, s.statuses(1)[0])
		statuses[id] = c.status(id)
	}
	w := s.work(c.op())
	count := func() map[string]int {
		out := map[string]int{}
		for _, kind := range driver.OpKinds() {
			if kind == driver.OpStatus {
				continue
			}
			out[string(kind)+" of another patient"] = len(c.rows(kind, other))
			if kind != w.kind {
				out[string(kind)+" of the patient"] = len(c.rows(kind, w.patient))
			}
		}
		return out
	}
	before := count()
	w.mustWrite()
	for what, n := range count() {
		if n != before[what] {
			c.Errorf("after writing a %s there are %d %s, before there were %d", w.kind, n, what, before[what])
		}
	}
	for id, status := range statuses {
		if got := c.status(id); got != status {
			c.Errorf("after writing a %s, another appointment's status is %q, before it was %q", w.kind, got, status)
		}
	}
}

func tryContent(c *checker) {
	w := c.open().work(c.op())
	w.mustWrite()
	row := w.row()
	want := Row{Patient: w.patient}
	var texts []string
	switch op := w.op.(type) {
	case *driver.Note:
		want.Type, want.At = op.Type, op.At
		texts = []string{op.Body.Reveal()}
	case *driver.Document:
		want.Type, want.SHA256, want.MIME = op.Folder, op.SHA256, op.MIME
		texts = []string{op.Title.Reveal()}
		if !row.At.IsZero() && driver.DateOf(row.At.In(c.zone)) != driver.DateOf(op.At.In(c.zone)) {
			c.Errorf("the document's date is %s, want %s", row.At.In(c.zone), op.At.In(c.zone))
		}
		if row.SHA256 == "" {
			c.Errorf("harness: Row.SHA256 is empty for a document")
		}
	case *driver.Payment:
		want.Type, want.Amount, want.On = op.Type, op.Amount, op.PostedOn
	case *driver.Refund:
		want.Amount, want.On = op.Amount, op.PostedOn
		if w.info.TypeFrom != "" {
			want.Type = op.Type
		}
	case *driver.Adjustment:
		want.Type, want.Amount, want.On = op.Type, op.Amount, op.PostedOn
		if row.Of != "" && row.Of != op.Of {
			c.Errorf("the adjustment that offsets the payment %q belongs to %q in the PMS", op.Of, row.Of)
		}
	}
	if row.Patient != want.Patient {
		c.Errorf("stored for the patient %q, want %q", row.Patient, want.Patient)
	}
	if row.Type != "" && row.Type != want.Type {
		c.Errorf("stored with the option %q, want %q", row.Type, want.Type)
	}
	if !want.At.IsZero() && !row.At.IsZero() && !row.At.Equal(want.At) {
		c.Errorf("stored with the time %s, want %s", row.At.In(c.zone), want.At.In(c.zone))
	}
	if row.SHA256 != "" && row.SHA256 != want.SHA256 {
		c.Errorf("the stored bytes have the hash %s, want %s", row.SHA256, want.SHA256)
	}
	if row.MIME != "" && row.MIME != want.MIME {
		c.Errorf("stored as %q, want %q", row.MIME, want.MIME)
	}
	if row.Amount.Minor != want.Amount.Minor {
		c.Errorf("the amount stored is %s, want %s", row.Amount, want.Amount)
	}
	if row.On != want.On {
		c.Errorf("posted on %s, stored as %s", want.On, row.On)
	}
	for _, text := range texts {
		if !hasText(row.Text, text) {
			c.Errorf("the stored %s does not hold the text that was given", w.kind)
		}
	}
}

// unsupportedOp makes an operation of a kind that Info does not support.
func (c *checker) unsupportedOp(patient string) driver.Op {
	h := driver.Header{Ref: c.ref(), Patient: patient}
	switch c.op() {
	case driver.OpNote:
		return &driver.Note{Header: h, About: driver.PatientNote, At: c.pms.now(), Body: driver.NewText("A note. " + h.Ref), Part: 1, Parts: 1}
	case driver.OpDocument:
		w := &work{c: c}
		d := &driver.Document{Header: h, About: driver.AccountStatement, Title: driver.NewText("Statement"), At: c.pms.now(), MIME: "application/pdf"}
		w.fill(d, file(d.MIME, 100, h.Ref))
		return d
	case driver.OpStatus:
		return &driver.StatusChange{Header: h, Appointment: "1", From: "1", To: "2"}
	case driver.OpPayment:
		return &driver.Payment{Header: h, Amount: driver.USD(100), PostedOn: c.today()}
	case driver.OpAdjustment:
		return &driver.Adjustment{Header: h, Amount: driver.USD(100), PostedOn: c.today()}
	}
	return &driver.Refund{Header: h, Of: "1", OfAmount: driver.USD(100), Amount: driver.USD(100), PostedOn: c.today()}
}

// fields are the exported fields of an operation, for comparing before and after.
type fields struct {
	names  []string
	values []any
}

func snapshot(op driver.Op) fields {
	var out fields
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			switch {
			case f.Anonymous:
				visit(v.Field(i))
			case f.Type.Kind() == reflect.Func:
			default:
				value := v.Field(i).Interface()
				if t, ok := value.(driver.Text); ok {
					value = t.Reveal()
				}
				out.names = append(out.names, f.Name)
				out.values = append(out.values, value)
			}
		}
	}
	visit(reflect.ValueOf(op).Elem())
	return out
}

func tryWrongContent(c *checker) {
	s := c.open()
	for what, spoil := range map[string]func([]byte) []byte{
		"too short": func(b []byte) []byte { return b[:len(b)-1] },
		"too long":  func(b []byte) []byte { return append(b, '\n') },
		"another":   func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
	} {
		w := s.work(driver.OpDocument)
		d := w.op.(*driver.Document)
		wrong := spoil(bytes.Clone(w.content))
		d.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(wrong)), nil }
		_, err := w.write()
		c.rejected("Write of a document whose content is "+what, err, driver.ReasonInvalid)
		w.want(0, "its content "+what)
	}
}
