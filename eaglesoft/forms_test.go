package eaglesoft_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/eaglesoft/eaglesofttest"
)

// The parts of which statements are made. A bound is a column and a question mark.
const (
	column = `(?:[apct]\.)?"[a-z_]+"`
	list   = column + `(?:, ` + column + `)*`
	place  = `"PPM"\."[a-z_]+"`
	either = column + ` LIKE \?(?: OR ` + column + ` LIKE \?)*`
	bound  = `(?:` + column + ` (?:=|>=|<=|<|>) \?|` + column + ` IN \(\?, \?\)|\(` + either + `\))`
	bounds = bound + `(?: AND ` + bound + `)*`
	order  = `(?: ORDER BY ` + list + `)?`
)

// allowedForms are the statements that may be sent: those that SQL Anywhere takes, as
// its documentation says. Every read of a table has a bound, but for that of the one
// row that names the version.
var allowedForms = []*regexp.Regexp{
	regexp.MustCompile(`^SELECT PROPERTY\('ProductVersion'\) AS engine$`),
	regexp.MustCompile(`^SELECT CONNECTION_PROPERTY\('Authenticated'\) AS authenticated, CONNECTION_PROPERTY\('isolation_level'\) AS isolation_level,` +
		` CONNECTION_PROPERTY\('quoted_identifier'\) AS quoted_identifier$`),
	regexp.MustCompile(`^SELECT GETDATE\(\) AS now_wall$`),
	regexp.MustCompile(`^SELECT "version" FROM "PPM"\."system_preferences"$`),
	regexp.MustCompile(`^SELECT ` + list + ` FROM ` + place + ` WHERE 1 = 0$`),
	// Of no row: they ask for a right.
	regexp.MustCompile(`^INSERT INTO "PPM"\."(operatory_notes|appt_log|document|transactions_header|transactions_detail|transactions_extra)"` +
		` \(` + column + `\) SELECT ` + column + ` FROM ` + place + ` WHERE 1 = 0$`),
	regexp.MustCompile(`^UPDATE "PPM"\."appointment" SET "confirmation_status" = "confirmation_status" WHERE 1 = 0$`),
	regexp.MustCompile(`^SELECT t\."table_name", c\."column_name", c\."default" AS column_default, c\."width" AS column_width` +
		` FROM SYS\.SYSTAB t JOIN SYS\.SYSTABCOL c ON c\."table_id" = t\."table_id"` +
		` WHERE t\."creator" = USER_ID\(\?\) AND t\."table_name" IN \((\?, )*\?\)$`),
	regexp.MustCompile(`^SELECT ` + list + ` FROM ` + place + ` WHERE ` + bounds + order + `$`),
	regexp.MustCompile(`^SELECT ` + list + ` FROM "PPM"\."appointment" a LEFT OUTER JOIN "PPM"\."appointment_provider" p` +
		` ON p\."appointment_id" = a\."appointment_id" WHERE ` + bounds + order + `$`),
	regexp.MustCompile(`^INSERT INTO "PPM"\."(operatory_notes|appt_log|document|transactions_header|transactions_detail|transactions_extra)"` +
		` \(` + list + `\) VALUES \((\?, )*\?(, GETDATE\(\))*\)$`),
	regexp.MustCompile(`^UPDATE "PPM"\."appointment" SET "confirmation_status" = \?(, "date_confirmed" = \?)?` +
		` WHERE "appointment_id" = \?( AND "start_time" = \?)? AND "confirmation_status" (= \?|IS NULL)$`),
}

// ofODBC are what the driver manager and the ODBC driver send by themselves, and the
// initial statements of the stand-in.
var ofODBC = slices.Concat([]string{
	"SET SESSION SQL_AUTO_IS_NULL=0", "SET autocommit=1", "SET autocommit=0", "COMMIT", "ROLLBACK",
	"SET session_track_schema= ON", "SET session_track_system_variables='autocommit,tx_isolation'",
	eaglesofttest.Signature,
}, eaglesofttest.Session())

// cancels is how MariaDB's ODBC driver cancels a statement whose context has ended.
var cancels = regexp.MustCompile(`^KILL QUERY \d+$`)

// never stands in no statement, wherever: row limits of one engine, what ends or
// hides a statement, and quotes of another engine.
var never = regexp.MustCompile("(?i)\\b(top|limit|first|start at|delete|drop|alter|create|grant|revoke|truncate|max|count)\\b|;|--|/\\*|`|\\[|\\\\")

// requireAllowedForms fails the test when a statement is not of an allowed form.
func requireAllowedForms(t testing.TB, statements []string) {
	t.Helper()
	require.NotEmpty(t, statements)
	slices.Sort(statements)
	for _, s := range slices.Compact(statements) {
		if slices.Contains(ofODBC, s) || cancels.MatchString(s) {
			continue
		}
		require.NotRegexp(t, never, withoutNames(s))
		require.True(t, slices.ContainsFunc(allowedForms, func(re *regexp.Regexp) bool { return re.MatchString(s) }), "no allowed form: %s", s)
	}
}

// withoutNames takes quoted names away, which may be words of SQL.
func withoutNames(s string) string { return regexp.MustCompile(`"[^"]*"`).ReplaceAllString(s, `""`) }

func TestAStatementOfAnotherFormIsFound(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		`SELECT TOP 5 "patient_id" FROM "PPM"."patient" WHERE "patient_id" > ?`,
		`SELECT "patient_id" FROM "PPM"."patient" WHERE "patient_id" > ? LIMIT 5`,
		`SELECT "patient_id" FROM "PPM"."patient"`,
		`SELECT "patient_id" FROM "PPM"."patient" ORDER BY "patient_id"`,
		`SELECT "patient_id" FROM "PPM"."patient" WHERE "patient_id" = '1001'`,
		`SELECT * FROM "PPM"."patient" WHERE "patient_id" = ?`,
		`SELECT "patient_id" FROM "dba"."patient" WHERE "patient_id" = ?`,
		`SELECT "patient_id" FROM patient WHERE "patient_id" = ?`,
		`SELECT MAX("note_id") FROM "PPM"."operatory_notes" WHERE "note_id" > ?`,
		`UPDATE "PPM"."appointment" SET "confirmation_status" = ? WHERE "appointment_id" = ?`,
		`UPDATE "PPM"."patient" SET "current_bal" = ? WHERE "patient_id" = ?`,
		`INSERT INTO "PPM"."patient" ("patient_id") VALUES (?)`,
		`INSERT INTO "PPM"."operatory_notes" ("note_id") SELECT "note_id" FROM "PPM"."operatory_notes"`,
		`UPDATE "PPM"."appointment" SET "confirmation_status" = "confirmation_status"`,
		`DELETE FROM "PPM"."operatory_notes" WHERE "note_id" = ?`,
		`SELECT "patient_id" FROM "PPM"."patient" WHERE "patient_id" = ?; DROP TABLE "PPM"."patient"`,
		`SET TEMPORARY OPTION blocking='Off'`,
	} {
		allowed := slices.Contains(ofODBC, s) || !never.MatchString(withoutNames(s)) &&
			slices.ContainsFunc(allowedForms, func(re *regexp.Regexp) bool { return re.MatchString(s) })
		require.False(t, allowed, s)
	}
}

// One file sends statements, so that one look tells what can be sent how.
func TestOnePlaceSendsStatements(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	sends := regexp.MustCompile(`\bsqlpms\.(Open|NewConnector)\(|\bsql\.Open|\bsqlx\.Open`)
	var found []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		if sends.Match(text) {
			found = append(found, name)
		}
	}
	require.Equal(t, []string{"database.go"}, found)
}
