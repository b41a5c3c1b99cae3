package writeback

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pmswriteback/pms/driver"
	pmssync "github.com/pmswriteback/pms/sync"
)

// writeDue writes what is due until nothing is left, the PMS is down, or the
// budget is spent. It says how long until something comes due again.
func (p *Practice) writeDue(ctx context.Context, end time.Time) (time.Duration, error) {
	var open settlings
	wait, err := p.writeBatches(ctx, end, &open)
	err = errors.Join(err, open.finish(p, 0))
	if errors.Is(err, errUnsettled) {
		// What the PMS said could not be stored: the lease is given up, so that
		// its next holder looks for what was being written.
		p.dropLease(context.WithoutCancel(ctx))
	}
	return wait, err
}

// errUnsettled says that an answer of the PMS could not be stored.
var errUnsettled = errors.New("writeback: settle")

// writeBatches claims and sends batch after batch. The answers to one are stored
// while the next is claimed, so that both share a commit.
func (p *Practice) writeBatches(ctx context.Context, end time.Time, open *settlings) (time.Duration, error) {
	for {
		if down := p.line.down(time.Now()); down > 0 {
			return down, nil
		}
		due, wait, err := p.e.cfg.Store.Due(ctx, p.id, p.claimSize())
		if err != nil {
			return 0, fmt.Errorf("writeback: read due items: %w", err)
		}
		if len(due) == 0 {
			if len(*open) == 0 {
				return wait, nil
			}
			// What is being stored may let more come due.
			if err := open.finish(p, 0); err != nil {
				return 0, err
			}
			continue
		}
		// Options, limits and support must be known before anything is written.
		if !p.catalogsKnown() {
			if err := p.runLoop(ctx, loopCatalog); err != nil {
				return 0, err
			}
			if !p.catalogsKnown() {
				down := p.line.down(time.Now())
				return max(down, p.backoffOf(loopCatalog)), nil
			}
		}
		if err := p.greet(ctx); err != nil {
			if ctx.Err() != nil || errors.Is(err, ErrFenced) || p.lease == nil {
				return 0, err
			}
			return max(p.line.down(time.Now()), p.backoffOf(loopCatalog)), nil
		}
		if err := p.writeBatch(ctx, due, open); err != nil {
			return 0, err
		}
		if err := open.finish(p, 1); err != nil {
			return 0, err
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if time.Now().After(end) || p.feedDue() {
			return 0, nil
		}
	}
}

// feedDue lets a loop that is due have its turn between two batches.
func (p *Practice) feedDue() bool {
	loop, _ := p.nextLoop()
	return loop != ""
}

// claimSize is how many items are claimed at once: about half a second's worth,
// since what is claimed and not yet sent would be uncertain after a crash.
func (p *Practice) claimSize() int {
	calls := p.maxCalls()
	if p.pace <= 0 {
		return calls
	}
	n := int(500 * time.Millisecond / p.pace * time.Duration(calls))
	return min(max(n, calls), 128)
}

func (p *Practice) maxCalls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.info == nil {
		return 1
	}
	return max(p.info.MaxCalls, 1)
}

// claim is an item that may be sent now, with its operation.
type claim struct {
	it *item
	l  *leg
	op driver.Op
	// before is when the leg was last sent before, zero for never.
	before time.Time
}

