// Package memstore is a writeback.Store in memory: for tests, for trying things
// out, and as the reference of what the contract means. It forgets everything
// when the process ends, so that it must not stand between a practice and its
// payments.
//
// It starts no goroutine and reads no clock but the one it is given, so that it
// works inside a testing/synctest bubble. It is deterministic: the same calls in
// the same order give the same answers.
//
//	store := memstore.New()
//	defer store.Close()
package memstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

var _ writeback.Store = (*Store)(nil)

// errClosed is what every call after Close returns.
var errClosed = errors.New("memstore: closed")

// Store keeps everything in memory. It is safe for concurrent use. Nothing that
// it returns or was given shares memory with what it keeps.
type Store struct {
	now func() time.Time

	mu        sync.Mutex
	closed    bool
	practices map[string]*practice
	wakes     int64 // position of the last wake
	items     int64 // Seq of the last item
	events    int64 // Seq of the last event
}

// New returns an empty store whose clock is time.Now.
func New() *Store { return NewClock(time.Now) }

// NewClock returns an empty store whose clock is now. It is called with the
// store locked, so that it must not call the store.
func NewClock(now func() time.Time) *Store {
	return &Store{now: now, practices: map[string]*practice{}}
}

// Close ends the use of the store; calls after it return an error.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.practices = nil
	return nil
}

// practice is everything that is kept of one practice.
type practice struct {
	id         string
	record     writeback.PracticeRecord
	registered bool // PutPractice was called
	wake       int64

	items  map[string]*item
	byKey  map[string]*item
	order  []*item // by Seq; items are never deleted
	active queue
	lanes  map[string]*queue // the blocking items of each lane

	events     []writeback.Event
	itemEvents map[string][]int // indexes into events
	docs       map[string]*writeback.Doc
	revisions  []writeback.Revision
	seen       map[driver.Feed]map[string]writeback.Seen
	blobs      map[string]*blob
	named      map[string]int // how many items name a blob

	owner   string // of the lease; empty when it is free
	fence   int64  // the last one given
	expires time.Time
}

// enter locks the store for one call. The caller must unlock it when there is
// no error.
func (s *Store) enter(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memstore: %s: %w", op, err)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fmt.Errorf("%w (%s)", errClosed, op)
	}
	return nil
}

// clock returns the store's time in UTC, without a monotonic reading.
func (s *Store) clock() time.Time { return s.now().UTC().Round(0) }

// look returns a practice to read from: an empty one when nothing is kept.
func (s *Store) look(id string) *practice {
	if p := s.practices[id]; p != nil {
		return p
	}
	return &practice{id: id}
}

// practice returns a practice to write to.
func (s *Store) practice(id string) *practice {
	p := s.practices[id]
	if p == nil {
		p = &practice{
			id:         id,
			items:      map[string]*item{},
			byKey:      map[string]*item{},
			lanes:      map[string]*queue{},
			itemEvents: map[string][]int{},
			docs:       map[string]*writeback.Doc{},
			seen:       map[driver.Feed]map[string]writeback.Seen{},
			blobs:      map[string]*blob{},
			named:      map[string]int{},
		}
		s.practices[id] = p
	}
	return p
}

// latest returns the number of the latest settings revision.
func (p *practice) latest() int64 { return int64(len(p.revisions)) }
