package dentrix_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// unproved are the rules that may come out as not proved, and by what words.
var unproved = map[string]string{
	"connector/site":         "one location",
	"catalog/complete":       "Office Journal entries are fixed",
	"catalog/inactive-kept":  "Office Journal entries are fixed",
	"catalog/renamed":        "Office Journal entries are fixed",
	"refuse/inactive-option": "Office Journal entries are fixed",
	"write/verified":         "the day of a verification",
	"write/verified-earlier": "the day of a verification",
	"write/verified-unclear": "the day of a verification",
	"cursor/expired":         "keeps every stamp",
	"incomplete/reported":    "one transaction",
	"incomplete/finished":    "one transaction",
	"incomplete/again":       "one transaction",
	"incomplete/verified":    "one transaction",
}

// inapplicable are the words of what Dentrix does not offer: no other rule may turn
// out not to apply.
var inapplicable = []string{
	"pictures as files in a folder of its own",
	"what a payment pays is left to the PMS",
	"Info supports it",
	"does not record it",
	"the provider is not recorded",
	"the operation takes no option",
	"deletions show in windows alone",
	"changes its confirmation status",
}

func TestTheDriverKeepsTheContractOverODBC(t *testing.T) {
	t.Parallel()
	odbctest.Need(t)
	other := mariadbtest.Start(t, mariadbtest.Options{})
	foreign := dentrix.FormatDSN(odbctest.DriverName, driver.NewSecret(odbctest.Login{Socket: other.Socket}.DSN(t)), nil)
	var sent []string
	report := drivertest.Check(t.Context(), drivertest.Harness{
		Crowd: 30,
		New: func(tb testing.TB, zone *time.Location) *drivertest.PMS {
			o := openOffice(tb, zone, time.Now())
			tb.Cleanup(func() { sent = append(sent, o.line.Statements()...) })
			return o.pms(foreign)
		},
		Secrets: []string{dentrixtest.Password},
		Cannot: map[string]string{
			"Staff.AddOption/" + string(driver.NoteTypes): "the types of Office Journal entries are fixed",
			"OtherSite":         "a database holds one location",
			"Staff.AddCoverage": "no procedure sets the day of a verification",
			"Verified":          "no procedure sets the day of a verification",
		},
	})
	require.NoError(t, report.Err())
	t.Log(report.String())
	requireForms(t, sent)
	for _, r := range report.With(drivertest.NotProved) {
		require.Contains(t, unproved, r.Rule, r.Message)
		require.Contains(t, r.Message, unproved[r.Rule], r.Name())
	}
	for _, r := range report.With(drivertest.NotApplicable) {
		why := func(w string) bool { return strings.Contains(r.Message, w) }
		require.True(t, slices.ContainsFunc(inapplicable, why), "%s: %s", r.Name(), r.Message)
	}
}
