package opendental_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/writeback"
)

// verification is a note that the patient's insurance was found in force.
func (p *practice) verification() *driver.Note {
	n := p.op(driver.OpNote).(*driver.Note)
	n.About, n.Verified = driver.InsuranceVerificationNote, true
	return n
}

func (p *practice) insured(plans ...int64) {
	p.t.Helper()
	num, err := strconv.ParseInt(p.patient, 10, 64)
	require.NoError(p.t, err)
	for _, plan := range plans {
		_, err := p.AddInsurance(p.t.Context(), num, plan)
		require.NoError(p.t, err)
	}
}

// verifiedDays are the days of the last verification that the office has.
func (p *practice) verifiedDays() (days []string) {
	p.t.Helper()
	list, err := p.InsVerifies(p.t.Context())
	require.NoError(p.t, err)
	for _, v := range list {
		days = append(days, v.DateLastVerified.Format(time.DateOnly))
	}
	return days
}

func TestAVerificationIsRecordedBesideItsNote(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		p := newPractice(t, opendentaltest.Config{Mode: mode}, "rate", "1ms")
		p.insured(7)
		n := p.verification()
		_, err := driver.Write(t.Context(), p.conn, n)
		require.NoError(t, err)
		today := p.Now().Format(time.DateOnly)
		require.Equal(t, []string{today}, p.verifiedDays())
		// An older one writes its note and leaves the day.
		older := p.verification()
		older.At = older.At.AddDate(0, 0, -3)
		_, err = driver.Write(t.Context(), p.conn, older)
		require.NoError(t, err)
		require.Equal(t, []string{today}, p.verifiedDays())
		require.Equal(t, 1, p.Count("PUT", "/insverifies"))
		notes, err := p.Commlogs(t.Context())
		require.NoError(t, err)
		require.Len(t, notes, 2)
	}
}

func TestAVerificationIsNotRecordedWhereItWouldBeAGuess(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		version string
		plans   []int64
		change  func(*driver.Note)
	}{
		"no coverage":       {},
		"two coverages":     {plans: []int64{7, 8}},
		"not found good":    {plans: []int64{7}, change: func(n *driver.Note) { n.Verified = false }},
		"another note":      {plans: []int64{7}, change: func(n *driver.Note) { n.About = driver.PatientNote }},
		"a version too old": {version: "24.4.16.0", plans: []int64{7}},
	} {
		p := newPractice(t, opendentaltest.Config{Version: tc.version})
		p.insured(tc.plans...)
		n := p.verification()
		if tc.change != nil {
			tc.change(n)
		}
		_, err := driver.Write(t.Context(), p.conn, n)
		require.NoError(t, err, name)
		require.Empty(t, p.verifiedDays(), name)
		verdict, receipt, err := driver.Verify(t.Context(), p.conn, n)
		require.NoError(t, err, name)
		require.Equal(t, driver.VerdictApplied, verdict, name)
		require.Empty(t, receipt.State, name)
	}
}

func TestAVerificationThatFailsIsFinishedWithoutASecondNote(t *testing.T) {
	t.Parallel()
	for _, fault := range []opendentaltest.FaultKind{
		opendentaltest.FaultTimeoutApplied, opendentaltest.FaultTimeoutLost, opendentaltest.FaultCutBefore, opendentaltest.FaultTooMany,
	} {
		p := newPractice(t, opendentaltest.Config{})
		p.insured(7)
		n := p.verification()
		in, err := p.Inject(opendentaltest.Fault{Kind: fault, Method: "PUT", Route: "/insverifies", Count: -1})
		require.NoError(t, err)
		_, err = driver.Write(t.Context(), p.conn, n)
		require.ErrorIs(t, err, driver.ErrIncomplete, fault)
		in.Remove()
		prior := driver.WriteError(err).Receipt
		require.NotEmpty(t, prior.ID)
		verdict, receipt, err := driver.Verify(t.Context(), p.conn, n)
		if fault != opendentaltest.FaultTooMany { // the line pauses
			require.NoError(t, err, fault)
			require.Equal(t, driver.VerdictApplied, verdict, fault)
			require.Equal(t, fault != opendentaltest.FaultTimeoutApplied, receipt.State != "", fault)
		}
		n.Prior = &prior
		done, err := driver.Write(t.Context(), p.conn, n)
		require.NoError(t, err, fault)
		require.Empty(t, done.State)
		require.Equal(t, []string{p.Now().Format(time.DateOnly)}, p.verifiedDays(), fault)
		notes, err := p.Commlogs(t.Context())
		require.NoError(t, err)
		require.Len(t, notes, 1, fault)
	}
}

func TestWithoutThePermissionTheNoteIsWrittenAndStaffAreTold(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{
		Customers: []opendentaltest.CustomerKey{{Key: opendentaltest.DefaultCustomerKey, Permissions: opendentaltest.Tier35 &^ opendentaltest.InsuranceSimple}},
	})
	p.insured(7)
	_, err := driver.Write(t.Context(), p.conn, p.verification())
	require.NoError(t, err)
	require.Empty(t, p.verifiedDays())
	info, err := p.conn.Info(t.Context())
	require.NoError(t, err)
	require.Contains(t, info.Notes[0], "permission InsuranceSimple")
}

// The engine, which asks for the rest by itself.
func TestAVerifiedInsuranceReachesTheOfficeThroughTheEngine(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(nil)
	_, err := h.AddInsurance(t.Context(), h.patient.PatNum, 7)
	require.NoError(t, err)
	in, err := h.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultErrorBefore, Method: "PUT", Route: "/insverifies"})
	require.NoError(t, err)
	h.must(h.p.WriteNote(t.Context(), writeback.Note{
		Key: "verified", Kind: driver.InsuranceVerificationNote, Patient: writeback.PatientID(id(h.patient.PatNum)), At: h.Now(),
		Body: writeback.Text("Active, 80 % of fillings."), Verified: true,
	}))
	it := h.rests("verified", writeback.Written)
	require.Equal(t, 1, in.Hits())
	h.commlog(it.Legs[0].Ref) // there once
	list, err := h.InsVerifies(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, h.Now().Format(time.DateOnly), list[0].DateLastVerified.Format(time.DateOnly))
}
