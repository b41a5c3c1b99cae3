package opendental

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestARefusalSaysWhetherTheEffectCanHaveHappened(t *testing.T) {
	t.Parallel()
	post := call{op: "post payment", method: http.MethodPost, effect: true}
	get := call{op: "read appointments", method: http.MethodGet}
	for _, tc := range []struct {
		q      call
		status int
		text   string
		kind   driver.Kind
		reason driver.Reason
		scope  driver.Scope
	}{
		{post, 400, "PatNum is required", driver.ErrRejected, driver.ReasonInvalid, ""},
		{post, 400, "Patient not found", driver.ErrRejected, driver.ReasonPatientNotFound, ""},
		{post, 400, `"ProvNum is hidden."`, driver.ErrRejected, driver.ReasonProviderInactive, ""},
		{post, 400, "ProvNum is invalid", driver.ErrRejected, driver.ReasonProviderUnknown, ""},
		{post, 400, "PayType is invalid.", driver.ErrRejected, driver.ReasonOptionUnknown, ""},
		{post, 400, "AdjType is invalid.", driver.ErrRejected, driver.ReasonOptionUnknown, ""},
		{post, 400, "AdjType is hidden.", driver.ErrRejected, driver.ReasonOptionInactive, ""},
		{post, 400, "AdjAmt must be positive for this AdjType.", driver.ErrRejected, driver.ReasonAmountInvalid, ""},
		{post, 400, "AdjDate cannot be a future date.", driver.ErrRejected, driver.ReasonInvalid, ""},
		{post, 400, "DocCategory definition is hidden", driver.ErrRejected, driver.ReasonOptionInactive, ""},
		{post, 400, "PayDate is before the lock date", driver.ErrRejected, driver.ReasonPeriodClosed, ""},
		{post, 400, "Cannot refund payments that are attached to a payment plan", driver.ErrRejected, driver.ReasonNotRefundable, ""},
		{post, 400, "The office's version of Open Dental is too old", driver.ErrRejected, driver.ReasonVersionTooOld, ""},
		{post, 400, "PayAmt must be a number", driver.ErrRejected, driver.ReasonAmountInvalid, ""},
		{post, 400, "eConnector is not running", driver.ErrUnknownOutcome, "", ""},
		{post, 400, "The request to the office timed out", driver.ErrUnknownOutcome, "", ""},
		{get, 400, "Two eConnectors with same registration key", driver.ErrUnavailable, "", ""},
		// The texts are not documented: whatever tells of the way to the office, or
		// of time, is doubt.
		{post, 400, "The office could not be reached.", driver.ErrUnknownOutcome, "", ""},
		{post, 400, "The office cannot be reached at this time.", driver.ErrUnknownOutcome, "", ""},
		{post, 400, "The office did not respond.", driver.ErrUnknownOutcome, "", ""},
		{post, 400, "The request took too long.", driver.ErrUnknownOutcome, "", ""},
		{post, 400, "The request exceeded the time limit of 60 seconds.", driver.ErrUnknownOutcome, "", ""},
		{post, 400, "The operation was canceled.", driver.ErrUnknownOutcome, "", ""},
		{post, 400, "The listener is not running.", driver.ErrUnknownOutcome, "", ""},
		{post, 400, "An unexpected error occurred.", driver.ErrUnknownOutcome, "", ""},
		// Pages come from what stands in between: a router, a proxy, a web server.
		{post, 400, "<html><h1>Bad Request</h1>", driver.ErrUnknownOutcome, driver.ReasonNotThisPMS, ""},
		{post, 404, " <!DOCTYPE HTML><title>Not Found</title>", driver.ErrUnknownOutcome, driver.ReasonNotThisPMS, ""},
		{post, 410, "<html>Gone</html>", driver.ErrUnknownOutcome, driver.ReasonNotThisPMS, ""},
		{get, 404, "<html>404 Not Found</html>", driver.ErrRejected, driver.ReasonNotThisPMS, ""},
		{call{method: http.MethodGet, missing: driver.ReasonPatientNotFound}, 404, "\ufeff<html>404 Not Found</html>", driver.ErrRejected, driver.ReasonNotThisPMS, ""},
		{post, 401, "Permission Payments is missing", driver.ErrUnauthorized, "", driver.ScopeOperation},
		{post, 401, "Invalid customer key", driver.ErrUnauthorized, "", driver.ScopeConnection},
		{post, 401, "", driver.ErrUnauthorized, "", driver.ScopeOperation},
		{get, 401, "", driver.ErrUnauthorized, "", driver.ScopeConnection},
		{call{method: http.MethodPut}, 401, "Query is not read-only", driver.ErrUnauthorized, "", driver.ScopeOperation},
		{post, 404, "payments POST  is not a valid method.", driver.ErrRejected, driver.ReasonUnsupported, ""},
		{post, 404, "Patient not found", driver.ErrRejected, driver.ReasonPatientNotFound, ""},
		{call{method: http.MethodGet, missing: driver.ReasonAppointmentMissing}, 404, "", driver.ErrRejected, driver.ReasonAppointmentMissing, ""},
		{get, 404, "", driver.ErrRejected, driver.ReasonNotThisPMS, ""},
		{post, 410, "", driver.ErrRejected, driver.ReasonUnsupported, ""},
		{post, 413, "", driver.ErrRejected, driver.ReasonTooLarge, ""},
		{post, 429, "", driver.ErrUnavailable, "", ""},
		{get, 429, "", driver.ErrUnavailable, "", ""},
		{post, 500, "", driver.ErrUnknownOutcome, "", ""},
		{post, 503, "", driver.ErrUnknownOutcome, "", ""},
		{post, 504, "", driver.ErrUnknownOutcome, "", ""},
		{get, 504, "", driver.ErrUnavailable, "", ""},
		{post, 302, "", driver.ErrUnknownOutcome, driver.ReasonNotThisPMS, ""},
		{get, 302, "", driver.ErrRejected, driver.ReasonNotThisPMS, ""},
	} {
		e := statusError(tc.q, tc.status, http.Header{}, tc.text)
		require.Equal(t, tc.kind, e.Kind, "%d %s", tc.status, tc.text)
		require.Equal(t, tc.reason, e.Reason, "%d %s", tc.status, tc.text)
		require.Equal(t, tc.scope, e.Scope, "%d %s", tc.status, tc.text)
		if tc.kind == driver.ErrRejected {
			require.True(t, e.Reason.Valid(), "a refusal has a reason staff can read")
		}
		if tc.text != "" {
			require.NotContains(t, e.Error(), tc.text, "the PMS's text is not carried on")
		}
	}
}

func TestRetryAfterIsReadAndBounded(t *testing.T) {
	t.Parallel()
	header := func(s string) http.Header { return http.Header{"Retry-After": {s}} }
	require.Equal(t, 7*time.Second, retryAfter(header("7")))
	require.Equal(t, time.Hour, retryAfter(header("86400")))
	require.Zero(t, retryAfter(header("-5")))
	require.Zero(t, retryAfter(header("soon")))
	require.Zero(t, retryAfter(http.Header{}))
	at := retryAfter(header(time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)))
	require.Greater(t, at, 50*time.Second)
	require.LessOrEqual(t, at, time.Minute)
}
