package settings

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

// randomDocument makes a document that may be wrong in any way, but for what no
// JSON can hold.
func randomDocument(r *rand.Rand) Document {
	ids := []string{"", "1", "001", "DOC1", "doc1", "TWIN", "3", "239", "21", "19", "22", "131", "71", "gone", " 1 ", "ü & <ö>", "a\"b\\c", "\u2028", "9"}
	labels := []string{"", "Dr. Adams", "Misc", "E-mailed", "Ümlaut & <Co>", "日本"}
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	ref := func() Ref { return Ref{ID: pick(ids), Label: pick(labels)} }
	interval := func() Interval {
		switch r.IntN(4) {
		case 0:
			return Never()
		case 1:
			return Every(time.Duration(r.Int64()))
		case 2:
			return Every(-time.Duration(r.Int64N(1e12)))
		}
		return Seconds(r.IntN(100_000))
	}
	d := Default()
	for i := range fields {
		if r.IntN(3) == 0 {
			continue
		}
		f := &fields[i]
		switch f.typ {
		case TypeToggle:
			f.set(&d, r.IntN(2) == 0)
		case TypeRef, TypeTarget:
			f.set(&d, ref())
		case TypeInterval:
			f.set(&d, interval())
		case TypeRefSet:
			var refs []Ref
			for range r.IntN(5) {
				refs = append(refs, ref())
			}
			f.set(&d, refs)
		case TypeFormTypes:
			var types []FormType
			for range r.IntN(4) {
				categories := append(driver.FormCategories(), "", "unheard")
				types = append(types, FormType{Name: pick(labels), Category: categories[r.IntN(len(categories))], Folder: ref()})
			}
			f.set(&d, types)
		}
	}
	if r.IntN(4) == 0 {
		d.schema = SchemaVersion + 1
		d.extras = extras{{"notes", "", "later"}: `{"a":1}`, {"", "", "x"}: `[true,null]`, {"sync.provider", d.Sync.ProviderID.ID, "y"}: `"z"`}
	}
	return d
}

func everyDocument(t *testing.T, test func(t *testing.T, r *rand.Rand, d Document)) {
	t.Helper()
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		test(t, r, randomDocument(r))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestAnyDocumentSurvivesTheStore(t *testing.T) {
	t.Parallel()
	everyDocument(t, func(t *testing.T, _ *rand.Rand, d Document) {
		data, err := d.Marshal()
		require.NoError(t, err)
		got, _, err := Parse(data, Stored)
		require.NoError(t, err)
		require.True(t, got.Equal(d), "%s", data)
		again, err := got.Marshal()
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
	})
}

func TestAnyFieldOfAnyDocumentIsSetFromItsText(t *testing.T) {
	t.Parallel()
	everyDocument(t, func(t *testing.T, r *rand.Rand, d Document) {
		other := randomDocument(r)
		for i := range fields {
			f := &fields[i]
			text, err := Text(d, f.path)
			require.NoError(t, err)
			got := other.Clone()
			require.NoError(t, Set(&got, f.path, text))
			back, err := Text(got, f.path)
			require.NoError(t, err)
			if !hasBlankEntry(f.get(&d)) && !unlabelled(f.get(&d)) {
				require.Equal(t, text, back, f.path)
			}
		}
	})
}

// hasBlankEntry finds references without an id, which a line of text cannot hold.
func hasBlankEntry(v any) bool {
	switch v := v.(type) {
	case Ref:
		return v.IsZero()
	case []Ref:
		for _, r := range v {
			if r.IsZero() {
				return true
			}
		}
	}
	return false
}

// unlabelled finds references that take over the label of the one before.
func unlabelled(v any) bool {
	switch v := v.(type) {
	case Ref:
		return v.Label == ""
	case []Ref:
		for _, r := range v {
			if r.Label == "" {
				return true
			}
		}
	}
	return false
}

func TestAnyDocumentEqualsItsCloneAndHasNoDifferences(t *testing.T) {
	t.Parallel()
	everyDocument(t, func(t *testing.T, r *rand.Rand, d Document) {
		require.True(t, d.Equal(d.Clone()))
		require.Empty(t, Diff(d, d))
		other := randomDocument(r)
		require.Len(t, Diff(other, d), len(Diff(d, other)), "as many back as forth")
		for _, c := range Diff(d, other) {
			require.NotEqual(t, c.Before, c.After, c)
			require.NotEmpty(t, c.Label)
		}
	})
}

func TestDifferencesLeadFromOneDocumentToTheOther(t *testing.T) {
	t.Parallel()
	everyDocument(t, func(t *testing.T, r *rand.Rand, d Document) {
		other := randomDocument(r)
		other.schema, other.extras = d.schema, d.extras
		got := d.Clone()
		for i := range fields {
			f := &fields[i]
			f.set(&got, f.get(&other))
		}
		require.Empty(t, Diff(got, other))
	})
}

func TestNormalizeTwiceIsNormalizeOnce(t *testing.T) {
	t.Parallel()
	everyDocument(t, func(t *testing.T, _ *rand.Rand, d Document) {
		once, first := Normalize(d, testCatalogs())
		twice, second := Normalize(once, testCatalogs().Indexed())
		require.True(t, twice.Equal(once))
		require.Equal(t, first, second)
	})
}

func TestQueriesAreTotal(t *testing.T) {
	t.Parallel()
	everyDocument(t, func(t *testing.T, _ *rand.Rand, d Document) {
		for _, doc := range []Document{d, {}} {
			for _, feed := range append(driver.Feeds(), "", "other") {
				every, on := doc.Interval(feed)
				require.Equal(t, on, every > 0)
				paced, pacedOn := doc.PacedInterval(feed, testInfo())
				require.Equal(t, on, pacedOn)
				require.GreaterOrEqual(t, paced, every)
			}
			require.Equal(t, doc.Provider().IsZero(), doc.PaymentProvider().IsZero())
			require.True(t, doc.FormFolder("other", "other").IsZero())
			require.True(t, doc.PaymentType("other").IsZero())
			require.True(t, doc.Folder("other").IsZero())
			require.False(t, doc.IsConfirmed(""))
			require.False(t, doc.ClearReferences().Writes())
			require.Empty(t, doc.ClearReferences().References())
		}
	})
}
