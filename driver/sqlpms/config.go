package sqlpms

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Config says how a PMS's database is reached. Exactly one of SQLDriver (with
// DSN), Driver (with DSN), Connector and Pool is needed.
type Config struct {
	// Name is the PMS driver's name, for errors: "dentrix".
	Name string
	// SQLDriver is the name of a registered driver of database/sql, such as
	// "odbc". The host imports it.
	SQLDriver string
	// Driver is a driver of database/sql that is not registered, or that of a
	// pool: db.Driver().
	Driver sqldriver.Driver
	// DSN is the data source name for SQLDriver or Driver. It holds a password
	// and is never printed.
	DSN driver.Secret
	// Connector makes connections in whatever way.
	Connector sqldriver.Connector
	// Pool is a pool of the host's, from which connections are taken for as long as
	// they are used here. Close leaves it open. Init runs on each connection when it
	// is taken.
	Pool *sql.DB
	// Init are statements that are run on every new connection before anything
	// else, in their order: authentication, isolation. They are secrets: an error
	// names the statement by its number. A driver manager that pools connections
	// may give one that has run them before, so that they must be repeatable.
	Init []driver.Secret
	// Dialect is the engine's.
	Dialect Dialect
	// Diagnose reads errors of an SQL driver whose errors [Diagnose] does not know.
	// It returns false for others. It may be nil.
	Diagnose func(error) (Diagnosis, bool)
	// MaxConns is how many connections there are at most; 0 means 2, one that
	// reads and one that writes.
	MaxConns int
	// IdleFor is how long a connection that nobody uses is kept; 0 means a minute.
	IdleFor time.Duration
	// Timeout bounds one call, besides its context; 0 means a minute.
	Timeout time.Duration
	// ConnectTimeout bounds connecting with its initial statements; 0 means 20
	// seconds.
	ConnectTimeout time.Duration
}

const (
	defaultConns          = 2
	defaultIdle           = time.Minute
	defaultTimeout        = time.Minute
	defaultConnectTimeout = 20 * time.Second
)

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Check returns what is wrong with cfg, without I/O; nil when nothing is. The
// error names the field and repeats no value of DSN or Init.
func (cfg Config) Check() error {
	ways := 0
	for _, given := range []bool{cfg.SQLDriver != "", cfg.Driver != nil, cfg.Connector != nil, cfg.Pool != nil} {
		if given {
			ways++
		}
	}
	switch {
	case ways == 0:
		return problem("SQLDriver: name the driver of database/sql through which the database is reached, such as \"odbc\"")
	case ways > 1:
		return problem("SQLDriver, Driver, Connector, Pool: give one of them only")
	case cfg.Connector == nil && cfg.Pool == nil && cfg.DSN.IsEmpty():
		return problem("DSN: give the data source name, or the connection string")
	case cfg.SQLDriver != "" && !slices.Contains(sql.Drivers(), cfg.SQLDriver):
		return problem("SQLDriver: no driver of this name is registered with database/sql (forgotten import?)")
	case cfg.MaxConns < 0 || cfg.IdleFor < 0 || cfg.Timeout < 0 || cfg.ConnectTimeout < 0:
		return problem("MaxConns, IdleFor, Timeout, ConnectTimeout: must not be negative")
	}
	for i, s := range cfg.Init {
		if s.IsEmpty() {
			return problem("Init: statement %d is empty", i+1)
		}
	}
	return nil
}

// inner is the connector of the SQL driver.
func (cfg Config) inner() (sqldriver.Connector, error) {
	switch {
	case cfg.Connector != nil:
		return cfg.Connector, nil
	case cfg.Pool != nil:
		return poolConnector{cfg.Pool}, nil
	}
	d := cfg.Driver
	if d == nil {
		pool, err := sql.Open(cfg.SQLDriver, "")
		if err != nil {
			return nil, problem("SQLDriver: the driver does not open")
		}
		d = pool.Driver()
		_ = pool.Close()
	}
	if dc, ok := d.(sqldriver.DriverContext); ok {
		c, err := dc.OpenConnector(cfg.DSN.Reveal())
		if err != nil { // its text may repeat the name
			return nil, problem("DSN: the SQL driver refuses it")
		}
		return c, nil
	}
	return plainConnector{d, cfg.DSN}, nil
}

// plainConnector is that of a driver that has none of its own.
type plainConnector struct {
	driver sqldriver.Driver
	dsn    driver.Secret
}

func (c plainConnector) Connect(context.Context) (sqldriver.Conn, error) {
	return c.driver.Open(c.dsn.Reveal())
}

func (c plainConnector) Driver() sqldriver.Driver { return c.driver }

// NewConnector makes the connector that [Open] uses, without I/O. The drivers of this
// repository need no more than Open. It is for a vendor whose own statements, beside
// the driver's, need the same initial ones: sql.OpenDB(connector).
//
// Its connections run cfg.Init, never let database/sql run a statement twice, and
// give up a call whose context ends even if the SQL driver does not.
func NewConnector(cfg Config) (sqldriver.Connector, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	inner, err := cfg.inner()
	if err != nil {
		return nil, err
	}
	return &connector{cfg: cfg, inner: inner}, nil
}

// Open makes a pool of connections, without I/O.
func Open(cfg Config) (*DB, error) {
	c, err := NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(c)
	pool.SetMaxOpenConns(or(cfg.MaxConns, defaultConns))
	pool.SetMaxIdleConns(or(cfg.MaxConns, defaultConns))
	pool.SetConnMaxIdleTime(or(cfg.IdleFor, defaultIdle))
	db := &DB{cfg: cfg, pool: pool}
	db.life, db.end = context.WithCancel(context.Background())
	return db, nil
}
