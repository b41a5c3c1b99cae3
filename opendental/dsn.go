package opendental

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/pmswriteback/pms/driver"
)

// Mode is a way in which the API can be reached.
type Mode string

// The modes of the vendor's "API Modes" page.
const (
	// Remote goes through the vendor's servers to the office's eConnector. It
	// works from anywhere and is throttled.
	Remote Mode = "remote"
	// Service talks to the Windows service OpenDentalAPIService, port 30223.
	Service Mode = "service"
	// Local talks to a running OpenDental.exe on this computer, port 30222.
	Local Mode = "local"
)

var defaultURLs = map[Mode]string{
	Remote:  "https://api.opendental.com/api/v1",
	Service: "http://localhost:30223/api/v1",
	Local:   "http://localhost:30222/api/v1",
}

// DefaultVerifyAfter is what [Config.VerifyAfter] is when it is zero: a request
// leaves within 30 s after Write is called, connects within 20 s, and the
// office works on it for at most 60 s (Open Dental API, 504), which leaves a
// margin of 10 s. A payment, a refund and an adjustment leave within 60 s; and
// where [Config.Rate] is above one and a half seconds a write needs longer until
// it may leave: what is added to the 30 s is added here.
const DefaultVerifyAfter = 2 * time.Minute

// DefaultTimeout is what [Config.Timeout] is when it is zero. It is longer than
// the 60 s after which the API itself gives up.
const DefaultTimeout = 90 * time.Second

// Config says how to reach one practice's Open Dental: by its API, its database,
// or both, which is recommended. The zero value lacks only the two keys. It
// prints without the keys and without the database's password.
type Config struct {
	// Mode is Remote when empty.
	Mode Mode
	// URL is the API's base address; empty is the mode's default:
	// https://api.opendental.com/api/v1, http://localhost:30223/api/v1 (Service)
	// or http://localhost:30222/api/v1 (Local). It holds no user, query or
	// fragment.
	URL string
	// InsecureHost names the one host, other than this computer, to which plain
	// HTTP may go. The keys and patients' data cross that network readable.
	InsecureHost string
	// DeveloperKey and CustomerKey are the two halves of the vendor's
	// authorization. Both are required.
	DeveloperKey, CustomerKey driver.Secret
	// Rate is the shortest time from the start of one request to the start of
	// the next, over all connections of the process that use the same keys. 0 is
	// one second in Remote mode and no limit otherwise; the vendor's free tier
	// needs five seconds. Negative is no limit; in Remote mode there is still one
	// request at a time.
	Rate time.Duration
	// Images is the office's A-to-Z folder, which holds the photos' bytes. Nil
	// means none, or ImagesDir.
	Images fs.FS
	// ImagesDir is the path of the A-to-Z folder on this computer; empty means
	// none. Only one of Images and ImagesDir may be set.
	ImagesDir string
	// PhotoCategory is the DefNum of the image category that holds the patients'
	// pictures; empty is the office's first one that is marked so.
	PhotoCategory string
	// Statements makes a line in the patient's account for each account statement
	// that is filed, where the office has Open Dental 25.3.26 or later and the key
	// the permission AllOthers. It changes no balance and no billing.
	Statements bool
	// Timeout bounds one request from when it may leave; 0 is DefaultTimeout, and
	// DefaultSQLTimeout for a read of the database. A
	// document's upload gets five minutes more. Less than 60 s makes writes
	// uncertain that would have got an answer.
	Timeout time.Duration
	// VerifyAfter is how long after Write was called an effect may still show
	// up; 0 is DefaultVerifyAfter, and for documents what an upload may take as
	// well, which is eight minutes with the default Timeout. Shorter values are for
	// tests against the emulator: a write may happen twice.
	VerifyAfter time.Duration
	// HTTP gives the transport, for a proxy or a test; it must not send a request
	// twice. Nothing else of it is used: no redirects, cookies or timeout. Nil,
	// or one without a transport, is the driver's own transport, which uses no
	// proxy, not even one that the environment names.
	HTTP *http.Client
	// DB is a connection to the office's database (MySQL or MariaDB), opened and
	// closed by the host, by a user with the right SELECT alone. With it all reads
	// go to the database, and writes and their verification through the API.
	// Without the two keys, URL and Mode there are reads only. Nil means none, or
	// Database.
	DB *sqlx.DB
	// Database is the same as a data source name, opened for each connection. Only
	// one of DB and Database may be set.
	Database DatabaseDSN
}

// dsnKeys are the keys of a data source name, for the error about another one.
var dsnKeys = []string{"mode", "rate", "images", "photos", "statements", "insecure_host", "tls", "timeout", "verify_after"}

