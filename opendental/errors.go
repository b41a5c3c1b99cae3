package opendental

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// failure makes the package's error.
func failure(op string, kind driver.Kind, reason driver.Reason, cause string) *driver.Error {
	e := &driver.Error{Driver: Name, Op: op, Kind: kind, Reason: reason}
	if cause != "" {
		e.Err = errors.New(cause)
	}
	return e
}

func rejected(op string, reason driver.Reason, cause string) *driver.Error {
	return failure(op, driver.ErrRejected, reason, cause)
}

func unavailable(op, cause string) *driver.Error {
	return failure(op, driver.ErrUnavailable, driver.ReasonNone, cause)
}

// doubt is the kind of a failure after the request may have arrived.
func doubt(effect bool) driver.Kind {
	if effect {
		return driver.ErrUnknownOutcome
	}
	return driver.ErrUnavailable
}

// waitError is for a request that never left: its turn did not come.
func waitError(op string, err error) *driver.Error {
	var p *pauseError
	if errors.As(err, &p) {
		e := unavailable(op, p.Error())
		e.RetryAfter = p.left
		return e
	}
	return &driver.Error{Driver: Name, Op: op, Kind: driver.ErrUnavailable, Err: err}
}

// transportError is for a request without an answer. The cause is put in words
// of our own: the errors of net/http hold the address.
func transportError(op string, kind driver.Kind, ctx context.Context, err error) *driver.Error {
	e := &driver.Error{Driver: Name, Op: op, Kind: kind}
	var unknownAuthority x509.UnknownAuthorityError
	var badHost x509.HostnameError
	var badCertificate *tls.CertificateVerificationError
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		e.Err = ctx.Err()
	case errors.Is(err, errTooLarge):
		e.Err = errTooLarge
	case errors.Is(err, errGarbled):
		e.Err = errGarbled
	case errors.As(err, &badCertificate), errors.As(err, &unknownAuthority), errors.As(err, &badHost):
		e.Err = errors.New("the server's certificate is not trusted")
	case errors.As(err, &dns):
		e.Err = errors.New("the server's name cannot be resolved")
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Err = errors.New("no answer in time")
	case kind == driver.ErrUnavailable:
		e.Err = errors.New("no connection")
	default:
		e.Err = errors.New("the connection was lost")
	}
	return e
}

// statusError turns an answer other than 2xx into an error. The text decides
// between cases that share a status code; it is not carried on, because nothing
// says that it never quotes what was sent.
func statusError(q call, status int, header http.Header, text string) *driver.Error {
	cause := "HTTP status " + strconv.Itoa(status)
	text = strings.ToLower(text)
	switch {
	case isPage(text) && (status == http.StatusBadRequest || status == http.StatusNotFound || status == http.StatusGone):
		// Not the API's answer, and so neither a refusal nor a proof that anything
		// is missing.
		return failure(q.op, strangerKind(q.effect), driver.ReasonNotThisPMS, cause+", with a web page")
	case status == http.StatusBadRequest && isConnectivity(text):
		return failure(q.op, doubt(q.effect), driver.ReasonNone, cause+", the office cannot be reached")
	case status == http.StatusBadRequest && containsAny(text, "future"):
		e := rejected(q.op, reasonOf(q, text), "")
		e.Err = errFuture
		return e
	case status == http.StatusBadRequest:
		return rejected(q.op, reasonOf(q, text), cause)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		scope := scopeOf(q, text)
		if scope == driver.ScopeConnection {
			cause += ", the keys are not valid, not assigned to the office, or disabled"
		} else {
			cause += ", the API key lacks the permission for this"
		}
		return &driver.Error{Driver: Name, Op: q.op, Kind: driver.ErrUnauthorized, Scope: scope, Err: errors.New(cause)}
	case status == http.StatusNotFound && isUnknownRoute(text):
		return rejected(q.op, driver.ReasonUnsupported, cause+", the office does not know this method")
	case status == http.StatusNotFound:
		if !q.effect && text == "" {
			return rejected(q.op, orElse(q.missing, driver.ReasonNotThisPMS), cause)
		}
		return rejected(q.op, orElse(q.missing, reasonOf(q, text)), cause)
	case status == http.StatusGone:
		return rejected(q.op, driver.ReasonUnsupported, cause)
	case status == http.StatusRequestEntityTooLarge:
		return rejected(q.op, driver.ReasonTooLarge, cause)
	case status == http.StatusTooManyRequests:
		e := unavailable(q.op, cause)
		e.RetryAfter = retryAfter(header)
		return e
	case status >= 300 && status < 400:
		// Redirects are not followed: they would carry the keys elsewhere.
		return failure(q.op, strangerKind(q.effect), driver.ReasonNotThisPMS, cause)
	}
	e := failure(q.op, doubt(q.effect), driver.ReasonNone, cause)
	e.RetryAfter = retryAfter(header)
	return e
}

