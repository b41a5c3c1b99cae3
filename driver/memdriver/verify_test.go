package memdriver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestVerifyGivesTheReceiptThatWriteGaveAndChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	for kind, op := range p.ops() {
		verdict, receipt, err := driver.Verify(t.Context(), p.conn, op)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictAbsent, verdict, kind)
		require.Zero(t, receipt)

		want := p.write(op)
		before := p.Counts()
		verdict, receipt, err = driver.Verify(t.Context(), p.connect(driver.Env{}), op)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictApplied, verdict, kind)
		require.Equal(t, want, receipt)
		require.Equal(t, before, p.Counts())
	}
}

func TestStaffsSimilarRecordIsNotOurs(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	note, pay, doc, offset := p.note(), p.payment(100), p.document("%PDF-1.7"), p.adjustment(driver.Receipt{}, "", 100)
	p.AddStaffNote(memdriver.Note{Row: memdriver.Row{Patient: p.patient}, About: note.About, Type: note.Type, At: note.At, Body: note.Body})
	p.AddStaffPayment(memdriver.Payment{Row: memdriver.Row{Patient: p.patient}, Type: pay.Type, Amount: pay.Amount, PostedOn: pay.PostedOn})
	p.AddStaffDocument(memdriver.Document{Row: memdriver.Row{Patient: p.patient}, Folder: doc.Folder, Title: doc.Title}, []byte("%PDF-1.7"))
	p.AddStaffAdjustment(memdriver.Adjustment{Row: memdriver.Row{Patient: p.patient}, Type: offset.Type, Amount: offset.Amount, PostedOn: offset.PostedOn})
	for _, op := range []driver.Op{note, pay, doc, offset} {
		verdict, _, err := driver.Verify(t.Context(), p.conn, op)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictAbsent, verdict)
	}
}

func TestAbsentIsNotSaidBeforeVerifyAfter(t *testing.T) {
	t.Parallel()
	clk := newClock()
	p := newPractice(t, memdriver.Config{Now: clk.Now, VerifyAfter: time.Minute, Skew: time.Hour})
	ops := p.ops()
	for _, op := range ops {
		op.Head().FirstSent, op.Head().LastSent = noon.Add(-time.Hour), noon
	}
	ops[driver.OpNote].Head().LastSent = time.Time{}
	ops[driver.OpNote].Head().FirstSent = noon
	for _, step := range []struct {
		wait time.Duration
		want driver.Verdict
	}{{0, driver.VerdictUnknown}, {time.Minute - 1, driver.VerdictUnknown}, {1, driver.VerdictAbsent}} {
		clk.Advance(step.wait)
		for kind, op := range ops {
			verdict, _, err := driver.Verify(t.Context(), p.conn, op)
			require.NoError(t, err)
			require.Equal(t, step.want, verdict, kind)
		}
	}
}

func TestAStatusIsVerifiedByWhatTheAppointmentHas(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	op := p.status(unconfirmed, confirmed)
	require.NoError(t, p.SetStatus(p.appointment, confirmed))
	verdict, receipt, err := driver.Verify(t.Context(), p.conn, op)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictApplied, verdict)
	require.True(t, receipt.Existed)

	require.NoError(t, p.SetStatus(p.appointment, unconfirmed))
	p.write(op)
	require.NoError(t, p.SetStatus(p.appointment, texted))
	verdict, _, err = driver.Verify(t.Context(), p.conn, op)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictApplied, verdict, "ours happened, and staff moved on")
}
