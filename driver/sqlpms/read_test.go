package sqlpms_test

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

// row reads the first row of a statement.
func (b bed) row(statement string, args ...any) (row sqlpms.Row) {
	b.t.Helper()
	found := false
	require.NoError(b.t, b.db.Each(b.t.Context(), "read", sqlpms.SQL(statement, args...), func(r *sqlpms.Row) (bool, error) {
		row, found = *r, true
		return false, nil
	}))
	require.True(b.t, found, "no row")
	return row
}

func TestValuesComeThroughODBCAsTheyAre(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	chicago := zone(t, "America/Chicago")
	r := b.row("SELECT * FROM admin.appt WHERE id=?", 1)
	require.Equal(t, int64(1), r.Int("ID"), "names have no case")
	require.Equal(t, int8(-106), r.Byte("status"))
	require.Equal(t, driver.USD(-10269), r.Money("amount", "USD"))
	require.Equal(t, driver.Date{Year: 2020, Month: 2, Day: 29}, r.Date("born"))
	require.Equal(t, driver.Date{Year: 2020, Month: 2, Day: 29}, r.BirthDate("born").Reveal())
	require.True(t, r.Bool("flag"))
	require.Equal(t, "Zoë 東京 🦷", r.Text("name"))
	require.Equal(t, "Zoë 東京 🦷", r.Secret("name").Reveal())
	require.Equal(t, time.Date(2026, 3, 8, 2, 30, 0, 0, time.UTC), r.Wall("starts"))
	require.Equal(t, time.Date(2026, 3, 8, 3, 30, 0, 0, chicago), r.Moment("starts", chicago), "in the hour that is left out")
	require.Equal(t, time.Date(2026, 11, 27, 8, 0, 0, 123e6, time.UTC), r.Wall("stamp"))
	require.NoError(t, r.Problem())

	r = b.row("SELECT * FROM admin.appt WHERE id=?", 2)
	for _, name := range []string{"amount", "starts", "born", "name", "stamp"} {
		require.True(t, r.IsNull(name))
	}
	require.Equal(t, driver.Money{Currency: "USD"}, r.Money("amount", "USD"))
	require.Zero(t, r.Wall("starts"))
	require.Zero(t, r.Moment("starts", chicago))
	require.Zero(t, r.Date("born"))
	require.True(t, r.BirthDate("born").IsZero())
	require.Empty(t, r.Text("name"))
	require.False(t, r.Bool("flag"))
	require.NoError(t, r.Problem())

	r = b.row("SELECT patient FROM admin.note WHERE id=1")
	require.Equal(t, "1    ", r.Stored("patient"), "padded, as the PMS stores it")
	require.Equal(t, "1", r.Text("patient"))
	require.Equal(t, "1", r.ID("patient"))
}

func TestArgumentsGoThroughODBCAsTheyAre(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	chicago := zone(t, "America/Chicago")
	at := time.Date(2026, 11, 27, 14, 30, 15, 987654321, time.UTC)
	_, err := b.db.Write(t.Context(), sqlpms.Write{Op: "write", Do: func(ctx context.Context, tx *sqlpms.Tx) (driver.Receipt, error) {
		return driver.Receipt{}, tx.ExecOne(ctx, sqlpms.SQL("INSERT INTO admin.appt (id, status, amount, starts, born, flag, name) VALUES (?, ?, ?, ?, ?, ?, ?)",
			7, -106, driver.USD(-1), sqlpms.WallArg(at, chicago), driver.NewBirthDate(driver.Date{Year: 1999, Month: 12, Day: 31}), true, driver.NewText("🦷 ' \" \\")))
	}})
	require.NoError(t, err)
	var starts, born, amount, name string
	require.NoError(t, b.server.Root.QueryRow("SELECT CAST(starts AS CHAR), CAST(born AS CHAR), CAST(amount AS CHAR), name FROM admin.appt WHERE id=7 AND status=-106 AND flag=1").
		Scan(&starts, &born, &amount, &name))
	require.Equal(t, []string{"2026-11-27 08:30:15", "1999-12-31", "-0.01", "🦷 ' \" \\"}, []string{starts, born, amount, name})
	r := b.row("SELECT id FROM admin.appt WHERE starts = "+sqlpms.WallLiteral(sqlpms.WallArg(at, chicago))+
		" AND born = "+sqlpms.DateLiteral(driver.Date{Year: 1999, Month: 12, Day: 31})+" AND name = ? AND born = ?",
		driver.NewText("🦷 ' \" \\"), driver.Date{Year: 1999, Month: 12, Day: 31})
	require.Equal(t, "7", r.ID("id"))
	require.Equal(t, int64(0), sqlCount(b, "SELECT COUNT(*) AS n FROM admin.appt WHERE born = ?", driver.Date{}), "no date is NULL")

	err = b.db.Each(t.Context(), "read", sqlpms.SQL("SELECT 1 AS v WHERE 1=?", struct{ Name string }{"Quill"}), nil)
	requireKind(t, err, driver.ErrUnavailable)
	require.ErrorContains(t, err, "argument 1 is of a type")
}

