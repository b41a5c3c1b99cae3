package opendental

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestEveryNoteKindHasItsModeAndDirection(t *testing.T) {
	t.Parallel()
	for _, kind := range driver.NoteKinds() {
		require.Contains(t, commlogKinds, kind)
	}
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	f.onJSON("POST /commlogs", 201, map[string]any{"CommlogNum": "9", "DateTStamp": "2026-03-04 09:00:05"})
	c := f.connect(t)
	n := testNote()
	n.Type = "71"
	receipt, err := c.Write(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, "9", receipt.ID)
	require.Equal(t, map[string]any{
		"PatNum": 42.0, "Note": n.Body.Reveal(), "CommDateTime": "2026-03-04 09:00:00", "Mode_": "Phone", "SentOrReceived": "Sent", "CommType": 71.0,
	}, f.lastBody("POST /commlogs"))
}

func TestAPaymentStaysWithItsPatientAndCarriesItsRef(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	f.onJSON("POST /payments", 201, map[string]any{"PayNum": 5})
	p := testPayment()
	p.Memo = driver.NewText(strings.Repeat("long ", 2_000))
	receipt, err := f.connect(t).Write(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, "5", receipt.ID)
	body := f.lastBody("POST /payments")
	require.Equal(t, "123.45", body["PayAmt"], "text: no floating-point number on the way")
	require.Equal(t, "2026-03-04", body["PayDate"])
	require.Equal(t, "true", body["isPatientPreferred"])
	require.Equal(t, testRef, body["CheckNum"])
	require.LessOrEqual(t, len(body["CheckNum"].(string)), 25)
	note := body["PayNote"].(string)
	require.LessOrEqual(t, len(note), payNoteChars)
	require.True(t, strings.HasSuffix(note, " "+testRef), "the text is shortened, never the Ref")
}

func TestAnAdjustmentCarriesItsRefAndItsDay(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	f.onJSON("POST /adjustments", 201, map[string]any{"AdjNum": 5, "SecDateTEdit": "2026-03-04 10:00:00"})
	a := testAdjustment()
	a.Memo = driver.NewText(strings.Repeat("long ", 2_000))
	receipt, err := f.connect(t).Write(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, "5", receipt.ID)
	require.False(t, receipt.At.IsZero())
	body := f.lastBody("POST /adjustments")
	require.EqualValues(t, 2.69, body["AdjAmt"], "a number, as the vendor shows it")
	require.Equal(t, "2026-03-04", body["AdjDate"])
	require.Equal(t, "2026-03-04", body["ProcDate"], "the charge ages from that day")
	require.NotContains(t, body, "ProvNum", "left to the office without a provider")
	note := body["AdjNote"].(string)
	require.LessOrEqual(t, len(note), adjNoteChars)
	require.True(t, strings.HasSuffix(note, " Offsets "+a.OfRef+" "+testRef), "the text is shortened, never the Ref")
}

func TestALookThatIsRefusedDoesNotEndTheWrite(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	c := f.connect(t)
	for _, status := range []int{302, 400, 404, 410, 413} {
		f.on("GET /definitions", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		_, err := c.Write(t.Context(), testPayment())
		require.ErrorIs(t, err, driver.ErrUnavailable, "%d", status)
	}
	require.Zero(t, f.count("POST /payments"))
}

// A router that answers with a page of its own says nothing about the patient.
func TestAPageInTheOfficesPlaceEndsNoWrite(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	page := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<html><head><title>404 Not Found</title></head></html>")
	}
	f.on("GET /patients/42", page)
	_, err := f.connect(t).Write(t.Context(), testPayment())
	require.ErrorIs(t, err, driver.ErrUnavailable, "the look")
	require.Zero(t, f.count("POST /payments"))
	f.ready()
	f.on("POST /payments", page)
	_, err = f.connect(t).Write(t.Context(), testPayment())
	require.ErrorIs(t, err, driver.ErrUnknownOutcome, "the write itself is looked for, not given up")
}

func TestAWriteThatWaitsTooLongForItsTurnIsNotSent(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	c := f.connect(t)
	ctx := withTiming(t.Context(), timing{turn: turnWrite, sendBy: time.Now().Add(-time.Second)})
	_, err := c.post(ctx, "post payment", "/payments", fields{"PatNum": number("42")})
	require.ErrorIs(t, err, driver.ErrUnavailable, "VerifyAfter counts from the beginning of Write")
	require.Zero(t, f.count("POST /payments"))
}

