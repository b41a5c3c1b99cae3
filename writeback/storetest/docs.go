package storetest

import (
	"sync"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

var docCases = []testCase{
	{"DocsCompareAndSet", "A document is written only when it has the Version expected, 0 for none; a negative one does not care.", docsCompareAndSet},
	{"DocsDelete", "A nil Value deletes, under the same condition; an empty one is a value.", docsDelete},
	{"DocsByPrefix", "Docs gives the documents whose names begin with the prefix, letter for letter, in the order of their bytes.", docsByPrefix},
	{"DocsKnowTheirAge", "UpdatedAt and Age are of the store's clock.", docsKnowTheirAge},
}

func doc(name, value string, expect int64) writeback.Change {
	return writeback.Change{Practice: practice, Docs: []writeback.DocWrite{{Name: name, Value: []byte(value), Expect: expect}}}
}

func remove(name string, expect int64) writeback.Change {
	return writeback.Change{Practice: practice, Docs: []writeback.DocWrite{{Name: name, Expect: expect}}}
}

func (b *bench) doc(name, value string) writeback.Doc {
	b.Helper()
	d, err := b.s.Doc(b.ctx, practice, name)
	b.ok(err, "Doc")
	b.equal(d.Name, name, "Name")
	b.bytes(d.Value, []byte(value), "Value")
	return d
}

func docsCompareAndSet(b *bench) {
	_, err := b.s.Doc(b.ctx, practice, "d")
	b.is(err, writeback.ErrNotFound, "Doc that is not there")
	b.is(b.try(doc("d", "1", 1)), writeback.ErrStale, "replacing what is not there")
	b.apply(doc("d", "1", 0))
	first := b.doc("d", "1")
	b.that(first.Version > 0, "Version of a document is not positive")
	b.is(b.try(doc("d", "x", 0)), writeback.ErrStale, "inserting what is there")
	b.is(b.try(doc("d", "x", first.Version+1)), writeback.ErrStale, "a version to come")
	b.apply(doc("d", "2", first.Version))
	second := b.doc("d", "2")
	b.that(second.Version > first.Version, "Version did not rise")
	b.is(b.try(doc("d", "x", first.Version)), writeback.ErrStale, "the version before")
	b.apply(doc("d", "3", -1), doc("e", "1", -1))
	b.that(b.doc("d", "3").Version > second.Version, "Version did not rise")
	b.doc("e", "1")
	_, err = b.s.Doc(b.ctx, other, "d")
	b.is(err, writeback.ErrNotFound, "Doc of another practice")
	theirs := doc("d", "theirs", 0)
	theirs.Practice = other
	b.apply(theirs)
	b.doc("d", "3")
}

func docsDelete(b *bench) {
	b.apply(remove("none", 0), remove("none", -1))
	b.is(b.try(remove("none", 1)), writeback.ErrStale, "deleting a version of what is not there")
	b.apply(doc("d", "1", 0), doc("d2", "1", 0))
	v := b.doc("d", "1").Version
	b.is(b.try(remove("d", 0)), writeback.ErrStale, "deleting what is there as if it were not")
	b.is(b.try(remove("d", v+1)), writeback.ErrStale, "deleting another version")
	b.doc("d", "1")
	b.apply(remove("d", v))
	_, err := b.s.Doc(b.ctx, practice, "d")
	b.is(err, writeback.ErrNotFound, "Doc that was deleted")
	b.equal(b.docNames(""), []string{"d2"}, "documents")
	b.apply(doc("d", "again", 0))
	b.doc("d", "again")
	b.apply(remove("d", -1))
	b.apply(doc("d", "", 0))
	b.doc("d", "")
	b.equal(b.docNames(""), []string{"d", "d2"}, "documents")
}

func docsByPrefix(b *bench) {
	all := []string{
		"A", "a", "a%b", "a%b/c", "a'b", "a\\b", "a_b", "a_b/c", "axb", "axb/c", "b", "ß", "ä", "äb", "\U0001F9B7", "\U0001F9B7x",
	}
	for i := range all { // from the back, so that order is not that of insertion
		b.apply(doc(all[len(all)-1-i], "v", 0))
	}
	theirs := doc("a_b/theirs", "v", 0)
	theirs.Practice = other
	b.apply(theirs)
	for prefix, want := range map[string][]string{
		"":            all,
		"a":           all[1:10],
		"A":           {"A"},
		"a%":          {"a%b", "a%b/c"},
		"a_b":         {"a_b", "a_b/c"},
		"a_":          {"a_b", "a_b/c"},
		"a'":          {"a'b"},
		"a\\":         {"a\\b"},
		"a*":          {},
		"ä":           {"ä", "äb"},
		"\U0001F9B7":  {"\U0001F9B7", "\U0001F9B7x"},
		"\U0001F9B7y": {},
		"b":           {"b"},
		"ba":          {},
	} {
		b.equal(b.docNames(prefix), want, "documents with the prefix "+prefix)
	}
	docs, err := b.s.Docs(b.ctx, practice, "b")
	b.ok(err, "Docs")
	d := b.doc("b", "v")
	b.equal([]any{string(docs[0].Value), docs[0].Version}, []any{"v", d.Version}, "Value and Version in Docs")
}

func docsKnowTheirAge(b *bench) {
	b.apply(doc("d", "1", 0))
	first := b.doc("d", "1")
	b.that(first.UpdatedAt.Location() == time.UTC && !first.UpdatedAt.IsZero(), "UpdatedAt is not a time in UTC")
	b.pass(b.tick)
	b.age(b.doc("d", "1").Age, b.tick)
	docs, err := b.s.Docs(b.ctx, practice, "")
	b.ok(err, "Docs")
	b.age(docs[0].Age, b.tick)
	b.apply(doc("d", "2", -1))
	second := b.doc("d", "2")
	b.age(second.Age, 0)
	b.that(second.UpdatedAt.Sub(first.UpdatedAt) >= b.tick-time.Millisecond, "UpdatedAt did not follow the clock")
}

// age allows for the time that a store with a real clock takes itself.
func (b *bench) age(got, want time.Duration) {
	b.Helper()
	if got < want-time.Millisecond || got > want+b.tick/2 {
		b.Fatalf("Age: got %v, want about %v", got, want)
	}
}

var revisionCases = []testCase{
	{"RevisionsAreNumbered", "A saved revision is number Expect + 1 and comes back as it was given; the latest is revision 0.", revisionsAreNumbered},
	{"OneSaverWins", "Of several who save the same revision at once one succeeds, the others get ErrStale.", oneSaverWins},
}

func save(expect int64, document string) writeback.Change {
	return writeback.Change{Practice: practice, Save: &writeback.Revision{
		Expect: expect, Document: []byte(document), Actor: "dana", Reason: "because " + document, Number: 77,
	}}
}

func revisionsAreNumbered(b *bench) {
	for _, rev := range []int64{0, 1, -1} {
		_, err := b.s.Revision(b.ctx, practice, rev)
		b.is(err, writeback.ErrNotFound, "Revision of a practice that has none")
	}
	none, err := b.s.Revisions(b.ctx, practice, 10)
	b.ok(err, "Revisions")
	b.equal(len(none), 0, "number of revisions")
	b.is(b.try(save(1, "x")), writeback.ErrStale, "saving behind a revision that is not there")
	b.apply(save(0, "one"))
	b.pass(b.tick)
	b.apply(save(1, "two"))
	b.is(b.try(save(1, "x")), writeback.ErrStale, "saving behind a revision that is not the latest")
	theirs := save(0, "theirs")
	theirs.Practice = other
	b.apply(theirs, save(2, "three"))

	check := func(r writeback.Revision, number int64, document string) {
		b.Helper()
		b.bytes(r.Document, []byte(document), "Document")
		b.equal([]any{r.Number, r.Actor, r.Reason, r.Expect}, []any{number, "dana", "because " + document, int64(0)}, "revision")
		b.that(r.At.Location() == time.UTC && !r.At.IsZero(), "At is not a time in UTC")
	}
	var at []time.Time
	for number, document := range []string{"three", "one", "two", "three"} {
		r, err := b.s.Revision(b.ctx, practice, int64(number))
		b.ok(err, "Revision")
		at = append(at, r.At)
		if number == 0 {
			number = 3
		}
		check(r, int64(number), document)
	}
	b.that(at[2].Sub(at[1]) >= b.tick-time.Millisecond, "At did not follow the clock")
	_, err = b.s.Revision(b.ctx, practice, 4)
	b.is(err, writeback.ErrNotFound, "a revision to come")
	some, err := b.s.Revisions(b.ctx, practice, 2)
	b.ok(err, "Revisions")
	b.equal(len(some), 2, "number of revisions up to a limit")
	check(some[0], 3, "three")
	check(some[1], 2, "two")
	all, err := b.s.Revisions(b.ctx, practice, 100)
	b.ok(err, "Revisions")
	b.equal(len(all), 3, "number of revisions")
}

func oneSaverWins(b *bench) {
	stores := []writeback.Store{b.s, b.second()}
	const savers, rounds = 8, 5
	for round := range int64(rounds) {
		var wg sync.WaitGroup
		errs := make([]error, savers)
		for i := range savers {
			wg.Go(func() { errs[i] = stores[i%2].Apply(b.ctx, []writeback.Change{save(round, "x")})[0] })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				b.is(err, writeback.ErrStale, "saving the same revision as somebody else")
			}
		}
		b.equal(won, 1, "number of savers who succeeded")
	}
	all, err := b.s.Revisions(b.ctx, practice, 100)
	b.ok(err, "Revisions")
	b.equal(len(all), rounds, "number of revisions")
}
