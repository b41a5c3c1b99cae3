package drivertest

import (
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
)

func windowRules() []rule {
	return []rule{
		{
			name:        "window/once",
			explanation: "Walking Next until More is false gives every record of the window exactly once, whatever the Limit.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needWindow(c.feed())
				var want []string
				for _, add := range s.events(c.feed(), 5) {
					want = append(want, add())
				}
				for _, limit := range []int{1, 2, 5, 0} {
					w := s.walkWindow(c.windowOf(c.feed(), limit))
					for _, id := range want {
						if w.ids[id] != 1 {
							c.Errorf("with Limit %d, the record %q came %d times in %d pages", limit, id, w.ids[id], w.pages)
						}
					}
				}
			},
		}, {
			name:        "window/bounds",
			explanation: "A window of appointments includes its From and excludes its To.",
			try: func(c *checker) {
				s := c.open()
				s.needWindow(driver.AppointmentFeed)
				patient := c.patient()
				from, to := c.tomorrow(10, 0), c.tomorrow(12, 0)
				at := func(t time.Time) string { return c.visitAt(s, patient, "", t) }
				before, first, last, after := at(from.Add(-10*time.Minute)), at(from), at(to.Add(-10*time.Minute)), at(to)
				w := s.walkWindow(driver.WindowQuery{Feed: driver.AppointmentFeed, From: from, To: to})
				for id, want := range map[string]int{before: 0, first: 1, last: 1, after: 0} {
					if w.ids[id] != want {
						what := map[string]string{before: "before From", first: "at From", last: "before To", after: "at To"}[id]
						c.Errorf("the appointment %s came %d times, want %d", what, w.ids[id], want)
					}
				}
			},
		}, {
			name:        "window/past-and-future",
			explanation: "Windows may lie in the past and far ahead, and hold appointments in every state.",
			try:         tryPastAndFuture,
		}, {
			name:        "window/moved",
			explanation: "An appointment that staff moved into a window is in the next walk, one that was moved out or deleted is not.",
			try: func(c *checker) {
				s := c.open()
				s.needWindow(driver.AppointmentFeed)
				c.need("Staff.MoveAppointment", c.pms.Staff.MoveAppointment != nil)
				patient := c.patient()
				q := driver.WindowQuery{Feed: driver.AppointmentFeed, From: c.tomorrow(0, 0), To: c.tomorrow(24, 0)}
				stays, leaves := c.visit(s, patient, ""), c.visitAt(s, patient, "", c.tomorrow(13, 0))
				comes := c.visitAt(s, patient, "", c.day(5, 13, 0))
				s.walkWindow(q)
				c.pms.Staff.MoveAppointment(leaves, c.day(6, 9, 0))
				c.pms.Staff.MoveAppointment(comes, c.tomorrow(16, 0))
				w := s.walkWindow(q)
				for id, want := range map[string]int{stays: 1, leaves: 0, comes: 1} {
					if w.ids[id] != want {
						what := map[string]string{stays: "stayed", leaves: "was moved out", comes: "was moved in"}[id]
						c.Errorf("the appointment that %s came %d times, want %d", what, w.ids[id], want)
					}
				}
			},
		}, {
			name:        "window/while-staff-work",
			explanation: "Records that stay in the window during the whole walk come exactly once, also when staff add, move and delete others between two pages: a record skipped would look deleted.",
			try:         tryWhileStaffWork,
		}, {
			name:        "window/no-deletions",
			explanation: "Deleted stays empty in windows, and what was deleted is not in them.",
			try: func(c *checker) {
				s := c.open()
				s.needWindow(driver.AppointmentFeed)
				c.need("Staff.DeleteAppointment", c.pms.Staff.DeleteAppointment != nil)
				patient := c.patient()
				gone := c.visit(s, patient, "")
				c.visitAt(s, patient, "", c.tomorrow(11, 0))
				q := driver.WindowQuery{Feed: driver.AppointmentFeed, From: c.tomorrow(0, 0), To: c.tomorrow(24, 0)}
				s.walkWindow(q)
				c.pms.Staff.DeleteAppointment(gone)
				w := s.walkWindow(q)
				if len(w.deleted) != 0 {
					c.Errorf("Deleted holds %d ids", len(w.deleted))
				}
				if w.ids[gone] != 0 {
					c.Errorf("the appointment that was deleted is in the window")
				}
			},
		}, {
			name:        "window/empty",
			explanation: "A window without records is an empty page with More false, not an error.",
			try: func(c *checker) {
				s := c.open()
				s.needWindow(driver.AppointmentFeed)
				page, err := s.window(c.ctx, driver.WindowQuery{Feed: driver.AppointmentFeed, From: c.day(3000, 0, 0), To: c.day(3001, 0, 0)})
				if err != nil || page.Len() != 0 || page.More {
					c.Errorf("%d records, More %t, error %v; want none, false and no error", page.Len(), page.More, err)
				}
			},
		}, {
			name:        "window/bad-token",
			explanation: "A token that is not of this walk is ErrCursorExpired, never an empty page.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needWindow(c.feed())
				q := c.windowOf(c.feed(), 0)
				for _, bad := range []string{"not a token", "%", "\x00\x01"} {
					q.Token = bad
					_, err := s.window(c.ctx, q)
					c.readFails("ReadWindow with a foreign token", err, driver.ErrCursorExpired)
				}
			},
		}, {
			name:        "window/other-window",
			explanation: "A token of one window, given with another, is ErrCursorExpired, or the whole of the other window comes: an offset that fits neither loses records.",
			try: func(c *checker) {
				s := c.open()
				s.needWindow(driver.AppointmentFeed)
				patient := c.patient()
				var want []string
				for i := range 4 {
					c.visitAt(s, patient, "", c.tomorrow(8+i, 0))
					want = append(want, c.visitAt(s, patient, "", c.day(3, 8+i, 0)))
				}
				page, err := s.window(c.ctx, c.windowOf(driver.AppointmentFeed, 2))
				if err != nil {
					c.Fatalf("ReadWindow: %v", err)
				}
				if !page.More {
					c.notApplicable("a window comes in one page")
				}
				other := driver.WindowQuery{Feed: driver.AppointmentFeed, From: c.day(3, 0, 0), To: c.day(4, 0, 0), Limit: 2, Token: page.Next}
				page, err = s.window(c.ctx, other)
				if err != nil {
					c.readFails("ReadWindow with the token of another window", err, driver.ErrCursorExpired)
					return
				}
				w := newWalked()
				if w.add(page); page.More {
					other.Token = page.Next
					for id, n := range s.walkWindow(other).ids {
						w.ids[id] += n
					}
				}
				w.has(c, "walked with the token of another window", want...)
			},
		}, {
			name:        "window/cut",
			explanation: "When the connection breaks in the middle of a page, ReadWindow is an error: half a window would delete the other half.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needWindow(c.feed())
				for _, add := range s.events(c.feed(), 4) {
					add()
				}
				c.inject(Fault{Kind: FaultCutMiddle, Call: CallWindow})
				page, err := s.window(c.ctx, c.windowOf(c.feed(), 0))
				if err == nil {
					c.Errorf("the connection broke, and ReadWindow gave a page of %d records without an error", page.Len())
					return
				}
				c.readFails("ReadWindow when the connection breaks", err, driver.ErrUnavailable)
			},
		}, {
			name:        "window/unsupported",
			explanation: "A feed that Info does not serve by windows is ErrRejected with ReasonUnsupported.",
			try: func(c *checker) {
				s := c.open()
				for _, f := range append(driver.Feeds(), "no such feed") {
					if info := s.info.Feeds[f]; info.Supported && info.Window {
						continue
					}
					_, err := s.window(c.ctx, driver.WindowQuery{Feed: f, From: c.tomorrow(0, 0), To: c.tomorrow(24, 0)})
					c.rejected("ReadWindow("+string(f)+")", err, driver.ReasonUnsupported)
				}
			},
		},
	}
}

