// Package opendentaltest is a whole Open Dental office for tests: its REST API,
// its database, its staff, and its bad days. It is made for Go programs that
// integrate with Open Dental, and stands alone: nothing of it needs the rest of
// this module.
package opendentaltest
