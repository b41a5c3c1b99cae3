package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/writeback"
)

func someEvent(key string) event {
	return event{
		Key: key, Kind: writeback.KindNote, About: "incoming_call", Patient: "4", Marker: "QS-abcdef-00000001",
		At: time.Date(2026, 3, 2, 15, 4, 5, 0, time.UTC),
	}
}

func openTestJournal(t *testing.T, path string) *journal {
	t.Helper()
	j, err := openJournal(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.close() })
	return j
}

func TestAnEventIsInTheFileBeforeItIsSubmitted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), journalFile)
	j := openTestJournal(t, path)
	require.NoError(t, j.submit(someEvent("a")))
	// Read by somebody else, without a close: what a kill would leave.
	again := openTestJournal(t, path)
	require.Equal(t, []event{someEvent("a")}, again.all())
	require.False(t, again.isAcked("a"))
}

func TestOnlyWhatWasNotAcknowledgedIsSubmittedAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), journalFile)
	j := openTestJournal(t, path)
	for _, key := range []string{"a", "b", "c"} {
		require.NoError(t, j.submit(someEvent(key)))
	}
	require.NoError(t, j.ack("a"))
	require.NoError(t, j.ack("c"))
	again := openTestJournal(t, path)
	require.Equal(t, []event{someEvent("b")}, again.open())
	require.True(t, again.isAcked("a"))
	require.Equal(t, 3, again.size())
}

func TestALineThatAKillCutShortIsDropped(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), journalFile)
	j := openTestJournal(t, path)
	require.NoError(t, j.submit(someEvent("a")))
	require.NoError(t, j.close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for cut := 1; cut < len(whole); cut += 7 {
		require.NoError(t, os.WriteFile(path, append(append([]byte{}, whole...), whole[:cut]...), 0o600))
		again, err := openJournal(path)
		require.NoError(t, err)
		require.Equal(t, 1, again.size())
		// What comes next begins a line of its own.
		require.NoError(t, again.submit(someEvent("b")))
		require.NoError(t, again.close())
		require.Equal(t, []event{someEvent("a"), someEvent("b")}, openTestJournal(t, path).all())
	}
}

func TestADamagedJournalIsAnErrorAndNotAShorterJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), journalFile)
	require.NoError(t, os.WriteFile(path, []byte("{\"ack\":\"a\"}\n{\"ack\":\n{\"ack\":\"b\"}\n"), 0o600))
	_, err := openJournal(path)
	require.ErrorContains(t, err, "line 2 is damaged")
}

func TestTheJournalHoldsNoPatientData(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), journalFile)
	h := newHost(openTestJournal(t, path), "abcdef", "", &view{})
	require.NoError(t, h.onPatients(t.Context(), practiceID, []writeback.PatientEvent{{ID: "1", Change: writeback.Found, Patient: somebody("42")}}))
	for _, task := range workday() {
		if e, ok := h.next(task, false); ok {
			require.NoError(t, h.journal.submit(e))
			h.remember(e)
		}
	}
	require.Greater(t, h.journal.size(), 20)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(data), "Lovelace")
	require.NotContains(t, string(data), "1985")
}
