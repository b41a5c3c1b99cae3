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

func ask(token string, limit int, start func() sqlpms.Source[string]) sqlpms.WalkQuery[string] {
	return sqlpms.WalkQuery[string]{Name: "acme", Op: "read window", Window: "window", Token: token, Limit: limit, ID: func(s string) string { return s }, Start: start}
}

// walkAll follows a walk to its end.
func walkAll(t *testing.T, w *sqlpms.Walks[string], limit int, start func() sqlpms.Source[string]) (seen []string) {
	t.Helper()
	token := ""
	for range 10000 {
		p, err := w.Page(t.Context(), ask(token, limit, start))
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
		seen := walkAll(t, &w, limit, sqlpms.Days[string]{From: from, To: from.AddDate(0, 6, 0), Read: read}.Source)
		require.Len(t, seen, 300)
		sort.Strings(seen)
		require.Len(t, slices.Compact(seen), 300)
	}
}

func TestAWalkByKeysGivesEveryRecordOnceByRangesWithTwoEnds(t *testing.T) {
	t.Parallel()
	var keys []string
	for i := range 100 {
		keys = append(keys, fmt.Sprintf("%03d", i))
	}
	for _, limit := range []int{1, 7, 100, 1000} {
		lists, fails, before := 0, true, ""
		source := sqlpms.Keys[string]{
			List: func(context.Context) ([]string, error) { lists++; return keys, nil },
			Read: func(_ context.Context, first, last string) (found []string, err error) {
				if fails = !fails; !fails { // every second read, from the first on
					return nil, errors.New("broken")
				}
				require.Greater(t, first, before, "no key is read twice")
				before = last
				for _, key := range keys {
					if first <= key && key <= last && key != "042" { // that one went away meanwhile
						found = append(found, key)
					}
				}
				require.LessOrEqual(t, len(found), limit)
				return found, nil
			},
		}.Source()
		var w sqlpms.Walks[string]
		var seen []string
		start := func() sqlpms.Source[string] {
			return func(ctx context.Context, want int) ([]string, bool, error) {
				found, done, err := source(ctx, want)
				if err != nil { // the same records come again
					found, done, err = source(ctx, want)
				}
				return found, done, err
			}
		}
		seen = walkAll(t, &w, limit, start)
		require.Len(t, seen, 99)
		require.True(t, slices.IsSorted(seen))
		require.Equal(t, 1, lists)
	}
	none := sqlpms.Keys[string]{List: func(context.Context) ([]string, error) { return nil, nil }}.Source()
	found, done, err := none(t.Context(), 5)
	require.NoError(t, err)
	require.True(t, done)
	require.Empty(t, found)
}

func TestSpansOfDaysGrowWhereFewRecordsCome(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	spans := func(d sqlpms.Days[string], each int) (days []int) {
		d.From, d.To = from, from.AddDate(0, 0, 200)
		last := from
		d.Read = func(_ context.Context, a, b time.Time) ([]string, error) {
			require.Equal(t, last, a, "no day is left out or read twice")
			last = b
			days = append(days, int(b.Sub(a).Hours()/24))
			return make([]string, each), nil
		}
		source := d.Source()
		for done := false; !done; {
			var err error
			_, done, err = source(t.Context(), 10)
			require.NoError(t, err)
		}
		require.Equal(t, d.To, last)
		return days
	}
	require.Equal(t, []int{7, 14, 28, 56, 95}, spans(sqlpms.Days[string]{}, 9))
	require.Equal(t, slices.Repeat([]int{7}, 28), spans(sqlpms.Days[string]{}, 10)[:28])
	require.Equal(t, []int{31, 31, 31, 31, 31, 31, 14}, spans(sqlpms.Days[string]{First: 31, Most: 31}, 0))
	require.Equal(t, []int{150, 50}, spans(sqlpms.Days[string]{First: 150}, 0), "what is asked for at first stays")
	backwards := sqlpms.Days[string]{From: from, To: from.AddDate(0, 0, -1)}.Source()
	_, done, err := backwards(t.Context(), 10)
	require.NoError(t, err)
	require.True(t, done)
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
	require.Equal(t, []string{"moved"}, walkAll(t, &w, 1, sqlpms.Days[string]{From: from, To: from.AddDate(0, 3, 0), Read: read}.Source))
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
	p, err := w.Page(t.Context(), ask("", 1, start))
	require.NoError(t, err)
	fails = true
	_, err = w.Page(t.Context(), ask(p.Next, 1, start))
	require.Error(t, err)
	fails = false
	p, err = w.Page(t.Context(), ask(p.Next, 1, start))
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
		p, err := w.Page(t.Context(), ask(token, 1, start))
		return p.Next, err
	}
	token, err := page(&a, "")
	require.NoError(t, err)
	_, err = page(&b, token)
	requireKind(t, err, driver.ErrCursorExpired)
	_, err = page(&a, "garbage")
	requireKind(t, err, driver.ErrCursorExpired)
	elsewhere := ask(token, 1, start)
	elsewhere.Window = "another"
	_, err = a.Page(t.Context(), elsewhere)
	requireKind(t, err, driver.ErrCursorExpired)
	next, err := page(&a, token)
	require.NoError(t, err)
	_, err = page(&a, token) // it was followed already
	requireKind(t, err, driver.ErrCursorExpired)
	for range 9 { // of many that nobody finishes, old ones are given up
		_, err = page(&a, "")
		require.NoError(t, err)
	}
	_, err = page(&a, next)
	requireKind(t, err, driver.ErrCursorExpired)
}

func TestAPageHasABoundOfItsOwn(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{-1: 500, 0: 500, 1: 1, 5000: 5000, 1 << 30: 5000} {
		require.Equal(t, want, sqlpms.PageSize(limit))
	}
}
