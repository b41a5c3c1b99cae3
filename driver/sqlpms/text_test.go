package sqlpms_test

import (
	sqldriver "database/sql/driver"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

func TestAFieldRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	f := sqlpms.Field{Name: "description", Chars: 5, Repertoire: driver.Windows1252}
	require.NoError(t, f.Check("acme", "write note", "Zoë €"))
	for text, reason := range map[string]driver.Reason{
		"Quill!": driver.ReasonTooLarge,
		"東":      driver.ReasonTextRefused,
		"a\x00":  driver.ReasonTextRefused,
		"\xff":   driver.ReasonTextRefused,
		"\u0081": driver.ReasonTextRefused,
	} {
		err := f.Check("acme", "write note", text)
		require.Equal(t, reason, requireKind(t, err, driver.ErrRejected).Reason)
		require.ErrorContains(t, err, "description")
		require.NotContains(t, err.Error(), text)
	}
	require.NoError(t, sqlpms.Field{Name: "note"}.Check("acme", "x", strings.Repeat("🦷", 9000)))
	require.Error(t, sqlpms.Field{Name: "note", Repertoire: driver.UnicodeBMP}.Check("acme", "x", "🦷"))
}

func TestTextsAreShortenedByCharacters(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Zoë", sqlpms.Shorten("Zoë 東京", 4))
	require.Equal(t, "Zoë 東", sqlpms.Shorten("Zoë 東京", 5))
	require.Equal(t, "Zoë 東京", sqlpms.Shorten("Zoë 東京", 6))
	require.Empty(t, sqlpms.Shorten("abc", 0))
	require.Empty(t, sqlpms.Shorten("abc", -1))
}

// Other SQL drivers, and other engines, give other types than MariaDB over ODBC.
func TestValuesAreReadFromWhatSQLDriversGive(t *testing.T) {
	t.Parallel()
	read := func(v sqldriver.Value) *sqlpms.Row {
		var row sqlpms.Row
		given := false
		fake := &fakeDriver{next: func(dest []sqldriver.Value) error {
			if given {
				return io.EOF
			}
			given, dest[0] = true, v
			return nil
		}}
		db, err := sqlpms.Open(sqlpms.Config{Name: "acme", Driver: fake, DSN: driver.NewSecret("x")})
		require.NoError(t, err)
		defer func() { _ = db.Close() }()
		require.NoError(t, db.Each(t.Context(), "read", sqlpms.SQL("x"), func(r *sqlpms.Row) (bool, error) { row = *r; return false, nil }))
		return &row
	}
	for _, v := range []sqldriver.Value{int64(150), int32(150), int16(150), int8(-106), uint8(150), float64(150), []byte("150"), "-106", "150.000"} {
		require.Equal(t, int8(-106), read(v).Byte("v"), "%T %v", v, v)
	}
	for _, v := range []sqldriver.Value{102.69, []byte("102.69"), "102.6900", float64(10269) / 100, 102.69000000000001} {
		require.Equal(t, driver.USD(10269), read(v).Money("v", "USD"), "%T %v", v, v)
	}
	require.Equal(t, driver.USD(700), read(int64(7)).Money("v", "USD"))
	for cents := int64(1); cents < 1<<40; cents = cents*3 + 1 {
		require.Equal(t, driver.USD(cents), read(float64(cents)/100).Money("v", "USD"))
	}
	for _, v := range []sqldriver.Value{1.005, "1.005", 1e12, "x", true, time.Now()} {
		r := read(v)
		r.Money("v", "USD")
		if v == true {
			continue // 1
		}
		require.Error(t, r.Problem(), "%v", v)
	}
	day := driver.Date{Year: 2026, Month: 11, Day: 27}
	for _, v := range []sqldriver.Value{"2026-11-27", "2026-11-27 23:59:59.999", []byte("2026-11-27T01:02:03"), time.Date(2026, 11, 27, 23, 0, 0, 0, time.FixedZone("", -9*3600))} {
		require.Equal(t, day, read(v).Date("v"), "%v", v)
	}
	for _, v := range []sqldriver.Value{nil, "", "0000-00-00", "0001-01-01", "0000-00-00 00:00:00", "1753-01-01", time.Time{}, time.Date(1, 1, 1, 0, 0, 0, 0, time.Local)} {
		r := read(v)
		require.True(t, r.Date("v").IsZero(), "%v", v)
		require.Zero(t, r.Wall("v"))
		require.NoError(t, r.Problem())
	}
	for v, want := range map[sqldriver.Value]bool{true: true, int64(2): true, "Y": true, "1": true, "n": false, "": false, "0": false, nil: false, int32(0): false} {
		r := read(v)
		require.Equal(t, want, r.Bool("v"), "%v", v)
		require.NoError(t, r.Problem(), "%v", v)
	}
	require.True(t, read([]byte{1}).Bool("v"))
	require.Equal(t, "Zoë – €", read([]byte("Zo\xeb \x96 \x80")).Text("v"), "windows-1252")
	require.Equal(t, "Zoë", read([]byte("Zoë  \x00\x00")).Text("v"))
	require.Equal(t, " x", read(" x  ").Text("v"))
	require.Equal(t, "x", read(" x  ").ID("v"))
	require.Equal(t, "42", read(int32(42)).ID("v"))
}
