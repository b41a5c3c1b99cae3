package dentrix

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
