package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/writeback"
)

func openTemp(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), "sqlite", filepath.Join(t.TempDir(), "pms.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func insertion(key string, size int) writeback.Change {
	return writeback.Change{
		Practice: "p",
		Items:    []writeback.ItemWrite{{Record: writeback.Record{ID: "id-" + key, Key: key, Payload: make([]byte, size)}}},
		Events:   []writeback.Event{{Item: "id-" + key, Name: "submitted"}},
	}
}

// alone wants an error that does not claim to know more than it does.
func alone(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	for _, named := range []error{writeback.ErrExists, writeback.ErrStale, writeback.ErrFenced, writeback.ErrNotFound} {
		require.NotErrorIs(t, err, named)
	}
}

func TestFullDiskLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	var pages int
	require.NoError(t, s.write.Get(&pages, "PRAGMA page_count"))
	_, err := s.write.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages+60))
	require.NoError(t, err)

	kept, refused := map[string]bool{}, 0
	for i := 0; refused < 40; i += 4 {
		require.Less(t, i, 4000, "the disk never got full")
		var changes []writeback.Change
		for k := range 4 {
			changes = append(changes, insertion(fmt.Sprint(i+k), 3000))
		}
		for k, err := range s.Apply(t.Context(), changes) {
			if err == nil {
				kept[fmt.Sprint(i+k)] = true
				continue
			}
			alone(t, err)
			require.ErrorContains(t, err, "the disk is full")
			kept[fmt.Sprint(i+k)] = false
			refused++
		}
	}
	_, err = s.write.Exec("PRAGMA max_page_count = 1000000")
	require.NoError(t, err)
	for key, kept := range kept {
		_, err := s.ItemByKey(t.Context(), "p", key)
		events, err2 := s.ItemEvents(t.Context(), "p", "id-"+key)
		require.NoError(t, err2)
		if kept {
			require.NoError(t, err, "an acknowledged item is lost")
			require.Len(t, events, 1)
		} else {
			require.ErrorIs(t, err, writeback.ErrNotFound, "a refused item is there")
			require.Empty(t, events)
			require.NoError(t, s.Apply(t.Context(), []writeback.Change{insertion(key, 10)})[0], "room again")
		}
	}
}

func TestChangeThatTheDatabaseRefusesTakesNoneDown(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	_, err := s.write.Exec("CREATE TRIGGER poison BEFORE INSERT ON pms_items WHEN NEW.item_key = 'poison' BEGIN SELECT RAISE(ABORT, 'poison'); END")
	require.NoError(t, err)
	save := writeback.Change{Practice: "p", Save: &writeback.Revision{Document: []byte("{}")}, Wake: true}
	errs := s.Apply(t.Context(), []writeback.Change{
		insertion("a", 1), save, insertion("poison", 1), insertion("b", 1), insertion("a", 1), {Practice: "p", Revision: 1},
	})
	alone(t, errs[2])
	require.ErrorIs(t, errs[4], writeback.ErrExists)
	for _, i := range []int{0, 1, 3, 5} {
		require.NoError(t, errs[i])
	}
	items, err := s.Items(t.Context(), writeback.ItemQuery{Practice: "p"})
	require.NoError(t, err)
	require.Len(t, items, 2)
	events, err := s.Events(t.Context(), "p", 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 2)
}

func TestFailedCommitIsNoneOfTheKnownErrors(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	// A constraint that is only looked at when the transaction commits.
	_, err := s.write.Exec("CREATE TABLE strict_host (id INTEGER PRIMARY KEY);" +
		"CREATE TABLE watch (id INTEGER REFERENCES strict_host (id) DEFERRABLE INITIALLY DEFERRED);" +
		"CREATE TRIGGER doom AFTER INSERT ON pms_items WHEN NEW.item_key = 'doom' BEGIN INSERT INTO watch VALUES (7); END")
	require.NoError(t, err)
	errs := s.Apply(t.Context(), []writeback.Change{insertion("a", 1), {Practice: "p", Fence: 9}, insertion("doom", 1)})
	alone(t, errs[0])
	require.ErrorContains(t, errs[0], "commit")
	require.ErrorIs(t, errs[1], writeback.ErrFenced)
	alone(t, errs[2])
	require.NoError(t, s.Apply(t.Context(), []writeback.Change{insertion("b", 1)})[0], "the connection is fit for use again")
}

func TestDamagedValueIsAnErrorWithoutTheValue(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	doc := writeback.Change{Practice: "p", Docs: []writeback.DocWrite{{Name: "d", Value: []byte("v")}}}
	require.NoError(t, s.Apply(t.Context(), []writeback.Change{doc, insertion("a", 1)})[0])
	_, err := s.write.Exec("ALTER TABLE pms_docs RENAME TO pms_docs_kept;" +
		"CREATE VIEW pms_docs AS SELECT practice, name, 'Jane Doe' AS version, updated, value FROM pms_docs_kept;" +
		"ALTER TABLE pms_events RENAME TO pms_events_kept;" +
		"CREATE VIEW pms_events AS SELECT seq, item_seq, 'Jane Doe' AS at, item, name, from_state, to_state, reason, actor, detail FROM pms_events_kept")
	require.NoError(t, err)
	_, docErr := s.Doc(t.Context(), "p", "d")
	_, docsErr := s.Docs(t.Context(), "p", "")
	_, eventsErr := s.Events(t.Context(), "p", 0, 10)
	applyErr := s.Apply(t.Context(), []writeback.Change{{Practice: "p", Docs: []writeback.DocWrite{{Name: "d", Value: []byte("w"), Expect: 1}}}})[0]
	for _, err := range []error{docErr, docsErr, eventsErr, applyErr} {
		alone(t, err)
		require.ErrorContains(t, err, "not of its column's type")
		require.NotContains(t, err.Error(), "Jane")
	}
}

