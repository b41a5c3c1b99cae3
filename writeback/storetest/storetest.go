// Package storetest is the contract of writeback.Store as tests. A store that
// passes is one that the engine can rely on.
//
//	func TestContract(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) storetest.Harness {
//			store, err := mystore.Open(filepath.Join(t.TempDir(), "db"))
//			if err != nil {
//				t.Fatal(err)
//			}
//			t.Cleanup(func() { store.Close() })
//			return storetest.Harness{Store: store}
//		})
//	}
//
// Every case carries the promise that it proves and shows it when it fails.
// Where the contract leaves a choice, the cases allow every choice.
package storetest

import (
	"testing"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

// Harness is one empty store, and what else the cases may do with it. The cases
// close what they get from it; a harness that closes it too is welcome to.
type Harness struct {
	// Store is the store under test, empty.
	Store writeback.Store
	// Reopen opens the same data again after Store was closed. Nil for a store
	// that is not durable.
	Reopen func(t testing.TB) writeback.Store
	// Second opens another handle on the same data while Store is open, as
	// another process would. Nil when there is no such thing: Store is used
	// twice instead.
	Second func(t testing.TB) writeback.Store
	// Advance lets the store's clock go forward, at once, for all handles. Nil
	// makes the cases wait really, which takes some seconds.
	Advance func(time.Duration)
}

// Run runs all cases, each as a subtest on a store of its own that open makes.
func Run(t *testing.T, open func(t testing.TB) Harness) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.check(t, open)
		})
	}
}

// testCase proves one promise.
type testCase struct {
	name    string
	promise string
	run     func(*bench)
}

func (c testCase) check(t testing.TB, open func(testing.TB) Harness) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the promise: %s", c.promise)
		}
	})
	b := newBench(t, open(t))
	c.run(b)
}

func cases() []testCase {
	var all []testCase
	for _, some := range [][]testCase{
		applyCases, conditionCases, dueCases, laneCases, itemCases, eventCases, docCases, revisionCases,
		seenCases, practiceCases, leaseCases, blobCases, purgeCases, oddCases, raceCases, lifeCases,
	} {
		all = append(all, some...)
	}
	return all
}
