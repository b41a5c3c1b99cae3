package opendentaltest

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// querier is what *sql.DB, *sql.Tx and *sql.Conn have in common.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// session is one request's, or one staff action's, use of the tables. now is
// the office's wall clock, read before the first row, and cut to the second
// because that is all a TIMESTAMP keeps.
type session struct {
	o   *Office
	ctx context.Context
	q   querier
	now time.Time
	api bool // a request, not a person at the office
}

// read runs f beside other readers. No writer is half way through meanwhile,
// so a row stamped before now is visible: that is what makes serverDateTime a
// cursor.
func (o *Office) read(ctx context.Context, f func(*session) error) error {
	o.rows.RLock()
	defer o.rows.RUnlock()
	ctx = context.WithoutCancel(ctx)
	if o.dialect != DialectSQLite {
		return f(&session{o: o, ctx: ctx, q: o.db, now: o.wall()})
	}
	defer o.statements.warm(ctx, o.db)
	return f(&session{o: o, ctx: ctx, q: preparedDB{o.db, o.statements}, now: o.wall()})
}

// write runs f alone, in a transaction where the tables know such a thing. A
// client that goes away does not stop it, as it does not stop the real server.
func (o *Office) write(ctx context.Context, f func(*session) error) error {
	o.rows.Lock()
	defer o.rows.Unlock()
	ctx = context.WithoutCancel(ctx)
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("opendentaltest: begin: %w", err)
	}
	var q querier = tx
	if o.dialect == DialectSQLite {
		q = preparedTx{tx, o.statements, map[string]*sql.Stmt{}}
		defer o.statements.warm(ctx, o.db) // after the commit
	}
	if err := f(&session{o: o, ctx: ctx, q: q, now: o.wall()}); err != nil {
		_ = tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("opendentaltest: commit: %w", err)
	}
	return nil
}

// wall is the office's clock, in the office's zone, to the second.
func (o *Office) wall() time.Time {
	return o.clock().In(o.zone).Truncate(time.Second)
}

func (s *session) table(name string) *table { return s.o.schema.tables[name] }

func (s *session) columns(t *table) string {
	if list, ok := s.o.selects[t.name]; ok {
		return list
	}
	return "*"
}

// selectLists writes down once what to read from each table.
func selectLists(sc *schema, d Dialect) map[string]string {
	lists := map[string]string{}
	for name, t := range sc.tables {
		names := make([]string, len(t.columns))
		for i, c := range t.columns {
			names[i] = t.name + "." + c.name
			if c.kind == kindStamp && d == DialectMySQL {
				// Seconds since 1970 do not depend on the session's time zone.
				names[i] = "UNIX_TIMESTAMP(" + names[i] + ")"
			}
		}
		lists[name] = strings.Join(names, ", ")
	}
	return lists
}

// list reads rows of a table. tail is everything after FROM and the table.
func (s *session) list(name, tail string, args ...any) ([]record, error) {
	t := s.table(name)
	rows, err := s.q.QueryContext(s.ctx, "SELECT "+s.columns(t)+" FROM "+t.name+" "+tail, args...)
	if err != nil {
		return nil, fmt.Errorf("opendentaltest: read %s: %w", name, err)
	}
	defer rows.Close()
	raw := make([]any, len(t.columns))
	into := make([]any, len(t.columns))
	for i := range raw {
		into[i] = &raw[i]
	}
	var records []record
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("opendentaltest: read %s: %w", name, err)
		}
		values := make([]any, len(t.columns))
		for i, c := range t.columns {
			if values[i], err = c.scanned(raw[i], s.o.zone); err != nil {
				return nil, err
			}
		}
		records = append(records, record{t, values})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("opendentaltest: read %s: %w", name, err)
	}
	return records, nil
}

// get reads one row by its key.
func (s *session) get(name string, id int64) (record, bool, error) {
	return s.first(name, "WHERE "+s.table(name).key+" = ?", id)
}

// first reads the first row of a list.
func (s *session) first(name, tail string, args ...any) (record, bool, error) {
	records, err := s.list(name, tail+" LIMIT 1", args...)
	if err != nil || len(records) == 0 {
		return record{table: s.table(name)}, false, err
	}
	return records[0], true, nil
}

// bound is the placeholder of a column, and the value to bind.
func (s *session) bound(c column, v any) (string, any, error) {
	if c.kind != kindStamp || s.o.dialect != DialectMySQL {
		return "?", v, nil
	}
	t, err := time.ParseInLocation(layoutDateTime, v.(string), s.o.zone)
	if err != nil {
		return "", nil, fmt.Errorf("opendentaltest: column %s: not a wall time", c.name)
	}
	return "FROM_UNIXTIME(?)", t.Unix(), nil
}

