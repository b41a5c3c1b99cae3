package driver

import (
	"context"
	"fmt"
	"io"
	"time"
)

// OpKind names an operation.
type OpKind string

// The operations.
const (
	OpNote       OpKind = "note"
	OpDocument   OpKind = "document"
	OpStatus     OpKind = "status"
	OpPayment    OpKind = "payment"
	OpRefund     OpKind = "refund"
	OpAdjustment OpKind = "adjustment"
)

// OpKinds returns all operations.
func OpKinds() []OpKind {
	return []OpKind{OpNote, OpDocument, OpStatus, OpPayment, OpRefund, OpAdjustment}
}

// Op is a write: *Note, *Document, *StatusChange, *Payment, *Refund or
// *Adjustment. The set is sealed, so that a driver's type switch can be complete.
type Op interface {
	// Kind names the operation.
	Kind() OpKind
	// Head gives what all operations share.
	Head() *Header

	sealed()
}

// RefLen is the length of a [Header].Ref.
const RefLen = 16

// Header is what all operations share.
type Header struct {
	// Ref names this write and no other: RefLen characters from A-Z and 2-7,
	// derived from the practice, the host's key and the leg. A driver stores it
	// where the PMS has room (a note's last line, a description, a check
	// number), because that is how Verify finds the write again.
	Ref string
	// Patient is the PMS's id of the patient. Never empty.
	Patient string
	// Provider is the PMS's id of the provider to whom the write is attributed
	// as far as the PMS allows; Info says per operation whether it does.
	Provider string
	// FirstSent and LastSent say when this operation was first and last given
	// to Write, by the host's clock; zero before that. The host's clock and the
	// PMS's may differ.
	FirstSent, LastSent time.Time
	// Prior is the receipt that came with ErrIncomplete: what it names exists,
	// and Write only does the rest. Nil otherwise.
	Prior *Receipt
}

// Head implements [Op] for every operation that embeds a Header.
func (h *Header) Head() *Header { return h }

func (h *Header) sealed() {}

// Note is a text for the patient's record.
type Note struct {
	Header
	// About says what the note is about; a driver maps it to the PMS's own
	// fields (mode and direction, for instance).
	About NoteKind
	// Type is an option id of NoteTypes; empty if the PMS has none.
	Type string
	// At is when what the note tells of happened.
	At time.Time
	// Body is the finished text, lines separated by "\n", within the limits of
	// Info and free of characters the PMS cannot store. Its last line ends with
	// Ref already; a driver writes it as it is.
	Body Text
	// Part and Parts number the parts of a split note from 1; both are 1 for a
	// whole one.
	Part, Parts int
	// Verified is set on the last part of a note about a verification that found
	// the patient's insurance in force. A PMS that keeps when insurance was last
	// verified gets the day of At, beside the note and never an earlier day than it
	// has; where it is not clear which coverage is meant, nothing.
	Verified bool
}

// Kind returns OpNote.
func (*Note) Kind() OpKind { return OpNote }