// writeBatch takes due items one step further: uncertain ones are looked for,
// unmatched ones matched, all are decided again; the rest is claimed in one
// change each, written, and settled as the answers come.
func (p *Practice) writeBatch(ctx context.Context, due []Record, open *settlings) error {
	v := p.viewNow()
	env := p.planEnv(v)
	var claims []claim
	var writes []Change
	for _, r := range due {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		it, err := p.e.seal.open(r)
		if err != nil {
			if err := p.unreadable(ctx, r); err != nil {
				return err
			}
			continue
		}
		if it.State == Uncertain {
			if err := p.lookFor(ctx, it, env); err != nil {
				return err
			}
			continue
		}
		c, ok, err := p.prepare(ctx, it, env)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		w, err := p.changeOf(c.it, 0)
		if err != nil {
			return err
		}
		w.Revision = v.revision
		claims, writes = append(claims, c), append(writes, w)
	}
	if len(claims) == 0 {
		return nil
	}
	if stands, err := p.checkFirst(ctx); err != nil || !stands {
		return err // nothing was claimed; it is decided again
	}
	var failed error
	claimed := claims[:0]
	for i, err := range p.e.commit.Apply(ctx, writes) {
		switch {
		case err == nil:
			claims[i].it.Version++
			claimed = append(claimed, claims[i])
		case errors.Is(err, ErrStale):
			// Somebody dismissed it, or saved settings: look again next time.
			p.redecide.Store(true)
			if err := p.loadSettings(ctx); err != nil {
				failed = err
			}
		default:
			failed = fmt.Errorf("writeback: claim: %w", err)
		}
	}
	*open = append(*open, p.writeClaims(ctx, claimed))
	if failed != nil {
		// A failed commit leaves in doubt what is claimed: the lease is given up,
		// and its next holder finds out.
		if err := open.finish(p, 0); err != nil {
			failed = errors.Join(failed, err)
		}
		p.dropLease(context.WithoutCancel(ctx))
	}
	return failed
}

// prepare decides an item for the last time before it is sent, plans and binds
// its next leg, and moves it to Writing. ok is false when it goes elsewhere,
// which is then stored.
func (p *Practice) prepare(ctx context.Context, it *item, env planEnv) (c claim, ok bool, err error) {
	if err := p.gather(ctx, it, p.e.cfg.Store); err != nil {
		return c, false, err
	}
	if !it.foreign(env.view) {
		it.settleIn(env.view)
	}
	if d, stop := decideWanted(it, env.view); !stop && it.needsMatch() && !it.foreign(env.view) {
		if err := it.lookUp(ctx, p.find); err != nil {
			return c, false, p.putOff(ctx, it, err)
		}
	} else if stop {
		return c, false, p.settleAs(ctx, it, d)
	}
	if it.Kind == KindStatus {
		if stop, err := p.supersede(ctx, it); stop || err != nil {
			return c, false, err
		}
	}
	if it.Kind == KindRefund {
		if over, err := p.refundsTooMuch(ctx, it); err != nil {
			return c, false, err
		} else if over {
			return c, false, p.settleAs(ctx, it, decided(EventRefused, driver.ReasonAmountInvalid, ""))
		}
	}
	if err := p.lookForSame(ctx, it); err != nil {
		return c, false, err
	}
	if d := decide(it, env.view); d.event != EventQueued {
		return c, false, p.settleAs(ctx, it, d)
	}
	if err := planLegs(it, env); err != nil {
		return c, false, p.settleAs(ctx, it, decided(EventRefused, driver.ReasonTooLarge, ""))
	}
	l := it.nextLeg()
	if l == nil {
		return c, false, fmt.Errorf("writeback: item %s: %s, and nothing left to write", it.ID, it.State)
	}
	if env.view.mode == PlanOnly {
		return c, false, p.planNow(ctx, it, env)
	}
	op, err := bind(it, l, env)
	if err != nil {
		// The payment was posted by hand: so must its refund be, and its offset.
		return c, false, p.settleAs(ctx, it, decided(EventRefused, driver.ReasonPaymentMissing, ""))
	}
	p.setPatient(it, op.Head().Patient)
	if p.suspect(it, l) {
		return c, false, p.settle(ctx, it, EventRestored, "", 0)
	}
	now := stamp(time.Now())
	if l.First.IsZero() {
		l.First = now
	}
	before := l.Last
	l.Last, l.State = now, legSending
	head := op.Head()
	head.FirstSent, head.LastSent = l.First, l.Last
	it.Attempts++
	it.move(EventClaimed)
	it.Fence, it.Revision = p.lease.Fence(), env.view.revision
	return claim{it, l, op, before}, true, nil
}

// settlings are batches whose answers are being stored, the oldest first.
type settlings []*settling

// settling is one batch.
type settling struct {
	group sync.WaitGroup
	mu    sync.Mutex
	err   error
	took  time.Duration
	sent  int
}

