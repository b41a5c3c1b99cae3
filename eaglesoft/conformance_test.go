package eaglesoft_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
	"github.com/pmswriteback/pms/eaglesoft"
	"github.com/pmswriteback/pms/eaglesoft/eaglesofttest"
)

// cannot says what Eaglesoft has no such thing of.
var cannot = map[string]string{
	"Staff.AddCoverage":                    "where Eaglesoft keeps the day of a verification is not public",
	"Verified":                             "where Eaglesoft keeps the day of a verification is not public",
	"Staff.ArchivePatient":                 "Eaglesoft has inactive patients, and none that are archived",
	"Staff.DeletePatient":                  "Eaglesoft deletes no patients",
	"Staff.CloseBooks":                     "Eaglesoft's end of day closes transactions by their numbers, not by dates",
	"Staff.AddOption/appointment_statuses": "Eaglesoft's statuses are fixed",
}

// unproved are the rules that may come out as not proved, and by what words.
var unproved = map[string]string{
	"find/archived":           "none that are archived",
	"find/deleted":            "deletes no patients",
	"refuse/archived-patient": "none that are archived",
	"refuse/inactive-option":  "that are inactive",
	"catalog/inactive-kept":   "that are inactive",
	"catalog/renamed":         "statuses are fixed",
	"catalog/ids-last":        "statuses are fixed",
	"catalog/complete":        "statuses are fixed",
	"write/verified":          "the day of a verification",
	"write/verified-earlier":  "the day of a verification",
	"write/verified-unclear":  "the day of a verification",
	"money/period-closed":     "end of day",
	"incomplete/reported":     "one transaction",
	"incomplete/finished":     "one transaction",
	"incomplete/again":        "one transaction",
	"incomplete/verified":     "one transaction",
	"status/ignored":          "how many rows it changed",
}

// inapplicable are the words of what Eaglesoft does not offer: no other rule may
// turn out not to apply.
var inapplicable = []string{
	"in files of the vendor's own format",
	"books a refund is not public",
	"books an adjustment is not public",
	"takes an adjustment type",
	"what a payment pays is left to the PMS",
	"Info supports it",
	"is read by windows alone",
}

func TestTheDriverKeepsTheContractOverODBC(t *testing.T) {
	odbctest.Need(t)
	var heard heard
	report := drivertest.Check(t.Context(), drivertest.Harness{
		New:     func(tb testing.TB, zone *time.Location) *drivertest.PMS { return newPMS(tb, zone, &heard) },
		Crowd:   10, // nothing would cross a page of 500
		Secrets: []string{eaglesofttest.Password, "Signature7Q"},
		Cannot:  cannot,
	})
	require.NoError(t, report.Err())
	t.Log(report.String())
	requireAllowedForms(t, heard.statements)
	for _, r := range report.With(drivertest.NotProved) {
		require.Contains(t, unproved, r.Rule, r.Message)
		require.True(t, strings.Contains(r.Message, unproved[r.Rule]) || strings.Contains(r.Message, "statuses are fixed"), "%s: %s", r.Name(), r.Message)
	}
	for _, r := range report.With(drivertest.NotApplicable) {
		why := func(w string) bool { return strings.Contains(r.Message, w) }
		require.True(t, slices.ContainsFunc(inapplicable, why), "%s: %s", r.Name(), r.Message)
	}
}

// heard are the statements of all cases.
type heard struct {
	mu         sync.Mutex
	statements []string
}

func (h *heard) add(list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.statements = append(h.statements, list...)
	slices.Sort(h.statements)
	h.statements = slices.Compact(h.statements)
}

