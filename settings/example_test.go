package settings_test

import (
	"fmt"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// A practice chooses its provider and switches missed calls on.
func Example() {
	// In an application the engine reads both from the connected PMS.
	cats := settings.Catalogs{Lists: map[driver.Catalog][]driver.Option{
		driver.Providers: {{ID: "1", Label: "Dr. Adams", Aliases: []string{"DOC1"}, Active: true}},
		driver.NoteTypes: {{ID: "239", Label: "Misc", Active: true}, {ID: "240", Label: "Old", Active: false}},
	}}
	info := driver.Info{Product: "Open Dental", Ops: map[driver.OpKind]driver.OpInfo{
		driver.OpNote: {Support: driver.Yes(), TypeFrom: driver.NoteTypes},
	}}

	saved := settings.Default()
	saved.Intervals.AppointmentStatus = settings.Never()

	doc := saved.Clone()
	for path, value := range map[string]string{
		"sync.provider":             "DOC1", // pasted: an abbreviation
		"notes.enabled.missed_call": "on",
		"notes.type":                "240",
		"intervals.photos":          "off",
	} {
		if err := settings.Set(&doc, path, value); err != nil {
			fmt.Println(err)
		}
	}
	doc, _ = settings.Normalize(doc, cats)
	for _, p := range settings.Validate(doc, cats, info, &saved) {
		if p.Severity == settings.Error {
			fmt.Println(p.Path, p.Words)
		}
	}

	doc.Notes.Type = settings.Ref{ID: "239", Label: "Misc"}
	fmt.Println(settings.HasErrors(settings.Validate(doc, cats, info, &saved)))
	for _, c := range settings.Diff(saved, doc) {
		fmt.Println(c)
	}
	// Output:
	// notes.type The note type Old (240) is hidden or inactive in Open Dental. Make it active there (Setup > Definitions > Commlog Types), or choose another one here.
	// false
	// Writeback Provider ID: none, now Dr. Adams (1)
	// Missed Call: off, now on
	// Note Type Selection: none, now Misc (239)
}

// Settings are carried over to a second location: what has no counterpart there
// is cleared, and staff read why.
func ExampleTranslate() {
	options := func(list ...driver.Option) settings.Catalogs {
		return settings.Catalogs{Lists: map[driver.Catalog][]driver.Option{driver.DocumentFolders: list}}
	}
	doc := settings.Default()
	doc.Documents.AccountStatement = settings.Ref{ID: "240", Label: "Statements"}
	doc.Documents.InsuranceVerification = settings.Ref{ID: "131", Label: "Insurance"}
	north := settings.Place{Practice: "northside", Catalogs: options(
		driver.Option{ID: "7", Label: "Insurance", Active: true}, driver.Option{ID: "240", Label: "X-Rays", Active: true})}

	_, report, err := settings.Translate(doc, settings.Place{Practice: "main-street"}, north)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range report.References {
		fmt.Println(row)
	}
	// Output:
	// Insurance Verification: Insurance (131) becomes Insurance (7).
	// Account Statement: The PMS has no active document type or folder called "Statements". Choose one. Until one is chosen they are not filed.
}
