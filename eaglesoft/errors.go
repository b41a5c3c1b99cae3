package eaglesoft

import (
	"errors"

	"github.com/pmswriteback/pms/driver"
)

// failure makes the package's error. The cause is in words of our own: texts of the
// database may quote a statement's values.
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

func expired(op, cause string) *driver.Error {
	return failure(op, driver.ErrCursorExpired, driver.ReasonNone, cause)
}

func unauthorized(op string, scope driver.Scope, cause string) *driver.Error {
	e := failure(op, driver.ErrUnauthorized, driver.ReasonNone, cause)
	e.Scope = scope
	return e
}

// Words for staff and for errors about authentication. They are the same in Info
// and in the errors of Write, so that the reason is known again.
const (
	whyUnauthenticated = "The database connection is not authenticated. Eaglesoft's database is an OEM edition of SQL Anywhere, which is read-only for " +
		"such a connection from its thirtieth second on. Give the vendor's authentication statement in the connection settings (init)."
	whyDirtyReads = "The database connection shows what is not committed yet (isolation level 0), so that nobody could tell whether a write happened. " +
		"Set isolation_level to 1 in the connection settings (session)."
)
