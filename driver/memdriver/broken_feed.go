package memdriver

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

func secondsOf(n int) time.Duration { return time.Duration(n) * time.Second }

// foreign ends cursors that are no ASCII.
const foreign = "é"

// ReadChanges implements driver.ChangeReader.
func (b *brokenConn) ReadChanges(ctx context.Context, q driver.ChangesQuery) (driver.Page, error) {
	s := &b.p.broke
	q.Cursor = strings.TrimSuffix(q.Cursor, foreign)
	now := b.p.Clock()
	s.mu.Lock()
	owner, served, lost := s.owner[q.Cursor], s.served[q.Cursor], s.lost[q.Cursor]
	s.mu.Unlock()
	switch {
	case b.p.broken("changes/restart") && owner != 0 && owner != b.raw.serial,
		b.p.broken("changes/again") && served:
		return driver.Page{Next: q.Cursor}, nil
	}
	if q.Cursor != "" && b.spentByHint() {
		return driver.Page{Next: q.Cursor}, nil
	}
	page, err := driver.ReadChanges(ctx, b.Conn, q)
	if err != nil {
		return b.breakChangesError(ctx, q, err)
	}
	if q.Cursor == "" && b.p.broken("changes/baseline") {
		b.p.mu.Lock()
		first := b.p.cursor(q.Feed, 0)
		b.p.mu.Unlock()
		all, err := driver.ReadChanges(ctx, b.Conn, driver.ChangesQuery{Feed: q.Feed, Cursor: first})
		all.Next, all.More = page.Next, false
		return all, err
	}
	b.breakRecords(&page, q.Feed, lost)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner == nil {
		s.owner, s.served, s.lost = map[string]int64{}, map[string]bool{}, map[string]time.Time{}
	}
	s.owner[page.Next] = b.raw.serial
	s.served[q.Cursor] = page.Len() > 0 && q.Cursor != ""
	// The cursor stands behind the newest mark, and the tick is not over.
	if b.p.broken("changes/around-baseline") && q.Cursor == "" && b.p.changedAt(q.Feed, now) ||
		b.p.broken("changes/ties") && q.Cursor != "" && page.Len() > 0 && !page.More {
		s.lost[page.Next] = now
	}
	switch {
	case b.p.broken("changes/more-ends") && q.Limit == 1 && q.Cursor != "" && page.Len() == 0:
		page.More = true
	case b.p.broken("changes/idle") && q.Cursor != "" && page.Len() == 0:
		page.Next = ""
	case b.p.broken("cursor/form"):
		page.Next += foreign
	}
	return page, nil
}

func (b *brokenConn) breakChangesError(ctx context.Context, q driver.ChangesQuery, err error) (driver.Page, error) {
	ours := strings.HasPrefix(q.Cursor, "c1.")
	switch {
	case b.p.broken("changes/unsupported") && !q.Feed.Valid():
		return driver.Page{Next: "none"}, nil
	case b.p.broken("cursor/bad") && !ours && errors.Is(err, driver.ErrCursorExpired),
		b.p.broken("cursor/expired") && ours && errors.Is(err, driver.ErrCursorExpired):
		return driver.ReadChanges(ctx, b.Conn, driver.ChangesQuery{Feed: q.Feed})
	case b.p.broken("cursor/cut") && b.cut(ctx, err):
		return driver.Page{Next: q.Cursor}, nil
	}
	return driver.Page{}, err
}

// changedAt reports whether the newest change of a feed bears this mark.
func (p *PMS) changedAt(f driver.Feed, at time.Time) bool {
	defer p.lock()()
	switch f {
	case driver.PatientFeed:
		return newest(&p.patients).Equal(at)
	case driver.PhotoFeed:
		return newest(&p.photos).Equal(at)
	}
	return newest(&p.appointments).Equal(at)
}

func newest[R any](t *table[R]) time.Time {
	if len(t.log) == 0 {
		return time.Time{}
	}
	return t.log[len(t.log)-1].at
}

