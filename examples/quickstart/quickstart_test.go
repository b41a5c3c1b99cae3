package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
)

// The tests run the program as a person does: built, as a process of its own,
// which is the only thing that can be killed.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pms-quickstart-test-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "quickstart.exe")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	if err != nil {
		return dir, errors.New(string(out))
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for processes most of the time, whatever the number of cores.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	if dir, err := build(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// program is the quickstart as a command that is ended with the test.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, filepath.Join(dir, "quickstart.exe"), args...)
}

// outcome is what a run ended with.
type outcome struct {
	code           int
	stdout, stderr string
}

func execute(t *testing.T, args ...string) outcome {
	t.Helper()
	cmd := program(t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// summary reads what -json printed.
func (o outcome) summary(t *testing.T) summary {
	t.Helper()
	var s summary
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &s), "stdout %q stderr %s", o.stdout, o.stderr)
	return s
}

// requireAllIsWell checks what every run must come to.
func requireAllIsWell(t *testing.T, o outcome) summary {
	t.Helper()
	s := o.summary(t)
	require.Equal(t, 0, o.code, "%s", o.stderr)
	require.Empty(t, s.Problems)
	require.NotNil(t, s.Duplicates)
	require.NotNil(t, s.Lost)
	require.Zero(t, *s.Duplicates)
	require.Zero(t, *s.Lost)
	for _, kind := range writeback.ItemKinds() {
		require.Positive(t, s.Written[kind], "written: %s", kind)
	}
	for _, feed := range driver.Feeds() {
		require.Positive(t, s.Received[feed], "received: %s", feed)
	}
	require.Positive(t, s.States[writeback.Written])
	return s
}

func TestARunWritesAndReceivesEverythingOnce(t *testing.T) {
	t.Parallel()
	o := execute(t, "-for", "8s", "-json")
	s := requireAllIsWell(t, o)
	require.Equal(t, s.Submitted, s.States[writeback.Written]+s.States[writeback.Superseded])
	require.Equal(t, officePatients, s.Imported)
	require.Contains(t, o.stderr, engineFile, "the store is named on screen")
	require.Contains(t, o.stderr, "every 1s", "so are the intervals")
	require.NotContains(t, o.stderr, "\x1b", "what is no terminal gets plain lines")
}

func TestARunThatIsKilledLosesNothingAndDoublesNothing(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	dir := filepath.Join(t.TempDir(), "run")
	for range 2 {
		// Faster than the PMS, so that a write is always under way.
		cmd := program(t, "-for", "30s", "-pace", "1ms", "-json", "-dir", dir)
		require.NoError(t, cmd.Start())
		before := submitted(t, dir)
		require.Eventually(t, func() bool { return submitted(t, dir) > before+20 }, 20*time.Second, 10*time.Millisecond)
		<-time.After(time.Duration(rnd.IntN(1000)) * time.Millisecond) // any moment will do: that is the point
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait(), "it was killed and did not end by itself")
		require.Positive(t, unfinished(t, dir), "the kill left work under way")
	}
	killed := submitted(t, dir)
	s := requireAllIsWell(t, execute(t, "-for", "5s", "-json", "-dir", dir))
	require.Greater(t, s.Submitted, killed, "the run went on from the last one")
}

// submitted is how many events the journal of a run in progress holds.
func submitted(t *testing.T, dir string) int {
	data, err := os.ReadFile(filepath.Join(dir, journalFile))
	if err != nil {
		return 0
	}
	return bytes.Count(data, []byte(`{"submit":`))
}

// unfinished is how many items a dead process left between claim and outcome, or
// waiting.
func unfinished(t *testing.T, dir string) int {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), "sqlite", filepath.Join(dir, engineFile))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	groups, err := store.Summary(t.Context(), practiceID)
	require.NoError(t, err)
	n := 0
	for _, g := range groups {
		switch g.State {
		case writeback.Queued, writeback.Writing, writeback.PartiallyPosted:
			n += g.Count
		}
	}
	return n
}

