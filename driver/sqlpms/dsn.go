package sqlpms

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"

	"github.com/pmswriteback/pms/driver"
)

// DSN is how a PMS's database is opened: the name of a driver of database/sql and
// a data source name for it, which holds a password and is therefore never
// printed. The zero value is none. Drivers give it a name and words of their own:
//
//	type DatabaseDSN = sqlpms.DSN
type DSN struct {
	driver string
	name   driver.Secret
}

// NewDSN names a database of a driver of database/sql, which the host imports.
func NewDSN(sqlDriver, dataSourceName string) DSN {
	return DSN{sqlDriver, driver.NewSecret(dataSourceName)}
}

// SQLDriver is the name of the driver of database/sql.
func (d DSN) SQLDriver() string { return d.driver }

// Secret is the data source name.
func (d DSN) Secret() driver.Secret { return d.name }

// IsZero reports whether there is neither a driver's name nor a data source name.
func (d DSN) IsZero() bool { return d.driver == "" && d.name.IsEmpty() }

// IsRegistered reports whether database/sql has the driver in this process.
func (d DSN) IsRegistered() bool { return slices.Contains(sql.Drivers(), d.driver) }

// Problem says what is wrong with d, without I/O; empty when nothing is. missing says
// what the data source name has to be.
func (d DSN) Problem(missing string) string {
	switch {
	case d.driver == "":
		return "connection: the name of an SQL driver is missing, such as odbc"
	case d.name.IsEmpty():
		return "connection: " + missing
	case !d.IsRegistered():
		return "connection: the SQL driver is not registered; import it in the host (forgotten import?)"
	}
	return ""
}

// String names the SQL driver, and nothing of the data source name.
func (d DSN) String() string {
	if d.IsZero() {
		return ""
	}
	return d.driver + " " + d.name.String()
}

// GoString is String.
func (d DSN) GoString() string { return d.String() }

// Format prints String for every verb.
func (d DSN) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, d.String()) }

// LogValue implements slog.LogValuer.
func (d DSN) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalJSON gives String as a JSON string. It cannot be read back.
func (d DSN) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// MarshalText gives String.
func (d DSN) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
