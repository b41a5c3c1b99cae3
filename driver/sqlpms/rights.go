package sqlpms

import (
	"context"
	sqldriver "database/sql/driver"
	"strings"
)

// Trial is a statement that changes no row, whatever the table holds, and for which
// the engine asks for a right all the same:
//
//	INSERT INTO t (a) SELECT a FROM t WHERE 1 = 0
//	UPDATE t SET a = a WHERE 1 = 0
//
// Catalogs of rights know grants to groups, to roles and to everybody, each engine in
// its own way. This asks the engine itself.
type Trial struct {
	Object    Object
	Right     Right
	Statement Statement
}

// Try writes down in the catalog which rights are missing. The trials run in one
// transaction, which is undone. Only an engine that says that the user lacks the
// right is believed; any other refusal leaves it to the first write. An error means
// that nobody knows.
//
// Try nothing on a connection on which nothing may be written: see [Write].Check.
func (db *DB) Try(ctx context.Context, op string, c *Catalog, trials ...Trial) error {
	if len(trials) == 0 {
		return nil
	}
	return db.with(ctx, op, true, func(ctx context.Context, on *conn) error {
		begun, err := on.BeginTx(ctx, sqldriver.TxOptions{})
		if err != nil {
			return err
		}
		tx := begun.(*connTx)
		for _, t := range trials {
			if err = on.try(ctx, c, t); err != nil {
				break
			}
		}
		// As of a write: it must run even though the context has ended.
		rollback, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = tx.end(rollback, tx.inner.Rollback)
		return err
	})
}

// try runs one trial; an error is one after which the connection is of no more use.
func (c *conn) try(ctx context.Context, found *Catalog, t Trial) error {
	args, err := c.args(t.Statement.Args)
	if err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, t.Statement.Text, args)
	switch {
	case err == nil:
		return nil
	case c.bad || ctx.Err() != nil:
		return err
	}
	if c.of.cfg.fault(ctx, err).Class == ClassDenied {
		name := strings.ToLower(t.Object.Name)
		if found.denied[name] == nil {
			found.denied[name] = map[Right]bool{}
		}
		found.denied[name][t.Right] = true
	}
	return nil
}
