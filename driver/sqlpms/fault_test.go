package sqlpms_test

import (
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// record and odbcError are of the shape of the ODBC driver's.
type record struct {
	State       string
	NativeError int
	Message     string
}

type odbcError struct {
	APIName string
	Diag    []record
}

func (e *odbcError) Error() string { return e.APIName }

type stateError struct{}

func (stateError) Error() string    { return "Quill" }
func (stateError) SQLState() string { return "42501" }

func TestErrorsAreKnownByTheirShape(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		err    error
		state  string
		native int
	}{
		{&odbcError{Diag: []record{{"01004", 7, "a warning"}, {"42000", -131, "x"}, {"HY000", 1, "y"}}}, "42000", -131},
		{fmt.Errorf("wrapped: %w", &odbcError{Diag: []record{{"22001", -638, "x"}}}), "22001", -638},
		{errors.Join(errors.New("a"), &odbcError{Diag: []record{{"23000", 5, "x"}}}), "23000", 5},
		{&mysql.MySQLError{Number: 1205, SQLState: [5]byte{'H', 'Y', '0', '0', '0'}}, "HY000", 1205},
		{stateError{}, "42501", 0},
		{fmt.Errorf("wrapped: %w", sqldriver.ErrBadConn), "08S01", 0},
	} {
		d, ok := sqlpms.Diagnose(x.err)
		require.True(t, ok)
		require.Equal(t, x.state, d.State)
		require.Equal(t, x.native, d.Native)
	}
	for _, err := range []error{nil, errors.New("Stmt did not create a result set"), errors.New("x"), &odbcError{}} {
		_, ok := sqlpms.Diagnose(err)
		require.False(t, ok, "%v", err)
	}
}

// The shape is read by reflection, because no SQL driver is imported: this is
// where a driver that changes it is found out.
func TestTheODBCDriversErrorsAreRead(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	db := odbctest.Open(t, odbctest.Login{Socket: b.line.Socket, Database: "admin"}.DSN(t))
	_, err := db.Exec("UPDATE admin.nothing SET x=1")
	d, ok := sqlpms.Diagnose(err)
	require.True(t, ok, "%T", err)
	require.Equal(t, "42S02", d.State)
	require.Equal(t, 1146, d.Native)
	require.True(t, d.Contains("DOESN'T EXIST"))
	require.False(t, d.Contains("authentication"))
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", d, d, d), "exist")
}

func TestStatesAreClassified(t *testing.T) {
	t.Parallel()
	for state, class := range map[string]sqlpms.Class{
		"08S01": sqlpms.ClassLine, "08001": sqlpms.ClassLine, "08004": sqlpms.ClassBusy, "28000": sqlpms.ClassLogin, "42501": sqlpms.ClassDenied,
		"42S02": sqlpms.ClassMissing, "42S22": sqlpms.ClassMissing, "42000": sqlpms.ClassStatement, "37000": sqlpms.ClassOther,
		"22001": sqlpms.ClassTooLong, "22008": sqlpms.ClassValue, "23000": sqlpms.ClassReference, "40001": sqlpms.ClassBusy, "25006": sqlpms.ClassReadOnly,
		"HYT00": sqlpms.ClassTimeout, "HY008": sqlpms.ClassTimeout, "HY000": sqlpms.ClassOther, "IM002": sqlpms.ClassSetup, "IM014": sqlpms.ClassSetup, "": sqlpms.ClassUnknown,
	} {
		require.Equal(t, class, sqlpms.ByState(sqlpms.Diagnosis{State: state}).Class, state)
	}
	for state, words := range map[string]string{"IM002": "32-bit", "IM003": "bitness", "IM014": "bitness"} {
		require.Contains(t, sqlpms.ByState(sqlpms.Diagnosis{State: state}).Words, words)
	}
}

func TestADialectDecidesFirst(t *testing.T) {
	t.Parallel()
	odbctest.Need(t)
	b := newBed(t, func(cfg *sqlpms.Config) {
		cfg.Dialect.Classify = func(d sqlpms.Diagnosis) sqlpms.Fault {
			if d.Contains("authentication violation") {
				return sqlpms.Fault{Class: sqlpms.ClassReadOnly, Words: "the connection is not authenticated"}
			}
			return sqlpms.Fault{}
		}
	})
	lift := b.line.Strike(odbctest.Trouble{When: isInsert, Do: odbctest.Refuse, Code: 1105, Message: "Authentication violation: Quill"})
	_, err := b.db.Write(t.Context(), insert("2", "x"))
	lift()
	e := requireKind(t, err, driver.ErrUnauthorized)
	require.Equal(t, driver.ScopeWrites, e.Scope)
	require.ErrorContains(t, err, "not authenticated (SQLSTATE HY000, error 1105)")
}

func TestAHostMayReadErrorsThatAreNotKnown(t *testing.T) {
	t.Parallel()
	fake := &fakeDriver{next: func([]sqldriver.Value) error { return errors.New("E77: Quill") }}
	db, err := sqlpms.Open(sqlpms.Config{Name: "acme", Driver: fake, DSN: driver.NewSecret("x"), Diagnose: func(err error) (sqlpms.Diagnosis, bool) {
		return sqlpms.Diagnosis{State: "28000", Native: 77}, err.Error() == "E77: Quill"
	}})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	requireKind(t, db.Ping(t.Context(), "ping"), driver.ErrUnauthorized)
}

// A state that is none must not carry a text into an error.
func TestAnErrorsTextHoldsCodesOnly(t *testing.T) {
	t.Parallel()
	f := &sqlpms.Fault{Class: sqlpms.ClassOther, State: "Quill", Native: -5}
	require.Equal(t, "the database reports an error (error -5)", f.Error())
	f.State = "HY000"
	require.Equal(t, "the database reports an error (SQLSTATE HY000, error -5)", f.Error())
	require.Equal(t, "the SQL driver reports an error", (&sqlpms.Fault{Class: sqlpms.ClassUnknown}).Error())
}
