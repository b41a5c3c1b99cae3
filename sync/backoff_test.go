package sync_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/stretchr/testify/require"

	pmssync "github.com/pmswriteback/pms/sync"
)

func TestBackoffZeroValueIsAsDocumented(t *testing.T) {
	t.Parallel()
	var c pmssync.BackoffConfig
	require.NoError(t, c.Validate())
	require.Equal(t, time.Second, c.Delay(1, 0.5))
	require.Equal(t, 2*time.Second, c.Delay(2, 0.5))
	require.Equal(t, 4*time.Second, c.Delay(3, 0.5))
	require.Equal(t, 256*time.Second, c.Delay(9, 0.5))
	require.Equal(t, 5*time.Minute, c.Delay(10, 0.5))
	require.Equal(t, 5*time.Minute, c.Delay(math.MaxInt, 0.5))
	require.Equal(t, 800*time.Millisecond, c.Delay(1, 0))
	require.InDelta(t, 6*time.Minute, c.Delay(100, math.Nextafter(1, 0)), float64(time.Microsecond))
	require.Equal(t, time.Second, c.Delay(0, 0.5), "there is no attempt before the first")
	require.Equal(t, time.Second, c.Delay(-7, 0.5))
}

func TestBackoffDelayIsWhatTheConfigSays(t *testing.T) {
	t.Parallel()
	c := pmssync.BackoffConfig{Min: 100 * time.Millisecond, Max: time.Second, Factor: 3, Jitter: -1}
	require.NoError(t, c.Validate())
	for i, want := range []time.Duration{100, 300, 900, 1000, 1000} {
		require.Equal(t, want*time.Millisecond, c.Delay(i+1, 0.9))
	}
	steady := pmssync.BackoffConfig{Min: time.Minute, Factor: 1, Jitter: -1}
	require.Equal(t, time.Minute, steady.Delay(1000, 0))
	require.Equal(t, 10*time.Minute, pmssync.BackoffConfig{Min: 10 * time.Minute, Jitter: -1}.Delay(5, 0), "Max is at least Min")
	require.Equal(t, time.Millisecond, pmssync.BackoffConfig{Max: time.Millisecond, Jitter: -1}.Delay(1, 0), "Min is at most Max")
}

func TestBackoffDelayIsNeverZeroNorAboveItsCap(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 20_000 {
		c := pmssync.BackoffConfig{
			Min:    time.Duration(rnd.Int64N(int64(time.Minute))),
			Max:    time.Duration(rnd.Int64N(int64(time.Hour))),
			Factor: 1 + 9*rnd.Float64(),
			Jitter: rnd.Float64(),
		}
		if c.Validate() != nil {
			continue
		}
		most := 5 * time.Minute
		if c.Max > 0 {
			most = c.Max
		}
		most = max(most, c.Min)
		d := c.Delay(rnd.IntN(80), rnd.Float64())
		require.Positive(t, d, "%+v", c)
		require.LessOrEqual(t, float64(d), float64(most)*(1+c.Jitter), "%+v", c)
	}
	require.EqualValues(t, math.MaxInt64, pmssync.BackoffConfig{Min: math.MaxInt64, Max: math.MaxInt64}.Delay(1, 0.9))
	for _, c := range []pmssync.BackoffConfig{
		{Min: 1, Max: 1, Jitter: 0.9},
		{Min: -1, Max: -1, Factor: math.NaN(), Jitter: math.NaN()},
		{Min: math.MaxInt64, Max: math.MaxInt64, Factor: math.Inf(1), Jitter: 5},
	} { // even what Validate refuses
		for _, attempt := range []int{math.MinInt, 0, 1, 2, math.MaxInt} {
			for _, r := range []float64{-1, 0, 0.5, 1, 7, math.NaN()} {
				require.Positive(t, c.Delay(attempt, r), "%+v attempt %d rnd %v", c, attempt, r)
			}
		}
	}
}

func TestBackoffValidateNamesEveryWrongField(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		c    pmssync.BackoffConfig
		want []string
	}{
		{pmssync.BackoffConfig{Min: -1, Max: -1, Factor: 0.5, Jitter: 1}, []string{"Min is -1ns", "Max is -1ns", "Factor is 0.5", "Jitter is 1"}},
		{pmssync.BackoffConfig{Min: 2, Max: 1}, []string{"Max is 1ns: must be at least Min, 2ns"}},
		{pmssync.BackoffConfig{Factor: math.NaN(), Jitter: math.NaN()}, []string{"Factor", "Jitter"}},
		{pmssync.BackoffConfig{Factor: math.Inf(1)}, []string{"Factor"}},
	} {
		err := tc.c.Validate()
		for _, want := range tc.want {
			require.ErrorContains(t, err, want)
		}
	}
}

func TestBackoffAdaptsAndNeverGivesUp(t *testing.T) {
	t.Parallel()
	b := pmssync.BackoffConfig{Min: time.Second, Max: 10 * time.Second, Jitter: -1}.New()
	for _, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		require.Equal(t, want*time.Second, b.NextBackOff())
	}
	b.Reset()
	require.Equal(t, time.Second, b.NextBackOff())

	b = pmssync.BackoffConfig{Min: 1, Max: 2, Jitter: 0.9}.New()
	for range 1000 {
		d := b.NextBackOff()
		require.Positive(t, d)
		require.NotEqual(t, backoff.Stop, d)
		require.LessOrEqual(t, d, time.Duration(4))
	}
}
