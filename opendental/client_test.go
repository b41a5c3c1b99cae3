package opendental

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestEveryRequestCarriesTheKeysAndItsContentType(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	prefs := f.answers["GET /preferences"]
	seen := make(chan http.Header, 1)
	f.on("GET /preferences", func(w http.ResponseWriter, r *http.Request) {
		select {
		case seen <- r.Header.Clone():
		default:
		}
		prefs(w, r)
	})
	f.connect(t)
	h := <-seen
	require.Equal(t, "ODFHIR "+developerKey+"/"+customerKey, h.Get("Authorization"))
	require.Equal(t, "application/json", h.Get("Content-Type"))
	require.Empty(t, h.Get("Idempotency-Key"), "net/http would send the request again")
}

func TestSomethingElseThanOpenDentalIsRejected(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"a web page":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Sign in</html>") },
		"a redirect":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"an empty list": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[]") },
		"no such page":  func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
	} {
		f := newFakeOffice(t, "25.3.26.0")
		f.on("GET /preferences", answer)
		k, err := f.config().Connector()
		require.NoError(t, err)
		_, err = k.Connect(t.Context(), driver.Env{})
		require.ErrorIs(t, err, driver.ErrRejected, name)
		require.ErrorIs(t, err, driver.ReasonNotThisPMS, name)
		require.Zero(t, f.count("GET /login"), "the keys went to another address")
	}
}

func TestAWriteIsSentOnceWhateverHappensToTheConnection(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"cut without an answer": cut,
		"cut within the answer": func(w http.ResponseWriter, r *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"Pay")
				_ = c.Close()
			}
		},
		"garbage": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, "<html>")
		},
		"no number":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) },
		"too late":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) },
		"a server's error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	} {
		f := newFakeOffice(t, "25.3.26.0")
		f.ready()
		f.on("POST /payments", answer)
		c := f.connect(t)
		for range 3 { // more than once, so that kept connections would be used
			require.NoError(t, c.Ping(t.Context()))
		}
		_, err := c.Write(t.Context(), testPayment())
		require.ErrorIs(t, err, driver.ErrUnknownOutcome, name)
		require.Equal(t, 1, f.count("POST /payments"), name)
	}
}

func TestANoteWithoutAnAnswerBodyIsWritten(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "22.1.5.0")
	f.ready()
	f.on("POST /commlogs", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	receipt, err := f.connect(t).Write(t.Context(), testNote())
	require.NoError(t, err)
	require.Empty(t, receipt.ID, "before 23.3.7 the API names no number")
}

// silent is a transport that tells nothing of what it does.
type silent struct{ http.RoundTripper }

func (s silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		return nil, errors.New(customerKey)
	}
	return s.RoundTripper.RoundTrip(r)
}

func TestAWriteThatNeverLeftIsUnavailable(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	cfg := f.config()
	var dead atomic.Bool
	cfg.HTTP = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dead.Load() {
				return nil, &url.Error{Op: "Post", URL: customerKey, Err: errors.New(customerKey)}
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	c := f.connectWith(t, cfg)
	f.on("GET /patients/42", func(w http.ResponseWriter, r *http.Request) {
		dead.Store(true) // after this answer nobody can connect any more
		writeJSON(w, 200, map[string]any{"PatNum": 42, "PatStatus": "Patient"})
	})
	_, err := c.Write(t.Context(), testPayment())
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.NotContains(t, err.Error(), customerKey)
	require.Zero(t, f.count("POST /payments"))
}

func TestATransportThatTellsNothingLeavesDoubt(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	cfg := f.config()
	cfg.HTTP = &http.Client{Transport: silent{http.DefaultTransport}}
	_, err := f.connectWith(t, cfg).Write(t.Context(), testPayment())
	require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	require.NotContains(t, err.Error(), customerKey)
}

func TestNobodyListeningIsUnavailable(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	c := f.connect(t)
	f.Server.Close()
	_, err := c.Write(t.Context(), testPayment())
	require.ErrorIs(t, err, driver.ErrUnavailable)
	_, err = f.config().Connector()
	require.NoError(t, err)
	require.ErrorIs(t, c.Ping(t.Context()), driver.ErrUnavailable)
}

func TestAContextThatEndsInAWriteLeavesDoubt(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.on("POST /payments", func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := f.connect(t).Write(ctx, testPayment())
	require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	require.ErrorIs(t, err, context.Canceled)

	_, err = f.connect(t).Write(ctx, testPayment())
	require.ErrorIs(t, err, driver.ErrUnavailable, "nothing left with a context that had ended")
	require.Equal(t, 1, f.count("POST /payments"))
}

func TestClosingEndsCallsThatRun(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	c := f.connect(t)
	inside := make(chan struct{})
	f.on("GET /providers", func(w http.ResponseWriter, r *http.Request) {
		close(inside)
		<-r.Context().Done()
	})
	failed := make(chan error, 1)
	go func() {
		_, err := c.ReadCatalog(context.Background(), driver.Providers)
		failed <- err
	}()
	<-inside
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-failed, driver.ErrUnavailable)
	require.NoError(t, c.Close())
	require.ErrorIs(t, c.Ping(t.Context()), driver.ErrUnavailable)
}

func TestTheOfficeIsLeftAloneWhileItUpdates(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	c := f.connect(t)
	f.on("GET /preferences", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, 200, []map[string]any{{"PrefName": r.URL.Query().Get("PrefName"), "ValueString": "FRONTDESK"}})
	})
	_, err := c.Write(t.Context(), testNote())
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.ErrorIs(t, err, driver.ReasonMaintenance)
	var e *driver.Error
	require.ErrorAs(t, err, &e)
	require.NotZero(t, e.RetryAfter)
	require.Zero(t, f.count("POST /commlogs"))
}

