package settings

import (
	"fmt"
	"testing"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

// hugeCatalogs have 5,000 options in each list, those in use at the end.
func hugeCatalogs() Catalogs {
	cats := testCatalogs()
	for cat, list := range cats.Lists {
		long := make([]driver.Option, 0, 5000)
		for i := range 5000 - len(list) {
			long = append(long, driver.Option{ID: fmt.Sprintf("%s-%04d", cat, i), Label: fmt.Sprintf("Option %d", i), Active: true})
		}
		cats.Lists[cat] = append(long, list...)
	}
	return cats
}

func BenchmarkValidate(b *testing.B) {
	doc, info, cats := workingDocument(), testInfo(), hugeCatalogs()
	broken := doc.Clone()
	for _, k := range driver.NoteKinds() {
		broken.Notes.TypeByKind[k] = Ref{ID: "gone " + string(k)}
	}
	require.Empty(b, Validate(doc, cats, info, nil))
	for _, c := range []struct {
		name string
		doc  Document
		cats Catalogs
	}{
		{"searched", doc, cats}, {"indexed", doc, cats.Indexed()}, {"broken", broken, cats.Indexed()},
	} {
		b.Run("options=5000/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Validate(c.doc, c.cats, info, nil)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	data, err := filledDocument().Marshal()
	require.NoError(b, err)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Parse(data, Stored); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQueries(b *testing.B) {
	doc, cats := workingDocument(), hugeCatalogs().Indexed()
	b.ReportAllocs()
	for b.Loop() {
		r, on := doc.NoteType(driver.IncomingCall)
		if !on || cats.Standing(driver.NoteTypes, r, true) != StandingGood {
			b.Fatal("not good")
		}
	}
}
