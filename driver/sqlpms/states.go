package sqlpms

import "strings"

// The states that are asked for by name.
const (
	stateLineLost = "08S01"
)

// byState are the SQLSTATEs that tell something, in whole or by their first two
// characters. They are those of ODBC 3 and of the SQL standard.
var byState = map[string]Fault{
	"08":    {Class: ClassLine},
	"08004": {Class: ClassBusy, Words: "the database server refuses the connection"},
	"08S01": {Class: ClassLine, Words: "the connection to the database broke"},
	"01S00": {Class: ClassSetup, Words: "the connection string has a part that the ODBC driver does not know"},
	"21":    {Class: ClassStatement},
	"22":    {Class: ClassValue},
	"22001": {Class: ClassTooLong},
	"23":    {Class: ClassReference, Words: "a rule of the database's tables refuses the record"},
	"25006": {Class: ClassReadOnly},
	"28":    {Class: ClassLogin},
	"40":    {Class: ClassBusy, Words: "the database undid the transaction, because of others"},
	"42":    {Class: ClassStatement},
	"42501": {Class: ClassDenied},
	"42S01": {Class: ClassStatement},
	"42S02": {Class: ClassMissing, Words: "a table that this needs is not there"},
	"42S22": {Class: ClassMissing, Words: "a column that this needs is not there"},
	"S0002": {Class: ClassMissing, Words: "a table that this needs is not there"},
	"S0022": {Class: ClassMissing, Words: "a column that this needs is not there"},
	"HY":    {Class: ClassOther},
	"HY008": {Class: ClassTimeout, Words: "the statement was cancelled"},
	"HYT00": {Class: ClassTimeout},
	"HYT01": {Class: ClassTimeout},
	"S1T00": {Class: ClassTimeout},
	"IM":    {Class: ClassSetup},
	"IM002": {Class: ClassSetup, Words: "no such data source, or its ODBC driver is not installed for programs of this bitness: " +
		"a 32-bit program sees only 32-bit data sources and drivers, a 64-bit program only 64-bit ones"},
	"IM003": {Class: ClassSetup, Words: "the ODBC driver's file cannot be loaded: it is missing, or it is of the other bitness (32 or 64) than this program"},
	"IM004": {Class: ClassSetup, Words: "the ODBC driver does not start; install it again"},
	"IM005": {Class: ClassSetup, Words: "the ODBC driver does not start; install it again"},
	"IM010": {Class: ClassSetup, Words: "the name of the data source is too long"},
	"IM012": {Class: ClassSetup, Words: "the connection string's part DRIVER is wrong"},
	"IM014": {Class: ClassSetup, Words: "the data source is of the other bitness (32 or 64) than this program: " +
		"run the program's other build, or set up the data source with the other ODBC administrator"},
	"01000": {Class: ClassOther},
}

// ByState classifies an error by its SQLSTATE, and by its number when it is one of
// MariaDB's, which stands for the engine in tests. A [Dialect].Classify decides
// first, and may call it for an error that it gives other words.
func ByState(d Diagnosis) Fault {
	if f, ok := byMariaDB[d.Native]; ok {
		return f
	}
	if d.State == "01000" && d.Contains("can't open lib") { // unixODBC says IM003 so
		return byState["IM003"]
	}
	for _, key := range []string{d.State, first(d.State, 2)} {
		if f, ok := byState[key]; ok {
			return f
		}
	}
	if d.State != "" || d.Native != 0 {
		return Fault{Class: ClassOther}
	}
	return Fault{Class: ClassUnknown}
}

func first(s string, n int) string { return strings.ToUpper(s[:min(n, len(s))]) }

// byMariaDB are the numbers of MariaDB that say more than their SQLSTATE. They
// are above 1000; SQL Anywhere and c-tree number theirs below zero, and
// procedures of PMSs from 50000.
var byMariaDB = map[int]Fault{
	1040: {Class: ClassBusy, Words: "the database server has too many connections"},
	1044: {Class: ClassLogin},
	1045: {Class: ClassLogin},
	1048: {Class: ClassValue},
	1049: {Class: ClassMissing, Words: "the server has no such database"},
	1054: {Class: ClassMissing, Words: "a column that this needs is not there"},
	1062: {Class: ClassDuplicate},
	1130: {Class: ClassLogin},
	1142: {Class: ClassDenied},
	1143: {Class: ClassDenied},
	1146: {Class: ClassMissing, Words: "a table that this needs is not there"},
	1203: {Class: ClassBusy, Words: "the database server has too many connections"},
	1205: {Class: ClassBusy},
	1213: {Class: ClassBusy},
	1227: {Class: ClassDenied},
	1264: {Class: ClassValue},
	1290: {Class: ClassReadOnly},
	1292: {Class: ClassValue},
	1305: {Class: ClassMissing, Words: "a procedure that this needs is not there"},
	1317: {Class: ClassTimeout, Words: "the statement was cancelled"},
	1318: {Class: ClassStatement, Words: "a procedure takes another number of arguments"},
	1366: {Class: ClassText},
	1370: {Class: ClassDenied},
	1406: {Class: ClassTooLong},
	1451: {Class: ClassReference},
	1452: {Class: ClassReference},
	1698: {Class: ClassLogin},
	1792: {Class: ClassReadOnly},
	1969: {Class: ClassTimeout},
	2002: {Class: ClassLine}, 2003: {Class: ClassLine}, 2006: {Class: ClassLine}, 2013: {Class: ClassLine}, 2026: {Class: ClassLine},
	3024: {Class: ClassTimeout},
}
