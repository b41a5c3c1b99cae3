package memstore_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/pmswriteback/pms/writeback/memstore"
	"github.com/pmswriteback/pms/writeback/storetest"
)

// clock is a clock that only moves when told to.
type clock struct{ passed atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(c.passed.Load()))
}

func (c *clock) advance(d time.Duration) { c.passed.Add(int64(d)) }

func TestContract(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Harness {
		var c clock
		return storetest.Harness{Store: memstore.NewClock(c.now), Advance: c.advance}
	})
}
