package opendentaltest

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

const patDeleted = 4

// livePatient reads a patient that is not deleted. A deleted one is frozen.
func (s *session) livePatient(patNum int64) (record, error) {
	r, found, err := s.get("patient", patNum)
	if err == nil && (!found || r.int("PatStatus") == patDeleted) {
		err = missing("Patient")
	}
	return r, err
}

// look is what showing patients needs besides their rows.
type look struct {
	providers, definitions map[int64]string
	clinics                map[int64]string
}

func (s *session) look() (look, error) {
	var l look
	var err error
	if l.providers, err = s.providerAbbrs(); err != nil {
		return l, err
	}
	if l.definitions, err = s.definitionNames(); err != nil {
		return l, err
	}
	rows, err := s.list("clinic", "")
	l.clinics = make(map[int64]string, len(rows))
	for _, r := range rows {
		l.clinics[r.id()] = r.text("Abbr")
	}
	return l, err
}

func (c *call) patient(r record, l look, clock bool) object {
	var o object
	if clock {
		o = object{{"serverDateTime", c.serverTime()}}
	}
	o = append(o, object{
		{"PatNum", r.id()}, {"LName", r.text("LName")}, {"FName", r.text("FName")}, {"MiddleI", r.text("MiddleI")},
		{"Preferred", r.text("Preferred")}, {"PatStatus", patStatusNames.name(r.int("PatStatus"))},
		{"Gender", genderNames.name(r.int("Gender"))}, {"Position", positionNames.name(r.int("Position"))},
		{"Birthdate", r.text("Birthdate")}, {"SSN", r.text("SSN")}, {"Address", r.text("Address")}, {"Address2", r.text("Address2")},
		{"City", r.text("City")}, {"State", r.text("State")}, {"Zip", r.text("Zip")}, {"HmPhone", r.text("HmPhone")},
		{"WkPhone", r.text("WkPhone")}, {"WirelessPhone", r.text("WirelessPhone")}, {"Guarantor", r.int("Guarantor")},
		{"Email", r.text("Email")}, {"EstBalance", r.float("EstBalance")}, {"PriProv", r.int("PriProv")},
		{"priProvAbbr", l.providers[r.int("PriProv")]}, {"SecProv", r.int("SecProv")}, {"secProvAbbr", l.providers[r.int("SecProv")]},
		{"FeeSched", r.int("FeeSched")}, {"BillingType", l.definitions[r.int("BillingType")]}, {"ImageFolder", r.text("ImageFolder")},
		{"FamFinUrgNote", r.text("FamFinUrgNote")}, {"ChartNumber", r.text("ChartNumber")}, {"MedicaidID", r.text("MedicaidID")},
		{"BalTotal", r.float("BalTotal")}, {"EmployerNum", r.int("EmployerNum")}, {"DateFirstVisit", r.text("DateFirstVisit")},
		{"ClinicNum", r.int("ClinicNum")}, {"clinicAbbr", l.clinics[r.int("ClinicNum")]}, {"Premed", boolean(r.bool("Premed"))},
		{"Ward", r.text("Ward")}, {"PreferConfirmMethod", contactNames.name(r.int("PreferConfirmMethod"))},
		{"PreferContactMethod", contactNames.name(r.int("PreferContactMethod"))},
		{"PreferRecallMethod", contactNames.name(r.int("PreferRecallMethod"))}, {"Language", r.text("Language")},
		{"AdmitDate", r.text("AdmitDate")}, {"siteDesc", ""}, {"DateTStamp", r.text("DateTStamp")},
		{"SuperFamily", r.int("SuperFamily")}, {"TxtMsgOk", yesNoNames.name(r.int("TxtMsgOk"))}, {"SecDateEntry", r.text("SecDateEntry")},
	}...)
	return o
}

func (c *call) getPatient() (reply, error) {
	id, err := c.pathID("PatNum")
	if err != nil {
		return reply{}, err
	}
	r, err := c.livePatient(id)
	if err != nil {
		return reply{}, err
	}
	l, err := c.look()
	if err != nil {
		return reply{}, err
	}
	return ok(c.patient(r, l, false))
}

func (c *call) getPatientsSimple() (reply, error) {
	f := c.filter()
	// A deleted or merged-away patient simply stops being listed.
	f.add("PatStatus <> ?", patDeleted)
	f.contains("LName", "LName")
	f.contains("FName", "FName")
	f.day("Birthdate = ?", "Birthdate")
	f.number("ClinicNum", "ClinicNum")
	f.enum("PatStatus", "PatStatus", patStatusNames)
	f.since("patient", "DateTStamp")
	f.number("PriProv", "PriProv")
	f.enum("Gender", "Gender", genderNames)
	f.enum("Position", "Position", positionNames)
	f.number("Guarantor", "Guarantor")
	f.number("SuperFamily", "SuperFamily")
	f.number("EmployerNum", "EmployerNum")
	f.number("FeeSched", "FeeSched")
	rows, err := f.list("patient", "PatNum")
	if err != nil {
		return reply{}, err
	}
	l, err := c.look()
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = c.patient(r, l, true)
	}
	return ok(list)
}

