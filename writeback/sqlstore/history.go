package sqlstore

import (
	"context"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

const eventColumns = "seq, at, item, name, from_state, to_state, reason, actor, detail"

type eventRow struct {
	Seq    int64
	At     int64
	Item   string
	Name   string
	From   writeback.State `db:"from_state"`
	To     writeback.State `db:"to_state"`
	Reason driver.Reason
	Actor  string
	Detail string
}

// Events returns a practice's events behind a position.
func (s *Store) Events(ctx context.Context, practice string, after int64, limit int) ([]writeback.Event, error) {
	number, err := s.number(ctx, practice)
	if err != nil || number == 0 {
		return nil, wrap("events", err)
	}
	above, below := seqRange(number)
	out, err := s.events(ctx, practice, "SELECT "+eventColumns+" FROM pms_events WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?",
		max(above, after), below, max(limit, 0))
	return out, wrap("events", err)
}

// ItemEvents returns all events of one item.
func (s *Store) ItemEvents(ctx context.Context, practice, item string) ([]writeback.Event, error) {
	number, err := s.number(ctx, practice)
	if err != nil || number == 0 {
		return nil, wrap("item events", err)
	}
	above, below := seqRange(number)
	var seq int64
	err = s.get(ctx, "SELECT seq FROM pms_items WHERE practice = ? AND id = ?", []any{number, item}, &seq)
	if err = noRows(err); err != nil {
		return nil, wrap("item events", err)
	}
	out, err := s.events(ctx, practice, "SELECT "+eventColumns+" FROM pms_events WHERE item_seq = ? AND item_seq > 0 "+
		"UNION ALL SELECT "+eventColumns+" FROM pms_events WHERE item_seq = 0 AND item <> '' AND item = ? AND seq > ? AND seq < ? "+
		"ORDER BY seq", seq, item, above, below)
	return out, wrap("item events", err)
}

func (s *Store) events(ctx context.Context, practice, text string, args ...any) ([]writeback.Event, error) {
	var rows []eventRow
	if err := s.selectAll(ctx, &rows, text, args...); err != nil {
		return nil, err
	}
	var out []writeback.Event
	for _, r := range rows {
		out = append(out, writeback.Event{
			Practice: practice, Seq: r.Seq, At: fromMicros(r.At), Item: r.Item, Name: r.Name,
			From: r.From, To: r.To, Reason: r.Reason, Actor: r.Actor, Detail: r.Detail,
		})
	}
	return out, nil
}

const (
	docColumns = "name, version, updated, value"
	selectDoc  = "SELECT " + docColumns + " FROM pms_docs WHERE practice = ? AND name = ?"
)

type docRow struct {
	Name    string
	Version int64
	Updated int64
	Value   []byte
}

// doc is the row as a document.
func (r *docRow) doc(now int64) writeback.Doc {
	return writeback.Doc{
		Name: r.Name, Value: notNil(r.Value), Version: r.Version, UpdatedAt: fromMicros(r.Updated),
		Age: time.Duration(now-r.Updated) * time.Microsecond,
	}
}

// Doc returns one document.
func (s *Store) Doc(ctx context.Context, practice, name string) (writeback.Doc, error) {
	number, err := s.number(ctx, practice)
	if err != nil {
		return writeback.Doc{}, wrap("doc", err)
	}
	r := docRow{}
	err = s.get(ctx, selectDoc, []any{number, name},
		&r.Name, &r.Version, &r.Updated, &r.Value)
	if err != nil {
		return writeback.Doc{}, wrap("doc", err)
	}
	now, err := s.micros(ctx)
	return r.doc(now), wrap("doc", err)
}

// Docs returns the documents whose name begins with prefix.
func (s *Store) Docs(ctx context.Context, practice, prefix string) ([]writeback.Doc, error) {
	number, err := s.number(ctx, practice)
	if err != nil || number == 0 {
		return nil, wrap("docs", err)
	}
	text := "SELECT " + docColumns + " FROM pms_docs WHERE practice = ? AND name >= ?"
	args := []any{number, prefix}
	if end := prefixEnd(prefix); end != "" {
		text += " AND name < ?"
		args = append(args, end)
	}
	var rows []docRow
	if err := s.selectAll(ctx, &rows, text+" ORDER BY name", args...); err != nil {
		return nil, wrap("docs", err)
	}
	var out []writeback.Doc
	now, err := s.micros(ctx)
	if err != nil {
		return nil, wrap("docs", err)
	}
	for _, r := range rows {
		out = append(out, r.doc(now))
	}
	return out, nil
}

// prefixEnd returns the first string, byte by byte, behind all that begin with
// prefix; empty when there is none.
func prefixEnd(prefix string) string {
	for last := len(prefix) - 1; last >= 0; last-- {
		if prefix[last] < 0xff {
			return prefix[:last] + string([]byte{prefix[last] + 1})
		}
	}
	return ""
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

const revisionColumns = "number, at, actor, reason, document"

type revisionRow struct {
	Number        int64
	At            int64
	Actor, Reason string
	Document      []byte
}

// Revision returns a settings revision, the latest for rev 0.
func (s *Store) Revision(ctx context.Context, practice string, rev int64) (writeback.Revision, error) {
	number, err := s.number(ctx, practice)
	if err != nil {
		return writeback.Revision{}, wrap("revision", err)
	}
	text, args := "SELECT "+revisionColumns+" FROM pms_revisions WHERE practice = ? AND number = ?", []any{number, rev}
	if rev == 0 {
		text, args = "SELECT "+revisionColumns+" FROM pms_revisions WHERE practice = ? ORDER BY number DESC LIMIT 1", args[:1]
	}
	var r revisionRow
	if err := s.get(ctx, text, args, &r.Number, &r.At, &r.Actor, &r.Reason, &r.Document); err != nil {
		return writeback.Revision{}, wrap("revision", err)
	}
	return r.revision(), nil
}

// Revisions returns the latest revisions, newest first.
func (s *Store) Revisions(ctx context.Context, practice string, limit int) ([]writeback.Revision, error) {
	number, err := s.number(ctx, practice)
	if err != nil {
		return nil, wrap("revisions", err)
	}
	var rows []revisionRow
	err = s.selectAll(ctx, &rows, "SELECT "+revisionColumns+" FROM pms_revisions WHERE practice = ? ORDER BY number DESC LIMIT ?",
		number, max(limit, 0))
	if err != nil {
		return nil, wrap("revisions", err)
	}
	var out []writeback.Revision
	for _, r := range rows {
		out = append(out, r.revision())
	}
	return out, nil
}

func (r *revisionRow) revision() writeback.Revision {
	return writeback.Revision{Number: r.Number, Document: r.Document, Actor: r.Actor, Reason: r.Reason, At: fromMicros(r.At)}
}
