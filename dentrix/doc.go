// Package dentrix is the place of a driver for Dentrix (G5 and later, on
// premise). It is not there yet: the package registers nothing, and
// driver.Open("dentrix", dsn) fails with "unknown driver".
//
// What is planned: reading through the views and stored procedures that the
// vendor documents (Dentrix API Developer Guide 2.1), over database/sql with a
// connection that the host supplies, and writing only through stored procedures
// that a member of the vendor's developer programme names in a profile, from
// their own documentation. An operation that the profile does not name will be
// unsupported. Nothing will write to tables.
package dentrix
