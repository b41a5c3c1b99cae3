package opendentaltest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// unfrozen refuses to change what belongs to a deleted patient.
func (c *call) unfrozen(r record) error {
	patient, found, err := c.get("patient", r.int("PatNum"))
	if err == nil && found && patient.int("PatStatus") == patDeleted {
		err = bad("The patient has been deleted.")
	}
	return err
}

// pathAppointment is the appointment in the URL, if it may be changed.
func (c *call) pathAppointment() (record, error) {
	r, err := c.byPath("appointment", "Appointment")
	if err != nil {
		return r, err
	}
	return r, c.unfrozen(r)
}

// chosen reads a definition's number from the body: it must be of the category
// and, for a new value, not hidden.
func (c *call) chosen(name string, category int64) (defNum int64, given bool, err error) {
	defNum, given, err = c.num(name)
	if err != nil || !given || defNum == 0 {
		return defNum, given, err
	}
	r, found, err := c.definition(defNum, category)
	if err == nil && (!found || r.bool("IsHidden")) {
		err = bad("%s is invalid.", name)
	}
	return defNum, given, err
}

// reference reads a number from the body that must name a row, unless it is 0.
func (c *call) reference(name, table, what string) (id int64, given bool, err error) {
	id, given, err = c.num(name)
	if err != nil || !given || id == 0 {
		return id, given, err
	}
	_, found, err := c.get(table, id)
	if err == nil && !found {
		err = missing(what)
	}
	return id, given, err
}

// appointmentValues reads the body fields of Appointments POST and PUT.
func (c *call) appointmentValues() (set, error) {
	values := set{}
	for _, ref := range []struct{ field, table, what string }{
		{"Op", "operatory", "Operatory"}, {"ProvNum", "provider", "Provider"}, {"ProvHyg", "provider", "Provider"},
		{"AppointmentTypeNum", "appointmenttype", "AppointmentType"}, {"ClinicNum", "clinic", "Clinic"},
	} {
		if n, given, err := c.reference(ref.field, ref.table, ref.what); err != nil {
			return nil, err
		} else if given {
			values[ref.field] = n
		}
	}
	for field, category := range map[string]int64{"Confirmed": CategoryApptConfirmed, "UnschedStatus": CategoryUnschedStatus} {
		if n, given, err := c.chosen(field, category); err != nil {
			return nil, err
		} else if given {
			values[field] = n
		}
	}
	for field, names := range map[string]enum{"AptStatus": aptStatusNames, "Priority": priorityNames} {
		if n, given, err := c.choice(field, names); err != nil {
			return nil, err
		} else if given {
			values[field] = n
		}
	}
	for _, field := range []string{"IsHygiene", "IsNewPatient"} {
		if v, given, err := c.flag(field); err != nil {
			return nil, err
		} else if given {
			values[field] = v
		}
	}
	for _, field := range []string{"Pattern", "PatternSecondary"} {
		if text, given, err := c.str(field); err != nil {
			return nil, err
		} else if given {
			if strings.Trim(text, "X/") != "" {
				return nil, bad("%s may only contain 'X' and '/'.", field)
			}
			values[field] = text[:min(len(text), 9*60/5)] // trimmed down to nine hours
		}
	}
	if text, given, err := c.str("Note"); err != nil {
		return nil, err
	} else if given {
		values["Note"] = text
	}
	if text, given, err := c.moment("AptDateTime"); err != nil {
		return nil, err
	} else if given {
		values["AptDateTime"] = text
	}
	if text, given, err := c.str("colorOverride"); err != nil {
		return nil, err
	} else if given {
		var r, g, b uint8
		if _, err := fmt.Sscanf(text, "%d,%d,%d", &r, &g, &b); err != nil {
			return nil, bad("colorOverride is invalid.")
		}
		values["ColorOverride"] = int64(int32(0xFF<<24 | uint32(r)<<16 | uint32(g)<<8 | uint32(b)))
	}
	return values, nil
}

func (c *call) postAppointment() (reply, error) {
	patNum, err := c.requiredNum("PatNum")
	if err != nil {
		return reply{}, err
	}
	for _, name := range []string{"Op", "AptDateTime"} {
		if _, err := c.required(name); err != nil {
			return reply{}, err
		}
	}
	if _, err := c.livePatient(patNum); err != nil {
		return reply{}, err
	}
	values, err := c.appointmentValues()
	if err != nil {
		return reply{}, err
	}
	values["PatNum"] = patNum
	row, err := c.insertAppointment(values)
	if err != nil {
		return reply{}, err
	}
	answer, err := c.oneAppointment(row)
	answer.status, answer.location = http.StatusCreated, "/appointments/"+strconv.FormatInt(row.id(), 10)
	return answer, err
}

func (c *call) putAppointment() (reply, error) {
	r, err := c.pathAppointment()
	if err != nil {
		return reply{}, err
	}
	values, err := c.appointmentValues()
	if err != nil {
		return reply{}, err
	}
	start := r.text("AptDateTime")
	if text, given := values["AptDateTime"].(string); given {
		start = text
	}
	for _, name := range []string{"DateTimeArrived", "DateTimeSeated", "DateTimeDismissed"} {
		text, given, err := c.str(name)
		if err != nil {
			return reply{}, err
		}
		if given {
			if len(text) != len("15:04:05") || strings.Count(text, ":") != 2 {
				return reply{}, bad("%s format must be HH:mm:ss", name)
			}
			values[name] = start[:len(layoutDate)] + " " + text
		}
	}
	if defNum, given := values["Confirmed"].(int64); given {
		if err := c.confirm(r, defNum, values); err != nil {
			return reply{}, err
		}
	}
	if values["AptStatus"] == int64(aptUnsched) {
		values["Op"] = 0
	}
	if r, err = c.changeAppointment(r, values, histChanged); err != nil {
		return reply{}, err
	}
	return c.oneAppointment(r)
}

