// Package dentrix is the driver for Dentrix G6 and later on the office's own server,
// through its c-tree SQL database. It registers itself as "dentrix". On G5.2 to G5.x
// it reads everything but appointments, whose view v_appt came with G6. Dentrix Ascend
// and Dentrix Enterprise are other products.
//
// It reads the views and procedures that the vendor documents in public. It writes by
// no statement of its own: only through procedures that the vendor gives to members of
// the Dentrix Developer Program (DDP), which a member names in a [Profile] from their
// own documentation. What the profile does not name is not supported, and Info says
// so. No table is ever written to.
//
//	text, err := os.ReadFile("profile.json")
//	profile, err := dentrix.ParseProfile(text)
//	connector, err := dentrix.NewConnector(dentrix.Config{
//		Database: dentrix.NewDatabaseDSN("odbc", connectionString), // the host imports the SQL driver
//		Profile:  profile,
//	})
//
// By name it is driver.Open("dentrix", dsn), with a name of [FormatDSN]. SETUP.md
// beside this file says what the practice and the vendor must obtain, and how to prove
// the driver on a restored copy of an office's data.
//
// # What it was tried on
//
// It was run, over ODBC, against the stand-in of package dentrixtest, which is a
// MariaDB shaped from the vendor's "Dentrix API Developer Guide" 2.1 of 2015. It has
// never been run against Dentrix or c-tree. Nothing below is certain before a member
// has run package drivertest on a copy of a real office.
//
// # Reads
//
// The marks say how well a fact is known: A is a document of the vendor or two
// independent products, B one product, C an inference.
//
//	what                    how                                        mark
//	what there is           admin.options; each view and procedure     A
//	                        asked for a key or a day that none has
//	appointments, changes   sp_appointments, third argument            A
//	  the office's clock    GETDATE(), which the changes begin with    B
//	appointments, window    sp_appointments, days                      A
//	                        without it v_appt by appointment_date      A
//	appointment             v_appt by id, its day by sp_appointments   A
//	  completed             status byte 150 or -106                    A
//	  length                v_appt.length, in minutes                  B
//	patients, new ones      v_patient, ids above the highest seen      C
//	patients, window        v_patient, ranges of ids                   A
//	  by id, birth date     v_patient                                  A
//	  by phone              v_patient, all of it, LIKE                 C
//	  archived              status 4, or a negative id                 A, C
//	providers               v_provider; inactive is not in plain G5    A
//	appointment statuses    v_appt_status_codes and four fixed ones    A
//	payment types           v_payment_types                            A
//	adjustment types        v_adjustment_types; + raises what is owed  A
//	document types          v_document_types                           A
//	note types              3, 4, 5, 20: Office Journal                A
//	procedures, arguments   sysprocedures, sysproccolumns              C
//	photos                  not supported
//
// # Writes
//
//	operation    how                              found again by            mark
//	note         the profile: an Office Journal   the key in its text, by   C
//	             entry of type 3, 4, 5 or 20      the profile's find
//	status       the profile, over the status     the appointment           C
//	             that was read just before
//	payment      the profile                      the key, by find          C
//	refund       the profile: a positive          the key, by find          B
//	             adjustment; the payment is
//	             looked for by its key first
//	adjustment   the profile: a type with +       the key, by find          C
//	document     the profile                      the key in its title      C
//	codes        50000 to 59999, as documented, and those of the profile    A, C
//
// Each write is one call in one transaction over one connection. Before it the driver
// looks for the key, the patient (known, not archived), the provider (known, active)
// and the option (known, with the text that the profile expects); after it, for the
// key again. A record with the key is there already: then Write is
// [driver.ErrUnknownOutcome] with [driver.ReasonDuplicate], and Verify tells the
// rest. A record that was written and is not found again is [driver.ErrIncomplete]: it
// is not sent again, and nothing more is written that way on the connection, because
// the profile's look-up cannot be right. Verify says that a write is absent only by a
// look-up that is proved, by the profile's word ([Find].ProvedOn), and that has missed
// nothing on the connection. Otherwise, and without a look-up, it says unknown, and a
// person is asked.
//
// # What to know
//
//   - Deleted appointments show only by their absence from a window.
//   - An appointment of a new patient who is not in the list yet has no patient.
//   - Broken, unscheduled and complete are statuses that appointments have and that the
//     driver does not set.
//   - The values of a profile's arguments go as whole numbers and as texts, dates and
//     amounts among them. That c-tree takes such a text for an argument of the type
//     DATE, TIME, TIMESTAMP or MONEY is mark C.
//   - Ledger entries have a date and no time. Nothing is allocated unless the profile's
//     procedure does it. The driver never creates a definition and never touches
//     ageing.
//   - Payments are looked for on the account of the patient's guarantor of today.
//   - Texts are stored in windows-1252: in a note another character is refused, in a
//     title or memo it becomes a question mark.
//   - A revoked right, a renamed definition, a procedure with another number of
//     arguments: the next Info says so in plain words, and what needs it is off. A right
//     to call a procedure of the profile is the exception: that it is missing shows at
//     the first call, because of c-tree's list of rights (systabauth) little more than
//     the name is known (mark B), and a procedure cannot be called for nothing.
//   - Dentrix and its DLL are 32-bit. A 64-bit host needs FairCom's 64-bit ODBC
//     driver; a 32-bit one is built with GOARCH=386. The package itself needs no cgo.
//
// # Time
//
// Dentrix keeps wall times without a zone. They are read in [driver.Env].Location,
// which has to be the zone of the office's server; Info notes where the clock shows
// another time. Changes are read again from [Config].Overlap before the cursor, and in
// autumn from the beginning of the hour that comes twice, so that records come more
// than once; the engine tells them apart.
package dentrix
