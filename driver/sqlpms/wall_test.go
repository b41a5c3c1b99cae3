package sqlpms_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

func wall(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05", s)
	require.NoError(t, err)
	return at
}

func TestWallTimesAndMomentsGoBothWays(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"UTC", "America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "America/Phoenix"} {
		loc := zone(t, name)
		first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		repeated := 0
		for at := first; at.Year() == 2026; at = at.Add(10 * time.Minute) {
			w := sqlpms.WallOf(at, loc)
			m := sqlpms.Moment(w, loc)
			require.Equal(t, w, sqlpms.WallOf(m, loc), "%s %v", name, at)
			if !m.Equal(at) { // only the second of two
				require.True(t, m.Before(at))
				repeated++
				from, to, ok := sqlpms.Repeated(w, loc)
				require.True(t, ok, "%s %v", name, at)
				require.False(t, w.Before(from) || !w.Before(to))
			}
		}
		want := map[string]int{"America/Chicago": 6, "Europe/Berlin": 6, "Australia/Lord_Howe": 3}[name]
		require.Equal(t, want, repeated, name)
	}
}

func TestTheHourThatComesTwiceAndTheOneThatIsLeftOut(t *testing.T) {
	t.Parallel()
	chicago := zone(t, "America/Chicago")
	require.Equal(t, time.Date(2026, 11, 1, 6, 30, 0, 0, time.UTC), sqlpms.Moment(wall(t, "2026-11-01 01:30:00"), chicago).UTC(), "the first of two")
	require.Equal(t, time.Date(2026, 3, 8, 8, 30, 0, 0, time.UTC), sqlpms.Moment(wall(t, "2026-03-08 02:30:00"), chicago).UTC(), "after the gap")
	from, to, ok := sqlpms.Repeated(wall(t, "2026-11-01 01:00:00"), chicago)
	require.True(t, ok)
	require.Equal(t, []time.Time{wall(t, "2026-11-01 01:00:00"), wall(t, "2026-11-01 02:00:00")}, []time.Time{from, to})
	for _, s := range []string{"2026-11-01 00:59:59", "2026-11-01 02:00:00", "2026-03-08 02:30:00", "2026-06-01 12:00:00"} {
		_, _, ok := sqlpms.Repeated(wall(t, s), chicago)
		require.False(t, ok, s)
	}
	from, to, ok = sqlpms.Repeated(wall(t, "2026-04-05 01:45:00"), zone(t, "Australia/Lord_Howe"))
	require.True(t, ok, "half an hour")
	require.Equal(t, []time.Time{wall(t, "2026-04-05 01:30:00"), wall(t, "2026-04-05 02:00:00")}, []time.Time{from, to})
	require.Zero(t, sqlpms.Moment(time.Time{}, chicago))
	require.Zero(t, sqlpms.WallOf(time.Time{}, chicago))
}

func TestArgumentsAreWholeSecondsOfTheWall(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 1, 3, 4, 5, 678e6, time.UTC)
	require.Equal(t, time.Date(2026, 6, 30, 22, 4, 5, 0, time.UTC), sqlpms.WallArg(at, zone(t, "America/Chicago")))
	require.Equal(t, "{ts '2026-06-30 22:04:05'}", sqlpms.WallLiteral(sqlpms.WallArg(at, zone(t, "America/Chicago"))))
	require.Equal(t, "{d '2026-06-30'}", sqlpms.DateLiteral(driver.Date{Year: 2026, Month: 6, Day: 30}))
}

// The ODBC driver makes times of the process's zone.
func TestAZoneThatLosesAnHourOfThePracticesIsFound(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	chicago, phoenix, denver := zone(t, "America/Chicago"), zone(t, "America/Phoenix"), zone(t, "America/Denver")
	require.Empty(t, sqlpms.ZoneGap(time.UTC, chicago, now))
	require.Empty(t, sqlpms.ZoneGap(chicago, chicago, now))
	require.Empty(t, sqlpms.ZoneGap(denver, chicago, now), "both leave out the same hour of the wall")
	require.NotEmpty(t, sqlpms.ZoneGap(denver, phoenix, now))
	require.NotEmpty(t, sqlpms.ZoneGap(chicago, time.UTC, now))
}
