package opendentaltest

import "net/http"

func (c *call) adjustment(r record, definitions map[int64]string) object {
	return object{
		{"AdjNum", r.id()}, {"AdjDate", r.text("AdjDate")}, {"AdjAmt", r.float("AdjAmt")}, {"PatNum", r.int("PatNum")},
		{"AdjType", r.int("AdjType")}, {"adjType", definitions[r.int("AdjType")]}, {"ProvNum", r.int("ProvNum")},
		{"AdjNote", r.text("AdjNote")}, {"ProcDate", r.text("ProcDate")}, {"ProcNum", r.int("ProcNum")}, {"DateEntry", r.text("DateEntry")},
		{"ClinicNum", r.int("ClinicNum")}, {"SecUserNumEntry", r.int("SecUserNumEntry")}, {"SecDateTEdit", r.text("SecDateTEdit")},
	}
}

func (c *call) oneAdjustment(r record, status int) (reply, error) {
	definitions, err := c.definitionNames()
	return reply{status: status, body: c.adjustment(r, definitions)}, err
}

func (c *call) getAdjustments() (reply, error) {
	patNum, given, err := c.queryInt("PatNum")
	if err != nil {
		return reply{}, err
	}
	if !given {
		return reply{}, bad("PatNum is required")
	}
	if _, err := c.livePatient(patNum); err != nil {
		return reply{}, err
	}
	f := c.filter()
	f.number("PatNum", "PatNum")
	f.number("AdjType", "AdjType")
	f.number("ProcNum", "ProcNum")
	// The published program code sorts by AdjDate alone, so that rows of one day may
	// stand otherwise on each page.
	order := "AdjDate, AdjNum"
	if c.query.Get("Offset") != "" {
		order = "AdjDate, AdjNum DESC"
	}
	rows, err := f.list("adjustment", order)
	if err != nil {
		return reply{}, err
	}
	definitions, err := c.definitionNames()
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = c.adjustment(r, definitions)
	}
	return ok(list)
}

// signed refuses an amount whose sign is not that of its type.
func (c *call) signed(adjType int64, amount float64) error {
	def, found, err := c.definition(adjType, CategoryAdjTypes)
	if err != nil {
		return err
	}
	sign := def.text("ItemValue")
	switch {
	case !found || sign != "+" && sign != "-":
		return bad("AdjType is invalid.")
	case sign == "+" && amount <= 0:
		return bad("AdjAmt must be positive for this AdjType.")
	case sign == "-" && amount >= 0:
		return bad("AdjAmt must be negative for this AdjType.")
	}
	return nil
}

// adjustmentValues reads the optional body fields of POST and PUT.
func (c *call) adjustmentValues(patNum int64) (set, error) {
	values := set{}
	if n, given, err := c.reference("ProvNum", "provider", "Provider"); err != nil {
		return nil, err
	} else if given {
		values["ProvNum"] = n
	}
	if n, given, err := c.reference("ClinicNum", "clinic", "Clinic"); err != nil {
		return nil, err
	} else if given {
		values["ClinicNum"] = n
	}
	if text, given, err := c.str("AdjNote"); err != nil {
		return nil, err
	} else if given {
		values["AdjNote"] = text
	}
	procNum, given, err := c.num("ProcNum")
	if err != nil {
		return nil, err
	}
	if given && procNum != 0 {
		procedure, found, err := c.get("procedurelog", procNum)
		if err != nil {
			return nil, err
		}
		if !found || procedure.int("PatNum") != patNum {
			return nil, missing("Procedure")
		}
		values["ProcNum"], values["ProcDate"] = procNum, procedure.text("ProcDate")
	}
	if text, given, err := c.day("ProcDate"); err != nil {
		return nil, err
	} else if given {
		values["ProcDate"] = text
	}
	return values, nil
}

func (c *call) postAdjustment() (reply, error) {
	patNum, err := c.requiredNum("PatNum")
	if err != nil {
		return reply{}, err
	}
	if _, err := c.required("AdjType"); err != nil {
		return reply{}, err
	}
	adjType, _, err := c.chosen("AdjType", CategoryAdjTypes)
	if err != nil {
		return reply{}, err
	}
	amount, given, err := c.amount("AdjAmt")
	if err != nil {
		return reply{}, err
	}
	if !given {
		return reply{}, bad("AdjAmt is required")
	}
	if _, err := c.required("AdjDate"); err != nil {
		return reply{}, err
	}
	date, _, err := c.day("AdjDate")
	if err != nil {
		return reply{}, err
	}
	patient, err := c.livePatient(patNum)
	if err != nil {
		return reply{}, err
	}
	if err := c.signed(adjType, amount); err != nil {
		return reply{}, err
	}
	if err := c.mayDate("AdjDate", date); err != nil {
		return reply{}, err
	}
	values, err := c.adjustmentValues(patNum)
	if err != nil {
		return reply{}, err
	}
	for name, value := range (set{"ProvNum": patient.int("PriProv"), "ClinicNum": patient.int("ClinicNum"), "ProcDate": c.today()}) {
		if _, given := values[name]; !given {
			values[name] = value
		}
	}
	values["PatNum"], values["AdjType"], values["AdjAmt"], values["AdjDate"] = patNum, adjType, cents(amount), date
	values["DateEntry"] = c.now
	row, err := c.insert("adjustment", values)
	if err != nil {
		return reply{}, err
	}
	return c.oneAdjustment(row, http.StatusCreated)
}

func (c *call) putAdjustment() (reply, error) {
	r, err := c.byPath("adjustment", "Adjustment")
	if err != nil {
		return reply{}, err
	}
	if err := c.unfrozen(r); err != nil {
		return reply{}, err
	}
	values, err := c.adjustmentValues(r.int("PatNum"))
	if err != nil {
		return reply{}, err
	}
	adjType, amount := r.int("AdjType"), r.float("AdjAmt")
	if n, given, err := c.chosen("AdjType", CategoryAdjTypes); err != nil {
		return reply{}, err
	} else if given {
		adjType = n
	}
	if v, given, err := c.amount("AdjAmt"); err != nil {
		return reply{}, err
	} else if given {
		amount = cents(v)
	}
	if err := c.signed(adjType, amount); err != nil {
		return reply{}, err
	}
	if date, given, err := c.day("AdjDate"); err != nil {
		return reply{}, err
	} else if given {
		if err := c.mayDate("AdjDate", date); err != nil {
			return reply{}, err
		}
		values["AdjDate"] = date
	}
	values["AdjType"], values["AdjAmt"] = adjType, amount
	if r, _, err = c.update(r, values); err != nil {
		return reply{}, err
	}
	return c.oneAdjustment(r, http.StatusOK)
}
