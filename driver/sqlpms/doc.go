// Package sqlpms is what drivers for PMSs with an SQL database share: connections,
// reads, guarded writes, procedures, codecs and probes, over any driver of
// database/sql, ODBC above all. A vendor imports it to write such a driver; a host
// does not see it. It imports no SQL driver: the host links the one that it names.
//
//	db, err := sqlpms.Open(sqlpms.Config{
//		Name: "acme", SQLDriver: "odbc", DSN: driver.NewSecret(dsn), Init: initial,
//		Dialect: sqlpms.Dialect{Name: "Acme SQL", Ping: "SELECT 1 FROM acme.one", Classify: classify},
//	})
//	err = db.Each(ctx, "read patients", sqlpms.SQL("SELECT id, name FROM acme.patient WHERE id > ? ORDER BY id", last),
//		func(r *sqlpms.Row) (bool, error) {
//			patients = append(patients, driver.Patient{ID: r.ID("id"), LastName: r.Secret("name")})
//			return len(patients) < want, nil // stops early: no TOP, no LIMIT
//		})
//	receipt, err := db.Write(ctx, sqlpms.Write{Op: "write note", Find: find, Do: insert})
//
// # What it is for
//
//   - [Open], [Config], [NewConnector]: connections that run initial statements;
//     [DSNForm], [DSN]: the names by which a host gives them.
//   - [DB].Each, [DB].Call, [Row]: reading, with codecs for padded CHAR, signed
//     bytes, decimals, wall times and dates.
//   - [DB].Write, [Write], [Tx]: one effect in one transaction, on a connection that
//     was checked, looked for by the Ref before and read back after; [DB].Look for
//     Verify.
//   - [Catalog], by [DB].ReadColumns, [DB].Touch and [DB].Try: which tables, columns
//     and rights there are, and in staff words what an operation lacks; [Procedure]:
//     whether arguments fit.
//   - [Marks]: changes by wall times, with overlap and ties; [KeyMark], [NewRows]: new
//     rows by their keys; [FormatCursor], [ParseCursor]: their cursors, and a driver's
//     own.
//   - [Walks], [Days], [Keys]: windows, each record once.
//   - [Fault], [Class], [Dialect]: errors by their codes, never by their text.
//
// # What bites over ODBC
//
// Each of these is dealt with here, in one place, and has a test over a real ODBC
// stack (package odbctest):
//
//   - github.com/alexbrainman/odbc turns a broken connection into
//     driver.ErrBadConn even after the statement was run, and database/sql runs it
//     again: two rows and no error. Connections of this package never say so of a
//     statement that has left, and [DB].Write does everything in a transaction.
//   - Its Exec knows no context, and a query waits for the network. A call whose
//     context has ended is left behind, and its connection is closed when it
//     returns. A write that is left behind before COMMIT is undone by that.
//   - Its Ping asks nobody. [Dialect].Ping is a statement.
//   - Its Exec swallows errors after the first result of a procedure, and its end
//     of results is the plain error "Stmt did not create a result set". [Tx].Call
//     drains.
//   - It panics when a text is longer in bytes than its column in characters, which
//     becomes an error.
//   - It gives DECIMAL as float64, TINYINT as int32, CHAR with its padding, and
//     wall times in the zone of the process; see [Row] and [ZoneGap].
//   - Rows keep their connection until they are closed, also after the last one.
//   - After a COMMIT that failed its connection has autocommit off: it is dropped.
//   - Its parameters of type TIMESTAMP have milliseconds, and not every engine
//     compares them with a DATE: a [driver.Date] is sent as text, and
//     [DateLiteral] and [WallLiteral] are for a statement's text.
//   - IM002, IM003 and IM014 mean a data source or driver that is missing, or of the
//     other bitness (32 or 64) than the program: the [Fault] says so.
//
// # Errors
//
// Every method returns *[driver.Error] with the kind that is true of the effect.
// The text of the engine and of the SQL driver is never in it: it may quote a
// statement, and with it a patient. A *[Fault] inside has SQLSTATE and number.
package sqlpms
