package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

// The page as staff know it: groups, labels and order.
var page = []struct{ path, group, subgroup, label string }{
	{"sync.provider", "PMS Sync Settings", "", "Writeback Provider ID"},

	{"notes.enabled.outgoing_call", "Note Write Back Settings", "Phone Call Logs", "Outgoing Call"},
	{"notes.enabled.incoming_call", "Note Write Back Settings", "Phone Call Logs", "Incoming Call"},
	{"notes.enabled.missed_call", "Note Write Back Settings", "Phone Call Logs", "Missed Call"},
	{"notes.enabled.incoming_call_transcript", "Note Write Back Settings", "Phone Call Logs", "Incoming Call Transcript"},
	{"notes.enabled.outgoing_call_transcript", "Note Write Back Settings", "Phone Call Logs", "Outgoing Call Transcript"},
	{"notes.enabled.incoming_call_summary", "Note Write Back Settings", "Phone Call Logs", "Incoming Call Summary"},
	{"notes.enabled.outgoing_call_summary", "Note Write Back Settings", "Phone Call Logs", "Outgoing Call Summary"},
	{"notes.enabled.patient_note", "Note Write Back Settings", "Patient & Task Notes", "Patient Notes"},
	{"notes.enabled.task_note", "Note Write Back Settings", "Patient & Task Notes", "Task Notes"},
	{"notes.enabled.outgoing_sms", "Note Write Back Settings", "Communications", "Outgoing SMS"},
	{"notes.enabled.incoming_sms", "Note Write Back Settings", "Communications", "Incoming SMS"},
	{"notes.enabled.outgoing_email", "Note Write Back Settings", "Communications", "Outgoing Email"},
	{"notes.enabled.incoming_email", "Note Write Back Settings", "Communications", "Incoming Email"},
	{"notes.enabled.insurance_verification_note", "Note Write Back Settings", "Insurance", "Insurance Verification Note"},
	{"notes.type", "Note Write Back Settings", "", "Note Type Selection"},
	{"notes.type_by_kind.outgoing_call", "Note Write Back Settings", "Note Type per Kind", "Note Type for Outgoing Call"},
	{"notes.type_by_kind.incoming_call", "Note Write Back Settings", "Note Type per Kind", "Note Type for Incoming Call"},
	{"notes.type_by_kind.missed_call", "Note Write Back Settings", "Note Type per Kind", "Note Type for Missed Call"},
	{"notes.type_by_kind.incoming_call_transcript", "Note Write Back Settings", "Note Type per Kind", "Note Type for Incoming Call Transcript"},
	{"notes.type_by_kind.outgoing_call_transcript", "Note Write Back Settings", "Note Type per Kind", "Note Type for Outgoing Call Transcript"},
	{"notes.type_by_kind.incoming_call_summary", "Note Write Back Settings", "Note Type per Kind", "Note Type for Incoming Call Summary"},
	{"notes.type_by_kind.outgoing_call_summary", "Note Write Back Settings", "Note Type per Kind", "Note Type for Outgoing Call Summary"},
	{"notes.type_by_kind.patient_note", "Note Write Back Settings", "Note Type per Kind", "Note Type for Patient Notes"},
	{"notes.type_by_kind.task_note", "Note Write Back Settings", "Note Type per Kind", "Note Type for Task Notes"},
	{"notes.type_by_kind.outgoing_sms", "Note Write Back Settings", "Note Type per Kind", "Note Type for Outgoing SMS"},
	{"notes.type_by_kind.incoming_sms", "Note Write Back Settings", "Note Type per Kind", "Note Type for Incoming SMS"},
	{"notes.type_by_kind.outgoing_email", "Note Write Back Settings", "Note Type per Kind", "Note Type for Outgoing Email"},
	{"notes.type_by_kind.incoming_email", "Note Write Back Settings", "Note Type per Kind", "Note Type for Incoming Email"},
	{"notes.type_by_kind.insurance_verification_note", "Note Write Back Settings", "Note Type per Kind", "Note Type for Insurance Verification Note"},

	{"documents.insurance_verification", "Document Type Settings", "", "Insurance Verification"},
	{"documents.account_statement", "Document Type Settings", "", "Account Statement"},

	{"intervals.appointment_status", "Fast Sync Update Intervals", "", "Appointment Status"},
	{"intervals.appointment_changes", "Fast Sync Update Intervals", "", "Appointment Changes"},
	{"intervals.new_patients", "Fast Sync Update Intervals", "", "New Patients"},
	{"intervals.photos", "Fast Sync Update Intervals", "", "Patient Profile Photos"},
	{"intervals.photo_sweep", "Fast Sync Update Intervals", "", "Patient Profile Photos: Changed Photos"},

	{"statuses.confirmed", "Appointment Status Settings", "", "Confirmed Appointment Status"},
	{"statuses.confirmed_target", "Appointment Status Settings", "PMS Status Mapping", "Confirmed in Acme"},
	{"statuses.unconfirmed_target", "Appointment Status Settings", "PMS Status Mapping", "Unconfirmed in Acme"},

	{"forms.patient_identification", "Online Forms Settings", "", "Patient Identification"},
	{"forms.informed_consent", "Online Forms Settings", "", "Informed Consent"},
	{"forms.treatment_plan", "Online Forms Settings", "", "Treatment Plan"},
	{"forms.scanned_documents", "Online Forms Settings", "", "Scanned Documents"},
	{"forms.types", "Online Forms Settings", "", "Form Types"},

	{"payments.auto", "Payment Sync Settings", "General Payment Sync", "Automatically Sync Payments"},
	{"payments.types.provider", "Payment Sync Settings", "Payment Mapping Options", "Post Payments to Provider"},
	{"payments.provider", "Payment Sync Settings", "Payment Mapping Options", "Provider for Payments"},
	{"payments.types.online", "Payment Sync Settings", "Payment Mapping Options", "Customer Online Payment"},
	{"payments.types.in_office", "Payment Sync Settings", "Payment Mapping Options", "In-Office POS Payment Post Payment Type"},
	{"payments.surcharge_type", "Payment Sync Settings", "Payment Mapping Options", "Charged by Practice Post Payment Type"},
	{"payments.separate", "Payment Sync Settings", "Payment Mapping Options", "Separate Payments and Fees"},
	{"payments.offset_fee", "Payment Sync Settings", "Payment Mapping Options", "Offset Fees with an Adjustment"},
}

