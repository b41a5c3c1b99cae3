package opendentaltest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// client talks to a server the way an integrator would.
type client struct {
	t       *testing.T
	base    string
	key     string
	http    *http.Client
	headers http.Header
}

func newClient(t *testing.T, s *opendentaltest.Server) *client {
	return &client{t: t, base: s.URL, key: opendentaltest.DefaultCustomerKey, http: &http.Client{Timeout: 20 * time.Second}}
}

type answer struct {
	status int
	header http.Header
	text   string
	err    error
}

func (c *client) try(method, path string, body any) answer {
	c.t.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(c.t, err)
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, c.base+path, reader)
	require.NoError(c.t, err)
	opendentaltest.SetHeaders(r, opendentaltest.DefaultDeveloperKey, c.key)
	for name, values := range c.headers {
		r.Header[name] = values
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text), err}
}

// do expects a status and decodes the body.
func (c *client) do(status int, method, path string, body any) map[string]any {
	c.t.Helper()
	a := c.try(method, path, body)
	require.NoError(c.t, a.err)
	require.Equal(c.t, status, a.status, a.text)
	switch {
	case a.text == "":
		return nil
	case status >= 400:
		return map[string]any{"error": a.text}
	}
	var v map[string]any
	require.NoError(c.t, json.Unmarshal([]byte(a.text), &v), a.text)
	return v
}

// list expects 200 and an array.
func (c *client) list(path string) []map[string]any {
	c.t.Helper()
	a := c.try(http.MethodGet, path, nil)
	require.NoError(c.t, a.err)
	require.Equal(c.t, http.StatusOK, a.status, a.text)
	return decodeRows(c.t, a.text)
}

func decodeRows(t *testing.T, text string) []map[string]any {
	t.Helper()
	var v []map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &v), text)
	return v
}

func newServer(t *testing.T, cfg opendentaltest.Config) (*opendentaltest.Server, *client) {
	t.Helper()
	s, err := opendentaltest.NewServer(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, newClient(t, s)
}

func TestZeroConfigIsAWorkingOffice(t *testing.T) {
	t.Parallel()
	s, c := newServer(t, opendentaltest.Config{})
	made, err := s.Seed(t.Context(), opendentaltest.SeedConfig{})
	require.NoError(t, err)
	require.Len(t, made.Patients, 50)
	for _, path := range []string{"/preferences", "/providers", "/definitions?Category=2", "/appointmenttypes", "/operatories",
		"/userods", "/patplans", "/patients", "/patients/Simple", "/appointments", "/histappointments", "/commlogs",
		"/documents?PatNum=1", "/payments", "/paysplits", "/adjustments?PatNum=1", "/insverifies", "/statements", "/clinics"} {
		c.list(path)
	}
	c.do(200, "GET", "/patients/1", nil)
	c.do(200, "GET", "/appointments/1", nil)
	c.do(201, "POST", "/commlogs", map[string]any{"PatNum": 1, "Note": "hello"})
	c.do(200, "PUT", "/appointments/1/Confirm", map[string]any{"defNum": 21})
	c.do(201, "POST", "/payments", map[string]any{"PatNum": 1, "PayAmt": "12.50"})
	c.do(201, "POST", "/adjustments", map[string]any{"PatNum": 1, "AdjType": 2, "AdjAmt": 3, "AdjDate": s.Now().Format("2006-01-02")})
	c.do(201, "POST", "/documents/Upload", map[string]any{"PatNum": 1, "rawBase64": "aGVsbG8=", "extension": ".pdf"})
	c.do(201, "POST", "/statements", map[string]any{"PatNum": 1, "DocNum": 1})
	c.do(201, "POST", "/patients", map[string]any{"LName": "Quill", "FName": "Ada"})
}

func newLog() (*slog.Logger, *bytes.Buffer) {
	var text bytes.Buffer
	return slog.New(slog.NewTextHandler(&text, nil)), &text
}
