// Package driver is the contract between the pms library and one Practice
// Management Software (PMS).
//
// Vendors import it to write a driver; host applications import it to name
// things (note kinds, catalogs, reasons) and to open a driver by name. It
// imports the standard library only and knows no other package of the module.
//
// # Life cycle
//
//  1. A driver package registers itself in init with [Register].
//  2. [Open] (or [Driver.OpenConnector]) parses a data source name into a
//     [Connector]. No I/O happens here, so a mistake in the name shows at once.
//  3. [Connector.Connect] makes a [Conn] for one practice. The engine may
//     connect again at any time, in any process, and after ErrUnauthorized.
//  4. [Conn.Info] tells as data what this PMS can do, and why it cannot do the
//     rest.
//  5. Everything else is an optional interface that the Conn may implement:
//     [Cataloger], [PatientFinder], [ChangeReader], [WindowReader],
//     [AppointmentReader], [PhotoReader], [Hinter], [Writer], [Verifier]. Each is
//     probed once a connection; Info must agree with what is implemented.
//
// # Errors say whether the effect can have happened
//
// The engine decides from an error's kind alone whether it may send a write
// again. See [Error] and the Err constants. The one rule that matters most:
// an error from [Writer.Write] that is not an [*Error] counts as
// [ErrUnknownOutcome], and so must every doubt.
//
// # Concurrency
//
// Drivers and Connectors are safe for concurrent use. On one Conn the engine
// runs at most [Info].MaxCalls calls at once (one when it is zero). Close may
// be called at any time and makes running calls fail.
//
// # Patient data
//
// Names, birth dates and texts travel as [Text] and [BirthDate], which print as
// "[redacted]". A driver never logs or returns as an error any PMS text that
// may hold patient data, and never wraps *url.Error, whose text holds the keys.
//
// The conformance suite in driver/drivertest holds a rule for each promise made
// here; driver/memdriver is the reference implementation.
package driver
