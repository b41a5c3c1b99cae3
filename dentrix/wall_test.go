package dentrix

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestOfTwoMomentsWithTheSameWallTimeTheNearerOneIsMeant(t *testing.T) {
	t.Parallel()
	loc, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	wall := time.Date(2026, time.November, 1, 1, 30, 0, 0, time.UTC)
	first, second := time.Date(2026, time.November, 1, 6, 30, 0, 0, time.UTC), time.Date(2026, time.November, 1, 7, 30, 0, 0, time.UTC)
	require.True(t, moment(wall, loc, first.Add(time.Minute)).Equal(first))
	require.True(t, moment(wall, loc, second.Add(-time.Minute)).Equal(second))
	require.True(t, moment(time.Time{}, loc, first).IsZero())
	require.True(t, moment(time.Date(2026, time.July, 1, 9, 0, 0, 0, time.UTC), loc, first).Equal(time.Date(2026, time.July, 1, 14, 0, 0, 0, time.UTC)))
}

func TestStatusBytesHaveOneSpelling(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 10: "10", 100: "100", -106: "150", 150: "150", 255: "255", -1: "255"} {
		require.Equal(t, want, statusID(n))
	}
	for status, can := range map[string]bool{"0": true, "1": true, "10": true, "11": false, "100": false, "101": false, "150": false, "-106": false, "01": false, "": false} {
		require.Equal(t, can, settable(status), status)
	}
}

func TestCodesHaveAMeaningWithEitherSign(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]driver.Reason{
		51001: driver.ReasonPatientNotFound, -51002: driver.ReasonPatientArchived, 51701: driver.ReasonRecordLocked, 52450: driver.ReasonOptionUnknown,
		52324: driver.ReasonAmountInvalid, 59999: driver.ReasonInvalid, 50000: driver.ReasonInvalid,
	} {
		m, ok := meaningOf(code, nil)
		require.True(t, ok)
		require.Equal(t, want, m.reason, code)
	}
	for _, code := range []int{0, 49999, 60000, -20005, 1146} {
		_, ok := meaningOf(code, nil)
		require.False(t, ok, "the engine's own: %d", code)
	}
	m, ok := meaningOf(-59999, map[string]string{"59999": "unavailable"})
	require.True(t, ok)
	require.Equal(t, driver.ErrUnavailable, m.kind)
	m, _ = meaningOf(51001, map[string]string{"51001": "period_closed"})
	require.Equal(t, driver.ReasonPeriodClosed, m.reason, "the profile knows better")
	for code := range documentedCodes {
		require.True(t, code >= firstCode && code <= lastCode)
	}
}

func TestTheKeyIsNeverCutOff(t *testing.T) {
	t.Parallel()
	const key = "ABCDEFGHIJKLMNOP"
	require.Equal(t, "a memo "+key, withKey(" a memo ", key, 60))
	require.Equal(t, "a "+key, withKey("a memo", key, len(key)+2))
	require.Equal(t, key, withKey("a memo", key, len(key)))
	require.Equal(t, key, withKey("", key, 60))
}
