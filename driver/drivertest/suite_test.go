package drivertest_test

import (
	"context"
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
)

// with is the memory harness with something changed in each PMS.
func with(change func(tb testing.TB, p *drivertest.PMS)) drivertest.Harness {
	return memory{}.with(change)
}

func (m memory) with(change func(tb testing.TB, p *drivertest.PMS)) drivertest.Harness {
	h := m.harness()
	open := h.New
	h.New = func(tb testing.TB, zone *time.Location) *drivertest.PMS {
		p := open(tb, zone)
		change(tb, p)
		return p
	}
	return h
}

func check(t *testing.T, h drivertest.Harness) drivertest.Report {
	var report drivertest.Report
	synctest.Test(t, func(t *testing.T) { report = drivertest.Check(t.Context(), h) })
	return report
}

func result(t *testing.T, r drivertest.Report, name string) drivertest.Result {
	for _, res := range r.Results {
		if res.Name() == name {
			return res
		}
	}
	t.Fatalf("no result %q", name)
	return drivertest.Result{}
}

func TestAMissingAbilityIsNotProvedAndNeverPassed(t *testing.T) {
	t.Parallel()
	h := with(func(_ testing.TB, p *drivertest.PMS) { p.Staff.AddPhoto, p.Rows, p.Inject = nil, nil, nil })
	report := check(t, h)
	require.Empty(t, report.With(drivertest.Failed))
	for _, name := range []string{"photo/bytes", "write/once/note", "outcome/cut-after/payment", "find/cut"} {
		res := result(t, report, name)
		require.Equal(t, drivertest.NotProved, res.Outcome, name)
		require.False(t, res.Declared, name)
	}
	require.ErrorContains(t, report.Err(), "photo/bytes: not proved: Staff.AddPhoto: the harness lacks it")

	h.Cannot = map[string]string{"Staff.AddPhoto": "the file format is the vendor's secret"}
	report = check(t, h)
	res := result(t, report, "photo/bytes")
	require.Equal(t, drivertest.NotProved, res.Outcome)
	require.True(t, res.Declared)
	require.Contains(t, res.Message, "the vendor's secret")
	require.NotContains(t, report.Err().Error(), "photo/bytes")
}

func TestAHarnessThatLacksEverythingProvesNothingAndBreaksNothing(t *testing.T) {
	t.Parallel()
	report := check(t, with(func(_ testing.TB, p *drivertest.PMS) {
		*p = drivertest.PMS{Connector: p.Connector, Driver: p.Driver, DSN: p.DSN}
	}))
	require.Empty(t, report.With(drivertest.Failed))
	for _, group := range []string{"write/", "verify/", "outcome/", "incomplete/", "money/", "refund/", "changes/nothing-lost", "find/by-"} {
		for _, res := range report.With(drivertest.Passed) {
			require.False(t, strings.HasPrefix(res.Rule, group), "%s passed without staff, tables and faults", res.Name())
		}
	}
}

func TestWhatInjectCannotDoIsReportedInItsWords(t *testing.T) {
	t.Parallel()
	report := check(t, with(func(_ testing.TB, p *drivertest.PMS) {
		inject := p.Inject
		p.Inject = func(f drivertest.Fault) (func(), error) {
			if f.Kind == drivertest.FaultHalfDone {
				return nil, os.ErrInvalid
			}
			return inject(f)
		}
	}))
	require.NoError(t, report.Err())
	res := result(t, report, "incomplete/finished/payment")
	require.Equal(t, drivertest.NotProved, res.Outcome)
	require.Equal(t, "Fault.half_done: invalid argument", res.Message)
}

// rogue is a connector that does something unheard of at every Ping.
type rogue struct {
	driver.Connector
	act func()
}

type rogueConn struct {
	driver.Conn
	act func()
}

func (r rogue) Connect(ctx context.Context, env driver.Env) (driver.Conn, error) {
	c, err := r.Connector.Connect(ctx, env)
	if err != nil {
		return nil, err
	}
	return rogueConn{c, r.act}, nil
}

func (c rogueConn) Ping(context.Context) error { c.act(); return nil }

func misbehaving(act func()) func(testing.TB, *drivertest.PMS) {
	return func(tb testing.TB, p *drivertest.PMS) {
		c, err := p.Driver.OpenConnector(p.DSN)
		if err != nil {
			tb.Fatal(err)
		}
		p.Connector, p.Driver = rogue{c, act}, nil
	}
}

func TestADriverThatPanicsFailsThatCaseAndTheRunGoesOn(t *testing.T) {
	t.Parallel()
	report := check(t, with(misbehaving(func() { panic("index out of range") })))
	res := result(t, report, "conn/ping")
	require.Equal(t, drivertest.Failed, res.Outcome)
	require.Contains(t, res.Message, "panic: index out of range")
	require.Equal(t, drivertest.Passed, result(t, report, "info/product").Outcome)
}

