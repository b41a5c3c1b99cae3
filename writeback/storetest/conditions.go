package storetest

import (
	"github.com/pmswriteback/pms/writeback"
)

var conditionCases = []testCase{
	{"FenceMustBeHeld", "A change with a Fence works only while that very lease is held: else ErrFenced.", fenceMustBeHeld},
	{"FenceIsOfThePractice", "The lease that counts is that of the change's own practice.", fenceIsOfThePractice},
	{"RevisionMustBeTheLatest", "A change with a Revision works only while that is the latest settings revision: else ErrStale.", revisionMustBeLatest},
}

// fenced is a change that leaves a trace when it works.
func fenced(fence int64) writeback.Change {
	return writeback.Change{Practice: practice, Fence: fence, Events: []writeback.Event{{Name: "done"}}}
}

func fenceMustBeHeld(b *bench) {
	b.is(b.try(fenced(1)), writeback.ErrFenced, "change with a fence while nobody has the lease")
	fence := b.acquire("me", b.tick)
	b.apply(fenced(fence))
	b.is(b.try(fenced(fence+1)), writeback.ErrFenced, "change with a fence to come")

	b.pass(2 * b.tick)
	b.is(b.try(fenced(fence)), writeback.ErrFenced, "change under a lease that has lapsed")
	ok, err := b.s.Renew(b.ctx, practice, "me", fence, b.tick)
	b.ok(err, "Renew")
	b.that(ok, "Renew of a lapsed lease that nobody took failed")
	b.apply(fenced(fence))

	b.ok(b.s.Release(b.ctx, practice, "me", fence), "Release")
	b.is(b.try(fenced(fence)), writeback.ErrFenced, "change under a lease that was released")
	later := b.acquire("you", b.tick)
	b.is(b.try(fenced(fence)), writeback.ErrFenced, "change under a lease that was taken over")
	b.apply(fenced(later))
	b.apply(fenced(0))
	b.equal(len(b.events(practice, 0, 100)), 4, "number of changes that worked")
}

func fenceIsOfThePractice(b *bench) {
	fence := b.acquire("me", b.tick)
	c := fenced(fence)
	c.Practice = other
	b.is(b.try(c), writeback.ErrFenced, "change of another practice")
	b.equal(len(b.events(other, 0, 100)), 0, "number of events")
	// Leases of several practices in one Apply do not get mixed up.
	theirs, ok, err := b.s.Acquire(b.ctx, other, "me", b.tick)
	b.ok(err, "Acquire")
	b.that(ok, "Acquire did not give a lease that is free")
	c.Fence = theirs
	wrong := fenced(fence + 100)
	errs := b.s.Apply(b.ctx, []writeback.Change{fenced(fence), c, wrong, fenced(fence)})
	b.ok(errs[0], "change under a lease that is held")
	b.ok(errs[1], "change of the other practice under its lease")
	b.is(errs[2], writeback.ErrFenced, "change under no lease")
	b.ok(errs[3], "change under a lease that is held")
}

func revisionMustBeLatest(b *bench) {
	at := func(rev int64) writeback.Change {
		return writeback.Change{Practice: practice, Revision: rev, Events: []writeback.Event{{Name: "done"}}}
	}
	save := func(expect int64) writeback.Change {
		return writeback.Change{Practice: practice, Save: &writeback.Revision{Expect: expect, Document: []byte("{}")}}
	}
	b.is(b.try(at(1)), writeback.ErrStale, "a revision while there is none")
	b.apply(at(0))
	b.apply(save(0))
	b.apply(at(1))
	b.apply(save(1))
	b.is(b.try(at(1)), writeback.ErrStale, "a revision that is not the latest")
	b.is(b.try(at(3)), writeback.ErrStale, "a revision to come")
	b.apply(at(2), at(0))
	elsewhere := at(2)
	elsewhere.Practice = other
	b.is(b.try(elsewhere), writeback.ErrStale, "the revision of another practice")

	errs := b.s.Apply(b.ctx, []writeback.Change{at(2), save(2), at(2), save(2), at(3)})
	b.ok(errs[0], "before the revision")
	b.ok(errs[1], "saving the revision")
	b.is(errs[2], writeback.ErrStale, "behind the revision")
	b.is(errs[3], writeback.ErrStale, "saving it again")
	b.ok(errs[4], "with the new revision")
}