// digitsOf is an SQL expression: a phone number without its punctuation.
func digitsOf(column string) string {
	expression := "COALESCE(" + column + ", '')"
	for _, mark := range []string{"(", ")", "-", " ", ".", "+"} {
		expression = "REPLACE(" + expression + ", '" + mark + "', '')"
	}
	return expression
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// getPatients is the search of the Select Patient window.
func (c *call) getPatients() (reply, error) {
	f := c.filter()
	for _, name := range []string{"LName", "FName", "Address", "City", "State", "SSN", "ChartNumber", "Email", "Country"} {
		f.contains("patient."+name, name)
	}
	if text := c.query.Get("Phone"); text != "" {
		digits := "%" + onlyDigits(text) + "%"
		if digits == "%%" {
			return reply{}, bad("Phone is invalid.")
		}
		f.add("("+digitsOf("HmPhone")+" LIKE ? OR "+digitsOf("WkPhone")+" LIKE ? OR "+digitsOf("WirelessPhone")+" LIKE ?)",
			digits, digits, digits)
	}
	f.day("Birthdate = ?", "Birthdate")
	if err := c.statusFilter(f); err != nil {
		return reply{}, err
	}
	if text := c.query.Get("clinicNums"); text != "" {
		var marks []string
		var args []any
		for part := range strings.SplitSeq(text, ",") {
			n, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64)
			if err != nil {
				return reply{}, bad("clinicNums is invalid.")
			}
			marks, args = append(marks, "?"), append(args, n)
		}
		f.add("ClinicNum IN ("+strings.Join(marks, ", ")+")", args...)
	}
	for _, name := range []string{"SiteNum", "SubscriberId", "clinicAbbr", "invoiceNumber"} {
		if c.query.Get(name) != "" {
			return reply{}, bad("%s is not emulated.", name)
		}
	}
	rows, err := f.list("patient", "LName, FName, PatNum")
	if err != nil {
		return reply{}, err
	}
	l, err := c.look()
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = c.found(r, l)
	}
	return ok(list)
}

// statusFilter is the check boxes of the Select Patient window. Archived and
// deceased patients are left out unless asked for, deleted ones always.
func (c *call) statusFilter(f *filter) error {
	archived, err := c.queryFlag("showArchived")
	if err != nil {
		return err
	}
	inactive, err := c.queryFlag("hideInactive")
	if err != nil {
		return err
	}
	guarantors, err := c.queryFlag("guarOnly")
	if err != nil {
		return err
	}
	f.add("PatStatus <> ?", patDeleted)
	if !archived {
		f.add("PatStatus NOT IN (3, 5)")
	}
	if inactive {
		f.add("PatStatus <> 2")
	}
	if guarantors {
		f.add("Guarantor = PatNum")
	}
	return nil
}

// found is a row of the search: fewer fields, and the Zip as a number.
func (c *call) found(r record, l look) object {
	var zip any = r.text("Zip")
	if n, err := strconv.ParseInt(r.text("Zip"), 10, 64); err == nil {
		zip = n
	}
	return object{
		{"PatNum", r.id()}, {"LName", r.text("LName")}, {"FName", r.text("FName")}, {"MiddleI", r.text("MiddleI")},
		{"Preferred", r.text("Preferred")}, {"PatStatus", patStatusNames.name(r.int("PatStatus"))}, {"Birthdate", r.text("Birthdate")},
		{"SSN", r.text("SSN")}, {"Address", r.text("Address")}, {"Address2", r.text("Address2")}, {"City", r.text("City")},
		{"State", r.text("State")}, {"Zip", zip}, {"HmPhone", r.text("HmPhone")}, {"WkPhone", r.text("WkPhone")},
		{"WirelessPhone", r.text("WirelessPhone")}, {"Email", r.text("Email")}, {"priProvAbbr", l.providers[r.int("PriProv")]},
		{"secProvAbbr", l.providers[r.int("SecProv")]}, {"BillingType", l.definitions[r.int("BillingType")]},
		{"ChartNumber", r.text("ChartNumber")}, {"ClinicNum", r.int("ClinicNum")}, {"clinicAbbr", l.clinics[r.int("ClinicNum")]},
		{"siteDesc", ""}, {"TxtMsgOk", yesNoNames.name(r.int("TxtMsgOk"))},
	}
}

// insertPatient stores a new patient with what the program fills in.
func (s *session) insertPatient(values set) (record, error) {
	fill := func(name string, value any) {
		if v, given := values[name]; !given || v == int64(0) {
			values[name] = value
		}
	}
	provider, err := s.preference("PracticeDefaultProv")
	if err != nil {
		return record{}, err
	}
	billing, err := s.preference("PracticeDefaultBillType")
	if err != nil {
		return record{}, err
	}
	fill("PriProv", atoi(provider))
	fill("BillingType", atoi(billing))
	values["SecDateEntry"] = s.now
	row, err := s.insert("patient", values)
	if err != nil {
		return row, err
	}
	later := set{}
	if row.int("Guarantor") == 0 {
		later["Guarantor"] = row.id()
	}
	if row.text("ImageFolder") == "" {
		later["ImageFolder"] = imageFolder(row)
	}
	row, _, err = s.update(row, later)
	return row, err
}

// imageFolder is the name the program gives a patient's folder.
func imageFolder(r record) string {
	letters := strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) {
			return c
		}
		return -1
	}, r.text("LName")+r.text("FName"))
	return letters + strconv.FormatInt(r.id(), 10)
}

func atoi(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// wallOf reads a wall time that this package wrote.
func (s *session) wallOf(text string) time.Time {
	t, err := time.ParseInLocation(layoutDateTime, text, s.o.zone)
	if err != nil {
		t, _ = time.ParseInLocation(layoutDate, text, s.o.zone)
	}
	return t
}
