package sqlstore

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
)

//go:embed migrations
var migrations embed.FS

// dialect is all that differs between kinds of databases. SQL texts are written
// with ? for placeholders and pass through rebind.
type dialect struct {
	// name is what Config.Driver says.
	name string
	// sqlxName is the driver name by which sqlx knows the placeholders.
	sqlxName string
	// folder holds the migrations, below migrations/.
	folder string
	// open makes a pool for writing and one for reading.
	open func(ctx context.Context, dsn string) (write, read *sqlx.DB, err error)
	// now selects the time in microseconds since 1970, where the store's clock is
	// the server's. Empty where it is the process's.
	now string
	// hasSchema counts the table pms_schema.
	hasSchema string
	// begin starts a transaction that may write, at once.
	begin string
	// ignore turns an INSERT into one that does nothing when a unique key is
	// taken.
	ignore func(insert string) string
	// upsert ends an INSERT so that it replaces the columns set of the row that
	// has the same keys.
	upsert func(keys, set []string) string
	// index, behind a table's name, makes a query use an index.
	index func(name string) string
	// explain makes an error of the driver clearer, or returns it as it is.
	explain func(error) error
}

// dialectOf returns the dialect with this name.
func dialectOf(name string) (*dialect, error) {
	switch name {
	case "sqlite":
		return sqliteDialect(), nil
	case "":
		return nil, fmt.Errorf("no driver is named: use %q", "sqlite")
	default:
		return nil, fmt.Errorf("unknown driver %q: this version knows %q", name, "sqlite")
	}
}

// rebind writes the dialect's placeholders into a text.
func (d *dialect) rebind(text string) string {
	return sqlx.Rebind(sqlx.BindType(d.sqlxName), text)
}

// onConflict is the upsert that SQLite and PostgreSQL share.
func onConflict(keys, set []string) string {
	var b strings.Builder
	b.WriteString(" ON CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET ")
	for i, column := range set {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(column + " = excluded." + column)
	}
	return b.String()
}