// ParseDSN reads a data source name:
//
//	opendental://DeveloperKey:CustomerKey@host:port/api/v1?mode=service
//
// Keys with other characters than letters and digits are percent-encoded.
// Without a host the mode's default address is used. The keys are:
//
//	mode           remote (default), service or local
//	rate           Config.Rate, such as 5s; "none" for no limit
//	images         Config.ImagesDir
//	photos         Config.PhotoCategory
//	statements     Config.Statements, true or false (default)
//	insecure_host  Config.InsecureHost
//	tls            true or false; by default false in service and local mode and
//	               for this computer and insecure_host, true otherwise
//	timeout        Config.Timeout
//	verify_after   Config.VerifyAfter
//
// Errors name the part that is wrong and never repeat the keys.
func ParseDSN(dsn string) (Config, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		// The parser's error repeats the text, keys included.
		return Config{}, dsnError("not of the form opendental://DeveloperKey:CustomerKey@host/api/v1?mode=...")
	}
	if u.Scheme != Name {
		return Config{}, dsnError(`it must begin with "opendental://"`)
	}
	if u.Fragment != "" || u.Opaque != "" {
		return Config{}, dsnError("a key holds a character that has to be percent-encoded")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Config{}, dsnError("what follows ? is not of the form key=value&key=value")
	}
	for key, values := range q {
		if !slices.Contains(dsnKeys, key) {
			return Config{}, dsnError(fmt.Sprintf("unknown key%s; the keys are %s", quotedWord(key), strings.Join(dsnKeys, ", ")))
		}
		if len(values) > 1 {
			return Config{}, dsnError(key + " is given twice")
		}
	}
	cfg := Config{
		Mode:          Mode(q.Get("mode")),
		InsecureHost:  q.Get("insecure_host"),
		ImagesDir:     q.Get("images"),
		PhotoCategory: q.Get("photos"),
	}
	if u.User != nil {
		cfg.DeveloperKey = driver.NewSecret(u.User.Username())
		customer, _ := u.User.Password()
		cfg.CustomerKey = driver.NewSecret(customer)
	}
	var problems []error
	duration := func(key string, into *time.Duration) {
		if s := q.Get(key); s != "" {
			d, err := time.ParseDuration(s)
			if err != nil || d <= 0 {
				problems = append(problems, dsnError(key+` must be a duration such as "5s"`))
			}
			*into = d
		}
	}
	if q.Get("rate") == "none" {
		cfg.Rate = -1
	} else {
		duration("rate", &cfg.Rate)
	}
	duration("timeout", &cfg.Timeout)
	duration("verify_after", &cfg.VerifyAfter)

	switch s := q.Get("statements"); s {
	case "", "false":
	case "true":
		cfg.Statements = true
	default:
		problems = append(problems, dsnError("statements must be true or false"))
	}
	switch tls := q.Get("tls"); {
	case tls != "" && tls != "true" && tls != "false":
		problems = append(problems, dsnError("tls must be true or false"))
	case u.Host == "" && tls != "":
		problems = append(problems, dsnError("tls goes with a host"))
	case u.Host == "" && u.Path != "" && u.Path != "/":
		problems = append(problems, dsnError("a path goes with a host"))
	case u.Host != "":
		plain := cfg.Mode == Service || cfg.Mode == Local || isLoopback(u.Hostname()) || isNamed(cfg.InsecureHost, u.Hostname())
		scheme := "https"
		if tls == "false" || tls == "" && plain {
			scheme = "http"
		}
		path := u.Path
		if path == "" || path == "/" {
			path = "/api/v1"
		}
		cfg.URL = (&url.URL{Scheme: scheme, Host: u.Host, Path: path}).String()
	}
	if err := errors.Join(problems...); err != nil {
		return Config{}, err
	}
	return cfg, cfg.Validate()
}

// Validate returns everything that is wrong, joined; each error names the field.
func (c Config) Validate() error {
	var problems []error
	wrong := func(text string) { problems = append(problems, errors.New("opendental: "+text)) }
	if _, known := defaultURLs[c.mode()]; !known {
		wrong("mode: must be remote, service or local")
	}
	if c.DeveloperKey.IsEmpty() && c.hasAPI() {
		wrong("developer key: missing; the vendor gives it to the developer of the host application")
	}
	if c.CustomerKey.IsEmpty() && c.hasAPI() {
		wrong("customer key: missing; it is made for one office in the vendor's developer portal")
	}
	switch {
	case c.DB != nil && !c.Database.IsZero():
		wrong("database: give either DB or Database")
	case !c.Database.IsZero():
		if problem := dsnProblem(c.Database); problem != "" {
			wrong(problem)
		}
	}
	for what, key := range map[string]driver.Secret{"developer key": c.DeveloperKey, "customer key": c.CustomerKey} {
		if strings.ContainsFunc(key.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) {
			wrong(what + ": holds a character that no key has")
		}
	}
	if c.URL != "" {
		if problem := c.checkURL(); problem != "" {
			wrong(problem)
		}
	}
	if c.Images != nil && c.ImagesDir != "" {
		wrong("images: give either Images or ImagesDir")
	}
	if c.ImagesDir != "" && !filepath.IsAbs(c.ImagesDir) {
		wrong("images: must be an absolute path")
	}
	if c.PhotoCategory != "" && !isID(c.PhotoCategory) {
		wrong("photos: must be the number (DefNum) of an image category")
	}
	if c.Timeout < 0 {
		wrong("timeout: must not be negative")
	}
	if c.VerifyAfter < 0 {
		wrong("verify_after: must not be negative")
	}
	return errors.Join(problems...)
}

