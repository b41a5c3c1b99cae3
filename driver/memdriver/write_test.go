package memdriver_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestEveryOperationIsInThePMSByContent(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{Now: newClock().Now})

	note := p.note()
	receipt := p.write(note)
	require.Equal(t, noon, receipt.At)
	require.Equal(t, []memdriver.Note{{
		Row:   memdriver.Row{ID: receipt.ID, Ref: note.Ref, Patient: p.patient, Provider: activeDoctor, StoredAt: noon, Complete: true},
		About: driver.IncomingCall, Type: phoneCall, At: noon, Body: note.Body, Part: 1, Parts: 1,
	}}, p.Notes())

	doc := p.document("%PDF-1.7 content")
	receipt = p.write(doc)
	docs := p.Documents()
	require.Len(t, docs, 1)
	require.Equal(t, []byte("%PDF-1.7 content"), docs[0].Bytes())
	require.Equal(t, doc.SHA256, docs[0].SHA256)
	require.Equal(t, doc.Size, docs[0].Size)
	require.Equal(t, receipt.ID, docs[0].ID)
	require.Equal(t, doc.Ref, docs[0].Ref)
	require.Equal(t, insuranceFolder, docs[0].Folder)
	require.Equal(t, "Benefits", docs[0].Title.Reveal())

	paid := p.payment(5000)
	paid.Fee = true
	receipt = p.write(paid)
	require.Equal(t, []memdriver.Payment{{
		Row:  memdriver.Row{ID: receipt.ID, Ref: paid.Ref, Patient: p.patient, Provider: activeDoctor, StoredAt: noon, Complete: true},
		Type: creditCard, Amount: driver.USD(5000), PostedOn: paid.PostedOn, Memo: paid.Memo, Fee: true,
	}}, p.Payments())

	back := p.refund(receipt, paid.Ref, 1200)
	backReceipt := p.write(back)
	require.Equal(t, []memdriver.Refund{{
		Row: memdriver.Row{ID: backReceipt.ID, Ref: back.Ref, Patient: p.patient, Provider: activeDoctor, StoredAt: noon, Complete: true},
		Of:  receipt.ID, Type: creditCard, Amount: driver.USD(1200), PostedOn: back.PostedOn, Memo: back.Memo,
	}}, p.Refunds())

	raised := p.adjustment(receipt, paid.Ref, 269)
	raisedReceipt := p.write(raised)
	require.Equal(t, []memdriver.Adjustment{{
		Row: memdriver.Row{ID: raisedReceipt.ID, Ref: raised.Ref, Patient: p.patient, Provider: activeDoctor, StoredAt: noon, Complete: true},
		Of:  receipt.ID, Type: offset, Amount: driver.USD(269), PostedOn: raised.PostedOn, Memo: raised.Memo,
	}}, p.Adjustments())

	set := p.status(unconfirmed, confirmed)
	receipt = p.write(set)
	require.Equal(t, []memdriver.StatusWrite{{
		Row:         memdriver.Row{ID: receipt.ID, Ref: set.Ref, Patient: p.patient, StoredAt: noon, Complete: true},
		Appointment: p.appointment, From: unconfirmed, To: confirmed,
	}}, p.StatusWrites())
	a, ok := p.Appointment(p.appointment)
	require.True(t, ok)
	require.Equal(t, confirmed, a.Status)
}

func TestTheSameOperationTwiceIsTwoRowsExceptForAStatus(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	for kind, op := range p.ops() {
		before := p.written(kind)
		first := p.write(op)
		second := p.write(op)
		if p.Info().Ops[kind].Idempotent {
			require.Equal(t, driver.OpStatus, kind)
			require.Equal(t, before+1, p.written(kind))
			require.True(t, second.Existed)
			continue
		}
		require.Equal(t, before+2, p.written(kind), kind)
		require.NotEqual(t, first.ID, second.ID, kind)
	}
}

