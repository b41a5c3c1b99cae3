package settings

import (
	"maps"
	"slices"

	"github.com/pmswriteback/pms/driver"
)

// SchemaVersion is the version of the document's shape that this package writes.
const SchemaVersion = 1

// Document is the settings of one practice.
//
// The zero value is not a usable document, since its intervals are zero: start
// from [Default], [Initial] or [Parse]. Maps and slices may be nil. A Document
// that was copied by assignment shares them; see [Document.Clone].
type Document struct {
	// Sync is the group PMS Sync Settings.
	Sync Sync
	// Notes is the group Note Write Back Settings.
	Notes Notes
	// Documents is the group Document Type Settings.
	Documents Documents
	// Intervals is the group Fast Sync Update Intervals.
	Intervals Intervals
	// Statuses is the group Appointment Status Settings.
	Statuses Statuses
	// Forms is the group Online Forms Settings.
	Forms Forms
	// Payments is the group Payment Sync Settings.
	Payments Payments

	// schema is the version the document was stored with when that is newer than
	// SchemaVersion, and 0 otherwise.
	schema int
	// extras are the fields that this version does not know, kept for the one
	// that wrote them.
	extras extras
}

// Ref is a reference to an option of the practice's PMS: a provider, a note
// type, a folder, a status, a payment type. The zero value chooses nothing.
type Ref struct {
	// ID is the option's id and the only part that counts, compared byte for
	// byte. At most [MaxIDLength] characters.
	ID string `json:"id"`
	// Label is what the option was last seen as, for people.
	Label string `json:"label,omitempty"`
}

// IsZero reports whether nothing is chosen.
func (r Ref) IsZero() bool { return r.ID == "" }

// String gives "Dr. Adams (DOC1)", the id alone without a label, and "" for
// nothing.
func (r Ref) String() string {
	switch {
	case r.IsZero():
		return ""
	case r.Label == "" || r.Label == r.ID:
		return r.ID
	}
	return r.Label + " (" + r.ID + ")"
}

// Sync says to whom writes are attributed.
type Sync struct {
	// ProviderID is the Writeback Provider ID, an option of driver.Providers
	// ("sync.provider"). Empty means that nothing is written at all.
	ProviderID Ref
}

// Notes says which notes are written, and as what.
type Notes struct {
	// Enabled holds the kinds that are written ("notes.enabled.incoming_call").
	// A kind that is missing is off.
	Enabled map[driver.NoteKind]bool
	// Type is the Note Type Selection, an option of driver.NoteTypes for all
	// notes ("notes.type").
	Type Ref
	// TypeByKind overrides Type for single kinds
	// ("notes.type_by_kind.incoming_call").
	TypeByKind map[driver.NoteKind]Ref
}

// Documents says where documents are filed: options of driver.DocumentFolders.
// An empty one switches its kind off.
type Documents struct {
	// InsuranceVerification is "documents.insurance_verification".
	InsuranceVerification Ref
	// AccountStatement is "documents.account_statement".
	AccountStatement Ref
}

// Intervals says how often the inbound loops run.
type Intervals struct {
	// AppointmentStatus is "intervals.appointment_status", 15 seconds by default.
	AppointmentStatus Interval
	// AppointmentChanges is "intervals.appointment_changes", 60 seconds by
	// default.
	AppointmentChanges Interval
	// NewPatients is "intervals.new_patients", 30 seconds by default.
	NewPatients Interval
	// Photos pulls patients' profile photos ("intervals.photos"). New patients'
	// photos come with the NewPatients loop, changed ones with the sweep.
	Photos bool
	// PhotoSweep is how often changed photos are looked for, while Photos is set
	// ("intervals.photo_sweep"), 15 minutes by default.
	PhotoSweep Interval
}

// Statuses maps appointment statuses: options of driver.AppointmentStatuses.
type Statuses struct {
	// Confirmed is every PMS status that means confirmed
	// ("statuses.confirmed").
	Confirmed []Ref
	// ConfirmedTarget is written when the host confirms an appointment
	// ("statuses.confirmed_target"). Empty: do not write.
	ConfirmedTarget Ref
	// UnconfirmedTarget is written when the host unconfirms an appointment
	// ("statuses.unconfirmed_target"). Empty: do not write.
	UnconfirmedTarget Ref
}

