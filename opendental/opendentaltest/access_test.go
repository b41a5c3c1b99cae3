package opendentaltest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func TestKeysAndHeadersAreChecked(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{})
	for name, test := range map[string]struct {
		header, value string
		status        int
	}{
		"no authorization":        {"Authorization", "", 400},
		"another scheme":          {"Authorization", "Basic abc", 400},
		"one key only":            {"Authorization", "ODFHIR abc", 400},
		"wrong developer key":     {"Authorization", opendentaltest.Authorization("x", opendentaltest.DefaultCustomerKey), 401},
		"wrong customer key":      {"Authorization", opendentaltest.Authorization(opendentaltest.DefaultDeveloperKey, "x"), 401},
		"no content type":         {"Content-Type", "", 400},
		"another content type":    {"Content-Type", "text/plain", 400},
		"content type with utf-8": {"Content-Type", "application/json; charset=utf-8", 200},
	} {
		p.headers = http.Header{test.header: {test.value}}
		a := p.try("GET", "/preferences", nil)
		require.NoError(t, a.err)
		require.Equal(t, test.status, a.status, name)
	}
	p.headers = nil
	require.NoError(t, p.SetKeyEnabled(opendentaltest.DefaultCustomerKey, false))
	require.Contains(t, p.do(401, "GET", "/preferences", nil)["error"], "disabled")
	require.NoError(t, p.SetKeyEnabled(opendentaltest.DefaultCustomerKey, true))
	p.list("/preferences")
	require.Error(t, p.SetKeyEnabled("nobody", true))
}

func TestEachTierMayDoWhatItPaysFor(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{})
	aptNote := p.path("/appointments/%d/Note", p.appointment.AptNum)
	calls := []struct {
		least        opendentaltest.Permission
		method, path string
		body         map[string]any
	}{
		{opendentaltest.TierFree, "GET", "/patients/Simple", nil},
		{opendentaltest.Tier15, "POST", "/commlogs", map[string]any{"PatNum": p.ada.PatNum, "Note": "x"}},
		{opendentaltest.Tier15, "PUT", aptNote, map[string]any{"Note": "x"}},
		{opendentaltest.Tier15, "PUT", "/queries/ShortQuery", map[string]any{"SqlCommand": "SELECT 1"}},
		{opendentaltest.Tier15, "POST", "/documents/Upload", map[string]any{"PatNum": p.ada.PatNum, "rawBase64": "YQ==", "extension": ".pdf"}},
		{opendentaltest.Tier30, "PUT", p.path("/patients/%d", p.ada.PatNum), map[string]any{"Preferred": "A"}},
		{opendentaltest.Tier30, "PUT", p.path("/appointments/%d", p.appointment.AptNum), map[string]any{"Priority": "ASAP"}},
		{opendentaltest.Tier30, "POST", "/adjustments", map[string]any{"PatNum": p.ada.PatNum, "AdjType": 2, "AdjAmt": 1, "AdjDate": p.today()}},
		{opendentaltest.Tier35, "POST", "/payments", map[string]any{"PatNum": p.ada.PatNum, "PayAmt": 1}},
	}
	for _, tier := range []opendentaltest.Permission{opendentaltest.TierFree, opendentaltest.Tier15, opendentaltest.Tier30, opendentaltest.Tier35} {
		require.NoError(t, p.SetKeyPermissions(opendentaltest.DefaultCustomerKey, tier))
		for _, call := range calls {
			var body any
			if call.body != nil {
				body = call.body
			}
			a := p.try(call.method, call.path, body)
			require.NoError(t, a.err)
			if call.least&^tier == 0 {
				require.Less(t, a.status, 300, "%s %s with %s: %s", call.method, call.path, tier, a.text)
			} else {
				require.Equal(t, 401, a.status, "%s %s with %s: %s", call.method, call.path, tier, a.text)
			}
		}
	}
}

func TestUnknownMethodsAreNotFound(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{})
	require.Equal(t, "documents POST  is not a valid method.", p.do(404, "POST", "/documents", map[string]any{})["error"])
	require.Equal(t, "patients GET Simpel is not a valid method.", p.do(404, "GET", "/patients/Simpel", nil)["error"])
	require.Equal(t, 1, p.Count("POST", opendentaltest.UnknownRoute))
	p.base = p.base[:len(p.base)-len("/api/v1")]
	p.do(404, "GET", "/patients/Simple", nil)
}

func TestWhatTheOfficeIsTooOldForIsRefused(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{Version: "21.1.5.0"})
	require.Contains(t, p.do(400, "GET", "/patients/Simple", nil)["error"], "21.2")
	require.Contains(t, p.do(400, "GET", p.path("/appointments?PatNum=%d", p.ada.PatNum), nil)["error"], "21.4")
	require.Contains(t, p.do(400, "PUT", p.path("/appointments/%d/Confirm", p.appointment.AptNum), map[string]any{"defNum": 21})["error"], "21.2")
	p.do(200, "PUT", p.path("/appointments/%d/Confirm", p.appointment.AptNum), map[string]any{"confirmVal": "Confirmed"})
	p.do(400, "GET", "/commlogs", nil)

	note := map[string]any{"PatNum": p.ada.PatNum, "Note": "x"}
	require.Empty(t, p.do(201, "POST", "/commlogs", note), "the object came with 23.3.7")
	rows := p.list(p.path("/commlogs?PatNum=%d", p.ada.PatNum))
	require.NotContains(t, rows[0], "DateTStamp")

	require.NoError(t, p.SetVersion(t.Context(), "25.3.42.0"))
	require.NotEmpty(t, p.do(201, "POST", "/commlogs", note)["CommlogNum"])
	require.Contains(t, p.list("/commlogs")[0], "DateTStamp")
	require.Equal(t, "25.3.42.0", p.list("/preferences?PrefName=ProgramVersion")[0]["ValueString"])
}

func TestTypingErrorsAreRefusedUnlessAllowed(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{})
	require.Contains(t, p.do(400, "GET", "/patients/Simple?DateTstamp=2020-01-01", nil)["error"], "DateTstamp")
	require.Contains(t, p.do(400, "POST", "/commlogs", map[string]any{"PatNum": p.ada.PatNum, "Note": "x", "Mode": "Text"})["error"], "Mode")
	lenient := open(t, opendentaltest.Config{AllowUnknownFields: true})
	lenient.list("/patients/Simple?DateTstamp=2020-01-01")
}

func TestErrorsArePlainTextOrQuoted(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{})
	a := p.try("GET", "/documents", nil)
	require.Equal(t, "PatNum is required", a.text)
	require.Contains(t, a.header.Get("Content-Type"), "text/plain")
	quoted := open(t, opendentaltest.Config{QuoteErrors: true})
	require.Equal(t, `"PatNum is required"`, quoted.try("GET", "/documents", nil).text)
}
