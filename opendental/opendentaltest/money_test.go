package opendentaltest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// charge charts a completed procedure.
func (p *practice) charge(patNum int64, daysAgo int, fee float64) opendentaltest.Procedure {
	p.t.Helper()
	procedure, err := p.AddProcedure(p.t.Context(), opendentaltest.Procedure{PatNum: patNum, ProcDate: p.Now().AddDate(0, 0, -daysAgo),
		ProcFee: fee, ProcStatus: 2, ProvNum: p.doctor.ProvNum})
	require.NoError(p.t, err)
	return procedure
}

// splits are the splits of a payment as {patient, procedure, unearned type, amount}.
func (p *practice) splits(payNum any) [][4]float64 {
	p.t.Helper()
	var list [][4]float64
	for _, row := range p.list(p.path("/paysplits?PayNum=%v", payNum)) {
		list = append(list, [4]float64{row["PatNum"].(float64), row["ProcNum"].(float64), row["UnearnedType"].(float64), row["SplitAmt"].(float64)})
	}
	return list
}

func TestPaymentsPayTheOldestChargesFirst(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		ada, bruno := float64(p.ada.PatNum), float64(p.bruno.PatNum)
		newer := float64(p.charge(p.ada.PatNum, 5, 100).ProcNum)
		older := float64(p.charge(p.bruno.PatNum, 20, 60.10).ProcNum)

		got := p.do(201, "POST", "/payments", map[string]any{"PatNum": p.ada.PatNum, "PayAmt": "75.35", "PayType": 71, "CheckNum": "REF-0123456789-0123456789-X", "PayNote": "online"})
		require.Equal(t, "75.35", got["PayAmt"], "a string")
		require.Equal(t, "API", got["PaymentSource"])
		require.Equal(t, "0", got["ClinicNum"], "a string as well")
		require.Equal(t, "REF-0123456789-0123456789", got["CheckNum"], "25 characters")
		require.Equal(t, "", got["serverDateTime"])
		require.Equal(t, p.today(), got["PayDate"])
		require.Equal(t, [][4]float64{{bruno, older, 0, 60.1}, {ada, newer, 0, 15.25}}, p.splits(got["PayNum"]), "across the family")

		got = p.do(201, "POST", "/payments", map[string]any{"PatNum": p.bruno.PatNum, "PayAmt": 10, "isPatientPreferred": "true"})
		require.Equal(t, [][4]float64{{ada, newer, 0, 10}}, p.splits(got["PayNum"]), "nothing owed by Bruno himself: the family's")
		balances := p.list(p.path("/accountmodules/%d/PatientBalances", p.bruno.PatNum))
		require.Len(t, balances, 3)
		require.Equal(t, []any{bruno, 0.0}, []any{balances[0]["PatNum"], balances[0]["Balance"]})
		require.Equal(t, []any{ada, 74.75}, []any{balances[1]["PatNum"], balances[1]["Balance"]})
		require.Equal(t, []any{"Entire Family", 74.75}, []any{balances[2]["Name"], balances[2]["Balance"]})
		got = p.do(201, "POST", "/payments", map[string]any{"PatNum": p.bruno.PatNum, "PayAmt": 20, "isPrepayment": "true", "procNums": []int64{int64(newer)}})
		require.Equal(t, [][4]float64{{bruno, 0, 285, 20}}, p.splits(got["PayNum"]))
		got = p.do(201, "POST", "/payments", map[string]any{"PatNum": p.bruno.PatNum, "PayAmt": 100, "procNums": []int64{int64(newer), 999}})
		require.Equal(t, [][4]float64{{ada, newer, 0, 74.75}, {bruno, 0, 285, 25.25}}, p.splits(got["PayNum"]), "what is left over is unearned")
	})
}

func TestPaymentsAreListedByPatientAndDay(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		for _, patient := range []int64{p.ada.PatNum, p.bruno.PatNum, p.ada.PatNum} {
			p.do(201, "POST", "/payments", map[string]any{"PatNum": patient, "PayAmt": 5, "PayType": 69})
		}
		require.Len(t, p.list("/payments"), 3)
		require.Len(t, p.list(p.path("/payments?PatNum=%d&DateEntry=%s&PayType=69", p.ada.PatNum, p.today())), 2)
		require.Empty(t, p.list("/payments?DateEntry=2199-01-01"))
		require.Empty(t, p.list("/payments?PayType=70"))
		row := p.list("/payments?Limit=1&Offset=2")[0]
		require.EqualValues(t, 3, row["PayNum"])
		require.Equal(t, "Check", row["payType"])
		require.NotEmpty(t, row["serverDateTime"])
	})
}

