package sync

import (
	"container/heap"
	"time"
)

// schedule orders practices by when they are due, and those due at the same time
// by when that was decided. It is not safe for concurrent use.
type schedule struct {
	heap   dueHeap
	ticket uint64
}

// slot is a practice's place in the schedule.
type slot struct {
	due    time.Time
	ticket uint64
	index  int // in the heap, counted from 1; 0 is not in it
}

func (s *schedule) empty() bool         { return len(s.heap) == 0 }
func (s *schedule) earliest() time.Time { return s.heap[0].slot.due }

func (s *schedule) isFirst(a *actor) bool { return a.slot.index == 1 }

// overdue reports whether a is in the schedule and its time has come.
func (s *schedule) overdue(a *actor) bool {
	return a.slot.index != 0 && !a.slot.due.After(time.Now())
}

// set makes a due at a time, whether it was in the schedule or not.
func (s *schedule) set(a *actor, due time.Time) {
	s.ticket++
	a.slot.due, a.slot.ticket = due, s.ticket
	if a.slot.index == 0 {
		heap.Push(&s.heap, a)
	} else {
		heap.Fix(&s.heap, a.slot.index-1)
	}
}

// pop removes and returns the one that is due first.
func (s *schedule) pop() *actor { return heap.Pop(&s.heap).(*actor) }

// remove takes a out of the schedule, if it is in it.
func (s *schedule) remove(a *actor) {
	if a.slot.index != 0 {
		heap.Remove(&s.heap, a.slot.index-1)
	}
}

// dueHeap implements heap.Interface.
type dueHeap []*actor

func (h dueHeap) Len() int { return len(h) }

func (h dueHeap) Less(i, j int) bool {
	a, b := &h[i].slot, &h[j].slot
	if !a.due.Equal(b.due) {
		return a.due.Before(b.due)
	}
	return a.ticket < b.ticket
}

func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].slot.index, h[j].slot.index = i+1, j+1
}

func (h *dueHeap) Push(x any) {
	a := x.(*actor)
	*h = append(*h, a)
	a.slot.index = len(*h)
}

func (h *dueHeap) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	a.slot.index = 0
	return a
}
