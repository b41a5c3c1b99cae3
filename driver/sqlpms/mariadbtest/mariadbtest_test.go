package mariadbtest_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
)

func TestServerIsPrivateAndInItsOwnZone(t *testing.T) {
	t.Parallel()
	a := mariadbtest.Start(t, mariadbtest.Options{TimeZone: "Asia/Tokyo"})
	b := mariadbtest.Start(t, mariadbtest.Options{})
	require.NotEqual(t, a.Socket, b.Socket)
	var hours int
	require.NoError(t, a.Open(t, "").QueryRow("SELECT TIMESTAMPDIFF(HOUR, UTC_TIMESTAMP(), NOW())").Scan(&hours))
	require.Equal(t, 9, hours)
	require.NoError(t, b.Open(t, "").QueryRow("SELECT TIMESTAMPDIFF(HOUR, UTC_TIMESTAMP(), NOW())").Scan(&hours))
	require.Equal(t, 0, hours)
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	s := mariadbtest.Start(t, mariadbtest.Options{TCP: true})
	require.NotEmpty(t, s.Address)
	first, second := s.Database(t), s.Database(t)
	require.NotEqual(t, first, second)
	_, err := s.Open(t, first).Exec("CREATE TABLE Mixed (n int)")
	require.NoError(t, err)
	_, err = s.Open(t, first).Exec("INSERT INTO MIXED VALUES (1)")
	require.NoError(t, err, "table names have no case, as on Windows")
	_, err = s.Open(t, second).Exec("SELECT * FROM mixed")
	require.Error(t, err)
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s, err := mariadbtest.New(t.Context(), mariadbtest.Options{})
	if err != nil {
		mariadbtest.Missing(t, err)
	}
	require.FileExists(t, s.Socket)
	require.NoError(t, s.Close())
	_, err = os.Stat(s.Socket)
	require.ErrorIs(t, err, os.ErrNotExist)
}
