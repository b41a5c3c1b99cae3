package writeback

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// Health is how a practice's syncing stands. Counts and causes come from the
// store and are the same in every process; the connection and the loops are
// those of the process that works on the practice.
type Health struct {
	Practice string
	// Product and Version name the PMS as last seen.
	Product, Version string
	// Working is set in the process that holds the practice's lease.
	Working bool
	// Mode says how far writes go.
	Mode Mode
	// Connected says that the last call reached the PMS; LastAnswer is when one
	// last did. LastError is the kind of the last failure.
	Connected  bool
	LastAnswer time.Time
	LastError  string
	// CatalogsAsOf is when options were last read.
	CatalogsAsOf time.Time
	// Loops are the inbound loops, writes not included.
	Loops []LoopHealth
	// Checks are the loops that tell the host nothing new by themselves: the
	// sweep of the coming appointments, and the reading of the catalogs.
	Checks []LoopHealth
	// Items counts what there is by state.
	Items map[State]int
	// Waiting is how many items are on their way to the PMS, and OldestWaiting
	// since when the oldest is.
	Waiting       int
	OldestWaiting time.Time
	// Issues are the causes that hold items back, one each however many items.
	Issues []Issue
	// Settings is what is wrong with the settings in force; see
	// [Practice.SettingsProblems].
	Settings []settings.Problem
	// BlockedByHost names the handlers that failed last.
	BlockedByHost []string
}

// LoopHealth is one loop's.
type LoopHealth struct {
	Loop string
	// Every is the interval in force, 0 when off.
	Every time.Duration
	// LastRun and LastOK are when it last ran, and last ran well.
	LastRun, LastOK time.Time
	// AsOf is the PMS's own time of the newest data, zero when it does not tell.
	AsOf time.Time
	// Failures counts failures in a row, LastError is the kind of the last.
	Failures  int
	LastError string
	// Delivered counts events given to the host since the start of the process.
	Delivered int
	// Overruns counts runs that took longer than the interval.
	Overruns int
}

// Issue is one cause that holds items back.
type Issue struct {
	Cause           string
	Reason          driver.Reason
	Words, NextStep string
	Count           int
	Oldest          time.Time
}

// practiceHealth is what this process remembers.
type practiceHealth struct {
	connected  bool
	lastAnswer time.Time
	answers    int // so far
	lastError  string
	// unread is set while a PMS that answers after an outage gives no catalogs.
	unread  bool
	loops   map[string]*loopHealth
	blocked map[string]bool
}

type loopHealth struct {
	lastRun, lastOK, asOf time.Time
	failures, delivered   int
	lastError             string
}

// loop returns a loop's entry; the practice's mu is held.
func (h *practiceHealth) loop(name string) *loopHealth {
	if h.loops == nil {
		h.loops = map[string]*loopHealth{}
	}
	l := h.loops[name]
	if l == nil {
		l = &loopHealth{}
		h.loops[name] = l
	}
	return l
}

func (p *Practice) noteLoop(loop string, started, now time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.health.loop(loop)
	l.lastRun = started
	if err != nil {
		l.failures++
		l.lastError = safeError(err).Error()
		return
	}
	l.lastOK, l.failures, l.lastError = now, 0, ""
}

func (p *Practice) noteAsOf(loop string, asOf time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.health.loop(loop); asOf.After(l.asOf) {
		l.asOf = asOf
	}
}

func (p *Practice) noteDelivered(loop string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.health.loop(loop).delivered += n
}

func (p *Practice) noteHandler(feed string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.health.blocked == nil {
		p.health.blocked = map[string]bool{}
	}
	p.health.blocked[feed] = err != nil
}

// forgetHandler is for a handler that has nothing to do any more.
func (p *Practice) forgetHandler(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.health.blocked, name)
}

// Health returns how the practice's syncing stands.
func (p *Practice) Health(ctx context.Context) (Health, error) {
	if err := p.current(ctx); err != nil {
		return Health{}, err
	}
	groups, err := p.e.cfg.Store.Summary(ctx, p.id)
	if err != nil {
		return Health{}, err
	}
	h := Health{Practice: p.id, Items: map[State]int{}, Settings: p.problemsNow()}
	issues := map[string]*Issue{}
	for _, g := range groups {
		h.Items[g.State] += g.Count
		switch g.State {
		case Queued, Writing, Uncertain:
			h.Waiting += g.Count
			if h.OldestWaiting.IsZero() || g.Oldest.Before(h.OldestWaiting) {
				h.OldestWaiting = g.Oldest
			}
		}
		if g.Cause == "" || g.State == Skipped {
			continue
		}
		i := issues[g.Cause]
		if i == nil {
			what, step := wordsOf(g.Reason, g.Cause)
			i = &Issue{Cause: g.Cause, Reason: g.Reason, Words: what, NextStep: step, Oldest: g.Oldest}
			issues[g.Cause] = i
		}
		i.Count += g.Count
		if g.Oldest.Before(i.Oldest) {
			i.Oldest = g.Oldest
		}
	}
	for _, cause := range sortedKeys(issues) {
		h.Issues = append(h.Issues, *issues[cause])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.info != nil {
		h.Product, h.Version = p.info.Product, p.info.Version
	}
	h.Working, h.Mode = p.working, p.mode
	h.Connected, h.LastAnswer, h.LastError = p.health.connected, p.health.lastAnswer, p.health.lastError
	h.CatalogsAsOf = p.catalogs.AsOf
	for _, f := range driver.Feeds() {
		every := p.every(p.settings, f)
		h.Loops = append(h.Loops, p.loopHealth(string(f), every))
		if every == 0 {
			delete(p.health.blocked, string(f))
		}
	}
	h.Checks = []LoopHealth{
		p.loopHealth(loopSweep, p.sweepEvery()), p.loopHealth(loopCatalog, p.e.cfg.CatalogEvery),
	}
	for _, feed := range sortedKeys(p.health.blocked) {
		if p.health.blocked[feed] {
			h.BlockedByHost = append(h.BlockedByHost, feed)
		}
	}
	return h, nil
}

// loopHealth shows a loop; the practice's mu is held.
func (p *Practice) loopHealth(name string, every time.Duration) LoopHealth {
	l := p.health.loop(name)
	return LoopHealth{
		Loop: name, Every: every, LastRun: l.lastRun, LastOK: l.lastOK, AsOf: l.asOf,
		Failures: l.failures, LastError: l.lastError, Delivered: l.delivered, Overruns: p.due.Overruns(name),
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
