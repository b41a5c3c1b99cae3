package writeback

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestTitlesAreMadeByTheTemplate(t *testing.T) {
	t.Parallel()
	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	file := func(d documentData) *item {
		// In Chicago it is still the third of March.
		return &item{p: payload{At: time.Date(2025, 3, 4, 4, 0, 0, 0, time.UTC), Document: &d}}
	}
	insurance := documentData{Kind: driver.InsuranceVerification, Title: "Delta"}
	form := documentData{Kind: driver.FormDocument, Category: driver.InformedConsent, FormType: "Botox", Title: "Consent of Ada"}
	with := func(d documentData, title string) documentData { d.Title = title; return d }
	for _, tc := range []struct {
		template string
		doc      documentData
		want     string
	}{
		{"", insurance, "Delta"},
		{"", with(insurance, ""), "Insurance Verification 2025-03-03"},
		{"", with(form, " \n"), "Informed Consent 2025-03-03"},
		{"", with(form, " -- "), "Informed Consent 2025-03-03"},
		{"", with(form, "🦷"), "🦷"},
		{"", documentData{Kind: driver.AccountStatement}, "Account Statement 2025-03-03"},
		{"", documentData{Kind: driver.FormDocument, Category: driver.TreatmentPlan}, "Treatment Plan 2025-03-03"},
		{"{title}", insurance, "Delta"},
		{"{host}: {title} ({date})", insurance, "Acme: Delta (2025-03-03)"},
		{"{kind}, {category}, {form_type}", form, "Informed Consent, Informed Consent, Botox"},
		{"{kind}|{category}|{form_type}|", insurance, "Insurance Verification|||"},
		{"{form_type} - {category}", insurance, "Insurance Verification 2025-03-03"},
		{"{title}{title}", insurance, "DeltaDelta"},
		{"Filed", form, "Filed"},
		// What stands in for a placeholder is no template.
		{"{title} {date}", with(form, "{date} {host} {"), "{date} {host} { 2025-03-03"},
		{"{form_type}", documentData{Kind: driver.FormDocument, Category: driver.InformedConsent, FormType: "{title}"}, "{title}"},
	} {
		parsed, err := parseTitle(tc.template)
		require.NoError(t, err, tc.template)
		require.Equal(t, tc.want, parsed.render(file(tc.doc), "Acme", chicago), tc.template)
	}
	var none titleTemplate
	require.Equal(t, "Delta", none.render(file(insurance), "Acme", chicago))
	parsed, err := parseTitle("{title}{form_type}")
	require.NoError(t, err)
	require.Equal(t, "************1111", parsed.render(file(documentData{Kind: driver.FormDocument, Title: "41111111", FormType: "11111111"}), "", chicago))
	for _, category := range driver.FormCategories() {
		require.NotEmpty(t, documentWords(&documentData{Kind: driver.FormDocument, Category: category}))
	}
}

func FuzzTitlesAreNoTemplates(f *testing.F) {
	for _, s := range []string{"{title}", "{kind} {date}", "{{", "}", "{title", "x{form_type}{title}{host}"} {
		f.Add(s, "{date}")
	}
	f.Fuzz(func(t *testing.T, template, title string) {
		parsed, err := parseTitle(template)
		if err != nil {
			return
		}
		it := &item{p: payload{At: time.Unix(0, 0), Document: &documentData{Kind: driver.AccountStatement, Title: title}}}
		if filled := parsed.fill(it, "{title}", time.UTC); strings.Contains(template, "{title}") {
			require.Contains(t, filled, strings.TrimSpace(title), "as it is")
		}
		parsed.render(it, "{title}", time.UTC)
	})
}
