package sqlstore

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

// defaultLimit is an ItemQuery's when it names none.
const defaultLimit = 100

const (
	itemColumns = "i.seq, i.id, i.item_key, i.hash, i.created, i.version, i.updated, i.due, i.blocking, i.lane, i.kind, " +
		"i.state, i.reason, i.cause, i.patient, i.subject, i.blob, i.revision, i.fence, i.attempts, i.payload, i.progress"
	// unblocked has two parameters: the lower bound of the practice's Seqs, twice.
	unblocked = "(i.lane = '' OR NOT EXISTS (SELECT 1 FROM pms_items b " +
		"WHERE b.blocking = 1 AND b.lane <> '' AND b.lane = i.lane AND b.seq > ? AND b.seq < i.seq))"
	selectDue = "SELECT " + itemColumns + " FROM pms_items i WHERE i.seq > ? AND i.seq < ? AND i.due <= ? AND " +
		unblocked + " ORDER BY i.seq LIMIT ?"
	selectNext = "SELECT min(i.due) FROM pms_items i WHERE i.seq > ? AND i.seq < ? AND i.due > ? AND " + unblocked
	// selectSummary counts the few that are open one by one, and the many that
	// are closed in an index that has them grouped.
	selectSummary = "SELECT state, kind, reason, cause, count(*) AS items, min(created) AS oldest FROM pms_items " +
		"WHERE seq > ? AND seq < ? AND open = 1 GROUP BY state, kind, reason, cause UNION ALL " +
		"SELECT state, kind, reason, cause, count(*), min(created) FROM pms_items " +
		"WHERE practice = ? AND open = 0 GROUP BY state, kind, reason, cause ORDER BY state, kind, reason, cause"
	selectItem = "SELECT " + itemColumns + " FROM pms_items i WHERE i.practice = ? AND i.id = ?"
	selectKey  = "SELECT " + itemColumns + " FROM pms_items i WHERE i.practice = ? AND i.item_key = ?"
)

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(...any) error }

// scanItem reads itemColumns. Plain types spare database/sql its reflection.
func scanItem(from scanner, practice string, now int64) (writeback.Record, error) {
	r := writeback.Record{Practice: practice}
	var created, updated, blocking, attempts int64
	var due any
	err := from.Scan(&r.Seq, &r.ID, &r.Key, &r.Hash, &created, &r.Version, &updated, &due, &blocking, &r.Lane, (*string)(&r.Kind),
		(*string)(&r.State), (*string)(&r.Reason), &r.Cause, &r.Patient, &r.Subject, &r.Blob, &r.Revision, &r.Fence, &attempts,
		&r.Payload, &r.Progress)
	if err != nil {
		return writeback.Record{}, err
	}
	r.CreatedAt, r.UpdatedAt = fromMicros(created), fromMicros(updated)
	r.Age = time.Duration(now-created) * time.Microsecond
	r.Blocking, r.Attempts = blocking != 0, int(attempts)
	if at, ok := due.(int64); ok {
		r.Active, r.DueIn = true, time.Duration(at-now)*time.Microsecond
	}
	return r, nil
}

// records reads the items of one practice.
func (s *Store) records(ctx context.Context, practice string, now int64, text string, args ...any) ([]writeback.Record, error) {
	rows, err := s.query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []writeback.Record
	for rows.Next() {
		r, err := scanItem(rows, practice, now)
		if err != nil {
			return nil, s.scanned(err)
		}
		out = append(out, r)
	}
	return out, s.scanned(rows.Err())
}

// Due returns the items whose turn it is. Items without a lane never block each
// other.
func (s *Store) Due(ctx context.Context, practice string, limit int) ([]writeback.Record, time.Duration, error) {
	items, wait, err := s.due(ctx, practice, max(limit, 0))
	return items, wait, wrap("due", err)
}

func (s *Store) due(ctx context.Context, practice string, limit int) ([]writeback.Record, time.Duration, error) {
	number, err := s.number(ctx, practice)
	if err != nil || number == 0 {
		return nil, -1, err
	}
	above, below := seqRange(number)
	now, err := s.micros(ctx)
	if err != nil {
		return nil, 0, err
	}
	items, err := s.records(ctx, practice, now, selectDue, above, below, now, above, limit+1)
	if err != nil {
		return nil, 0, err
	}
	if len(items) > limit {
		return items[:limit], 0, nil
	}
	var next sql.NullInt64
	if err := s.get(ctx, selectNext, []any{above, below, now, above}, &next); err != nil {
		return nil, 0, err
	}
	if !next.Valid {
		return items, -1, nil
	}
	return items, time.Duration(next.Int64-now) * time.Microsecond, nil
}

// Item returns one item.
func (s *Store) Item(ctx context.Context, practice, id string) (writeback.Record, error) {
	r, err := s.item(ctx, practice, selectItem, id)
	return r, wrap("item", err)
}

