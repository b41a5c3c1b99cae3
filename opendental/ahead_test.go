package opendental

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestAWriteWhoseContextEndsOnAnOpenConnectionIsNotSent(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	cfg := f.config()
	cfg.Mode, cfg.Rate = Remote, 800*time.Millisecond
	c := f.connectWith(t, cfg) // has just taken its turn
	// By then it is connected, and waits for the moment at which it may be sent.
	ctx, cancel := context.WithTimeout(t.Context(), 720*time.Millisecond)
	defer cancel()
	_, err := c.post(ctx, "post payment", "/payments", fields{"PatNum": number("42")})
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, c.Ping(t.Context()), "and the line is free again")
	require.Zero(t, f.count("POST /payments"))
}
