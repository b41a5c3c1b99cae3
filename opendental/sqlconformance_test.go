package opendental_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// setUp is a way to connect a practice whose tables are in MariaDB.
type setUp struct {
	api     bool   // writes through the API
	remote  bool   // which is in Remote mode
	engine  string // of the tables
	plain   bool   // no index on appointment.DateTStamp, as before version 25
	random  bool   // random primary keys
	session map[string]string
}

// awkward is a session in which careless SQL means something else.
var awkward = map[string]string{
	"time_zone": "'+05:30'",
	"sql_mode":  "'ANSI_QUOTES,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,ONLY_FULL_GROUP_BY'",
}

func TestTheDriverKeepsTheContractWithTheDatabaseAndTheAPI(t *testing.T) {
	t.Parallel()
	conformsOnSQL(t, setUp{api: true, engine: "InnoDB"})
}

func TestTheDriverKeepsTheContractWithMyISAMTablesAndTheAPIInRemoteMode(t *testing.T) {
	t.Parallel()
	conformsOnSQL(t, setUp{api: true, remote: true, engine: "MyISAM", random: true, session: awkward})
}

func TestTheDriverKeepsTheContractWithTheDatabaseAlone(t *testing.T) {
	t.Parallel()
	conformsOnSQL(t, setUp{engine: "MyISAM"})
}

func TestTheDriverKeepsTheContractWithInnoDBTablesAlone(t *testing.T) {
	t.Parallel()
	conformsOnSQL(t, setUp{engine: "InnoDB", plain: true, session: awkward})
}

// unprovedOnSQL are the rules that the set-ups with a database cannot break, and
// why.
var unprovedOnSQL = map[string]string{
	"connector/dsn-refused":   "the database is given to Config",
	"connector/dsn-secret":    "the database is given to Config",
	"connector/no-io":         "the database is given to Config",
	"connector/other-product": "the database is given to Config",
	"cursor/expired":          "a database keeps every stamp",
	"incomplete/reported":     "the operation is a single request",
	"incomplete/finished":     "the operation is a single request",
	"incomplete/again":        "the operation is a single request",
	"incomplete/verified":     "the operation is a single request",
}

// inapplicableTo are the rules, and groups of rules, about what a set-up does not
// offer.
func (s setUp) inapplicableTo() []string {
	if s.api {
		return slices.DeleteFunc(slices.Clone(inapplicable), func(rule string) bool { return rule == "changes/deletes" })
	}
	list := []string{ // without the API nothing is written
		"concurrent", "incomplete", "limit", "money", "outcome", "refund", "refuse", "status", "verify", "write",
		"zone/note-time", "zone/posting-date",
		"catalog/unsupported", "changes/unsupported", "find/unsupported", "photo/unsupported", "window/unsupported",
	}
	return list
}

func conformsOnSQL(t *testing.T, s setUp) {
	p := &sqlPool{t: t, setUp: s, free: map[string][]*office{}}
	report := drivertest.Check(t.Context(), drivertest.Harness{
		Crowd:   10, // nothing would cross a page
		New:     p.open,
		Options: map[driver.OpKind]string{"": "2"}, // not the patients' own provider
		Secrets: []string{developerKey, customerKey, readerPassword, otherPassword},
		Cannot: map[string]string{
			"Driver": "the database is given to Config", "BadDSNs": "the database is given to Config", "ForeignDSN": "the database is given to Config",
		},
	})
	require.NoError(t, report.Err())
	t.Log(report.String())
	for _, r := range report.With(drivertest.NotProved) {
		require.Contains(t, unprovedOnSQL, r.Rule, r.Message)
		require.Contains(t, r.Message, unprovedOnSQL[r.Rule], r.Name())
	}
	may := s.inapplicableTo()
	for _, r := range report.With(drivertest.NotApplicable) {
		group, _, _ := strings.Cut(r.Rule, "/")
		require.True(t, slices.Contains(may, r.Rule) || slices.Contains(may, group), "%s: %s", r.Name(), r.Message)
	}
	for _, d := range p.databases {
		requireReadsOnly(t, d.heard())
	}
}

// sqlPool lends practices as pool does.
type sqlPool struct {
	t *testing.T
	setUp
	mu        sync.Mutex
	free      map[string][]*office // by zone
	databases []*database
}

