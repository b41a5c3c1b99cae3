package sqlstore

import (
	"context"
	"errors"

	"github.com/pmswriteback/pms/writeback"
)

// The statements that every item passes through; they are kept prepared.
const (
	drawPositions = "UPDATE pms_position SET position = position + ? WHERE id = 1"
	lastPosition  = "SELECT position FROM pms_position WHERE id = 1"
	selectHead    = "SELECT revision, owner, fence, expires FROM pms_heads WHERE practice = ?"
	setWake       = "UPDATE pms_heads SET wake = ? WHERE practice = ?"
	insertEvents  = "INSERT INTO pms_events (seq, item_seq, at, item, name, from_state, to_state, reason, actor, detail) VALUES "
	eventValues   = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	eventArgs     = 10
	// An item mostly stays in its lane and keeps its subject and blob, and so it
	// does when it is claimed, and when it comes to its end. Updates that do not
	// name those columns spare SQLite their indexes, so the first two take them
	// for a condition, and updateItem is there for all else.
	setItem = "UPDATE pms_items SET version = ?, updated = ?, due = ?, hash = ?, kind = ?, state = ?, reason = ?, cause = ?, " +
		"patient = ?, revision = ?, fence = ?, attempts = ?, payload = ?, progress = ?"
	whereItem    = " WHERE seq = ? AND id = ? AND version = ?"
	updateStill  = setItem + whereItem + " AND blocking = 1 AND open = 1 AND lane = ? AND subject = ? AND blob = ?"
	updateClosed = setItem + ", blocking = 0, open = 0" + whereItem + " AND lane = ? AND subject = ? AND blob = ?"
	updateItem   = setItem + ", blocking = ?, open = ?, lane = ?, subject = ?, blob = ?" + whereItem
	insertItem   = "INSERT INTO pms_items (seq, practice, id, item_key, hash, created, version, updated, due, blocking, open, lane, kind, " +
		"state, reason, cause, patient, subject, blob, revision, fence, attempts, payload, progress) " +
		"VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

// eventRows are the numbers of events that go into one statement.
var eventRows = [...]int{32, 8, 2, 1}

// Apply carries out changes in one transaction. When the database refuses one
// of them for a reason that is not a condition, each gets a transaction of its
// own, so that it cannot take others down.
func (s *Store) Apply(ctx context.Context, changes []writeback.Change) []error {
	errs, retry := s.group(ctx, changes)
	if !retry || len(changes) < 2 {
		return errs
	}
	for i := range changes {
		one, _ := s.group(ctx, changes[i:i+1])
		errs[i] = one[0]
	}
	return errs
}

// group carries out changes in one transaction. retry says that a statement
// failed, and nothing was done.
func (s *Store) group(ctx context.Context, changes []writeback.Change) (errs []error, retry bool) {
	if len(changes) == 0 {
		return nil, false
	}
	errs = make([]error, len(changes))
	broken := false
	_, err := s.inTx(ctx, positions(changes), func(x *session) error {
		for i := range changes {
			refused, err := x.change(&changes[i])
			if err != nil {
				broken = true
				return err
			}
			errs[i] = wrap("apply", refused)
		}
		err := x.finish()
		broken = err != nil
		return err
	})
	if err != nil {
		for i := range errs {
			if errs[i] == nil || broken {
				errs[i] = wrap("apply", err)
			}
		}
	}
	return errs, broken
}

// positions counts what changes need at most.
func positions(changes []writeback.Change) int {
	n := 0
	for i := range changes {
		n += len(changes[i].Items) + len(changes[i].Events)
		if changes[i].Wake {
			n++
		}
	}
	return n
}

// change carries out one change. refused means that it had no effect while the
// transaction goes on; err means that the transaction cannot.
func (x *session) change(ch *writeback.Change) (refused, err error) {
	h, err := x.head(ch.Practice)
	if err != nil {
		return nil, err
	}
	if ch.Fence != 0 || ch.Revision != 0 || ch.Save != nil {
		if err := x.load(h); err != nil {
			return nil, err
		}
		switch {
		case ch.Fence != 0 && !h.holds(ch.Fence, x.now):
			return writeback.ErrFenced, nil
		case ch.Revision != 0 && ch.Revision != h.rev,
			ch.Save != nil && ch.Save.Expect != h.rev:
			return writeback.ErrStale, nil
		}
	}
	// One statement that can be refused comes first and needs no way back.
	if len(ch.Items)+len(ch.Docs) < 2 && !x.host {
		return x.write(h, ch)
	}
	if _, err := x.exec("SAVEPOINT pms_change"); err != nil {
		return nil, err
	}
	refused, err = x.write(h, ch)
	if x.host && refused == nil && err == nil {
		err = x.finish()
	}
	if err != nil && !x.host {
		return nil, err // the whole transaction goes
	}
	if refused != nil || err != nil {
		if _, back := x.exec("ROLLBACK TO SAVEPOINT pms_change"); back != nil {
			return nil, errors.Join(err, back)
		}
		if x.host { // what was readied is of this change alone
			h.loaded, h.wakes, x.events = false, false, x.events[:0]
		}
	}
	if _, release := x.exec("RELEASE SAVEPOINT pms_change"); release != nil {
		return nil, errors.Join(err, release)
	}
	return refused, err
}

// write does what can be refused first.
func (x *session) write(h *head, ch *writeback.Change) (refused, err error) {
	x.seqs = x.seqs[:0]
	for i := range ch.Items {
		if refused, err = x.item(h, &ch.Items[i]); refused != nil || err != nil {
			return refused, err
		}
	}
	for i := range ch.Docs {
		if refused, err = x.doc(h, &ch.Docs[i]); refused != nil || err != nil {
			return refused, err
		}
	}
	if ch.Save != nil {
		if err := x.save(h, ch.Save); err != nil {
			return nil, err
		}
	}
	for i := range ch.Events {
		if err := x.event(h, ch, &ch.Events[i]); err != nil {
			return nil, err
		}
	}
	for i := range ch.Seen {
		if err := x.seen(h, &ch.Seen[i]); err != nil {
			return nil, err
		}
	}
	if ch.Wake {
		h.wakes = true
	}
	return nil, nil
}

// item inserts or replaces an item and remembers its Seq for its events.
func (x *session) item(h *head, w *writeback.ItemWrite) (refused, err error) {
	r := &w.Record
	if r.Practice != "" && r.Practice != h.id {
		return errors.New("item of another practice than its change"), nil
	}
	if w.Expect < 0 {
		return errors.New("negative Expect: use 0 to insert"), nil
	}
	var due any
	if r.Active {
		due = x.now + w.Delay.Microseconds()
	}
	if w.Expect > 0 {
		return x.replace(h, w, due)
	}
	seq := x.seq(h)
	x.args = append(x.args[:0], seq, h.number, r.ID, r.Key, r.Hash, x.now, x.now, due, flag(r.Blocking), flag(open(r.State)), r.Lane, string(r.Kind),
		string(r.State), string(r.Reason), r.Cause, r.Patient, r.Subject, r.Blob, r.Revision, r.Fence, r.Attempts,
		bytesOrNull(r.Payload), bytesOrNull(r.Progress))
	n, err := x.exec(x.s.insertItem, x.args...)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return writeback.ErrExists, nil
	}
	x.seqs = append(x.seqs, seq)
	return nil, nil
}

