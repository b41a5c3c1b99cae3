package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// recorder takes the place of a test, so that a case may fail without failing
// the test that watches it.
type recorder struct {
	testing.TB // nil: a method that is missing below panics

	mu       sync.Mutex
	failed   bool
	log      []string
	cleanups []func()
}

func (r *recorder) Helper() {}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *recorder) Errorf(format string, args ...any) {
	r.Logf(format, args...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

// watch runs a case and says what it logged when it failed.
func watch(c testCase, open func(testing.TB) Harness) (failed bool, log []string) {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, f := range slices.Backward(r.cleanups) {
				f()
			}
		}()
		defer func() {
			if v := recover(); v != nil {
				r.Errorf("panic: %v", v)
			}
		}()
		c.check(r, open)
	}()
	<-done
	return r.failed, r.log
}

func memHarness(wrap func(*memstore.Store) writeback.Store) func(testing.TB) Harness {
	return func(testing.TB) Harness {
		var passed atomic.Int64
		now := func() time.Time { return time.Unix(1_700_000_000, 0).Add(time.Duration(passed.Load())) }
		return Harness{Store: wrap(memstore.NewClock(now)), Advance: func(d time.Duration) { passed.Add(int64(d)) }}
	}
}

func TestEveryCaseHasItsOwnNameAndPromise(t *testing.T) {
	t.Parallel()
	names, promises := map[string]bool{}, map[string]bool{}
	for _, c := range cases() {
		require.False(t, names[c.name], "name %s twice", c.name)
		require.False(t, promises[c.promise], "promise of %s twice", c.name)
		require.True(t, strings.HasSuffix(c.promise, "."), "promise of %s is no sentence", c.name)
		names[c.name], promises[c.promise] = true, true
	}
}

// broken is a store with one thing wrong about it.
type broken struct {
	writeback.Store
	apply    func(ctx context.Context, changes []writeback.Change) []error
	due      func(ctx context.Context, practice string, limit int) ([]writeback.Record, time.Duration, error)
	items    func(ctx context.Context, q writeback.ItemQuery) ([]writeback.Record, error)
	byKey    func(ctx context.Context, practice, key string) (writeback.Record, error)
	events   func(ctx context.Context, practice string, after int64, limit int) ([]writeback.Event, error)
	docs     func(ctx context.Context, practice, prefix string) ([]writeback.Doc, error)
	between  func(ctx context.Context, practice string, feed driver.Feed, from, to time.Time, after string, limit int) ([]writeback.Seen, error)
	wakes    func(ctx context.Context, after int64) ([]string, int64, error)
	acquire  func(ctx context.Context, practice, owner string, ttl time.Duration) (int64, bool, error)
	renew    func(ctx context.Context, practice, owner string, fence int64, ttl time.Duration) (bool, error)
	putBlob  func(ctx context.Context, practice, blob string, n int, chunk []byte) error
	sweep    func(ctx context.Context, age time.Duration) (int, error)
	purge    func(ctx context.Context, practice string, states []writeback.State, age time.Duration, limit int) (int, error)
	revision func(ctx context.Context, practice string, rev int64) (writeback.Revision, error)
	close    func() error
}

func (s *broken) Apply(ctx context.Context, changes []writeback.Change) []error {
	if s.apply != nil {
		return s.apply(ctx, changes)
	}
	return s.Store.Apply(ctx, changes)
}

func (s *broken) Due(ctx context.Context, practice string, limit int) ([]writeback.Record, time.Duration, error) {
	if s.due != nil {
		return s.due(ctx, practice, limit)
	}
	return s.Store.Due(ctx, practice, limit)
}

func (s *broken) Items(ctx context.Context, q writeback.ItemQuery) ([]writeback.Record, error) {
	if s.items != nil {
		return s.items(ctx, q)
	}
	return s.Store.Items(ctx, q)
}

func (s *broken) ItemByKey(ctx context.Context, practice, key string) (writeback.Record, error) {
	if s.byKey != nil {
		return s.byKey(ctx, practice, key)
	}
	return s.Store.ItemByKey(ctx, practice, key)
}

func (s *broken) Events(ctx context.Context, practice string, after int64, limit int) ([]writeback.Event, error) {
	if s.events != nil {
		return s.events(ctx, practice, after, limit)
	}
	return s.Store.Events(ctx, practice, after, limit)
}

