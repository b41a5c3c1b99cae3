package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

var leaseCases = []testCase{
	{"LeaseIsOneOwners", "A lease that is held is given to nobody else, on any handle; its owner keeps its fence.", leaseIsOneOwners},
	{"LapsedLeaseIsTakenOver", "A lapsed lease is free, and whoever takes it, its old owner too, gets a higher fence.", lapsedLease},
	{"RenewNeedsTheFence", "Renew extends a lease of this owner and fence, even a lapsed one that nobody took, and no other.", renewNeedsFence},
	{"ReleaseFreesAtOnce", "Release frees a lease of this owner and fence, and no other; the next fence is higher.", releaseFrees},
	{"FencesOnlyRise", "Fences of a practice rise over every change of owner, and are the practice's own.", fencesOnlyRise},
	{"OneTakerWins", "Of several who want a free lease at once one gets it.", oneTakerWins},
}

func (b *bench) denied(s writeback.Store, owner string) {
	b.Helper()
	_, ok, err := s.Acquire(b.ctx, practice, owner, b.tick)
	b.ok(err, "Acquire")
	b.that(!ok, "Acquire gave "+owner+" a lease that somebody holds")
}

func (b *bench) renew(owner string, fence int64, ttl time.Duration, want bool) {
	b.Helper()
	ok, err := b.s.Renew(b.ctx, practice, owner, fence, ttl)
	b.ok(err, "Renew")
	b.equal(ok, want, fmt.Sprintf("Renew of %s's fence %d", owner, fence))
}

func leaseIsOneOwners(b *bench) {
	there := b.second()
	fence := b.acquire("me", b.tick)
	b.that(fence > 0, "a fence is not positive")
	b.denied(b.s, "you")
	b.denied(there, "you")
	again, ok, err := there.Acquire(b.ctx, practice, "me", 3*b.tick)
	b.ok(err, "Acquire")
	b.that(ok, "Acquire denied an owner its own lease")
	b.equal(again, fence, "fence of a lease that its owner takes again")
	b.pass(2 * b.tick) // within the second ttl
	b.denied(there, "you")
	_, ok, err = b.s.Acquire(b.ctx, other, "you", b.tick)
	b.ok(err, "Acquire")
	b.that(ok, "the lease of another practice was denied")
}

func lapsedLease(b *bench) {
	mine := b.acquire("me", b.tick)
	b.pass(2 * b.tick)
	yours := b.acquire("you", b.tick)
	b.that(yours > mine, "the fence did not rise when the owner changed")
	b.renew("me", mine, b.tick, false)
	b.pass(2 * b.tick)
	again := b.acquire("you", b.tick)
	b.that(again > yours, "the fence did not rise when its owner took a lapsed lease")
}

func renewNeedsFence(b *bench) {
	b.renew("me", 1, b.tick, false)
	fence := b.acquire("me", b.tick)
	b.renew("me", fence, 4*b.tick, true)
	b.pass(2 * b.tick)
	b.denied(b.s, "you")
	b.renew("me", fence+1, b.tick, false)
	b.renew("you", fence, b.tick, false)
	b.pass(4 * b.tick) // lapsed, and nobody took it
	b.renew("me", fence, b.tick, true)
	b.denied(b.s, "you")
	b.apply(fenced(fence))
	b.pass(2 * b.tick)
	later := b.acquire("you", b.tick)
	b.renew("me", fence, b.tick, false)
	b.renew("you", later, b.tick, true)
	ok, err := b.s.Renew(b.ctx, other, "you", later, b.tick)
	b.ok(err, "Renew")
	b.that(!ok, "Renew extended the lease of another practice")
}

func releaseFrees(b *bench) {
	b.ok(b.s.Release(b.ctx, practice, "me", 1), "Release of nothing")
	fence := b.acquire("me", b.tick)
	b.ok(b.s.Release(b.ctx, practice, "you", fence), "Release of somebody else's")
	b.ok(b.s.Release(b.ctx, practice, "me", fence+1), "Release of another fence")
	b.ok(b.s.Release(b.ctx, other, "me", fence), "Release in another practice")
	b.denied(b.s, "you")
	b.ok(b.s.Release(b.ctx, practice, "me", fence), "Release")
	b.renew("me", fence, b.tick, false)
	yours := b.acquire("you", b.tick)
	b.that(yours > fence, "the fence did not rise after a release")
	b.ok(b.s.Release(b.ctx, practice, "me", fence), "Release of what was taken over")
	b.denied(b.s, "me")
	b.ok(b.s.Release(b.ctx, practice, "you", yours), "Release")
	b.that(b.acquire("you", b.tick) > yours, "the fence did not rise when its owner took a released lease")
}

func fencesOnlyRise(b *bench) {
	last := int64(0)
	for i := range 12 {
		owner := fmt.Sprint("owner", i%3)
		fence := b.acquire(owner, b.tick/8)
		b.that(fence > last, "a fence did not rise")
		last = fence
		if i%2 == 0 {
			b.ok(b.s.Release(b.ctx, practice, owner, fence), "Release")
		} else {
			b.pass(b.tick / 4)
		}
	}
}

func oneTakerWins(b *bench) {
	stores := []writeback.Store{b.s, b.second()}
	const takers, rounds = 8, 6
	last := int64(0)
	for range rounds {
		var wg sync.WaitGroup
		fences := make([]int64, takers)
		for i := range takers {
			wg.Go(func() {
				fence, ok, err := stores[i%2].Acquire(b.ctx, practice, fmt.Sprint("owner", i), b.tick*100)
				if err != nil {
					b.Errorf("Acquire: %v", err)
				}
				if ok {
					fences[i] = fence
				}
			})
		}
		wg.Wait()
		winner := -1
		for i, fence := range fences {
			if fence != 0 {
				b.equal(winner, -1, "a second taker beside")
				winner = i
			}
		}
		b.that(winner >= 0, "nobody got a lease that is free")
		b.that(fences[winner] > last, "a fence did not rise")
		last = fences[winner]
		b.ok(b.s.Release(b.ctx, practice, fmt.Sprint("owner", winner), last), "Release")
	}
}
