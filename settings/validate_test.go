package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

// testInfo is a PMS that can do everything.
func testInfo() driver.Info {
	info := driver.Info{
		Product: "Open Dental", Version: "25.3",
		Catalogs: map[driver.Catalog]driver.Support{}, Feeds: map[driver.Feed]driver.FeedInfo{}, Ops: map[driver.OpKind]driver.OpInfo{},
	}
	for _, c := range driver.Catalogs() {
		info.Catalogs[c] = driver.Yes()
	}
	for _, f := range driver.Feeds() {
		info.Feeds[f] = driver.FeedInfo{Support: driver.Yes()}
	}
	for _, o := range driver.OpKinds() {
		info.Ops[o] = driver.OpInfo{Support: driver.Yes()}
	}
	info.Ops[driver.OpNote] = driver.OpInfo{Support: driver.Yes(), TypeFrom: driver.NoteTypes}
	return info
}

// workingDocument has everything on and nothing wrong.
func workingDocument() Document {
	d := filledDocument()
	d.Sync.ProviderID = Ref{ID: "1", Label: "Dr. Adams"}
	return d
}

// problemsOf gives what changed: the problems of the working document after edit.
func problemsOf(edit func(*Document, *Catalogs, *driver.Info)) []Problem {
	d, cats, info := workingDocument(), testCatalogs(), testInfo()
	edit(&d, &cats, &info)
	return Validate(d, cats, info, nil)
}

// requireOne wants one problem and nothing else, and its words to say all of want.
func requireOne(t *testing.T, problems []Problem, sev Severity, path, code string, want ...string) {
	t.Helper()
	require.Len(t, problems, 1)
	p := problems[0]
	require.Equal(t, sev, p.Severity, p)
	require.Equal(t, path, p.Path, p)
	require.Equal(t, code, p.Code, p)
	for _, w := range want {
		require.Contains(t, p.Words, w)
	}
}

func TestWorkingDocumentHasNoProblems(t *testing.T) {
	t.Parallel()
	require.Empty(t, Validate(workingDocument(), testCatalogs(), testInfo(), nil))
}

func TestFreshDocumentIsValidToSaveAsItIs(t *testing.T) {
	t.Parallel()
	for _, info := range []driver.Info{{}, testInfo()} {
		for _, cats := range []Catalogs{{}, testCatalogs()} {
			problems := Validate(Default(), cats, info, nil)
			requireOne(t, problems, Warning, "statuses.confirmed", CodeNothingConfirmed, "Nothing counts as confirmed yet")
		}
	}
	info := testInfo()
	info.Feeds[driver.PatientFeed] = driver.FeedInfo{Support: driver.Yes(), MinInterval: 5 * time.Minute}
	d, _ := Initial(info)
	require.False(t, HasErrors(Validate(d, testCatalogs(), info, nil)))
}

func TestAllProblemsAreReportedInTheOrderOfThePage(t *testing.T) {
	t.Parallel()
	problems := problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) {
		d.Payments.SurchargeType = Ref{ID: "x"}
		d.Statuses.UnconfirmedTarget = Ref{ID: "21"}
		d.Intervals.NewPatients = Interval{}
		d.Notes.Type = Ref{ID: "y"}
		d.Sync.ProviderID = Ref{ID: "z"}
	})
	var paths []string
	for _, p := range problems {
		paths = append(paths, p.Path)
	}
	require.Equal(t, []string{"sync.provider", "notes.type", "intervals.new_patients",
		"statuses.unconfirmed_target", "statuses.unconfirmed_target", "statuses.unconfirmed_target", "payments.surcharge_type"}, paths)
}

func TestProviderMustBeKnownAndActive(t *testing.T) {
	t.Parallel()
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Sync.ProviderID = Ref{ID: "77", Label: "Dr. Gone"} }),
		Error, "sync.provider", CodeProviderUnknown, `no provider with the id "77"`, "it was Dr. Gone", "Choose another one here")
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Sync.ProviderID = Ref{ID: "3"} }),
		Error, "sync.provider", CodeProviderInactive, "Dr. Former (3)", "Setup > Practice > Provider Setup", "Nothing is written back")
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Payments.Provider = Ref{ID: "3"} }),
		Error, "payments.provider", CodeProviderInactive)
}

func TestCaseAndLeadingZerosOfAProviderMatterAndTheRightOneIsSuggested(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"hyg1": "HYG1", "doc1": "1", "002": "2"} {
		problems := problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Sync.ProviderID = Ref{ID: text} })
		requireOne(t, problems, Error, "sync.provider", CodeProviderUnknown, "Is ", " meant?")
		require.Equal(t, want, problems[0].Suggestions[0])
	}
}

