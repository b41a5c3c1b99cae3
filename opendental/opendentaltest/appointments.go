package opendentaltest

import (
	"strconv"
	"strings"
	"time"
)

// The values of AptStatus that the code below names.
const (
	aptScheduled = 1
	aptComplete  = 2
	aptUnsched   = 3
	aptBroken    = 5
)

// What a histappointment row says happened.
const (
	histCreated = iota
	histChanged
	histMissed
	histCancelled
	histDeleted
)

func (c *call) appointment(r record, providers, definitions map[int64]string, clock bool) object {
	var o object
	if clock {
		o = object{{"serverDateTime", c.serverTime()}}
	}
	o = append(o, object{
		{"AptNum", r.id()}, {"PatNum", r.int("PatNum")}, {"AptStatus", aptStatusNames.name(r.int("AptStatus"))},
		{"Pattern", r.text("Pattern")}, {"Confirmed", r.int("Confirmed")}, {"confirmed", definitions[r.int("Confirmed")]},
		{"TimeLocked", boolean(r.bool("TimeLocked"))}, {"Op", r.int("Op")}, {"Note", r.text("Note")}, {"ProvNum", r.int("ProvNum")},
		{"provAbbr", providers[r.int("ProvNum")]}, {"ProvHyg", r.int("ProvHyg")}, {"AptDateTime", r.text("AptDateTime")},
		{"NextAptNum", r.int("NextAptNum")}, {"UnschedStatus", r.int("UnschedStatus")},
		{"unschedStatus", definitions[r.int("UnschedStatus")]}, {"IsNewPatient", boolean(r.bool("IsNewPatient"))},
		{"ProcDescript", r.text("ProcDescript")}, {"ClinicNum", r.int("ClinicNum")}, {"IsHygiene", boolean(r.bool("IsHygiene"))},
		{"DateTStamp", r.text("DateTStamp")}, {"DateTimeArrived", r.text("DateTimeArrived")},
		{"DateTimeSeated", r.text("DateTimeSeated")}, {"DateTimeDismissed", r.text("DateTimeDismissed")},
		{"InsPlan1", r.int("InsPlan1")}, {"InsPlan2", r.int("InsPlan2")}, {"DateTimeAskedToArrive", r.text("DateTimeAskedToArrive")},
		{"colorOverride", rgb(r.int("ColorOverride"))}, {"AppointmentTypeNum", r.int("AppointmentTypeNum")},
		{"SecUserNumEntry", r.int("SecUserNumEntry")}, {"SecDateTEntry", r.text("SecDateTEntry")},
		{"Priority", priorityNames.name(r.int("Priority"))}, {"PatternSecondary", r.text("PatternSecondary")},
		{"ItemOrderPlanned", r.int("ItemOrderPlanned")},
	}...)
	return o
}

func (c *call) showAppointments(rows []record, clock bool) ([]object, error) {
	providers, err := c.providerAbbrs()
	if err != nil {
		return nil, err
	}
	definitions, err := c.definitionNames()
	if err != nil {
		return nil, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = c.appointment(r, providers, definitions, clock)
	}
	return list, nil
}

func (c *call) getAppointments() (reply, error) {
	f := c.filter()
	f.number("PatNum", "PatNum")
	f.enum("AptStatus", "AptStatus", aptStatusNames)
	f.number("Op", "Op")
	f.dates("AptDateTime")
	f.number("ClinicNum", "ClinicNum")
	f.since("appointment", "DateTStamp")
	f.number("AppointmentTypeNum", "AppointmentTypeNum")
	rows, err := f.list("appointment", "AptDateTime, AptNum")
	if err != nil {
		return reply{}, err
	}
	list, err := c.showAppointments(rows, true)
	if err != nil {
		return reply{}, err
	}
	return ok(list)
}

// dates adds the filters date, dateStart and dateEnd, all inclusive.
func (f *filter) dates(column string) {
	endOfDay := func(param string) {
		if f.c.query.Get(param) == "" {
			return
		}
		f.day(column+" <= ?", param)
		if f.err == nil {
			f.args[len(f.args)-1] = f.args[len(f.args)-1].(string) + " 23:59:59"
		}
	}
	f.day(column+" >= ?", "date")
	endOfDay("date")
	f.day(column+" >= ?", "dateStart")
	endOfDay("dateEnd")
}

func (c *call) getAppointment() (reply, error) {
	r, err := c.byPath("appointment", "Appointment")
	if err != nil {
		return reply{}, err
	}
	return c.oneAppointment(r)
}

func (c *call) oneAppointment(r record) (reply, error) {
	list, err := c.showAppointments([]record{r}, c.route.method == "GET")
	if err != nil {
		return reply{}, err
	}
	return ok(list[0])
}

