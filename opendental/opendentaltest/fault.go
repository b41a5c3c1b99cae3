package opendentaltest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"sync"
	"time"
)

// FaultKind is what goes wrong with a request.
type FaultKind string

// The faults. "Applied" means that the request did to the practice what it
// asked for, whatever the client is told.
const (
	// FaultTimeoutApplied answers 504 after the request was applied.
	FaultTimeoutApplied FaultKind = "timeout_applied"
	// FaultTimeoutLater answers 504 first and applies the request later: after
	// Fault.ApplyAfter, or when Injection.Release is called. This is the office
	// that goes on working on a request that headquarters has given up.
	FaultTimeoutLater FaultKind = "timeout_later"
	// FaultTimeoutLost answers 504; the request is never applied.
	FaultTimeoutLost FaultKind = "timeout_lost"
	// FaultCutBefore cuts the connection; the request is not applied.
	FaultCutBefore FaultKind = "cut_before"
	// FaultCutAfter cuts the connection after the request was applied.
	FaultCutAfter FaultKind = "cut_after"
	// FaultConnectorBefore answers 400 with a text about the eConnector; the
	// request is not applied.
	FaultConnectorBefore FaultKind = "connector_before"
	// FaultConnectorAfter answers the same 400 after the request was applied.
	FaultConnectorAfter FaultKind = "connector_after"
	// FaultTooMany answers 429 with Retry-After; the request is not applied.
	FaultTooMany FaultKind = "too_many"
	// FaultErrorBefore answers 500; the request is not applied.
	FaultErrorBefore FaultKind = "error_before"
	// FaultErrorAfter answers 500 after the request was applied.
	FaultErrorAfter FaultKind = "error_after"
	// FaultSlow waits Fault.Delay, then applies and answers as usual.
	FaultSlow FaultKind = "slow"
	// FaultTruncated applies the request and answers half of the body.
	FaultTruncated FaultKind = "truncated"
	// FaultGarbage applies the request and answers something that is no JSON.
	FaultGarbage FaultKind = "garbage"
	// FaultHang holds the request until Injection.Release, then applies and
	// answers it. The client may have gone by then; it is applied all the same.
	FaultHang FaultKind = "hang"
	// FaultHangAfter applies the request and holds the answer until
	// Injection.Release.
	FaultHangAfter FaultKind = "hang_after"
	// FaultIgnored answers 200 with nothing in it; the request is not applied.
	FaultIgnored FaultKind = "ignored"
	// FaultKeyDisabled answers 401 as for a disabled key.
	FaultKeyDisabled FaultKind = "key_disabled"
)

var faultKinds = map[FaultKind]bool{
	FaultTimeoutApplied: true, FaultTimeoutLater: true, FaultTimeoutLost: true, FaultCutBefore: true,
	FaultCutAfter: true, FaultConnectorBefore: true, FaultConnectorAfter: true, FaultTooMany: true,
	FaultErrorBefore: true, FaultErrorAfter: true, FaultSlow: true, FaultTruncated: true, FaultGarbage: true,
	FaultHang: true, FaultHangAfter: true, FaultIgnored: true, FaultKeyDisabled: true,
}

// Fault says what goes wrong, with which requests, and how often.
type Fault struct {
	// Kind is what goes wrong. Required.
	Kind FaultKind
	// Method limits it to "GET", "POST", "PUT" or "DELETE". "" is every method.
	Method string
	// Route limits it to a route, such as "/payments" or
	// "/appointments/*/Confirm", where * stands for one segment. "" is every route.
	Route string
	// Skip lets so many matching requests pass first.
	Skip int
	// Count is how many requests it strikes. 0 is one; negative is all until
	// Injection.Remove.
	Count int
	// Delay holds the answer back. Clients of Remote mode see a 504 after about
	// 60 s; tests mostly do not want to wait that long. 0 is at once.
	Delay time.Duration
	// ApplyAfter is when a FaultTimeoutLater request is applied, counted from
	// its answer. 0 waits for Injection.Release.
	ApplyAfter time.Duration
	// RetryAfter is what FaultTooMany names, rounded up to seconds. 0 is 1 s.
	RetryAfter time.Duration
	// Text replaces the explanation in the body of an error.
	Text string
}

// Injection is a fault in place.
type Injection struct {
	fault   Fault
	release chan struct{}
	pending sync.WaitGroup // requests held or yet to be applied

	mu       sync.Mutex
	skip     int
	left     int // negative = unlimited
	hits     int
	changed  chan struct{} // closed and replaced at every hit
	released bool
	dropped  bool
}