func TestAmbiguousTextNamesTheCandidates(t *testing.T) {
	t.Parallel()
	problems := problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Sync.ProviderID = Ref{ID: "TWIN"} })
	requireOne(t, problems, Error, "sync.provider", CodeOptionAmbiguous, "Dr. Adams (1) and Dr. Brown (2)")
	require.Equal(t, []string{"1", "2"}, problems[0].Suggestions)
}

func TestWithoutAProviderNothingIsWrittenAndThatIsSaid(t *testing.T) {
	t.Parallel()
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Sync.ProviderID = Ref{} }),
		Warning, "sync.provider", CodeNotConfigured, "Nothing is written back until")
	d := Default()
	d.Intervals.AppointmentStatus = Never()
	require.Empty(t, Validate(d, testCatalogs(), testInfo(), nil), "nothing to write, nothing to say")
}

func TestVanishedAndInactiveOptionsAreErrorsWhereverTheyStand(t *testing.T) {
	t.Parallel()
	for _, f := range fields {
		for id, standing := range map[string]Standing{"gone": StandingUnknown, "off": StandingInactive} {
			d, cats := workingDocument(), testCatalogs()
			path := f.path
			switch f.typ {
			case TypeRef, TypeTarget:
				f.set(&d, Ref{ID: id})
			case TypeRefSet:
				f.set(&d, []Ref{{ID: "21"}, {ID: id}})
				path += "[1]"
			case TypeFormTypes:
				f.set(&d, []FormType{{Name: "A", Category: driver.InformedConsent, Folder: Ref{ID: id}}})
				path += "[0].folder"
			default:
				continue
			}
			cats.Lists[f.catalog] = append(cats.Lists[f.catalog], driver.Option{ID: "off", Label: "Hidden one"})
			var found []Problem
			for _, p := range Validate(d, cats, testInfo(), nil) {
				if p.Path == path && p.Code == standingCode(standing, f.catalog) {
					found = append(found, p)
				}
			}
			require.Len(t, found, 1, "%s %s", path, id)
			require.Equal(t, Error, found[0].Severity)
			require.Contains(t, found[0].Words, catalogNoun(f.catalog))
			require.Contains(t, found[0].Words, "here.", "says where to mend it")
		}
	}
}

func TestOptionOfAnotherListNamesThatList(t *testing.T) {
	t.Parallel()
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Notes.Type = Ref{ID: "71"} }),
		Error, "notes.type", CodeWrongList, "Credit Card (71) is in the list Payment Types of Open Dental", "Choose one from the list Note Types.")
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Notes.Type = Ref{ID: "71", Label: "Credit Card"} }),
		Error, "notes.type", CodeWrongList)
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Notes.Type = Ref{ID: "71", Label: "Recall2"} }),
		Error, "notes.type", CodeOptionUnknown, "it was Recall2") // the same id by chance
}

func TestOptionIDThatTheCatalogHasTwiceIsAnError(t *testing.T) {
	t.Parallel()
	twice := func(second driver.Option) []Problem {
		return problemsOf(func(d *Document, cats *Catalogs, _ *driver.Info) {
			cats.Lists[driver.NoteTypes] = append(cats.Lists[driver.NoteTypes], second)
		})
	}
	requireOne(t, twice(driver.Option{ID: "239", Label: "Billing", Active: true}),
		Error, "notes.type", CodeOptionAmbiguous, "more than once (Misc, Billing)", "Setup > Definitions > Commlog Types")
	require.Empty(t, twice(driver.Option{ID: "239", Label: "Misc", Active: true}), "the same row read twice does no harm")
}

func TestReusedIDWithAnotherLabelIsAnError(t *testing.T) {
	t.Parallel()
	edit := func(reuses bool) func(*Document, *Catalogs, *driver.Info) {
		return func(d *Document, _ *Catalogs, info *driver.Info) {
			info.ReusesIDs = reuses
			d.Payments.Types[driver.ChannelOnline] = Ref{ID: "71", Label: "Cash"}
		}
	}
	requireOne(t, problemsOf(edit(true)), Error, "payments.types.online", CodeOptionReused, `was "Cash"; now it is "Credit Card"`)
	require.Empty(t, problemsOf(edit(false)), "elsewhere an option was only renamed")
}

