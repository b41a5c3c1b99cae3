package driver

import "slices"

// The vocabulary lives beside the contract because both sides speak it: drivers
// map it to their PMS, settings choose by it.

// NoteKind says what a note is about. A practice switches each kind on or off.
type NoteKind string

// The fourteen note kinds, in the order in which staff see them.
const (
	OutgoingCall              NoteKind = "outgoing_call"
	IncomingCall              NoteKind = "incoming_call"
	MissedCall                NoteKind = "missed_call"
	IncomingCallTranscript    NoteKind = "incoming_call_transcript"
	OutgoingCallTranscript    NoteKind = "outgoing_call_transcript"
	IncomingCallSummary       NoteKind = "incoming_call_summary"
	OutgoingCallSummary       NoteKind = "outgoing_call_summary"
	PatientNote               NoteKind = "patient_note"
	TaskNote                  NoteKind = "task_note"
	OutgoingSMS               NoteKind = "outgoing_sms"
	IncomingSMS               NoteKind = "incoming_sms"
	OutgoingEmail             NoteKind = "outgoing_email"
	IncomingEmail             NoteKind = "incoming_email"
	InsuranceVerificationNote NoteKind = "insurance_verification_note"
)

var noteKinds = []NoteKind{
	OutgoingCall, IncomingCall, MissedCall,
	IncomingCallTranscript, OutgoingCallTranscript, IncomingCallSummary, OutgoingCallSummary,
	PatientNote, TaskNote,
	OutgoingSMS, IncomingSMS, OutgoingEmail, IncomingEmail,
	InsuranceVerificationNote,
}

// NoteKinds returns the note kinds in the order in which staff see them.
func NoteKinds() []NoteKind { return slices.Clone(noteKinds) }

// Valid reports whether k is one of the note kinds.
func (k NoteKind) Valid() bool { return slices.Contains(noteKinds, k) }

// DocumentKind says what a filed document is.
type DocumentKind string

// The document kinds. A form is a document of kind FormDocument with its
// [FormCategory].
const (
	InsuranceVerification DocumentKind = "insurance_verification"
	AccountStatement      DocumentKind = "account_statement"
	FormDocument          DocumentKind = "form"
)

var documentKinds = []DocumentKind{InsuranceVerification, AccountStatement, FormDocument}

// DocumentKinds returns the document kinds, FormDocument last.
func DocumentKinds() []DocumentKind { return slices.Clone(documentKinds) }

// Valid reports whether k is one of the document kinds.
func (k DocumentKind) Valid() bool { return slices.Contains(documentKinds, k) }

// FormCategory says which of a practice's folders an online form belongs in.
type FormCategory string

// The four form categories.
const (
	// PatientIdentification is for intake forms.
	PatientIdentification FormCategory = "patient_identification"
	// InformedConsent is for signed consents: written once, never changed.
	InformedConsent FormCategory = "informed_consent"
	// TreatmentPlan is for treatment proposals and accepted plans.
	TreatmentPlan FormCategory = "treatment_plan"
	// ScannedDocuments is for scans and uploads.
	ScannedDocuments FormCategory = "scanned_documents"
)

var formCategories = []FormCategory{PatientIdentification, InformedConsent, TreatmentPlan, ScannedDocuments}

// FormCategories returns the form categories in the order in which staff see them.
func FormCategories() []FormCategory { return slices.Clone(formCategories) }

// Valid reports whether c is one of the form categories.
func (c FormCategory) Valid() bool { return slices.Contains(formCategories, c) }

// PaymentChannel says where a payment was taken. It chooses the payment type.
type PaymentChannel string

// The payment channels.
const (
	// ChannelProvider is a payment to a provider.
	ChannelProvider PaymentChannel = "provider"
	// ChannelOnline is a portal, text-to-pay or other online payment.
	ChannelOnline PaymentChannel = "online"
	// ChannelInOffice is a payment at the host's terminal in the office.
	ChannelInOffice PaymentChannel = "in_office"
)

var paymentChannels = []PaymentChannel{ChannelProvider, ChannelOnline, ChannelInOffice}

// PaymentChannels returns the payment channels.
func PaymentChannels() []PaymentChannel { return slices.Clone(paymentChannels) }

// Valid reports whether c is one of the payment channels.
func (c PaymentChannel) Valid() bool { return slices.Contains(paymentChannels, c) }

// Catalog names a list of options that a PMS offers.
type Catalog string

// The catalogs. A PMS whose options for one are fixed offers them all the same.
const (
	Providers           Catalog = "providers"
	NoteTypes           Catalog = "note_types"
	DocumentFolders     Catalog = "document_folders"
	AppointmentStatuses Catalog = "appointment_statuses"
	PaymentTypes        Catalog = "payment_types"
	AdjustmentTypes     Catalog = "adjustment_types"
)

var catalogs = []Catalog{Providers, NoteTypes, DocumentFolders, AppointmentStatuses, PaymentTypes, AdjustmentTypes}

// Catalogs returns all catalogs.
func Catalogs() []Catalog { return slices.Clone(catalogs) }

// Valid reports whether c is one of the catalogs.
func (c Catalog) Valid() bool { return slices.Contains(catalogs, c) }

// Feed names a stream of records that the engine pulls from a PMS.
type Feed string

// The feeds.
const (
	// AppointmentStatusFeed is read for changed confirmation statuses.
	AppointmentStatusFeed Feed = "appointment_status"
	// AppointmentFeed is read for created, moved, edited, cancelled and deleted
	// appointments. Its records are those of AppointmentStatusFeed.
	AppointmentFeed Feed = "appointments"
	// PatientFeed is read for new patients.
	PatientFeed Feed = "new_patients"
	// PhotoFeed is read for patients' profile photos.
	PhotoFeed Feed = "photos"
)

var feeds = []Feed{AppointmentStatusFeed, AppointmentFeed, PatientFeed, PhotoFeed}

// Feeds returns all feeds.
func Feeds() []Feed { return slices.Clone(feeds) }

// Valid reports whether f is one of the feeds.
func (f Feed) Valid() bool { return slices.Contains(feeds, f) }
