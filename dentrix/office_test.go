package dentrix_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// office is a stand-in office that a driver reaches over a line that can break.
type office struct {
	*dentrixtest.Office
	tb   testing.TB
	line *odbctest.Line
	// spoil says that tables or views were changed: the server is not lent again.
	spoil func()
}

// openOffice opens an office whose clock stands at now.
func openOffice(tb testing.TB, zone *time.Location, now time.Time) *office {
	tb.Helper()
	odbctest.Need(tb)
	server := servers.Borrow(tb)
	o, err := dentrixtest.New(tb.Context(), server.Root, zone, now)
	if err != nil {
		tb.Fatal(err)
	}
	return &office{Office: o, tb: tb, line: odbctest.NewLine(tb, server.Socket), spoil: server.Spoil}
}

// connection is the member's connection string.
func (o *office) connection() string {
	return odbctest.Login{Socket: o.line.Socket, Database: "admin", User: dentrixtest.Member, Password: dentrixtest.Password}.DSN(o.tb)
}

func (o *office) dsn() string {
	return dentrix.FormatDSN(odbctest.DriverName, driver.NewSecret(o.connection()), dentrixtest.Profile()) + "&verify_after=2s&timeout=20s"
}

// must fails the test for an error of the office.
func (o *office) must(err error) {
	o.tb.Helper()
	if err != nil {
		o.tb.Fatal(err)
	}
}

func got[T any](v T, err error) func(o *office) T {
	return func(o *office) T {
		o.tb.Helper()
		o.must(err)
		return v
	}
}

func number(o *office, id string) int {
	o.tb.Helper()
	n, err := strconv.Atoi(id)
	o.must(err)
	return n
}

// pms is the office as the conformance suite wants it.
func (o *office) pms(foreign string) *drivertest.PMS {
	ctx := context.Background()
	return &drivertest.PMS{
		Driver: dentrix.Driver{}, DSN: o.dsn(), ForeignDSN: foreign, BadDSNs: badDSNs(),
		Now:     o.Now,
		Advance: func(d time.Duration) { o.must(o.SetNow(ctx, o.Now().Add(d))) },
		Skew:    func(d time.Duration) { o.must(o.SetNow(ctx, time.Now().Add(d))) },
		Staff:   o.staff(ctx),
		Rows:    func(kind driver.OpKind, patient string) []drivertest.Row { return o.rows(ctx, kind, patient) },
		Status:  func(id string) string { return got(o.Status(ctx, id))(o) },
		Inject:  func(f drivertest.Fault) (func(), error) { return o.inject(ctx, f) },
	}
}

func badDSNs() []drivertest.BadDSN {
	good := dentrix.FormatDSN(odbctest.DriverName, driver.NewSecret("DSN=x;PWD=hunter-22"), nil)
	return []drivertest.BadDSN{
		{DSN: ""},
		{DSN: "opendental://x", Names: "dentrix://"},
		{DSN: "dentrix://odbc", Names: "connection"},
		{DSN: "dentrix://?connection=x", Names: "SQL driver"},
		{DSN: "dentrix://nosuchdriver?connection=DSN%3Dx%3BPWD%3Dhunter-22", Names: "SQL driver", Secret: "hunter-22"},
		{DSN: "dentrix://odbc?connection=DSN=x;PWD=hunter-22", Names: "encoded", Secret: "hunter-22"},
		{DSN: good + "&hunter-22=1", Names: "unknown key", Secret: "hunter-22"},
		{DSN: good + "&timeout=soon", Names: "timeout", Secret: "hunter-22"},
		{DSN: good + "&overlap=-5m", Names: "overlap", Secret: "hunter-22"},
		{DSN: good + "&trust_profile=maybe", Names: "trust_profile", Secret: "hunter-22"},
		{DSN: good + "&profile=%7B%7D", Names: "operations", Secret: "hunter-22"},
		{DSN: good + "#x", Names: "encoded", Secret: "hunter-22"},
	}
}

// inject makes trouble on the line or in the office.
func (o *office) inject(ctx context.Context, f drivertest.Fault) (func(), error) {
	t := odbctest.Trouble{When: o.struck(f)}
	switch f.Kind {
	case drivertest.FaultOffline:
		return o.line.Offline(), nil
	case drivertest.FaultBusy:
		o.must(o.Lock(ctx, true))
		return func() { o.must(o.Lock(ctx, false)) }, nil
	case drivertest.FaultUnauthorized:
		return o.unauthorized(ctx, f)
	case drivertest.FaultCutBefore:
		t.Do = odbctest.CutBefore
	case drivertest.FaultCutAfter:
		t.Do = odbctest.CutAfter
	case drivertest.FaultCutMiddle:
		t.Do = odbctest.CutMiddle
	case drivertest.FaultActLater:
		t.Do = odbctest.ActLater
	case drivertest.FaultHang:
		t.Do = odbctest.Hang
	case drivertest.FaultIgnored:
		o.must(o.Exec(ctx, "CREATE TRIGGER admin.ignored BEFORE UPDATE ON admin.standin_appt FOR EACH ROW SET NEW.status_id=OLD.status_id"))
		return func() { o.must(o.Exec(ctx, "DROP TRIGGER admin.ignored")) }, nil
	case drivertest.FaultHalfDone:
		return nil, errors.New("a write is a single call in one transaction")
	case drivertest.FaultCursorExpired:
		return nil, errors.New("a database keeps every stamp")
	default:
		return nil, errors.New("not a fault of a database")
	}
	return o.line.Strike(t), nil
}

// struck chooses what a fault strikes. The effect of a write is its COMMIT.
func (o *office) struck(f drivertest.Fault) func(odbctest.Sent) bool {
	switch f.Call {
	case drivertest.CallWrite:
		return odbctest.IsCommit
	case "":
		return nil
	}
	return func(s odbctest.Sent) bool { return s.Effect() }
}

// unauthorized takes rights.
func (o *office) unauthorized(ctx context.Context, f drivertest.Fault) (func(), error) {
	if f.Scope == driver.ScopeConnection {
		o.must(o.LockOut(ctx))
		return func() { o.must(o.LetIn(ctx)) }, nil
	}
	procedures := []string{writers[f.Op]}
	if f.Scope == driver.ScopeWrites {
		procedures = nil
		seen := map[string]bool{}
		for _, p := range writers {
			if !seen[p] {
				procedures = append(procedures, p)
			}
			seen[p] = true
		}
	}
	for _, p := range procedures {
		o.must(o.Revoke(ctx, p))
	}
	return func() {
		for _, p := range procedures {
			o.must(o.Grant(ctx, p))
		}
	}, nil
}

var writers = map[driver.OpKind]string{
	driver.OpNote: "standin_addjournal", driver.OpDocument: "standin_adddocument", driver.OpStatus: "standin_setstatus",
	driver.OpPayment: "standin_addpayment", driver.OpRefund: "standin_addadjustment", driver.OpAdjustment: "standin_addadjustment",
}
