package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

func somebody(id string) driver.Patient {
	return driver.Patient{
		ID: id, FirstName: driver.NewText("Ada"), LastName: driver.NewText("Lovelace"), State: driver.PatientActive,
		BirthDate: driver.NewBirthDate(driver.Date{Year: 1985, Month: time.December, Day: 10}),
	}
}

// ledger is an emulated practice that the tests write to by its API, past the
// engine, and a journal that says what the host submitted.
type ledger struct {
	t       *testing.T
	office  *practice
	journal *journal
	doc     settings.Document
	patient int64
	visit   int64
}

const confirmedStatus, unconfirmedStatus = 21, 19

func newLedger(t *testing.T) *ledger {
	t.Helper()
	dir := t.TempDir()
	store, err := opendentaltest.SQLite(filepath.Join(dir, practiceFile))
	require.NoError(t, err)
	server, err := opendentaltest.NewServer(opendentaltest.Config{Store: store, AtoZ: filepath.Join(dir, imagesFolder)})
	require.NoError(t, err)
	l := &ledger{t: t, office: &practice{Server: server, store: store}, journal: openTestJournal(t, filepath.Join(dir, journalFile))}
	t.Cleanup(func() { _ = l.office.close() })
	ctx := t.Context()
	_, err = server.AddProvider(ctx, opendentaltest.Provider{Abbr: "DOC1", LName: "Albright", FName: "Brian"})
	require.NoError(t, err)
	p, err := server.AddPatient(ctx, opendentaltest.Patient{FName: "Ada", LName: "Lovelace"})
	require.NoError(t, err)
	a, err := server.AddAppointment(ctx, opendentaltest.Appointment{PatNum: p.PatNum, AptDateTime: server.Now().Add(48 * time.Hour)})
	require.NoError(t, err)
	l.patient, l.visit = p.PatNum, a.AptNum
	l.doc = settings.Default()
	l.doc.Statuses.ConfirmedTarget = settings.Ref{ID: strconv.Itoa(confirmedStatus)}
	l.doc.Statuses.UnconfirmedTarget = settings.Ref{ID: strconv.Itoa(unconfirmedStatus)}
	return l
}

