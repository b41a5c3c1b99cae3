package opendentaltest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// query expects rows.
func (p *practice) query(sql string) []map[string]any {
	p.t.Helper()
	return p.queryAt("", sql)
}

func TestShortQueryReadsTheSameTruth(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		clock := time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
		cfg.Now = func() time.Time { return clock }
		p := open(t, cfg)
		p.do(201, "POST", "/commlogs", map[string]any{"PatNum": p.ada.PatNum, "Note": "line one\r\nline two"})
		_, err := p.AddPhoto(t.Context(), p.bruno.PatNum, ".png", []byte("png"))
		require.NoError(t, err)

		row := p.query("SELECT NOW(), CURDATE() AS day")[0]
		require.Equal(t, "2026-03-02T09:00:00", row["NOW()"], "the office's clock, with a T")
		require.Contains(t, row["day"], "2026-03-02")
		row = p.query(`SELECT PatNum, LName, Birthdate, DateTStamp, EstBalance FROM patient WHERE FName = 'ada'`)[0]
		require.Equal(t, map[string]any{"PatNum": 1.0, "LName": "Quillfeather", "Birthdate": "1980-02-29T00:00:00",
			"DateTStamp": "2026-03-02T09:00:00", "EstBalance": 0.0}, row)
		require.Equal(t, "line one line two", p.query(`SELECT Note FROM commlog WHERE Note LIKE "%line two%"`)[0]["Note"])

		rows := p.query(`SELECT d.DocNum, d.PatNum, d.FileName, d.DateTStamp, p.ImageFolder, def.ItemName
			FROM document d JOIN patient p ON p.PatNum=d.PatNum JOIN definition def ON def.DefNum=d.DocCategory
			WHERE def.ItemValue LIKE '%P%' AND d.DateTStamp >= '2026-03-02 09:00:00' AND d.DateTStamp <= NOW()
			ORDER BY d.DateTStamp, d.DocNum LIMIT 50`)
		require.Len(t, rows, 1)
		require.Equal(t, "Patient Pictures", rows[0]["ItemName"])
		require.Empty(t, p.query("SELECT DocNum FROM document WHERE DateTStamp > '2026-03-02 09:00:00'"))

		row = p.query("SELECT COUNT(*) n, MAX(DateTStamp) AS last, CONCAT(LName, ', ', FName) AS name FROM patient WHERE PatStatus<>4 GROUP BY LName")[0]
		require.EqualValues(t, 2, row["n"])
		require.Equal(t, "2026-03-02T09:00:00", row["last"])
	})
}

func TestShortQuerySpeaksMySQLOnBothStores(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		clock := time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
		cfg.Now = func() time.Time { return clock }
		p := open(t, cfg)
		for sql, want := range map[string]any{
			"SELECT DATE_SUB(NOW(), INTERVAL 10 DAY) AS v":                        "2026-02-20T09:00:00",
			"SELECT DATE_ADD(NOW(), INTERVAL 90 MINUTE) AS v":                     "2026-03-02T10:30:00",
			"SELECT NOW() - INTERVAL 2 HOUR AS v":                                 "2026-03-02T07:00:00",
			"SELECT IF(1 < 2, 'yes', \"no\") AS v":                                "yes",
			"SELECT CHAR_LENGTH('héllo') AS v":                                    5.0,
			"SELECT LENGTH('héllo') AS v":                                         6.0,
			"SELECT LEFT('quill', 2) AS v":                                        "qu",
			"SELECT RIGHT('quill', 2) AS v":                                       "ll",
			"SELECT DATE_FORMAT('2026-03-02 09:05:07', '%Y/%m/%d %H-%i-%s') AS v": "2026/03/02 09-05-07",
			`SELECT 'it\'s' AS v`:                                                 "it's",
			"SELECT IFNULL(NULL, 'x') AS v -- a comment":                          "x",
			"SELECT UCASE(SUBSTRING('quill', 2, 2)) AS v":                         "UI",
			"SELECT COALESCE(NULL, 4) <=> 4 AS v;":                                1.0,
			"SELECT COUNT(*) AS v FROM `patient` WHERE 1 = 1 /* all */":           2.0,
		} {
			require.Equal(t, want, p.query(sql)[0]["v"], sql)
		}
	})
}

func TestShortQueryScreensAndReportsErrors(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		for _, sql := range []string{
			"DELETE FROM patient", "update patient set LName=''", "SELECT 1; DROP TABLE patient", "SELECT * INTO OUTFILE 'x' FROM patient",
			"SELECT * FROM information_schema.TABLES", "/* x */ INSERT INTO commlog VALUES (1)", "SET @a = 1", "CALL p()",
		} {
			p.do(401, "PUT", "/queries/ShortQuery", map[string]any{"SqlCommand": sql})
		}
		require.Len(t, p.query("SELECT LName FROM patient WHERE LName <> 'delete; drop' # update"), 2, "words between quotes do no harm")
		require.Contains(t, p.do(400, "PUT", "/queries/ShortQuery", map[string]any{"SqlCommand": "SELECT nonsense FROM patient"})["error"], "nonsense")
		p.do(400, "PUT", "/queries/ShortQuery", map[string]any{})
		require.Len(t, p.list("/patients/Simple"), 2)
	})
}

func TestShortQueryPages(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		sql := "SELECT PrefNum FROM preference UNION ALL SELECT DefNum FROM definition"
		require.Len(t, p.query(sql), 100)
		rest := p.queryAt("?Offset=100", sql)
		require.NotEmpty(t, rest)
		require.Less(t, len(rest), 100)
		require.Empty(t, p.queryAt("?Offset=500", sql))
	})
}

func (p *practice) queryAt(page, sql string) []map[string]any {
	p.t.Helper()
	a := p.try("PUT", "/queries/ShortQuery"+page, map[string]any{"SqlCommand": sql})
	require.NoError(p.t, a.err)
	require.Equal(p.t, 200, a.status, a.text)
	return decodeRows(p.t, a.text)
}
