package opendental

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// inside answers requests without a connection, so that time can be a bubble's.
type inside struct{ http.Handler }

func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	answered := make(chan *http.Response, 1)
	go func() {
		w := httptest.NewRecorder()
		i.ServeHTTP(w, r)
		answered <- w.Result()
	}()
	select {
	case resp := <-answered:
		return resp, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// insideOffice is a fakeOffice without a port.
func insideOffice(version string) *fakeOffice {
	f := &fakeOffice{answers: map[string]http.HandlerFunc{}, bodies: map[string][]map[string]any{}}
	prefs := map[string]string{"ProgramVersion": version}
	f.on("GET /preferences", func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("PrefName")
		writeJSON(w, 200, []map[string]any{{"PrefName": name, "ValueString": prefs[name]}})
	})
	f.ready()
	return f
}

// insideConfig names a server of its own at each call: tests that run at once
// must not share a line, whose time is that of one bubble.
func insideConfig(f http.Handler, mode Mode) Config {
	return Config{
		Mode: mode, URL: fmt.Sprintf("https://office%d.invalid/api/v1", insideServers.Add(1)), HTTP: &http.Client{Transport: inside{f}},
		DeveloperKey: driver.NewSecret(developerKey), CustomerKey: driver.NewSecret(customerKey),
	}
}

var insideServers atomic.Int64

func dial(t *testing.T, cfg Config) *conn {
	t.Helper()
	k, err := cfg.Connector()
	require.NoError(t, err)
	c, err := k.Connect(t.Context(), driver.Env{Practice: "p", Location: time.UTC})
	require.NoError(t, err)
	return c.(*conn)
}

func TestWhatArrivesWhileVerifyLooksIsNotAbsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := insideOffice("25.3.26.0")
		f.on("GET /payments", func(w http.ResponseWriter, _ *http.Request) {
			// The rows are read, and then the answer is long under way.
			time.Sleep(20 * time.Second)
			writeJSON(w, 200, []map[string]any{})
		})
		c := dial(t, insideConfig(f, Service))
		defer c.Close()
		p := testPayment()
		time.Sleep(c.cfg.verifyAfter(driver.OpPayment) - 10*time.Second)
		verdict, _, err := c.Verify(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictUnknown, verdict, "when the rows were read the payment could still come")
		verdict, _, err = c.Verify(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictAbsent, verdict)
	})
}

func TestAPauseHoldsForThoseWhoAreInLineAlready(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{4 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(time.Second)
			leave, err := g.enter(t.Context(), turnRead)
			require.NoError(t, err)
			begin := time.Now()
			waited := make(chan error, 1)
			go func() {
				leave, err := g.enter(t.Context(), turnWrite)
				if err == nil {
					leave()
				}
				waited <- err
			}()
			synctest.Wait()
			g.pause(pause)
			leave()
			if err := <-waited; pause > longestPause {
				var p *pauseError
				require.ErrorAs(t, err, &p)
			} else {
				require.NoError(t, err)
				require.Equal(t, pause, time.Since(begin))
			}
		})
	}
}

func TestRemoteModeSendsOneRequestAtATimeAtAnyRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var under, most atomic.Int64
		f := insideOffice("25.3.26.0")
		cfg := insideConfig(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			most.Store(max(most.Load(), under.Add(1)))
			time.Sleep(100 * time.Millisecond)
			under.Add(-1)
			f.ServeHTTP(w, r)
		}), Remote)
		cfg.Rate = -1
		a, b := dial(t, cfg), dial(t, cfg)
		defer a.Close()
		defer b.Close()
		answers := make(chan error, 3)
		for _, c := range []*conn{a, b, a} {
			go func() { answers <- c.Ping(t.Context()) }()
		}
		for range 3 {
			require.NoError(t, <-answers)
		}
		require.EqualValues(t, 1, most.Load())
	})
}

// paying is an office that takes payments.
func paying() *fakeOffice {
	f := insideOffice("25.3.26.0")
	var n atomic.Int64
	f.on("POST /payments", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 201, map[string]any{"PayNum": n.Add(1)})
	})
	return f
}

func TestPracticesThatShareALineDoNotKeepEachOtherFromPaying(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := paying()
		cfg := insideConfig(f, Remote)
		results := make(chan error, 8)
		for range cap(results) {
			c := dial(t, cfg)
			defer c.Close()
			go func() {
				_, err := c.Write(t.Context(), testPayment())
				results <- err
			}()
		}
		done := 0
		for range cap(results) {
			if err := <-results; err != nil {
				require.ErrorIs(t, err, driver.ErrUnavailable)
			} else {
				done++
			}
		}
		require.Equal(t, done, f.count("POST /payments"))
		require.GreaterOrEqual(t, done, 3, "who began first goes first: a payment asks for less than ten seconds of the line")
	})
}