func TestIDsHaveABoundedLengthAndNoSpacesOrControlCharacters(t *testing.T) {
	t.Parallel()
	for id, words := range map[string]string{
		strings.Repeat("x", 201): "longer than 200 characters", " 239": "spaces", "239 ": "spaces", "23\x009": "cannot be stored",
		"23\n9": "cannot be stored", "239\t": "cannot be stored", "23\xff": "cannot be stored", "23\ufffd": "cannot be stored",
	} {
		requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Notes.Type = Ref{ID: id} }),
			Error, "notes.type", CodeInvalidID, words)
	}
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Notes.Type = Ref{ID: strings.Repeat("é", 200)} }),
		Error, "notes.type", CodeOptionUnknown) // characters, not bytes
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Notes.Type = Ref{ID: "239", Label: "Mi\nsc"} }),
		Error, "notes.type", CodeInvalidText)
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) {
		d.Notes.Type = Ref{ID: "239", Label: strings.Repeat("x", 201)}
	}),
		Error, "notes.type", CodeInvalidText, "200")
	require.Empty(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Notes.Type = Ref{ID: "239", Label: "Misc  "} }), "some PMSs pad labels")
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) {
		d.Statuses.Confirmed = append(d.Statuses.Confirmed, Ref{})
	}),
		Error, "statuses.confirmed[2]", CodeInvalidID, "has no id")
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) {
		d.Documents.AccountStatement = Ref{Label: "Statements"}
	}),
		Error, "documents.account_statement", CodeInvalidID, "has no id")
}

func TestNoteTypeIsRequiredAsSoonAsAKindIsOn(t *testing.T) {
	t.Parallel()
	bare := func(d *Document) { d.Notes.Type, d.Notes.TypeByKind = Ref{}, nil }
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) {
		bare(d)
		d.Notes.Enabled = map[driver.NoteKind]bool{driver.MissedCall: true, driver.TaskNote: true}
	}), Error, "notes.type", CodeNoteTypeRequired, "Open Dental needs a note type", "switch off Missed Call and Task Notes")
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) {
		bare(d)
		d.Notes.Enabled = map[driver.NoteKind]bool{driver.MissedCall: true, driver.TaskNote: true}
		d.Notes.TypeByKind = map[driver.NoteKind]Ref{driver.TaskNote: {ID: "238"}}
	}), Error, "notes.type", CodeNoteTypeRequired, "switch off Missed Call.")
	require.Empty(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Notes.Type = Ref{} }), "each kind has its own")
	require.Empty(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { bare(d); d.Notes.Enabled = nil }), "no kind is on")
	require.Empty(t, problemsOf(func(d *Document, _ *Catalogs, info *driver.Info) {
		bare(d)
		info.Ops[driver.OpNote] = driver.OpInfo{Support: driver.Yes()}
	}), "this PMS has no note types")
	require.Empty(t, problemsOf(func(d *Document, cats *Catalogs, _ *driver.Info) { bare(d); cats.Lists[driver.NoteTypes] = nil }), "there is none to choose")
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, info *driver.Info) { bare(d); *info = driver.Info{} }),
		Error, "notes.type", CodeNoteTypeRequired) // the last list is known
}

func TestIntervalsOfZeroNegativeAndOverADayAreErrors(t *testing.T) {
	t.Parallel()
	for i, words := range map[Interval]string{
		{}: "longer than zero", Seconds(-15): "longer than zero", Every(time.Millisecond): "too short",
		Every(24*time.Hour + 1): "too long", Seconds(90_000): "too long",
	} {
		for _, f := range fields {
			if f.typ != TypeInterval {
				continue
			}
			requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { f.set(d, i) }),
				Error, f.path, CodeInterval, words, "1 second to 24 hours, or switch it off")
		}
	}
	for _, i := range []Interval{Seconds(1), Every(24 * time.Hour), Never(), {Off: true, Every: -5}} {
		require.Empty(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Intervals.AppointmentChanges = i }), i)
	}
}

func TestIntervalBelowTheMinimumOfThePMSNamesTheMinimum(t *testing.T) {
	t.Parallel()
	paths := map[driver.Feed]string{
		driver.AppointmentStatusFeed: "intervals.appointment_status", driver.AppointmentFeed: "intervals.appointment_changes",
		driver.PatientFeed: "intervals.new_patients", driver.PhotoFeed: "intervals.photo_sweep",
	}
	for _, feed := range driver.Feeds() {
		slow := func(d *Document, _ *Catalogs, info *driver.Info) {
			d.Intervals.AppointmentChanges = Seconds(60)
			info.Feeds[feed] = driver.FeedInfo{Support: driver.Yes(), MinInterval: 2 * time.Hour}
		}
		problems := problemsOf(slow)
		requireOne(t, problems, Error, paths[feed], CodeIntervalMinimum, "Open Dental allows no interval shorter than 2 hours", "Enter 2 hours or more")
		require.Equal(t, []string{"7200"}, problems[0].Suggestions)

		problems = problemsOf(func(d *Document, cats *Catalogs, info *driver.Info) {
			slow(d, cats, info)
			require.NoError(t, Set(d, paths[feed], "7200"))
		})
		require.Empty(t, problems, "the minimum itself is allowed")
		problems = problemsOf(func(d *Document, cats *Catalogs, info *driver.Info) {
			slow(d, cats, info)
			require.NoError(t, Set(d, paths[feed], "off"))
		})
		require.Empty(t, problems, "off has no minimum")
	}
	require.Empty(t, problemsOf(func(d *Document, _ *Catalogs, info *driver.Info) {
		d.Intervals.Photos = false
		info.Feeds[driver.PhotoFeed] = driver.FeedInfo{Support: driver.Yes(), MinInterval: 2 * time.Hour}
	}), "a sweep that does not run has no minimum")
}

