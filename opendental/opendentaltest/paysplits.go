package opendentaltest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// procComplete is the ProcStatus of a procedure that was done.
const procComplete = 2

// splitOf is a split of a payment, as the program starts one.
func splitOf(payment record, patNum int64, amount float64) set {
	return set{
		"SplitAmt": cents(amount), "PatNum": patNum, "PayNum": payment.id(), "DatePay": payment.text("PayDate"),
		"DateEntry": payment.text("DateEntry"), "ClinicNum": payment.int("ClinicNum"),
	}
}

// charge is a completed procedure with what is still owed for it.
type charge struct {
	procedure record
	owed      float64
}

// charges are the outstanding charges of patients, oldest first, as if the
// splits without were not there.
func (s *session) charges(patNums []int64, without ...record) ([]charge, error) {
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(patNums)), ", ")
	args := make([]any, len(patNums))
	for i, n := range patNums {
		args[i] = n
	}
	procedures, err := s.list("procedurelog", "WHERE PatNum IN ("+marks+") AND ProcStatus = 2 AND ProcFee > 0 ORDER BY ProcDate, ProcNum", args...)
	if err != nil {
		return nil, err
	}
	var list []charge
	for _, procedure := range procedures {
		splits, err := s.list("paysplit", "WHERE ProcNum = ?", procedure.id())
		if err != nil {
			return nil, err
		}
		adjustments, err := s.list("adjustment", "WHERE ProcNum = ?", procedure.id())
		if err != nil {
			return nil, err
		}
		owed := procedure.float("ProcFee")
		for _, split := range splits {
			owed -= split.float("SplitAmt")
		}
		for _, split := range without {
			if split.int("ProcNum") == procedure.id() {
				owed += split.float("SplitAmt")
			}
		}
		for _, adjustment := range adjustments {
			owed += adjustment.float("AdjAmt")
		}
		if owed = cents(owed); owed > 0 {
			list = append(list, charge{procedure, owed})
		}
	}
	return list, nil
}

// family is the patient and everybody with the same guarantor.
func (s *session) family(patient record) ([]int64, error) {
	rows, err := s.list("patient", "WHERE Guarantor = ? AND PatStatus <> ? ORDER BY PatNum", patient.int("Guarantor"), patDeleted)
	members := []int64{patient.id()}
	for _, r := range rows {
		if r.id() != patient.id() {
			members = append(members, r.id())
		}
	}
	return members, err
}

// allocate splits a new payment as the API does: a prepayment is one unearned
// split; otherwise the oldest charges of the family are paid first (with
// isPatientPreferred the patient's before the others', of the named procedures
// alone with procNums), and what is left over is unearned. The splits' sum is the
// payment's amount to the cent.
//
// That isPatientPreferred is an order and no limit is what the published source
// does (ImplicitlyLinkCredits: "prioritized before other entries"); the page says
// that "the splits go to the patient instead of being split among family members".
func (c *call) allocate(payment record, p paymentRequest) error {
	left := p.amount
	if !p.prepayment && left > 0 {
		members, err := c.family(p.patient)
		if err != nil {
			return err
		}
		charges, err := c.charges(members)
		if err != nil {
			return err
		}
		if p.patientPreferred {
			slices.SortStableFunc(charges, func(a, b charge) int {
				return cmp.Compare(others(p.patient, a), others(p.patient, b))
			})
		}
		for _, charge := range charges {
			if left <= 0 {
				break
			}
			if len(p.procNums) > 0 && !contains(p.procNums, charge.procedure.id()) {
				continue
			}
			paid := min(left, charge.owed)
			left = cents(left - paid)
			if _, err := c.insert("paysplit", procedureSplit(payment, charge.procedure, paid)); err != nil {
				return err
			}
		}
	}
	if left == 0 {
		return nil
	}
	return c.unearned(payment, p.patient, left)
}

// others is 0 for the patient's own charge and 1 for another's.
func others(patient record, c charge) int {
	if c.procedure.int("PatNum") == patient.id() {
		return 0
	}
	return 1
}

func contains(list []int64, n int64) bool {
	for _, item := range list {
		if item == n {
			return true
		}
	}
	return false
}

func procedureSplit(payment, procedure record, amount float64) set {
	values := splitOf(payment, procedure.int("PatNum"), amount)
	values["ProcNum"], values["ProcDate"] = procedure.id(), procedure.text("ProcDate")
	values["ProvNum"], values["ClinicNum"] = procedure.int("ProvNum"), procedure.int("ClinicNum")
	return values
}

// unearned stores what was paid for nothing yet. It names a provider only in
// an office that allows providers on prepayments.
func (s *session) unearned(payment, patient record, amount float64) error {
	kind, err := s.preference("PrepaymentUnearnedType")
	if err != nil {
		return err
	}
	withProvider, err := s.preference("AllowPrepayProvider")
	if err != nil {
		return err
	}
	values := splitOf(payment, patient.id(), amount)
	values["UnearnedType"] = atoi(kind)
	if withProvider == "1" {
		values["ProvNum"] = patient.int("PriProv")
	}
	_, err = s.insert("paysplit", values)
	return err
}

