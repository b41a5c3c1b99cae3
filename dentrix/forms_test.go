package dentrix_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
)

// allowedForms are the statements that the driver may send. c-tree takes each of them:
// there is neither TOP nor LIMIT, a read is bounded by a key, a day or a stamp, a value
// is a question mark or an escape for a day or a time.
var allowedForms = []*regexp.Regexp{
	regexp.MustCompile(`^SELECT COUNT\(\*\) AS n FROM admin\.options WHERE optionkey = 'Data_Version'$`),
	regexp.MustCompile(`^SELECT optionkey, optionvalue FROM admin\.options WHERE optionkey IN \(\?(, \?)*\)$`),
	regexp.MustCompile(`^SELECT GETDATE\(\) AS servertime FROM admin\.options WHERE optionkey = \?$`),
	regexp.MustCompile(`^SELECT \* FROM admin\.v_[a-z_]+ WHERE [a-z_]+ = \?$`),
	regexp.MustCompile(`^SELECT proc_id FROM admin\.sysprocedures WHERE owner = \? AND LOWER\(proc_name\) = \?$`),
	regexp.MustCompile(`^SELECT name, argtype, width FROM admin\.sysproccolumns WHERE proc_id = \? ORDER BY id$`),
	regexp.MustCompile(`^SELECT [a-z_]+, [a-z_]+ FROM admin\.v_[a-z_]+ WHERE ([a-z_]+) >= \? AND ([a-z_]+) <= \? ORDER BY ([a-z_]+)$`),
	regexp.MustCompile(`^SELECT [a-z_, ]+ FROM admin\.v_provider WHERE provider_id (> \? ORDER BY provider_id|= \?)$`),
	regexp.MustCompile(`^SELECT [a-z_0-9, ]+ FROM admin\.v_patient WHERE (patient_id|birth_date) = \?$`),
	regexp.MustCompile(`^SELECT [a-z_0-9, ]+ FROM admin\.v_patient WHERE patient_id > \?( AND patient_id <= \?)?( ORDER BY patient_id)?$`),
	regexp.MustCompile(`^SELECT [a-z_0-9, ]+ FROM admin\.v_patient WHERE patient_id > \? AND \([a-z]+_phone LIKE \?( OR [a-z]+_phone LIKE \?)*\)$`),
	regexp.MustCompile(`^SELECT MIN\(patient_id\) AS lowest, MAX\(patient_id\) AS highest FROM admin\.v_patient$`),
	regexp.MustCompile(`^SELECT [a-z_, ]+ FROM admin\.v_appt WHERE appointment_id = \?$`),
	regexp.MustCompile(`^SELECT [a-z_, ]+ FROM admin\.v_appt WHERE appointment_date >= \{d '[0-9-]{10}'\} AND appointment_date <= \{d '[0-9-]{10}'\}$`),
	regexp.MustCompile(`^call admin\.sp_appointments\(\{d '[0-9-]{10}'\}, \{d '[0-9-]{10}'\}, (NULL|\{ts '[0-9-]{10} [0-9:]{8}'\})\)$`),
	regexp.MustCompile(`^call admin\.(sp|standin)_[a-z]+\((\?(, \?)*)?\)$`),
}

// odbcOwn is what the ODBC driver of the tests asks by itself.
var odbcOwn = regexp.MustCompile(`(?i)^(set |select @@|select database\(\)|commit$|rollback$|start transaction|kill query )`)

// requireForms fails the test when a statement is not of an allowed form.
func requireForms(t *testing.T, statements []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, s := range statements {
		if odbcOwn.MatchString(s) || seen[s] {
			continue
		}
		seen[s] = true
		require.NotRegexp(t, `(?i)\b(insert|update|delete|top|limit|skip|into|drop|alter|create|grant|revoke|exec)\b|;|--|/\*|"`, s)
		require.True(t, slices.ContainsFunc(allowedForms, func(f *regexp.Regexp) bool { return f.MatchString(s) }), "no allowed form: %s", s)
	}
	require.NotEmpty(t, seen)
}

