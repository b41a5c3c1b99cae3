package dentrix_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// journalBy is the stand-in's profile with another procedure for notes, which takes
// the patient, the day, the type and the text.
func journalBy(t *testing.T, procedure string) []byte {
	return with(t, func(doc map[string]any) {
		n := part(doc, "operations", "note")
		n["call"] = "call admin." + procedure + "(?, ?, ?, ?)"
		n["arguments"] = []any{
			map[string]any{"bind": "patient_guid"}, map[string]any{"bind": "date"}, map[string]any{"bind": "type"}, map[string]any{"bind": "text"},
		}
	})
}

// Wherever the line breaks, what an error says is true of the ledger, the driver sends
// nothing a second time, and Verify tells.
func TestALineThatBreaksAnywhereNeverMakesAPaymentTwo(t *testing.T) {
	t.Parallel()
	pay := odbctest.Runs(`standin_addpayment`)
	look := odbctest.Runs(`sp_getaccountpayments`)
	for name, c := range map[string]struct {
		trouble odbctest.Trouble
		kind    driver.Kind // "" for success
		there   int
	}{
		"before the look":            {odbctest.Trouble{When: look, Do: odbctest.CutBefore, Times: 1}, "", 1}, // read again on another connection
		"at the call":                {odbctest.Trouble{When: pay, Do: odbctest.CutBefore}, driver.ErrUnknownOutcome, 0},
		"after the call":             {odbctest.Trouble{When: pay, Do: odbctest.CutAfter}, driver.ErrUnknownOutcome, 0},
		"in its result":              {odbctest.Trouble{When: pay, Do: odbctest.CutMiddle}, driver.ErrUnknownOutcome, 0},
		"before COMMIT arrives":      {odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutBefore}, driver.ErrUnknownOutcome, 0},
		"after COMMIT":               {odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutAfter}, driver.ErrUnknownOutcome, 1},
		"COMMIT is carried out late": {odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.ActLater}, driver.ErrUnknownOutcome, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t, time.UTC, time.Now())
			conn := o.connect(driver.Env{})
			patient := o.patient("Ada", "Quill", 0)
			op := payment(patient, "P")
			lift := o.line.Strike(c.trouble)
			_, err := driver.Write(t.Context(), conn, op)
			lift()
			if c.kind == "" {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.kind)
			}
			rows, rowsErr := o.Payments(t.Context(), patient)
			require.NoError(t, rowsErr)
			require.Len(t, rows, c.there)
			verdict, receipt, err := driver.Verify(t.Context(), conn, op)
			require.NoError(t, err)
			if c.there == 0 {
				require.Equal(t, driver.VerdictAbsent, verdict)
				_, err = driver.Write(t.Context(), conn, op) // as the engine does then
				require.NoError(t, err)
			} else {
				require.Equal(t, driver.VerdictApplied, verdict)
				require.Equal(t, rows[0].ID, receipt.ID)
				_, err = driver.Write(t.Context(), conn, op) // as nobody should
				require.ErrorIs(t, err, driver.ErrUnknownOutcome)
				require.ErrorIs(t, err, driver.ReasonDuplicate)
			}
			rows, rowsErr = o.Payments(t.Context(), patient)
			require.NoError(t, rowsErr)
			require.Len(t, rows, 1)
			require.Equal(t, int64(-10269), rows[0].Cents)
		})
	}
}

func TestAProcedureThatFailsAfterItsFirstResultIsNoSuccess(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connectWith(driver.Env{}, journalBy(t, "standin_failslate"))
	patient := o.patient("Ada", "Quill", 0)
	op := note(patient, "N")
	_, err := driver.Write(t.Context(), conn, op)
	require.ErrorIs(t, err, driver.ErrUnknownOutcome, "the procedures may end the transaction by themselves")
	require.NotContains(t, err.Error(), "Qzvk", "the database's own text quotes a patient")
	rows, err := o.Notes(t.Context(), patient)
	require.NoError(t, err)
	require.Empty(t, rows, "it was undone")
	verdict, _, err := driver.Verify(t.Context(), conn, op)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictAbsent, verdict)
}

