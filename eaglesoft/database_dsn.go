package eaglesoft

import (
	"strings"

	"github.com/pmswriteback/pms/driver/sqlpms"
)

// DatabaseDSN is how connections to Eaglesoft's database are made: the name of a
// driver of database/sql and a data source name for it, which is never printed.
type DatabaseDSN = sqlpms.DSN

// NewDatabaseDSN names a database of the host's SQL driver. For an ODBC driver of
// SQL Anywhere the name is a connection string:
//
//	NewDatabaseDSN("odbc", "DSN=Eaglesoft;UID=...;PWD=...;CharSet=utf-8")
//	NewDatabaseDSN("odbc", "Driver={SQL Anywhere 17};Host=server:2638;ServerName=...;DatabaseName=...;UID=...;PWD=...;CharSet=utf-8")
//
// The package imports no driver of database/sql; the host imports the one that it
// names.
func NewDatabaseDSN(sqlDriver, dataSourceName string) DatabaseDSN {
	return sqlpms.NewDSN(sqlDriver, dataSourceName)
}

// dsnProblem says what is wrong with d without I/O; empty when nothing is.
func dsnProblem(d DatabaseDSN) string {
	if d.SQLDriver() == "odbc" && !d.Secret().IsEmpty() && !strings.Contains(d.Secret().Reveal(), "=") {
		return "connection: not a connection string; the name of an ODBC data source is given as DSN=name;UID=user;PWD=password"
	}
	return d.Problem("the data source name is missing: the name of an ODBC data source, or a connection string")
}
