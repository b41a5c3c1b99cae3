package opendental

import (
	"context"
	"errors"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// outage is the time in which a database that is joined with the API cannot be
// read: it does not answer, it refuses the user, it is being restored, or it has
// become another office's.
//
// A single record or list is read through the API at once. A feed waits for
// patience first, because most outages are over by then, and then goes on through
// the API from where it was; see [handedOver]. Meanwhile the database is tried
// again now and then, and nothing is read from it before it was seen again to be
// of the API's office.
type outage struct {
	since time.Time
	again time.Time // when it is tried again
	why   error
}

const (
	// patience is how long a feed waits for the database.
	patience = 30 * time.Second
	// tryEvery is how often the database is tried meanwhile, and tryFor how long
	// an attempt may take.
	tryEvery = 5 * time.Second
	tryFor   = 5 * time.Second
)

// The causes where nobody answers, and where nobody does in time.
var (
	errAway     = errors.New("no connection to the database")
	errNoAnswer = errors.New("no answer from the database in time; a table may be locked")
)

// isDown reports whether an error of the database means that nothing else can be
// read from it either.
func isDown(err error) bool {
	var e *driver.Error
	switch {
	case !errors.As(err, &e):
		return false
	case e.Kind == driver.ErrUnauthorized:
		return e.Scope == driver.ScopeConnection
	}
	return e.Kind == driver.ErrUnavailable
}

// words gives the cause of an error of ours for staff.
func words(err error) string {
	var e *driver.Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err.Error()
	}
	return "it cannot be read"
}

// tryTables looks at the database, and makes sure that it is of the API's office
// where that was not seen yet.
func (j *joined) tryTables(ctx context.Context, op string) error {
	limited, cancel := context.WithTimeout(ctx, tryFor)
	_, err := j.look(limited, op)
	cancel()
	if err == nil {
		err = j.ofOneOffice(ctx, op)
	}
	if ctx.Err() != nil {
		return err // it says nothing of the database
	}
	j.state.Lock()
	defer j.state.Unlock()
	if err == nil {
		j.down = nil
		return nil
	}
	if j.down == nil {
		j.down = &outage{since: time.Now()}
	}
	j.one, j.down.why, j.down.again = false, err, time.Now().Add(tryEvery)
	return err
}

// ofOneOffice makes sure that the database is of the API's office, if that is not
// known.
func (j *joined) ofOneOffice(ctx context.Context, op string) error {
	j.state.Lock()
	one, before := j.one, j.witness
	j.state.Unlock()
	if one {
		return nil
	}
	known, err := j.recognise(ctx, op, before)
	switch {
	case err != nil:
		return err
	case known:
		j.agreed(before)
		return nil
	}
	return j.compare(ctx, op)
}

// tablesUp tells whether the database may be read; a feed has it tried each time
// while it waits, everything else now and then.
func (j *joined) tablesUp(ctx context.Context, op string, waits bool) error {
	j.state.Lock()
	down := j.down
	rest := down != nil && time.Now().Before(down.again) && !(waits && time.Since(down.since) < patience)
	var why error
	if down != nil {
		why = down.why
	}
	j.state.Unlock()
	switch {
	case down == nil:
		return nil
	case rest:
		return why
	}
	return j.tryTables(ctx, op)
}

// seen gives the database if it was seen to be of the API's office and answered
// when it was last asked; nil otherwise. It asks nobody.
func (j *joined) seen() *sqlConn {
	j.state.Lock()
	defer j.state.Unlock()
	if !j.one || j.down != nil {
		return nil
	}
	return j.sqlConn
}

// waiting reports whether a feed should wait for the database.
func (j *joined) waiting() bool {
	j.state.Lock()
	defer j.state.Unlock()
	return j.down != nil && time.Since(j.down.since) < patience
}

// saw takes note of a read that failed, and reports whether the database is what
// failed, so that the API may be asked in its place.
func (j *joined) saw(ctx context.Context, err error) bool {
	switch {
	case err == nil || ctx.Err() != nil:
		return false
	case errors.Is(err, errNoAnswer):
		// A table may be locked, or nobody be there.
		return j.tryTables(ctx, "look at the database") != nil
	case errors.Is(err, errAway), errors.Is(err, driver.ErrUnauthorized) && isDown(err):
		j.state.Lock()
		defer j.state.Unlock()
		if j.down == nil {
			j.down = &outage{since: time.Now(), why: err}
		}
		j.one = false // what comes back may be another one
		return true
	case errors.Is(err, errSchema), errors.Is(err, driver.ReasonNotThisPMS):
		// A table is gone, or may not be read any more: the next look tells which.
		return j.tryTables(ctx, "look at the database") != nil || errors.Is(err, errSchema)
	}
	return false
}

// lastSeen is the version that the database named when it was last looked at.
func (j *joined) lastSeen() version {
	j.sqlConn.mu.Lock()
	defer j.sqlConn.mu.Unlock()
	if j.found == nil {
		return version{}
	}
	return j.found.version
}