func (x *session) replace(h *head, w *writeback.ItemWrite, due any) (refused, err error) {
	r, seq := &w.Record, w.Record.Seq
	if seq>>positionBits != h.number {
		if seq, err = x.itemSeq(h, r.ID); err != nil || seq == 0 {
			return writeback.ErrStale, err
		}
	}
	n, err := x.update(w, seq, due)
	if err != nil {
		return nil, err
	}
	if n > 0 {
		x.seqs = append(x.seqs, seq)
		return nil, nil
	}
	// The version, or else a Seq that is not the item's.
	stored, err := x.itemSeq(h, r.ID)
	if err != nil || stored == 0 || stored == seq {
		return writeback.ErrStale, err
	}
	again := *w
	again.Record.Seq = stored
	return x.replace(h, &again, due)
}

// update tries the cheap updates first.
func (x *session) update(w *writeback.ItemWrite, seq int64, due any) (int64, error) {
	r := &w.Record
	x.args = append(x.args[:0], w.Expect+1, x.now, due, r.Hash, string(r.Kind), string(r.State), string(r.Reason), r.Cause,
		r.Patient, r.Revision, r.Fence, r.Attempts, bytesOrNull(r.Payload), bytesOrNull(r.Progress))
	set := len(x.args)
	if r.Blocking == open(r.State) {
		text := updateClosed
		if r.Blocking {
			text = updateStill
		}
		x.args = append(x.args, seq, r.ID, w.Expect, r.Lane, r.Subject, r.Blob)
		if n, err := x.exec(text, x.args...); n > 0 || err != nil {
			return n, err
		}
	}
	x.args = append(x.args[:set], flag(r.Blocking), flag(open(r.State)), r.Lane, r.Subject, r.Blob, seq, r.ID, w.Expect)
	return x.exec(updateItem, x.args...)
}

// itemSeq returns 0 for an item that is not stored.
func (x *session) itemSeq(h *head, id string) (seq int64, err error) {
	err = x.get("SELECT seq FROM pms_items WHERE practice = ? AND id = ?", []any{h.number, id}, &seq)
	return seq, noRows(err)
}

func (x *session) event(h *head, ch *writeback.Change, e *writeback.Event) (err error) {
	item := int64(0)
	for i := range ch.Items {
		if ch.Items[i].Record.ID == e.Item {
			item = x.seqs[i]
		}
	}
	if item == 0 && e.Item != "" {
		if item, err = x.itemSeq(h, e.Item); err != nil {
			return err
		}
	}
	x.events = append(x.events, x.seq(h), item, x.now, e.Item, e.Name, string(e.From), string(e.To), string(e.Reason), e.Actor, e.Detail)
	return nil
}

// finish does what changes share.
func (x *session) finish() error {
	if err := x.flush(); err != nil {
		return err
	}
	return x.wake()
}

// flush inserts the events of the changes so far, in as few statements as can be.
func (x *session) flush() error {
	left := x.events
	for _, rows := range eventRows {
		for len(left) >= rows*eventArgs {
			if _, err := x.exec(x.s.insertEvents[rows], left[:rows*eventArgs]...); err != nil {
				return err
			}
			left = left[rows*eventArgs:]
		}
	}
	x.events = x.events[:0]
	return nil
}

// wake marks the practices that changes want woken, each once.
func (x *session) wake() error {
	for _, h := range x.heads {
		if !h.wakes {
			continue
		}
		x.position++
		if _, err := x.exec(setWake, x.position, h.number); err != nil {
			return err
		}
		h.wakes = false
	}
	return nil
}

// open reports whether something may still become of an item by itself.
func open(s writeback.State) bool { return s != writeback.Skipped && !s.Final() }

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func bytesOrNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}
