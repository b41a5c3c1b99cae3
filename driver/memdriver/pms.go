package memdriver

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// PMS is one practice's PMS. It is safe for concurrent use; make one with [New].
type PMS struct {
	cfg      Config
	can      capabilitySet
	instance uint64 // in cursors: another PMS, or this one after a restart, is not this one
	seed     maphash.Seed

	info    atomic.Pointer[driver.Info]
	skew    atomic.Int64
	latency atomic.Int64
	offline atomic.Bool
	broke   brokenSet
	faults  faultQueue
	traffic traffic
	conns   atomic.Int64 // serial of the last connection
	open    atomic.Int64

	mu           sync.Mutex
	epoch        uint64 // in cursors; see ExpireCursors
	seq          uint64 // of the last change
	ids          map[string]int
	patients     table[driver.Patient]
	appointments table[driver.Appointment]
	photos       table[photo]
	index        patientIndex
	catalogs     map[driver.Catalog][]driver.Option
	lockDate     driver.Date
	accounts     accounts
	rows         rows
	late         []*lateWrite
	underway     map[string]int // Refs of writes that may still have their effect
}

// New returns a PMS. An unknown name in Config.Hide is a mistake in a program
// and panics.
func New(cfg Config) *PMS {
	cfg = cfg.withDefaults()
	p := &PMS{
		cfg:      cfg,
		can:      allCapabilities.without(cfg.Hide),
		instance: rand.Uint64(),
		seed:     maphash.MakeSeed(),
		ids:      map[string]int{},
		catalogs: map[driver.Catalog][]driver.Option{},
		rows:     newRows(),
		underway: map[string]int{},
		accounts: newAccounts(),
	}
	p.patients.init()
	p.appointments.init()
	p.photos.init()
	p.index.init()
	p.skew.Store(int64(cfg.Skew))
	p.latency.Store(int64(cfg.Latency))
	if !cfg.Bare {
		p.catalogs = defaultOptions()
	}
	info := defaultInfo(cfg)
	p.can.restrict(&info)
	p.info.Store(&info)
	p.Break(cfg.Broken...)
	return p
}

// Connector returns a connector to the PMS that needs no registry.
func (p *PMS) Connector() driver.Connector { return connector{func() *PMS { return p }} }

// Format prints the PMS's name, whatever the verb: what is in it is patients'
// data.
func (p *PMS) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.String()) }

// String returns "memdriver.PMS(name)".
func (p *PMS) String() string { return "memdriver.PMS(" + p.cfg.Name + ")" }

// Clock returns the PMS's time in UTC: Config.Now, skewed, cut down to the
// resolution.
func (p *PMS) Clock() time.Time {
	return p.cfg.Now().Add(time.Duration(p.skew.Load())).Truncate(p.cfg.Resolution).UTC()
}

// SkewClock sets how far the PMS's clock is ahead of the host's; negative is
// behind.
func (p *PMS) SkewClock(d time.Duration) { p.skew.Store(int64(d)) }

// SetLatency sets how long each call takes from now on.
func (p *PMS) SetLatency(d time.Duration) { p.latency.Store(int64(d)) }

// SetOffline pulls the plug (true) or puts it back. Offline, every call fails
// with driver.ErrUnavailable before it has an effect; calls that are already
// being carried out are not stopped.
func (p *PMS) SetOffline(off bool) { p.offline.Store(off) }

// ExpireCursors makes every cursor given so far fail with
// driver.ErrCursorExpired.
func (p *PMS) ExpireCursors() {
	defer p.lock()()
	p.epoch++
}

// lock enters the PMS, carries out the late writes that are due, and returns
// what leaves it again.
func (p *PMS) lock() (unlock func()) {
	p.mu.Lock()
	if len(p.late) > 0 {
		p.settleLate()
	}
	return p.mu.Unlock
}

// newID gives the next id of a table: "pat-7". Ids of different tables differ,
// so that one taken for another shows.
func (p *PMS) newID(table string) string {
	p.ids[table]++
	return table + "-" + strconv.Itoa(p.ids[table])
}
