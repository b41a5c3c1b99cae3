package opendentaltest_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func TestPatientsAreShownAsTheAPIShowsThem(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		got := p.do(200, "GET", p.path("/patients/%d", p.ada.PatNum), nil)
		require.EqualValues(t, p.ada.PatNum, got["PatNum"])
		require.Equal(t, "1980-02-29", got["Birthdate"])
		require.Equal(t, "Patient", got["PatStatus"])
		require.Equal(t, "Male", got["Gender"])
		require.Equal(t, "DOC", got["priProvAbbr"])
		require.Equal(t, "Standard Account", got["BillingType"])
		require.Equal(t, "false", got["Premed"])
		require.Equal(t, "0001-01-01", got["DateFirstVisit"])
		require.Equal(t, "QuillfeatherAda1", got["ImageFolder"])
		require.EqualValues(t, p.ada.PatNum, got["Guarantor"])
		require.Equal(t, p.today(), got["SecDateEntry"])
		require.NotContains(t, got, "serverDateTime")
		raw := p.try("GET", p.path("/patients/%d", p.ada.PatNum), nil).text
		require.Contains(t, raw, `"EstBalance":0.0`)
		require.Less(t, strings.Index(raw, `"PatNum"`), strings.Index(raw, `"LName"`), "fields come in the database's order")
		p.do(404, "GET", "/patients/999", nil)
	})
}

func TestChangedPatientsAreFoundBySecond(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		clock := time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
		cfg.Now = func() time.Time { return clock }
		p := open(t, cfg)
		since := func(at time.Time) []string {
			var names []string
			for _, row := range p.list("/patients/Simple?DateTStamp=" + url.QueryEscape(at.In(cfg.Location).Format("2006-01-02 15:04:05"))) {
				names = append(names, row["FName"].(string))
			}
			return names
		}
		require.Equal(t, "2026-03-02 09:00:00", p.list("/patients/Simple")[0]["serverDateTime"], "the office's wall clock")
		require.Equal(t, []string{"Ada", "Bruno"}, since(clock), "the filter includes its second")
		require.Empty(t, since(clock.Add(time.Second)))

		p.SkewClock(10 * time.Second)
		_, err := p.EditPatient(t.Context(), p.bruno.PatNum, func(b *opendentaltest.Patient) { b.Preferred = "Bo" })
		require.NoError(t, err)
		require.Equal(t, []string{"Bruno"}, since(clock.Add(time.Second)))
		p.SkewClock(20 * time.Second)
		_, err = p.EditPatient(t.Context(), p.bruno.PatNum, func(b *opendentaltest.Patient) { b.Preferred = "Bo" })
		require.NoError(t, err)
		p.do(200, "PUT", p.path("/patients/%d", p.bruno.PatNum), map[string]any{"Preferred": "Bo"})
		require.Empty(t, since(clock.Add(11*time.Second)), "a save that changes nothing is no change")
	})
}

func TestDeletedAndMergedPatientsVanish(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		ctx := t.Context()
		_, err := p.AddCommlog(ctx, opendentaltest.Commlog{PatNum: p.bruno.PatNum, Note: "moved along"})
		require.NoError(t, err)
		photo, err := p.AddPhoto(ctx, p.bruno.PatNum, ".png", []byte("picture"))
		require.NoError(t, err)
		require.NoError(t, p.MergePatients(ctx, p.ada.PatNum, p.bruno.PatNum))
		require.Equal(t, "Archived", p.do(200, "GET", p.path("/patients/%d", p.bruno.PatNum), nil)["PatStatus"])
		require.Len(t, p.list(p.path("/commlogs?PatNum=%d", p.ada.PatNum)), 1)
		docs, err := p.Documents(ctx)
		require.NoError(t, err)
		require.Equal(t, photo.DocNum, docs[0].DocNum)
		require.Equal(t, p.ada.PatNum, docs[0].PatNum)
		require.Equal(t, []byte("picture"), docs[0].Content)
		require.Error(t, p.MergePatients(ctx, p.ada.PatNum, p.ada.PatNum))

		require.NoError(t, p.DeletePatient(ctx, p.ada.PatNum))
		p.do(404, "GET", p.path("/patients/%d", p.ada.PatNum), nil)
		p.do(404, "POST", "/commlogs", map[string]any{"PatNum": p.ada.PatNum, "Note": "x"})
		require.Contains(t, p.do(400, "PUT", p.path("/appointments/%d/Confirm", p.appointment.AptNum), map[string]any{"defNum": 21})["error"], "deleted")
		for _, row := range p.list("/patients/Simple") {
			require.NotEqualValues(t, p.ada.PatNum, row["PatNum"])
		}
	})
}

