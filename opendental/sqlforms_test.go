package opendental_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
)

// allowedForms are the statements that the driver may send. Each reads one list
// of the office, and nothing else.
var allowedForms = []*regexp.Regexp{
	regexp.MustCompile(`^SELECT PrefName, ValueString FROM preference WHERE PrefName IN \([?,]+\)$`),
	regexp.MustCompile(`^SELECT UNIX_TIMESTAMP\(\) AS ServerNow, CAST\(CONVERT_TZ\(UTC_TIMESTAMP\(\),\?,@@global.time_zone\) AS CHAR\) AS WallNow$`),
	regexp.MustCompile(`^SELECT UNIX_TIMESTAMP\(\) AS ServerNow(, \(SELECT MAX\(t\.(HistApptNum|PatNum|DocNum)\) FROM (histappointment|patient|document) t\) AS Highest)?$`),
	regexp.MustCompile(`^SELECT [A-Za-z_, ()]+ FROM information_schema\.(COLUMNS|STATISTICS|TABLES) WHERE [A-Za-z_#()=?, ]+$`),
	regexp.MustCompile(`^SELECT (MAX\(s\.SignalNum\) AS Highest|CAST\(MAX\(s\.SigDateTime\) AS CHAR\) AS SigAt) FROM signalod s$`),
	regexp.MustCompile(`^SELECT MAX\(s\.SignalNum\) AS Highest, SUM\(s\.IType=#\) AS News FROM signalod s WHERE s\.SignalNum>#$`),
	regexp.MustCompile(`^SELECT CAST\(s\.SigDateTime AS CHAR\) AS SigAt, SUM\(s\.IType=#\) AS News FROM signalod s WHERE s\.SigDateTime>=\? GROUP BY s\.SigDateTime ORDER BY s\.SigDateTime DESC LIMIT #$`),
	regexp.MustCompile(`^SELECT PRIVILEGE_TYPE AS Rights FROM information_schema\.USER_PRIVILEGES` +
		`( UNION SELECT PRIVILEGE_TYPE FROM information_schema\.(SCHEMA|TABLE)_PRIVILEGES WHERE [A-Z_()= ]+)+$`),
	regexp.MustCompile(`^SELECT (p\.[A-Za-z]+(, )?)+ FROM provider p ORDER BY p\.ItemOrder, p\.ProvNum$`),
	regexp.MustCompile(`^SELECT d\.DefNum, d\.ItemName, d\.ItemValue, d\.IsHidden AS isHidden FROM definition d WHERE d\.Category=# ORDER BY d\.ItemOrder, d\.DefNum$`),
	regexp.MustCompile(`^SELECT [A-Za-z_.,() ]+ FROM patient p WHERE [A-Za-z_.,()#?=<>% -]+ ORDER BY p\.PatNum( DESC)?( LIMIT #)?$`),
	regexp.MustCompile(`^SELECT [A-Za-z_.,() ]+ FROM appointment a WHERE a\.AptNum=#( AND a\.ClinicNum=#)?$`),
	regexp.MustCompile(`^SELECT [A-Za-z_.,() ]+ FROM appointment a WHERE a\.AptStatus IN \([#,]+\) AND a\.AptDateTime>=\? AND a\.AptDateTime<\?( AND a\.ClinicNum=#)?$`),
	regexp.MustCompile(`^SELECT [A-Za-z_.,()=# ]+ FROM histappointment h LEFT JOIN appointment a ON a\.AptNum=h\.AptNum WHERE (h\.HistApptNum>#|h\.HistDateTStamp>=\? AND h\.HistDateTStamp<\?` +
		`( AND \(h\.HistDateTStamp>\? OR h\.HistApptNum>#\))?) ORDER BY (h\.HistDateTStamp, )?h\.HistApptNum LIMIT #$`),
	regexp.MustCompile(`^SELECT [A-Za-z_.,()=# ]+ FROM appointment a WHERE a\.AptStatus IN \([#,]+\) AND a\.AptDateTime>=\?( AND a\.AptDateTime<\?)? AND UNIX_TIMESTAMP\(a\.DateTStamp\)>=#$`),
	regexp.MustCompile(`^SELECT [A-Za-z_.,()=# ]+ FROM appointment a WHERE a\.DateTStamp>=LEAST\([A-Z_#(), -]+\) AND [A-Za-z_.()#=<> ]+ ORDER BY a\.DateTStamp, a\.AptNum LIMIT #$`),
	regexp.MustCompile(`^SELECT [A-Za-z_.,()=# ]+ FROM appointment a WHERE a\.AptNum># AND a\.DateTStamp>=LEAST\([A-Z_#(), -]+\) AND [A-Za-z_.,()#=<>+ ]+ ORDER BY a\.AptNum LIMIT #$`),
	regexp.MustCompile(`^SELECT h\.AptNum AS Named, [A-Za-z_.,()=# ]+ FROM histappointment h LEFT JOIN appointment a ON a\.AptNum=h\.AptNum WHERE h\.(HistApptNum>#|HistDateTStamp>=\?)` +
		` AND \(UNIX_TIMESTAMP\(a\.DateTStamp\)<# OR \(h\.HistApptAction=# AND a\.AptNum IS NULL( AND \(h\.ClinicNum=# OR h\.PatNum=#\))?\)\) ORDER BY h\.HistApptNum$`),
	regexp.MustCompile(`^SELECT DISTINCT h\.AptNum FROM histappointment h WHERE h\.AptNum=# AND h\.HistApptAction=#$`),
	regexp.MustCompile(`^SELECT UNIX_TIMESTAMP\(\) AS ServerNow, d\.[A-Za-z_.,() ]+ FROM document d JOIN patient p ON p\.PatNum=d\.PatNum WHERE [A-Za-z_.,()#=<> ]+ ORDER BY d\.DocNum LIMIT #$`),
	regexp.MustCompile(`^SELECT STRAIGHT_JOIN UNIX_TIMESTAMP\(\) AS ServerNow, x\.DocNum AS Changed, [A-Za-z_.,() ]+ FROM document x JOIN document d ON d\.PatNum=x\.PatNum AND d\.DocCategory=# JOIN patient p ON p\.PatNum=d\.PatNum` +
		` WHERE [A-Za-z_.,()#=<> ]+ ORDER BY x\.DocNum LIMIT #$`),
	regexp.MustCompile(`^SELECT MAX\(k\.DocNum\) AS Highest FROM \(SELECT e\.DocNum FROM document e WHERE e\.DocNum># AND e\.DocNum<=# ORDER BY e\.DocNum LIMIT #\) k$`),
	regexp.MustCompile(`^SELECT DISTINCT [A-Za-z_.,() ]+ FROM phonenumber n JOIN patient p ON p\.PatNum=n\.PatNum WHERE n\.PhoneNumberDigits IN \(\?,\?\)( AND p\.ClinicNum=#)? ORDER BY p\.PatNum$`),
	regexp.MustCompile(`^SELECT d\.FileName, p\.ImageFolder FROM document d JOIN patient p ON p\.PatNum=d\.PatNum WHERE d\.DocNum=#$`),
}