// Forms says where online forms are filed: options of driver.DocumentFolders.
type Forms struct {
	// ByCategory is a folder per category ("forms.informed_consent"). A category
	// that is missing is off.
	ByCategory map[driver.FormCategory]Ref
	// Types are the host's own form types ("forms.types").
	Types []FormType
}

// FormType is a form type that the host defines.
type FormType struct {
	// Name is the host's name of it, unique without regard to case and
	// surrounding spaces ("forms.types[0].name").
	Name string
	// Category is where the type belongs ("forms.types[0].category").
	Category driver.FormCategory
	// Folder is the type's own folder ("forms.types[0].folder"). Empty: the
	// folder of its category.
	Folder Ref
}

// Payments says how payments are posted: options of driver.PaymentTypes.
type Payments struct {
	// Auto posts a payment by itself when exactly one patient matches
	// ("payments.auto"). Otherwise every payment waits for a person.
	Auto bool
	// Provider overrides the writeback provider for payments
	// ("payments.provider"), an option of driver.Providers.
	Provider Ref
	// Types is the payment type of each channel ("payments.types.online"). A
	// payment of a channel that is missing waits; there is no fallback.
	Types map[driver.PaymentChannel]Ref
	// SurchargeType is the payment type of surcharges ("payments.surcharge_type").
	SurchargeType Ref
	// Separate posts a payment and its fee as two transactions
	// ("payments.separate"); otherwise they are one, of the channel's type.
	Separate bool
	// OffsetFee is an option of driver.AdjustmentTypes: a positive adjustment
	// that offsets a fee posted on its own ("payments.offset_fee"). Empty: none.
	OffsetFee Ref
}

// Clone returns a copy that shares nothing with d.
func (d Document) Clone() Document {
	d.Notes.Enabled = maps.Clone(d.Notes.Enabled)
	d.Notes.TypeByKind = maps.Clone(d.Notes.TypeByKind)
	d.Statuses.Confirmed = slices.Clone(d.Statuses.Confirmed)
	d.Forms.ByCategory = maps.Clone(d.Forms.ByCategory)
	d.Forms.Types = slices.Clone(d.Forms.Types)
	d.Payments.Types = maps.Clone(d.Payments.Types)
	d.extras = d.extras.clone()
	return d
}

// Equal reports whether both say the same, labels and unknown fields included.
// A nil map equals an empty one, a missing toggle one that is off, and an
// interval that is off any other that is off.
func (d Document) Equal(e Document) bool {
	return maps.Equal(without(d.Notes.Enabled, false), without(e.Notes.Enabled, false)) &&
		maps.Equal(without(d.Notes.TypeByKind, Ref{}), without(e.Notes.TypeByKind, Ref{})) &&
		maps.Equal(without(d.Forms.ByCategory, Ref{}), without(e.Forms.ByCategory, Ref{})) &&
		maps.Equal(without(d.Payments.Types, Ref{}), without(e.Payments.Types, Ref{})) &&
		slices.Equal(d.Statuses.Confirmed, e.Statuses.Confirmed) &&
		slices.Equal(d.Forms.Types, e.Forms.Types) &&
		d.Sync == e.Sync &&
		d.Notes.Type == e.Notes.Type &&
		d.Documents == e.Documents &&
		d.Intervals.canonical() == e.Intervals.canonical() &&
		d.Statuses.ConfirmedTarget == e.Statuses.ConfirmedTarget &&
		d.Statuses.UnconfirmedTarget == e.Statuses.UnconfirmedTarget &&
		d.Payments.Auto == e.Payments.Auto &&
		d.Payments.Provider == e.Payments.Provider &&
		d.Payments.SurchargeType == e.Payments.SurchargeType &&
		d.Payments.Separate == e.Payments.Separate &&
		d.Payments.OffsetFee == e.Payments.OffsetFee &&
		d.schema == e.schema &&
		maps.Equal(d.liveExtras(), e.liveExtras())
}

// without returns m without the entries that mean the same as being missing.
func without[K, V comparable](m map[K]V, missing V) map[K]V {
	out := make(map[K]V, len(m))
	for k, v := range m {
		if v != missing {
			out[k] = v
		}
	}
	return out
}
