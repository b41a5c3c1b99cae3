package writeback

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// allChosen are settings that write everything, auto-posting included.
func allChosen() settings.Document {
	doc := settings.Default()
	doc.Sync.ProviderID = settings.Ref{ID: "DOC1", Label: "Dr. One"}
	doc.Notes.Enabled = map[driver.NoteKind]bool{}
	for _, k := range driver.NoteKinds() {
		doc.Notes.Enabled[k] = true
	}
	doc.Notes.Type = settings.Ref{ID: "n1"}
	doc.Documents.InsuranceVerification, doc.Documents.AccountStatement = settings.Ref{ID: "f1"}, settings.Ref{ID: "f2"}
	doc.Forms.ByCategory = map[driver.FormCategory]settings.Ref{driver.InformedConsent: {ID: "f3"}}
	doc.Statuses.Confirmed = []settings.Ref{{ID: "s2"}}
	doc.Statuses.ConfirmedTarget, doc.Statuses.UnconfirmedTarget = settings.Ref{ID: "s2"}, settings.Ref{ID: "s1"}
	doc.Payments.Auto = true
	doc.Payments.Types = map[driver.PaymentChannel]settings.Ref{driver.ChannelOnline: {ID: "p1"}}
	doc.Payments.SurchargeType = settings.Ref{ID: "p2"}
	return doc
}

// wholeView is of a PMS that can do everything.
func wholeView() view {
	options := func(ids ...string) []driver.Option {
		var out []driver.Option
		for _, id := range ids {
			out = append(out, driver.Option{ID: id, Label: "label of " + id, Active: true})
		}
		return out
	}
	info := driver.Info{Ops: map[driver.OpKind]driver.OpInfo{}}
	for op, from := range map[driver.OpKind]driver.Catalog{
		driver.OpNote: driver.NoteTypes, driver.OpDocument: driver.DocumentFolders, driver.OpStatus: driver.AppointmentStatuses,
		driver.OpPayment: driver.PaymentTypes, driver.OpRefund: driver.PaymentTypes,
		driver.OpAdjustment: driver.AdjustmentTypes,
	} {
		info.Ops[op] = driver.OpInfo{Support: driver.Yes(), TypeFrom: from}
	}
	now := time.Date(2025, 3, 3, 15, 0, 0, 0, time.UTC)
	return view{
		settings: allChosen(), revision: 3, info: &info, now: now,
		catalogs: settings.Catalogs{AsOf: now, Lists: map[driver.Catalog][]driver.Option{
			driver.Providers:       {{ID: "DOC1", Label: "Dr. One", Active: true}, {ID: "DOC2", Label: "Dr. Two", Active: true}},
			driver.NoteTypes:       options("n1", "n2"),
			driver.DocumentFolders: options("f1", "f2", "f3"), driver.AppointmentStatuses: options("s1", "s2"),
			driver.PaymentTypes: options("p1", "p2"), driver.AdjustmentTypes: options("a1"),
		}}.Indexed(),
	}
}

var someone = patientData{First: "Ada", Last: "Lovelace", Birth: "1985-12-10"}

func noteItem() *item {
	return &item{Record: Record{Kind: KindNote, ID: "I"}, p: payload{Patient: patientData{ID: "42"}, Note: &noteData{Kind: driver.IncomingCall, Body: "Hello"}}}
}

func documentItem() *item {
	return &item{Record: Record{Kind: KindDocument}, p: payload{Patient: patientData{ID: "42"}, Document: &documentData{Kind: driver.InsuranceVerification, MIME: "application/pdf", Size: 1000}}}
}

func formItem() *item {
	return &item{Record: Record{Kind: KindForm}, p: payload{Patient: patientData{ID: "42"}, Document: &documentData{
		Kind: driver.FormDocument, Category: driver.InformedConsent, FormType: "botox", MIME: "application/pdf", Size: 1000,
	}}}
}

func statusItem() *item {
	return &item{Record: Record{Kind: KindStatus, Subject: "77"}, p: payload{Status: &statusData{Appointment: "77", Confirmed: true}}}
}