func (s *settling) note(err error) {
	s.mu.Lock()
	s.err = errors.Join(s.err, err)
	s.mu.Unlock()
}

// finish waits until at most keep batches are left.
func (open *settlings) finish(p *Practice, keep int) error {
	var errs []error
	for len(*open) > keep {
		s := (*open)[0]
		*open = (*open)[1:]
		s.group.Wait()
		if s.sent > 0 {
			p.pace = (p.pace + s.took/time.Duration(s.sent)) / 2
		}
		if s.err != nil {
			errs = append(errs, fmt.Errorf("%w: %w", errUnsettled, s.err))
		}
	}
	return errors.Join(errs...)
}

// writeClaims sends what was claimed, in lanes, and settles each answer at once.
func (p *Practice) writeClaims(ctx context.Context, claims []claim) *settling {
	s := &settling{}
	left := pmssync.RunLanes(ctx, claims, func(c claim) string { return c.it.Lane }, p.maxCalls(), func(ctx context.Context, c claim) bool {
		started := time.Now()
		receipt, err := p.send(ctx, c)
		took := time.Since(started)
		s.mu.Lock()
		s.sent, s.took = s.sent+1, s.took+took
		s.mu.Unlock()
		// The PMS's next call need not wait for our own disk.
		s.group.Go(func() { s.note(p.settleWrite(ctx, c, receipt, err)) })
		return err == nil
	})
	for _, c := range left {
		s.note(p.release(ctx, c))
	}
	return s
}

// release puts an item that was claimed and never sent back as it was.
func (p *Practice) release(ctx context.Context, c claim) error {
	c.l.State, c.l.Last = legPending, c.before
	if c.before.IsZero() {
		c.l.First = time.Time{}
	}
	c.it.Attempts--
	return p.settle(ctx, c.it, EventReleased, "", 0)
}

// send makes the write. A write that has begun is not cut short when the engine
// stops; it has the grace to finish.
func (p *Practice) send(ctx context.Context, c claim) (driver.Receipt, error) {
	wctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(p.e.cfg.Grace, cancel) })
	defer stop()
	conn, err := p.connected(wctx)
	if err != nil {
		return driver.Receipt{}, driver.ReadError(err) // nothing was sent
	}
	if !p.line.knows(conn) {
		return driver.Receipt{}, errNotSent // it is asked first what it is
	}
	if change, ok := c.op.(*driver.StatusChange); ok {
		if err := p.readBeforeWrite(wctx, conn, c, change); err != nil {
			return driver.Receipt{}, err
		}
	}
	if receipt, there, err := p.lookFirst(wctx, conn, c); there || err != nil {
		return receipt, err
	}
	var receipt driver.Receipt
	err = p.inTurn(ctx, wctx, p.writeLimit(c.it), func(wctx context.Context) (err error) {
		if ctx.Err() != nil || !p.lease.Valid(time.Now()) {
			// Its turn came too late: by now somebody else may look for it.
			return errNotSent
		}
		receipt, err = driver.Write(wctx, conn, c.op)
		return err
	})
	if err != nil && !errors.Is(err, errNotSent) {
		return receipt, driver.WriteError(err)
	}
	return receipt, err
}

// writeLimit bounds one write: a large file on a slow line takes longer.
func (p *Practice) writeLimit(it *item) time.Duration {
	if it.opKind() == driver.OpDocument {
		return 3 * p.e.cfg.WriteTimeout
	}
	return p.e.cfg.WriteTimeout
}

func (p *Practice) find(ctx context.Context, q driver.PatientQuery) (found []driver.Patient, err error) {
	err = p.read(ctx, func(ctx context.Context, conn driver.Conn) error {
		found, err = driver.FindPatients(ctx, conn, q)
		return err
	})
	return found, err
}

func (p *Practice) planEnv(v view) planEnv {
	env := planEnv{hostName: p.e.cfg.HostName, zone: p.config().Location, view: v, title: p.e.title, open: p.openBlob}
	if v.info != nil {
		env.info = *v.info
	}
	return env
}