// effect finds what changes something, locks it, or waits, wherever it stands in
// a statement.
var effect = regexp.MustCompile(`(?i)\b(insert|update|delete|replace +into|alter|create|drop|truncate|rename|set|call|do|handler|load|lock|unlock|` +
	`grant|revoke|begin|start|commit|rollback|savepoint|kill|flush|use|prepare|execute|into|for +update|share +mode|get_lock|release_lock|sleep|benchmark|load_file)\b|;|--|/\*|\\|"`)

// requireReadsOnly fails the test when a statement is not of an allowed form.
func requireReadsOnly(t *testing.T, statements []string) {
	t.Helper()
	require.NotEmpty(t, statements)
	seen := map[string]bool{}
	for _, statement := range statements {
		f := form(statement)
		if seen[f] {
			continue
		}
		seen[f] = true
		require.NotRegexp(t, effect, f)
		allowed := false
		for _, a := range allowedForms {
			allowed = allowed || a.MatchString(f)
		}
		require.True(t, allowed, "no allowed form: %s", f)
	}
}

// form makes one form of statements that differ in numbers and texts.
func form(statement string) string {
	statement = regexp.MustCompile(`'[^']*'`).ReplaceAllString(statement, "?")
	return regexp.MustCompile(`\b[0-9]+\b`).ReplaceAllString(statement, "#")
}

