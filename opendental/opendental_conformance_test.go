package opendental_test

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

const (
	developerKey = "DevConformance7Q"
	customerKey  = "CustConformance9Z"
)

func TestTheDriverKeepsTheContractInServiceMode(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, harness(opendentaltest.ModeService))
}

func TestTheDriverKeepsTheContractInRemoteMode(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, harness(opendentaltest.ModeRemote))
}

func harness(mode opendentaltest.Mode) drivertest.Harness {
	return drivertest.Harness{
		New: func(tb testing.TB, zone *time.Location) *drivertest.PMS { return openOffice(tb, zone, mode) },
		Cannot: map[string]string{
			"Fault.cursor_expired": "the API answers every DateTStamp",
		},
		Options: map[driver.OpKind]string{"": "2"}, // not the patients' own provider
		Secrets: []string{developerKey, customerKey},
	}
}

// office is an emulated practice behind a port that can be closed.
type office struct {
	*opendentaltest.Office
	tb      testing.TB
	zone    *time.Location
	address string
	passed  atomic.Int64

	mu     sync.Mutex
	server *http.Server
}

func openOffice(tb testing.TB, zone *time.Location, mode opendentaltest.Mode) *drivertest.PMS {
	o := &office{tb: tb, zone: zone}
	// A clock that stands still makes every change a tie.
	start := time.Now()
	folder := tb.TempDir()
	cfg := opendentaltest.Config{
		Mode: mode, DeveloperKey: developerKey,
		Customers: []opendentaltest.CustomerKey{{Key: customerKey, Permissions: opendentaltest.Tier35}},
		Throttle:  -1,
		Location:  zone,
		Now:       func() time.Time { return start.Add(time.Duration(o.passed.Load())) },
		AtoZ:      folder,
	}
	dsn := url.Values{"mode": {string(mode)}, "images": {folder}, "timeout": {"20s"}}
	if mode == opendentaltest.ModeRemote {
		cfg.Throttle = time.Millisecond
		dsn.Set("rate", "1ms")
	}
	var err error
	o.Office, err = opendentaltest.NewOffice(cfg)
	o.must(err)
	tb.Cleanup(func() { _ = o.Office.Close() })
	o.listen("127.0.0.1:0")
	tb.Cleanup(o.hangUp)
	clinic, other := o.furnish()
	good := "opendental://" + developerKey + ":" + customerKey + "@" + o.address + "/api/v1?"
	return &drivertest.PMS{
		Driver: opendental.Driver{}, DSN: good + dsn.Encode(),
		BadDSNs: []drivertest.BadDSN{
			{DSN: "mysql://" + developerKey + "@host/", Names: "opendental://", Secret: developerKey},
			{DSN: good + "mode=fast", Names: "mode", Secret: customerKey},
			{DSN: good + "speed=9", Names: "speed", Secret: customerKey},
			{DSN: good + "rate=often", Names: "rate", Secret: developerKey},
			{DSN: "opendental://" + developerKey + "@/", Names: "customer key", Secret: developerKey},
			{DSN: "opendental://" + developerKey + ":" + customerKey + "@10.0.0.5/?mode=service", Names: "insecure_host", Secret: customerKey},
		},
		Site: clinic, OtherSite: other,
		Now:     o.Now,
		Advance: func(d time.Duration) { o.passed.Add(int64(d)) },
		Skew:    o.SkewClock,
		Staff:   o.staff(),
		Rows:    o.rows,
		Status:  o.status,
		Inject:  o.inject,
	}
}

func (o *office) must(err error) {
	o.tb.Helper()
	if err != nil {
		o.tb.Fatal(err)
	}
}

// furnish gives the practice two providers and two clinics.
func (o *office) furnish() (clinic, other string) {
	ctx := o.tb.Context()
	for _, p := range []opendentaltest.Provider{
		{Abbr: "DOC1", LName: "Albright", FName: "Brian"},
		{Abbr: "HYG1", LName: "Jones", FName: "Tina", IsSecondary: true},
	} {
		_, err := o.AddProvider(ctx, p)
		o.must(err)
	}
	// Otherwise the free parts of a payment may not have a provider.
	o.must(o.SetPreference(ctx, "AllowPrepayProvider", "1"))
	a, err := o.AddClinic(ctx, opendentaltest.Clinic{Description: "North", Abbr: "N"})
	o.must(err)
	b, err := o.AddClinic(ctx, opendentaltest.Clinic{Description: "South", Abbr: "S"})
	o.must(err)
	return id(a.ClinicNum), id(b.ClinicNum)
}

func (o *office) listen(address string) {
	var l net.Listener
	deadline := time.Now().Add(5 * time.Second)
	for {
		var err error
		if l, err = net.Listen("tcp", address); err == nil {
			break
		}
		if time.Now().After(deadline) {
			o.tb.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond) // the port is being released
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.address = l.Addr().String()
	o.server = &http.Server{Handler: o.Office, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func(s *http.Server) { _ = s.Serve(l) }(o.server)
}

// hangUp closes the port and every connection.
func (o *office) hangUp() {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.server.Close()
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

func (o *office) num(s string) int64 {
	o.tb.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	o.must(err)
	return n
}

func TestTheHarnessReachesTheEmulator(t *testing.T) {
	t.Parallel()
	p := openOffice(t, time.UTC, opendentaltest.ModeService)
	connector, err := p.Driver.OpenConnector(p.DSN)
	require.NoError(t, err)
	conn, err := connector.Connect(t.Context(), driver.Env{Site: p.Site})
	require.NoError(t, err)
	info, err := conn.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Open Dental", info.Product)
	for kind, op := range info.Ops {
		require.True(t, op.Supported, kind)
	}
	for feed, f := range info.Feeds {
		require.True(t, f.Supported, feed)
	}
	require.NoError(t, conn.Close())
}
