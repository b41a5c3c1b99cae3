package sqlpms

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
)

// DSNForm is the form of a driver's own data source names, by which a host opens it
// with one text:
//
//	acme://odbc?connection=DSN%3DAcme%3BUID%3D...&timeout=20s
//
// The name before the question mark is that of the SQL driver, which the host imports;
// connection is its data source name. Values are encoded as in a query of the web
// (net/url's Values.Encode). Errors name the part that is wrong and never repeat its
// value, nor a key that is not known: it may be a part of a connection string that was
// not encoded.
type DSNForm struct {
	// Name is the PMS driver's: "acme".
	Name string
	// Example is a name as it should be, with dots for values.
	Example string
	// Keys are all that there are, in the order in which an error lists them; Repeated
	// are those of them that may be there several times.
	Keys, Repeated []string
	// Missing says what connection has to be: "the name of an ODBC data source".
	Missing string
}

// DSNValues are what a data source name holds. What is wrong with a value is
// remembered for Err.
type DSNValues struct {
	// Database is the SQL driver's name and its data source name.
	Database DSN

	form     DSNForm
	values   url.Values
	problems []error
}

// Parse reads a data source name. Its error is about a form that is not right; that
// of a value comes from [DSNValues].Err.
func (f DSNForm) Parse(dsn string) (*DSNValues, error) {
	if strings.TrimSpace(dsn) == "" {
		return nil, f.problem("there is none; it is of the form " + f.Example)
	}
	begin := f.Name + "://"
	u, err := url.Parse(dsn)
	if err != nil {
		// The parser's error repeats the text, secrets included.
		return nil, f.problem("not of the form " + f.Example)
	}
	if u.Scheme != f.Name {
		return nil, f.problem(`it must begin with "` + begin + `"`)
	}
	if u.User != nil || u.Fragment != "" || u.Opaque != "" || u.Path != "" && u.Path != "/" {
		return nil, f.problem("between " + begin + " and ? stands the SQL driver's name alone; everything else is a key, with its value encoded")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, f.problem("what follows ? is not of the form key=value&key=value; a connection string in it has to be encoded")
	}
	for key, values := range q {
		if !slices.Contains(f.Keys, key) {
			return nil, f.problem("unknown key; the keys are " + strings.Join(f.Keys, ", "))
		}
		if len(values) > 1 && !slices.Contains(f.Repeated, key) {
			return nil, f.problem(key + " is given twice")
		}
	}
	v := &DSNValues{form: f, values: q}
	switch connection := q.Get("connection"); {
	case u.Host == "":
		v.Wrong("the SQL driver's name is missing after " + begin + ", such as odbc")
	case strings.ContainsAny(u.Host, "=;,{}"):
		// A part of a connection string: the driver's name is printed, and this is secret.
		v.Wrong("what stands after " + begin + " is not the name of an SQL driver, such as odbc")
	case strings.TrimSpace(connection) == "":
		v.Wrong("connection is missing: " + f.Missing)
	default:
		v.Database = NewDSN(u.Host, connection)
	}
	return v, nil
}

func (f DSNForm) problem(text string) error {
	return errors.New(f.Name + ": data source name: " + text)
}

// Format makes a data source name of an SQL driver's name and of values. It holds
// what they hold: secrets.
func (f DSNForm) Format(sqlDriver string, values url.Values) string {
	return (&url.URL{Scheme: f.Name, Host: sqlDriver, RawQuery: values.Encode()}).String()
}

// Text is the value of a key; empty when it is not there.
func (v *DSNValues) Text(key string) string { return v.values.Get(key) }

// Texts are the values of a key that may be there several times, in their order.
func (v *DSNValues) Texts(key string) []string { return v.values[key] }

// Bool is true or false; false when the key is not there.
func (v *DSNValues) Bool(key string) bool {
	switch v.values.Get(key) {
	case "true":
		return true
	case "", "false":
	default:
		v.Wrong(key + " must be true or false")
	}
	return false
}

// Duration is more than zero; zero when the key is not there.
func (v *DSNValues) Duration(key string) time.Duration {
	s := v.values.Get(key)
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		v.Wrong(key + ` must be a duration such as "20s"`)
	}
	return d
}

// Wrong remembers what is wrong with a value, without the value.
func (v *DSNValues) Wrong(text string) { v.WrongBy(v.form.problem(text)) }

// WrongBy remembers an error as it is; nil is none.
func (v *DSNValues) WrongBy(err error) {
	if err != nil {
		v.problems = append(v.problems, err)
	}
}

// Err is everything that was wrong, joined; nil when nothing was.
func (v *DSNValues) Err() error { return errors.Join(v.problems...) }