func (c *call) paySplit(r record, definitions map[int64]string) object {
	return object{
		{"SplitNum", r.id()}, {"SplitAmt", r.float("SplitAmt")}, {"PatNum", r.int("PatNum")}, {"PayNum", r.int("PayNum")},
		{"ProvNum", r.int("ProvNum")}, {"PayPlanNum", r.int("PayPlanNum")}, {"DatePay", r.text("DatePay")}, {"ProcNum", r.int("ProcNum")},
		{"DateEntry", r.text("DateEntry")}, {"UnearnedType", r.int("UnearnedType")}, {"unearnedType", definitions[r.int("UnearnedType")]},
		{"ClinicNum", r.int("ClinicNum")}, {"SecDateTEdit", r.text("SecDateTEdit")}, {"AdjNum", r.int("AdjNum")},
		{"PayPlanChargeNum", r.int("PayPlanChargeNum")}, {"PayPlanDebitType", debitTypeNames.name(r.int("PayPlanDebitType"))},
	}
}

func (c *call) getPaySplits() (reply, error) {
	if c.query.Get("PatNum") == "" && c.query.Get("PayNum") == "" && !c.o.officeVersion().atLeast(mustVersion("24.4.24")) {
		return reply{}, bad("PatNum or PayNum is required")
	}
	f := c.filter()
	f.number("PatNum", "PatNum")
	f.number("PayNum", "PayNum")
	f.number("ProcNum", "ProcNum")
	rows, err := f.list("paysplit", "SplitNum")
	if err != nil {
		return reply{}, err
	}
	definitions, err := c.definitionNames()
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = c.paySplit(r, definitions)
	}
	return ok(list)
}

// putPaySplit attributes a split. An unearned split takes a provider only in
// an office that allows providers on prepayments.
func (c *call) putPaySplit() (reply, error) {
	r, err := c.byPath("paysplit", "PaySplit")
	if err != nil {
		return reply{}, err
	}
	values := set{}
	if n, given, err := c.reference("ProvNum", "provider", "Provider"); err != nil {
		return reply{}, err
	} else if given {
		allowed, err := c.preference("AllowPrepayProvider")
		if err != nil {
			return reply{}, err
		}
		if r.int("UnearnedType") != 0 && allowed != "1" {
			return reply{}, bad("ProvNum cannot be updated for a paysplit that has an UnearnedType.")
		}
		values["ProvNum"] = n
	}
	if n, given, err := c.reference("ClinicNum", "clinic", "Clinic"); err != nil {
		return reply{}, err
	} else if given {
		values["ClinicNum"] = n
	}
	if r, _, err = c.update(r, values); err != nil {
		return reply{}, err
	}
	definitions, err := c.definitionNames()
	if err != nil {
		return reply{}, err
	}
	return ok(c.paySplit(r, definitions))
}

// putPartial replaces a payment's splits with the given ones.
func (c *call) putPartial() (reply, error) {
	payment, err := c.byPath("payment", "Payment")
	if err != nil {
		return reply{}, err
	}
	if c.body["payPlanChargeNumsAndAmounts"] != nil {
		return reply{}, missing("PayPlanCharge") // payment plans are not emulated
	}
	pairs, given := c.body["procNumsAndAmounts"].([]any)
	if !given || len(pairs) == 0 {
		return reply{}, bad("procNumsAndAmounts is required")
	}
	patient, _, err := c.get("patient", payment.int("PatNum"))
	if err != nil {
		return reply{}, err
	}
	members, err := c.family(patient)
	if err != nil {
		return reply{}, err
	}
	old, err := c.list("paysplit", "WHERE PayNum = ?", payment.id())
	if err != nil {
		return reply{}, err
	}
	splits, err := c.partialSplits(payment, pairs, members, old)
	if err != nil {
		return reply{}, err
	}
	for _, split := range old {
		if err := c.remove(split); err != nil {
			return reply{}, err
		}
	}
	for _, split := range splits {
		if _, err := c.insert("paysplit", split); err != nil {
			return reply{}, err
		}
	}
	return c.onePayment(payment, http.StatusOK)
}

// partialSplits checks the pairs and makes splits of them. Everything is
// checked before anything is written, since MyISAM cannot take a write back.
func (c *call) partialSplits(payment record, pairs []any, members []int64, old []record) ([]set, error) {
	charges, err := c.charges(members, old...)
	if err != nil {
		return nil, err
	}
	var splits []set
	sum := 0.0
	for _, pair := range pairs {
		procNum, amount, err := readPair(pair)
		if err != nil {
			return nil, err
		}
		var owed *charge
		for i := range charges {
			if charges[i].procedure.id() == procNum {
				owed = &charges[i]
			}
		}
		if owed == nil || owed.owed < amount {
			return nil, bad("ProcNum %d has no such outstanding charge for the patient or a family member.", procNum)
		}
		owed.owed = cents(owed.owed - amount)
		sum += amount
		splits = append(splits, procedureSplit(payment, owed.procedure, amount))
	}
	if cents(sum) != cents(payment.float("PayAmt")) {
		return nil, bad("The sum of all Amounts must equal the PayAmt of the payment.")
	}
	return splits, nil
}

func readPair(pair any) (procNum int64, amount float64, err error) {
	fields, _ := pair.(map[string]any)
	item := &call{body: fields}
	if procNum, err = item.requiredNum("ProcNum"); err != nil {
		return 0, 0, err
	}
	if _, number := fields["Amount"].(json.Number); !number {
		if _, text := fields["Amount"].(string); !text {
			return 0, 0, bad("Amount is required")
		}
	}
	amount, _, err = item.amount("Amount")
	return procNum, cents(amount), err
}
