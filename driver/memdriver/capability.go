package memdriver

import "github.com/pmswriteback/pms/driver"

//go:generate go run gen_compose.go

// Capability names an optional interface of a connection.
type Capability string

// The capabilities, one for each optional interface of package driver.
const (
	CanReadCatalogs    Capability = "read catalogs"
	CanFindPatients    Capability = "find patients"
	CanReadChanges     Capability = "read changes"
	CanReadWindows     Capability = "read windows"
	CanReadAppointment Capability = "read appointment"
	CanOpenPhotos      Capability = "open photos"
	// CanWrite hides CanVerify too: there is nothing to verify without it.
	CanWrite  Capability = "write"
	CanVerify Capability = "verify"
	// CanHint is there only when nothing is hidden.
	CanHint Capability = "hint"
)

// capabilities are in the order of the bits; the six readers come first.
var capabilities = [...]Capability{
	CanReadCatalogs, CanFindPatients, CanReadChanges, CanReadWindows,
	CanReadAppointment, CanOpenPhotos, CanWrite, CanVerify, CanHint,
}

// capabilitySet has a bit for each of capabilities.
type capabilitySet uint16

const (
	allCapabilities    capabilitySet = 1<<len(capabilities) - 1
	readerCapabilities capabilitySet = 1<<6 - 1
	hintCapability     capabilitySet = 1 << 8
)

// without returns what is left when some are hidden. An unknown name is a
// mistake in a program and panics.
func (s capabilitySet) without(hidden []Capability) capabilitySet {
	for _, h := range hidden {
		found := false
		for i, c := range capabilities {
			if c == h {
				s &^= 1 << i
				found = true
			}
		}
		if !found {
			panic("memdriver: Config.Hide has an unknown capability: " + string(h))
		}
	}
	if !s.has(CanWrite) {
		s &= readerCapabilities
	}
	if s != allCapabilities {
		s &^= hintCapability
	}
	return s
}

func (s capabilitySet) has(want Capability) bool {
	for i, c := range capabilities {
		if c == want {
			return s&(1<<i) != 0
		}
	}
	return false
}

// restrict makes info agree with the interfaces that are left.
func (s capabilitySet) restrict(info *driver.Info) {
	const why = "This PMS was set up without it."
	if !s.has(CanReadCatalogs) {
		for c := range info.Catalogs {
			info.Catalogs[c] = driver.No(why)
		}
	}
	if !s.has(CanFindPatients) {
		for by := range info.Find {
			info.Find[by] = driver.No(why)
		}
	}
	for f, fi := range info.Feeds {
		if !s.has(CanReadChanges) {
			fi.Changes, fi.Deletes = false, false
		}
		if !s.has(CanReadWindows) {
			fi.Window = false
		}
		fi.Hints = fi.Hints && s.has(CanHint)
		if !fi.Changes && !fi.Window || f == driver.PhotoFeed && !s.has(CanOpenPhotos) {
			fi = driver.FeedInfo{Support: driver.No(why)}
		}
		info.Feeds[f] = fi
	}
	if !s.has(CanWrite) {
		for k := range info.Ops {
			info.Ops[k] = driver.OpInfo{Support: driver.No(why)}
		}
	}
}

// compose returns c as a Conn that implements the interfaces of s and no others.
func compose(c *conn, s capabilitySet) driver.Conn {
	switch {
	case s == allCapabilities:
		return c
	case s.has(CanVerify):
		return composeBoth(c, s&readerCapabilities)
	case s.has(CanWrite):
		return composeWrite(c, s&readerCapabilities)
	}
	return composeNone(c, s&readerCapabilities)
}
