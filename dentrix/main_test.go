package dentrix_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
)

// servers are the databases of stand-in offices.
var servers = mariadbtest.Pool{
	Options: dentrixtest.Options(), Schemas: dentrixtest.Schemas(), Prepare: dentrixtest.Prepare, Restore: dentrixtest.Restore,
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := servers.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
