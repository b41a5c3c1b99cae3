package storetest

import (
	"fmt"
	"sync"

	"github.com/pmswriteback/pms/writeback"
)

var practiceCases = []testCase{
	{"PracticesComeAndGo", "Practices are listed by id while not removed; a removed one can be asked for, and comes back with everything it had.", practicesComeAndGo},
	{"PracticeWithoutAnything", "Queries about a practice that has nothing, or that there never was, find nothing and do not fail.", practiceWithoutAnything},
	{"WakesAreSeenByAll", "Every handle gets each practice that was woken since its position, once.", wakesAreSeen},
	{"NoWakeIsLost", "A follower of Wakes learns of every wake, whoever else is waking.", noWakeIsLost},
}

func (b *bench) practices() []string {
	b.Helper()
	all, err := b.s.Practices(b.ctx)
	b.ok(err, "Practices")
	out := []string{}
	for _, p := range all {
		b.that(!p.Removed, "Practices gave one that was removed")
		out = append(out, p.ID)
	}
	return out
}

func practicesComeAndGo(b *bench) {
	_, err := b.s.Practice(b.ctx, "none")
	b.is(err, writeback.ErrUnknownPractice, "Practice that there never was")
	for _, id := range []string{"b", "ä", "B"} {
		b.put(id)
	}
	b.equal(b.practices(), []string{"B", "b", practice, other, "ä"}, "practices")
	want := writeback.PracticeRecord{ID: practice, Config: []byte(`{"zone":"x"}`)}
	b.ok(b.s.PutPractice(b.ctx, want), "PutPractice")
	got, err := b.s.Practice(b.ctx, practice)
	b.ok(err, "Practice")
	b.equal(got, want, "practice")
	c := insert(record("a"))
	c.Save = &writeback.Revision{Document: []byte("{}")}
	b.apply(c)
	fence := b.acquire("me", b.tick)

	want.Removed = true
	b.ok(b.s.PutPractice(b.ctx, want), "PutPractice")
	got, err = b.s.Practice(b.ctx, practice)
	b.ok(err, "Practice that was removed")
	b.equal(got, want, "removed practice")
	b.equal(b.practices(), []string{"B", "b", other, "ä"}, "practices after a removal")
	want.Removed, want.Config = false, []byte("new")
	b.ok(b.s.PutPractice(b.ctx, want), "PutPractice")
	b.equal(b.practices(), []string{"B", "b", practice, other, "ä"}, "practices after one came back")
	b.equal(b.items(writeback.ItemQuery{}), []string{"a"}, "items of the practice that came back")
	_, err = b.s.Revision(b.ctx, practice, 1)
	b.ok(err, "Revision of the practice that came back")
	ok, err := b.s.Renew(b.ctx, practice, "me", fence, b.tick)
	b.ok(err, "Renew")
	b.that(ok, "the lease of the practice that came back is lost")
}

func practiceWithoutAnything(b *bench) {
	for _, id := range []string{practice, "never was"} {
		items, wait, err := b.s.Due(b.ctx, id, 10)
		b.ok(err, "Due")
		b.that(len(items) == 0 && wait < 0, "Due found something")
		queried, err := b.s.Items(b.ctx, writeback.ItemQuery{Practice: id, States: []writeback.State{writeback.Held}})
		b.ok(err, "Items")
		groups, err := b.s.Summary(b.ctx, id)
		b.ok(err, "Summary")
		events := b.events(id, 0, 10)
		of, err := b.s.ItemEvents(b.ctx, id, "a")
		b.ok(err, "ItemEvents")
		docs, err := b.s.Docs(b.ctx, id, "")
		b.ok(err, "Docs")
		revisions, err := b.s.Revisions(b.ctx, id, 10)
		b.ok(err, "Revisions")
		seen, err := b.s.Seen(b.ctx, id, "appointments", []string{"1"})
		b.ok(err, "Seen")
		between, err := b.s.SeenBetween(b.ctx, id, "appointments", noon(1), noon(2), "", 10)
		b.ok(err, "SeenBetween")
		b.equal(len(queried)+len(groups)+len(events)+len(of)+len(docs)+len(revisions)+len(seen)+len(between), 0, "number of what was found")
		_, err = b.s.Item(b.ctx, id, "a")
		b.is(err, writeback.ErrNotFound, "Item")
		_, err = b.s.ItemByKey(b.ctx, id, "a")
		b.is(err, writeback.ErrNotFound, "ItemByKey")
		_, err = b.s.Doc(b.ctx, id, "a")
		b.is(err, writeback.ErrNotFound, "Doc")
		_, err = b.s.Revision(b.ctx, id, 0)
		b.is(err, writeback.ErrNotFound, "Revision")
		_, err = b.s.Blob(b.ctx, id, "a", 0)
		b.is(err, writeback.ErrNotFound, "Blob")
		purged, err := b.s.Purge(b.ctx, id, writeback.States(), 0, 10)
		b.ok(err, "Purge")
		b.equal(purged, 0, "number of items purged")
	}
}

