package sqlpms_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

func TestAWriteHasOneEffectAndFindsItAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	first, err := b.db.Write(t.Context(), insert("2", "hello"))
	require.NoError(t, err)
	require.NotEmpty(t, first.ID)
	require.False(t, first.Existed)
	// Verify tells what it was.
	_, err = b.db.Write(t.Context(), insert("2", "hello"))
	require.ErrorIs(t, requireKind(t, err, driver.ErrUnknownOutcome), driver.ReasonDuplicate)
	_, err = b.db.Write(t.Context(), byCall("2", "hello"))
	require.ErrorIs(t, requireKind(t, err, driver.ErrUnknownOutcome), driver.ReasonDuplicate)
	require.Equal(t, 1, b.count("ref='"+ref+"'"))
}

// The kinds are true of the effect, at every point where the line can break.
func TestWhatAnErrorSaysOfTheEffectIsTrue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		write   sqlpms.Write
		trouble odbctest.Trouble
		kind    driver.Kind
		effects int
	}{
		"the statement never arrives": {insert("2", "x"), odbctest.Trouble{When: isInsert, Do: odbctest.CutBefore}, driver.ErrUnavailable, 0},
		"its answer is lost":          {insert("2", "x"), odbctest.Trouble{When: isInsert, Do: odbctest.CutAfter}, driver.ErrUnavailable, 0},
		"reading back breaks": {insert("2", "x"), odbctest.Trouble{When: func() func(odbctest.Sent) bool {
			n := 0
			return func(s odbctest.Sent) bool {
				if odbctest.Runs("^select id from admin.note")(s) {
					n++
				}
				return n == 2
			}
		}(), Do: odbctest.CutBefore}, driver.ErrUnavailable, 0},
		"a look finds no table":      {insert("2", "x"), odbctest.Trouble{When: odbctest.Runs("^select id from admin.note"), Do: odbctest.Refuse, Code: 1146, State: "42S02"}, driver.ErrUnavailable, 0},
		"COMMIT never arrives":       {insert("2", "x"), odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutBefore}, driver.ErrUnknownOutcome, 0},
		"COMMIT's answer is lost":    {insert("2", "x"), odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutAfter}, driver.ErrUnknownOutcome, 1},
		"COMMIT undoes it":           {insert("2", "x"), odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.Refuse, Code: 1213, State: "40001"}, driver.ErrUnavailable, 0},
		"COMMIT is refused somehow":  {insert("2", "x"), odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.Refuse, Code: 3100}, driver.ErrUnknownOutcome, 0},
		"a record is locked":         {insert("2", "x"), odbctest.Trouble{When: isInsert, Do: odbctest.Refuse, Code: 1205, Message: "Quill"}, driver.ErrUnavailable, 0},
		"the user may not":           {insert("2", "x"), odbctest.Trouble{When: isInsert, Do: odbctest.Refuse, Code: 1142, State: "42000", Message: "Quill"}, driver.ErrUnauthorized, 0},
		"the call never arrives":     {byCall("2", "x"), odbctest.Trouble{When: isInsert, Do: odbctest.CutBefore}, driver.ErrUnknownOutcome, 0},
		"the call's answer is lost":  {byCall("2", "x"), odbctest.Trouble{When: isInsert, Do: odbctest.CutAfter}, driver.ErrUnknownOutcome, 0},
		"the call may not be made":   {byCall("2", "x"), odbctest.Trouble{When: isInsert, Do: odbctest.Refuse, Code: 1370, State: "42000"}, driver.ErrUnauthorized, 0},
		"the call is undone, or not": {byCall("2", "x"), odbctest.Trouble{When: isInsert, Do: odbctest.Refuse, Code: 1213, State: "40001"}, driver.ErrUnknownOutcome, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			require.NoError(t, b.db.Ping(t.Context(), "ping")) // a connection that was used
			lift := b.line.Strike(c.trouble)
			_, err := b.db.Write(t.Context(), c.write)
			lift()
			e := requireKind(t, err, c.kind)
			if c.trouble.Code == 1205 {
				require.Positive(t, e.RetryAfter)
			}
			soon(t, "the server undoes what was not committed", func() bool { return b.count("ref='"+ref+"'") == c.effects })
			// The next one works, and finds what is there.
			_, err = b.db.Write(t.Context(), c.write)
			if c.effects == 1 {
				require.ErrorIs(t, err, driver.ReasonDuplicate)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, 1, b.count("ref='"+ref+"'"))
		})
	}
}

