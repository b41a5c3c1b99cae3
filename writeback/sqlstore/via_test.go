package sqlstore_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
)

// A host that keeps its calls in the same database writes the call and the note
// about it in one transaction: both are there, or neither.
func TestItemIsDurableWhenTheHostsTransactionCommits(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "host.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(ctx, "CREATE TABLE calls (id TEXT)")
	require.NoError(t, err)
	store, err := sqlstore.New(ctx, db, "sqlite")
	require.NoError(t, err)
	defer store.Close()

	pms := memdriver.New(memdriver.Config{})
	patient := pms.AddPatient(driver.Patient{})
	eng, err := writeback.New(writeback.Config{
		HostName: "Acme", Store: store, Spread: -1,
		Connect: func(context.Context, string) (driver.Connector, error) { return pms.Connector(), nil },
	})
	require.NoError(t, err)
	p, err := eng.AddPractice(ctx, writeback.PracticeConfig{ID: "main-street", Location: time.UTC})
	require.NoError(t, err)
	doc := settings.Default()
	doc.Sync.ProviderID = settings.Ref{ID: "DOC1"}
	doc.Notes.Enabled = map[driver.NoteKind]bool{driver.IncomingCall: true}
	doc.Notes.Type = settings.Ref{ID: "0101"}
	_, err = p.SaveSettings(ctx, doc, writeback.Save{Actor: "dana"})
	require.NoError(t, err)

	run, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- eng.Run(run) }()

	submit := func(key string, commit bool) {
		tx, err := db.BeginTx(ctx, nil)
		require.NoError(t, err)
		_, err = tx.ExecContext(ctx, "INSERT INTO calls (id) VALUES (?)", key)
		require.NoError(t, err)
		_, err = p.Via(store.Tx(tx)).WriteNote(ctx, writeback.Note{
			Key: key, Kind: driver.IncomingCall, Patient: writeback.PatientID(patient), At: time.Now(), Body: writeback.Text("Hello."),
		})
		require.NoError(t, err)
		if commit {
			require.NoError(t, tx.Commit())
		} else {
			require.NoError(t, tx.Rollback())
		}
	}
	submit("rolled-back", false)
	submit("committed", true)

	_, err = p.ItemByKey(ctx, "rolled-back")
	require.ErrorIs(t, err, writeback.ErrNotFound)
	// Nobody wakes the engine but the row that the transaction wrote.
	require.Eventually(t, func() bool {
		it, err := p.ItemByKey(ctx, "committed")
		return err == nil && it.State == writeback.Written
	}, 20*time.Second, 5*time.Millisecond)
	stop()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Len(t, pms.Notes(), 1)
}
