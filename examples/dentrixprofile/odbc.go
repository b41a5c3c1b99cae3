//go:build odbc && (cgo || windows)

package main

import _ "github.com/alexbrainman/odbc" // registers the SQL driver "odbc"
