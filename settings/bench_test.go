package settings

import (
	"fmt"
	"testing"
	"time"

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

// fullDocument has every field set, as many form types and statuses as there may
// be, and nothing wrong with hugeCatalogs: each reference is another option, from
// anywhere in its list.
func fullDocument(cats Catalogs) Document {
	d := workingDocument()
	d.Intervals = Intervals{AppointmentStatus: Seconds(15), AppointmentChanges: Seconds(60), NewPatients: Seconds(30), Photos: true, PhotoSweep: Seconds(900)}
	d.Payments.OffsetFee = Ref{ID: "9", Label: "Fee offset"}
	d.Statuses.Confirmed, d.Forms.Types = nil, nil
	for i := range MaxItems {
		d.Statuses.Confirmed = append(d.Statuses.Confirmed, Ref{ID: "to be set"})
		d.Forms.Types = append(d.Forms.Types, FormType{
			Name: fmt.Sprintf("Form type %d", i), Category: driver.FormCategories()[i%4], Folder: Ref{ID: "to be set"},
		})
	}
	i := 0
	d.changeRefs(func(at Reference) Ref {
		i += 11
		return refTo(cats.Lists[at.Catalog][i])
	})
	d.Statuses.ConfirmedTarget = d.Statuses.Confirmed[MaxItems-1]
	return d
}

func TestFullDocumentHasEveryFieldSet(t *testing.T) {
	t.Parallel()
	cats := hugeCatalogs()
	d := fullDocument(cats)
	for i := range fields {
		require.True(t, fields[i].isOn(&d), fields[i].path)
	}
	require.Len(t, d.Forms.Types, MaxItems)
	require.Len(t, d.Statuses.Confirmed, MaxItems)
	require.Len(t, d.References(), 430)
	for _, list := range cats.Lists {
		require.Len(t, list, 5000)
	}
	require.Empty(t, Validate(d, cats, testInfo(), nil))
}

// The baseline looks for each reference in its whole list. "once" is what a host
// gets that keeps no index and validates once: Validate makes one. "indexed" is
// what the engine does, which makes it once for each reading of the catalogs.
func BenchmarkValidate(b *testing.B) {
	info, cats := testInfo(), hugeCatalogs()
	doc := fullDocument(cats)
	broken := doc.Clone()
	broken.changeRefs(func(at Reference) Ref { return Ref{ID: "gone " + at.Path} })
	indexed := cats.Indexed()
	searched := func(doc Document) []Problem {
		c := check{doc: &doc, cats: cats, info: info, known: true, hints: 20}
		return c.all()
	}
	for _, c := range []struct {
		name     string
		doc      Document
		validate func(Document) []Problem
	}{
		{"baseline", doc, searched},
		{"once", doc, func(d Document) []Problem { return Validate(d, cats, info, nil) }},
		{"indexed", doc, func(d Document) []Problem { return Validate(d, indexed, info, nil) }},
		{"broken", broken, func(d Document) []Problem { return Validate(d, indexed, info, nil) }},
	} {
		b.Run("options=5000/"+c.name, func(b *testing.B) {
			require.Equal(b, c.name == "broken", HasErrors(c.validate(c.doc)))
			b.ReportAllocs()
			for b.Loop() {
				c.validate(c.doc)
			}
			perDocument := b.Elapsed() / time.Duration(b.N)
			const runs = 20
			start := time.Now()
			for range runs {
				searched(doc)
			}
			b.ReportMetric(float64(time.Since(start)/runs)/float64(perDocument), "x-searched")
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
