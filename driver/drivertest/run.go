package drivertest

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Rule is one promise of the contract, as the suite tries it.
type Rule struct {
	// Name is "group/rule".
	Name string `json:"name"`
	// Explanation says what the driver must do, and why where it is not plain.
	Explanation string `json:"explanation"`
}

// rule is a Rule with its case. A rule with subjects is tried once for each.
type rule struct {
	name, explanation string
	subjects          []string
	try               func(c *checker)
}

// Rules returns all rules in the order in which they are tried.
func Rules() []Rule {
	var out []Rule
	for _, r := range rules() {
		out = append(out, Rule{r.name, r.explanation})
	}
	return out
}

func rules() []rule {
	var all []rule
	for _, group := range [][]rule{
		connectorRules(), connRules(), infoRules(), zoneRules(), catalogRules(), findRules(),
		changesRules(), cursorRules(), hintRules(), windowRules(), recordRules(), photoRules(),
		writeRules(), refusalRules(), limitRules(), statusRules(), moneyRules(), accountRules(),
		outcomeRules(), incompleteRules(), verifyRules(), concurrencyRules(),
		// These judge what was seen in all rules before them.
		errorRules(),
	} {
		all = append(all, group...)
	}
	return all
}

// Check tries every rule on the harness's driver and reports. It needs no test:
// a vendor may run it in a program and publish the report. Rules that have not
// begun when ctx ends fail with its error.
func Check(ctx context.Context, h Harness) Report {
	s := newSuite(ctx, h)
	for _, r := range rules() {
		for _, subject := range r.each() {
			s.report.Results = append(s.report.Results, s.try(r, subject))
		}
	}
	return s.finish()
}

// Run is Check as a test: every rule is a subtest, named as in the report. A
// broken rule fails its subtest with the rule's explanation. A rule that is not
// proved fails too unless the harness says why ([Harness].Cannot, or an error
// of Inject); then it is skipped with that reason.
//
// With -run a part of the rules can be chosen; those about errors and logs then
// judge that part alone.
//
// The report comes back for whoever wants to keep it.
func Run(t *testing.T, h Harness) Report {
	t.Helper()
	s := newSuite(t.Context(), h)
	for _, r := range rules() {
		for _, subject := range r.each() {
			name := Result{Rule: r.name, Subject: subject}.Name()
			t.Run(name, func(t *testing.T) {
				res := s.try(r, subject)
				s.report.Results = append(s.report.Results, res)
				switch {
				case res.Outcome == Failed:
					t.Errorf("%s\nthe rule: %s", res.Message, res.Explanation)
				case res.Outcome == NotProved && !res.Declared:
					t.Errorf("not proved: %s", res.Message)
				case res.Outcome == NotProved:
					t.Skipf("not proved: %s", res.Message)
				case res.Outcome == NotApplicable:
					t.Logf("not applicable: %s", res.Message)
				}
			})
		}
	}
	report := s.finish()
	t.Log(report.String())
	return report
}

func (r rule) each() []string {
	if len(r.subjects) == 0 {
		return []string{""}
	}
	return r.subjects
}

// suite is one run over all rules: what they share.
type suite struct {
	h      Harness
	ctx    context.Context
	report Report
	// nonce makes Refs differ between runs, since a PMS may outlive a run.
	nonce string
	watch watch
	// provoked is set once the rules about errors have had their errors.
	provoked atomic.Bool

	mu    sync.Mutex // since a case that hangs may outlive its turn
	zones map[string]*time.Location
	info  driver.Info // as last read
}

func newSuite(ctx context.Context, h Harness) *suite {
	s := &suite{h: h, ctx: ctx, nonce: rand.Text(), zones: map[string]*time.Location{}}
	s.watch.secrets, s.watch.canaries = h.Secrets, canaries()
	return s
}

// finish completes the report.
func (s *suite) finish() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Product, s.report.Version, s.report.Access = s.info.Product, s.info.Version, s.info.Access
	return s.report
}

// try carries out one rule for one subject.
func (s *suite) try(r rule, subject string) Result {
	res := Result{Rule: r.name, Subject: subject, Explanation: r.explanation}
	if err := s.ctx.Err(); err != nil {
		res.Outcome, res.Message = Failed, fmt.Sprintf("not tried: %v", err)
		return res
	}
	start := time.Now()
	tb := newCaseTB(s.ctx, res.Name())
	c := &checker{suite: s, caseTB: tb, subject: subject}
	done := tb.run(func() {
		c.zone = c.location("America/Chicago")
		r.try(c)
	})
	limit := time.NewTimer(s.h.patience())
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		tb.fail(fmt.Sprintf("the case hangs: no end after %v", s.h.patience()))
	}
	tb.end()
	res.Outcome, res.Message, res.Declared = tb.outcome()
	res.Took = time.Since(start)
	return res
}
