package opendental_test

import (
	"errors"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// request names a kind of request to the API.
type request struct{ method, route string }

// effects are the requests by which the operations change the office.
var effects = map[driver.OpKind][]request{
	driver.OpNote:       {{"POST", "/commlogs"}},
	driver.OpDocument:   {{"POST", "/documents/Upload"}},
	driver.OpStatus:     {{"PUT", "/appointments/*/Confirm"}},
	driver.OpPayment:    {{"POST", "/payments"}},
	driver.OpRefund:     {{"POST", "/payments/Refund"}},
	driver.OpAdjustment: {{"POST", "/adjustments"}},
}

// rests are what operations do after their effect.
var rests = map[driver.OpKind][]request{
	driver.OpPayment: {{"PUT", "/paysplits/*"}},
	driver.OpRefund:  {{"PUT", "/payments/*"}},
}

// looks are the requests by which Verify looks.
var looks = map[driver.OpKind][]request{
	driver.OpNote:       {{"GET", "/commlogs"}},
	driver.OpDocument:   {{"GET", "/documents"}},
	driver.OpStatus:     {{"GET", "/appointments/*"}},
	driver.OpPayment:    {{"GET", "/payments"}},
	driver.OpRefund:     {{"GET", "/payments"}},
	driver.OpAdjustment: {{"GET", "/adjustments"}},
}

// calls are the requests of the other calls.
var calls = map[drivertest.Call][]request{
	drivertest.CallConnect:     {{"GET", "/preferences"}},
	drivertest.CallPing:        {{"GET", "/preferences"}},
	drivertest.CallInfo:        {{"GET", "/preferences"}},
	drivertest.CallCatalog:     {{"GET", "/definitions"}, {"GET", "/providers"}},
	drivertest.CallFind:        {{"GET", "/patients/*"}},
	drivertest.CallChanges:     {{"GET", "/appointments"}, {"GET", "/patients/Simple"}, {"PUT", "/queries/ShortQuery"}},
	drivertest.CallWindow:      {{"GET", "/appointments"}, {"GET", "/patients/Simple"}, {"PUT", "/queries/ShortQuery"}},
	drivertest.CallAppointment: {{"GET", "/appointments/*"}},
	drivertest.CallPhoto:       {{"PUT", "/queries/ShortQuery"}},
}

func struck(f drivertest.Fault) []request {
	byOp := func(m map[driver.OpKind][]request) []request {
		if f.Op != "" {
			return m[f.Op]
		}
		var all []request
		for _, kind := range driver.OpKinds() {
			all = append(all, m[kind]...)
		}
		return all
	}
	switch f.Call {
	case "":
		return []request{{}}
	case drivertest.CallWrite:
		if f.Kind == drivertest.FaultHalfDone {
			return byOp(rests)
		}
		return byOp(effects)
	case drivertest.CallVerify:
		return byOp(looks)
	}
	return calls[f.Call]
}

func (o *office) inject(f drivertest.Fault) (func(), error) {
	var kind opendentaltest.FaultKind
	switch f.Kind {
	case drivertest.FaultOffline:
		o.hangUp()
		o.closed = true
		return func() { o.closed = false; o.listen(o.address) }, nil
	case drivertest.FaultUnauthorized:
		return o.unauthorized(f)
	case drivertest.FaultBusy:
		kind = opendentaltest.FaultTooMany
	case drivertest.FaultCutBefore:
		kind = opendentaltest.FaultCutBefore
	case drivertest.FaultCutAfter:
		kind = opendentaltest.FaultCutAfter
	case drivertest.FaultCutMiddle:
		kind = opendentaltest.FaultTruncated
	case drivertest.FaultActLater:
		kind = opendentaltest.FaultTimeoutLater
	case drivertest.FaultHang:
		kind = opendentaltest.FaultHang
	case drivertest.FaultHalfDone:
		kind = opendentaltest.FaultErrorBefore
	case drivertest.FaultIgnored:
		kind = opendentaltest.FaultIgnored
	default:
		return nil, errors.New("the API answers every DateTStamp")
	}
	requests := struck(f)
	if len(requests) == 0 {
		return nil, errors.New("the operation is a single request")
	}
	var all []*opendentaltest.Injection
	for _, r := range requests {
		in, err := o.Inject(opendentaltest.Fault{Kind: kind, Method: r.method, Route: r.route, Count: -1})
		o.must(err)
		all = append(all, in)
	}
	o.faults = append(o.faults, all...)
	return func() {
		for _, in := range all {
			in.Release()
		}
	}, nil
}

// needs are the permissions of the operations.
var needs = map[driver.OpKind]opendentaltest.Permission{
	driver.OpNote:       opendentaltest.Comm,
	driver.OpDocument:   opendentaltest.Documents,
	driver.OpStatus:     opendentaltest.Comm,
	driver.OpPayment:    opendentaltest.Payments,
	driver.OpRefund:     opendentaltest.Payments,
	driver.OpAdjustment: opendentaltest.AllOthers,
}

func (o *office) unauthorized(f drivertest.Fault) (func(), error) {
	switch f.Scope {
	case driver.ScopeConnection:
		o.must(o.SetKeyEnabled(customerKey, false))
		return func() { o.must(o.SetKeyEnabled(customerKey, true)) }, nil
	case driver.ScopeWrites:
		o.must(o.SetKeyPermissions(customerKey, opendentaltest.TierFree))
	default:
		o.must(o.SetKeyPermissions(customerKey, opendentaltest.Tier35&^needs[f.Op]))
	}
	return func() { o.must(o.SetKeyPermissions(customerKey, opendentaltest.Tier35)) }, nil
}
