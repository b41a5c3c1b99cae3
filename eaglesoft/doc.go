// Package eaglesoft is the place of a driver for Patterson Eaglesoft. It is not
// there yet: the package registers nothing, and driver.Open("eaglesoft", dsn)
// fails with "unknown driver".
//
// What is planned: SQL Anywhere through database/sql, with a driver and
// statements for each new connection that the host supplies. The second is
// needed for writing: in an authenticated database a connection that has not
// authenticated itself is read-only (SQL Anywhere 17, OEM edition), and the
// authentication is between the host and the vendor. Notes and appointment
// confirmations will be built in; documents will go through a function of the
// host's, and payments will have to be switched on.
package eaglesoft