func TestAPaymentGetsThroughOnTheSlowestLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := paying()
		f.onJSON("GET /providers/7", 200, map[string]any{"ProvNum": 7, "IsHidden": "false"})
		f.onJSON("GET /paysplits", 200, []map[string]any{})
		cfg := insideConfig(f, Remote)
		cfg.Rate = 5 * time.Second // the free tier's, or an office's own caution
		c := dial(t, cfg)
		defer c.Close()
		p := testPayment()
		p.Provider = "7"
		_, err := c.Write(t.Context(), p)
		require.NoError(t, err)
		require.Greater(t, cfg.verifyAfter(driver.OpPayment), 2*time.Minute)
	})
}

func TestAMistakeInADataSourceNameNeverRepeatsWhatMayBeAKey(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"opendental://" + developerKey + ":12?" + customerKey + "@host/api/v1?mode=service",
		"opendental://" + developerKey + "?" + customerKey + "@host/api/v1",
		"opendental://host/?" + customerKey,
		"opendental://host/?mode=service;" + customerKey + "=1",
		"opendental://a:b@" + customerKey + "/?mode=" + customerKey,
		"opendental://a:b@/?rate=" + customerKey + "&timeout=" + customerKey,
		"opendental://a:b@host/" + customerKey + "?mode=service",
	} {
		_, err := ParseDSN(dsn)
		require.Error(t, err, dsn)
		require.NotContains(t, err.Error(), customerKey)
		require.NotContains(t, err.Error(), developerKey)
	}
}

func TestNoPartOfAConnectionPrintsItsKeys(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	k, err := f.config().Connector()
	require.NoError(t, err)
	c := f.connect(t)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "k", k, "c", c, "client", c.client)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "k", k, "c", c, "client", c.client, "cfg", c.cfg)
	for _, v := range []any{k, c, c.client, *c.client, c.cfg, c.gate} {
		log.WriteString(fmt.Sprintf("%v %+v %#v %s %q %x\n", v, v, v, v, v, v))
	}
	for _, secret := range []string{developerKey, customerKey, fmt.Sprintf("%x", customerKey)} {
		require.NotContains(t, log.String(), secret)
	}
}

func TestNoProxyIsTakenFromTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, hc := range []*http.Client{nil, {}} {
		cfg := insideConfig(nil, Remote)
		cfg.HTTP = hc
		c := newClient(cfg)
		for _, each := range []*http.Client{c.reads, c.writes} {
			require.Nil(t, each.Transport.(*http.Transport).Proxy)
		}
	}
}

func TestARedirectedWriteGoesNowhereElse(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	for _, status := range []int{301, 302, 307, 308} {
		f.on("POST /payments", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		_, err := f.connect(t).Write(t.Context(), testPayment())
		require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	}
	require.Zero(t, elsewhere.Load())
}

// Something between the host and the office may answer 200 in its place.
func TestAnAnswerThatNamesNothingIsNoProofOfAWrite(t *testing.T) {
	t.Parallel()
	document := func() driver.Op {
		return &driver.Document{
			Header: header(), About: driver.AccountStatement, Folder: "71", Title: driver.NewText("x"), At: time.Now(),
			MIME: "application/pdf", Size: 3, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("abc")), nil },
		}
	}
	for _, body := range []string{"", "{}", "[]", `{"status":"ok"}`, "<html></html>"} {
		f := newFakeOffice(t, "25.3.26.0")
		f.ready()
		empty := func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, body)
		}
		f.on("POST /commlogs", empty)
		f.on("POST /documents/Upload", empty)
		f.on("POST /payments", empty)
		f.on("POST /adjustments", empty)
		c := f.connect(t)
		for _, op := range []driver.Op{testNote(), document(), testPayment(), testAdjustment()} {
			_, err := c.Write(t.Context(), op)
			require.ErrorIs(t, err, driver.ErrUnknownOutcome, "%s answered with %q", op.Kind(), body)
		}
	}
}

func TestAServerThatIgnoresOffsetEndsInAnError(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	rows := make([]map[string]any, 100)
	for i := range rows {
		rows[i] = map[string]any{
			"PatNum": i + 1, "AptNum": i + 1, "PatStatus": "Patient", "AptStatus": "Scheduled", "Birthdate": "1980-01-02",
			"AptDateTime": "2026-01-02 10:00:00", "serverDateTime": "2026-01-02 03:04:05", "DateTStamp": "2026-01-02 03:04:05",
		}
	}
	f.onJSON("GET /patients/Simple", 200, rows)
	f.onJSON("GET /appointments", 200, rows)
	c := f.connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := c.FindPatients(ctx, driver.PatientQuery{BirthDate: driver.NewBirthDate(driver.Date{Year: 1980, Month: 1, Day: 2})})
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.NoError(t, ctx.Err(), "it must end by itself")

	q := driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: cursor{Feed: "appointments", Since: "2026-01-01 00:00:00"}.String()}
	for range 20 {
		page, err := c.ReadChanges(ctx, q)
		if err != nil {
			require.ErrorIs(t, err, driver.ErrCursorExpired)
			return
		}
		q.Cursor = page.Next
	}
	t.Fatal("the run of pages never ends")
}

