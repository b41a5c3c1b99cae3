package writeback

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/pmswriteback/pms/driver"
	pmssync "github.com/pmswriteback/pms/sync"
)

// line is a practice's connection to its PMS, and what is known of its health.
// Only the practice's step calls through it.
type line struct {
	// connecting is held while a connection is being made.
	connecting sync.Mutex

	mu        sync.Mutex
	connector driver.Connector
	conn      driver.Conn
	// met is the connection of which it is known what PMS is behind it, and said
	// what that answered, until the catalogs are read too.
	met   driver.Conn
	said  *driver.Info
	retry *pmssync.Backoff
	// downUntil is set while the PMS does not answer, so that a PMS that is off
	// for the night is asked now and then by one Ping, not by every loop.
	downUntil time.Time
}

// reset closes the connection; the next call connects anew, with a connector
// from the host.
func (l *line) reset() {
	l.mu.Lock()
	conn, connector := l.conn, l.connector
	l.conn, l.connector, l.met, l.said = nil, nil, nil, nil
	l.mu.Unlock()
	if conn != nil {
		conn.Close() //nolint:errcheck // nothing depends on it
	}
	if c, ok := connector.(io.Closer); ok {
		c.Close() //nolint:errcheck
	}
}

// tryNow lets the next call through though the PMS was down a moment ago.
func (l *line) tryNow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.downUntil = time.Time{}
}

func (l *line) down(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.downUntil.Sub(now)
}

func (l *line) knows(conn driver.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return conn != nil && l.met == conn
}

func (l *line) meet(conn driver.Conn, said *driver.Info) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == conn {
		l.met, l.said = conn, said
	}
}

// answered gives what a connection said when it was met, once.
func (l *line) answered(conn driver.Conn) (driver.Info, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.met != conn || l.said == nil {
		return driver.Info{}, false
	}
	info := *l.said
	l.said = nil
	return info, true
}

// errDown says that the PMS was not asked because it was down a moment ago.
var errDown = &driver.Error{Op: "call", Kind: driver.ErrUnavailable, Err: errNotAsked}

var errNotAsked = errors.New("the PMS did not answer; it is asked again soon")

// errNotSent says that a call was not made, because the practice's work ended
// before its turn came.
var errNotSent = errors.New("writeback: not sent")

// errPanicked says that the driver panicked. The value may hold anything, so it
// is not carried on. It is unclassified: a write may have had its effect.
var errPanicked = errors.New("the driver panicked")

// longestWait bounds what a PMS, or whatever stands before it, can ask for.
const longestWait = time.Hour

// call runs one PMS call with a slot and a time limit. The error, if any, is a
// *driver.Error by the rules for reads; write calls classify anew.
func (p *Practice) call(ctx context.Context, limit time.Duration, f func(context.Context, driver.Conn) error) error {
	conn, err := p.connected(ctx)
	if err != nil {
		return err
	}
	return p.onConn(ctx, limit, conn, f)
}

func (p *Practice) onConn(ctx context.Context, limit time.Duration, conn driver.Conn, f func(context.Context, driver.Conn) error) error {
	return p.inTurn(ctx, ctx, limit, func(ctx context.Context) error { return f(ctx, conn) })
}

