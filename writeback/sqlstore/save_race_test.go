package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
)

// Two processes have the same page open and save at once, over and over. Of each
// revision there is one, whoever did not write it is told and loses nothing, and
// what hosts submit meanwhile is not lost either.
func TestOfTwoProcessesThatSaveAtOnceOneWins(t *testing.T) {
	t.Parallel()
	const rounds = 15
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "pms.db")
	pms := memdriver.New(memdriver.Config{})
	var processes []*writeback.Practice
	for range 2 {
		store, err := sqlstore.Open(ctx, "sqlite", file)
		require.NoError(t, err)
		defer store.Close()
		eng, err := writeback.New(writeback.Config{
			HostName: "Acme", Store: store,
			Connect: func(context.Context, string) (driver.Connector, error) { return pms.Connector(), nil },
		})
		require.NoError(t, err)
		p, err := eng.AddPractice(ctx, writeback.PracticeConfig{ID: "main-street", Location: time.UTC})
		require.NoError(t, err)
		processes = append(processes, p)
	}

	// Each adds its own form types until the document has all of them.
	save := func(p *writeback.Practice, me string, n int, start <-chan struct{}) (stale int, err error) {
		first := true
		for {
			doc, rev, err := p.Settings(ctx)
			if err != nil {
				return stale, err
			}
			doc.Forms.Types = append(doc.Forms.Types, settings.FormType{Name: fmt.Sprint(me, n), Category: driver.InformedConsent})
			if first {
				<-start
				first = false
			}
			_, err = p.SaveSettings(ctx, doc, writeback.Save{Expect: rev, Actor: me, Reason: fmt.Sprint("round ", n)})
			if !errors.Is(err, writeback.ErrStale) {
				return stale, err
			}
			stale++
		}
	}
	stale := 0
	for n := range rounds {
		start := make(chan struct{})
		var ready, done sync.WaitGroup
		var mu sync.Mutex
		for i, p := range processes {
			ready.Add(1)
			done.Go(func() {
				ready.Done()
				lost, err := save(p, string('a'+rune(i)), n, start)
				mu.Lock()
				defer mu.Unlock()
				stale += lost
				if err != nil {
					t.Errorf("save: %v", err)
				}
			})
			done.Go(func() {
				_, err := p.WriteNote(ctx, writeback.Note{
					Key: fmt.Sprint("note ", i, n), Kind: driver.IncomingCall, Patient: writeback.PatientID("1"), At: time.Now(), Body: writeback.Text("Hello."),
				})
				if err != nil {
					t.Errorf("note: %v", err)
				}
			})
		}
		ready.Wait()
		close(start)
		done.Wait()
	}
	require.Positive(t, stale, "they never met")

	for _, p := range processes {
		doc, rev, err := p.Settings(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 2*rounds, rev)
		names := map[string]bool{}
		for _, ft := range doc.Forms.Types {
			names[ft.Name] = true
		}
		require.Len(t, names, 2*rounds, "what the loser wanted is there as well")
		history, err := p.SettingsHistory(ctx, 0)
		require.NoError(t, err)
		require.Len(t, history, 2*rounds)
		for i, row := range history {
			require.EqualValues(t, 2*rounds-i, row.Number)
			require.Len(t, row.Changes, 1, "each save changed what it meant to")
			require.Equal(t, row.Actor, row.Changes[0].Label[len("Form Type "):][:1])
		}
		items, err := p.Items(ctx, writeback.ItemQuery{})
		require.NoError(t, err)
		require.Len(t, items, 2*rounds)
	}
}
