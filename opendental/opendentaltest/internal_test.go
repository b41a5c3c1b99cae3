package opendentaltest

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryRouteIsRefusedByAnOlderOffice(t *testing.T) {
	t.Parallel()
	o, err := NewOffice(Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, o.Close()) }()
	require.Greater(t, len(o.routes), 45)
	for _, r := range o.routes {
		older := r.since
		for i := len(older) - 1; i >= 0; i-- { // the version just before
			if older[i] > 0 {
				older[i]--
				break
			}
		}
		require.ErrorContains(t, r.check(older, nil, nil, true), r.since.String(), r.pattern)
		require.NoError(t, r.check(r.since, nil, nil, false), r.pattern)
		for name, since := range r.query {
			if since == (version{}) {
				continue
			}
			require.ErrorContains(t, r.check(version{since[0], since[1] - 1, 99}, url.Values{name: {"1"}}, nil, true), "requires", r.pattern+" "+name)
		}
		for name, since := range r.fields {
			newest := version{99}
			require.NoError(t, r.check(newest, nil, map[string]any{name: 1}, false))
			require.True(t, newest.atLeast(since))
		}
	}
}

func TestSchemaIsReadWhole(t *testing.T) {
	t.Parallel()
	sc, err := parseSchema()
	require.NoError(t, err)
	require.Len(t, sc.order, 22)
	patient := sc.tables["patient"]
	require.Equal(t, "PatNum", patient.key)
	require.Equal(t, "DateTStamp", patient.stamp())
	require.Equal(t, "", sc.tables["definition"].stamp())
	check := sc.tables["payment"].columns[sc.tables["payment"].index["CheckNum"]]
	require.Equal(t, 25, check.chars)
	note := sc.tables["commlog"].columns[sc.tables["commlog"].index["Note"]]
	require.Equal(t, 65535, note.bytes)
	require.EqualValues(t, -1, sc.tables["patplan"].columns[sc.tables["patplan"].index["OrthoAutoFeeBilledOverride"]].neutral)
	require.EqualValues(t, 1, patient.columns[patient.index["BillingCycleDay"]].neutral)
}

func TestFitCutsAsALaxServerDoes(t *testing.T) {
	t.Parallel()
	narrow := column{kind: kindText, chars: 3}
	for in, want := range map[string]string{"abcd": "abc", "äöüß": "äöü", "a😀c": "a?c", "": "", "\xffab": "?ab"} {
		got, err := narrow.fit(in)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	day := column{kind: kindDate}
	got, err := day.fit(time.Time{})
	require.NoError(t, err)
	require.Equal(t, noDate, got)
	_, err = day.fit(3)
	require.Error(t, err)
}

func TestVersionsCompareByNumber(t *testing.T) {
	t.Parallel()
	require.True(t, mustVersion("25.1.13").atLeast(mustVersion("25.1.2")))
	require.False(t, mustVersion("24.4.99").atLeast(mustVersion("25.1")))
	require.Equal(t, "25.1", mustVersion("25.1").String())
	require.Equal(t, "25.1.13", mustVersion("25.1.13.0").String())
	for _, text := range []string{"", "25.x", "1.2.3.4.5", "-1"} {
		_, err := parseVersion(text)
		require.Error(t, err, text)
	}
}

func FuzzSQLText(f *testing.F) {
	for _, seed := range []string{"SELECT NOW() - INTERVAL 5 DAY, 'a\\'b' FROM t -- x", "SELECT DATE_ADD(x, INTERVAL 1", "LEFT(", "'", "/* ", "`a", "now(", "DATE_FORMAT('a'"} {
		f.Add(seed)
	}
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Join(sqlTokens(text), "") != text {
			t.Fatal("the words do not add up to the text")
		}
		_ = toSQLite(text, now) // must end, and not panic
		_ = readOnly(text)
	})
}

func FuzzJSONStrings(f *testing.F) {
	f.Add("a\r\nb\"\\\t\x01\xff😀")
	f.Fuzz(func(t *testing.T, text string) {
		body, err := decodeBody(append(append([]byte(`{"v":`), appendString(nil, text)...), '}'))
		if err != nil {
			t.Fatal("not a JSON string")
		}
		if got := body["v"].(string); strings.ContainsAny(got, "\r\n") {
			t.Fatal("a line break came out")
		}
	})
}
