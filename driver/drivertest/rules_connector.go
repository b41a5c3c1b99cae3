package drivertest

import (
	"context"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

func connectorRules() []rule {
	return []rule{
		{
			name:        "connector/dsn-refused",
			explanation: "OpenConnector refuses a data source name with a mistake in it, and its error names the part that is wrong, so that the mistake shows when the host starts.",
			try:         tryDSNRefused,
		}, {
			name:        "connector/dsn-secret",
			explanation: "The error for a bad data source name never repeats a key or password in it: such errors end up in logs.",
			try:         tryDSNSecret,
		}, {
			name:        "connector/no-io",
			explanation: "OpenConnector does no I/O: it works while the PMS is off. A practice that is closed for the night must not stop a host from starting.",
			try:         tryNoIO,
		}, {
			name:        "connector/concurrent",
			explanation: "A Connector is safe for concurrent use: several Connects at once all succeed.",
			try:         tryConcurrentConnect,
		}, {
			name:        "connector/empty-env",
			explanation: "An Env without location and logger is served: nil means UTC and no log.",
			try:         tryEmptyEnv,
		}, {
			name:        "connector/offline",
			explanation: "Connect to a PMS that does not answer is ErrUnavailable: the engine tries again without end.",
			try: func(c *checker) {
				c.setUp()
				c.inject(Fault{Kind: FaultOffline})
				s, err := c.dial(c.ctx)
				if err == nil {
					// A driver that connects lazily finds out at the first call.
					err = s.ping(c.ctx)
				}
				c.readFails("Connect and Ping while offline", err, driver.ErrUnavailable)
			},
		}, {
			name:        "connector/unauthorized",
			explanation: "Refused credentials are ErrUnauthorized with ScopeConnection, at Connect or at the first Ping: the engine then asks the host for new ones.",
			try:         tryUnauthorizedConnect,
		}, {
			name:        "connector/other-product",
			explanation: "What answers and is not this PMS is ErrRejected with ReasonNotThisPMS, at Connect or at the first Ping: a person has to look at the address.",
			try: func(c *checker) {
				c.setUp()
				c.need("ForeignDSN", c.pms.Driver != nil && c.pms.ForeignDSN != "")
				cr, err := c.pms.Driver.OpenConnector(c.pms.ForeignDSN)
				if err != nil {
					c.Fatalf("OpenConnector of ForeignDSN: %v", err)
				}
				conn, err := cr.Connect(c.ctx, c.env())
				c.suite.watch.call(c.Name(), CallConnect, err)
				if err == nil {
					defer conn.Close()
					err = (&session{c: c, conn: conn}).ping(c.ctx)
				}
				c.rejected("Connect and Ping of something else", err, driver.ReasonNotThisPMS)
			},
		}, {
			name:        "connector/ended-context",
			explanation: "Connect with a context that has ended returns an error, and not ErrRejected or ErrUnauthorized, which would need a person.",
			try: func(c *checker) {
				c.setUp()
				ctx, cancel := context.WithCancel(c.ctx)
				cancel()
				s, err := c.dial(ctx)
				if err == nil {
					err = s.ping(ctx)
				}
				c.readFails("Connect and Ping with an ended context", err, driver.ErrUnavailable)
			},
		}, {
			name:        "connector/site",
			explanation: "Env.Site narrows what is read to one clinic or location: another one's appointments do not show.",
			try:         trySite,
		},
	}
}

func (c *checker) needDSN() []BadDSN {
	c.setUp()
	c.need("Driver", c.pms.Driver != nil && c.pms.DSN != "")
	c.need("BadDSNs", len(c.pms.BadDSNs) > 0)
	return c.pms.BadDSNs
}

func tryDSNRefused(c *checker) {
	for i, bad := range c.needDSN() {
		_, err := c.pms.Driver.OpenConnector(bad.DSN)
		switch {
		case err == nil:
			c.Errorf("BadDSNs[%d] (mistake in %q) is accepted", i, bad.Names)
		case !strings.Contains(err.Error(), bad.Names):
			c.Errorf("BadDSNs[%d]: the error does not name %q", i, bad.Names)
		}
	}
	c.connector() // and the good one is not refused
}

func tryDSNSecret(c *checker) {
	secrets := 0
	for i, bad := range c.needDSN() {
		if bad.Secret == "" {
			continue
		}
		secrets++
		if !strings.Contains(bad.DSN, bad.Secret) {
			c.Errorf("harness: BadDSNs[%d].Secret is not in its DSN", i)
		}
		if _, err := c.pms.Driver.OpenConnector(bad.DSN); err != nil && strings.Contains(err.Error(), bad.Secret) {
			c.Errorf("BadDSNs[%d]: the error repeats the secret", i)
		}
	}
	if secrets == 0 {
		c.notProved("BadDSNs", c.suite.h.Cannot["BadDSNs.Secret"])
	}
}

func tryNoIO(c *checker) {
	c.setUp()
	c.need("Driver", c.pms.Driver != nil && c.pms.DSN != "")
	c.inject(Fault{Kind: FaultOffline})
	if _, err := c.pms.Driver.OpenConnector(c.pms.DSN); err != nil {
		c.Errorf("OpenConnector fails while the PMS is offline: %v", err)
	}
}

func tryConcurrentConnect(c *checker) {
	cr := c.connector()
	var running []<-chan struct{}
	for range 4 {
		running = append(running, c.run(func() {
			conn, err := cr.Connect(c.ctx, c.env())
			c.suite.watch.call(c.Name(), CallConnect, err)
			if err != nil {
				c.Errorf("Connect: %v", err)
				return
			}
			if err := conn.Ping(c.ctx); err != nil {
				c.Errorf("Ping: %v", err)
			}
			if err := conn.Close(); err != nil {
				c.Errorf("Close: %v", err)
			}
		}))
	}
	for _, done := range running {
		<-done
	}
}

func tryEmptyEnv(c *checker) {
	c.setUp()
	conn, err := c.connector().Connect(c.ctx, driver.Env{Site: c.pms.Site})
	c.suite.watch.call(c.Name(), CallConnect, err)
	if err != nil {
		c.Fatalf("Connect with an empty Env: %v", err)
	}
	defer conn.Close()
	s := &session{c: c, conn: conn}
	if err := s.ping(c.ctx); err != nil {
		c.Errorf("Ping: %v", err)
	}
	info, err := s.readInfo(c.ctx)
	if err != nil {
		c.Fatalf("Info: %v", err)
	}
	s.info = info
	if feed := info.Feeds[driver.AppointmentFeed]; feed.Supported && feed.Window {
		_, err := s.window(c.ctx, driver.WindowQuery{Feed: driver.AppointmentFeed, From: c.tomorrow(0, 0), To: c.tomorrow(24, 0)})
		if err != nil {
			c.Errorf("ReadWindow: %v", err)
		}
	}
}

func tryUnauthorizedConnect(c *checker) {
	c.setUp()
	c.inject(Fault{Kind: FaultUnauthorized, Scope: driver.ScopeConnection})
	s, err := c.dial(c.ctx)
	if err == nil {
		err = s.ping(c.ctx)
	}
	c.readFails("Connect and Ping with refused credentials", err, driver.ErrUnauthorized)
	if e := driver.ReadError(err); e != nil && e.Scope != driver.ScopeConnection {
		c.Errorf("the scope is %q, want %q", e.Scope, driver.ScopeConnection)
	}
}

func trySite(c *checker) {
	s := c.open()
	feed := s.info.Feeds[driver.AppointmentFeed]
	if !feed.Supported || !feed.Window {
		c.notApplicable("no windows of appointments")
	}
	c.need("OtherSite", c.pms.OtherSite != "")
	patient := c.patient()
	here := c.visit(s, patient, "")
	there := c.pms.Staff.AddAppointment(NewAppointment{
		Patient: patient, Provider: s.provider(), Start: c.tomorrow(11, 0), Duration: 30 * time.Minute, Site: c.pms.OtherSite,
	})
	ids := s.walkWindow(driver.WindowQuery{Feed: driver.AppointmentFeed, From: c.tomorrow(0, 0), To: c.tomorrow(24, 0)}).ids
	if ids[here] == 0 {
		c.Errorf("the window of site %q lacks its own appointment", c.pms.Site)
	}
	if ids[there] != 0 {
		c.Errorf("the window of site %q shows an appointment of site %q", c.pms.Site, c.pms.OtherSite)
	}
}
