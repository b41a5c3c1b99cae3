package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

var itemCases = []testCase{
	{"ItemsFilters", "Every field of a query narrows it; empty ones do not.", itemsFilters},
	{"ItemsPages", "Pages follow each other without gap or repetition, in both orders; the limit defaults to 100.", itemsPages},
	{"ItemsByAge", "MinAge and MaxAge bound the time since CreatedAt, MinIdle and MaxIdle that since UpdatedAt, by the store's clock; Age says how old an item is.", itemsByAge},
	{"SummaryCounts", "Summary counts a practice's items by state, kind, reason and cause, with the oldest of each.", summaryCounts},
}

func itemsFilters(b *bench) {
	mk := func(id string, state writeback.State, kind writeback.ItemKind, reason driver.Reason, patient, subject, cause string) writeback.Record {
		r := record(id)
		r.Active, r.Blocking = false, false
		r.State, r.Kind, r.Reason, r.Patient, r.Subject, r.Cause = state, kind, reason, patient, subject, cause
		return r
	}
	b.apply(insert(
		mk("a", writeback.Held, writeback.KindNote, "r1", "p1", "", "doc1"),
		mk("b", writeback.Queued, writeback.KindNote, "", "p1", "s1", ""),
		mk("c", writeback.Held, writeback.KindPayment, "r2", "p2", "s1", "doc2"),
		mk("d", writeback.Written, writeback.KindStatus, "r1", "p2", "s2", ""),
		mk("e", writeback.Failed, writeback.KindNote, "r2", "", "", "doc1"),
		mk("f", writeback.NeedsPatient, writeback.KindForm, "", "", "", ""),
	))
	elsewhere := insert(mk("g", writeback.Held, writeback.KindNote, "r1", "p1", "s1", "doc1"))
	elsewhere.Practice = other
	b.apply(elsewhere)
	for _, c := range []struct {
		what string
		q    writeback.ItemQuery
		want []string
	}{
		{"nothing", writeback.ItemQuery{}, []string{"a", "b", "c", "d", "e", "f"}},
		{"one state", writeback.ItemQuery{States: []writeback.State{writeback.Held}}, []string{"a", "c"}},
		{"two resting states", writeback.ItemQuery{States: []writeback.State{writeback.Failed, writeback.NeedsPatient}}, []string{"e", "f"}},
		{"states of all sorts", writeback.ItemQuery{States: []writeback.State{writeback.Written, writeback.Held, writeback.Queued}}, []string{"a", "b", "c", "d"}},
		{"a state that none has", writeback.ItemQuery{States: []writeback.State{writeback.Expired}}, []string{}},
		{"reasons", writeback.ItemQuery{Reasons: []driver.Reason{"r1", "r3"}}, []string{"a", "d"}},
		{"kinds", writeback.ItemQuery{Kinds: []writeback.ItemKind{writeback.KindStatus, writeback.KindPayment}}, []string{"c", "d"}},
		{"patient", writeback.ItemQuery{Patient: "p1"}, []string{"a", "b"}},
		{"subject", writeback.ItemQuery{Subject: "s1"}, []string{"b", "c"}},
		{"cause", writeback.ItemQuery{Cause: "doc1"}, []string{"a", "e"}},
		{"no cause", writeback.ItemQuery{NoCause: true}, []string{"b", "d", "f"}},
		{"no reason", writeback.ItemQuery{Reasons: []driver.Reason{""}}, []string{"b", "f"}},
		{"several", writeback.ItemQuery{States: []writeback.State{writeback.Held, writeback.Failed}, Cause: "doc1", Kinds: []writeback.ItemKind{writeback.KindNote}, Reasons: []driver.Reason{"r1"}}, []string{"a"}},
		{"patient and subject", writeback.ItemQuery{Patient: "p2", Subject: "s1"}, []string{"c"}},
		{"what excludes itself", writeback.ItemQuery{Patient: "p1", Subject: "s2"}, []string{}},
	} {
		b.equal(b.items(c.q), c.want, "items by "+c.what)
		newest := c.q
		newest.Newest = true
		slices.Reverse(c.want)
		b.equal(b.items(newest), c.want, "items by "+c.what+", newest first")
	}
	// A filter sees what an item is now.
	r := b.item("a")
	r.State, r.Patient, r.Subject, r.Cause = writeback.Dismissed, "p9", "s9", ""
	b.apply(replace(r, 0))
	b.equal(b.items(writeback.ItemQuery{Cause: "doc1"}), []string{"e"}, "items by the cause that one had")
	b.equal(b.items(writeback.ItemQuery{States: []writeback.State{writeback.Held}}), []string{"c"}, "items by the state that one had")
	b.equal(b.items(writeback.ItemQuery{Subject: "s9", Patient: "p9"}), []string{"a"}, "items by what one has now")
}

