package writeback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
	pmssync "github.com/pmswriteback/pms/sync"
)

// stepBudget is about how long one step works before it lets other practices
// have its place. What runs is finished.
const stepBudget = 5 * time.Second

// Step does what is due for one practice: it writes what waits, pulls what is
// due, delivers events; and it says in how long the practice wants its next step
// (negative: only when woken). Run calls it; so may whatever else can call a
// function on a schedule, in any process, instead of Run.
//
// Steps of one practice never overlap, here or elsewhere: the practice's lease
// in the store sees to it. A lease cannot stop a process that was frozen in the
// middle of a write and goes on later; the operation's Ref and Verify are what
// catches that.
func (e *Engine) Step(ctx context.Context, practice string) (next time.Duration, err error) {
	if err := e.usable(); err != nil {
		return 0, err
	}
	p, err := e.Practice(ctx, practice)
	if err != nil {
		return 0, err
	}
	if !p.stepping.TryLock() {
		return 100 * time.Millisecond, nil
	}
	defer p.stepping.Unlock()

	held, err := p.holdLease(ctx)
	if err != nil {
		return 0, err
	}
	if !held {
		return e.cfg.LeaseTTL / 4, nil
	}
	work, stop := p.lease.Keep(ctx)
	defer stop()
	returned := false
	defer func() {
		if !returned {
			// A panic: what it left behind is found by whoever has the lease next.
			p.dropLease(context.WithoutCancel(ctx))
		}
	}()
	next, err = p.step(work)
	returned = true
	switch {
	case errors.Is(err, ErrFenced) || errors.Is(context.Cause(work), pmssync.ErrLeaseLost):
		p.lease = nil
		p.setWorking(false)
		return e.cfg.LeaseTTL / 4, nil
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	return next, err
}

// holdLease takes or keeps the lease. With a new fence, what the former holder
// left in the middle of writing is uncertain.
func (p *Practice) holdLease(ctx context.Context) (bool, error) {
	if p.lease != nil {
		err := p.lease.Ensure(ctx)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, pmssync.ErrLeaseLost) {
			return false, err
		}
		p.lease = nil
	}
	lease, err := pmssync.Acquire(ctx, p.e.cfg.Store, p.id, p.owner, p.e.cfg.LeaseTTL)
	if errors.Is(err, pmssync.ErrLeaseHeld) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p.lease, p.looks, p.checkedFor = lease, nil, -1
	if err := p.recoverOrphans(ctx); err != nil {
		p.dropLease(context.WithoutCancel(ctx))
		return false, err
	}
	p.redecide.Store(true)
	p.setWorking(true)
	p.forgetLoaded() // the former holder may have read the PMS since
	return true, nil
}

