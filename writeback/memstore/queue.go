package memstore

import (
	"cmp"
	"slices"
)

// queue is a list of items ordered by Seq. Items come in mostly at the end and
// leave mostly at the front, and both are cheap.
type queue struct{ list []*item }

func bySeq(it *item, seq int64) int { return cmp.Compare(it.Seq, seq) }

func (q *queue) add(it *item) {
	if n := len(q.list); n == 0 || q.list[n-1].Seq < it.Seq {
		q.list = append(q.list, it)
		return
	}
	at, found := slices.BinarySearchFunc(q.list, it.Seq, bySeq)
	if !found {
		q.list = slices.Insert(q.list, at, it)
	}
}

func (q *queue) remove(it *item) {
	at, found := slices.BinarySearchFunc(q.list, it.Seq, bySeq)
	if !found {
		return
	}
	if at > len(q.list)/2 {
		q.list = slices.Delete(q.list, at, at+1)
		return
	}
	// Move the shorter side.
	copy(q.list[1:at+1], q.list[:at])
	q.list[0] = nil
	q.list = q.list[1:]
}

// first returns the item with the lowest Seq, nil when there is none.
func (q *queue) first() *item {
	if len(q.list) == 0 {
		return nil
	}
	return q.list[0]
}
