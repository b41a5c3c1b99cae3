package sqlpms_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

func TestAKeyMarkRemembersWhichKeysWereSeen(t *testing.T) {
	t.Parallel()
	m := sqlpms.KeyMark{}.With(100).With(98).With(103)
	for key, known := range map[int64]bool{103: true, 102: false, 101: false, 100: true, 99: false, 98: true, 40: false, 39: true, 1: true, 104: false, 900: false} {
		require.Equal(t, known, m.Knows(key), key)
	}
	var back sqlpms.KeyMark
	require.NoError(t, sqlpms.ParseCursor("acme", "read", "patients", "all", sqlpms.FormatCursor("patients", "all", m), &back))
	require.Equal(t, m, back)
	far := m.With(1000)
	require.True(t, far.Knows(103) && far.Knows(1000) && !far.Knows(999))
}

// Rows are committed in another order than that of their keys.
func TestNewRowsComeOnceEachThoughALowerKeyComesLater(t *testing.T) {
	t.Parallel()
	var there, seen []int64
	mark := sqlpms.KeyMark{}.With(1000)
	read := func(after int64, row func(int64, int64) bool) error {
		slices.Sort(there)
		for _, key := range there {
			if key > after && !row(key, key) {
				break
			}
		}
		return nil
	}
	for _, commits := range [][]int64{{1002, 1003, 1004}, {1001, 1005}, {}, {1068, 1069}, {1006}} {
		there = append(there, commits...)
		for more := true; more; {
			page, err := sqlpms.NewRows(mark, 2, read)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Records), 2)
			seen = append(seen, page.Records...)
			mark, more = page.Next, page.More
		}
	}
	require.Equal(t, []int64{1002, 1003, 1004, 1001, 1005, 1068, 1069, 1006}, seen)
	_, err := sqlpms.NewRows(mark, 2, func(int64, func(int64, int64) bool) error { return errors.New("broken") })
	require.Error(t, err)
}

func TestACursorIsOfItsFeedAndSetUp(t *testing.T) {
	t.Parallel()
	type state struct {
		Key string `json:"k"`
	}
	cursor := sqlpms.FormatCursor("patients", "PPM/1", state{"P1"})
	require.Regexp(t, "^[A-Za-z0-9_-]+$", cursor)
	var got state
	require.NoError(t, sqlpms.ParseCursor("acme", "read", "patients", "PPM/1", cursor, &got))
	require.Equal(t, state{"P1"}, got)
	for _, bad := range []string{
		"", "garbage!", "e30", cursor + "x", cursor[:len(cursor)-3],
		sqlpms.FormatCursor("appointments", "PPM/1", got), sqlpms.FormatCursor("patients", "PPM/2", got), sqlpms.FormatCursor("patients", "PPM/1", 5),
	} {
		requireKind(t, sqlpms.ParseCursor("acme", "read", "patients", "PPM/1", bad, &got), driver.ErrCursorExpired)
	}
}

// A cursor comes from outside: whatever it says, it must not stop the process.
func TestAKeyMarkAtTheEndOfTheNumbersIsReadLikeAnyOther(t *testing.T) {
	t.Parallel()
	high := sqlpms.KeyMark{Last: math.MaxInt64}
	require.True(t, high.Knows(-7))
	require.Equal(t, high, high.With(-7))
	low := sqlpms.KeyMark{Last: math.MinInt64}
	require.Less(t, low.After(), int64(0))
	require.True(t, low.With(math.MaxInt64).Knows(math.MaxInt64))
	below := sqlpms.KeyMark{}.With(-3)
	require.True(t, below.Knows(-3) && !below.Knows(-2) && below.Knows(-64))
}
