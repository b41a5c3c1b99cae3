package opendental_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// besideTables is a practice in Remote mode whose tables can be read too.
func besideTables(t *testing.T) (*practice, *database) {
	t.Helper()
	d := newDatabase(t)
	zone, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	p := newPractice(t, opendentaltest.Config{
		Mode: opendentaltest.ModeRemote, Location: zone, Store: opendentaltest.MySQLDB(d.root),
	}, "rate", "1ms")
	k, err := opendental.NewConnector(opendental.Config{
		URL: p.URL, DB: d.open(t, nil), Rate: time.Millisecond,
		DeveloperKey: driver.NewSecret(opendentaltest.DefaultDeveloperKey), CustomerKey: driver.NewSecret(opendentaltest.DefaultCustomerKey),
	})
	require.NoError(t, err)
	p.conn, err = k.Connect(t.Context(), driver.Env{Practice: "p", Location: zone})
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.conn.Close() })
	return p, d
}

func TestANoteBesideTheDatabaseTakesOneRequest(t *testing.T) {
	t.Parallel()
	p, d := besideTables(t)
	for kind, want := range map[driver.OpKind]map[string]int{
		driver.OpNote:     {"POST /commlogs": 1},
		driver.OpDocument: {"POST /documents/Upload": 1, "GET /providers/{ProvNum}": 1},
	} {
		op := p.op(kind)
		p.ResetCounts()
		_, err := driver.Write(t.Context(), p.conn, op)
		require.NoError(t, err)
		require.Equal(t, want, p.Counts(), kind)
	}
	// What is about money asks the office itself.
	op := p.op(driver.OpPayment)
	p.ResetCounts()
	_, err := driver.Write(t.Context(), p.conn, op)
	require.NoError(t, err)
	require.Equal(t, 1, p.Counts()["GET /patients/{PatNum}"])
	require.Equal(t, 2+1+2, p.Counts()["GET /preferences"])
	requireReadsOnly(t, d.heard())
}

func TestWithTheDatabaseDownNotesAreWrittenAsWell(t *testing.T) {
	t.Parallel()
	for _, state := range []lineState{lineOffline, lineHang} {
		p, d := besideTables(t)
		op := p.op(driver.OpNote)
		d.line.set(state)
		p.ResetCounts() // connecting compares patients
		_, err := driver.Write(t.Context(), p.conn, op)
		require.NoError(t, err)
		require.Equal(t, 1, p.Count("GET", "/patients/{PatNum}"))
		d.line.set(lineGood)
	}
}

func TestTheTablesShowThatTheOfficeIsInMaintenanceOrThePatientGone(t *testing.T) {
	t.Parallel()
	p, _ := besideTables(t)
	op := p.op(driver.OpNote)
	require.NoError(t, p.SetPreference(t.Context(), "UpdateInProgressOnComputerName", "FRONTDESK"))
	p.ResetCounts()
	_, err := driver.Write(t.Context(), p.conn, op)
	require.ErrorIs(t, err, driver.ReasonMaintenance)
	require.Empty(t, p.Counts())
	require.NoError(t, p.SetPreference(t.Context(), "UpdateInProgressOnComputerName", ""))
	_, err = p.conn.Info(t.Context()) // finds that it is over
	require.NoError(t, err)
	p.merge()
	_, err = driver.Write(t.Context(), p.conn, op)
	require.ErrorIs(t, err, driver.ReasonPatientArchived)
}