func TestAForbiddenStatementIsFound(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"SELECT TOP 5 patient_id FROM admin.v_patient WHERE patient_id > ?", "SELECT patient_id FROM admin.v_patient",
		"SELECT patient_id FROM admin.v_patient WHERE birth_date = {d '1931-03-17'}", "SELECT * FROM admin.v_patient",
		"UPDATE admin.v_appt SET status_id = ? WHERE appointment_id = ?", "call admin.sp_x('a')", "call sysadm.sp_x(?)",
	} {
		require.False(t, slices.ContainsFunc(allowedForms, func(f *regexp.Regexp) bool { return f.MatchString(s) }), s)
	}
}

// The conformance test checks what its cases send; this one goes through everything
// else that the driver can send.
func TestTheDriverSendsOnlyWhatCTreeTakes(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	for _, revoked := range []string{"", "sp_appointments"} {
		if revoked != "" {
			require.NoError(t, o.Revoke(t.Context(), revoked))
		}
		conn := o.connect(driver.Env{})
		info, err := conn.Info(t.Context())
		require.NoError(t, err)
		_, err = conn.Info(t.Context())
		require.NoError(t, err)
		require.NoError(t, conn.Ping(t.Context()))
		patient := o.patient("Ada", "Quill", 0)
		visit := o.visit(patient, time.Now().Add(48*time.Hour), 1)
		for _, which := range driver.Catalogs() {
			_, err := driver.ReadCatalog(t.Context(), conn, which)
			require.NoError(t, err)
		}
		for _, q := range []driver.PatientQuery{
			{ID: patient}, {BirthDate: driver.NewBirthDate(driver.Date{Year: 1980, Month: 2, Day: 29})}, {Phone: driver.NewText("503 555 0142")},
		} {
			_, err := driver.FindPatients(t.Context(), conn, q)
			require.NoError(t, err)
		}
		_, err = driver.ReadAppointment(t.Context(), conn, visit)
		require.NoError(t, err)
		for feed, f := range info.Feeds {
			if f.Changes {
				page, err := driver.ReadChanges(t.Context(), conn, driver.ChangesQuery{Feed: feed})
				require.NoError(t, err)
				_, err = driver.ReadChanges(t.Context(), conn, driver.ChangesQuery{Feed: feed, Cursor: page.Next})
				require.NoError(t, err)
			}
			if f.Window {
				_, err := driver.ReadWindow(t.Context(), conn, driver.WindowQuery{Feed: feed, From: time.Now(), To: time.Now().AddDate(0, 2, 0)})
				require.NoError(t, err)
			}
		}
		for _, op := range o.ops(patient, visit) {
			_, err := driver.Write(t.Context(), conn, op)
			require.NoError(t, err, op.Kind())
			verdict, _, err := driver.Verify(t.Context(), conn, op)
			require.NoError(t, err)
			require.Equal(t, driver.VerdictApplied, verdict, op.Kind())
		}
		require.NoError(t, conn.Close())
	}
	requireForms(t, o.line.Statements())
	require.Greater(t, len(o.line.Statements()), 100)
	for _, s := range o.line.Statements() {
		require.NotContains(t, s, "1980", "a birth date stands in no statement's text")
		require.NotContains(t, s, "0142")
	}
}

// Two files make statements leave, so that one look tells what can be sent how.
func TestStatementsLeaveInFewPlaces(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	writes := regexp.MustCompile(`tx\.(Exec|ExecOne|Call)\(|\.Write\(ctx|\.X\(\)|BeginTx|ExecContext`)
	var found []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		if writes.Match(text) {
			found = append(found, name)
		}
	}
	require.Equal(t, []string{"write.go"}, found)
	require.NotEmpty(t, dentrixtest.Profile())
}
