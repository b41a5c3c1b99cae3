package drivertest

import (
	"context"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// errorRules judge what was seen in all rules before them, and in a round of
// errors that they provoke themselves.
func errorRules() []rule {
	judge := func(about string) func(c *checker) {
		return func(c *checker) {
			blame := func() {
				if found := c.suite.watch.about(about); len(found) > 0 {
					c.Fatalf("%s", strings.Join(found, "\n"))
				}
			}
			blame()
			if !c.suite.provoked.Load() {
				c.provoke()
				c.suite.provoked.Store(true)
			}
			blame()
			if c.suite.watch.errorsSeen() == 0 {
				c.notProved("Inject", "no call has failed")
			}
		}
	}
	return []rule{
		{
			name:        ruleErrorPrivacy,
			explanation: "No error holds a patient's name, phone number, birth date or text, or a secret, in any of the texts that it prints or wraps: errors end up in logs.",
			try:         judge(ruleErrorPrivacy),
		}, {
			name:        ruleURLErrors,
			explanation: "No error wraps *url.Error, whose text is the address with the keys in it.",
			try:         judge(ruleURLErrors),
		}, {
			name:        ruleErrorForm,
			explanation: "An *Error has a kind from the list and says which driver did what; ErrRejected has a reason from the list, ErrUnauthorized a scope, and each kind comes from the calls that it is for.",
			try:         judge(ruleErrorForm),
		}, {
			name:        ruleLogPrivacy,
			explanation: "No log record of the driver holds patient data or a secret, at any level.",
			try:         judge(ruleLogPrivacy),
		}, {
			name:        ruleOpaquePrivacy,
			explanation: "No cursor, token, tag, receipt id or receipt state holds patient data: stores keep them in the open.",
			try:         judge(ruleOpaquePrivacy),
		},
	}
}

// provoke makes calls that fail, with patient data in all they carry.
func (c *checker) provoke() {
	s := c.open()
	works := []*work{}
	for _, kind := range driver.OpKinds() {
		if s.info.Ops[kind].Supported {
			works = append(works, s.work(kind))
		}
	}
	c.patient()
	s.find(c.ctx, driver.PatientQuery{BirthDate: driver.NewBirthDate(born()), Phone: driver.NewText(person(1).Phone)})
	s.changes(c.ctx, driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: "not a cursor"})
	s.appointment(c.ctx, "999999999")
	s.photo(c.ctx, "999999999")
	for _, w := range works {
		h := *w.op.Head()
		w.op.Head().Patient = "999999999"
		w.write()
		*w.op.Head() = h
		option := optionOf(w.op)
		setOption(w.op, "999999999")
		w.write()
		setOption(w.op, option)
	}
	for _, f := range []FaultKind{FaultOffline, FaultCutBefore, FaultCutAfter, FaultUnauthorized, FaultHang} {
		if c.pms.Inject == nil {
			break
		}
		lift, err := c.pms.Inject(Fault{Kind: f, Scope: driver.ScopeConnection})
		if err != nil {
			continue
		}
		for _, w := range works {
			ctx, cancel := context.WithTimeout(c.ctx, hangFor)
			s.write(ctx, w.op)
			s.verify(ctx, w.op)
			cancel()
		}
		ctx, cancel := context.WithTimeout(c.ctx, hangFor)
		s.find(ctx, driver.PatientQuery{BirthDate: driver.NewBirthDate(born())})
		s.find(ctx, driver.PatientQuery{Phone: driver.NewText(person(1).Phone)})
		cancel()
		lift()
	}
}
