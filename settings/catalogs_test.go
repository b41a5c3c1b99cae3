package settings

import (
	"testing"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

// testCatalogs are the lists of a small practice on Open Dental.
func testCatalogs() Catalogs {
	opt := func(id, label string, aliases ...string) driver.Option {
		return driver.Option{ID: id, Label: label, Aliases: aliases, Active: true}
	}
	status := func(id, label string, role driver.StatusRole) driver.Option {
		return driver.Option{ID: id, Label: label, Active: true, Role: role}
	}
	former := opt("3", "Dr. Former", "DOC1", "FORM")
	former.Active = false
	hidden := opt("241", "Old note")
	hidden.Active = false
	return Catalogs{Lists: map[driver.Catalog][]driver.Option{
		driver.Providers: {
			opt("1", "Dr. Adams", "DOC1", "TWIN"), opt("2", "Dr. Brown", "DOC2", "TWIN", "1"), former, opt("HYG1", "Hygiene", "HYG"),
		},
		driver.NoteTypes:       {opt("238", "Recall"), opt("239", "Misc"), hidden},
		driver.DocumentFolders: {opt("131", "Insurance"), opt("138", "Patient Information"), opt("240", "Statements")},
		driver.AppointmentStatuses: {
			status("19", "Unconfirmed", driver.RoleUnconfirmed), status("21", "Confirmed", driver.RoleConfirmed),
			status("22", "Arrived", driver.RoleArrived), status("25", "In Treatment Room", driver.RoleSeated),
			status("20", "Left Msg", driver.RoleNone), status("252", "E-mailed", driver.RoleNone), status("291", "Asked", driver.RoleOutreach),
			status("300", "Pre-confirmed", driver.RoleNone),
		},
		driver.PaymentTypes:    {opt("71", "Credit Card"), opt("72", "Surcharge")},
		driver.AdjustmentTypes: {opt("9", "Fee offset")},
	}}
}

func bothWays(t *testing.T, test func(*testing.T, Catalogs)) {
	t.Run("searched", func(t *testing.T) { t.Parallel(); test(t, testCatalogs()) })
	t.Run("indexed", func(t *testing.T) { t.Parallel(); test(t, testCatalogs().Indexed()) })
}

func TestLookupComparesIDsByteForByte(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, cats Catalogs) {
		o, ok := cats.Lookup(driver.Providers, "HYG1")
		require.True(t, ok)
		require.Equal(t, "Hygiene", o.Label)
		for _, id := range []string{"hyg1", "01", "", " 1", "DOC1"} {
			_, ok := cats.Lookup(driver.Providers, id)
			require.False(t, ok, id)
		}
		o, ok = cats.Lookup(driver.Providers, "3")
		require.True(t, ok, "inactive options are found")
		require.False(t, o.Active)
		_, ok = cats.Lookup("nothing", "1")
		require.False(t, ok)
	})
}

func TestPastedTextIsAnIDFirstThenAUniqueAliasThenAUniqueLabel(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, cats Catalogs) {
		for text, want := range map[string]string{
			"1": "1", "DOC1": "1", "DOC2": "2", "HYG": "HYG1", "Dr. Brown": "2", "FORM": "3",
		} {
			o, candidates, ok := cats.Resolve(driver.Providers, text)
			require.True(t, ok, text)
			require.Empty(t, candidates)
			require.Equal(t, want, o.ID, text)
		}
		for _, text := range []string{"doc1", "001", "Dr. brown", "", "DOC3"} {
			_, candidates, ok := cats.Resolve(driver.Providers, text)
			require.False(t, ok, text)
			require.Empty(t, candidates)
		}
		_, candidates, ok := cats.Resolve(driver.Providers, "TWIN")
		require.False(t, ok)
		require.Len(t, candidates, 2)
	})
}

func TestStandingTellsHowAnOptionIsNow(t *testing.T) {
	t.Parallel()
	plain := testCatalogs()
	plain.Lists[driver.NoteTypes] = append(plain.Lists[driver.NoteTypes],
		driver.Option{ID: "239", Label: "Misc", Active: true},
		driver.Option{ID: "238", Label: "Recall", Active: false})
	for name, cats := range map[string]Catalogs{"searched": plain, "indexed": plain.Indexed()} {
		for _, c := range []struct {
			cat    driver.Catalog
			ref    Ref
			reuses bool
			want   Standing
		}{
			{driver.Providers, Ref{ID: "1"}, false, StandingGood},
			{driver.Providers, Ref{ID: "1", Label: "Dr. Other"}, false, StandingGood},
			{driver.Providers, Ref{ID: "1", Label: "Dr. Other"}, true, StandingReused},
			{driver.Providers, Ref{ID: "1", Label: "Dr. Adams"}, true, StandingGood},
			{driver.Providers, Ref{ID: "1", Label: " Dr. Adams "}, true, StandingGood},
			{driver.Providers, Ref{ID: "1"}, true, StandingGood},
			{driver.Providers, Ref{ID: "3"}, false, StandingInactive},
			{driver.Providers, Ref{ID: "9"}, false, StandingUnknown},
			{driver.NoteTypes, Ref{ID: "238"}, false, StandingAmbiguous},
			{driver.NoteTypes, Ref{ID: "239"}, false, StandingGood}, // the same row read twice
			{"unread", Ref{ID: "1"}, false, StandingUnread},
		} {
			require.Equal(t, c.want, cats.Standing(c.cat, c.ref, c.reuses), "%s %v", name, c)
		}
	}
}

