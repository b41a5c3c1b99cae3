package opendentaltest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func (p *practice) inject(f opendentaltest.Fault) *opendentaltest.Injection {
	p.t.Helper()
	in, err := p.Inject(f)
	require.NoError(p.t, err)
	return in
}

func (p *practice) notes() int {
	p.t.Helper()
	logs, err := p.Commlogs(p.t.Context())
	require.NoError(p.t, err)
	return len(logs)
}

func TestFaultsSayWhetherTheyApplied(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind    opendentaltest.FaultKind
		status  int // 0 = the connection is cut
		applied bool
		text    string
	}{
		{opendentaltest.FaultTimeoutApplied, 504, true, "timed out"},
		{opendentaltest.FaultTimeoutLost, 504, false, "timed out"},
		{opendentaltest.FaultCutBefore, 0, false, ""},
		{opendentaltest.FaultCutAfter, 0, true, ""},
		{opendentaltest.FaultConnectorBefore, 400, false, "eConnector"},
		{opendentaltest.FaultConnectorAfter, 400, true, "eConnector"},
		{opendentaltest.FaultTooMany, 429, false, "Too many"},
		{opendentaltest.FaultErrorBefore, 500, false, "error"},
		{opendentaltest.FaultErrorAfter, 500, true, "error"},
		{opendentaltest.FaultSlow, 201, true, "CommlogNum"},
		{opendentaltest.FaultTruncated, 201, true, "CommlogNum"},
		{opendentaltest.FaultGarbage, 201, true, "<html>"},
		{opendentaltest.FaultKeyDisabled, 401, false, "disabled"},
	} {
		t.Run(string(test.kind), func(t *testing.T) {
			t.Parallel()
			p := open(t, opendentaltest.Config{})
			note := map[string]any{"PatNum": p.ada.PatNum, "Note": "x"}
			in := p.inject(opendentaltest.Fault{Kind: test.kind, Method: "POST", Route: "/commlogs", Delay: time.Millisecond, RetryAfter: 90 * time.Second})
			p.list("/commlogs") // another method: not struck
			require.Zero(t, in.Hits())
			a := p.try("POST", "/commlogs", note)
			require.Equal(t, 1, in.Hits())
			if test.status == 0 {
				require.Error(t, a.err)
			} else {
				require.NoError(t, a.err)
				require.Equal(t, test.status, a.status, a.text)
				require.Contains(t, a.text, test.text)
			}
			if test.kind == opendentaltest.FaultTruncated {
				require.False(t, json.Valid([]byte(a.text)))
			}
			if test.kind == opendentaltest.FaultTooMany {
				require.Equal(t, "90", a.header.Get("Retry-After"))
			}
			want := 0
			if test.applied {
				want = 1
			}
			require.Equal(t, want, p.notes())
			p.do(201, "POST", "/commlogs", note) // it strikes once
			require.Equal(t, want+1, p.notes())
		})
	}
}

func TestTimeoutLaterAppliesWhenReleased(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{})
	in := p.inject(opendentaltest.Fault{Kind: opendentaltest.FaultTimeoutLater, Route: "/payments", Count: 2})
	pay := map[string]any{"PatNum": p.ada.PatNum, "PayAmt": 5}
	p.do(504, "POST", "/payments", pay)
	p.do(504, "POST", "/payments", pay)
	require.Empty(t, p.list("/paysplits"))
	in.Release()
	require.Len(t, p.list("/payments"), 2, "Release returns when they are applied")

	dropped := p.inject(opendentaltest.Fault{Kind: opendentaltest.FaultTimeoutLater, Method: "POST", Route: "/payments", Text: "gone"})
	require.Equal(t, "gone", p.do(504, "POST", "/payments", pay)["error"])
	dropped.Remove()
	require.Len(t, p.list("/payments"), 2)
}

func TestHungRequestsWaitForRelease(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{})
	note := map[string]any{"PatNum": p.ada.PatNum, "Note": "x"}
	before := p.inject(opendentaltest.Fault{Kind: opendentaltest.FaultHang, Method: "POST", Route: "/commlogs"})
	answers := make(chan answer, 2)
	go func() { answers <- p.try("POST", "/commlogs", note) }()
	require.NoError(t, before.Wait(t.Context(), 1))
	require.Zero(t, p.notes())
	before.Release()
	require.Equal(t, 201, (<-answers).status)
	require.Equal(t, 1, p.notes())

	after := p.inject(opendentaltest.Fault{Kind: opendentaltest.FaultHangAfter, Method: "POST", Route: "/commlogs"})
	go func() { answers <- p.try("POST", "/commlogs", note) }()
	require.NoError(t, after.Wait(t.Context(), 1))
	require.Eventually(t, func() bool { return p.notes() == 2 }, 10*time.Second, time.Millisecond)
	after.Remove()
	require.Error(t, (<-answers).err, "a held answer that is dropped cuts the connection")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, after.Wait(ctx, 9), context.Canceled)
}

func TestAClientThatGoesAwayDoesNotStopTheOffice(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{})
	in := p.inject(opendentaltest.Fault{Kind: opendentaltest.FaultHang, Method: "POST", Route: "/commlogs"})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(ctx, "POST", p.base+"/commlogs", strings.NewReader(p.path(`{"PatNum":%d,"Note":"x"}`, p.ada.PatNum)))
		if err == nil {
			opendentaltest.SetHeaders(r, opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
			_, err = http.DefaultClient.Do(r)
		}
		gone <- err
	}()
	require.NoError(t, in.Wait(t.Context(), 1))
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	require.Zero(t, p.notes())
	in.Release()
	require.Equal(t, 1, p.notes())
}

