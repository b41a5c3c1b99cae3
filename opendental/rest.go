package opendental

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// restAt is a rest that was last tried at a moment; zero when nothing of it can be
// under way.
func restAt(rest string, tried time.Time) string {
	at := int64(0)
	if !tried.IsZero() {
		at = tried.UnixMilli()
	}
	return rest + strconv.FormatInt(at, 10)
}

// triedAt is the moment of a rest; false when the state tells of no such rest.
func triedAt(state, rest string) (time.Time, bool) {
	text, ok := strings.CutPrefix(state, rest)
	at, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil {
		return time.Time{}, false
	}
	return time.UnixMilli(at), true
}

// incomplete says that the effect is there and what remains.
func incomplete(op string, done driver.Receipt, rest string, cause error) *driver.Error {
	done.State = rest
	e := failure(op, driver.ErrIncomplete, driver.ReasonNone, "the "+rest+" remains to be set")
	e.Receipt = done
	var d *driver.Error
	if errors.As(cause, &d) {
		e.RetryAfter = d.RetryAfter
	}
	return e
}

// underWay is incomplete for a rest that must not be sent again while the office may
// still be at work on it: it was tried last at tried, as an operation of a kind. words
// say what remains.
func (c *conn) underWay(op string, done driver.Receipt, rest, words string, kind driver.OpKind, tried time.Time, cause error) error {
	e := incomplete(op, done, restAt(rest, tried), cause)
	e.Err = errors.New(words)
	e.RetryAfter = max(e.RetryAfter, time.Until(tried.Add(c.cfg.verifyAfter(kind))))
	return e
}