// paymentItem is a payment with a fee of its own, submitted while auto was on.
func paymentItem() *item {
	it := &item{Record: Record{Kind: KindPayment}, p: payload{Patient: someone, Payment: &paymentData{
		Channel: driver.ChannelOnline, Amount: driver.USD(10000), Fee: driver.USD(269),
	}}}
	if err := planMoney(it, settings.Payments{Auto: true, Separate: true}); err != nil {
		panic(err)
	}
	it.pr.Match = matchResult{Result: matchOne, Patient: "42"}
	return it
}

func refundItem(paid State) *item {
	return &item{
		Record: Record{Kind: KindRefund, Subject: "P"}, p: payload{Refund: &refundData{Payment: "pay", Amount: driver.USD(100)}},
		near: neighbours{paid: paid, leg: &leg{State: legDone, First: time.Unix(1, 0), Sent: &sentOp{Provider: "DOC1", Type: "p1"}}},
	}
}

var makers = map[ItemKind]func() *item{
	KindNote: noteItem, KindDocument: documentItem, KindForm: formItem, KindStatus: statusItem,
	KindPayment: paymentItem, KindRefund: func() *item { return refundItem(Written) },
}

type deciding struct {
	name   string
	item   func() *item
	change func(*view, *item)
	want   decision
}

func settingsAre(f func(*settings.Document)) func(*view, *item) {
	return func(v *view, _ *item) { f(&v.settings) }
}

