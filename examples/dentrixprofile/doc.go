// Dentrixprofile checks a profile for the Dentrix driver: which procedures of the
// vendor's write, and how they are called.
//
//	go run ./examples/dentrixprofile -template > profile.json      a profile to fill in
//	go run ./examples/dentrixprofile -profile profile.json         checks it without a database
//
// With a connection string it is compared with a database: whether the procedures are
// there and take so many arguments, whether the office's definitions have the texts
// that the profile expects, and what may be read.
//
//	go run -tags odbc ./examples/dentrixprofile -profile profile.json -dsn-file connection.txt
//
// The file holds the connection string that DENTRIXAPI_GetConnectionString gave, and
// nothing else; keep it where nobody reads it, and delete it afterwards. Nothing is
// written to the database, and no procedure that writes is called.
//
// Everything that is wrong is printed at once. The program ends with 1 when anything
// is, and with 2 when it could not look.
package main
