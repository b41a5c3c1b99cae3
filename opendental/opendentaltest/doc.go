// Package opendentaltest is a whole Open Dental office for tests: its REST API,
// its database, its staff, and its bad days. It is a product of its own for Go
// developers who integrate with Open Dental, and stands alone: it needs nothing
// else of this module, no Windows, and no license.
//
//	office, err := opendentaltest.NewServer(opendentaltest.Config{})
//	defer office.Close()
//	made, err := office.Seed(ctx, opendentaltest.SeedConfig{})          // a lifelike practice, invented names
//	client := myclient.New(office.URL, opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
//	...                                                                 // the code under test
//	err = office.SetConfirmed(ctx, made.Appointments[0].AptNum, 21)     // what the front desk does meanwhile
//	in, err := office.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultTimeoutApplied, Route: "/payments"})
//	payments, err := office.Payments(ctx)                               // what really arrived
//
// Every request, GET included, needs the keys and a content type, or is refused
// as the real one refuses it; [SetHeaders] sets both:
//
//	req, err := http.NewRequestWithContext(ctx, "GET", office.URL+"/patients/Simple?Limit=10", nil)
//	opendentaltest.SetHeaders(req, opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
//	resp, err := http.DefaultClient.Do(req)
//
// # What there is
//
// [Office] is the practice and an http.Handler; [Server] puts it on a port of
// 127.0.0.1; [Office.RoundTripper] needs no port and runs under testing/synctest.
// [Config] chooses the mode (Remote, Service, Local), keys and price tiers,
// program version, time zone, clock, database and A-to-Z folder. The zero Config
// works.
//
// The API ([Office.Routes] lists the methods) answers with the documented status
// codes, paging and formats, down to their inconsistencies: a DefNum that is a
// string, a Zip that is a number, booleans as text, wall times without a zone,
// 0001-01-01 for "none". A method, parameter or field that the office's version
// does not have yet is refused with 400, a missing permission with 401.
//
// Staff actions are methods named for what people do (AddPatient, SetConfirmed,
// MoveAppointment, ViewDocument, HideDefinition, ...). They leave the traces
// that the program leaves: DateTStamp, history rows, signals. Readers (Patients,
// Commlogs, Documents, Payments, ...) return what is stored, for assertions on
// content. [Office.Count] tells what it cost.
//
// Faults are put in place with [Office.Inject]: a 504 before, after or without
// the effect, cut connections, the eConnector's 400, 429, 500, slowness, hanging,
// truncated answers. Each is scoped by method, route and count.
//
// Everything is in the tables of a [Store], under Open Dental's own names: an
// SQLite database in memory or in a file, or MySQL or MariaDB, so that a
// program's SQL reads see the same truth as the API. A practice in a file is
// there again after kill -9: what was answered is committed. The office's clock
// ([Config.Now], [Office.SkewClock]) rules the API, the stamps and ShortQuery; a
// connection of one's own to MariaDB still gets the server's NOW().
//
// # Surprises it keeps
//
//   - A document list shows "3/2/2026: " before each description, and the whole
//     file in base64 as the note of an upload that nobody has opened yet. Opening
//     it ([Office.ViewDocument]) gives it another DocNum.
//   - Line breaks come out as a blank. A commlog's note ends after 65,535 bytes,
//     a check number after 25 characters. Characters above U+FFFF are stored as "?".
//   - A save that changes nothing does not change DateTStamp. DateTStamp filters
//     include their second. serverDateTime is read before the rows and stands in
//     the rows only: an empty list has no clock.
//   - Adjustments are sorted by their date alone: those of one day stand otherwise
//     on the pages after the first.
//   - Deleted appointments and patients stop being listed, without a word.
//   - Only Scheduled appointments can be broken; a note is appended each time it
//     is sent; certain confirmation statuses note the time of arrival.
//   - A payment without procNums pays the family's oldest charges, with
//     isPatientPreferred the patient's before the others'; what is left over
//     becomes one unearned split. A Refund is another payment.
//   - Merged patients keep their numbers: what was the one's is the other's, and
//     the one is archived and owns nothing.
//
// # What it is based on
//
// Methods, parameters, versions and examples follow the vendor's API pages at
// version 25.3, tables and defaults the published schema documentation and the
// published program source at 24.3. Where those are silent the emulator does
// the strict or the awkward thing, and these are its own: the wording of most
// explanations; a hidden definition is refused as a new value; an unknown
// parameter or field is refused ([Config.AllowUnknownFields] ignores it); a
// page beyond the largest is cut to it; 429 appears only on request
// ([Config.ThrottleReject], [FaultTooMany]); confirming to a trigger status
// through the API notes the time as it does in the program; the 401 for a
// query that is not read-only also covers the word "schema".
//
// Not emulated: SFTP methods, payment plans, mounts, sheets, tasks, recalls,
// patient fields and notes, subscriptions, Web Sched, and the office's balances
// (EstBalance and BalTotal stay as they were stored). ShortQuery on SQLite
// translates the common differences from MySQL (NOW(), INTERVAL, IF, LEFT,
// DATE_FORMAT, quoting) and reports the rest as an SQL error.
//
// # Concurrency and errors
//
// An Office is safe for use by many goroutines. Readers run together, writers
// alone. Staff actions return an error if what they name is not there; the API
// answers as the real one does, and 500 only if the emulator itself is broken.
// Neither errors nor the log hold names, notes or keys.
package opendentaltest