func TestADriverThatHangsFailsThatCaseAndTheRunGoesOn(t *testing.T) {
	t.Parallel()
	var release chan struct{}
	report := drivertest.Report{}
	synctest.Test(t, func(t *testing.T) {
		release = make(chan struct{})
		h := with(misbehaving(func() { <-release }))
		h.Patience = time.Minute
		report = drivertest.Check(t.Context(), h)
		close(release)
	})
	res := result(t, report, "conn/ping")
	require.Equal(t, drivertest.Failed, res.Outcome)
	require.Contains(t, res.Message, "no end after 1m0s")
	require.GreaterOrEqual(t, res.Took, time.Minute)
	require.Equal(t, drivertest.Passed, result(t, report, "info/product").Outcome)
}

func TestNewMayFailOrSkipACase(t *testing.T) {
	t.Parallel()
	h := memory{}.harness()
	h.New = func(tb testing.TB, _ *time.Location) *drivertest.PMS {
		tb.Fatal("no licence")
		return nil
	}
	res := result(t, check(t, h), "conn/ping")
	require.Equal(t, drivertest.Failed, res.Outcome)
	require.Equal(t, "no licence", res.Message)

	h.New = func(tb testing.TB, _ *time.Location) *drivertest.PMS {
		tb.Skip("the product is not installed here")
		return nil
	}
	report := check(t, h)
	res = result(t, report, "conn/ping")
	require.Equal(t, drivertest.NotProved, res.Outcome)
	require.Equal(t, "New: the product is not installed here", res.Message)
	require.Empty(t, report.With(drivertest.Passed))
}

func TestTheTBOfACaseBehavesLikeOneOfATest(t *testing.T) {
	t.Parallel()
	var order []string
	var dir string
	h := memory{}.harness()
	open := h.New
	h.New = func(tb testing.TB, zone *time.Location) *drivertest.PMS {
		if tb.Name() == "conn/ping" {
			dir = tb.TempDir()
			ctx := tb.Context()
			tb.Cleanup(func() {
				order = append(order, "first registered")
				if _, err := os.Stat(dir); err != nil {
					order = append(order, "the folder has gone too soon")
				}
			})
			tb.Cleanup(func() {
				if ctx.Err() != nil {
					order = append(order, "last registered, context ended")
				}
			})
			tb.Log("said by the harness")
			tb.Error("a mistake of the harness")
		}
		return open(tb, zone)
	}
	report := check(t, h)
	res := result(t, report, "conn/ping")
	require.Equal(t, drivertest.Failed, res.Outcome)
	require.Equal(t, "a mistake of the harness\nsaid by the harness", res.Message)
	require.Equal(t, []string{"last registered, context ended", "first registered"}, order)
	require.NoDirExists(t, dir)
}

func TestNothingIsTriedOnceTheContextHasEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	report := drivertest.Check(ctx, memory{}.harness())
	require.Len(t, report.With(drivertest.Failed), len(report.Results))
	require.Contains(t, report.Results[0].Message, "not tried")
}

func TestAReportSurvivesJSON(t *testing.T) {
	t.Parallel()
	report := check(t, memory{lean: true}.harness())
	require.NoError(t, report.Err())
	require.Equal(t, "Memory PMS", report.Product)
	b, err := json.Marshal(report)
	require.NoError(t, err)
	var back drivertest.Report
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, report, back)
	require.NotEmpty(t, report.With(drivertest.NotApplicable))
	for _, res := range report.With(drivertest.NotApplicable) {
		require.NotEmpty(t, res.Message, res.Name())
	}
	require.Contains(t, report.String(), "0 failed, 0 not proved")
}

func TestEveryRuleHasANameAndExplainsItself(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, r := range drivertest.Rules() {
		require.False(t, seen[r.Name], "%s is there twice", r.Name)
		seen[r.Name] = true
		group, rest, ok := strings.Cut(r.Name, "/")
		require.True(t, ok && rest != "" && !strings.Contains(rest, "/"), r.Name)
		require.Regexp(t, `//   - ([a-z]+, )*`+group+`(, [a-z]+)*: `, string(doc), "the guide does not name the group %s", group)
		require.Greater(t, len(r.Explanation), 40, r.Name)
		require.True(t, strings.HasSuffix(r.Explanation, "."), "%s: %s", r.Name, r.Explanation)
	}
}

func TestTheSuiteImportsTheStandardLibraryAndDriverOnly(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			first, _, _ := strings.Cut(path, "/")
			require.True(t, !strings.Contains(first, ".") || path == "github.com/pmswriteback/pms/driver", "%s imports %s", name, path)
		}
	}
}