func TestAProcedureThatKeepsWhatItWroteAndFailsIsNoRefusal(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connectWith(driver.Env{}, journalBy(t, "standin_keepsandfails"))
	op := note(o.patient("Ada", "Quill", 0), "N")
	_, err := driver.Write(t.Context(), conn, op)
	require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	verdict, _, err := driver.Verify(t.Context(), conn, op)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictApplied, verdict)
}

// A profile whose look-up looks in the wrong place would make every write look
// absent: the first one stops the rest.
func TestWhatIsWrittenAndNotFoundAgainIsNeverSentAgain(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connectWith(driver.Env{}, journalBy(t, "standin_losesthekey"))
	patient := o.patient("Ada", "Quill", 0)
	op := note(patient, "N")
	_, err := driver.Write(t.Context(), conn, op)
	require.ErrorIs(t, err, driver.ErrIncomplete)
	var e *driver.Error
	require.True(t, errors.As(err, &e))
	require.NotEmpty(t, e.Receipt.ID)
	require.NotEmpty(t, e.Receipt.State)
	op.Prior = &e.Receipt
	_, err = driver.Write(t.Context(), conn, op)
	require.ErrorIs(t, err, driver.ErrIncomplete, "it looks again and does no more")
	_, err = driver.Write(t.Context(), conn, note(patient, "M"))
	require.ErrorIs(t, err, driver.ReasonUnsupported)
	info, err := conn.Info(t.Context())
	require.NoError(t, err)
	require.False(t, info.Ops[driver.OpNote].Supported)
	require.Contains(t, info.Ops[driver.OpNote].Why, "could not be found again")
	rows, err := o.Notes(t.Context(), patient)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	verdict, _, err := driver.Verify(t.Context(), conn, note(patient, "N"))
	require.NoError(t, err)
	require.Equal(t, driver.VerdictUnknown, verdict, "whose look-up finds nothing proves nothing")

	// Once it is found, when staff have put it right, all goes on.
	require.NoError(t, o.EditNote(t.Context(), rows[0].ID, op.Body.Reveal()))
	receipt, err := driver.Write(t.Context(), conn, op)
	require.NoError(t, err)
	require.Equal(t, rows[0].ID, receipt.ID)
	info, err = conn.Info(t.Context())
	require.NoError(t, err)
	require.True(t, info.Ops[driver.OpNote].Supported)
}

func TestWithoutALookUpVerifyNeverSaysThatSomethingIsAbsent(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connectWith(driver.Env{}, with(t, func(doc map[string]any) {
		delete(part(doc, "operations", "note"), "find")
	}))
	info, err := conn.Info(t.Context())
	require.NoError(t, err)
	require.Contains(t, info.Ops[driver.OpNote].HeldAs, "left to a person")
	op := note(o.patient("Ada", "Quill", 0), "N")
	for range 2 {
		verdict, _, err := driver.Verify(t.Context(), conn, op)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictUnknown, verdict)
		_, err = driver.Write(t.Context(), conn, op)
		require.NoError(t, err)
	}
}

func TestAPaymentIsFoundOnTheGuarantorsAccount(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	parent := o.patient("Ada", "Quill", 0)
	child := o.patient("Ben", "Quill", number(o, parent))
	_, err := driver.Write(t.Context(), conn, payment(child, "C"))
	require.NoError(t, err)
	_, err = driver.Write(t.Context(), conn, payment(parent, "P"))
	require.NoError(t, err)
	for who, letter := range map[string]string{child: "C", parent: "P"} {
		rows, err := o.Payments(t.Context(), who)
		require.NoError(t, err)
		require.Len(t, rows, 1)
		require.Contains(t, rows[0].Text, ref(letter))
	}
}