func (c Config) checkURL() string {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return "host: not an address such as https://api.opendental.com/api/v1"
	case u.Scheme != "http" && u.Scheme != "https":
		return "host: must be reached by http or https"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "host: must hold no user, query or fragment; keys have fields of their own"
	case u.Scheme == "http" && !isLoopback(u.Hostname()) && !isNamed(c.InsecureHost, u.Hostname()):
		return "host: plain HTTP goes to this computer only; name the host in insecure_host if its network may be trusted with patients' data"
	}
	return ""
}

// Connector validates c and makes a connector, without I/O. The connector
// implements io.Closer.
func (c Config) Connector() (driver.Connector, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	k := &connector{cfg: c}
	if c.hasAPI() {
		k.client = newClient(c)
	}
	return k, nil
}

func (c Config) mode() Mode {
	if c.Mode == "" {
		return Remote
	}
	return c.Mode
}

func (c Config) base() string {
	if c.URL == "" {
		return defaultURLs[c.mode()]
	}
	return strings.TrimRight(c.URL, "/")
}

// server is what answers at the base address, however that is written.
func (c Config) server() string {
	u, err := url.Parse(c.base())
	if err != nil {
		return c.base()
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme
	} else if port == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		port = u.Scheme
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + ":" + port
}

// interval is the throttle's interval; 0 is none.
func (c Config) interval() time.Duration {
	switch {
	case c.Rate < 0 && c.mode() == Remote:
		return time.Nanosecond // one at a time
	case c.Rate < 0:
		return 0
	case c.Rate == 0 && c.mode() == Remote:
		return time.Second
	}
	return c.Rate
}

func (c Config) timeout() time.Duration {
	if c.Timeout == 0 {
		return DefaultTimeout
	}
	return c.Timeout
}

// uploadExtra is what a document's upload gets on top of the timeouts: 12 MB in
// base64 over a line of half a megabit a second.
const uploadExtra = 5 * time.Minute

// officeWork is how long the office works on a request at the most (Open Dental
// API, 504), with a margin.
const officeWork = 70 * time.Second

func (c Config) verifyAfter(kind driver.OpKind) time.Duration {
	switch {
	case c.VerifyAfter != 0:
		return c.VerifyAfter
	case kind == driver.OpDocument:
		return c.sendWithin(kind) + c.timeout() + uploadExtra + officeWork
	}
	return DefaultVerifyAfter + c.sendWithin(kind) - sendWithin
}

// sendWithin is how long after the beginning of Write its request may leave: so
// long that a payment, which looks at nine things and at mostCharges charges
// first, can get its turns, and that in an office that takes its time all these
// looks are done; none of them is known from before.
func (c Config) sendWithin(kind driver.OpKind) time.Duration {
	within := sendWithin
	if isMoney(kind) {
		within *= 2
	}
	return max(within, 20*c.interval())
}

// String gives the address and mode, and nothing of the keys.
func (c Config) String() string {
	where := "(no valid address)"
	if u, err := url.Parse(c.base()); err == nil {
		// Only these parts: an address that is not valid may hold a key.
		where = u.Scheme + "://" + u.Host + u.Path
	}
	switch {
	case !c.hasAPI():
		return "opendental database"
	case c.hasSQL():
		return fmt.Sprintf("opendental %s %s and database", c.mode(), where)
	}
	return fmt.Sprintf("opendental %s %s", c.mode(), where)
}

// GoString is String.
func (c Config) GoString() string { return c.String() }

// Format prints String for every verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON gives String as a JSON string. It cannot be read back.
func (c Config) MarshalJSON() ([]byte, error) { return marshal(c.String()) }

func dsnError(text string) error { return errors.New("opendental: data source name: " + text) }

// quotedWord repeats a key that looks like one. Anything else may be a part of a
// secret with a question mark in it.
func quotedWord(key string) string {
	if len(key) > 20 || strings.ContainsFunc(key, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }) {
		return ""
	}
	return fmt.Sprintf(" %q", key)
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func isNamed(insecure, host string) bool {
	return insecure != "" && strings.EqualFold(insecure, host)
}