func decidings() []deciding {
	noProvider := settingsAre(func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{} })
	queued := decision{event: EventQueued}
	list := []deciding{
		// Wanted?
		{"note kind off", noteItem, settingsAre(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false }), decision{EventSkipped, ReasonDisabled, "disabled:notes.enabled.incoming_call"}},
		{"other note kind off", noteItem, settingsAre(func(d *settings.Document) { d.Notes.Enabled[driver.OutgoingCall] = false }), queued},
		{"folder empty", documentItem, settingsAre(func(d *settings.Document) { d.Documents.InsuranceVerification = settings.Ref{} }), decision{EventSkipped, ReasonDisabled, "disabled:documents.insurance_verification"}},
		{"form category off", formItem, settingsAre(func(d *settings.Document) { d.Forms.ByCategory = nil }), decision{EventSkipped, ReasonDisabled, "disabled:forms.informed_consent"}},
		{"form type with its own folder", formItem, settingsAre(func(d *settings.Document) {
			d.Forms.ByCategory = nil
			d.Forms.Types = []settings.FormType{{Name: "Botox", Category: driver.InformedConsent, Folder: settings.Ref{ID: "f1"}}}
		}), queued},
		{"form type of a category that is off", formItem, settingsAre(func(d *settings.Document) {
			d.Forms.Types = []settings.FormType{{Name: "Botox", Category: driver.TreatmentPlan}}
		}), decision{EventSkipped, ReasonDisabled, "disabled:forms.treatment_plan"}},
		{"do not write confirmed", statusItem, settingsAre(func(d *settings.Document) { d.Statuses.ConfirmedTarget = settings.Ref{} }), decision{EventSkipped, ReasonDisabled, "disabled:statuses.confirmed_target"}},
		{"do not write unconfirmed", statusItem, func(v *view, it *item) {
			it.p.Status.Confirmed = false
			v.settings.Statuses.UnconfirmedTarget = settings.Ref{}
		}, decision{EventSkipped, ReasonDisabled, "disabled:statuses.unconfirmed_target"}},
		{"channel without a type", paymentItem, settingsAre(func(d *settings.Document) { d.Payments.Types = nil }), decision{EventHeld, ReasonNotConfigured, "not_configured:payments.types.online"}},
		{"fee without a type", paymentItem, settingsAre(func(d *settings.Document) { d.Payments.SurchargeType = settings.Ref{} }), decision{EventHeld, ReasonNotConfigured, "not_configured:payments.surcharge_type"}},
		{"fee in one needs no type", func() *item {
			it := paymentItem()
			it.pr.Legs = nil
			_ = planMoney(it, settings.Payments{Auto: true}) // a fee of the same currency adds up
			return it
		}, settingsAre(func(d *settings.Document) { d.Payments.SurchargeType = settings.Ref{} }), queued},

		// Can the PMS?
		{"not supported", noteItem, func(v *view, _ *item) { v.info.Ops[driver.OpNote] = driver.OpInfo{Support: driver.No("Needs 25.1.")} }, decision{EventHeld, driver.ReasonUnsupported, "unsupported:note"}},
		{"not mentioned", noteItem, func(v *view, _ *item) { delete(v.info.Ops, driver.OpNote) }, decision{EventHeld, driver.ReasonUnsupported, "unsupported:note"}},
		{"never reached", noteItem, func(v *view, _ *item) { v.info, v.catalogs = nil, settings.Catalogs{} }, queued},
		{"too large", documentItem, func(v *view, _ *item) { limit(v, driver.OpDocument, func(o *driver.OpInfo) { o.MaxBytes = 999 }) }, decision{EventRefused, driver.ReasonTooLarge, ""}},
		{"just small enough", documentItem, func(v *view, _ *item) { limit(v, driver.OpDocument, func(o *driver.OpInfo) { o.MaxBytes = 1000 }) }, queued},
		{"type not taken", formItem, func(v *view, _ *item) {
			limit(v, driver.OpDocument, func(o *driver.OpInfo) { o.MIME = []string{"image/png"} })
		}, decision{EventRefused, driver.ReasonMIMERefused, ""}},
		{"type taken", formItem, func(v *view, _ *item) {
			limit(v, driver.OpDocument, func(o *driver.OpInfo) { o.MIME = []string{"image/png", "application/pdf"} })
		}, queued},

		// Are the options in order?
		{"note type missing", noteItem, settingsAre(func(d *settings.Document) { d.Notes.Type = settings.Ref{} }), decision{EventHeld, ReasonNotConfigured, "not_configured:notes.type"}},
		{"note type missing where there are none", noteItem, func(v *view, _ *item) {
			v.settings.Notes.Type = settings.Ref{}
			v.catalogs.Lists[driver.NoteTypes] = nil
			v.catalogs = v.catalogs.Indexed()
		}, queued},
		{"note type missing where notes take none", noteItem, func(v *view, _ *item) {
			v.settings.Notes.Type = settings.Ref{}
			limit(v, driver.OpNote, func(o *driver.OpInfo) { o.TypeFrom = "" })
		}, queued},
		{"note type gone", noteItem, settingsAre(func(d *settings.Document) { d.Notes.Type.ID = "n9" }), decision{EventHeld, driver.ReasonOptionUnknown, "option_unknown:" + string(driver.NoteTypes) + ":n9"}},
		{"note type of the kind gone", noteItem, settingsAre(func(d *settings.Document) {
			d.Notes.TypeByKind = map[driver.NoteKind]settings.Ref{driver.IncomingCall: {ID: "n8"}}
		}), decision{EventHeld, driver.ReasonOptionUnknown, "option_unknown:" + string(driver.NoteTypes) + ":n8"}},
		{"folder hidden", documentItem, func(v *view, _ *item) { hide(v, driver.DocumentFolders, "f1") }, decision{EventHeld, driver.ReasonOptionInactive, "option_inactive:" + string(driver.DocumentFolders) + ":f1"}},
		{"form folder hidden", formItem, func(v *view, _ *item) { hide(v, driver.DocumentFolders, "f3") }, decision{EventHeld, driver.ReasonOptionInactive, "option_inactive:" + string(driver.DocumentFolders) + ":f3"}},
		{"other folder hidden", documentItem, func(v *view, _ *item) { hide(v, driver.DocumentFolders, "f2") }, queued},
		{"status hidden", statusItem, func(v *view, _ *item) { hide(v, driver.AppointmentStatuses, "s2") }, decision{EventHeld, driver.ReasonOptionInactive, "option_inactive:" + string(driver.AppointmentStatuses) + ":s2"}},
		{"payment type hidden", paymentItem, func(v *view, _ *item) { hide(v, driver.PaymentTypes, "p1") }, decision{EventHeld, driver.ReasonOptionInactive, "option_inactive:" + string(driver.PaymentTypes) + ":p1"}},
		{"surcharge type hidden", paymentItem, func(v *view, _ *item) { hide(v, driver.PaymentTypes, "p2") }, decision{EventHeld, driver.ReasonOptionInactive, "option_inactive:" + string(driver.PaymentTypes) + ":p2"}},
		{"case counts", noteItem, settingsAre(func(d *settings.Document) { d.Sync.ProviderID.ID = "doc1" }), decision{EventHeld, driver.ReasonProviderUnknown, "provider_unknown:doc1"}},
		{"id reused for another", noteItem, func(v *view, _ *item) {
			v.info.ReusesIDs = true
			v.settings.Sync.ProviderID.Label = "Dr. Zero"
		}, decision{EventHeld, ReasonIDReused, "id_reused:providers:DOC1"}},
		{"id of two", noteItem, func(v *view, _ *item) {
			v.catalogs.Lists[driver.NoteTypes] = append(v.catalogs.Lists[driver.NoteTypes], driver.Option{ID: "n1", Label: "another", Active: true})
			v.catalogs = v.catalogs.Indexed()
		}, decision{EventHeld, ReasonIDAmbiguous, "id_ambiguous:note_types:n1"}},
		{"id of one that was read twice", noteItem, func(v *view, _ *item) {
			v.catalogs.Lists[driver.NoteTypes] = append(v.catalogs.Lists[driver.NoteTypes], driver.Option{ID: "n1", Label: "label of n1", Active: true})
			v.catalogs = v.catalogs.Indexed()
		}, queued},
		{"renamed where ids are not reused", noteItem, settingsAre(func(d *settings.Document) { d.Sync.ProviderID.Label = "Dr. Zero" }), queued},
		{"payments' own provider inactive", paymentItem, func(v *view, _ *item) {
			v.settings.Payments.Provider = settings.Ref{ID: "DOC2"}
			hide(v, driver.Providers, "DOC2")
		}, decision{EventHeld, driver.ReasonProviderInactive, "provider_inactive:DOC2"}},
		{"payments' own provider active, the other not", paymentItem, func(v *view, _ *item) {
			v.settings.Payments.Provider = settings.Ref{ID: "DOC2"}
			hide(v, driver.Providers, "DOC1")
		}, decision{EventHeld, driver.ReasonProviderInactive, "provider_inactive:DOC1"}},
		{"refund goes by its payment's provider", makers[KindRefund], func(v *view, _ *item) {
			v.settings.Payments.Provider = settings.Ref{ID: "DOC2"}
			hide(v, driver.Providers, "DOC2")
		}, queued},

		// Is access open?
		{"this operation closed", noteItem, func(v *view, _ *item) {
			v.closed = map[driver.OpKind]driver.Scope{driver.OpNote: driver.ScopeOperation}
		}, decision{EventHeld, ReasonUnauthorized, "unauthorized:operation:note"}},
		{"another operation closed", noteItem, func(v *view, _ *item) {
			v.closed = map[driver.OpKind]driver.Scope{driver.OpPayment: driver.ScopeOperation}
		}, queued},
		{"writes closed", paymentItem, func(v *view, _ *item) {
			v.closed = map[driver.OpKind]driver.Scope{driver.OpPayment: driver.ScopeWrites}
		}, decision{EventHeld, ReasonUnauthorized, "unauthorized:writes"}},

		// Whose record?
		{"note by name, not looked up", func() *item { return patientIs(noteItem(), someone, matchPending) }, nil, queued},
		{"note by name, nobody", func() *item { return patientIs(noteItem(), someone, matchNone) }, nil, decision{EventNeedsPatient, ReasonNoPatient, ""}},
		{"note by name, several", func() *item { return patientIs(noteItem(), someone, matchMany) }, nil, decision{EventNeedsPatient, ReasonManyPatients, ""}},
		{"note by phone, not looked up", func() *item { return patientIs(noteItem(), patientData{Phone: "555-0100"}, matchPending) }, nil, queued},
		{"note by phone", func() *item { return patientIs(noteItem(), patientData{Phone: "555-0100"}, matchNone) }, nil, decision{EventNeedsPatient, ReasonNoPatient, ""}},
		{"note by name without birth date", func() *item { return patientIs(noteItem(), patientData{First: "Ada", Last: "Lovelace"}, matchPending) }, nil, decision{EventNeedsPatient, ReasonNoPatient, ""}},
		{"note by host's id", func() *item { return patientIs(noteItem(), patientData{HostID: "h"}, matchPending) }, nil, decision{EventNeedsPatient, ReasonNoPatient, ""}},
		{"note by linked host's id", func() *item {
			it := patientIs(noteItem(), patientData{HostID: "h"}, matchPending)
			it.near.linked = "42"
			return it
		}, nil, queued},

		// May it post by itself?
		{"auto off", paymentItem, settingsAre(func(d *settings.Document) { d.Payments.Auto = false }), decision{EventAwaiting, ReasonAutoOff, ""}},
		{"auto off, transferred", func() *item { return approved(paymentItem()) }, settingsAre(func(d *settings.Document) { d.Payments.Auto = false }), queued},
		{"auto switched on later", func() *item {
			it := paymentItem()
			it.pr.Manual = true
			return it
		}, nil, decision{EventAwaiting, ReasonAutoOff, ""}},
		{"auto switched on later, transferred", func() *item {
			it := approved(paymentItem())
			it.pr.Manual = true
			return it
		}, nil, queued},
		{"not looked up yet", func() *item { return patientIs(paymentItem(), someone, matchPending) }, nil, queued},
		{"nobody fits", func() *item { return patientIs(paymentItem(), someone, matchNone) }, nil, decision{EventNeedsPatient, ReasonNoPatient, ""}},
		{"nobody fits, transferred", func() *item { return approved(patientIs(paymentItem(), someone, matchNone)) }, nil, decision{EventNeedsPatient, ReasonNoPatient, ""}},
		{"namesakes", func() *item { return patientIs(paymentItem(), someone, matchMany) }, nil, decision{EventNeedsPatient, ReasonManyPatients, ""}},
		{"namesakes, transferred", func() *item { return approved(patientIs(paymentItem(), someone, matchMany)) }, nil, decision{EventNeedsPatient, ReasonManyPatients, ""}},
		{"another's id", func() *item { return patientIs(paymentItem(), someone, matchConflict) }, nil, decision{EventNeedsPatient, ReasonIDConflict, ""}},
		{"another's id, transferred", func() *item { return approved(patientIs(paymentItem(), someone, matchConflict)) }, nil, decision{EventNeedsPatient, ReasonIDConflict, ""}},
		{"id without a name", func() *item { return patientIs(paymentItem(), patientData{ID: "42"}, matchPending) }, nil, decision{EventAwaiting, ReasonUnverifiedPatient, ""}},
		{"id without a name, transferred", func() *item { return approved(patientIs(paymentItem(), patientData{ID: "42"}, matchPending)) }, nil, queued},
		{"phone, not looked up", func() *item { return patientIs(paymentItem(), patientData{Phone: "555-0100"}, matchPending) }, nil, queued},
		{"phone", func() *item { return patientIs(paymentItem(), patientData{Phone: "555-0100"}, matchNone) }, nil, decision{EventNeedsPatient, ReasonNoPatient, ""}},
		{"phone, transferred", func() *item { return approved(patientIs(paymentItem(), patientData{Phone: "555-0100"}, matchNone)) }, nil, decision{EventNeedsPatient, ReasonNoPatient, ""}},
		{"linked host's id without a name", func() *item {
			it := patientIs(paymentItem(), patientData{HostID: "h"}, matchPending)
			it.near.linked = "42"
			return it
		}, nil, decision{EventNeedsPatient, ReasonNoPatient, ""}},
		{"linked host's id without a name, transferred", func() *item {
			it := approved(patientIs(paymentItem(), patientData{HostID: "h"}, matchPending))
			it.near.linked = "42"
			return it
		}, nil, queued},
		{"assigned", func() *item {
			it := approved(patientIs(paymentItem(), patientData{Phone: "555-0100"}, matchPending))
			it.pr.Match = matchResult{Result: matchOne, Patient: "42"}
			return it
		}, settingsAre(func(d *settings.Document) { d.Payments.Auto = false }), queued},
		{"not configured before auto off", paymentItem, settingsAre(func(d *settings.Document) { d.Payments.Auto, d.Payments.Types = false, nil }), decision{EventHeld, ReasonNotConfigured, "not_configured:payments.types.online"}},
	}
	for kind, maker := range makers {
		money := kind == KindPayment || kind == KindRefund
		want := decision{EventSkipped, ReasonNotConfigured, "not_configured:sync.provider"}
		if money {
			want.event = EventHeld
		}
		list = append(list,
			deciding{"everything in order: " + string(kind), maker, nil, queued},
			deciding{"no provider: " + string(kind), maker, noProvider, want},
			deciding{"fresh settings: " + string(kind), maker, func(v *view, _ *item) { v.settings = settings.Default() }, want},
			deciding{"provider inactive: " + string(kind), maker, func(v *view, _ *item) { hide(v, driver.Providers, "DOC1") }, decision{EventHeld, driver.ReasonProviderInactive, "provider_inactive:DOC1"}},
			deciding{"provider gone: " + string(kind), maker, func(v *view, _ *item) {
				v.catalogs.Lists[driver.Providers] = v.catalogs.Lists[driver.Providers][1:]
				v.catalogs = v.catalogs.Indexed()
			}, decision{EventHeld, driver.ReasonProviderUnknown, "provider_unknown:DOC1"}},
			deciding{"catalogs never read: " + string(kind), maker, func(v *view, _ *item) { v.catalogs = settings.Catalogs{} }, queued},
		)
	}
	held := decision{EventHeld, ReasonWaitsForPayment, "payment:P"}
	gone := decision{EventRefused, driver.ReasonPaymentMissing, ""}
	for paid, want := range map[State]decision{
		Written: queued, NeedsPatient: held, AwaitingTransfer: held, Held: held, Failed: held, Conflict: held, Skipped: held,
		Queued: held, Writing: held, Uncertain: held, PartiallyPosted: held,
		Dismissed: queued, Expired: gone, Superseded: gone, "": gone,
	} {
		list = append(list, deciding{"refund, payment " + string(paid), func() *item {
			it := refundItem(paid)
			it.State = Queued
			return it
		}, nil, want})
		if paid == Queued || paid == Writing || paid == Uncertain || paid == PartiallyPosted {
			want = queued // behind it in its lane
		}
		list = append(list, deciding{"fresh refund, payment " + string(paid), func() *item { return refundItem(paid) }, nil, want})
	}
	return append(list, deciding{"refund, payment dismissed before anything was posted", func() *item {
		it := refundItem(Dismissed)
		it.near.leg = &leg{}
		return it
	}, nil, gone}, deciding{"refund, payment unreadable", func() *item {
		it := refundItem(Written)
		it.near.leg, it.near.unreadable = nil, true
		return it
	}, nil, decision{EventHeld, ReasonUnreadable, "unreadable"}})
}