func sqlCount(b bed, statement string, args ...any) int64 {
	r := b.row(statement, args...)
	return r.Int("n")
}

func TestAReadStopsEarly(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(cfg *sqlpms.Config) { cfg.MaxConns = 1 })
	for range 5 { // the connection comes back each time
		n := 0
		require.NoError(t, b.db.Each(t.Context(), "read", sqlpms.SQL("SELECT id FROM admin.note ORDER BY id"), func(*sqlpms.Row) (bool, error) {
			n++
			return n < 2, nil
		}))
		require.Equal(t, 2, n)
	}
	mine := errors.New("enough")
	err := b.db.Each(t.Context(), "read", sqlpms.SQL("SELECT id FROM admin.note"), func(*sqlpms.Row) (bool, error) {
		return false, &driver.Error{Driver: "acme", Kind: driver.ErrConflict, Err: mine}
	})
	require.ErrorIs(t, err, mine)
	require.Equal(t, 1, b.line.Open())
}

func TestManyRowsComeOnceAndInOrder(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	_, err := b.server.Root.Exec("INSERT INTO admin.note (patient, body) SELECT '3', seq FROM admin.seq_1_to_500")
	require.NoError(t, err)
	n := 0
	require.NoError(t, b.db.Each(t.Context(), "read", sqlpms.SQL("SELECT body FROM admin.note WHERE patient='3' ORDER BY id"), func(r *sqlpms.Row) (bool, error) {
		n++
		require.Equal(t, int64(n), r.Int("body"))
		return true, nil
	}))
	require.Equal(t, 500, n)
}

func TestABadValueNamesItsColumnOnly(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for what, read := range map[string]func(r *sqlpms.Row){
		"the column name is no whole number": func(r *sqlpms.Row) { r.Int("name") },
		"the column name is no amount":       func(r *sqlpms.Row) { r.Money("name", "USD") },
		"the column name is no date":         func(r *sqlpms.Row) { r.Date("name") },
		"the column name is no yes or no":    func(r *sqlpms.Row) { r.Bool("name") },
		"the column nowhere is not":          func(r *sqlpms.Row) { r.Text("nowhere") },
		"the column big is no number of one": func(r *sqlpms.Row) { r.Byte("big") },
		"the column at is a time":            func(r *sqlpms.Row) { r.Text("at") },
	} {
		err := b.db.Each(t.Context(), "read", sqlpms.SQL("SELECT 'Quill' AS name, 300 AS big, NOW() AS at"), func(r *sqlpms.Row) (bool, error) {
			read(r)
			return true, nil
		})
		requireKind(t, err, driver.ErrUnavailable)
		require.ErrorContains(t, err, what)
	}
}

func TestAReadIsTriedOnAnotherConnectionWhenItsOwnHasDied(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	require.NoError(t, b.db.Ping(t.Context(), "ping"))
	b.line.HangUp()
	require.Equal(t, "first", func() string { r := b.row("SELECT body FROM admin.note WHERE id=1"); return r.Text("body") }())
	b.line.HangUp()
	calls := 0
	require.NoError(t, b.db.Call(t.Context(), "read", sqlpms.SQL("call admin.two_sets()"), func(int, *sqlpms.Row) error { calls++; return nil }))
	require.Equal(t, 3, calls)
	b.line.HangUp()
	looks := 0
	require.NoError(t, b.db.Look(t.Context(), "verify", func(ctx context.Context, tx *sqlpms.Tx) error {
		looks++
		_, _, err := findRef(ctx, tx)
		return err
	}))
	require.Equal(t, 1, looks)
}

func TestAnAnswerThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	defer b.line.Strike(odbctest.Trouble{When: odbctest.Runs("^(select id from|call)"), Do: odbctest.CutMiddle})()
	requireKind(t, b.db.Each(t.Context(), "read", sqlpms.SQL("SELECT id FROM admin.note"), func(*sqlpms.Row) (bool, error) { return true, nil }), driver.ErrUnavailable)
	requireKind(t, b.db.Call(t.Context(), "read", sqlpms.SQL("call admin.two_sets()"), nil), driver.ErrUnavailable)
}

