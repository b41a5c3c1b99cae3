package memdriver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestADataSourceNameOpensTheSharedPMSOfThatName(t *testing.T) {
	t.Parallel()
	require.Contains(t, driver.Drivers(), "memory")
	t.Cleanup(func() { memdriver.Forget("shared-one") })
	first, err := driver.Open("memory", "memory://shared-one?demo=3&skew=-2m&calls=5")
	require.NoError(t, err)
	_, err = first.Connect(t.Context(), driver.Env{})
	require.NoError(t, err)
	p := memdriver.Named("shared-one")
	require.Equal(t, 3, p.Counts().Patients)
	require.Equal(t, 3, p.Counts().Appointments)
	require.Equal(t, -2*time.Minute, p.Info().Clock.Skew)
	require.Equal(t, 5, p.Info().MaxCalls)

	for _, same := range []string{"memory://shared-one", "memory://shared-one?calls=5&demo=3&skew=-2m"} {
		again, err := driver.Open("memory", same)
		require.NoError(t, err)
		conn, err := again.Connect(t.Context(), driver.Env{})
		require.NoError(t, err)
		p.SetOffline(true)
		require.ErrorIs(t, conn.Ping(t.Context()), driver.ErrUnavailable)
		p.SetOffline(false)
	}
	_, err = driver.Open("memory", "memory://shared-one?demo=4")
	require.ErrorContains(t, err, "other options")

	memdriver.Forget("shared-one")
	require.NotSame(t, p, memdriver.Named("shared-one"))
}

func TestDriversDoNotShareTheirPMSs(t *testing.T) {
	t.Parallel()
	var a, b memdriver.Driver
	require.Same(t, a.Named("x"), a.Named("x"))
	require.NotSame(t, a.Named("x"), b.Named("x"))
}

func TestABadDataSourceNameSaysWhatToWrite(t *testing.T) {
	t.Parallel()
	var d memdriver.Driver
	for dsn, want := range map[string]string{
		"":                            "does not begin with memory://",
		"http://x":                    "does not begin with memory://",
		"memory://":                   "is empty",
		"memory://a/b":                "holds one of",
		"memory://x?%zz":              "not key=value",
		"memory://x?gossip=1":         `unknown option "gossip"`,
		"memory://x?demo=-1":          "demo must be a whole number",
		"memory://x?demo=many":        "demo must be a whole number",
		"memory://x?latency=fast":     "latency must be a duration",
		"memory://x?latency=-1s":      "latency must be a duration",
		"memory://x?resolution=-1s":   "resolution must be a duration",
		"memory://x?verify-after=-1s": "verify-after must be a duration",
		"memory://x?page=x":           "page must be a whole number",
		"memory://x?calls=1&calls=2":  `"calls" is given 2 times`,
	} {
		_, err := d.OpenConnector(dsn)
		require.ErrorContains(t, err, want, dsn)
	}
	_, err := d.OpenConnector("memory://x?latency=5ms&skew=-2m&resolution=1ms&page=10&calls=8&verify-after=30s&demo=1")
	require.NoError(t, err)
}

func TestConnectionsAreCountedUntilTheyAreClosed(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	conn := p.connect(driver.Env{})
	require.Equal(t, 2, p.Traffic().Open)
	require.NoError(t, conn.Close())
	require.NoError(t, conn.Close(), "closing twice is no error")
	require.Equal(t, 1, p.Traffic().Open)
	p.Fail(memdriver.Fault{On: "connect"})
	_, err := p.Connector().Connect(t.Context(), driver.Env{})
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.Equal(t, 1, p.Traffic().Open)
	require.Equal(t, 3, p.Traffic().Calls["connect"])
}

func TestCallsAfterCloseAreUnavailable(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	calls := p.calls()
	delete(calls, "connect")
	require.NoError(t, p.conn.Close())
	for name, call := range calls {
		require.ErrorIs(t, call(t.Context()), driver.ErrUnavailable, name)
	}
	require.Zero(t, p.Counts().Notes)
}