func newPMS(tb testing.TB, zone *time.Location, heard *heard) *drivertest.PMS {
	o := newOffice(tb, zone)
	tb.Cleanup(func() { heard.add(o.line.Statements()) })
	start := time.Now().Truncate(time.Millisecond)
	var passed atomic.Int64
	now := func() time.Time { return start.Add(time.Duration(passed.Load())) }
	o.SetClock(now())
	advance := func(d time.Duration) {
		passed.Add(int64(d))
		o.SetClock(now())
	}
	good := o.dsn(o.name)
	return &drivertest.PMS{
		Driver: onlyDSN{o}, DSN: good,
		// A database of the same server, where there is nothing of Eaglesoft's.
		ForeignDSN: o.dsn(strings.Replace(o.name, "Database=PPM", "Database="+eaglesofttest.Elsewhere, 1)),
		BadDSNs: []drivertest.BadDSN{
			{DSN: "opendental://odbc?connection=PWD%3D" + eaglesofttest.Password, Names: "eaglesoft://", Secret: eaglesofttest.Password},
			{DSN: strings.Replace(good, "eaglesoft://odbc", "eaglesoft://", 1), Names: "SQL driver", Secret: eaglesofttest.Password},
			{DSN: strings.Replace(good, "eaglesoft://odbc", "eaglesoft://nosuch", 1), Names: "connection", Secret: eaglesofttest.Password},
			{DSN: strings.Replace(good, "connection=", "conn=", 1), Names: "connection", Secret: eaglesofttest.Password},
			{DSN: "eaglesoft://odbc?owner=PPM&user=WEB&practice=1", Names: "connection"},
			{DSN: strings.Replace(good, "owner=PPM", "owner=P+P", 1), Names: "owner", Secret: eaglesofttest.Password},
			{DSN: strings.Replace(good, "&owner=PPM", "", 1), Names: "owner", Secret: "Signature7Q"},
			{DSN: strings.Replace(good, "user=WEB", "user=WEBSITE", 1), Names: "user", Secret: eaglesofttest.Password},
			{DSN: strings.Replace(good, "practice=1", "practice=one", 1), Names: "practice", Secret: eaglesofttest.Password},
			{DSN: good + "&timeout=often", Names: "timeout", Secret: eaglesofttest.Password},
		},
		Site: eaglesofttest.Practice, OtherSite: eaglesofttest.OtherPractice,
		Now:     now,
		Advance: advance, Skew: advance,
		Staff:  o.Staff(),
		Rows:   o.Rows,
		Status: o.Status,
		Inject: func(f drivertest.Fault) (func(), error) {
			if f.Kind == drivertest.FaultCursorExpired {
				// A day that the clock has not reached is none that was read.
				advance(-5 * 24 * time.Hour)
				return func() { advance(5 * 24 * time.Hour) }, nil
			}
			return o.inject(f)
		},
	}
}

// dsn is the data source name by which the driver is opened.
func (o *office) dsn(name string) string {
	q := url.Values{
		"connection": {name}, "init": {eaglesofttest.Signature}, "session": eaglesofttest.Session(),
		"owner": {eaglesofttest.Owner}, "user": {eaglesofttest.Staff}, "practice": {eaglesofttest.Practice}, "payments": {"true"},
	}
	return "eaglesoft://" + odbctest.DriverName + "?" + q.Encode()
}

// onlyDSN is a host that adds to a data source name what is no text.
type onlyDSN struct{ o *office }

func (d onlyDSN) OpenConnector(dsn string) (driver.Connector, error) {
	cfg, err := eaglesoft.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	cfg.Documents = d.o.Files
	return eaglesoft.NewConnector(cfg)
}

// effects are the statements by which an operation changes something.
var effects = map[driver.OpKind]string{
	driver.OpNote:     "operatory_notes",
	driver.OpStatus:   "appointment",
	driver.OpDocument: "document",
	driver.OpPayment:  "transactions_detail",
}

// inject makes the line to the server, or the rights on it, fail. A write is struck
// where it takes effect: at its end.
func (o *office) inject(f drivertest.Fault) (func(), error) {
	trouble := odbctest.Trouble{When: odbctest.Any(odbctest.IsConnect, odbctest.Runs("^SELECT "))}
	if f.Call == drivertest.CallWrite {
		trouble.When = odbctest.IsCommit
	}
	switch f.Kind {
	case drivertest.FaultOffline:
		return o.line.Offline(), nil
	case drivertest.FaultUnauthorized:
		return o.refuse(f)
	case drivertest.FaultCutBefore:
		trouble.Do = odbctest.CutBefore
	case drivertest.FaultCutAfter:
		trouble.Do = odbctest.CutAfter
	case drivertest.FaultCutMiddle:
		trouble.Do, trouble.When = odbctest.CutMiddle, odbctest.Runs("^SELECT .* FROM ")
	case drivertest.FaultActLater:
		trouble.Do = odbctest.ActLater
	case drivertest.FaultHang:
		trouble.Do = odbctest.Hang
	case drivertest.FaultBusy:
		trouble = odbctest.Trouble{When: changes, Do: odbctest.Refuse, Code: 1205, State: "HY000", Message: "Lock wait timeout exceeded"}
	case drivertest.FaultIgnored:
		return nil, errors.New("a statement tells how many rows it changed")
	case drivertest.FaultHalfDone:
		return nil, errors.New("an operation is one transaction")
	default:
		return nil, errors.New("the stand-in does not have this fault")
	}
	return o.line.Strike(trouble), nil
}

// refuse takes the login's rights away.
func (o *office) refuse(f drivertest.Fault) (func(), error) {
	user := eaglesofttest.User + "@localhost"
	if f.Scope == driver.ScopeConnection {
		o.Run("ALTER USER " + user + " IDENTIFIED BY 'another'")
		o.line.HangUp()
		return func() { o.Run("ALTER USER " + user + " IDENTIFIED BY '" + eaglesofttest.Password + "'") }, nil
	}
	right, table := "INSERT", effects[f.Op]
	if f.Op == driver.OpStatus {
		right = "UPDATE"
	}
	o.Run("REVOKE " + right + " ON PPM." + table + " FROM " + user)
	return func() { o.Run("GRANT " + right + " ON PPM." + table + " TO " + user) }, nil
}
