package storetest

import (
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

var lifeCases = []testCase{
	{"EverythingSurvivesReopening", "A durable store that is closed and opened again has everything it had, and goes on counting where it was.", survivesReopening},
	{"HandlesSeeEachOther", "What one handle was told is committed, every other handle finds at once.", handlesSeeEachOther},
	{"CloseEndsUse", "Closing twice is not an error; every other call after it is one.", closeEndsUse},
}

func survivesReopening(b *bench) {
	c := insert(fullRecord(), record("b"))
	c.Events = []writeback.Event{{Item: "it1", Name: "submitted"}, {Name: "settings_saved"}}
	c.Docs = []writeback.DocWrite{{Name: "d", Value: []byte("v")}}
	c.Seen = []writeback.SeenWrite{{Feed: driver.PatientFeed, Seen: writeback.Seen{ID: "s", Start: noon(1).UTC()}}}
	c.Save = &writeback.Revision{Document: []byte("{}"), Actor: "dana"}
	c.Wake = true
	b.apply(c)
	b.putBlob(practice, "blob1", "1", "2")
	fence := b.acquire("me", 10*b.tick)
	removed := writeback.PracticeRecord{ID: "gone", Removed: true}
	b.ok(b.s.PutPractice(b.ctx, removed), "PutPractice")
	before, practices := b.snapshot(), b.practices()
	_, position, err := b.s.Wakes(b.ctx, 0)
	b.ok(err, "Wakes")

	if b.h.Reopen != nil { // for others, that all goes on is all there is to prove
		b.ok(b.s.Close(), "Close")
		b.s = b.h.Reopen(b.TB)
		b.Cleanup(func() { _ = b.s.Close() })
	}
	b.equal(b.snapshot(), before, "what is stored")
	b.equal(b.practices(), practices, "practices")
	got, err := b.s.Practice(b.ctx, "gone")
	b.ok(err, "Practice")
	b.equal(got, removed, "removed practice")
	b.equal(b.blob(practice, "blob1"), "12", "blob")
	b.denied(b.s, "you")
	b.renew("me", fence, b.tick, true)

	b.apply(insert(record("c")), wake(practice), writeback.Change{Practice: practice, Events: []writeback.Event{{Name: "later"}}})
	after := b.snapshot()
	b.equal(ids(after.Items), []string{"it1", "b", "c"}, "items")
	b.equal(names(after.Events), []string{"submitted", "settings_saved", "later"}, "events")
	woken, _, err := b.s.Wakes(b.ctx, position)
	b.ok(err, "Wakes")
	b.equal(woken, []string{practice}, "practices woken since before")
	b.pass(2 * b.tick)
	b.that(b.acquire("you", b.tick) > fence, "the fence did not rise")
}

func handlesSeeEachOther(b *bench) {
	here, there := b.s, b.second()
	for i := range 10 {
		r := record(string(rune('a' + i)))
		errs := here.Apply(b.ctx, []writeback.Change{insert(r)})
		b.ok(errs[0], "Apply")
		got, err := there.ItemByKey(b.ctx, practice, r.Key)
		b.ok(err, "ItemByKey on another handle")
		got.State = writeback.Failed
		b.ok(there.Apply(b.ctx, []writeback.Change{replace(got, 0)})[0], "Apply on another handle")
		got, err = here.Item(b.ctx, practice, r.ID)
		b.ok(err, "Item")
		b.equal(got.State, writeback.Failed, "State that another handle set")
		here, there = there, here
	}
	b.ok(here.PutPractice(b.ctx, writeback.PracticeRecord{ID: "new"}), "PutPractice")
	errs := there.Apply(b.ctx, []writeback.Change{{Practice: "new", Docs: []writeback.DocWrite{{Name: "d", Value: []byte("v")}}}})
	b.ok(errs[0], "Apply to a practice that another handle stored")
	_, err := here.Doc(b.ctx, "new", "d")
	b.ok(err, "Doc on another handle")
}

func closeEndsUse(b *bench) {
	s := b.s
	b.ok(s.Close(), "Close")
	b.ok(s.Close(), "Close again")
	_, _, dueErr := s.Due(b.ctx, practice, 1)
	_, itemErr := s.Item(b.ctx, practice, "a")
	_, itemsErr := s.Items(b.ctx, writeback.ItemQuery{Practice: practice})
	_, summaryErr := s.Summary(b.ctx, practice)
	_, eventsErr := s.Events(b.ctx, practice, 0, 1)
	_, itemEventsErr := s.ItemEvents(b.ctx, practice, "a")
	_, docErr := s.Doc(b.ctx, practice, "d")
	_, docsErr := s.Docs(b.ctx, practice, "")
	_, revisionErr := s.Revision(b.ctx, practice, 0)
	_, revisionsErr := s.Revisions(b.ctx, practice, 1)
	_, seenErr := s.Seen(b.ctx, practice, driver.PatientFeed, []string{"a"})
	_, betweenErr := s.SeenBetween(b.ctx, practice, driver.PatientFeed, time.Time{}, time.Time{}, "", 1)
	_, practiceErr := s.Practice(b.ctx, practice)
	_, practicesErr := s.Practices(b.ctx)
	_, _, wakesErr := s.Wakes(b.ctx, 0)
	_, _, acquireErr := s.Acquire(b.ctx, practice, "me", b.tick)
	_, renewErr := s.Renew(b.ctx, practice, "me", 1, b.tick)
	_, byKeyErr := s.ItemByKey(b.ctx, practice, "a")
	_, blobErr := s.Blob(b.ctx, practice, "a", 0)
	_, sweepErr := s.Sweep(b.ctx, b.tick)
	_, purgeErr := s.Purge(b.ctx, practice, writeback.States(), b.tick, 1)
	errs := s.Apply(b.ctx, []writeback.Change{insert(record("a"))})
	b.equal(len(errs), 1, "number of errors of Apply")
	for what, err := range map[string]error{
		"Due": dueErr, "Item": itemErr, "Items": itemsErr, "Summary": summaryErr, "Events": eventsErr, "ItemEvents": itemEventsErr,
		"Doc": docErr, "Docs": docsErr, "Revision": revisionErr, "Revisions": revisionsErr, "Seen": seenErr, "SeenBetween": betweenErr,
		"Practice": practiceErr, "Practices": practicesErr, "Wakes": wakesErr, "Acquire": acquireErr, "Renew": renewErr,
		"ItemByKey": byKeyErr, "Blob": blobErr, "Sweep": sweepErr, "Purge": purgeErr, "Apply": errs[0],
		"Release": s.Release(b.ctx, practice, "me", 1), "PutBlob": s.PutBlob(b.ctx, practice, "b", 0, nil),
		"PutPractice": s.PutPractice(b.ctx, writeback.PracticeRecord{ID: practice}),
	} {
		b.fails(err, what+" after Close")
	}
}
