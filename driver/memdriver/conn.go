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

const driverName = "memory"

var (
	errClosed  = errors.New("the connection is closed")
	errOffline = errors.New("the PMS is offline")
)

// connector connects to the PMS that pms returns.
type connector struct{ pms func() *PMS }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context, env driver.Env) (driver.Conn, error) {
	p := c.pms()
	if p.breaks() {
		return p.breakConnect(ctx, env)
	}
	return p.connect(ctx, env)
}

func (p *PMS) connect(ctx context.Context, env driver.Env) (driver.Conn, error) {
	cn := &conn{pms: p, env: env, serial: p.conns.Add(1), done: make(chan struct{})}
	if err := cn.do(ctx, callConnect, "", nil, func(mode) error { return nil }); err != nil {
		return nil, err
	}
	p.open.Add(1)
	return p.breakConn(cn, compose(cn, p.can)), nil
}

// conn is a connection with every capability.
type conn struct {
	pms     *PMS
	env     driver.Env
	serial  int64
	running atomic.Int64
	close   sync.Once
	done    chan struct{}
}

var (
	_ driver.Cataloger         = (*conn)(nil)
	_ driver.PatientFinder     = (*conn)(nil)
	_ driver.ChangeReader      = (*conn)(nil)
	_ driver.WindowReader      = (*conn)(nil)
	_ driver.AppointmentReader = (*conn)(nil)
	_ driver.PhotoReader       = (*conn)(nil)
	_ driver.Hinter            = (*conn)(nil)
	_ driver.Writer            = (*conn)(nil)
	_ driver.Verifier          = (*conn)(nil)
)

// Format prints the PMS's name, whatever the verb.
func (c *conn) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "memdriver.Conn(%s)", c.pms.cfg.Name) }

// Info implements driver.Conn.
func (c *conn) Info(ctx context.Context) (driver.Info, error) {
	var out driver.Info
	err := c.do(ctx, callInfo, "", nil, func(mode) error {
		out = c.pms.Info()
		return nil
	})
	if err != nil {
		return driver.Info{}, err
	}
	return out, nil
}

// Ping implements driver.Conn.
func (c *conn) Ping(ctx context.Context) error {
	return c.do(ctx, callPing, "", nil, func(mode) error { return nil })
}

// Close implements driver.Conn.
func (c *conn) Close() error {
	c.close.Do(func() {
		close(c.done)
		c.pms.open.Add(-1)
	})
	return nil
}

// mode says how a call is carried out when it meets a fault.
type mode struct {
	late    *Trip // later than the answer
	half    bool  // without its idempotent rest
	twice   bool  // with each record twice
	ignored bool  // without its effect, as if it had it
}

// do runs one call: latency, faults, and then work. Every call of a connection
// comes through here. op is nil for all but writes and verifications.
func (c *conn) do(ctx context.Context, k callKind, detail string, op driver.Op, work func(mode) error) error {
	p := c.pms
	c.enter(k)
	defer c.leave()
	name := k.opName(detail)
	switch {
	case c.isClosed():
		return fail(name, driver.ErrUnavailable, errClosed)
	case ctx.Err() != nil: // nothing is sent yet
		return fail(name, driver.ErrUnavailable, ctx.Err())
	case p.offline.Load():
		return fail(name, driver.ErrUnavailable, errOffline)
	}
	latency := time.Duration(p.latency.Load())
	if latency <= 0 && p.faults.active.Load() == 0 {
		return work(mode{})
	}
	if k == callWrite {
		defer p.beginWrite(op.Head().Ref)()
	}
	if err := c.wait(ctx, latency, nil); err != nil {
		return c.interrupted(name, k, err)
	}
	t := p.faults.take(k, detail, op)
	if t == nil {
		return work(mode{})
	}
	return c.stumble(ctx, t, k, name, work)
}

// stumble runs a call that meets a fault.
func (c *conn) stumble(ctx context.Context, t *Trip, k callKind, name string, work func(mode) error) error {
	f := &t.fault
	if err := c.wait(ctx, f.Delay, nil); err != nil {
		return c.interrupted(name, k, err)
	}
	var receipt driver.Receipt
	done := f.Effect == After || k == callWrite && (f.Effect == Late || f.Effect == Half)
	if done {
		err := work(mode{late: t.lateFor(k), half: f.Effect == Half})
		var half *halfDone
		if errors.As(err, &half) {
			receipt, err = half.receipt, nil
		} else if err == nil && f.Effect == Half {
			return nil // there was nothing to leave undone
		}
		if err != nil {
			return err
		}
	}
	t.reach.Do(func() { close(t.reached) })
	if err := c.hang(ctx, t); err != nil {
		return c.interrupted(name, k, err)
	}
	if f.Effect == Pass || f.Effect == Ignored {
		return work(mode{twice: f.Twice, ignored: f.Effect == Ignored})
	}
	return t.err(name, k, receipt)
}

// lateFor returns t when it makes the effect of a call of kind k late.
func (t *Trip) lateFor(k callKind) *Trip {
	if t.fault.Effect != Late || k != callWrite {
		return nil
	}
	select {
	case <-t.released:
		return nil
	default:
		return t
	}
}

func (c *conn) hang(ctx context.Context, t *Trip) error {
	switch t.fault.Hang {
	case HangUntilDone:
		return c.wait(ctx, -1, t.released)
	case HangHard:
		<-t.released
	}
	return nil
}

// wait waits for d (negative: without end) or until released, and fails when the
// context ends or the connection is closed before.
func (c *conn) wait(ctx context.Context, d time.Duration, released <-chan struct{}) error {
	var elapsed <-chan time.Time
	switch {
	case d == 0:
		return nil
	case d > 0:
		timer := time.NewTimer(d)
		defer timer.Stop()
		elapsed = timer.C
	}
	select {
	case <-elapsed:
	case <-released:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.done:
		return errClosed
	}
	return nil
}

// interrupted is the error of a call that was given up under way. For a write
// nobody can know then what the PMS made of it.
func (c *conn) interrupted(name string, k callKind, cause error) error {
	if k == callWrite {
		return fail(name, driver.ErrUnknownOutcome, cause)
	}
	return fail(name, driver.ErrUnavailable, cause)
}

func (c *conn) isClosed() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func fail(name string, kind driver.Kind, cause error) error {
	return &driver.Error{Driver: driverName, Op: name, Kind: kind, Err: cause}
}

func reject(name string, reason driver.Reason, cause error) error {
	return &driver.Error{Driver: driverName, Op: name, Kind: driver.ErrRejected, Reason: reason, Err: cause}
}
