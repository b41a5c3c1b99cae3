package drivertest

import (
	"time"

	"github.com/pmswriteback/pms/driver"
)

func changesRules() []rule {
	return []rule{
		{
			name:        "changes/baseline",
			explanation: "An empty cursor is a baseline: the page is empty, More is false, and Next is a cursor that marks the present.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				for _, change := range s.events(c.feed(), 2) {
					change()
				}
				page, err := s.changes(c.ctx, driver.ChangesQuery{Feed: c.feed()})
				if err != nil {
					c.Fatalf("ReadChanges without a cursor: %v", err)
				}
				if page.Len() != 0 || page.More {
					c.Errorf("the page of a baseline holds %d records, and More is %t", page.Len(), page.More)
				}
				if page.Next == "" {
					c.Errorf("a baseline gives no cursor")
				}
			},
		}, {
			name:        "changes/nothing-lost",
			explanation: "Whatever is committed in the PMS after a cursor was given is in a page read from that cursor.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				todo := s.events(c.feed(), 3)
				cursor := s.baseline(c.feed())
				for i, change := range todo {
					id := change()
					w := s.walkChanges(c.feed(), cursor, 0)
					w.has(c, "after change "+letters(i+1), id)
					cursor = w.next
					c.tick(s)
				}
			},
		}, {
			name:        "changes/around-baseline",
			explanation: "A change in the same tick of the PMS's clock as the baseline, but after it, is not lost.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				todo := s.events(c.feed(), 2)
				todo[0]()
				cursor := s.baseline(c.feed())
				after := todo[1]()
				s.walkChanges(c.feed(), cursor, 0).has(c, "changed right after the baseline", after)
				c.tick(s)
				s.walkChanges(c.feed(), cursor, 0).has(c, "changed right after the baseline and read a tick later", after)
			},
		}, {
			name:        "changes/ties",
			explanation: "Of many changes in one tick of the PMS's clock none is lost, neither at the edge of a page nor when one more comes in the tick that was just read.",
			subjects:    feedSubjects(),
			try:         tryTies,
		}, {
			name:        "changes/again",
			explanation: "Reading from a cursor uses nothing up: read from the same cursor again, the changes are there again, as after a crash before the page was stored.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				todo := s.events(c.feed(), 2)
				cursor := s.baseline(c.feed())
				a, b := todo[0](), todo[1]()
				for _, when := range []string{"read once", "read again"} {
					s.walkChanges(c.feed(), cursor, 1).has(c, when, a, b)
				}
			},
		}, {
			name:        "changes/restart",
			explanation: "A cursor is good on another connection, in another process and after a restart.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				todo := s.events(c.feed(), 1)
				cursor := s.baseline(c.feed())
				id := todo[0]()
				if err := s.conn.Close(); err != nil {
					c.Errorf("Close: %v", err)
				}
				c.open().walkChanges(c.feed(), cursor, 0).has(c, "read on a new connection", id)
			},
		}, {
			name:        "changes/more-ends",
			explanation: "Following Next while More is true ends, with any Limit, and does so again when nothing has changed since.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				todo := s.events(c.feed(), 5)
				cursor := s.baseline(c.feed())
				for _, change := range todo {
					change()
				}
				for _, limit := range []int{1, 2, 0} {
					next := s.walkChanges(c.feed(), cursor, limit).next
					c.tick(s)
					next = s.walkChanges(c.feed(), next, limit).next
					s.walkChanges(c.feed(), next, limit)
				}
			},
		}, {
			name:        "changes/idle",
			explanation: "An empty page has a cursor too, and nothing is lost however often nothing was read.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				todo := s.events(c.feed(), 1)
				cursor := s.baseline(c.feed())
				for range 3 {
					c.tick(s)
					page, err := s.changes(c.ctx, driver.ChangesQuery{Feed: c.feed(), Cursor: cursor})
					if err != nil {
						c.Fatalf("ReadChanges: %v", err)
					}
					if page.Next == "" {
						c.Fatalf("an empty page has no cursor")
					}
					cursor = page.Next
				}
				id := todo[0]()
				s.walkChanges(c.feed(), cursor, 0).has(c, "changed after three empty pages", id)
			},
		}, {
			name:        "changes/state-now",
			explanation: "The records show the state when they were read, not each step before: a status that staff took back must not be delivered.",
			try: func(c *checker) {
				s := c.open()
				s.needChanges(driver.AppointmentFeed)
				c.need("Staff.SetStatus", c.pms.Staff.SetStatus != nil)
				st := s.statuses(3)
				id := c.visit(s, c.patient(), st[0])
				c.tick(s)
				cursor := s.baseline(driver.AppointmentFeed)
				c.pms.Staff.SetStatus(id, st[1])
				c.tick(s)
				c.pms.Staff.SetStatus(id, st[2])
				w := s.walkChanges(driver.AppointmentFeed, cursor, 0)
				w.has(c, "after two changes of status", id)
				for _, got := range w.states[id] {
					if got != st[2] {
						c.Errorf("the appointment came with the status %q; when it was read it had %q", got, st[2])
					}
				}
			},
		}, {
			name:        "changes/staff-actions",
			explanation: "Everything that staff do to an appointment is a change: adding, moving, noting, confirming, completing and cancelling it.",
			try:         tryStaffActions,
		}, {
			name:        "changes/deletes",
			explanation: "When Info claims Deletes for a feed, a deleted record's id is in Deleted.",
			try: func(c *checker) {
				s := c.open()
				if !s.needChanges(driver.AppointmentFeed).Deletes {
					c.notApplicable("deletions show in windows alone")
				}
				c.need("Staff.DeleteAppointment", c.pms.Staff.DeleteAppointment != nil)
				id := c.visit(s, c.patient(), "")
				c.tick(s)
				cursor := s.baseline(driver.AppointmentFeed)
				c.pms.Staff.DeleteAppointment(id)
				if s.walkChanges(driver.AppointmentFeed, cursor, 0).deleted[id] == 0 {
					c.Errorf("the appointment that staff deleted is not in Deleted")
				}
			},
		}, {
			name:        "changes/pms-clock",
			explanation: "Cursors go by the PMS's clock, never the host's: nothing is lost when the PMS's is hours behind or ahead.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				for _, skew := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
					c.pms = nil
					c.setUp()
					c.need("Skew", c.pms.Skew != nil)
					c.pms.Skew(skew)
					s := c.open()
					s.needChanges(c.feed())
					todo := s.events(c.feed(), 2)
					cursor := s.baseline(c.feed())
					a, b := todo[0](), todo[1]()
					s.walkChanges(c.feed(), cursor, 0).has(c, "with the PMS's clock off by "+skew.String(), a, b)
				}
			},
		}, {
			name:        "changes/one-type",
			explanation: "A page holds records of the one type that goes with its feed.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				todo := s.events(c.feed(), 1)
				cursor := s.baseline(c.feed())
				todo[0]()
				w := s.walkChanges(c.feed(), cursor, 0)
				of := map[driver.Feed]int{
					driver.AppointmentFeed: len(w.appointments), driver.PatientFeed: len(w.patients), driver.PhotoFeed: len(w.photos),
				}
				mine := c.feed()
				if mine == driver.AppointmentStatusFeed {
					mine = driver.AppointmentFeed
				}
				for f, n := range of {
					if f != mine && n > 0 {
						c.Errorf("a page of %s holds %d records of %s", c.feed(), n, f)
					}
				}
			},
		}, {
			name:        "changes/unsupported",
			explanation: "A feed that Info does not serve by changes is ErrRejected with ReasonUnsupported, with a cursor and without.",
			try: func(c *checker) {
				s := c.open()
				for _, f := range append(driver.Feeds(), "no such feed") {
					if info := s.info.Feeds[f]; info.Supported && info.Changes {
						continue
					}
					_, err := s.changes(c.ctx, driver.ChangesQuery{Feed: f})
					c.rejected("ReadChanges("+string(f)+")", err, driver.ReasonUnsupported)
				}
			},
		},
	}
}

