package drivertest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/pmswriteback/pms/driver"
)

// watch looks at every error, log record and opaque text of a run for what must
// not be in it, and remembers what it found until the rules about that are
// tried. It never repeats what it found: the report may be published.
type watch struct {
	secrets  []string
	canaries []canary

	mu       sync.Mutex
	seen     int
	findings []finding
}

type finding struct {
	rule, text string
}

// The rules that judge the findings.
const (
	ruleErrorPrivacy  = "errors/private"
	ruleErrorForm     = "errors/form"
	ruleLogPrivacy    = "errors/logs"
	ruleOpaquePrivacy = "errors/opaque"
	ruleURLErrors     = "errors/no-url"
)

func (w *watch) add(rule, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := finding{rule, fmt.Sprintf(format, args...)}
	if !slices.Contains(w.findings, f) {
		w.findings = append(w.findings, f)
	}
}

func (w *watch) about(rule string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, f := range w.findings {
		if f.rule == rule {
			out = append(out, f.text)
		}
	}
	return out
}

func (w *watch) errorsSeen() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

// call notes the error of one call of the contract.
func (w *watch) call(during string, call Call, err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	w.seen++
	w.mu.Unlock()

	where := fmt.Sprintf("%s, %s", during, call)
	for e := range chain(err) {
		for _, text := range []string{e.Error(), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e)} {
			if what := w.leak(text); what != "" {
				w.add(ruleErrorPrivacy, "%s: the error (%T) holds %s", where, e, what)
			}
		}
		if _, ok := e.(*url.Error); ok {
			w.add(ruleURLErrors, "%s: the error wraps *url.Error, whose text holds the address with its keys", where)
		}
	}
	var de *driver.Error
	if !errors.As(err, &de) {
		return // counts by its class: unavailable for reads, unknown for writes
	}
	switch de.Kind {
	case driver.ErrRejected:
		if !de.Reason.Valid() {
			w.add(ruleErrorForm, "%s: rejected for the reason %q, which is not in the list", where, de.Reason)
		}
	case driver.ErrUnauthorized:
		if !slices.Contains([]driver.Scope{driver.ScopeConnection, driver.ScopeWrites, driver.ScopeOperation}, de.Scope) {
			w.add(ruleErrorForm, "%s: unauthorized with the scope %q", where, de.Scope)
		}
	case driver.ErrCursorExpired:
		if call != CallChanges && call != CallWindow {
			w.add(ruleErrorForm, "%s: cursor expired comes from ReadChanges and ReadWindow alone", where)
		}
	case driver.ErrIncomplete:
		if call != CallWrite {
			w.add(ruleErrorForm, "%s: incomplete comes from Write alone", where)
		}
	case driver.ErrConflict:
		if call != CallWrite {
			w.add(ruleErrorForm, "%s: conflict comes from Write alone", where)
		}
	case driver.ErrUnavailable, driver.ErrUnknownOutcome, "":
	default:
		w.add(ruleErrorForm, "%s: the kind %q is not in the list", where, string(de.Kind))
	}
	if de.Reason != "" && !de.Reason.Valid() {
		w.add(ruleErrorForm, "%s: the reason %q is not in the list", where, de.Reason)
	}
	if de.RetryAfter < 0 {
		w.add(ruleErrorForm, "%s: RetryAfter is negative", where)
	}
	if de.Op == "" {
		w.add(ruleErrorForm, "%s: Error.Op is empty: it must say what the driver was doing", where)
	}
	if de.Driver == "" && de.Reason != driver.ReasonUnsupported { // package driver says that itself
		w.add(ruleErrorForm, "%s: Error.Driver is empty: it must name the driver", where)
	}
}

// opaque notes a cursor, token, receipt state or tag.
func (w *watch) opaque(during, what, text string) {
	if found := w.leak(text); found != "" {
		w.add(ruleOpaquePrivacy, "%s: a %s holds %s", during, what, found)
	}
}

// logger gives a log whose records are searched, attributes and groups too.
func (w *watch) logger(during string) *slog.Logger {
	return slog.New(slog.NewTextHandler(&logSearch{w: w, during: during}, &slog.HandlerOptions{Level: slog.LevelDebug - 100}))
}

type logSearch struct {
	w      *watch
	during string
}

func (l *logSearch) Write(p []byte) (int, error) {
	if what := l.w.leak(string(bytes.TrimSpace(p))); what != "" {
		l.w.add(ruleLogPrivacy, "%s: a log record holds %s", l.during, what)
	}
	return len(p), nil
}

// chain walks err and all that it wraps.
func chain(err error) func(yield func(error) bool) {
	var walk func(err error, yield func(error) bool) bool
	walk = func(err error, yield func(error) bool) bool {
		if err == nil {
			return true
		}
		if !yield(err) {
			return false
		}
		switch u := err.(type) {
		case interface{ Unwrap() error }:
			return walk(u.Unwrap(), yield)
		case interface{ Unwrap() []error }:
			for _, e := range u.Unwrap() {
				if !walk(e, yield) {
					return false
				}
			}
		}
		return true
	}
	return func(yield func(error) bool) { walk(err, yield) }
}

// leak says what kind of patient data or secret a text holds, or "".
func (w *watch) leak(text string) string {
	low := strings.ToLower(text)
	for _, c := range w.canaries {
		if strings.Contains(low, c.text) {
			return c.what
		}
	}
	for _, s := range w.secrets {
		if s != "" && (strings.Contains(text, s) || strings.Contains(text, url.QueryEscape(s)) ||
			strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(s)))) {
			return "a secret of the connection"
		}
	}
	return ""
}
