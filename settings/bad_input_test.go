package settings

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

// nested gives a document whose only member stands at a path.
func nested(path, value string) string {
	names := strings.Split(path, ".")
	return `{"` + strings.Join(names, `":{"`) + `":` + value + strings.Repeat("}", len(names))
}

// refPlaces calls test with each place that holds a reference, and a document that
// works but for what set puts there.
func refPlaces(t *testing.T, test func(t *testing.T, path string, cat driver.Catalog, with func(Ref) Document)) {
	t.Helper()
	places := 0
	for i := range fields {
		f := &fields[i]
		path, value := f.path, func(r Ref) any { return r }
		switch f.typ {
		case TypeRef, TypeTarget:
		case TypeRefSet:
			path, value = path+"[1]", func(r Ref) any { return []Ref{{ID: "21", Label: "Confirmed"}, r} }
		case TypeFormTypes:
			path += "[1].folder"
			value = func(r Ref) any {
				return []FormType{{Name: "A", Category: driver.InformedConsent}, {Name: "B", Category: driver.InformedConsent, Folder: r}}
			}
		default:
			continue
		}
		places++
		test(t, path, f.catalog, func(r Ref) Document {
			d := workingDocument()
			f.set(&d, value(r))
			return d
		})
		require.False(t, t.Failed(), path)
	}
	require.Equal(t, 32, places)
}

// at gives the problems of one path.
func at(problems []Problem, path string) []Problem {
	var out []Problem
	for _, p := range problems {
		if p.Path == path {
			out = append(out, p)
		}
	}
	return out
}

func TestWrongTypeAnywhereNamesItsPath(t *testing.T) {
	t.Parallel()
	takes := map[Type]string{
		TypeToggle: "true", TypeRef: `"x" {}`, TypeTarget: `"x" {}`, TypeRefSet: "[]", TypeFormTypes: "[]", TypeInterval: "7",
	}
	for _, f := range fields {
		for _, value := range []string{"7", `"x"`, "true", "[]", "{}", "1.5"} {
			if strings.Contains(takes[f.typ], value) {
				continue
			}
			doc := []byte(nested(f.path, value))
			d, problems, err := Parse(doc, Human)
			require.NoError(t, err, "%s", doc)
			require.Len(t, problems, 1, "%s", doc)
			require.Equal(t, f.path, problems[0].Path)
			require.Equal(t, CodeWrongType, problems[0].Code)
			require.Equal(t, Error, problems[0].Severity)
			require.True(t, d.Equal(Default()))
			_, _, err = Parse(doc, Stored)
			require.ErrorContains(t, err, "settings: parse: "+f.path+": Expected ", "%s", doc)
		}
	}
}

func TestKeyGivenTwiceAnywhereNamesItsPath(t *testing.T) {
	t.Parallel()
	for _, f := range fields {
		_, name := split(f.path)
		doc := strings.Replace(nested(f.path, "null"), `:null`, `:null,"`+name+`":null`, 1)
		for _, mode := range []Mode{Human, Stored} {
			_, _, err := Parse([]byte(doc), mode)
			require.ErrorContains(t, err, fmt.Sprintf("%q is given twice", f.path), doc)
		}
	}
	_, _, err := Parse([]byte(`{"payments": {"auto": true, "\u0061uto": false}}`), Stored)
	require.ErrorContains(t, err, `"payments.auto" is given twice`, "however it is spelled")
}

func TestDeepNestingAnywhereNamesItsPath(t *testing.T) {
	t.Parallel()
	for i, f := range fields {
		for _, depth := range []int{20, 400_000} {
			if i > 0 && depth > 20 {
				continue
			}
			doc := nested(f.path, strings.Repeat("[", depth)+strings.Repeat("]", depth))
			for _, mode := range []Mode{Human, Stored} {
				_, _, err := Parse([]byte(doc), mode)
				require.ErrorContains(t, err, `"`+f.path+"[0][0]")
				require.ErrorContains(t, err, "nests deeper than 16 levels")
				require.Less(t, len(err.Error()), 200)
			}
		}
	}
}

func TestTooLargeDocumentIsRefusedUnread(t *testing.T) {
	t.Parallel()
	doc := []byte(nested("sync.provider", `"DOC1"`) + strings.Repeat(" ", 10<<20))
	for _, mode := range []Mode{Human, Stored} {
		_, _, err := Parse(doc, mode)
		require.ErrorContains(t, err, "1048576 are allowed")
	}
	got, _, err := Parse(doc[:MaxSize], Human)
	require.NoError(t, err, "the limit itself is allowed")
	require.Equal(t, "DOC1", got.Sync.ProviderID.ID)
}

