package sync_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	pmssync "github.com/pmswriteback/pms/sync"
)

// Monday morning, in seconds after which the tests think.
func at(seconds float64) time.Time {
	return time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

// requireDue asserts what is due at a time, and when the rest comes.
func requireDue(t *testing.T, d *pmssync.Due, now float64, next time.Time, due ...string) {
	t.Helper()
	gotDue, gotNext := d.Next(at(now))
	require.Equal(t, due, gotDue)
	require.Equal(t, next, gotNext)
}

func TestDueRunsALoopAnIntervalAfterItsLastStart(t *testing.T) {
	t.Parallel()
	d := pmssync.NewDue(nil)
	d.Set("statuses", 15*time.Second)
	d.Set("patients", 30*time.Second)
	requireDue(t, d, 0, time.Time{}, "statuses", "patients")
	requireDue(t, d, 0, time.Time{}, "statuses", "patients") // until it ran
	d.Ran("statuses", at(0), at(2))
	requireDue(t, d, 2, at(15), "patients")
	d.Ran("patients", at(2), at(3))
	requireDue(t, d, 3, at(15))
	requireDue(t, d, 15, at(32), "statuses")
	requireDue(t, d, 33, time.Time{}, "statuses", "patients")
	require.Zero(t, d.Overruns("statuses"))
}

func TestDueAnswersTheLongestOverdueFirst(t *testing.T) {
	t.Parallel()
	d := pmssync.NewDue(nil)
	for _, name := range []string{"a", "b", "c"} {
		d.Set(name, 10*time.Second)
	}
	d.Ran("a", at(3), at(3))
	d.Ran("b", at(1), at(1))
	d.Ran("c", at(2), at(2))
	requireDue(t, d, 100, time.Time{}, "b", "c", "a")
	require.True(t, d.Now("b")) // which does not cost it its place
	requireDue(t, d, 100, time.Time{}, "b", "c", "a")
}

func TestDueRearmsAChangedIntervalFromTheLastRun(t *testing.T) {
	t.Parallel()
	d := pmssync.NewDue(nil)
	d.Set("a", time.Hour)
	d.Ran("a", at(0), at(1))
	requireDue(t, d, 60, at(3600))
	d.Set("a", 90*time.Second)
	requireDue(t, d, 60, at(90))
	d.Set("a", 30*time.Second)
	requireDue(t, d, 60, time.Time{}, "a") // that is past: now
	d.Set("a", 2*time.Hour)
	requireDue(t, d, 60, at(7200))
}

func TestDueLeavesAnUnchangedIntervalAlone(t *testing.T) {
	t.Parallel()
	d := pmssync.NewDue(nil)
	d.Set("a", 10*time.Second)
	d.Ran("a", at(0), at(1))
	d.Delay("a", at(50))
	d.Set("a", 10*time.Second)
	requireDue(t, d, 20, at(50))
}

func TestDueRunsNoLoopThatIsOff(t *testing.T) {
	t.Parallel()
	d := pmssync.NewDue(nil)
	d.Set("a", 0)
	d.Set("b", -time.Second)
	require.False(t, d.Now("a"))
	require.False(t, d.Now("unknown"))
	requireDue(t, d, 0, time.Time{})
	d.Set("a", 10*time.Second)
	d.Ran("a", at(0), at(1))
	require.True(t, d.Now("a"))
	d.Set("a", 0)
	requireDue(t, d, 20, time.Time{})
	d.Set("a", 30*time.Second) // its last run is still known, what was asked for before is not
	requireDue(t, d, 20, at(30))
}

func TestDueTakesUpALastRunKnownFromBefore(t *testing.T) {
	t.Parallel()
	d := pmssync.NewDue(nil)
	d.Ran("a", at(-4), at(-4)) // as a restart would, before or after Set
	d.Set("a", 10*time.Second)
	d.Set("b", 10*time.Second)
	d.Ran("b", at(-3), at(-3))
	requireDue(t, d, 0, at(6))
	requireDue(t, d, 7, time.Time{}, "a", "b")
}

func TestDueNowRunsOnceHoweverOftenAskedAndOnceMoreIfAskedDuringARun(t *testing.T) {
	t.Parallel()
	d := pmssync.NewDue(nil)
	d.Set("a", time.Minute)
	d.Ran("a", at(0), at(1))
	require.True(t, d.Now("a"))
	require.True(t, d.Now("a"))
	requireDue(t, d, 10, time.Time{}, "a")
	requireDue(t, d, 11, time.Time{}, "a") // it was not run: still due
	d.Ran("a", at(11), at(12))
	requireDue(t, d, 12, at(71))

	require.True(t, d.Now("a"))
	requireDue(t, d, 20, time.Time{}, "a")
	require.True(t, d.Now("a")) // the run has begun
	d.Ran("a", at(20), at(21))
	requireDue(t, d, 21, time.Time{}, "a")
	d.Ran("a", at(21), at(22))
	requireDue(t, d, 22, at(81))
}

func TestDueDelayHoldsUntilItsTimeOrUntilAskedFor(t *testing.T) {
	t.Parallel()
	d := pmssync.NewDue(nil)
	d.Set("a", 10*time.Second)
	d.Ran("a", at(0), at(1))
	d.Delay("a", at(40))
	d.Delay("unknown", at(40))
	requireDue(t, d, 30, at(40))
	requireDue(t, d, 40, time.Time{}, "a")

	d.Delay("a", at(100))
	d.Ran("a", at(40), at(41)) // a failed run: the back-off counts, not the interval
	requireDue(t, d, 60, at(100))
	require.True(t, d.Now("a"))
	requireDue(t, d, 60, time.Time{}, "a")
	d.Delay("a", at(200)) // it failed again
	requireDue(t, d, 61, at(200))
	d.Delay("a", time.Time{})
	requireDue(t, d, 61, time.Time{}, "a")

	d.Delay("a", at(200))
	d.Ran("a", at(61), at(62))
	d.Set("a", 5*time.Second) // new settings are tried at once
	requireDue(t, d, 70, time.Time{}, "a")
}

func TestDueDelayShorterThanTheIntervalDoesNotHasten(t *testing.T) {
	t.Parallel()
	d := pmssync.NewDue(nil)
	d.Set("a", time.Minute)
	d.Ran("a", at(0), at(1))
	d.Delay("a", at(10))
	requireDue(t, d, 20, at(60))
}

func TestDueCountsOverrunsAndCatchesUpOnce(t *testing.T) {
	t.Parallel()
	d := pmssync.NewDue(nil)
	d.Set("a", 10*time.Second)
	d.Ran("a", at(0), at(35)) // three intervals
	require.Equal(t, 1, d.Overruns("a"))
	requireDue(t, d, 35, time.Time{}, "a")
	d.Ran("a", at(35), at(36))
	requireDue(t, d, 36, at(45))
	d.Ran("a", at(45), at(55)) // to the second is no overrun
	require.Equal(t, 1, d.Overruns("a"))
	require.Zero(t, d.Overruns("unknown"))
}

func TestDueJitterPutsOffByATenthAtMostAndNeverHastens(t *testing.T) {
	t.Parallel()
	rnd := 0.5
	d := pmssync.NewDue(func() float64 { return rnd })
	d.Set("a", 100*time.Second)
	requireDue(t, d, 0, at(5)) // the first run: a stagger
	requireDue(t, d, 3, at(5)) // which does not move
	requireDue(t, d, 5, time.Time{}, "a")
	rnd = 0
	d.Ran("a", at(5), at(6))
	requireDue(t, d, 6, at(105))
	rnd = 0.999
	d.Ran("a", at(105), at(106))
	requireDue(t, d, 106, at(105+100+9.99))
}

func TestDueSurvivesAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	d := pmssync.NewDue(nil)
	d.Set("a", 10*time.Second)
	d.Ran("a", at(86400), at(86401))
	requireDue(t, d, 0, at(10)) // not in a day
	requireDue(t, d, 10, time.Time{}, "a")
}
