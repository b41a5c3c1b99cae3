package sqlpms_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver/sqlpms"
)

var acmeForm = sqlpms.DSNForm{
	Name: "acme", Example: "acme://odbc?connection=...", Keys: []string{"connection", "init", "safe", "timeout"}, Repeated: []string{"init"},
	Missing: "the name of an ODBC data source",
}

func TestADataSourceNameIsReadByItsForm(t *testing.T) {
	t.Parallel()
	text := acmeForm.Format("odbc", url.Values{"connection": {"DSN=A;PWD=p&q?r"}, "init": {"one", "two"}, "safe": {"true"}, "timeout": {"20s"}})
	v, err := acmeForm.Parse(text)
	require.NoError(t, err)
	require.Equal(t, "odbc", v.Database.SQLDriver())
	require.Equal(t, "DSN=A;PWD=p&q?r", v.Database.Secret().Reveal())
	require.Equal(t, []string{"one", "two"}, v.Texts("init"))
	require.True(t, v.Bool("safe"))
	require.Equal(t, 20*time.Second, v.Duration("timeout"))
	require.NoError(t, v.Err())

	v, err = acmeForm.Parse("acme://odbc?connection=x")
	require.NoError(t, err)
	require.False(t, v.Bool("safe"))
	require.Zero(t, v.Duration("timeout"))
	require.Empty(t, v.Text("init"))
	v.WrongBy(nil)
	require.NoError(t, v.Err())
}

func TestADataSourceNamesErrorsNameThePartAndNoValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ dsn, want string }{
		"none":                  {"  ", "of the form acme://odbc?connection=..."},
		"another driver's":      {"acne://odbc?connection=s3cret", `must begin with "acme://"`},
		"no address":            {"acme://%s3cret", "not of the form"},
		"a password in front":   {"acme://u:s3cret@odbc?connection=x", "the SQL driver's name alone"},
		"a path":                {"acme://odbc/s3cret?connection=x", "the SQL driver's name alone"},
		"no encoding":           {"acme://odbc?connection=DSN=A;PWD=s3cret", "has to be encoded"},
		"a key of the database": {"acme://odbc?connection=DSN=A&s3cret=x", "unknown key; the keys are connection, init, safe, timeout"},
		"a key twice":           {"acme://odbc?connection=x&connection=s3cret", "connection is given twice"},
	} {
		_, err := acmeForm.Parse(c.dsn)
		require.ErrorContains(t, err, c.want, name)
		require.ErrorContains(t, err, "acme: data source name: ", name)
		require.NotContains(t, err.Error(), "s3cret", name)
	}
	v, err := acmeForm.Parse("acme://?connection=x&safe=s3cret&timeout=-s3cret")
	require.NoError(t, err)
	require.False(t, v.Bool("safe"))
	require.Zero(t, v.Duration("timeout"))
	other := errors.New("acme: profile: wrong")
	v.WrongBy(other)
	err = v.Err()
	for _, want := range []string{"name is missing after acme://", "safe must be true or false", "timeout must be a duration", "profile: wrong"} {
		require.ErrorContains(t, err, want)
	}
	require.ErrorIs(t, err, other)
	require.NotContains(t, err.Error(), "s3cret")
	v, err = acmeForm.Parse("acme://odbc?timeout=-5s")
	require.NoError(t, err)
	v.Duration("timeout")
	require.ErrorContains(t, v.Err(), "connection is missing: the name of an ODBC data source")
	require.ErrorContains(t, v.Err(), "timeout must be a duration")
}

func TestADatabasesDSNSaysWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d    sqlpms.DSN
		want string
	}{
		{sqlpms.DSN{}, "the name of an SQL driver is missing"},
		{sqlpms.NewDSN("odbc", ""), "connection: give it"},
		{sqlpms.NewDSN("nobody's", "s3cret"), "forgotten import?"},
	} {
		require.Contains(t, c.d.Problem("give it"), c.want)
		require.NotContains(t, c.d.Problem("give it"), "s3cret")
	}
}

// A DSN prints the SQL driver's name.
func TestAConnectionStringInPlaceOfTheSQLDriversNameIsNeverPrinted(t *testing.T) {
	t.Parallel()
	v, err := acmeForm.Parse("acme://UID=pms;PWD=s3cret?connection=DSN%3DAcme")
	require.NoError(t, err)
	require.ErrorContains(t, v.Err(), "is not the name of an SQL driver")
	require.NotContains(t, v.Err().Error()+v.Database.String(), "s3cret")
}