func TestMinimumOverADayIsTakenAsADay(t *testing.T) {
	t.Parallel()
	info := testInfo()
	info.Feeds[driver.PatientFeed] = driver.FeedInfo{Support: driver.Yes(), MinInterval: 48 * time.Hour}
	d, problems := Initial(info)
	require.Len(t, problems, 1)
	require.Equal(t, Every(24*time.Hour), d.Intervals.NewPatients)
	require.False(t, HasErrors(Validate(d, testCatalogs(), info, nil)))
}

func TestPhotosThatNothingPullsAreAWarning(t *testing.T) {
	t.Parallel()
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) {
		d.Intervals.NewPatients, d.Intervals.PhotoSweep = Never(), Never()
	}), Warning, "intervals.photos", CodeNoEffect, "never pulled")
}

func TestWhatThisPMSCannotWriteIsAnErrorWithItsReason(t *testing.T) {
	t.Parallel()
	for op, paths := range map[driver.OpKind][]string{
		driver.OpNote:     {"notes.enabled.missed_call"},
		driver.OpDocument: {"documents.insurance_verification", "documents.account_statement", "forms.informed_consent", "forms.types"},
		driver.OpStatus:   {"statuses.confirmed_target", "statuses.unconfirmed_target"},
		driver.OpPayment:  {"payments.types.online", "payments.types.provider", "payments.types.in_office"},
	} {
		problems := problemsOf(func(_ *Document, _ *Catalogs, info *driver.Info) {
			info.Ops[op] = driver.OpInfo{Support: driver.No("Needs the Dentrix profile.")}
		})
		byPath := map[string]Problem{}
		for _, p := range problems {
			byPath[p.Path] = p
		}
		for _, path := range paths {
			p := byPath[path]
			require.Equal(t, CodeUnsupported, p.Code, path)
			require.Equal(t, Error, p.Severity, path)
			require.Contains(t, p.Words, "Needs the Dentrix profile.", path)
		}
	}
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, info *driver.Info) {
		d.Notes.Enabled = map[driver.NoteKind]bool{driver.MissedCall: true}
		delete(info.Ops, driver.OpNote)
	}), Error, "notes.enabled.missed_call", CodeUnsupported, "Missed Call does not work here: Open Dental does not offer this.")
	requireOne(t, problemsOf(func(_ *Document, _ *Catalogs, info *driver.Info) {
		info.Ops[driver.OpAdjustment] = driver.OpInfo{Support: driver.No("Needs Open Dental 22.2.22 or later.")}
	}), Error, "payments.offset_fee", CodeUnsupported, "Offset Fees with an Adjustment does not work here: Needs Open Dental 22.2.22 or later.")
}

func TestUnsupportedFeedIsAWarningAndUnsupportedPhotosAreAnError(t *testing.T) {
	t.Parallel()
	requireOne(t, problemsOf(func(_ *Document, _ *Catalogs, info *driver.Info) {
		info.Feeds[driver.PatientFeed] = driver.FeedInfo{Support: driver.No("Not in this version.")}
	}), Warning, "intervals.new_patients", CodeUnsupported, "Not in this version.")
	requireOne(t, problemsOf(func(_ *Document, _ *Catalogs, info *driver.Info) {
		info.Feeds[driver.PhotoFeed] = driver.FeedInfo{Support: driver.No("The folder of images is not known.")}
	}), Error, "intervals.photos", CodeUnsupported, "The folder of images is not known.")
}

func TestListThatThisPMSDoesNotOfferIsAnErrorWithItsReason(t *testing.T) {
	t.Parallel()
	problems := problemsOf(func(d *Document, cats *Catalogs, info *driver.Info) {
		d.Payments.Provider = Ref{}
		delete(cats.Lists, driver.Providers)
		info.Catalogs[driver.Providers] = driver.No("The database user may not read providers.")
	})
	requireOne(t, problems, Error, "sync.provider", CodeUnsupported, "The database user may not read providers.")
}

