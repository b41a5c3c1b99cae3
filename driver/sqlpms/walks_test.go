package sqlpms_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

func self(s string) string { return s }

// walkAll follows a walk to its end.
func walkAll(t *testing.T, w *sqlpms.Walks[string], limit int, start func() sqlpms.Source[string]) (seen []string) {
	t.Helper()
	token := ""
	for range 10000 {
		p, err := w.Page(t.Context(), "acme", "read window", token, limit, self, start)
		require.NoError(t, err)
		require.LessOrEqual(t, len(p.Records), max(limit, 1))
		seen = append(seen, p.Records...)
		if token = p.Next; !p.More {
			require.Empty(t, token)
			return seen
		}
	}
	t.Fatal("the walk does not end")
	return nil
}

func TestAWalkGivesEveryRecordOnce(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rows := map[string]time.Time{}
	for i := range 300 {
		rows[fmt.Sprint(i)] = from.Add(time.Duration(i*i) * time.Minute)
	}
	read := func(_ context.Context, from, to time.Time) (found []string, err error) {
		for id, at := range rows {
			if !at.Before(from) && at.Before(to) {
				found = append(found, id)
			}
		}
		return found, nil
	}
	for _, limit := range []int{1, 7, 100, 1000} {
		var w sqlpms.Walks[string]
		seen := walkAll(t, &w, limit, func() sqlpms.Source[string] { return sqlpms.Days(from, from.AddDate(0, 6, 0), read) })
		require.Len(t, seen, 300)
		sort.Strings(seen)
		require.Len(t, slices.Compact(seen), 300)
	}
}

func TestAWalkByKeysGivesEveryRecordOnce(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 7, 100, 1000} {
		read := func(_ context.Context, after string, want int) (found []string, last string, err error) {
			for i := range 100 {
				if key := fmt.Sprintf("%03d", i); key > after && len(found) < want {
					found, last = append(found, key), key
				}
			}
			return found, last, nil
		}
		var w sqlpms.Walks[string]
		require.Len(t, walkAll(t, &w, limit, func() sqlpms.Source[string] { return sqlpms.Keys("", read) }), 100)
	}
}

func TestARecordThatMovesAheadOfAWalkComesOnce(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := from
	read := func(_ context.Context, a, b time.Time) (found []string, err error) {
		if !at.Before(a) && at.Before(b) {
			found = []string{"moved"}
		}
		at = b // staff move it to the day that is read next
		return found, nil
	}
	var w sqlpms.Walks[string]
	require.Equal(t, []string{"moved"}, walkAll(t, &w, 1, func() sqlpms.Source[string] { return sqlpms.Days(from, from.AddDate(0, 3, 0), read) }))
}

func TestAWalkGoesOnAfterAFailedRead(t *testing.T) {
	t.Parallel()
	fails := false
	n := 0
	start := func() sqlpms.Source[string] {
		return func(context.Context, int) ([]string, bool, error) {
			if fails {
				return nil, false, errors.New("broken")
			}
			n++
			return []string{fmt.Sprint(n)}, n == 3, nil
		}
	}
	var w sqlpms.Walks[string]
	p, err := w.Page(t.Context(), "acme", "read window", "", 1, self, start)
	require.NoError(t, err)
	fails = true
	_, err = w.Page(t.Context(), "acme", "read window", p.Next, 1, self, start)
	require.Error(t, err)
	fails = false
	p, err = w.Page(t.Context(), "acme", "read window", p.Next, 1, self, start)
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, p.Records)
}

func TestATokenIsGoodForOneWalk(t *testing.T) {
	t.Parallel()
	start := func() sqlpms.Source[string] {
		n := 0
		return func(context.Context, int) ([]string, bool, error) { n++; return []string{fmt.Sprint(n)}, false, nil }
	}
	var a, b sqlpms.Walks[string]
	page := func(w *sqlpms.Walks[string], token string) (string, error) {
		p, err := w.Page(t.Context(), "acme", "read window", token, 1, self, start)
		return p.Next, err
	}
	token, err := page(&a, "")
	require.NoError(t, err)
	_, err = page(&b, token)
	requireKind(t, err, driver.ErrCursorExpired)
	_, err = page(&a, "garbage")
	requireKind(t, err, driver.ErrCursorExpired)
	next, err := page(&a, token)
	require.NoError(t, err)
	_, err = page(&a, token) // it was followed already
	requireKind(t, err, driver.ErrCursorExpired)
	for range 8 { // of many that nobody finishes, old ones are given up
		_, err = page(&a, "")
		require.NoError(t, err)
	}
	_, err = page(&a, next)
	requireKind(t, err, driver.ErrCursorExpired)
}
