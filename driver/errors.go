package driver

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Kind is what went wrong, seen from the one question that matters: can the
// effect have happened? A Kind is an error, so that errors.Is(err,
// driver.ErrRejected) works on whatever wraps an [*Error].
type Kind string

// The kinds.
const (
	// ErrUnavailable: the PMS could not be reached or asked to try later. No
	// effect; retry without end.
	ErrUnavailable Kind = "unavailable"
	// ErrUnknownOutcome: the effect may or may not have happened, or may still
	// happen. The engine verifies before it sends again.
	ErrUnknownOutcome Kind = "unknown outcome"
	// ErrIncomplete: the effect happened; an idempotent rest remains. The
	// error's Receipt comes back as Header.Prior of the next Write.
	ErrIncomplete Kind = "incomplete"
	// ErrRejected: the PMS refused. No effect; never retried as it is. Reason
	// says why.
	ErrRejected Kind = "rejected"
	// ErrConflict: the record moved since the decision was made. No effect.
	ErrConflict Kind = "conflict"
	// ErrUnauthorized: the credentials or a permission are missing. No effect.
	// Scope says for what.
	ErrUnauthorized Kind = "unauthorized"
	// ErrCursorExpired: a cursor is no longer good; the engine reads anew from
	// a window. Only from ReadChanges and ReadWindow.
	ErrCursorExpired Kind = "cursor expired"
)

// Error implements error.
func (k Kind) Error() string { return string(k) }

// Scope says what an ErrUnauthorized closes.
type Scope string

// The scopes.
const (
	// ScopeConnection: nothing works with these credentials.
	ScopeConnection Scope = "connection"
	// ScopeWrites: reads work, writes do not.
	ScopeWrites Scope = "writes"
	// ScopeOperation: this operation does not work, others may.
	ScopeOperation Scope = "operation"
)

// Error is how a driver reports a failure.
type Error struct {
	// Driver is the driver's name, and Op what it was doing: "post payment".
	Driver, Op string
	// Kind is one of the Err constants. The zero value counts as
	// ErrUnknownOutcome.
	Kind Kind
	// Reason says why, for ErrRejected always and otherwise where it is known.
	Reason Reason
	// Scope goes with ErrUnauthorized.
	Scope Scope
	// RetryAfter is how long the PMS asked to wait, zero when it did not.
	RetryAfter time.Duration
	// Receipt goes with ErrIncomplete.
	Receipt Receipt
	// Err is the cause, free of patient data, secrets and PMS text. May be nil.
	Err error
}

// Error gives "opendental: post payment: rejected (period_closed): cause".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Driver != "" {
		b.WriteString(e.Driver + ": ")
	}
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(string(e.kind()))
	switch {
	case e.Reason != "":
		b.WriteString(" (" + string(e.Reason) + ")")
	case e.Scope != "":
		b.WriteString(" (" + string(e.Scope) + ")")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) kind() Kind {
	if e.Kind == "" {
		return ErrUnknownOutcome
	}
	return e.Kind
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is e's Kind or Reason.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case Kind:
		return e.kind() == t
	case Reason:
		return e.Reason == t && t != ""
	}
	return false
}

// ReadError classifies an error of a call that cannot change the PMS (a read,
// Connect, Ping, Info, Verify): whatever is unclassified is ErrUnavailable,
// because reading again does no harm. It returns nil for nil.
func ReadError(err error) *Error { return classify(err, ErrUnavailable) }

// WriteError classifies an error of [Writer.Write]: whatever is unclassified,
// an ended context included, is ErrUnknownOutcome. It returns nil for nil.
func WriteError(err error) *Error { return classify(err, ErrUnknownOutcome) }

func classify(err error, otherwise Kind) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		out := *e
		if out.Kind == "" {
			out.Kind = otherwise
		}
		return &out
	}
	var k Kind
	if errors.As(err, &k) {
		return &Error{Kind: k}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Kind: otherwise, Err: err}
	}
	// The text of a foreign error may hold anything, so it is not carried on.
	return &Error{Kind: otherwise, Err: errUnclassified}
}

var errUnclassified = errors.New("unclassified error")
