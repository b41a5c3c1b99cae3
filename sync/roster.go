package sync

import "context"

// Add lets a practice take part; its first step comes within the Spread, or at
// once when it is woken. Adding a practice that is there changes nothing. One
// that was removed and whose step has not ended yet starts afresh after it.
// Before Run it is kept until then; after Run has ended it has no effect.
func (r *Runner) Add(practice string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == closed {
		return
	}
	if a, ok := r.practices[practice]; ok {
		if a.isLeaving() {
			a.again = true
			r.leaving--
		}
		return
	}
	a := &actor{practice: practice}
	r.practices[practice] = a
	if r.state == active {
		r.first(a)
	}
}

// Remove ends a practice's part: no step of it starts any more, and the context
// of one that runs is cancelled. It does not wait for that step.
func (r *Runner) Remove(practice string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(practice)
}

// RemoveWait is Remove and waits until no step of the practice runs, or returns
// ctx's error; the practice is removed even then. A step must not call it for its
// own practice: it would wait for itself.
func (r *Runner) RemoveWait(ctx context.Context, practice string) error {
	r.mu.Lock()
	ended := r.remove(practice)
	r.mu.Unlock()
	if ended == nil {
		return nil
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// remove forgets a practice, or arranges for that when its step ends and returns
// a channel that is closed then. r.mu is held.
func (r *Runner) remove(practice string) (ended chan struct{}) {
	a, ok := r.practices[practice]
	if !ok {
		return nil
	}
	if !a.running {
		r.queue.remove(a)
		delete(r.practices, practice)
		return nil
	}
	if !a.isLeaving() {
		r.leaving++
	}
	a.removed, a.again, a.woken = true, false, false
	a.cancel()
	if a.ended == nil {
		a.ended = make(chan struct{})
	}
	return a.ended
}

// Wake makes a practice due now, whatever it waits for, a back-off included.
// Wakes before its next step starts are one; a wake while a step runs causes one
// more step after it. A practice that is not there is not woken.
func (r *Runner) Wake(practice string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.practices[practice]
	switch {
	case !ok, a.isLeaving():
	case a.running, r.state == idle:
		a.woken = true
	case r.state == active:
		if !r.queue.overdue(a) { // else it would lose its place
			r.arm(a, 0)
		}
	}
}

// Len is the number of practices that take part.
func (r *Runner) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.practices) - r.leaving
}

// isLeaving reports whether a is removed and only there until its step ends.
func (a *actor) isLeaving() bool { return a.removed && !a.again }
