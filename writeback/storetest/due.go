package storetest

import (
	"fmt"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

var dueCases = []testCase{
	{"DueAreActiveInOrder", "Due gives the Active items of one practice, by Seq, at most limit.", dueAreActive},
	{"DueTimeIsReckonedByTheStore", "An item comes due when its Delay has passed by the store's clock; DueIn says how long that is.", dueTime},
	{"DueWaitSaysWhenToAskAgain", "wait is 0 when more are due, the time to the next that comes due by itself, or negative.", dueWait},
	{"ReplaceMovesDueTime", "The due time of a replaced item counts from the replacement; an item that is not Active has none.", replaceMovesDueTime},
}

// about allows for the time that a store with a real clock takes itself.
func (b *bench) about(got, want time.Duration, what string) {
	b.Helper()
	slack := b.tick / 2
	if b.h.Advance != nil {
		slack = time.Minute
	}
	if got > want+time.Millisecond || got < want-slack {
		b.Fatalf("%s: got %v, want about %v", what, got, want)
	}
}

func dueAreActive(b *bench) {
	var all []string
	for i := range 12 {
		r := record(fmt.Sprintf("i%02d", i))
		if r.Active = i%3 != 0; r.Active {
			all = append(all, r.ID)
		} else {
			r.Blocking, r.State = false, writeback.Written
		}
		b.apply(insert(r))
	}
	elsewhere := insert(record("theirs"))
	elsewhere.Practice = other
	b.apply(elsewhere)

	got, wait := b.due(100)
	b.equal(got, all, "due items")
	b.that(wait < 0, "wait is not negative although nothing is scheduled")
	got, wait = b.due(len(all))
	b.equal(got, all, "due items at the limit")
	b.that(wait < 0, "wait is not negative although nothing more is due")
	got, wait = b.due(3)
	b.equal(got, all[:3], "due items below the limit")
	b.equal(wait, time.Duration(0), "wait while more are due")

	for _, id := range all[:4] { // claim them
		r := b.item(id)
		r.Active, r.State = false, writeback.Writing
		b.apply(replace(r, 0))
	}
	got, _ = b.due(3)
	b.equal(got, all[4:7], "due items after a claim")
	r := b.item(all[1]) // and give one back
	r.Active, r.State = true, writeback.Queued
	b.apply(replace(r, 0))
	got, _ = b.due(100)
	b.equal(got, append([]string{all[1]}, all[4:]...), "due items after one came back")
}

// scheduled is an insert with a due time.
func scheduled(r writeback.Record, delay time.Duration) writeback.Change {
	c := insert(r)
	c.Items[0].Delay = delay
	return c
}

func dueTime(b *bench) {
	b.apply(scheduled(record("later"), 2*b.tick), insert(record("now")))
	got, wait := b.due(10)
	b.equal(got, []string{"now"}, "due items")
	b.about(wait, 2*b.tick, "wait")
	b.about(b.item("later").DueIn, 2*b.tick, "DueIn")
	b.pass(2*b.tick + b.tick/4)
	got, wait = b.due(10)
	b.equal(got, []string{"later", "now"}, "due items after the delay")
	b.that(wait < 0, "wait is not negative although nothing is scheduled")
	b.that(b.item("later").DueIn <= 0, "DueIn is positive although the item is due")
}

func dueWait(b *bench) {
	got, wait := b.due(10)
	b.equal(got, []string{}, "due items of an empty store")
	b.that(wait < 0, "wait of an empty store is not negative")

	b.apply(scheduled(record("far"), 9*b.tick), scheduled(record("near"), 3*b.tick), scheduled(record("middle"), 6*b.tick))
	_, wait = b.due(10)
	b.about(wait, 3*b.tick, "wait for the nearest")
	b.apply(insert(record("now1"), record("now2")))
	got, wait = b.due(1)
	b.equal(got, []string{"now1"}, "due items")
	b.equal(wait, time.Duration(0), "wait while more are due")
	got, wait = b.due(2)
	b.equal(got, []string{"now1", "now2"}, "due items")
	b.about(wait, 3*b.tick, "wait for the nearest when all that are due were given")

	// What stands behind a blocking item cannot come due by itself.
	first, behind := record("first"), record("behind")
	first.Active, first.Lane = false, "shared"
	behind.Lane = "shared"
	b.apply(insert(first), scheduled(behind, b.tick))
	_, wait = b.due(10)
	b.about(wait, 3*b.tick, "wait, with an item behind a blocking one")
	inactive := record("inactive")
	inactive.Active = false
	b.apply(scheduled(inactive, b.tick))
	_, wait = b.due(10)
	b.about(wait, 3*b.tick, "wait, with an item that is not active")
}

func replaceMovesDueTime(b *bench) {
	b.apply(scheduled(record("a"), 4*b.tick))
	b.pass(b.tick)
	b.apply(replace(b.item("a"), 2*b.tick))
	_, wait := b.due(10)
	b.about(wait, 2*b.tick, "wait after a replacement")
	b.apply(replace(b.item("a"), 0))
	got, _ := b.due(10)
	b.equal(got, []string{"a"}, "due items after a replacement without delay")
	r := b.item("a")
	r.Active = false
	b.apply(replace(r, b.tick))
	got, wait = b.due(10)
	b.equal(got, []string{}, "due items when none is active")
	b.that(wait < 0, "wait is not negative although nothing is scheduled")
	b.equal(b.item("a").DueIn, time.Duration(0), "DueIn of an item that is not active")
	b.equal(b.item("a").Active, false, "Active")
}
