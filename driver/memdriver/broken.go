package memdriver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Broken names one rule of the contract that the driver breaks on demand, so
// that a conformance case can be seen to fail. The names are those of
// drivertest.Rules. A PMS breaks none by default.
//
// What is broken is a driver around the whole one: [brokenConn], and one line in
// Connect. Whoever embeds this package for tests meets none of it.
type Broken string

// brokenSet holds the rules that are broken, and what breaking them needs to
// remember. Asking costs one atomic load.
type brokenSet struct {
	set atomic.Pointer[map[Broken]bool]

	mu      sync.Mutex
	owner   map[string]int64     // of a cursor: the connection that gave it
	served  map[string]bool      // cursors that gave something
	lost    map[string]time.Time // by cursor: the tick that it forgets
	inside  map[int64]int        // writes under way by connection
	dialing int
	stuck   bool
}

// Break makes the driver break these rules too, on connections made from now on.
func (p *PMS) Break(rules ...Broken) {
	if len(rules) == 0 {
		return
	}
	for {
		old := p.broke.set.Load()
		next := map[Broken]bool{}
		if old != nil {
			for r := range *old {
				next[r] = true
			}
		}
		for _, r := range rules {
			next[r] = true
		}
		if p.broke.set.CompareAndSwap(old, &next) {
			return
		}
	}
}

// broken reports whether the rule is to be broken.
func (p *PMS) broken(rule Broken) bool {
	set := p.broke.set.Load()
	return set != nil && (*set)[rule]
}

func (p *PMS) breaks() bool { return p.broke.set.Load() != nil }

// brokenConn is a connection that breaks rules. It implements every optional
// interface and asks the whole connection for what it does not break.
type brokenConn struct {
	driver.Conn
	raw *conn
	p   *PMS

	mu      sync.Mutex
	closed  bool
	labels  map[string]string
	found   []driver.Patient
	looked  bool
	seen    map[string]driver.Appointment
	windows map[driver.WindowQuery]driver.Page
	last    driver.Page
	refs    map[string]bool
	pending driver.Op
	pages   int

	firstMark string
	spent     bool
}

// breakConn wraps a connection of a PMS that breaks rules.
func (p *PMS) breakConn(c *conn, whole driver.Conn) driver.Conn {
	if !p.breaks() {
		return whole
	}
	b := &brokenConn{
		Conn: whole, raw: c, p: p, labels: map[string]string{}, seen: map[string]driver.Appointment{},
		windows: map[driver.WindowQuery]driver.Page{}, refs: map[string]bool{},
	}
	if p.broken("info/interfaces") { // no driver.PhotoReader
		return struct {
			driver.Conn
			driver.Cataloger
			driver.PatientFinder
			driver.ChangeReader
			driver.WindowReader
			driver.Hinter
			driver.AppointmentReader
			driver.Writer
			driver.Verifier
		}{b, b, b, b, b, b, b, b, b}
	}
	return b
}

// breakConnect is Connect of a PMS that breaks rules.
func (p *PMS) breakConnect(ctx context.Context, env driver.Env) (driver.Conn, error) {
	s := &p.broke
	if p.broken("connector/concurrent") {
		s.mu.Lock()
		s.dialing++
		s.mu.Unlock()
		pause()
		s.mu.Lock()
		busy := s.dialing > 1
		s.mu.Unlock()
		defer func() {
			pause()
			s.mu.Lock()
			s.dialing--
			s.mu.Unlock()
		}()
		if busy {
			return nil, fail("connect", driver.ErrUnavailable, errors.New("another connection is being made"))
		}
	}
	if p.broken("connector/empty-env") && env.Location == nil {
		return nil, reject("connect", driver.ReasonInvalid, errors.New("the location is nil"))
	}
	if p.broken("connector/site") {
		env.Site = ""
	}
	c, err := p.connect(ctx, env)
	switch e := driver.ReadError(err); {
	case err == nil:
		return c, nil
	case p.broken("connector/offline") && p.offline.Load():
		return nil, reject("connect", driver.ReasonNotThisPMS, nil)
	case p.broken("connector/unauthorized") && e.Kind == driver.ErrUnauthorized:
		return nil, fail("connect", driver.ErrUnavailable, nil)
	case p.broken("connector/ended-context") && ctx.Err() != nil:
		return nil, reject("connect", driver.ReasonInvalid, nil)
	}
	return nil, err
}

// breakOpen is OpenConnector of a PMS that breaks rules.
func (p *PMS) breakOpen(dsn string, err error) (driver.Connector, error) {
	switch {
	case err != nil && p.broken("connector/dsn-refused"):
		return p.Connector(), nil
	case err != nil && p.broken("connector/dsn-secret"):
		return nil, fmt.Errorf("%w: %s", err, dsn)
	case err == nil && p.broken("connector/no-io") && p.offline.Load():
		return nil, errors.New("memory: open: the PMS does not answer")
	case err != nil:
		return nil, err
	}
	return p.Connector(), nil
}

// Ping implements driver.Conn.
func (b *brokenConn) Ping(ctx context.Context) error {
	s := &b.p.broke
	s.mu.Lock()
	if b.p.broken("conn/back-online") && b.p.offline.Load() {
		s.stuck = true
	}
	stuck := s.stuck
	s.mu.Unlock()
	if b.p.broken("conn/ping") || stuck {
		return fail("ping", driver.ErrUnavailable, nil)
	}
	return b.Conn.Ping(ctx)
}

// Close implements driver.Conn.
func (b *brokenConn) Close() error {
	b.mu.Lock()
	again := b.closed
	b.closed = true
	b.mu.Unlock()
	switch {
	case b.p.broken("conn/close-twice") && again:
		return fail("close", driver.ErrUnavailable, errClosed)
	case b.p.broken("conn/close-ends-calls") && b.raw.running.Load() > 0:
		return nil
	}
	return b.Conn.Close()
}

// Info implements driver.Conn.
func (b *brokenConn) Info(ctx context.Context) (driver.Info, error) {
	i, err := b.Conn.Info(ctx)
	if err != nil {
		return i, err
	}
	if b.p.broken("info/why") {
		i.Find[driver.FindByPhone] = driver.Support{}
	}
	if b.p.broken("info/ways") {
		f := i.Feeds[driver.PhotoFeed]
		f.Deletes = true
		i.Feeds[driver.PhotoFeed] = f
	}
	if b.p.broken("info/vocabulary") {
		i.Feeds["recalls"] = driver.FeedInfo{Support: driver.No("This PMS keeps no recalls.")}
	}
	if b.p.broken("info/limits") {
		f := i.Feeds[driver.PhotoFeed]
		f.MinInterval = -time.Second
		i.Feeds[driver.PhotoFeed] = f
	}
	if b.p.broken("info/product") {
		i.Product = ""
	}
	if b.p.broken("info/skew") {
		i.Clock.Skew = -i.Clock.Skew
	}
	return i, nil
}

// pause lets calls meet that run at once.
func pause() {
	timer := time.NewTimer(5 * time.Millisecond)
	defer timer.Stop()
	<-timer.C
}

// cut reports whether a read failed because the line broke in the middle.
func (b *brokenConn) cut(ctx context.Context, err error) bool {
	return err != nil && errors.Is(err, driver.ErrUnavailable) && ctx.Err() == nil && !b.p.offline.Load() && !b.raw.isClosed()
}