func TestPaymentsAreRefused(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		for _, body := range []map[string]any{
			{"PatNum": p.ada.PatNum},
			{"PayAmt": 1},
			{"PatNum": p.ada.PatNum, "PayAmt": "one"},
			{"PatNum": p.ada.PatNum, "PayAmt": 1, "PayType": 21},
			{"PatNum": p.ada.PatNum, "PayAmt": 1, "PayType": 72}, // hidden
			{"PatNum": p.ada.PatNum, "PayAmt": 1, "PayDate": p.Now().AddDate(0, 0, 1).Format("2006-01-02")},
			{"PatNum": p.ada.PatNum, "PayAmt": 1, "procNums": "1,2"},
		} {
			p.do(400, "POST", "/payments", body)
		}
		p.do(404, "POST", "/payments", map[string]any{"PatNum": 99, "PayAmt": 1})
		require.Empty(t, p.list("/payments"))
		require.Empty(t, p.list("/paysplits"))
		require.NoError(t, p.SetPreference(t.Context(), "FutureTransDatesAllowed", "1"))
		p.do(201, "POST", "/payments", map[string]any{"PatNum": p.ada.PatNum, "PayAmt": 1, "PayDate": p.Now().AddDate(0, 0, 1).Format("2006-01-02")})
	})
}

func TestRefundIsANegativePayment(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		procedure := p.charge(p.ada.PatNum, 3, 40)
		paid := p.do(201, "POST", "/payments", map[string]any{"PatNum": p.ada.PatNum, "PayAmt": 50, "CheckNum": "R1", "PayNote": "n"})
		refund := p.do(201, "POST", "/payments/Refund", map[string]any{"PayNum": paid["PayNum"]})
		require.Equal(t, "-50", refund["PayAmt"])
		require.Equal(t, "R1", refund["CheckNum"])
		require.Equal(t, "n", refund["PayNote"])
		ada := float64(p.ada.PatNum)
		require.Equal(t, [][4]float64{{ada, float64(procedure.ProcNum), 0, -40}, {ada, 0, 285, -10}}, p.splits(refund["PayNum"]))
		require.Contains(t, p.do(400, "POST", "/payments/Refund", map[string]any{"PayNum": refund["PayNum"]})["error"], "negative")
		p.do(404, "POST", "/payments/Refund", map[string]any{"PayNum": 99})
	})
}

func TestPaymentsAndSplitsCanBeCorrected(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		one, two := p.charge(p.ada.PatNum, 9, 30), p.charge(p.ada.PatNum, 8, 30)
		paid := p.do(201, "POST", "/payments", map[string]any{"PatNum": p.ada.PatNum, "PayAmt": 20})
		path := p.path("/payments/%v", paid["PayNum"])
		got := p.do(200, "PUT", path, map[string]any{"PayNote": "pending", "ProcessStatus": "OnlinePending", "PayType": 70})
		require.Equal(t, "OnlinePending", got["ProcessStatus"])
		require.Equal(t, "Cash", got["payType"])
		p.do(400, "PUT", path, map[string]any{"PayAmt": 3})
		p.do(400, "PUT", path, map[string]any{"ProcessStatus": "OfficeProcessed"})

		partial := func(a, b float64) map[string]any {
			return map[string]any{"procNumsAndAmounts": []map[string]any{{"ProcNum": one.ProcNum, "Amount": a}, {"ProcNum": two.ProcNum, "Amount": b}}}
		}
		p.do(400, "PUT", path+"/Partial", partial(5, 5))
		require.Len(t, p.splits(paid["PayNum"]), 1, "a refusal leaves the splits alone")
		p.do(200, "PUT", path+"/Partial", partial(5, 15))
		ada := float64(p.ada.PatNum)
		require.Equal(t, [][4]float64{{ada, float64(one.ProcNum), 0, 5}, {ada, float64(two.ProcNum), 0, 15}}, p.splits(paid["PayNum"]))

		split := p.list(p.path("/paysplits?PayNum=%v", paid["PayNum"]))[0]
		got = p.do(200, "PUT", p.path("/paysplits/%v", split["SplitNum"]), map[string]any{"ProvNum": p.hygienist.ProvNum})
		require.EqualValues(t, p.hygienist.ProvNum, got["ProvNum"])
		prepaid := p.do(201, "POST", "/payments", map[string]any{"PatNum": p.ada.PatNum, "PayAmt": 20, "isPrepayment": true})
		split = p.list(p.path("/paysplits?PayNum=%v", prepaid["PayNum"]))[0]
		p.do(400, "PUT", p.path("/paysplits/%v", split["SplitNum"]), map[string]any{"ProvNum": p.hygienist.ProvNum})
		require.NoError(t, p.SetPreference(t.Context(), "AllowPrepayProvider", "1"))
		p.do(200, "PUT", p.path("/paysplits/%v", split["SplitNum"]), map[string]any{"ProvNum": p.hygienist.ProvNum})
		require.Equal(t, 2, p.Count("POST", "/payments"))
	})
}

