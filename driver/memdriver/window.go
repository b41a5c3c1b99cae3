package memdriver

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/pmswriteback/pms/driver"
)

// ReadWindow implements driver.WindowReader. Records come in the order in which
// they were added, which no change of theirs moves: that is what makes a walk
// complete without holding a copy.
func (c *conn) ReadWindow(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	var out driver.Page
	err := c.do(ctx, callWindow, string(q.Feed), nil, func(m mode) error {
		p := c.pms
		defer p.lock()()
		feed := p.info.Load().Feeds[q.Feed]
		if !q.Feed.Valid() || !feed.Supported || !feed.Window {
			return reject("read window", driver.ReasonUnsupported, nil)
		}
		if err := checkBounds(q); err != nil {
			return reject("read window", driver.ReasonInvalid, err)
		}
		at, ok := 0, true
		if q.Token != "" {
			at, ok = c.parseToken(q)
		}
		if !ok {
			return fail("read window", driver.ErrCursorExpired, nil)
		}
		page := driver.Page{AsOf: p.Clock().In(c.env.Zone())}
		next, more := c.fill(&page, q, at, p.pageSize(q.Limit))
		if page.More = more; more {
			page.Next = c.token(q, next)
		}
		if m.twice {
			twice(&page)
		}
		out = page
		return nil
	})
	if err != nil {
		return driver.Page{}, err
	}
	return out, nil
}

// fill fills a page with the records of a window from index at on.
func (c *conn) fill(page *driver.Page, q driver.WindowQuery, at, limit int) (next int, more bool) {
	p := c.pms
	switch q.Feed {
	case driver.PatientFeed:
		return p.patients.walk(at, limit, func(driver.Patient) bool { return true },
			func(r driver.Patient) { page.Patients = append(page.Patients, c.patient(r)) })
	case driver.PhotoFeed:
		return p.photos.walk(at, limit, func(photo) bool { return true },
			func(r photo) { page.Photos = append(page.Photos, c.photo(r)) })
	}
	return p.appointments.walk(at, limit,
		func(r driver.Appointment) bool {
			return c.sees(r.Site) && !r.Start.IsZero() && !r.Start.Before(q.From) && r.Start.Before(q.To)
		},
		func(r driver.Appointment) { page.Appointments = append(page.Appointments, c.appointment(r)) })
}

// walk takes records that fit from index at on, at most limit, and returns the
// index of the next one that fits.
func (t *table[R]) walk(at, limit int, fits func(R) bool, take func(R)) (next int, more bool) {
	for i := at; i < len(t.order); i++ {
		e := t.order[i]
		if e.gone || !fits(e.rec) {
			continue
		}
		if limit == 0 {
			return i, true
		}
		take(e.rec)
		limit--
	}
	return 0, false
}

func checkBounds(q driver.WindowQuery) error {
	bounded := q.Feed == driver.AppointmentFeed || q.Feed == driver.AppointmentStatusFeed
	switch {
	case bounded && (q.From.IsZero() || q.To.IsZero()):
		return errors.New("WindowQuery.From and To must be set for appointments")
	case bounded && q.To.Before(q.From):
		return errors.New("WindowQuery.To is before From")
	case !bounded && !(q.From.IsZero() && q.To.IsZero()):
		return errors.New("WindowQuery.From and To must be zero: the window of this feed is all of it")
	}
	return nil
}

// token names the connection, the query and the index to go on from.
func (c *conn) token(q driver.WindowQuery, at int) string {
	return fmt.Sprintf("%s.%d", c.tokenHead(q), at)
}

func (c *conn) tokenHead(q driver.WindowQuery) string {
	return fmt.Sprintf("w1.%x.%d.%s.%d.%d", c.pms.instance, c.serial, q.Feed, q.From.UnixNano(), q.To.UnixNano())
}

func (c *conn) parseToken(q driver.WindowQuery) (at int, ok bool) {
	head, tail, found := cutLast(q.Token, ".")
	if !found || head != c.tokenHead(q) {
		return 0, false
	}
	at, err := strconv.Atoi(tail)
	return at, err == nil && at >= 0
}
