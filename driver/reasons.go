package driver

import "slices"

// Reason says why a PMS refused something, or why the engine holds it. The list
// is closed, so that each has words for staff and a next step. A Reason is an
// error, so that errors.Is(err, driver.ReasonPeriodClosed) works.
type Reason string

// The reasons a driver may give.
const (
	ReasonNone               Reason = ""
	ReasonProviderInactive   Reason = "provider_inactive"
	ReasonProviderUnknown    Reason = "provider_unknown"
	ReasonOptionUnknown      Reason = "option_unknown"
	ReasonOptionInactive     Reason = "option_inactive"
	ReasonOptionUnfit        Reason = "option_unfit"
	ReasonPatientNotFound    Reason = "patient_not_found"
	ReasonPatientArchived    Reason = "patient_archived"
	ReasonAppointmentMissing Reason = "appointment_missing"
	ReasonAppointmentClosed  Reason = "appointment_closed"
	ReasonRecordLocked       Reason = "record_locked"
	ReasonPeriodClosed       Reason = "period_closed"
	ReasonPaymentMissing     Reason = "payment_missing"
	ReasonNotRefundable      Reason = "not_refundable"
	ReasonAmountInvalid      Reason = "amount_invalid"
	ReasonTooLarge           Reason = "too_large"
	ReasonMIMERefused        Reason = "mime_refused"
	ReasonTextRefused        Reason = "text_refused"
	ReasonDuplicate          Reason = "duplicate"
	ReasonUnsupported        Reason = "unsupported"
	ReasonVersionTooOld      Reason = "version_too_old"
	ReasonMaintenance        Reason = "maintenance"
	ReasonNotThisPMS         Reason = "not_this_pms"
	ReasonInvalid            Reason = "invalid"
)

type reasonWords struct{ words, next string }

var reasons = map[Reason]reasonWords{
	ReasonProviderInactive:   {"The writeback provider is inactive in the PMS.", "Make the provider active in the PMS, or choose another one in the settings."},
	ReasonProviderUnknown:    {"The PMS does not know the writeback provider.", "Choose a provider from the list in the settings."},
	ReasonOptionUnknown:      {"An option chosen in the settings no longer exists in the PMS.", "Choose another option in the settings."},
	ReasonOptionInactive:     {"An option chosen in the settings is hidden or inactive in the PMS.", "Make it active in the PMS, or choose another option in the settings."},
	ReasonOptionUnfit:        {"An option chosen in the settings is not of the kind that this needs in the PMS.", "Choose another option in the settings."},
	ReasonPatientNotFound:    {"The PMS does not have this patient.", "Assign the right patient, or dismiss the item."},
	ReasonPatientArchived:    {"The patient is archived or merged in the PMS.", "Assign the patient's current record, or dismiss the item."},
	ReasonAppointmentMissing: {"The appointment is no longer in the PMS.", "Nothing to do, or dismiss the item."},
	ReasonAppointmentClosed:  {"The appointment is over, broken or completed.", "Nothing to do, or dismiss the item."},
	ReasonRecordLocked:       {"Somebody has the record open in the PMS.", "It is tried again; close the record in the PMS if it lasts."},
	ReasonPeriodClosed:       {"The posting date lies in a period that is closed in the PMS.", "Open the period in the PMS and retry, or post it by hand and mark it as posted."},
	ReasonPaymentMissing:     {"The payment to be refunded is not in the PMS.", "Post the refund by hand and mark it as posted, or dismiss it."},
	ReasonNotRefundable:      {"The PMS does not allow a refund of this payment.", "Post the refund by hand and mark it as posted, or dismiss it."},
	ReasonAmountInvalid:      {"The PMS refused the amount.", "Check the amount; post it by hand and mark it as posted, or dismiss it."},
	ReasonTooLarge:           {"It is larger than the PMS allows.", "Send a smaller document or a shorter text."},
	ReasonMIMERefused:        {"The PMS does not take this type of file.", "Send it as a type that the PMS takes, such as PDF."},
	ReasonTextRefused:        {"The PMS refused the text.", "Check the text for unusual characters and send it again."},
	ReasonDuplicate:          {"The PMS has this record already.", "Look it up in the PMS; mark it as posted or dismiss it."},
	ReasonUnsupported:        {"This PMS does not offer this.", "File it by hand, or switch it off in the settings."},
	ReasonVersionTooOld:      {"This needs a newer version of the PMS.", "Update the PMS, or switch it off in the settings."},
	ReasonMaintenance:        {"The PMS is being updated.", "It is tried again when the update is over."},
	ReasonNotThisPMS:         {"What answers is not the expected PMS.", "Check the address in the connection settings."},
	ReasonInvalid:            {"The PMS refused the request.", "Check the item in the PMS, then retry or dismiss it."},
}

// Reasons returns all reasons except ReasonNone, sorted.
func Reasons() []Reason {
	out := make([]Reason, 0, len(reasons))
	for r := range reasons {
		out = append(out, r)
	}
	slices.Sort(out)
	return out
}

// Error implements error: the reason's name.
func (r Reason) Error() string { return string(r) }

// Valid reports whether r is in the list; ReasonNone is not.
func (r Reason) Valid() bool { _, ok := reasons[r]; return ok }

// Words says in a sentence for staff what is wrong; empty for an unknown reason.
func (r Reason) Words() string { return reasons[r].words }

// NextStep says in a sentence for staff what to do; empty for an unknown reason.
func (r Reason) NextStep() string { return reasons[r].next }