// windowOf is a window that holds all that the suite makes in a feed.
func (c *checker) windowOf(feed driver.Feed, limit int) driver.WindowQuery {
	q := driver.WindowQuery{Feed: feed, Limit: limit}
	if feed == driver.AppointmentFeed || feed == driver.AppointmentStatusFeed {
		q.From, q.To = c.tomorrow(0, 0), c.tomorrow(24, 0)
	}
	return q
}

func tryPastAndFuture(c *checker) {
	s := c.open()
	s.needWindow(driver.AppointmentFeed)
	staff, patient := c.pms.Staff, c.patient()
	want := map[string]driver.AppointmentState{}
	expect := func(day int, ability string, act func(id string), states driver.AppointmentState) {
		id := c.visitAt(s, patient, "", c.day(day, 10, 0))
		if act == nil {
			c.lack(ability, c.suite.h.Cannot[ability])
			return
		}
		act(id)
		want[id] = states
	}
	expect(-400, "Staff.CompleteAppointment", staff.CompleteAppointment, driver.AppointmentCompleted)
	expect(-3, "Staff.CompleteAppointment", staff.CompleteAppointment, driver.AppointmentCompleted)
	expect(-2, "Staff.CancelAppointment", staff.CancelAppointment, driver.AppointmentCancelled)
	expect(-1, "", func(string) {}, driver.AppointmentScheduled)
	expect(4, "Staff.CancelAppointment", staff.CancelAppointment, driver.AppointmentCancelled)
	expect(300, "", func(string) {}, driver.AppointmentScheduled)
	w := s.walkWindow(driver.WindowQuery{Feed: driver.AppointmentFeed, From: c.day(-401, 0, 0), To: c.day(301, 0, 0)})
	for id, state := range want {
		a, ok := w.appointments[id]
		switch {
		case !ok && state == driver.AppointmentCancelled:
			// A PMS may take a cancelled appointment off the day's list.
		case !ok:
			c.Errorf("an appointment that is %s is not in the window", state)
		case state == driver.AppointmentCancelled && a.State == driver.AppointmentUnscheduled:
		case a.State != state:
			c.Errorf("the state of an appointment that is %s is %q", state, a.State)
		}
	}
}

