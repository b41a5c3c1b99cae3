package drivertest

import "github.com/pmswriteback/pms/driver"

// Fault is something that goes wrong between the driver and the PMS, or in the
// PMS. It lasts until the lift func of [PMS].Inject is called.
type Fault struct {
	Kind FaultKind
	// Call is the call that it strikes; empty strikes all.
	Call Call
	// Op is the operation, with CallWrite and CallVerify; empty strikes all.
	Op driver.OpKind
	// Scope goes with FaultUnauthorized.
	Scope driver.Scope
}

// FaultKind names what goes wrong.
type FaultKind string

// The faults.
const (
	// FaultOffline: nothing answers at the PMS's address.
	FaultOffline FaultKind = "offline"
	// FaultUnauthorized: credentials or permissions are refused. With
	// ScopeConnection everything is, with ScopeWrites every write, with
	// ScopeOperation the writes of Op.
	FaultUnauthorized FaultKind = "unauthorized"
	// FaultBusy: the PMS refuses for now, does not act, and says when to come back.
	FaultBusy FaultKind = "busy"
	// FaultCutBefore: the connection breaks before the PMS has acted; it never
	// acts on that request.
	FaultCutBefore FaultKind = "cut_before"
	// FaultCutAfter: the PMS has acted, and the answer is lost.
	FaultCutAfter FaultKind = "cut_after"
	// FaultCutMiddle: the first part of an answer that has several arrives (the
	// first page, the first rows), and then the connection breaks.
	FaultCutMiddle FaultKind = "cut_middle"
	// FaultActLater: the PMS gives up answering, or its gateway does, but still
	// works on the request: it acts when lift is called, not before. The answer
	// is whatever the driver sees of it.
	FaultActLater FaultKind = "act_later"
	// FaultHalfDone: the first of the several things that the operation does in
	// the PMS happens, and the rest fails.
	FaultHalfDone FaultKind = "half_done"
	// FaultIgnored: the PMS accepts a write and reports success, and does nothing.
	FaultIgnored FaultKind = "ignored"
	// FaultHang: the PMS accepts the request and neither acts nor answers before
	// lift is called. What it does with the request then is its own affair.
	FaultHang FaultKind = "hang"
	// FaultCursorExpired: the PMS no longer has what a cursor points at.
	FaultCursorExpired FaultKind = "cursor_expired"
)

// Call names a call of the contract.
type Call string

// The calls.
const (
	CallConnect     Call = "connect"
	CallPing        Call = "ping"
	CallInfo        Call = "info"
	CallCatalog     Call = "catalog"
	CallFind        Call = "find"
	CallChanges     Call = "changes"
	CallWindow      Call = "window"
	CallAppointment Call = "appointment"
	CallPhoto       Call = "photo"
	CallHint        Call = "hint"
	CallWrite       Call = "write"
	CallVerify      Call = "verify"
)