// call makes a request to the practice's API.
func (l *ledger) call(method, path string, body map[string]any) map[string]any {
	l.t.Helper()
	data, err := json.Marshal(body)
	require.NoError(l.t, err)
	r, err := http.NewRequestWithContext(l.t.Context(), method, l.office.URL+path, bytes.NewReader(data))
	require.NoError(l.t, err)
	opendentaltest.SetHeaders(r, opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(l.t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(l.t, err)
	require.Less(l.t, resp.StatusCode, 300, "%s", answer)
	out := map[string]any{}
	if len(answer) > 0 {
		require.NoError(l.t, json.Unmarshal(answer, &out))
	}
	return out
}

// post puts an event's content into the PMS, as a driver would.
func (l *ledger) post(e event) {
	l.t.Helper()
	switch e.Kind {
	case writeback.KindNote:
		body := e.note().Body.Reveal()
		for len(body) > 0 { // in parts, as the engine does
			part := body[:min(len(body), 60_000)]
			body = body[len(part):]
			l.call("POST", "/commlogs", map[string]any{"PatNum": l.patient, "Note": part})
		}
	case writeback.KindDocument, writeback.KindForm:
		l.call("POST", "/documents/Upload", map[string]any{
			"PatNum": l.patient, "extension": ".pdf", "rawBase64": base64.StdEncoding.EncodeToString(e.file()),
		})
	case writeback.KindStatus:
		status, back := confirmedStatus, unconfirmedStatus
		if e.About == aboutUnconfirmed {
			status, back = back, status
		}
		// Staff set it back, so that a second time is a change as well.
		require.NoError(l.t, l.office.SetConfirmed(l.t.Context(), l.visit, int64(back)))
		l.call("PUT", "/appointments/"+number(l.visit)+"/Confirm", map[string]any{"defNum": status})
	case writeback.KindPayment:
		for _, cents := range []int64{e.Amount, e.Fee} {
			if cents > 0 {
				l.call("POST", "/payments", map[string]any{"PatNum": l.patient, "PayAmt": driver.USD(cents).Decimal(), "PayNote": "Invoice " + e.Marker})
			}
		}
	case writeback.KindRefund:
		payments, err := l.office.Payments(l.t.Context())
		require.NoError(l.t, err)
		for _, p := range payments {
			if p.PayAmt*100 == float64(e.Amount) {
				l.call("POST", "/payments/Refund", map[string]any{"PayNum": p.PayNum})
			}
		}
	}
}

func (l *ledger) judge(state writeback.State, reason driver.Reason) verdict {
	l.t.Helper()
	found, err := l.office.stands(l.t.Context())
	require.NoError(l.t, err)
	v, err := judge(l.journal, found, l.doc, func(string) (writeback.Item, error) {
		if state == "" {
			return writeback.Item{}, writeback.ErrNotFound
		}
		return writeback.Item{State: state, Reason: reason}, nil
	})
	require.NoError(l.t, err)
	return v
}

// eventsOfEachKind are events of one patient, a note in several parts and a
// payment with its fee among them.
func (l *ledger) eventsOfEachKind() map[string]event {
	e := func(n int, kind writeback.ItemKind, about string) event {
		return event{
			Key: "abcdef-" + strconv.Itoa(n), Marker: "QS-abcdef-0000000" + strconv.Itoa(n), Kind: kind, About: about,
			Patient: number(l.patient), At: time.Now(),
		}
	}
	note, long := e(1, writeback.KindNote, "patient_note"), e(2, writeback.KindNote, "incoming_call_transcript")
	long.Long = true
	document, form := e(3, writeback.KindDocument, "account_statement"), e(4, writeback.KindForm, "informed_consent")
	status := e(5, writeback.KindStatus, aboutConfirmed)
	status.Appointment = number(l.visit)
	payment, fee := e(6, writeback.KindPayment, "online"), e(7, writeback.KindPayment, "in_office")
	payment.Amount, fee.Amount, fee.Fee = 1_525, 1_650, 44
	refund := e(8, writeback.KindRefund, "")
	refund.Payment, refund.Amount = payment.Key, payment.Amount
	return map[string]event{
		"note": note, "long note": long, "document": document, "form": form, "status": status,
		"payment": payment, "payment with fee": fee, "refund": refund,
	}
}

func TestEachKindIsCountedByItsContent(t *testing.T) {
	t.Parallel()
	for name := range newLedger(t).eventsOfEachKind() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			events := l.eventsOfEachKind()
			e := events[name]
			if e.Kind == writeback.KindRefund {
				l.post(events["payment"])
			}
			require.NoError(t, l.journal.submit(e))
			require.NoError(t, l.journal.ack(e.Key))

			v := l.judge(writeback.Written, "")
			require.Equal(t, 1, v.lost, "a loss that its item calls written is found")
			require.Zero(t, v.duplicates)
			require.Zero(t, v.written[e.Kind])
			require.Equal(t, 1, l.judge("", "").lost, "an acknowledged event without an item is found")
			require.Zero(t, l.judge(writeback.Held, "provider_inactive").lost, "what waits with a reason is not lost")
			require.Equal(t, 1, l.judge(writeback.Held, "").lost, "what waits without a reason is")
			require.Zero(t, l.judge(writeback.Queued, "").lost)

			l.post(e)
			v = l.judge(writeback.Written, "")
			require.Zero(t, v.lost, "%v", v.details)
			require.Zero(t, v.duplicates, "%v", v.details)
			require.Equal(t, 1, v.written[e.Kind])

			if e.Kind == writeback.KindRefund {
				// The API refuses a second refund of a payment that was refunded by
				// itself, so that the row is planted.
				l.plant("INSERT INTO payment (PayType, PayDate, SecDateTEdit, PayAmt, PatNum) VALUES (69, '2026-01-02', '2026-01-02 10:00:00', ?, ?)",
					-float64(e.Amount)/100, l.patient)
			} else {
				l.post(e)
			}
			require.Positive(t, l.judge(writeback.Written, "").duplicates, "a duplicate is found")
		})
	}
}

