package writeback

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Handlers are the host's functions that receive events. A feed whose handler
// is nil is not read.
//
// Delivery is at least once, in order per record: the position moves only after
// the handler returned nil. A handler gets at most 100 events and
// Config.HandlerTimeout, and should use an event's ID to recognise one that
// came again: the same ID is the same change. It may call any method of the
// engine. When it fails, the feed backs off and the same events come again;
// Health says "blocked by host". One that does not return when its time is over
// has failed too, and is not called again before it has returned; Run waits for
// it at the end.
type Handlers struct {
	// AppointmentStatuses receives changed confirmation statuses. The status of a
	// new appointment comes with it to Appointments, and here only when that feed
	// is not read.
	AppointmentStatuses func(ctx context.Context, practice string, events []AppointmentStatusEvent) error
	// Appointments receives created, moved, edited, cancelled and deleted
	// appointments.
	Appointments func(ctx context.Context, practice string, events []AppointmentEvent) error
	// NewPatients receives new patients.
	NewPatients func(ctx context.Context, practice string, events []PatientEvent) error
	// Photos receives new and changed profile photos, while the settings have
	// them on. That one was taken away is not told.
	Photos func(ctx context.Context, practice string, events []PhotoEvent) error
	// Items receives what became of the host's items.
	Items func(ctx context.Context, practice string, events []ItemEvent) error
	// Practice receives what happened to the practice itself: settings saved, what
	// broke in the PMS or was mended. It and Items share one position in the audit
	// log: what goes to a handler that is nil is passed over for good, and while
	// one of them fails the other waits too.
	Practice func(ctx context.Context, practice string, events []PracticeEvent) error
	// Imports receives how far an [Practice.Import] is: at its start, after each
	// page that was delivered, when it fails, and at its end. It is called with
	// one at a time; the import goes on only after it returned nil.
	Imports func(ctx context.Context, practice string, progress []ImportProgress) error
}

const handlerBatch = 100

// RecordChange says what happened to a record of the PMS.
type RecordChange string

// The changes.
const (
	// Found: it was there when the engine first looked, or it came into the window
	// of the coming days, or it is of an earlier day, or an Import walked it.
	Found   RecordChange = "found"
	Created RecordChange = "created"
	// Edited is also a cancelled appointment that is reinstated at its old time;
	// its State says so.
	Edited    RecordChange = "edited"
	Moved     RecordChange = "moved"     // another start or operatory
	Cancelled RecordChange = "cancelled" // or put on the list of the unscheduled
	Deleted   RecordChange = "deleted"
)

// Confirmation is what a PMS status means by the practice's settings.
type Confirmation string

// The confirmations.
const (
	Confirmed   Confirmation = "confirmed"
	Unconfirmed Confirmation = "unconfirmed"
	Other       Confirmation = "other"
)

// AppointmentStatusEvent tells of a confirmation status that changed in the PMS.
type AppointmentStatusEvent struct {
	// ID is the same when the event comes again.
	ID          string
	Appointment driver.Appointment
	// Status is what the PMS's status means; StatusLabel is its label.
	Status      Confirmation
	StatusLabel string
	// Basis goes into AppointmentStatus.Basis when the host answers this event.
	Basis string
}

// AppointmentEvent tells of an appointment.
type AppointmentEvent struct {
	ID     string
	Change RecordChange
	// Appointment has only its ID, and the Start that was last told, when Change
	// is Deleted.
	Appointment driver.Appointment
	Status      Confirmation
	StatusLabel string
	Basis       string
}

// PatientEvent tells of a patient. Staff may store a new patient before they have
// filled in who it is: whoever was told without a first name, last name or birth
// date is told once more, as Edited, when all three are there.
type PatientEvent struct {
	ID      string
	Change  RecordChange // Created, Edited, or Found in an Import
	Patient driver.Patient
}

