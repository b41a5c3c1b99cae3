package writeback

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// notTexts are the payload's fields that hold no text of people's: ids, names of
// kinds, numbers that have a field of their own.
var notTexts = []string{
	"Patient.ID", "Patient.HostID", "Patient.Birth", "Patient.Phone", "Note.Kind", "Note.Number", "Document.Kind", "Document.Category",
	"Document.FormType", "Document.MIME", "Document.SHA256", "Status.Appointment", "Status.Basis", "Payment.Channel",
	"Payment.Amount.Currency", "Payment.Fee.Currency", "Payment.Charges.ID", "Payment.Charges.Amount.Currency", "Refund.Payment", "Refund.Amount.Currency",
}

// A field that is added to what is stored is masked, or is named above.
func TestEveryTextThatIsStoredIsMasked(t *testing.T) {
	t.Parallel()
	const number = "4111111111111111"
	p := payload{Note: &noteData{Attachments: make([]string, 2)}, Document: &documentData{}, Status: &statusData{}, Payment: &paymentData{Charges: make([]driver.Charge, 1)}, Refund: &refundData{}}
	texts := map[string]reflect.Value{}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			walk(path, v.Elem())
		case reflect.String:
			v.SetString(number)
			texts[strings.TrimPrefix(path, ".")] = v
		case reflect.Slice:
			for i := range v.Len() {
				walk(path, v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					walk(path+"."+v.Type().Field(i).Name, v.Field(i))
				}
			}
		}
	}
	walk("", reflect.ValueOf(&p))
	for _, path := range notTexts {
		require.Contains(t, texts, path, "a field that is no more")
		delete(texts, path)
	}
	require.NotEmpty(t, texts)
	require.Equal(t, len(texts)+1, p.maskCards(), "attachments are two")
	for path, v := range texts {
		require.Equal(t, "************1111", v.String(), "%s is neither masked nor known to hold no text", path)
	}
}
