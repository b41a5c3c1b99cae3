package opendentaltest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// One MariaDB for the package, started by the first test that wants it.
var shared struct {
	once   sync.Once
	server *mariadbtest.Server
	err    error
}

func TestMain(m *testing.M) {
	if done, code := runAsOffice(); done {
		os.Exit(code)
	}
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

func mariaDB(t *testing.T) *mariadbtest.Server {
	t.Helper()
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		shared.server, shared.err = mariadbtest.New(ctx, mariadbtest.Options{TimeZone: "America/Chicago"})
	})
	if shared.err != nil {
		mariadbtest.Missing(t, shared.err)
	}
	return shared.server
}

// onEachStore runs a rule on every kind of database. The office is in Chicago,
// and so is the MariaDB server.
func onEachStore(t *testing.T, rule func(t *testing.T, cfg opendentaltest.Config)) {
	t.Helper()
	t.Parallel()
	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	store := func(t *testing.T, s opendentaltest.Store, err error) opendentaltest.Config {
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return opendentaltest.Config{Store: s, Location: chicago, AtoZ: filepath.Join(t.TempDir(), "OpenDentImages")}
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s, err := opendentaltest.SQLite("")
		rule(t, store(t, s, err))
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		server := mariaDB(t)
		s, err := opendentaltest.MySQL(server.DSN(server.Database(t)))
		rule(t, store(t, s, err))
	})
}

// practice is a small office with known rows.
type practice struct {
	*opendentaltest.Server
	*client
	t           *testing.T
	doctor      opendentaltest.Provider
	hygienist   opendentaltest.Provider
	operatory   opendentaltest.Operatory
	ada, bruno  opendentaltest.Patient // one family, Ada the guarantor
	tomorrow    time.Time
	appointment opendentaltest.Appointment
}

func open(t *testing.T, cfg opendentaltest.Config) *practice {
	t.Helper()
	p := &practice{t: t}
	p.Server, p.client = newServer(t, cfg)
	ctx := t.Context()
	var err error
	p.doctor, err = p.AddProvider(ctx, opendentaltest.Provider{Abbr: "DOC", LName: "Marlowe", FName: "Imogen"})
	require.NoError(t, err)
	p.hygienist, err = p.AddProvider(ctx, opendentaltest.Provider{Abbr: "HYG", LName: "Fenwick", FName: "Rupert", IsSecondary: true, ItemOrder: 1})
	require.NoError(t, err)
	p.operatory, err = p.AddOperatory(ctx, opendentaltest.Operatory{OpName: "Op 1", Abbrev: "1", ProvDentist: p.doctor.ProvNum})
	require.NoError(t, err)
	p.ada, err = p.AddPatient(ctx, opendentaltest.Patient{LName: "Quillfeather", FName: "Ada", Birthdate: date(1980, 2, 29),
		WirelessPhone: "(503)555-0142", Email: "ada@example.com"})
	require.NoError(t, err)
	p.bruno, err = p.AddPatient(ctx, opendentaltest.Patient{LName: "Quillfeather", FName: "Bruno", Birthdate: date(2010, 7, 4),
		HmPhone: "503-555-0199", Guarantor: p.ada.PatNum, PatStatus: opendentaltest.StatusPatient})
	require.NoError(t, err)
	now := p.Now()
	p.tomorrow = time.Date(now.Year(), now.Month(), now.Day()+1, 9, 30, 0, 0, now.Location())
	p.appointment, err = p.AddAppointment(ctx, opendentaltest.Appointment{PatNum: p.ada.PatNum, AptDateTime: p.tomorrow, Op: p.operatory.OperatoryNum, Note: "bring x-rays"})
	require.NoError(t, err)
	return p
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func (p *practice) path(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// today is the office's date.
func (p *practice) today() string { return p.Now().Format("2006-01-02") }