// stampSince is the condition "changed at or after this wall time".
func (s *session) stampSince(t *table, since time.Time) (string, any) {
	if s.o.dialect == DialectMySQL {
		return t.name + "." + t.stamp() + " >= FROM_UNIXTIME(?)", since.Unix()
	}
	return t.name + "." + t.stamp() + " >= ?", since.Format(layoutDateTime)
}

// insert stores a new row. Columns that values leaves out get what the program
// stores when it has nothing to say. It returns the row as stored.
func (s *session) insert(name string, values set) (record, error) {
	t := s.table(name)
	row := record{t, make([]any, len(t.columns))}
	var names, marks []string
	var args []any
	for i, c := range t.columns {
		v, given := values[c.name]
		switch {
		case c.name == t.key && !given:
			continue
		case c.kind == kindStamp && !given:
			v = s.now
		case c.kind == kindTime && !given && c.nullable:
			row.values[i] = ""
			continue
		}
		fitted, err := c.fit(v)
		if err != nil {
			return row, err
		}
		row.values[i] = fitted
		mark, arg, err := s.bound(c, fitted)
		if err != nil {
			return row, err
		}
		names, marks, args = append(names, c.name), append(marks, mark), append(args, arg)
	}
	result, err := s.q.ExecContext(s.ctx, "INSERT INTO "+t.name+" ("+strings.Join(names, ", ")+
		") VALUES ("+strings.Join(marks, ", ")+")", args...)
	if err != nil {
		return row, fmt.Errorf("opendentaltest: insert into %s: %w", name, err)
	}
	if _, given := values[t.key]; !given {
		id, err := result.LastInsertId()
		if err != nil {
			return row, fmt.Errorf("opendentaltest: insert into %s: %w", name, err)
		}
		row.values[t.index[t.key]] = id
	}
	return row, nil
}

// update stores new values of a row and returns the row as it is then. Like
// ON UPDATE CURRENT_TIMESTAMP it touches the row's stamp only if a value
// really changed; changed says so.
func (s *session) update(row record, values set) (after record, changed bool, err error) {
	t := row.table
	after = record{t, slices.Clone(row.values)}
	var assignments []string
	var args []any
	assign := func(c column, v any) error {
		mark, arg, err := s.bound(c, v)
		if err != nil {
			return err
		}
		assignments, args = append(assignments, c.name+" = "+mark), append(args, arg)
		after.values[t.index[c.name]] = v
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i, ok := t.index[name]
		if !ok {
			return row, false, fmt.Errorf("opendentaltest: update %s: no column %s", t.name, name)
		}
		fitted, err := t.columns[i].fit(values[name])
		if err != nil {
			return row, false, err
		}
		if fitted == row.values[i] {
			continue
		}
		if err := assign(t.columns[i], fitted); err != nil {
			return row, false, err
		}
	}
	if len(assignments) == 0 {
		return row, false, nil
	}
	if stamp := t.stamp(); stamp != "" {
		if _, given := values[stamp]; !given {
			if err := assign(t.columns[t.index[stamp]], s.now.Format(layoutDateTime)); err != nil {
				return row, false, err
			}
		}
	}
	args = append(args, row.id())
	_, err = s.q.ExecContext(s.ctx, "UPDATE "+t.name+" SET "+strings.Join(assignments, ", ")+
		" WHERE "+t.key+" = ?", args...)
	if err != nil {
		return row, false, fmt.Errorf("opendentaltest: update %s: %w", t.name, err)
	}
	return after, true, nil
}

// remove deletes a row.
func (s *session) remove(row record) error {
	_, err := s.q.ExecContext(s.ctx, "DELETE FROM "+row.table.name+" WHERE "+row.table.key+" = ?", row.id())
	if err != nil {
		return fmt.Errorf("opendentaltest: delete from %s: %w", row.table.name, err)
	}
	return nil
}

// preference reads a preference; a missing one is "".
func (s *session) preference(name string) (string, error) {
	row, _, err := s.first("preference", "WHERE PrefName = ?", name)
	return row.text("ValueString"), err
}

// setPreference stores a preference.
func (s *session) setPreference(name, value string) error {
	row, found, err := s.first("preference", "WHERE PrefName = ?", name)
	if err != nil {
		return err
	}
	if !found {
		_, err = s.insert("preference", set{"PrefName": name, "ValueString": value})
		return err
	}
	_, _, err = s.update(row, set{"ValueString": value})
	return err
}
