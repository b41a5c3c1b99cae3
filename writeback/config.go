package writeback

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pmswriteback/pms/driver"
	pmssync "github.com/pmswriteback/pms/sync"
)

// Backoff spaces tries: the first wait, the longest, the factor between two and
// the jitter. Zero fields have the defaults named there.
type Backoff = pmssync.BackoffConfig

// Config configures an [Engine].
type Config struct {
	// HostName is the host application's name as staff know it. Required.
	HostName string
	// Store keeps everything. Required. The engine does not close it.
	Store Store
	// Connect gives the connector of a practice, usually driver.Open with a data
	// source name from the host's vault. Required. It is called in any process,
	// at any time, and again after the PMS refused the credentials. A connector
	// that implements io.Closer is closed when it is replaced.
	Connect func(ctx context.Context, practice string) (driver.Connector, error)
	// Handlers receive what comes from the PMS and what becomes of items.
	Handlers Handlers
	// Log is for the engine's remarks, which never hold patient data. Nil: none.
	Log *slog.Logger
	// SealKeys seal patients' data in the store: the first seals, all open. A new
	// one goes in front. None: data is stored as it is.
	SealKeys []SealKey

	// MaskCards masks payment card numbers in what is submitted, all digits but
	// the last four, before anything is stored; Item.Masked says how many there
	// were. Without it such a text is refused.
	MaskCards bool

	// MaxCalls bounds the PMS calls of all practices that run at once in this
	// process. Default 64.
	MaxCalls int
	// MaxDocument is the largest document in bytes. Default 25 MiB; a driver's
	// own limit may be lower.
	MaxDocument int64
	// DocumentTitle is how documents and forms are titled in the PMS: text with
	// the placeholders {title} (what the host gave), {kind} ("Insurance
	// Verification", "Informed Consent"), {category} and {form_type} (empty for
	// what is no form), {date} (2006-01-02, in the practice's zone) and {host}; at
	// most 200 bytes. A title of no more than punctuation becomes "{kind} {date}".
	// It stays as it was when a document was first sent. Default "{title}".
	DocumentTitle string
	// HandlerTimeout bounds one call of a handler. Default 30 s.
	HandlerTimeout time.Duration
	// ReadTimeout bounds one PMS call that changes nothing. Default 90 s.
	ReadTimeout time.Duration
	// WriteTimeout bounds one write; a document has three times as long. Default
	// 150 s, longer than the minute after which Open Dental's service gives up.
	WriteTimeout time.Duration
	// Grace is how long a write in flight may go on after Run's context ended.
	// Default 30 s.
	Grace time.Duration
	// LeaseTTL is how long a practice stays with a process that is gone; others
	// look four times in it whether that is so. Default 60 s.
	LeaseTTL time.Duration
	// WakePoll is how often the store is asked for practices that other
	// processes woke. Default 1 s.
	WakePoll time.Duration
	// HintEvery is how often each practice's PMS is asked whether there may be news,
	// where its driver can tell cheaply (driver.Hinter, Info.Feeds.Hints): then the
	// feed is read at once instead of at its interval, and with a second staff's
	// changes are with the host in about two. The intervals go on beside it, so that
	// nothing rests on hints. It costs every such practice one small call each time,
	// for as long as Run works for the practice, the PMS answers, and writing is not
	// paused. 0, the default: never; else at least 200 ms.
	HintEvery time.Duration
	// CatalogEvery is how often catalogs and Info are read anew. Default 15 min.
	CatalogEvery time.Duration
	// SweepEvery is how often a window of appointments is read whole, to find
	// what change marks cannot show. Default 6 h. SweepAhead is how far ahead the
	// window reaches. Default 60 days.
	SweepEvery, SweepAhead time.Duration
	// MaxPhoto is the largest photo in bytes that is delivered. Default 10 MiB.
	MaxPhoto int64
	// Retry spaces an item's tries after the PMS was unavailable, and a
	// practice's own when its PMS is down. Default 2 s to 5 min.
	Retry Backoff
	// Spread staggers the practices' first steps after Run. Default 2 s per
	// hundred practices, at most 15 s; negative: none.
	Spread time.Duration
	// KeepContent is how long the content of an item stays in the store that is
	// finished, or that the settings skipped: what the practice chose not to write
	// is not kept for ever, and cannot be backfilled afterwards. Default 30 days;
	// negative: for ever.
	KeepContent time.Duration
	// NotesExpire is how long a note may wait, from its submit on by the store's
	// clock, in any state in which nothing of it was sent: queued, held, or for its
	// patient. Then it expires. 0: for ever; else at least an hour. Payments,
	// documents, forms, and what has begun, never expire.
	NotesExpire time.Duration
	// FormsAskAfter is how long, from its submit on, a form or document waits for
	// its patient to come to the PMS before a person is asked: it is then an issue
	// in Health, and still looks for its patient. Default 7 days; at least an hour.
	FormsAskAfter time.Duration
	// Owner names this process in leases, which add something random to it.
	// Default: random.
	Owner string
}

