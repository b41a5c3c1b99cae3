package writeback

import (
	"iter"
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
	mode   Mode
	now    time.Time
	// notesExpire and formsAskAfter are the host's bounds, zero for none.
	notesExpire, formsAskAfter time.Duration
	// restoredAt is when the store was marked as restored from a back-up.
	restoredAt time.Time
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
// on a new revision, a new catalog, and a patient found.
//
// The order is: is it wanted; is its time over; can the PMS do it; are the options
// it needs in order; is access open; is it for this PMS; is the patient known; does
// a person have to agree; is the same document there already; does the practice's
// mode allow it. What is begun was wanted, and its patient was known: it is
// finished.
func decide(it *item, v view) decision {
	op := it.nextOp()
	if d, stop := decideWanted(it, v); stop {
		return d
	}
	if expired(it, v) {
		return decided(EventExpired, ReasonNoteExpired, "")
	}
	if d, stop := decideSupported(it, op, v); stop {
		return d
	}
	if d, stop := decideOptions(it, op, v); stop {
		return d
	}
	if scope, closed := v.closed[op]; closed {
		return decided(EventHeld, ReasonUnauthorized, unauthorizedCause(scope, op))
	}
	if it.foreign(v) {
		return decided(EventHeld, ReasonPMSChanged, "pms_changed:"+it.home())
	}
	if d, stop := decidePatient(it, v); stop && !it.begun() {
		return d
	}
	if d, stop := decideSame(it); stop {
		return d
	}
	if heldByPMS(it) && it.Revision == v.revision && !v.catalogs.AsOf.After(it.pr.RefusedAt) {
		// The PMS refused it for something that the catalogs do not show: it is
		// tried again when somebody saved settings, or the PMS was read anew.
		return decided(EventHeld, it.Reason, it.Cause)
	}
	if d, stop := decideMode(it, v); stop {
		return d
	}
	return decided(EventQueued, "", "")
}

func heldByPMS(it *item) bool {
	return !it.pr.RefusedAt.IsZero() && it.Cause != "" && (it.State == Held || it.State == PartiallyPosted)
}

// unauthorizedCause is the same for all that one mend would let through.
func unauthorizedCause(scope driver.Scope, op driver.OpKind) string {
	switch scope {
	case driver.ScopeOperation:
		return "unauthorized:" + string(scope) + ":" + string(op)
	case "":
		scope = driver.ScopeConnection
	}
	return "unauthorized:" + string(scope)
}

// decideWanted asks the settings. Money is held rather than skipped: a payment
// that was taken must reach the ledger one day.
func decideWanted(it *item, v view) (decision, bool) {
	s := v.settings
	money := it.Kind == KindPayment || it.Kind == KindRefund
	if s.Provider().IsZero() {
		event := EventSkipped
		if money || it.begun() {
			event = EventHeld
		}
		return decided(event, ReasonNotConfigured, "not_configured:sync.provider"), true
	}
	if it.Kind == KindPayment {
		for l := range it.unboundLegs() {
			if need := paymentNeed(it, l, s); need.ref.IsZero() {
				return decided(EventHeld, ReasonNotConfigured, "not_configured:"+need.path), true
			}
		}
	}
	if money || it.begun() {
		return decision{}, false
	}
	if path, on := switchOf(it, s); !on {
		return decided(EventSkipped, ReasonDisabled, "disabled:"+path), true
	}
	return decision{}, false
}

// switchOf gives the field that switches an item's kind, and whether it is on.
func switchOf(it *item, s settings.Document) (path string, on bool) {
	switch it.Kind {
	case KindNote:
		_, on = s.NoteType(it.p.Note.Kind)
		return "notes.enabled." + string(it.p.Note.Kind), on
	case KindDocument:
		return "documents." + string(it.p.Document.Kind), !s.Folder(it.p.Document.Kind).IsZero()
	case KindForm:
		d := it.p.Document
		category := d.Category
		if t, ok := s.FormType(d.FormType); ok && t.Category != "" {
			category = t.Category // the settings file the type elsewhere
		}
		return "forms." + string(category), !s.FormFolder(d.Category, d.FormType).IsZero()
	}
	path = "statuses.unconfirmed_target"
	if it.p.Status.Confirmed {
		path = "statuses.confirmed_target"
	}
	return path, !s.StatusTarget(it.p.Status.Confirmed).IsZero()
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
	reuses := v.info != nil && v.info.ReusesIDs
	for _, need := range neededOptions(it, op, v) {
		list, known := v.catalogs.Lists[need.catalog]
		if !known {
			continue
		}
		if need.ref.IsZero() {
			if len(list) > 0 && takesOption(v.info, op, need.catalog) {
				return decided(EventHeld, ReasonNotConfigured, "not_configured:"+need.path), true
			}
			continue
		}
		var reason driver.Reason
		switch v.catalogs.Standing(need.catalog, need.ref, reuses) {
		case settings.StandingGood, settings.StandingUnread:
			continue
		case settings.StandingInactive:
			reason = driver.ReasonOptionInactive
		case settings.StandingReused:
			reason = ReasonIDReused
		case settings.StandingAmbiguous:
			reason = ReasonIDAmbiguous
		case settings.StandingUnfit:
			reason = driver.ReasonOptionUnfit
		default:
			reason = driver.ReasonOptionUnknown
		}
		return decided(EventHeld, ofProviders(reason, need.catalog), optionCause(reason, need.catalog, need.ref.ID)), true
	}
	return decision{}, false
}

// takesOption reports whether the operation names an option of the catalog.
func takesOption(info *driver.Info, op driver.OpKind, c driver.Catalog) bool {
	return info == nil || c == driver.Providers || info.Ops[op].TypeFrom == c
}

// optionCause names the option that has to be mended, the same whether the
// catalog or the PMS's refusal told of it.
func optionCause(reason driver.Reason, c driver.Catalog, id string) string {
	if own := ofProviders(reason, c); own != reason {
		return string(own) + ":" + id
	}
	return string(reason) + ":" + string(c) + ":" + id
}

// ofProviders turns the reason for an option into that for a provider.
func ofProviders(reason driver.Reason, c driver.Catalog) driver.Reason {
	switch {
	case c != driver.Providers:
		return reason
	case reason == driver.ReasonOptionInactive:
		return driver.ReasonProviderInactive
	case reason == driver.ReasonOptionUnknown:
		return driver.ReasonProviderUnknown
	}
	return reason
}

// optionOf gives the option that an operation names.
func optionOf(op driver.Op) (driver.Catalog, string) {
	switch op := op.(type) {
	case *driver.Note:
		return driver.NoteTypes, op.Type
	case *driver.Document:
		return driver.DocumentFolders, op.Folder
	case *driver.StatusChange:
		return driver.AppointmentStatuses, op.To
	case *driver.Payment:
		return driver.PaymentTypes, op.Type
	case *driver.Refund:
		return driver.PaymentTypes, op.Type
	case *driver.Adjustment:
		return driver.AdjustmentTypes, op.Type
	}
	return "", ""
}

type optionNeed struct {
	catalog driver.Catalog
	ref     settings.Ref
	path    string
}

// neededOptions lists the options that an item's next writes would name, the
// Writeback Provider always among them: while that one does not work, nothing is
// written for anybody. What a leg was sent with is not asked about again.
func neededOptions(it *item, op driver.OpKind, v view) []optionNeed {
	s := v.settings
	if l := it.nextLeg(); l != nil && !l.First.IsZero() {
		return nil
	}
	needs := make([]optionNeed, 1, 4)
	needs[0] = optionNeed{driver.Providers, s.Provider(), "sync.provider"}
	switch it.Kind {
	case KindNote:
		needs = append(needs, optionNeed{driver.NoteTypes, noteType(it, s), "notes.type"})
	case KindDocument, KindForm:
		path, _ := switchOf(it, s)
		needs = append(needs, optionNeed{driver.DocumentFolders, folder(it, s), path})
	case KindStatus:
		path, _ := switchOf(it, s)
		needs = append(needs, optionNeed{driver.AppointmentStatuses, s.StatusTarget(it.p.Status.Confirmed), path})
	case KindPayment:
		if override := s.Payments.Provider; !override.IsZero() {
			needs = append(needs, optionNeed{driver.Providers, override, "payments.provider"})
		}
		for l := range it.unboundLegs() {
			needs = append(needs, paymentNeed(it, l, s))
		}
	case KindRefund:
		// It goes by what its payment was posted with.
		if of := it.near.leg; of != nil && of.Sent != nil && !of.First.IsZero() && of.Sent.Provider != "" {
			needs = append(needs, optionNeed{driver.Providers, settings.Ref{ID: of.Sent.Provider}, "payments.provider"})
		}
	}
	return needs
}

// noteType is what a note is filed as. One whose kind was switched off half way
// goes on as it began.
func noteType(it *item, s settings.Document) settings.Ref {
	ref, on := s.NoteType(it.p.Note.Kind)
	if !on && it.begun() && it.pr.Legs[0].Sent != nil {
		return settings.Ref{ID: it.pr.Legs[0].Sent.Type}
	}
	return ref
}

func folder(it *item, s settings.Document) settings.Ref {
	if it.Kind == KindForm {
		return s.FormFolder(it.p.Document.Category, it.p.Document.FormType)
	}
	return s.Folder(it.p.Document.Kind)
}

func paymentNeed(it *item, l *leg, s settings.Document) optionNeed {
	if l.Offset {
		return optionNeed{driver.AdjustmentTypes, s.Payments.OffsetFee, "payments.offset_fee"}
	}
	if l.Fee {
		return optionNeed{driver.PaymentTypes, s.Payments.SurchargeType, "payments.surcharge_type"}
	}
	channel := it.p.Payment.Channel
	return optionNeed{driver.PaymentTypes, s.PaymentType(channel), "payments.types." + string(channel)}
}

// unboundLegs are those whose options can still be chosen and have to be in order
// now. A payment and its fee go together or wait together; an offset waits alone.
func (it *item) unboundLegs() iter.Seq[*leg] {
	return func(yield func(*leg) bool) {
		next := it.nextLeg()
		for i := range it.pr.Legs {
			l := &it.pr.Legs[i]
			if l.Offset && l != next {
				continue
			}
			if l.State != legDone && l.First.IsZero() && !yield(l) {
				return
			}
		}
	}
}

// decidePatient asks whose record it is, and whether a person has to agree.
func decidePatient(it *item, v view) (decision, bool) {
	switch it.Kind {
	case KindStatus:
		return decision{}, false // the appointment names its patient
	case KindRefund:
		return decideRefund(it)
	case KindPayment:
		return decidePayer(it, v)
	}
	if it.patientID() != "" {
		return decision{}, false
	}
	d, stop := decideMatch(it)
	return overdue(it, v, d), stop
}

// decideRefund lets a refund follow its payment.
func decideRefund(it *item) (decision, bool) {
	if it.near.unreadable {
		return decided(EventHeld, ReasonUnreadable, string(ReasonUnreadable)), true
	}
	switch it.near.paid {
	case Written:
		return decision{}, false
	case Queued, Writing, Uncertain, PartiallyPosted:
		if it.State == fresh {
			return decision{}, false // behind it in its lane
		}
	case Dismissed:
		if of := it.near.leg; of != nil && of.State == legDone {
			return decision{}, false // somebody gave up its fee alone
		}
		return decided(EventRefused, driver.ReasonPaymentMissing, ""), true
	case "", Expired, Superseded:
		return decided(EventRefused, driver.ReasonPaymentMissing, ""), true
	}
	return decided(EventHeld, ReasonWaitsForPayment, "payment:"+it.Subject), true
}

// decidePayer is decidePatient for money: it posts by itself only when exactly
// one patient has the same name and date of birth, or when a person vouched.
func decidePayer(it *item, v view) (decision, bool) {
	if it.pr.Approved && it.pr.Match.Patient != "" {
		return decision{}, false
	}
	if !it.pr.Approved {
		if !v.settings.Payments.Auto || it.pr.Manual {
			return decided(EventAwaiting, ReasonAutoOff, ""), true
		}
		if !it.p.Patient.named() && it.p.Patient.ID != "" {
			return decided(EventAwaiting, ReasonUnverifiedPatient, ""), true
		}
	}
	if it.pr.Approved && !it.p.Patient.named() && it.patientID() != "" {
		return decision{}, false
	}
	return decideMatch(it)
}

// decideMatch says what follows from the look-up by name and birth date.
func decideMatch(it *item) (decision, bool) {
	switch it.pr.Match.Result {
	case matchOne:
		return decision{}, false
	case matchNone:
		return decided(EventNeedsPatient, ReasonNoPatient, ""), true
	case matchMany:
		return decided(EventNeedsPatient, ReasonManyPatients, ""), true
	case matchConflict:
		return decided(EventNeedsPatient, ReasonIDConflict, ""), true
	}
	if it.needsMatch() {
		return decision{}, false // to be looked up when its turn comes
	}
	// A name without a date of birth, or a host id that nobody has linked.
	return decided(EventNeedsPatient, ReasonNoPatient, ""), true
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
