package dentrix

import "github.com/pmswriteback/pms/driver/sqlpms"

// DatabaseDSN is how connections to Dentrix's database are made: the name of a
// driver of database/sql and a data source name for it, which is never printed.
type DatabaseDSN = sqlpms.DSN

// NewDatabaseDSN names a database of the host's SQL driver. For ODBC the name is the
// connection string, whole, as DENTRIXAPI_GetConnectionString of Dentrix.API.dll
// gave it to the host's signed program. It is not parsed and not rebuilt, since its
// keywords have changed between versions.
//
//	NewDatabaseDSN("odbc", connectionString)
//
// The package imports no driver of database/sql; the host imports the one that it
// names.
func NewDatabaseDSN(sqlDriver, dataSourceName string) DatabaseDSN {
	return sqlpms.NewDSN(sqlDriver, dataSourceName)
}

// dsnProblem says what is wrong with d without I/O; empty when nothing is.
func dsnProblem(d DatabaseDSN) string {
	return d.Problem("the connection string is missing: hand in what DENTRIXAPI_GetConnectionString gave; " +
		"it gives an empty one while the office has not registered the program")
}