func TestTooManyRequestsPauseTheWholeKey(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	c := f.connect(t)
	f.on("GET /providers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := c.ReadCatalog(t.Context(), driver.Providers)
	require.ErrorIs(t, err, driver.ErrUnavailable)
	other := f.config()
	k, err := other.Connector()
	require.NoError(t, err)
	_, err = k.Connect(t.Context(), driver.Env{})
	require.ErrorIs(t, err, driver.ErrUnavailable)
	var e *driver.Error
	require.ErrorAs(t, err, &e)
	require.Greater(t, e.RetryAfter, 50*time.Second)
}

func TestVersionsWithoutAnOperationRefuseItUnsent(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "23.1.26.0")
	f.ready()
	f.onJSON("PUT /queries/ShortQuery", 200, []map[string]any{{"ServerNow": "2026-03-04T10:00:00"}})
	c := f.connect(t)
	_, err := c.Write(t.Context(), testPayment())
	require.ErrorIs(t, err, driver.ErrRejected)
	require.ErrorIs(t, err, driver.ReasonUnsupported)
	require.Zero(t, f.count("POST /payments"))
	info, err := c.Info(t.Context())
	require.NoError(t, err)
	require.False(t, info.Ops[driver.OpPayment].Supported)
	require.Contains(t, info.Ops[driver.OpPayment].Why, "Needs Open Dental 23.1.27 or later")
	require.True(t, info.Ops[driver.OpNote].Supported)
}

func testDocument(content []byte) *driver.Document {
	sum := sha256.Sum256(content)
	return &driver.Document{
		Header: header(), About: driver.AccountStatement, Folder: "71", Title: driver.NewText(nameCanary + " \U0001F600 statement"),
		At: time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC), MIME: "application/pdf", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

func TestADocumentArrivesByteForByte(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	f.onJSON("POST /documents/Upload", 201, map[string]any{"DocNum": 7})
	c := f.connect(t)
	for _, size := range []int{1, 2, 3, 3*4096 - 1, 3 * 4096, 3*4096 + 1, 100_000} {
		content := bytes.Repeat([]byte("pdf%"), size/4+1)[:size]
		receipt, err := c.Write(t.Context(), testDocument(content))
		require.NoError(t, err)
		require.Equal(t, "7", receipt.ID)
		body := f.lastBody("POST /documents/Upload")
		got, err := base64.StdEncoding.DecodeString(body["rawBase64"].(string))
		require.NoError(t, err)
		require.Equal(t, content, got)
		require.Equal(t, nameCanary+" statement "+testRef, body["Description"])
		require.Equal(t, "2026-03-04 09:00:00", body["DateCreated"], "wall time of the practice")
	}
}

func TestAWrongContentHasNoEffectAndIsNoDoubt(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	f.on("POST /documents/Upload", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
	c := f.connect(t)
	content := bytes.Repeat([]byte("x"), 50_000)
	for name, tc := range map[string]struct {
		change func(*driver.Document)
		kind   driver.Kind
	}{
		"shorter":   {func(d *driver.Document) { d.Size++ }, driver.ErrRejected},
		"longer":    {func(d *driver.Document) { d.Size-- }, driver.ErrRejected},
		"other":     {func(d *driver.Document) { d.SHA256 = strings.Repeat("0", 64) }, driver.ErrRejected},
		"unopened":  {func(d *driver.Document) { d.Open = brokenOpen }, driver.ErrUnavailable},
		"unread":    {func(d *driver.Document) { d.Open = brokenRead }, driver.ErrUnavailable},
		"too large": {func(d *driver.Document) { d.Size = documentBytes + 1 }, driver.ErrRejected},
		"a program": {func(d *driver.Document) { d.MIME = "application/x-msdownload" }, driver.ErrRejected},
	} {
		d := testDocument(content)
		tc.change(d)
		_, err := c.Write(t.Context(), d)
		require.ErrorIs(t, err, tc.kind, name)
	}
	require.Nil(t, f.lastBody("POST /documents/Upload"), "a body that was cut short must not be valid")
}

func brokenOpen(context.Context) (io.ReadCloser, error) { return nil, errors.New(nameCanary) }

func brokenRead(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader("xxx"), brokenReader{})), nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New(nameCanary) }

