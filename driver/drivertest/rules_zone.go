package drivertest

import (
	"time"

	"github.com/pmswriteback/pms/driver"
)

// zones are far from UTC to either side, and switch to summer time in opposite
// halves of the year.
func zones() []string { return []string{"America/Chicago", "Pacific/Auckland", "America/St_Johns"} }

func zoneRules() []rule {
	return []rule{
		{
			name:        "zone/wall-times",
			explanation: "An appointment that staff see at nine begins at nine in Env.Location, wherever the host runs.",
			subjects:    []string{"America_Chicago", "Pacific_Auckland", "America_St_Johns"},
			try: func(c *checker) {
				c.inZone()
				c.setUp()
				c.timesHold(c.tomorrow(9, 0), c.day(60, 15, 20))
			},
		}, {
			name:        "zone/summer-time",
			explanation: "On and around the days when the clocks change, times hold: an hour that a fixed offset puts wrong moves every confirmation of that day.",
			subjects:    []string{"America_Chicago", "Pacific_Auckland"},
			try: func(c *checker) {
				loc := c.inZone()
				year := time.Now().In(loc).Year() + 1
				var times []time.Time
				for _, day := range clockChanges(loc, year) {
					for _, h := range []int{-24 + 9, 9, 23, 24 + 9} {
						times = append(times, time.Date(day.Year(), day.Month(), day.Day(), h, 30, 0, 0, loc))
					}
				}
				c.timesHold(times...)
			},
		}, {
			name:        "zone/day-windows",
			explanation: "The window of a local day holds that day's appointments and no others, on days of 23 and 25 hours too.",
			subjects:    []string{"America_Chicago", "Pacific_Auckland"},
			try:         tryDayWindows,
		}, {
			name:        "zone/pms-times",
			explanation: "Times that the PMS stamps (ModifiedAt, AsOf, Receipt.At) are the moments at which it did so by its clock, whatever zone it keeps them in.",
			subjects:    []string{"America_Chicago", "Pacific_Auckland"},
			try:         tryPMSTimes,
		}, {
			name:        "zone/posting-date",
			explanation: "A posting date is a day without a zone: it is stored as that day, at any hour of it and in any zone.",
			subjects:    []string{"America_Chicago", "Pacific_Auckland"},
			try: func(c *checker) {
				c.inZone()
				s := c.open()
				tried := false
				for _, kind := range []driver.OpKind{driver.OpPayment, driver.OpAdjustment} {
					if !s.info.Ops[kind].Supported {
						continue
					}
					tried = true
					w := s.work(kind)
					w.mustWrite()
					if got, want := w.row().On, dateOf(w.op); got != want {
						c.Errorf("a %s posted on %s is stored as %s", kind, want, got)
					}
				}
				if !tried {
					c.notApplicable("the PMS takes neither payments nor adjustments")
				}
			},
		}, {
			name:        "zone/note-time",
			explanation: "The time of a note is stored as the practice's wall time of that moment, whatever zone the host gives it in.",
			subjects:    []string{"America_Chicago", "Pacific_Auckland"},
			try: func(c *checker) {
				loc := c.inZone()
				s := c.open()
				w := s.work(driver.OpNote)
				n := w.op.(*driver.Note)
				n.At = n.At.UTC()
				w.mustWrite()
				if got := w.row().At; !got.IsZero() && !got.Equal(n.At) {
					c.Errorf("a note of %s is stored as %s", n.At.In(loc), got.In(loc))
				}
			},
		},
	}
}

// inZone moves the case's practice to the zone that the subject names.
func (c *checker) inZone() *time.Location {
	for _, name := range zones() {
		if subjectOf(name) == c.subject {
			c.zone = c.location(name)
		}
	}
	return c.zone
}

// subjectOf makes a zone's name fit for a subtest's.
func subjectOf(zone string) string {
	b := []byte(zone)
	for i := range b {
		if b[i] == '/' {
			b[i] = '_'
		}
	}
	return string(b)
}

// timesHold has staff enter appointments and reads them in every way there is.
func (c *checker) timesHold(times ...time.Time) {
	s := c.open()
	patient := c.patient()
	for _, start := range times {
		id := c.visitAt(s, patient, "", start)
		for way, got := range s.readings(id, start) {
			if !got.Start.Equal(start) {
				c.Errorf("%s: an appointment at %s is read as %s", way, start, got.Start.In(c.zone))
			}
		}
	}
}

