package opendental_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
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
	conforms(t, opendentaltest.ModeService)
}

func TestTheDriverKeepsTheContractInRemoteMode(t *testing.T) {
	t.Parallel()
	conforms(t, opendentaltest.ModeRemote)
}

// unproved are the rules that the emulator cannot break.
var unproved = map[string]string{
	"cursor/expired":      "the API answers every DateTStamp",
	"incomplete/reported": "the operation is a single request",
	"incomplete/finished": "the operation is a single request",
	"incomplete/again":    "the operation is a single request",
	"incomplete/verified": "the operation is a single request",
}

// inapplicable are the rules about what Open Dental's API does not offer.
var inapplicable = []string{
	"catalog/unsupported", "changes/deletes", "changes/unsupported", "find/unsupported", "photo/unsupported", "window/unsupported", "write/unsupported",
	"refuse/inactive-provider", "refuse/unknown-provider", "write/provider",
}

func conforms(t *testing.T, mode opendentaltest.Mode) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html><body>It works!</body></html>")
	}))
	t.Cleanup(web.Close)
	p := &pool{t: t, mode: mode, free: map[string][]*office{}, web: web.Listener.Addr().String()}
	crowd := 0 // enough to cross a page of 100
	if mode == opendentaltest.ModeService {
		crowd = 10 // nothing would cross a page of 1,000
	}
	report := drivertest.Check(t.Context(), drivertest.Harness{
		Crowd:   crowd,
		New:     p.open,
		Options: map[driver.OpKind]string{"": "2"}, // not the patients' own provider
		Secrets: []string{developerKey, customerKey},
	})
	require.NoError(t, report.Err())
	for _, r := range report.With(drivertest.NotProved) {
		require.Contains(t, r.Message, unproved[r.Rule], r.Name())
		require.Contains(t, unproved, r.Rule)
	}
	for _, r := range report.With(drivertest.NotApplicable) {
		require.Contains(t, inapplicable, r.Rule, r.Message)
	}
	t.Log(report.String())
}

// pool lends an emulated practice to one case at a time. Making one takes longer
// than most cases do, so that a practice is emptied and lent again.
type pool struct {
	t    *testing.T
	mode opendentaltest.Mode
	mu   sync.Mutex
	free map[string][]*office // by zone
	web  string               // the address of a web server that is no Open Dental
}

func (p *pool) open(tb testing.TB, zone *time.Location) *drivertest.PMS {
	p.mu.Lock()
	var o *office
	if free := p.free[zone.String()]; len(free) > 0 {
		o, p.free[zone.String()] = free[0], free[1:]
	}
	p.mu.Unlock()
	if o == nil {
		o = newOffice(p.t, zone, p.mode)
	}
	o.tb = tb
	tb.Cleanup(func() {
		if tb.Failed() {
			return // something may still be at work in it
		}
		o.empty()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free[zone.String()] = append(p.free[zone.String()], o)
	})
	pms := o.pms()
	pms.ForeignDSN = "opendental://" + developerKey + ":" + customerKey + "@" + p.web + "/api/v1?mode=" + string(p.mode)
	return pms
}

// office is an emulated practice behind a port that can be closed.
type office struct {
	*opendentaltest.Office
	tb      testing.TB
	zone    *time.Location
	mode    opendentaltest.Mode
	folder  string
	address string
	start   time.Time
	passed  atomic.Int64
	faults  []*opendentaltest.Injection
	plans   int64     // of insurance, as many as were given
	closed  bool      // the port
	tables  *database // the MariaDB that holds the practice; nil for one in memory

	mu     sync.Mutex
	server *http.Server
}

func newOffice(tb testing.TB, zone *time.Location, mode opendentaltest.Mode) *office {
	o := newOfficeIn(tb, zone, mode, nil)
	o.remember()
	return o
}

// newOfficeIn makes a practice in a MariaDB, or in memory without one.
func newOfficeIn(tb testing.TB, zone *time.Location, mode opendentaltest.Mode, tables *database) *office {
	o := &office{tb: tb, zone: zone, mode: mode, folder: tb.TempDir(), start: time.Now(), tables: tables}
	cfg := opendentaltest.Config{
		Mode: mode, DeveloperKey: developerKey,
		Customers: []opendentaltest.CustomerKey{{Key: customerKey, Permissions: opendentaltest.Tier35}},
		Throttle:  -1,
		Location:  zone,
		// A clock that stands still makes every change a tie.
		Now:  func() time.Time { return o.start.Add(time.Duration(o.passed.Load())) },
		AtoZ: o.folder,
	}
	if mode == opendentaltest.ModeRemote {
		cfg.Throttle = time.Millisecond
	}
	if tables != nil {
		cfg.Store = opendentaltest.MySQLDB(tables.root)
	}
	var err error
	o.Office, err = opendentaltest.NewOffice(cfg)
	o.must(err)
	tb.Cleanup(func() { _ = o.Office.Close() })
	o.listen("127.0.0.1:0")
	tb.Cleanup(o.hangUp)
	o.furnish()
	return o
}

