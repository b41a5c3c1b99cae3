package settings

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

var exportedAt = time.Date(2026, 1, 31, 17, 0, 0, 0, time.UTC)

// exported is what comes out of a file.
func exported(t *testing.T, doc Document, from Place) Export {
	t.Helper()
	data, err := NewExport(doc, from, exportedAt).Marshal()
	require.NoError(t, err)
	e, problems, err := ParseExport(data)
	require.NoError(t, err)
	require.Empty(t, problems)
	return e
}

func TestExportIsAFileThatSaysWhereItIsFrom(t *testing.T) {
	t.Parallel()
	doc := Default()
	doc.Sync.ProviderID = Ref{ID: "1"}
	doc.Notes.Enabled = map[driver.NoteKind]bool{driver.MissedCall: true}
	at := exportedAt.Add(time.Millisecond).In(time.FixedZone("", -6*3600))
	data, err := NewExport(doc, mainStreet(), at).Marshal()
	require.NoError(t, err)
	var file map[string]any
	require.NoError(t, json.Unmarshal(data, &file))
	settings := file["settings"].(map[string]any)
	delete(file, "settings")
	require.Equal(t, map[string]any{
		"format": "pms-writeback-settings", "version": 1.0, "practice": "main-street", "product": "Open Dental", "exported_at": "2026-01-31T17:00:00Z",
	}, file)
	require.Equal(t, map[string]any{"provider": map[string]any{"id": "1", "label": "Dr. Adams"}}, settings["sync"])
	require.True(t, strings.HasPrefix(string(data), "{\n  \"exported_at\""))
	require.True(t, strings.HasSuffix(string(data), "}\n"))

	// A second has no parts that are kept, and a zone is not kept either.
	e, problems, err := ParseExport([]byte("\ufeff" + strings.Replace(string(data), "17:00:00Z", "11:00:00.5-06:00", 1)))
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Equal(t, exportedAt, e.At)
	require.Equal(t, "main-street", e.Practice)
	require.Equal(t, "Open Dental", e.Product)
	again, err := e.Marshal()
	require.NoError(t, err)
	require.Equal(t, string(data), string(again))
}

func TestExportHasTheLabelsByWhichOptionsAreFoundElsewhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		ref    Ref
		reuses bool
		want   Ref
	}{
		{"missing", Ref{ID: "239"}, false, Ref{"239", "Misc"}},
		{"missing, ids reused", Ref{ID: "239"}, true, Ref{"239", "Misc"}},
		{"outdated", Ref{"239", "Old name"}, false, Ref{"239", "Misc"}},
		{"outdated, ids reused", Ref{"239", "Old name"}, true, Ref{"239", "Old name"}},
		{"gone", Ref{"77", "Gone"}, false, Ref{"77", "Gone"}},
		{"gone without a label", Ref{ID: "77"}, false, Ref{ID: "77"}},
	} {
		doc, from := Default(), mainStreet()
		doc.Notes.Type, from.Info.ReusesIDs = c.ref, c.reuses
		require.Equal(t, c.want, exported(t, doc, from).Document.Notes.Type, c.name)
		require.Equal(t, c.ref, doc.Notes.Type, "the original is untouched")
	}
}