func TestSimilarOffersWhatDiffersOnlyInCaseZerosAndPunctuation(t *testing.T) {
	t.Parallel()
	cats := testCatalogs()
	require.Equal(t, []string{"1"}, cats.Similar(driver.Providers, "doc1"))
	require.Equal(t, []string{"1", "2"}, cats.Similar(driver.Providers, "001"))
	require.Equal(t, []string{"2"}, cats.Similar(driver.Providers, "dr brown"))
	require.Empty(t, cats.Similar(driver.Providers, "form"), "inactive options are not offered")
	require.Empty(t, cats.Similar(driver.Providers, "--"))
}

func TestInitialConfirmedSetIsWhatThePMSMarks(t *testing.T) {
	t.Parallel()
	require.Equal(t, []Ref{{ID: "21", Label: "Confirmed"}}, InitialConfirmed(testCatalogs()))
	require.Empty(t, InitialConfirmed(Catalogs{}))
}

func TestNormalizeResolvesPastedTextAndFillsLabels(t *testing.T) {
	t.Parallel()
	d := Default()
	d.Sync.ProviderID = Ref{ID: " DOC1\t"}
	d.Notes.Type = Ref{ID: "239"}
	d.Notes.TypeByKind = map[driver.NoteKind]Ref{driver.MissedCall: {ID: "Recall"}}
	d.Statuses.Confirmed = []Ref{{ID: "21"}, {ID: "Confirmed"}, {}, {ID: "22", Label: "Here"}}
	d.Forms.Types = []FormType{{Name: " Consent ", Category: driver.InformedConsent, Folder: Ref{ID: "Insurance"}}}
	d.Payments.Types = map[driver.PaymentChannel]Ref{driver.ChannelOnline: {ID: "no such"}}
	before := d.Clone()

	got, problems := Normalize(d, testCatalogs())
	require.Empty(t, problems)
	require.Equal(t, Ref{ID: "1", Label: "Dr. Adams"}, got.Sync.ProviderID)
	require.Equal(t, Ref{ID: "239", Label: "Misc"}, got.Notes.Type)
	require.Equal(t, Ref{ID: "238", Label: "Recall"}, got.Notes.TypeByKind[driver.MissedCall])
	require.Equal(t, []Ref{{ID: "21", Label: "Confirmed"}, {ID: "22", Label: "Here"}}, got.Statuses.Confirmed)
	require.Equal(t, []FormType{{Name: "Consent", Category: driver.InformedConsent, Folder: Ref{ID: "131", Label: "Insurance"}}}, got.Forms.Types)
	require.Equal(t, Ref{ID: "no such"}, got.Payments.Types[driver.ChannelOnline], "what is unknown stays visible")
	require.True(t, d.Equal(before), "the original is untouched")

	again, _ := Normalize(got, testCatalogs())
	require.True(t, again.Equal(got))
}

func TestNormalizeTakesNoLabelFromAnIDOfSeveralOptions(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, cats Catalogs) {
		cats.Lists[driver.NoteTypes] = append(cats.Lists[driver.NoteTypes],
			driver.Option{ID: "239", Label: "Billing", Active: true}, driver.Option{ID: "238", Label: "Recall", Active: true})
		if cats.index != nil {
			cats = cats.Indexed()
		}
		for text, want := range map[string]Ref{"239": {ID: "239"}, "238": {ID: "238", Label: "Recall"}, "Misc": {ID: "Misc"}} {
			d := Default()
			d.Notes.Type = Ref{ID: text}
			got, problems := Normalize(d, cats)
			require.Empty(t, problems)
			require.Equal(t, want, got.Notes.Type)
		}
	})
}

func TestNormalizeNamesTheCandidatesOfAnAmbiguousText(t *testing.T) {
	t.Parallel()
	d := Default()
	d.Sync.ProviderID = Ref{ID: "TWIN"}
	got, problems := Normalize(d, testCatalogs())
	require.Equal(t, "TWIN", got.Sync.ProviderID.ID)
	require.Equal(t, []Problem{{
		Path: "sync.provider", Severity: Error, Code: CodeOptionAmbiguous, Suggestions: []string{"1", "2"},
		Words: `"TWIN" fits more than one provider: Dr. Adams (1) and Dr. Brown (2). Choose one of them.`,
	}}, problems)
	merged := Merge(problems, Validate(got, testCatalogs(), driver.Info{}, nil))
	n := 0
	for _, p := range merged {
		if p.Path == "sync.provider" {
			n++
		}
	}
	require.Equal(t, 1, n, "Validate says the same, and it is shown once")
}

func TestVanishedOptionIsNeverReplacedByAnotherWithItsIDAsAlias(t *testing.T) {
	t.Parallel()
	cats := testCatalogs()
	cats.Lists[driver.Providers] = cats.Lists[driver.Providers][1:] // Dr. Adams (1) is gone; "1" is an alias of Dr. Brown
	d := Default()
	d.Sync.ProviderID = Ref{ID: "1", Label: "Dr. Adams"}
	got, _ := Normalize(d, cats)
	require.Equal(t, Ref{ID: "1", Label: "Dr. Adams"}, got.Sync.ProviderID)
	problems := Validate(got, cats, driver.Info{}, nil)
	require.True(t, HasErrors(problems))
	require.Equal(t, CodeProviderUnknown, problems[0].Code)
}
