package sync

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// BackoffConfig says how long to wait after failures: Min after the first,
// Factor times as long after each further one, up to Max, each spread by Jitter.
// The zero value waits 1 s, 2 s, 4 s and so on up to 5 min, give or take 20 %.
type BackoffConfig struct {
	// Min is the delay after the first failure. 0 means 1 s, or Max if that is
	// less.
	Min time.Duration
	// Max caps the delay before jitter. 0 means 5 min, or Min if that is more.
	Max time.Duration
	// Factor is at least 1. 0 means 2.
	Factor float64
	// Jitter spreads delays evenly over delay*(1-Jitter) to delay*(1+Jitter), so
	// that those who failed together do not return together. It is less than 1;
	// 0 means 0.2, a negative value none.
	Jitter float64
}

// Validate returns everything that is wrong, joined, or nil.
func (c BackoffConfig) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("sync: backoff: "+format, args...))
	}
	if c.Min < 0 {
		wrong("Min is %v: must not be negative", c.Min)
	}
	if c.Max < 0 {
		wrong("Max is %v: must not be negative", c.Max)
	}
	if c.Min > 0 && c.Max > 0 && c.Max < c.Min {
		wrong("Max is %v: must be at least Min, %v", c.Max, c.Min)
	}
	if c.Factor != 0 && !(c.Factor >= 1 && c.Factor <= math.MaxFloat64) {
		wrong("Factor is %v: must be 0 (for 2) or a number of at least 1", c.Factor)
	}
	if !(c.Jitter < 1) {
		wrong("Jitter is %v: must be less than 1", c.Jitter)
	}
	return errors.Join(errs...)
}

// withDefaults replaces zero values, and out-of-range ones by the nearest that
// work, so that a delay is sane even if Validate was never called.
func (c BackoffConfig) withDefaults() BackoffConfig {
	if c.Min <= 0 {
		c.Min = time.Second
		if c.Max > 0 {
			c.Min = min(c.Min, c.Max)
		}
	}
	if c.Max <= 0 {
		c.Max = max(5*time.Minute, c.Min)
	}
	c.Min = min(c.Min, c.Max)
	if c.Factor == 0 {
		c.Factor = 2
	}
	if !(c.Factor >= 1) {
		c.Factor = 1
	}
	switch {
	case c.Jitter == 0:
		c.Jitter = 0.2
	case !(c.Jitter > 0):
		c.Jitter = 0
	case c.Jitter >= 1:
		c.Jitter = 0.99
	}
	return c
}

// Delay returns how long to wait after the attempt-th failure in a row, counted
// from 1; less counts as 1. It depends on nothing else, so that a delay needs no
// memory but the count. rnd, in [0, 1), chooses within the jitter: 0 the
// shortest, 0.5 the middle. The result is never 0 and never above
// Max*(1+Jitter).
func (c BackoffConfig) Delay(attempt int, rnd float64) time.Duration {
	c = c.withDefaults()
	d := float64(c.Max)
	if attempt <= 1 {
		d = float64(c.Min)
	} else if grown := float64(c.Min) * math.Pow(c.Factor, float64(attempt-1)); grown < d {
		d = grown // an overflow is +Inf, and so is not less
	}
	if !(rnd >= 0) {
		rnd = 0
	}
	rnd = min(rnd, 1)
	d *= 1 - c.Jitter + 2*c.Jitter*rnd
	if d >= math.MaxInt64 {
		return math.MaxInt64
	}
	return max(time.Duration(d), 1)
}

// New returns an adaptive Backoff that has seen no failure. It never gives up.
func (c BackoffConfig) New() *Backoff {
	c = c.withDefaults()
	b := &Backoff{exp: backoff.ExponentialBackOff{
		InitialInterval:     c.Min,
		RandomizationFactor: c.Jitter,
		Multiplier:          c.Factor,
		MaxInterval:         c.Max,
		MaxElapsedTime:      0, // never Stop: durable work is not dropped for being late
		Stop:                backoff.Stop,
		Clock:               backoff.SystemClock,
	}}
	b.Reset()
	return b
}

// Backoff remembers how often something failed since it last worked. It is not
// safe for concurrent use.
type Backoff struct {
	exp backoff.ExponentialBackOff
}

var _ backoff.BackOff = (*Backoff)(nil)

// NextBackOff counts a failure and returns how long to wait after it. It is never
// 0 or backoff.Stop.
func (b *Backoff) NextBackOff() time.Duration { return max(b.exp.NextBackOff(), 1) }

// Reset forgets all failures: it worked.
func (b *Backoff) Reset() { b.exp.Reset() }
