// Package eaglesoft is the driver for Patterson Eaglesoft, by its database on SQL
// Anywhere, through database/sql. It registers itself as "eaglesoft".
//
// It is for a vendor who has an agreement with Patterson: Eaglesoft's database is
// one of an OEM edition, which takes writes only from connections that present the
// signature of such an agreement. The package has no signature, no password and no
// SQL driver; the host brings them:
//
//	import _ "github.com/alexbrainman/odbc" // registers "odbc"
//
//	connector, err := eaglesoft.NewConnector(eaglesoft.Config{
//		Database: eaglesoft.NewDatabaseDSN("odbc", vault.ConnectionString(practice)),
//		Init:     []driver.Secret{driver.NewSecret(vault.Authentication())},
//		Owner:    eaglesoft.SuggestedOwner,
//		User:     "WEB",
//		Practice: "1",
//	})
//
// or everything as one data source name, see [ParseDSN]. SETUP.md beside this file
// says what the practice and the vendor have to obtain, and how to register.
//
// # What it was run against
//
// A stand-in (package eaglesofttest): MariaDB 10.11 with tables shaped from public
// accounts of live databases, through unixODBC and MariaDB's ODBC driver. It has
// never been run against Eaglesoft or SQL Anywhere. Before it goes to a practice,
// run package drivertest on a restored copy; SETUP.md says how.
//
// # Operations
//
// The confidence is of what is known about Eaglesoft: A is two or more independent
// public sources or the engine's own documentation, B one source that looks like it
// works, C a conclusion. What is C is configurable or not supported.
//
//	operation             tables                                  how                                             confidence
//	providers             provider                                staff and users are in it too                   A
//	note types            operatory_notes_type                                                                    B
//	document folders      document_group                          those of type I                                 B
//	payment types         paytype                                                                                 A
//	appointment statuses  (a fixed list, Config.Confirmations)                                                    B
//	appointment types     appt_types                              AppointmentTyper                                A
//	patients by id        patient                                 primary key                                     A
//	  by birth date                                               a range of one day                              A
//	  by phone                                                    all rows, by the last four digits               A
//	new patients          patient                                 date_entered, two days; a full pass daily       A
//	appointments          appointment, appointment_provider,      windows of start_time; no change marks          A
//	                      chairs
//	  their state                                                 classification 1; 16, 32, 64 gone; 4 unknown    B, C
//	                                                              arrival_status 4; any other is "arrived"        B, C
//	note                  operatory_notes                         INSERT; numbered by the database                A
//	appointment status    appointment, appt_log                   UPDATE over the old status and start, and log   B
//	document              document, and a SmartDocWriter          INSERT, file, COMMIT                            B
//	payment (opt-in)      transactions_header, _detail, _extra    unapplied; numbered by the database or not      B, C
//	                                                              at all; balances untouched
//	refund, adjustment    supported: no
//	photos                supported: no
//	verify                the tables above                        by the Ref; a status by itself
//
// Cancelling, moving or making appointments, allergies, insurance and everything
// else of Eaglesoft is not touched. Change tables whose names begin with rw_ exist
// in some databases; whose they are is not known, and they are not read.
//
// # What is looked at first
//
// Connect and Info look at the engine (PROPERTY('ProductVersion')), Eaglesoft's
// version, the connection (authenticated, isolation level), every table and column
// that is used in SYS.SYSTAB and SYS.SYSTABCOL, the right to read each, whether the
// database numbers the rows, and whether [Config.User] is active. On a connection that
// may write, the rights to INSERT and UPDATE are asked for with statements that change
// no row (INSERT INTO t (a) SELECT a FROM t WHERE 1 = 0), in a transaction that is
// undone: SQL Anywhere's own lists give grants to groups and roles in pieces. That it asks
// for a right where no row is touched is a conclusion (C); if it does not, a missing one
// shows at the first write, as ErrUnauthorized. What fails
// closes what needs it, and Info says why in words for staff. It is looked at again
// with each Info and when an error shows that a table has changed.
//
// # Authentication
//
// SQL Anywhere lets every connection write for thirty seconds, and only those that
// are authenticated from then on. A write that works in a quick test therefore
// fails in production. The driver asks the connection that writes
// (CONNECTION_PROPERTY('Authenticated')) and refuses within the thirty seconds,
// too; where the engine itself says "Authentication violation", the error is
// ErrUnauthorized with ScopeWrites, in words of its own. [Config.Init] runs on every
// new physical connection.
//
// # What is committed
//
// By default SQL Anywhere shows rows that are not committed. When a line breaks, the
// server keeps the dead connection's rows for up to two minutes and then takes them
// back: looking for a write in that time would find it, and it would be lost.
// [Config.Session] therefore sets the isolation level to 1, and neither Write nor
// Verify goes on where it is 0.
//
// # Writes
//
// A write is one transaction; see package sqlpms for what can be in doubt. The Ref
// is looked for before all else, and one that is there already is
// ErrUnknownOutcome with ReasonDuplicate: Verify tells the rest. It is looked for
// again before the end: what cannot be found then is undone. It stands in a note's text, at the end of a
// document's name, and at the end of a payment's description. A status has no room
// for it: whether a status was written is told by the status alone, and a third one
// means that it was not: sending it again meets that one and changes nothing.
//
// user_id of what is written is Header.Provider, which is a code of the same table
// as that of the staff, and [Config.User] where an operation names none. A payment
// is posted to the same provider. Notes take 4,000 bytes of windows-1252.
//
// Inactive patients are written for as well: Eaglesoft has none that are archived.
//
// A payment is looked for on the seven days before and after its posting date, because
// staff may put it on another day; one that was moved further is not found.
//
// A payment reduces nothing by itself: header and detail bear its negative amount,
// and the patient's balances, their ageing and the providers' totals are left
// alone. Eaglesoft then marks the account and offers to update it, and staff
// distribute the payment. That it does so with rows written in this way is one
// vendor's account of its own product.
//
// # SQL
//
// Every statement is plain SQL with question marks for values, inside what SQL
// Anywhere accepts, and a test holds each one that is sent against a short list of
// forms. There is no way to ask for a number of rows that SQL Anywhere and the
// stand-in share (neither TOP nor LIMIT appears): every read is bounded by a key or
// a range of days, and stopped early. GETDATE(), @@identity, USER_ID, PROPERTY and
// CONNECTION_PROPERTY are SQL Anywhere's own; the stand-in has functions with
// their names.
//
// # Time
//
// Eaglesoft keeps wall times without a zone. They are read and written in
// [driver.Env].Location, which has to be the zone of the practice's server.
package eaglesoft