// readings reads one appointment in every way that Info offers.
func (s *session) readings(id string, start time.Time) map[string]driver.Appointment {
	c := s.c
	out := map[string]driver.Appointment{}
	if _, ok := s.conn.(driver.AppointmentReader); ok {
		a, err := s.appointment(c.ctx, id)
		if err != nil {
			c.Fatalf("ReadAppointment: %v", err)
		}
		out["ReadAppointment"] = a
	}
	if f := s.info.Feeds[driver.AppointmentFeed]; f.Supported && f.Window {
		walk := s.walkWindow(driver.WindowQuery{Feed: driver.AppointmentFeed, From: start.AddDate(0, 0, -2), To: start.AddDate(0, 0, 2)})
		a, ok := walk.appointments[id]
		if !ok {
			c.Fatalf("the window of two days around %s lacks the appointment", start)
		}
		out["ReadWindow"] = a
	}
	if len(out) == 0 {
		c.notApplicable("appointments can be read neither alone nor by window")
	}
	return out
}

func tryPMSTimes(c *checker) {
	c.inZone()
	s := c.open()
	check := func(what string, got time.Time) {
		now := c.pms.now()
		if off := got.Sub(now); !got.IsZero() && (off < -5*time.Minute || off > 5*time.Minute) {
			c.Errorf("%s is %s, and the PMS's clock says %s", what, got.In(c.zone), now.In(c.zone))
		}
	}
	start := c.tomorrow(9, 0)
	id := c.visitAt(s, c.patient(), "", start)
	for way, a := range s.readings(id, start) {
		check(way+": ModifiedAt of an appointment added now", a.ModifiedAt)
	}
	if f := s.info.Feeds[driver.AppointmentFeed]; f.Supported && f.Window {
		page, err := s.window(c.ctx, c.windowOf(driver.AppointmentFeed, 0))
		if err != nil {
			c.Fatalf("ReadWindow: %v", err)
		}
		check("AsOf of a window", page.AsOf)
	}
	if f := s.info.Feeds[driver.AppointmentFeed]; f.Supported && f.Changes {
		page, err := s.changes(c.ctx, driver.ChangesQuery{Feed: driver.AppointmentFeed})
		if err != nil {
			c.Fatalf("ReadChanges: %v", err)
		}
		check("AsOf of a baseline", page.AsOf)
	}
	if s.info.Ops[driver.OpNote].Supported {
		check("Receipt.At of a note", s.work(driver.OpNote).mustWrite().At)
	}
}

// clockChanges are the days of the year on which a zone's offset changes.
func clockChanges(loc *time.Location, year int) []time.Time {
	var out []time.Time
	for d := time.Date(year, 1, 1, 0, 0, 0, 0, loc); d.Year() == year; d = d.AddDate(0, 0, 1) {
		if d.AddDate(0, 0, 1).Sub(d) != 24*time.Hour {
			out = append(out, d)
		}
	}
	return out
}

func tryDayWindows(c *checker) {
	loc := c.inZone()
	s := c.open()
	s.needWindow(driver.AppointmentFeed)
	patient := c.patient()
	for _, day := range clockChanges(loc, time.Now().In(loc).Year()+1) {
		y, m, d := day.Date()
		at := func(offset, hour, minute int) string {
			return c.visitAt(s, patient, "", time.Date(y, m, d+offset, hour, minute, 0, 0, loc))
		}
		before, first, last, after := at(-1, 23, 50), at(0, 0, 0), at(0, 23, 50), at(1, 0, 0)
		ids := s.walkWindow(driver.WindowQuery{Feed: driver.AppointmentFeed, From: day, To: day.AddDate(0, 0, 1)}).ids
		for _, want := range []struct {
			what, id string
			n        int
		}{
			{"ten minutes before midnight of the day before", before, 0}, {"midnight at its start", first, 1},
			{"ten minutes before midnight at its end", last, 1}, {"midnight at its end", after, 0},
		} {
			if got := ids[want.id]; got != want.n {
				c.Errorf("the window of %s (%v long) shows the appointment at %s %d times, want %d",
					day.Format(time.DateOnly), day.AddDate(0, 0, 1).Sub(day), want.what, got, want.n)
			}
		}
	}
}
