package sqlstore_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
	"github.com/pmswriteback/pms/writeback/storetest"
)

// clock is a clock that only moves when told to.
type clock struct{ passed atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC).Add(time.Duration(c.passed.Load()))
}

func (c *clock) advance(d time.Duration) { c.passed.Add(int64(d)) }

// quickDir is a folder in memory where there is one: the contract is about what
// is stored, not about how long a disk takes, and has thousands of commits.
func quickDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "pms-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func TestContractOnOwnFile(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Harness {
		var c clock
		path := filepath.Join(quickDir(t), "pms.db")
		open := func(t testing.TB) writeback.Store {
			s, err := sqlstore.Config{Driver: "sqlite", DSN: path, Now: c.now}.Open(t.Context())
			require.NoError(t, err)
			return s
		}
		return storetest.Harness{Store: open(t), Reopen: open, Second: open, Advance: c.advance}
	})
}

// TestContractOnHostsHandle has one connection only, so that a call that needs a
// second while it holds one would never end.
func TestContractOnHostsHandle(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Harness {
		var c clock
		path := filepath.Join(quickDir(t), "host.db")
		open := func(t testing.TB) writeback.Store {
			db, err := sql.Open("sqlite", uri(path)+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)")
			require.NoError(t, err)
			db.SetMaxOpenConns(1)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			s, err := sqlstore.Config{Driver: "sqlite", DB: db, Now: c.now}.Open(t.Context())
			require.NoError(t, err)
			return s
		}
		return storetest.Harness{Store: open(t), Reopen: open, Second: open, Advance: c.advance}
	})
}
