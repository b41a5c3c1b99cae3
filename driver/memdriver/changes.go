package memdriver

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// ReadChanges implements driver.ChangeReader.
//
// A cursor names the PMS, the feed and the last change that was read. Unless
// Config.ExactCursors is set, the cursor at the end of a walk stands before the
// changes of the present tick, which so come again.
func (c *conn) ReadChanges(ctx context.Context, q driver.ChangesQuery) (driver.Page, error) {
	var out driver.Page
	err := c.do(ctx, callChanges, string(q.Feed), nil, func(m mode) error {
		p := c.pms
		defer p.lock()()
		feed := p.info.Load().Feeds[q.Feed]
		if !q.Feed.Valid() || !feed.Supported || !feed.Changes {
			return reject("read changes", driver.ReasonUnsupported, nil)
		}
		now := p.Clock()
		page := driver.Page{AsOf: now.In(c.env.Zone())}
		switch q.Cursor {
		case "":
			page.Next = p.cursor(q.Feed, p.endOfWalk(q.Feed, 0, now))
		default:
			from, ok := p.parseCursor(q.Feed, q.Cursor)
			if !ok {
				return fail("read changes", driver.ErrCursorExpired, nil)
			}
			seq, more := c.collect(&page, q.Feed, from, p.pageSize(q.Limit), feed.Deletes)
			if page.More = more; !more {
				seq = p.endOfWalk(q.Feed, from, now)
			}
			page.Next = p.cursor(q.Feed, seq)
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

// collect fills a page with what changed after from.
func (c *conn) collect(page *driver.Page, f driver.Feed, from uint64, limit int, deletes bool) (uint64, bool) {
	p := c.pms
	gone := func(id string) bool {
		if deletes {
			page.Deleted = append(page.Deleted, id)
		}
		return deletes
	}
	switch f {
	case driver.PatientFeed:
		return p.patients.since(from, limit, func(e *entry[driver.Patient]) bool {
			if e.gone {
				return gone(e.id)
			}
			page.Patients = append(page.Patients, c.patient(e.rec))
			return true
		})
	case driver.PhotoFeed:
		return p.photos.since(from, limit, func(e *entry[photo]) bool {
			if e.gone {
				return gone(e.id)
			}
			page.Photos = append(page.Photos, c.photo(e.rec))
			return true
		})
	}
	return p.appointments.since(from, limit, func(e *entry[driver.Appointment]) bool {
		switch {
		case !c.sees(e.rec.Site):
			if e.left == "" || !c.sees(e.left) {
				return false
			}
			return gone(e.id)
		case e.gone:
			return gone(e.id)
		}
		page.Appointments = append(page.Appointments, c.appointment(e.rec))
		return true
	})
}

// endOfWalk is where the cursor stands after a walk that began at from.
func (p *PMS) endOfWalk(f driver.Feed, from uint64, now time.Time) uint64 {
	if p.cfg.ExactCursors {
		return p.seq
	}
	switch f {
	case driver.PatientFeed:
		return p.patients.beforeTick(p.seq, from, now)
	case driver.PhotoFeed:
		return p.photos.beforeTick(p.seq, from, now)
	}
	return p.appointments.beforeTick(p.seq, from, now)
}

func (p *PMS) pageSize(limit int) int {
	if limit <= 0 {
		return p.cfg.PageSize
	}
	return limit
}

func (p *PMS) cursor(f driver.Feed, seq uint64) string {
	return fmt.Sprintf("c1.%x.%d.%s.%d", p.instance, p.epoch, f, seq)
}

func (p *PMS) parseCursor(f driver.Feed, s string) (seq uint64, ok bool) {
	head, tail, found := cutLast(s, ".")
	if !found || head+"." != strings.TrimSuffix(p.cursor(f, 0), "0") {
		return 0, false
	}
	seq, err := strconv.ParseUint(tail, 10, 64)
	return seq, err == nil && seq <= p.seq
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// twice gives each record of a page twice.
func twice(p *driver.Page) {
	p.Appointments = slices.Repeat(p.Appointments, 2)
	p.Patients = slices.Repeat(p.Patients, 2)
	p.Photos = slices.Repeat(p.Photos, 2)
	p.Deleted = slices.Repeat(p.Deleted, 2)
}
