package opendentaltest_test

import (
	"database/sql"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func TestPackageStandsAlone(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	for dep := range strings.FieldsSeq(string(out)) {
		switch {
		case dep == "testing" || strings.HasPrefix(dep, "github.com/stretchr/"):
			t.Errorf("imports %s, which is for tests only", dep)
		case strings.HasPrefix(dep, "github.com/pmswriteback/pms/") && !strings.HasSuffix(dep, "/opendental/opendentaltest"):
			t.Errorf("imports %s of this module", dep)
		}
	}
}

func TestAHostsOwnConnectionWillDo(t *testing.T) {
	t.Parallel()
	server := mariaDB(t)
	cfg := server.Config(server.Database(t))
	cfg.ParseTime = true
	cfg.Loc = time.FixedZone("elsewhere", 3*3600)
	cfg.Params = map[string]string{"time_zone": "'+09:00'"}
	connector, err := mysql.NewConnector(cfg)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	defer func() { require.NoError(t, db.Close()) }()
	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	clock := time.Date(2026, 7, 2, 15, 0, 0, 0, time.UTC)
	p := open(t, opendentaltest.Config{Store: opendentaltest.MySQLDB(db), Location: chicago, Now: func() time.Time { return clock }})
	got := p.do(200, "GET", p.path("/appointments/%d", p.appointment.AptNum), nil)
	require.Equal(t, "2026-07-02 10:00:00", got["DateTStamp"], "the office's wall clock, whatever the connection's zone")
	require.Equal(t, "2026-07-02 10:00:00", got["SecDateTEntry"])
	require.Equal(t, "2026-07-03 09:30:00", got["AptDateTime"])
	require.Len(t, p.list("/appointments?DateTStamp=2026-07-02%2010:00:00"), 1)
	require.Empty(t, p.list("/appointments?DateTStamp=2026-07-02%2010:00:01"))
}
