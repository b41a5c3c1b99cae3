package dentrix

import (
	"strconv"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// The fixed appointment statuses ("Dentrix API Developer Guide" 2.1). The numbers 1
// to 10 are the office's own, in v_appt_status_codes.
const (
	statusNone        = "0"
	statusBroken      = "100"
	statusUnscheduled = "101"
	// statusCompleted comes as 150 or as -106: one byte, read without a sign or with
	// one.
	statusCompleted = "150"
)

// firstStatus and lastStatus are the office's own.
const (
	firstStatus = 1
	lastStatus  = 10
)

// statusID makes one spelling of a status number, whichever way its byte was read.
func statusID(n int64) string { return strconv.Itoa(int(uint8(n))) }

// settable reports whether the driver writes a status. Breaking, unscheduling and
// completing an appointment are more than a status in Dentrix, and stay with staff.
func settable(status string) bool {
	n, err := strconv.Atoi(status)
	return status == statusNone || err == nil && strconv.Itoa(n) == status && n >= firstStatus && n <= lastStatus
}

// stateOf says where an appointment with a status is in its life. Confirmed, here
// or in the chair are the office's own statuses, which Dentrix does not tell apart.
func stateOf(status string, broken bool) driver.AppointmentState {
	switch {
	case status == statusCompleted:
		return driver.AppointmentCompleted
	case status == statusBroken || broken:
		return driver.AppointmentCancelled
	case status == statusUnscheduled:
		return driver.AppointmentUnscheduled
	}
	return driver.AppointmentScheduled
}

// fixedStatuses follow the office's own in the catalog. Those that the driver does
// not write are inactive: they are what appointments have, not what can be chosen.
func fixedStatuses() []driver.Option {
	return []driver.Option{
		{ID: statusNone, Label: "<none>", Active: true},
		{ID: statusBroken, Label: "Broken"},
		{ID: statusUnscheduled, Label: "Wait/will call (unscheduled)"},
		{ID: statusCompleted, Label: "Complete", Role: driver.RoleCompleted},
	}
}

// journalTypes are the types of Office Journal entries that the vendor's API
// accepts (Exceptions Reference, 51501).
var journalTypes = []string{"3", "4", "5", "20"}

func journalCatalog() []driver.Option {
	return []driver.Option{
		{ID: "3", Label: "Phone call", Active: true},
		{ID: "4", Label: "Reminder", Active: true},
		{ID: "5", Label: "Miscellaneous", Active: true},
		{ID: "20", Label: "HIPAA privacy", Active: true},
	}
}

// raises reports whether an adjustment type raises what is owed: the vendor's help has
// its text begin with + or -.
func raises(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "+") }