// The codes of the profile come before those that are documented.
func TestCodesMeanWhatTheProfileSays(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	patient := o.patient("Ada", "Quill", 0)
	day := time.Now().UTC()
	require.NoError(t, o.CloseMonth(t.Context(), day.Year(), day.Month(), day.Day()))
	for means, want := range map[string]error{"period_closed": driver.ReasonPeriodClosed, "unavailable": driver.ErrUnavailable, "": driver.ReasonInvalid} {
		conn := o.connectWith(driver.Env{}, with(t, func(doc map[string]any) {
			errs := map[string]any{}
			if means != "" {
				errs["59001"] = means
			}
			part(doc, "operations", "payment")["errors"] = errs
		}))
		_, err := driver.Write(t.Context(), conn, payment(patient, "P"))
		require.ErrorIs(t, err, want, means)
		require.NotContains(t, err.Error(), "Qzvk")
		require.Contains(t, err.Error(), "59001", "for support")
	}
	rows, err := o.Payments(t.Context(), patient)
	require.NoError(t, err)
	require.Empty(t, rows)
}

func TestSecondaryProvidersOtherCurrenciesAndCompletedVisitsAreRefused(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	op := payment(patient, "P")
	op.Provider = "HYG1"
	_, err := driver.Write(t.Context(), conn, op)
	require.ErrorIs(t, err, driver.ErrRejected)
	op = payment(patient, "P")
	op.Amount.Currency = "EUR" // the ledger does not say of what its amounts are
	_, err = driver.Write(t.Context(), conn, op)
	require.ErrorIs(t, err, driver.ReasonAmountInvalid)
	rows, err := o.Payments(t.Context(), patient)
	require.NoError(t, err)
	require.Empty(t, rows)
	visit := o.visit(patient, time.Now().Add(time.Hour), 1)
	for _, to := range []string{"100", "101", "150"} {
		_, err = driver.Write(t.Context(), conn, &driver.StatusChange{Header: driver.Header{Ref: ref("S"), Patient: patient}, Appointment: visit, From: "1", To: to})
		require.ErrorIs(t, err, driver.ReasonOptionUnfit, to)
	}
	require.NoError(t, o.CompleteAppointment(t.Context(), number(o, visit)))
	_, err = driver.Write(t.Context(), conn, &driver.StatusChange{Header: driver.Header{Ref: ref("S"), Patient: patient}, Appointment: visit, From: "150", To: "2"})
	require.ErrorIs(t, err, driver.ReasonAppointmentClosed)
	_, err = driver.Write(t.Context(), conn, &driver.StatusChange{Header: driver.Header{Ref: ref("S"), Patient: patient}, Appointment: visit, From: "1", To: "2"})
	require.ErrorIs(t, err, driver.ReasonAppointmentClosed, "its status is another one because it is over")
}

// Titles and memos may lose what Dentrix cannot store; notes may not.
func TestTextsThatDentrixCannotStore(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	n := note(patient, "N")
	n.Body = driver.NewText("A tooth 🦷 " + ref("N"))
	_, err := driver.Write(t.Context(), conn, n)
	require.ErrorIs(t, err, driver.ReasonTextRefused)
	pay := payment(patient, "P")
	pay.Memo = driver.NewText("A tooth 🦷,\n" + string(make([]byte, 5)) + " and much more than the sixty characters that there are for it in the ledger")
	_, err = driver.Write(t.Context(), conn, pay)
	require.NoError(t, err)
	rows, err := o.Payments(t.Context(), patient)
	require.NoError(t, err)
	require.Contains(t, rows[0].Text, "A tooth ?, ")
	require.Contains(t, rows[0].Text, ref("P"))
}

func TestTwoCallsWithTheSameKeyAreNotBothTaken(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	_, err := driver.Write(t.Context(), conn, payment(patient, "P"))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { _, _ = driver.Write(t.Context(), conn, payment(patient, "P")) })
	}
	wg.Wait()
	rows, err := o.Payments(t.Context(), patient)
	require.NoError(t, err)
	require.Len(t, rows, 1)
}
