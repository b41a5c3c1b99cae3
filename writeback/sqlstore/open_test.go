package sqlstore_test

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
)

func item(id string) writeback.Record {
	return writeback.Record{ID: id, Key: "key-" + id, Kind: writeback.KindNote, State: writeback.Queued, Active: true, Lane: "lane"}
}

func insert(ids ...string) writeback.Change {
	c := writeback.Change{Practice: "p"}
	for _, id := range ids {
		c.Items = append(c.Items, writeback.ItemWrite{Record: item(id)})
		c.Events = append(c.Events, writeback.Event{Item: id, Name: "submitted"})
	}
	return c
}

func apply(t testing.TB, s writeback.Submitter, changes ...writeback.Change) {
	t.Helper()
	for _, err := range s.Apply(t.Context(), changes) {
		require.NoError(t, err)
	}
}

func open(t testing.TB, dsn string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), "sqlite", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// uri writes a path as an absolute file: URI.
func uri(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

func TestDSNNamesTheFile(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]func(path string) string{
		"path":               func(path string) string { return path },
		"file and a path":    func(path string) string { return "file:" + strings.NewReplacer("%", "%25", "?", "%3f").Replace(path) },
		"file URI":           uri,
		"with an option":     func(path string) string { return uri(path) + "?busy_timeout=3s" },
		"with empty options": func(path string) string { return uri(path) + "?" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "our data #1 & 50%.db")
			s := open(t, dsn(path))
			apply(t, s, insert("a"))
			head, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(string(head), "SQLite format 3\x00"))
		})
	}
}

func TestBadDSNsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"":                              "the path is empty: name a file",
		"file:":                         "the path is empty: name a file",
		":memory:":                      "use package memstore",
		"file::memory:?busy_timeout=1s": "use package memstore",
		"file:x.db?mode=ro":             `unknown option "mode": the one option is busy_timeout`,
		"file:x.db?busy_timeout=10":     "busy_timeout is no duration: write for example 10s",
		"file:x.db?busy_timeout=-1s":    "busy_timeout is no duration",
		"file:x%zz.db":                  "write %25",
		"file:x.db?a=%zz":               "the options cannot be read",
	} {
		_, err := sqlstore.Open(t.Context(), "sqlite", dsn)
		require.ErrorContains(t, err, want, dsn)
		require.ErrorContains(t, err, "sqlstore: open: ")
	}
}

func TestBadConfigsSayWhatToDo(t *testing.T) {
	t.Parallel()
	_, err := sqlstore.Open(t.Context(), "oracle", "x.db")
	require.EqualError(t, err, `sqlstore: open: unknown driver "oracle": this version knows "sqlite"`)
	_, err = sqlstore.New(t.Context(), nil, "")
	require.EqualError(t, err, `sqlstore: open: no driver is named: use "sqlite"`)
	_, err = sqlstore.Config{Driver: "sqlite", DSN: "x.db", DB: new(sql.DB)}.Open(t.Context())
	require.EqualError(t, err, "sqlstore: open: DB and DSN are both set: set one")
	require.NoFileExists(t, "x.db")
}

func TestUnfitFilesAreLeftAloneWithAClearError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	letter := filepath.Join(dir, "letter.txt")
	require.NoError(t, os.WriteFile(letter, []byte("Dear patient, this is certainly not a database."), 0o600))
	short := filepath.Join(dir, "short")
	require.NoError(t, os.WriteFile(short, []byte("x"), 0o600))
	for path, want := range map[string]string{
		letter:                                 "is not a SQLite database: name another file",
		short:                                  "is not a SQLite database: name another file",
		dir:                                    "is a folder: name a file in it",
		filepath.Join(dir, "none", "pms.db"):   "does not exist: create it first",
		filepath.Join(letter, "inner", "x.db"): "letter.txt",
	} {
		_, err := sqlstore.Open(t.Context(), "sqlite", path)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "Dear")
	}
	kept, err := os.ReadFile(letter)
	require.NoError(t, err)
	require.Contains(t, string(kept), "Dear patient")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 2, "nothing is left behind in the folder")
}

func TestDamagedFileIsAnErrorNotALoss(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pms.db")
	s := open(t, path)
	apply(t, s, insert("a"))
	require.NoError(t, s.Close())
	bytes, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := 4096; i < len(bytes); i++ { // all but the first page
		bytes[i] ^= 0xa5
	}
	require.NoError(t, os.WriteFile(path, bytes, 0o600))
	s, err = sqlstore.Open(t.Context(), "sqlite", path)
	if err == nil {
		_, err = s.ItemByKey(t.Context(), "p", "key-a")
		require.NoError(t, s.Close())
	}
	require.ErrorContains(t, err, "damaged, restore a back-up")
	require.NotErrorIs(t, err, writeback.ErrNotFound)
}

func TestWriterThatKeepsTheLockIsAnErrorInTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pms.db")
	s := open(t, uri(path)+"?busy_timeout=30ms")
	apply(t, s, insert("a"))
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)

	started := time.Now()
	errs := s.Apply(t.Context(), []writeback.Change{insert("b"), insert("c")})
	require.Less(t, time.Since(started), 5*time.Second)
	for _, err := range errs {
		require.ErrorContains(t, err, "another process kept the database locked")
	}
	_, err = s.ItemByKey(t.Context(), "p", "key-a")
	require.NoError(t, err, "reading goes on")

	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	apply(t, s, insert("b"), insert("c"))
}
