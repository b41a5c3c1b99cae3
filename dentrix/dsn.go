package dentrix

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// dsnKeys are the keys of a data source name, for the error about another one.
var dsnKeys = []string{"connection", "overlap", "profile", "timeout", "trust_profile", "verify_after"}

// ParseDSN reads a data source name:
//
//	dentrix://odbc?connection=host%3Dserver%3BUID%3D...&profile=%7B%22version%22...
//
// The name before the question mark is that of the SQL driver, which the host
// imports. Values are encoded as in a query of the web (net/url's Values.Encode);
// [FormatDSN] does it. The keys are:
//
//	connection     the connection string, see Config.Database
//	profile        Config.Profile, the whole JSON document
//	trust_profile  Config.TrustProfile, true or false
//	timeout        Config.Timeout, such as 60s
//	verify_after   Config.VerifyAfter
//	overlap        Config.Overlap
//
// A name holds a password. Errors name the part that is wrong and never repeat its
// value.
func ParseDSN(dsn string) (Config, error) {
	if strings.TrimSpace(dsn) == "" {
		return Config{}, dsnError("there is none; it is of the form dentrix://odbc?connection=...")
	}
	u, err := url.Parse(dsn)
	if err != nil {
		// The parser's error repeats the text, password included.
		return Config{}, dsnError("not of the form dentrix://odbc?connection=...")
	}
	if u.Scheme != Name {
		return Config{}, dsnError(`it must begin with "dentrix://"`)
	}
	if u.User != nil || u.Fragment != "" || u.Opaque != "" || u.Path != "" && u.Path != "/" {
		return Config{}, dsnError("between dentrix:// and ? stands the SQL driver's name alone; everything else is a key, with its value encoded")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Config{}, dsnError("what follows ? is not of the form key=value&key=value; a connection string in it has to be encoded")
	}
	for key, values := range q {
		if !slices.Contains(dsnKeys, key) {
			// The key is not repeated: it may be a part of a connection string that was
			// not encoded.
			return Config{}, dsnError("unknown key; the keys are " + strings.Join(dsnKeys, ", "))
		}
		if len(values) > 1 {
			return Config{}, dsnError(key + " is given twice")
		}
	}
	var cfg Config
	var problems []error
	switch sqlDriver, connection := u.Host, q.Get("connection"); {
	case sqlDriver == "":
		problems = append(problems, dsnError("the SQL driver's name is missing after dentrix://, such as odbc"))
	case strings.TrimSpace(connection) == "":
		problems = append(problems, dsnError("connection is missing: the whole of what DENTRIXAPI_GetConnectionString gave, encoded"))
	default:
		cfg.Database = NewDatabaseDSN(sqlDriver, connection)
	}
	if text := q.Get("profile"); text != "" {
		if cfg.Profile, err = ParseProfile([]byte(text)); err != nil {
			problems = append(problems, err)
		}
	}
	switch q.Get("trust_profile") {
	case "true":
		cfg.TrustProfile = true
	case "", "false":
	default:
		problems = append(problems, dsnError("trust_profile must be true or false"))
	}
	for key, into := range map[string]*time.Duration{"timeout": &cfg.Timeout, "verify_after": &cfg.VerifyAfter, "overlap": &cfg.Overlap} {
		if s := q.Get(key); s != "" {
			d, err := time.ParseDuration(s)
			if err != nil || d <= 0 {
				problems = append(problems, dsnError(key+` must be a duration such as "60s"`))
			}
			*into = d
		}
	}
	if err := errors.Join(problems...); err != nil {
		return Config{}, err
	}
	return cfg, cfg.Validate()
}

// FormatDSN makes a data source name of an SQL driver's name, a connection string
// and a profile's JSON document, which may be empty. It holds a password: keep it
// where the host keeps its secrets.
func FormatDSN(sqlDriver string, connection driver.Secret, profile []byte) string {
	q := url.Values{"connection": {connection.Reveal()}}
	if len(profile) > 0 {
		q.Set("profile", string(profile))
	}
	return (&url.URL{Scheme: Name, Host: sqlDriver, RawQuery: q.Encode()}).String()
}

func dsnError(text string) error { return errors.New("dentrix: data source name: " + text) }
