package eaglesoft_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

var born = driver.Date{Year: 1985, Month: time.December, Day: 10}

// patient stores somebody.
func (o *office) patient() string {
	return o.AddPatient(drivertest.NewPatient{First: "Nora", Last: "Sampleton", BirthDate: born, Phone: "(503) 555-0142"})
}

// visit stores an appointment of tomorrow.
func (o *office) visit(patient string) string {
	return o.AddAppointment(drivertest.NewAppointment{
		Patient: patient, Provider: "DR1", Start: tomorrow(o.zone), Duration: 30 * time.Minute, Note: "Brings the X-rays",
	})
}

func tomorrow(zone *time.Location) time.Time {
	y, m, d := time.Now().In(zone).Date()
	return time.Date(y, m, d+1, 9, 0, 0, 0, zone)
}

// operation makes one of a kind for a patient, with a Ref of its own.
func (o *office) operation(kind driver.OpKind, patient string) driver.Op {
	o.refs++
	h := driver.Header{Ref: fmt.Sprintf("EAGLETESTREF%c%c%cA", 'A'+o.refs/26%26, 'A'+o.refs%26, '2'+o.refs/676), Patient: patient, Provider: "HY2"}
	switch kind {
	case driver.OpNote:
		return &driver.Note{
			Header: h, About: driver.IncomingCall, Type: "7", At: time.Now().Truncate(time.Minute),
			Body: driver.NewText("Asked about Friday.\nRef " + h.Ref), Part: 1, Parts: 1,
		}
	case driver.OpStatus:
		return &driver.StatusChange{Header: h, Appointment: o.visit(patient), From: "0", To: "1"}
	case driver.OpDocument:
		content := []byte("%PDF-1.4\n" + h.Ref)
		sum := sha256.Sum256(content)
		return &driver.Document{
			Header: h, About: driver.AccountStatement, Folder: "2", Title: driver.NewText("Statement"), At: time.Now(), MIME: "application/pdf",
			Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]),
			Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		}
	case driver.OpPayment:
		return &driver.Payment{Header: h, Type: "2", Amount: driver.USD(10269), PostedOn: driver.DateOf(time.Now().In(o.zone)), Memo: driver.NewText("Paid online")}
	}
	o.tb.Fatalf("no operation %s", kind)
	return nil
}

// count is how often an operation's effect is in the tables, by content.
func (o *office) count(op driver.Op) int {
	if sc, ok := op.(*driver.StatusChange); ok {
		logged := len(o.Texts("SELECT appt_log_id FROM PPM.appt_log WHERE appt_id=? AND user_id='HY2' AND modified_by='HY2' AND appt_log_action='R'", sc.Appointment))
		if (o.Status(sc.Appointment) == sc.To) != (logged > 0) {
			o.tb.Errorf("the status is %q, and the log has %d rows: they go together", o.Status(sc.Appointment), logged)
		}
		return logged
	}
	n := 0
	for _, r := range o.Rows(op.Kind(), op.Head().Patient) {
		if bytes.Contains([]byte(r.Text), []byte(op.Head().Ref)) {
			n++
		}
	}
	return n
}

var kinds = []driver.OpKind{driver.OpNote, driver.OpStatus, driver.OpDocument, driver.OpPayment}

// changes finds the statements that change something.
var changes = odbctest.Runs(`^(INSERT|UPDATE) `)

// Whatever breaks, the effect is there once when the engine has done what it does:
// look for it, and send it again only when it is absent.
func TestNothingIsWrittenTwiceOrLostHoweverTheLineBreaks(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		for name, trouble := range map[string]odbctest.Trouble{
			"before the transaction":    {When: odbctest.Runs(`^SET autocommit=0`), Do: odbctest.CutBefore},
			"before the look":           {When: odbctest.Runs(`^SELECT .*CONNECTION_PROPERTY`), Do: odbctest.CutBefore},
			"before it is changed":      {When: changes, Do: odbctest.CutBefore},
			"after it is changed":       {When: changes, Do: odbctest.CutAfter},
			"before the commit":         {When: odbctest.IsCommit, Do: odbctest.CutBefore},
			"after the commit":          {When: odbctest.IsCommit, Do: odbctest.CutAfter},
			"before the commit, later":  {When: odbctest.IsCommit, Do: odbctest.ActLater},
			"after the commit, at last": {When: odbctest.Runs(`^SET autocommit=1`), Do: odbctest.CutBefore},
		} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				t.Parallel()
				o := newOffice(t, time.UTC)
				conn := o.connect(o.config())
				op := o.operation(kind, o.patient())
				trouble.Times = 1
				lift := o.line.Strike(trouble)
				sends := 0
				for o.send(conn, op) {
					if sends++; sends == 1 && trouble.Do == odbctest.ActLater {
						verdict, _, err := driver.Verify(t.Context(), conn, op)
						require.NoError(t, err)
						require.Equal(t, driver.VerdictUnknown, verdict, "the server has yet to act")
					}
					lift()
					require.Less(t, sends, 5)
					require.LessOrEqual(t, o.count(op), 1)
				}
				require.Equal(t, 1, o.count(op))
				verdict, _, err := o.verifyLate(conn, op)
				require.NoError(t, err)
				require.Equal(t, driver.VerdictApplied, verdict)
				if kind == driver.OpDocument {
					require.GreaterOrEqual(t, o.Files.Len(), 1)
					require.NotEmpty(t, o.Rows(kind, op.Head().Patient)[0].SHA256, "the row has its file")
				}
			})
		}
	}
}

// send does what the engine does with one operation, and reports whether that has
// to go on.
func (o *office) send(conn driver.Conn, op driver.Op) (again bool) {
	o.tb.Helper()
	h := op.Head()
	if !h.FirstSent.IsZero() {
		verdict, _, err := o.verifyLate(conn, op)
		require.NoError(o.tb, err)
		if verdict == driver.VerdictApplied {
			return false
		}
		require.Equal(o.tb, driver.VerdictAbsent, verdict)
	}
	h.FirstSent, h.LastSent = time.Now(), time.Now()
	_, err := driver.Write(o.tb.Context(), conn, op)
	if err == nil {
		return false
	}
	require.Contains(o.tb, []driver.Kind{driver.ErrUnavailable, driver.ErrUnknownOutcome}, driver.WriteError(err).Kind, "%v", err)
	if driver.WriteError(err).Kind == driver.ErrUnavailable {
		require.Zero(o.tb, o.count(op), "the error says that nothing happened: %v", err)
	}
	return true
}

// verifyLate looks when the database has given up what was sent.
func (o *office) verifyLate(conn driver.Conn, op driver.Op) (driver.Verdict, driver.Receipt, error) {
	h := op.Head()
	first, last := h.FirstSent, h.LastSent
	defer func() { h.FirstSent, h.LastSent = first, last }()
	h.LastSent = time.Now().Add(-time.Hour)
	h.FirstSent = h.LastSent
	return driver.Verify(o.tb.Context(), conn, op)
}
