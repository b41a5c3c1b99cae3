package dentrix

import (
	"context"
	"sync"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// Name is the name under which the driver is registered.
const Name = "dentrix"

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

type connector struct{ cfg Config }

// Connect implements [driver.Connector]. It makes sure that the database is
// Dentrix's, and finds out what may be read and called there.
func (k *connector) Connect(ctx context.Context, env driver.Env) (driver.Conn, error) {
	const op = "connect"
	if env.Site != "" {
		return nil, rejected(op, driver.ReasonInvalid, "a database of Dentrix holds one location: leave the site empty")
	}
	db, err := openDatabase(op, k.cfg)
	if err != nil {
		return nil, err
	}
	c := &conn{cfg: k.cfg, env: env, loc: env.Zone(), db: db}
	if _, err := c.look(ctx, op); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// conn is a connection to one practice. It is safe for concurrent use.
type conn struct {
	cfg Config
	env driver.Env
	loc *time.Location
	db  *database

	mu    sync.Mutex
	found *probed
	fresh time.Time // when found was found out and not used for Info yet
	// missed are the references of what was written and not found by the look-up.
	missed map[driver.OpKind]map[string]bool
	walks  sqlpms.Walks[visit]
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

// Ping implements [driver.Conn]: it reads the version of the data.
func (c *conn) Ping(ctx context.Context) error {
	_, err := c.identify(ctx, "ping")
	return err
}

// Close implements [driver.Conn]. A pool that the host gave stays open.
func (c *conn) Close() error { return c.db.Close() }

// look finds out anew what there is.
func (c *conn) look(ctx context.Context, op string) (*probed, error) {
	p, err := c.probe(ctx, op)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found, c.fresh = p, time.Now()
	return p, nil
}

// lookOnce is look, except right after Connect, which has looked.
func (c *conn) lookOnce(ctx context.Context, op string) (*probed, error) {
	c.mu.Lock()
	p, at := c.found, c.fresh
	c.fresh = time.Time{}
	c.mu.Unlock()
	if !at.IsZero() && time.Since(at) < freshFor {
		return p, nil
	}
	p, err := c.look(ctx, op)
	c.mu.Lock()
	c.fresh = time.Time{}
	c.mu.Unlock()
	return p, err
}

// freshFor is how long what Connect found out is good for the first Info.
const freshFor = 5 * time.Second

// known is what there is, as last looked at.
func (c *conn) known() *probed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.found
}
