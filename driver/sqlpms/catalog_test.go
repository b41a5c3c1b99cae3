package sqlpms_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// catalogSQL is as a stand-in has it: views that are named as an engine's.
var catalogSQL = sqlpms.CatalogSQL{
	Columns:    "SELECT tbl AS table_name, col AS column_name, dfltvalue AS default_value FROM admin.syscolumns WHERE owner = ?",
	Procedures: "SELECT proc_name AS procedure_name, arg AS argument_name FROM admin.sysproccolumns WHERE owner = ?",
	Rights:     "SELECT obj AS object_name, priv AS right_name FROM admin.systabauth WHERE owner = ?",
}

func newCatalogBed(t *testing.T, rights string) bed {
	b := newBed(t)
	b.server.Spoil()
	_, err := b.server.Root.Exec(`CREATE VIEW admin.syscolumns AS SELECT TABLE_SCHEMA AS owner, TABLE_NAME AS tbl, COLUMN_NAME AS col,
			IF(EXTRA LIKE '%auto_increment%','autoincrement',COLUMN_DEFAULT) AS dfltvalue FROM information_schema.COLUMNS;
		CREATE TABLE admin.sysproccolumns (owner char(20), proc_name char(40), arg char(40));
		INSERT INTO admin.sysproccolumns VALUES ('admin','add_note','p'),('admin','add_note','b'),('admin','add_note','r'),('admin','two_sets',NULL);
		CREATE TABLE admin.systabauth (owner char(20), obj char(40), priv char(10));` + rights)
	require.NoError(t, err)
	return b
}

func TestACatalogSaysInStaffWordsWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := newCatalogBed(t, "INSERT INTO admin.systabauth VALUES ('admin','note','INSERT'),('admin','add_note','execute')")
	c, err := b.db.ReadCatalog(t.Context(), "probe", catalogSQL, "admin")
	require.NoError(t, err)
	for _, x := range []struct {
		need sqlpms.Need
		want string
	}{
		{sqlpms.Need{Table: "NOTE", Columns: []string{"ID", "body"}, Auto: "id", Right: "insert"}, ""},
		{sqlpms.Need{Table: "letters"}, "no table letters"},
		{sqlpms.Need{Table: "note", Columns: []string{"id", "colour"}}, "has no column colour"},
		{sqlpms.Need{Table: "note", Auto: "body"}, "does not number the column body"},
		{sqlpms.Need{Table: "note", Right: "update"}, "no right to update"},
		{sqlpms.Need{Procedure: "add_note", Args: 3}, ""},
		{sqlpms.Need{Procedure: "ADD_NOTE", Args: -1}, ""},
		{sqlpms.Need{Procedure: "add_note", Args: 4}, "takes 3 arguments, and 4 are given"},
		{sqlpms.Need{Procedure: "drop_note"}, "no procedure drop_note"},
		{sqlpms.Need{Procedure: "two_sets"}, "no right to call"},
	} {
		why := c.Lacks(x.need)
		if x.want == "" {
			require.Empty(t, why)
			continue
		}
		require.Contains(t, why, x.want)
	}
	require.True(t, c.HasColumn("Note", "Ref"))
	require.False(t, c.HasColumn("note", "colour"))
	f := c.Features(map[string][]sqlpms.Need{"notes": {{Table: "note"}}, "letters": {{Table: "note"}, {Table: "letters"}}})
	require.Equal(t, driver.Yes("x"), f.Support("notes", "x"))
	require.Contains(t, f.Support("letters").Why, "no table letters")
	require.False(t, f.Support("never looked for").Supported)
	require.NotEmpty(t, f.Support("never looked for").Why)
}

func TestWhatACatalogWasNotAskedIsTakenToBeThere(t *testing.T) {
	t.Parallel()
	b := newCatalogBed(t, "")
	q := catalogSQL
	q.Procedures, q.Rights = "", ""
	c, err := b.db.ReadCatalog(t.Context(), "probe", q, "admin")
	require.NoError(t, err)
	require.Empty(t, c.Lacks(sqlpms.Need{Table: "note", Right: "insert"}, sqlpms.Need{Procedure: "add_note", Args: 9}))
	require.NotEmpty(t, c.Lacks(sqlpms.Need{Table: "nothing"}))
}

func TestACatalogThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	_, err := b.db.ReadCatalog(t.Context(), "probe", catalogSQL, "admin") // there is none
	requireKind(t, err, driver.ErrUnavailable)
}

func TestTouchTellsWhatCannotBeReadWithoutACatalog(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.server.Spoil()
	_, err := b.server.Root.Exec(`CREATE USER reader@localhost IDENTIFIED BY 'x'; GRANT SELECT (id, body) ON admin.note TO reader@localhost;
		GRANT SELECT ON admin.appt TO reader@localhost`)
	require.NoError(t, err)
	db, err := sqlpms.Open(sqlpms.Config{Name: "acme", SQLDriver: odbctest.DriverName, Dialect: dialect,
		DSN: driver.NewSecret(odbctest.Login{Socket: b.line.Socket, User: "reader", Password: "x"}.DSN(t))})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	for _, x := range []struct {
		table   string
		columns []string
		want    string
	}{
		{"admin.note", []string{"id", "body"}, ""},
		{`"admin"."note"`, []string{"id"}, ""},
		{"admin.note", []string{"id", "ref", "body"}, "The table admin.note has no column ref"},
		{"admin.note", []string{"ref"}, "no right to read the table admin.note"},
		{"admin.appt", []string{"id", "colour"}, "The table admin.appt has no column colour"},
		{"admin.letters", []string{"id", "body"}, "admin.letters"},
	} {
		why, err := db.Touch(t.Context(), "probe", x.table, x.columns...)
		require.NoError(t, err)
		if x.want == "" {
			require.Empty(t, why)
			continue
		}
		require.Contains(t, why, x.want)
	}
	lift := b.line.Offline()
	_, err = db.Touch(t.Context(), "probe", "admin.note", "id")
	requireKind(t, err, driver.ErrUnavailable)
	lift()
}
