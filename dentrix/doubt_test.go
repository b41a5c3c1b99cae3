package dentrix_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// A look-up by the patient where the ledger goes by the guarantor finds the payments of
// those who pay for themselves, and of nobody else. Once it has missed one that was
// written, finding another does not make it good.
func TestALookUpThatMissedSomethingIsNotTrustedAgainForFindingSomethingElse(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connectWith(driver.Env{}, with(t, func(doc map[string]any) {
		part(doc, "operations", "payment", "find", "arguments", 0)["bind"] = "patient_guid"
	}))
	parent := o.patient("Ada", "Quill", 0)
	child := o.patient("Ben", "Quill", number(o, parent))

	own := payment(parent, "A")
	_, err := driver.Write(t.Context(), conn, own)
	require.NoError(t, err)
	lift := o.line.Strike(odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutAfter, Times: 1})
	doubt := payment(child, "B")
	_, err = driver.Write(t.Context(), conn, doubt)
	lift()
	require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	_, err = driver.Write(t.Context(), conn, payment(child, "C"))
	require.ErrorIs(t, err, driver.ErrIncomplete, "it was written, and is not found")

	verdict := func(op driver.Op) driver.Verdict {
		v, _, err := driver.Verify(t.Context(), conn, op)
		require.NoError(t, err)
		return v
	}
	require.Equal(t, driver.VerdictUnknown, verdict(doubt))
	require.Equal(t, driver.VerdictApplied, verdict(own), "it finds what it finds")
	require.Equal(t, driver.VerdictUnknown, verdict(doubt), "and what it does not find may be there: it is")
	require.False(t, info(t, conn).Ops[driver.OpPayment].Supported, "nothing more is posted that way")
	rows, err := o.Payments(t.Context(), child)
	require.NoError(t, err)
	require.Len(t, rows, 2)
}

// The list of procedures may show one that the login may not call, or a right may be
// taken after the last look.
func TestAProcedureThatMayNotBeCalledAnyMoreIsAMissingRight(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	visit := o.visit(patient, time.Now().Add(48*time.Hour), 1)
	_, err := driver.Write(t.Context(), conn, payment(patient, "P"))
	require.NoError(t, err)
	for _, op := range o.ops(patient, visit) {
		if op.Kind() == driver.OpPayment {
			op = payment(patient, "Q") // that of the refund is there
		}
		require.NoError(t, o.Revoke(t.Context(), writers[op.Kind()]))
		_, err := driver.Write(t.Context(), conn, op)
		require.ErrorIs(t, err, driver.ErrUnauthorized, op.Kind())
		require.Equal(t, driver.ScopeOperation, driver.WriteError(err).Scope, op.Kind())
		require.ErrorContains(t, err, "lacks a right")
		require.NoError(t, o.Grant(t.Context(), writers[op.Kind()]))
	}
	rows, err := o.Payments(t.Context(), patient)
	require.NoError(t, err)
	require.Len(t, rows, 1)
}

// A key of another form is found nowhere, whatever was written.
func TestWhatHasNoKeyIsNeverCalledAbsent(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	for _, bad := range []string{"", "SHORT", ref("p") + "1"} {
		op := payment(patient, "P")
		op.Ref = bad
		verdict, _, err := driver.Verify(t.Context(), conn, op)
		require.Equal(t, driver.VerdictUnknown, verdict)
		require.ErrorIs(t, err, driver.ReasonInvalid)
		require.ErrorContains(t, err, "Ref: must be 16 characters")
	}
}
