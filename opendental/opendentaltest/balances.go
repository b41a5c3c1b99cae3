package opendentaltest

// getPatientBalances gives what each member of the family owes, and last the
// whole family under the guarantor's number. It is the ledger's sum: completed
// procedures and adjustments less the splits of payments; insurance is not
// emulated.
func (c *call) getPatientBalances() (reply, error) {
	patient, err := c.byPath("patient", "Patient")
	if err != nil {
		return reply{}, err
	}
	if patient.int("PatStatus") == patDeleted {
		return reply{}, bad("Patient is deleted.")
	}
	members, err := c.family(patient)
	if err != nil {
		return reply{}, err
	}
	var list []object
	total := 0.0
	for _, num := range members {
		member, _, err := c.get("patient", num)
		if err != nil {
			return reply{}, err
		}
		balance, err := c.balance(num)
		if err != nil {
			return reply{}, err
		}
		total += balance
		list = append(list, object{
			{"PatNum", num}, {"Name", member.text("LName") + ", " + member.text("FName")}, {"Balance", balance},
		})
	}
	return ok(append(list, object{{"PatNum", patient.int("Guarantor")}, {"Name", "Entire Family"}, {"Balance", cents(total)}}))
}

func (s *session) balance(patNum int64) (float64, error) {
	sum := 0.0
	for _, part := range []struct {
		table, where, column string
		sign                 float64
	}{
		{"procedurelog", " AND ProcStatus = 2", "ProcFee", 1}, {"adjustment", "", "AdjAmt", 1}, {"paysplit", "", "SplitAmt", -1},
	} {
		rows, err := s.list(part.table, "WHERE PatNum = ?"+part.where, patNum)
		if err != nil {
			return 0, err
		}
		for _, r := range rows {
			sum += part.sign * r.float(part.column)
		}
	}
	return cents(sum), nil
}

// procStatusNames are the API's letters for ProcStatus.
var procStatusNames = enum{"", "TP", "C", "EC", "EO", "R", "D", "Cn", "TPi"}

// getProcedure gives a procedure with the fields that the emulator stores.
func (c *call) getProcedure() (reply, error) {
	r, err := c.byPath("procedurelog", "Procedure")
	if err != nil {
		return reply{}, err
	}
	return ok(object{
		{"ProcNum", r.id()}, {"PatNum", r.int("PatNum")}, {"AptNum", r.int("AptNum")}, {"ProcDate", r.text("ProcDate")},
		{"ProcFee", amountText(r.float("ProcFee"))}, {"ProcStatus", procStatusNames.name(r.int("ProcStatus"))},
		{"ProvNum", r.int("ProvNum")}, {"ClinicNum", r.int("ClinicNum")}, {"serverDateTime", c.serverTime()},
	})
}
