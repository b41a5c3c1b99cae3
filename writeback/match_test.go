package writeback

import (
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

var born = driver.Date{Year: 1985, Month: 12, Day: 10}

func TestSpellingsOfOneNameAreEqual(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{
		{"Lovelace", "LOVELACE", " lovelace ", "Love lace", "Love-lace", "Lovelace.", "Lovelace, Jr.", "Lovelace Jr", "LOVELACE SR.", "Lovelace III", "Lovelace II", "Lovelace, IV", "Lovelace Jr. III", "Lovelace\tJr"},
		{"O'Brien", "OBrien", "O’Brien", "O´Brien", "O ʼBrien", "o-brien", "OʻBRIEN", "O`Brien"},
		{"Núñez", "Nunez", "NÚÑEZ", "Nu\u0301n\u0303ez"},
		{"van der Berg", "Van Der Berg", "VanDerBerg", "van-der-Berg"},
		{"Strauß", "Strauss", "STRAUẞ", "STRAUSS"},
		{"İnönü", "Inonu", "inönü", "INÖNÜ", "ınönü"},
		{"Łukasz", "Lukasz", "łukasz"},
		{"Søren", "Soren", "SØREN"},
		{"Ægir", "AEgir", "aegir"},
		{"Œuvray", "Oeuvray"},
		{"Þór", "Thor"},
		{"Đorđe", "Dorde"},
		{"Garcia-Lopez", "García López", "GARCIALOPEZ"},
		{"Ｌｅｅ", "Lee"},
		{"Jr", "Jr.", "JR"},
		{"Нина", "НИНА"},
		{"Γιώργος", "Γιωργος", "ΓΙΏΡΓΟΣ"},
		{"Anne 2", "anne2"},
	} {
		for _, a := range names {
			require.Equal(t, foldName(names[0]), foldName(a), "%q and %q", names[0], a)
			require.NotEmpty(t, foldName(a))
		}
	}
}

func TestNamesThatAreNotEqualStayApart(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, name := range []string{
		"Lovelace", "Lovelac", "Müller", "Mueller", "Ada", "Adah", "Bob", "Robert", "Liz", "Elizabeth", "Ada M", "Jr", "Junior", "Lee", "Li",
		"Sorensen", "Soerensen", "นาม", "นม", "かき", "かぎ", "कमल", "कमला", "V", "Smith V", "Smith MD",
	} {
		folded := foldName(name)
		require.NotContains(t, seen, folded, "%q and %q", name, seen[folded])
		seen[folded] = name
	}
	for _, nothing := range []string{"", " ", "-", "...", ",", "\u0301", "'’"} {
		require.Empty(t, foldName(nothing), "%q", nothing)
	}
}

func FuzzNamesFoldOnce(f *testing.F) {
	for _, s := range []string{"O'Brien", "Strauß Jr.", "ŁĄ", "İı", "ﬁ", "A III", "か\u3099", "Jr Jr", "\u0149", "ΐ", "ǰ", "Ⅲ", "Smith Ⅲ", "a\u0345b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		folded := foldName(s)
		require.Equal(t, folded, foldName(folded), "folding again changes nothing: %q", s)
		require.Equal(t, folded, foldName(" "+s+"\n"))
		require.Equal(t, folded, foldName(s+"."))
		if plain, ok := foldASCII(s); ok {
			// The quick way and the long way are one.
			require.Equal(t, plain, foldUnicode(s), "%q", s)
		}
	})
}

func candidate(id, first, last string) driver.Patient {
	return driver.Patient{ID: id, FirstName: Text(first), LastName: Text(last), BirthDate: driver.NewBirthDate(born), State: driver.PatientActive}
}

