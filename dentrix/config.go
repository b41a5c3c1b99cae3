package dentrix

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/pmswriteback/pms/driver"
)

// DefaultTimeout is what [Config.Timeout] is when it is zero. One deployed product
// gives Dentrix 200 seconds; the reads here are bounded and need far less, and what
// takes longer waits for a lock.
const DefaultTimeout = 60 * time.Second

// DefaultVerifyAfter is what [Config.VerifyAfter] is when it is zero. How long
// c-tree works on for a client that has gone is not documented.
const DefaultVerifyAfter = 5 * time.Minute

// DefaultOverlap is what [Config.Overlap] is when it is zero.
const DefaultOverlap = 5 * time.Minute

// Config says how to reach one practice's Dentrix and what may be written there. It
// prints without the connection string.
type Config struct {
	// DB is a pool of the host's to the database, which the host closes. Nil means
	// Database.
	DB *sqlx.DB
	// Database is the name of an SQL driver and a connection string for it, from
	// which a pool is made for each connection. Exactly one of DB and Database is
	// set.
	Database DatabaseDSN
	// Profile says how the vendor's write procedures are called. Nil means that
	// nothing can be written.
	Profile *Profile
	// TrustProfile lets operations work whose procedures could not be compared with
	// the database's catalog, because the catalog cannot be read there. What was
	// compared and does not fit stays off all the same.
	TrustProfile bool
	// Timeout bounds one read, and the transaction of one write; 0 is DefaultTimeout.
	Timeout time.Duration
	// VerifyAfter is how long after a write was sent it may still take effect; 0 is
	// DefaultVerifyAfter. Shorter values are for tests.
	VerifyAfter time.Duration
	// Overlap is how far changed appointments are read again, since a change shows
	// when its transaction ends and is stamped when it begins; 0 is DefaultOverlap.
	Overlap time.Duration
}

// Validate returns everything that is wrong, joined; each error names the field.
func (c Config) Validate() error {
	var problems []error
	wrong := func(text string) { problems = append(problems, errors.New("dentrix: "+text)) }
	switch {
	case c.DB != nil && !c.Database.IsZero():
		wrong("connection: give either DB or Database")
	case c.DB == nil:
		if problem := dsnProblem(c.Database); problem != "" {
			wrong(problem)
		}
	}
	if c.Profile != nil {
		if err := c.Profile.Validate(); err != nil {
			problems = append(problems, err)
		}
	}
	for name, d := range map[string]time.Duration{"timeout": c.Timeout, "verify_after": c.VerifyAfter, "overlap": c.Overlap} {
		if d < 0 {
			wrong(name + ": must not be negative")
		}
	}
	return errors.Join(problems...)
}

// NewConnector validates cfg and makes a connector, without I/O.
func NewConnector(cfg Config) (driver.Connector, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var err error
	if cfg.Profile, err = cfg.Profile.clone(); err != nil {
		return nil, err
	}
	return &connector{cfg}, nil
}

// String shows nothing of the connection string.
func (c Config) String() string {
	if c.DB != nil {
		return "dentrix: a pool of the host's"
	}
	return "dentrix: " + c.Database.String()
}

// GoString is String.
func (c Config) GoString() string { return c.String() }

// Format prints String for every verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c Config) timeout() time.Duration { return orDefault(c.Timeout, DefaultTimeout) }

func (c Config) verifyAfter() time.Duration { return orDefault(c.VerifyAfter, DefaultVerifyAfter) }

func (c Config) overlap() time.Duration { return orDefault(c.Overlap, DefaultOverlap) }

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