func TestAReadIsNotTriedAgainOnceARowWasGiven(t *testing.T) {
	t.Parallel()
	n := 0
	fake := &fakeDriver{next: func(dest []sqldriver.Value) error {
		if n++; n == 3 {
			return sqldriver.ErrBadConn
		}
		dest[0] = "1"
		return nil
	}}
	db, err := sqlpms.Open(sqlpms.Config{Name: "acme", Driver: fake, DSN: driver.NewSecret("x")})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	require.NoError(t, db.Ping(t.Context(), "ping")) // which takes the first row
	rows := 0
	err = db.Each(t.Context(), "read", sqlpms.SQL("x"), func(*sqlpms.Row) (bool, error) { rows++; return rows < 5, nil })
	requireKind(t, err, driver.ErrUnavailable)
	require.Equal(t, 1, rows)
}

// An SQL driver may use a buffer again for the next row.
func TestRowsKeepTheirValues(t *testing.T) {
	t.Parallel()
	buffer, n := []byte("0"), 0
	fake := &fakeDriver{next: func(dest []sqldriver.Value) error {
		if n++; n > 9 {
			return io.EOF
		}
		buffer[0], dest[0] = byte('0'+n), buffer
		return nil
	}}
	db, err := sqlpms.Open(sqlpms.Config{Name: "acme", Driver: fake, DSN: driver.NewSecret("x")})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	var kept []sqlpms.Row
	require.NoError(t, db.Each(t.Context(), "read", sqlpms.SQL("x"), func(r *sqlpms.Row) (bool, error) {
		kept = append(kept, *r)
		return true, nil
	}))
	for i, r := range kept {
		require.Equal(t, int64(i+1), r.Int("v"))
	}
	require.Len(t, kept, 9)
}

func TestAReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	defer b.line.Strike(odbctest.Trouble{When: odbctest.Runs("^select id"), Do: odbctest.Hang})()
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := b.db.Each(ctx, "read", sqlpms.SQL("SELECT id FROM admin.note"), func(*sqlpms.Row) (bool, error) { return true, nil })
	requireKind(t, err, driver.ErrUnavailable)
	require.ErrorContains(t, err, "in time")
	require.Less(t, time.Since(began), 5*time.Second)
	require.NoError(t, b.db.Ping(t.Context(), "ping"), "another connection serves")
}

func TestASlowStatementIsCancelled(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	began := time.Now()
	requireKind(t, b.db.Each(ctx, "read", sqlpms.SQL("SELECT SLEEP(30) AS v"), func(*sqlpms.Row) (bool, error) { return true, nil }), driver.ErrUnavailable)
	require.Less(t, time.Since(began), 10*time.Second)
}

func TestColumnsAreToldWithoutReadingRows(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	names, err := b.db.Columns(t.Context(), "probe", sqlpms.SQL("SELECT * FROM admin.note WHERE 1 = 0"))
	require.NoError(t, err)
	require.Equal(t, []string{"id", "patient", "body", "ref"}, names)
	names, err = b.db.Columns(t.Context(), "probe", sqlpms.SQL("call admin.two_sets()"))
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names)
	_, err = b.db.Columns(t.Context(), "probe", sqlpms.SQL("SELECT * FROM admin.nothing"))
	requireKind(t, err, driver.ErrUnavailable)
}

// Rows of one connection are not closed by their end: ODBC may have more results.
func TestAConnectionComesBackAfterEveryKindOfRead(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(cfg *sqlpms.Config) { cfg.MaxConns = 1 })
	ctx := t.Context()
	for range 3 {
		require.NoError(t, b.db.Ping(ctx, "ping"))
		require.NoError(t, b.db.Call(ctx, "read", sqlpms.SQL("call admin.two_sets()"), nil))
		_, err := b.db.Columns(ctx, "read", sqlpms.SQL("SELECT id FROM admin.note"))
		require.NoError(t, err)
		require.Error(t, b.db.Each(ctx, "read", sqlpms.SQL("SELECT nonsense"), nil))
		_, err = b.db.Write(ctx, byCall("9", "x"))
		require.Error(t, err)
	}
	require.Equal(t, 1, b.line.Open())
	require.Equal(t, 1, connections(b.line.Sent()), "errors of the engine do not cost a connection")
}

func connections(sent []odbctest.Sent) (n int) {
	for _, s := range sent {
		if odbctest.IsConnect(s) {
			n++
		}
	}
	return n
}

// No statement of this package limits rows: engines say it each in their own way.
func TestNothingThatOnlyOneEngineKnowsIsSent(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ctx := t.Context()
	require.NoError(t, b.db.Ping(ctx, "ping"))
	require.NoError(t, b.db.Try(ctx, "probe", lookAt(t, b.db), trials...))
	_, err := b.db.Write(ctx, insert("2", "x"))
	require.NoError(t, err)
	for _, s := range b.line.Statements() {
		require.False(t, strings.Contains(strings.ToUpper(s), " LIMIT ") || strings.Contains(strings.ToUpper(s), " TOP "), s)
	}
}