// inTurn is onConn for a call that waits for its slot only until turn ends.
func (p *Practice) inTurn(turn, ctx context.Context, limit time.Duration, f func(context.Context) error) (err error) {
	select {
	case p.e.slots <- struct{}{}:
		defer func() { <-p.e.slots }()
	case <-turn.Done():
		return errNotSent
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() {
		if recover() != nil {
			p.e.cfg.Log.Error("the driver panicked", "practice", p.id)
			err = errPanicked
		}
	}()
	return f(ctx)
}

// read is call for what changes nothing; it keeps the practice's health.
func (p *Practice) read(ctx context.Context, f func(context.Context, driver.Conn) error) error {
	err := p.call(ctx, p.e.cfg.ReadTimeout, f)
	if err == nil {
		p.up()
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return p.failed(driver.ReadError(err))
}

// connected returns the connection, making one when there is none.
func (p *Practice) connected(ctx context.Context) (driver.Conn, error) {
	p.line.connecting.Lock()
	defer p.line.connecting.Unlock()
	now := time.Now()
	p.line.mu.Lock()
	conn, connector := p.line.conn, p.line.connector
	wait := p.line.downUntil.Sub(now)
	p.line.mu.Unlock()
	if wait > 0 {
		return nil, errDown
	}
	if conn != nil {
		return conn, nil
	}
	if connector == nil {
		var err error
		if connector, err = p.e.cfg.Connect(ctx, p.id); err != nil {
			// The host's own error may hold its data source name: it is not carried on.
			p.e.cfg.Log.Error("the host gave no connector", "practice", p.id)
			return nil, &driver.Error{Op: "connect", Kind: driver.ErrUnavailable, Err: errors.New("the host's Connect failed")}
		}
		p.line.mu.Lock()
		p.line.connector = connector
		p.line.mu.Unlock()
	}
	cfg := p.config()
	env := driver.Env{Practice: p.id, Location: cfg.Location, Site: cfg.Site, HostName: p.e.cfg.HostName, Log: p.e.cfg.Log}
	select {
	case p.e.slots <- struct{}{}:
		defer func() { <-p.e.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	cctx, cancel := context.WithTimeout(ctx, p.e.cfg.ReadTimeout)
	defer cancel()
	conn, err := connect(cctx, connector, env)
	if err != nil {
		if e := driver.ReadError(err); e.Kind == driver.ErrRejected {
			// Something else answers there, perhaps only for now. That refuses no
			// item; and the host may have another address by the next time.
			p.line.reset()
			return nil, &driver.Error{Driver: e.Driver, Op: e.Op, Kind: driver.ErrUnavailable, Reason: e.Reason, RetryAfter: e.RetryAfter, Err: e.Err}
		}
		return nil, err
	}
	p.line.mu.Lock()
	p.line.conn = conn
	p.line.mu.Unlock()
	// A new connection may be to a PMS that was updated or mended.
	p.due.Now(loopCatalog)
	p.mu.Lock()
	p.closed = nil
	p.mu.Unlock()
	return conn, nil
}

func connect(ctx context.Context, c driver.Connector, env driver.Env) (conn driver.Conn, err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	return c.Connect(ctx, env)
}

func (p *Practice) up() {
	p.line.mu.Lock()
	p.line.retry.Reset()
	p.line.downUntil = time.Time{}
	p.line.mu.Unlock()
	p.mu.Lock()
	back := !p.health.connected && p.health.lastError != ""
	p.health.connected, p.health.lastError = true, ""
	p.health.lastAnswer = time.Now()
	p.health.answers++
	p.mu.Unlock()
	if back {
		p.back.Store(true)
	}
}

// failed draws the consequences of a failed read and gives the error back.
func (p *Practice) failed(e *driver.Error) *driver.Error {
	if errors.Is(e, errNotAsked) {
		return e
	}
	switch {
	case e.Kind == driver.ErrUnavailable:
		p.goDown(e)
	case e.Kind == driver.ErrUnauthorized && e.Scope != driver.ScopeOperation && e.Scope != driver.ScopeWrites:
		// The host is asked for a connector again: keys may have been replaced.
		p.line.reset()
		p.goDown(e)
	}
	return e
}

func (p *Practice) goDown(e *driver.Error) {
	now, asked := time.Now(), min(e.RetryAfter, longestWait)
	p.line.mu.Lock()
	wait := p.line.downUntil.Sub(now)
	if wait <= 0 {
		wait = p.line.retry.NextBackOff()
	} // else it was under way when the PMS went down: that is one outage, not two
	wait = max(wait, asked)
	p.line.downUntil = now.Add(wait)
	p.line.mu.Unlock()
	p.mu.Lock()
	p.health.connected, p.health.lastError, p.health.unread = false, string(e.Kind), false
	p.mu.Unlock()
	p.e.cfg.Log.Warn("the PMS cannot be used", "practice", p.id, "error", e, "again_in", wait)
}
