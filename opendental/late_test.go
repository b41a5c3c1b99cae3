package opendental

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// Nothing that is looked at before a payment is known from before: one that runs
// out of time runs out of time again, and would wait for ever.
func TestAPaymentGetsThroughToASlowOffice(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Remote, Service} {
		synctest.Test(t, func(t *testing.T) {
			f := paying()
			f.onJSON("GET /providers/7", 200, map[string]any{"ProvNum": 7, "IsHidden": "false"})
			f.onJSON("GET /paysplits", 200, []map[string]any{})
			c := dial(t, insideConfig(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(5 * time.Second)
				f.ServeHTTP(w, r)
			}), mode))
			defer c.Close()
			p := testPayment()
			p.Provider = "7"
			_, err := c.Write(t.Context(), p)
			require.NoError(t, err, mode)
		})
	}
}

// What is not there by then never comes: the document left at the last moment, was
// sent as slowly as it may be, and was worked on for a minute.
func TestADocumentIsNotAbsentWhileItsUploadMayStillCome(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{{}, {Timeout: 3 * time.Minute}, {Rate: 5 * time.Second}} {
		longest := cfg.sendWithin(driver.OpDocument) + cfg.timeout() + uploadExtra + time.Minute
		require.GreaterOrEqual(t, cfg.verifyAfter(driver.OpDocument), longest)
	}
}

func TestANoteIsFoundHoweverWrongTheOfficesClockIs(t *testing.T) {
	t.Parallel()
	office, c := emulated(t)
	office.SkewClock(-400 * 24 * time.Hour)
	n := testNote()
	n.Patient = newPatient(t, office)
	_, err := office.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultTimeoutApplied, Method: "POST", Route: "/commlogs"})
	require.NoError(t, err)
	_, err = c.Write(t.Context(), n)
	require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	verdict, receipt, err := c.Verify(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictApplied, verdict)
	require.NotEmpty(t, receipt.ID)
}
