package memdriver

import (
	"maps"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
)

func defaultInfo(cfg Config) driver.Info {
	info := driver.Info{
		Product:  "Memory PMS",
		Version:  "1.0",
		Access:   "In this process",
		Clock:    driver.Clock{Resolution: cfg.Resolution},
		Catalogs: map[driver.Catalog]driver.Support{},
		Feeds:    map[driver.Feed]driver.FeedInfo{},
		Find: map[driver.FindBy]driver.Support{
			driver.FindByID: driver.Yes(), driver.FindByBirthDate: driver.Yes(), driver.FindByPhone: driver.Yes(),
		},
		MaxCalls: cfg.MaxCalls,
	}
	for _, c := range driver.Catalogs() {
		info.Catalogs[c] = driver.Yes()
	}
	for _, f := range driver.Feeds() {
		info.Feeds[f] = driver.FeedInfo{Support: driver.Yes(), Changes: true, Deletes: true, Window: true, Hints: true}
	}
	op := driver.OpInfo{Support: driver.Yes(), VerifyAfter: cfg.VerifyAfter}

	note := op
	note.MaxChars, note.ProviderRecorded, note.TypeFrom = 10_000, true, driver.NoteTypes

	document := op
	document.MaxBytes, document.ProviderRecorded, document.TypeFrom = 25<<20, true, driver.DocumentFolders
	document.MIME = []string{"application/pdf", "image/jpeg", "image/png"}

	status := op
	status.Idempotent, status.TypeFrom = true, driver.AppointmentStatuses

	payment := op
	payment.ProviderRecorded, payment.TypeFrom = true, driver.PaymentTypes

	refund := payment
	refund.HeldAs = "negative payment"

	adjustment := payment
	adjustment.TypeFrom = driver.AdjustmentTypes

	info.Ops = map[driver.OpKind]driver.OpInfo{
		driver.OpNote: note, driver.OpDocument: document, driver.OpStatus: status,
		driver.OpPayment: payment, driver.OpRefund: refund,
		driver.OpAdjustment: adjustment,
	}
	return info
}

func cloneInfo(in driver.Info) driver.Info {
	out := in
	out.Notes = slices.Clone(in.Notes)
	out.Catalogs = maps.Clone(in.Catalogs)
	for k, v := range out.Catalogs {
		out.Catalogs[k] = cloneSupport(v)
	}
	out.Find = maps.Clone(in.Find)
	for k, v := range out.Find {
		out.Find[k] = cloneSupport(v)
	}
	out.Feeds = maps.Clone(in.Feeds)
	for k, v := range out.Feeds {
		v.Support = cloneSupport(v.Support)
		out.Feeds[k] = v
	}
	out.Ops = maps.Clone(in.Ops)
	for k, v := range out.Ops {
		v.Support = cloneSupport(v.Support)
		v.MIME = slices.Clone(v.MIME)
		out.Ops[k] = v
	}
	return out
}

func cloneSupport(s driver.Support) driver.Support {
	s.Needs = slices.Clone(s.Needs)
	return s
}

// Info returns what connections answer to Info.
func (p *PMS) Info() driver.Info {
	info := cloneInfo(*p.info.Load())
	info.Clock.Skew = time.Duration(p.skew.Load())
	return info
}

// SetInfo changes what the PMS can do, and what connections say of it: limits,
// feeds without Changes, an operation that is not supported. Open connections
// obey at once. Clock.Skew is set by SkewClock alone.
func (p *PMS) SetInfo(change func(*driver.Info)) {
	defer p.lock()()
	p.setInfo(change)
}

func (p *PMS) setInfo(change func(*driver.Info)) {
	draft := cloneInfo(*p.info.Load())
	change(&draft)
	info := cloneInfo(draft)
	p.info.Store(&info)
}
