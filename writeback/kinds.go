package writeback

import "slices"

// ItemKind says what an item carries.
type ItemKind string

// The item kinds.
const (
	KindNote     ItemKind = "note"
	KindDocument ItemKind = "document"
	KindForm     ItemKind = "form"
	KindStatus   ItemKind = "status"
	KindPayment  ItemKind = "payment"
	KindRefund   ItemKind = "refund"
)

// ItemKinds returns all item kinds.
func ItemKinds() []ItemKind {
	return []ItemKind{KindNote, KindDocument, KindForm, KindStatus, KindPayment, KindRefund}
}

// State is where an item stands.
type State string

// The states. See the state table for how one becomes another.
const (
	// Skipped: the settings say not to write it. The record answers "why is it
	// not there?".
	Skipped State = "skipped"
	// NeedsPatient: no PMS patient fits yet, or several do.
	NeedsPatient State = "needs_patient"
	// AwaitingTransfer: a payment that waits for a person to transfer it.
	AwaitingTransfer State = "awaiting_transfer"
	// Held: something must be mended first (Cause); it resumes by itself.
	Held State = "held"
	// Queued: to be written as soon as its turn comes.
	Queued State = "queued"
	// Writing: given to the PMS, no outcome yet.
	Writing State = "writing"
	// Uncertain: the PMS may or may not have it. It is looked for before
	// anything is sent again.
	Uncertain State = "uncertain"
	// PartiallyPosted: one leg is in the PMS, another is not.
	PartiallyPosted State = "partially_posted"
	// Written: it is in the PMS. Final.
	Written State = "written"
	// Failed: the PMS refused it. A person retries or dismisses it.
	Failed State = "failed"
	// Conflict: somebody in the practice changed the record first; theirs
	// stands.
	Conflict State = "conflict"
	// Superseded: a newer one took its place. Final.
	Superseded State = "superseded"
	// Expired: its time is over. Final.
	Expired State = "expired"
	// Dismissed: a person decided against it. Final.
	Dismissed State = "dismissed"
)

var states = []State{
	Skipped, NeedsPatient, AwaitingTransfer, Held, Queued, Writing, Uncertain,
	PartiallyPosted, Written, Failed, Conflict, Superseded, Expired, Dismissed,
}

// States returns all states.
func States() []State { return slices.Clone(states) }

// Final reports whether nothing leaves the state any more.
func (s State) Final() bool {
	return s == Written || s == Superseded || s == Expired || s == Dismissed
}