func TestAPaymentWhoseReferenceStaffChangedIsNotRefunded(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	today := driver.DateOf(time.Now().UTC())
	f.onJSON("GET /payments", 200, []map[string]any{{
		"PayNum": 5, "PatNum": 42, "PayAmt": "12.00", "CheckNum": "1001", "PayNote": "by check", "serverDateTime": today.String() + " 10:00:00",
	}})
	f.onJSON("POST /payments/Refund", 201, map[string]any{"PayNum": 6})
	f.onJSON("PUT /payments/6", 200, map[string]any{})
	refund := &driver.Refund{
		Header: header(), Of: "5", OfRef: "PONMLKJIHGFEDCBA", OfAmount: driver.USD(1200), Amount: driver.USD(1200), Type: "71", PostedOn: today,
	}
	_, err := f.connect(t).Write(t.Context(), refund)
	require.ErrorIs(t, err, driver.ReasonNotRefundable, "a doubtful answer could never be verified")
	require.Zero(t, f.count("POST /payments/Refund"))
}

func TestARefundWhoseTypeIsHiddenMeanwhileIsStillFinished(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	f.on("PUT /payments/6", func(w http.ResponseWriter, _ *http.Request) {
		if _, typed := f.lastBody("PUT /payments/6")["PayType"]; typed {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "PayType is hidden.")
			return
		}
		writeJSON(w, 200, map[string]any{"PayNum": 6})
	})
	refund := &driver.Refund{
		Header: header(), Of: "5", OfRef: "PONMLKJIHGFEDCBA", OfAmount: driver.USD(1200), Amount: driver.USD(1200), Type: "71",
		PostedOn: driver.Date{Year: 2026, Month: 3, Day: 4},
	}
	refund.Prior = &driver.Receipt{ID: "6", State: restMark}
	receipt, err := f.connect(t).Write(t.Context(), refund)
	require.NoError(t, err, "otherwise the rest remains for ever")
	require.Equal(t, "6", receipt.ID)
	require.Empty(t, receipt.State)
	require.Equal(t, refund.Ref, f.lastBody("PUT /payments/6")["CheckNum"])
}

func TestARetryAfterBeyondAllMeasureIsAnHour(t *testing.T) {
	t.Parallel()
	require.Equal(t, time.Hour, retryAfter(http.Header{"Retry-After": {"10000000000"}}))
}

// emulated is an office of the emulator with a connection and a patient.
func emulated(t *testing.T) (*opendentaltest.Server, *conn) {
	t.Helper()
	office, err := opendentaltest.NewServer(opendentaltest.Config{Location: chicago(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, office.Close()) })
	_, err = office.AddProvider(t.Context(), opendentaltest.Provider{Abbr: "DOC", LName: "Albright"})
	require.NoError(t, err)
	k, err := Config{
		Mode: Service, URL: office.URL, VerifyAfter: time.Nanosecond, Timeout: 20 * time.Second,
		DeveloperKey: driver.NewSecret(opendentaltest.DefaultDeveloperKey), CustomerKey: driver.NewSecret(opendentaltest.DefaultCustomerKey),
	}.Connector()
	require.NoError(t, err)
	c, err := k.Connect(t.Context(), driver.Env{Practice: "p", Location: chicago(t)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return office, c.(*conn)
}

func newPatient(t *testing.T, office *opendentaltest.Server) string {
	t.Helper()
	p, err := office.AddPatient(t.Context(), opendentaltest.Patient{LName: "Sampleton", FName: "Nora"})
	require.NoError(t, err)
	return strconv.FormatInt(p.PatNum, 10)
}

func paymentType(t *testing.T, c *conn) string {
	t.Helper()
	options, err := c.ReadCatalog(t.Context(), driver.PaymentTypes)
	require.NoError(t, err)
	require.NotEmpty(t, options)
	return options[0].ID
}

func TestAPaymentIsFoundHoweverWrongTheOfficesClockIs(t *testing.T) {
	t.Parallel()
	office, c := emulated(t)
	for _, off := range []time.Duration{-400 * 24 * time.Hour, -72 * time.Hour, 72 * time.Hour} {
		office.SkewClock(off)
		p := testPayment()
		p.Patient, p.Type = newPatient(t, office), paymentType(t, c)
		p.PostedOn = driver.DateOf(office.Now().In(chicago(t)))
		in, err := office.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultTimeoutApplied, Method: "POST", Route: "/payments"})
		require.NoError(t, err)
		_, err = c.Write(t.Context(), p)
		require.ErrorIs(t, err, driver.ErrUnknownOutcome)
		require.Equal(t, 1, in.Hits())
		verdict, _, err := c.Verify(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictApplied, verdict, "clock off by %v", off)
	}
}