func TestWhatIsNoExportIsAClearError(t *testing.T) {
	t.Parallel()
	good, err := NewExport(filledDocument(), mainStreet(), exportedAt).Marshal()
	require.NoError(t, err)
	with := func(old, new string) string {
		require.Contains(t, string(good), old)
		return strings.Replace(string(good), old, new, 1)
	}
	bare, err := filledDocument().Marshal()
	require.NoError(t, err)
	for _, c := range []struct{ name, file, want string }{
		{"10 MB", strings.Repeat(" ", 10<<20) + string(good), "bytes, and 2101248 are allowed"},
		{"empty", "", "line 1: the document ends in the middle"},
		{"cut off", string(good[:len(good)/2]), "ends in the middle"},
		{"not UTF-8", with("main-street", "\xff"), "not UTF-8"},
		{"no JSON", "settings", "line 1: not JSON"},
		{"a list", "[]", "expected an object, got a list"},
		{"something behind it", string(good) + "{}", "something after the end"},
		{"a bare document", string(bare), `this is no export of settings: format is not "pms-writeback-settings"`},
		{"another format", with("pms-writeback-settings", "pms-writeback"), "this is no export of settings"},
		{"a format that is no text", with(`"pms-writeback-settings"`, "1"), "this is no export of settings"},
		{"a newer version", with(`"version": 1`, `"version": 2, "later": true`), "the file has version 2 of the format, and this version of the library reads up to 1"},
		{"version 0", with(`"version": 1`, `"version": 0`), "version: expected a whole number from 1 to 1"},
		{"version 1.5", with(`"version": 1`, `"version": 1.5`), "version: expected a whole number"},
		{"version in quotes", with(`"version": 1`, `"version": "1"`), "version: expected a whole number"},
		{"an unknown field", with(`"version": 1`, `"version": 1, "notes": {}`), `there is no field "notes" in an export`},
		{"no practice", with(`"practice": "main-street"`, `"product": ""`), `"product" is given twice`},
		{"an empty practice", with(`"main-street"`, `""`), "practice is empty"},
		{"a practice of spaces", with(`"main-street"`, `" main-street"`), "practice has spaces before or after it"},
		{"a long practice", with(`"main-street"`, `"`+strings.Repeat("x", 10_000)+`"`), "practice is longer than 200 characters"},
		{"a practice of two lines", with(`"main-street"`, `"main\nstreet"`), "practice has characters that cannot be stored"},
		{"a practice that is a number", with(`"main-street"`, `7`), "practice: expected text, got a number"},
		{"a long product", with(`"Open Dental"`, `"`+strings.Repeat("x", 201)+`"`), "product is longer than 200 characters"},
		{"no product", with(`"product": "Open Dental",`, ""), "product is missing"},
		{"no time", with(`"exported_at": "2026-01-31T17:00:00Z",`, ""), "exported_at is missing"},
		{"another time", with("2026-01-31T17:00:00Z", "yesterday"), `exported_at: expected a time such as "2026-01-31T17:00:00Z"`},
		{"a time before our era", with("2026-01-31T17:00:00Z", "0000-01-01T00:00:00Z"), "exported_at is no date of our time"},
		{"no settings", `{"format": "pms-writeback-settings", "version": 1, "practice": "a", "product": "", "exported_at": "2026-01-31T17:00:00Z"}`, "settings is missing"},
		{"settings that are a list", with(`"settings": {`, `"settings": [], "x": {`), `there is no field "x"`},
		{"settings of a newer library", with(`"schema": 1`, `"schema": 7`), "settings: the document has schema 7, and this version of the library reads up to 1"},
		{"a double key", with(`"auto": true`, `"auto": true, "auto": true`), `"settings.payments.auto" is given twice`},
		{"a double key outside", with(`"version": 1`, `"version": 1, "version": 2`), `"version" is given twice`},
		{"deep nesting", with(`"auto": true`, `"auto": `+strings.Repeat("[", 100_000)), `"settings.payments.auto[0][0][0][0][0][0][0][0][0][0][0][0][0…" nests deeper than 16 levels`},
		{"too much in it", with(`"auto": true`, `"auto": true, "x`+strings.Repeat("x", 1_500_000)+`": 1`), ""},
	} {
		e, problems, err := ParseExport([]byte(c.file))
		if c.want == "" {
			require.NoError(t, err, c.name)
			require.True(t, HasErrors(problems), c.name)
			continue
		}
		require.ErrorContains(t, err, c.want, c.name)
		require.True(t, strings.HasPrefix(err.Error(), "settings: import: "), err)
		require.Less(t, len(err.Error()), 300, c.name)
		require.Empty(t, problems)
		require.Equal(t, Export{}, e)
	}
}

