package opendental

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// openWalks is how many walks through windows a connection keeps. The engine has
// one per feed; walks that nobody finishes are forgotten, oldest first.
const openWalks = 8

// walks are the walks through windows that are not finished, oldest first. A
// walk lives in the connection, because "exactly once" in a list that shifts
// takes a memory of what was given.
type walks struct {
	count atomic.Int64
	open  []*windowWalk // guarded by conn.mu
}

type windowWalk struct {
	id       string
	feed     string
	page     int
	from, to time.Time
	walk     walk
}

func (w *windowWalk) token() string { return w.id + "." + strconv.Itoa(w.page) }

// ReadWindow implements [driver.WindowReader].
func (c *conn) ReadWindow(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	const op = "read window"
	feed := feedOf(q.Feed)
	switch feed {
	case "":
		return driver.Page{}, rejected(op, driver.ReasonUnsupported, "there is no such feed")
	case "photos":
		if err := c.photosWork(ctx, op); err != nil {
			return driver.Page{}, err
		}
		return c.photoWindow(ctx, op, q.Token)
	}
	w, err := c.openWalk(op, feed, q)
	if err != nil {
		return driver.Page{}, err
	}
	page, err := c.walkOn(ctx, w, q.Limit)
	if err != nil {
		c.keepWalk(w) // the token stays good
		return driver.Page{}, err
	}
	if page.More {
		w.page++
		c.keepWalk(w)
		page.Next = w.token()
	}
	return page, nil
}

// openWalk begins a walk, or takes the one that goes with the token out of the
// open ones, so that no two calls are on it.
func (c *conn) openWalk(op, feed string, q driver.WindowQuery) (*windowWalk, error) {
	if q.Token == "" {
		w := &windowWalk{id: "w" + strconv.FormatInt(c.walks.count.Add(1), 10), feed: feed, from: q.From, to: q.To}
		if feed == "patients" {
			w.walk.list = c.patientListing(op, url.Values{})
			return w, nil
		}
		if !q.From.Before(q.To) {
			return nil, rejected(op, driver.ReasonInvalid, "the window of appointments needs From before To")
		}
		// Both are days and both are included.
		w.walk.list = c.siteAppointments(op, url.Values{
			"dateStart": {q.From.In(c.loc).Format(time.DateOnly)},
			"dateEnd":   {q.To.Add(-time.Nanosecond).In(c.loc).Format(time.DateOnly)},
		})
		return w, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, w := range c.walks.open {
		if w.token() == q.Token && w.feed == feed && w.from.Equal(q.From) && w.to.Equal(q.To) {
			c.walks.open = slices.Delete(c.walks.open, i, i+1)
			return w, nil
		}
	}
	return nil, failure(op, driver.ErrCursorExpired, driver.ReasonNone, "the token is not one of a walk through this window on this connection")
}

func (c *conn) keepWalk(w *windowWalk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.walks.open = append(c.walks.open, w)
	if len(c.walks.open) > openWalks {
		c.walks.open = slices.Delete(c.walks.open, 0, 1)
	}
}

// walkOn reads on until there is a record or the end.
func (c *conn) walkOn(ctx context.Context, w *windowWalk, want int) (driver.Page, error) {
	for {
		rows, err := c.next(ctx, &w.walk, want)
		if err != nil {
			return driver.Page{}, err
		}
		page := c.records(w.feed, rows)
		if w.feed == "appointments" {
			page.Deleted = nil // a window tells what is there
			page.Appointments = slices.DeleteFunc(page.Appointments, func(a driver.Appointment) bool {
				return a.Start.Before(w.from) || !a.Start.Before(w.to)
			})
		}
		page.More = !w.walk.done
		if len(rows) > 0 {
			page.AsOf = rows[0].wall("serverDateTime", c.loc)
		}
		if page.Len() > 0 || !page.More {
			return page, nil
		}
	}
}
