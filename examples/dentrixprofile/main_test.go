package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func ran(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

func TestAProfileIsCheckedWithoutADatabase(t *testing.T) {
	t.Parallel()
	code, template, _ := ran(t, "-template")
	require.Equal(t, fits, code)
	code, out, _ := ran(t, "-profile", file(t, template))
	require.Equal(t, differs, code)
	require.Contains(t, out, "operations.note.call: fill in the procedure's name")
	require.Contains(t, out, "operations.payment.find.key_columns[0]: fill in", "everything at once")

	code, out, _ = ran(t, "-profile", file(t, strings.Replace(string(dentrixtest.Profile()), `"refund"`, `"charge"`, 1)))
	require.Equal(t, differs, code)
	require.Contains(t, out, "operations.charge: there is no such operation")

	code, out, _ = ran(t, "-profile", file(t, string(dentrixtest.Profile())))
	require.Equal(t, fits, code)
	require.Contains(t, out, "call admin.standin_addpayment(?, ?, ?, ?, ?, ?, ?)")
}

func TestWhatIsMissingIsAskedFor(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"name a profile":       nil,
		"no such file":         {"-profile", "/nowhere/profile.json"},
		"not defined":          {"-porfile", "x"},
		"unknown time zone":    {"-profile", file(t, string(dentrixtest.Profile())), "-dsn-file", file(t, "x"), "-zone", "Mars/Base"},
		"without the SQL driv": {"-profile", file(t, string(dentrixtest.Profile())), "-dsn-file", file(t, "PWD=hunter-22"), "-sql-driver", "none"},
	} {
		code, _, errs := ran(t, args...)
		require.Equal(t, cannotLook, code, want)
		require.Contains(t, errs, want)
		require.NotContains(t, errs, "hunter-22")
	}
}

func TestAProfileIsComparedWithADatabase(t *testing.T) {
	t.Parallel()
	odbctest.Need(t)
	pool := mariadbtest.Pool{Options: dentrixtest.Options(), Schemas: dentrixtest.Schemas(), Prepare: dentrixtest.Prepare, Restore: dentrixtest.Restore}
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	server := pool.Borrow(t)
	office, err := dentrixtest.New(t.Context(), server.Root, time.UTC, time.Now())
	require.NoError(t, err)
	login := odbctest.Login{Socket: server.Socket, Database: "admin", User: dentrixtest.Member, Password: dentrixtest.Password}.DSN(t)
	args := []string{"-profile", file(t, string(dentrixtest.Profile())), "-dsn-file", file(t, login+"\n"), "-zone", "UTC"}

	code, out, errs := ran(t, args...)
	require.Equal(t, fits, code, out+errs)
	require.Contains(t, out, "payment     good")

	require.NoError(t, office.Revoke(t.Context(), "standin_addpayment"))
	require.NoError(t, office.RenameOption(t.Context(), dentrixtest.AdjustmentTypes, "7", "+Late"))
	code, out, _ = ran(t, args...)
	require.Equal(t, differs, code)
	require.Contains(t, out, "payment     OFF: The profile does not fit this Dentrix: there is no procedure standin_addpayment")
	require.Contains(t, out, `refund      OFF: The profile expects the adjustment type 7 to be "+Refund", and in Dentrix it is "+Late"`)
	require.NotContains(t, out, dentrixtest.Password)

	bad := strings.Replace(login, dentrixtest.Password, "wrong-77", 1)
	code, _, errs = ran(t, "-profile", args[1], "-dsn-file", file(t, bad))
	require.Equal(t, cannotLook, code)
	require.Contains(t, errs, "unauthorized (connection)")
	require.NotContains(t, errs, "wrong-77")
}

// A file named by mistake may be of any size, and Windows puts a mark before a text.
func TestFilesAreReadAsTheyComeAndNoFurtherThanTheyMayBeLong(t *testing.T) {
	t.Parallel()
	big := filepath.Join(t.TempDir(), "big")
	f, err := os.Create(big)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(1<<40)) // a hole, which takes no room
	require.NoError(t, f.Close())
	good := file(t, string(dentrixtest.Profile()))

	code, out, _ := ran(t, "-profile", big)
	require.Equal(t, differs, code)
	require.Contains(t, out, "longer than")
	code, _, errs := ran(t, "-profile", good, "-dsn-file", big)
	require.Equal(t, cannotLook, code)
	require.Contains(t, errs, "longer than")
	code, _, errs = ran(t, "-profile", good, "-dsn-file", file(t, "\xff\xfeP\x00W\x00D\x00=\x00h\x00"))
	require.Equal(t, cannotLook, code)
	require.Contains(t, errs, "UTF-16; store it as UTF-8")
	code, _, errs = ran(t, "-profile", good, "-dsn-file", file(t, "\xef\xbb\xbf \r\n"), "-sql-driver", "sqlmock")
	require.Equal(t, cannotLook, code)
	require.Contains(t, errs, "holds no connection string")
	code, _, errs = ran(t, good)
	require.Equal(t, cannotLook, code)
	require.Contains(t, errs, "only the flags")
	code, _, errs = ran(t, "-h")
	require.Equal(t, fits, code)
	require.Contains(t, errs, "-dsn-file")
}
