package storetest

import (
	"context"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

var applyCases = []testCase{
	{"InsertKeepsEveryField", "An inserted item comes back as it was given, by id, by key, in a query and as due.", insertKeepsEveryField},
	{"InsertSetsSeqAndVersion", "Seq rises in the order of submission, over changes and within one; Version begins at 1.", insertSetsSeqAndVersion},
	{"KeyIsUniqueInThePractice", "An insert whose Key is taken is ErrExists and has no effect; another practice may have the same.", keyIsUnique},
	{"IDIsUniqueInThePractice", "An insert whose ID is taken is ErrExists and has no effect; another practice may have the same.", idIsUnique},
	{"ReplaceCountsVersions", "A replaced item has Version Expect + 1; Seq, Key and CreatedAt stay, UpdatedAt follows the store's clock.", replaceCountsVersions},
	{"ReplaceOfAnotherVersionIsStale", "A replacement of another or a missing version is ErrStale and has no effect.", replaceIsStale},
	{"ReplaceFindsItemByID", "A replaced item is found by its ID; the Seq of the record given does not matter.", replaceFindsItemByID},
	{"ChangeIsAllOrNothing", "When any condition of a change fails, nothing of the change is done.", changeIsAllOrNothing},
	{"ChangesComeInOrder", "Changes of one Apply are carried out in order: each sees the effect of those before it.", changesComeInOrder},
	{"FailedChangeSparesOthers", "The result has one error per change; a failed change leaves those before and behind it alone.", failedChangeSparesOthers},
	{"ApplyOfNothing", "Apply of no changes gives no errors; an empty change is one that goes well.", applyOfNothing},
	{"ValuesAreCopied", "What was given to or came from the store may be overwritten without harm.", valuesAreCopied},
	{"CancelledContextDoesNothing", "Apply with a context that has ended gives an error for each change and does nothing.", cancelledContext},
}

func fullRecord() writeback.Record {
	return writeback.Record{
		ID: "it1", Key: "call-8812", Hash: "cafe", Kind: writeback.KindPayment, State: writeback.Held,
		Reason: driver.Reason("some_reason"), Cause: "provider DOC1", Lane: "payment:it1", Active: true, Blocking: true,
		Patient: "42", Subject: "apt 7", Blob: "blob1", Revision: 3, Fence: 9, Attempts: 4,
		Payload: []byte{0, 1, 2, 0xff, 0}, Progress: []byte("leg 1"),
	}
}

func insertKeepsEveryField(b *bench) {
	want := fullRecord()
	b.apply(insert(want))
	got := b.item("it1")
	b.sameRecord(got, want, "Item")
	b.equal(got.Practice, practice, "Practice")
	b.that(got.CreatedAt.Location() == time.UTC && !got.CreatedAt.IsZero(), "CreatedAt is not a time in UTC")
	b.that(got.UpdatedAt.Equal(got.CreatedAt), "UpdatedAt differs from CreatedAt")
	b.that(got.DueIn <= 0, "DueIn is positive for an item without Delay")

	byKey, err := b.s.ItemByKey(b.ctx, practice, "call-8812")
	b.ok(err, "ItemByKey")
	b.sameRecord(byKey, want, "ItemByKey")
	queried, err := b.s.Items(b.ctx, writeback.ItemQuery{Practice: practice})
	b.ok(err, "Items")
	b.equal(len(queried), 1, "number of items")
	b.sameRecord(queried[0], want, "Items")
	due, _, err := b.s.Due(b.ctx, practice, 10)
	b.ok(err, "Due")
	b.equal(len(due), 1, "number of due items")
	b.sameRecord(due[0], want, "Due")
	for _, r := range []writeback.Record{byKey, queried[0], due[0]} {
		b.equal([]any{r.Practice, r.Seq, r.Version}, []any{got.Practice, got.Seq, got.Version}, "Practice, Seq and Version")
		b.that(r.CreatedAt.Equal(got.CreatedAt) && r.UpdatedAt.Equal(got.UpdatedAt), "times differ between methods")
	}

	_, err = b.s.Item(b.ctx, practice, "none")
	b.is(err, writeback.ErrNotFound, "Item that is not there")
	_, err = b.s.ItemByKey(b.ctx, practice, "none")
	b.is(err, writeback.ErrNotFound, "ItemByKey that is not there")
	_, err = b.s.Item(b.ctx, other, "it1")
	b.is(err, writeback.ErrNotFound, "Item of another practice")
	_, err = b.s.ItemByKey(b.ctx, other, "call-8812")
	b.is(err, writeback.ErrNotFound, "ItemByKey of another practice")
}

func insertSetsSeqAndVersion(b *bench) {
	first := record("a")
	first.Seq, first.Version = 99, 99 // the store's to set
	b.apply(insert(first), insert(record("b"), record("c")))
	b.apply(insert(record("d")))
	last := int64(0)
	for _, id := range []string{"a", "b", "c", "d"} {
		r := b.item(id)
		b.equal(r.Version, int64(1), "Version")
		b.that(r.Seq > last, "Seq of "+id+" is not above that of the item before")
		last = r.Seq
	}
}

func keyIsUnique(b *bench) {
	b.apply(insert(record("a")))
	twin := record("b")
	twin.Key = "key-a"
	b.is(b.try(insert(twin)), writeback.ErrExists, "insert with a key that is taken")
	b.equal(b.items(writeback.ItemQuery{}), []string{"a"}, "items")
	b.is(b.try(insert(record("c"), twin)), writeback.ErrExists, "change with a key that is taken")
	again := record("d")
	again.Key = "key-e"
	b.is(b.try(insert(record("e"), again)), writeback.ErrExists, "the same key twice in a change")
	b.equal(b.items(writeback.ItemQuery{}), []string{"a"}, "items")

	elsewhere := insert(record("a"))
	elsewhere.Practice = other
	b.apply(elsewhere)
}

func idIsUnique(b *bench) {
	b.apply(insert(record("a")))
	twin := record("a")
	twin.Key = "another"
	b.is(b.try(insert(twin)), writeback.ErrExists, "insert with an id that is taken")
	_, err := b.s.ItemByKey(b.ctx, practice, "another")
	b.is(err, writeback.ErrNotFound, "the key of the refused item")
	elsewhere := insert(twin)
	elsewhere.Practice = other
	b.apply(elsewhere)
}

func replaceCountsVersions(b *bench) {
	b.apply(insert(record("a")))
	old := b.item("a")
	b.pass(b.tick)
	want := fullRecord()
	want.ID, want.Key, want.Kind, want.Hash = old.ID, old.Key, old.Kind, old.Hash
	want.Version = old.Version
	b.apply(replace(want, 0))
	got := b.item("a")
	b.sameRecord(got, want, "replaced item")
	b.equal(got.Version, int64(2), "Version")
	b.equal(got.Seq, old.Seq, "Seq")
	b.that(got.CreatedAt.Equal(old.CreatedAt), "CreatedAt changed")
	b.that(got.UpdatedAt.Sub(old.UpdatedAt) >= b.tick-time.Millisecond, "UpdatedAt did not follow the clock")
	byKey, err := b.s.ItemByKey(b.ctx, practice, old.Key)
	b.ok(err, "ItemByKey")
	b.sameRecord(byKey, want, "replaced item by key")

	got.Active, got.Blocking, got.Payload, got.Progress, got.Lane, got.Blob = false, false, nil, nil, "", ""
	b.apply(replace(got, 0))
	b.sameRecord(b.item("a"), got, "item emptied")
	b.equal(b.item("a").Version, int64(3), "Version")
}

func replaceIsStale(b *bench) {
	b.apply(insert(record("a"), record("b")))
	r := b.item("a")
	r.State = writeback.Failed
	b.apply(replace(r, 0))
	before := b.snapshot()
	b.is(b.try(replace(r, 0)), writeback.ErrStale, "the version before")
	r.Version = 7
	b.is(b.try(replace(r, 0)), writeback.ErrStale, "a version to come")
	missing := record("none")
	missing.Version = 1
	b.is(b.try(replace(missing, 0)), writeback.ErrStale, "an item that is not there")
	strayed := b.item("b")
	elsewhere := replace(strayed, 0)
	elsewhere.Practice, elsewhere.Items[0].Record.Practice = other, ""
	b.is(b.try(elsewhere), writeback.ErrStale, "an item of another practice")
	b.equal(b.snapshot(), before, "what is stored")
}

func replaceFindsItemByID(b *bench) {
	b.apply(insert(record("a"), record("b")))
	r, seq := b.item("a"), b.item("a").Seq
	r.Seq, r.State = 0, writeback.Failed
	b.apply(replace(r, 0))
	r = b.item("a")
	b.equal(r.State, writeback.Failed, "State")
	r.Seq, r.State = b.item("b").Seq, writeback.Dismissed
	b.apply(replace(r, 0))
	b.equal(b.item("a").State, writeback.Dismissed, "State")
	b.equal(b.item("a").Seq, seq, "Seq")
	b.equal(b.item("b").State, writeback.Queued, "State of the other item")
}

// wholeChange has every part, and touches item "old" and document "doc".
func (b *bench) wholeChange() writeback.Change {
	b.Helper()
	old := b.item("old")
	old.State = writeback.Failed
	c := insert(record("new"))
	c.Items = append(c.Items,
		writeback.ItemWrite{Record: old, Expect: old.Version},
		writeback.ItemWrite{Record: record("new2")})
	c.Events = []writeback.Event{{Item: "new", Name: "submitted"}, {Item: "old", Name: "failed"}}
	c.Docs = []writeback.DocWrite{{Name: "doc", Value: []byte("2"), Expect: 1}, {Name: "doc2", Value: []byte("1")}}
	c.Seen = []writeback.SeenWrite{
		{Feed: driver.PatientFeed, Seen: writeback.Seen{ID: "s2", Hash: "h"}},
		{Feed: driver.PatientFeed, Seen: writeback.Seen{ID: "s1"}, Forget: true},
	}
	c.Save = &writeback.Revision{Expect: 1, Document: []byte("{2}"), Actor: "dana"}
	c.Wake = true
	return c
}

func changeIsAllOrNothing(b *bench) {
	first := insert(record("old"))
	first.Docs = []writeback.DocWrite{{Name: "doc", Value: []byte("1")}}
	first.Seen = []writeback.SeenWrite{{Feed: driver.PatientFeed, Seen: writeback.Seen{ID: "s1"}}}
	first.Save = &writeback.Revision{Document: []byte("{1}")}
	b.apply(first)
	fence := b.acquire("me", b.tick)
	before := b.snapshot()
	for _, failing := range []struct {
		what  string
		spoil func(*writeback.Change)
		want  error
	}{
		{"fence", func(c *writeback.Change) { c.Fence = fence + 1 }, writeback.ErrFenced},
		{"revision", func(c *writeback.Change) { c.Revision = 2 }, writeback.ErrStale},
		{"revision to save", func(c *writeback.Change) { c.Save.Expect = 0 }, writeback.ErrStale},
		{"first item", func(c *writeback.Change) { c.Items[0].Record.Key = "key-old" }, writeback.ErrExists},
		{"second item", func(c *writeback.Change) { c.Items[1].Expect++ }, writeback.ErrStale},
		{"last item", func(c *writeback.Change) { c.Items[2].Record.ID = "old" }, writeback.ErrExists},
		{"first document", func(c *writeback.Change) { c.Docs[0].Expect = 2 }, writeback.ErrStale},
		{"last document", func(c *writeback.Change) { c.Docs[1].Expect = 1 }, writeback.ErrStale},
	} {
		c := b.wholeChange()
		failing.spoil(&c)
		b.is(b.try(c), failing.want, "change with a failing "+failing.what)
		b.equal(b.snapshot(), before, "what is stored after a failing "+failing.what)
		// The same in the middle of others.
		errs := b.s.Apply(b.ctx, []writeback.Change{{Practice: practice}, c, {Practice: practice}})
		b.is(errs[1], failing.want, "change between others with a failing "+failing.what)
		b.equal(b.snapshot(), before, "what is stored after a failing "+failing.what+" between others")
	}
	c := b.wholeChange()
	c.Fence, c.Revision = fence, 1
	b.apply(c)
	after := b.snapshot()
	b.equal(ids(after.Items), []string{"old", "new", "new2"}, "items")
	b.equal(after.Items[0].State, writeback.Failed, "State of the replaced item")
	b.equal(names(after.Events), []string{"submitted", "failed"}, "events")
	b.equal(b.docNames(""), []string{"doc", "doc2"}, "documents")
	b.bytes(after.Docs[0].Value, []byte("2"), "document")
	b.equal(len(after.Revisions), 2, "number of revisions")
	b.equal(after.Seen, []writeback.Seen{{ID: "s2", Hash: "h"}}, "seen")
	b.equal(after.Woken, []string{practice}, "woken practices")
}

func changesComeInOrder(b *bench) {
	first := record("a")
	second := first
	second.Version, second.State = 1, writeback.Writing
	third := first
	third.Version, third.State = 2, writeback.Written
	one := insert(first)
	one.Save = &writeback.Revision{Document: []byte("{}")}
	one.Docs = []writeback.DocWrite{{Name: "d", Value: []byte("1")}}
	two := replace(second, 0)
	two.Revision = 1
	two.Docs = []writeback.DocWrite{{Name: "d", Value: []byte("2"), Expect: 1}}
	twin := record("b")
	twin.Key = first.Key
	three := replace(third, 0)
	three.Docs = []writeback.DocWrite{{Name: "d", Expect: 2}}
	errs := b.s.Apply(b.ctx, []writeback.Change{one, two, insert(twin), three})
	b.equal(len(errs), 4, "number of errors")
	b.is(errs[2], writeback.ErrExists, "the key that the first change took")
	for _, i := range []int{0, 1, 3} {
		b.ok(errs[i], "change that builds on the one before")
	}
	b.equal(b.item("a").State, writeback.Written, "State")
	b.equal(b.item("a").Version, int64(3), "Version")
	b.equal(b.docNames(""), []string{}, "documents")
}

func failedChangeSparesOthers(b *bench) {
	b.apply(insert(record("a")))
	stale := record("a")
	stale.Version = 5
	with := func(c writeback.Change, event string) writeback.Change {
		c.Events = []writeback.Event{{Name: event}}
		return c
	}
	parts := insert(record("x"), record("a"))
	parts.Docs = []writeback.DocWrite{{Name: "x", Value: []byte("x")}}
	first := with(insert(record("b")), "b")
	first.Wake = true
	errs := b.s.Apply(b.ctx, []writeback.Change{
		first,
		with(insert(record("a")), "refused"),
		with(insert(record("c")), "c"),
		with(replace(stale, 0), "refused"),
		with(writeback.Change{Practice: practice, Fence: 77}, "refused"),
		with(insert(record("d")), "d"),
		with(parts, "refused"),
	})
	b.equal(len(errs), 7, "number of errors")
	for _, i := range []int{0, 2, 5} {
		b.ok(errs[i], "change beside a failed one")
	}
	b.is(errs[1], writeback.ErrExists, "second change")
	b.is(errs[3], writeback.ErrStale, "fourth change")
	b.is(errs[4], writeback.ErrFenced, "fifth change")
	b.is(errs[6], writeback.ErrExists, "seventh change")
	b.equal(b.items(writeback.ItemQuery{}), []string{"a", "b", "c", "d"}, "items")
	b.equal(names(b.events(practice, 0, 10)), []string{"b", "c", "d"}, "events")
	b.equal(b.docNames(""), []string{}, "documents")
	woken, _, err := b.s.Wakes(b.ctx, 0)
	b.ok(err, "Wakes")
	b.equal(woken, []string{practice}, "practices woken")
}

func applyOfNothing(b *bench) {
	b.equal(len(b.s.Apply(b.ctx, nil)), 0, "number of errors")
	before := b.snapshot()
	b.apply(writeback.Change{Practice: practice})
	b.equal(b.snapshot(), before, "what is stored")
}

func valuesAreCopied(b *bench) {
	r := record("a")
	r.Payload, r.Progress = []byte("payload"), []byte("progress")
	c := insert(r)
	c.Docs = []writeback.DocWrite{{Name: "d", Value: []byte("value")}}
	c.Save = &writeback.Revision{Document: []byte("document")}
	config, chunk := []byte("config"), []byte("chunk")
	b.ok(b.s.PutPractice(b.ctx, writeback.PracticeRecord{ID: practice, Config: config}), "PutPractice")
	b.ok(b.s.PutBlob(b.ctx, practice, "blob", 0, chunk), "PutBlob")
	b.apply(c)
	for _, given := range [][]byte{r.Payload, r.Progress, c.Docs[0].Value, c.Save.Document, config, chunk} {
		clear(given)
	}
	look := func() [][]byte {
		item := b.item("a")
		doc, err := b.s.Doc(b.ctx, practice, "d")
		b.ok(err, "Doc")
		rev, err := b.s.Revision(b.ctx, practice, 1)
		b.ok(err, "Revision")
		p, err := b.s.Practice(b.ctx, practice)
		b.ok(err, "Practice")
		blob, err := b.s.Blob(b.ctx, practice, "blob", 0)
		b.ok(err, "Blob")
		return [][]byte{item.Payload, item.Progress, doc.Value, rev.Document, p.Config, blob}
	}
	for range 2 {
		got := look()
		for i, want := range []string{"payload", "progress", "value", "document", "config", "chunk"} {
			b.bytes(got[i], []byte(want), want)
			clear(got[i])
		}
	}
}

func cancelledContext(b *bench) {
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	errs := b.s.Apply(ctx, []writeback.Change{insert(record("a")), insert(record("b"))})
	b.equal(len(errs), 2, "number of errors")
	for _, err := range errs {
		b.fails(err, "Apply with a context that has ended")
	}
	b.equal(b.items(writeback.ItemQuery{}), []string{}, "items")
}
