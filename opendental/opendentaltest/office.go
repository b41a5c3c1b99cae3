package opendentaltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Office is an emulated practice: its data, and the API in front of it as an
// http.Handler under /api/v1/. It is safe for use by many goroutines. The
// methods that change data as the practice's staff would are named for what
// they do; the readers return what is stored.
type Office struct {
	cfg     Config
	store   Store
	owned   bool
	db      *sql.DB
	dialect Dialect
	schema  *schema
	selects map[string]string
	routes  []*route

	statements *statements // of SQLite
	zone       *time.Location
	files      *os.Root // nil without an A-to-Z folder

	rows sync.RWMutex // writers alone, readers together

	mu        sync.Mutex // guards what follows
	version   version
	skew      time.Duration
	customers map[string]*customer
	counts    map[string]int
	faults    []*Injection
	ended     bool

	closed  chan struct{}
	running sync.WaitGroup // requests, and what is applied after their answer
}

// NewOffice opens the practice that Config describes. A Store that already
// holds one is opened as it was left.
func NewOffice(cfg Config) (*Office, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Mode == "" {
		cfg.Mode = ModeService
	}
	if cfg.DeveloperKey == "" {
		cfg.DeveloperKey = DefaultDeveloperKey
	}
	if len(cfg.Customers) == 0 {
		cfg.Customers = []CustomerKey{{Key: DefaultCustomerKey, Permissions: Tier35}}
	}
	if cfg.Location == nil {
		cfg.Location = time.UTC
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	sc, err := embedded()
	if err != nil {
		return nil, err
	}
	o := &Office{
		cfg: cfg, store: cfg.Store, schema: sc, zone: cfg.Location,
		customers: map[string]*customer{}, counts: map[string]int{}, closed: make(chan struct{}), statements: newStatements(),
	}
	o.routes = o.allRoutes()
	for _, k := range cfg.Customers {
		o.customers[k.Key] = &customer{CustomerKey: k, gate: newGate()}
	}
	if o.store == nil {
		if o.store, err = SQLite(""); err != nil {
			return nil, err
		}
		o.owned = true
	}
	o.db, o.dialect = o.store.DB(), o.store.Dialect()
	o.selects = selectLists(sc, o.dialect)
	if err := o.open(); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

func (o *Office) open() error {
	ctx := context.Background()
	if err := prepare(ctx, o.store, o.schema); err != nil {
		return err
	}
	if o.cfg.AtoZ != "" {
		if err := os.MkdirAll(o.cfg.AtoZ, 0o755); err != nil {
			return fmt.Errorf("opendentaltest: Config.AtoZ: %w", err)
		}
		root, err := os.OpenRoot(o.cfg.AtoZ)
		if err != nil {
			return fmt.Errorf("opendentaltest: Config.AtoZ: %w", err)
		}
		o.files = root
	}
	return o.write(ctx, func(s *session) error {
		text := o.cfg.Version
		if text == "" {
			remembered, err := s.preference("ProgramVersion")
			if err != nil {
				return err
			}
			if text = remembered; text == "" {
				text = DefaultVersion
			}
		}
		v, err := parseVersion(text)
		if err != nil {
			return fmt.Errorf("opendentaltest: preference ProgramVersion: not a version")
		}
		o.setVersion(v)
		preferences := set{"ProgramVersion": text, "DataBaseVersion": text, "AtoZfolderUsed": "0"}
		if o.cfg.AtoZ != "" {
			preferences["AtoZfolderUsed"], preferences["DocPath"] = "1", o.cfg.AtoZ
		}
		for name, value := range preferences {
			if err := s.setPreference(name, value.(string)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *Office) setVersion(v version) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.version = v
}

func (o *Office) officeVersion() version {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.version
}

// SetVersion upgrades the office's program, or takes it back to an older one:
// from now on the methods and fields of that version are there.
func (o *Office) SetVersion(ctx context.Context, text string) error {
	v, err := parseVersion(text)
	if err != nil {
		return errors.New("opendentaltest: set version: want numbers and dots, such as 25.3.42.0")
	}
	return o.write(ctx, func(s *session) error {
		if err := s.setPreference("ProgramVersion", text); err != nil {
			return err
		}
		if err := s.setPreference("DataBaseVersion", text); err != nil {
			return err
		}
		o.setVersion(v)
		return nil
	})
}

// clock is the office's clock as an instant.
func (o *Office) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cfg.Now().Add(o.skew)
}

// Now is the office's clock: Config.Now, as skewed, in the office's zone.
func (o *Office) Now() time.Time { return o.clock().In(o.zone) }

// SkewClock sets the office's clock ahead of Config.Now, or back if by is
// negative. It replaces an earlier skew.
func (o *Office) SkewClock(by time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.skew = by
}

// DB is the practice's own database, for tests that count or break things in
// it. Do not keep rows open: an in-memory practice has one connection.
func (o *Office) DB() *sql.DB { return o.db }

// Close ends the office: held requests are dropped, requests that wait to be
// applied are forgotten, and a database that the Office opened itself is gone.
func (o *Office) Close() error {
	o.mu.Lock()
	ended := o.ended
	o.ended = true
	o.mu.Unlock()
	if ended {
		return nil
	}
	close(o.closed)
	o.running.Wait()
	err := o.statements.close()
	if o.files != nil {
		err = errors.Join(err, o.files.Close())
	}
	if o.owned {
		err = errors.Join(err, o.store.Close())
	}
	return err
}

// begin notes a request that Close must wait for.
func (o *Office) begin() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return false
	}
	o.running.Add(1)
	return true
}