func TestAStatusIsComparedBeforeAndReadBackAfter(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.onJSON("GET /definitions", 200, []map[string]any{{"DefNum": 21, "ItemName": "Confirmed"}, {"DefNum": 19, "ItemName": "Unconfirmed"}})
	apt := func(confirmed int, status string) map[string]any {
		return map[string]any{"AptNum": 3, "PatNum": 42, "AptStatus": status, "Confirmed": confirmed, "confirmed": "text", "AptDateTime": "2026-05-01 10:00:00"}
	}
	op := func() *driver.StatusChange {
		return &driver.StatusChange{Header: header(), Appointment: "3", From: "19", To: "21"}
	}
	c := f.connect(t)
	put := "PUT /appointments/3/Confirm"
	f.on(put, func(http.ResponseWriter, *http.Request) {})

	f.onJSON("GET /appointments/3", 200, apt(21, "Scheduled"))
	receipt, err := c.Write(t.Context(), op())
	require.NoError(t, err)
	require.True(t, receipt.Existed)

	// Set by an earlier sending, and over since: nothing is left to do, and nothing to refuse.
	f.onJSON("GET /appointments/3", 200, apt(21, "Complete"))
	receipt, err = c.Write(t.Context(), op())
	require.NoError(t, err)
	require.True(t, receipt.Existed)

	f.onJSON("GET /appointments/3", 200, apt(22, "Scheduled"))
	_, err = c.Write(t.Context(), op())
	require.ErrorIs(t, err, driver.ErrConflict)

	for _, over := range []string{"Complete", "Broken", "UnschedList"} {
		f.onJSON("GET /appointments/3", 200, apt(19, over))
		_, err = c.Write(t.Context(), op())
		require.ErrorIs(t, err, driver.ReasonAppointmentClosed, over)
	}

	other := op()
	other.Patient = "43"
	f.onJSON("GET /appointments/3", 200, apt(19, "Scheduled"))
	_, err = c.Write(t.Context(), other)
	require.ErrorIs(t, err, driver.ErrConflict)
	require.Zero(t, f.count(put))

	// Accepted, and yet nothing has changed.
	_, err = c.Write(t.Context(), op())
	require.ErrorIs(t, err, driver.ErrRejected)
	require.ErrorIs(t, err, driver.ReasonInvalid)
	require.Equal(t, 1, f.count(put))
	require.Equal(t, map[string]any{"defNum": 21.0}, f.lastBody(put))
}

func TestAWriteWithoutAProperRefIsRefused(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	c := f.connect(t)
	for _, ref := range []string{"", "SHORT", strings.ToLower(testRef), testRef + "A", "ABCDEFGHIJKLMNO1"} {
		n := testNote()
		n.Ref = ref
		_, err := c.Write(t.Context(), n)
		require.ErrorIs(t, err, driver.ErrRejected, ref)
		_, _, err = c.Verify(t.Context(), n)
		require.Error(t, err, ref)
	}
}

func TestLockDatesCloseThePeriodBeforeThem(t *testing.T) {
	t.Parallel()
	today := driver.Date{Year: 2026, Month: time.March, Day: 10}
	for _, tc := range []struct{ date, days, want string }{
		{"", "", "0001-01-01"},
		{"0001-01-01", "0", "0001-01-01"},
		{"2026-02-28", "0", "2026-02-28"},
		{"", "3", "2026-03-07"},
		{"2026-03-09", "3", "2026-03-09"},
		{"2026-01-31", "3", "2026-03-07"},
		{"never", "-1", "0001-01-01"},
	} {
		require.Equal(t, tc.want, closedThrough(tc.date, tc.days, today).Format(time.DateOnly), "%+v", tc)
	}
}

func TestTheRepeatedHourBeginsWhereSummerTimeEnds(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time { return parseWall(s, wall) }
	loc := chicago(t)
	for in, want := range map[string]string{
		"2026-11-01 00:59:59": "2026-11-01 00:59:59",
		"2026-11-01 01:00:00": "2026-11-01 01:00:00",
		"2026-11-01 01:59:59": "2026-11-01 01:00:00",
		"2026-11-01 02:00:00": "2026-11-01 02:00:00",
		"2026-03-08 01:59:59": "2026-03-08 01:59:59",
		"2026-03-08 03:00:00": "2026-03-08 03:00:00",
		"2026-07-01 01:30:00": "2026-07-01 01:30:00",
	} {
		require.Equal(t, at(want), repeatedFrom(at(in), loc), in)
	}
	lordHowe, err := time.LoadLocation("Australia/Lord_Howe") // half an hour
	require.NoError(t, err)
	require.Equal(t, at("2026-04-05 01:30:00"), repeatedFrom(at("2026-04-05 01:45:00"), lordHowe))
	require.Equal(t, at("2026-04-05 01:29:00"), repeatedFrom(at("2026-04-05 01:29:00"), lordHowe))
	require.Equal(t, at("2026-04-05 01:45:00"), repeatedFrom(at("2026-04-05 01:45:00"), time.UTC))
}

func TestVerifyWaitsForTheOfficeToFinish(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	f.onJSON("GET /payments", 200, []any{})
	cfg := f.config()
	c := f.connectWith(t, cfg)
	p := testPayment()
	verdict, _, err := c.Verify(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictUnknown, verdict)
	p.LastSent = time.Now().Add(-3 * time.Minute)
	verdict, _, err = c.Verify(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictAbsent, verdict)
}
