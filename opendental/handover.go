package opendental

import (
	"encoding/json"
	"time"
)

// handedOver is a cursor that has gone, or may go, from the database to the API
// or back, as JSON. Both go by the time of the last change on the same server's
// clock, so that one can go on where the other was. What the other one has given
// a moment before comes twice.
type handedOver struct {
	// Tables is the database's cursor, where its server shows another wall time
	// than the practice's, by Gap seconds. Without a gap the bare cursor does.
	Tables string `json:"d,omitempty"`
	Gap    int64  `json:"g,omitempty"`
	// API is the API's cursor, which goes on from one of the database, and Mark
	// what that had of keys: the API does not tell of deletions, which the database
	// then makes up for.
	API  string  `json:"h,omitempty"`
	Mark keyMark `json:"m,omitzero"`
}

func (h handedOver) String() string {
	if h.Tables != "" && h.Gap == 0 {
		return h.Tables
	}
	b, _ := json.Marshal(h) // strings and numbers only
	return string(b)
}

// parseHandedOver gives what s holds; a bare cursor counts as one of the
// database.
func parseHandedOver(s string) handedOver {
	var h handedOver
	if err := json.Unmarshal([]byte(s), &h); err != nil || h.Tables == "" && h.API == "" {
		return handedOver{Tables: s}
	}
	return h
}

// toTables is the database's cursor from which reading goes on; one of the API
// that was never the database's is expired there.
func (h handedOver) toTables(op, feed string, loc *time.Location) (string, error) {
	if h.API == "" {
		return h.Tables, nil
	}
	cur, err := parseCursor(op, feed, h.API)
	if err != nil {
		return "", err
	}
	// No later than the server showed that time, whichever hour it was when summer
	// time ended, and before what the database allows for statements under way.
	at := repeatedFrom(parseWall(cur.Since, wall).Add(-time.Duration(h.Gap)*time.Second), loc)
	since := inZone(at, loc).Add(-time.Hour - slackInnoDB)
	return sqlCursor{Feed: feed, Since: since.Unix(), Now: since.Unix(), Mark: h.Mark}.String(), nil
}

// toAPI is the API's cursor from which reading goes on.
func (h handedOver) toAPI(op, feed string, loc *time.Location) (handedOver, error) {
	if h.API != "" {
		return h, nil
	}
	cur, err := parseSQLCursor(op, feed, h.Tables)
	if err != nil {
		// Perhaps it is one of the API's own.
		return handedOver{API: h.Tables}, nil
	}
	// The API is asked for all patients, of whom many change with their balances, so
	// that it does not go back as far as the database does.
	since := max(cur.Since, cur.Now-int64(slackInnoDB/time.Second))
	shown := inZone(time.Unix(since, 0).In(loc), wall).Add(time.Duration(h.Gap) * time.Second)
	return handedOver{API: cursor{Feed: feed, Since: formatWall(shown, wall)}.String(), Gap: h.Gap, Mark: cur.Mark}, nil
}
