package eaglesoft_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
	"github.com/pmswriteback/pms/eaglesoft"
)

// Whoever copies a data source name from the set-up page and fills in what is left out
// has one that is read.
func TestTheDataSourceNamesOfTheSetUpPageAreRead(t *testing.T) {
	t.Parallel()
	odbctest.Need(t) // the names are those of the SQL driver "odbc"
	page, err := os.ReadFile("SETUP.md")
	require.NoError(t, err)
	names := regexp.MustCompile(`(?m)^eaglesoft://\S+$`).FindAllString(string(page), -1)
	require.Len(t, names, 2)
	for _, name := range names {
		cfg, err := eaglesoft.ParseDSN(name)
		require.NoError(t, err, name)
		require.NoError(t, cfg.Validate())
		require.Equal(t, eaglesoft.SuggestedOwner, cfg.Owner)
	}
}
