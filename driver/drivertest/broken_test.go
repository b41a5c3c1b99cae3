package drivertest_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/driver/memdriver"
)

// alsoBreaks lists, for a rule, the other results that fail with it because they
// rest on it. A driver that breaks the rule breaks these and no others.
var alsoBreaks = map[string][]string{
	// Without the names the PMS is not reached while it is offline.
	"connector/no-io": {"connector/offline"},
	// Ping is how other rules see that a connection works.
	"conn/ping": {"connector/concurrent", "connector/empty-env", "conn/back-online", "conn/unauthorized", "outcome/no-permission/*"},
	// The bytes cannot be asked for.
	"info/interfaces": {"photo/*"},
	// They look for somebody who is not there yet, or no more.
	"find/none": {"find/fresh", "find/deleted"},
	// What is lost once is lost to whoever reads more than two pages.
	"changes/nothing-lost": {"changes/ties/*", "changes/again/*", "changes/staff-actions"},
	// With a clock that stands still, reading twice is reading a tie.
	"changes/ties": {"changes/around-baseline/*", "changes/again/*"},
	// Cursors that come round to the same place are the same cursor.
	"changes/again": {"changes/nothing-lost/*", "changes/around-baseline/*", "changes/ties/*", "changes/staff-actions"},
	// The walk after the end has no cursor to go on from.
	"changes/idle": {"changes/more-ends/*"},
	// The ends of a day are bounds.
	"window/bounds": {"zone/day-windows/*"},
	// A stale window shows what was deleted.
	"window/moved": {"window/no-deletions"},
	// A page with deletions is not empty, and an empty window is read there.
	"window/no-deletions": {"window/empty"},
	"window/empty":        {"connector/empty-env"},
	// New bytes are looked at there too.
	"photo/bytes": {"photo/tag"},
	// A document stored twice has no one row to look at.
	"write/once": {
		"write/*/document", "limit/*", "outcome/after-a-fault/document", "incomplete/*/document", "verify/after-staff/document", "concurrent/calls",
	},
	// A day that is not set cannot stay.
	"write/verified": {"write/verified-earlier"},
	// What is taken for another has no row and no Ref of its own.
	"money/look-alikes": {"outcome/after-a-fault/refund", "verify/look-alikes/payment", "verify/look-alikes/adjustment"},
	// The fault is a connection cut before, or looks like one to whoever breaks this.
	"outcome/cut-before": {"outcome/after-a-fault/*", "write/open-fails"},
	// What was not reported cannot be finished.
	"incomplete/reported": {"incomplete/*/*"},
	"incomplete/finished": {"incomplete/again/*"},
	// They ask for the same verdict and receipt in other circumstances.
	"verify/applied": {"verify/restart/*", "verify/look-alikes/*", "verify/crowd/*", "money/charges"},
	"verify/absent":  {"verify/look-alikes/*", "verify/third-status"},
}

// leanRules can be broken only by a driver that says that it offers less.
var leanRules = []string{"info/why", "info/ways", "write/unsupported"}

func TestEveryRuleFailsForADriverThatBreaksItAndForNoOther(t *testing.T) {
	t.Parallel()
	for _, rule := range drivertest.Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			t.Parallel()
			m := memory{broken: []memdriver.Broken{memdriver.Broken(rule.Name)}, lean: slices.Contains(leanRules, rule.Name)}
			var report drivertest.Report
			synctest.Test(t, func(t *testing.T) { report = drivertest.Check(t.Context(), m.harness()) })
			caught := false
			for _, res := range report.With(drivertest.Failed) {
				if res.Rule == rule.Name {
					caught = true
					continue
				}
				listed := slices.ContainsFunc(alsoBreaks[rule.Name], func(pattern string) bool {
					ok, err := path.Match(pattern, res.Name())
					require.NoError(t, err)
					return ok
				})
				require.True(t, listed, "breaking %s fails %s too: %s", rule.Name, res.Name(), res.Message)
			}
			require.True(t, caught, "no case fails for a driver that breaks the rule: %s", rule.Explanation)
		})
	}
}

func TestEverySwitchIsNamedForARule(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, r := range drivertest.Rules() {
		known[r.Name] = true
	}
	files, err := filepath.Glob("../memdriver/*.go")
	require.NoError(t, err)
	literal := regexp.MustCompile(`\bbroken\("([^"]*)"\)`)
	found := map[string]bool{}
	for _, name := range files {
		src, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range literal.FindAllStringSubmatch(string(src), -1) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			require.True(t, known[m[1]], "%s breaks %q, which is no rule", name, m[1])
			found[m[1]] = true
		}
	}
	require.Len(t, found, len(known), "rules without a switch")
}