func TestWhatIsWrongInTheSettingsOfAnExportNamesItsPath(t *testing.T) {
	t.Parallel()
	for _, f := range fields {
		for value, code := range map[string]string{"1.5": CodeWrongType, "null": ""} {
			file := `{"format": "pms-writeback-settings", "version": 1, "practice": "a", "product": "", "exported_at": "2026-01-31T17:00:00Z", "settings": ` + nested(f.path, value) + `}`
			_, problems, err := ParseExport([]byte(file))
			require.NoError(t, err)
			if code == "" {
				require.Empty(t, problems)
				continue
			}
			require.Len(t, problems, 1)
			require.Equal(t, f.path, problems[0].Path)
			require.Equal(t, code, problems[0].Code)
		}
	}
	var names []string
	for i := range MaxItems + 1 {
		names = append(names, fmt.Sprintf(`{"name": "%d", "category": "informed_consent"}`, i))
	}
	for path, value := range map[string]string{
		"forms.types":        "[" + strings.Join(names, ",") + "]",
		"statuses.confirmed": "[" + strings.Repeat(`"21",`, MaxItems) + `"21"]`,
	} {
		file := `{"format": "pms-writeback-settings", "version": 1, "practice": "a", "product": "", "exported_at": "2026-01-31T17:00:00Z", "settings": ` + nested(path, value) + `}`
		_, problems, err := ParseExport([]byte(file))
		require.NoError(t, err)
		require.Len(t, problems, 1)
		require.Equal(t, path, problems[0].Path)
		require.Equal(t, CodeTooMany, problems[0].Code)
	}
}

func TestExportThatCouldNotBeReadIsNotWritten(t *testing.T) {
	t.Parallel()
	good := NewExport(filledDocument(), mainStreet(), exportedAt)
	for want, edit := range map[string]func(*Export){
		"practice is empty":                  func(e *Export) { e.Practice = "" },
		"practice has spaces":                func(e *Export) { e.Practice = "a " },
		"product has characters":             func(e *Export) { e.Product = "a\x00b" },
		"exported_at is missing":             func(e *Export) { e.At = time.Time{} },
		"exported_at is no date":             func(e *Export) { e.At = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) },
		`"notes.enabled.fax": expected a no`: func(e *Export) { e.Document.Notes.Enabled = map[driver.NoteKind]bool{"fax": true} },
		"1048576 are allowed":                func(e *Export) { e.Document.Forms.Types = []FormType{{Name: strings.Repeat("x", MaxSize)}} },
	} {
		e := good
		e.Document = good.Document.Clone()
		edit(&e)
		_, err := e.Marshal()
		require.ErrorContains(t, err, "settings: export: ")
		require.ErrorContains(t, err, want)
	}
	// The largest document there can be comes back.
	big := Default()
	for i := range MaxItems {
		big.Forms.Types = append(big.Forms.Types, FormType{Name: fmt.Sprint(i, strings.Repeat("\u2028", 700)), Category: driver.InformedConsent})
	}
	doc, err := big.Marshal()
	require.NoError(t, err)
	require.Greater(t, len(doc), MaxSize*3/4)
	e := exported(t, big, mainStreet())
	require.True(t, e.Document.Equal(big))
}

