package opendental

import (
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// DatabaseDSN is how a connection to the office's database is opened by
// [sqlx.Open]: the name of a driver of database/sql and a data source name for
// it, which is never printed.
type DatabaseDSN = sqlpms.DSN

// NewDatabaseDSN names a database of the host's SQL driver, for
// github.com/go-sql-driver/mysql such as
//
//	NewDatabaseDSN("mysql", "reader:password@tcp(server:3306)/opendental?lock_wait_timeout=10&timeout=5s")
//
// The user should have the right SELECT and nothing else. lock_wait_timeout, in
// seconds, keeps reads from queueing up at the server behind a table that a
// backup has locked.
//
// The package imports no driver of database/sql; the host imports the one that
// it names.
func NewDatabaseDSN(sqlDriver, dataSourceName string) DatabaseDSN {
	return sqlpms.NewDSN(sqlDriver, dataSourceName)
}

// dsnProblem says what is wrong with d without I/O; empty when nothing is.
func dsnProblem(d DatabaseDSN) string {
	switch {
	case d.SQLDriver() == "" || d.Secret().IsEmpty():
		return "database: needs both the name of an SQL driver and a data source name"
	case !d.IsRegistered():
		return "database: the SQL driver is not registered; import it in the host (forgotten import?)"
	}
	db, err := openPool(d)
	if err != nil {
		// The driver's error may repeat the name, password included.
		return "database: the SQL driver refuses the data source name"
	}
	_ = db.Close()
	return ""
}

// openPool makes a pool for one practice, without I/O.
func openPool(d DatabaseDSN) (*sqlx.DB, error) {
	db, err := sqlx.Open(d.SQLDriver(), d.Secret().Reveal())
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
