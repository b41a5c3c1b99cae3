package settings

import (
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

func seeds(f *testing.F) [][]byte {
	filled, err := filledDocument().Marshal()
	require.NoError(f, err)
	return [][]byte{
		filled, []byte(`{}`), []byte(`null`), []byte(``), []byte(`{"schema": 9, "later": [1, {"a": 2.50}]}`),
		[]byte(`{"sync": {"provider": " DOC1 "}, "statuses": {"confirmed": ["21", "21", ""], "confirmed_target": "19", "unconfirmed_target": "21"}}`),
		[]byte(`{"notes": {"enabled": {"missed_call": true, "fax": 1}, "type": {"id": "1", "label": "x", "z": 0}}, "notes.type": 1}`),
		[]byte(`{"forms": {"types": [{"name": "A", "category": "x", "folder": {"id": "9"}}, {"name": "a"}, {}]}}`),
		[]byte(`{"intervals": {"new_patients": "off", "photos": true, "photo_sweep": "1.5s", "appointment_status": -3, "appointment_changes": 99999999999}}`),
		[]byte(`{"payments": {"auto": true, "separate": true, "types": {"online": "71"}, "offset_fee": "9"}}`),
		[]byte(`{"a": {"a": 1, "a": 2}}`), []byte("{\"\\ud800\": \"\\u0000\"}"), []byte("\ufeff{}"),
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, mode := range []Mode{Human, Stored} {
			doc, problems, err := Parse(data, mode)
			if err != nil {
				require.True(t, doc.Equal(Default()))
				require.Empty(t, problems)
				continue
			}
			for _, p := range problems {
				require.NotEmpty(t, p.Words)
				require.NotEmpty(t, p.Code)
				require.True(t, mode == Human || p.Severity == Warning, p)
			}
			out, err := doc.Marshal()
			if err != nil {
				require.ErrorContains(t, err, "are allowed")
				require.Greater(t, len(data), MaxSize/32, "only a huge document can grow too large")
				continue
			}
			again, _, err := Parse(out, Stored)
			require.NoError(t, err)
			require.True(t, again.Equal(doc), "%s", out)
			once, err := again.Marshal()
			require.NoError(t, err)
			require.Equal(t, string(out), string(once))
		}
	})
}

func FuzzValidate(f *testing.F) {
	for i, s := range seeds(f) {
		f.Add(s, []byte(`{}`), uint16(i*37))
		f.Add([]byte(`{}`), s, uint16(i))
		f.Add(s, s, uint16(1<<8|i<<10))
	}
	f.Fuzz(func(t *testing.T, data, saved []byte, bits uint16) {
		doc, _, err := Parse(data, Human)
		if err != nil {
			return
		}
		cats, info := fuzzWorld(bits)
		first := Validate(doc, cats, info, nil)
		require.Equal(t, first, Validate(doc, cats, info, nil), "the same arguments give the same problems")
		for _, p := range first {
			require.NotEmpty(t, p.Words, p)
			require.True(t, p.Severity == Error || p.Severity == Warning, p)
			if p.Path != "" {
				_, err := Get(doc, p.Path)
				require.NoError(t, err, "a problem's path leads to its field: %v", p)
			}
		}
		for _, r := range doc.References() {
			got, err := Get(doc, r.Path)
			require.NoError(t, err)
			require.Equal(t, r.Ref, got)
		}

		// What did not change is no worse than it was.
		same := Validate(doc, cats, info, &doc)
		require.Len(t, same, len(first))
		for i := range same {
			require.Equal(t, first[i].Path, same[i].Path)
			require.False(t, first[i].Severity == Warning && same[i].Severity == Error, same[i])
		}

		before, _, err := Parse(saved, Stored)
		if err != nil {
			return
		}
		// What was saved before makes some of it milder, and changes nothing else.
		after := Validate(doc, cats, info, &before)
		require.Equal(t, after, Validate(doc, cats.Indexed(), info, &before), "an index changes nothing")
		require.Len(t, after, len(first))
		for i, p := range after {
			require.Equal(t, first[i].Path, p.Path)
			require.Equal(t, first[i].Code, p.Code)
			require.Equal(t, first[i].Suggestions, p.Suggestions)
			require.True(t, p.Severity == first[i].Severity || p.Severity == Warning, p)
		}
		for _, cat := range driver.Catalogs() {
			seen := map[Ref]bool{}
			for _, c := range Choices(cats, cat, info, doc.Provider(), before.Notes.Type) {
				require.Equal(t, c.Broken, c.Why != "", c)
				require.False(t, seen[c.Ref] && !c.Broken && cats.Read(cat), "shown twice: %v", c)
				seen[c.Ref] = seen[c.Ref] || !c.Broken
			}
		}
		normal, _ := Normalize(doc, cats)
		again, _ := Normalize(normal, cats)
		require.True(t, again.Equal(normal))
		require.Empty(t, Diff(doc, doc))
		for _, c := range Diff(before, doc) {
			require.NotEmpty(t, c.Path)
		}
	})
}

// fuzzWorld makes a PMS in one of many conditions.
func fuzzWorld(bits uint16) (Catalogs, driver.Info) {
	bit := func(n int) bool { return bits>>n&1 == 1 }
	cats, info := testCatalogs(), testInfo()
	if bit(0) {
		cats = Catalogs{}
	}
	if bit(1) {
		info = driver.Info{}
	}
	if bit(2) {
		cats.Stale = "Not checked since 9:14."
	}
	if bit(3) && cats.Lists != nil {
		cats.Lists[driver.AppointmentStatuses] = append(cats.Lists[driver.AppointmentStatuses], driver.Option{ID: "21", Label: "Twice"})
	}
	if bit(4) {
		delete(cats.Lists, driver.Providers)
	}
	if bit(5) {
		delete(info.Catalogs, driver.Providers)
	}
	if bit(6) {
		delete(info.Ops, driver.OpNote)
	}
	if bit(7) && info.Feeds != nil {
		info.Feeds[driver.PatientFeed] = driver.FeedInfo{Support: driver.Yes(), MinInterval: time.Hour}
	}
	info.ReusesIDs = bit(8)
	for cat, list := range cats.Lists {
		for i, o := range list {
			if bit(10) {
				list = append(list, o) // the same row read twice
			}
			if bit(11) && i%2 == 0 {
				o.Active = !o.Active
				list = append(list, o)
			}
			if bit(12) && i%3 == 0 {
				list = append(list, driver.Option{ID: o.ID, Label: "Another " + o.Label, Active: true, Role: driver.RoleArrived})
			}
			if bit(13) {
				list[i].Label = "Renamed " + o.Label
			}
		}
		cats.Lists[cat] = list
	}
	if bit(9) {
		cats = cats.Indexed()
	}
	return cats, info
}
