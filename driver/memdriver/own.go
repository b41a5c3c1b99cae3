package memdriver

import (
	"context"

	"github.com/pmswriteback/pms/driver"
)

// ownDriver opens one PMS by its name.
type ownDriver struct{ pms *PMS }

// Driver returns a driver that knows this PMS and no other, by the data source
// name "memory://" and its Config.Name: for tests that want names without the
// process's registry. Under another name there is something that is not this
// PMS: Connect refuses it.
func (p *PMS) Driver() driver.Driver { return ownDriver{p} }

// OpenConnector implements driver.Driver. Options are parsed and have no effect:
// the PMS is there already.
func (d ownDriver) OpenConnector(dsn string) (driver.Connector, error) {
	name, _, _, _, err := parseDSN(dsn)
	if err == nil && name != d.pms.cfg.Name {
		return stranger(d), nil
	}
	if d.pms.breaks() {
		return d.pms.breakOpen(dsn, err)
	}
	if err != nil {
		return nil, err
	}
	return d.pms.Connector(), nil
}

// stranger connects to what is not the PMS.
type stranger struct{ pms *PMS }

// Connect implements driver.Connector.
func (s stranger) Connect(context.Context, driver.Env) (driver.Conn, error) {
	if s.pms.broken("connector/other-product") {
		return nil, fail("connect", driver.ErrUnavailable, nil)
	}
	return nil, reject("connect", driver.ReasonNotThisPMS, nil)
}
