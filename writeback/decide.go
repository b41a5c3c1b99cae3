package writeback

import (
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// view is everything a decision is made from.
type view struct {
	settings settings.Document
	revision int64
	catalogs settings.Catalogs
	// info is nil while the practice's PMS was never reached.
	info *driver.Info
	// closed are the operations whose access the PMS refused, with the scope.
	closed map[driver.OpKind]driver.Scope
	now    time.Time
}

// decision is where an item belongs.
type decision struct {
	event  string
	reason driver.Reason
	cause  string
}

func decided(event string, reason driver.Reason, cause string) decision {
	return decision{event, reason, cause}
}

// decide says where an item belongs. It is pure, and it is the only place that
// asks the settings whether something is written: at the submit, at the claim,
// on a new revision, a new catalog, a patient found, and in a preview.
//
// The order is: is its time over; is it wanted; can the PMS do it; are the
// options it needs in order; is the patient known; does a person have to agree.
func decide(it *item, v view) decision {
	op := it.opKind()
	if d, stop := decideWanted(it, v); stop {
		return d
	}
	if d, stop := decideSupported(it, op, v); stop {
		return d
	}
	if d, stop := decideOptions(it, op, v); stop {
		return d
	}
	if scope, closed := v.closed[op]; closed {
		return decided(EventHeld, ReasonUnauthorized, "unauthorized:"+string(scope)+":"+string(op))
	}
	if d, stop := decidePatient(it, v); stop {
		return d
	}
	return decided(EventQueued, "", "")
}

// decideWanted asks the settings. Money is held rather than skipped: a payment
// that was taken must reach the ledger one day.
func decideWanted(it *item, v view) (decision, bool) {
	s := v.settings
	money := it.Kind == KindPayment || it.Kind == KindRefund
	if s.Provider().IsZero() {
		if money {
			return decided(EventHeld, ReasonNotConfigured, "not_configured:sync.provider"), true
		}
		return decided(EventSkipped, ReasonNotConfigured, "not_configured:sync.provider"), true
	}
	skip := func(path string) (decision, bool) {
		return decided(EventSkipped, ReasonDisabled, "disabled:"+path), true
	}
	switch it.Kind {
	case KindNote:
		if _, on := s.NoteType(it.p.Note.Kind); !on {
			return skip("notes.enabled." + string(it.p.Note.Kind))
		}
	case KindDocument:
		if s.Folder(it.p.Document.Kind).IsZero() {
			return skip("documents." + string(it.p.Document.Kind))
		}
	case KindForm:
		if s.FormFolder(it.p.Document.Category, it.p.Document.FormType).IsZero() {
			return skip("forms." + string(it.p.Document.Category))
		}
	case KindStatus:
		if s.StatusTarget(it.p.Status.Confirmed).IsZero() {
			if it.p.Status.Confirmed {
				return skip("statuses.confirmed_target")
			}
			return skip("statuses.unconfirmed_target")
		}
	case KindPayment:
		if s.PaymentType(it.p.Payment.Channel).IsZero() {
			return decided(EventHeld, ReasonNotConfigured, "not_configured:payments.types."+string(it.p.Payment.Channel)), true
		}
		if !it.p.Payment.Fee.IsZero() && it.pr.Separate && s.Payments.SurchargeType.IsZero() {
			return decided(EventHeld, ReasonNotConfigured, "not_configured:payments.surcharge_type"), true
		}
	}
	return decision{}, false
}

func decideSupported(it *item, op driver.OpKind, v view) (decision, bool) {
	if v.info == nil {
		return decision{}, false
	}
	info := v.info.Ops[op]
	if !info.Supported {
		return decided(EventHeld, driver.ReasonUnsupported, "unsupported:"+string(op)), true
	}
	if d := it.p.Document; d != nil {
		if info.MaxBytes > 0 && d.Size > info.MaxBytes {
			return decided(EventRefused, driver.ReasonTooLarge, ""), true
		}
		if !takesMIME(info.MIME, d.MIME) {
			return decided(EventRefused, driver.ReasonMIMERefused, ""), true
		}
	}
	return decision{}, false
}

// decideOptions checks what the write names in the PMS against the catalogs.
// A catalog that was never read holds nothing up here; the claim comes after
// the first read.
func decideOptions(it *item, op driver.OpKind, v view) (decision, bool) {
	for _, need := range neededOptions(it, op, v) {
		list, known := v.catalogs.Lists[need.catalog]
		if !known {
			continue
		}
		if need.ref.IsZero() {
			if need.required && len(list) > 0 {
				return decided(EventHeld, ReasonNotConfigured, "not_configured:"+need.path), true
			}
			continue
		}
		option, found := v.catalogs.Lookup(need.catalog, need.ref.ID)
		name := string(need.catalog) + ":" + need.ref.ID
		switch {
		case !found && need.catalog == driver.Providers:
			return decided(EventHeld, driver.ReasonProviderUnknown, "provider_unknown:"+need.ref.ID), true
		case !found:
			return decided(EventHeld, driver.ReasonOptionUnknown, "option_unknown:"+name), true
		case !option.Active && need.catalog == driver.Providers:
			return decided(EventHeld, driver.ReasonProviderInactive, "provider_inactive:"+need.ref.ID), true
		case !option.Active:
			return decided(EventHeld, driver.ReasonOptionInactive, "option_inactive:"+name), true
		}
	}
	return decision{}, false
}

type optionNeed struct {
	catalog  driver.Catalog
	ref      settings.Ref
	path     string
	required bool
}

// neededOptions lists the options that an item's next writes would name.
func neededOptions(it *item, op driver.OpKind, v view) []optionNeed {
	s := v.settings
	provider := optionNeed{driver.Providers, s.Provider(), "sync.provider", true}
	needs := []optionNeed{provider}
	switch it.Kind {
	case KindNote:
		ref, _ := s.NoteType(it.p.Note.Kind)
		needs = append(needs, optionNeed{driver.NoteTypes, ref, "notes.type", true})
	case KindDocument:
		needs = append(needs, optionNeed{driver.DocumentFolders, s.Folder(it.p.Document.Kind), "documents." + string(it.p.Document.Kind), true})
	case KindForm:
		needs = append(needs, optionNeed{driver.DocumentFolders, s.FormFolder(it.p.Document.Category, it.p.Document.FormType), "forms." + string(it.p.Document.Category), true})
	case KindStatus:
		path := "statuses.unconfirmed_target"
		if it.p.Status.Confirmed {
			path = "statuses.confirmed_target"
		}
		needs = append(needs, optionNeed{driver.AppointmentStatuses, s.StatusTarget(it.p.Status.Confirmed), path, true})
	case KindPayment:
		needs[0] = optionNeed{driver.Providers, s.PaymentProvider(), "payments.provider", true}
		for i := range it.pr.Legs {
			l := &it.pr.Legs[i]
			if l.State == legDone {
				continue
			}
			need := optionNeed{driver.PaymentTypes, s.PaymentType(it.p.Payment.Channel), "payments.types." + string(it.p.Payment.Channel), true}
			if l.Fee {
				need = optionNeed{driver.PaymentTypes, s.Payments.SurchargeType, "payments.surcharge_type", true}
			}
			needs = append(needs, need)
		}
	case KindRefund:
		needs[0] = optionNeed{driver.Providers, s.PaymentProvider(), "payments.provider", true}
	}
	return needs
}

// decidePatient asks whose record it is, and whether a person has to agree.
func decidePatient(it *item, v view) (decision, bool) {
	switch it.Kind {
	case KindStatus:
		return decision{}, false // the appointment names its patient
	case KindRefund:
		switch it.near.paid {
		case Written:
			return decision{}, false
		case Queued, Writing, Uncertain, PartiallyPosted:
			if it.State == fresh {
				return decision{}, false // behind it in its lane
			}
		}
		return decided(EventHeld, ReasonWaitsForPayment, "payment:"+it.Subject), true
	case KindPayment:
		return decidePayer(it, v)
	}
	if it.pr.Match.Patient != "" || it.p.Patient.ID != "" {
		return decision{}, false
	}
	if it.near.linked != "" {
		return decision{}, false
	}
	switch it.pr.Match.Result {
	case matchNone:
		return decided(EventNeedsPatient, ReasonNoPatient, ""), true
	case matchMany:
		return decided(EventNeedsPatient, ReasonManyPatients, ""), true
	}
	if !it.p.Patient.patient().named() {
		// Only a phone number, or a host id that nobody has linked: both wait.
		return decided(EventNeedsPatient, ReasonNoPatient, ""), true
	}
	return decision{}, false // to be matched when its turn comes
}

// decidePayer is decidePatient for money: it posts by itself only when exactly
// one patient has the same name and date of birth, or when a person vouched.
func decidePayer(it *item, v view) (decision, bool) {
	if it.pr.Approved && it.pr.Match.Patient != "" {
		return decision{}, false
	}
	if !v.settings.Payments.Auto && !it.pr.Approved {
		return decided(EventAwaiting, ReasonAutoOff, ""), true
	}
	if !it.p.Patient.patient().named() && !it.pr.Approved {
		if it.p.Patient.ID == "" {
			return decided(EventNeedsPatient, ReasonNoPatient, ""), true
		}
		return decided(EventAwaiting, ReasonUnverifiedPatient, ""), true
	}
	switch it.pr.Match.Result {
	case matchNone:
		return decided(EventNeedsPatient, ReasonNoPatient, ""), true
	case matchMany:
		return decided(EventNeedsPatient, ReasonManyPatients, ""), true
	case matchConflict:
		return decided(EventNeedsPatient, ReasonIDConflict, ""), true
	}
	return decision{}, false // matched, or to be matched when its turn comes
}

func (it *item) opKind() driver.OpKind {
	switch it.Kind {
	case KindNote:
		return driver.OpNote
	case KindDocument, KindForm:
		return driver.OpDocument
	case KindStatus:
		return driver.OpStatus
	case KindPayment:
		return driver.OpPayment
	}
	return driver.OpRefund
}

func takesMIME(list []string, mime string) bool {
	if len(list) == 0 {
		return true
	}
	for _, m := range list {
		if m == mime {
			return true
		}
	}
	return false
}
