package settings

import (
	"math/rand/v2"
	"testing"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

// bareDocument refers to everything by id alone, as one that was saved before any
// catalog was read.
func bareDocument() Document {
	d := workingDocument()
	d.changeRefs(func(at Reference) Ref { return Ref{ID: at.Ref.ID} })
	return d
}

func TestLabelsAreRememberedWhereTheReferenceHasNone(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, cats Catalogs) {
		require.Nil(t, workingDocument().MissingLabels(cats), "each reference has its own")
		require.Equal(t, map[LabelKey]string{
			{driver.Providers, "1"}: "Dr. Adams", {driver.Providers, "HYG1"}: "Hygiene",
			{driver.NoteTypes, "239"}: "Misc", {driver.NoteTypes, "238"}: "Recall",
			{driver.DocumentFolders, "131"}: "Insurance", {driver.DocumentFolders, "138"}: "Patient Information", {driver.DocumentFolders, "240"}: "Statements",
			{driver.AppointmentStatuses, "21"}: "Confirmed", {driver.AppointmentStatuses, "22"}: "Arrived", {driver.AppointmentStatuses, "19"}: "Unconfirmed",
			{driver.PaymentTypes, "71"}: "Credit Card", {driver.PaymentTypes, "72"}: "Surcharge",
			{driver.AdjustmentTypes, "9"}: "Fee offset",
		}, bareDocument().MissingLabels(cats))
		require.Nil(t, bareDocument().MissingLabels(Catalogs{}), "nothing was read")
	})
}

func TestLabelIsNotRememberedOfWhatNobodyCanTell(t *testing.T) {
	t.Parallel()
	cats := testCatalogs()
	cats.Lists[driver.NoteTypes] = append(cats.Lists[driver.NoteTypes],
		driver.Option{ID: "239", Label: "Billing", Active: true}, // another option with the id
		driver.Option{ID: "238", Label: "Recall", Active: true},  // the same row read twice
		driver.Option{ID: "242", Label: "  \r\n ", Active: true}, driver.Option{ID: "243", Label: " Two\nlines ", Active: true})
	for id, want := range map[string]string{
		"239": "", "238": "Recall", "241": "", "242": "", "243": "Two lines", "gone": "", "": "",
	} {
		d := Default()
		d.Notes.Type = Ref{ID: id}
		require.Equal(t, want, d.MissingLabels(cats)[LabelKey{driver.NoteTypes, id}], id)
		require.Equal(t, want == "", d.MissingLabels(cats.Indexed()) == nil, id)
	}
}

func TestRememberedLabelIsFilledInOnlyWhereOneIsMissing(t *testing.T) {
	t.Parallel()
	d := bareDocument()
	labels := d.MissingLabels(testCatalogs())
	require.True(t, d.WithLabels(labels).Equal(workingDocument()))
	require.True(t, d.Equal(bareDocument()), "the original is untouched")
	require.Nil(t, d.WithLabels(labels).MissingLabels(testCatalogs()), "what is kept is not asked for again")

	d.Notes.Type.Label = "Chosen as this"
	got := d.WithLabels(map[LabelKey]string{{driver.NoteTypes, "239"}: "Seen as that", {driver.PaymentTypes, "1"}: "Another list's"})
	require.Equal(t, Ref{ID: "239", Label: "Chosen as this"}, got.Notes.Type)
	require.Equal(t, Ref{ID: "1"}, got.Sync.ProviderID)
	require.True(t, d.WithLabels(nil).Equal(d))

	// A place that holds nothing gets nothing.
	d.Statuses.Confirmed = append(d.Statuses.Confirmed, Ref{})
	got = d.WithLabels(map[LabelKey]string{{driver.AppointmentStatuses, ""}: "x", {driver.AppointmentStatuses, "21"}: "Confirmed"})
	require.Equal(t, []Ref{{ID: "21", Label: "Confirmed"}, {ID: "22"}, {}}, got.Statuses.Confirmed)
}

func TestReusedIDIsFoundOutByTheLabelThatWasRemembered(t *testing.T) {
	t.Parallel()
	// Saved before the PMS was reached, then the lists were read, then the PMS
	// gave the id to another payment type.
	saved, cats, info := bareDocument(), testCatalogs(), testInfo()
	info.ReusesIDs = true
	remembered := saved.MissingLabels(cats)
	cats.Lists[driver.PaymentTypes][0].Label = "Gift Certificate"

	online := saved.WithLabels(remembered).PaymentType(driver.ChannelOnline)
	require.Equal(t, StandingReused, cats.Standing(driver.PaymentTypes, online, info.ReusesIDs))
	require.Equal(t, StandingGood, cats.Standing(driver.PaymentTypes, saved.PaymentType(driver.ChannelOnline), info.ReusesIDs), "an id alone tells nothing")

	// Saving something else does not confirm it, choosing it again does.
	before := saved.WithLabels(remembered)
	edited := before.Clone()
	edited.Notes.Enabled[driver.MissedCall] = false
	edited, _ = Normalize(edited, cats)
	problems := Validate(edited, cats, info, &before)
	require.Len(t, problems, 3, "three channels have it")
	for _, p := range problems {
		require.Equal(t, CodeOptionReused, p.Code)
		require.Equal(t, Warning, p.Severity)
		require.Contains(t, p.Words, `The id "71" was "Credit Card"; now it is "Gift Certificate", and Open Dental gives ids of deleted options to new ones.`)
		require.Contains(t, p.Words, "If that payment type is meant, choose it again to confirm it; otherwise choose another one.")
		require.Contains(t, p.Words, "What needs it waits until then.")
	}
	choices := Choices(cats, driver.PaymentTypes, info, before.PaymentType(driver.ChannelOnline))
	require.True(t, choices[0].Broken)
	require.Contains(t, choices[0].Why, "choose it again to confirm it")
	for _, c := range driver.PaymentChannels() {
		edited.Payments.Types[c] = choices[1].Ref
	}
	edited, _ = Normalize(edited, cats)
	require.Empty(t, Validate(edited, cats, info, &before))
	require.Equal(t, "Customer Online Payment: Credit Card (71), now Gift Certificate (71)", Diff(before, edited)[2].String())
}

func TestLabelsOfAnyDocumentAreFilledInOnce(t *testing.T) {
	t.Parallel()
	everyDocument(t, func(t *testing.T, _ *rand.Rand, d Document) {
		cats := testCatalogs()
		labels := d.MissingLabels(cats)
		got := d.WithLabels(labels)
		require.Len(t, got.References(), len(d.References()))
		for i, at := range d.References() {
			now := got.References()[i]
			require.Equal(t, at.Path, now.Path)
			require.Equal(t, at.Ref.ID, now.Ref.ID)
			require.True(t, at.Ref.Label == "" || at.Ref.Label == now.Ref.Label)
		}
		require.Empty(t, got.MissingLabels(cats))
		require.True(t, got.WithLabels(labels).Equal(got))
	})
}
