package eaglesoft

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// dsnKeys are the keys of a data source name, for the error about another one.
var dsnKeys = []string{"connection", "full_pass", "init", "note_class", "owner", "payments", "practice", "session", "timeout", "user", "verify_after"}

// mayRepeat are the keys that may be there several times.
var mayRepeat = []string{"init", "session"}

// ParseDSN reads a data source name:
//
//	eaglesoft://odbc?connection=DSN%3DEaglesoft%3BUID%3D...&init=SET+TEMPORARY+OPTION+...&owner=PPM&user=WEB&practice=1
//
// The name before the question mark is that of the SQL driver, which the host
// imports. Values are encoded as in a query of the web (net/url's Values.Encode).
// The keys are:
//
//	connection    the data source name of the SQL driver, see Config.Database
//	init          Config.Init; several are run in the order given
//	session       Config.Session; several are run in the order given
//	owner         Config.Owner
//	user          Config.User
//	practice      Config.Practice
//	note_class    Config.NoteClass
//	payments      Config.Payments, true or false
//	timeout       Config.Timeout, such as 20s
//	verify_after  Config.VerifyAfter
//	full_pass     Config.FullPass
//
// A name holds secrets. Errors name the part that is wrong and never repeat its
// value. What is no text (documents, other statuses) goes into a [Config]:
//
//	cfg, err := eaglesoft.ParseDSN(dsn)
//	cfg.Documents = writer
//	connector, err := eaglesoft.NewConnector(cfg)
func ParseDSN(dsn string) (Config, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		// The parser's error repeats the text, secrets included.
		return Config{}, dsnError("not of the form eaglesoft://odbc?connection=...&owner=...&user=...&practice=...")
	}
	if u.Scheme != Name {
		return Config{}, dsnError(`it must begin with "eaglesoft://"`)
	}
	if u.User != nil || u.Fragment != "" || u.Opaque != "" || u.Path != "" && u.Path != "/" {
		return Config{}, dsnError("between eaglesoft:// and ? stands the SQL driver's name alone; everything else is a key, with its value encoded")
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
		if len(values) > 1 && !slices.Contains(mayRepeat, key) {
			return Config{}, dsnError(key + " is given twice")
		}
	}
	var problems []error
	cfg := Config{
		Session:   q["session"],
		Owner:     q.Get("owner"),
		User:      q.Get("user"),
		Practice:  q.Get("practice"),
		NoteClass: q.Get("note_class"),
	}
	for _, s := range q["init"] {
		cfg.Init = append(cfg.Init, driver.NewSecret(s))
	}
	switch sqlDriver, connection := u.Host, q.Get("connection"); {
	case sqlDriver == "":
		problems = append(problems, dsnError("the SQL driver's name is missing after eaglesoft://, such as odbc"))
	case connection == "":
		problems = append(problems, dsnError("connection is missing: the name of an ODBC data source, or a connection string"))
	default:
		cfg.Database = NewDatabaseDSN(sqlDriver, connection)
	}
	switch q.Get("payments") {
	case "true":
		cfg.Payments = true
	case "", "false":
	default:
		problems = append(problems, dsnError("payments must be true or false"))
	}
	for key, into := range map[string]*time.Duration{"timeout": &cfg.Timeout, "verify_after": &cfg.VerifyAfter, "full_pass": &cfg.FullPass} {
		if s := q.Get(key); s != "" {
			d, err := time.ParseDuration(s)
			if err != nil || d <= 0 {
				problems = append(problems, dsnError(key+` must be a duration such as "20s"`))
			}
			*into = d
		}
	}
	if err := errors.Join(problems...); err != nil {
		return Config{}, err
	}
	return cfg, cfg.Validate()
}

func dsnError(text string) error { return errors.New("eaglesoft: data source name: " + text) }
