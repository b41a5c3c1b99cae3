package writeback_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// northPMS is another location's PMS: the same kind of options under other ids,
// some called otherwise, one hidden, two of one name, one missing, and ids that
// mean something else in Main Street's.
func northPMS() *memdriver.PMS {
	pms := memdriver.New(memdriver.Config{Name: "north", Bare: true})
	for cat, list := range map[driver.Catalog][]driver.Option{
		driver.Providers: {{ID: "DOC1", Label: "Dr. Zed"}, {ID: "n1", Label: "Dr. Dana Drill"}},
		driver.NoteTypes: {{ID: "0101", Label: "Fax"}, {ID: "n11", Label: "phone-call"}},
		driver.DocumentFolders: {
			{ID: "n21", Label: "Insurance Documents"}, {ID: "n22", Label: "Statements"}, {ID: "n23", Label: "Patient Information"},
			{ID: "n24", Label: "Consents"}, {ID: "n25", Label: "Consents"}, {ID: "n26", Label: "Treatment Plans"}, {ID: "n27", Label: "Scans"},
		},
		driver.AppointmentStatuses: {{ID: "n31", Label: "Unconfirmed", Role: driver.RoleUnconfirmed}, {ID: "n32", Label: "Confirmed", Role: driver.RoleConfirmed}},
		driver.PaymentTypes:        {{ID: "n41", Label: "Online Payment"}, {ID: "n42", Label: "In-Office Terminal"}, {ID: "n43", Label: "Surcharge"}},
	} {
		for _, o := range list {
			o.Active = o.ID != "n22"
			pms.AddOption(cat, o)
		}
	}
	return pms
}

// twoSites is a bed with a second practice on a PMS of its own.
func twoSites(t *testing.T, north *memdriver.PMS) (*bed, *writeback.Practice) {
	t.Helper()
	main := memdriver.New(memdriver.Config{})
	b := newBed(t, func(cfg *writeback.Config) {
		cfg.Connect = func(_ context.Context, practice string) (driver.Connector, error) {
			if practice == practiceID {
				return main.Connector(), nil
			}
			return north.Connector(), nil
		}
	})
	b.pms = main
	b.patient = b.newPatient("Ada", "Lovelace")
	p, err := b.eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: "northside", Location: b.location})
	require.NoError(t, err)
	return b, p
}

func saved(t *testing.T, p *writeback.Practice) (settings.Document, int64) {
	t.Helper()
	doc, rev, err := p.Settings(t.Context())
	require.NoError(t, err)
	return doc, rev
}