// breakRecords spoils a page of changes; records with the mark lost are dropped.
func (b *brokenConn) breakRecords(page *driver.Page, f driver.Feed, lost time.Time) {
	isLost := func(at time.Time) bool { return !lost.IsZero() && at.Equal(lost) }
	page.Appointments = slices.DeleteFunc(page.Appointments, func(a driver.Appointment) bool {
		return isLost(a.ModifiedAt) || b.p.broken("changes/staff-actions") && a.State == driver.AppointmentCancelled
	})
	page.Patients = slices.DeleteFunc(page.Patients, func(r driver.Patient) bool { return isLost(r.ModifiedAt) })
	page.Photos = slices.DeleteFunc(page.Photos, func(r driver.Photo) bool { return isLost(r.TakenAt) })
	for i := range page.Appointments {
		b.breakAppointment(&page.Appointments[i])
	}
	skew := time.Duration(b.p.skew.Load())
	switch {
	case b.p.broken("changes/nothing-lost") && page.Len() > 0:
		if b.pages++; b.pages == 3 {
			page.Appointments, page.Patients, page.Photos = nil, nil, nil
		}
	case b.p.broken("changes/state-now"):
		var steps []driver.Appointment
		for _, a := range page.Appointments {
			before := a
			before.Status = b.p.Options(driver.AppointmentStatuses)[0].ID
			steps = append(steps, before, a)
		}
		page.Appointments = steps
	case b.p.broken("changes/deletes"):
		page.Deleted = nil
	case b.p.broken("changes/pms-clock") && skew.Abs() > time.Hour:
		page.Appointments, page.Patients, page.Photos = nil, nil, nil
	case b.p.broken("changes/one-type") && len(page.Patients) > 0:
		page.Appointments = append(page.Appointments, driver.Appointment{ID: "next-visit"})
	}
	b.breakTags(page)
}

func (b *brokenConn) breakTags(page *driver.Page) {
	for i := range page.Photos {
		if b.p.broken("photo/tag") {
			page.Photos[i].Tag = "jpeg"
		}
	}
}

// ReadWindow implements driver.WindowReader.
func (b *brokenConn) ReadWindow(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	asked := q
	length := q.To.Sub(q.From)
	switch {
	case b.p.broken("zone/day-windows") && (length == 23*time.Hour || length == 25*time.Hour):
		q.To = q.From.Add(24 * time.Hour)
	case b.p.broken("window/bounds") && q.Feed == driver.AppointmentFeed:
		q.To = q.To.Add(1)
	case b.p.broken("window/while-staff-work") && q.Feed == driver.AppointmentFeed && q.Limit > 0:
		return b.readByOffset(ctx, q)
	}
	b.mu.Lock()
	stale, ok := b.windows[asked]
	b.mu.Unlock()
	if ok && b.p.broken("window/moved") && q.Feed == driver.AppointmentFeed {
		return stale, nil
	}
	page, err := driver.ReadWindow(ctx, b.Conn, q)
	if head, at, ok := cutLast(q.Token, "."); ok && strings.HasPrefix(head, "w1.") && err != nil && b.p.broken("window/other-window") {
		q.Token = b.raw.tokenHead(q) + "." + at
		page, err = driver.ReadWindow(ctx, b.Conn, q)
	}
	switch {
	case err == nil:
	case b.p.broken("window/bad-token") && !strings.HasPrefix(q.Token, "w1.") && errors.Is(err, driver.ErrCursorExpired),
		b.p.broken("window/unsupported") && !q.Feed.Valid(),
		b.p.broken("window/cut") && b.cut(ctx, err):
		return driver.Page{}, nil
	default:
		return page, err
	}
	for i := range page.Appointments {
		b.breakAppointment(&page.Appointments[i])
	}
	b.breakTags(&page)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.p.broken("window/once") && q.Limit == 1: // the next page begins with the last of this
		before := b.last
		b.last = page
		if q.Token != "" {
			page.Appointments = append(slices.Clone(before.Appointments), page.Appointments...)
			page.Patients = append(slices.Clone(before.Patients), page.Patients...)
			page.Photos = append(slices.Clone(before.Photos), page.Photos...)
		}
	case b.p.broken("window/past-and-future"):
		page.Appointments = slices.DeleteFunc(page.Appointments, func(a driver.Appointment) bool { return a.State == driver.AppointmentCompleted })
	case b.p.broken("window/no-deletions"):
		page.Deleted = []string{"gone"}
	case b.p.broken("window/empty") && page.Len() == 0:
		return driver.Page{}, reject("read window", driver.ReasonInvalid, nil)
	}
	b.windows[asked] = page
	return page, nil
}

// readByOffset pages through appointments ordered by start with LIMIT and
// OFFSET, as one must not while rows come and go.
func (b *brokenConn) readByOffset(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	head := "offset " + q.From.String() + " "
	rest, ours := strings.CutPrefix(q.Token, head)
	if q.Token != "" && !ours {
		return driver.ReadWindow(ctx, b.Conn, q)
	}
	offset, _ := strconv.Atoi(rest)
	limit := q.Limit
	q.Token, q.Limit = "", 1<<20
	page, err := driver.ReadWindow(ctx, b.Conn, q)
	if err != nil {
		return page, err
	}
	slices.SortFunc(page.Appointments, func(x, y driver.Appointment) int {
		return cmp.Or(x.Start.Compare(y.Start), strings.Compare(x.ID, y.ID))
	})
	all := page.Appointments
	page.Appointments = all[min(offset, len(all)):min(offset+limit, len(all))]
	if page.More = offset+limit < len(all); page.More {
		page.Next = head + strconv.Itoa(offset+limit)
	}
	return page, nil
}
