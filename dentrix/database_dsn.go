package dentrix

import (
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/pmswriteback/pms/driver"
)

// DatabaseDSN is how connections to Dentrix's database are made: the name of a
// driver of database/sql and a data source name for it, which holds a password and
// is therefore never printed. The zero value is none.
//
// The package imports no driver of database/sql; the host imports the one that it
// names.
type DatabaseDSN struct {
	driver string
	name   driver.Secret
}

// NewDatabaseDSN names a database of the host's SQL driver. For ODBC the name is the
// connection string, whole, as DENTRIXAPI_GetConnectionString of Dentrix.API.dll
// gave it to the host's signed program. It is not parsed and not rebuilt, since its
// keywords have changed between versions.
//
//	NewDatabaseDSN("odbc", connectionString)
func NewDatabaseDSN(sqlDriver, dataSourceName string) DatabaseDSN {
	return DatabaseDSN{sqlDriver, driver.NewSecret(dataSourceName)}
}

// IsZero reports whether there is no data source name.
func (d DatabaseDSN) IsZero() bool { return d.driver == "" && d.name.IsEmpty() }

// String names the SQL driver, and nothing of the data source name.
func (d DatabaseDSN) String() string {
	if d.IsZero() {
		return ""
	}
	return d.driver + " " + d.name.String()
}

// GoString is String.
func (d DatabaseDSN) GoString() string { return d.String() }

// Format prints String for every verb.
func (d DatabaseDSN) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, d.String()) }

// LogValue implements slog.LogValuer.
func (d DatabaseDSN) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalJSON gives String as a JSON string. It cannot be read back.
func (d DatabaseDSN) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(d.String())), nil }

// MarshalText gives String.
func (d DatabaseDSN) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// problem says what is wrong with d without I/O; empty when nothing is.
func (d DatabaseDSN) problem() string {
	switch {
	case d.driver == "":
		return "connection: the name of an SQL driver is missing, such as odbc"
	case d.name.IsEmpty():
		return "connection: the connection string is missing: hand in what DENTRIXAPI_GetConnectionString gave; it gives an empty one while the office has not registered the program"
	case !slices.Contains(sql.Drivers(), d.driver):
		return "connection: the SQL driver is not registered; import it in the host (forgotten import?)"
	}
	return ""
}