func wake(id string) writeback.Change { return writeback.Change{Practice: id, Wake: true} }

func wakesAreSeen(b *bench) {
	there := b.second()
	woken := func(s writeback.Store, after int64) ([]string, int64) {
		b.Helper()
		got, next, err := s.Wakes(b.ctx, after)
		b.ok(err, "Wakes")
		b.that(next >= after, "the position of Wakes went back")
		return got, next
	}
	got, start := woken(there, 0)
	b.equal(len(got), 0, "number of practices woken in an empty store")
	b.apply(wake(practice), wake(practice), wake(other), wake(practice))
	got, next := woken(there, start)
	b.sameSet(got, []string{practice, other}, "practices woken")
	got, again := woken(b.s, 0)
	b.sameSet(got, []string{practice, other}, "practices woken since the beginning")
	b.equal(again, next, "position")
	got, next2 := woken(there, next)
	b.equal(len(got), 0, "number of practices woken since")
	b.equal(next2, next, "position when nothing happened")
	refused := wake(other)
	refused.Fence = 99
	b.is(b.try(refused), writeback.ErrFenced, "change under no lease")
	b.apply(wake(practice), writeback.Change{Practice: other, Events: []writeback.Event{{Name: "x"}}})
	got, last := woken(there, next)
	b.equal(got, []string{practice}, "practices woken since")
	got, _ = woken(b.s, last)
	b.equal(len(got), 0, "number of practices woken since")
	got, _ = woken(there, start)
	b.sameSet(got, []string{practice, other}, "practices woken since the beginning")
}

// sameSet compares without order.
func (b *bench) sameSet(got, want []string, what string) {
	b.Helper()
	count := map[string]int{}
	for _, id := range got {
		count[id]++
	}
	for _, id := range want {
		count[id]--
	}
	for _, n := range count {
		if n != 0 {
			b.Fatalf("%s: got %v, want %v", what, got, want)
		}
	}
}

// noWakeIsLost has writers leave a document and wake, and a follower who looks
// at the document of each practice that woke: in the end it has seen the last
// one of every practice.
func noWakeIsLost(b *bench) {
	const practices, rounds = 6, 25
	there := b.second()
	value := func(round int) []byte { return []byte(fmt.Sprint(round)) }
	last := map[string]string{}
	done := make(chan struct{})
	var writing, reading sync.WaitGroup
	reading.Go(func() {
		after, ended := int64(0), false
		for {
			woken, next, err := there.Wakes(b.ctx, after)
			if err != nil {
				b.Errorf("Wakes: %v", err)
				return
			}
			after = next
			for _, id := range woken {
				d, err := there.Doc(b.ctx, id, "round")
				if err != nil {
					b.Errorf("Doc of a practice that woke: %v", err)
					return
				}
				last[id] = string(d.Value)
			}
			if len(woken) == 0 && ended {
				return
			}
			select {
			case <-done:
				ended = true
			default:
			}
		}
	})
	for p := range practices {
		writing.Go(func() {
			for round := range rounds {
				c := wake(fmt.Sprintf("p%d", p))
				c.Docs = []writeback.DocWrite{{Name: "round", Value: value(round), Expect: -1}}
				if err := b.s.Apply(b.ctx, []writeback.Change{c})[0]; err != nil {
					b.Errorf("Apply: %v", err)
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	b.equal(len(last), practices, "number of practices that woke")
	for id, got := range last {
		b.equal(got, string(value(rounds-1)), "the last document seen of "+id)
	}
}
