package opendentaltest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func names(rows []map[string]any, field string) []string {
	var list []string
	for _, row := range rows {
		list = append(list, row[field].(string))
	}
	return list
}

func TestDefinitionsAreThoseOfAFreshDatabaseInTheOfficesOrder(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		require.Equal(t, []string{"Check", "Cash", "Credit Card", "Patient Refund"}, names(p.list("/definitions?Category=10"), "ItemName"))
		require.Len(t, p.list("/definitions?Category=10&includeHidden=true"), 5)
		row := p.list("/definitions?Category=18&Offset=13&Limit=1")[0]
		require.Equal(t, map[string]any{"DefNum": 190.0, "ItemName": "Patient Pictures", "ItemValue": "PE", "Category": 18.0, "category": "ImageCats", "isHidden": "false"}, row)

		added, err := p.AddDefinition(t.Context(), opendentaltest.Definition{Category: opendentaltest.CategoryPaymentTypes, ItemName: "Portal"})
		require.NoError(t, err)
		require.NoError(t, p.RenameDefinition(t.Context(), 69, "Cheque"))
		require.NoError(t, p.HideDefinition(t.Context(), 70))
		require.Equal(t, []string{"Cheque", "Credit Card", "Patient Refund", "Portal"}, names(p.list("/definitions?Category=10"), "ItemName"))
		num, err := p.DefNum(t.Context(), opendentaltest.CategoryPaymentTypes, "portal")
		require.NoError(t, err)
		require.Equal(t, added.DefNum, num)
	})
}

func TestProvidersAreListedInTwoWays(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		require.NoError(t, p.SetProviderHidden(t.Context(), p.hygienist.ProvNum, true))
		rows := p.list("/providers")
		require.Equal(t, []string{"DOC", "HYG"}, names(rows, "Abbr"))
		require.Equal(t, "true", rows[1]["IsHidden"])
		require.Equal(t, "Active", rows[1]["ProvStatus"])
		require.Contains(t, rows[0], "serverDateTime")
		rows = p.list("/providers?ClinicNum=0")
		require.Equal(t, []string{"DOC"}, names(rows, "Abbr"))
		require.NotContains(t, rows[0], "serverDateTime")
		require.Empty(t, p.list("/providers?DateTStamp=2199-01-01"))
		p.do(200, "GET", "/providers/1", nil)
		p.do(404, "GET", "/providers/9", nil)
	})
}

func TestClinicsAreEmptyUntilTheyAreSwitchedOn(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		require.Empty(t, p.list("/clinics"))
		clinic, err := p.AddClinic(t.Context(), opendentaltest.Clinic{Description: "Southside", Abbr: "S"})
		require.NoError(t, err)
		require.Equal(t, []string{"Southside"}, names(p.list("/clinics"), "Description"))
		_, err = p.AddOperatory(t.Context(), opendentaltest.Operatory{OpName: "Op S", ClinicNum: clinic.ClinicNum})
		require.NoError(t, err)
		require.Equal(t, []string{"Op S"}, names(p.list(p.path("/operatories?ClinicNum=%d", clinic.ClinicNum)), "OpName"))
		p.do(200, "GET", "/operatories/1", nil)
	})
}

func TestUsersTypesAndPreferences(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		_, err := p.AddUser(t.Context(), opendentaltest.User{UserName: "Integration", UserGroupNum: 2})
		require.NoError(t, err)
		_, err = p.AddUser(t.Context(), opendentaltest.User{UserName: "Gone", IsHidden: true})
		require.NoError(t, err)
		require.Equal(t, []string{"Integration"}, names(p.list("/userods"), "UserName"))
		require.Len(t, p.list("/userods?includeHidden=true"), 2)
		_, err = p.AddAppointmentType(t.Context(), opendentaltest.AppointmentType{AppointmentTypeName: "Cleaning", Pattern: "/X/"})
		require.NoError(t, err)
		row := p.list("/appointmenttypes")[0]
		require.Equal(t, "Cleaning", row["AppointmentTypeName"])
		require.EqualValues(t, 0, row["BlockoutTypes"])

		require.NoError(t, p.SetPreference(t.Context(), "UpdateInProgressOnComputerName", "FRONT-1"))
		require.Equal(t, "FRONT-1", p.list("/preferences?PrefName=UpdateInProgressOnComputerName")[0]["ValueString"])
		require.Empty(t, p.list("/preferences?PrefName=Nothing"))
	})
}

func TestPagesHaveALimit(t *testing.T) {
	t.Parallel()
	for mode, want := range map[opendentaltest.Mode]int{opendentaltest.ModeRemote: 100, opendentaltest.ModeLocal: 120, opendentaltest.ModeService: 120} {
		s, c := newServer(t, opendentaltest.Config{Mode: mode, Throttle: -1})
		_, err := s.Seed(t.Context(), opendentaltest.SeedConfig{Patients: 120, PerDay: -1, Photos: -1})
		require.NoError(t, err)
		require.Len(t, c.list("/patients/Simple?Limit=5000"), want, mode)
		require.Len(t, c.list("/patients/Simple?Offset=100"), 20, mode)
		c.do(400, "GET", "/patients/Simple?Offset=-1", nil)
	}
}
