// Package pms names the module and holds nothing else. The library keeps a
// dental practice's Practice Management Software (PMS) and a host application in
// step; README.md is its front door.
//
// A host application imports [github.com/pmswriteback/pms/writeback],
// [github.com/pmswriteback/pms/settings], a store
// ([github.com/pmswriteback/pms/writeback/sqlstore]) and a driver
// ([github.com/pmswriteback/pms/opendental]). Whoever writes a driver for one
// more PMS imports [github.com/pmswriteback/pms/driver], and
// [github.com/pmswriteback/pms/driver/drivertest] in tests.
//
// The tests of this package are about the module as a whole: which package may
// import which, and the habits that every package keeps.
package pms