func (p *Practice) step(ctx context.Context) (time.Duration, error) {
	end := time.Now().Add(stepBudget)
	if err := p.load(ctx); err != nil {
		return 0, err
	}
	if err := p.loadSettings(ctx); err != nil {
		return 0, err
	}
	if !p.e.running() {
		// Nobody says when it changes.
		if err := p.loadMode(ctx); err != nil {
			return 0, err
		}
	}
	if err := p.loadSalt(ctx); err != nil {
		return 0, err
	}
	if p.looks == nil && !p.catalogsKnown() { // once a lease
		p.due.Now(loopCatalog) // staff have nothing to choose from before
	}
	if err := p.loadLooks(ctx); err != nil {
		return 0, err
	}
	if err := p.runAsked(ctx); err != nil {
		return 0, err
	}
	if err := p.checkSaved(ctx); err != nil {
		return 0, err
	}
	for {
		if err := p.decideAgain(ctx); err != nil {
			return 0, err
		}
		wait, err := p.writeDue(ctx, end)
		if err != nil {
			return 0, err
		}
		p.wroteAt = time.Now()
		// Before anything is read: what staff change after a write of ours is to
		// be told after that write.
		told, err := p.tellEvents(ctx, end)
		if err != nil {
			return 0, err
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		p.lookAfterOutage()
		loop, in := p.nextLoop()
		if loop != "" {
			if err := p.runLoop(ctx, loop); err != nil {
				return 0, err
			}
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			if time.Now().Before(end) {
				continue
			}
		}
		more, err := p.runImports(ctx, end)
		if err != nil {
			return 0, err
		}
		if p.redecide.Load() {
			return 0, nil
		}
		return soonest(wait, in, more, told), nil
	}
}

// soonest gives the least of the waits that are not negative.
func soonest(waits ...time.Duration) time.Duration {
	least := time.Duration(-1)
	for _, w := range waits {
		if w >= 0 && (least < 0 || w < least) {
			least = w
		}
	}
	return least
}

// nextLoop gives a loop that is due, writes and the catalog first, or how long
// until one is.
func (p *Practice) nextLoop() (string, time.Duration) {
	now := time.Now()
	due, next := p.due.Next(now)
	wait := time.Duration(-1)
	if !next.IsZero() {
		wait = max(next.Sub(now), 0)
	}
	if len(due) == 0 {
		return "", wait
	}
	// Whoever has waited longest is first, so that a loop that takes longer than
	// its interval does not starve the others.
	first := due[0]
	p.mu.Lock()
	for _, d := range due {
		if first == loopCatalog {
			break
		}
		if d == loopCatalog || p.health.loop(d).lastRun.Before(p.health.loop(first).lastRun) {
			first = d
		}
	}
	p.mu.Unlock()
	return first, 0
}

// runLoop runs one inbound loop and keeps its health. A failure never stops the
// others; only the loss of the lease is an error.
func (p *Practice) runLoop(ctx context.Context, loop string) error {
	if down := p.line.down(time.Now()); down > 0 && loop != loopAges {
		p.due.Delay(loop, time.Now().Add(down))
		return nil
	}
	started := time.Now()
	var err error
	if loop != loopCatalog && loop != loopAges {
		err = p.greet(ctx)
	}
	switch {
	case err != nil:
	case loop == loopCatalog:
		err = p.refreshCatalogs(ctx)
	case loop == loopSweep:
		err = p.sweepAppointments(ctx)
	case loop == loopMatch:
		err = p.matchAgain(ctx)
	case loop == loopAges:
		err = p.checkAges(ctx)
	default:
		err = p.pull(ctx, driver.Feed(loop))
	}
	now := time.Now()
	if ctx.Err() != nil {
		return nil // the step sees to it
	}
	if err != nil && (errors.Is(err, ErrFenced) || p.lease == nil) {
		return err
	}
	if err == nil {
		p.due.Ran(loop, started, now)
	} else {
		again := p.retryAt(loop, started, now)
		p.due.Delay(loop, again)
		p.e.cfg.Log.Warn("loop failed", "practice", p.id, "loop", loop, "error", safeError(err), "again_in", again.Sub(now))
	}
	p.noteLoop(loop, started, now, err)
	return nil
}

// retryAt says when a loop that failed is tried again: after its back-off, not
// while the PMS is down, and no sooner than the next run would have been; but a
// loop that runs every few hours does not wait for that.
func (p *Practice) retryAt(loop string, started, now time.Time) time.Time {
	wait := max(p.backoffOf(loop), p.line.down(now))
	p.mu.Lock()
	every, least := p.e.cfg.CatalogEvery, time.Minute
	switch loop {
	case loopCatalog:
	case loopSweep:
		every = p.e.cfg.SweepEvery
	case loopMatch:
		every = matchEvery
	case loopAges:
		every = agesEvery
	default:
		every = p.every(p.settings, driver.Feed(loop))
		if p.info != nil {
			least = max(least, p.info.Feeds[driver.Feed(loop)].MinInterval)
		}
	}
	p.mu.Unlock()
	again, soonest := now.Add(wait), started.Add(min(every, least))
	if again.Before(soonest) {
		return soonest
	}
	return again
}

func (p *Practice) backoffOf(loop string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.e.cfg.Retry.Delay(p.health.loop(loop).failures+1, 0.5)
}

// safeError keeps what a log may hold: errors of our own and classified ones.
func safeError(err error) error {
	var handler *handlerError
	if errors.As(err, &handler) {
		return handler
	}
	var e *driver.Error
	if errors.As(err, &e) {
		return e
	}
	return err
}

// handlerError says that the host's handler failed. The host's error may hold
// anything, so its text stays out of logs; the host knows it.
type handlerError struct {
	feed string
	err  error
}

func (e *handlerError) Error() string { return fmt.Sprintf("the host's handler for %s failed", e.feed) }
func (e *handlerError) Unwrap() error { return e.err }
