package driver

import "time"

// Patient is a person in the PMS as the engine needs one: enough to match and
// to tell that somebody is new.
type Patient struct {
	// ID is the PMS's id, compared byte for byte.
	ID string
	// FirstName, LastName, Preferred are as the PMS stores them.
	FirstName, LastName, Preferred Text
	// BirthDate is unknown (zero) where the PMS has none.
	BirthDate BirthDate
	// Phones and Email are as the PMS stores them, not normalised.
	Phones []Text
	Email  Text
	// State tells whether notes and payments may still be filed.
	State PatientState
	// CreatedAt is when the PMS first stored the patient, zero when the PMS does
	// not say. Some PMSs keep the day only; then it is that day's first moment
	// in the practice's zone.
	CreatedAt time.Time
	// ModifiedAt is when the row last changed, by the PMS's clock; zero when the
	// PMS does not say.
	ModifiedAt time.Time
}

// PatientState is what the PMS says of a patient's standing.
type PatientState string

// The patient states. A merged patient is PatientArchived.
const (
	PatientActive    PatientState = "active"
	PatientInactive  PatientState = "inactive"
	PatientArchived  PatientState = "archived"
	PatientDeceased  PatientState = "deceased"
	PatientProspect  PatientState = "prospect"
	PatientNonMember PatientState = "non_patient"
)

// Appointment is one appointment in the PMS.
type Appointment struct {
	// ID is the PMS's id.
	ID string
	// Patient is the PMS's id of the patient.
	Patient string
	// Start is the moment it begins. A driver converts the PMS's wall time in
	// Env.Location. Zero for an appointment without a time.
	Start time.Time
	// Duration is its length, zero when the PMS does not say.
	Duration time.Duration
	// Status is the confirmation status: the id of an option in
	// AppointmentStatuses. It says nothing about the appointment's State.
	Status string
	// State is where the appointment is in its life.
	State AppointmentState
	// Provider, Operatory, Type and Site are PMS ids, empty when unknown.
	Provider, Operatory, Type, Site string
	// Note is the appointment's note.
	Note Text
	// NewPatient is set when the PMS marks the visit as a new patient's.
	NewPatient bool
	// ModifiedAt is when the row last changed, by the PMS's clock; zero when the
	// PMS does not say.
	ModifiedAt time.Time
}

// AppointmentState is where an appointment is in its life. Confirmation is not
// part of it: that is Appointment.Status.
type AppointmentState string

// The appointment states. Records that are not visits (planned treatment, notes
// in the schedule) are not appointments; a driver leaves them out.
const (
	AppointmentScheduled   AppointmentState = "scheduled"
	AppointmentArrived     AppointmentState = "arrived"
	AppointmentSeated      AppointmentState = "seated"
	AppointmentCompleted   AppointmentState = "completed"
	AppointmentCancelled   AppointmentState = "cancelled" // cancelled or missed ("broken")
	AppointmentUnscheduled AppointmentState = "unscheduled"
)

// Photo is a patient's profile photo as a record; the bytes come from
// [PhotoReader].
type Photo struct {
	// ID is the PMS's id of the picture.
	ID string
	// Patient is the PMS's id of the patient.
	Patient string
	// Tag changes when the bytes may have changed. Opaque.
	Tag string
	// TakenAt is the picture's date in the PMS.
	TakenAt time.Time
	// Size is the number of bytes, or -1 when unknown.
	Size int64
	// MIME is the type by name or content, empty when unknown.
	MIME string
}

// Option is one entry of a catalog.
type Option struct {
	// ID is what counts: it is stored in settings and sent in operations. Case
	// and leading zeros matter.
	ID string
	// Label is what staff see in the PMS.
	Label string
	// Aliases are other texts by which staff know the option (an abbreviation, a
	// code). An alias need not be unique.
	Aliases []string
	// Active is false for a hidden or inactive option. Such options stay in the
	// catalog, so that a setting that names one can be shown as broken.
	Active bool
	// Role marks what an option of AppointmentStatuses usually means, when the
	// PMS itself says so. A hint for choices, never a decision.
	Role StatusRole
	// Lowers is set for an option of AdjustmentTypes by which the PMS lowers what
	// a patient owes, such as a discount: it does not fit an Adjustment.
	Lowers bool
}

// StatusRole is what a PMS itself says about an appointment status.
type StatusRole string

// The roles. A status that stamps an arrival time when it is set (arrived,
// seated, completed) is no fit target for "confirmed in the host".
const (
	RoleNone        StatusRole = ""
	RoleUnconfirmed StatusRole = "unconfirmed"
	RoleConfirmed   StatusRole = "confirmed"
	RoleOutreach    StatusRole = "outreach" // a message was sent; nothing was answered
	RoleArrived     StatusRole = "arrived"
	RoleSeated      StatusRole = "seated"
	RoleCompleted   StatusRole = "completed"
)
