package opendental

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func rowsOf(t *testing.T, text string) ([]row, error) {
	t.Helper()
	var rows []row
	err := decodeRows(strings.NewReader(text), func(r row) error { rows = append(rows, r); return nil })
	return rows, err
}

func TestScalarsAreReadWhateverTheirJSONType(t *testing.T) {
	t.Parallel()
	rows, err := rowsOf(t, "\xef\xbb\xbf "+`[{"A":12,"B":"12","C":true,"D":"True","E":null,"F":{"x":1},"G":[1],"H":339,"I":"-3.50","Confirmed":21,"confirmed":"Yes","J":"0"}]`)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	r := rows[0]
	require.Equal(t, "12", r.id("A"))
	require.Equal(t, "12", r.id("B"))
	require.True(t, r.truth("C"))
	require.True(t, r.truth("D"))
	require.False(t, r.truth("E"))
	require.Empty(t, r.text("F")+r.text("G")+r.text("nothing"))
	require.Equal(t, "21", r.id("Confirmed"), "fields that differ in case only are two fields")
	require.Empty(t, r.id("J"), "0 is no key")
	h, ok := r.money("H", "USD")
	require.True(t, ok)
	require.Equal(t, driver.USD(33_900), h)
	i, ok := r.money("I", "USD")
	require.True(t, ok)
	require.Equal(t, driver.USD(-350), i)
}

func TestAnAnswerIsAListOneRecordOrNothing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, " \r\n": 0, "[]": 0, "{}": 1, `[{},{}]`: 2} {
		rows, err := rowsOf(t, text)
		require.NoError(t, err, text)
		require.Len(t, rows, want, text)
	}
	for _, text := range []string{"<html>", `"text"`, "[1]", "[null]", `[{"a":]`, "{{"} {
		_, err := rowsOf(t, text)
		require.ErrorIs(t, err, errGarbled, text)
	}
	for _, text := range []string{"[", `[{"a":1}`, `{"a":`} {
		_, err := rowsOf(t, text)
		require.Error(t, err, text)
		require.NotErrorIs(t, err, errGarbled, "cut short is not garbled: "+text)
	}
}

func TestAnAnswerIsReadNoFurtherThanItsLimit(t *testing.T) {
	t.Parallel()
	const text = `[{"a":"0123456789"}]`
	each := func(row) error { return nil }
	require.NoError(t, decodeRows(&limited{r: strings.NewReader(text), n: int64(len(text))}, each))
	require.ErrorIs(t, decodeRows(&limited{r: strings.NewReader(text), n: int64(len(text) - 1)}, each), errTooLarge)
}

func TestWallTimesAreReadInThePracticesZone(t *testing.T) {
	t.Parallel()
	loc := chicago(t)
	want := time.Date(2026, 7, 4, 9, 30, 0, 0, loc)
	for _, s := range []string{"2026-07-04 09:30:00", "2026-07-04T09:30:00", " 2026-07-04 09:30:00 ", "7/4/2026 9:30:00 AM"} {
		require.True(t, want.Equal(parseWall(s, loc)), s)
	}
	for _, s := range []string{"", "0001-01-01", "0001-01-01 00:00:00", "0000-00-00 00:00:00", "1/1/0001 12:00:00 AM", "soon"} {
		require.True(t, parseWall(s, loc).IsZero(), s)
	}
	require.Equal(t, "2026-07-04 09:30:00", formatWall(want.UTC(), loc))
}

func TestOnlyNumbersOfRecordsAreIDs(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"1", "42", "9223372036854775807"} {
		require.True(t, isID(s), s)
	}
	for _, s := range []string{"", "0", "-1", "+1", "01", "1.0", "1e3", " 1", "9223372036854775808", "1 OR 1=1", "../1", "１"} {
		require.False(t, isID(s), s)
	}
}

func TestVersionsCompareByNumber(t *testing.T) {
	t.Parallel()
	v, ok := parseVersion(" 25.3.26.0 ")
	require.True(t, ok)
	require.Equal(t, "25.3.26", v.String())
	require.True(t, v.atLeast(version{25, 3, 26}))
	require.True(t, v.atLeast(version{24, 4, 51}))
	require.True(t, v.atLeast(version{25, 3, 9}))
	require.False(t, v.atLeast(version{25, 3, 27}))
	require.False(t, v.atLeast(version{25, 4, 0}))
	require.False(t, v.atLeast(version{26, 1, 0}))
	for _, s := range []string{"", "25", "25.x", "25.3.1.2.3", "-1.2"} {
		_, ok := parseVersion(s)
		require.False(t, ok, s)
	}
}

func FuzzDecodeRows(f *testing.F) {
	f.Add(`[{"PatNum":1,"Note":"x"}]`)
	f.Add(`{"a":{"b":[]}}`)
	f.Add("\xef\xbb\xbf[]")
	f.Fuzz(func(t *testing.T, text string) {
		err := decodeRows(strings.NewReader(text), func(r row) error {
			for field := range r {
				if id := r.id(field); id != "" && !isID(id) {
					t.Fatalf("%q is no id", id)
				}
				if w := r.wall(field, time.UTC); !w.IsZero() && w.Year() < 1880 {
					t.Fatal("a year before 1880 is no date")
				}
			}
			return nil
		})
		if err != nil && strings.Contains(err.Error(), text) && len(text) > 30 {
			t.Fatal("the error quotes the answer")
		}
	})
}
