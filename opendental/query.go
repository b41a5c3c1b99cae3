package opendental

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// queryPage is the most rows that ShortQuery gives.
const queryPage = 100

// shortQuery runs a SELECT at the office through PUT queries/ShortQuery, which
// needs the permission Queries, refuses what is no read, and leaves a trace in
// the office's audit trail. It gives the first queryPage rows; callers page by
// a key in the statement, since offsets behave differently between versions.
//
// Statements are built from constants, digits and wall times only.
func (c *conn) shortQuery(ctx context.Context, op, sql string) ([]row, error) {
	if !c.currentVersion().atLeast(sinceQueries) {
		return nil, rejected(op, driver.ReasonUnsupported, "needs Open Dental "+sinceQueries.String()+" or later")
	}
	body, err := marshal(map[string]string{"SqlCommand": sql})
	if err != nil {
		return nil, rejected(op, driver.ReasonInvalid, "the query cannot be sent")
	}
	var rows []row
	_, err = c.do(ctx, call{op: op, method: http.MethodPut, path: "/queries/ShortQuery", body: body},
		func(r row) error { rows = append(rows, r); return nil })
	var e *driver.Error
	switch {
	case err == nil:
		c.setQueries(permissionGranted)
	case errors.As(err, &e) && e.Kind == driver.ErrUnauthorized && e.Scope == driver.ScopeOperation:
		c.setQueries(permissionDenied)
	}
	return rows, err
}

func (c *conn) setQueries(p permission) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queries = p
}

func (c *conn) queriesDenied() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queries == permissionDenied
}

// askClock asks the database for its time, as a wall time. The column's name in
// the answer depends on the server, so whatever is a time is taken.
func (c *conn) askClock(ctx context.Context, op string) (time.Time, error) {
	rows, err := c.shortQuery(ctx, op, "SELECT NOW() AS ServerNow")
	if err != nil {
		return time.Time{}, err
	}
	for _, r := range rows {
		for field := range r {
			if t := r.wall(field, wall); !t.IsZero() {
				return t, nil
			}
		}
	}
	return time.Time{}, nil
}

// officeClock is the office's wall time by the cheapest way that works: the
// serverDateTime of any patient or appointment, which every key may read, then
// a query. The zero time means that nothing tells it, which without the
// permission Queries is so in an office without patients and appointments.
func (c *conn) officeClock(ctx context.Context, op string) (time.Time, error) {
	for _, l := range []listing{
		{op: op, path: "/patients/Simple"},
		{op: op, path: "/appointments"},
	} {
		rows, err := c.page(ctx, l, 0, 1)
		if err != nil {
			return time.Time{}, err
		}
		for _, r := range rows {
			if t := r.wall("serverDateTime", wall); !t.IsZero() {
				return t, nil
			}
		}
	}
	if c.queriesDenied() {
		return time.Time{}, nil
	}
	t, err := c.askClock(ctx, op)
	if errors.Is(err, driver.ErrUnauthorized) || errors.Is(err, driver.ErrRejected) {
		return time.Time{}, nil
	}
	return t, err
}