func patientIs(it *item, who patientData, result matchOutcome) *item {
	it.p.Patient, it.pr.Match = who, matchResult{Result: result}
	return it
}

func approved(it *item) *item {
	it.pr.Approved = true
	return it
}

func limit(v *view, op driver.OpKind, f func(*driver.OpInfo)) {
	o := v.info.Ops[op]
	f(&o)
	v.info.Ops[op] = o
}

func hide(v *view, c driver.Catalog, id string) {
	for i := range v.catalogs.Lists[c] {
		if o := &v.catalogs.Lists[c][i]; o.ID == id {
			o.Active = false
		}
	}
	v.catalogs = v.catalogs.Indexed()
}

func TestDecisionsFollowTheRules(t *testing.T) {
	t.Parallel()
	for _, tc := range decidings() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			it, v := tc.item(), wholeView()
			if tc.change != nil {
				tc.change(&v, it)
			}
			before := snapshot(t, it, v)
			got := decide(it, v)
			require.Equal(t, tc.want, got)
			require.Equal(t, before, snapshot(t, it, v), "decide changes nothing")
			require.Equal(t, got, decide(it, v), "and says the same again")
			if got.event == EventQueued && it.Kind != KindStatus && it.Kind != KindRefund {
				require.True(t, it.patientID() != "" || it.needsMatch() || it.p.Patient.named(), "nothing is written to nobody")
			}
			for _, s := range []State{fresh, NeedsPatient, Held, Queued} {
				_, ok := next(s, got.event)
				require.True(t, ok, "%q in %q", got.event, s)
			}
		})
	}
}

