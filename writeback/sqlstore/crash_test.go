package sqlstore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
)

// The test binary runs itself as another process when these are set.
const (
	childTask = "PMS_SQLSTORE_CHILD"
	childDir  = "PMS_SQLSTORE_DIR"
)

func TestMain(m *testing.M) {
	task, dir := os.Getenv(childTask), os.Getenv(childDir)
	var err error
	switch task {
	case "":
		os.Exit(m.Run())
	case "submit":
		err = submitForever(dir)
	case "race":
		err = raceToOpen(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child runs this test binary with a task.
func child(t *testing.T, task, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childTask+"="+task, childDir+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// submitForever submits and claims from several goroutines. What the store
// acknowledged goes into a journal, synced, before the next.
func submitForever(dir string) error {
	ctx := context.Background()
	s, err := sqlstore.Open(ctx, "sqlite", filepath.Join(dir, "pms.db"))
	if err != nil {
		return err
	}
	journal, err := os.OpenFile(filepath.Join(dir, "journal"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				changes := []writeback.Change{insert(id), insert(id + "-twin")}
				for version := int64(1); version <= 3; version++ {
					for _, err := range s.Apply(ctx, changes) {
						if err != nil {
							failed <- err
							return
						}
					}
					if _, err := fmt.Fprintf(journal, "%s %d\n", id, version); err != nil {
						failed <- err
						return
					}
					if err := journal.Sync(); err != nil {
						failed <- err
						return
					}
					r := item(id)
					r.State = writeback.Writing
					changes = []writeback.Change{{
						Practice: "p", Items: []writeback.ItemWrite{{Record: r, Expect: version}},
						Events: []writeback.Event{{Item: id, Name: "changed"}},
					}}
				}
			}
		}()
	}
	return <-failed
}

func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	journal := filepath.Join(dir, "journal")
	lines := func() []string {
		f, err := os.Open(journal)
		if err != nil {
			return nil
		}
		defer f.Close()
		var out []string
		for scan := bufio.NewScanner(f); scan.Scan(); {
			out = append(out, scan.Text())
		}
		return out
	}
	for kill := range 3 {
		before := len(lines())
		cmd := child(t, "submit", dir)
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool { return len(lines()) >= before+60+kill*37 }, 20*time.Second, time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait(), "it was killed")
	}

	s := open(t, filepath.Join(dir, "pms.db"))
	versions := map[string]int64{}
	for _, line := range lines() {
		var id string
		var version int64
		if n, _ := fmt.Sscanf(line, "%s %d", &id, &version); n == 2 && strings.Count(id, "-") == 2 {
			versions[id] = max(versions[id], version)
		}
	}
	require.Greater(t, len(versions), 50)
	for id, version := range versions {
		r, err := s.Item(t.Context(), "p", id)
		require.NoError(t, err, "an acknowledged item is lost")
		require.GreaterOrEqual(t, r.Version, version, "an acknowledged change is lost")
		events, err := s.ItemEvents(t.Context(), "p", id)
		require.NoError(t, err)
		require.Len(t, events, int(r.Version), "the events are those of the item's version: changes are whole")
		_, err = s.Item(t.Context(), "p", id+"-twin")
		require.NoError(t, err)
	}
}

// raceToOpen opens the store the moment the starting gun is there, and submits.
func raceToOpen(dir string) error {
	for {
		if _, err := os.Stat(filepath.Join(dir, "go")); err == nil {
			break
		}
	}
	ctx := context.Background()
	s, err := sqlstore.Open(ctx, "sqlite", filepath.Join(dir, "pms.db"))
	if err != nil {
		return err
	}
	for i := range 20 {
		for _, err := range s.Apply(ctx, []writeback.Change{insert(fmt.Sprintf("%d-%d", os.Getpid(), i))}) {
			if err != nil {
				return err
			}
		}
	}
	return s.Close()
}

func TestProcessesMayStartTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const processes = 3
	var running sync.WaitGroup
	errs := make([]error, processes)
	for i := range processes {
		cmd := child(t, "race", dir)
		require.NoError(t, cmd.Start())
		running.Go(func() { errs[i] = cmd.Wait() })
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), nil, 0o600))
	running.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	s := open(t, filepath.Join(dir, "pms.db"))
	items, err := s.Items(t.Context(), writeback.ItemQuery{Practice: "p", Limit: 1000})
	require.NoError(t, err)
	require.Len(t, items, processes*20)
}