func TestStaleAndMissingListsAreAWarning(t *testing.T) {
	t.Parallel()
	requireOne(t, problemsOf(func(_ *Document, cats *Catalogs, _ *driver.Info) { cats.Stale = "Not checked since 9:14." }),
		Warning, "", CodeNotChecked, "Not checked since 9:14.")
	requireOne(t, problemsOf(func(_ *Document, cats *Catalogs, info *driver.Info) { *cats, *info = Catalogs{}, driver.Info{} }),
		Warning, "", CodeNotChecked, "Not checked yet")
	problems := problemsOf(func(_ *Document, cats *Catalogs, _ *driver.Info) { delete(cats.Lists, driver.DocumentFolders) })
	require.False(t, HasErrors(problems))
	require.Len(t, problems, 7, "two documents, four categories, one form type")
	requireOne(t, problems[:1], Warning, "documents.insurance_verification", CodeNotChecked, "Document Types and Folders has not been read from Open Dental")
	require.Empty(t, Validate(Default().withoutStatusLoop(), Catalogs{Stale: "Not checked since 9:14."}, testInfo(), nil), "nothing to check")
}

func (d Document) withoutStatusLoop() Document {
	d.Intervals.AppointmentStatus = Never()
	return d
}

func TestKeysThatStandForNothingAreErrors(t *testing.T) {
	t.Parallel()
	for path, edit := range map[string]func(*Document){
		"notes.enabled.fax":      func(d *Document) { d.Notes.Enabled["fax"] = false },
		"notes.type_by_kind.fax": func(d *Document) { d.Notes.TypeByKind["fax"] = Ref{ID: "1"} },
		"forms.recipes":          func(d *Document) { d.Forms.ByCategory["recipes"] = Ref{} },
		"payments.types.barter":  func(d *Document) { d.Payments.Types["barter"] = Ref{ID: "1"} },
	} {
		requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { edit(d) }), Error, path, CodeUnknownKey, "stands for nothing")
	}
}

func TestFormTypesNeedANameOfTheirOwnAndACategory(t *testing.T) {
	t.Parallel()
	with := func(types ...FormType) []Problem {
		return problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Forms.Types = types })
	}
	ok := FormType{Name: "Consent", Category: driver.InformedConsent}
	require.Empty(t, with(ok))
	requireOne(t, with(ok, FormType{Name: " ", Category: driver.InformedConsent}), Error, "forms.types[1].name", CodeInvalidText, "has no name")
	requireOne(t, with(FormType{Name: "a\nb", Category: driver.InformedConsent}), Error, "forms.types[0].name", CodeInvalidText)
	requireOne(t, with(FormType{Name: strings.Repeat("a", 201), Category: driver.InformedConsent}), Error, "forms.types[0].name", CodeInvalidText, "200")
	requireOne(t, with(ok, FormType{Name: "CONSENT", Category: driver.ScannedDocuments}), Error, "forms.types[1].name", CodeDuplicate, "twice")
	requireOne(t, with(FormType{Name: "A", Category: "informed_consnt"}), Error, "forms.types[0].category", CodeUnknownKey, "patient_identification, informed_consent, treatment_plan, scanned_documents")
	require.Equal(t, []string{"informed_consent"}, with(FormType{Name: "A", Category: "informed_consnt"})[0].Suggestions)

	many := make([]FormType, MaxItems+1)
	for i := range many {
		many[i] = FormType{Name: strings.Repeat("x", i%150+1) + string(rune('a'+i/150)), Category: driver.InformedConsent}
	}
	require.Empty(t, with(many[:MaxItems]...))
	requireOne(t, with(many...), Error, "forms.types", CodeTooMany, "201 entries, and 200 are allowed")
}

func TestPaymentsThatWouldWaitAreAWarning(t *testing.T) {
	t.Parallel()
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) {
		d.Payments = Payments{Auto: true}
	}), Warning, "payments.auto", CodeNotConfigured, "until a payment type is chosen")
	requireOne(t, problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) {
		d.Payments.SurchargeType = Ref{}
	}), Warning, "payments.surcharge_type", CodeNotConfigured, "Payments with a fee wait")
	problems := problemsOf(func(d *Document, _ *Catalogs, _ *driver.Info) { d.Payments.Separate = false })
	requireOne(t, problems, Warning, "payments.offset_fee", CodeNoEffect, "Separate Payments and Fees")
}