func (o *office) pms() *drivertest.PMS {
	dsn := url.Values{"mode": {string(o.mode)}, "images": {o.folder}, "timeout": {"20s"}}
	if o.mode == opendentaltest.ModeRemote {
		dsn.Set("rate", "1ms")
	}
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
		Site: id(clinic), OtherSite: id(clinic + 1),
		Now:      o.Now,
		Advance:  func(d time.Duration) { o.passed.Add(int64(d)) },
		Skew:     o.SkewClock,
		Staff:    o.staff(),
		Rows:     o.rows,
		Status:   o.status,
		Verified: o.verifiedOn,
		Inject:   o.inject,
	}
}

// remember keeps what the furnished practice holds, for empty.
func (o *office) remember() {
	ctx := o.tb.Context()
	rows, err := o.DB().QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'")
	o.must(err)
	var tables []string
	for rows.Next() {
		var name string
		o.must(rows.Scan(&name))
		tables = append(tables, name)
	}
	o.must(rows.Err())
	o.must(rows.Close())
	for _, name := range tables {
		_, err := o.DB().ExecContext(ctx, "CREATE TABLE kept_"+name+" AS SELECT * FROM "+name)
		o.must(err)
	}
	statements := []string{"CREATE TABLE kept_touched (name TEXT PRIMARY KEY)"}
	for _, name := range tables {
		for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
			statements = append(statements, "CREATE TRIGGER kept_"+name+"_"+event+" AFTER "+event+" ON "+name+
				" BEGIN INSERT OR IGNORE INTO kept_touched VALUES ('"+name+"'); END")
		}
	}
	for _, text := range statements {
		_, err := o.DB().ExecContext(ctx, text)
		o.must(err)
	}
}

// emptyMemory is empty for a practice in memory: what nobody wrote to is left.
func (o *office) emptyMemory() {
	ctx := context.Background()
	tx, err := o.DB().BeginTx(ctx, nil)
	o.must(err)
	rows, err := tx.QueryContext(ctx, "SELECT name FROM kept_touched")
	o.must(err)
	var touched []string
	for rows.Next() {
		var name string
		o.must(rows.Scan(&name))
		touched = append(touched, name)
	}
	o.must(errors.Join(rows.Err(), rows.Close()))
	for _, name := range touched {
		_, err := tx.ExecContext(ctx, "DELETE FROM "+name)
		o.must(err)
		_, err = tx.ExecContext(ctx, "INSERT INTO "+name+" SELECT * FROM kept_"+name)
		o.must(err)
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM kept_touched")
	o.must(err)
	o.must(tx.Commit())
}

// empty brings the practice back to where it was furnished.
func (o *office) empty() {
	for _, in := range o.faults {
		in.Remove()
	}
	o.faults = nil
	if o.closed {
		o.closed = false
		o.listen(o.address)
	}
	o.must(o.SetKeyEnabled(customerKey, true))
	o.must(o.SetKeyPermissions(customerKey, opendentaltest.Tier35))
	o.SkewClock(0)
	o.passed.Store(0)
	if o.tables != nil {
		o.tables.empty()
	} else {
		o.emptyMemory()
	}
	files, err := filepath.Glob(filepath.Join(o.folder, "*"))
	o.must(err)
	for _, f := range files {
		o.must(os.RemoveAll(f))
	}
}

func (o *office) must(err error) {
	o.tb.Helper()
	if err != nil {
		o.tb.Fatal(err)
	}
}

// furnish gives the practice two providers and two clinics.
func (o *office) furnish() {
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
	for _, name := range []string{"North", "South"} {
		_, err := o.AddClinic(ctx, opendentaltest.Clinic{Description: name, Abbr: name[:1]})
		o.must(err)
	}
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
	p := newOffice(t, time.UTC, opendentaltest.ModeService).pms()
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
