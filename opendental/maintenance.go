package opendental

import (
	"context"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// maintenanceMarks are the preferences by which an office says that nothing may
// be changed now: the vendor's rule for third parties (Programming Resources) is
// to leave an office alone while they are set.
var maintenanceMarks = []struct{ name, clear, words string }{
	{"UpdateInProgressOnComputerName", "", "Open Dental is being updated on one of the office's computers. Nothing is written until that is over; it goes on by itself."},
	{"CorruptedDatabase", "0", "Open Dental has marked its database as damaged. Nothing is written until the office has repaired it; it goes on by itself."},
}

// maintenanceAgain is after how long an office in maintenance is asked again.
// Meanwhile a write is refused without a request.
const maintenanceAgain = time.Minute

// checkMaintenance refuses a write while the office is in maintenance.
func (c *conn) checkMaintenance(ctx context.Context, op string) error {
	c.mu.Lock()
	left := time.Until(c.maintainedUntil)
	clear := time.Since(c.clearAt) < c.freshFor(ctx)
	c.mu.Unlock()
	switch {
	case left > 0:
		return inMaintenance(op, left)
	case clear:
		return nil
	}
	words, err := c.maintenance(ctx, op)
	if err != nil {
		return beforeSending(err)
	}
	if words != "" {
		return inMaintenance(op, maintenanceAgain)
	}
	return nil
}

func inMaintenance(op string, again time.Duration) error {
	e := failure(op, driver.ErrUnavailable, driver.ReasonMaintenance, "")
	e.RetryAfter = again
	return e
}

// maintenance says in staff words why nothing may be written now; empty when it
// may. In Remote mode the mark of a damaged database, which no update sets, is
// looked at less often.
func (c *conn) maintenance(ctx context.Context, op string) (string, error) {
	for i, mark := range maintenanceMarks {
		c.mu.Lock()
		known := i > 0 && time.Since(c.soundAt) < seldomFactor*c.freshFor(ctx)
		c.mu.Unlock()
		if known {
			continue
		}
		value, err := c.preferenceBefore(ctx, op, mark.name)
		if err != nil {
			return "", err
		}
		if v := strings.TrimSpace(value); v != "" && v != mark.clear {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.maintained, c.maintainedUntil = true, time.Now().Add(maintenanceAgain)
			c.clearAt, c.soundAt = time.Time{}, time.Time{}
			return mark.words, nil
		}
		if i > 0 {
			c.mu.Lock()
			c.soundAt = time.Now()
			c.mu.Unlock()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clearAt, c.maintained, c.maintainedUntil = time.Now(), false, time.Time{}
	return "", nil
}

// maintenanceNote is maintenance for Info, which asks only where a write was held
// up: nobody else needs to know.
func (c *conn) maintenanceNote(ctx context.Context, op string) (string, error) {
	c.mu.Lock()
	maintained := c.maintained
	c.mu.Unlock()
	if !maintained {
		return "", nil
	}
	return c.maintenance(ctx, op)
}