func TestPageShowsTheFieldsThatStaffKnowInTheirOrder(t *testing.T) {
	t.Parallel()
	got := Describe("Acme")
	require.Len(t, got, len(page))
	for i, want := range page {
		f := got[i]
		require.Equal(t, want.path, f.Path)
		require.Equal(t, want.group, f.Group, f.Path)
		require.Equal(t, want.subgroup, f.Subgroup, f.Path)
		require.Equal(t, want.label, f.Label, f.Path)
		require.NotEmpty(t, f.Help, f.Path)
		require.NotContains(t, f.Label+f.Help, "{", f.Path)
	}
	require.Equal(t, "PMS Writeback Settings", PageTitle)
	require.Equal(t, "Practice", MenuGroup)
	require.Equal(t, "Save Changes", SaveLabel)
}

func TestEveryWordOfTheVocabularyHasItsField(t *testing.T) {
	t.Parallel()
	for _, k := range driver.NoteKinds() {
		require.NotNil(t, byPath("notes.enabled."+string(k)), k)
		require.NotNil(t, byPath("notes.type_by_kind."+string(k)), k)
	}
	for _, c := range driver.FormCategories() {
		require.NotNil(t, byPath("forms."+string(c)), c)
	}
	for _, c := range driver.PaymentChannels() {
		require.NotNil(t, byPath("payments.types."+string(c)), c)
	}
	paced := map[driver.Feed]bool{}
	for _, f := range fields {
		if f.typ == TypeInterval {
			paced[f.feed] = true
		}
	}
	for _, feed := range driver.Feeds() {
		require.True(t, paced[feed], feed)
	}
}

func TestFieldsSayWhereTheirOptionsComeFrom(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]driver.Catalog{
		"sync.provider":                    driver.Providers,
		"notes.type":                       driver.NoteTypes,
		"notes.type_by_kind.missed_call":   driver.NoteTypes,
		"documents.insurance_verification": driver.DocumentFolders,
		"statuses.confirmed":               driver.AppointmentStatuses,
		"statuses.confirmed_target":        driver.AppointmentStatuses,
		"forms.informed_consent":           driver.DocumentFolders,
		"forms.types[3].folder":            driver.DocumentFolders,
		"payments.provider":                driver.Providers,
		"payments.types.online":            driver.PaymentTypes,
		"payments.surcharge_type":          driver.PaymentTypes,
		"payments.offset_fee":              driver.AdjustmentTypes,
		"payments.auto":                    "",
	} {
		f, ok := FieldAt("Acme", path)
		require.True(t, ok, path)
		require.Equal(t, path, f.Path)
		require.Equal(t, want, f.Catalog, path)
	}
	_, ok := FieldAt("Acme", "payments.tip")
	require.False(t, ok)
}

func TestElementsOfListsAreDescribedByWhatTheyHold(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]Type{
		"statuses.confirmed[0]":   TypeRef,
		"forms.types[0].name":     TypeText,
		"forms.types[0].category": TypeCategory,
		"forms.types[0].folder":   TypeRef,
		"forms.types[0]":          TypeFormTypes,
	} {
		f, ok := FieldAt("Acme", path)
		require.True(t, ok, path)
		require.Equal(t, want, f.Type, path)
	}
}

func TestDefaultsOfFieldsAreThoseOfADefaultDocument(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"intervals.appointment_status": "15", "intervals.appointment_changes": "60",
		"intervals.new_patients": "30", "intervals.photo_sweep": "900",
	}
	for _, f := range Describe("") {
		if f.Type == TypeToggle {
			require.Equal(t, "false", f.Default, f.Path)
			continue
		}
		require.Equal(t, want[f.Path], f.Default, f.Path)
	}
}

