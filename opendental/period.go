package opendental

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// checkPeriod refuses a posting date in a period that the office has closed. The
// API itself lets it through: lock dates bind the program's users only. But an
// office closes its books for everybody.
func (c *conn) checkPeriod(ctx context.Context, op string, on driver.Date) error {
	date, err := c.setting(ctx, op, "SecurityLockDate")
	if err != nil {
		return beforeSending(err)
	}
	days, err := c.setting(ctx, op, "SecurityLockDays")
	if err != nil {
		return beforeSending(err)
	}
	today := driver.DateOf(time.Now().In(c.loc))
	if closed := closedThrough(date, days, today); !closed.IsZero() && !on.In(wall).After(closed) {
		return rejected(op, driver.ReasonPeriodClosed, "")
	}
	return nil
}

// errFuture is the refusal of a date that lies in the office's future.
var errFuture = errors.New("the date is in the office's future")

// dayAgain is after how long a day that has not begun in the office is tried again.
const dayAgain = 5 * time.Minute

// notYet makes a refusal for a date that is only the office's future one that is
// tried again: around midnight its clock may be slow, and that is no reason to give
// a payment up. The API refused it, so that nothing was posted.
func (c *conn) notYet(op string, on driver.Date, err error) error {
	today := driver.DateOf(time.Now().In(c.loc))
	if !errors.Is(err, errFuture) || on.In(wall).After(today.In(wall)) {
		return err
	}
	e := unavailable(op, "the day has not begun yet by the office's clock")
	e.RetryAfter = dayAgain
	return e
}

// closedThrough is the last day that is closed, by the preferences
// SecurityLockDate (a day) and SecurityLockDays (so many days before today);
// zero when none is.
func closedThrough(lockDate, lockDays string, today driver.Date) time.Time {
	closed := parseWall(lockDate, wall)
	if n, err := strconv.Atoi(strings.TrimSpace(lockDays)); err == nil && n > 0 {
		if t := today.In(wall).AddDate(0, 0, -n); t.After(closed) {
			closed = t
		}
	}
	return closed
}

// setting is a preference that is read before writes: each time, or in Remote
// mode as long as freshFor says.
func (c *conn) setting(ctx context.Context, op, name string) (string, error) {
	c.mu.Lock()
	known, ok := c.settings[name]
	c.mu.Unlock()
	if ok && time.Since(known.at) < c.freshFor(ctx) {
		return known.value, nil
	}
	value, err := c.preference(ctx, op, name)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settings == nil {
		c.settings = map[string]knownSetting{}
	}
	c.settings[name] = knownSetting{value, time.Now()}
	return value, nil
}

type knownSetting struct {
	value string
	at    time.Time
}