// snapshot is everything that decide could change.
func snapshot(t *testing.T, it *item, v view) string {
	t.Helper()
	data, err := json.Marshal([]any{it.Record, it.p, it.pr, it.near.linked, it.near.paid, it.near.leg, v.settings, v.revision, v.catalogs.Lists, v.info, v.closed})
	require.NoError(t, err)
	return string(data)
}

// What comes first in the order wins: an item that is wrong in every way shows
// its wrongs one by one as they are mended.
func TestDecisionsComeInOrder(t *testing.T) {
	t.Parallel()
	v := wholeView()
	v.settings.Sync.ProviderID = settings.Ref{}
	v.settings.Notes.Enabled[driver.IncomingCall] = false
	v.info.Ops[driver.OpNote] = driver.OpInfo{}
	hide(&v, driver.Providers, "DOC1")
	hide(&v, driver.NoteTypes, "n1")
	v.closed = map[driver.OpKind]driver.Scope{driver.OpNote: driver.ScopeWrites}
	it := patientIs(noteItem(), someone, matchMany)

	var reasons []driver.Reason
	for _, mend := range []func(){
		func() { v.settings.Sync.ProviderID = settings.Ref{ID: "DOC1"} },
		func() { v.settings.Notes.Enabled[driver.IncomingCall] = true },
		func() { v.info.Ops[driver.OpNote] = wholeView().info.Ops[driver.OpNote] },
		func() { v.settings.Sync.ProviderID = settings.Ref{ID: "DOC2"} },
		func() { v.settings.Notes.Type = settings.Ref{ID: "n2"} },
		func() { v.closed = nil },
		func() { it.pr.Match = matchResult{Result: matchOne, Patient: "42"} },
	} {
		reasons = append(reasons, decide(it, v).reason)
		mend()
	}
	require.Equal(t, []driver.Reason{
		ReasonNotConfigured, ReasonDisabled, driver.ReasonUnsupported, driver.ReasonProviderInactive, driver.ReasonOptionInactive,
		ReasonUnauthorized, ReasonManyPatients,
	}, reasons)
	require.Equal(t, decision{event: EventQueued}, decide(it, v))
}

