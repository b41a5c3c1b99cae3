package drivertest

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // the cases name zones, and Windows has no database of them

	"github.com/pmswriteback/pms/driver"
)

// checker is what a case works with: its PMS, and ways to end.
type checker struct {
	*caseTB
	suite   *suite
	subject string
	zone    *time.Location
	pms     *PMS
	refs    int
	people  int
}

func (c *checker) location(name string) *time.Location {
	s := c.suite
	s.mu.Lock()
	defer s.mu.Unlock()
	loc, ok := s.zones[name]
	if !ok {
		var err error
		if loc, err = time.LoadLocation(name); err != nil {
			c.Fatalf("drivertest: %v", err)
		}
		s.zones[name] = loc
	}
	return loc
}

// notProved ends the case because of a missing ability.
func (c *checker) notProved(ability, why string) {
	if why == "" {
		why = c.suite.h.Cannot[ability]
	}
	c.lack(ability, why)
	runtime.Goexit()
}

// notApplicable ends the case because the PMS does not offer its subject.
func (c *checker) notApplicable(format string, args ...any) {
	c.mu.Lock()
	c.absent = fmt.Sprintf(format, args...)
	c.mu.Unlock()
	runtime.Goexit()
}

// need ends the case as not proved when the ability is missing.
func (c *checker) need(ability string, there bool) {
	if !there {
		c.notProved(ability, "")
	}
}

// adds reports whether staff can add an option to a catalog, and why not.
func (c *checker) adds(cat driver.Catalog) (can bool, why string) {
	if why := c.suite.h.Cannot["Staff.AddOption/"+string(cat)]; why != "" {
		return false, why
	}
	return c.pms.Staff.AddOption != nil, c.suite.h.Cannot["Staff.AddOption"]
}

// addOption has staff add an option, or ends the case as not proved.
func (c *checker) addOption(cat driver.Catalog, label string) string {
	if can, why := c.adds(cat); !can {
		c.notProved("Staff.AddOption/"+string(cat), why)
	}
	return c.pms.Staff.AddOption(cat, label)
}

// inject starts a fault, and lifts it at the latest when the case ends.
func (c *checker) inject(f Fault) (lift func()) {
	ability := "Fault." + string(f.Kind)
	c.need(ability, c.pms.Inject != nil)
	raw, err := c.pms.Inject(f)
	if err != nil {
		c.notProved(ability, err.Error())
	}
	if raw == nil {
		c.Fatalf("the harness's Inject(%s) gave neither a lift func nor an error", f.Kind)
	}
	lift = sync.OnceFunc(raw)
	c.Cleanup(lift)
	return lift
}

// setUp gets the case its PMS.
func (c *checker) setUp() {
	if c.pms != nil {
		return
	}
	c.pms = c.suite.h.New(c.caseTB, c.zone)
	if c.pms == nil {
		c.Fatalf("the harness's New returned nil")
	}
}

// connector gives a new Connector where the harness has a Driver, else the one
// there is.
func (c *checker) connector() driver.Connector {
	c.setUp()
	if c.pms.Driver == nil || c.pms.DSN == "" {
		if c.pms.Connector == nil {
			c.Fatalf("the harness gives neither a Connector nor a Driver with a DSN")
		}
		return c.pms.Connector
	}
	cr, err := c.pms.Driver.OpenConnector(c.pms.DSN)
	if err != nil {
		c.Fatalf("OpenConnector refuses the harness's DSN: %v", err)
	}
	if closer, ok := cr.(io.Closer); ok {
		c.Cleanup(func() { closer.Close() })
	}
	return cr
}

func (c *checker) env() driver.Env {
	return driver.Env{
		Practice: "conformance", Location: c.zone, Site: c.pms.Site, HostName: "drivertest",
		Log: c.suite.watch.logger(c.Name()),
	}
}

// dial connects and hands back what Connect did.
func (c *checker) dial(ctx context.Context) (*session, error) {
	conn, err := c.connector().Connect(ctx, c.env())
	c.suite.watch.call(c.Name(), CallConnect, err)
	if err != nil {
		return nil, err
	}
	if conn == nil {
		c.Fatalf("Connect returned neither a Conn nor an error")
	}
	s := &session{c: c, conn: conn}
	c.Cleanup(func() { conn.Close() })
	return s, nil
}

// open connects to the case's PMS and reads Info.
func (c *checker) open() *session {
	s, err := c.dial(c.ctx)
	if err != nil {
		c.Fatalf("Connect: %v", err)
	}
	if s.info, err = s.readInfo(c.ctx); err != nil {
		c.Fatalf("Info: %v", err)
	}
	c.suite.mu.Lock()
	c.suite.info = s.info
	c.suite.mu.Unlock()
	return s
}

// tick lets the PMS's clock pass its resolution, so that what comes next bears
// another change mark.
func (c *checker) tick(s *session) {
	c.pass(max(s.info.Clock.Resolution, time.Second))
}

func (c *checker) pass(d time.Duration) {
	if c.pms.Advance != nil {
		c.pms.Advance(d)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
	}
}

// rejected fails the case unless err is ErrRejected for one of the reasons.
func (c *checker) rejected(what string, err error, reasons ...driver.Reason) {
	c.Helper()
	switch e := driver.WriteError(err); {
	case err == nil:
		c.Errorf("%s: want rejected %v, got success", what, reasons)
	case e.Kind != driver.ErrRejected:
		c.Errorf("%s: want rejected %v, got %v", what, reasons, e)
	case len(reasons) > 0 && !slices.Contains(reasons, e.Reason):
		c.Errorf("%s: rejected for the reason %q, want one of %v", what, e.Reason, reasons)
	}
}

// readFails fails the case unless err, of a call that changes nothing, has one
// of the kinds.
func (c *checker) readFails(what string, err error, kinds ...driver.Kind) {
	c.Helper()
	if err == nil {
		c.Errorf("%s: want %v, got success", what, kinds)
		return
	}
	if e := driver.ReadError(err); !slices.Contains(kinds, e.Kind) {
		c.Errorf("%s: want %v, got %v", what, kinds, e)
	}
}

// writeFails is readFails for Write.
func (c *checker) writeFails(what string, err error, kinds ...driver.Kind) {
	c.Helper()
	if err == nil {
		c.Errorf("%s: want %v, got success", what, kinds)
		return
	}
	if e := driver.WriteError(err); !slices.Contains(kinds, e.Kind) {
		c.Errorf("%s: want %v, got %v", what, kinds, e)
	}
}

// accepts reports whether the harness says that the PMS lets this through.
func (c *checker) accepts(r driver.Reason) bool { return slices.Contains(c.suite.h.Accepts, r) }
