package sqlstore

import (
	"database/sql"
	"errors"

	"github.com/pmswriteback/pms/writeback"
)

// The statements of every poll; they are kept prepared.
const (
	docVersion = "SELECT version FROM pms_docs WHERE practice = ? AND name = ?"
	insertDoc  = "INSERT INTO pms_docs (practice, name, version, updated, value) VALUES (?, ?, 1, ?, ?)"
	updateDoc  = "UPDATE pms_docs SET version = version + 1, updated = ?, value = ? WHERE practice = ? AND name = ?"
	insertSeen = "INSERT INTO pms_seen (practice, feed, id, hash, start, status, rev) VALUES (?, ?, ?, ?, ?, ?, ?)"
)

func (x *session) doc(h *head, w *writeback.DocWrite) (refused, err error) {
	version := int64(0)
	if w.Expect >= 0 || w.Value != nil {
		err = x.get(docVersion, []any{h.number, w.Name}, &version)
		if err = noRows(err); err != nil {
			return nil, err
		}
	}
	if w.Expect >= 0 && w.Expect != version {
		return writeback.ErrStale, nil
	}
	switch {
	case w.Value == nil:
		_, err = x.exec("DELETE FROM pms_docs WHERE practice = ? AND name = ?", h.number, w.Name)
	case version == 0:
		_, err = x.exec(insertDoc, h.number, w.Name, x.now, w.Value)
	default:
		_, err = x.exec(updateDoc, x.now, w.Value, h.number, w.Name)
	}
	return nil, err
}

func (x *session) save(h *head, r *writeback.Revision) error {
	document := r.Document
	if document == nil {
		document = []byte{}
	}
	_, err := x.exec("INSERT INTO pms_revisions (practice, number, at, actor, reason, document) VALUES (?, ?, ?, ?, ?, ?)",
		h.number, h.rev+1, x.now, r.Actor, r.Reason, document)
	if err != nil {
		return err
	}
	if _, err := x.exec("UPDATE pms_heads SET revision = ? WHERE practice = ?", h.rev+1, h.number); err != nil {
		return err
	}
	h.rev++
	return nil
}

func (x *session) seen(h *head, w *writeback.SeenWrite) error {
	if w.Forget {
		_, err := x.exec("DELETE FROM pms_seen WHERE practice = ? AND feed = ? AND id = ?", h.number, string(w.Feed), w.Seen.ID)
		return err
	}
	var start any
	if !w.Seen.Start.IsZero() {
		start = w.Seen.Start.UnixMicro()
	}
	_, err := x.exec(x.s.upsertSeen, h.number, string(w.Feed), w.Seen.ID, w.Seen.Hash, start, w.Seen.Status, w.Seen.Rev)
	return err
}

// noRows takes the absence of a row for an answer.
func noRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// errValue stands for database/sql's error about a value that is not of its
// column's type, whose text holds the value.
var errValue = errors.New("a stored value is not of its column's type: the database is damaged, restore a back-up")

// scanned makes an error of Scan fit to be returned.
func (s *Store) scanned(err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if explained := s.dialect.explain(err); explained != err {
		return explained
	}
	if isScanError(err) {
		return errValue
	}
	return err
}