// Document is a file for the patient's record.
type Document struct {
	Header
	// About says what the document is.
	About DocumentKind
	// Category is set when About is FormDocument.
	Category FormCategory
	// FormType is the host's own name of the form type, or empty.
	FormType string
	// Folder is an option id of DocumentFolders.
	Folder string
	// Title is what staff see. A driver adds Ref to it where the PMS has no
	// better room, and shortens the title, never the Ref.
	Title Text
	// At is the document's date.
	At time.Time
	// MIME is the content's type, checked against Info.
	MIME string
	// Size is the number of bytes that Open gives.
	Size int64
	// SHA256 is the hash of these bytes, hexadecimal.
	SHA256 string
	// Open gives the bytes from the start. It may be called again; the caller
	// closes what it gets. Reading fails once ctx ends.
	//
	// When Open or a Read fails, Write is ErrUnavailable: it may go well another
	// time. Bytes that come whole and are not Size or do not have SHA256 are
	// ErrRejected with ReasonInvalid: they were stored so, and sending them again
	// without end helps nobody. Either way there is no effect.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// Kind returns OpDocument.
func (*Document) Kind() OpKind { return OpDocument }

// StatusChange sets an appointment's confirmation status.
type StatusChange struct {
	Header
	// Appointment is the PMS's id. One that is another patient's by now than
	// Header.Patient has moved since the decision: Write fails with ErrConflict and
	// changes nothing, whatever its status.
	Appointment string
	// From is the status on which the decision was based. When the appointment
	// has another one than From or To, Write fails with ErrConflict and changes
	// nothing.
	From string
	// To is the wanted status, an option id of AppointmentStatuses. An
	// appointment that has it already is success without a write (Receipt.Existed),
	// whatever has become of the visit since: an earlier sending may have set it.
	To string
}

// Kind returns OpStatus.
func (*StatusChange) Kind() OpKind { return OpStatus }

// Payment records money received. Nothing is charged.
type Payment struct {
	Header
	// Type is an option id of PaymentTypes.
	Type string
	// Amount is more than zero.
	Amount Money
	// PostedOn is the posting date in the practice's zone.
	PostedOn Date
	// Memo is a short text for the ledger; a driver may shorten it.
	Memo Text
	// Fee is set when this is the surcharge leg of another payment.
	Fee bool
	// Charges say which charges of the patient the payment pays, and with how much
	// each; nil leaves that to the PMS. Where OpInfo.Charges is not set, their sum
	// is not Amount, or one is not the patient's, a driver leaves it to the PMS as
	// well: money that was received is neither refused nor cut for it.
	Charges []Charge
}

// Charge is a part of a payment that pays one charge.
type Charge struct {
	// ID is the PMS's id of the charge: of a completed procedure.
	ID string `json:"id"`
	// Amount is more than zero.
	Amount Money `json:"amount"`
}

// Kind returns OpPayment.
func (*Payment) Kind() OpKind { return OpPayment }

// Refund records money given back for an earlier payment.
type Refund struct {
	Header
	// Of is the receipt id of the payment that is refunded.
	Of string
	// OfRef is that payment's Ref.
	OfRef string
	// OfAmount is what that payment was.
	OfAmount Money
	// Type is an option id of PaymentTypes or AdjustmentTypes, as Info says.
	Type string
	// Amount is more than zero and at most OfAmount.
	Amount Money
	// PostedOn is the posting date in the practice's zone.
	PostedOn Date
	// Memo is a short text for the ledger.
	Memo Text
}

// Kind returns OpRefund.
func (*Refund) Kind() OpKind { return OpRefund }

// Adjustment raises what a patient owes. It offsets a fee that was posted as a
// payment of its own: where the ledger has no charge for the fee, its payment
// would show as credit. A PMS that can only lower a balance does not support it.
type Adjustment struct {
	Header
	// Type is an option id of AdjustmentTypes that raises what is owed; see
	// Option.Lowers.
	Type string
	// Amount is more than zero: by so much more is owed afterwards.
	Amount Money
	// PostedOn is the posting date in the practice's zone.
	PostedOn Date
	// Memo is a short text for the ledger; a driver may shorten it.
	Memo Text
	// Of is the receipt id of the payment that is offset, and OfRef that payment's
	// Ref. Both may be empty. A driver may link the two or name the payment; it
	// does not refuse the adjustment for want of it.
	Of, OfRef string
}

// Kind returns OpAdjustment.
func (*Adjustment) Kind() OpKind { return OpAdjustment }

// Receipt is what the PMS gave for a write.
type Receipt struct {
	// ID is the PMS's id of what was written. It may be empty where the PMS
	// gives none; Verify still finds the write by its Ref.
	ID string `json:"id,omitempty"`
	// At is when the PMS stored it by its own clock, zero when it does not say.
	At time.Time `json:"at,omitzero"`
	// Existed is set when nothing was written because the effect was there.
	Existed bool `json:"existed,omitempty"`
	// State is the driver's own memory of an incomplete write, given back in
	// Header.Prior. Opaque; it never holds patient data.
	State string `json:"state,omitempty"`
}

// Verdict is what [Verifier] found.
type Verdict int

// The verdicts. The zero value is VerdictUnknown, so that a verdict nobody gave
// never allows a second write.
const (
	// VerdictUnknown means that the PMS cannot tell, or cannot tell yet.
	VerdictUnknown Verdict = iota
	// VerdictApplied means that the effect is in the PMS.
	VerdictApplied
	// VerdictAbsent means that the effect is not in the PMS and that no earlier
	// request can still cause it.
	VerdictAbsent
)

// String returns "unknown", "applied" or "absent".
func (v Verdict) String() string {
	switch v {
	case VerdictUnknown:
		return "unknown"
	case VerdictApplied:
		return "applied"
	case VerdictAbsent:
		return "absent"
	}
	return fmt.Sprintf("verdict(%d)", int(v))
}
