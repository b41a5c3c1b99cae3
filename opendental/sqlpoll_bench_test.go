package opendental_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// pollCase is a way in which the engine asks for news.
type pollCase struct {
	name   string
	feed   driver.Feed
	blind  bool // to the index on appointment.DateTStamp, as before version 25
	change []string
	news   int // records in a poll, at least
	// net has the poll look for what nothing leads to as well, which it does every
	// ten minutes or every hour: the whole of what there is to look at.
	net bool
}

// A poll finds what an office does in a quarter of a minute.
var pollCases = []pollCase{
	{name: "appointments", feed: driver.AppointmentFeed, news: 5, change: []string{
		"UPDATE appointment SET Confirmed=IF(Confirmed=19,21,19) ORDER BY AptNum DESC LIMIT 5", historyOfFive,
	}},
	{name: "appointments-before-25", feed: driver.AppointmentFeed, blind: true, news: 5, change: []string{
		"UPDATE appointment SET Confirmed=IF(Confirmed=19,21,19) ORDER BY AptNum DESC LIMIT 5", historyOfFive,
	}},
	{name: "new_patients", feed: driver.PatientFeed, news: 2, change: []string{
		"INSERT INTO patient (LName,FName,Birthdate,SecDateEntry,ClinicNum) VALUES ('New','One','1990-01-01',CURDATE(),1),('New','Two','1991-01-01',CURDATE(),1)",
	}},
	{name: "photos", feed: driver.PhotoFeed, news: 2, change: []string{
		"INSERT INTO document (DocCategory,PatNum,DateCreated,FileName,ImgType,DegreesRotated,Note,RawBase64,Thumbnail,OcrResponseData)" +
			" SELECT 190,seq,NOW(),CONCAT('new',seq,'.jpg'),2,0,'','','','' FROM seq_1_to_2",
	}},
	{name: "hint"},
	{name: "appointments-before-25-net", feed: driver.AppointmentFeed, blind: true, net: true},
	{name: "photos-net", feed: driver.PhotoFeed, net: true},
}

const historyOfFive = "INSERT INTO histappointment (HistDateTStamp,HistApptAction,AptNum,PatNum,AptStatus,AptDateTime,ClinicNum,Note,ProcDescript,ProcsColored)" +
	" SELECT NOW(),1,AptNum,PatNum,AptStatus,AptDateTime,ClinicNum,'','','' FROM appointment ORDER BY AptNum DESC LIMIT 5"

// BenchmarkPoll measures each kind of poll on a practice with a million
// appointments and two hundred thousand patients, against the same statements
// sent by hand (x-handwritten) and against a practice of ten thousand
// appointments (x-small). The three take turns, and medians count. Of the polls
// that look for what no index leads to the longest single statement is reported
// instead, which is how long somebody in the office may have to wait.
func BenchmarkPoll(b *testing.B) {
	practices := sync.OnceValue(func() map[string][2]*bulk {
		server, out := bulkServer(b), map[string][2]*bulk{}
		for _, engine := range engines {
			out[engine] = [2]*bulk{newBulk(b, server, engine, 1_000_000), newBulk(b, server, engine, 10_000)}
		}
		return out
	})
	for _, c := range pollCases {
		b.Run(c.name, func(b *testing.B) {
			for _, engine := range engines {
				b.Run(engine, func(b *testing.B) {
					p := practices()[engine]
					benchmarkPoll(b, c, p[0], p[1])
				})
			}
		})
	}
}

func benchmarkPoll(b *testing.B, c pollCase, large, small *bulk) {
	poll := large.poller(b, c)
	atSmall := small.poller(b, c)
	statements := poll.statements(b)
	var ours, byHand, ofSmall []time.Duration
	for b.Loop() {
		// The small practice comes before both, so that neither finds what it reads
		// in the processor because the other has just read it.
		ofSmall = append(ofSmall, timed(b, atSmall.run))
		ours = append(ours, timed(b, poll.run))
		ofSmall = append(ofSmall, timed(b, atSmall.run))
		byHand = append(byHand, timed(b, func() error { return large.byHand(statements) }))
	}
	b.ReportMetric(float64(median(ours)), "ns/op")
	b.ReportMetric(float64(median(ours))/float64(median(byHand)), "x-handwritten")
	if c.net {
		longest := time.Duration(0)
		for _, s := range statements {
			longest = max(longest, timed(b, func() error { return large.byHand([]string{s}) }))
		}
		b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest-statement")
	} else {
		b.ReportMetric(float64(median(ours))/float64(median(ofSmall)), "x-small")
	}
	b.ReportMetric(float64(len(statements)), "queries/poll")
	b.ReportMetric(large.rowsRead(b, poll.run), "rows-read/poll")
}

