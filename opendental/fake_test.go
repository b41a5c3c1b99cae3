package opendental

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// Canaries stand for what must never show in an error or a log line.
const (
	developerKey = "DevKeyCanary7Q"
	customerKey  = "CustKeyCanary9Z"
	nameCanary   = "Zebulonia"
)

// fakeOffice answers by "METHOD /path" and counts. It is for what an emulator
// cannot do: answers that no office would give.
type fakeOffice struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	asked   []string
	bodies  map[string][]map[string]any
}

func newFakeOffice(t *testing.T, version string) *fakeOffice {
	t.Helper()
	f := &fakeOffice{answers: map[string]http.HandlerFunc{}, bodies: map[string][]map[string]any{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	prefs := map[string]string{"ProgramVersion": version}
	f.on("GET /preferences", func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("PrefName")
		writeJSON(w, 200, []map[string]any{{"PrefName": name, "ValueString": prefs[name]}})
	})
	return f
}

func (f *fakeOffice) on(route string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[route] = h
}

// onJSON answers with a status and a body.
func (f *fakeOffice) onJSON(route string, status int, body any) {
	f.on(route, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, status, body) })
}

func (f *fakeOffice) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/v1")
	raw, _ := io.ReadAll(r.Body)
	var body map[string]any
	_ = json.Unmarshal(raw, &body)
	f.mu.Lock()
	f.asked = append(f.asked, route)
	f.bodies[route] = append(f.bodies[route], body)
	h := f.answers[route]
	f.mu.Unlock()
	if h == nil {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "no answer for this in the test")
		return
	}
	h(w, r)
}

func (f *fakeOffice) count(route string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.asked {
		if r == route {
			n++
		}
	}
	return n
}

// lastBody is the last body that was valid JSON; nil when none was.
func (f *fakeOffice) lastBody(route string) map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	var last map[string]any
	for _, body := range f.bodies[route] {
		if body != nil {
			last = body
		}
	}
	return last
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (f *fakeOffice) config() Config {
	return Config{
		Mode:         Service,
		URL:          f.URL + "/api/v1",
		DeveloperKey: driver.NewSecret(developerKey),
		CustomerKey:  driver.NewSecret(customerKey),
		Timeout:      5 * time.Second,
	}
}

func (f *fakeOffice) connect(t *testing.T) *conn { return f.connectWith(t, f.config()) }

func (f *fakeOffice) connectWith(t *testing.T, cfg Config) *conn {
	t.Helper()
	k, err := cfg.Connector()
	require.NoError(t, err)
	opened, err := k.Connect(t.Context(), driver.Env{Practice: "test", Location: chicago(t)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = opened.Close() })
	return opened.(*conn)
}

func chicago(t *testing.T) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	return loc
}

const testRef = "ABCDEFGHIJKLMNOP"

func header() driver.Header {
	return driver.Header{Ref: testRef, Patient: "42", FirstSent: time.Now(), LastSent: time.Now()}
}

func testNote() *driver.Note {
	return &driver.Note{
		Header: header(), About: driver.OutgoingCall, At: time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC),
		Body: driver.NewText(nameCanary + " called\n" + testRef), Part: 1, Parts: 1,
	}
}

func testPayment() *driver.Payment {
	return &driver.Payment{
		Header: header(), Type: "71", Amount: driver.USD(12_345),
		PostedOn: driver.Date{Year: 2026, Month: 3, Day: 4}, Memo: driver.NewText("paid by " + nameCanary),
	}
}

func testAdjustment() *driver.Adjustment {
	return &driver.Adjustment{
		Header: header(), Type: "71", Amount: driver.USD(269), OfRef: "FEEFEEFEEFEEFEE2",
		PostedOn: driver.Date{Year: 2026, Month: 3, Day: 4}, Memo: driver.NewText("paid by " + nameCanary),
	}
}

// ready makes the office answer what is looked up before a write.
func (f *fakeOffice) ready() {
	f.onJSON("GET /patients/42", 200, map[string]any{"PatNum": 42, "PatStatus": "Patient", "LName": nameCanary})
	f.onJSON("GET /accountmodules/42/PatientBalances", 200, []map[string]any{{"PatNum": 42, "Balance": 0}, {"PatNum": 42, "Balance": 0}})
	f.onJSON("GET /definitions", 200, []map[string]any{{"DefNum": 71, "ItemName": "Any", "ItemValue": "+", "isHidden": "false"}})
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter, _ *http.Request) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(fmt.Sprintf("hijack: %T", err))
	}
	_ = c.Close()
}
