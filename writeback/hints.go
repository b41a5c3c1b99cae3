package writeback

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Hints: where a driver tells cheaply that a feed may have news, the feed is due
// at once instead of at its interval. A hint polls nothing and calls no handler;
// that is the practice's step. Without hints, whatever the reason, everything
// comes at the intervals.

const (
	// hintParts is into how many parts HintEvery is divided, so that the practices
	// do not all ask at the same moment.
	hintParts = 5
	// hintTimeout bounds one hint: a step of the practice waits for it.
	hintTimeout = 2 * time.Second
	// leastHintEvery is the shortest interval that Config takes.
	leastHintEvery = 200 * time.Millisecond
)

// hinting is what is known of a practice's hints. It belongs to whoever holds the
// practice's stepping.
type hinting struct {
	// mark is good on conn.
	conn driver.Conn
	mark string
	// failures counts failures in a row, and no hint is read before after.
	failures int
	after    time.Time
	// wanted are feeds that were hinted at and may not be read yet, and since when.
	wanted map[driver.Feed]time.Time
}

// hint asks the practices that this process works for, until ctx ends.
func (e *Engine) hint(ctx context.Context) error {
	if e.cfg.HintEvery == 0 {
		return nil
	}
	var asking sync.WaitGroup
	defer asking.Wait()
	// Hints never take more than half of the engine's calls: where that is too
	// little for all practices, each is asked less often.
	room := make(chan struct{}, max(e.cfg.MaxCalls/2, 1))
	for {
		if !sleep(ctx, e.cfg.HintEvery/hintParts) {
			return ctx.Err()
		}
		for _, p := range e.hintsDue(time.Now()) {
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			conn := p.startHint(time.Now())
			if conn == nil {
				<-room
				continue
			}
			asking.Go(func() {
				defer func() { <-room }()
				p.takeHint(ctx, conn)
			})
		}
	}
}

// hintsDue gives the practices whose turn it is, and plans their next.
func (e *Engine) hintsDue(now time.Time) []*Practice {
	e.mu.Lock()
	defer e.mu.Unlock()
	var due []*Practice
	for _, p := range e.practices {
		switch {
		case p.hintAt.IsZero():
			p.hintAt = now.Add(rand.N(e.cfg.HintEvery))
		case !p.hintAt.After(now):
			p.hintAt = now.Add(e.cfg.HintEvery)
			due = append(due, p)
		}
	}
	return due
}

// startHint gives the connection to ask, and with it the practice's stepping and
// a place among the engine's calls; nil when there is nothing to ask or something
// else to do. A step that runs polls what is due anyway, and calls of the PMS
// that bring something go first.
func (p *Practice) startHint(now time.Time) driver.Conn {
	conn := p.hintable(now)
	if conn == nil || !p.stepping.TryLock() {
		return nil
	}
	if h := &p.hints; h.conn != conn {
		*h = hinting{conn: conn, wanted: h.wanted, failures: h.failures, after: h.after}
	} else if now.Before(h.after) {
		p.stepping.Unlock()
		return nil
	}
	select {
	case p.e.slots <- struct{}{}:
		return conn
	default:
		p.stepping.Unlock()
		return nil
	}
}

// hintable gives the connection if it is of use to ask it: this process works for
// the practice, the PMS answers, and a feed that is read gives hints. While
// writing is paused the intervals are enough.
func (p *Practice) hintable(now time.Time) driver.Conn {
	p.line.mu.Lock()
	conn := p.line.conn
	usable := conn != nil && p.line.met == conn && !p.line.downUntil.After(now)
	p.line.mu.Unlock()
	if !usable || p.gone.Load() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.working || p.mode == Paused || p.info == nil {
		return nil
	}
	for feed, info := range p.info.Feeds {
		if info.Hints && info.Supported && p.every(p.settings, feed) > 0 {
			return conn
		}
	}
	return nil
}

// takeHint reads a hint and makes the feeds due that it names.
func (p *Practice) takeHint(ctx context.Context, conn driver.Conn) {
	h := &p.hints
	hint, err := p.askHint(ctx, conn, h.mark)
	now := time.Now()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		// The polls find out what is wrong, and say so.
		h.failures++
		h.mark, h.after = "", now.Add(max(p.e.cfg.Retry.Delay(h.failures, rand.Float64()), p.e.cfg.HintEvery))
		if h.failures == 1 {
			p.e.cfg.Log.Warn("no hints at news; the intervals go on", "practice", p.id, "error", driver.ReadError(err))
		}
	default:
		h.mark, h.failures = hint.Mark, 0
	}
	wake := p.heed(hint.Feeds, now)
	<-p.e.slots
	p.stepping.Unlock() // before the step that is wanted
	if wake {
		p.e.runner.Wake(p.id)
	}
}

func (p *Practice) askHint(ctx context.Context, conn driver.Conn, mark string) (hint driver.Hint, err error) {
	ctx, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	return driver.ReadHint(ctx, conn, mark)
}

// heed makes feeds due that were hinted at, and reports whether there is one. A
// feed that was read since then is not wanted any more; nor is one whose runs
// fail, which has its back-off. The PMS's least interval is kept.
func (p *Practice) heed(feeds []driver.Feed, now time.Time) (due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := &p.hints
	if h.wanted == nil {
		h.wanted = map[driver.Feed]time.Time{}
	}
	for _, feed := range feeds {
		if _, waits := h.wanted[feed]; !waits && feed.Valid() {
			h.wanted[feed] = now
		}
	}
	for feed, since := range h.wanted {
		ran := p.health.loop(string(feed))
		switch {
		case p.every(p.settings, feed) == 0, ran.failures > 0, !ran.lastRun.Before(since):
			delete(h.wanted, feed)
		case now.Sub(ran.lastRun) >= p.info.Feeds[feed].MinInterval:
			delete(h.wanted, feed)
			due = p.due.Now(string(feed)) || due
		}
	}
	return due
}
