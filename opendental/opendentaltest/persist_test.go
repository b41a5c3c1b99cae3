package opendentaltest_test

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// officeVariable makes the test binary serve the practice in the named file
// until it is killed.
const officeVariable = "OPENDENTALTEST_SERVE"

func runAsOffice() (bool, int) {
	path := os.Getenv(officeVariable)
	if path == "" {
		return false, 0
	}
	store, err := opendentaltest.SQLite(path)
	if err == nil {
		var s *opendentaltest.Server
		if s, err = opendentaltest.NewServer(opendentaltest.Config{Store: store}); err == nil {
			fmt.Println(s.URL)
			select {}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return true, 1
}

func TestFileKeepsEveryAnsweredWriteThroughAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "office.db")
	store, err := opendentaltest.SQLite(path)
	require.NoError(t, err)
	before, err := opendentaltest.NewOffice(opendentaltest.Config{Store: store, Version: "25.3.44.0"})
	require.NoError(t, err)
	patient, err := before.AddPatient(t.Context(), opendentaltest.Patient{LName: "Harkness", FName: "Odette"})
	require.NoError(t, err)
	require.NoError(t, errors.Join(before.Close(), store.Close()))

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), officeVariable+"="+path)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	url, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	c := &client{t: t, base: strings.TrimSpace(url), key: opendentaltest.DefaultCustomerKey, http: &http.Client{}}
	const notes = 40
	for i := range notes {
		c.do(201, "POST", "/commlogs", map[string]any{"PatNum": patient.PatNum, "Note": fmt.Sprint("note ", i)})
	}
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	store, err = opendentaltest.SQLite(path)
	require.NoError(t, err)
	after, err := opendentaltest.NewOffice(opendentaltest.Config{Store: store})
	require.NoError(t, err)
	defer func() { require.NoError(t, errors.Join(after.Close(), store.Close())) }()
	logs, err := after.Commlogs(t.Context())
	require.NoError(t, err)
	require.Len(t, logs, notes)
	require.Equal(t, "note 39", logs[notes-1].Note)
	version, err := after.Preference(t.Context(), "ProgramVersion")
	require.NoError(t, err)
	require.Equal(t, "25.3.44.0", version, "an office without Config.Version is the one it was")
}

func TestNumbersAreNotGivenOutTwice(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		doc, err := p.AddDocument(t.Context(), p.ada.PatNum, 0, "one", ".pdf", []byte("1"))
		require.NoError(t, err)
		require.NoError(t, p.DeleteDocument(t.Context(), doc.DocNum))
		next, err := p.AddDocument(t.Context(), p.ada.PatNum, 0, "two", ".pdf", []byte("2"))
		require.NoError(t, err)
		require.Greater(t, next.DocNum, doc.DocNum)
	})
}

func TestStoreRefusesWhatItCannotOpen(t *testing.T) {
	t.Parallel()
	_, err := opendentaltest.SQLite(filepath.Join(t.TempDir(), "no such folder", "office.db"))
	require.Error(t, err)
	_, err = opendentaltest.SQLite("office.db?mode=ro")
	require.ErrorContains(t, err, "question mark")
	_, err = opendentaltest.MySQL("root:secret@nonsense")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
	_, err = opendentaltest.NewServer(opendentaltest.Config{Mode: "cloud", Version: "x", Customers: []opendentaltest.CustomerKey{{}}})
	require.ErrorContains(t, err, "Config.Mode")
	require.ErrorContains(t, err, "Config.Version")
	require.ErrorContains(t, err, "Config.Customers[0].Key")
}
