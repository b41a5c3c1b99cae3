package opendentaltest

import (
	"math"
	"net/http"
)

// paymentSourceAPI marks what came through the API.
const paymentSourceAPI = 13

func (c *call) payment(r record, definitions map[int64]string, clock string) object {
	return object{
		{"PayNum", r.id()}, {"PayType", r.int("PayType")}, {"payType", definitions[r.int("PayType")]}, {"PayDate", r.text("PayDate")},
		{"PayAmt", amountText(r.float("PayAmt"))}, {"CheckNum", r.text("CheckNum")}, {"BankBranch", r.text("BankBranch")},
		{"PayNote", r.text("PayNote")}, {"PatNum", r.int("PatNum")}, {"ClinicNum", amountText(float64(r.int("ClinicNum")))},
		{"DateEntry", r.text("DateEntry")}, {"DepositNum", r.int("DepositNum")}, {"Receipt", r.text("Receipt")},
		{"IsRecurringCC", boolean(r.bool("IsRecurringCC"))}, {"SecUserNumEntry", r.int("SecUserNumEntry")},
		{"SecDateTEdit", r.text("SecDateTEdit")}, {"PaymentSource", paymentSourceNames.name(r.int("PaymentSource"))},
		{"ProcessStatus", processStatusNames.name(r.int("ProcessStatus"))}, {"RecurringChargeDate", r.text("RecurringChargeDate")},
		{"IsCcCompleted", boolean(r.bool("IsCcCompleted"))}, {"serverDateTime", clock},
	}
}

// onePayment answers a payment that was just written: without a clock.
func (c *call) onePayment(r record, status int) (reply, error) {
	definitions, err := c.definitionNames()
	return reply{status: status, body: c.payment(r, definitions, "")}, err
}

func (c *call) getPayments() (reply, error) {
	patNum, given, err := c.queryInt("PatNum")
	if err != nil {
		return reply{}, err
	}
	if !given && !c.o.officeVersion().atLeast(mustVersion("23.3.11")) {
		return reply{}, bad("PatNum is required")
	}
	if given {
		if _, err := c.livePatient(patNum); err != nil {
			return reply{}, err
		}
	}
	f := c.filter()
	f.number("PayType", "PayType")
	f.number("PatNum", "PatNum")
	f.day("DateEntry >= ?", "DateEntry")
	rows, err := f.list("payment", "PayNum")
	if err != nil {
		return reply{}, err
	}
	definitions, err := c.definitionNames()
	if err != nil {
		return reply{}, err
	}
	list := make([]object, len(rows))
	for i, r := range rows {
		list[i] = c.payment(r, definitions, c.serverTime())
	}
	return ok(list)
}

// paymentRequest is Payments POST, read and checked.
type paymentRequest struct {
	patient          record
	values           set
	amount           float64
	patientPreferred bool
	prepayment       bool
	procNums         []int64
}

func (c *call) readPayment() (paymentRequest, error) {
	var p paymentRequest
	amount, given, err := c.amount("PayAmt")
	if err != nil {
		return p, err
	}
	if !given {
		return p, bad("PayAmt is required")
	}
	p.amount = cents(amount)
	patNum, err := c.requiredNum("PatNum")
	if err != nil {
		return p, err
	}
	if p.patient, err = c.livePatient(patNum); err != nil {
		return p, err
	}
	payType, given, err := c.chosen("PayType", CategoryPaymentTypes)
	if err != nil {
		return p, err
	}
	if !given || payType == 0 {
		text, err := c.preference("ApiPaymentType")
		if err != nil {
			return p, err
		}
		payType = atoi(text)
	}
	date, given, err := c.day("PayDate")
	if err != nil {
		return p, err
	}
	if !given {
		date = c.today()
	}
	if err := c.mayDate("PayDate", date); err != nil {
		return p, err
	}
	p.values = set{"PayAmt": p.amount, "PatNum": patNum, "PayType": payType, "PayDate": date,
		"ClinicNum": p.patient.int("ClinicNum"), "DateEntry": c.now, "PaymentSource": paymentSourceAPI}
	for _, name := range []string{"CheckNum", "PayNote", "BankBranch"} {
		if text, given, err := c.str(name); err != nil {
			return p, err
		} else if given {
			p.values[name] = text
		}
	}
	if clinic, given, err := c.reference("ClinicNum", "clinic", "Clinic"); err != nil {
		return p, err
	} else if given {
		p.values["ClinicNum"] = clinic
	}
	if p.patientPreferred, _, err = c.flag("isPatientPreferred"); err != nil {
		return p, err
	}
	if p.prepayment, _, err = c.flag("isPrepayment"); err != nil {
		return p, err
	}
	if plan, _, err := c.num("payPlanNum"); err != nil {
		return p, err
	} else if plan != 0 {
		return p, missing("PayPlan") // payment plans are not emulated
	}
	p.procNums, err = c.numbers("procNums")
	return p, err
}

