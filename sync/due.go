package sync

import (
	"slices"
	"sync"
	"time"
)

// dueJitter is the part of an interval by which a run may be put off.
const dueJitter = 0.1

// Due keeps the due times of one practice's loops, by name. It has no clock and
// no timer: it is told what ran and is asked what is due.
//
// A run is due an interval after the start of the one before, put off by up to a
// tenth of the interval, so that practices do not run in step; never earlier, for
// the interval may be the least that the PMS permits. A loop that never ran is
// due within a tenth of its interval after the first Next. A run that took
// longer than its interval is followed by one at once, not by all that were
// missed.
//
// A Due is safe for concurrent use.
type Due struct {
	rnd func() float64

	mu    sync.Mutex
	loops []loop // in the order of their first Set
}

type loop struct {
	name     string
	interval time.Duration // 0 is off
	jitter   float64       // of the coming run, 0 to 1
	last     time.Time     // start of the last run, zero if there was none
	due      time.Time     // zero until it is known
	until    time.Time     // back-off: not due before, zero for none
	asked    bool          // due at once, since the last Next
	overruns int
}

// NewDue returns a Due without loops. rnd returns numbers in [0, 1) for the
// jitter and must be safe for concurrent use if the Due is used concurrently; nil
// is no jitter.
func NewDue(rnd func() float64) *Due {
	if rnd == nil {
		rnd = func() float64 { return 0 }
	}
	return &Due{rnd: rnd}
}

// Set gives a loop its interval; 0 or less is off. A changed interval counts at
// once, from the last run's start: the loop is due after the new interval, or now
// if that is past, and a back-off is forgotten. The same interval changes
// nothing. What is known of a loop outlives its being off.
func (d *Due) Set(name string, interval time.Duration) {
	interval = max(interval, 0)
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.find(name)
	if l == nil {
		d.loops = append(d.loops, loop{name: name})
		l = &d.loops[len(d.loops)-1]
	}
	if l.interval == interval {
		return
	}
	l.interval = interval
	l.until, l.asked = time.Time{}, false
	d.schedule(l)
}

// Ran records a run: when it started and that it is over now. It sets the next
// due time, and counts an overrun when the run took longer than the interval. To
// restore a loop's last run after a restart, give its start twice. A back-off
// stays.
func (d *Due) Ran(name string, started, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.find(name)
	if l == nil {
		d.loops = append(d.loops, loop{name: name})
		l = &d.loops[len(d.loops)-1]
	}
	l.last = started
	if l.interval > 0 && now.Sub(started) > l.interval {
		l.overruns++
	}
	d.schedule(l)
}

// Now makes a loop due at once, a back-off notwithstanding, and reports whether
// it could: a loop that is off, or unknown, stays so. Calls before the next run
// are one; a call during a run causes one more.
func (d *Due) Now(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.find(name)
	if l == nil || l.interval == 0 {
		return false
	}
	l.asked = true
	return true
}

// Delay backs a loop off: it is not due before until. The zero time ends that.
func (d *Due) Delay(name string, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.find(name); l != nil {
		l.until = until
	}
}

// Next returns the loops that are due at now, the longest overdue first, and when
// the first of the others comes due, the zero time if none does. A loop stays due
// until Ran, Delay or Set says otherwise.
func (d *Due) Next(now time.Time) (due []string, next time.Time) {
	type overdue struct {
		name  string
		since time.Time
	}
	var found []overdue
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.loops {
		l := &d.loops[i]
		if l.interval == 0 {
			continue
		}
		at := l.at(now)
		if !at.After(now) {
			found = append(found, overdue{l.name, at})
		} else if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	slices.SortStableFunc(found, func(a, b overdue) int { return a.since.Compare(b.since) })
	for _, f := range found {
		due = append(due, f.name)
	}
	return due, next
}

// Overruns is how many runs of a loop took longer than its interval.
func (d *Due) Overruns(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.find(name); l != nil {
		return l.overruns
	}
	return 0
}

// at returns when a loop is due, and settles what could not be known without the
// time of day.
func (l *loop) at(now time.Time) time.Time {
	if l.asked {
		// From here on it is plainly due, so that a Now during the coming run is
		// told from this one.
		l.asked = false
		l.until = time.Time{}
		if l.due.IsZero() || l.due.After(now) {
			l.due = now
		}
	}
	if l.due.IsZero() {
		l.due = now.Add(time.Duration(dueJitter * l.jitter * float64(l.interval)))
	}
	// A clock that was set back must not put a loop off by as much.
	if latest := now.Add(l.wait()); l.due.After(latest) {
		l.due = latest
	}
	if l.until.After(l.due) {
		return l.until
	}
	return l.due
}

// schedule sets the due time from the last run, with a new jitter. d.mu is held.
func (d *Due) schedule(l *loop) {
	l.jitter = d.rnd()
	l.due = time.Time{}
	if !l.last.IsZero() {
		l.due = l.last.Add(l.wait())
	}
}

// wait is the interval with this run's jitter.
func (l *loop) wait() time.Duration {
	return l.interval + time.Duration(dueJitter*l.jitter*float64(l.interval))
}

// find returns a loop, or nil. d.mu is held.
func (d *Due) find(name string) *loop {
	for i := range d.loops {
		if d.loops[i].name == name {
			return &d.loops[i]
		}
	}
	return nil
}
