package writeback

import (
	"strings"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// Reasons that the engine gives besides those of package driver.
const (
	ReasonDisabled          driver.Reason = "disabled"
	ReasonNotConfigured     driver.Reason = "not_configured"
	ReasonNoPatient         driver.Reason = "no_patient"
	ReasonManyPatients      driver.Reason = "many_patients"
	ReasonIDConflict        driver.Reason = "id_conflict"
	ReasonUnverifiedPatient driver.Reason = "unverified_patient"
	ReasonAutoOff           driver.Reason = "auto_off"
	ReasonTooLate           driver.Reason = "too_late"
	ReasonStaffChanged      driver.Reason = "staff_changed"
	ReasonUnauthorized      driver.Reason = "unauthorized"
	ReasonOutcomeUnknown    driver.Reason = "outcome_unknown"
	ReasonWaitsForPayment   driver.Reason = "waits_for_payment"
	ReasonWaitsForDocument  driver.Reason = "waits_for_document"
	ReasonFiledBefore       driver.Reason = "filed_before"
	ReasonUnreadable        driver.Reason = "unreadable"
	ReasonContentLost       driver.Reason = "content_lost"
	ReasonPaused            driver.Reason = "paused"
	ReasonPlanOnly          driver.Reason = "plan_only"
	ReasonIDReused          driver.Reason = "id_reused"
	ReasonIDAmbiguous       driver.Reason = "id_ambiguous"
	ReasonPMSChanged        driver.Reason = "pms_changed"
	ReasonNoteExpired       driver.Reason = "note_expired"
	ReasonPatientOverdue    driver.Reason = "patient_overdue"
)

type words struct{ what, next string }

var reasonWords = map[driver.Reason]words{
	ReasonDisabled:          {"The settings say not to write this.", "Switch it on in the settings if it should be written from now on."},
	ReasonNotConfigured:     {"The settings lack something this needs.", "Fill in the field that is named. What is held goes on by itself then; what was skipped is written when somebody asks for it."},
	ReasonNoPatient:         {"No patient in the PMS fits.", "If it comes with a name and date of birth it is tried again as patients arrive; or assign the patient, or dismiss it."},
	ReasonManyPatients:      {"Several patients in the PMS fit.", "Assign the right one, or dismiss it."},
	ReasonIDConflict:        {"The patient named by id has another name or birth date in the PMS.", "Assign the right patient, or dismiss it."},
	ReasonUnverifiedPatient: {"The payment does not come with the name and birth date that would prove whose it is.", "Transfer it if the patient is right, or assign the right one."},
	ReasonAutoOff:           {"Payments are not posted automatically.", "Transfer the payment, or dismiss it."},
	ReasonTooLate:           {"The appointment is over, cancelled or gone.", "Nothing to do."},
	ReasonStaffChanged:      {"Somebody in the practice changed the appointment first; their change stands.", "Nothing to do, or set the status again."},
	ReasonUnauthorized:      {"The PMS refuses the library's access.", "Check the connection's keys and permissions; it goes on by itself."},
	ReasonOutcomeUnknown:    {"The PMS gave no answer and cannot be asked whether it has this.", "Look it up in the PMS: mark it as posted when it is there, retry it when it is not."},
	ReasonWaitsForPayment:   {"The payment that this refunds is not in the PMS yet.", "Settle the payment first; it goes on by itself."},
	ReasonWaitsForDocument:  {"The same document was sent before, and it is not known yet whether the PMS has it.", "It is looked for; settle the other one if it waits for a person."},
	ReasonFiledBefore:       {"The same document is in the patient's record already.", "Nothing to do."},
	ReasonNoteExpired:       {"The note waited for longer than notes are kept waiting.", "Nothing to do, or enter it by hand if it still matters."},
	ReasonPatientOverdue:    {"No patient in the PMS has fitted for days.", "Assign the patient, or enter them in the PMS; or dismiss it. It is still tried again as patients arrive."},
	ReasonUnreadable:        {"The stored item cannot be read with the keys at hand.", "Give the engine the key with which it was sealed."},
	ReasonContentLost:       {"The document's bytes are not in the engine's store any more.", "Restore them with the store's back-up and retry it; or submit the document again with another key and dismiss this one."},
	ReasonPaused:            {"Writing is paused for this practice.", "It goes on by itself when the practice is live again."},
	ReasonIDReused:          {"The PMS now uses the id for something else than what was chosen.", "Choose it again in the settings, or choose another one; then it goes on by itself."},
	ReasonIDAmbiguous:       {"The PMS has several entries with the id that was chosen.", "Mend the list in the PMS, or choose another entry; then it goes on by itself."},
	ReasonPMSChanged:        {"The practice changed its PMS after this was submitted; its ids mean something else there.", "Assign the patient in the new PMS, or dismiss it. A status or a refund is about a record of the former PMS: dismiss it."},
	ReasonPlanOnly:          {"This practice only plans what would be written, and writes nothing.", "Make the practice live. What waited before goes on by itself then; retry or transfer what was submitted meanwhile, or dismiss it."},
}

// Words says in a sentence for staff what a reason means, and what to do next.
// Both are empty for an unknown reason.
func Words(r driver.Reason) (what, next string) {
	if w, ok := reasonWords[r]; ok {
		return w.what, w.next
	}
	return r.Words(), r.NextStep()
}

// wordsOf are Words for one cause: where it names a field of the settings, so does
// what staff read.
func wordsOf(r driver.Reason, cause string) (what, next string) {
	what, next = Words(r)
	_, path, _ := strings.Cut(cause, ":")
	if path == "" || r != ReasonNotConfigured && r != ReasonDisabled {
		return what, next
	}
	field, known := settings.FieldAt("", path)
	switch {
	case !known:
	case r == ReasonNotConfigured:
		what = "The settings lack this: " + field.Group + ", " + field.Label + "."
	default:
		what = "The settings say not to write this: " + field.Group + ", " + field.Label + "."
	}
	return what, next
}
