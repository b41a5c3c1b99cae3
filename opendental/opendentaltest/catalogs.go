package opendentaltest

import (
	"fmt"
	"time"
)

// definitionNames reads the names of all definitions by DefNum, hidden ones too:
// only these two columns, since nearly every row that is shown needs a name.
func (s *session) definitionNames() (map[int64]string, error) {
	rows, err := s.q.QueryContext(s.ctx, "SELECT DefNum, ItemName FROM definition")
	if err != nil {
		return nil, fmt.Errorf("opendentaltest: read definition: %w", err)
	}
	defer rows.Close()
	names := map[int64]string{}
	for rows.Next() {
		var num int64
		var name string
		if err := rows.Scan(&num, &name); err != nil {
			return nil, fmt.Errorf("opendentaltest: read definition: %w", err)
		}
		names[num] = name
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("opendentaltest: read definition: %w", err)
	}
	return names, nil
}

// definition reads a definition of a category.
func (s *session) definition(defNum, category int64) (record, bool, error) {
	r, found, err := s.get("definition", defNum)
	return r, found && r.int("Category") == category, err
}

// firstDefinition is the first definition of a category that is not hidden, in
// the office's order.
func (s *session) firstDefinition(category int64) (record, bool, error) {
	return s.first("definition", "WHERE Category = ? AND IsHidden = 0 ORDER BY ItemOrder, DefNum", category)
}

// providerAbbrs reads the abbreviations of the providers.
func (s *session) providerAbbrs() (map[int64]string, error) {
	rows, err := s.list("provider", "")
	names := make(map[int64]string, len(rows))
	for _, r := range rows {
		names[r.id()] = r.text("Abbr")
	}
	return names, err
}

func (c *call) getPreferences() (reply, error) {
	f := c.filter()
	if name := c.query.Get("PrefName"); name != "" {
		f.add("PrefName = ?", name)
	}
	rows, err := f.list("preference", "PrefNum")
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = object{{"PrefNum", r.id()}, {"PrefName", r.text("PrefName")}, {"ValueString", r.text("ValueString")}}
	}
	return ok(list)
}

func (c *call) provider(r record, clock bool) object {
	o := object{
		{"ProvNum", r.id()}, {"Abbr", r.text("Abbr")}, {"LName", r.text("LName")}, {"FName", r.text("FName")},
		{"MI", r.text("MI")}, {"Suffix", r.text("Suffix")}, {"FeeSched", r.int("FeeSched")}, {"Specialty", r.int("Specialty")},
		{"SSN", r.text("SSN")}, {"StateLicense", r.text("StateLicense")}, {"IsSecondary", boolean(r.bool("IsSecondary"))},
		{"provColor", rgb(r.int("ProvColor"))}, {"IsHidden", boolean(r.bool("IsHidden"))}, {"UsingTIN", boolean(r.bool("UsingTIN"))},
		{"SigOnFile", boolean(r.bool("SigOnFile"))}, {"NationalProvID", r.text("NationalProvID")}, {"DateTStamp", r.text("DateTStamp")},
		{"IsNotPerson", boolean(r.bool("IsNotPerson"))}, {"ProvStatus", provStatusNames.name(r.int("ProvStatus"))},
		{"IsHiddenReport", boolean(r.bool("IsHiddenReport"))}, {"Birthdate", r.text("Birthdate")},
		{"SchedNote", r.text("SchedNote")}, {"PreferredName", r.text("PreferredName")},
	}
	if clock {
		o = append(o, member{"serverDateTime", c.serverTime()})
	}
	return o
}

func (c *call) getProviders() (reply, error) {
	f := c.filter()
	_, byClinic, err := c.queryInt("ClinicNum")
	if err != nil {
		return reply{}, err
	}
	if byClinic { // the other query: active providers, and no clock in the rows
		f.add("IsHidden = 0")
	} else {
		f.since("provider", "DateTStamp")
	}
	rows, err := f.list("provider", "ItemOrder, ProvNum")
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = c.provider(r, !byClinic)
	}
	return ok(list)
}

func (c *call) getProvider() (reply, error) {
	r, err := c.byPath("provider", "Provider")
	if err != nil {
		return reply{}, err
	}
	return ok(c.provider(r, true))
}

// byPath reads the row that the URL names.
func (c *call) byPath(table, what string) (record, error) {
	id, err := c.pathID(c.table(table).key)
	if err != nil {
		return record{}, err
	}
	r, found, err := c.get(table, id)
	if err == nil && !found {
		err = missing(what)
	}
	return r, err
}

func (c *call) getDefinitions() (reply, error) {
	f := c.filter()
	f.number("Category", "Category")
	hidden, err := c.queryFlag("includeHidden")
	if err != nil {
		return reply{}, err
	}
	if !hidden {
		f.add("IsHidden = 0")
	}
	rows, err := f.list("definition", "Category, ItemOrder, DefNum")
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = object{
			{"DefNum", r.id()}, {"ItemName", r.text("ItemName")}, {"ItemValue", r.text("ItemValue")},
			{"Category", r.int("Category")}, {"category", categoryNames[r.int("Category")]}, {"isHidden", boolean(r.bool("IsHidden"))},
		}
	}
	return ok(list)
}