func TestBadIDAnywhereNamesItsPath(t *testing.T) {
	t.Parallel()
	cats := testCatalogs().Indexed()
	refPlaces(t, func(t *testing.T, path string, cat driver.Catalog, with func(Ref) Document) {
		for _, c := range []struct{ name, id, code, words string }{
			{"10,000 characters", strings.Repeat("9", 10_000), CodeInvalidID, "is longer than 200 characters"},
			{"spaces around it", " 21 ", CodeInvalidID, "has spaces before or after it"},
			{"a space within", "2 1 7", standingCode(StandingUnknown, cat), `"2 1 7"`},
			{"spaces alone", "   ", CodeInvalidID, "has spaces before or after it"},
			{"a line break", "2\n1", CodeInvalidID, "cannot be stored"},
		} {
			// It comes through a file as it is.
			data, err := with(Ref{ID: c.id}).Marshal()
			require.NoError(t, err)
			d, problems, err := Parse(data, Human)
			require.NoError(t, err)
			require.Empty(t, problems)
			found := at(Validate(d, cats, testInfo(), nil), path)
			require.NotEmpty(t, found, c.name)
			require.Equal(t, c.code, found[0].Code, c.name)
			require.Equal(t, Error, found[0].Severity)
			require.Contains(t, found[0].Words, c.words)
			require.Less(t, len(found[0].Words), 500, "a sentence, not the id")
			require.True(t, HasErrors(Validate(d, cats, testInfo(), nil)))
		}
		d := with(Ref{ID: "21", Label: strings.Repeat("x", 10_000)})
		found := at(Validate(d, cats, testInfo(), nil), path)
		require.NotEmpty(t, found)
		require.Equal(t, CodeInvalidText, found[0].Code)
	})
}

func TestOptionOfAnotherKindAnywhereNamesThatList(t *testing.T) {
	t.Parallel()
	cats := testCatalogs()
	option := map[driver.Catalog]string{
		driver.Providers: "HYG1", driver.NoteTypes: "239", driver.DocumentFolders: "131",
		driver.AppointmentStatuses: "252", driver.PaymentTypes: "72", driver.AdjustmentTypes: "9",
	}
	refPlaces(t, func(t *testing.T, path string, cat driver.Catalog, with func(Ref) Document) {
		for other, id := range option {
			found := at(Validate(with(Ref{ID: id}), cats, testInfo(), nil), path)
			if other == cat {
				for _, p := range found {
					require.NotEqual(t, CodeWrongList, p.Code)
				}
				continue
			}
			require.NotEmpty(t, found, other)
			require.Equal(t, CodeWrongList, found[0].Code, other)
			require.Equal(t, Error, found[0].Severity)
			require.Contains(t, found[0].Words, "is in the list "+CatalogTitle(other)+" of Open Dental")
			require.Contains(t, found[0].Words, "Choose one from the list "+CatalogTitle(cat)+".")
		}
	})
}

func TestIDThatThePMSReturnsTwiceIsAnErrorOnlyWhereTheRowsDiffer(t *testing.T) {
	t.Parallel()
	refPlaces(t, func(t *testing.T, path string, cat driver.Catalog, with func(Ref) Document) {
		row := driver.Option{ID: "T", Label: "First", Aliases: []string{"one"}, Active: true}
		d := with(Ref{ID: "T", Label: "First"})
		for _, c := range []struct {
			name   string
			second driver.Option
			differ bool
		}{
			{"the row again", row, false},
			{"aliases in another order", driver.Option{ID: "T", Label: "First", Active: true}, false},
			{"another label", driver.Option{ID: "T", Label: "Second", Active: true}, true},
			{"hidden", driver.Option{ID: "T", Label: "First"}, true},
		} {
			for _, rows := range [][]driver.Option{{row, c.second}, {c.second, row}} {
				plain := testCatalogs()
				plain.Lists[cat] = append(append(plain.Lists[cat], rows[0]), rows[1])
				for _, cats := range []Catalogs{plain, plain.Indexed()} {
					var codes []string
					for _, p := range at(Validate(d, cats, testInfo(), nil), path) {
						if p.Code == CodeOptionAmbiguous {
							require.Equal(t, Error, p.Severity)
							require.Contains(t, p.Words, `Open Dental lists the id "T" more than once (`+rows[0].Label+", "+rows[1].Label+")")
						}
						codes = append(codes, p.Code)
					}
					if c.differ {
						require.Contains(t, codes, CodeOptionAmbiguous, c.name)
						require.Equal(t, Warning, at(Validate(d, cats, testInfo(), &d), path)[0].Severity, "saved already")
						continue
					}
					require.NotContains(t, codes, CodeOptionAmbiguous, c.name)
					n := 0
					for _, choice := range Choices(cats, cat, testInfo()) {
						if choice.Ref.ID == "T" {
							n++
						}
					}
					require.Equal(t, 1, n, "shown once")
				}
			}
		}
	})
}

