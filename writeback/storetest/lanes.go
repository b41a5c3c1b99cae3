package storetest

import (
	"fmt"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

var laneCases = []testCase{
	{"LaneGoesInOrder", "An item waits while a Blocking item with a lower Seq stands in its lane, due or not, active or not.", laneGoesInOrder},
	{"LanesAreApart", "Items of other lanes, other practices, or without a lane do not hold an item back.", lanesAreApart},
	{"OnlyBlockingItemsBlock", "An item that is not Blocking holds nothing back, nor does one behind it.", onlyBlockingItemsBlock},
	{"LaneFollowsReplacement", "When an item changes its lane, or stops or begins to block, its lane-mates feel it at once.", laneFollowsReplacement},
	{"LongLaneGoesOneByOne", "However many wait in a lane, each comes when the one before has left, and none is passed over.", longLane},
}

// inLane is an item in the lane "l".
func inLane(id string) writeback.Record {
	r := record(id)
	r.Lane = "l"
	return r
}

func laneGoesInOrder(b *bench) {
	b.apply(insert(inLane("a"), inLane("b"), inLane("c")))
	got, wait := b.due(10)
	b.equal(got, []string{"a"}, "due items")
	b.that(wait < 0, "wait is not negative although nothing comes due by itself")
	r := b.item("a") // claimed: not active, still blocking
	r.Active, r.State = false, writeback.Writing
	b.apply(replace(r, 0))
	got, _ = b.due(10)
	b.equal(got, []string{}, "due items while the first is being written")
	r = b.item("a") // to be tried again later
	r.Active, r.State = true, writeback.Queued
	b.apply(replace(r, b.tick))
	got, wait = b.due(10)
	b.equal(got, []string{}, "due items while the first waits")
	b.about(wait, b.tick, "wait for the first")
	r = b.item("a") // settled
	r.Active, r.Blocking, r.State = false, false, writeback.Written
	b.apply(replace(r, 0))
	got, _ = b.due(10)
	b.equal(got, []string{"b"}, "due items when the first is done")
}

func lanesAreApart(b *bench) {
	elsewhere := insert(inLane("theirs"))
	elsewhere.Practice = other
	b.apply(elsewhere)
	second, free1, free2 := record("m"), record("free1"), record("free2")
	second.Lane, free1.Lane, free2.Lane = "m", "", ""
	b.apply(insert(inLane("a"), second, free1, free2, inLane("b")))
	got, _ := b.due(10)
	b.equal(got, []string{"a", "m", "free1", "free2"}, "due items")
}

func onlyBlockingItemsBlock(b *bench) {
	parked, last := inLane("parked"), inLane("last")
	parked.Active, parked.Blocking, parked.State = false, false, writeback.Held
	open := inLane("open")
	open.Blocking = false
	b.apply(insert(parked, open, inLane("a"), last))
	got, _ := b.due(10)
	b.equal(got, []string{"open", "a"}, "due items")
	r := b.item("parked") // released: it is before the others again
	r.Active, r.Blocking, r.State = true, true, writeback.Queued
	b.apply(replace(r, 0))
	got, _ = b.due(10)
	b.equal(got, []string{"parked"}, "due items when the parked one is released")
}

func laneFollowsReplacement(b *bench) {
	b.apply(insert(inLane("a"), inLane("b"), inLane("c")))
	r := b.item("a")
	r.Lane = "elsewhere"
	b.apply(replace(r, 0))
	got, _ := b.due(10)
	b.equal(got, []string{"a", "b"}, "due items when the first left the lane")
	r = b.item("b")
	r.Blocking = false
	b.apply(replace(r, 0))
	got, _ = b.due(10)
	b.equal(got, []string{"a", "b", "c"}, "due items when the second stopped blocking")
	r = b.item("a")
	r.Lane = "l"
	b.apply(replace(r, b.tick))
	got, _ = b.due(10)
	b.equal(got, []string{}, "due items when the first came back to be due later")
	// A change that fails leaves the lane as it was.
	r = b.item("a")
	r.Lane = ""
	c := replace(r, 0)
	c.Docs = []writeback.DocWrite{{Name: "none", Value: []byte("x"), Expect: 3}}
	b.is(b.try(c), writeback.ErrStale, "change with a stale document")
	got, wait := b.due(10)
	b.equal(got, []string{}, "due items after a change that failed")
	b.about(wait, b.tick, "wait after a change that failed")
}

func longLane(b *bench) {
	const n = 60
	var c writeback.Change
	var want []string
	for i := range n {
		r := inLane(fmt.Sprintf("i%03d", i))
		want = append(want, r.ID)
		c.Items = append(c.Items, writeback.ItemWrite{Record: r})
	}
	c.Practice = practice
	b.apply(c)
	var got []string
	for range n {
		items, wait, err := b.s.Due(b.ctx, practice, 10)
		b.ok(err, "Due")
		b.equal(len(items), 1, "number of due items of one lane")
		b.that(wait != time.Duration(0), "wait is 0 although the rest is blocked")
		got = append(got, items[0].ID)
		r := items[0]
		r.Active, r.Blocking, r.State = false, false, writeback.Written
		b.apply(replace(r, 0))
	}
	b.equal(got, want, "order of the lane")
}