func tryTies(c *checker) {
	s := c.open()
	s.needChanges(c.feed())
	todo := s.events(c.feed(), 7)
	cursor := s.baseline(c.feed())
	var want []string
	for _, change := range todo[:5] {
		want = append(want, change())
	}
	w := s.walkChanges(c.feed(), cursor, 2)
	w.has(c, "five changes in one tick, two a page", want...)
	late := todo[5]()
	w = s.walkChanges(c.feed(), w.next, 2)
	w.has(c, "one more in the tick that was read", late)
	c.tick(s)
	w = s.walkChanges(c.feed(), w.next, 2)
	last := todo[6]()
	s.walkChanges(c.feed(), w.next, 2).has(c, "one in a later tick", last)
}

func tryStaffActions(c *checker) {
	s := c.open()
	s.needChanges(driver.AppointmentFeed)
	staff, st, patient := c.pms.Staff, s.statuses(2), c.patient()
	next := s.baseline(driver.AppointmentFeed)
	step := func(what, ability string, there bool, act func() string, check func(driver.Appointment) bool) {
		if !there {
			c.lack(ability, c.suite.h.Cannot[ability])
			return
		}
		c.tick(s)
		id := act()
		w := s.walkChanges(driver.AppointmentFeed, next, 0)
		next = w.next
		a, ok := w.appointments[id]
		switch {
		case !ok:
			c.Errorf("the appointment that staff %s is not in the changes", what)
		case !check(a):
			c.Errorf("the appointment that staff %s came without that change", what)
		}
	}
	var id string
	from, to := c.tomorrow(9, 0), c.day(2, 14, 30)
	step("added", "Staff.AddAppointment", staff.AddAppointment != nil,
		func() string { id = c.visitAt(s, patient, st[0], from); return id },
		func(a driver.Appointment) bool {
			return a.Patient == patient && a.Start.Equal(from) && a.Status == st[0]
		})
	step("moved", "Staff.MoveAppointment", staff.MoveAppointment != nil,
		func() string { staff.MoveAppointment(id, to); return id },
		func(a driver.Appointment) bool { return a.Start.Equal(to) })
	step("noted", "Staff.NoteAppointment", staff.NoteAppointment != nil,
		func() string { staff.NoteAppointment(id, marker+" needs a ramp"); return id },
		func(a driver.Appointment) bool { return a.Note.IsEmpty() || hasText(a.Note.Reveal(), "needs a ramp") })
	step("confirmed", "Staff.SetStatus", staff.SetStatus != nil,
		func() string { staff.SetStatus(id, st[1]); return id },
		func(a driver.Appointment) bool { return a.Status == st[1] })
	step("completed", "Staff.CompleteAppointment", staff.CompleteAppointment != nil,
		func() string { staff.CompleteAppointment(id); return id },
		func(a driver.Appointment) bool { return a.State == driver.AppointmentCompleted })
	step("cancelled", "Staff.CancelAppointment", staff.CancelAppointment != nil,
		func() string {
			other := c.visitAt(s, patient, st[0], from)
			staff.CancelAppointment(other)
			return other
		},
		func(a driver.Appointment) bool {
			return a.State == driver.AppointmentCancelled || a.State == driver.AppointmentUnscheduled
		})
}
