package memdriver

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pmswriteback/pms/driver"
)

func init() { driver.Register(driverName, shared) }

// shared is the registered driver. It has to be one for the process, as the
// registry is, because the PMSs it names are.
var shared = &Driver{}

// Driver opens PMSs by data source name:
//
//	memory://name
//	memory://name?demo=50&latency=5ms&skew=-2m&resolution=1s&page=100&calls=8&verify-after=30s
//
// demo adds that many made-up patients with appointments; the rest is as in
// [Config]. All connectors for a name share one PMS, which lives as long as the
// Driver. Its options are those of the first data source name; a later one says
// the same or nothing. The zero value is ready, and knows no PMS.
type Driver struct {
	mu    sync.Mutex
	named map[string]*namedPMS
}

type namedPMS struct {
	pms     *PMS
	options string
}

// Named returns the PMS that data source names of the registered driver call
// name, making one if there is none.
func Named(name string) *PMS { return shared.Named(name) }

// Forget drops a PMS of the registered driver. Connections to it go on; the name
// means another, empty PMS from now on.
func Forget(name string) { shared.Forget(name) }

// Named is [Named] for this driver.
func (d *Driver) Named(name string) *PMS {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.named[name]; n != nil {
		return n.pms
	}
	return d.add(name, "", Config{}, 0)
}

// Forget is [Forget] for this driver.
func (d *Driver) Forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.named, name)
}

func (d *Driver) add(name, options string, cfg Config, demo int) *PMS {
	if d.named == nil {
		d.named = map[string]*namedPMS{}
	}
	cfg.Name = name
	p := New(cfg)
	p.AddDemo(demo)
	d.named[name] = &namedPMS{p, options}
	return p
}

// OpenConnector implements driver.Driver.
func (d *Driver) OpenConnector(dsn string) (driver.Connector, error) {
	name, options, cfg, demo, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.named[name]; n != nil && options != "" && n.options != options {
		return nil, fmt.Errorf("memory: open: the PMS %q is there with other options (%q); leave them out, or use another name", name, n.options)
	}
	// The PMS is made on the first Connect, and once.
	return connector{func() *PMS {
		d.mu.Lock()
		defer d.mu.Unlock()
		if n := d.named[name]; n != nil {
			return n.pms
		}
		return d.add(name, options, cfg, demo)
	}}, nil
}

const dsnForm = "write memory://name?demo=50"

func parseDSN(dsn string) (name, options string, cfg Config, demo int, err error) {
	bad := func(format string, args ...any) (string, string, Config, int, error) {
		return "", "", Config{}, 0, fmt.Errorf("memory: open: "+format, args...)
	}
	rest, ok := strings.CutPrefix(dsn, "memory://")
	if !ok {
		return bad("the data source name does not begin with memory://; %s", dsnForm)
	}
	name, query, _ := strings.Cut(rest, "?")
	if name == "" || strings.ContainsAny(name, "/@#% ") {
		return bad("the name after memory:// is empty or holds one of / @ # %% or a space; %s", dsnForm)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		// Its text repeats the input.
		return bad("what follows ? is not key=value&key=value; %s", dsnForm)
	}
	for key, list := range values {
		if len(list) != 1 {
			return bad("%q is given %d times; give it once", key, len(list))
		}
		if err := setOption(&cfg, &demo, key, list[0]); err != nil {
			return bad("%w", err)
		}
	}
	return name, values.Encode(), cfg, demo, nil
}

func setOption(cfg *Config, demo *int, key, value string) error {
	var err error
	number := func(limit int) (n int) {
		if n, err = strconv.Atoi(value); err == nil && (n < 0 || n > limit) {
			err = errors.New("out of range")
		}
		if err != nil {
			err = fmt.Errorf("%s must be a whole number from 0 to %d", key, limit)
		}
		return n
	}
	duration := func(negative bool) (d time.Duration) {
		if d, err = time.ParseDuration(value); err != nil || d < 0 && !negative {
			err = fmt.Errorf("%s must be a duration such as 250ms or 1s", key)
		}
		return d
	}
	switch key {
	case "demo":
		*demo = number(100_000)
	case "latency":
		cfg.Latency = duration(false)
	case "skew":
		cfg.Skew = duration(true)
	case "resolution":
		cfg.Resolution = duration(false)
	case "page":
		cfg.PageSize = number(100_000)
	case "calls":
		cfg.MaxCalls = number(100_000)
	case "verify-after":
		cfg.VerifyAfter = duration(false)
	default:
		err = fmt.Errorf("unknown option %q; the options are calls, demo, latency, page, resolution, skew, verify-after", key)
	}
	return err
}
