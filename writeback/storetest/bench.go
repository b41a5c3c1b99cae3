package storetest

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

// practice is the one that most cases use, other stands beside it.
const (
	practice = "main-street"
	other    = "oak-avenue"
)

// bench is what a case works with. Its methods end the case when the store does
// not do what they say.
type bench struct {
	testing.TB
	h   Harness
	s   writeback.Store
	ctx context.Context
	// tick is a time that the store's clock can be let pass: long when it is
	// not waited for.
	tick time.Duration
}

func newBench(t testing.TB, h Harness) *bench {
	b := &bench{TB: t, h: h, s: h.Store, ctx: context.Background(), tick: time.Hour}
	if h.Advance == nil {
		b.tick = 250 * time.Millisecond
	}
	t.Cleanup(func() { _ = h.Store.Close() })
	b.put(practice)
	b.put(other)
	return b
}

// put stores a practice.
func (b *bench) put(id string) {
	b.Helper()
	b.ok(b.s.PutPractice(b.ctx, writeback.PracticeRecord{ID: id}), "PutPractice")
}

// pass lets the store's clock go forward.
func (b *bench) pass(d time.Duration) {
	if b.h.Advance != nil {
		b.h.Advance(d)
		return
	}
	time.Sleep(d)
}

// second returns another handle on the same data.
func (b *bench) second() writeback.Store {
	if b.h.Second == nil {
		return b.s
	}
	s := b.h.Second(b.TB)
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func (b *bench) ok(err error, what string) {
	b.Helper()
	if err != nil {
		b.Fatalf("%s: %v", what, err)
	}
}

// is wants an error of the contract.
func (b *bench) is(err, want error, what string) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Fatalf("%s: error %v, want %v", what, err, want)
	}
}

// fails wants an error that is none of the contract's.
func (b *bench) fails(err error, what string) {
	b.Helper()
	if err == nil {
		b.Fatalf("%s: no error", what)
	}
	for _, named := range []error{writeback.ErrNotFound, writeback.ErrExists, writeback.ErrStale, writeback.ErrFenced} {
		if errors.Is(err, named) {
			b.Fatalf("%s: error %v, which means something else", what, err)
		}
	}
}