func TestFaultsCountSkipAndMatch(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{})
	confirm := p.path("/appointments/%d/Confirm", p.appointment.AptNum)
	body := map[string]any{"defNum": 21}
	in := p.inject(opendentaltest.Fault{Kind: opendentaltest.FaultErrorBefore, Route: "/appointments/*/Confirm", Skip: 1, Count: -1})
	p.do(200, "PUT", confirm, body)
	p.do(500, "PUT", confirm, body)
	p.do(500, "PUT", confirm, body)
	p.list("/appointments")
	require.Equal(t, 2, in.Hits())
	in.Remove()
	p.do(200, "PUT", confirm, body)

	for _, f := range []opendentaltest.Fault{
		{Kind: "bad luck"}, {Kind: opendentaltest.FaultSlow, Route: "/appointment"}, {Kind: opendentaltest.FaultSlow, Method: "DELETE", Route: "/payments"},
	} {
		_, err := p.Inject(f)
		require.Error(t, err)
	}
}

func TestCloseDropsWhatIsHeld(t *testing.T) {
	t.Parallel()
	s, err := opendentaltest.NewServer(opendentaltest.Config{})
	require.NoError(t, err)
	_, err = s.AddPatient(t.Context(), opendentaltest.Patient{LName: "Garrow", FName: "Edmund"})
	require.NoError(t, err)
	c := newClient(t, s)
	hang, err := s.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultHang, Method: "POST"})
	require.NoError(t, err)
	later, err := s.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultTimeoutLater, Method: "PUT"})
	require.NoError(t, err)
	answers := make(chan answer, 1)
	go func() { answers <- c.try("POST", "/commlogs", map[string]any{"PatNum": 1, "Note": "x"}) }()
	require.NoError(t, hang.Wait(t.Context(), 1))
	c.do(504, "PUT", "/patients/1", map[string]any{"City": "Port Linden"})
	require.Equal(t, 1, later.Hits())
	require.NoError(t, s.Close())
	require.Error(t, (<-answers).err)
	require.NoError(t, s.Close(), "a second Close is nothing")
}

// get reads a path without a connection.
func get(o *opendentaltest.Office, ctx context.Context, path string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://office/api/v1"+path, nil)
	if err != nil {
		return 0, "", err
	}
	opendentaltest.SetHeaders(r, opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
	resp, err := o.RoundTripper().RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Retry-After") + string(bytes.TrimSpace(body)), err
}

func TestRemoteModeIsThrottled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		permissions opendentaltest.Permission
		interval    time.Duration
	}{
		"free":       {opendentaltest.TierFree, 5 * time.Second},
		"paid":       {opendentaltest.Tier15, time.Second},
		"enterprise": {opendentaltest.Tier35 | opendentaltest.Enterprise, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, err := opendentaltest.NewOffice(opendentaltest.Config{Mode: opendentaltest.ModeRemote,
					Customers: []opendentaltest.CustomerKey{{Key: opendentaltest.DefaultCustomerKey, Permissions: test.permissions}}})
				require.NoError(t, err)
				defer func() { require.NoError(t, o.Close()) }()
				_, err = o.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultSlow, Delay: 200 * time.Millisecond, Count: -1})
				require.NoError(t, err)
				start := time.Now()
				done := make(chan time.Duration, 3)
				for range 3 {
					go func() {
						if status, _, err := get(o, t.Context(), "/preferences"); err == nil && status == 200 {
							done <- time.Since(start)
						} else {
							done <- -1
						}
					}()
					synctest.Wait()
				}
				for i := range 3 {
					require.Equal(t, time.Duration(i)*test.interval+200*time.Millisecond, <-done, "the interval includes the execution")
				}
			})
		})
	}
}

func TestThrottleCanReject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, err := opendentaltest.NewOffice(opendentaltest.Config{Mode: opendentaltest.ModeRemote, Throttle: 3 * time.Second, ThrottleReject: true})
		require.NoError(t, err)
		defer func() { require.NoError(t, o.Close()) }()
		status, _, err := get(o, t.Context(), "/preferences?PrefName=ProgramVersion")
		require.NoError(t, err)
		require.Equal(t, 200, status)
		time.Sleep(1500 * time.Millisecond)
		status, text, err := get(o, t.Context(), "/preferences?PrefName=ProgramVersion")
		require.NoError(t, err)
		require.Equal(t, 429, status)
		require.Equal(t, "2Too many requests.", text, "Retry-After, rounded up")
		time.Sleep(1500 * time.Millisecond)
		status, _, err = get(o, t.Context(), "/preferences?PrefName=ProgramVersion")
		require.NoError(t, err)
		require.Equal(t, 200, status)
	})
}

func TestWaitingForTheThrottleEndsWithTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, err := opendentaltest.NewOffice(opendentaltest.Config{Mode: opendentaltest.ModeRemote})
		require.NoError(t, err)
		_, _, err = get(o, t.Context(), "/preferences")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, _, err = get(o, ctx, "/preferences")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(700 * time.Millisecond)
		status, _, err := get(o, t.Context(), "/preferences")
		require.NoError(t, err)
		require.Equal(t, 200, status)
		require.NoError(t, o.Close())
	})
}

func TestCutConnectionsAreErrorsOfTheRoundTripper(t *testing.T) {
	t.Parallel()
	o, err := opendentaltest.NewOffice(opendentaltest.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, o.Close()) }()
	_, err = o.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultCutBefore})
	require.NoError(t, err)
	_, _, err = get(o, t.Context(), "/preferences")
	require.Error(t, err)
	require.False(t, errors.Is(err, context.Canceled))
}
