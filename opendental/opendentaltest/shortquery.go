package opendentaltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// shortQueryRows is the most rows of a page ("API Queries").
const shortQueryRows = 100

// putShortQuery runs a SELECT on the practice's own tables. It runs beside
// other requests, like the real one, not inside the emulator's locks.
func (c *call) putShortQuery() (reply, error) {
	command, err := c.required("SqlCommand")
	if err != nil {
		return reply{}, err
	}
	if !readOnly(command) {
		return reply{}, unauthorized("Query is not read-only.")
	}
	_, bounds, err := c.page()
	if err != nil {
		return reply{}, err
	}
	skip, take := bounds[1].(int), shortQueryRows
	if skip > 0 && c.o.cfg.ShortQueryTail {
		take = 1 << 30
	}
	rows, done, err := c.runSelect(command)
	if err != nil {
		return reply{}, queryFailed(err)
	}
	defer done()
	list, err := c.showRows(rows, skip, take)
	if err != nil {
		return reply{}, queryFailed(err)
	}
	return ok(list)
}

// queryFailed is the answer to a query that the database refused.
func queryFailed(err error) error {
	var refused *apiError
	if errors.As(err, &refused) {
		return err
	}
	return bad("SQL error: %s", err)
}

var (
	selectStart = regexp.MustCompile(`(?is)^\s*(select|show|describe|explain|with)\b`)
	altering    = regexp.MustCompile(`(?i)\b(insert|update|delete|replace\s+into|drop|alter|create|truncate|rename|grant|revoke|set|call|load|lock|unlock|handler|into\s+outfile|into\s+dumpfile|attach|pragma)\b`)
)

// readOnly is the screening of a query. It also refuses the word "schema"
// anywhere, as has been reported from the field.
func readOnly(command string) bool {
	if strings.Contains(strings.ToLower(command), "schema") {
		return false
	}
	bare := strings.TrimRight(bareSQL(command), "; \t\r\n")
	return selectStart.MatchString(bare) && !altering.MatchString(bare) && !strings.Contains(bare, ";")
}

// bareSQL is a query without what stands between quotes or in comments.
func bareSQL(command string) string {
	var b strings.Builder
	for _, token := range sqlTokens(command) {
		switch {
		case token[0] == '\'' || token[0] == '"':
			b.WriteString("''")
		case strings.HasPrefix(token, "--") || token[0] == '#' || strings.HasPrefix(token, "/*"):
			b.WriteByte(' ')
		default:
			b.WriteString(token)
		}
	}
	return b.String()
}

func (c *call) runSelect(command string) (*sql.Rows, func(), error) {
	if c.o.dialect == DialectSQLite {
		rows, err := c.o.db.QueryContext(c.ctx, toSQLite(command, c.now))
		if err != nil {
			return nil, nil, err
		}
		return rows, func() { rows.Close() }, nil
	}
	conn, err := c.o.db.Conn(c.ctx)
	if err != nil {
		return nil, nil, err
	}
	skewed := time.Until(c.now).Abs() > 2*time.Second
	if skewed { // NOW() follows this variable
		if _, err := conn.ExecContext(c.ctx, "SET SESSION timestamp = "+strconv.FormatInt(c.now.Unix(), 10)); err != nil {
			return nil, nil, errors.Join(err, conn.Close())
		}
	}
	rows, err := conn.QueryContext(c.ctx, command)
	done := func() {
		if rows != nil {
			rows.Close()
		}
		if skewed {
			_, _ = conn.ExecContext(context.WithoutCancel(c.ctx), "SET SESSION timestamp = DEFAULT")
		}
		conn.Close()
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return rows, done, nil
}

// showRows shows a page of a result.
func (c *call) showRows(rows *sql.Rows, skip, take int) ([]object, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	raw := make([]any, len(types))
	into := make([]any, len(types))
	for i := range raw {
		into[i] = &raw[i]
	}
	list := []object{}
	for n := 0; len(list) < take && rows.Next(); n++ {
		if n < skip {
			continue
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make(object, len(types))
		for i, t := range types {
			value, err := cell(raw[i], t.DatabaseTypeName())
			if err != nil {
				return nil, err
			}
			row[i] = member{t.Name(), value}
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

var wallLook = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)

// cell is a value of a result. Dates have a T in them here and nowhere else,
// and a date without a time of day gets midnight.
func cell(v any, databaseType string) (any, error) {
	if b, isBytes := v.([]byte); isBytes {
		v = string(b)
	}
	databaseType = strings.ToUpper(databaseType)
	switch t := v.(type) {
	case nil, int64, float64, bool:
		return v, nil
	case float32:
		return float64(t), nil
	case uint64:
		return int64(t), nil
	case time.Time:
		return t.Format("2006-01-02T15:04:05"), nil
	case string:
		switch {
		case strings.Contains(databaseType, "INT"):
			return strconv.ParseInt(t, 10, 64)
		case databaseType == "DOUBLE" || databaseType == "FLOAT" || databaseType == "DECIMAL":
			return strconv.ParseFloat(t, 64)
		case databaseType == "DATE" && len(t) == len(layoutDate):
			return t + "T00:00:00", nil
		case wallLook.MatchString(t) && (databaseType == "" || databaseType == "DATETIME" || databaseType == "TIMESTAMP"):
			return strings.Replace(t, " ", "T", 1), nil
		}
		return t, nil
	}
	return nil, fmt.Errorf("opendentaltest: a result with a %T cannot be shown", v)
}
