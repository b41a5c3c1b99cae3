package drivertest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
)

func connRules() []rule {
	return []rule{
		{
			name:        "conn/ping",
			explanation: "Ping succeeds while the PMS answers and accepts the credentials.",
			try: func(c *checker) {
				if err := c.open().ping(c.ctx); err != nil {
					c.Errorf("Ping: %v", err)
				}
			},
		}, {
			name:        "conn/offline",
			explanation: "Ping and every read of a PMS that went away are ErrUnavailable, never an empty answer: nobody found would make a second patient.",
			try: func(c *checker) {
				s := c.open()
				at := s.footing()
				c.inject(Fault{Kind: FaultOffline})
				s.eachRead(at, func(call string, err error) {
					c.readFails(call+" while offline", err, driver.ErrUnavailable)
				})
			},
		}, {
			name:        "conn/back-online",
			explanation: "When the PMS is back, the same connection works again, or a new one does.",
			try: func(c *checker) {
				s := c.open()
				lift := c.inject(Fault{Kind: FaultOffline})
				c.readFails("Ping while offline", s.ping(c.ctx), driver.ErrUnavailable)
				lift()
				if err := s.ping(c.ctx); err == nil {
					return
				}
				if err := c.open().ping(c.ctx); err != nil {
					c.Errorf("Ping of a new connection when the PMS is back: %v", err)
				}
			},
		}, {
			name:        "conn/unauthorized",
			explanation: "Ping and every read with credentials that are refused since are ErrUnauthorized with ScopeConnection.",
			try: func(c *checker) {
				s := c.open()
				at := s.footing()
				c.inject(Fault{Kind: FaultUnauthorized, Scope: driver.ScopeConnection})
				s.eachRead(at, func(call string, err error) {
					c.readFails(call+" with refused credentials", err, driver.ErrUnauthorized)
					if e := driver.ReadError(err); e != nil && e.Kind == driver.ErrUnauthorized && e.Scope != driver.ScopeConnection {
						c.Errorf("%s: the scope is %q, want %q", call, e.Scope, driver.ScopeConnection)
					}
				})
			},
		}, {
			name:        "conn/close-twice",
			explanation: "Closing a connection twice is not an error.",
			try: func(c *checker) {
				s := c.open()
				for i := range 2 {
					if err := s.conn.Close(); err != nil {
						c.Errorf("Close, call %d: %v", i+1, err)
					}
				}
			},
		}, {
			name:        "conn/closed",
			explanation: "Every call after Close fails with ErrUnavailable, and a write has no effect.",
			try:         tryClosed,
		}, {
			name:        "conn/close-ends-calls",
			explanation: "Close makes running calls fail, so that a host that shuts down does not wait for a PMS that hangs.",
			try: func(c *checker) {
				s := c.open()
				c.inject(Fault{Kind: FaultHang, Call: CallPing})
				var err error
				done := c.run(func() { err = s.ping(c.ctx) })
				c.wait(hangFor)
				if err := s.conn.Close(); err != nil {
					c.Errorf("Close: %v", err)
				}
				select {
				case <-done:
					c.readFails("the running Ping", err, driver.ErrUnavailable)
				case <-c.ctx.Done():
				}
			},
		}, {
			name:        "conn/context",
			explanation: "Ping and every read return soon after their context ends, with ErrUnavailable or the context's error, while the PMS hangs.",
			try: func(c *checker) {
				s := c.open()
				at := s.footing()
				c.inject(Fault{Kind: FaultHang})
				s.eachRead(at, func(call string, err error) {
					c.readFails(call+" in a PMS that hangs", err, driver.ErrUnavailable)
				}, c.endsSoon)
			},
		},
	}
}

// hangFor is how long a call is left hanging before its context ends. Whether
// the request has reached the PMS by then or not, the rules hold.
const hangFor = 50 * time.Millisecond

// soon is how long a call may outlive its context.
const soon = 5 * time.Second

// endsSoon makes a call whose context ends while it hangs, and fails the case
// when it goes on.
func (c *checker) endsSoon(what string, call func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(c.ctx, hangFor)
	defer cancel()
	start := time.Now()
	call(ctx)
	if late := time.Since(start) - hangFor; late > soon {
		c.Errorf("%s returned %v after its context had ended", what, late.Round(time.Millisecond))
	}
}

// wait lets time pass for the host, however the PMS's clock is made.
func (c *checker) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
	}
}

// footing is what the reads of a case stand on: things that exist.
type footing struct {
	patient, appointment string
	cursors              map[driver.Feed]string
}

func (s *session) footing() footing {
	at := footing{patient: s.c.patient(), cursors: map[driver.Feed]string{}}
	at.appointment = s.c.visit(s, at.patient, "")
	for _, f := range driver.Feeds() {
		if info := s.info.Feeds[f]; info.Supported && info.Changes {
			at.cursors[f] = s.baseline(f)
		}
	}
	return at
}

// eachRead makes every kind of read that Info offers and shows its error. The
// context is that of the case, or what around gives.
func (s *session) eachRead(at footing, see func(call string, err error), around ...func(what string, call func(ctx context.Context))) {
	within := func(call string, f func(ctx context.Context) error) {
		if len(around) == 0 {
			see(call, f(s.c.ctx))
			return
		}
		around[0](call, func(ctx context.Context) { see(call, f(ctx)) })
	}
	within("Ping", s.ping)
	for _, cat := range driver.Catalogs() {
		if s.info.Catalogs[cat].Supported {
			within("ReadCatalog", func(ctx context.Context) error { _, err := s.readCatalog(ctx, cat); return err })
			break
		}
	}
	for _, q := range []driver.PatientQuery{{ID: at.patient}, {BirthDate: driver.NewBirthDate(born())}} {
		if s.info.Find[q.By()].Supported {
			within("FindPatients by "+string(q.By()), func(ctx context.Context) error { _, err := s.find(ctx, q); return err })
		}
	}
	for _, f := range slices.Sorted(maps.Keys(at.cursors)) {
		within("ReadChanges of "+string(f), func(ctx context.Context) error {
			_, err := s.changes(ctx, driver.ChangesQuery{Feed: f, Cursor: at.cursors[f]})
			return err
		})
	}
	if f := s.info.Feeds[driver.AppointmentFeed]; f.Supported && f.Window {
		within("ReadWindow", func(ctx context.Context) error {
			_, err := s.window(ctx, driver.WindowQuery{Feed: driver.AppointmentFeed, From: s.c.tomorrow(0, 0), To: s.c.tomorrow(24, 0)})
			return err
		})
	}
	if _, ok := s.conn.(driver.AppointmentReader); ok {
		within("ReadAppointment", func(ctx context.Context) error { _, err := s.appointment(ctx, at.appointment); return err })
	}
}

func tryClosed(c *checker) {
	s := c.open()
	at := s.footing()
	var works []*work
	for _, kind := range driver.OpKinds() {
		if s.info.Ops[kind].Supported && kind != driver.OpRefund {
			works = append(works, s.work(kind))
		}
	}
	if err := s.conn.Close(); err != nil {
		c.Errorf("Close: %v", err)
	}
	s.eachRead(at, func(call string, err error) {
		c.readFails(call+" after Close", err, driver.ErrUnavailable)
	})
	_, err := s.readInfo(c.ctx)
	c.readFails("Info after Close", err, driver.ErrUnavailable)
	for _, w := range works {
		_, err := w.write()
		c.writeFails("Write("+string(w.kind)+") after Close", err, driver.ErrUnavailable)
		w.want(0, "written after Close")
	}
}
