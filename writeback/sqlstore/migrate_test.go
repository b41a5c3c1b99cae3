package sqlstore

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func rawDB(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestLaterSchemaIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pms.db")
	s, err := Open(t.Context(), "sqlite", path)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	db := rawDB(t, path)
	_, err = db.Exec("INSERT INTO pms_schema (version) VALUES (99)")
	require.NoError(t, err)
	_, err = Open(t.Context(), "sqlite", path)
	require.ErrorContains(t, err, "the database has schema version 99, this version of the library knows up to ")
	require.ErrorContains(t, err, "update the library")
}

func TestHandlesThatOpenTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	for round := range 4 {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("pms%d.db", round))
		const handles = 6
		stores, errs := make([]*Store, handles), make([]error, handles)
		var wg sync.WaitGroup
		for i := range handles {
			wg.Go(func() { stores[i], errs[i] = Open(t.Context(), "sqlite", path) })
		}
		wg.Wait()
		for i := range handles {
			require.NoError(t, errs[i])
			require.NoError(t, stores[i].Close())
		}
		var versions int
		require.NoError(t, rawDB(t, path).QueryRow("SELECT count(*) FROM pms_schema").Scan(&versions))
		all, err := steps(migrations, "sqlite")
		require.NoError(t, err)
		require.Equal(t, len(all), versions)
	}
}

func TestMigrationIsAllOrNothing(t *testing.T) {
	t.Parallel()
	d := sqliteDialect()
	db := rawDB(t, filepath.Join(t.TempDir(), "pms.db"))
	good := []step{{1, "CREATE TABLE pms_a (x INTEGER)"}, {2, "ALTER TABLE pms_a ADD COLUMN y INTEGER; INSERT INTO pms_a VALUES (1, 2)"}}
	require.NoError(t, migrateTo(t.Context(), db, d, good[:1]))
	bad := append(good[:2:2], step{3, "CREATE TABLE pms_b (x INTEGER); CREATE TABLE nonsense"})
	err := migrateTo(t.Context(), db, d, bad)
	require.ErrorContains(t, err, "migrate to schema version 3")

	version := func() (n int) {
		require.NoError(t, db.QueryRow("SELECT max(version) FROM pms_schema").Scan(&n))
		return n
	}
	require.Equal(t, 1, version())
	_, err = db.Exec("SELECT y FROM pms_a")
	require.Error(t, err, "the second step went back with the third")
	require.NoError(t, migrateTo(t.Context(), db, d, good))
	require.Equal(t, 2, version())
	require.NoError(t, migrateTo(t.Context(), db, d, good), "a second time is nothing")
	var y int
	require.NoError(t, db.QueryRow("SELECT y FROM pms_a").Scan(&y))
	require.Equal(t, 2, y)
}

func TestMigrationsAreInOrderOfTheirNumbers(t *testing.T) {
	t.Parallel()
	all, err := steps(fstest.MapFS{
		"migrations/x/0010_later.sql": {Data: []byte("ten")},
		"migrations/x/0002_then.sql":  {Data: []byte("two")},
		"migrations/x/0001_init.sql":  {Data: []byte("one")},
	}, "x")
	require.NoError(t, err)
	require.Equal(t, []step{{1, "one"}, {2, "two"}, {10, "ten"}}, all)
	_, err = steps(fstest.MapFS{"migrations/x/init.sql": {}}, "x")
	require.ErrorContains(t, err, "must begin with a number")
}

func TestHostsTablesAreLeftAlone(t *testing.T) {
	t.Parallel()
	db := rawDB(t, filepath.Join(t.TempDir(), "host.db"))
	_, err := db.Exec("CREATE TABLE calls (id INTEGER PRIMARY KEY)")
	require.NoError(t, err)
	s, err := New(t.Context(), db, "sqlite")
	require.NoError(t, err)
	rows, err := db.Query("SELECT name FROM sqlite_master WHERE name NOT LIKE 'pms\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_autoindex\\_pms\\_%' ESCAPE '\\'")
	require.NoError(t, err)
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []string{"calls"}, names)
	require.NoError(t, s.Close())
	require.NoError(t, db.Ping(), "the host's handle stays open")
}