func TestOneMendHasOneCause(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*view){
		"provider inactive": func(v *view) { hide(v, driver.Providers, "DOC1") },
		"provider missing":  func(v *view) { v.settings.Sync.ProviderID = settings.Ref{} },
		"writes closed": func(v *view) {
			v.closed = map[driver.OpKind]driver.Scope{}
			for _, op := range driver.OpKinds() {
				v.closed[op] = driver.ScopeWrites
			}
		},
	} {
		causes := map[string]bool{}
		for _, maker := range makers {
			v := wholeView()
			breakIt(&v)
			d := decide(maker(), v)
			require.NotEmpty(t, d.cause, name)
			causes[d.cause] = true
		}
		require.Len(t, causes, 1, name)
	}
	// A refusal by the PMS has the cause that decide would give.
	for kind, hidden := range map[ItemKind]string{KindNote: "n1", KindDocument: "f1", KindForm: "f3", KindStatus: "s2", KindPayment: "p1"} {
		it, v := makers[kind](), wholeView()
		if len(it.pr.Legs) == 0 {
			it.pr.Legs = []leg{{}}
		}
		op, err := bind(it, &it.pr.Legs[0], planEnv{view: v, zone: time.UTC})
		require.NoError(t, err)
		catalog, id := optionOf(op)
		require.Equal(t, hidden, id)
		hide(&v, catalog, hidden)
		require.Equal(t, decide(it, v).cause, mendableCause(driver.ReasonOptionInactive, op), kind)
		v = wholeView()
		hide(&v, driver.Providers, "DOC1")
		require.Equal(t, decide(it, v).cause, mendableCause(driver.ReasonProviderInactive, op), kind)
	}
	require.Equal(t, unauthorizedCause("", driver.OpNote), unauthorizedCause(driver.ScopeConnection, driver.OpPayment))
}