func TestSettingsAreCopiedToAnotherPracticeByLabel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pms := northPMS()
		b, north := twoSites(t, pms)
		b.start()
		defer b.stopped()
		ctx := t.Context()
		b.save(func(d *settings.Document) {
			d.Intervals.AppointmentStatus = settings.Seconds(5)
			d.Forms.Types = []settings.FormType{{Name: "Botox", Category: driver.InformedConsent, Folder: settings.Ref{ID: "0206"}}}
		})
		pms.SetInfo(func(i *driver.Info) {
			f := i.Feeds[driver.AppointmentStatusFeed]
			f.MinInterval = 40 * time.Second
			i.Feeds[driver.AppointmentStatusFeed] = f
		})
		b.pass(5 * time.Second)
		require.NoError(t, north.RefreshCatalogs(t.Context()))
		b.pass(5 * time.Second)

		// A dry run shows what a copy would be, and saves nothing.
		dry, err := north.CopySettings(ctx, b.p, writeback.TakeOver{Actor: "dana", DryRun: true})
		require.NoError(t, err)
		_, rev := saved(t, north)
		require.Zero(t, rev)
		require.Zero(t, dry.Revision)
		require.True(t, dry.ByLabel)

		got, err := north.CopySettings(ctx, b.p, writeback.TakeOver{Actor: "dana"})
		require.NoError(t, err)
		require.EqualValues(t, 1, got.Revision)
		require.Equal(t, dry.Report, got.Report)
		doc, rev := saved(t, north)
		require.EqualValues(t, 1, rev)
		require.True(t, doc.Equal(got.Settings))
		require.True(t, doc.Equal(dry.Settings))
		history, err := north.SettingsHistory(ctx, 10)
		require.NoError(t, err)
		require.Len(t, history, 1)
		require.Equal(t, "dana", history[0].Actor)
		require.Equal(t, "copied from practice main-street", history[0].Reason)

		// Every reference has its row, and what did not map is cleared.
		outcomes := map[string]settings.Outcome{}
		for _, m := range got.Unmapped() {
			outcomes[m.Path] = m.Outcome
			require.NotEmpty(t, m.Words)
		}
		require.Equal(t, map[string]settings.Outcome{
			"documents.account_statement": settings.OutcomeInactive,
			"forms.informed_consent":      settings.OutcomeAmbiguous,
			"payments.types.provider":     settings.OutcomeNotFound,
		}, outcomes)
		main, _ := saved(t, b.p)
		require.Len(t, got.References, len(main.References()))
		require.Equal(t, settings.Ref{ID: "n1", Label: "Dr. Dana Drill"}, doc.Sync.ProviderID)
		require.Equal(t, settings.Ref{ID: "n11", Label: "phone-call"}, doc.Notes.Type)
		require.Equal(t, settings.Ref{ID: "n27", Label: "Scans"}, doc.Forms.Types[0].Folder)
		require.Zero(t, doc.Documents.AccountStatement)
		require.Equal(t, main.Notes.Enabled, doc.Notes.Enabled)
		require.Equal(t, settings.Seconds(40), doc.Intervals.AppointmentStatus)
		p, ok := problemAt(got.Problems, "intervals.appointment_status")
		require.True(t, ok)
		require.Equal(t, settings.CodeIntervalRaised, p.Code)

		// And what was copied is what is written by.
		patient := pms.AddPatient(driver.Patient{FirstName: writeback.Text("Ada"), LastName: writeback.Text("Lovelace")})
		note, statement := b.note("note"), b.document("statement")
		note.Patient, statement.Patient = writeback.PatientID(patient), writeback.PatientID(patient)
		b.must(north.WriteNote(ctx, note))
		it := b.must(north.WriteDocument(ctx, statement))
		require.Equal(t, writeback.Skipped, it.State, "nothing is filed where nobody chose")
		b.pass(5 * time.Second)
		require.Len(t, pms.Notes(), 1)
		require.Equal(t, "n11", pms.Notes()[0].Type)
		require.Equal(t, "n1", pms.Notes()[0].Provider)

		// A file from there is the same as a copy.
		file, err := b.p.ExportSettings(ctx)
		require.NoError(t, err)
		imported, err := north.ImportSettings(ctx, file, writeback.TakeOver{Expect: 1, Actor: "kim"})
		require.NoError(t, err)
		require.True(t, imported.Settings.Equal(got.Settings))
		require.Empty(t, imported.Changes)
		history, err = north.SettingsHistory(ctx, 10)
		require.NoError(t, err)
		require.Equal(t, "imported from an export of practice main-street of "+time.Now().UTC().Format("2006-01-02 15:04 MST"), history[0].Reason)
		_, err = north.CopySettings(ctx, b.p, writeback.TakeOver{Expect: 2, Actor: "kim", Reason: "asked by Dana"})
		require.NoError(t, err)
		history, err = north.SettingsHistory(ctx, 1)
		require.NoError(t, err)
		require.Equal(t, "asked by Dana", history[0].Reason)

		// Lists that are old are said to be.
		pms.SetOffline(true)
		b.pass(30 * time.Minute)
		dry, err = north.CopySettings(ctx, b.p, writeback.TakeOver{Expect: 3, Actor: "dana", DryRun: true})
		require.NoError(t, err)
		p, ok = problemAt(dry.Problems, "")
		require.True(t, ok)
		require.Contains(t, p.Words, "Not checked since ")
	})
}

func TestCopyWithErrorsSavesNothingAndLeavesADraft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pms := northPMS()
		require.NoError(t, pms.RenameOption(driver.NoteTypes, "n11", "Calls"))
		b, north := twoSites(t, pms)
		b.start()
		defer b.stopped()
		ctx := t.Context()
		b.save(nil)
		b.pass(5 * time.Second) // both have read their lists
		for _, dry := range []bool{true, false} {
			got, err := north.CopySettings(ctx, b.p, writeback.TakeOver{Actor: "dana", DryRun: dry})
			require.ErrorIs(t, err, writeback.ErrProblems)
			p, ok := problemAt(got.Problems, "notes.type")
			require.True(t, ok)
			require.Equal(t, settings.Error, p.Severity)
			require.Len(t, got.Unmapped(), 4)
			require.Zero(t, got.Revision)
			_, rev := saved(t, north)
			require.Zero(t, rev)
			if dry {
				continue
			}
			// Somebody mends the draft.
			draft := got.Settings
			draft.Notes.Type = settings.Ref{ID: "n11"}
			_, err = north.SaveSettings(ctx, draft, writeback.Save{Actor: "dana"})
			require.NoError(t, err)
		}

		// The expected revision counts for dry runs too.
		file, err := b.p.ExportSettings(ctx)
		require.NoError(t, err)
		for _, expect := range []int64{0, 2} {
			for _, dry := range []bool{true, false} {
				how := writeback.TakeOver{Expect: expect, Actor: "dana", DryRun: dry}
				_, err := north.CopySettings(ctx, b.p, how)
				require.ErrorIs(t, err, writeback.ErrStale)
				require.ErrorContains(t, err, "writeback: copy settings: revision ")
				_, err = north.ImportSettings(ctx, file, how)
				require.ErrorIs(t, err, writeback.ErrStale)
			}
		}
	})
}