func TestWhatThePMSRefusesHasNoEffectAndTheRightReason(t *testing.T) {
	t.Parallel()
	type edit = func(*practice, driver.Op)
	head := func(change func(*driver.Header)) edit {
		return func(_ *practice, op driver.Op) { change(op.Head()) }
	}
	typed := func(id string) edit {
		return func(_ *practice, op driver.Op) {
			switch o := op.(type) {
			case *driver.Note:
				o.Type = id
			case *driver.Document:
				o.Folder = id
			case *driver.StatusChange:
				o.To = id
			case *driver.Payment:
				o.Type = id
			case *driver.Refund:
				o.Type = id
			case *driver.Adjustment:
				o.Type = id
			}
		}
	}
	info := func(k driver.OpKind, change func(*driver.OpInfo)) edit {
		return func(p *practice, _ driver.Op) {
			p.SetInfo(func(i *driver.Info) {
				o := i.Ops[k]
				change(&o)
				i.Ops[k] = o
			})
		}
	}
	note := func(change func(*driver.Note)) edit {
		return func(_ *practice, op driver.Op) { change(op.(*driver.Note)) }
	}
	doc := func(change func(*driver.Document)) edit {
		return func(_ *practice, op driver.Op) { change(op.(*driver.Document)) }
	}
	pay := func(change func(*driver.Payment)) edit {
		return func(_ *practice, op driver.Op) { change(op.(*driver.Payment)) }
	}
	refund := func(change func(*driver.Refund)) edit {
		return func(_ *practice, op driver.Op) { change(op.(*driver.Refund)) }
	}
	adjust := func(change func(*driver.Adjustment)) edit {
		return func(_ *practice, op driver.Op) { change(op.(*driver.Adjustment)) }
	}
	all := driver.OpKinds()
	cases := []struct {
		name   string
		kinds  []driver.OpKind
		edit   edit
		kind   driver.Kind
		reason driver.Reason
	}{
		{"unsupported", all, func(p *practice, op driver.Op) {
			info(op.Kind(), func(o *driver.OpInfo) { o.Support = driver.No("Not here.") })(p, op)
		}, driver.ErrRejected, driver.ReasonUnsupported},
		{"no ref", all, head(func(h *driver.Header) { h.Ref = "" }), driver.ErrRejected, driver.ReasonInvalid},
		{"ref of other characters", all, head(func(h *driver.Header) { h.Ref = "aaaaaaaaaaaaaaa1" }), driver.ErrRejected, driver.ReasonInvalid},
		{"no patient", all, head(func(h *driver.Header) { h.Patient = "" }), driver.ErrRejected, driver.ReasonPatientNotFound},
		{"unknown patient", all, head(func(h *driver.Header) { h.Patient = missing }), driver.ErrRejected, driver.ReasonPatientNotFound},
		{"deleted patient", all, func(p *practice, _ driver.Op) { require.NoError(p.t, p.DeletePatient(p.patient)) }, driver.ErrRejected, driver.ReasonPatientNotFound},
		{"archived patient", all, func(p *practice, _ driver.Op) { require.NoError(p.t, p.ArchivePatient(p.patient)) }, driver.ErrRejected, driver.ReasonPatientArchived},
		{"unknown provider", []driver.OpKind{driver.OpNote, driver.OpDocument, driver.OpPayment, driver.OpRefund, driver.OpAdjustment},
			head(func(h *driver.Header) { h.Provider = missing }), driver.ErrRejected, driver.ReasonProviderUnknown},
		{"inactive provider", []driver.OpKind{driver.OpNote, driver.OpDocument, driver.OpPayment, driver.OpRefund, driver.OpAdjustment},
			head(func(h *driver.Header) { h.Provider = oldDoctor }), driver.ErrRejected, driver.ReasonProviderInactive},
		{"unknown option", all, typed(missing), driver.ErrRejected, driver.ReasonOptionUnknown},
		{"inactive note type", []driver.OpKind{driver.OpNote}, typed(fax), driver.ErrRejected, driver.ReasonOptionInactive},
		{"inactive status", []driver.OpKind{driver.OpStatus}, typed(confirmedByFax), driver.ErrRejected, driver.ReasonOptionInactive},
		{"inactive payment type", []driver.OpKind{driver.OpPayment, driver.OpRefund}, typed(travelers), driver.ErrRejected, driver.ReasonOptionInactive},
		{"inactive adjustment type", []driver.OpKind{driver.OpAdjustment}, typed(senior), driver.ErrRejected, driver.ReasonOptionInactive},
		{"adjustment type that lowers", []driver.OpKind{driver.OpAdjustment}, typed(discount), driver.ErrRejected, driver.ReasonOptionUnfit},
		{"payment type for an adjustment", []driver.OpKind{driver.OpAdjustment}, typed(creditCard), driver.ErrRejected, driver.ReasonOptionUnknown},

		{"unknown note kind", []driver.OpKind{driver.OpNote}, note(func(n *driver.Note) { n.About = "gossip" }), driver.ErrRejected, driver.ReasonInvalid},
		{"part of none", []driver.OpKind{driver.OpNote}, note(func(n *driver.Note) { n.Parts = 0 }), driver.ErrRejected, driver.ReasonInvalid},
		{"too many characters", []driver.OpKind{driver.OpNote}, note(func(n *driver.Note) { n.Body = driver.NewText(strings.Repeat("é", 10_001)) }), driver.ErrRejected, driver.ReasonTooLarge},
		{"too many bytes", []driver.OpKind{driver.OpNote}, info(driver.OpNote, func(o *driver.OpInfo) { o.MaxBytes = 5 }), driver.ErrRejected, driver.ReasonTooLarge},
		{"no text", []driver.OpKind{driver.OpNote}, note(func(n *driver.Note) { n.Body = driver.Text{} }), driver.ErrRejected, driver.ReasonTextRefused},
		{"broken UTF-8", []driver.OpKind{driver.OpNote}, note(func(n *driver.Note) { n.Body = driver.NewText("\xff") }), driver.ErrRejected, driver.ReasonTextRefused},
		{"emoji beyond the BMP", []driver.OpKind{driver.OpNote}, func(p *practice, op driver.Op) {
			info(driver.OpNote, func(o *driver.OpInfo) { o.Repertoire = driver.UnicodeBMP })(p, op)
			op.(*driver.Note).Body = driver.NewText("😀")
		}, driver.ErrRejected, driver.ReasonTextRefused},
		{"Greek in Windows-1252", []driver.OpKind{driver.OpNote}, func(p *practice, op driver.Op) {
			info(driver.OpNote, func(o *driver.OpInfo) { o.Repertoire = driver.Windows1252 })(p, op)
			op.(*driver.Note).Body = driver.NewText("Ωmega")
		}, driver.ErrRejected, driver.ReasonTextRefused},

		{"MIME", []driver.OpKind{driver.OpDocument}, doc(func(d *driver.Document) { d.MIME = "text/html" }), driver.ErrRejected, driver.ReasonMIMERefused},
		{"document too large", []driver.OpKind{driver.OpDocument}, info(driver.OpDocument, func(o *driver.OpInfo) { o.MaxBytes = 3 }), driver.ErrRejected, driver.ReasonTooLarge},
		{"a form without a category", []driver.OpKind{driver.OpDocument}, doc(func(d *driver.Document) { d.About = driver.FormDocument }), driver.ErrRejected, driver.ReasonInvalid},
		{"unknown document kind", []driver.OpKind{driver.OpDocument}, doc(func(d *driver.Document) { d.About = "x" }), driver.ErrRejected, driver.ReasonInvalid},
		{"fewer bytes than Size", []driver.OpKind{driver.OpDocument}, doc(func(d *driver.Document) { d.Size++ }), driver.ErrRejected, driver.ReasonInvalid},
		{"more bytes than Size", []driver.OpKind{driver.OpDocument}, doc(func(d *driver.Document) { d.Size-- }), driver.ErrRejected, driver.ReasonInvalid},
		{"another hash", []driver.OpKind{driver.OpDocument}, doc(func(d *driver.Document) { d.SHA256 = strings.Repeat("0", 64) }), driver.ErrRejected, driver.ReasonInvalid},
		{"no bytes", []driver.OpKind{driver.OpDocument}, doc(func(d *driver.Document) { d.Open = nil }), driver.ErrRejected, driver.ReasonInvalid},
		{"bytes that do not open", []driver.OpKind{driver.OpDocument}, doc(func(d *driver.Document) {
			d.Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("disk") }
		}), driver.ErrUnavailable, driver.ReasonNone},
		{"bytes that break off", []driver.OpKind{driver.OpDocument}, doc(func(d *driver.Document) {
			d.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(brokenReader{}), nil }
		}), driver.ErrUnavailable, driver.ReasonNone},

		{"no amount", []driver.OpKind{driver.OpPayment}, pay(func(o *driver.Payment) { o.Amount.Minor = 0 }), driver.ErrRejected, driver.ReasonAmountInvalid},
		{"a negative amount", []driver.OpKind{driver.OpPayment}, pay(func(o *driver.Payment) { o.Amount.Minor = -1 }), driver.ErrRejected, driver.ReasonAmountInvalid},
		{"another currency", []driver.OpKind{driver.OpPayment}, pay(func(o *driver.Payment) { o.Amount.Currency = "CAD" }), driver.ErrRejected, driver.ReasonAmountInvalid},
		{"no date", []driver.OpKind{driver.OpPayment}, pay(func(o *driver.Payment) { o.PostedOn = driver.Date{} }), driver.ErrRejected, driver.ReasonInvalid},
		{"adjustment of nothing", []driver.OpKind{driver.OpAdjustment}, adjust(func(o *driver.Adjustment) { o.Amount.Minor = 0 }), driver.ErrRejected, driver.ReasonAmountInvalid},
		{"a negative adjustment", []driver.OpKind{driver.OpAdjustment}, adjust(func(o *driver.Adjustment) { o.Amount.Minor = -1 }), driver.ErrRejected, driver.ReasonAmountInvalid},
		{"an adjustment without a date", []driver.OpKind{driver.OpAdjustment}, adjust(func(o *driver.Adjustment) { o.PostedOn = driver.Date{} }), driver.ErrRejected, driver.ReasonInvalid},
		{"closed period", []driver.OpKind{driver.OpPayment, driver.OpRefund, driver.OpAdjustment}, func(p *practice, _ driver.Op) { p.SetLockDate(driver.DateOf(noon)) }, driver.ErrRejected, driver.ReasonPeriodClosed},
		{"refund of nothing", []driver.OpKind{driver.OpRefund}, refund(func(o *driver.Refund) { o.Of = missing }), driver.ErrRejected, driver.ReasonPaymentMissing},
		{"refund of another payment", []driver.OpKind{driver.OpRefund}, refund(func(o *driver.Refund) { o.OfRef = refOf(99999) }), driver.ErrRejected, driver.ReasonPaymentMissing},
		{"refund of more than was paid", []driver.OpKind{driver.OpRefund}, refund(func(o *driver.Refund) { o.Amount.Minor = 5001 }), driver.ErrRejected, driver.ReasonAmountInvalid},

		{"unknown appointment", []driver.OpKind{driver.OpStatus}, func(_ *practice, op driver.Op) { op.(*driver.StatusChange).Appointment = missing }, driver.ErrRejected, driver.ReasonAppointmentMissing},
		{"completed appointment", []driver.OpKind{driver.OpStatus}, func(p *practice, _ driver.Op) {
			require.NoError(p.t, p.SetState(p.appointment, driver.AppointmentCompleted))
		}, driver.ErrRejected, driver.ReasonAppointmentClosed},
		{"cancelled appointment", []driver.OpKind{driver.OpStatus}, func(p *practice, _ driver.Op) {
			require.NoError(p.t, p.SetState(p.appointment, driver.AppointmentCancelled))
		}, driver.ErrRejected, driver.ReasonAppointmentClosed},
		{"another patient's appointment", []driver.OpKind{driver.OpStatus}, func(p *practice, op driver.Op) {
			op.Head().Patient = p.AddPatient(driver.Patient{})
		}, driver.ErrConflict, driver.ReasonNone},
		{"a status that moved", []driver.OpKind{driver.OpStatus}, func(p *practice, _ driver.Op) {
			require.NoError(p.t, p.SetStatus(p.appointment, texted))
		}, driver.ErrConflict, driver.ReasonNone},
		{"a prior that is not ours", all, head(func(h *driver.Header) { h.Prior = &driver.Receipt{ID: "not-77"} }), driver.ErrRejected, driver.ReasonInvalid},
	}
	for _, c := range cases {
		for _, kind := range c.kinds {
			t.Run(name(kind, " ", c.name), func(t *testing.T) {
				t.Parallel()
				p := newPractice(t, memdriver.Config{})
				op := p.ops()[kind]
				c.edit(p, op)
				before, was := p.Counts(), p.Appointments()
				receipt, err := driver.Write(t.Context(), p.conn, op)
				require.Equal(t, c.kind, driver.WriteError(err).Kind)
				require.Equal(t, c.reason, driver.WriteError(err).Reason)
				require.Zero(t, receipt)
				require.Equal(t, before, p.Counts())
				require.Equal(t, was, p.Appointments())
			})
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("disk") }

func TestAProviderIsNotCheckedWhereItIsNotRecorded(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	op := p.status(unconfirmed, confirmed)
	op.Provider = oldDoctor
	p.write(op)
	require.Empty(t, p.StatusWrites()[0].Provider)
}

func TestAStatusThatIsThereIsSuccessWithoutAWrite(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	require.NoError(t, p.SetStatus(p.appointment, confirmed))
	require.NoError(t, p.SetState(p.appointment, driver.AppointmentCompleted))
	require.True(t, p.write(p.status(unconfirmed, confirmed)).Existed)
	require.Empty(t, p.StatusWrites())
}

func TestAStatusIsLimitedToTheSite(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	require.NoError(t, p.EditAppointment(p.appointment, func(a *driver.Appointment) { a.Site = "north" }))
	_, err := driver.Write(t.Context(), p.connect(driver.Env{Site: "south"}), p.status(unconfirmed, confirmed))
	require.ErrorIs(t, err, driver.ReasonAppointmentMissing)
	_, err = driver.Write(t.Context(), p.connect(driver.Env{Site: "north"}), p.status(unconfirmed, confirmed))
	require.NoError(t, err)
}

func TestRefundsAreBoundedByWhatIsLeftOfThePayment(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	paid := p.payment(5000)
	receipt := p.write(paid)
	p.write(p.refund(receipt, paid.Ref, 2000))
	p.AddStaffRefund(memdriver.Refund{Of: receipt.ID, Amount: driver.USD(1000)})

	_, err := driver.Write(t.Context(), p.conn, p.refund(receipt, paid.Ref, 2001))
	require.ErrorIs(t, err, driver.ReasonNotRefundable)
	p.write(p.refund(driver.Receipt{}, paid.Ref, 2000))
	require.Equal(t, receipt.ID, p.Refunds()[2].Of, "a payment without an id is found by its Ref")
}

func TestAnAdjustmentNeedsNoPayment(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	p.write(p.adjustment(driver.Receipt{}, "", 269))
	p.write(p.adjustment(driver.Receipt{ID: missing}, refOf(99999), 269))
	require.Len(t, p.Adjustments(), 2)
	require.Empty(t, p.Payments())
}

func TestDocumentsBeyondTheCapKeepSizeAndHashOnly(t *testing.T) {
	t.Parallel()
	for keep, kept := range map[int64]bool{0: true, 8: true, 7: false, -1: false} {
		p := newPractice(t, memdriver.Config{KeepBytes: keep})
		doc := p.document("%PDF-1.7")
		p.write(doc)
		got := p.Documents()[0]
		require.Equal(t, kept, got.Bytes() != nil, keep)
		require.Equal(t, doc.SHA256, got.SHA256)
		require.Equal(t, int64(8), got.Size)
	}
}

func TestCopiesOfRowsAreTheTestsOwn(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	p.write(p.document("%PDF-1.7"))
	p.Documents()[0].Bytes()[0] = 'x'
	rows := p.Documents()
	rows[0].Folder = "changed"
	require.Equal(t, []byte("%PDF-1.7"), p.Documents()[0].Bytes())
	require.Equal(t, insuranceFolder, p.Documents()[0].Folder)
}
