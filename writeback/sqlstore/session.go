package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// positionBits is how much room a Seq has for the position below the number of
// the practice.
const positionBits = 36

// seqRange returns the bounds of a practice's Seqs; both are outside.
func seqRange(number int64) (above, below int64) {
	return number<<positionBits - 1, (number + 1) << positionBits
}

// session is one transaction that writes. Its first statement takes the write
// lock, so that what it reads afterwards stays true until it commits.
type session struct {
	s     *Store
	tx    *sql.Tx
	host  bool // the transaction is the host's
	now   int64
	stmts map[string]*sql.Stmt
	heads map[string]*head
	fresh []*head // practices first mentioned here

	position, last int64 // drawn positions are in (position, last]
	args           []any
	events         []any // of eventArgs each, to be inserted
	seqs           []int64
}

// head is what a transaction knows of a practice.
type head struct {
	id      string
	number  int64
	loaded  bool
	wakes   bool
	rev     int64
	owner   string
	fence   int64
	expires int64
}

// inTx runs f in a transaction that draws so many positions, and commits it
// when f returns nil. Once the transaction has begun, the end of ctx no longer
// interrupts it. commit says that it was the commit that failed.
func (s *Store) inTx(ctx context.Context, draw int, f func(*session) error) (commit bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := s.check(); err != nil {
		return false, err
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	conn, err := s.write.DB.Conn(ctx)
	if err != nil {
		return false, s.dialect.explain(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return false, s.dialect.explain(err)
	}
	x := s.session(tx, false)
	if err = x.begin(draw); err == nil {
		err = f(x)
	}
	if err != nil {
		_ = tx.Rollback()
		return false, err
	}
	if err := tx.Commit(); err != nil {
		_ = tx.Rollback()
		return true, fmt.Errorf("commit: %w", s.dialect.explain(err))
	}
	s.remember(x.fresh)
	return false, nil
}

func (s *Store) session(tx *sql.Tx, host bool) *session {
	return &session{
		s: s, tx: tx, host: host,
		stmts: make(map[string]*sql.Stmt, 8),
		heads: make(map[string]*head, 8),
	}
}

// remember keeps the numbers of practices, which never change.
func (s *Store) remember(heads []*head) {
	if len(heads) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range heads {
		s.numbers[h.id] = h.number
	}
}

// stmt returns a statement of this transaction.
func (x *session) stmt(text string) (*sql.Stmt, error) {
	if st := x.stmts[text]; st != nil {
		return st, nil
	}
	var st *sql.Stmt
	if kept := x.kept(text); kept != nil {
		st = x.tx.StmtContext(context.Background(), kept)
	} else {
		var err error
		if st, err = x.tx.PrepareContext(context.Background(), x.s.dialect.rebind(text)); err != nil {
			return nil, x.s.dialect.explain(err)
		}
	}
	x.stmts[text] = st
	return st, nil
}

func (x *session) kept(text string) *sql.Stmt {
	if x.host {
		return nil // the host's transaction may be of another handle
	}
	x.s.mu.RLock()
	defer x.s.mu.RUnlock()
	return x.s.stmts[text]
}

// exec runs a statement and returns how many rows it changed.
func (x *session) exec(text string, args ...any) (int64, error) {
	st, err := x.stmt(text)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, x.s.dialect.explain(err)
	}
	n, err := res.RowsAffected()
	return n, x.s.dialect.explain(err)
}

// get reads one row; sql.ErrNoRows when there is none.
func (x *session) get(text string, args []any, into ...any) error {
	st, err := x.stmt(text)
	if err != nil {
		return err
	}
	return x.s.scanned(st.QueryRowContext(context.Background(), args...).Scan(into...))
}

// begin takes the write lock and so many positions, and then reads the clock:
// whoever comes later has a later time.
func (x *session) begin(draw int) error {
	if err := x.draw(draw); err != nil {
		return err
	}
	return x.clock()
}

// clock reads the store's clock within the transaction.
func (x *session) clock() error {
	if x.s.dialect.now == "" {
		x.now = x.s.now().UnixMicro()
		return nil
	}
	return x.get(x.s.dialect.now, nil, &x.now)
}

// draw takes the write lock and n positions.
func (x *session) draw(n int) error {
	if _, err := x.exec(drawPositions, n); err != nil {
		return err
	}
	if err := x.get(lastPosition, nil, &x.last); err != nil {
		return err
	}
	if x.last >= 1<<positionBits {
		return errors.New("the store has given out all its positions")
	}
	x.position = x.last - int64(n)
	return nil
}

// seq returns the next Seq of a practice.
func (x *session) seq(h *head) int64 {
	x.position++
	return h.number<<positionBits | x.position
}

// head finds a practice, and makes room for it when it is mentioned for the
// first time.
func (x *session) head(practice string) (*head, error) {
	if h := x.heads[practice]; h != nil {
		return h, nil
	}
	h := &head{id: practice}
	x.s.mu.RLock()
	h.number = x.s.numbers[practice]
	x.s.mu.RUnlock()
	if h.number == 0 {
		err := x.get("SELECT n FROM pms_practices WHERE id = ?", []any{practice}, &h.number)
		if errors.Is(err, sql.ErrNoRows) {
			if _, err = x.exec("INSERT INTO pms_practices (id, state) VALUES (?, 0)", practice); err != nil {
				return nil, err
			}
			if err = x.get("SELECT n FROM pms_practices WHERE id = ?", []any{practice}, &h.number); err != nil {
				return nil, err
			}
			_, err = x.exec("INSERT INTO pms_heads (practice) VALUES (?)", h.number)
		}
		if err != nil {
			return nil, err
		}
		if !x.host {
			x.fresh = append(x.fresh, h)
		}
	}
	x.heads[practice] = h
	return h, nil
}

// load reads what conditions are about.
func (x *session) load(h *head) error {
	if h.loaded {
		return nil
	}
	err := x.get(selectHead, []any{h.number},
		&h.rev, &h.owner, &h.fence, &h.expires)
	h.loaded = err == nil
	return err
}

// holds reports whether fence is that of a lease that somebody holds.
func (h *head) holds(fence, now int64) bool {
	return h.owner != "" && h.fence == fence && now < h.expires
}
