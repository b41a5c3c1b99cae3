package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/pmswriteback/pms/writeback"
)

// PutBlob stores chunk n of a blob. The same chunk again replaces it.
func (s *Store) PutBlob(ctx context.Context, practice, blob string, n int, chunk []byte) error {
	_, err := s.inTx(ctx, 0, func(x *session) error { return x.putBlob(practice, blob, n, chunk) })
	return wrap("put blob", err)
}

func (x *session) putBlob(practice, blob string, n int, chunk []byte) error {
	switch {
	case blob == "":
		return errors.New("the blob has no name")
	case n < 0:
		return fmt.Errorf("chunk number %d is negative", n)
	case len(chunk) > writeback.BlobChunk:
		return fmt.Errorf("chunk of %d bytes, at most %d fit", len(chunk), writeback.BlobChunk)
	}
	h, err := x.head(practice)
	if err != nil {
		return err
	}
	if _, err := x.exec("INSERT INTO pms_blobs (practice, blob, at) VALUES (?, ?, ?)"+x.s.upsertBlob, h.number, blob, x.now); err != nil {
		return err
	}
	_, err = x.exec("INSERT INTO pms_chunks (practice, blob, n, chunk) VALUES (?, ?, ?, ?)"+x.s.upsertChunk,
		h.number, blob, n, notNil(chunk))
	return err
}

func (x *session) dropBlob(number int64, blob string) error {
	if _, err := x.exec("DELETE FROM pms_chunks WHERE practice = ? AND blob = ?", number, blob); err != nil {
		return err
	}
	_, err := x.exec("DELETE FROM pms_blobs WHERE practice = ? AND blob = ?", number, blob)
	return err
}

// Blob returns chunk n of a blob.
func (s *Store) Blob(ctx context.Context, practice, blob string, n int) ([]byte, error) {
	number, err := s.number(ctx, practice)
	if err != nil {
		return nil, wrap("blob", err)
	}
	var chunk []byte
	err = s.get(ctx, "SELECT chunk FROM pms_chunks WHERE practice = ? AND blob = ? AND n = ?", []any{number, blob, n}, &chunk)
	return chunk, wrap("blob", err)
}

// orphan is true of a blob b that no item names; it has one parameter, the
// latest time.
const orphan = "b.at <= ? AND NOT EXISTS (SELECT 1 FROM pms_items i WHERE i.practice = b.practice AND i.blob = b.blob AND i.blob <> '')"

// Sweep deletes old blobs that no item names. Each is a transaction of its own,
// which looks again.
func (s *Store) Sweep(ctx context.Context, age time.Duration) (int, error) {
	now, err := s.micros(ctx)
	if err != nil {
		return 0, wrap("sweep", err)
	}
	limit := now - age.Microseconds()
	var rows []struct {
		Practice int64
		Blob     string
	}
	if err := s.selectAll(ctx, &rows, "SELECT b.practice, b.blob FROM pms_blobs b WHERE "+orphan, limit); err != nil {
		return 0, wrap("sweep", err)
	}
	swept := 0
	for _, r := range rows {
		_, err := s.inTx(ctx, 0, func(x *session) error {
			var still int
			err := x.get("SELECT 1 FROM pms_blobs b WHERE b.practice = ? AND b.blob = ? AND "+orphan, []any{r.Practice, r.Blob, limit}, &still)
			if errors.Is(err, sql.ErrNoRows) {
				return errNothing
			}
			if err != nil {
				return err
			}
			return x.dropBlob(r.Practice, r.Blob)
		})
		if err == nil {
			swept++
		} else if nothing(err) != nil {
			return swept, wrap("sweep", err)
		}
	}
	return swept, nil
}

// Purge empties old items. It counts as a change of the item: its Version
// rises, its UpdatedAt stays.
func (s *Store) Purge(ctx context.Context, practice string, states []writeback.State, age time.Duration, limit int) (int, error) {
	if len(states) == 0 {
		return 0, wrap("purge", s.check())
	}
	number, err := s.number(ctx, practice)
	if err != nil || number == 0 {
		return 0, wrap("purge", err)
	}
	now, err := s.micros(ctx)
	if err != nil {
		return 0, wrap("purge", err)
	}
	above, below := seqRange(number)
	text, args, err := sqlx.In("SELECT seq, version, blob FROM pms_items WHERE seq > ? AND seq < ? AND state IN (?) AND updated <= ? "+
		"AND (payload IS NOT NULL OR blob <> '') ORDER BY seq LIMIT ?",
		above, below, states, now-age.Microseconds(), max(limit, 0))
	if err != nil {
		return 0, wrap("purge", err)
	}
	// Looking goes through all of a practice's items and must not keep writers
	// waiting; the versions tell what changed until they are purged.
	var rows []purgeRow
	if err := s.selectAll(ctx, &rows, text, args...); err != nil || len(rows) == 0 {
		return 0, wrap("purge", err)
	}
	purged := 0
	_, err = s.inTx(ctx, 0, func(x *session) error {
		for _, r := range rows {
			done, err := x.purge(number, r)
			if err != nil {
				return err
			}
			if done {
				purged++
			}
		}
		return nil
	})
	if err != nil {
		return 0, wrap("purge", err)
	}
	return purged, nil
}

type purgeRow struct {
	Seq, Version int64
	Blob         string
}

// purge empties an item that is as it was when it was looked for.
func (x *session) purge(number int64, r purgeRow) (done bool, err error) {
	n, err := x.exec("UPDATE pms_items SET payload = NULL, blob = '', version = version + 1 WHERE seq = ? AND version = ?",
		r.Seq, r.Version)
	if err != nil || n == 0 || r.Blob == "" {
		return n > 0, err
	}
	var other int
	err = x.get("SELECT 1 FROM pms_items WHERE practice = ? AND blob = ? AND blob <> '' LIMIT 1", []any{number, r.Blob}, &other)
	if errors.Is(err, sql.ErrNoRows) {
		err = x.dropBlob(number, r.Blob)
	}
	return err == nil, err
}
