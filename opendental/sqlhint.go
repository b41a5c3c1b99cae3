package opendental

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/pmswriteback/pms/driver"
)

// The program's instances tell each other by the table signalod what to read
// anew. Its rows for the schedule (IType 68) hint at changed appointments, of
// today and the next days (preference ApptAutoRefreshRange), when the program
// made them. Nothing is counted on it: rows come without news and news without
// rows, and they are thrown away after days.

// signalAppointment is the IType of what concerns the schedule.
const signalAppointment = "68"

// signalSeconds is of how many seconds in which there were signals one hint reads
// at the most, where keys are random.
const signalSeconds = "100"

var _ driver.Hinter = (*joined)(nil)

// hintedFeeds are the feeds that signals hint at.
var hintedFeeds = []driver.Feed{driver.AppointmentStatusFeed, driver.AppointmentFeed}

// noHints says why there are none, as [sqlSchema.noDeletes] does.
func (s *sqlSchema) noHints() string {
	why := s.lacks("signalod")
	if why == "" && s.random && !s.indexed("signalod", "SigDateTime") {
		why = "The office uses random primary keys, and the table signalod has no index on SigDateTime."
	}
	return why
}

// signalMark is a [driver.Hint]'s Mark, as JSON: the newest signal that was seen,
// by its key or, where keys are random, by its second and how many there were in
// it.
type signalMark struct {
	Key    int64  `json:"k,omitempty"`
	At     string `json:"t,omitempty"`
	Within int    `json:"n,omitempty"`
	// Again is set when the next hint names the feeds once more: the program
	// writes the signal before the history through which the change may be found.
	Again bool `json:"a,omitempty"`
}

func (m signalMark) String() string {
	b, _ := json.Marshal(m) // strings and numbers only
	return string(b)
}

// parseSignalMark gives false for a mark that is none of this set-up's.
func parseSignalMark(s string, random bool) (signalMark, bool) {
	var m signalMark
	if err := json.Unmarshal([]byte(s), &m); err != nil || m.Key < 0 || m.Within < 0 {
		return signalMark{}, false
	}
	if !random {
		return m, m.At == ""
	}
	at := parseWall(m.At, wall)
	m.At = formatWall(at, wall)
	return m, !at.IsZero()
}

// ReadHint implements [driver.Hinter]: one statement, which reads the end of an
// index.
func (c *sqlConn) ReadHint(ctx context.Context, mark string) (driver.Hint, error) {
	const op = "read hint"
	s, err := c.supported(ctx, op, (*sqlSchema).noHints)
	if err != nil {
		return driver.Hint{}, err
	}
	m, known := parseSignalMark(mark, s.random)
	if !known {
		m, err = c.newestSignal(ctx, op, s)
		return driver.Hint{Mark: m.String()}, err
	}
	next, news, err := c.signalsSince(ctx, op, s, m)
	if err != nil {
		return driver.Hint{}, err
	}
	hint := driver.Hint{}
	if news || m.Again {
		hint.Feeds = slices.Clone(hintedFeeds)
	}
	next.Again = news && !s.indexed("appointment", "DateTStamp")
	hint.Mark = next.String()
	return hint, nil
}

func (c *sqlConn) newestSignal(ctx context.Context, op string, s *sqlSchema) (signalMark, error) {
	if s.random {
		rows, err := c.query(ctx, op, "SELECT CAST(MAX(s.SigDateTime) AS CHAR) AS SigAt FROM signalod s")
		at := parseWall(first(rows).text("SigAt"), wall)
		if at.IsZero() {
			at = parseWall(beginning, wall) // none yet
		}
		// How many there are in that second is not known: the next hint may be early.
		return signalMark{At: formatWall(at, wall)}, err
	}
	rows, err := c.query(ctx, op, "SELECT MAX(s.SignalNum) AS Highest FROM signalod s")
	highest, _ := strconv.ParseInt(first(rows).text("Highest"), 10, 64) // none in an empty table
	return signalMark{Key: highest}, err
}

// signalsSince reads what came after a mark, and moves it on: behind signals of
// other things too, which would be read again each time.
func (c *sqlConn) signalsSince(ctx context.Context, op string, s *sqlSchema, m signalMark) (next signalMark, news bool, err error) {
	const count = "SUM(s.IType=" + signalAppointment + ") AS News FROM signalod s WHERE "
	if !s.random {
		rows, err := c.query(ctx, op, "SELECT MAX(s.SignalNum) AS Highest, "+count+"s.SignalNum>"+strconv.FormatInt(m.Key, 10))
		highest, _ := strconv.ParseInt(first(rows).text("Highest"), 10, 64) // none without signals
		return signalMark{Key: max(m.Key, highest)}, signals(first(rows)) > 0, err
	}
	// In the hour that comes twice when summer time ends, the second pass lies
	// before the mark, and hints rest.
	rows, err := c.query(ctx, op, "SELECT CAST(s.SigDateTime AS CHAR) AS SigAt, "+count+"s.SigDateTime>='"+m.At+
		"' GROUP BY s.SigDateTime ORDER BY s.SigDateTime DESC LIMIT "+signalSeconds)
	if err != nil || len(rows) == 0 {
		return m, false, err
	}
	news = strconv.Itoa(len(rows)) == signalSeconds // there may be more behind
	for _, r := range rows {
		if parseWall(r.text("SigAt"), wall).Equal(parseWall(m.At, wall)) {
			news = news || signals(r) > m.Within
		} else {
			news = news || signals(r) > 0
		}
	}
	newest := parseWall(rows[0].text("SigAt"), wall)
	return signalMark{At: formatWall(newest, wall), Within: signals(rows[0])}, news, nil
}

// signals is how many of the schedule's are in a row; none without a number.
func signals(r row) int {
	n, _ := strconv.Atoi(r.text("News"))
	return n
}
