package drivertest

import (
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Staff is what people do in the PMS while the driver is connected. Each func
// acts as the PMS's own program does: it sets change marks, keeps history, and
// has taken effect when it returns. It fails the tb of [Harness].New when it
// cannot. Nil means that the harness cannot do it.
type Staff struct {
	// AddPatient stores a new patient and returns the id.
	AddPatient func(NewPatient) string
	// ArchivePatient archives a patient.
	ArchivePatient func(id string)
	// DeletePatient deletes a patient who has no records yet, as far as the PMS
	// deletes at all.
	DeletePatient func(id string)

	// AddAppointment stores an appointment and returns the id.
	AddAppointment func(NewAppointment) string
	// MoveAppointment gives it another start.
	MoveAppointment func(id string, start time.Time)
	// NoteAppointment replaces its note.
	NoteAppointment func(id, note string)
	// SetStatus sets its confirmation status.
	SetStatus func(id, status string)
	// CompleteAppointment and CancelAppointment end it.
	CompleteAppointment func(id string)
	CancelAppointment   func(id string)
	// DeleteAppointment removes it for good.
	DeleteAppointment func(id string)

	// AddOption adds an active option to a catalog (a provider is one) and
	// returns the id. An adjustment type raises what is owed. Nil where all
	// catalogs are fixed.
	AddOption func(c driver.Catalog, label string) string
	// RenameOption gives an option another label.
	RenameOption func(c driver.Catalog, id, label string)
	// HideOption makes an option hidden or inactive, a provider too.
	HideOption func(c driver.Catalog, id string)

	// AddPhoto makes content the patient's profile photo and returns the id.
	// The content is a JPEG file.
	AddPhoto func(patient string, content []byte) string
	// ReplacePhoto puts content in the place of the patient's photo and returns
	// the id, which may be the old one or a new one.
	ReplacePhoto func(patient string, content []byte) string

	// WriteNote files a note by hand.
	WriteNote func(patient, body string)
	// FileDocument files a document by hand.
	FileDocument func(patient, title string, content []byte)
	// PostPayment, PostRefund and PostAdjustment post money by hand, today. The
	// adjustment raises what the patient owes.
	PostPayment    func(patient string, amount driver.Money, memo string)
	PostRefund     func(patient string, payment string, amount driver.Money, memo string)
	PostAdjustment func(patient string, amount driver.Money, memo string)

	// EditNote replaces a note's text.
	EditNote func(id, body string)
	// RenameDocument replaces the title (or whatever text staff see) of a
	// document. The suite keeps the Ref in it.
	RenameDocument func(id, title string)
	// ViewDocument opens a document on the screen, with all that the PMS does
	// then.
	ViewDocument func(id string)

	// AddCharge completes a procedure of the patient's with that fee, on an earlier
	// day, and returns the charge's id. It is needed where OpInfo.Charges is set.
	AddCharge func(patient string, fee driver.Money) string
	// AddCoverage insures the patient once more, by a plan that was never verified.
	AddCoverage func(patient string)

	// CloseBooks closes all days up to and including that day for posting.
	CloseBooks func(through driver.Date)
}

// NewPatient is a patient to be stored. All text in it is invented, and is
// searched for in errors and logs.
type NewPatient struct {
	First, Last string
	// BirthDate is zero for a patient whose birth date is unknown.
	BirthDate driver.Date
	// Phone is empty for none. It is stored as it stands.
	Phone string
	// Email is empty for none.
	Email string
}

// NewAppointment is an appointment to be stored: scheduled, neither arrived nor
// completed.
type NewAppointment struct {
	Patient string
	// Provider is empty where the PMS has no catalog of providers.
	Provider string
	// Start is a whole minute in the practice's zone. A PMS that keeps wall
	// times stores the wall time of it.
	Start time.Time
	// Duration is a multiple of 10 minutes.
	Duration time.Duration
	// Status is the confirmation status: an id of AppointmentStatuses. Empty
	// leaves it to the PMS.
	Status string
	// Note is the appointment's note; empty for none.
	Note string
	// Site is [PMS].OtherSite in the rule about sites, else empty: then the
	// appointment is at PMS.Site, or wherever the PMS puts it.
	Site string
}