func itemsPages(b *bench) {
	const n = 230
	var want []string
	var changes []writeback.Change
	for i := range n {
		r := record(fmt.Sprintf("i%03d", i))
		r.Patient = fmt.Sprint(i % 2)
		want = append(want, r.ID)
		mine := insert(r)
		theirs := mine
		theirs.Practice = other
		changes = append(changes, mine, theirs)
	}
	b.apply(changes...)
	b.equal(len(b.items(writeback.ItemQuery{})), 100, "number of items without a limit")
	b.equal(len(b.items(writeback.ItemQuery{Limit: 1000})), n, "number of items with a limit above it")
	walk := func(q writeback.ItemQuery) []string {
		q.Practice = practice
		var out []string
		for range n {
			page, err := b.s.Items(b.ctx, q)
			b.ok(err, "Items")
			b.that(len(page) <= q.Limit, "a page is longer than the limit")
			if len(page) == 0 {
				return out
			}
			out = append(out, ids(page)...)
			q.After = page[len(page)-1].Seq
		}
		b.Fatal("the pages do not end")
		return nil
	}
	var odd []string
	for i := 1; i < n; i += 2 {
		odd = append(odd, want[i])
	}
	b.equal(walk(writeback.ItemQuery{Limit: 7}), want, "pages, oldest first")
	b.equal(walk(writeback.ItemQuery{Limit: 7, Patient: "1"}), odd, "pages of a patient")
	slices.Reverse(want)
	slices.Reverse(odd)
	b.equal(walk(writeback.ItemQuery{Limit: 23, Newest: true}), want, "pages, newest first")
	b.equal(walk(writeback.ItemQuery{Limit: 10, Newest: true, Patient: "1"}), odd, "pages of a patient, newest first")
}

func itemsByAge(b *bench) {
	b.apply(insert(record("old")))
	b.pass(2 * b.tick)
	b.apply(insert(record("young")))
	b.apply(replace(b.item("old"), 0)) // age counts from creation
	b.equal(b.items(writeback.ItemQuery{MinAge: b.tick}), []string{"old"}, "items older than a tick")
	b.equal(b.items(writeback.ItemQuery{MaxAge: b.tick}), []string{"young"}, "items younger than a tick")
	b.equal(b.items(writeback.ItemQuery{MinAge: b.tick, MaxAge: 9 * b.tick}), []string{"old"}, "items between two ages")
	b.equal(b.items(writeback.ItemQuery{MinAge: 9 * b.tick}), []string{}, "items of an age that none has")

	due, _, err := b.s.Due(b.ctx, practice, 1)
	b.ok(err, "Due")
	for what, age := range map[string]time.Duration{"Age": b.item("old").Age, "Age of a due item": due[0].Age} {
		b.that(age >= 2*b.tick && age < 9*b.tick, what+" is not the time since the item was submitted")
	}
	b.that(b.item("young").Age < b.tick, "Age of an item that was just submitted is a tick and more")
	b.equal(b.items(writeback.ItemQuery{MinIdle: b.tick}), []string{}, "items that were not changed for a tick")
	b.pass(2 * b.tick)
	b.apply(replace(b.item("young"), 0))
	b.equal(b.items(writeback.ItemQuery{MinIdle: b.tick}), []string{"old"}, "items that were not changed for a tick")
	b.equal(b.items(writeback.ItemQuery{MaxIdle: b.tick}), []string{"young"}, "items that were changed within a tick")
	b.equal(b.items(writeback.ItemQuery{MinAge: b.tick, MaxIdle: b.tick}), []string{"young"}, "old items that were changed within a tick")
	b.equal(b.items(writeback.ItemQuery{MinIdle: b.tick, MaxIdle: 9 * b.tick}), []string{"old"}, "items that rest between two times")
}

func summaryCounts(b *bench) {
	mk := func(id string, state writeback.State, kind writeback.ItemKind, reason driver.Reason, cause string) writeback.Record {
		r := record(id)
		r.State, r.Kind, r.Reason, r.Cause = state, kind, reason, cause
		return r
	}
	empty, err := b.s.Summary(b.ctx, practice)
	b.ok(err, "Summary")
	b.equal(len(empty), 0, "number of groups of an empty practice")

	b.apply(insert(mk("a", writeback.Held, writeback.KindNote, "r", "doc1")))
	b.pass(b.tick)
	b.apply(insert(
		mk("b", writeback.Held, writeback.KindNote, "r", "doc1"),
		mk("c", writeback.Held, writeback.KindNote, "r", "doc2"),
		mk("d", writeback.Held, writeback.KindForm, "r", "doc1"),
		mk("e", writeback.Held, writeback.KindNote, "r2", "doc1"),
		mk("f", writeback.Queued, writeback.KindNote, "r", "doc1"),
	))
	elsewhere := insert(mk("z", writeback.Held, writeback.KindNote, "r", "doc1"))
	elsewhere.Practice = other
	b.apply(elsewhere)
	r := b.item("f")
	r.State = writeback.Held // joins the first group
	b.apply(replace(r, 0))

	groups, err := b.s.Summary(b.ctx, practice)
	b.ok(err, "Summary")
	got := map[writeback.Group]int{}
	for _, g := range groups {
		key := g
		key.Count, key.Oldest = 0, time.Time{}
		got[key] = g.Count
		if g.Count == 3 {
			b.that(g.Oldest.Equal(b.item("a").CreatedAt), "Oldest is not the CreatedAt of the oldest")
			b.that(g.Oldest.Location() == time.UTC, "Oldest is not in UTC")
		}
	}
	b.equal(got, map[writeback.Group]int{
		{State: writeback.Held, Kind: writeback.KindNote, Reason: "r", Cause: "doc1"}:  3,
		{State: writeback.Held, Kind: writeback.KindNote, Reason: "r", Cause: "doc2"}:  1,
		{State: writeback.Held, Kind: writeback.KindForm, Reason: "r", Cause: "doc1"}:  1,
		{State: writeback.Held, Kind: writeback.KindNote, Reason: "r2", Cause: "doc1"}: 1,
	}, "groups")
}