func TestOnlyOneCertainPatientMatches(t *testing.T) {
	t.Parallel()
	ada, twin, other := candidate("1", "Ada", "Lovelace"), candidate("2", "Annabella", "Lovelace"), candidate("3", "Grace", "Hopper")
	namesake := candidate("4", "ADA", "Love-Lace")
	with := func(c driver.Patient, change func(*driver.Patient)) driver.Patient {
		change(&c)
		return c
	}
	later := with(ada, func(c *driver.Patient) {
		c.BirthDate = driver.NewBirthDate(driver.Date{Year: 1985, Month: 10, Day: 12})
	})
	unborn := with(ada, func(c *driver.Patient) { c.BirthDate = driver.BirthDate{} })
	archived := with(namesake, func(c *driver.Patient) { c.State = driver.PatientArchived })
	want := PatientNamed("Ada", "Lovelace", born)
	withID := func(id string) Patient {
		p := want
		p.ID = id
		return p
	}
	for _, tc := range []struct {
		name       string
		want       Patient
		candidates []driver.Patient
		result     matchOutcome
		patient    string
	}{
		{"one", want, []driver.Patient{other, ada}, matchOne, "1"},
		{"nobody born that day", want, nil, matchNone, ""},
		{"others born that day", want, []driver.Patient{other}, matchNone, ""},
		{"twin of another name", want, []driver.Patient{twin, ada}, matchOne, "1"},
		{"only the twin", want, []driver.Patient{twin}, matchNone, ""},
		{"namesake", want, []driver.Patient{ada, namesake}, matchMany, ""},
		{"the same record twice", want, []driver.Patient{ada, ada}, matchOne, "1"},
		{"archived namesake", want, []driver.Patient{ada, archived}, matchOne, "1"},
		{"only archived", want, []driver.Patient{archived}, matchNone, ""},
		{"inactive", want, []driver.Patient{with(ada, func(c *driver.Patient) { c.State = driver.PatientInactive })}, matchOne, "1"},
		{"day and month swapped", want, []driver.Patient{later}, matchNone, ""},
		{"birth date missing there", want, []driver.Patient{unborn}, matchNone, ""},
		{"birth date missing here", Patient{First: Text("Ada"), Last: Text("Lovelace")}, []driver.Patient{unborn}, matchNone, ""},
		{"names swapped", PatientNamed("Lovelace", "Ada", born), []driver.Patient{ada}, matchNone, ""},
		{"nickname", PatientNamed("Addie", "Lovelace", born), []driver.Patient{ada}, matchNone, ""},
		{"middle name here only", PatientNamed("Ada Augusta", "Lovelace", born), []driver.Patient{ada}, matchNone, ""},
		{"suffix there only", want, []driver.Patient{candidate("1", "Ada", "Lovelace Jr.")}, matchOne, "1"},
		{"father and son of one birth date", want, []driver.Patient{ada, candidate("5", "Ada", "Lovelace Jr.")}, matchMany, ""},
		{"no last name", PatientNamed("Ada", "", born), []driver.Patient{candidate("1", "Ada", "")}, matchNone, ""},
		{"names of nothing but dots", PatientNamed(".", "-", born), []driver.Patient{candidate("1", "?", "--"), candidate("2", "", "")}, matchNone, ""},
		{"with the right id", withID("1"), []driver.Patient{other, ada}, matchOne, "1"},
		{"with another's id", withID("3"), []driver.Patient{other, ada}, matchConflict, ""},
		{"with an id nobody has", withID("99"), []driver.Patient{ada}, matchConflict, ""},
		{"with an id, born another day", withID("1"), nil, matchConflict, ""},
		{"with an id of one of two namesakes", withID("1"), []driver.Patient{ada, namesake}, matchMany, ""},
		{"with an archived id", withID("4"), []driver.Patient{ada, archived}, matchConflict, ""},
	} {
		got := match(tc.want, tc.candidates)
		require.Equal(t, tc.result, got.Result, tc.name)
		require.Equal(t, tc.patient, got.Patient, tc.name)
		// Whoever fits is proposed where a person has to choose, and nobody else is.
		switch tc.name {
		case "namesake", "with an id of one of two namesakes":
			require.Equal(t, []string{"1", "4"}, got.Candidates, tc.name)
		case "father and son of one birth date":
			require.Equal(t, []string{"1", "5"}, got.Candidates, tc.name)
		case "with another's id", "with an id nobody has", "with an archived id":
			require.Equal(t, []string{"1"}, got.Candidates, tc.name)
		default:
			require.Empty(t, got.Candidates, tc.name)
		}
	}
}

// A person linked the host's id to a PMS patient: a payment that names somebody
// else by it is a conflict, as with the PMS's own id.
func TestLinkedIDIsCheckedForMoneyOnly(t *testing.T) {
	t.Parallel()
	find := func(list ...driver.Patient) func(_ ctx, q driver.PatientQuery) ([]driver.Patient, error) {
		return func(_ ctx, q driver.PatientQuery) ([]driver.Patient, error) {
			require.Equal(t, driver.FindByBirthDate, q.By())
			return list, nil
		}
	}
	it := patientIs(paymentItem(), someone, matchPending)
	it.near.linked = "7"
	require.NoError(t, it.lookUp(t.Context(), find(candidate("1", "Ada", "Lovelace"))))
	require.Equal(t, matchConflict, it.pr.Match.Result)
	it = patientIs(noteItem(), someone, matchPending)
	it.p.Patient.ID = "7"
	require.NoError(t, it.lookUp(t.Context(), find(candidate("1", "Ada", "Lovelace"))))
	require.Equal(t, matchResult{Result: matchOne, Patient: "1"}, it.pr.Match)
}

func BenchmarkMatch(b *testing.B) {
	// In a practice of 30,000 patients some two or three share a birth date;
	// a date that stands for "unknown" may have hundreds.
	for _, n := range []int{3, 300} {
		var list []driver.Patient
		for i := range n {
			list = append(list, candidate(fmt.Sprint(i), "José María", fmt.Sprintf("García-López %d", i)))
		}
		list[n-1] = candidate("x", "Ada", "Lovelace")
		b.Run(fmt.Sprint(n, " candidates"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if match(PatientNamed("Ada", "Lovelace", born), list).Result != matchOne {
					b.Fatal("no match")
				}
			}
		})
	}
}
