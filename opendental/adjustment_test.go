package opendental_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// Adjustment types of a fresh office (DefNum), by their sign.
const (
	miscNegative, miscPositive, discountPlan = "1", "2", "330"
	cardType                                 = "69" // no adjustment type
)

// asStaff makes a call to the office's API for what its emulated staff cannot do.
func (p *practice) asStaff(method, route string, body map[string]any) {
	p.t.Helper()
	b, err := json.Marshal(body)
	require.NoError(p.t, err)
	r, err := http.NewRequestWithContext(p.t.Context(), method, "http://office/api/v1"+route, bytes.NewReader(b))
	require.NoError(p.t, err)
	opendentaltest.SetHeaders(r, opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
	resp, err := p.RoundTripper().RoundTrip(r)
	require.NoError(p.t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Less(p.t, resp.StatusCode, 300)
}

func (p *practice) adjustments() []opendentaltest.Adjustment {
	p.t.Helper()
	list, err := p.Adjustments(p.t.Context())
	require.NoError(p.t, err)
	return list
}

func TestEveryDoubtfulAnswerToAnAdjustmentIsUnknownAndVerifiable(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	for fault, applied := range map[opendentaltest.FaultKind]bool{
		opendentaltest.FaultTimeoutApplied:  true,
		opendentaltest.FaultTimeoutLost:     false,
		opendentaltest.FaultCutAfter:        true,
		opendentaltest.FaultConnectorBefore: false,
		opendentaltest.FaultErrorAfter:      true,
		opendentaltest.FaultGarbage:         true,
	} {
		before := p.adjustments()
		in, err := p.Inject(opendentaltest.Fault{Kind: fault, Method: "POST", Route: "/adjustments", Count: -1})
		require.NoError(t, err)
		op := p.op(driver.OpAdjustment)
		_, err = driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ErrUnknownOutcome, fault)
		require.Equal(t, 1, in.Hits(), fault)
		in.Remove()
		after := p.adjustments()
		want := 0
		if applied {
			want = 1
		}
		require.Len(t, after, len(before)+want, fault)
		verdict, receipt, err := driver.Verify(t.Context(), p.conn, op)
		require.NoError(t, err, fault)
		if applied {
			require.Equal(t, driver.VerdictApplied, verdict, fault)
			require.Equal(t, id(after[len(after)-1].AdjNum), receipt.ID, fault)
			continue
		}
		require.Equal(t, driver.VerdictUnknown, verdict, "%s: the office may still be at work", fault)
		op.Head().FirstSent, op.Head().LastSent = time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)
		verdict, _, err = driver.Verify(t.Context(), p.conn, op)
		require.NoError(t, err, fault)
		require.Equal(t, driver.VerdictAbsent, verdict, fault)
	}
}

func TestAnAdjustmentIsFoundWhateverStaffMadeOfIt(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	op := p.op(driver.OpAdjustment).(*driver.Adjustment)
	receipt, err := driver.Write(t.Context(), p.conn, op)
	require.NoError(t, err)
	row := p.adjustments()[0]
	require.Equal(t, "Card fee Offsets FEEFEEFEEFEEFEE2 "+op.Ref, row.AdjNote)
	require.Equal(t, op.Provider, id(row.ProvNum))
	require.Equal(t, row.AdjDate, row.ProcDate)
	// Another type, day, amount, and words around the Ref.
	p.asStaff("PUT", "/adjustments/"+receipt.ID, map[string]any{
		"AdjType": 170, "AdjAmt": 2.7, "AdjDate": p.Now().AddDate(0, 0, -9).Format(time.DateOnly),
		"AdjNote": "Checked by the front desk,\r\n" + op.Ref + "\r\nbox 7",
	})
	verdict, found, err := driver.Verify(t.Context(), p.conn, op)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictApplied, verdict)
	require.Equal(t, receipt.ID, found.ID)
}

