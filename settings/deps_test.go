package settings

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyTheStandardLibraryAndDriverAreImported(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"github.com/pmswriteback/pms/driver", "github.com/pmswriteback/pms/settings"}, strings.Fields(string(out)))
}