func TestAConnectionThatDiedUnnoticedIsReplacedBeforeAWrite(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	require.NoError(t, b.db.Ping(t.Context(), "ping"))
	b.line.HangUp()
	_, err := b.db.Write(t.Context(), insert("2", "x"))
	require.NoError(t, err)
	require.Equal(t, 1, b.count("ref='"+ref+"'"))
}

func TestAWriteComparesAndSets(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	set := func(from, to int) error {
		_, err := b.db.Write(t.Context(), sqlpms.Write{Op: "set status", Do: func(ctx context.Context, tx *sqlpms.Tx) (driver.Receipt, error) {
			return driver.Receipt{}, tx.ExecOne(ctx, sqlpms.SQL("UPDATE admin.appt SET status=? WHERE id=? AND status=?", to, 2, from))
		}})
		return err
	}
	require.NoError(t, set(3, 4))
	require.NoError(t, set(4, 4), "an update that changes nothing counts")
	requireKind(t, set(3, 5), driver.ErrConflict)
	_, err := b.db.Write(t.Context(), sqlpms.Write{Op: "set status", Do: func(ctx context.Context, tx *sqlpms.Tx) (driver.Receipt, error) {
		return driver.Receipt{}, tx.ExecOne(ctx, sqlpms.SQL("UPDATE admin.appt SET status=7"))
	}})
	require.ErrorIs(t, requireKind(t, err, driver.ErrRejected), driver.ReasonInvalid)
	var n int
	require.NoError(t, b.server.Root.QueryRow("SELECT COUNT(*) FROM admin.appt WHERE status IN (-106, 4)").Scan(&n))
	require.Equal(t, 2, n, "of several rows none was changed")
}

func TestWhatCannotBeReadBackIsUndone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	w := insert("2", "x")
	w.Find = func(context.Context, *sqlpms.Tx) (driver.Receipt, bool, error) { return driver.Receipt{}, false, nil }
	_, err := b.db.Write(t.Context(), w)
	requireKind(t, err, driver.ErrRejected)
	require.Zero(t, b.count("ref='"+ref+"'"))
	w = byCall("2", "x")
	w.Find = func(context.Context, *sqlpms.Tx) (driver.Receipt, bool, error) { return driver.Receipt{}, false, nil }
	_, err = b.db.Write(t.Context(), w)
	requireKind(t, err, driver.ErrUnknownOutcome)
	require.NotContains(t, err.Error(), "nothing was kept")
}

func TestAConnectionIsCheckedBeforeAllElse(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	no := &driver.Error{Driver: "acme", Op: "write note", Kind: driver.ErrUnauthorized, Scope: driver.ScopeWrites}
	w := insert("2", "x")
	w.Check = func(ctx context.Context, tx *sqlpms.Tx) error {
		return errors.Join(tx.Each(ctx, sqlpms.SQL("SELECT 1 AS one"), func(*sqlpms.Row) (bool, error) { return false, nil }), no)
	}
	w.Find = func(context.Context, *sqlpms.Tx) (driver.Receipt, bool, error) {
		t.Error("it looked")
		return driver.Receipt{}, false, nil
	}
	_, err := b.db.Write(t.Context(), w)
	require.Equal(t, driver.ScopeWrites, requireKind(t, err, driver.ErrUnauthorized).Scope)
	require.Zero(t, b.count("ref='"+ref+"'"))
}

// A record that others belong to: its number is needed before they are written.
func TestAWriteReadsBackOnceWhenItNeedsTheNumberItself(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	w := insert("2", "x")
	looks, do := 0, w.Do
	w.Find = func(ctx context.Context, tx *sqlpms.Tx) (driver.Receipt, bool, error) {
		looks++
		return findRef(ctx, tx)
	}
	number := ""
	w.Do = func(ctx context.Context, tx *sqlpms.Tx) (driver.Receipt, error) {
		_, err := tx.ReadBack(ctx)
		require.Error(t, err, "nothing is there yet")
		_, err = do(ctx, tx)
		require.NoError(t, err)
		r, err := tx.ReadBack(ctx)
		number = r.ID
		return driver.Receipt{}, err
	}
	r, err := b.db.Write(t.Context(), w)
	require.NoError(t, err)
	require.NotEmpty(t, number)
	require.Equal(t, number, r.ID)
	require.Equal(t, 3, looks)
	_, err = b.db.Write(t.Context(), sqlpms.Write{Op: "write note", Do: func(ctx context.Context, tx *sqlpms.Tx) (driver.Receipt, error) {
		_, err := tx.ReadBack(ctx)
		return driver.Receipt{}, err
	}})
	require.Error(t, err, "there is no Find")
}

func TestAWriteEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		write sqlpms.Write
		when  func(odbctest.Sent) bool
		kind  driver.Kind
	}{
		"before COMMIT":     {insert("2", "x"), isInsert, driver.ErrUnavailable},
		"at COMMIT":         {insert("2", "x"), odbctest.IsCommit, driver.ErrUnknownOutcome},
		"in a procedure":    {byCall("2", "x"), isInsert, driver.ErrUnknownOutcome},
		"while it looks":    {insert("2", "x"), odbctest.Runs("^select id"), driver.ErrUnavailable},
		"while it connects": {insert("2", "x"), odbctest.IsConnect, driver.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			lift := b.line.Strike(odbctest.Trouble{When: c.when, Do: odbctest.Hang})
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			began := time.Now()
			_, err := b.db.Write(ctx, c.write)
			require.Less(t, time.Since(began), 5*time.Second)
			requireKind(t, err, c.kind)
			lift()
			if c.kind == driver.ErrUnavailable {
				soon(t, "the connection is closed", func() bool { return b.line.Open() == 0 })
				require.Zero(t, b.count("ref='"+ref+"'"))
			}
			if _, err = b.db.Write(t.Context(), c.write); err != nil {
				require.ErrorIs(t, err, driver.ReasonDuplicate)
			}
			require.Equal(t, 1, b.count("ref='"+ref+"'"))
		})
	}
}

func TestAnEndedContextWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.db.Write(ctx, insert("2", "x"))
	requireKind(t, err, driver.ErrUnavailable)
	require.Zero(t, b.count("ref='"+ref+"'"))
}

func TestAProcedureIsDrained(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	r, err := b.db.Write(t.Context(), byCall("2", "hello"))
	require.NoError(t, err)
	require.NotEmpty(t, r.ID)

	var seen []string
	require.NoError(t, b.db.Call(t.Context(), "read", sqlpms.SQL("call admin.two_sets()"), func(set int, row *sqlpms.Row) error {
		name := "a"
		if set == 2 {
			name = "b"
		}
		seen = append(seen, row.Text(name))
		return nil
	}))
	require.Equal(t, []string{"1", "2", "x"}, seen)

	// One that gives no rows, more than once on the same connection.
	for range 3 {
		_, err = b.db.Write(t.Context(), sqlpms.Write{Op: "silent", MayCommit: true, Do: func(ctx context.Context, tx *sqlpms.Tx) (driver.Receipt, error) {
			n, err := tx.Call(ctx, sqlpms.SQL("call admin.silent(?)", "1"), nil)
			require.Zero(t, n)
			return driver.Receipt{}, err
		}})
		require.NoError(t, err)
	}
	require.Equal(t, 2, b.count("body='silent'"))
}

func TestAProceduresErrorIsClassified(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	_, err := b.db.Write(t.Context(), byCall("9", "x"))
	e := requireKind(t, err, driver.ErrRejected)
	require.Equal(t, driver.ReasonPatientNotFound, e.Reason)
	require.ErrorContains(t, err, "error 51001")
	// One that comes after the first result: what went before may have an effect.
	_, err = b.db.Write(t.Context(), byCall("2", "fails late"))
	requireKind(t, err, driver.ErrUnknownOutcome)
	require.ErrorContains(t, err, "error 52910")
}

func TestWhatWasSentLastOrFirstSettlesLater(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, c := range map[string]struct {
		h    driver.Header
		want bool
	}{
		"never sent":               {driver.Header{}, true},
		"long ago":                 {driver.Header{FirstSent: ago(time.Hour), LastSent: ago(time.Minute)}, true},
		"just now":                 {driver.Header{FirstSent: ago(time.Hour), LastSent: ago(time.Minute - 1)}, false},
		"the last is not known":    {driver.Header{FirstSent: ago(time.Second)}, false},
		"by a clock that was fast": {driver.Header{FirstSent: ago(time.Hour), LastSent: ago(-time.Hour)}, false},
	} {
		require.Equal(t, c.want, sqlpms.Settled(&c.h, time.Minute, now), name)
	}
}