func (p *sqlPool) open(tb testing.TB, zone *time.Location) *drivertest.PMS {
	p.mu.Lock()
	var o *office
	if free := p.free[zone.String()]; len(free) > 0 {
		o, p.free[zone.String()] = free[0], free[1:]
	}
	p.mu.Unlock()
	if o == nil {
		o = newSQLOffice(p.t, zone, p.setUp)
		p.mu.Lock()
		p.databases = append(p.databases, o.tables)
		p.mu.Unlock()
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
	return o.sqlPMS(tb, p.setUp)
}

func newSQLOffice(t testing.TB, zone *time.Location, s setUp) *office {
	d := newDatabase(t)
	mode := opendentaltest.ModeService
	if s.remote {
		mode = opendentaltest.ModeRemote
	}
	o := newOfficeIn(t, zone, mode, d)
	d.now = o.Now
	if s.engine == "InnoDB" {
		d.engine(s.engine)
	} // else as Open Dental makes them
	if s.plain {
		d.run("ALTER TABLE appointment DROP KEY DateTStamp")
	}
	if s.random {
		o.must(o.SetPreference(t.Context(), "RandomPrimaryKeys", "1"))
	}
	d.remember()
	return o
}

// config connects the practice as the set-up says.
func (o *office) config(tb testing.TB, s setUp) opendental.Config {
	cfg := opendental.Config{ImagesDir: o.folder, Timeout: 20 * time.Second, DB: o.tables.open(tb, s.session)}
	if s.api {
		cfg.Mode, cfg.URL = opendental.Service, "http://"+o.address+"/api/v1"
		if s.remote {
			cfg.Mode, cfg.Rate = opendental.Remote, time.Millisecond
		}
		cfg.DeveloperKey, cfg.CustomerKey = driver.NewSecret(developerKey), driver.NewSecret(customerKey)
	}
	return cfg
}

func (o *office) sqlPMS(tb testing.TB, s setUp) *drivertest.PMS {
	pms := o.pms()
	connector, err := opendental.NewConnector(o.config(tb, s))
	o.must(err)
	pms.Driver, pms.DSN, pms.BadDSNs, pms.Connector = nil, "", nil, connector
	pms.Inject = func(f drivertest.Fault) (func(), error) { return o.injectSQL(s, f) }
	return pms
}

// injectSQL strikes the API, and for what is no write the line to the database as
// well: each stands in for the other.
func (o *office) injectSQL(s setUp, f drivertest.Fault) (func(), error) {
	var line lineState
	switch f.Kind {
	case drivertest.FaultOffline:
		line = lineOffline
	case drivertest.FaultHang:
		line = lineHang
	case drivertest.FaultCutBefore, drivertest.FaultCutAfter:
		line = lineCutBefore
	case drivertest.FaultCutMiddle:
		line = lineCutMiddle
	case drivertest.FaultCursorExpired:
		return nil, errors.New("a database keeps every stamp")
	case drivertest.FaultUnauthorized:
		if f.Scope != driver.ScopeConnection {
			return o.inject(f)
		}
		o.tables.lockOut()
		lift := func() {}
		if s.api {
			var err error
			if lift, err = o.inject(f); err != nil {
				return nil, err
			}
		}
		return func() { o.tables.letIn(); lift() }, nil
	}
	var lifts []func()
	writes := f.Call == drivertest.CallWrite || f.Call == drivertest.CallVerify
	if s.api {
		lift, err := o.inject(f)
		if err != nil {
			return nil, err
		}
		lifts = append(lifts, lift)
	}
	if !writes {
		o.tables.line.set(line)
		lifts = append(lifts, func() { o.tables.line.set(lineGood) })
	}
	return func() {
		for _, lift := range lifts {
			lift()
		}
	}, nil
}

func TestTheDatabaseReachesTheDriver(t *testing.T) {
	t.Parallel()
	for _, s := range []setUp{{api: true}, {}} {
		t.Run("api "+strconv.FormatBool(s.api), func(t *testing.T) {
			o := newSQLOffice(t, time.UTC, s)
			connector, err := opendental.NewConnector(o.config(t, s))
			require.NoError(t, err)
			conn, err := connector.Connect(t.Context(), driver.Env{Site: id(clinic), Location: time.UTC})
			require.NoError(t, err)
			info, err := conn.Info(t.Context())
			require.NoError(t, err)
			require.Equal(t, "Open Dental", info.Product)
			for kind, op := range info.Ops {
				require.Equal(t, s.api, op.Supported, kind)
			}
			for feed, f := range info.Feeds {
				require.True(t, f.Supported && f.Changes && f.Window, "%s: %s", feed, f.Why)
			}
			require.NoError(t, conn.Close())
		})
	}
}
