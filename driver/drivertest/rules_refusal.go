package drivertest

import (
	"github.com/pmswriteback/pms/driver"
)

func refusalRules() []rule {
	rows := opSubjects(driver.OpStatus)
	return []rule{
		{
			name:        "refuse/unknown-patient",
			explanation: "A write for a patient whom the PMS does not have is ErrRejected with ReasonPatientNotFound and has no effect.",
			subjects:    opSubjects(driver.OpStatus, driver.OpRefund),
			try: func(c *checker) {
				s := c.open()
				w := s.work(c.op())
				const nobody = "999999999"
				w.op.Head().Patient = nobody
				_, err := w.write()
				c.rejected("Write("+c.subject+") for nobody", err, driver.ReasonPatientNotFound)
				w.want(0, "for nobody, looked for at the patient before")
				if n := len(c.rows(c.op(), nobody)); n > 0 {
					c.Errorf("the PMS holds %d rows for a patient who does not exist", n)
				}
			},
		}, {
			name:        "refuse/archived-patient",
			explanation: "A write for an archived patient is ErrRejected with ReasonPatientArchived and has no effect, unless the PMS accepts it: then the effect is there.",
			subjects:    opSubjects(driver.OpStatus, driver.OpRefund),
			try: func(c *checker) {
				w := c.open().work(c.op())
				c.need("Staff.ArchivePatient", c.pms.Staff.ArchivePatient != nil)
				c.pms.Staff.ArchivePatient(w.patient)
				w.refused("for an archived patient", driver.ReasonPatientArchived)
			},
		}, {
			name:        "refuse/inactive-provider",
			explanation: "Where the provider is recorded, a write for an inactive one is ErrRejected with ReasonProviderInactive and has no effect: the practice is asked, and no other provider is taken.",
			subjects:    rows,
			try: func(c *checker) {
				s := c.open()
				if !s.needOp(c.op()).ProviderRecorded || !s.info.Catalogs[driver.Providers].Supported {
					c.notApplicable("the provider is not recorded")
				}
				w := s.work(c.op())
				c.need("Staff.HideOption", c.pms.Staff.HideOption != nil)
				id := c.addOption(driver.Providers, "Dr. Leaving Soon")
				c.pms.Staff.HideOption(driver.Providers, id)
				w.op.Head().Provider = id
				w.refused("for an inactive provider", driver.ReasonProviderInactive)
			},
		}, {
			name:        "refuse/unknown-provider",
			explanation: "Where the provider is recorded, a write for one whom the PMS does not know is ErrRejected with ReasonProviderUnknown and has no effect.",
			subjects:    rows,
			try: func(c *checker) {
				s := c.open()
				if !s.needOp(c.op()).ProviderRecorded {
					c.notApplicable("the provider is not recorded")
				}
				w := s.work(c.op())
				w.op.Head().Provider = "999999999"
				_, err := w.write()
				c.rejected("Write("+c.subject+") for an unknown provider", err, driver.ReasonProviderUnknown)
				w.want(0, "for an unknown provider")
			},
		}, {
			name:        "refuse/unknown-option",
			explanation: "A write with a type, folder or status that the PMS does not have is ErrRejected with ReasonOptionUnknown and has no effect; no default is taken.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				s := c.open()
				if s.needOp(c.op()).TypeFrom == "" {
					c.notApplicable("the operation takes no option")
				}
				w := s.work(c.op())
				setOption(w.op, "999999999")
				_, err := w.write()
				c.rejected("Write("+c.subject+") with an unknown option", err, driver.ReasonOptionUnknown)
				w.want(0, "with an unknown option")
			},
		}, {
			name:        "refuse/inactive-option",
			explanation: "A write with an option that is hidden or inactive is ErrRejected with ReasonOptionInactive and has no effect, unless the PMS accepts it.",
			subjects:    opSubjects(),
			try: func(c *checker) {
				s := c.open()
				cat := s.needOp(c.op()).TypeFrom
				if cat == "" {
					c.notApplicable("the operation takes no option")
				}
				w := s.work(c.op())
				c.need("Staff.HideOption", c.pms.Staff.HideOption != nil)
				c.pms.Staff.HideOption(cat, optionOf(w.op))
				w.refused("with an inactive option", driver.ReasonOptionInactive)
			},
		}, {
			name:        "refuse/unfit-option",
			explanation: "An adjustment with a type by which the PMS lowers what is owed is ErrRejected with ReasonOptionUnfit and has no effect: the sign is not turned, and no other type is taken.",
			try: func(c *checker) {
				s := c.open()
				cat := s.needOp(driver.OpAdjustment).TypeFrom
				if cat == "" {
					c.notApplicable("the operation takes no option")
				}
				for _, o := range s.catalog(cat) {
					if !o.Lowers || !o.Active {
						continue
					}
					w := s.work(driver.OpAdjustment)
					setOption(w.op, o.ID)
					_, err := w.write()
					c.rejected("Write(adjustment) with a type that lowers", err, driver.ReasonOptionUnfit)
					w.want(0, "with a type that lowers")
					return
				}
				c.notApplicable("no type of the catalog lowers what is owed")
			},
		},
	}
}

// refused writes what the PMS should refuse for a reason, or carries out when
// the harness says that it accepts it.
func (w *work) refused(when string, reason driver.Reason) {
	c := w.c
	_, err := w.write()
	if c.accepts(reason) {
		if err != nil {
			c.Errorf("the harness says that the PMS accepts a %s %s, and Write fails: %v", w.kind, when, err)
		}
		w.want(1, when)
		return
	}
	c.rejected("Write("+string(w.kind)+") "+when, err, reason)
	w.want(0, when)
}

func optionOf(op driver.Op) string {
	switch op := op.(type) {
	case *driver.Note:
		return op.Type
	case *driver.Document:
		return op.Folder
	case *driver.StatusChange:
		return op.To
	case *driver.Payment:
		return op.Type
	case *driver.Refund:
		return op.Type
	case *driver.Adjustment:
		return op.Type
	}
	return ""
}

func setOption(op driver.Op, id string) {
	switch op := op.(type) {
	case *driver.Note:
		op.Type = id
	case *driver.Document:
		op.Folder = id
	case *driver.StatusChange:
		op.To = id
	case *driver.Payment:
		op.Type = id
	case *driver.Refund:
		op.Type = id
	case *driver.Adjustment:
		op.Type = id
	}
}