func (s *broken) Docs(ctx context.Context, practice, prefix string) ([]writeback.Doc, error) {
	if s.docs != nil {
		return s.docs(ctx, practice, prefix)
	}
	return s.Store.Docs(ctx, practice, prefix)
}

func (s *broken) SeenBetween(ctx context.Context, practice string, feed driver.Feed, from, to time.Time, after string, limit int) ([]writeback.Seen, error) {
	if s.between != nil {
		return s.between(ctx, practice, feed, from, to, after, limit)
	}
	return s.Store.SeenBetween(ctx, practice, feed, from, to, after, limit)
}

func (s *broken) Wakes(ctx context.Context, after int64) ([]string, int64, error) {
	if s.wakes != nil {
		return s.wakes(ctx, after)
	}
	return s.Store.Wakes(ctx, after)
}

func (s *broken) Acquire(ctx context.Context, practice, owner string, ttl time.Duration) (int64, bool, error) {
	if s.acquire != nil {
		return s.acquire(ctx, practice, owner, ttl)
	}
	return s.Store.Acquire(ctx, practice, owner, ttl)
}

func (s *broken) Renew(ctx context.Context, practice, owner string, fence int64, ttl time.Duration) (bool, error) {
	if s.renew != nil {
		return s.renew(ctx, practice, owner, fence, ttl)
	}
	return s.Store.Renew(ctx, practice, owner, fence, ttl)
}

func (s *broken) PutBlob(ctx context.Context, practice, blob string, n int, chunk []byte) error {
	if s.putBlob != nil {
		return s.putBlob(ctx, practice, blob, n, chunk)
	}
	return s.Store.PutBlob(ctx, practice, blob, n, chunk)
}

func (s *broken) Sweep(ctx context.Context, age time.Duration) (int, error) {
	if s.sweep != nil {
		return s.sweep(ctx, age)
	}
	return s.Store.Sweep(ctx, age)
}

func (s *broken) Purge(ctx context.Context, practice string, states []writeback.State, age time.Duration, limit int) (int, error) {
	if s.purge != nil {
		return s.purge(ctx, practice, states, age, limit)
	}
	return s.Store.Purge(ctx, practice, states, age, limit)
}

func (s *broken) Revision(ctx context.Context, practice string, rev int64) (writeback.Revision, error) {
	if s.revision != nil {
		return s.revision(ctx, practice, rev)
	}
	return s.Store.Revision(ctx, practice, rev)
}

func (s *broken) Close() error {
	if s.close != nil {
		return s.close()
	}
	return s.Store.Close()
}

// split applies each change as several, as a store would that does not know
// transactions: the items, then the rest.
func split(s writeback.Store) func(context.Context, []writeback.Change) []error {
	return func(ctx context.Context, changes []writeback.Change) []error {
		errs := make([]error, len(changes))
		for i, c := range changes {
			items := writeback.Change{Practice: c.Practice, Fence: c.Fence, Revision: c.Revision, Items: c.Items}
			rest := c
			rest.Items = nil
			errs[i] = errors.Join(s.Apply(ctx, []writeback.Change{items, rest})...)
		}
		return errs
	}
}

// edited applies changes after an edit.
func edited(s writeback.Store, edit func(*writeback.Change)) func(context.Context, []writeback.Change) []error {
	return func(ctx context.Context, changes []writeback.Change) []error {
		changes = slices.Clone(changes)
		for i := range changes {
			changes[i].Items = slices.Clone(changes[i].Items)
			changes[i].Docs = slices.Clone(changes[i].Docs)
			edit(&changes[i])
		}
		return s.Apply(ctx, changes)
	}
}

// TestBrokenStoresFail breaks one promise at a time and wants exactly the cases
// about it to fail.
func TestBrokenStoresFail(t *testing.T) {
	t.Parallel()
	for _, c := range breakages {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			open := memHarness(func(m *memstore.Store) writeback.Store {
				b := &broken{Store: m}
				c.breakIt(m, b)
				return b
			})
			var failed []string
			for _, tc := range cases() {
				if slices.Contains(c.spoils, tc.name) {
					continue
				}
				if bad, log := watch(tc, open); bad {
					require.Contains(t, strings.Join(log, "\n"), tc.promise, "a case that fails says why it matters")
					failed = append(failed, tc.name)
				}
			}
			want := slices.Clone(c.fails)
			slices.Sort(want)
			slices.Sort(failed)
			require.Equal(t, want, failed)
		})
	}
}
