package opendentaltest

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// maxStatements bounds what is kept prepared. The emulator asks some hundred
// different questions; filters in every combination must not add up.
const maxStatements = 300

// statements keeps SQLite's statements prepared: parsing takes most of the time
// of a small statement there. A new one runs unprepared the first time, since
// an in-memory practice has one connection and that one is busy running it,
// and is prepared when the connection is free again.
type statements struct {
	mu     sync.Mutex
	ready  map[string]*sql.Stmt
	wanted map[string]bool
}

func newStatements() *statements {
	return &statements{ready: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

func (s *statements) find(query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	stmt := s.ready[query]
	if stmt == nil && len(s.ready)+len(s.wanted) < maxStatements {
		s.wanted[query] = true
	}
	return stmt
}

// warm prepares what ran unprepared. One that cannot be prepared has failed
// already where it was asked, so nobody needs to hear of it again.
func (s *statements) warm(ctx context.Context, db *sql.DB) {
	s.mu.Lock()
	wanted := s.wanted
	s.wanted = map[string]bool{}
	s.mu.Unlock()
	for query := range wanted {
		stmt, err := db.PrepareContext(ctx, query)
		if err != nil {
			continue
		}
		s.mu.Lock()
		old := s.ready[query]
		s.ready[query] = stmt
		s.mu.Unlock()
		if old != nil {
			_ = old.Close()
		}
	}
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.ready {
		errs = append(errs, stmt.Close())
	}
	clear(s.ready)
	return errors.Join(errs...)
}

// preparedDB asks through the statements.
type preparedDB struct {
	db         *sql.DB
	statements *statements
}

func (p preparedDB) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := p.statements.find(query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return p.db.ExecContext(ctx, query, args...)
}

func (p preparedDB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := p.statements.find(query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return p.db.QueryContext(ctx, query, args...)
}

// preparedTx asks through the statements within a transaction. What a long
// transaction asks again and again is prepared on its own connection.
type preparedTx struct {
	tx         *sql.Tx
	statements *statements
	local      map[string]*sql.Stmt // nil = asked once
}

func (p preparedTx) find(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := p.statements.find(query); stmt != nil {
		return p.tx.StmtContext(ctx, stmt), nil
	}
	stmt, asked := p.local[query]
	if !asked || stmt != nil {
		p.local[query] = stmt
		return stmt, nil
	}
	stmt, err := p.tx.PrepareContext(ctx, query) // ends with the transaction
	p.local[query] = stmt
	return stmt, err
}

func (p preparedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := p.find(ctx, query)
	if err != nil {
		return nil, err
	}
	if stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return p.tx.ExecContext(ctx, query, args...)
}

func (p preparedTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := p.find(ctx, query)
	if err != nil {
		return nil, err
	}
	if stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return p.tx.QueryContext(ctx, query, args...)
}
