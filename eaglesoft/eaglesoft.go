package eaglesoft

import (
	"context"
	"sync"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// Name is the name under which the driver is registered.
const Name = "eaglesoft"

func init() { driver.Register(Name, Driver{}) }

// Driver implements [driver.Driver].
type Driver struct{}

// OpenConnector parses a data source name as [ParseDSN] does.
func (Driver) OpenConnector(dsn string) (driver.Connector, error) {
	cfg, err := ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return NewConnector(cfg)
}

// NewConnector validates cfg and makes a connector, without I/O.
func NewConnector(cfg Config) (driver.Connector, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &connector{cfg}, nil
}

type connector struct{ cfg Config }

// Connect implements [driver.Connector]. It looks at the database: see Info.
func (k *connector) Connect(ctx context.Context, env driver.Env) (driver.Conn, error) {
	const op = "connect"
	if env.Site != "" && !isPractice(env.Site) {
		return nil, rejected(op, driver.ReasonInvalid, "the site is not a practice_id")
	}
	c := &conn{cfg: k.cfg, env: env, loc: env.Zone(), class: k.cfg.Classification.withDefaults()}
	c.zoneGap = sqlpms.ZoneGap(time.Local, c.loc, time.Now())
	var err error
	if c.db, err = openDatabase(k.cfg, c.forget); err != nil {
		return nil, rejected(op, driver.ReasonInvalid, "the SQL driver refuses the data source name")
	}
	if _, err := c.look(ctx, op); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// conn is a connection to one practice. It is safe for concurrent use.
type conn struct {
	cfg   Config
	env   driver.Env
	loc   *time.Location
	class Classification
	db    *database
	// zoneGap says what is wrong with the program's own zone; empty when nothing is.
	zoneGap string

	mu     sync.Mutex
	found  *schema // nil when it has to be looked at again
	visits sqlpms.Walks[driver.Appointment]
	people sqlpms.Walks[driver.Patient]
}

var (
	_ driver.Conn              = (*conn)(nil)
	_ driver.Cataloger         = (*conn)(nil)
	_ driver.PatientFinder     = (*conn)(nil)
	_ driver.ChangeReader      = (*conn)(nil)
	_ driver.WindowReader      = (*conn)(nil)
	_ driver.AppointmentReader = (*conn)(nil)
	_ driver.Writer            = (*conn)(nil)
	_ driver.Verifier          = (*conn)(nil)
)

// forget has the tables looked at again.
func (c *conn) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found = nil
}

// Ping implements [driver.Conn]: it asks the engine and Eaglesoft for their
// versions.
func (c *conn) Ping(ctx context.Context) error { return c.identify(ctx, "ping", &schema{}) }

// Close implements [driver.Conn]. A pool that the host gave stays open.
func (c *conn) Close() error { return c.db.close() }