func TestSearchFindsByNamePhoneAndBirthdate(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		for query, want := range map[string][]string{
			"LName=feather":                        {"Ada", "Bruno"},
			"LName=QUILL&FName=bru":                {"Bruno"},
			"Phone=5035550142":                     {"Ada"},
			"Phone=" + url.QueryEscape("555-01"):   {"Ada", "Bruno"},
			"Birthdate=2010-07-04":                 {"Bruno"},
			"Birthdate=1980-02-29&LName=nobody":    nil,
			"LName=" + url.QueryEscape("%"):        nil,
			"guarOnly=true":                        {"Ada"},
			"Email=ADA%40example":                  {"Ada"},
			"clinicNums=0,7":                       {"Ada", "Bruno"},
			"LName=quill&Limit=1&Offset=1":         {"Bruno"},
			"LName=quill&Limit=1&Offset=2":         nil,
			"showArchived=true&hideInactive=false": {"Ada", "Bruno"},
		} {
			var names []string
			for _, row := range p.list("/patients?" + query) {
				names = append(names, row["FName"].(string))
			}
			require.Equal(t, want, names, query)
		}
		require.NoError(t, p.ArchivePatient(t.Context(), p.bruno.PatNum))
		require.Len(t, p.list("/patients?LName=quill"), 1)
		require.Len(t, p.list("/patients?LName=quill&showArchived=true"), 2)
		p.do(400, "GET", "/patients?Phone=abc", nil)
		p.do(400, "GET", "/patients?Birthdate=07/04/2010", nil)
	})
}

func TestPostPatientRefusesATwin(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		twin := map[string]any{"LName": "quillfeather", "FName": "Ada", "Birthdate": "1980-02-29", "WirelessPhone": "503.555.0142"}
		require.Contains(t, p.do(400, "POST", "/patients", twin)["error"], "already exists")
		twin["WirelessPhone"] = "(503)555-0100"
		a := p.try("POST", "/patients", twin)
		require.Equal(t, 201, a.status, "another phone, another person")
		require.Contains(t, a.header.Get("Location"), "/api/v1/patients/3")
		require.Contains(t, a.text, `"Gender":"Unknown"`)
		p.do(400, "POST", "/patients", map[string]any{"LName": "Quill"})
		p.do(400, "POST", "/patients", map[string]any{"LName": "Quill", "FName": "A", "PatStatus": "Deleted"})
		p.do(404, "POST", "/patients", map[string]any{"LName": "Quill", "FName": "A", "PriProv": 99})
	})
}

func TestPutPatientIsPartial(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		got := p.do(200, "PUT", p.path("/patients/%d", p.ada.PatNum), map[string]any{"Email": "", "LName": "", "City": "Port Linden"})
		require.Equal(t, "", got["Email"], "an empty string clears")
		require.Equal(t, "Quillfeather", got["LName"], "but never a name")
		require.Equal(t, "Port Linden", got["City"])
		require.Equal(t, "(503)555-0142", got["WirelessPhone"], "what is left out stays")
		p.do(400, "PUT", p.path("/patients/%d", p.ada.PatNum), map[string]any{"Birthdate": "2/29/1980"})
		p.do(400, "PUT", p.path("/patients/%d", p.ada.PatNum), map[string]any{"BillingType": "Nonsense"})
	})
}