func TestInitialConfirmedSetHasEachStatusOnceAndNoneThatIsUnclear(t *testing.T) {
	t.Parallel()
	confirmed := func(id, label string) driver.Option {
		return driver.Option{ID: id, Label: label, Active: true, Role: driver.RoleConfirmed}
	}
	cats := Catalogs{Lists: map[driver.Catalog][]driver.Option{driver.AppointmentStatuses: {
		confirmed("1", "Confirmed"), confirmed("2", "Yes"), confirmed("1", "Confirmed"), confirmed("3", "Called"), confirmed("3", "Mailed"),
	}}}
	want := []Ref{{ID: "1", Label: "Confirmed"}, {ID: "2", Label: "Yes"}}
	require.Equal(t, want, InitialConfirmed(cats))
	require.Equal(t, want, InitialConfirmed(cats.Indexed()))
}

// Looking for each of a hundred thousand entries among all others and in whole
// catalogs takes minutes.
func TestListThatIsTooLongIsRefusedWithoutBeingResolved(t *testing.T) {
	t.Parallel()
	for path, edit := range map[string]func(*Document, int){
		"statuses.confirmed": func(d *Document, n int) {
			d.Statuses.Confirmed = nil
			for range n {
				d.Statuses.Confirmed = append(d.Statuses.Confirmed, Ref{ID: "Confirmed"})
			}
		},
		"forms.types": func(d *Document, n int) {
			d.Forms.Types = nil
			for i := range n {
				d.Forms.Types = append(d.Forms.Types, FormType{Name: fmt.Sprint(" ", i), Category: driver.InformedConsent, Folder: Ref{ID: "Insurance"}})
			}
		},
	} {
		d := workingDocument()
		edit(&d, MaxItems)
		normal, _ := Normalize(d, testCatalogs())
		require.Empty(t, Validate(normal, testCatalogs(), testInfo(), nil), "pasted texts are resolved")
		edit(&d, MaxItems+1)
		normal, problems := Normalize(d, testCatalogs())
		require.Empty(t, problems)
		require.True(t, normal.Equal(d))
		found := at(Validate(normal, testCatalogs(), testInfo(), nil), path)
		require.Len(t, found, 1)
		require.Equal(t, CodeTooMany, found[0].Code)
		require.Equal(t, Error, found[0].Severity)
	}
}

func TestNamesOfFieldsThatDoNotExistAreShortened(t *testing.T) {
	t.Parallel()
	_, problems, err := Parse([]byte(nested("notes.enabled."+strings.Repeat("x", 10_000), "true")), Human)
	require.NoError(t, err)
	require.Len(t, problems, 1)
	require.Equal(t, "notes.enabled."+strings.Repeat("x", 60)+"…", problems[0].Path)
	require.Less(t, len(problems[0].Words), 200)
}

// fitsAll is a document of which each text fits every option of a long list.
func fitsAll() (Document, Catalogs) {
	const many = 20_000
	list := make([]driver.Option, many)
	for i := range list {
		list[i] = driver.Option{ID: fmt.Sprint("an-id-", i), Label: fmt.Sprint("option ", i), Aliases: []string{"same"}, Active: true}
	}
	var doc Document
	for range 5 {
		doc.Statuses.Confirmed = append(doc.Statuses.Confirmed, Ref{ID: "same"})
	}
	return doc, Catalogs{Lists: map[driver.Catalog][]driver.Option{driver.AppointmentStatuses: list}}.Indexed()
}

func TestTextThatFitsEveryOptionIsRefusedInFewWords(t *testing.T) {
	t.Parallel()
	doc, cats := fitsAll()
	_, problems := Normalize(doc, cats)
	require.Len(t, problems, 5)
	for _, p := range problems {
		require.Equal(t, CodeOptionAmbiguous, p.Code)
		require.Less(t, len(p.Words), 1_000, "not all the options that it fits")
	}
}

// BenchmarkAmbiguousText must cost about what the list is long, for each text.
func BenchmarkAmbiguousText(b *testing.B) {
	doc, cats := fitsAll()
	for b.Loop() {
		Normalize(doc, cats)
	}
}
