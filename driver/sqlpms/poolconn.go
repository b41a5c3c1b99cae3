package sqlpms

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"sync"
)

// poolConnector makes connections of those that a host's pool gives. Each is taken
// out of the pool for as long as it is used here, so that what is true of other
// connections is true of these: nothing is run twice, and a call that hangs is left
// behind.
type poolConnector struct{ pool *sql.DB }

// Connect implements sqldriver.Connector.
func (p poolConnector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	held, err := p.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	b := &borrowed{held: held}
	err = held.Raw(func(c any) error {
		b.Conn = c.(sqldriver.Conn)
		return nil
	})
	if err != nil {
		_ = held.Close()
		return nil, err
	}
	return b, nil
}

// Driver implements sqldriver.Connector.
func (p poolConnector) Driver() sqldriver.Driver { return p.pool.Driver() }

// borrowed is a connection out of a host's pool. Nobody else uses it meanwhile.
type borrowed struct {
	sqldriver.Conn
	held *sql.Conn
	once sync.Once
}

var (
	_ sqldriver.ExecerContext     = (*borrowed)(nil)
	_ sqldriver.QueryerContext    = (*borrowed)(nil)
	_ sqldriver.ConnBeginTx       = (*borrowed)(nil)
	_ sqldriver.NamedValueChecker = (*borrowed)(nil)
)

// Close ends the physical connection: nobody knows in what state it is.
func (b *borrowed) Close() error {
	b.once.Do(func() {
		_ = b.held.Raw(func(any) error { return sqldriver.ErrBadConn })
		_ = b.held.Close()
	})
	return nil
}

// ExecContext implements sqldriver.ExecerContext.
func (b *borrowed) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	if e, ok := b.Conn.(sqldriver.ExecerContext); ok {
		return e.ExecContext(ctx, query, args)
	}
	return nil, sqldriver.ErrSkip
}

// QueryContext implements sqldriver.QueryerContext.
func (b *borrowed) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if q, ok := b.Conn.(sqldriver.QueryerContext); ok {
		return q.QueryContext(ctx, query, args)
	}
	return nil, sqldriver.ErrSkip
}

// BeginTx implements sqldriver.ConnBeginTx.
func (b *borrowed) BeginTx(ctx context.Context, opts sqldriver.TxOptions) (sqldriver.Tx, error) {
	if x, ok := b.Conn.(sqldriver.ConnBeginTx); ok {
		return x.BeginTx(ctx, opts)
	}
	return b.Begin()
}

// CheckNamedValue implements sqldriver.NamedValueChecker.
func (b *borrowed) CheckNamedValue(v *sqldriver.NamedValue) error {
	if ch, ok := b.Conn.(sqldriver.NamedValueChecker); ok {
		return ch.CheckNamedValue(v)
	}
	return sqldriver.ErrSkip
}
