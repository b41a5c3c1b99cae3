package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

var eventCases = []testCase{
	{"EventsComeInOrder", "Events gives a practice's events as they were given, Seq rising, behind a position, at most limit.", eventsInOrder},
	{"ItemEventsAreOfOneItem", "ItemEvents gives all events of one item in order, whether or not the item was in the same change.", itemEvents},
	{"NoEventShowsUpLate", "An event that is returned has no event below it that shows up later, whoever else is writing.", noEventShowsUpLate},
}

func eventsInOrder(b *bench) {
	first := insert(record("a"))
	first.Events = []writeback.Event{
		{Item: "a", Name: "submitted", To: writeback.Queued, Actor: "dana", Detail: "by hand", Practice: "made up", Seq: 99},
		{Item: "a", Name: "claimed", From: writeback.Queued, To: writeback.Writing, Reason: "some_reason", Actor: "engine"},
	}
	b.apply(first)
	b.pass(b.tick)
	elsewhere := writeback.Change{Practice: other, Events: []writeback.Event{{Name: "theirs"}}}
	last := writeback.Change{Practice: practice, Events: []writeback.Event{{Name: "settings_saved"}}}
	b.apply(elsewhere, last, elsewhere)

	got := b.events(practice, 0, 100)
	b.equal(names(got), []string{"submitted", "claimed", "settings_saved"}, "events")
	for i := range got {
		b.that(got[i].Seq > 0 && (i == 0 || got[i].Seq > got[i-1].Seq), "Seq does not rise")
		b.that(got[i].At.Location() == time.UTC && !got[i].At.IsZero(), "At is not a time in UTC")
	}
	b.that(got[2].At.Sub(got[0].At) >= b.tick-time.Millisecond, "At did not follow the clock")
	b.that(got[0].At.Equal(b.item("a").CreatedAt), "At differs from the CreatedAt of the same change")
	want := first.Events
	for i := range want {
		want[i].Practice, want[i].Seq, want[i].At = practice, got[i].Seq, got[i].At
	}
	b.equal(got[:2], want, "events as they were given")

	b.equal(names(b.events(practice, 0, 2)), []string{"submitted", "claimed"}, "events up to a limit")
	b.equal(names(b.events(practice, got[0].Seq, 1)), []string{"claimed"}, "events behind a position")
	b.equal(names(b.events(practice, got[1].Seq, 9)), []string{"settings_saved"}, "events behind a position")
	b.equal(names(b.events(practice, got[2].Seq, 9)), []string{}, "events behind the last")
	b.equal(names(b.events(other, 0, 9)), []string{"theirs", "theirs"}, "events of the other practice")
}

func itemEvents(b *bench) {
	early := writeback.Change{Practice: practice, Events: []writeback.Event{{Item: "a", Name: "before the item"}}}
	with := insert(record("a"), record("b"))
	with.Events = []writeback.Event{{Item: "b", Name: "b1"}, {Item: "a", Name: "a1"}, {Name: "of none"}}
	late := writeback.Change{Practice: practice, Events: []writeback.Event{{Item: "a", Name: "a2"}}}
	theirs := insert(record("a"))
	theirs.Practice = other
	theirs.Events = []writeback.Event{{Item: "a", Name: "theirs"}}
	b.apply(early, with, theirs)
	b.apply(late)
	settle := replace(b.item("a"), 0)
	settle.Events = []writeback.Event{{Item: "a", Name: "a3"}}
	b.apply(settle)
	for item, want := range map[string][]string{
		"a": {"before the item", "a1", "a2", "a3"}, "b": {"b1"}, "none": {},
	} {
		got, err := b.s.ItemEvents(b.ctx, practice, item)
		b.ok(err, "ItemEvents")
		b.equal(names(got), want, "events of item "+item)
		for _, e := range got {
			b.equal([]any{e.Practice, e.Item}, []any{practice, item}, "Practice and Item of an event")
		}
	}
	got, err := b.s.ItemEvents(b.ctx, other, "a")
	b.ok(err, "ItemEvents")
	b.equal(names(got), []string{"theirs"}, "events of the other practice's item")
	b.equal(len(b.events(practice, 0, 100)), 6, "number of events")
}

// noEventShowsUpLate has many write while two follow from the last event that
// they got, and compares what those saw with what there is in the end.
func noEventShowsUpLate(b *bench) {
	const writers, rounds = 8, 15
	stores := []writeback.Store{b.s, b.second()}
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	seen := make([][]writeback.Event, len(stores))
	for i, s := range stores {
		reading.Go(func() {
			after, ended := int64(0), false
			for {
				events, err := s.Events(b.ctx, practice, after, 5)
				if err != nil {
					b.Errorf("Events: %v", err)
					return
				}
				if len(events) == 0 {
					if ended {
						return
					}
					select {
					case <-done:
						ended = true
					default:
					}
					continue
				}
				seen[i] = append(seen[i], events...)
				after = events[len(events)-1].Seq
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for i := range rounds {
				c := writeback.Change{Practice: practice}
				for range 1 + i%3 {
					c.Events = append(c.Events, writeback.Event{Name: fmt.Sprintf("%d/%d", w, i)})
				}
				errs := stores[w%len(stores)].Apply(b.ctx, []writeback.Change{c, {Practice: other, Events: c.Events}})
				for _, err := range errs {
					if err != nil {
						b.Errorf("Apply: %v", err)
					}
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	want := b.events(practice, 0, 10*writers*rounds)
	b.equal(len(want), writers*rounds*2, "number of events")
	for i := range seen {
		b.equal(len(seen[i]), len(want), "number of events that a follower saw")
		b.equal(seen[i], want, "events that a follower saw")
	}
}