func (b *bench) equal(got, want any, what string) {
	b.Helper()
	if !reflect.DeepEqual(got, want) {
		b.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func (b *bench) bytes(got, want []byte, what string) {
	b.Helper()
	if !bytes.Equal(got, want) {
		b.Fatalf("%s: got %d bytes %.40q, want %d bytes %.40q", what, len(got), got, len(want), want)
	}
}

func (b *bench) that(holds bool, what string) {
	b.Helper()
	if !holds {
		b.Fatal(what)
	}
}

// try applies one change.
func (b *bench) try(c writeback.Change) error {
	b.Helper()
	errs := b.s.Apply(b.ctx, []writeback.Change{c})
	if len(errs) != 1 {
		b.Fatalf("Apply of 1 change gave %d errors", len(errs))
	}
	return errs[0]
}

// apply applies changes, all of which must go well.
func (b *bench) apply(changes ...writeback.Change) {
	b.Helper()
	errs := b.s.Apply(b.ctx, changes)
	if len(errs) != len(changes) {
		b.Fatalf("Apply of %d changes gave %d errors", len(changes), len(errs))
	}
	for i, err := range errs {
		if err != nil {
			b.Fatalf("Apply, change %d: %v", i, err)
		}
	}
}

// record is an item that is due and blocks its own lane only.
func record(id string) writeback.Record {
	return writeback.Record{
		ID: id, Key: "key-" + id, Hash: "hash", Kind: writeback.KindNote, State: writeback.Queued,
		Lane: "lane-" + id, Active: true, Blocking: true,
	}
}

// insert is a change of the usual practice that inserts items.
func insert(records ...writeback.Record) writeback.Change {
	c := writeback.Change{Practice: practice}
	for _, r := range records {
		c.Items = append(c.Items, writeback.ItemWrite{Record: r})
	}
	return c
}

// replace is a change of the usual practice that replaces an item.
func replace(r writeback.Record, delay time.Duration) writeback.Change {
	return writeback.Change{Practice: practice, Items: []writeback.ItemWrite{{Record: r, Expect: r.Version, Delay: delay}}}
}

func (b *bench) item(id string) writeback.Record {
	b.Helper()
	r, err := b.s.Item(b.ctx, practice, id)
	b.ok(err, "Item "+id)
	return r
}

func (b *bench) due(limit int) ([]string, time.Duration) {
	b.Helper()
	items, wait, err := b.s.Due(b.ctx, practice, limit)
	b.ok(err, "Due")
	return ids(items), wait
}

// items returns the ids of what a query finds in the usual practice.
func (b *bench) items(q writeback.ItemQuery) []string {
	b.Helper()
	q.Practice = practice
	items, err := b.s.Items(b.ctx, q)
	b.ok(err, "Items")
	return ids(items)
}

func (b *bench) events(id string, after int64, limit int) []writeback.Event {
	b.Helper()
	events, err := b.s.Events(b.ctx, id, after, limit)
	b.ok(err, "Events")
	return events
}

func (b *bench) docNames(prefix string) []string {
	b.Helper()
	docs, err := b.s.Docs(b.ctx, practice, prefix)
	b.ok(err, "Docs")
	names := []string{}
	for _, d := range docs {
		names = append(names, d.Name)
	}
	return names
}

func (b *bench) acquire(owner string, ttl time.Duration) int64 {
	b.Helper()
	fence, ok, err := b.s.Acquire(b.ctx, practice, owner, ttl)
	b.ok(err, "Acquire")
	b.that(ok, "Acquire did not give a lease that is free")
	return fence
}

func ids(items []writeback.Record) []string {
	out := []string{}
	for _, r := range items {
		out = append(out, r.ID)
	}
	return out
}

func names(events []writeback.Event) []string {
	out := []string{}
	for _, e := range events {
		out = append(out, e.Name)
	}
	return out
}

// sameRecord compares what a host gave with what it got back; what the store
// sets is left out.
func (b *bench) sameRecord(got, want writeback.Record, what string) {
	b.Helper()
	b.bytes(got.Payload, want.Payload, what+": Payload")
	b.bytes(got.Progress, want.Progress, what+": Progress")
	for _, r := range []*writeback.Record{&got, &want} {
		r.Payload, r.Progress, r.Practice, r.Seq, r.Version, r.Age, r.DueIn = nil, nil, "", 0, 0, 0, 0
		r.CreatedAt, r.UpdatedAt = time.Time{}, time.Time{}
	}
	b.equal(got, want, what)
}

// snapshot is everything that a change may touch, to prove that it did not.
type snapshot struct {
	Items     []writeback.Record
	Events    []writeback.Event
	Docs      []writeback.Doc
	Revisions []writeback.Revision
	Seen      []writeback.Seen
	Woken     []string
}

func (b *bench) snapshot() snapshot {
	b.Helper()
	var s snapshot
	var err error
	s.Items, err = b.s.Items(b.ctx, writeback.ItemQuery{Practice: practice, Limit: 1000})
	b.ok(err, "Items")
	for i := range s.Items {
		s.Items[i].Age, s.Items[i].DueIn = 0, 0
	}
	s.Events = b.events(practice, 0, 1000)
	s.Docs, err = b.s.Docs(b.ctx, practice, "")
	b.ok(err, "Docs")
	for i := range s.Docs {
		s.Docs[i].Age = 0
	}
	s.Revisions, err = b.s.Revisions(b.ctx, practice, 1000)
	b.ok(err, "Revisions")
	s.Seen, err = b.s.SeenBetween(b.ctx, practice, driver.PatientFeed, time.Time{}, time.Time{}, "", 1000)
	b.ok(err, "SeenBetween")
	s.Woken, _, err = b.s.Wakes(b.ctx, 0)
	b.ok(err, "Wakes")
	return s
}
