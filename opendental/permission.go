package opendental

import (
	"errors"

	"github.com/pmswriteback/pms/driver"
)

// apiPermission is what a key needs for an operation, with the cheapest of the
// vendor's tiers that has it (Open Dental API 25.3, API Permissions: prices per
// location and month).
type apiPermission struct{ name, tier string }

var apiPermissions = map[driver.OpKind]apiPermission{
	driver.OpNote:       {"Comm", "$15"},
	driver.OpDocument:   {"Documents", "$15"},
	driver.OpStatus:     {"Comm", "$15"},
	driver.OpPayment:    {"Payments", "$35"},
	driver.OpRefund:     {"Payments", "$35"},
	driver.OpAdjustment: {"AllOthers", "$30"},
}

// insuranceSimple and allOthers are for what is done beside an operation.
var (
	insuranceSimple = apiPermission{"InsuranceSimple", "$15"}
	allOthers       = apiPermission{"AllOthers", "$30"}
)

// besides says what is not done without them.
var besides = []struct {
	p     apiPermission
	words string
}{
	{insuranceSimple, "insurance verification notes are written without setting the day of the last verification"},
	{allOthers, "account statements are filed without an entry in the patient's account"},
}

// lacks remembers that the key lacks a permission for what is done beside.
func (c *conn) lacks(p apiPermission) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lacking == nil {
		c.lacking = map[apiPermission]bool{}
	}
	c.lacking[p] = true
}

// readAll is what every key may do.
const readAll = "API permission Read All"

// needs says in staff words what an operation takes.
func (p apiPermission) needs() []string {
	return []string{"API permission " + p.name, "API tier of " + p.tier + " a month or above"}
}

// opNames name the operations for staff.
var opNames = map[driver.OpKind]string{
	driver.OpNote: "notes", driver.OpDocument: "documents", driver.OpStatus: "appointment statuses",
	driver.OpPayment: "payments", driver.OpRefund: "refunds", driver.OpAdjustment: "adjustments",
}

// rememberAccess keeps whether the key was refused an operation. That cannot be
// asked; it shows when the operation is tried, and the engine tries it again.
func (c *conn) rememberAccess(kind driver.OpKind, err error) {
	var e *driver.Error
	refused := errors.As(err, &e) && e.Kind == driver.ErrUnauthorized && e.Scope == driver.ScopeOperation
	if err != nil && !refused {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = map[driver.OpKind]bool{}
	}
	c.refused[kind] = refused
}

// accessNotes say in staff words which operations the key was refused.
func (c *conn) accessNotes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var notes []string
	for _, kind := range driver.OpKinds() {
		if p := apiPermissions[kind]; c.refused[kind] {
			notes = append(notes, "The API key lacks the permission "+p.name+", which the vendor's tier of "+p.tier+
				" a month and those above have: "+opNames[kind]+" wait until it has it.")
		}
	}
	for _, b := range besides {
		if c.lacking[b.p] {
			notes = append(notes, "The API key lacks the permission "+b.p.name+", which the vendor's tier of "+b.p.tier+
				" a month and those above have: "+b.words+".")
		}
	}
	return notes
}
