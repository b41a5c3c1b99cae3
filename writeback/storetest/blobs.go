package storetest

import (
	"bytes"
	"fmt"

	"github.com/pmswriteback/pms/writeback"
)

var blobCases = []testCase{
	{"BlobsComeInChunks", "A blob's chunks come back as they were stored; behind the last there is ErrNotFound.", blobsInChunks},
	{"BlobChunksAreBounded", "A chunk of BlobChunk bytes fits, a larger one is an error and changes nothing.", blobChunksAreBounded},
	{"SweepSparesNamedBlobs", "Sweep deletes the blobs that no item names and that are old enough, and counts them.", sweepSparesNamed},
}

func (b *bench) putBlob(id, name string, chunks ...string) {
	b.Helper()
	for n, chunk := range chunks {
		b.ok(b.s.PutBlob(b.ctx, id, name, n, []byte(chunk)), "PutBlob")
	}
}

// blob reads a blob to its end; missing when there is none.
func (b *bench) blob(id, name string) string {
	b.Helper()
	var out []byte
	for n := 0; ; n++ {
		chunk, err := b.s.Blob(b.ctx, id, name, n)
		if err != nil {
			b.is(err, writeback.ErrNotFound, "Blob")
			if n == 0 {
				return missing
			}
			return string(out)
		}
		out = append(out, chunk...)
	}
}

const missing = "(missing)"

func blobsInChunks(b *bench) {
	b.equal(b.blob(practice, "x"), missing, "blob that is not there")
	b.putBlob(practice, "x", "one\x00", "two", "\xff\xfe")
	b.putBlob(practice, "y", "other blob")
	b.putBlob(other, "x", "theirs")
	b.putBlob(practice, "empty", "")
	b.equal(b.blob(practice, "x"), "one\x00two\xff\xfe", "blob")
	b.equal(b.blob(practice, "y"), "other blob", "blob")
	b.equal(b.blob(other, "x"), "theirs", "blob of the other practice")
	b.equal(b.blob(practice, "empty"), "", "empty blob")
	b.putBlob(practice, "x", "ONE") // again, as after a failed try
	b.equal(b.blob(practice, "x"), "ONEtwo\xff\xfe", "blob after a chunk came again")
	third, err := b.s.Blob(b.ctx, practice, "x", 2)
	b.ok(err, "Blob")
	b.bytes(third, []byte("\xff\xfe"), "third chunk")
	_, err = b.s.Blob(b.ctx, practice, "x", 3)
	b.is(err, writeback.ErrNotFound, "a chunk behind the last")
}

func blobChunksAreBounded(b *bench) {
	whole := bytes.Repeat([]byte("0123456789abcdef"), writeback.BlobChunk/16)
	b.ok(b.s.PutBlob(b.ctx, practice, "x", 0, whole), "PutBlob of the largest chunk")
	b.fails(b.s.PutBlob(b.ctx, practice, "x", 1, append(whole, 0)), "PutBlob of a chunk that is too large")
	b.fails(b.s.PutBlob(b.ctx, practice, "x", -1, []byte("x")), "PutBlob of a chunk with a negative number")
	got, err := b.s.Blob(b.ctx, practice, "x", 0)
	b.ok(err, "Blob")
	b.bytes(got, whole, "chunk")
	_, err = b.s.Blob(b.ctx, practice, "x", 1)
	b.is(err, writeback.ErrNotFound, "the chunk that was too large")
}

func sweepSparesNamed(b *bench) {
	b.putBlob(practice, "named", "1", "2")
	b.putBlob(practice, "named elsewhere", "1")
	b.putBlob(practice, "orphan", "1", "2", "3")
	b.putBlob(other, "orphan", "1")
	b.putBlob(other, "left", "1")
	r, gone, theirs := record("a"), record("gone"), record("b")
	r.Blob, gone.Blob, theirs.Blob = "named", "left", "named elsewhere"
	b.apply(insert(r))
	for _, c := range []writeback.Record{gone, theirs} { // they name blobs of the other practice
		elsewhere := insert(c)
		elsewhere.Practice = other
		b.apply(elsewhere)
	}
	stored, err := b.s.Item(b.ctx, other, "gone")
	b.ok(err, "Item")
	stored.Blob = "" // names it no more
	c := replace(stored, 0)
	c.Practice = other
	b.apply(c)
	sweep := func(want int) {
		b.Helper()
		n, err := b.s.Sweep(b.ctx, b.tick)
		b.ok(err, "Sweep")
		b.equal(n, want, "number of blobs swept")
	}
	sweep(0)
	b.pass(2 * b.tick)
	b.putBlob(practice, "young", "1")
	sweep(4)
	for name, want := range map[string]string{"named": "12", "named elsewhere": missing, "orphan": missing, "young": "1"} {
		b.equal(b.blob(practice, name), want, "blob "+name)
	}
	b.equal(b.blob(other, "orphan"), missing, "orphan of the other practice")
	b.equal(b.blob(other, "left"), missing, "blob that an item named once")
	sweep(0)
	b.pass(2 * b.tick)
	sweep(1)
}

