package drivertest

import (
	"fmt"
	"strings"
	"time"
)

// Outcome is how a rule came out.
type Outcome string

// The outcomes.
const (
	// Passed: the rule was tried and held.
	Passed Outcome = "passed"
	// Failed: the rule was tried and broken.
	Failed Outcome = "failed"
	// NotProved: the rule could not be tried, because the harness lacks an
	// ability. It says nothing about the driver.
	NotProved Outcome = "not proved"
	// NotApplicable: the driver's Info says that this PMS does not offer what
	// the rule is about.
	NotApplicable Outcome = "not applicable"
)

// Result is how one rule came out for one subject.
type Result struct {
	// Rule is the rule's name: "write/once".
	Rule string `json:"rule"`
	// Subject is what the rule was tried on, where it is tried on several: an
	// operation, a feed, a catalog. Empty otherwise.
	Subject string `json:"subject,omitempty"`
	// Explanation is the rule in words.
	Explanation string  `json:"explanation"`
	Outcome     Outcome `json:"outcome"`
	// Message says what went wrong or what is missing; empty when passed.
	Message string `json:"message,omitempty"`
	// Declared is set when the harness says why a rule is not proved.
	Declared bool `json:"declared,omitempty"`
	// Took is how long it took.
	Took time.Duration `json:"took_ns"`
}

// Name is the rule with its subject: "write/once/note".
func (r Result) Name() string {
	if r.Subject == "" {
		return r.Rule
	}
	return r.Rule + "/" + r.Subject
}

// Report is how a driver did. It marshals to JSON.
type Report struct {
	// Product, Version and Access are what the driver's Info said.
	Product string `json:"product,omitempty"`
	Version string `json:"version,omitempty"`
	Access  string `json:"access,omitempty"`
	// Results hold every rule at least once, in the order of [Rules].
	Results []Result `json:"results"`
}

// With returns the results that came out so.
func (r Report) With(o Outcome) []Result {
	var out []Result
	for _, res := range r.Results {
		if res.Outcome == o {
			out = append(out, res)
		}
	}
	return out
}

// Err returns nil when no rule failed and everything not proved is declared;
// otherwise an error that lists the rest.
func (r Report) Err() error {
	var b strings.Builder
	n := 0
	for _, res := range r.Results {
		if res.Outcome == Failed || res.Outcome == NotProved && !res.Declared {
			n++
			fmt.Fprintf(&b, "\n%s: %s: %s", res.Name(), res.Outcome, res.Message)
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("drivertest: %d of %d results are not good:%s", n, len(r.Results), b.String())
}

// String is a summary of one line: counts by outcome.
func (r Report) String() string {
	return fmt.Sprintf("%s %s: %d passed, %d failed, %d not proved, %d not applicable", r.Product, r.Version,
		len(r.With(Passed)), len(r.With(Failed)), len(r.With(NotProved)), len(r.With(NotApplicable)))
}
