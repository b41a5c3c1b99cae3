package sqlstore_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
)

// host is a host application with a database of its own.
type host struct {
	*sql.DB
	store *sqlstore.Store
}

func newHost(t *testing.T) host {
	t.Helper()
	path := filepath.Join(t.TempDir(), "host.db")
	db, err := sql.Open("sqlite", uri(path)+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Exec("CREATE TABLE calls (id TEXT PRIMARY KEY)")
	require.NoError(t, err)
	s, err := sqlstore.New(t.Context(), db, "sqlite")
	require.NoError(t, err)
	return host{db, s}
}

// begin starts a transaction that has written a call already.
func (h host) begin(t *testing.T, call string) *sql.Tx {
	t.Helper()
	tx, err := h.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.Exec("INSERT INTO calls (id) VALUES (?)", call)
	require.NoError(t, err)
	return tx
}

func (h host) calls(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, h.QueryRow("SELECT count(*) FROM calls").Scan(&n))
	return n
}

func TestTxCommitsWithTheHost(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	tx := h.begin(t, "call 1")
	via := h.store.Tx(tx)
	_, err := via.ItemByKey(t.Context(), "p", "key-a")
	require.ErrorIs(t, err, writeback.ErrNotFound)
	_, err = via.Doc(t.Context(), "p", "d")
	require.ErrorIs(t, err, writeback.ErrNotFound)

	require.NoError(t, via.PutBlob(t.Context(), "p", "blob", 0, []byte("bytes")))
	c := insert("a")
	c.Items[0].Record.Blob = "blob"
	c.Docs = []writeback.DocWrite{{Name: "d", Value: []byte("v")}}
	c.Seen = []writeback.SeenWrite{{Feed: driver.PatientFeed, Seen: writeback.Seen{ID: "s"}}}
	c.Save = &writeback.Revision{Document: []byte("{}")}
	c.Wake = true
	apply(t, via, c, insert("b"))
	r, err := via.ItemByKey(t.Context(), "p", "key-a")
	require.NoError(t, err, "the transaction sees its own")
	require.Equal(t, int64(1), r.Version)
	d, err := via.Doc(t.Context(), "p", "d")
	require.NoError(t, err)
	require.Equal(t, "v", string(d.Value))

	_, err = h.store.ItemByKey(t.Context(), "p", "key-a")
	require.ErrorIs(t, err, writeback.ErrNotFound, "nobody else sees it before the commit")
	require.NoError(t, tx.Commit())

	require.Equal(t, 1, h.calls(t))
	items, _, err := h.store.Due(t.Context(), "p", 10)
	require.NoError(t, err)
	require.Len(t, items, 2)
	events, err := h.store.Events(t.Context(), "p", 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 2)
	chunk, err := h.store.Blob(t.Context(), "p", "blob", 0)
	require.NoError(t, err)
	require.Equal(t, "bytes", string(chunk))
	woken, _, err := h.store.Wakes(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, []string{"p"}, woken)

	require.Error(t, via.Apply(t.Context(), []writeback.Change{insert("late")})[0], "the transaction is over")
}

func TestTxRollsBackWithTheHost(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	tx := h.begin(t, "call 1")
	via := h.store.Tx(tx)
	apply(t, via, insert("a"))
	require.NoError(t, via.PutBlob(t.Context(), "p", "blob", 0, []byte("bytes")))
	require.NoError(t, tx.Rollback())
	require.Zero(t, h.calls(t))
	_, err := h.store.ItemByKey(t.Context(), "p", "key-a")
	require.ErrorIs(t, err, writeback.ErrNotFound)
	_, err = h.store.Blob(t.Context(), "p", "blob", 0)
	require.ErrorIs(t, err, writeback.ErrNotFound)
	// The practice, too, was first mentioned in what was rolled back. Another
	// takes its place, and they must not be taken for each other.
	c := insert("b")
	c.Practice = "q"
	apply(t, h.store, c, insert("c"))
	for practice, key := range map[string]string{"q": "key-b", "p": "key-c"} {
		_, err := h.store.ItemByKey(t.Context(), practice, key)
		require.NoError(t, err)
	}
	_, err = h.store.ItemByKey(t.Context(), "p", "key-b")
	require.ErrorIs(t, err, writeback.ErrNotFound)
}

func TestTxSurvivesAFailedChange(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	apply(t, h.store, insert("a"))
	tx := h.begin(t, "call 1")
	via := h.store.Tx(tx)
	torn := insert("b", "a") // the second is taken
	torn.Docs = []writeback.DocWrite{{Name: "d", Value: []byte("v")}}
	stale := insert("c")
	stale.Docs = []writeback.DocWrite{{Name: "d", Value: []byte("v"), Expect: 7}}
	stale.Wake = true
	errs := via.Apply(t.Context(), []writeback.Change{
		insert("e"), torn, stale, {Practice: "p", Fence: 3}, {Practice: "p", Save: &writeback.Revision{Document: []byte("{}")}},
		{Practice: "p", Revision: 1, Events: []writeback.Event{{Name: "saved"}}},
	})
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], writeback.ErrExists)
	require.ErrorIs(t, errs[2], writeback.ErrStale)
	require.ErrorIs(t, errs[3], writeback.ErrFenced)
	require.NoError(t, errs[4])
	require.NoError(t, errs[5])
	_, err := tx.Exec("INSERT INTO calls (id) VALUES ('call 2')")
	require.NoError(t, err, "the transaction can still be used")
	require.NoError(t, tx.Commit())

	require.Equal(t, 2, h.calls(t))
	items, err := h.store.Items(t.Context(), writeback.ItemQuery{Practice: "p"})
	require.NoError(t, err)
	require.Len(t, items, 2)
	require.Equal(t, "e", items[1].ID)
	events, err := h.store.Events(t.Context(), "p", 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 3)
	docs, err := h.store.Docs(t.Context(), "p", "")
	require.NoError(t, err)
	require.Empty(t, docs)
	woken, _, err := h.store.Wakes(t.Context(), 0)
	require.NoError(t, err)
	require.Empty(t, woken)
}

func TestTxOutlivesTheHostsOwnSavepoints(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	tx := h.begin(t, "call 1")
	via := h.store.Tx(tx)
	_, err := tx.Exec("SAVEPOINT mine")
	require.NoError(t, err)
	save := writeback.Change{Practice: "p", Save: &writeback.Revision{Document: []byte("{}")}}
	apply(t, via, save, insert("a"))
	_, err = tx.Exec("ROLLBACK TO mine")
	require.NoError(t, err)
	// What the store knew of the practice is void.
	apply(t, via, save, insert("a"))
	require.NoError(t, tx.Commit())
	r, err := h.store.Revision(t.Context(), "p", 0)
	require.NoError(t, err)
	require.Equal(t, int64(1), r.Number)
}

func TestTxRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	tx := h.begin(t, "call 1")
	defer func() { require.NoError(t, tx.Rollback()) }()
	via := h.store.Tx(tx)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, via.Apply(ctx, []writeback.Change{insert("a")})[0], context.Canceled)
	require.ErrorIs(t, via.PutBlob(ctx, "p", "b", 0, nil), context.Canceled)
	_, err := via.ItemByKey(ctx, "p", "key-a")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, via.PutBlob(t.Context(), "p", "b", 0, make([]byte, writeback.BlobChunk+1)), "at most 1048576 fit")
	require.Empty(t, via.Apply(t.Context(), nil))
	require.NoError(t, h.store.Close())
	require.ErrorContains(t, via.Apply(t.Context(), []writeback.Change{insert("a")})[0], "closed")
}
