package sqlstore

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

// seenAtOnce bounds the parameters of one query.
const seenAtOnce = 500

const seenColumns = "id, hash, start, status, rev"

type seenRow struct {
	ID, Hash string
	Start    sql.NullInt64
	Status   string
	Rev      int64
}

func (r *seenRow) seen() writeback.Seen {
	s := writeback.Seen{ID: r.ID, Hash: r.Hash, Status: r.Status, Rev: r.Rev}
	if r.Start.Valid {
		s.Start = fromMicros(r.Start.Int64)
	}
	return s
}

// Seen returns what was seen of these records of a feed.
func (s *Store) Seen(ctx context.Context, practice string, feed driver.Feed, ids []string) (map[string]writeback.Seen, error) {
	out := make(map[string]writeback.Seen, len(ids))
	number, err := s.number(ctx, practice)
	if err != nil || number == 0 {
		return out, wrap("seen", err)
	}
	for some := range slices.Chunk(ids, seenAtOnce) {
		text, args, err := sqlx.In("SELECT "+seenColumns+" FROM pms_seen WHERE practice = ? AND feed = ? AND id IN (?)",
			number, string(feed), some)
		if err != nil {
			return nil, wrap("seen", err)
		}
		var rows []seenRow
		if err := s.selectAll(ctx, &rows, text, args...); err != nil {
			return nil, wrap("seen", err)
		}
		for _, r := range rows {
			out[r.ID] = r.seen()
		}
	}
	return out, nil
}

// SeenBetween returns the records of a feed with Start in [from, to).
func (s *Store) SeenBetween(ctx context.Context, practice string, feed driver.Feed, from, to time.Time, after string, limit int) ([]writeback.Seen, error) {
	number, err := s.number(ctx, practice)
	if err != nil || number == 0 {
		return nil, wrap("seen between", err)
	}
	hint := ""
	if !from.IsZero() || !to.IsZero() {
		// By id, a window of days would go through all days there ever were.
		hint = s.dialect.index("pms_seen_start")
	}
	text, args := "SELECT "+seenColumns+" FROM pms_seen"+hint+" WHERE practice = ? AND feed = ?", []any{number, string(feed)}
	if after != "" {
		text += " AND id > ?"
		args = append(args, after)
	}
	if !from.IsZero() {
		text += " AND start >= ?"
		args = append(args, from.UnixMicro())
	}
	if !to.IsZero() {
		text += " AND start < ?"
		args = append(args, to.UnixMicro())
	}
	var rows []seenRow
	if err := s.selectAll(ctx, &rows, text+" ORDER BY id LIMIT ?", append(args, max(limit, 0))...); err != nil {
		return nil, wrap("seen between", err)
	}
	var out []writeback.Seen
	for _, r := range rows {
		out = append(out, r.seen())
	}
	return out, nil
}