func tryWhileStaffWork(c *checker) {
	s := c.open()
	s.needWindow(driver.AppointmentFeed)
	staff, patient := c.pms.Staff, c.patient()
	c.need("Staff.DeleteAppointment", staff.DeleteAppointment != nil)
	c.need("Staff.MoveAppointment", staff.MoveAppointment != nil)
	// What staff do before the place where the walk stands shifts all that comes
	// after it, forth or back.
	whileWalking := func(day int, what string, act func(all []string), touched ...int) {
		var all []string
		for i := range 12 {
			all = append(all, c.visitAt(s, patient, "", c.day(day, 7+i, 0)))
		}
		q := driver.WindowQuery{Feed: driver.AppointmentFeed, From: c.day(day, 0, 0), To: c.day(day+1, 0, 0), Limit: 3}
		page, err := s.window(c.ctx, q)
		if err != nil {
			c.Fatalf("ReadWindow: %v", err)
		}
		if !page.More {
			c.notApplicable("a window comes in one page")
		}
		w := newWalked()
		w.add(page)
		act(all)
		q.Token = page.Next
		rest := s.walkWindow(q)
		for i, id := range all {
			if n := w.ids[id] + rest.ids[id]; n != 1 && !slices.Contains(touched, i) {
				c.Errorf("while staff %s others, the appointment at %d o'clock, which nobody touched, came %d times", what, 7+i, n)
			}
		}
	}
	whileWalking(1, "deleted and moved away", func(all []string) {
		staff.DeleteAppointment(all[0])
		staff.MoveAppointment(all[1], c.day(20, 9, 0))
		staff.DeleteAppointment(all[7])
	}, 0, 1, 7)
	whileWalking(3, "added", func([]string) {
		for _, hour := range []int{5, 6, 15} {
			c.visitAt(s, patient, "", c.day(3, hour, 30))
		}
	})
}