// strangerKind is the kind of an answer that is not the API's.
func strangerKind(effect bool) driver.Kind {
	if effect {
		return driver.ErrUnknownOutcome
	}
	return driver.ErrRejected
}

func orElse(r, otherwise driver.Reason) driver.Reason {
	if r == driver.ReasonNone {
		return otherwise
	}
	return r
}

// retryAfter reads Retry-After in seconds or as a date; zero without one. A
// wait beyond an hour is taken for an hour.
func retryAfter(header http.Header) time.Duration {
	s := header.Get("Retry-After")
	var d time.Duration
	if n, err := strconv.Atoi(s); err == nil {
		d = time.Duration(min(n, 3600)) * time.Second
	} else if t, err := http.ParseTime(s); err == nil {
		d = time.Until(t)
	}
	return min(max(d, 0), time.Hour)
}

// isConnectivity recognises the 400s by which the vendor's servers say that
// they could not reach the office or got no answer in time (Open Dental API,
// Implementation). Their exact texts are not documented.
func isConnectivity(text string) bool {
	return containsAny(text, "econnector", "timed out", "timeout", "time out", "time-out",
		"unable to connect", "could not connect", "cannot connect", "not connect", "connection",
		"unable to reach", "could not reach", "cannot reach", "be reached", "not respond", "no response", "offline",
		"network", "unreachable", "temporarily", "try again", "unavailable", "not running",
		"took too long", "time limit", "operation was cancel", "request was cancel", "task was cancel",
		"error occurred", "error has occurred", "exception")
}

// isPage recognises the answer of something else on the way: the API explains in
// plain text, or in a JSON string (Open Dental API, Implementation).
func isPage(text string) bool {
	return strings.HasPrefix(strings.TrimLeft(text, " \t\r\n\ufeff"), "<")
}

// isUnknownRoute recognises "documents POST  is not a valid method."
func isUnknownRoute(text string) bool { return containsAny(text, "not a valid method") }

// scopeOf tells a missing permission from keys that do not work at all. Every
// key may read, so that a refused GET means the keys.
func scopeOf(q call, text string) driver.Scope {
	switch {
	case containsAny(text, "permission", "not authorized for", "read-only", "readonly", "read only"):
		return driver.ScopeOperation
	case containsAny(text, "key", "disabled", "developer", "customer"):
		return driver.ScopeConnection
	case q.method == http.MethodGet:
		return driver.ScopeConnection
	}
	return driver.ScopeOperation
}

// reasonOf finds a reason in the text of a refusal. The API documents neither
// codes nor texts, so that ReasonInvalid is what remains.
func reasonOf(q call, text string) driver.Reason {
	gone := containsAny(text, "not found", "invalid", "does not exist", "not exist", "no such", "unknown", "not a valid")
	hidden := containsAny(text, "hidden", "inactive", "not active")
	ofOption := containsAny(text, "commtype", "doccategory", "paytype", "adjtype", "defnum", "definition", "category")
	switch {
	case containsAny(text, "version", "update open dental", "upgrade"):
		return driver.ReasonVersionTooOld
	case containsAny(text, "locked date", "lock date", "date lock", "securitylock", "is locked", "locked before", "closed period"):
		return driver.ReasonPeriodClosed
	case containsAny(text, "payment plan", "negative split", "negative paysplit", "cannot refund", "refunded"):
		return driver.ReasonNotRefundable
	case containsAny(text, "too large", "too long", "too big", "exceed", "maximum length"):
		return driver.ReasonTooLarge
	case containsAny(text, "extension", "file type"):
		return driver.ReasonMIMERefused
	case containsAny(text, "archived", "merged"):
		return driver.ReasonPatientArchived
	case containsAny(text, "provnum", "provider") && hidden:
		return driver.ReasonProviderInactive
	case containsAny(text, "provnum", "provider") && gone:
		return driver.ReasonProviderUnknown
	case ofOption && hidden:
		return driver.ReasonOptionInactive
	case ofOption && gone:
		return driver.ReasonOptionUnknown
	case containsAny(text, "payamt", "adjamt", "amount"):
		return driver.ReasonAmountInvalid
	case containsAny(text, "paynum", "payment") && gone:
		return driver.ReasonPaymentMissing
	case containsAny(text, "aptnum", "appointment") && gone:
		return driver.ReasonAppointmentMissing
	case containsAny(text, "patnum", "patient") && gone:
		return driver.ReasonPatientNotFound
	case containsAny(text, "already exists", "duplicate"):
		return driver.ReasonDuplicate
	}
	return driver.ReasonInvalid
}

func containsAny(text string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}