func TestExportComesBackToItsPracticeUnchanged(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*Document, *Place){
		"as it is":           func(*Document, *Place) {},
		"an outdated label":  func(d *Document, _ *Place) { d.Notes.Type.Label = "Old name" },
		"a broken reference": func(d *Document, _ *Place) { d.Notes.Type = Ref{"77", "Gone"} },
		"a hidden one":       func(d *Document, _ *Place) { d.Sync.ProviderID = Ref{"3", "Dr. Former"} },
		"an id given anew":   func(d *Document, p *Place) { d.Notes.Type.Label = "Old name"; p.Info.ReusesIDs = true },
		"a renamed entry":    func(d *Document, _ *Place) { d.Statuses.Confirmed[1].Label = "Old name" },
		"a renamed folder":   func(d *Document, _ *Place) { d.Forms.Types[0].Folder.Label = "Old name" },
		"a newer library": func(d *Document, _ *Place) {
			d.schema, d.extras = 9, extras{{"notes.type", "239", "x"}: `1`, {"", "", "y"}: `2`}
		},
		"an interval too low": func(d *Document, p *Place) {
			p.Info.Feeds[driver.AppointmentStatusFeed] = driver.FeedInfo{Support: driver.Yes(), MinInterval: time.Hour}
		},
		"lists never read": func(_ *Document, p *Place) { p.Catalogs, p.Info = Catalogs{}, driver.Info{} },
		"nothing chosen":   func(d *Document, _ *Place) { *d = Default() },
	} {
		doc, place := workingDocument(), mainStreet()
		edit(&doc, &place)
		place.Saved = &doc
		before := doc.Clone()
		for _, cats := range []Catalogs{place.Catalogs, place.Catalogs.Indexed()} {
			place.Catalogs = cats
			got, report, err := exported(t, doc, place).Into(place)
			require.NoError(t, err, name)
			require.True(t, got.Equal(before), name)
			require.Empty(t, report.Changes, name)
			require.False(t, report.ByLabel)
			require.False(t, HasErrors(report.Problems), "%s: %v", name, report.Problems)
			require.Len(t, report.References, len(doc.References()))
			require.Empty(t, report.Unmapped())
		}
	}
	everyDocument(t, func(t *testing.T, _ *rand.Rand, d Document) {
		place := mainStreet()
		for i := range d.Forms.Types {
			d.Forms.Types[i].Name = fmt.Sprint(i) // two of one name are never saved
		}
		saved, _ := Normalize(d, place.Catalogs)
		place.Saved = &saved
		got, report, err := NewExport(saved, place, exportedAt).Into(place)
		require.NoError(t, err)
		require.Empty(t, report.Changes)
		require.Empty(t, Diff(saved, got))
	})
}

func TestBackInItsPracticeIDsCountAndChangedLabelsAreTold(t *testing.T) {
	t.Parallel()
	e := exported(t, workingDocument(), mainStreet())
	place := mainStreet()
	place.Catalogs.Lists[driver.PaymentTypes][0].Label = "Card" // 71 was Credit Card
	place.Catalogs.Lists[driver.NoteTypes] = place.Catalogs.Lists[driver.NoteTypes][:1]
	saved := Default()
	place.Saved = &saved
	got, report, err := e.Into(place)
	require.NoError(t, err)
	m := rowAt(t, report, "payments.types.online")
	require.Equal(t, OutcomeRelabelled, m.Outcome)
	require.Equal(t, `Customer Online Payment: Credit Card (71) stays by its id, which is called "Card" now.`, m.String())
	require.Equal(t, Ref{"71", "Card"}, got.Payments.Types[driver.ChannelOnline])
	m = rowAt(t, report, "sync.provider")
	require.Equal(t, OutcomeKept, m.Outcome)
	require.Equal(t, "Dr. Adams (1) stays.", m.Words)
	// What is gone stays too, and Validate says what it says at any save.
	require.Equal(t, Ref{"239", "Misc"}, got.Notes.Type)
	require.Equal(t, CodeOptionUnknown, at(report.Problems, "notes.type")[0].Code)
	require.Equal(t, Error, at(report.Problems, "notes.type")[0].Severity)
	require.Equal(t, Diff(saved, got), report.Changes)

	// Where ids are reused the option may be another one: nothing is taken for it.
	place.Info.ReusesIDs = true
	got, report, err = e.Into(place)
	require.NoError(t, err)
	require.Equal(t, Ref{"71", "Credit Card"}, got.Payments.Types[driver.ChannelOnline])
	require.Equal(t, CodeOptionReused, at(report.Problems, "payments.types.online")[0].Code)

	// Settings that were saved without a label do not take that knowledge away.
	bare := bareDocument()
	place.Saved = &bare
	got, report, err = e.Into(place)
	require.NoError(t, err)
	require.Equal(t, Ref{"71", "Credit Card"}, got.Payments.Types[driver.ChannelOnline])
	require.Equal(t, CodeOptionReused, at(report.Problems, "payments.types.online")[0].Code)
	require.Equal(t, Warning, at(report.Problems, "payments.types.online")[0].Severity)

	// An id of several options has no label to take over.
	place = mainStreet()
	place.Catalogs.Lists[driver.PaymentTypes] = append([]driver.Option{option("71", "Card")}, place.Catalogs.Lists[driver.PaymentTypes]...)
	got, report, err = e.Into(place)
	require.NoError(t, err)
	require.Equal(t, Ref{"71", "Credit Card"}, got.Payments.Types[driver.ChannelOnline])
	require.Equal(t, CodeOptionAmbiguous, at(report.Problems, "payments.types.online")[0].Code)
}