func TestAdjustmentsFollowTheSignOfTheirType(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		body := func(adjType int, amount any) map[string]any {
			return map[string]any{"PatNum": p.ada.PatNum, "AdjType": adjType, "AdjAmt": amount, "AdjDate": p.today(), "AdjNote": "fee"}
		}
		got := p.do(201, "POST", "/adjustments", body(2, 3.5))
		require.EqualValues(t, 3.5, got["AdjAmt"], "a number")
		require.Equal(t, "Misc Pos Adjustment", got["adjType"])
		require.EqualValues(t, p.doctor.ProvNum, got["ProvNum"])
		p.do(201, "POST", "/adjustments", body(1, "-3.50"))
		p.do(400, "POST", "/adjustments", body(2, -3.5))
		p.do(400, "POST", "/adjustments", body(1, 3.5))
		p.do(400, "POST", "/adjustments", body(330, -3.5))
		future := body(2, 3)
		future["AdjDate"] = p.Now().AddDate(0, 0, 1).Format("2006-01-02")
		p.do(400, "POST", "/adjustments", future)
		path := p.path("/adjustments/%v", got["AdjNum"])
		require.EqualValues(t, 4, p.do(200, "PUT", path, map[string]any{"AdjAmt": 4})["AdjAmt"])
		p.do(400, "PUT", path, map[string]any{"AdjAmt": -4})
		require.Len(t, p.list(p.path("/adjustments?PatNum=%d&AdjType=2", p.ada.PatNum)), 1)
		all, err := p.Adjustments(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 2)
	})
}

func TestLockDatesBindTheAPIOnlyIfTheOfficeSaysSo(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		clock := time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
		cfg.Now = func() time.Time { return clock }
		p := open(t, cfg)
		require.NoError(t, p.SetPreference(t.Context(), "SecurityLockDate", "2026-02-28"))
		pay := map[string]any{"PatNum": p.ada.PatNum, "PayAmt": 1, "PayDate": "2026-02-28"}
		p.do(201, "POST", "/payments", pay)

		cfg.LockDates = true
		strict, c := newServer(t, cfg) // the same practice, through another door
		require.Contains(t, c.do(400, "POST", "/payments", pay)["error"], "lock date")
		pay["PayDate"] = "2026-03-01"
		c.do(201, "POST", "/payments", pay)
		require.NoError(t, strict.SetPreference(t.Context(), "SecurityLockDays", "1"))
		c.do(400, "POST", "/payments", pay)
		c.do(400, "POST", "/adjustments", map[string]any{"PatNum": p.ada.PatNum, "AdjType": 2, "AdjAmt": 1, "AdjDate": "2026-03-01"})
	})
}

func TestInsuranceVerificationIsOneRowWithAHistory(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		plan, err := p.AddInsurance(t.Context(), p.ada.PatNum, 7)
		require.NoError(t, err)
		require.EqualValues(t, plan.PatPlanNum, p.list(p.path("/patplans?PatNum=%d", p.ada.PatNum))[0]["PatPlanNum"])
		body := map[string]any{"VerifyType": "PatientEnrollment", "FKey": plan.PatPlanNum, "DateLastVerified": "2026-03-01", "DefNum": 284, "Note": "first"}
		got := p.do(200, "PUT", "/insverifies", body)
		body["Note"] = "second"
		require.Equal(t, got["InsVerifyNum"], p.do(200, "PUT", "/insverifies", body)["InsVerifyNum"])
		rows := p.list(p.path("/insverifies?VerifyType=PatientEnrollment&FKey=%d", plan.PatPlanNum))
		require.Len(t, rows, 1)
		require.Equal(t, "second", rows[0]["Note"])
		require.Equal(t, "0001-01-01", rows[0]["DateLastAssigned"])
		var history int
		require.NoError(t, p.DB().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM insverifyhist").Scan(&history))
		require.Equal(t, 2, history)
		p.do(200, "PUT", "/insverifies", map[string]any{"VerifyType": "InsuranceBenefit", "FKey": 7})
		p.do(400, "PUT", "/insverifies", map[string]any{"VerifyType": "InsuranceBenefit", "FKey": 8})
		p.do(400, "PUT", "/insverifies", map[string]any{"VerifyType": "Other", "FKey": 7})
		p.do(400, "GET", "/insverifies?FKey=7", nil)
		all, err := p.InsVerifies(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 2)
	})
}

func TestStatementsPointAtADocument(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		doc, err := p.AddDocument(t.Context(), p.ada.PatNum, 240, "s", ".pdf", []byte("pdf"))
		require.NoError(t, err)
		got := p.do(201, "POST", "/statements", map[string]any{"PatNum": p.ada.PatNum, "DocNum": doc.DocNum, "Note": "sent"})
		require.Equal(t, "API", got["Mode_"])
		require.Equal(t, "true", got["IsSent"])
		require.Equal(t, "2200-01-01", got["DateRangeTo"])
		require.Equal(t, p.today(), got["DateSent"])
		require.Equal(t, got, p.do(200, "GET", p.path("/statements/%v", got["StatementNum"]), nil))
		require.Len(t, p.list(p.path("/statements?PatNum=%d", p.ada.PatNum)), 1)
		p.do(404, "POST", "/statements", map[string]any{"PatNum": p.ada.PatNum, "DocNum": 99})
		require.NoError(t, p.SetVersion(t.Context(), "25.3.25.0"))
		p.do(400, "POST", "/statements", map[string]any{"PatNum": p.ada.PatNum})
	})
}