// PhotoEvent tells of a patient's photo.
type PhotoEvent struct {
	ID     string
	Change RecordChange // Found, Created or Edited
	Photo  driver.Photo
	// Open gives the bytes, at most Config.MaxPhoto of them, while the handler
	// runs.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// ItemEvent tells what happened to one of the host's items.
type ItemEvent struct {
	Event
	// Current is the item as it is now, which may be further on than the event.
	Current Item
	// Words say to staff what happened.
	Words string
}

// Item is what the host sees of an item.
type Item struct {
	ID       string
	Practice string
	Key      string
	Kind     ItemKind
	State    State
	// Reason and Cause say why; Words and NextStep say it to staff.
	Reason          driver.Reason
	Cause           string
	Words, NextStep string
	// Patient is the PMS's patient id once known.
	Patient string
	// Candidates are PMS ids of patients who may be meant, for somebody to choose
	// from (Assign): those who share the name and date of birth, or the phone
	// number where nobody else was found. At most 20, and empty once the patient is
	// known.
	Candidates []string
	// Subject is the appointment of a status, the payment's item of a refund, or
	// a digest of what a document holds and whose it is.
	Subject string
	// ContentSHA256 is the hash of a document's or form's bytes, hexadecimal. It
	// stays for ever, also when the content has been purged.
	ContentSHA256 string
	// Seq orders items by submission. It and the times are the store's, and zero
	// in what a submit returns for a new item.
	Seq                  int64
	Attempts             int
	CreatedAt, UpdatedAt time.Time
	Legs                 []Leg
	// Replaced counts the characters of a note that the PMS cannot store and that
	// stand there as question marks.
	Replaced int
	// Actions are what a person may do to it in its state.
	Actions []ActionName
	// Masked counts the payment card numbers that were masked; see
	// Config.MaskCards.
	Masked int
}

// Leg is one write to the PMS that an item takes.
type Leg struct {
	// Name tells the legs of an item apart: "part 1" of a note; "payment", "fee"
	// and "offset" of a payment, the last being the adjustment that offsets the
	// fee; otherwise the item's kind.
	Name string
	// Ref is what stands in the PMS beside the record.
	Ref string
	// Done is set when it is in the PMS; Receipt is what the PMS gave.
	Done    bool
	Receipt driver.Receipt
	// Amount is set for money.
	Amount driver.Money
	// With is what it names in the PMS, once it was planned or sent.
	With Binding
}

// Binding is what a write names in the PMS: ids of options and records there.
type Binding struct {
	Patient, Provider string
	// Option is the note type, the folder, the payment type, or the status.
	Option string
	// PostedOn is the posting date of money, in the practice's zone.
	PostedOn driver.Date
	// Body is the text of a note's part, until it is in the PMS.
	Body driver.Text
}

func (l *leg) binding() Binding {
	s := l.Sent
	if s == nil || l.First.IsZero() && s.Patient == "" && s.To == "" {
		return Binding{} // a part that was cut and not bound
	}
	b := Binding{Patient: s.Patient, Provider: s.Provider, Option: s.Type, PostedOn: s.PostedOn, Body: driver.NewText(s.Body)}
	if s.To != "" {
		b.Option = s.To
	}
	return b
}

func (it *item) public() Item {
	what, step := wordsOf(it.Reason, it.Cause)
	out := Item{
		ID: it.ID, Practice: it.Practice, Key: it.Key, Kind: it.Kind, State: it.State,
		Reason: it.Reason, Cause: it.Cause, Words: what, NextStep: step,
		Patient: it.Patient, Subject: it.Subject, Seq: it.Seq, Attempts: it.Attempts,
		CreatedAt: it.CreatedAt, UpdatedAt: it.UpdatedAt, ContentSHA256: it.pr.SHA256, Replaced: it.pr.Replaced, Masked: it.pr.Masked,
		Actions: it.permitted(),
	}
	if it.pr.Match.Patient == "" {
		out.Candidates = slices.Clone(it.pr.Match.Candidates)
	}
	for _, l := range it.pr.Legs {
		out.Legs = append(out.Legs, Leg{Name: l.Name, Ref: l.Ref, Done: l.State == legDone, Receipt: l.Got, Amount: l.Amount, With: l.binding()})
	}
	return out
}