// Whenever the host gives up, the driver says "no effect" only if there is none
// and never will be, however the office goes on.
func TestAContextThatEndsAtAnyRequestNeverHidesAnEffect(t *testing.T) {
	t.Parallel()
	for _, kind := range []opendentaltest.FaultKind{opendentaltest.FaultHang, opendentaltest.FaultHangAfter, opendentaltest.FaultCutAfter} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			office, c := emulated(t)
			payBy := paymentType(t, c)
			for skip := 0; ; skip++ {
				require.Less(t, skip, 40)
				p := testPayment()
				p.Patient, p.Type, p.Provider = newPatient(t, office), payBy, "1"
				p.PostedOn = driver.DateOf(office.Now().In(chicago(t)))
				in, err := office.Inject(opendentaltest.Fault{Kind: kind, Skip: skip})
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				written := make(chan error, 1)
				go func() {
					_, err := c.Write(ctx, p)
					written <- err
				}()
				struck := make(chan error, 1)
				go func() { struck <- in.Wait(ctx, 1) }()
				var result error
				select {
				case err := <-struck:
					require.NoError(t, err)
					if kind != opendentaltest.FaultCutAfter {
						cancel()
					}
					result = <-written
				case result = <-written:
				}
				hit := in.Hits() > 0
				cancel()
				in.Release()
				payments, err := office.Payments(t.Context())
				require.NoError(t, err)
				var there bool
				for _, row := range payments {
					there = there || strconv.FormatInt(row.PatNum, 10) == p.Patient
				}
				told := result == nil || errors.Is(result, driver.ErrUnknownOutcome) || errors.Is(result, driver.ErrIncomplete)
				require.True(t, told || !there, "request %d: %v, and the payment is there", skip, result)
				if !hit {
					require.NoError(t, result)
					require.Positive(t, skip)
					break
				}
			}
		})
	}
}

func TestAListOfVastTextsIsReadInSmallerPages(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "24.1.5.0")
	long := strings.Repeat("x", 1_000)
	f.on("GET /commlogs", func(w http.ResponseWriter, r *http.Request) {
		limit, _ := strconv.Atoi(r.URL.Query().Get("Limit"))
		offset, _ := strconv.Atoi(r.URL.Query().Get("Offset"))
		rows := []map[string]any{}
		for n := offset + 1; n <= min(offset+limit, 300); n++ {
			rows = append(rows, map[string]any{"CommlogNum": n, "PatNum": 42, "Note": long})
		}
		writeJSON(w, 200, rows)
	})
	c := f.connect(t)
	l := listing{op: "verify note", path: "/commlogs", key: "CommlogNum", limit: 150_000}
	rows, err := c.all(t.Context(), l)
	require.NoError(t, err)
	require.Len(t, rows, 300)
	l.limit = 500
	_, err = c.all(t.Context(), l)
	require.ErrorIs(t, err, errTooLarge, "a single one is too large")
}

func TestReadsKeepTheirConnection(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.on("GET /patients/42", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"PatNum":42,"PatStatus":"Patient"}`)
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "\r\n")
	})
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(f)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	cfg := f.config()
	cfg.URL = s.URL + "/api/v1"
	c := f.connectWith(t, cfg)
	for range 20 {
		_, err := c.FindPatients(t.Context(), driver.PatientQuery{ID: "42"})
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, opened.Load())
}

func TestOneKeyHasOneLineHoweverTheAddressIsWritten(t *testing.T) {
	t.Parallel()
	lines := map[gateKey]bool{}
	for _, address := range []string{"", "https://api.opendental.com/api/v1/", "HTTPS://API.OpenDental.com:443/api/v1", "https://api.opendental.com./api/v1"} {
		cfg := Config{URL: address, DeveloperKey: driver.NewSecret("d"), CustomerKey: driver.NewSecret("c")}
		require.NoError(t, cfg.Validate())
		lines[newClient(cfg).gateKey] = true
	}
	require.Len(t, lines, 1)
	other := Config{Mode: Service, DeveloperKey: driver.NewSecret("d"), CustomerKey: driver.NewSecret("c")}
	require.NotContains(t, lines, newClient(other).gateKey, "the office's own service is not throttled")
}
