package opendentaltest

import "net/http"

func (c *call) commlog(r record, definitions map[int64]string) object {
	o := object{
		{"CommlogNum", r.id()}, {"PatNum", r.int("PatNum")}, {"CommDateTime", r.text("CommDateTime")},
		// A DefNum, and yet a string.
		{"CommType", amountText(float64(r.int("CommType")))}, {"commType", definitions[r.int("CommType")]},
		{"Note", r.text("Note")}, {"Mode_", commModeNames.name(r.int("Mode_"))},
		{"SentOrReceived", commSentNames.name(r.int("SentOrReceived"))},
	}
	if c.o.officeVersion().atLeast(mustVersion("25.1")) {
		o = append(o, object{
			{"UserNum", r.int("UserNum")}, {"DateTStamp", r.text("DateTStamp")}, {"CommSource", commSourceNames.name(r.int("CommSource"))},
			{"ProgramNum", r.int("ProgramNum")}, {"DateTEntry", r.text("DateTEntry")}, {"ReferralNum", r.int("ReferralNum")},
		}...)
	}
	return o
}

func (c *call) getCommlogs() (reply, error) {
	patNum, given, err := c.queryInt("PatNum")
	if err != nil {
		return reply{}, err
	}
	if !given && !c.o.officeVersion().atLeast(mustVersion("25.1.13")) {
		return reply{}, bad("PatNum is required")
	}
	if given {
		if _, err := c.livePatient(patNum); err != nil {
			return reply{}, err
		}
	}
	f := c.filter()
	f.number("PatNum", "PatNum")
	f.since("commlog", "DateTStamp")
	rows, err := f.list("commlog", "CommlogNum")
	if err != nil {
		return reply{}, err
	}
	definitions, err := c.definitionNames()
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = c.commlog(r, definitions)
	}
	return ok(list)
}

func (c *call) getCommlog() (reply, error) {
	r, err := c.byPath("commlog", "Commlog")
	if err != nil {
		return reply{}, err
	}
	return c.oneCommlog(r, http.StatusOK)
}

func (c *call) oneCommlog(r record, status int) (reply, error) {
	definitions, err := c.definitionNames()
	return reply{status: status, body: c.commlog(r, definitions)}, err
}

func (c *call) postCommlog() (reply, error) {
	patNum, err := c.requiredNum("PatNum")
	if err != nil {
		return reply{}, err
	}
	note, err := c.required("Note")
	if err != nil {
		return reply{}, err
	}
	if _, err := c.livePatient(patNum); err != nil {
		return reply{}, err
	}
	values := set{"PatNum": patNum, "Note": note}
	if text, given, err := c.moment("CommDateTime"); err != nil {
		return reply{}, err
	} else if given {
		values["CommDateTime"] = text
	}
	if n, given, err := c.choice("Mode_", commModeNames[:8]); err != nil { // Fax is not offered
		return reply{}, err
	} else if given {
		values["Mode_"] = n
	}
	if n, given, err := c.choice("SentOrReceived", commSentNames); err != nil {
		return reply{}, err
	} else if given {
		values["SentOrReceived"] = n
	}
	if n, given, err := c.chosen("CommType", CategoryCommLogTypes); err != nil {
		return reply{}, err
	} else if given {
		values["CommType"] = n
	}
	// "Will be used over CommType if both are specified."
	if name, given, err := c.str("commType"); err != nil {
		return reply{}, err
	} else if given {
		def, found, err := c.first("definition", "WHERE Category = ? AND ItemName = ? AND IsHidden = 0", CategoryCommLogTypes, name)
		if err != nil {
			return reply{}, err
		}
		if !found {
			return reply{}, bad("commType is invalid.")
		}
		values["CommType"] = def.id()
	}
	row, err := c.insertCommlog(values, "MISC")
	if err != nil {
		return reply{}, err
	}
	if !c.o.officeVersion().atLeast(mustVersion("23.3.7")) {
		return reply{status: http.StatusCreated}, nil // no object, and no location either
	}
	return c.oneCommlog(row, http.StatusCreated)
}

// insertCommlog stores a commlog with the defaults of the program. automatic
// is the kind of type to choose if values names none.
func (s *session) insertCommlog(values set, automatic string) (record, error) {
	if _, given := values["CommType"]; !given {
		def, found, err := s.first("definition", "WHERE Category = ? AND ItemValue = ? AND IsHidden = 0 ORDER BY ItemOrder, DefNum",
			CategoryCommLogTypes, automatic)
		if err == nil && !found {
			def, _, err = s.firstDefinition(CategoryCommLogTypes)
		}
		if err != nil {
			return record{}, err
		}
		values["CommType"] = def.id()
	}
	for name, value := range (set{"CommDateTime": s.now, "Mode_": 3, "SentOrReceived": 1}) {
		if _, given := values[name]; !given {
			values[name] = value
		}
	}
	values["DateTEntry"] = s.now
	return s.insert("commlog", values)
}

func (c *call) putCommlog() (reply, error) {
	r, err := c.byPath("commlog", "Commlog")
	if err != nil {
		return reply{}, err
	}
	if err := c.unfrozen(r); err != nil {
		return reply{}, err
	}
	values := set{}
	if note, given, err := c.str("Note"); err != nil {
		return reply{}, err
	} else if given {
		values["Note"], values["Signature"], values["SigIsTopaz"] = note, "", 0
	}
	if r, _, err = c.update(r, values); err != nil {
		return reply{}, err
	}
	return c.oneCommlog(r, http.StatusOK)
}
