package opendental

import (
	"context"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// A back-up is restored table by table: a table is dropped, made anew and filled,
// for minutes, while the others still hold what they did. Appointments that are
// not in it yet, or came after the back-up, are not to be taken for deleted as
// soon as somebody looks.

// settleFor is for how long what lacks in a table that was made anew is in doubt.
// After it the table is taken as it is: the office may have gone back to a
// back-up for good.
const settleFor = 30 * time.Minute

// remade is what a connection knows of when the table of appointments was made.
type remade struct {
	first string    // as first seen
	since time.Time // when another time was first seen; zero while none was
}

// noteMade remembers when the table was made; c.mu is held.
func (c *sqlConn) noteMade(made string) {
	switch {
	case made == "": // not there
	case c.made.first == "":
		c.made.first = made
	case made != c.made.first && c.made.since.IsZero():
		c.made.since = time.Now()
	}
}

// inDoubt is the error of an appointment that is not there, if that does not mean
// that it was deleted: the table was made anew a moment ago, and the program's
// history does not hold the deletion.
func (c *sqlConn) inDoubt(ctx context.Context, op string, s *sqlSchema, id string) error {
	rows, err := c.query(ctx, op, "SELECT UNIX_TIMESTAMP(CREATE_TIME) AS MadeAt FROM information_schema.TABLES"+
		" WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME IN ('appointment')")
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.noteMade(first(rows).text("MadeAt"))
	since := c.made.since
	if !since.IsZero() && time.Since(since) > settleFor {
		c.made = remade{first: first(rows).text("MadeAt")}
		since = time.Time{}
	}
	c.mu.Unlock()
	if since.IsZero() {
		return nil
	}
	if s.lacks("histappointment") == "" {
		rows, err := c.query(ctx, op, "SELECT DISTINCT h.AptNum FROM histappointment h WHERE h.AptNum="+id+" AND h.HistApptAction=4")
		if err != nil || len(rows) > 0 {
			return err
		}
	}
	return failure(op, driver.ErrUnavailable, driver.ReasonMaintenance,
		"the table appointment was made anew: a back-up may be being restored, or Open Dental be being updated")
}
