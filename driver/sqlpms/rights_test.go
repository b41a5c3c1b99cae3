package sqlpms_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

var trials = []sqlpms.Trial{
	{Object: note, Right: sqlpms.RightInsert, Statement: sqlpms.SQL("INSERT INTO admin.note (id) SELECT id FROM admin.note WHERE 1 = 0")},
	{Object: visit, Right: sqlpms.RightUpdate, Statement: sqlpms.SQL("UPDATE admin.appt SET status = status WHERE 1 = 0")},
	{Object: visit, Right: sqlpms.RightInsert, Statement: sqlpms.SQL("INSERT INTO admin.appt (id) SELECT id FROM admin.appt WHERE 1 = 0")},
}

// lookAt is a catalog of the office for a user.
func lookAt(t *testing.T, db *sqlpms.DB) *sqlpms.Catalog {
	t.Helper()
	c := sqlpms.NewCatalog(words)
	for _, o := range []sqlpms.Object{note, visit} {
		require.NoError(t, db.Touch(t.Context(), "probe", c, o, touch(o)))
	}
	return c
}

func TestARightToWriteIsTriedWithoutWriting(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	db := b.reader("GRANT SELECT ON admin.* TO reader@localhost", "GRANT UPDATE ON admin.appt TO reader@localhost")
	c := lookAt(t, db)
	before := b.count("1=1")
	for range 2 { // the connection is good for more
		require.NoError(t, db.Try(t.Context(), "probe", c, trials...))
	}
	require.NoError(t, db.Try(t.Context(), "probe", c))
	require.Equal(t, before, b.count("1=1"))
	missing := sqlpms.Need{Object: note, Right: sqlpms.RightInsert}
	require.Equal(t, "no INSERT on note", c.Lacks(missing))
	require.True(t, c.Denies(sqlpms.Need{Object: visit}, missing))
	require.Empty(t, c.Lacks(sqlpms.Need{Object: note}), "it may be read")
	require.Empty(t, c.Lacks(sqlpms.Need{Object: visit, Right: sqlpms.RightUpdate}))
	require.Equal(t, "no INSERT on appt", c.Lacks(sqlpms.Need{Object: visit, Right: sqlpms.RightInsert}))
	// What is missing first counts.
	require.False(t, c.Denies(sqlpms.Need{Object: note, Numbered: "body", Right: sqlpms.RightInsert}))
	for _, s := range b.line.Statements() {
		require.NotRegexp(t, "(?i)^commit", s)
	}

	all := lookAt(t, b.db)
	require.NoError(t, b.db.Try(t.Context(), "probe", all, trials...))
	for _, tr := range trials {
		require.Empty(t, all.Lacks(sqlpms.Need{Object: tr.Object, Right: tr.Right}))
	}
}

func TestOnlyTheEnginesWordClosesARight(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	c := lookAt(t, b.db)
	lift := b.line.Strike(odbctest.Trouble{When: isInsert, Do: odbctest.Refuse, Code: 1205, State: "HY000"}) // it is busy
	require.NoError(t, b.db.Try(t.Context(), "probe", c, trials...))
	lift()
	lift = b.line.Strike(odbctest.Trouble{When: isInsert, Do: odbctest.CutBefore})
	requireKind(t, b.db.Try(t.Context(), "probe", c, trials...), driver.ErrUnavailable)
	lift()
	require.Empty(t, c.Lacks(sqlpms.Need{Object: note, Right: sqlpms.RightInsert}))
	require.NoError(t, b.db.Try(t.Context(), "probe", c, trials...))
	_, err := b.db.Write(t.Context(), insert("2", "x"))
	require.NoError(t, err, "no transaction was left open")
}
