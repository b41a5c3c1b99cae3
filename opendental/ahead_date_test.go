package opendental_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// Around midnight an office whose clock is slow takes today for tomorrow.
func TestADateThatIsOnlyTheOfficesFutureWaitsForIt(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	for _, kind := range []driver.OpKind{driver.OpPayment, driver.OpRefund, driver.OpAdjustment} {
		p.SkewClock(0)
		op := p.op(kind)
		p.SkewClock(-25 * time.Hour)
		_, err := driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ErrUnavailable, "%s: it would be given up for good", kind)
		require.Positive(t, driver.WriteError(err).RetryAfter, kind)
		p.SkewClock(0)
		_, err = driver.Write(t.Context(), p.conn, op)
		require.NoError(t, err, kind)

		op = p.op(kind)
		next := driver.DateOf(p.Now().AddDate(0, 0, 7))
		switch op := op.(type) {
		case *driver.Payment:
			op.PostedOn = next
		case *driver.Refund:
			op.PostedOn = next
		case *driver.Adjustment:
			op.PostedOn = next
		}
		_, err = driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ErrRejected, "%s: a date that is everybody's future is refused", kind)
	}
}
