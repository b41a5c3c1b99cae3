package eaglesofttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/eaglesoft"
)

// Status is an appointment's confirmation status, empty when it is gone.
func (o *Office) Status(appointment string) string {
	o.tb.Helper()
	list := o.Texts("SELECT COALESCE(confirmation_status, 0) FROM PPM.appointment WHERE appointment_id=?", appointment)
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// Rows are what the tables hold for a patient.
func (o *Office) Rows(kind driver.OpKind, patient string) []drivertest.Row {
	o.tb.Helper()
	var rows []drivertest.Row
	switch kind {
	case driver.OpNote:
		o.each("SELECT note_id, note_type_id, user_id, note, date_entered FROM PPM.operatory_notes WHERE patient_id=? AND status='A' ORDER BY note_id",
			func(v []string) {
				rows = append(rows, drivertest.Row{ID: v[0], Patient: patient, Type: v[1], Provider: v[2], Text: v[3], At: o.moment(v[4])})
			}, patient)
	case driver.OpDocument:
		o.each("SELECT document_id, document_group_id, user_id, document_name, document_creation_date FROM PPM.document"+
			" WHERE ref_table='patient' AND ref_id=? ORDER BY document_id", func(v []string) {
			r := drivertest.Row{ID: v[0], Patient: patient, Type: v[1], Provider: v[2], Text: v[3], At: o.moment(v[4])}
			if content, ok := o.Files.get(patient, r.ID); ok {
				sum := sha256.Sum256(content)
				r.SHA256 = hex.EncodeToString(sum[:])
			}
			rows = append(rows, r)
		}, patient)
	case driver.OpPayment:
		o.each("SELECT h.tran_num, h.paytype_id, d.provider_id, h.description, h.tran_date, -d.amount FROM PPM.transactions_header h"+
			" JOIN PPM.transactions_detail d ON d.tran_num=h.tran_num WHERE d.patient_id=? AND h.status='A' ORDER BY h.tran_num", func(v []string) {
			on, err := driver.ParseDate(v[4])
			amount, err2 := driver.ParseDecimal(v[5], "USD")
			if err := errors.Join(err, err2); err != nil {
				o.tb.Fatal(err)
			}
			rows = append(rows, drivertest.Row{ID: v[0], Patient: patient, Type: v[1], Provider: v[2], Text: v[3], On: on, Amount: amount})
		}, patient)
	}
	return rows
}

// moment reads a wall time of the practice.
func (o *Office) moment(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", s, o.zone)
	if err != nil {
		o.tb.Fatal(err)
	}
	return t
}

var _ eaglesoft.SmartDocWriter = (*Files)(nil)

// Write implements eaglesoft.SmartDocWriter.
func (f *Files) Write(_ context.Context, doc eaglesoft.SmartDoc, content io.Reader) error {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	if fail != nil {
		if err := fail(); err != nil {
			return err
		}
	}
	b, err := io.ReadAll(content)
	if err != nil {
		return errors.New("the content cannot be read")
	}
	f.put(doc.Patient, doc.ID, b)
	return nil
}

// Remove implements eaglesoft.SmartDocWriter.
func (f *Files) Remove(_ context.Context, doc eaglesoft.SmartDoc) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.content, doc.Patient+"~"+doc.ID)
	return nil
}

// Fail makes Write call a func first and return its error. Nil ends that.
func (f *Files) Fail(with func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = with
}

// Len is the number of files.
func (f *Files) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.content)
}

func (f *Files) put(patient, id string, content []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.content == nil {
		f.content = map[string][]byte{}
	}
	f.content[patient+"~"+id] = bytes.Clone(content)
}

func (f *Files) get(patient, id string) ([]byte, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	content, ok := f.content[patient+"~"+id]
	return content, ok
}