// ItemByKey returns the item with the host's key.
func (s *Store) ItemByKey(ctx context.Context, practice, key string) (writeback.Record, error) {
	r, err := s.item(ctx, practice, selectKey, key)
	return r, wrap("item by key", err)
}

func (s *Store) item(ctx context.Context, practice, text, value string) (writeback.Record, error) {
	number, err := s.number(ctx, practice)
	if err != nil {
		return writeback.Record{}, err
	}
	if number == 0 {
		return writeback.Record{}, writeback.ErrNotFound
	}
	st, err := s.stmt(ctx, text)
	if err != nil {
		return writeback.Record{}, err
	}
	now, err := s.micros(ctx)
	if err != nil {
		return writeback.Record{}, err
	}
	r, err := scanItem(st.QueryRowContext(ctx, number, value), practice, now)
	return r, s.scanned(err)
}

// Items returns the items that fit.
func (s *Store) Items(ctx context.Context, q writeback.ItemQuery) ([]writeback.Record, error) {
	number, err := s.number(ctx, q.Practice)
	if err != nil || number == 0 {
		return nil, wrap("items", err)
	}
	now, err := s.micros(ctx)
	if err != nil {
		return nil, wrap("items", err)
	}
	text, args, err := itemsQuery(&q, number, now)
	if err != nil {
		return nil, wrap("items", err)
	}
	out, err := s.records(ctx, q.Practice, now, text, args...)
	return out, wrap("items", err)
}

func itemsQuery(q *writeback.ItemQuery, number, now int64) (string, []any, error) {
	above, below := seqRange(number)
	if q.After != 0 && q.Newest {
		below = min(below, q.After)
	} else if q.After != 0 {
		above = max(above, q.After)
	}
	var text strings.Builder
	text.WriteString("SELECT " + itemColumns + " FROM pms_items i WHERE i.seq > ? AND i.seq < ?")
	args := []any{above, below}
	and := func(condition string, value any) {
		text.WriteString(" AND " + condition)
		args = append(args, value)
	}
	if len(q.States) > 0 {
		and("i.state IN (?)", q.States)
		if onlyOpen(q.States) {
			text.WriteString(" AND i.open = 1")
		}
	}
	if len(q.Reasons) > 0 {
		and("i.reason IN (?)", q.Reasons)
	}
	if len(q.Kinds) > 0 {
		and("i.kind IN (?)", q.Kinds)
	}
	if q.Patient != "" {
		and("i.patient = ?", q.Patient)
	}
	if q.Subject != "" {
		and("i.subject <> '' AND i.subject = ?", q.Subject)
	}
	if q.Cause != "" {
		and("i.cause = ?", q.Cause)
	}
	if q.NoCause {
		and("i.cause = ?", "")
	}
	if q.MinAge != 0 {
		and("i.created <= ?", now-q.MinAge.Microseconds())
	}
	if q.MaxAge != 0 {
		and("i.created >= ?", now-q.MaxAge.Microseconds())
	}
	if q.MinIdle != 0 {
		and("i.updated <= ?", now-q.MinIdle.Microseconds())
	}
	if q.MaxIdle != 0 {
		and("i.updated >= ?", now-q.MaxIdle.Microseconds())
	}
	text.WriteString(" ORDER BY i.seq")
	if q.Newest {
		text.WriteString(" DESC")
	}
	text.WriteString(" LIMIT ?")
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	return sqlx.In(text.String(), append(args, limit)...)
}

// onlyOpen reports whether the index of open items has all states.
func onlyOpen(states []writeback.State) bool {
	for _, s := range states {
		if !open(s) {
			return false
		}
	}
	return true
}

// Summary counts a practice's items, ordered by the fields they are grouped by.
func (s *Store) Summary(ctx context.Context, practice string) ([]writeback.Group, error) {
	number, err := s.number(ctx, practice)
	if err != nil || number == 0 {
		return nil, wrap("summary", err)
	}
	above, below := seqRange(number)
	var rows []struct {
		State  writeback.State
		Kind   writeback.ItemKind
		Reason driver.Reason
		Cause  string
		Count  int   `db:"items"`
		Oldest int64 `db:"oldest"`
	}
	err = s.selectAll(ctx, &rows, selectSummary, above, below, number)
	if err != nil {
		return nil, wrap("summary", err)
	}
	var out []writeback.Group
	for _, r := range rows {
		out = append(out, writeback.Group{
			State: r.State, Kind: r.Kind, Reason: r.Reason, Cause: r.Cause, Count: r.Count, Oldest: fromMicros(r.Oldest),
		})
	}
	return out, nil
}

// isScanError tells database/sql's complaint about a value from other errors.
func isScanError(err error) bool {
	return strings.Contains(err.Error(), "sql: Scan error")
}