// putConfirm sets the confirmation status: "Only one field is allowed in the
// JSON object, either confirmVal or defNum."
func (c *call) putConfirm() (reply, error) {
	r, err := c.pathAppointment()
	if err != nil {
		return reply{}, err
	}
	word, byWord, err := c.str("confirmVal")
	if err != nil {
		return reply{}, err
	}
	defNum, byNumber, err := c.chosen("defNum", CategoryApptConfirmed)
	switch {
	case err != nil:
		return reply{}, err
	case byWord == byNumber:
		return reply{}, bad("Either confirmVal or defNum is required, and only one of them.")
	case byNumber && defNum == 0:
		return reply{}, bad("defNum is invalid.")
	case byWord:
		if defNum, err = c.confirmWord(word); err != nil {
			return reply{}, err
		}
	}
	values := set{}
	if err := c.confirm(r, defNum, values); err != nil {
		return reply{}, err
	}
	_, err = c.changeAppointment(r, values, histChanged)
	return reply{status: http.StatusOK}, err
}

// confirmWord finds the status that the office chose for a word.
func (c *call) confirmWord(word string) (int64, error) {
	preference := map[string]string{
		"Sent": "ApptEConfirmStatusSent", "Confirmed": "ApptEConfirmStatusAccepted",
		"Not Accepted": "ApptEConfirmStatusDeclined", "Failed": "ApptEConfirmStatusSendFailed",
	}[word]
	switch {
	case word == "None":
		first, _, err := c.firstDefinition(CategoryApptConfirmed)
		return first.id(), err
	case preference == "":
		return 0, bad("confirmVal is invalid.")
	}
	text, err := c.preference(preference)
	if err != nil {
		return 0, err
	}
	if _, found, err := c.definition(atoi(text), CategoryApptConfirmed); err != nil || !found {
		return 0, cmpErr(err, bad("confirmVal %s is not set up by the office.", word))
	}
	return atoi(text), nil
}

func (c *call) putBreak() (reply, error) {
	r, err := c.pathAppointment()
	if err != nil {
		return reply{}, err
	}
	unscheduled, given, err := c.flag("sendToUnscheduledList")
	if err != nil {
		return reply{}, err
	}
	if !given {
		return reply{}, bad("sendToUnscheduledList is required")
	}
	kind, _, err := c.str("breakType")
	if err != nil {
		return reply{}, err
	}
	if r.int("AptStatus") != aptScheduled {
		return reply{}, bad("Only appointments with an AptStatus of Scheduled can be broken.")
	}
	if err := c.breakable(kind); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, c.breakAppointment(r, kind, unscheduled)
}

// breakable refuses a break type that the office has not switched on.
func (c *call) breakable(kind string) error {
	if kind == "" {
		return nil
	}
	allowed, err := c.preference("BrokenApptProcedure")
	if err != nil {
		return err
	}
	switch kind + allowed {
	case "Missed1", "Missed3", "Cancelled2", "Cancelled3":
		return nil
	}
	if kind != "Missed" && kind != "Cancelled" {
		return bad("breakType is invalid.")
	}
	return bad("breakType %s is not enabled by the office.", kind)
}

// breakAppointment does what breaking does in the program. kind is "", or
// Missed or Cancelled, which chart a procedure.
func (s *session) breakAppointment(r record, kind string, unscheduled bool) error {
	values, action := set{"AptStatus": aptBroken}, histChanged
	if unscheduled {
		values = set{"AptStatus": aptUnsched, "Op": 0}
	}
	code := map[string]string{"Missed": "D9986", "Cancelled": "D9987"}[kind]
	switch kind {
	case "Missed":
		action = histMissed
	case "Cancelled":
		action = histCancelled
	}
	after, err := s.changeAppointment(r, values, action)
	if err != nil {
		return err
	}
	if code != "" {
		if _, err := s.insert("procedurelog", set{
			"PatNum": r.int("PatNum"), "AptNum": after.id(), "OldCode": code, "ProcDate": s.now, "ProcStatus": procComplete,
			"ProvNum": r.int("ProvNum"), "DateEntryC": s.now, "ClinicNum": r.int("ClinicNum"),
		}); err != nil {
			return err
		}
	}
	wanted, err := s.preference("BrokenApptCommLog")
	if err != nil || wanted != "1" {
		return err
	}
	_, err = s.insertCommlog(set{
		"PatNum": r.int("PatNum"), "Note": "Broken appointment for " + r.text("ProcDescript") + " at " + r.text("AptDateTime"),
	}, "APPT")
	return err
}

func (c *call) putAppointmentNote() (reply, error) {
	r, err := c.pathAppointment()
	if err != nil {
		return reply{}, err
	}
	note, err := c.required("Note")
	if err != nil {
		return reply{}, err
	}
	if before := r.text("Note"); before != "" {
		note = before + "\r\n" + note
	}
	_, err = c.changeAppointment(r, set{"Note": note}, histChanged)
	return reply{status: http.StatusOK}, err
}