func TestAForbiddenStatementIsFound(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"UPDATE appointment SET Confirmed=21", "SET time_zone='+00:00'", "SELECT 1 FROM patient p FOR UPDATE",
		"SELECT GET_LOCK('x',1)", "SELECT PrefName, ValueString FROM preference WHERE PrefName IN ('a'); DROP TABLE patient",
		"PREPARE SELECT 1", "EXEC SELECT 1", "BEGIN", "SELECT * FROM patient p INTO OUTFILE '/tmp/x'",
	} {
		allowed := !effect.MatchString(form(s))
		for _, a := range allowedForms {
			require.False(t, allowed && a.MatchString(form(s)), s)
		}
	}
}

// The conformance tests check what their cases send; this one goes through what
// they leave out.
func TestTheDriverSendsTheDatabaseNothingButReads(t *testing.T) {
	t.Parallel()
	for _, s := range []setUp{{api: true, random: true}, {plain: true}, {plain: true, random: true}} {
		sendsNothingButReads(t, s)
	}
}

func sendsNothingButReads(t *testing.T, s setUp) {
	t.Helper()
	o := newSQLOffice(t, time.UTC, s)
	connector, err := opendental.NewConnector(o.config(t, s))
	require.NoError(t, err)
	for _, site := range []string{"", id(clinic)} {
		conn, err := connector.Connect(t.Context(), driver.Env{Location: time.UTC, Site: site})
		require.NoError(t, err)
		r := reader{t, conn}
		patient := o.patient("Ada", "Quill")
		apt := o.visit(patient, time.Now().Add(48*time.Hour))
		cursors := map[driver.Feed]string{}
		for _, feed := range driver.Feeds() {
			cursors[feed] = r.changes(feed, "").Next
		}
		_, err = conn.Info(t.Context())
		require.NoError(t, err)
		require.NoError(t, conn.Ping(t.Context()))
		for _, which := range driver.Catalogs() {
			_, err := driver.ReadCatalog(t.Context(), conn, which)
			require.NoError(t, err)
		}
		for _, q := range []driver.PatientQuery{
			{ID: id(patient)}, {BirthDate: driver.NewBirthDate(driver.Date{Year: 1980, Month: 2, Day: 29})}, {Phone: driver.NewText("503 555 0142")},
		} {
			_, err := driver.FindPatients(t.Context(), conn, q)
			require.NoError(t, err)
		}
		r.appointment(apt)
		o.must(o.DeleteAppointment(t.Context(), apt))
		_, err = o.AddPhoto(t.Context(), patient, ".jpg", []byte("jpeg"))
		require.NoError(t, err)
		o.passed.Add(int64(100 * time.Hour)) // more than a page of time
		for _, feed := range driver.Feeds() {
			r.changes(feed, cursors[feed])
			r.window(feed)
		}
		require.NoError(t, conn.Close())
	}
	requireReadsOnly(t, o.tables.heard())
	require.GreaterOrEqual(t, len(o.tables.heard()), 60)
}

// One file sends statements, so that one look tells what can be sent how.
func TestOnePlaceSendsStatements(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	sends := regexp.MustCompile(`\.(Queryx?|QueryRowx?|Exec|MustExec|NamedExec|NamedQuery|Preparex?|Get|Select|Beginx?|BeginTxx?|Conn|Connx)(Context)?\(ctx|\.db\.(Query|Exec|Prepare|Begin|Get|Select|Must|Named)`)
	var found []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for range sends.FindAllString(string(text), -1) {
			found = append(found, name)
		}
	}
	require.Equal(t, []string{"sqlquery.go"}, found)
}