// Inject puts a fault in place. Of several that match a request the one
// injected first strikes. Requests that are refused before they reach a method
// (wrong key, wrong route, throttled) are not struck.
func (o *Office) Inject(f Fault) (*Injection, error) {
	if !faultKinds[f.Kind] {
		return nil, fmt.Errorf("opendentaltest: Fault.Kind: %q is unknown: use one of the Fault constants", f.Kind)
	}
	matches := false
	for _, r := range o.routes {
		matches = matches || f.matches(r.method, r.pattern)
	}
	if !matches {
		return nil, errors.New("opendentaltest: Fault: no method of the API has this Method and Route: see Office.Routes")
	}
	in := &Injection{
		fault: f, release: make(chan struct{}), changed: make(chan struct{}), skip: f.Skip, left: f.Count,
	}
	if in.left == 0 {
		in.left = 1
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = append(o.faults, in)
	return in, nil
}

func (f Fault) matches(method, pattern string) bool {
	if f.Method != "" && f.Method != method {
		return false
	}
	if f.Route == "" || f.Route == pattern {
		return true
	}
	ok, _ := path.Match(f.Route, pattern)
	return ok
}

// fault picks the fault that strikes a request, if one does.
func (o *Office) fault(method, pattern string) *Injection {
	o.mu.Lock()
	faults := o.faults
	o.mu.Unlock()
	for _, in := range faults {
		if in.fault.matches(method, pattern) && in.take() {
			return in
		}
	}
	return nil
}

func (in *Injection) take() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.left == 0 || in.released:
		return false
	case in.skip > 0:
		in.skip--
		return false
	case in.left > 0:
		in.left--
	}
	in.hits++
	in.pending.Add(1)
	close(in.changed)
	in.changed = make(chan struct{})
	return true
}

// Hits is how many requests it has struck so far.
func (in *Injection) Hits() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.hits
}

// Wait returns when n requests have been struck, or with the context's error.
// A struck request may not have been answered yet.
func (in *Injection) Wait(ctx context.Context, n int) error {
	for {
		in.mu.Lock()
		hits, changed := in.hits, in.changed
		in.mu.Unlock()
		if hits >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Release lets every held request go on, ends the fault, and returns when the
// requests it struck have been applied.
func (in *Injection) Release() { in.end(false) }

// Remove ends the fault. Requests that are held or wait to be applied are
// dropped: they are never applied, and their connections are cut.
func (in *Injection) Remove() { in.end(true) }

func (in *Injection) end(drop bool) {
	in.mu.Lock()
	if !in.released {
		in.released, in.dropped = true, drop
		close(in.release)
	}
	in.mu.Unlock()
	in.pending.Wait()
}

// hold waits for Release. It reports whether the request may go on.
func (in *Injection) hold(o *Office, at <-chan time.Time) bool {
	select {
	case <-in.release:
		in.mu.Lock()
		defer in.mu.Unlock()
		return !in.dropped
	case <-at:
		return true
	case <-o.closed:
		return false
	}
}

// strike does to a request what the fault says. apply is the request itself.
func (in *Injection) strike(o *Office, apply func() answer) (a answer, cut bool) {
	f := in.fault
	later := f.Kind == FaultTimeoutLater
	if !later {
		defer in.pending.Done()
	}
	switch f.Kind {
	case FaultTimeoutApplied, FaultCutAfter, FaultConnectorAfter, FaultErrorAfter, FaultTruncated, FaultGarbage, FaultHangAfter:
		a = apply()
	}
	if f.Delay > 0 && !in.pause(o, f.Delay) {
		if later {
			in.pending.Done()
		}
		return answer{}, true
	}
	switch f.Kind {
	case FaultTimeoutLater:
		in.applyLater(o, apply)
		return in.refusal(http.StatusGatewayTimeout, "The request timed out."), false
	case FaultTimeoutApplied, FaultTimeoutLost:
		return in.refusal(http.StatusGatewayTimeout, "The request timed out."), false
	case FaultCutBefore, FaultCutAfter:
		return answer{}, true
	case FaultConnectorBefore, FaultConnectorAfter:
		return in.refusal(http.StatusBadRequest, "Unable to reach the office. The eConnector is not running or not responding."), false
	case FaultErrorBefore, FaultErrorAfter:
		return in.refusal(http.StatusInternalServerError, "An error has occurred."), false
	case FaultKeyDisabled:
		return in.refusal(http.StatusUnauthorized, "The customer key is disabled."), false
	case FaultTooMany:
		a = tooMany(max(time.Second, f.RetryAfter))
		if f.Text != "" {
			a.body = []byte(f.Text)
		}
		return a, false
	case FaultIgnored:
		return answer{status: http.StatusOK, header: asJSON, body: []byte("{}")}, false
	case FaultTruncated:
		a.body = a.body[:len(a.body)/2]
		return a, false
	case FaultGarbage:
		a.body, a.header = []byte("<html><body>Service interrupted"), asJSON
		return a, false
	case FaultHang:
		if !in.hold(o, nil) {
			return answer{}, true
		}
		return apply(), false
	case FaultHangAfter:
		if !in.hold(o, nil) {
			return answer{}, true
		}
		return a, false
	}
	return apply(), false // FaultSlow
}

// applyLater applies the request after the answer. Close waits for it, and the
// request it belongs to is still running, so the count cannot be zero here.
func (in *Injection) applyLater(o *Office, apply func() answer) {
	o.running.Add(1)
	go func() {
		defer o.running.Done()
		defer in.pending.Done()
		var at <-chan time.Time
		if in.fault.ApplyAfter > 0 {
			timer := time.NewTimer(in.fault.ApplyAfter)
			defer timer.Stop()
			at = timer.C
		}
		if in.hold(o, at) {
			apply()
		}
	}()
}

// pause waits; a client that goes away does not shorten it.
func (in *Injection) pause(o *Office, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-o.closed:
		return false
	}
}

func (in *Injection) refusal(status int, text string) answer {
	if in.fault.Text != "" {
		text = in.fault.Text
	}
	return answer{status: status, header: plain, body: []byte(text)}
}
