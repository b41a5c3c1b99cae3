package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// Type says what kind of value a field holds.
type Type string

// The types of fields.
const (
	// TypeToggle is a bool.
	TypeToggle Type = "toggle"
	// TypeRef is one Ref.
	TypeRef Type = "ref"
	// TypeTarget is a Ref whose empty value reads "do not write".
	TypeTarget Type = "target"
	// TypeRefSet is a []Ref.
	TypeRefSet Type = "refset"
	// TypeInterval is an Interval.
	TypeInterval Type = "interval"
	// TypeFormTypes is a []FormType.
	TypeFormTypes Type = "formtypes"
	// TypeText is a string: the name of a form type.
	TypeText Type = "text"
	// TypeCategory is a driver.FormCategory.
	TypeCategory Type = "category"
)

// field is a row of the table from which everything that goes through a whole
// document is made: reading, writing, describing, comparing, validating.
type field struct {
	path     string
	group    string // as staff see it
	subgroup string
	label    string // may hold hostMark
	help     string // may hold hostMark
	typ      Type
	catalog  driver.Catalog
	op       driver.OpKind // what it takes to carry it out, if it is a write
	feed     driver.Feed
	writes   bool // switched on, it lets something be written
	get      func(*Document) any
	set      func(*Document, any)
}

// isOn reports whether the field has a value that does something.
func (f *field) isOn(d *Document) bool {
	switch v := f.get(d).(type) {
	case bool:
		return v
	case Ref:
		return !v.IsZero()
	case []Ref:
		return len(v) > 0
	case Interval:
		return !v.Off
	case []FormType:
		return slices.ContainsFunc(v, func(t FormType) bool { return !t.Folder.IsZero() })
	}
	return false
}

// refs returns the references of the field, with their paths.
func (f *field) refs(d *Document) []Reference {
	one := func(path string, r Ref) []Reference {
		if r == (Ref{}) {
			return nil
		}
		return []Reference{{Path: path, Catalog: f.catalog, Ref: r}}
	}
	var out []Reference
	switch v := f.get(d).(type) {
	case Ref:
		return one(f.path, v)
	case []Ref:
		for i, r := range v {
			// An empty entry is a mistake that somebody must see.
			out = append(out, Reference{Path: indexed(f.path, i), Catalog: f.catalog, Ref: r})
		}
	case []FormType:
		for i, t := range v {
			out = append(out, one(indexed(f.path, i)+".folder", t.Folder)...)
		}
	}
	return out
}

