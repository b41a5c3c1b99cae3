package storetest

import (
	"bytes"
	"math/rand/v2"
	"strings"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

var oddCases = []testCase{
	{"KeysAreComparedByteForByte", "Keys, ids, names and practices that differ in one byte are different, whatever they hold.", keysByteForByte},
	{"LargeValues", "Payloads, documents and revisions of more than a megabyte come back whole.", largeValues},
	{"TextsAreKeptAsGiven", "Texts of an item and its events come back as given, whatever they hold.", textsKeptAsGiven},
}

// oddKeys are all different byte by byte, and alike to who folds, trims, cuts or
// quotes.
func oddKeys() []string {
	long := strings.Repeat("k", 999)
	return []string{
		"key", "Key", "KEY", "key ", " key", "key  ", "key\t", "key\n", "k%y", "k_y", "k'y", "k\"y", "k`y", "k\\y", "k\\\\y",
		"k;y", "k--y", "k?y", "k$1y", "k:y", "k@y", "k{y}", "k[y]", "k/y",
		"caf\u00e9", "cafe\u0301", "cafe", "CAF\u00c9", "stra\u00dfe", "strasse", "\u212a", "K", "k", "\u0131", "i",
		"\U0001F9B7", "\U0001F9B8", "\u6b6f\u79d1", "\u05e9\u05df", "a\u200bb", "ab", "0", "00", "0.0", "1e0", "1", "NULL", "null", "true",
		long + "a", long + "b", strings.Repeat("\u00e9", 999) + "a", strings.Repeat("\u00e9", 999) + "b",
	}
}

func keysByteForByte(b *bench) {
	keys := oddKeys()
	var changes []writeback.Change
	for _, key := range keys {
		r := record(key)
		r.Key, r.Payload = key, []byte(key)
		c := insert(r)
		c.Docs = []writeback.DocWrite{{Name: key, Value: []byte(key)}}
		c.Seen = []writeback.SeenWrite{{Feed: driver.PhotoFeed, Seen: writeback.Seen{ID: key, Hash: key}}}
		c.Events = []writeback.Event{{Item: key, Name: "n", Actor: key}}
		changes = append(changes, c, wake("p"+key))
		b.putBlob(practice, key, key)
		id := "p" + key
		b.ok(b.s.PutPractice(b.ctx, writeback.PracticeRecord{ID: id, Config: []byte(key)}), "PutPractice")
	}
	b.apply(changes...)
	seen := b.seen(driver.PhotoFeed, keys...)
	for _, key := range keys {
		r, err := b.s.ItemByKey(b.ctx, practice, key)
		b.ok(err, "ItemByKey")
		b.equal([]string{r.Key, r.ID, string(r.Payload)}, []string{key, key, key}, "item by key")
		b.equal(b.item(key).Seq, r.Seq, "Seq of the item by id")
		b.doc(key, key)
		b.equal(seen[key].Hash, key, "what was seen")
		events, err := b.s.ItemEvents(b.ctx, practice, key)
		b.ok(err, "ItemEvents")
		b.equal(len(events), 1, "number of events of an item")
		b.equal(events[0].Actor, key, "event of an item")
		b.equal(b.blob(practice, key), key, "blob")
		p, err := b.s.Practice(b.ctx, "p"+key)
		b.ok(err, "Practice")
		b.bytes(p.Config, []byte(key), "practice")
	}
	b.equal(len(b.docNames("")), len(keys), "number of documents")
	all, err := b.s.Practices(b.ctx)
	b.ok(err, "Practices")
	b.equal(len(all), len(keys)+2, "number of practices")
	woken, _, err := b.s.Wakes(b.ctx, 0)
	b.ok(err, "Wakes")
	b.equal(len(woken), len(keys), "number of practices woken")
}

func largeValues(b *bench) {
	const size = 3 << 19
	random := rand.NewChaCha8([32]byte{1})
	blob := func() []byte {
		out := make([]byte, size)
		_, _ = random.Read(out) // never fails
		return out
	}
	r := record("a")
	r.Payload, r.Progress = blob(), blob()
	c := insert(r)
	c.Docs = []writeback.DocWrite{{Name: "d", Value: blob()}}
	c.Save = &writeback.Revision{Document: blob()}
	b.apply(c)
	got := b.item("a")
	b.that(bytes.Equal(got.Payload, r.Payload), "Payload differs")
	b.that(bytes.Equal(got.Progress, r.Progress), "Progress differs")
	d, err := b.s.Doc(b.ctx, practice, "d")
	b.ok(err, "Doc")
	b.that(bytes.Equal(d.Value, c.Docs[0].Value), "document differs")
	rev, err := b.s.Revision(b.ctx, practice, 0)
	b.ok(err, "Revision")
	b.that(bytes.Equal(rev.Document, c.Save.Document), "revision differs")
	got.Payload = []byte("small")
	b.apply(replace(got, 0))
	b.bytes(b.item("a").Payload, []byte("small"), "Payload after it shrank")
}

func textsKeptAsGiven(b *bench) {
	var changes []writeback.Change
	for _, text := range oddKeys() {
		r := record("x" + text)
		r.Hash, r.Cause, r.Lane, r.Patient, r.Subject, r.Reason = text, text, text, text, text, driver.Reason(text)
		c := insert(r)
		c.Events = []writeback.Event{{Item: r.ID, Name: text, Actor: text, Detail: text, Reason: driver.Reason(text)}}
		changes = append(changes, c)
	}
	b.apply(changes...)
	for _, c := range changes {
		r := c.Items[0].Record
		text := r.Hash
		b.sameRecord(b.item(r.ID), r, "item")
		for what, q := range map[string]writeback.ItemQuery{
			"patient": {Patient: text}, "subject": {Subject: text}, "cause": {Cause: text}, "reason": {Reasons: []driver.Reason{r.Reason}},
		} {
			b.equal(b.items(q), []string{r.ID}, "items by "+what)
		}
		events, err := b.s.ItemEvents(b.ctx, practice, r.ID)
		b.ok(err, "ItemEvents")
		want := c.Events[0]
		want.Practice, want.Seq, want.At = practice, events[0].Seq, events[0].At
		b.equal(events, []writeback.Event{want}, "events")
	}
	// Each text was a lane of its own.
	due, _ := b.due(1000)
	b.equal(len(due), len(oddKeys()), "number of due items")
}