func TestBadInputIsToldInWordsWithExitCode2(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "notes.txt"), []byte("x"), 0o600))
	file := filepath.Join(other, "notes.txt")
	for name, c := range map[string]struct {
		args  []string
		words string
	}{
		"unknown flag":           {[]string{"-nope"}, "-nope"},
		"no flag":                {[]string{"now"}, `"now" is no flag`},
		"for nothing":            {[]string{"-for", "0"}, "at least 5s"},
		"too short":              {[]string{"-for", "1s"}, "at least 5s"},
		"for what":               {[]string{"-for", "soon"}, "-for"},
		"negative pace":          {[]string{"-pace", "-1s"}, "-pace"},
		"a file":                 {[]string{"-dir", file}, "is a file"},
		"under a file":           {[]string{"-dir", filepath.Join(file, "x")}, "-dir"},
		"something else":         {[]string{"-dir", other}, "holds something else"},
		"another driver's dsn":   {[]string{"-dsn", "mysql://SECRETKEY:x@host/"}, "opendental://"},
		"unknown key":            {[]string{"-dsn", "opendental://SECRETKEY:y@/?speed=9"}, "speed"},
		"no zone":                {[]string{"-dsn", "opendental://SECRETKEY:y@/"}, "-zone"},
		"no such zone":           {[]string{"-dsn", "opendental://SECRETKEY:y@/", "-zone", "Mars/Port"}, "Mars/Port"},
		"consent to nothing":     {[]string{"-write-to-patient", "4"}, "goes with -dsn"},
		"zone of the emulator":   {[]string{"-zone", "UTC"}, "goes with -dsn"},
		"a path SQLite misreads": {[]string{"-dir", filepath.Join(other, "a?b")}, "question mark"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := execute(t, c.args...)
			require.Equal(t, 2, o.code, "%s", o.stderr)
			require.Empty(t, o.stdout)
			require.Contains(t, o.stderr, c.words)
			require.Len(t, strings.Split(strings.TrimSpace(o.stderr), "\n"), 1, "one clear line, and no stack trace")
			require.NotContains(t, o.stderr, "SECRETKEY")
		})
	}
	entries, err := os.ReadDir(other)
	require.NoError(t, err)
	require.Len(t, entries, 1, "the folder of something else stays as it was")
}

func TestAFolderServesOneRunAndOnePractice(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	pms := func(name string) func(string) string { return func(string) string { return name } }
	first, err := openFolder(t.Context(), path, pms("emulator"))
	require.NoError(t, err)
	_, err = openFolder(t.Context(), path, pms("emulator"))
	require.ErrorContains(t, err, "in use by another run")
	require.NoError(t, first.close())

	_, err = openFolder(t.Context(), path, pms("a real one"))
	require.ErrorContains(t, err, "belongs to another practice")
	again, err := openFolder(t.Context(), path, pms("emulator"))
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	require.NoError(t, again.close())
}

func TestAPracticeIsKnownByItsKeyAndConsentWithoutKeepingThem(t *testing.T) {
	t.Parallel()
	of := func(dsn, patient string) string {
		opt := options{dsn: dsn, patient: patient}
		return opt.pms("abcdef")
	}
	one := of("opendental://D:CUSTOMER1@/", "")
	require.Equal(t, one, of("opendental://D:CUSTOMER1@/?timeout=9s", ""))
	require.NotEqual(t, one, of("opendental://D:CUSTOMER2@/", ""))
	require.NotEqual(t, one, of("opendental://D:CUSTOMER1@/", "4"))
	require.NotEqual(t, of("opendental://D:CUSTOMER1@/", "5"), of("opendental://D:CUSTOMER1@/", "4"))
	require.NotContains(t, one, "CUSTOMER")
	require.Equal(t, "emulator", of("", ""))
}