func TestExportGoesByLabelUnlessPracticeAndProductAreItsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		product           string
		practice, present string
		byLabel           bool
	}{
		{"both", "Open Dental", "main-street", "Open Dental", false},
		{"in other letters", "Open Dental", "main-street", "OPEN DENTAL", false},
		{"another product", "Open Dental", "main-street", "Eaglesoft", true},
		{"another practice", "Open Dental", "Main-Street", "Open Dental", true},
		{"another practice, both unknown", "", "northside", "", true},
		{"the product was not known", "", "main-street", "Open Dental", false},
		{"the product is not known", "Open Dental", "main-street", "", false},
	} {
		from, to := mainStreet(), mainStreet()
		from.Info.Product, to.Practice, to.Info.Product = c.product, c.practice, c.present
		_, report, err := exported(t, workingDocument(), from).Into(to)
		require.NoError(t, err)
		require.Equal(t, c.byLabel, report.ByLabel, c.name)
	}
	got, report, err := exported(t, workingDocument(), mainStreet()).Into(northside())
	require.NoError(t, err)
	want, wantReport, err := Translate(workingDocument(), mainStreet(), northside())
	require.NoError(t, err)
	require.True(t, got.Equal(want), "as well as from the practice itself, but for abbreviations and roles")
	require.Equal(t, wantReport.Problems, report.Problems)
}

func TestImportWithoutListsGoesByIDWithAWarningOrNotAtAll(t *testing.T) {
	t.Parallel()
	e := exported(t, workingDocument(), mainStreet())
	got, report, err := e.Into(Place{Practice: "main-street"})
	require.NoError(t, err)
	require.True(t, got.Equal(workingDocument()))
	requireOne(t, report.Problems, Warning, "", CodeNotChecked, "Not checked yet")
	_, _, err = e.Into(Place{Practice: "northside"})
	require.ErrorIs(t, err, ErrNotRead)
}

func TestPastedTextInAnExportIsResolvedOrNamedAsAmbiguous(t *testing.T) {
	t.Parallel()
	file := `{"format": "pms-writeback-settings", "version": 1, "practice": "main-street", "product": "Open Dental", "exported_at": "2026-01-31T17:00:00Z",
		"settings": {"sync": {"provider": "DOC1"}, "payments": {"provider": "TWIN"}}}`
	e, problems, err := ParseExport([]byte(file))
	require.NoError(t, err)
	require.Empty(t, problems)
	got, report, err := e.Into(mainStreet())
	require.NoError(t, err)
	require.Equal(t, Ref{"1", "Dr. Adams"}, got.Sync.ProviderID)
	require.Len(t, at(report.Problems, "payments.provider"), 1)
	require.Equal(t, CodeOptionAmbiguous, at(report.Problems, "payments.provider")[0].Code)
}
