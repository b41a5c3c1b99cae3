package eaglesoft_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
	"github.com/pmswriteback/pms/eaglesoft"
	"github.com/pmswriteback/pms/eaglesoft/eaglesofttest"
)

// offices lends practices to tests.
var offices = mariadbtest.Pool{
	Options: eaglesofttest.Options(), Prepare: eaglesofttest.Prepare,
	Schemas: eaglesofttest.Schemas(),
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := offices.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// office is a practice with a line to it that can break.
type office struct {
	*eaglesofttest.Office
	tb   testing.TB
	zone *time.Location
	line *odbctest.Line
	lent *mariadbtest.Lent
	refs int
	// name is the connection string of the driver's login.
	name string
}

func newOffice(tb testing.TB, zone *time.Location) *office {
	tb.Helper()
	odbctest.Need(tb)
	lent := offices.Borrow(tb)
	o := &office{Office: eaglesofttest.Open(tb, lent.Root, zone), tb: tb, zone: zone, lent: lent, line: odbctest.NewLine(tb, lent.Socket)}
	o.name = odbctest.Login{
		Socket: o.line.Socket, Database: eaglesofttest.Owner, User: eaglesofttest.User, Password: eaglesofttest.Password,
	}.DSN(tb)
	return o
}

// config is what a host would give, with everything allowed.
func (o *office) config() eaglesoft.Config {
	return eaglesoft.Config{
		Database: eaglesoft.NewDatabaseDSN(odbctest.DriverName, o.name),
		Init:     []driver.Secret{driver.NewSecret(eaglesofttest.Signature)},
		Session:  eaglesofttest.Session(),
		Owner:    eaglesofttest.Owner, User: eaglesofttest.Staff, Practice: eaglesofttest.Practice,
		Documents: o.Files,
		Payments:  true,
	}
}

// connect opens a connection until the test ends.
func (o *office) connect(cfg eaglesoft.Config) driver.Conn {
	o.tb.Helper()
	k, err := eaglesoft.NewConnector(cfg)
	require.NoError(o.tb, err)
	conn, err := k.Connect(o.tb.Context(), driver.Env{Practice: "main", Location: o.zone})
	require.NoError(o.tb, err)
	o.tb.Cleanup(func() { require.NoError(o.tb, conn.Close()) })
	return conn
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