func TestExportComesBackToItsPracticeUnchanged(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.pass(time.Second)
		b.save(nil)
		before, rev := saved(t, b.p)
		file, err := b.p.ExportSettings(ctx)
		require.NoError(t, err)

		// It was changed, renamed and hidden meanwhile.
		b.save(func(d *settings.Document) { d.Payments.Auto = false; d.Notes.Type = settings.Ref{ID: "0102"} })
		require.NoError(t, b.pms.RenameOption(driver.PaymentTypes, "0402", "Web Payment"))
		require.NoError(t, b.pms.SetOptionActive(driver.DocumentFolders, "0202", false))
		b.refresh()
		b.pass(time.Second)
		dry, err := b.p.ImportSettings(ctx, file, writeback.TakeOver{Expect: rev + 1, Actor: "dana", DryRun: true})
		require.NoError(t, err)
		got, err := b.p.ImportSettings(ctx, file, writeback.TakeOver{Expect: rev + 1, Actor: "dana"})
		require.NoError(t, err)
		require.Equal(t, dry.Report, got.Report)
		require.False(t, got.ByLabel)
		require.Equal(t, rev+2, got.Revision)
		after, _ := saved(t, b.p)
		require.True(t, after.Equal(before))
		require.Equal(t, settings.Diff(dry.Settings, before), settings.Diff(after, before))
		require.Len(t, got.Changes, 2)
		p, ok := problemAt(got.Problems, "documents.account_statement")
		require.True(t, ok)
		require.Equal(t, settings.Warning, p.Severity, "it was broken already")
		for _, m := range got.References {
			if m.Path == "payments.types.online" {
				require.Equal(t, settings.OutcomeRelabelled, m.Outcome)
			}
		}

		// A second time there is nothing to do.
		again, err := b.p.ImportSettings(ctx, file, writeback.TakeOver{Expect: rev + 2, Actor: "dana", DryRun: true})
		require.NoError(t, err)
		require.Empty(t, again.Changes)
	})
}

func TestPracticeWhosePMSWasNeverReachedTakesOverNothingByLabel(t *testing.T) {
	t.Parallel()
	b, north := twoSites(t, northPMS())
	ctx := t.Context()
	b.save(nil)
	_, err := north.CopySettings(ctx, b.p, writeback.TakeOver{Actor: "dana", DryRun: true})
	require.ErrorIs(t, err, settings.ErrNotRead)
	require.EqualError(t, err, "writeback: copy settings: the lists of the practice's PMS have not been read yet; connect it and wait for the first reading")
	file, err := b.p.ExportSettings(ctx)
	require.NoError(t, err)
	_, err = north.ImportSettings(ctx, file, writeback.TakeOver{Actor: "dana"})
	require.ErrorIs(t, err, settings.ErrNotRead)
	_, rev := saved(t, north)
	require.Zero(t, rev)

	// In the practice itself ids count, and nobody has checked them.
	got, err := b.p.ImportSettings(ctx, file, writeback.TakeOver{Expect: 1, Actor: "dana"})
	require.NoError(t, err)
	p, ok := problemAt(got.Problems, "")
	require.True(t, ok)
	require.Equal(t, settings.CodeNotChecked, p.Code)
	require.Equal(t, settings.Warning, p.Severity)
	doc, _ := saved(t, b.p)
	require.Empty(t, settings.Diff(chosen(), doc))
}

