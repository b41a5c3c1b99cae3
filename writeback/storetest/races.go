package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/pmswriteback/pms/writeback"
)

var raceCases = []testCase{
	{"NoUpdateIsLost", "When many replace the same item and document by version, each success builds on the one before.", noUpdateIsLost},
	{"OneInserterWins", "Of several who insert the same key at once one succeeds, the others get ErrExists.", oneInserterWins},
	{"ClaimsAreExclusive", "Workers who claim what Due gives them, by version, get each item once.", claimsAreExclusive},
}

func noUpdateIsLost(b *bench) {
	stores := []writeback.Store{b.s, b.second()}
	const workers, each = 6, 12
	first := insert(record("a"))
	first.Items[0].Record.Payload = []byte("0")
	first.Docs = []writeback.DocWrite{{Name: "d", Value: []byte("0")}}
	b.apply(first)
	var wg sync.WaitGroup
	for w := range workers {
		s := stores[w%2]
		wg.Go(func() {
			for done := 0; done < each; {
				r, err := s.Item(b.ctx, practice, "a")
				if err != nil {
					b.Errorf("Item: %v", err)
					return
				}
				n, _ := strconv.Atoi(string(r.Payload))
				r.Payload = []byte(strconv.Itoa(n + 1))
				c := replace(r, 0)
				c.Docs = []writeback.DocWrite{{Name: "d", Value: r.Payload, Expect: r.Version}}
				c.Events = []writeback.Event{{Item: "a", Name: string(r.Payload)}}
				err = s.Apply(b.ctx, []writeback.Change{c})[0]
				if err == nil {
					done++
				} else if !errors.Is(err, writeback.ErrStale) {
					b.Errorf("Apply: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	want := strconv.Itoa(workers * each)
	r := b.item("a")
	b.equal([]any{string(r.Payload), r.Version}, []any{want, int64(workers*each + 1)}, "Payload and Version")
	b.doc("d", want)
	for i, e := range b.events(practice, 0, 1000) {
		b.equal(e.Name, strconv.Itoa(i+1), "event")
	}
}

func oneInserterWins(b *bench) {
	stores := []writeback.Store{b.s, b.second()}
	const workers, keys = 6, 15
	won := make([][]int, workers)
	var wg sync.WaitGroup
	for w := range workers {
		won[w] = make([]int, keys)
		wg.Go(func() {
			for k := range keys {
				r := record(fmt.Sprintf("%d/%d", k, w))
				r.Key = strconv.Itoa(k)
				err := stores[w%2].Apply(b.ctx, []writeback.Change{insert(r)})[0]
				if err == nil {
					won[w][k] = 1
				} else if !errors.Is(err, writeback.ErrExists) {
					b.Errorf("Apply: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for k := range keys {
		n := 0
		for w := range workers {
			n += won[w][k]
		}
		b.equal(n, 1, "number of inserts of one key that succeeded")
	}
	b.equal(len(b.items(writeback.ItemQuery{})), keys, "number of items")
}

func claimsAreExclusive(b *bench) {
	stores := []writeback.Store{b.s, b.second()}
	const workers, n = 4, 40
	var all []writeback.Record
	for i := range n {
		r := record(fmt.Sprintf("i%02d", i))
		r.Lane = fmt.Sprint("lane", i%7)
		all = append(all, r)
	}
	b.apply(insert(all...))
	var mu sync.Mutex
	var claimed []string
	var wg sync.WaitGroup
	for w := range workers {
		s := stores[w%2]
		wg.Go(func() {
			for {
				due, _, err := s.Due(b.ctx, practice, 5)
				if err != nil {
					b.Errorf("Due: %v", err)
					return
				}
				if len(due) == 0 {
					groups, err := s.Summary(b.ctx, practice)
					if err != nil {
						b.Errorf("Summary: %v", err)
						return
					}
					if len(groups) == 1 && groups[0].State == writeback.Written {
						return
					}
					continue
				}
				for _, r := range due {
					r.Active, r.State = false, writeback.Writing
					if err := s.Apply(b.ctx, []writeback.Change{replace(r, 0)})[0]; err != nil {
						if !errors.Is(err, writeback.ErrStale) {
							b.Errorf("claim: %v", err)
							return
						}
						continue
					}
					mu.Lock()
					claimed = append(claimed, r.ID)
					mu.Unlock()
					r.Version++
					r.Blocking, r.State = false, writeback.Written
					if err := s.Apply(b.ctx, []writeback.Change{replace(r, 0)})[0]; err != nil {
						b.Errorf("settle: %v", err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	b.equal(len(claimed), n, "number of claims")
	b.sameSet(claimed, ids(all), "claimed items")
}
