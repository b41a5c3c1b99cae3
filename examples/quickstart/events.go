package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

// event is something that happened in the host application and belongs in the
// PMS. It is what the journal keeps, so it holds no patient data: the patient is
// named by id, and what the engine needs besides (a payer's name and birth date)
// is looked up when it is submitted.
//
// Everything that is submitted is made from these fields alone. That is what
// lets the host say the same thing again after a crash: same key, same content.
type event struct {
	// Key is the host's own id of the event, the idempotency key.
	Key  string             `json:"key"`
	Kind writeback.ItemKind `json:"kind"`
	// About is the note kind, the document kind, the form category, the payment
	// channel, or "confirmed" and "unconfirmed".
	About   string    `json:"about,omitempty"`
	Patient string    `json:"patient,omitempty"`
	At      time.Time `json:"at"`
	// Marker occurs in this event's content and in no other's.
	Marker string `json:"marker"`
	// Long makes a note longer than a PMS takes in one piece.
	Long bool `json:"long,omitempty"`
	// Appointment and Basis are a status's: the appointment, and the token of the
	// inbound event on which the host based its decision.
	Appointment string `json:"appointment,omitempty"`
	Basis       string `json:"basis,omitempty"`
	// Amount and Fee are in cents. No two payments have the same Amount.
	Amount int64 `json:"amount,omitempty"`
	Fee    int64 `json:"fee,omitempty"`
	// Payment is the key of the payment that a refund gives back.
	Payment string `json:"payment,omitempty"`
}

// submit gives an event to the engine. When it returns nil the event is durable:
// neither side may crash it away any more.
func (e event) submit(ctx context.Context, p *writeback.Practice, payer writeback.Patient) error {
	var err error
	switch e.Kind {
	case writeback.KindNote:
		_, err = p.WriteNote(ctx, e.note())
	case writeback.KindDocument:
		_, err = p.WriteDocument(ctx, writeback.Document{
			Key: e.Key, Kind: driver.DocumentKind(e.About), Patient: writeback.PatientID(e.Patient), At: e.At,
			Title: writeback.Text(sentence(e.About)), MIME: "application/pdf", Content: bytes.NewReader(e.file()),
		})
	case writeback.KindForm:
		_, err = p.SubmitForm(ctx, writeback.Form{
			Key: e.Key, Category: driver.FormCategory(e.About), Patient: writeback.PatientID(e.Patient), At: e.At,
			Title: writeback.Text(sentence(e.About)), MIME: "application/pdf", Content: bytes.NewReader(e.file()),
		})
	case writeback.KindStatus:
		_, err = p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{
			Key: e.Key, Appointment: e.Appointment, Confirmed: e.About == aboutConfirmed, Basis: e.Basis,
		})
	case writeback.KindPayment:
		// Money needs more than an id: it posts by itself only if exactly one
		// patient of the PMS has this name and date of birth.
		_, err = p.PostPayment(ctx, writeback.Payment{
			Key: e.Key, Channel: driver.PaymentChannel(e.About), Patient: payer, At: e.At,
			Amount: driver.USD(e.Amount), Fee: driver.USD(e.Fee), Memo: writeback.Text("Invoice " + e.Marker),
		})
	case writeback.KindRefund:
		_, err = p.Refund(ctx, writeback.Refund{
			Key: e.Key, Payment: e.Payment, Amount: driver.USD(e.Amount), At: e.At, Memo: writeback.Text("Refund " + e.Marker),
		})
	default:
		return fmt.Errorf("event %s: unknown kind %q", e.Key, e.Kind)
	}
	return err
}

const (
	aboutConfirmed   = "confirmed"
	aboutUnconfirmed = "unconfirmed"
)

// note is what each of the fourteen kinds of note looks like.
func (e event) note() writeback.Note {
	kind := driver.NoteKind(e.About)
	n := writeback.Note{Key: e.Key, Kind: kind, Patient: writeback.PatientID(e.Patient), At: e.At, User: "Dana"}
	body := ""
	switch kind {
	case driver.OutgoingCall, driver.IncomingCall:
		n.Number, n.Duration, n.Result = writeback.Text("(503) 555-0142"), 95*time.Second, "Answered"
		body = "Asked about Friday."
	case driver.MissedCall:
		n.Number, n.Result = writeback.Text("(503) 555-0142"), "No message"
		body = "Rang for 20 seconds."
	case driver.IncomingCallTranscript, driver.OutgoingCallTranscript:
		body = "Caller: Could I come a little later on Friday?\nDana: Half past three is free."
	case driver.IncomingCallSummary, driver.OutgoingCallSummary:
		body = "The patient would like to come later on Friday; half past three was offered."
	case driver.PatientNote:
		body = "Prefers the morning."
	case driver.TaskNote:
		n.Subject, body = writeback.Text("Call about the crown"), "Done."
	case driver.OutgoingSMS, driver.IncomingSMS:
		n.Number, body = writeback.Text("(503) 555-0142"), "See you on Friday at 3:30."
	case driver.OutgoingEmail, driver.IncomingEmail:
		n.Subject, body = writeback.Text("Your visit"), "Please find the form attached."
		n.Attachments = []driver.Text{writeback.Text("form.pdf")}
	case driver.InsuranceVerificationNote:
		body = "Coverage is active; the deductible is met."
	}
	body += "\nReference " + e.Marker
	if e.Long {
		// A PMS has a limit for one note. The engine writes as many as it takes,
		// each once; the mark at the far end shows whether the last came too.
		line := "\nCaller: And then there is one more thing that I meant to ask about."
		body += strings.Repeat(line, longNote/len(line)) + "\nEnd of " + e.endMarker()
	}
	n.Body = writeback.Text(body)
	return n
}

// longNote is more than Open Dental's 65,535 bytes.
const longNote = 80_000

func (e event) endMarker() string { return e.Marker + "z" }

// file is a small PDF that holds the event's marker.
func (e event) file() []byte {
	text := fmt.Sprintf("BT /F1 18 Tf 72 720 Td (%s, %s) Tj ET", sentence(e.About), e.Marker)
	var b bytes.Buffer
	var offsets []int
	object := func(body string) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(offsets), body)
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>")
	object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, table)
	return b.Bytes()
}

// sentence makes "Informed consent" of "informed_consent".
func sentence(name string) string {
	s := strings.ReplaceAll(name, "_", " ")
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
