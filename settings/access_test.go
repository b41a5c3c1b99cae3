package settings

import (
	"testing"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

func TestSettingTheTextOfAFieldChangesNothing(t *testing.T) {
	t.Parallel()
	for _, doc := range []Document{Default(), filledDocument()} {
		for _, f := range page {
			text, err := Text(doc, f.path)
			require.NoError(t, err, f.path)
			got := doc.Clone()
			require.NoError(t, Set(&got, f.path, text), f.path)
			require.True(t, got.Equal(doc), f.path)
		}
	}
}

func TestTheTextsOfAllFieldsMakeTheWholeDocument(t *testing.T) {
	t.Parallel()
	got := Default()
	for _, f := range page {
		text, err := Text(filledDocument(), f.path)
		require.NoError(t, err)
		require.NoError(t, Set(&got, f.path, text), f.path)
	}
	require.True(t, got.Equal(filledDocument()))
}

func TestEveryFieldCanBeSetAndReadBack(t *testing.T) {
	t.Parallel()
	for _, f := range Describe("Acme") {
		value := map[Type]string{
			TypeToggle: "true", TypeRef: "21", TypeTarget: "21", TypeRefSet: "21\n22",
			TypeInterval: "33", TypeFormTypes: `[{"category":"informed_consent","name":"A"}]`,
		}[f.Type]
		require.NotEmpty(t, value, f.Path)
		d := Default()
		require.NoError(t, Set(&d, f.Path, value), f.Path)
		text, err := Text(d, f.Path)
		require.NoError(t, err)
		require.Equal(t, value, text, f.Path)
		require.Len(t, Diff(Default(), d), 1, f.Path)
		require.NoError(t, Set(&d, f.Path, f.Default), f.Path)
		require.True(t, d.Equal(Default()), f.Path)
	}
}

func TestElementsOfListsAreSetOneByOne(t *testing.T) {
	t.Parallel()
	d := Default()
	for path, value := range map[string]string{"statuses.confirmed[0]": "21\tConfirmed", "forms.types[0].name": "Consent"} {
		require.NoError(t, Set(&d, path, value))
	}
	require.NoError(t, Set(&d, "statuses.confirmed[1]", "22"))
	require.NoError(t, Set(&d, "forms.types[0].category", "informed_consent"))
	require.NoError(t, Set(&d, "forms.types[0].folder", "131\tInsurance"))
	require.NoError(t, Set(&d, "forms.types[1]", `{"name": "Plan", "category": "treatment_plan"}`))
	require.Equal(t, []Ref{{ID: "21", Label: "Confirmed"}, {ID: "22"}}, d.Statuses.Confirmed)
	require.Equal(t, []FormType{
		{Name: "Consent", Category: driver.InformedConsent, Folder: Ref{ID: "131", Label: "Insurance"}},
		{Name: "Plan", Category: driver.TreatmentPlan},
	}, d.Forms.Types)

	for _, path := range []string{"statuses.confirmed[0]", "statuses.confirmed[1]", "forms.types[0]", "forms.types[1]", "forms.types[0].name", "forms.types[0].category", "forms.types[0].folder"} {
		text, err := Text(d, path)
		require.NoError(t, err, path)
		got := d.Clone()
		require.NoError(t, Set(&got, path, text), path)
		require.True(t, got.Equal(d), path)
	}

	require.NoError(t, Set(&d, "statuses.confirmed[0]", ""))
	require.Equal(t, []Ref{{ID: "22"}}, d.Statuses.Confirmed)
	require.NoError(t, Set(&d, "forms.types[0].folder", ""))
	require.True(t, d.Forms.Types[0].Folder.IsZero())
	require.NoError(t, Set(&d, "forms.types[0]", ""))
	require.Len(t, d.Forms.Types, 1)
}

func TestLabelStaysOnlyWithItsID(t *testing.T) {
	t.Parallel()
	d := filledDocument()
	require.NoError(t, Set(&d, "sync.provider", "DOC1"))
	require.Equal(t, Ref{ID: "DOC1", Label: "Dr. Adams"}, d.Sync.ProviderID)
	require.NoError(t, Set(&d, "sync.provider", "doc1"))
	require.Equal(t, Ref{ID: "doc1"}, d.Sync.ProviderID)
	require.NoError(t, Set(&d, "sync.provider", "DOC1\tDr. Brown"))
	require.Equal(t, Ref{ID: "DOC1", Label: "Dr. Brown"}, d.Sync.ProviderID)
	require.NoError(t, Set(&d, "statuses.confirmed", "22\r\n\r\n30\r\n"))
	require.Equal(t, []Ref{{ID: "22", Label: "Arrived"}, {ID: "30"}}, d.Statuses.Confirmed)
}

func TestUnknownPathsAreErrorsThatSuggestTheRightOne(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "notes", "notes.enabled", "notes.enabled.fax", "statuses.confirmed[", "statuses.confirmed[x]", "statuses.confirmed[-1]", "statuses.confirmed[00]",
		"statuses.confirmed[0].id", "forms.types[0].colour", "forms.types[9].name", "statuses.confirmed[9]", "sync.provider[0]", "intervals.photos[0]"} {
		d := filledDocument()
		_, err := Get(d, path)
		require.ErrorIs(t, err, ErrUnknownPath, path)
		require.ErrorIs(t, Set(&d, path, "1"), ErrUnknownPath, path)
		require.True(t, d.Equal(filledDocument()), path)
	}
	_, err := Get(Default(), "notes.enabled.incomingcall")
	require.ErrorContains(t, err, `is "notes.enabled.incoming_call" meant?`)
}

func TestBadValuesAreErrorsThatNameTheFieldAndChangeNothing(t *testing.T) {
	t.Parallel()
	for path, value := range map[string]string{
		"payments.auto": "perhaps", "intervals.new_patients": "often", "forms.types": "A, B", "forms.types[0]": `{"name": 3}`,
		"forms.types[1]": `{"name": "A"}, {"name": "B"}`,
	} {
		d := filledDocument()
		err := Set(&d, path, value)
		require.ErrorContains(t, err, "settings: set "+path, path)
		require.True(t, d.Equal(filledDocument()), path)
	}
}

func TestSetLeavesCopiesAlone(t *testing.T) {
	t.Parallel()
	saved := filledDocument()
	edited := saved // shares the maps
	require.NoError(t, Set(&edited, "notes.enabled.incoming_call", "off"))
	require.NoError(t, Set(&edited, "payments.types.online", ""))
	require.NoError(t, Set(&edited, "forms.types[0].name", "Other"))
	require.True(t, saved.Equal(filledDocument()))

	got, err := Get(saved, "statuses.confirmed")
	require.NoError(t, err)
	got.([]Ref)[0].ID = "changed"
	require.True(t, saved.Equal(filledDocument()))
}