func (c *call) getHistAppointments() (reply, error) {
	f := c.filter()
	f.enum("HistApptAction", "HistApptAction", histActionNames)
	f.number("AptNum", "AptNum")
	f.number("PatNum", "PatNum")
	f.enum("AptStatus", "AptStatus", aptStatusNames)
	f.number("ClinicNum", "ClinicNum")
	// The dates are of the appointment, not of what happened to it.
	f.dates("AptDateTime")
	rows, err := f.list("histappointment", "HistApptNum")
	if err != nil {
		return reply{}, err
	}
	providers, err := c.providerAbbrs()
	if err != nil {
		return reply{}, err
	}
	definitions, err := c.definitionNames()
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		row := object{
			{"HistApptNum", r.id()}, {"HistUserNum", r.int("HistUserNum")}, {"HistDateTStamp", r.text("HistDateTStamp")},
			{"HistApptAction", histActionNames.name(r.int("HistApptAction"))}, {"ApptSource", apptSourceNames.name(r.int("ApptSource"))},
		}
		shown := c.appointment(r, providers, definitions, false)
		shown[0] = member{"AptNum", r.int("AptNum")}
		list[i] = append(append(row, shown...), member{"serverDateTime", c.serverTime()})
	}
	return ok(list)
}

// changeAppointment stores new values, and with them what the program leaves
// behind: a histappointment row and signals to the open clients.
func (s *session) changeAppointment(r record, values set, action int) (record, error) {
	after, changed, err := s.update(r, values)
	if err != nil || !changed {
		return after, err
	}
	if err := s.appointmentHistory(after, action); err != nil {
		return after, err
	}
	return after, s.appointmentSignals(after)
}

func (s *session) appointmentHistory(r record, action int) error {
	hist := s.table("histappointment")
	values := set{"HistDateTStamp": s.now, "HistApptAction": action, "ApptSource": s.source()}
	for _, column := range r.table.columns {
		if hist.has(column.name) && column.kind != kindStamp {
			values[column.name] = r.value(column.name)
		}
	}
	_, err := s.insert("histappointment", values)
	return err
}

// source says who changed an appointment: people do it in the program.
func (s *session) source() int {
	switch {
	case !s.api:
		return 0
	case s.o.cfg.Mode == ModeRemote:
		return 1 // EConnector
	}
	return 6 // OpenDentalAPIService
}

func (s *session) appointmentSignals(r record) error {
	text, err := s.preference("ApptAutoRefreshRange")
	if err != nil {
		return err
	}
	days, err := strconv.Atoi(text)
	if err != nil {
		days = 4
	}
	day := s.wallOf(r.text("AptDateTime"))
	midnight := time.Date(s.now.Year(), s.now.Month(), s.now.Day(), 0, 0, 0, 0, s.o.zone)
	if days >= 0 && (day.Before(midnight) || day.After(midnight.AddDate(0, 0, days+1))) {
		return nil
	}
	for _, receiver := range []struct{ keyType, column string }{
		{"Provider", "ProvNum"}, {"Provider", "ProvHyg"}, {"Operatory", "Op"}, {"PatNum", "PatNum"},
	} {
		key := r.int(receiver.column)
		if key == 0 {
			continue
		}
		if err := s.signal(68, receiver.keyType, key, day); err != nil {
			return err
		}
	}
	return nil
}

// confirm adds to values what setting a confirmation status does: the statuses
// that the office chose as triggers also note the time.
func (s *session) confirm(r record, defNum int64, values set) error {
	values["Confirmed"] = defNum
	for preference, column := range map[string]string{
		"AppointmentTimeArrivedTrigger": "DateTimeArrived", "AppointmentTimeSeatedTrigger": "DateTimeSeated",
		"AppointmentTimeDismissedTrigger": "DateTimeDismissed",
	} {
		trigger, err := s.preference(preference)
		if err != nil {
			return err
		}
		if atoi(trigger) == defNum && strings.HasSuffix(r.text(column), " 00:00:00") {
			values[column] = s.now
		}
	}
	return nil
}

// insertAppointment stores a new appointment with what the program fills in.
func (s *session) insertAppointment(values set) (record, error) {
	fill := func(name string, value int64) {
		if v, given := values[name]; !given || v == int64(0) {
			values[name] = value
		}
	}
	op, _, err := s.get("operatory", toInt(values["Op"]))
	if err != nil {
		return record{}, err
	}
	patient, _, err := s.get("patient", toInt(values["PatNum"]))
	if err != nil {
		return record{}, err
	}
	first, _, err := s.firstDefinition(CategoryApptConfirmed)
	if err != nil {
		return record{}, err
	}
	fill("ProvNum", op.int("ProvDentist"))
	fill("ProvNum", patient.int("PriProv"))
	fill("ClinicNum", op.int("ClinicNum"))
	fill("Confirmed", first.id())
	fill("AptStatus", aptScheduled)
	if values["Pattern"] == nil || values["Pattern"] == "" {
		values["Pattern"] = "/XX/"
	}
	values["SecDateTEntry"] = s.now
	row, err := s.insert("appointment", values)
	if err != nil {
		return row, err
	}
	if err := s.appointmentHistory(row, histCreated); err != nil {
		return row, err
	}
	return row, s.appointmentSignals(row)
}

func toInt(v any) int64 {
	n, _ := v.(int64)
	return n
}

// deleteAppointment removes an appointment. Nothing is left but history.
func (s *session) deleteAppointment(r record) error {
	if err := s.appointmentHistory(r, histDeleted); err != nil {
		return err
	}
	if err := s.remove(r); err != nil {
		return err
	}
	return s.appointmentSignals(r)
}
