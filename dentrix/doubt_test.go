package dentrix_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// writeUnanswered has a write whose answer to COMMIT is lost.
func (o *office) writeUnanswered(conn driver.Conn, op driver.Op) {
	o.tb.Helper()
	defer o.line.Strike(odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutAfter, Times: 1})()
	_, err := driver.Write(o.tb.Context(), conn, op)
	require.ErrorIs(o.tb, err, driver.ErrUnknownOutcome)
}

func (o *office) verdict(conn driver.Conn, op driver.Op) driver.Verdict {
	o.tb.Helper()
	verdict, _, err := driver.Verify(o.tb.Context(), conn, op)
	require.NoError(o.tb, err)
	return verdict
}

// A look-up in the wrong place finds nothing, whether or not the payment was posted.
func TestALookUpThatWasNeverSeenToFindAnythingIsNoProofOfAbsence(t *testing.T) {
	t.Parallel()
	profile := func(change func(find map[string]any)) []byte {
		return with(t, func(doc map[string]any) {
			find := part(doc, "operations", "payment", "find")
			delete(find, "proved_on")
			change(find)
		})
	}
	o := openOffice(t, time.UTC, time.Now())
	lost := func(conn driver.Conn, op driver.Op) driver.Verdict {
		o.writeUnanswered(conn, op)
		return o.verdict(conn, op)
	}
	patient := o.patient("Ada", "Quill", 0)
	wrong := o.connectWith(driver.Env{}, profile(func(find map[string]any) { find["key_columns"] = []any{"procid"} }))
	require.Equal(t, driver.VerdictUnknown, lost(wrong, payment(patient, "A")), "it is there, and the look-up looks elsewhere")
	info, err := wrong.Info(t.Context())
	require.NoError(t, err)
	require.Contains(t, info.Ops[driver.OpPayment].HeldAs, "left to a person")
	require.NotContains(t, info.Ops[driver.OpNote].HeldAs, "left to a person", "whose look-up is proved")

	// The same without a word of where it was proved, and looking in the right place:
	// what it finds is there, and proves nothing of what it does not find.
	right := o.connectWith(driver.Env{}, profile(func(map[string]any) {}))
	require.Equal(t, driver.VerdictUnknown, o.verdict(right, payment(patient, "B")), "nothing was found yet")
	require.Equal(t, driver.VerdictApplied, lost(right, payment(patient, "C")))
	require.Equal(t, driver.VerdictUnknown, o.verdict(right, payment(patient, "B")), "another one was found")

	rows, err := o.Payments(t.Context(), patient)
	require.NoError(t, err)
	require.Len(t, rows, 2)
}

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
	doubt := payment(child, "B")
	o.writeUnanswered(conn, doubt)
	_, err = driver.Write(t.Context(), conn, payment(child, "C"))
	require.ErrorIs(t, err, driver.ErrIncomplete, "it was written, and is not found")

	require.Equal(t, driver.VerdictUnknown, o.verdict(conn, doubt))
	require.Equal(t, driver.VerdictApplied, o.verdict(conn, own), "it finds what it finds")
	require.Equal(t, driver.VerdictUnknown, o.verdict(conn, doubt), "and what it does not find may be there: it is")
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