// What is begun goes on whatever was switched off since; what it still needs
// holds it.
func TestWhatIsBegunIsFinished(t *testing.T) {
	t.Parallel()
	note := func() *item {
		it := noteItem()
		it.State = PartiallyPosted
		sent := time.Now()
		it.pr.Legs = []leg{{State: legDone, First: sent, Sent: &sentOp{Type: "n2", Provider: "DOC1", Patient: "42"}}, {Sent: &sentOp{Body: "rest"}}}
		return it
	}
	payment := func() *item {
		it := paymentItem()
		it.State = PartiallyPosted
		it.pr.Legs[0].State, it.pr.Legs[0].First = legDone, time.Now()
		return it
	}
	document := func() *item {
		it := documentItem()
		it.State = PartiallyPosted
		it.pr.Legs = []leg{{First: time.Now(), Prior: receipt("9"), Sent: &sentOp{Type: "f1", Provider: "DOC1", Patient: "42"}}}
		return it
	}
	for _, tc := range []deciding{
		{"note kind off", note, settingsAre(func(d *settings.Document) { d.Notes.Enabled = nil }), decision{event: EventQueued}},
		{"no provider", note, settingsAre(func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{} }), decision{EventHeld, ReasonNotConfigured, "not_configured:sync.provider"}},
		{"provider inactive", note, func(v *view, _ *item) { hide(v, driver.Providers, "DOC1") }, decision{EventHeld, driver.ReasonProviderInactive, "provider_inactive:DOC1"}},
		{"note type of the first part gone", note, func(v *view, _ *item) {
			v.settings.Notes.Enabled = nil
			hide(v, driver.NoteTypes, "n2")
		}, decision{EventHeld, driver.ReasonOptionInactive, "option_inactive:" + string(driver.NoteTypes) + ":n2"}},
		{"auto off", payment, settingsAre(func(d *settings.Document) { d.Payments.Auto = false }), decision{event: EventQueued}},
		{"type of the written leg gone", payment, settingsAre(func(d *settings.Document) { d.Payments.Types = nil }), decision{event: EventQueued}},
		{"type of the other leg gone", payment, settingsAre(func(d *settings.Document) { d.Payments.SurchargeType = settings.Ref{} }), decision{EventHeld, ReasonNotConfigured, "not_configured:payments.surcharge_type"}},
		{"folder emptied", document, settingsAre(func(d *settings.Document) { d.Documents.InsuranceVerification = settings.Ref{} }), decision{event: EventQueued}},
		{"folder hidden", document, func(v *view, _ *item) { hide(v, driver.DocumentFolders, "f1") }, decision{event: EventQueued}},
	} {
		it, v := tc.item(), wholeView()
		tc.change(&v, it)
		d := decide(it, v)
		require.Equal(t, tc.want, d, tc.name)
		require.True(t, it.apply(d), tc.name)
		require.Equal(t, PartiallyPosted, it.State, tc.name)
	}
	it := note()
	off := wholeView()
	off.settings.Notes.Enabled = nil
	op, err := bind(it, &it.pr.Legs[1], planEnv{view: off, zone: time.UTC})
	require.NoError(t, err)
	require.Equal(t, "n2", op.(*driver.Note).Type, "the rest is filed as it began")
}

// The PMS refuses for what its catalogs do not show: it is asked again when
// somebody saved, or when it was read anew, and not all the time.
func TestWhatThePMSRefusesWaitsForNews(t *testing.T) {
	t.Parallel()
	v := wholeView()
	it := noteItem()
	it.State, it.Reason, it.Cause, it.Revision = Held, driver.ReasonProviderInactive, "provider_inactive:DOC1", v.revision
	it.pr.RefusedAt = v.now
	require.Equal(t, decision{EventHeld, driver.ReasonProviderInactive, "provider_inactive:DOC1"}, decide(it, v))
	read := v
	read.catalogs.AsOf = v.now.Add(time.Second)
	require.Equal(t, EventQueued, decide(it, read).event)
	saved := v
	saved.revision++
	require.Equal(t, EventQueued, decide(it, saved).event)
	_, ok := it.move(EventRetried)
	require.True(t, ok)
	require.Equal(t, EventQueued, decide(it, v).event, "a person's word counts at once")
}

func BenchmarkDecide(b *testing.B) {
	v := wholeView()
	for _, kind := range ItemKinds() {
		it := makers[kind]()
		b.Run(string(kind), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if decide(it, v).event != EventQueued {
					b.Fatal("not queued")
				}
			}
		})
	}
}