var purgeCases = []testCase{
	{"PurgeEmptiesOldItems", "Purge empties Payload and drops the blob of items in the states, old enough; ids, hashes, events and Progress stay.", purgeEmpties},
	{"PurgeGoesStepByStep", "Purge empties at most limit items at a time, says how many, and ends.", purgeInSteps},
	{"PurgeIsAChange", "An item that was purged has a new Version, so that nobody puts back what was purged.", purgeIsAChange},
}

// finished is an item that is done, with content.
func finished(id string, state writeback.State) writeback.Record {
	r := record(id)
	r.State, r.Active, r.Blocking = state, false, false
	r.Payload, r.Progress = []byte("payload"), []byte("progress")
	return r
}

func (b *bench) purge(limit, want int, states ...writeback.State) {
	b.Helper()
	n, err := b.s.Purge(b.ctx, practice, states, b.tick, limit)
	b.ok(err, "Purge")
	b.equal(n, want, "number of items purged")
}

func purgeEmpties(b *bench) {
	b.putBlob(practice, "blob", "1", "2")
	b.putBlob(practice, "shared", "1")
	done, open, touched, young := finished("done", writeback.Written), finished("open", writeback.Failed), finished("touched", writeback.Written), finished("young", writeback.Written)
	sharing, shared, theirs := finished("sharing", writeback.Dismissed), finished("shared", writeback.Failed), finished("done", writeback.Written)
	done.Blob, sharing.Blob, shared.Blob = "blob", "shared", "shared"
	c := insert(done, open, touched, sharing, shared)
	c.Events = []writeback.Event{{Item: "done", Name: "written"}}
	elsewhere := insert(theirs)
	elsewhere.Practice = other
	b.apply(c, elsewhere)
	b.pass(2 * b.tick)
	b.apply(replace(b.item("touched"), 0), insert(young))

	b.purge(100, 0, writeback.Superseded)
	b.purge(100, 0)
	b.purge(100, 2, writeback.Written, writeback.Dismissed)
	for _, want := range []writeback.Record{open, touched, shared, young} {
		b.sameRecord(b.item(want.ID), want, "item that must not be purged: "+want.ID)
	}
	got := b.item("done")
	done.Payload, done.Blob = nil, ""
	b.sameRecord(got, done, "purged item")
	b.bytes(b.item("sharing").Payload, nil, "Payload of the other purged item")
	b.equal(b.blob(practice, "blob"), missing, "blob of the purged item")
	b.equal(b.blob(practice, "shared"), "1", "blob that another item names still")
	byKey, err := b.s.ItemByKey(b.ctx, practice, done.Key)
	b.ok(err, "ItemByKey")
	b.equal(byKey.Hash, done.Hash, "Hash")
	events, err := b.s.ItemEvents(b.ctx, practice, "done")
	b.ok(err, "ItemEvents")
	b.equal(names(events), []string{"written"}, "events of the purged item")
	kept, err := b.s.Item(b.ctx, other, "done")
	b.ok(err, "Item")
	b.bytes(kept.Payload, []byte("payload"), "Payload of the other practice's item")
	b.purge(100, 0, writeback.Written, writeback.Dismissed)
}

func purgeInSteps(b *bench) {
	for i := range 7 {
		b.apply(insert(finished(fmt.Sprint("i", i), writeback.Written)))
	}
	b.pass(2 * b.tick)
	for _, want := range []int{3, 3, 1, 0} {
		b.purge(3, want, writeback.Written)
	}
	for _, id := range b.items(writeback.ItemQuery{}) {
		b.bytes(b.item(id).Payload, nil, "Payload")
	}
}

func purgeIsAChange(b *bench) {
	b.apply(insert(finished("a", writeback.Written)))
	before := b.item("a")
	b.pass(2 * b.tick)
	b.purge(10, 1, writeback.Written)
	b.is(b.try(replace(before, 0)), writeback.ErrStale, "replacement of the version before the purge")
	b.bytes(b.item("a").Payload, nil, "Payload")
	b.apply(replace(b.item("a"), 0))
}
