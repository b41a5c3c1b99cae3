package opendentaltest

import "net/http"

func (c *call) insVerify(r record) object {
	return object{
		{"InsVerifyNum", r.id()}, {"DateLastVerified", r.text("DateLastVerified")}, {"UserNum", r.int("UserNum")},
		{"VerifyType", verifyTypeNames.name(r.int("VerifyType"))}, {"FKey", r.int("FKey")}, {"DefNum", r.int("DefNum")},
		{"Note", r.text("Note")}, {"DateLastAssigned", r.text("DateLastAssigned")[:len(layoutDate)]},
		{"SecDateTEdit", r.text("SecDateTEdit")},
	}
}

func (c *call) getInsVerify() (reply, error) {
	r, err := c.byPath("insverify", "InsVerify")
	if err != nil {
		return reply{}, err
	}
	return ok(c.insVerify(r))
}

func (c *call) getInsVerifies() (reply, error) {
	if c.query.Get("FKey") != "" && c.query.Get("VerifyType") == "" {
		return reply{}, bad("VerifyType is required if FKey is specified")
	}
	f := c.filter()
	f.enum("VerifyType", "VerifyType", verifyTypeNames)
	f.number("FKey", "FKey")
	f.since("insverify", "SecDateTEdit")
	rows, err := f.list("insverify", "InsVerifyNum")
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = c.insVerify(r)
	}
	return ok(list)
}

// putInsVerify sets what is known about a patient's coverage or a plan's
// benefits: one row for each, and a history row for each change.
func (c *call) putInsVerify() (reply, error) {
	if _, err := c.required("VerifyType"); err != nil {
		return reply{}, err
	}
	verifyType, _, err := c.choice("VerifyType", verifyTypeNames)
	if err != nil {
		return reply{}, err
	}
	key, err := c.requiredNum("FKey")
	if err != nil {
		return reply{}, err
	}
	if err := c.verifiable(verifyType, key); err != nil {
		return reply{}, err
	}
	values := set{}
	date, given, err := c.day("DateLastVerified")
	switch {
	case err != nil:
		return reply{}, err
	case given:
		values["DateLastVerified"] = date
	case !c.o.officeVersion().atLeast(mustVersion("24.1.17")):
		return reply{}, bad("DateLastVerified is required")
	}
	if n, given, err := c.chosen("DefNum", CategoryInsVerification); err != nil {
		return reply{}, err
	} else if given {
		values["DefNum"] = n
	}
	if text, given, err := c.str("Note"); err != nil {
		return reply{}, err
	} else if given {
		values["Note"] = text
	}
	row, found, err := c.first("insverify", "WHERE VerifyType = ? AND FKey = ?", verifyType, key)
	if err != nil {
		return reply{}, err
	}
	if !found {
		values["VerifyType"], values["FKey"], values["DateTimeEntry"] = verifyType, key, c.now
		if row, err = c.insert("insverify", values); err != nil {
			return reply{}, err
		}
	} else if row, _, err = c.update(row, values); err != nil {
		return reply{}, err
	}
	history := set{}
	for _, name := range []string{"InsVerifyNum", "DateLastVerified", "UserNum", "VerifyType", "FKey", "DefNum", "Note", "DateLastAssigned", "DateTimeEntry"} {
		history[name] = row.value(name)
	}
	if _, err := c.insert("insverifyhist", history); err != nil {
		return reply{}, err
	}
	return ok(c.insVerify(row))
}

// verifiable refuses a key that names no coverage, or no plan.
func (c *call) verifiable(verifyType, key int64) error {
	var found bool
	var err error
	if verifyType == 1 {
		_, found, err = c.first("inssub", "WHERE PlanNum = ?", key)
	} else {
		_, found, err = c.get("patplan", key)
	}
	if err == nil && !found {
		err = bad("FKey is invalid.")
	}
	return err
}

func (c *call) statement(r record) object {
	return object{
		{"StatementNum", r.id()}, {"PatNum", r.int("PatNum")}, {"DateSent", r.text("DateSent")}, {"DateRangeFrom", r.text("DateRangeFrom")},
		{"DateRangeTo", r.text("DateRangeTo")}, {"Note", r.text("Note")}, {"NoteBold", r.text("NoteBold")},
		{"Mode_", stmtModeNames.name(r.int("Mode_"))}, {"HidePayment", boolean(r.bool("HidePayment"))},
		{"SinglePatient", boolean(r.bool("SinglePatient"))}, {"Intermingled", boolean(r.bool("Intermingled"))},
		{"IsSent", boolean(r.bool("IsSent"))}, {"DocNum", r.int("DocNum")}, {"DateTStamp", r.text("DateTStamp")},
		{"IsReceipt", boolean(r.bool("IsReceipt"))}, {"IsInvoice", boolean(r.bool("IsInvoice"))},
		{"IsInvoiceCopy", boolean(r.bool("IsInvoiceCopy"))}, {"SuperFamily", r.int("SuperFamily")},
		{"IsBalValid", boolean(r.bool("IsBalValid"))}, {"InsEst", r.float("InsEst")}, {"BalTotal", r.float("BalTotal")},
		{"StatementType", r.text("StatementType")},
	}
}

func (c *call) getStatement() (reply, error) {
	r, err := c.byPath("statement", "Statement")
	if err != nil {
		return reply{}, err
	}
	return ok(c.statement(r))
}

func (c *call) getStatements() (reply, error) {
	f := c.filter()
	f.number("PatNum", "PatNum")
	rows, err := f.list("statement", "StatementNum")
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = c.statement(r)
	}
	return ok(list)
}

func (c *call) postStatement() (reply, error) {
	patNum, err := c.requiredNum("PatNum")
	if err != nil {
		return reply{}, err
	}
	if _, err := c.livePatient(patNum); err != nil {
		return reply{}, err
	}
	values := set{
		"PatNum": patNum, "DateSent": c.now, "DateRangeFrom": noDate, "DateRangeTo": "2200-01-01", "Mode_": 4,
		"HidePayment": true, "Intermingled": true, "IsSent": true, "StatementType": "NotSet",
	}
	if text, given, err := c.day("DateSent"); err != nil {
		return reply{}, err
	} else if given {
		values["DateSent"] = text
	}
	if text, given, err := c.str("Note"); err != nil {
		return reply{}, err
	} else if given {
		values["Note"] = text
	}
	if n, given, err := c.reference("DocNum", "document", "Document"); err != nil {
		return reply{}, err
	} else if given {
		values["DocNum"] = n
	}
	row, err := c.insert("statement", values)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusCreated, body: c.statement(row)}, nil
}