func (l *ledger) plant(query string, args ...any) {
	l.t.Helper()
	_, err := l.office.DB().ExecContext(context.WithoutCancel(l.t.Context()), query, args...)
	require.NoError(l.t, err)
}

func TestHalfAContentIsALoss(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	events := l.eventsOfEachKind()
	for _, name := range []string{"payment with fee", "long note"} {
		e := events[name]
		require.NoError(t, l.journal.submit(e))
		require.NoError(t, l.journal.ack(e.Key))
		l.post(e)
	}
	require.Zero(t, l.judge(writeback.Written, "").lost)
	l.plant("DELETE FROM payment WHERE PayAmt < 1")
	l.plant("DELETE FROM commlog WHERE Note LIKE '%' || ?", events["long note"].endMarker())
	require.Equal(t, 2, l.judge(writeback.Written, "").lost)
}

func TestAContentInAnotherPatientsRecordIsALoss(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	e := l.eventsOfEachKind()["note"]
	require.NoError(t, l.journal.submit(e))
	require.NoError(t, l.journal.ack(e.Key))
	other, err := l.office.AddPatient(t.Context(), opendentaltest.Patient{FName: "Grace", LName: "Hopper"})
	require.NoError(t, err)
	l.call("POST", "/commlogs", map[string]any{"PatNum": other.PatNum, "Note": e.note().Body.Reveal()})
	require.Equal(t, 1, l.judge(writeback.Written, "").lost)
}

func TestAStatusThatStoodAlreadyIsNoLossButOnlyTheLastOne(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	confirm := l.eventsOfEachKind()["status"]
	unconfirm := confirm
	unconfirm.Key, unconfirm.About = "abcdef-9", aboutUnconfirmed
	for _, e := range []event{confirm, unconfirm} {
		require.NoError(t, l.journal.submit(e))
		require.NoError(t, l.journal.ack(e.Key))
	}
	// The appointment is unconfirmed from the start, so the last one stands. The
	// one before it was never set, and an item that says so is wrong.
	v := l.judge(writeback.Written, "")
	require.Equal(t, 1, v.lost)
	require.Contains(t, v.details[0], confirm.Key)
	require.Zero(t, l.judge(writeback.Superseded, "").lost)
}

func TestAnEventThatNobodyAcknowledgedIsNotLost(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	require.NoError(t, l.journal.submit(l.eventsOfEachKind()["note"]))
	require.Zero(t, l.judge("", "").lost)
}

func TestARunIsGoodOnlyWithSomethingOfEachKind(t *testing.T) {
	t.Parallel()
	fresh := func() summary {
		zero := 0
		s := summary{Written: map[writeback.ItemKind]int{}, Received: map[driver.Feed]int{}, Duplicates: &zero, Lost: &zero}
		for _, kind := range writeback.ItemKinds() {
			s.Written[kind] = 1
		}
		for _, feed := range driver.Feeds() {
			s.Received[feed] = 1
		}
		return s
	}
	good := fresh()
	good.judgeRun(nil)
	require.True(t, good.ok(), "%v", good.Problems)
	one := 1
	for words, spoil := range map[string]func(*summary){
		"more than once":                 func(s *summary) { s.Duplicates = &one },
		"neither in the PMS":             func(s *summary) { s.Lost = &one },
		"no refund was written":          func(s *summary) { s.Written[writeback.KindRefund] = 0 },
		"nothing was received of photos": func(s *summary) { s.Received[driver.PhotoFeed] = 0 },
	} {
		s := fresh()
		spoil(&s)
		s.judgeRun(nil)
		require.Len(t, s.Problems, 1)
		require.Contains(t, s.Problems[0], words)
	}
}
