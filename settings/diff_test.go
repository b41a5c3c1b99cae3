package settings

import (
	"testing"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

func TestEqualDocumentsHaveNoDifferences(t *testing.T) {
	t.Parallel()
	for _, d := range []Document{Default(), filledDocument(), {}} {
		require.Empty(t, Diff(d, d.Clone()))
	}
}

func TestDifferencesAreInStaffWordsAndInTheOrderOfThePage(t *testing.T) {
	t.Parallel()
	a := Default()
	b := a.Clone()
	b.Payments.Auto = true
	b.Statuses.ConfirmedTarget = Ref{ID: "21", Label: "Confirmed"}
	b.Statuses.Confirmed = []Ref{{ID: "21", Label: "Confirmed"}, {ID: "22"}}
	b.Notes.Enabled = map[driver.NoteKind]bool{driver.MissedCall: true}
	b.Intervals.NewPatients = Never()
	b.Intervals.AppointmentChanges = Seconds(120)
	b.Sync.ProviderID = Ref{ID: "DOC1", Label: "Dr. Adams"}
	require.Equal(t, []Change{
		{"sync.provider", "Writeback Provider ID", "none", "Dr. Adams (DOC1)"},
		{"notes.enabled.missed_call", "Missed Call", "off", "on"},
		{"intervals.appointment_changes", "Appointment Changes", "60 seconds", "2 minutes"},
		{"intervals.new_patients", "New Patients", "30 seconds", "off"},
		{"statuses.confirmed", "Confirmed Appointment Status", "none", "Confirmed (21), 22"},
		{"statuses.confirmed_target", "Confirmed in the host application", "do not write", "Confirmed (21)"},
		{"payments.auto", "Automatically Sync Payments", "off", "on"},
	}, Diff(a, b))

	back := Diff(b, a)
	require.Len(t, back, 7)
	require.Equal(t, Change{"sync.provider", "Writeback Provider ID", "Dr. Adams (DOC1)", "none"}, back[0])
	require.Equal(t, "Missed Call: on, now off", back[1].String())
}

func TestFilledInLabelIsNoDifference(t *testing.T) {
	t.Parallel()
	a, b := Default(), Default()
	a.Sync.ProviderID = Ref{ID: "DOC1"}
	b.Sync.ProviderID = Ref{ID: "DOC1", Label: "Dr. Adams"}
	require.Empty(t, Diff(a, b))
	a.Sync.ProviderID.Label = "Dr. Brown"
	require.Len(t, Diff(a, b), 1, "an id that was given to somebody else is one")
}

func TestFormTypesAreComparedByName(t *testing.T) {
	t.Parallel()
	a, b := Default(), Default()
	a.Forms.Types = []FormType{
		{Name: "Gone", Category: driver.TreatmentPlan},
		{Name: "Consent", Category: driver.InformedConsent},
		{Name: "Same", Category: driver.ScannedDocuments},
	}
	b.Forms.Types = []FormType{
		{Name: "Consent", Category: driver.InformedConsent, Folder: Ref{ID: "131", Label: "Insurance"}},
		{Name: "Same", Category: driver.ScannedDocuments},
		{Name: "New", Category: driver.PatientIdentification},
	}
	require.Equal(t, []Change{
		{"forms.types[0]", "Form Type Gone", "Gone (Treatment Plan): its category's folder", "none"},
		{"forms.types[0]", "Form Type Consent", "Consent (Informed Consent): its category's folder", "Consent (Informed Consent): Insurance (131)"},
		{"forms.types[2]", "Form Type New", "none", "New (Patient Identification): its category's folder"},
	}, Diff(a, b))

	c := b.Clone()
	c.Forms.Types[0], c.Forms.Types[1] = c.Forms.Types[1], c.Forms.Types[0]
	require.Equal(t, []Change{{"forms.types", "Form Types", "Consent, Same, New", "Same, Consent, New"}}, Diff(b, c))
}