// Validate returns everything that is wrong, joined, each with its field.
func (c Config) Validate() error {
	var errs []error
	bad := func(field, problem string) {
		errs = append(errs, fmt.Errorf("writeback: config: %s: %s", field, problem))
	}
	if strings.TrimSpace(c.HostName) == "" {
		bad("HostName", "is empty; give the application's name as staff know it")
	} else if len(c.HostName) > 60 {
		bad("HostName", "has more than 60 bytes; it stands in every note")
	} else if !utf8.ValidString(c.HostName) || strings.ContainsFunc(c.HostName, breaksLine) {
		bad("HostName", "holds line breaks or control characters, or is not UTF-8; it stands in one line")
	}
	if c.Store == nil {
		bad("Store", "is nil; use memstore.New or sqlstore.Open")
	}
	if c.Connect == nil {
		bad("Connect", "is nil; return driver.Open(name, dsn) for the practice")
	}
	if _, err := newSealer(c.SealKeys); err != nil {
		bad("SealKeys", err.Error())
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"HandlerTimeout", c.HandlerTimeout}, {"ReadTimeout", c.ReadTimeout}, {"WriteTimeout", c.WriteTimeout},
		{"Grace", c.Grace}, {"LeaseTTL", c.LeaseTTL}, {"WakePoll", c.WakePoll}, {"CatalogEvery", c.CatalogEvery},
		{"SweepEvery", c.SweepEvery}, {"SweepAhead", c.SweepAhead},
	} {
		if d.value < 0 {
			bad(d.field, "is negative; leave it 0 for the default")
		}
	}
	if c.HintEvery != 0 && c.HintEvery < leastHintEvery {
		bad("HintEvery", "is shorter than 200 ms; leave it 0 for no hints")
	}
	if c.NotesExpire != 0 && c.NotesExpire < agesEvery {
		bad("NotesExpire", "is shorter than an hour; leave it 0 for notes that never expire")
	}
	if c.FormsAskAfter != 0 && c.FormsAskAfter < agesEvery {
		bad("FormsAskAfter", "is shorter than an hour; leave it 0 for the default")
	}
	if c.MaxCalls < 0 {
		bad("MaxCalls", "is negative; leave it 0 for the default")
	}
	if c.MaxDocument < 0 || c.MaxPhoto < 0 {
		bad("MaxDocument, MaxPhoto", "are negative; leave them 0 for the default")
	}
	if _, err := parseTitle(c.DocumentTitle); err != nil {
		bad("DocumentTitle", err.Error())
	}
	if err := c.Retry.Validate(); err != nil {
		bad("Retry", err.Error())
	}
	return errors.Join(errs...)
}

// breaksLine reports whether a character does not belong in one line of text.
func breaksLine(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.HandlerTimeout, 30*time.Second)
	def(&c.ReadTimeout, 90*time.Second)
	def(&c.WriteTimeout, 150*time.Second)
	def(&c.Grace, 30*time.Second)
	def(&c.LeaseTTL, time.Minute)
	def(&c.WakePoll, time.Second)
	def(&c.CatalogEvery, 15*time.Minute)
	def(&c.SweepEvery, 6*time.Hour)
	def(&c.SweepAhead, 60*24*time.Hour)
	def(&c.KeepContent, 30*24*time.Hour)
	def(&c.FormsAskAfter, 7*24*time.Hour)
	if c.MaxCalls == 0 {
		c.MaxCalls = 64
	}
	if c.MaxDocument == 0 {
		c.MaxDocument = maxDocument
	}
	if c.MaxPhoto == 0 {
		c.MaxPhoto = 10 << 20
	}
	if c.Retry == (pmssync.BackoffConfig{}) {
		c.Retry = pmssync.BackoffConfig{Min: 2 * time.Second, Max: 5 * time.Minute}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Owner == "" {
		c.Owner = rand.Text()
	}
	return c
}

// PracticeConfig is what the engine keeps of a practice besides its settings.
type PracticeConfig struct {
	// ID is the host's id of the practice: at most 200 characters. It must not
	// hold patient data, since it is in logs.
	ID string
	// Location is the practice's time zone. Required.
	Location *time.Location
	// Site narrows the practice to one clinic or location of its PMS.
	Site string
}

func (c PracticeConfig) validate() error {
	check := inputCheck{e: InputError{Op: "practice"}}
	if c.ID == "" {
		check.bad("id", "is empty; give the host's own id of the practice")
	}
	check.id("id", c.ID)
	check.id("site", c.Site)
	switch {
	case c.Location == nil:
		check.bad("location", "is nil; use time.LoadLocation with the practice's zone")
	case c.Location == time.Local:
		check.bad("location", "is this machine's zone; name the practice's own with time.LoadLocation")
	default:
		if _, err := time.LoadLocation(c.Location.String()); err != nil {
			check.bad("location", "is not a zone of the IANA database, or that database is missing (import time/tzdata)")
		}
	}
	return check.err()
}