func TestNoErrorAndNoLogLineHoldsAKeyOrAPatient(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	answers := []http.HandlerFunc{cut, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, nameCanary) }}
	for _, status := range []int{300, 302, 400, 401, 403, 404, 410, 413, 429, 500, 503, 504} {
		answers = append(answers, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://"+nameCanary+".example/"+customerKey)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, nameCanary+" "+customerKey+" was not found")
		})
	}
	for _, answer := range answers {
		f := newFakeOffice(t, "25.3.26.0")
		k, err := f.config().Connector()
		require.NoError(t, err)
		opened, err := k.Connect(t.Context(), driver.Env{Log: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err)
		c := opened.(*conn)
		f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v1/preferences" || r.URL.Path == "/api/v1/patients/42" || r.URL.Path == "/api/v1/definitions" {
				f.ready()
				f.ServeHTTP(w, r)
				return
			}
			answer(w, r)
		})
		var failures []error
		check := func(err error) {
			if err != nil {
				failures = append(failures, err)
			}
		}
		_, err = c.Write(t.Context(), testNote())
		check(err)
		_, err = c.Write(t.Context(), testPayment())
		check(err)
		_, err = c.Write(t.Context(), testDocument([]byte(nameCanary)))
		check(err)
		_, err = c.ReadCatalog(t.Context(), driver.Providers)
		check(err)
		_, err = c.FindPatients(t.Context(), driver.PatientQuery{Phone: driver.NewText("5035550123")})
		check(err)
		_, err = c.FindPatients(t.Context(), driver.PatientQuery{BirthDate: driver.NewBirthDate(driver.Date{Year: 1980, Month: 1, Day: 2})})
		check(err)
		_, _, err = c.Verify(t.Context(), testPayment())
		check(err)
		require.NotEmpty(t, failures)
		for _, err := range failures {
			var e *driver.Error
			require.ErrorAs(t, err, &e)
			for text := err.Error(); ; text = err.Error() {
				require.NotContains(t, text, nameCanary)
				require.NotContains(t, text, developerKey)
				require.NotContains(t, text, customerKey)
				require.NotContains(t, text, "5035550123")
				var u *url.Error
				require.NotErrorAs(t, err, &u)
				if err = errors.Unwrap(err); err == nil {
					break
				}
			}
		}
		require.NoError(t, c.Close())
	}
	require.NotContains(t, log.String(), nameCanary)
	require.NotContains(t, log.String(), customerKey)
}

func TestPlainHTTPToAStrangerIsRefusedUnlessNamed(t *testing.T) {
	t.Parallel()
	cfg := Config{
		Mode: Service, URL: "http://10.0.0.5:30223/api/v1",
		DeveloperKey: driver.NewSecret("d"), CustomerKey: driver.NewSecret("c"),
	}
	_, err := cfg.Connector()
	require.ErrorContains(t, err, "insecure_host")
	cfg.InsecureHost = "10.0.0.5"
	_, err = cfg.Connector()
	require.NoError(t, err)
}

func TestACertificateThatIsNotTrustedIsSaidInWords(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(s.Close)
	cfg := Config{URL: s.URL + "/api/v1", Rate: -1, DeveloperKey: driver.NewSecret("d"), CustomerKey: driver.NewSecret("c")}
	k, err := cfg.Connector()
	require.NoError(t, err)
	_, err = k.Connect(t.Context(), driver.Env{})
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.ErrorContains(t, err, "certificate is not trusted")
}