func TestPositionsRunOutBeforeTheyRepeat(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	_, err := s.write.Exec("UPDATE pms_position SET position = ?", int64(1)<<positionBits-5)
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), []writeback.Change{insertion("a", 1)})[0])
	require.NoError(t, s.Apply(t.Context(), []writeback.Change{insertion("b", 1)})[0])
	err = s.Apply(t.Context(), []writeback.Change{insertion("c", 1)})[0]
	require.ErrorContains(t, err, "all its positions")
	r, err := s.ItemByKey(t.Context(), "p", "b")
	require.NoError(t, err)
	require.Equal(t, int64(1), r.Seq>>positionBits)
}

// TestQueriesUseTheirIndexes pins what makes queries fast with a million items.
func TestQueriesUseTheirIndexes(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	items := func(q writeback.ItemQuery) string {
		text, _, err := itemsQuery(&q, 1, 0)
		require.NoError(t, err)
		return text
	}
	for text, want := range map[string]string{
		selectDue:                                "pms_items_due (seq>? AND seq<?)",
		selectNext:                               "pms_items_due (seq>? AND seq<?)",
		items(writeback.ItemQuery{Newest: true}): "INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
		items(writeback.ItemQuery{States: []writeback.State{writeback.Held}}): "pms_items_open (seq>? AND seq<?)",
		selectSummary:                            "USING COVERING INDEX pms_items_closed (practice=?)",
		items(writeback.ItemQuery{Subject: "7"}): "pms_items_subject (subject=? AND seq>? AND seq<?)",
		items(writeback.ItemQuery{Subject: "7", States: []writeback.State{"held"}}): "pms_items_subject (subject=? AND seq>? AND seq<?)",
		"SELECT id FROM pms_seen" + s.dialect.index("pms_seen_start") +
			" WHERE practice = ? AND feed = ? AND id > ? AND start >= ? ORDER BY id LIMIT ?": "pms_seen_start (practice=? AND feed=? AND start>?)",
		"SELECT b.practice, b.blob FROM pms_blobs b WHERE " + orphan: "pms_items_blob (practice=? AND blob=?)",
	} {
		plan := planOf(t, s.write.DB, text)
		require.Contains(t, plan, want, text)
		if !strings.Contains(text, "pms_seen") && text != selectSummary {
			require.NotContains(t, plan, "TEMP B-TREE", text)
		}
	}
	require.Contains(t, planOf(t, s.write.DB, selectSummary), "pms_items_open (seq>? AND seq<?)")
	lane := planOf(t, s.write.DB, selectDue)
	require.Contains(t, lane, "COVERING INDEX pms_items_lane (lane=? AND seq>? AND seq<?)")
}

func planOf(t *testing.T, db *sql.DB, text string) string {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+text, make([]any, strings.Count(text, "?"))...)
	require.NoError(t, err)
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan = append(plan, detail)
	}
	require.NoError(t, rows.Err())
	return strings.Join(plan, "\n")
}

func TestConnectionsAreSetUpForDurability(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		require.NoError(t, s.write.Get(&got, "PRAGMA "+pragma))
		require.Equal(t, want, got, pragma)
	}
	_, err := s.read.Exec("DELETE FROM pms_items")
	require.Error(t, err, "the reading side cannot write")
	require.Equal(t, 1, s.write.Stats().MaxOpenConnections)
}

func TestPrefixEndIsTheFirstStringBehind(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"": "", "a": "b", "az": "a{", "a\xff": "b", "\xff\xff": "", "caf\u00e9": "caf\xc3\xaa", "a\xbf": "a\xc0", "a\x00": "a\x01",
	} {
		require.Equal(t, want, prefixEnd(prefix))
	}
}

// TestClockOfTheServerCounts runs on a dialect whose clock is the database's.
func TestClockOfTheServerCounts(t *testing.T) {
	t.Parallel()
	long := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	s, err := Config{Driver: "sqlite", DSN: filepath.Join(t.TempDir(), "pms.db"), Now: func() time.Time { return long }}.Open(t.Context())
	require.NoError(t, err)
	defer s.Close()
	d := *s.dialect
	d.now = "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
	s.dialect = &d

	c := insertion("a", 1)
	c.Items[0].Record.Active, c.Items[0].Delay = true, time.Hour
	c.Docs = []writeback.DocWrite{{Name: "d", Value: []byte("v")}}
	require.NoError(t, s.Apply(t.Context(), []writeback.Change{c})[0])
	r, err := s.ItemByKey(t.Context(), "p", "a")
	require.NoError(t, err)
	require.Less(t, time.Since(r.CreatedAt).Abs(), time.Minute)
	require.InDelta(t, time.Hour, r.DueIn, float64(time.Minute))
	_, wait, err := s.Due(t.Context(), "p", 1)
	require.NoError(t, err)
	require.InDelta(t, time.Hour, wait, float64(time.Minute))
	doc, err := s.Doc(t.Context(), "p", "d")
	require.NoError(t, err)
	require.Less(t, doc.Age, time.Minute)
	tx, err := s.write.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	r, err = s.Tx(tx).ItemByKey(t.Context(), "p", "a")
	require.NoError(t, err)
	require.InDelta(t, time.Hour, r.DueIn, float64(time.Minute))
	require.NoError(t, tx.Rollback())
}
