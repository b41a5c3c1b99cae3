//go:build odbc && cgo && linux

package odbctest

import _ "github.com/alexbrainman/odbc" // registers "odbc"

const linked = true
