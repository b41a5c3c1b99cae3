package dentrix_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// Whoever copies a data source name from the set-up page and fills in what is left out
// has one that is read.
func TestTheDataSourceNamesOfTheSetUpPageAreRead(t *testing.T) {
	t.Parallel()
	odbctest.Need(t) // the names are those of the SQL driver "odbc"
	page, err := os.ReadFile("SETUP.md")
	require.NoError(t, err)
	names := regexp.MustCompile(`(?m)^dentrix://\S+$`).FindAllString(string(page), -1)
	require.Len(t, names, 2)
	profile := dentrix.FormatDSN("odbc", driver.NewSecret("x"), dentrixtest.Profile())
	_, profile, _ = strings.Cut(profile, "&profile=")
	for _, name := range names {
		name = regexp.MustCompile(`profile=[^&]*`).ReplaceAllLiteralString(name, "profile="+profile)
		cfg, err := dentrix.ParseDSN(name)
		require.NoError(t, err, name)
		require.NoError(t, cfg.Validate())
	}
}
