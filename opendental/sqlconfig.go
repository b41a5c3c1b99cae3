package opendental

import (
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/pmswriteback/pms/driver"
)

// DatabaseDSN is how a connection to the office's database is opened by
// [sqlx.Open]: the name of a driver of database/sql and a data source name for
// it, which holds a password and is therefore never printed. The zero value is
// none.
//
// The package imports no driver of database/sql; the host imports the one that
// it names.
type DatabaseDSN struct {
	driver string
	name   driver.Secret
}

// NewDatabaseDSN names a database of the host's SQL driver, for
// github.com/go-sql-driver/mysql such as
//
//	NewDatabaseDSN("mysql", "reader:password@tcp(server:3306)/opendental?lock_wait_timeout=10&timeout=5s")
//
// The user should have the right SELECT and nothing else. lock_wait_timeout, in
// seconds, keeps reads from queueing up at the server behind a table that a
// backup has locked.
func NewDatabaseDSN(sqlDriver, dataSourceName string) DatabaseDSN {
	return DatabaseDSN{sqlDriver, driver.NewSecret(dataSourceName)}
}

// IsZero reports whether there is no data source name.
func (d DatabaseDSN) IsZero() bool { return d.driver == "" && d.name.IsEmpty() }

// String names the SQL driver, and nothing of the data source name.
func (d DatabaseDSN) String() string {
	if d.IsZero() {
		return ""
	}
	return d.driver + " " + d.name.String()
}

// GoString is String.
func (d DatabaseDSN) GoString() string { return d.String() }

// Format prints String for every verb.
func (d DatabaseDSN) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, d.String()) }

// LogValue implements slog.LogValuer.
func (d DatabaseDSN) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalJSON gives String as a JSON string. It cannot be read back.
func (d DatabaseDSN) MarshalJSON() ([]byte, error) { return marshal(d.String()) }

// MarshalText gives String.
func (d DatabaseDSN) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// problem says what is wrong with d without I/O; empty when nothing is.
func (d DatabaseDSN) problem() string {
	switch {
	case d.driver == "" || d.name.IsEmpty():
		return "database: needs both the name of an SQL driver and a data source name"
	case !slices.Contains(sql.Drivers(), d.driver):
		return "database: the SQL driver is not registered; import it in the host (forgotten import?)"
	}
	db, err := d.open()
	if err != nil {
		// The driver's error may repeat the name, password included.
		return "database: the SQL driver refuses the data source name"
	}
	_ = db.Close()
	return ""
}

// open makes a pool for one practice, without I/O.
func (d DatabaseDSN) open() (*sqlx.DB, error) {
	db, err := sqlx.Open(d.driver, d.name.Reveal())
	if err != nil {
		return nil, err
	}
	// The office's server is small, and the engine runs few reads at once.
	db.SetMaxOpenConns(sqlCalls)
	db.SetMaxIdleConns(1)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

// hasSQL reports whether reads go to the database.
func (c Config) hasSQL() bool { return c.DB != nil || !c.Database.IsZero() }

// hasAPI reports whether there is an API to write through. Without a database
// the keys are missed instead.
func (c Config) hasAPI() bool {
	return !c.hasSQL() || !c.DeveloperKey.IsEmpty() || !c.CustomerKey.IsEmpty() || c.URL != "" || c.Mode != ""
}

// NewConnector is cfg.Connector: a connector that reads and writes through the
// API, or reads the database and writes through the API, or only reads the
// database.
func NewConnector(cfg Config) (driver.Connector, error) { return cfg.Connector() }
