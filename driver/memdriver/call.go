package memdriver

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/pmswriteback/pms/driver"
)

// callKind is what a connection is asked to do.
type callKind uint8

const (
	callConnect callKind = iota
	callPing
	callInfo
	callCatalog
	callFind
	callChanges
	callWindow
	callAppointment
	callPhoto
	callHint
	callWrite
	callVerify
	callKinds
)

var callNames = [callKinds]string{
	"connect", "ping", "info", "catalog", "find", "changes", "window", "read appointment", "photo", "hint", "write", "verify",
}

// callVerbs are how errors name the calls.
var callVerbs = [callKinds]string{
	"connect", "ping", "info", "read catalog", "find patients", "read changes", "read window", "read appointment", "open photo", "read hint", "write", "verify",
}

// String is the name of the call in Fault.On and Traffic.Calls.
func (k callKind) String() string { return callNames[k] }

// opName is the Op of errors: "write note", "read changes".
func (k callKind) opName(detail string) string {
	if k == callWrite || k == callVerify {
		return callVerbs[k] + " " + detail
	}
	return callVerbs[k]
}

// details are what can follow a call's name in Fault.On.
func (k callKind) details() []string {
	var out []string
	switch k {
	case callCatalog:
		for _, c := range driver.Catalogs() {
			out = append(out, string(c))
		}
	case callFind:
		out = append(out, string(driver.FindByID), string(driver.FindByBirthDate), string(driver.FindByPhone))
	case callChanges, callWindow:
		for _, f := range driver.Feeds() {
			out = append(out, string(f))
		}
	case callWrite, callVerify:
		for _, o := range driver.OpKinds() {
			out = append(out, string(o))
		}
	}
	return out
}

func validOn(on string) bool {
	if on == "" || slices.Contains(callWrite.details(), on) {
		return true
	}
	for k := range callKinds {
		if on == k.String() {
			return true
		}
		if detail, ok := strings.CutPrefix(on, k.String()+" "); ok && slices.Contains(k.details(), detail) {
			return true
		}
	}
	return false
}

// traffic counts calls.
type traffic struct {
	calls    [callKinds]atomic.Int64
	peak     atomic.Int64
	overruns atomic.Int64
}

// Traffic is what connections were asked so far.
type Traffic struct {
	// Calls counts calls by name, as in Fault.On: "changes", "write". Calls that
	// failed count.
	Calls map[string]int
	// Peak is the highest number of calls that ran at once on one connection.
	Peak int
	// Overruns counts calls that were one more than Info.MaxCalls allows.
	Overruns int
	// Open is how many connections are open now.
	Open int
}

// Traffic returns what connections were asked so far.
func (p *PMS) Traffic() Traffic {
	out := Traffic{
		Calls:    map[string]int{},
		Peak:     int(p.traffic.peak.Load()),
		Overruns: int(p.traffic.overruns.Load()),
		Open:     int(p.open.Load()),
	}
	for k := range callKinds {
		out.Calls[k.String()] = int(p.traffic.calls[k].Load())
	}
	return out
}

// enter counts a call that begins; leave that it ended.
func (c *conn) enter(k callKind) {
	t := &c.pms.traffic
	t.calls[k].Add(1)
	running := c.running.Add(1)
	if running > int64(max(1, c.pms.info.Load().MaxCalls)) {
		t.overruns.Add(1)
	}
	for {
		peak := t.peak.Load()
		if running <= peak || t.peak.CompareAndSwap(peak, running) {
			return
		}
	}
}

func (c *conn) leave() { c.running.Add(-1) }
