package driver

import (
	"fmt"
	"sort"
	"strings"
	"sync"
)

// registry holds the drivers registered by init functions, as in database/sql.
// It is a convenience: a host may use a Driver or a Connector without it.
var registry = struct {
	sync.RWMutex
	drivers map[string]Driver
}{drivers: map[string]Driver{}}

// Register makes a driver available under a name. Drivers call it from init.
// It panics when the name is empty or taken, or the driver is nil: these are
// mistakes in a program, not in its input.
func Register(name string, d Driver) {
	registry.Lock()
	defer registry.Unlock()
	if name == "" {
		panic("driver: Register with an empty name")
	}
	if d == nil {
		panic("driver: Register " + name + " with a nil driver")
	}
	if _, taken := registry.drivers[name]; taken {
		panic("driver: Register called twice for " + name)
	}
	registry.drivers[name] = d
}

// Drivers returns the names of the registered drivers, sorted.
func Drivers() []string {
	registry.RLock()
	defer registry.RUnlock()
	names := make([]string, 0, len(registry.drivers))
	for name := range registry.drivers {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Open parses dsn with the driver registered under name. It does no I/O. An
// unknown name is an error that lists the names there are.
func Open(name, dsn string) (Connector, error) {
	registry.RLock()
	d, ok := registry.drivers[name]
	registry.RUnlock()
	if !ok {
		known := "none is registered"
		if names := Drivers(); len(names) > 0 {
			known = "registered: " + strings.Join(names, ", ")
		}
		return nil, fmt.Errorf("driver: unknown driver %q (forgotten import?); %s", name, known)
	}
	return d.OpenConnector(dsn)
}