// realPractice is a practice that the program knows nothing of but the -dsn.
func realPractice(t *testing.T) (*opendentaltest.Server, string) {
	t.Helper()
	server, err := opendentaltest.NewServer(opendentaltest.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	_, err = server.Seed(t.Context(), opendentaltest.SeedConfig{Seed: 7, Patients: 40, PerDay: 8})
	require.NoError(t, err)
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	address.Scheme, address.RawQuery = "opendental", "mode=service"
	address.User = url.UserPassword(opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
	return server, address.String()
}

// writes are the requests that change something.
func writes(server *opendentaltest.Server) map[string]int {
	out := map[string]int{}
	for request, n := range server.Counts() {
		if !strings.HasPrefix(request, "GET ") && request != "PUT /queries/ShortQuery" {
			out[request] = n
		}
	}
	return out
}

func TestNothingIsWrittenToARealPracticeWithoutConsent(t *testing.T) {
	t.Parallel()
	server, dsn := realPractice(t)
	o := execute(t, "-for", "5s", "-json", "-dsn", dsn, "-zone", "UTC")
	require.Equal(t, 0, o.code, "%s", o.stderr)
	s := o.summary(t)
	require.Nil(t, s.Duplicates, "what cannot be counted is not called zero")
	require.Nil(t, s.Lost)
	require.Positive(t, s.Imported)
	require.Zero(t, s.Submitted)
	require.Empty(t, writes(server))
	require.Contains(t, o.stderr, "Nothing is written to it")
	require.Contains(t, o.stderr, "not counted")
}

func TestWithConsentOneRealPatientIsWrittenToAndNobodyElse(t *testing.T) {
	t.Parallel()
	server, dsn := realPractice(t)
	ctx := t.Context()
	var patient opendentaltest.Patient
	patients, err := server.Patients(ctx)
	require.NoError(t, err)
	for _, p := range patients {
		if p.PatStatus == opendentaltest.StatusPatient {
			patient = p
		}
	}
	o := execute(t, "-for", "5s", "-pace", "40ms", "-json", "-dsn", dsn, "-zone", "UTC", "-write-to-patient", number(patient.PatNum))
	require.Equal(t, 0, o.code, "%s", o.stderr)
	require.Positive(t, o.summary(t).Written[writeback.KindNote])
	require.NotEmpty(t, writes(server))

	notes, err := server.Commlogs(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, notes)
	for _, n := range notes {
		require.Equal(t, patient.PatNum, n.PatNum)
	}
	payments, err := server.Payments(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, payments)
	for _, p := range payments {
		require.Equal(t, patient.PatNum, p.PatNum)
	}
	history, err := server.HistAppointments(ctx)
	require.NoError(t, err)
	for _, h := range history {
		require.True(t, h.ApptSource != sourceAPI || h.PatNum == patient.PatNum)
	}
}

func TestAnUnknownPatientIsToldBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	server, dsn := realPractice(t)
	o := execute(t, "-for", "5s", "-dsn", dsn, "-zone", "UTC", "-write-to-patient", "987654")
	require.Equal(t, 2, o.code)
	require.Contains(t, o.stderr, "no active patient 987654")
	require.Empty(t, writes(server))
}

func TestAWrongKeyAndASilentPMSAreToldAtOnce(t *testing.T) {
	t.Parallel()
	_, dsn := realPractice(t)
	wrong := strings.Replace(dsn, opendentaltest.DefaultCustomerKey, "WRONGKEY", 1)
	o := execute(t, "-for", "5s", "-dsn", wrong, "-zone", "UTC")
	require.Equal(t, 2, o.code)
	require.Contains(t, o.stderr, "refuses the keys")
	require.NotContains(t, o.stderr, "WRONGKEY")

	o = execute(t, "-for", "5s", "-dsn", "opendental://D:C@127.0.0.1:1/?mode=service", "-zone", "UTC")
	require.Equal(t, 1, o.code)
	require.Contains(t, o.stderr, "does not answer")
}