// numbers reads an array of whole numbers.
func (c *call) numbers(name string) ([]int64, error) {
	list, given := c.body[name].([]any)
	if !given {
		if c.body[name] != nil {
			return nil, bad("%s is invalid.", name)
		}
		return nil, nil
	}
	var numbers []int64
	for _, item := range list {
		n, given, err := (&call{body: map[string]any{name: item}}).num(name)
		if err != nil || !given {
			return nil, bad("%s is invalid.", name)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// mayDate refuses a date in the future, and one that the office has locked if
// this office lets locks bind the API.
func (c *call) mayDate(field, date string) error {
	if date > c.today() {
		allowed, err := c.preference("FutureTransDatesAllowed")
		if err != nil {
			return err
		}
		if field != "PayDate" || allowed != "1" {
			return bad("%s cannot be a future date.", field)
		}
	}
	if !c.o.cfg.LockDates {
		return nil
	}
	locked, err := c.lockedUntil()
	if err != nil {
		return err
	}
	if date <= locked {
		return bad("%s is on or before the office's lock date.", field)
	}
	return nil
}

// lockedUntil is the last locked date, from the fixed date and the moving one.
func (s *session) lockedUntil() (string, error) {
	until, err := s.preference("SecurityLockDate")
	if err != nil {
		return "", err
	}
	until = until[:min(len(until), len(layoutDate))]
	days, err := s.preference("SecurityLockDays")
	if err != nil {
		return "", err
	}
	if n := atoi(days); n > 0 {
		until = max(until, s.now.AddDate(0, 0, -int(n)).Format(layoutDate))
	}
	return until, nil
}

func (c *call) postPayment() (reply, error) {
	p, err := c.readPayment()
	if err != nil {
		return reply{}, err
	}
	row, err := c.insert("payment", p.values)
	if err != nil {
		return reply{}, err
	}
	if err := c.allocate(row, p); err != nil {
		return reply{}, err
	}
	return c.onePayment(row, http.StatusCreated)
}

// putPayment changes what may be changed of a payment; the amount and the date
// may not.
func (c *call) putPayment() (reply, error) {
	r, err := c.byPath("payment", "Payment")
	if err != nil {
		return reply{}, err
	}
	if err := c.unfrozen(r); err != nil {
		return reply{}, err
	}
	values := set{}
	if n, given, err := c.chosen("PayType", CategoryPaymentTypes); err != nil {
		return reply{}, err
	} else if given {
		values["PayType"] = n
	}
	for _, name := range []string{"CheckNum", "BankBranch", "PayNote"} {
		if text, given, err := c.str(name); err != nil {
			return reply{}, err
		} else if given {
			values[name] = text
		}
	}
	if n, given, err := c.choice("ProcessStatus", processStatusNames); err != nil {
		return reply{}, err
	} else if given {
		if n == 0 {
			return reply{}, bad("ProcessStatus is invalid.") // back to OfficeProcessed is not offered
		}
		values["ProcessStatus"] = n
	}
	if r, _, err = c.update(r, values); err != nil {
		return reply{}, err
	}
	return c.onePayment(r, http.StatusOK)
}

// postRefund takes a payment back: a negative payment with negative splits,
// dated today, with the same type, check number and note.
func (c *call) postRefund() (reply, error) {
	payNum, err := c.requiredNum("PayNum")
	if err != nil {
		return reply{}, err
	}
	r, found, err := c.get("payment", payNum)
	if err != nil {
		return reply{}, err
	}
	if !found {
		return reply{}, missing("Payment")
	}
	if err := c.unfrozen(r); err != nil {
		return reply{}, err
	}
	splits, err := c.list("paysplit", "WHERE PayNum = ? ORDER BY SplitNum", payNum)
	if err != nil {
		return reply{}, err
	}
	for _, split := range splits {
		switch {
		case split.int("PayPlanNum") != 0:
			return reply{}, bad("Cannot refund payments that are attached to payment plans.")
		case split.float("SplitAmt") < 0:
			return reply{}, bad("Cannot refund payments that have negative paysplits.")
		}
	}
	if err := c.mayDate("PayDate", c.today()); err != nil {
		return reply{}, err
	}
	refund, err := c.insert("payment", set{
		"PayType": r.int("PayType"), "PayDate": c.now, "PayAmt": -r.float("PayAmt"), "CheckNum": r.text("CheckNum"),
		"BankBranch": r.text("BankBranch"), "PayNote": r.text("PayNote"), "PatNum": r.int("PatNum"), "ClinicNum": r.int("ClinicNum"),
		"DateEntry": c.now, // and PaymentSource None, as the page's example shows
	})
	if err != nil {
		return reply{}, err
	}
	for _, split := range splits {
		values := splitOf(refund, split.int("PatNum"), -split.float("SplitAmt"))
		for _, name := range []string{"ProvNum", "ProcNum", "ProcDate", "UnearnedType", "ClinicNum", "AdjNum"} {
			values[name] = split.value(name)
		}
		values["FSplitNum"] = split.id()
		if _, err := c.insert("paysplit", values); err != nil {
			return reply{}, err
		}
	}
	return c.onePayment(refund, http.StatusCreated)
}

// cents rounds to whole cents; a half goes away from zero.
func cents(v float64) float64 { return math.Round(v*100) / 100 }