func TestFieldsSayWhatThisPMSNeedsAndWhyNot(t *testing.T) {
	t.Parallel()
	info := driver.Info{
		Product:  "Open Dental",
		Catalogs: map[driver.Catalog]driver.Support{driver.DocumentFolders: driver.Yes("Open Dental 21.1")},
		Feeds:    map[driver.Feed]driver.FeedInfo{driver.AppointmentFeed: {Support: driver.Yes(), MinInterval: 2 * time.Minute}},
		Ops: map[driver.OpKind]driver.OpInfo{
			driver.OpDocument: {Support: driver.No("The API key has no permission for documents.", "Permission tier Documents", "Open Dental 21.1")},
		},
	}
	f, _ := FieldAt("Acme", "documents.account_statement")
	require.Equal(t, []string{"Permission tier Documents", "Open Dental 21.1"}, f.Needs(info))
	require.Equal(t, driver.No("The API key has no permission for documents.", "Permission tier Documents", "Open Dental 21.1"), f.Support(info))

	f, _ = FieldAt("Acme", "payments.types.online")
	require.Equal(t, "Open Dental does not offer this.", f.Support(info).Why, "a missing entry means not supported")

	require.False(t, f.Support(driver.Info{}).Supported)
	require.Contains(t, f.Support(driver.Info{}).Why, "has not been reached")

	f, _ = FieldAt("Acme", "intervals.appointment_changes")
	require.True(t, f.Support(info).Supported)
	require.Equal(t, 2*time.Minute, f.MinInterval(info))
	require.Contains(t, f.HelpFor(info), "no interval shorter than 2 minutes")
	require.Equal(t, Limits{Min: time.Second, Max: 24 * time.Hour}, f.Limits)
}

func TestHelpTellsWhereStaffFindTheProvider(t *testing.T) {
	t.Parallel()
	f, _ := FieldAt("Acme", "sync.provider")
	for product, want := range map[string]string{
		"Open Dental":   "Setup > Practice > Provider Setup",
		"Eaglesoft":     "Lists > Providers/Staff",
		"Dentrix":       "Office Manager > Maintenance > Reference > Provider Maintenance",
		"Dentrix G7":    "Provider Maintenance",
		"Some Other":    "Only active providers work",
		"Dentrix Other": "wrong id means that nothing is written back",
	} {
		require.Contains(t, f.HelpFor(driver.Info{Product: product}), want, product)
	}
	require.NotContains(t, f.HelpFor(driver.Info{Product: "Dentrix Ascend"}), "Office Manager")

	info := driver.Info{Product: "Open Dental", Ops: map[driver.OpKind]driver.OpInfo{
		driver.OpNote:     {Support: driver.Yes()},
		driver.OpDocument: {Support: driver.Yes(), ProviderRecorded: true},
		driver.OpPayment:  {Support: driver.No("Not here.")},
	}}
	require.Contains(t, f.HelpFor(info), "Open Dental records no provider with notes.")
}

func TestHelpTellsWhereNotesLand(t *testing.T) {
	t.Parallel()
	f, _ := FieldAt("Acme", "notes.enabled.incoming_call")
	require.Contains(t, f.HelpFor(driver.Info{Product: "Open Dental"}), "commlog")
	require.Contains(t, f.HelpFor(driver.Info{Product: "Eaglesoft"}), "operatory_notes")
	require.Contains(t, f.HelpFor(driver.Info{Product: "Dentrix"}), "Office Journal")
	info := driver.Info{Product: "Dentrix", Ops: map[driver.OpKind]driver.OpInfo{driver.OpNote: {HeldAs: "contact"}}}
	require.Contains(t, f.HelpFor(info), "contact", "the driver knows better")
}

func TestBrokenChoicesStayVisible(t *testing.T) {
	t.Parallel()
	info := driver.Info{Product: "Open Dental"}
	got := Choices(testCatalogs(), driver.Providers, info, Ref{ID: "9", Label: "Dr. Gone"}, Ref{ID: "3", Label: "Dr. Former"}, Ref{ID: "1"}, Ref{})
	var labels []string
	for _, c := range got {
		labels = append(labels, strings.TrimSpace(c.Ref.Label))
	}
	require.Equal(t, []string{"Dr. Gone", "Dr. Former", "Dr. Adams", "Dr. Brown", "Hygiene"}, labels)
	require.True(t, got[0].Broken)
	require.Contains(t, got[0].Why, `no provider with the id "9"`)
	require.True(t, got[1].Broken)
	require.Contains(t, got[1].Why, "inactive in Open Dental")
	require.False(t, got[2].Broken)

	got = Choices(Catalogs{}, driver.Providers, info, Ref{ID: "9"})
	require.Equal(t, []Choice{{Ref: Ref{ID: "9"}}}, got, "nothing is called broken before the list was read")
}
