package memdriver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestNothingPrintsPatientData(t *testing.T) {
	t.Parallel()
	canaries := []string{"Canaryson", "5550199", "555-0199", "1984-02-29", "1984 February 29", "1984 2 29", "canary@example.com", "CANARYBYTES", "67 65 78 65 82 89", "434e415259", "secret tooth"}
	born, err := driver.ParseDate("1984-02-29")
	require.NoError(t, err)

	p := newPractice(t, memdriver.Config{})
	p.patient = p.AddPatient(driver.Patient{
		FirstName: driver.NewText("Canaryson"), LastName: driver.NewText("Canaryson"), BirthDate: driver.NewBirthDate(born),
		Phones: []driver.Text{driver.NewText("212-555-0199")}, Email: driver.NewText("canary@example.com"),
	})
	p.appointment = p.AddAppointment(driver.Appointment{Patient: p.patient, Note: driver.NewText("secret tooth")})
	p.AddPhoto(p.patient, "image/png", []byte("CANARYBYTES"))
	note, doc, pay, offset := p.note(), p.document("CANARYBYTES"), p.payment(100), p.adjustment(driver.Receipt{}, "", 100)
	note.Body, doc.Title, pay.Memo, offset.Memo = driver.NewText("secret tooth"), driver.NewText("Canaryson"), driver.NewText("Canaryson"), driver.NewText("Canaryson")

	var printed bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&printed, nil))
	show := func(values ...any) {
		for _, v := range values {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
				// Inside an unexported field, fmt calls no methods.
				fmt.Fprintf(&printed, verb+" "+verb+"\n", v, struct{ v any }{v})
			}
			if encoded, err := json.Marshal(v); err == nil {
				printed.Write(encoded)
			}
			log.Info("value", "v", v)
		}
	}
	for _, op := range []driver.Op{note, doc, p.status(unconfirmed, confirmed), pay, offset} {
		show(p.write(op))
	}
	// Every error there is: refusals, faults, bad queries.
	require.NoError(t, p.ArchivePatient(p.patient))
	for _, op := range []driver.Op{note, doc, pay, offset} {
		_, err := driver.Write(t.Context(), p.conn, op)
		require.Error(t, err)
		show(err)
	}
	trip := p.Fail(memdriver.Fault{On: "note", Times: 1, Err: memdriver.Reject(driver.ReasonTextRefused)})
	_, err = driver.Write(t.Context(), p.conn, note)
	require.ErrorIs(t, err, driver.ReasonTextRefused)
	_, find := driver.FindPatients(t.Context(), p.conn, driver.PatientQuery{Phone: driver.NewText("5550199"), BirthDate: driver.NewBirthDate(born)})
	require.Error(t, find)
	show(err, find, trip, p.PMS, p.Connector(), p.conn)
	for _, r := range p.Patients() {
		show(r, r.FirstName, r.BirthDate, r.Phones)
	}
	show(p.Patients(), p.Appointments(), p.Photos(), p.Notes(), p.Documents(), p.StatusWrites(), p.Payments(), p.Refunds(), p.Adjustments(), p.Counts(), p.Traffic(), p.Info())
	require.NotEmpty(t, p.Documents()[0].Bytes())
	for _, canary := range canaries {
		require.False(t, strings.Contains(printed.String(), canary), canary)
	}
}
