package sqlstore

import (
	"context"
	"database/sql"

	"github.com/pmswriteback/pms/writeback"
)

var _ writeback.Submitter = (*Tx)(nil)

// Tx submits inside the host's own transaction. It is good until the
// transaction ends.
type Tx struct{ x *session }

// Tx returns a Submitter whose effects are part of the host's transaction tx,
// on the same database: they are durable when tx commits, and gone when it is
// rolled back. A change that fails leaves tx usable. Blobs are part of the
// transaction too.
//
// The first change takes the database's write lock, which tx holds until it
// ends: every other writer waits meanwhile, so submit last and commit soon. On
// SQLite, begin a transaction that reads first with BEGIN IMMEDIATE (_txlock),
// or another writer may make it fail as busy. A Tx is used by one goroutine at a
// time.
//
// Nobody is woken before tx commits; calling the engine's Wake afterwards saves
// the wait for the next poll.
func (s *Store) Tx(tx *sql.Tx) writeback.Submitter {
	return &Tx{x: s.session(tx, true)}
}

// Apply carries out changes in the host's transaction, each all or nothing.
func (t *Tx) Apply(ctx context.Context, changes []writeback.Change) []error {
	errs := make([]error, len(changes))
	err := t.enter(ctx, positions(changes))
	for i := range changes {
		if err != nil {
			errs[i] = wrap("apply", err)
			continue
		}
		refused, failed := t.x.change(&changes[i])
		if refused == nil {
			refused = failed
		}
		errs[i] = wrap("apply", refused)
	}
	return errs
}

// ItemByKey returns the item with the host's key, as the transaction sees it.
func (t *Tx) ItemByKey(ctx context.Context, practice, key string) (writeback.Record, error) {
	h, err := t.read(ctx, practice)
	if err != nil {
		return writeback.Record{}, wrap("item by key", err)
	}
	st, err := t.x.stmt(selectKey)
	if err != nil {
		return writeback.Record{}, wrap("item by key", err)
	}
	r, err := scanItem(st.QueryRowContext(ctx, h.number, key), practice, t.x.now)
	return r, wrap("item by key", t.x.s.scanned(err))
}

// Doc returns one document, as the transaction sees it.
func (t *Tx) Doc(ctx context.Context, practice, name string) (writeback.Doc, error) {
	h, err := t.read(ctx, practice)
	if err != nil {
		return writeback.Doc{}, wrap("doc", err)
	}
	var r docRow
	err = t.x.get(selectDoc, []any{h.number, name}, &r.Name, &r.Version, &r.Updated, &r.Value)
	if err != nil {
		return writeback.Doc{}, wrap("doc", err)
	}
	return r.doc(t.x.now), nil
}

// PutBlob stores a chunk of a blob in the host's transaction.
func (t *Tx) PutBlob(ctx context.Context, practice, blob string, n int, chunk []byte) error {
	if err := t.enter(ctx, 0); err != nil {
		return wrap("put blob", err)
	}
	return wrap("put blob", t.x.putBlob(practice, blob, n, chunk))
}

// enter readies the session for a call that writes.
func (t *Tx) enter(ctx context.Context, draw int) error {
	if err := t.look(ctx); err != nil {
		return err
	}
	return t.x.begin(draw)
}

// look readies the session for a call.
func (t *Tx) look(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// The host may have rolled back to a savepoint of its own meanwhile.
	clear(t.x.heads)
	return t.x.s.check()
}

// read finds a practice without writing.
func (t *Tx) read(ctx context.Context, practice string) (*head, error) {
	if err := t.look(ctx); err != nil {
		return nil, err
	}
	if err := t.x.clock(); err != nil {
		return nil, err
	}
	h := &head{id: practice}
	return h, t.x.get("SELECT n FROM pms_practices WHERE id = ?", []any{practice}, &h.number)
}
