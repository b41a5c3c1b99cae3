package eaglesoft_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// Whoever announces no hash has announced a length all the same.
func TestADocumentOfAnotherLengthThanAnnouncedHasNoRow(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	patient := o.patient()
	for _, more := range []int64{-1, 1} {
		op := o.operation(driver.OpDocument, patient).(*driver.Document)
		op.SHA256, op.Size = "", op.Size+more
		_, err := driver.Write(t.Context(), conn, op)
		requireError(t, err, driver.ErrRejected, "not those that were announced")
	}
	require.Empty(t, o.Texts("SELECT document_id FROM PPM.document"))
	require.Zero(t, o.Files.Len())
}
