package sqlstore

import (
	"context"
	"database/sql"
	"errors"
)

// stmt returns a prepared statement of the reading side.
func (s *Store) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	s.mu.RLock()
	st, closed := s.reads[text], s.closed
	s.mu.RUnlock()
	if closed {
		return nil, errClosed
	}
	if st != nil {
		return st, nil
	}
	st, err := s.read.PrepareContext(ctx, s.dialect.rebind(text))
	if err != nil {
		return nil, s.dialect.explain(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept := s.reads[text]; kept != nil || s.closed {
		return kept, errors.Join(st.Close(), s.closedErr())
	}
	s.reads[text] = st
	return st, nil
}

func (s *Store) closedErr() error {
	if s.closed {
		return errClosed
	}
	return nil
}

// query reads rows. Texts that vary are not kept prepared.
func (s *Store) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	var rows *sql.Rows
	var err error
	if text == selectDue {
		var st *sql.Stmt
		if st, err = s.stmt(ctx, text); err != nil {
			return nil, err
		}
		rows, err = st.QueryContext(ctx, args...)
	} else {
		rows, err = s.read.DB.QueryContext(ctx, s.dialect.rebind(text), args...)
	}
	return rows, s.scanned(err)
}

// get reads one row; sql.ErrNoRows when there is none.
func (s *Store) get(ctx context.Context, text string, args []any, into ...any) error {
	st, err := s.stmt(ctx, text)
	if err != nil {
		return err
	}
	return s.scanned(st.QueryRowContext(ctx, args...).Scan(into...))
}

// selectAll reads all rows into a slice of structs.
func (s *Store) selectAll(ctx context.Context, into any, text string, args ...any) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.scanned(s.read.SelectContext(ctx, into, s.dialect.rebind(text), args...))
}

// number returns the number of a practice, 0 when nothing is stored of it.
func (s *Store) number(ctx context.Context, practice string) (int64, error) {
	s.mu.RLock()
	n, closed := s.numbers[practice], s.closed
	s.mu.RUnlock()
	if closed {
		return 0, errClosed
	}
	if n != 0 {
		return n, ctx.Err()
	}
	err := s.get(ctx, "SELECT n FROM pms_practices WHERE id = ?", []any{practice}, &n)
	if err = noRows(err); err != nil || n == 0 {
		return 0, err
	}
	s.remember([]*head{{id: practice, number: n}})
	return n, nil
}