func (c *call) getAppointmentTypes() (reply, error) {
	rows, err := c.filter().list("appointmenttype", "ItemOrder, AppointmentTypeNum")
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		var blockouts any = r.text("BlockoutTypes")
		if blockouts == "" {
			blockouts = 0 // shown as a number when there are none
		}
		list[i] = object{
			{"AppointmentTypeNum", r.id()}, {"AppointmentTypeName", r.text("AppointmentTypeName")},
			{"appointmentTypeColor", rgb(r.int("AppointmentTypeColor"))}, {"IsHidden", boolean(r.bool("IsHidden"))},
			{"Pattern", r.text("Pattern")}, {"CodeStr", r.text("CodeStr")}, {"CodeStrRequired", r.text("CodeStrRequired")},
			{"RequiredProcCodesNeeded", r.int("RequiredProcCodesNeeded")}, {"BlockoutTypes", blockouts},
		}
	}
	return ok(list)
}

func (c *call) getClinics() (reply, error) {
	off, err := c.preference("EasyNoClinics")
	if err != nil {
		return reply{}, err
	}
	if off == "1" { // clinics are switched off: an empty list
		return ok([]object{})
	}
	f := c.filter()
	f.add("IsHidden = 0")
	rows, err := f.list("clinic", "ItemOrder, ClinicNum")
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = object{
			{"ClinicNum", r.id()}, {"Description", r.text("Description")}, {"Abbr", r.text("Abbr")}, {"Address", r.text("Address")},
			{"Address2", r.text("Address2")}, {"City", r.text("City")}, {"State", r.text("State")}, {"Zip", r.text("Zip")},
			{"Phone", r.text("Phone")}, {"Fax", r.text("Fax")}, {"DefaultProv", r.int("DefaultProv")}, {"IsHidden", boolean(false)},
			{"TimeZone", r.text("TimeZone")},
		}
	}
	return ok(list)
}

func (c *call) operatory(r record) object {
	return object{
		{"OperatoryNum", r.id()}, {"OpName", r.text("OpName")}, {"Abbrev", r.text("Abbrev")}, {"ItemOrder", r.int("ItemOrder")},
		{"IsHidden", boolean(r.bool("IsHidden"))}, {"ProvDentist", r.int("ProvDentist")}, {"ProvHygienist", r.int("ProvHygienist")},
		{"IsHygiene", boolean(r.bool("IsHygiene"))}, {"ClinicNum", r.int("ClinicNum")},
		{"SetProspective", boolean(r.bool("SetProspective"))}, {"IsWebSched", boolean(r.bool("IsWebSched"))},
		{"OperatoryType", r.int("OperatoryType")}, {"operatoryType", ""},
	}
}

func (c *call) getOperatories() (reply, error) {
	f := c.filter()
	f.number("ClinicNum", "ClinicNum")
	rows, err := f.list("operatory", "ItemOrder, OperatoryNum")
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = c.operatory(r)
	}
	return ok(list)
}

func (c *call) getOperatory() (reply, error) {
	r, err := c.byPath("operatory", "Operatory")
	if err != nil {
		return reply{}, err
	}
	return ok(c.operatory(r))
}

func (c *call) getUserods() (reply, error) {
	f := c.filter()
	hidden, err := c.queryFlag("includeHidden")
	if err != nil {
		return reply{}, err
	}
	if !hidden {
		f.add("IsHidden = 0")
	}
	rows, err := f.list("userod", "UserNum")
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = object{
			{"UserNum", r.id()}, {"UserName", r.text("UserName")}, {"userGroupNums", []int64{r.int("UserGroupNum")}},
			{"EmployeeNum", r.int("EmployeeNum")}, {"employeeName", ""}, {"ClinicNum", r.int("ClinicNum")},
			{"ProviderNum", r.int("ProvNum")}, {"providerName", ""}, {"emailAddress", ""},
			{"IsHidden", boolean(r.bool("IsHidden"))}, {"UserNumCEMT", r.int("UserNumCEMT")},
			{"IsPasswordResetRequired", boolean(r.bool("IsPasswordResetRequired"))},
		}
	}
	return ok(list)
}

func (c *call) getPatPlans() (reply, error) {
	f := c.filter()
	f.number("PatNum", "PatNum")
	f.number("InsSubNum", "InsSubNum")
	rows, err := f.list("patplan", "PatNum, Ordinal, PatPlanNum")
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = object{
			{"PatPlanNum", r.id()}, {"PatNum", r.int("PatNum")}, {"Ordinal", r.int("Ordinal")},
			{"IsPending", boolean(r.bool("IsPending"))}, {"Relationship", relationNames.name(r.int("Relationship"))},
			{"PatID", r.text("PatID")}, {"InsSubNum", r.int("InsSubNum")},
			{"OrthoAutoFeeBilledOverride", r.float("OrthoAutoFeeBilledOverride")},
			{"OrthoAutoNextClaimDate", r.text("OrthoAutoNextClaimDate")}, {"SecDateTEntry", r.text("SecDateTEntry")},
			{"SecDateTEdit", r.text("SecDateTEdit")},
		}
	}
	return ok(list)
}

// signal tells open clients what changed, as the program does.
func (s *session) signal(iType int64, keyType string, key int64, viewing time.Time) error {
	_, err := s.insert("signalod", set{
		"DateViewing": viewing, "SigDateTime": s.now, "FKey": key, "FKeyType": keyType, "IType": iType,
	})
	return err
}
