package opendentaltest

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
)

// Permission is what a customer key may do besides reading ("API Permissions"
// page). Combine with |.
type Permission uint16

// The permissions. Every enabled key may call every GET.
const (
	Comm Permission = 1 << iota
	Documents
	InsuranceSimple
	Setup
	Queries
	Appointments
	Patients
	// AllOthers is every method that no other permission names.
	AllOthers
	Payments
	// Enterprise is sold by special agreement: 500 ms in Remote mode, and ten
	// times the rows a page.
	Enterprise
)

// The price tiers, per location and month, as sets of permissions.
const (
	TierFree Permission = 0
	Tier15              = Comm | Documents | InsuranceSimple | Setup | Queries
	Tier30              = Tier15 | Appointments | Patients | AllOthers
	Tier35              = Tier30 | Payments
)

// CustomerKey is one developer's key for this office.
type CustomerKey struct {
	// Key is the customer's half of the key. Required.
	Key string
	// Permissions is what it may do. The zero value, TierFree, may only read.
	Permissions Permission
	// Disabled keys are answered with 401.
	Disabled bool
}

var permissionNames = []string{"Comm", "Documents", "InsuranceSimple", "Setup", "Queries",
	"Appointments", "Patients", "AllOthers", "Payments", "Enterprise"}

// String names the permissions, as in "Comm|Documents".
func (p Permission) String() string {
	if p == TierFree {
		return "Read All"
	}
	var names []string
	for i, name := range permissionNames {
		if p&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "|")
}

// authorize finds the customer key of a request.
func (o *Office) authorize(r *http.Request) (*customer, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, bad("Content-Type header must be application/json.")
	}
	header := r.Header.Get("Authorization")
	keys, ok := strings.CutPrefix(header, "ODFHIR ")
	developer, key, both := strings.Cut(keys, "/")
	if !ok || !both {
		return nil, bad("Authorization header is missing or invalid.")
	}
	if developer != o.cfg.DeveloperKey {
		return nil, unauthorized("The developer key is not valid.")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.customers[key]
	switch {
	case c == nil:
		return nil, unauthorized("The customer key is not valid.")
	case c.Disabled:
		return nil, unauthorized("The customer key is disabled.")
	}
	return c, nil
}

// SetKeyEnabled enables or disables a customer key, as the developer's portal
// or the office would. It fails if the office has no such key.
func (o *Office) SetKeyEnabled(key string, enabled bool) error {
	return o.changeKey(key, func(c *customer) { c.Disabled = !enabled })
}

// SetKeyPermissions gives a customer key other permissions, as a change of the
// price tier does. It fails if the office has no such key.
func (o *Office) SetKeyPermissions(key string, p Permission) error {
	return o.changeKey(key, func(c *customer) { c.Permissions = p })
}

func (o *Office) changeKey(key string, change func(*customer)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.customers[key]
	if c == nil {
		return fmt.Errorf("opendentaltest: customer key: the office has no such key")
	}
	change(c)
	return nil
}

// customer is a key with its place in the throttle.
type customer struct {
	CustomerKey
	gate gate
}

// interval is the least time between two requests of the key.
func (o *Office) interval(p Permission) time.Duration {
	switch {
	case o.cfg.Throttle != 0:
		return max(0, o.cfg.Throttle)
	case o.cfg.Mode != ModeRemote:
		return 0
	case p&Enterprise != 0:
		return 500 * time.Millisecond
	case p == TierFree:
		return 5 * time.Second
	}
	return time.Second
}

// pageLimit is the most rows of a page.
func (o *Office) pageLimit(p Permission) int {
	limit := 1000
	if o.cfg.Mode == ModeRemote {
		limit = 100
	}
	if p&Enterprise != 0 {
		limit *= 10
	}
	return limit
}
