package memdriver

import (
	"fmt"

	"github.com/pmswriteback/pms/driver"
)

// ownDriver opens one PMS by its name.
type ownDriver struct{ pms *PMS }

// Driver returns a driver whose data source names open this PMS and no other:
// "memory://" and its Config.Name. For tests that want names without the
// process's registry.
func (p *PMS) Driver() driver.Driver { return ownDriver{p} }

// OpenConnector implements driver.Driver. Options are parsed and have no effect:
// the PMS is there already.
func (d ownDriver) OpenConnector(dsn string) (driver.Connector, error) {
	name, _, _, _, err := parseDSN(dsn)
	if err == nil && name != d.pms.cfg.Name {
		err = fmt.Errorf("memory: open: this driver knows the PMS %q alone", d.pms.cfg.Name)
	}
	if d.pms.breaks() {
		return d.pms.breakOpen(dsn, err)
	}
	if err != nil {
		return nil, err
	}
	return d.pms.Connector(), nil
}