func TestAnAdjustmentThatDoesNotFitIsRefusedWithTheRightReason(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	hidden, err := p.AddDefinition(t.Context(), opendentaltest.Definition{Category: opendentaltest.CategoryAdjTypes, ItemName: "Old fee", ItemValue: "+"})
	require.NoError(t, err)
	require.NoError(t, p.HideDefinition(t.Context(), hidden.DefNum))
	gone, err := p.AddProvider(t.Context(), opendentaltest.Provider{Abbr: "GONE", LName: "Albright", IsHidden: true})
	require.NoError(t, err)
	require.NoError(t, p.SetPreference(t.Context(), "SecurityLockDays", "3"))
	for name, tc := range map[string]struct {
		change func(*driver.Adjustment)
		reason driver.Reason
	}{
		"a type that lowers":     {func(a *driver.Adjustment) { a.Type = miscNegative }, driver.ReasonOptionUnfit},
		"a discount plan's type": {func(a *driver.Adjustment) { a.Type = discountPlan }, driver.ReasonOptionUnfit},
		"a hidden type":          {func(a *driver.Adjustment) { a.Type = id(hidden.DefNum) }, driver.ReasonOptionInactive},
		"a payment type":         {func(a *driver.Adjustment) { a.Type = cardType }, driver.ReasonOptionUnknown},
		"no type":                {func(a *driver.Adjustment) { a.Type = "" }, driver.ReasonOptionUnknown},
		"nothing":                {func(a *driver.Adjustment) { a.Amount = driver.USD(0) }, driver.ReasonAmountInvalid},
		"less than nothing":      {func(a *driver.Adjustment) { a.Amount = driver.USD(-269) }, driver.ReasonAmountInvalid},
		"no date":                {func(a *driver.Adjustment) { a.PostedOn = driver.Date{} }, driver.ReasonInvalid},
		"tomorrow": {func(a *driver.Adjustment) {
			a.PostedOn = driver.DateOf(a.PostedOn.In(time.UTC).AddDate(0, 0, 1))
		}, driver.ReasonInvalid},
		"a closed period": {func(a *driver.Adjustment) {
			a.PostedOn = driver.DateOf(a.PostedOn.In(time.UTC).AddDate(0, 0, -3))
		}, driver.ReasonPeriodClosed},
		"an unknown provider": {func(a *driver.Adjustment) { a.Provider = "99" }, driver.ReasonProviderUnknown},
		"a hidden provider":   {func(a *driver.Adjustment) { a.Provider = id(gone.ProvNum) }, driver.ReasonProviderInactive},
		"a rest":              {func(a *driver.Adjustment) { a.Prior = &driver.Receipt{ID: "1"} }, driver.ReasonInvalid},
	} {
		op := p.op(driver.OpAdjustment).(*driver.Adjustment)
		tc.change(op)
		_, err := driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ErrRejected, name)
		require.ErrorIs(t, err, tc.reason, name)
	}
	require.Empty(t, p.adjustments())
}

func TestTheCatalogTellsWhichAdjustmentTypesLower(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	options, err := driver.ReadCatalog(t.Context(), p.conn, driver.AdjustmentTypes)
	require.NoError(t, err)
	lowers := map[string]bool{}
	for _, o := range options {
		lowers[o.ID] = o.Lowers
		require.Empty(t, o.Aliases, "nobody knows a type by its sign")
	}
	require.True(t, lowers[miscNegative])
	require.True(t, lowers[discountPlan])
	require.False(t, lowers[miscPositive])
}

func TestAnAdjustmentAmongTooManyIsFoundOrLeftToAPerson(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{Mode: opendentaltest.ModeRemote}, "rate", "1ms")
	there, never := p.op(driver.OpAdjustment), p.op(driver.OpAdjustment)
	_, err := driver.Write(t.Context(), p.conn, there)
	require.NoError(t, err)
	for _, op := range []driver.Op{there, never} {
		op.Head().FirstSent, op.Head().LastSent = time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)
	}
	want := []driver.Verdict{driver.VerdictApplied, driver.VerdictAbsent}
	for n, add := range []int{98, 1} { // a full page cannot be told from the first of several
		for range add {
			p.asStaff("POST", "/adjustments", map[string]any{"PatNum": json.Number(p.patient), "AdjType": 2, "AdjAmt": 1, "AdjDate": p.Now().Format(time.DateOnly)})
		}
		if n == 1 {
			want[1] = driver.VerdictUnknown
		}
		for i, op := range []driver.Op{there, never} {
			verdict, _, err := driver.Verify(t.Context(), p.conn, op)
			require.NoError(t, err)
			require.Equal(t, want[i], verdict, "%d", len(p.adjustments()))
		}
	}
}

func TestAdjustmentsNeedTheirVersionAndPermission(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{Version: "22.2.21.0"})
	info, err := p.conn.Info(t.Context())
	require.NoError(t, err)
	require.False(t, info.Ops[driver.OpAdjustment].Supported)
	require.Contains(t, info.Ops[driver.OpAdjustment].Why, "Needs Open Dental 22.2.22 or later")
	require.Contains(t, info.Ops[driver.OpAdjustment].Needs, "API permission AllOthers")

	p = newPractice(t, opendentaltest.Config{
		Customers: []opendentaltest.CustomerKey{{Key: opendentaltest.DefaultCustomerKey, Permissions: opendentaltest.Tier35 &^ opendentaltest.AllOthers}},
	})
	_, err = driver.Write(t.Context(), p.conn, p.op(driver.OpAdjustment))
	require.ErrorIs(t, err, driver.ErrUnauthorized)
	require.Equal(t, driver.ScopeOperation, driver.WriteError(err).Scope)
	_, err = driver.Write(t.Context(), p.conn, p.op(driver.OpPayment))
	require.NoError(t, err, "payments go on")
}
