package settings

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzImport(f *testing.F) {
	around := func(practice, doc string) []byte {
		return []byte(`{"format": "pms-writeback-settings", "version": 1, "practice": "` + practice + `", "product": "Open Dental", "exported_at": "2026-01-31T17:00:00Z", "settings": ` + doc + `}`)
	}
	for i, s := range seeds(f) {
		for _, practice := range []string{"main-street", "northside", "elsewhere"} {
			f.Add(around(practice, string(s)), s, uint16(i*37))
			f.Add(around(practice, string(s)), []byte(`{}`), uint16(i<<10))
		}
	}
	for _, file := range []string{``, `{}`, `{"format": "pms-writeback-settings", "version": 2}`, strings.Repeat("[", 100), `{"format": 1, "format": 2}`} {
		f.Add([]byte(file), []byte(nil), uint16(0))
	}
	f.Fuzz(func(t *testing.T, data, saved []byte, bits uint16) {
		e, problems, err := ParseExport(data)
		if err != nil {
			require.Equal(t, Export{}, e)
			require.Empty(t, problems)
			return
		}
		require.Less(t, len(problems), 2*maxProblems)
		for _, p := range problems {
			require.Equal(t, Error, p.Severity)
			require.NotEmpty(t, p.Words)
		}
		file, err := e.Marshal()
		require.NoError(t, err, "what was read can be written")
		again, none, err := ParseExport(file)
		require.NoError(t, err)
		require.Equal(t, HasErrors(none), len(e.Document.Forms.Types) > MaxItems || len(e.Document.Statuses.Confirmed) > MaxItems)
		require.True(t, again.Document.Equal(e.Document))
		require.True(t, again.At.Equal(e.At))
		require.Equal(t, e.Practice+e.Product, again.Practice+again.Product)

		for _, to := range []Place{mainStreet(), northside(), {Practice: "elsewhere"}} {
			to.Catalogs, to.Info = fuzzWorld(bits)
			if to.Practice == "northside" {
				to.Catalogs, to.Info = northside().Catalogs, northside().Info
			}
			if doc, _, err := Parse(saved, Stored); err == nil {
				to.Saved = &doc
			}
			got, report, err := e.Into(to)
			if err != nil {
				require.ErrorIs(t, err, ErrNotRead)
				continue
			}
			for _, m := range report.References {
				require.NotEmpty(t, m.Words)
				require.NotEmpty(t, m.Label)
				require.Equal(t, report.ByLabel, m.Outcome != OutcomeKept && m.Outcome != OutcomeRelabelled)
				if report.ByLabel && !m.Now.IsZero() {
					require.Equal(t, OutcomeMapped, m.Outcome)
				}
			}
			if report.ByLabel {
				for _, r := range got.References() {
					if r.Ref == (Ref{}) {
						continue // in a set that is too long, and refused
					}
					require.Equal(t, StandingGood, to.Catalogs.Standing(r.Catalog, r.Ref, to.Info.ReusesIDs), "what is chosen is there: %v", r)
				}
			}
			for _, p := range report.Problems {
				require.NotEmpty(t, p.Words)
			}
			out, err := got.Marshal()
			if err != nil {
				require.ErrorContains(t, err, "are allowed")
				require.True(t, HasErrors(report.Problems) || len(saved) > MaxSize/32)
				continue
			}
			back, _, err := Parse(out, Stored)
			require.NoError(t, err)
			require.True(t, back.Equal(got))
		}
	})
}