func TestTakingOverNamesWhatIsWrongWithItself(t *testing.T) {
	t.Parallel()
	b, north := twoSites(t, northPMS())
	ctx := t.Context()
	file, err := b.p.ExportSettings(ctx)
	require.NoError(t, err)
	for field, how := range map[string]writeback.TakeOver{
		"actor":  {},
		"reason": {Actor: "dana", Reason: strings.Repeat(secret, 1000)},
		"expect": {Actor: "dana", Expect: -1},
	} {
		for _, dry := range []bool{true, false} {
			how.DryRun = dry
			_, err := b.p.ImportSettings(ctx, file, how)
			require.ErrorIs(t, err, writeback.ErrInvalid)
			require.ErrorContains(t, err, "writeback: import settings: "+field)
			_, err = b.p.CopySettings(ctx, north, how)
			require.ErrorIs(t, err, writeback.ErrInvalid)
			require.ErrorContains(t, err, "writeback: copy settings: "+field)
			require.NotContains(t, err.Error(), secret)
		}
	}
	other := newBed(t, nil)
	for words, from := range map[string]*writeback.Practice{
		"from: is nil": nil, "from: is this practice itself": b.p, "from: is of another engine": other.p, "from: has never saved settings": north,
	} {
		_, err := b.p.CopySettings(ctx, from, writeback.TakeOver{Actor: "dana"})
		require.ErrorIs(t, err, writeback.ErrInvalid)
		require.ErrorContains(t, err, "writeback: copy settings: "+words)
	}

	how := writeback.TakeOver{Actor: "dana"}
	for words, data := range map[string]string{
		"2101248 are allowed": strings.Repeat("x", 10<<20), "nests deeper": strings.Repeat("[", 1_000_000), "ends in the middle": string(file[:len(file)/2]),
		"is given twice": `{"format": "", "format": ""}`, "this is no export of settings": `{"format": "settings"}`, "version 2": `{"format": "pms-writeback-settings", "version": 2}`,
		"expected an object": "7", "not JSON": "<xml/>", "document ends": "",
	} {
		_, err := b.p.ImportSettings(ctx, []byte(data), how)
		require.ErrorIs(t, err, writeback.ErrInvalid)
		require.ErrorContains(t, err, "writeback: import settings: data: ")
		require.ErrorContains(t, err, words)
		require.Less(t, len(err.Error()), 300)
	}
	got, err := b.p.ImportSettings(ctx, []byte(strings.Replace(string(file), `"auto": false`, `"auto": "no", "later": 1`, 1)), how)
	require.ErrorIs(t, err, writeback.ErrProblems)
	require.Len(t, got.Problems, 2)
	require.Equal(t, "payments.auto", got.Problems[0].Path)
	require.Equal(t, settings.CodeWrongType, got.Problems[0].Code)
	require.Equal(t, "payments.later", got.Problems[1].Path)
	_, rev := saved(t, b.p)
	require.Zero(t, rev, "nothing of all this was saved")

	require.NoError(t, b.eng.RemovePractice(ctx, "northside"))
	_, err = b.p.CopySettings(ctx, north, how)
	require.ErrorIs(t, err, writeback.ErrUnknownPractice)
	_, err = north.ImportSettings(ctx, file, how)
	require.ErrorIs(t, err, writeback.ErrUnknownPractice)
}

// The proof is that every text in the file is one that was put there on purpose.
func TestExportHoldsNoSecretAndNothingOfPatients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(cfg *writeback.Config) {
			cfg.SealKeys = []writeback.SealKey{{ID: canary, Key: []byte(strings.Repeat(canary, 5)[:32])}}
			cfg.Owner = canary
		})
		b.start()
		defer b.stopped()
		ctx := t.Context()
		b.save(func(d *settings.Document) {
			d.Forms.Types = []settings.FormType{{Name: "Botox", Category: driver.InformedConsent}}
		})
		b.pms.AddPatient(driver.Patient{FirstName: writeback.Text(canary), LastName: writeback.Text(canary), BirthDate: driver.NewBirthDate(canaryBorn)})
		note := b.note(canary)
		note.Body, note.Number, note.User = writeback.Text(canary), writeback.Text(canary), canary
		b.must(b.p.WriteNote(ctx, note))
		parked := b.note(canary + "2")
		parked.Patient = writeback.PatientNamed(canary, canary, canaryBorn)
		b.must(b.p.WriteNote(ctx, parked))
		doc, rev := saved(t, b.p)
		_, err := b.p.SaveSettings(ctx, doc, writeback.Save{Expect: rev, Actor: canary, Reason: canary})
		require.NoError(t, err)
		b.pass(time.Minute)

		file, err := b.p.ExportSettings(ctx)
		require.NoError(t, err)
		require.Empty(t, leaks(string(file)))
		var tree any
		require.NoError(t, json.Unmarshal(file, &tree))
		meant := []string{settings.ExportFormat, practiceID, "Memory PMS", time.Now().UTC().Format(time.RFC3339), "Botox", string(driver.InformedConsent), "off"}
		for _, c := range driver.Catalogs() {
			for _, o := range b.pms.Options(c) {
				meant = append(meant, o.ID, o.Label)
			}
		}
		var paths []string
		for _, f := range settings.Describe("Acme") {
			paths = append(paths, strings.Split(f.Path, ".")...)
		}
		names := append(paths, "format", "version", "practice", "product", "exported_at", "settings", "schema", "id", "label", "name", "category", "folder")
		texts := 0
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case string:
				texts++
				require.Contains(t, meant, v)
			case []any:
				for _, e := range v {
					walk(e)
				}
			case map[string]any:
				for name, e := range v {
					require.True(t, slices.Contains(names, name), name)
					walk(e)
				}
			}
		}
		walk(tree)
		require.Greater(t, texts, 30)
	})
}