func timed(b *testing.B, f func() error) time.Duration {
	began := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// poller asks again and again from the same place.
type poller struct {
	run   func() error
	heard func() []string // what was sent by a second connection that did the same
}

func (p poller) statements(b *testing.B) []string {
	b.Helper()
	sent := p.heard()
	require.NotEmpty(b, sent)
	return sent
}

func (p *bulk) poller(b *testing.B, c pollCase) poller {
	b.Helper()
	conn := p.connect(b, p.open(b, nil, c.blind))
	spy := &database{tb: b}
	watched := p.connect(b, p.open(b, spy, c.blind))
	ask := func(conn driver.Conn) error { return nil }
	ctx := context.Background()
	if c.feed == "" {
		hint, err := driver.ReadHint(ctx, conn, "")
		require.NoError(b, err)
		ask = func(conn driver.Conn) error {
			_, err := driver.ReadHint(ctx, conn, hint.Mark)
			return err
		}
	} else {
		page, err := driver.ReadChanges(ctx, conn, driver.ChangesQuery{Feed: c.feed})
		require.NoError(b, err)
		// The second poll, for the first looks a little further back.
		page, err = driver.ReadChanges(ctx, conn, driver.ChangesQuery{Feed: c.feed, Cursor: longAgo(b, page.Next, false)})
		require.NoError(b, err)
		cursor := longAgo(b, page.Next, c.net)
		for _, s := range c.change {
			_, err := p.root.Exec(s)
			require.NoError(b, err)
		}
		ask = func(conn driver.Conn) error {
			page, err := driver.ReadChanges(ctx, conn, driver.ChangesQuery{Feed: c.feed, Cursor: cursor})
			n := page.Len()
			for err == nil && page.More {
				page, err = driver.ReadChanges(ctx, conn, driver.ChangesQuery{Feed: c.feed, Cursor: page.Next})
				n += page.Len()
			}
			if err == nil && n < c.news {
				err = fmt.Errorf("the poll gave %d records", n)
			}
			return err
		}
	}
	return poller{
		run: func() error { return ask(conn) },
		heard: func() []string {
			before := len(spy.heard())
			require.NoError(b, ask(watched))
			return spy.heard()[before:]
		},
	}
}

// longAgo sets the moment back at which the keys in a cursor were looked at, so
// that each poll looks at them, as most do in an office; and for a net the moment
// at which it was cast.
func longAgo(b *testing.B, cursor string, net bool) string {
	b.Helper()
	var fields map[string]any
	require.NoError(b, json.Unmarshal([]byte(cursor), &fields))
	if mark, ok := fields["m"].(map[string]any); ok {
		mark["t"] = mark["t"].(float64) - 48*3600
	}
	if net {
		fields["c"] = fields["c"].(float64) - 2*3600
	}
	out, err := json.Marshal(fields)
	require.NoError(b, err)
	return string(out)
}

// open is a pool of the practice's, as a host opens it.
func (p *bulk) open(b *testing.B, spy *database, blind bool) *sqlx.DB {
	b.Helper()
	inner, err := mysql.NewConnector(p.server.Config(p.name))
	require.NoError(b, err)
	var connector sqldriver.Connector = inner
	if spy != nil {
		connector = &overheard{connector, spy, false}
	}
	if blind {
		connector = &blinded{connector}
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	b.Cleanup(func() { _ = db.Close() })
	return db
}

// blinded hides the index on DateTStamp: to take it away would take minutes.
type blinded struct{ sqldriver.Connector }

func (l *blinded) Connect(ctx context.Context) (sqldriver.Conn, error) {
	c, err := l.Connector.Connect(ctx)
	return &blindedConn{c}, err
}

type blindedConn struct{ sqldriver.Conn }

func (c *blindedConn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if strings.Contains(query, "information_schema.STATISTICS") {
		query += " AND COLUMN_NAME<>'DateTStamp'"
	}
	return c.Conn.(sqldriver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *blindedConn) ResetSession(ctx context.Context) error {
	return c.Conn.(sqldriver.SessionResetter).ResetSession(ctx)
}

func (c *blindedConn) IsValid() bool { return c.Conn.(sqldriver.Validator).IsValid() }

// byHand sends statements as somebody would who needs nothing but their rows, and
// who does not wait for ever.
func (p *bulk) byHand(statements []string) error {
	for _, s := range statements {
		if _, err := p.readByHand(s); err != nil {
			return err
		}
	}
	return nil
}

type handwritten struct {
	id     int64
	start  time.Time
	values []string
}

func (p *bulk) readByHand(statement string) ([]handwritten, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	rows, err := p.pool.DB.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var found []handwritten
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		h := handwritten{values: make([]string, len(columns))}
		for i, v := range values {
			h.values[i] = v.String
			switch columns[i] {
			case "AptNum", "PatNum", "DocNum":
				h.id, _ = strconv.ParseInt(v.String, 10, 64)
			case "AptDateTime":
				h.start, _ = time.Parse(time.DateTime, v.String)
			}
		}
		found = append(found, h)
	}
	return found, rows.Err()
}

// rowsRead is how many rows and keys the server reads for one call of f.
func (p *bulk) rowsRead(b *testing.B, f func() error) float64 {
	b.Helper()
	const times = 20
	before := p.readSoFar(b)
	idle := p.readSoFar(b) - before // what looking costs
	before = p.readSoFar(b)
	for range times {
		require.NoError(b, f())
	}
	return (p.readSoFar(b) - before - idle) / times
}

func (p *bulk) readSoFar(b *testing.B) float64 {
	b.Helper()
	rows, err := p.root.Query("SHOW GLOBAL STATUS LIKE 'Handler_read%'")
	require.NoError(b, err)
	defer func() { _ = rows.Close() }()
	total := 0.0
	for rows.Next() {
		var name string
		var n float64
		require.NoError(b, rows.Scan(&name, &n))
		total += n
	}
	require.NoError(b, rows.Err())
	return total
}
