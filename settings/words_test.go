package settings

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

func TestEveryCatalogHasWordsForStaff(t *testing.T) {
	t.Parallel()
	for _, c := range driver.Catalogs() {
		require.NotEqual(t, "option", catalogNoun(c), c)
		require.NotEqual(t, string(c), CatalogTitle(c), c)
		require.NotEmpty(t, menu(driver.Info{Product: "Open Dental"}, c), c)
	}
	require.Equal(t, "other", CatalogTitle("other"))
	require.Equal(t, "option", catalogNoun("other"))
}

func TestEaglesoftHasAFixedListOfStatuses(t *testing.T) {
	t.Parallel()
	f, _ := FieldAt("Acme", "statuses.confirmed")
	require.Contains(t, f.HelpFor(driver.Info{Product: "Eaglesoft"}), "fixed list")
	require.NotContains(t, f.HelpFor(driver.Info{Product: "Open Dental"}), "fixed list")
}

func TestLongTextsAreShortenedInSentences(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 150)
	problems := problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Notes.Type = Ref{ID: long, Label: long} })
	requireOne(t, problems, Error, "notes.type", CodeOptionUnknown, strings.Repeat("ü", 60)+"…")
	require.NotContains(t, problems[0].Words, strings.Repeat("ü", 61))
}

func TestManyCandidatesAreCountedNotListed(t *testing.T) {
	t.Parallel()
	var list []driver.Option
	for i := range 9 {
		list = append(list, driver.Option{ID: fmt.Sprint(i), Label: fmt.Sprintf("Dr. %d", i), Aliases: []string{"DR"}, Active: true})
	}
	d := Default()
	d.Sync.ProviderID = Ref{ID: "DR"}
	_, problems := Normalize(d, Catalogs{Lists: map[driver.Catalog][]driver.Option{driver.Providers: list}})
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Words, "Dr. 4 (4) and 4 more.")
	require.Len(t, problems[0].Suggestions, 5)
}

func TestLabelsOfThePMSAreMadeFitToKeep(t *testing.T) {
	t.Parallel()
	cats := Catalogs{Lists: map[driver.Catalog][]driver.Option{driver.Providers: {
		{ID: "1", Label: "  Dr.\r\nAdams\t", Active: true}, {ID: "2", Label: strings.Repeat("x", 500), Active: true}, {ID: "3", Active: true},
	}}}
	for id, label := range map[string]string{"1": "Dr. Adams", "2": strings.Repeat("x", MaxLabelLength), "3": ""} {
		d := Default()
		d.Intervals.AppointmentStatus = Never()
		d.Sync.ProviderID = Ref{ID: id}
		d, _ = Normalize(d, cats)
		require.Equal(t, Ref{ID: id, Label: label}, d.Sync.ProviderID)
		require.Empty(t, Validate(d, cats, driver.Info{ReusesIDs: true}, nil), "a label that was shortened is not another one")
	}
}

func TestProblemsPrintOnOneLine(t *testing.T) {
	t.Parallel()
	require.Equal(t, "error: notes.type: option_unknown: Gone.", Problem{Path: "notes.type", Severity: Error, Code: CodeOptionUnknown, Words: "Gone."}.String())
	require.Equal(t, "warning: not_checked: Not yet.", Problem{Severity: Warning, Code: CodeNotChecked, Words: "Not yet."}.String())
}
