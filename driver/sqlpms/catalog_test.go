package sqlpms_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

var words = sqlpms.Words{
	NoObject:  func(object string) string { return "no table " + object },
	NoColumns: func(object string, columns []string) string { return object + " has no " + strings.Join(columns, ", ") },
	Refused: func(object string, f *sqlpms.Fault) string {
		if f.Class == sqlpms.ClassDenied || f.Class == sqlpms.ClassMissing {
			return string(f.Class) + " " + object
		}
		return ""
	},
	NotNumbered: func(object, column string) string { return object + "." + column + " is not numbered" },
	NoRight:     func(object string, right sqlpms.Right) string { return "no " + string(right) + " on " + object },
}

// note and visit are objects of the office.
var (
	note  = sqlpms.Object{Name: "note", Must: []string{"id", "patient", "body"}, May: []string{"ref", "colour"}}
	visit = sqlpms.Object{Name: "appt", Must: []string{"id", "status"}}
)

const columnsText = `SELECT TABLE_NAME AS table_name, COLUMN_NAME AS column_name, IF(EXTRA LIKE '%auto_increment%','autoincrement',COLUMN_DEFAULT) AS column_default,
	CHARACTER_MAXIMUM_LENGTH AS column_width FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ?`

func touch(o sqlpms.Object) sqlpms.Statement {
	return sqlpms.SQL("SELECT " + strings.Join(o.Must, ", ") + " FROM admin." + o.Name + " WHERE 1 = 0")
}

func TestACatalogSaysInStaffWordsWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	c := sqlpms.NewCatalog(words)
	require.Equal(t, "no table note", c.Lacks(sqlpms.Need{Object: note}), "before anything was looked at")
	require.NoError(t, b.db.ReadColumns(t.Context(), "probe", c, sqlpms.SQL(columnsText, "admin")))
	for _, x := range []struct {
		need sqlpms.Need
		want string
	}{
		{sqlpms.Need{Object: note}, ""},
		{sqlpms.Need{Object: sqlpms.Object{Name: "NOTE", Must: []string{"ID"}}, Numbered: "Id", Right: sqlpms.RightInsert}, ""},
		{sqlpms.Need{Object: sqlpms.Object{Name: "letters"}}, "no table letters"},
		{sqlpms.Need{Object: sqlpms.Object{Name: "note", Must: []string{"id", "colour", "size"}}}, "note has no colour, size"},
		{sqlpms.Need{Object: note, Numbered: "body"}, "note.body is not numbered"},
	} {
		require.Equal(t, x.want, c.Lacks(sqlpms.Need{Object: visit}, x.need))
		require.False(t, c.Denies(x.need))
	}
	require.True(t, c.Has(note, "Ref", "ID"))
	require.False(t, c.Has(note, "colour"))
	require.Equal(t, []string{"id", "patient", "body", "ref"}, c.Selected(note))
	require.Equal(t, sqlpms.Column{Width: 200}, c.Column(note, "BODY"))
	require.True(t, c.Column(note, "id").Numbered)
	require.Zero(t, c.Column(note, "colour"))
}

// reader is a user who may do some things.
func (b bed) reader(grants ...string) *sqlpms.DB {
	b.server.Spoil()
	for _, s := range append([]string{"CREATE USER reader@localhost IDENTIFIED BY 'x'"}, grants...) {
		_, err := b.server.Root.Exec(s)
		require.NoError(b.t, err)
	}
	db, err := sqlpms.Open(sqlpms.Config{Name: "acme", SQLDriver: odbctest.DriverName, Dialect: dialect,
		DSN: driver.NewSecret(odbctest.Login{Socket: b.line.Socket, User: "reader", Password: "x"}.DSN(b.t))})
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestATouchTellsWhatCannotBeReadWithoutACatalog(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	db := b.reader("GRANT SELECT (id, body) ON admin.note TO reader@localhost", "GRANT SELECT ON admin.appt TO reader@localhost")
	c := sqlpms.NewCatalog(words)
	letters := sqlpms.Object{Name: "letters", Must: []string{"id"}}
	for _, o := range []sqlpms.Object{note, visit, letters} {
		require.NoError(t, db.Touch(t.Context(), "probe", c, o, touch(o)))
	}
	require.Equal(t, "denied note", c.Lacks(sqlpms.Need{Object: note}))
	require.Empty(t, c.Lacks(sqlpms.Need{Object: visit}))
	require.False(t, c.Has(note, "id"))
	require.True(t, c.Has(visit, "id", "status"), "the answer's columns")
	require.NotEmpty(t, c.Lacks(sqlpms.Need{Object: letters}))

	// What the driver has no words for is no answer, and neither is a line that breaks.
	err := db.Touch(t.Context(), "probe", c, visit, sqlpms.SQL("SELECT FROM"))
	require.Error(t, err)
	lift := b.line.Offline()
	defer lift()
	requireKind(t, db.Touch(t.Context(), "probe", c, visit, touch(visit)), driver.ErrUnavailable)
	require.Empty(t, c.Lacks(sqlpms.Need{Object: visit}))
}

func TestAFaultIsFoundByItsClass(t *testing.T) {
	t.Parallel()
	denied := &sqlpms.Fault{Class: sqlpms.ClassDenied}
	err := error(&driver.Error{Driver: "acme", Kind: driver.ErrUnauthorized, Err: denied})
	require.Equal(t, denied, sqlpms.FaultOf(err))
	require.Equal(t, denied, sqlpms.FaultOf(err, sqlpms.ClassMissing, sqlpms.ClassDenied))
	require.Nil(t, sqlpms.FaultOf(err, sqlpms.ClassMissing))
	require.Nil(t, sqlpms.FaultOf(nil))
	require.Nil(t, sqlpms.FaultOf(driver.ErrUnavailable))
	require.Nil(t, sqlpms.FaultOf(&sqlpms.InitError{Statement: 1, Of: 1, Fault: denied}), "it is the host's statement's")
}