func indexed(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// Reference is one reference of a document.
type Reference struct {
	// Path is where it stands: "notes.type", "statuses.confirmed[0]",
	// "forms.types[2].folder".
	Path string
	// Catalog is the list that its id is from.
	Catalog driver.Catalog
	Ref     Ref
}

// References returns every reference that is set, in the order of the page.
func (d Document) References() []Reference {
	var out []Reference
	for i := range fields {
		out = append(out, fields[i].refs(&d)...)
	}
	return out
}

// byPath finds a field; nil when there is none.
func byPath(path string) *field {
	if i, ok := fieldIndex[path]; ok {
		return &fields[i]
	}
	return nil
}

// Both are written once, here, and only read afterwards.
var (
	fields     = buildFields()
	fieldIndex = indexFields(fields)
)

func indexFields(fields []field) map[string]int {
	m := make(map[string]int, len(fields))
	for i, f := range fields {
		m[f.path] = i
	}
	return m
}

// The titles of the groups and subgroups, as staff know them.
const (
	groupSync      = "PMS Sync Settings"
	groupNotes     = "Note Write Back Settings"
	groupDocuments = "Document Type Settings"
	groupIntervals = "Fast Sync Update Intervals"
	groupStatuses  = "Appointment Status Settings"
	groupForms     = "Online Forms Settings"
	groupPayments  = "Payment Sync Settings"

	subCalls     = "Phone Call Logs"
	subTasks     = "Patient & Task Notes"
	subMessages  = "Communications"
	subInsurance = "Insurance"
	subNoteType  = "Note Type per Kind"
	subMapping   = "PMS Status Mapping"
	subGeneral   = "General Payment Sync"
	subPayments  = "Payment Mapping Options"
)

// buildFields lists the fields in the order in which staff see them.
func buildFields() []field {
	var out []field
	in := func(group string, list ...field) {
		for _, f := range list {
			f.group = group
			out = append(out, f)
		}
	}
	in(groupSync, refField("sync.provider", "Writeback Provider ID", driver.Providers,
		"Notes, documents and payments are attributed to this provider as far as the PMS allows. "+
			"Only active providers work, and a wrong id means that nothing is written back. Empty: nothing is written.",
		func(d *Document) *Ref { return &d.Sync.ProviderID }))
	in(groupNotes, noteFields()...)
	in(groupDocuments,
		filed(refField("documents.insurance_verification", "Insurance Verification", driver.DocumentFolders,
			"The document type or folder for insurance verification documents, such as Insurance Documents. Empty: they are not filed.",
			func(d *Document) *Ref { return &d.Documents.InsuranceVerification })),
		filed(refField("documents.account_statement", "Account Statement", driver.DocumentFolders,
			"The document type or folder for statements, such as Statements. Empty: they are not filed.",
			func(d *Document) *Ref { return &d.Documents.AccountStatement })))
	in(groupIntervals, intervalFields()...)
	in(groupStatuses, statusFields()...)
	in(groupForms, formFields()...)
	in(groupPayments, paymentFields()...)
	return out
}

func noteFields() []field {
	rows := []struct {
		kind                  driver.NoteKind
		subgroup, label, help string
	}{
		{driver.OutgoingCall, subCalls, "Outgoing Call", "Who called which number, when, how long, and the result."},
		{driver.IncomingCall, subCalls, "Incoming Call", "Which number called, who answered, when, how long, and the result."},
		{driver.MissedCall, subCalls, "Missed Call", "Which number called, and when."},
		{driver.IncomingCallTranscript, subCalls, "Incoming Call Transcript", "The full text of the call. It can be long, and it is sensitive."},
		{driver.OutgoingCallTranscript, subCalls, "Outgoing Call Transcript", "The full text of the call. It can be long, and it is sensitive."},
		{driver.IncomingCallSummary, subCalls, "Incoming Call Summary", "A summary written by AI, and labelled as such."},
		{driver.OutgoingCallSummary, subCalls, "Outgoing Call Summary", "A summary written by AI, and labelled as such."},
		{driver.PatientNote, subTasks, "Patient Notes", "Notes that are taken on a patient in {host}."},
		{driver.TaskNote, subTasks, "Task Notes", "Tasks of {host} that concern a patient: title and outcome."},
		{driver.OutgoingSMS, subMessages, "Outgoing SMS", "The text, and the names of attachments."},
		{driver.IncomingSMS, subMessages, "Incoming SMS", "The text, and the names of attachments."},
		{driver.OutgoingEmail, subMessages, "Outgoing Email", "Subject, text, and the names of attachments."},
		{driver.IncomingEmail, subMessages, "Incoming Email", "Subject, text, and the names of attachments."},
		{driver.InsuranceVerificationNote, subInsurance, "Insurance Verification Note", "The result of an insurance verification."},
	}
	var out []field
	for _, r := range rows {
		out = append(out, field{
			path: "notes.enabled." + string(r.kind), subgroup: r.subgroup, label: r.label, help: r.help,
			typ: TypeToggle, op: driver.OpNote, writes: true,
			get: func(d *Document) any { return d.Notes.Enabled[r.kind] },
			set: func(d *Document, v any) { put(&d.Notes.Enabled, r.kind, v.(bool)) },
		})
	}
	def := refField("notes.type", "Note Type Selection", driver.NoteTypes,
		"The note category of the PMS for all notes. Needed as soon as any kind of note is on, if the PMS has note types.",
		func(d *Document) *Ref { return &d.Notes.Type })
	def.op = driver.OpNote
	out = append(out, def)
	for _, r := range rows {
		f := mapRefField("notes.type_by_kind."+string(r.kind), "Note Type for "+r.label, driver.NoteTypes,
			"Another note type for this kind. Empty: the one of the Note Type Selection.",
			r.kind, func(d *Document) *map[driver.NoteKind]Ref { return &d.Notes.TypeByKind })
		f.subgroup, f.op = subNoteType, driver.OpNote
		out = append(out, f)
	}
	return out
}

func intervalFields() []field {
	interval := func(path, label, help string, feed driver.Feed, at func(*Document) *Interval) field {
		return field{
			path: path, label: label, help: help, typ: TypeInterval, feed: feed,
			get: func(d *Document) any { return *at(d) },
			set: func(d *Document, v any) { *at(d) = v.(Interval) },
		}
	}
	photos := toggleField("intervals.photos", "Patient Profile Photos",
		"Optional: pulls patients' photos from the PMS, to replace initials.",
		func(d *Document) *bool { return &d.Intervals.Photos })
	photos.feed = driver.PhotoFeed
	return []field{
		interval("intervals.appointment_status", "Appointment Status",
			"How often changes of confirmed and unconfirmed are pulled from the PMS. Frequent syncing keeps the data in {host} current.",
			driver.AppointmentStatusFeed, func(d *Document) *Interval { return &d.Intervals.AppointmentStatus }),
		interval("intervals.appointment_changes", "Appointment Changes",
			"How often created, moved, edited, cancelled and deleted appointments are looked for.",
			driver.AppointmentFeed, func(d *Document) *Interval { return &d.Intervals.AppointmentChanges }),
		interval("intervals.new_patients", "New Patients",
			"How often new patient records are pulled from the PMS.",
			driver.PatientFeed, func(d *Document) *Interval { return &d.Intervals.NewPatients }),
		photos,
		interval("intervals.photo_sweep", "Patient Profile Photos: Changed Photos",
			"How often changed photos are looked for, while Patient Profile Photos is on. Photos of new patients come with New Patients.",
			driver.PhotoFeed, func(d *Document) *Interval { return &d.Intervals.PhotoSweep }),
	}
}

func statusFields() []field {
	target := func(path, label, help string, at func(*Document) *Ref) field {
		f := refField(path, label, driver.AppointmentStatuses, help, at)
		f.subgroup, f.typ, f.op, f.writes = subMapping, TypeTarget, driver.OpStatus, true
		return f
	}
	return []field{
		{
			path: "statuses.confirmed", label: "Confirmed Appointment Status", typ: TypeRefSet, catalog: driver.AppointmentStatuses,
			help: "Every status of the PMS that means confirmed. An appointment with one of them shows as confirmed in {host}.",
			get:  func(d *Document) any { return d.Statuses.Confirmed },
			set:  func(d *Document, v any) { d.Statuses.Confirmed = slices.Clone(v.([]Ref)) },
		},
		target("statuses.confirmed_target", "Confirmed in {host}",
			"The status that is written to the PMS when an appointment is confirmed in {host}.",
			func(d *Document) *Ref { return &d.Statuses.ConfirmedTarget }),
		target("statuses.unconfirmed_target", "Unconfirmed in {host}",
			"The status that is written to the PMS when an appointment is unconfirmed in {host}.",
			func(d *Document) *Ref { return &d.Statuses.UnconfirmedTarget }),
	}
}

func formFields() []field {
	rows := []struct {
		category    driver.FormCategory
		label, help string
	}{
		{driver.PatientIdentification, "Patient Identification", "For patient intake forms."},
		{driver.InformedConsent, "Informed Consent", "For signed consent forms. They are written once and never changed."},
		{driver.TreatmentPlan, "Treatment Plan", "For treatment proposals and accepted plans."},
		{driver.ScannedDocuments, "Scanned Documents", "For scanned and uploaded documents."},
	}
	var out []field
	for _, r := range rows {
		out = append(out, filed(mapRefField("forms."+string(r.category), r.label, driver.DocumentFolders,
			r.help+" Empty: they are not filed.", r.category,
			func(d *Document) *map[driver.FormCategory]Ref { return &d.Forms.ByCategory })))
	}
	return append(out, field{
		path: "forms.types", label: "Form Types", typ: TypeFormTypes, catalog: driver.DocumentFolders,
		help: "Form types of {host} with a folder of their own. One without goes to the folder of its category.",
		op:   driver.OpDocument, writes: true,
		get: func(d *Document) any { return d.Forms.Types },
		set: func(d *Document, v any) { d.Forms.Types = slices.Clone(v.([]FormType)) },
	})
}

func paymentFields() []field {
	channel := func(c driver.PaymentChannel, label, help string) field {
		f := mapRefField("payments.types."+string(c), label, driver.PaymentTypes, help+" Empty: these payments wait.",
			c, func(d *Document) *map[driver.PaymentChannel]Ref { return &d.Payments.Types })
		f.op, f.writes = driver.OpPayment, true
		return f
	}
	auto := toggleField("payments.auto", "Automatically Sync Payments",
		"On: a payment is posted by itself only when exactly one patient of the PMS has the same name and date of birth; otherwise it waits. "+
			"Off: every payment waits until somebody transfers it.",
		func(d *Document) *bool { return &d.Payments.Auto })
	auto.subgroup, auto.op = subGeneral, driver.OpPayment
	surcharge := refField("payments.surcharge_type", "Charged by Practice Post Payment Type", driver.PaymentTypes,
		"The payment type of surcharges that the practice collects.",
		func(d *Document) *Ref { return &d.Payments.SurchargeType })
	surcharge.op = driver.OpPayment
	offset := refField("payments.offset_fee", "Offset Fees with an Adjustment", driver.AdjustmentTypes,
		"Optional: an adjustment of this type follows each fee that is posted on its own and raises what the patient owes by as much, "+
			"so that the fee does not show as credit. Empty: none, for payments that come in from then on.",
		func(d *Document) *Ref { return &d.Payments.OffsetFee })
	offset.op = driver.OpAdjustment
	mapping := []field{
		channel(driver.ChannelProvider, "Post Payments to Provider",
			"The payment type of payments to a provider, such as Addl. Payment (AA)."),
		refField("payments.provider", "Provider for Payments", driver.Providers,
			"Optional: another provider for payments. Empty: the Writeback Provider.",
			func(d *Document) *Ref { return &d.Payments.Provider }),
		channel(driver.ChannelOnline, "Customer Online Payment",
			"The payment type of portal, text-to-pay and other online payments, such as {host} Payment."),
		channel(driver.ChannelInOffice, "In-Office POS Payment Post Payment Type",
			"The payment type of payments at the terminal in the office."),
		surcharge,
		toggleField("payments.separate", "Separate Payments and Fees",
			"On: payment and fee are two transactions, $100.00 with the channel's type and $2.69 with the surcharge type. "+
				"Off: they are one of $102.69 with the channel's type.",
			func(d *Document) *bool { return &d.Payments.Separate }),
		offset,
	}
	for i := range mapping {
		mapping[i].subgroup = subPayments
	}
	return append([]field{auto}, mapping...)
}

func refField(path, label string, c driver.Catalog, help string, at func(*Document) *Ref) field {
	return field{
		path: path, label: label, help: help, typ: TypeRef, catalog: c,
		get: func(d *Document) any { return *at(d) },
		set: func(d *Document, v any) { *at(d) = v.(Ref) },
	}
}

func mapRefField[K comparable](path, label string, c driver.Catalog, help string, key K, at func(*Document) *map[K]Ref) field {
	return field{
		path: path, label: label, help: help, typ: TypeRef, catalog: c,
		get: func(d *Document) any { return (*at(d))[key] },
		set: func(d *Document, v any) { put(at(d), key, v.(Ref)) },
	}
}

func toggleField(path, label, help string, at func(*Document) *bool) field {
	return field{
		path: path, label: label, help: help, typ: TypeToggle,
		get: func(d *Document) any { return *at(d) },
		set: func(d *Document, v any) { *at(d) = v.(bool) },
	}
}

// filed marks a folder: set, it lets documents be written.
func filed(f field) field {
	f.op, f.writes = driver.OpDocument, true
	return f
}

// put sets or removes an entry; what is zero is removed.
func put[K, V comparable](m *map[K]V, key K, v V) {
	var zero V
	if v == zero {
		delete(*m, key)
		return
	}
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = v
}

// hostMark stands for the host's name in labels and helps.
const hostMark = "{host}"

func named(text, host string) string {
	if host == "" {
		host = "the host application"
	}
	return strings.ReplaceAll(text, hostMark, host)
}
