package writeback

import (
	"io"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Text wraps text that may hold patient data; see [driver.Text].
func Text(s string) driver.Text { return driver.NewText(s) }

// Patient names a patient. Make one with [PatientID], [HostPatient],
// [PatientNamed] or [PatientPhone]; a payment should carry the name and birth
// date besides an id.
type Patient struct {
	// ID is the PMS's patient id.
	ID string
	// HostID is the host's own id; it counts once an Assign has linked it.
	HostID string
	// First, Last and Birth identify a person by name and date of birth.
	First, Last driver.Text
	Birth       driver.BirthDate
	// Phone proposes candidates and never decides by itself.
	Phone driver.Text
}

// PatientID names a patient by the PMS's id.
func PatientID(id string) Patient { return Patient{ID: id} }

// HostPatient names a patient by the host's own id.
func HostPatient(id string) Patient { return Patient{HostID: id} }

// PatientNamed names a patient by name and date of birth.
func PatientNamed(first, last string, birth driver.Date) Patient {
	return Patient{First: Text(first), Last: Text(last), Birth: driver.NewBirthDate(birth)}
}

// PatientPhone names a patient by phone number only: such an item waits until
// somebody assigns the patient.
func PatientPhone(number string) Patient { return Patient{Phone: Text(number)} }

func (p Patient) isZero() bool {
	return p.ID == "" && p.HostID == "" && p.First.IsEmpty() && p.Last.IsEmpty() && p.Birth.IsZero() && p.Phone.IsEmpty()
}

func (p Patient) named() bool {
	return !p.First.IsEmpty() && !p.Last.IsEmpty() && !p.Birth.IsZero()
}

// Note is a note for a patient's record.
type Note struct {
	// Key is the host's id of the event, unique in the practice: at most 200
	// characters. The same key with the same content is the same item.
	Key     string
	Kind    driver.NoteKind
	Patient Patient
	// At is when it happened. Required.
	At time.Time
	// Subject is an e-mail's subject or a task's title. Optional.
	Subject driver.Text
	// Body is the text, plain. Required, except that a call may have none.
	Body driver.Text
	// HTML is the text as HTML, of an e-mail or a patient, task or insurance
	// verification note, instead of Body: at most 1 MiB, in UTF-8. It is made
	// plain at the submit, and only the plain text is kept: paragraphs, lists and
	// the rows of tables stay apart, links show their target, what is hidden is
	// left out. The same HTML is the same content.
	HTML driver.Text
	// Number is the other party's phone number; User is who handled it in the
	// host; Result is how a call ended. Optional.
	Number driver.Text
	User   string
	Result string
	// Duration is a call's length. Optional.
	Duration time.Duration
	// Attachments are names of files that came with an e-mail. Optional.
	Attachments []driver.Text
	// Verified says that the insurance was found in force: a PMS that keeps the
	// day of the last verification gets it beside the note, if the patient has one
	// coverage only. For an insurance verification note. Optional.
	Verified bool
}

// Document is a document for a patient's record.
type Document struct {
	// Key is as in Note.
	Key     string
	Kind    driver.DocumentKind // InsuranceVerification or AccountStatement
	Patient Patient
	// At is the document's date. Required.
	At    time.Time
	Title driver.Text
	// MIME is the type, such as "application/pdf". Required; what the content is
	// is compared with it. Case, parameters and common other names do not count.
	MIME string
	// Content is read once, to the end. Required. If it can be sought, its size is
	// looked at first. At most Config.MaxDocument bytes are taken, and what the
	// practice's PMS takes as far as that is known.
	Content io.Reader
}

// Form is an online form that a patient filled in, rendered as a file.
type Form struct {
	// Key is as in Note.
	Key      string
	Category driver.FormCategory
	// Type is the host's own form type; one with a folder in the settings goes
	// there, others to their category's folder. Optional.
	Type    string
	Patient Patient
	// At is when the form was submitted. Required.
	At    time.Time
	Title driver.Text
	// MIME and Content are as in Document.
	MIME    string
	Content io.Reader
}

// AppointmentStatus sets an appointment's confirmation.
type AppointmentStatus struct {
	// Key is as in Note.
	Key string
	// Appointment is the PMS's id.
	Appointment string
	// Confirmed says what it became in the host: confirmed or unconfirmed.
	Confirmed bool
	// Basis is the token of the inbound event on which the decision was based.
	// Without one the status found at the time of writing is the basis.
	Basis string
}

// Payment is money that was received. Nothing is charged.
type Payment struct {
	// Key is as in Note.
	Key     string
	Channel driver.PaymentChannel
	// Patient must have name and birth date for a payment that is to post by
	// itself.
	Patient Patient
	// Amount is more than zero, without the fee.
	Amount driver.Money
	// Fee is the surcharge that the practice collected on top; zero for none. The
	// settings at the submit say whether it posts on its own, and whether an
	// adjustment offsets it then.
	Fee driver.Money
	// Total is what was paid in all. Optional; when it is given it must be Amount
	// and Fee together. It makes no other content.
	Total driver.Money
	// At is when it was paid; the day in the practice's zone is the posting
	// date. Required.
	At time.Time
	// Memo is a short text for the ledger. Optional.
	Memo driver.Text
	// Charges say which of the patient's charges in the PMS the amount pays, and
	// with how much each: all of Amount, or they count for nothing. Nor do they
	// where the fee posts together with the payment, or the PMS does not take them
	// (driver.OpInfo.Charges). Optional; nil leaves it to the PMS.
	Charges []driver.Charge
}

// Refund is money that was given back.
type Refund struct {
	// Key is as in Note.
	Key string
	// Payment is the Key of the payment.
	Payment string
	// Amount is more than zero and at most what was paid, refunds before it
	// included. A fee that was posted on its own is not part of it.
	Amount driver.Money
	// At is when it was given back. Required.
	At   time.Time
	Memo driver.Text
}
