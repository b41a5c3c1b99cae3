package opendentaltest

import (
	"net/http"
	"strconv"
	"strings"
)

// patientValues reads the body fields of Patients POST and PUT.
func (c *call) patientValues(patNum int64) (set, error) {
	values := set{}
	for _, name := range []string{"LName", "FName", "MiddleI", "Preferred", "SSN", "Address", "Address2", "City", "State", "Zip",
		"HmPhone", "WkPhone", "WirelessPhone", "Email", "ChartNumber", "MedicaidID", "Ward", "Language", "FamFinUrgNote"} {
		if text, given, err := c.str(name); err != nil {
			return nil, err
		} else if given {
			values[name] = text
		}
	}
	if text, given := values["ChartNumber"].(string); given && len(text) > 15 {
		return nil, bad("ChartNumber has a maximum of 15 characters.")
	}
	for name, names := range map[string]enum{"PatStatus": patStatusNames, "Gender": genderNames, "Position": positionNames,
		"PreferConfirmMethod": contactNames, "PreferContactMethod": contactNames, "PreferRecallMethod": contactNames, "TxtMsgOk": yesNoNames} {
		if n, given, err := c.choice(name, names); err != nil {
			return nil, err
		} else if given {
			values[name] = n
		}
	}
	if values["PatStatus"] == int64(patDeleted) {
		return nil, bad("PatStatus is invalid.") // patients are never deleted through the API
	}
	for _, name := range []string{"Birthdate", "DateFirstVisit", "AdmitDate"} {
		if text, given, err := c.day(name); err != nil {
			return nil, err
		} else if given {
			values[name] = text
		}
	}
	for _, name := range []string{"Guarantor", "PriProv", "SecProv", "FeeSched", "EmployerNum", "ClinicNum", "SuperFamily"} {
		if n, given, err := c.num(name); err != nil {
			return nil, err
		} else if given {
			values[name] = n
		}
	}
	if v, given, err := c.flag("Premed"); err != nil {
		return nil, err
	} else if given {
		values["Premed"] = v
	}
	return values, c.patientReferences(values, patNum)
}

// patientReferences refuses what names no row.
func (c *call) patientReferences(values set, patNum int64) error {
	if _, guarantor := values["Guarantor"]; guarantor {
		if _, super := values["SuperFamily"]; super {
			return bad("Only one of Guarantor and SuperFamily is allowed.")
		}
	}
	for _, name := range []string{"PriProv", "SecProv"} {
		n, given := values[name].(int64)
		if !given || n == 0 {
			continue
		}
		if _, found, err := c.get("provider", n); err != nil {
			return err
		} else if !found {
			return missing("Provider")
		}
	}
	if n, given := values["Guarantor"].(int64); given && n != 0 && n != patNum {
		if _, err := c.livePatient(n); err != nil {
			return err
		}
	}
	name, given, err := c.str("BillingType")
	if err != nil || !given {
		return err
	}
	billing, found, err := c.first("definition", "WHERE Category = ? AND ItemName = ? AND IsHidden = 0", CategoryBillingTypes, name)
	if err == nil && !found {
		err = bad("BillingType is invalid.")
	}
	values["BillingType"] = billing.id()
	return err
}

func (c *call) postPatient() (reply, error) {
	for _, name := range []string{"LName", "FName"} {
		if _, err := c.required(name); err != nil {
			return reply{}, err
		}
	}
	values, err := c.patientValues(0)
	if err != nil {
		return reply{}, err
	}
	if _, given := values["Gender"]; !given {
		values["Gender"] = int64(2)
	}
	if twin, err := c.samePatient(values); err != nil {
		return reply{}, err
	} else if twin {
		return reply{}, bad("A patient with this name, birthdate and contact information already exists.")
	}
	row, err := c.insertPatient(values)
	if err != nil {
		return reply{}, err
	}
	l, err := c.look()
	return reply{
		status: http.StatusCreated, body: c.patient(row, l, false), location: "/patients/" + strconv.FormatInt(row.id(), 10),
	}, err
}

// samePatient looks for a patient with the same names, birth date, and an
// email address or phone number in common. Without any contact on either side
// the names and the birth date decide.
func (c *call) samePatient(values set) (bool, error) {
	birthdate, given := values["Birthdate"].(string)
	if !given {
		birthdate = noDate
	}
	rows, err := c.list("patient", "WHERE LName = ? AND FName = ? AND Birthdate = ? AND PatStatus <> ?",
		values["LName"], values["FName"], birthdate, patDeleted)
	if err != nil {
		return false, err
	}
	contacts := func(text func(string) string) map[string]bool {
		found := map[string]bool{}
		if email := strings.ToLower(text("Email")); email != "" {
			found[email] = true
		}
		for _, name := range []string{"HmPhone", "WkPhone", "WirelessPhone"} {
			if digits := onlyDigits(text(name)); digits != "" {
				found[digits] = true
			}
		}
		return found
	}
	mine := contacts(func(name string) string { text, _ := values[name].(string); return text })
	for _, r := range rows {
		theirs := contacts(r.text)
		if len(mine) == 0 && len(theirs) == 0 {
			return true, nil
		}
		for contact := range mine {
			if theirs[contact] {
				return true, nil
			}
		}
	}
	return false, nil
}

func (c *call) putPatient() (reply, error) {
	id, err := c.pathID("PatNum")
	if err != nil {
		return reply{}, err
	}
	row, err := c.livePatient(id)
	if err != nil {
		return reply{}, err
	}
	values, err := c.patientValues(id)
	if err != nil {
		return reply{}, err
	}
	for _, name := range []string{"LName", "FName"} {
		if values[name] == "" { // the two fields that an empty string does not clear
			delete(values, name)
		}
	}
	if row, _, err = c.update(row, values); err != nil {
		return reply{}, err
	}
	l, err := c.look()
	if err != nil {
		return reply{}, err
	}
	return ok(c.patient(row, l, false))
}
