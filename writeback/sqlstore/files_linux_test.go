package sqlstore_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/writeback/sqlstore"
)

// asNobody runs f on a thread that has nobody's rights on files, which root's
// tests need to be refused anything.
func asNobody(t *testing.T, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock: the thread ends with its rights
		_ = syscall.Setfsuid(65534)
		f()
	}()
	<-done
}

func TestFolderThatCannotBeWrittenIsAClearError(t *testing.T) {
	t.Parallel()
	// The folder of a test is its owner's alone; this one may be looked into.
	dir, err := os.MkdirTemp("/tmp", "pms-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o555))
	path := filepath.Join(dir, "pms.db")
	var openErr error
	asNobody(t, func() { _, openErr = sqlstore.Open(t.Context(), "sqlite", path) })
	require.EqualError(t, openErr, "sqlstore: open: "+path+" cannot be created: permission denied")
	require.NoFileExists(t, path)

	// A file that may be written in a folder that may not: the log has no room.
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Chmod(path, 0o666))
	asNobody(t, func() { _, openErr = sqlstore.Open(t.Context(), "sqlite", path) })
	require.ErrorContains(t, openErr, "is not writable, which the database's log needs")

	// A file that may only be read.
	require.NoError(t, os.Chmod(path, 0o444))
	asNobody(t, func() { _, openErr = sqlstore.Open(t.Context(), "sqlite", path) })
	require.EqualError(t, openErr, "sqlstore: open: "+path+" cannot be written: permission denied")
}
