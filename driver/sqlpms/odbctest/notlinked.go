//go:build !odbc || !cgo || !linux

package odbctest

const linked = false
