// Package dentrixtest is a stand-in for Dentrix in tests: a schema "admin" in
// MariaDB, with the views and procedures that package dentrix reads, shaped from what
// the vendor documents in public, and with procedures that write.
//
// The procedures that write are made up, and their names begin with standin_ so that
// nobody takes them for the vendor's, which are not public. They check their
// arguments as the vendor's are documented to do and raise the documented codes.
// [Profile] is the profile that names them.
//
// What differs from an office's Dentrix is at least this: the engine is MariaDB and
// not c-tree, there are no triggers, no ageing and no history, and the result columns
// of the ledger's procedures are guesses; what is BIT in Dentrix is TINYINT, because
// MariaDB's ODBC driver gives BIT in a form that the SQL driver refuses. CHAR columns come padded, status bytes have
// a sign, times are wall times without a zone, money shows a date only.
//
// An office lives on a server of its own, since the schema's name is fixed:
//
//	var servers = mariadbtest.Pool{
//		Options: dentrixtest.Options(), Schemas: dentrixtest.Schemas(), Prepare: dentrixtest.Prepare, Restore: dentrixtest.Restore,
//	}
//	server := servers.Borrow(t)
//	office, err := dentrixtest.New(ctx, server.Root, chicago, start)
//
// The methods of [Office] are people at work in the office: they write the tables as
// Dentrix itself would, stamps included. The office's clock stands still until it is
// advanced.
package dentrixtest
