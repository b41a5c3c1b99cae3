package opendental

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/pmswriteback/pms/driver"
)

// sqlCalls is how many reads of the database may run at once.
const sqlCalls = 4

// DefaultSQLTimeout bounds one read of the database when [Config.Timeout] is
// zero. A read takes milliseconds; what takes longer waits for a lock.
const DefaultSQLTimeout = 20 * time.Second

// database sends statements to the office's database. It is the only place that
// does, and every statement is a SELECT: the vendor forbids others.
//
// Statements are built from constants, digits, dates and wall times. They have
// no arguments, so that each takes one round trip whatever the SQL driver makes
// of arguments, and they hold no double quotes, backslashes or zero dates, which
// mean different things in different sql_modes. They do not depend on the
// session's time zone either: the host may share its pool with the driver.
type database struct {
	db      *sqlx.DB
	timeout time.Duration
	life    context.Context // ends with the connection's Close
}

// query reads all rows of a SELECT. Every column comes as text, NULL as the
// empty one. Every error is a *driver.Error that holds nothing of the
// statement, the server's text or the data source name.
func (d *database) query(ctx context.Context, op, statement string) ([]row, error) {
	if d.life.Err() != nil {
		return nil, unavailable(op, "the connection is closed")
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	defer context.AfterFunc(d.life, cancel)()
	rows, err := d.db.QueryxContext(ctx, statement)
	if err != nil {
		return nil, sqlError(op, ctx, err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return nil, sqlError(op, ctx, err)
	}
	values := make([]sql.NullString, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	var out []row
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, sqlError(op, ctx, err)
		}
		r := make(row, len(names))
		for i, name := range names {
			if values[i].Valid {
				r[name] = scalar(values[i].String)
			}
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, sqlError(op, ctx, err)
	}
	return out, nil
}

// first is the first row; one without columns when there is none.
func first(rows []row) row {
	if len(rows) == 0 {
		return row{}
	}
	return rows[0]
}

// epoch reads a number of seconds since 1970; zero when there is none.
func (r row) epoch(field string) time.Time {
	n, err := strconv.ParseFloat(r.text(field), 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(n * 1e6))
}

// The numbers of the errors of MySQL and MariaDB that tell something.
const (
	mysqlDatabaseDenied = 1044
	mysqlNoDatabase     = 1046
	mysqlBadDatabase    = 1049
	mysqlBadColumn      = 1054
	mysqlTableDenied    = 1142
	mysqlColumnDenied   = 1143
	mysqlNoTable        = 1146
)

// mysqlRefusals are the errors of a server that does not let the user in: a
// wrong password or host, a locked account, an expired password.
var mysqlRefusals = []int{mysqlDatabaseDenied, 1045, 1130, 1251, 1524, 1698, 1820, 1862, 3118, 4151}

// mysqlBusy are the errors of a server that does not get to it: too many
// connections, a lock that was not given in time, a statement that was stopped.
var mysqlBusy = []int{1040, 1203, 1205, 1213, 1226, 1317, 1969, 3024}

var mysqlNumber = regexp.MustCompile(`(?i)^error (\d{4,5})\b`)

// mysqlError is the number of an error of the server; 0 when err is none. The
// number stands at the beginning of the text with every SQL driver, so that none
// needs to be imported.
func mysqlError(err error) int {
	for ; err != nil; err = errors.Unwrap(err) {
		if m := mysqlNumber.FindStringSubmatch(strings.TrimSpace(err.Error())); m != nil {
			n, _ := strconv.Atoi(m[1])
			return n
		}
	}
	return 0
}

// errSchema marks errors after which the columns have to be looked at again.
var errSchema = errors.New("the tables are not what they were")

// sqlError puts an error in words of our own: the server's text may quote a
// statement, and with it a birth date.
func sqlError(op string, ctx context.Context, err error) *driver.Error {
	number := mysqlError(err)
	has := func(list []int) bool {
		for _, n := range list {
			if n == number {
				return true
			}
		}
		return false
	}
	switch {
	case has(mysqlRefusals):
		return &driver.Error{Driver: Name, Op: op, Kind: driver.ErrUnauthorized, Scope: driver.ScopeConnection,
			Err: errors.New("the database does not let the user in")}
	case number == mysqlTableDenied, number == mysqlColumnDenied:
		return &driver.Error{Driver: Name, Op: op, Kind: driver.ErrUnauthorized, Scope: driver.ScopeOperation, Err: errSchema}
	case number == mysqlBadDatabase, number == mysqlNoDatabase:
		return rejected(op, driver.ReasonNotThisPMS, "the database server has no such database")
	case number == mysqlNoTable, number == mysqlBadColumn:
		// In the middle of an update or a restore.
		return &driver.Error{Driver: Name, Op: op, Kind: driver.ErrUnavailable, Err: errSchema}
	case has(mysqlBusy):
		return unavailable(op, "the database is busy, or a table is locked")
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &driver.Error{Driver: Name, Op: op, Kind: driver.ErrUnavailable, Err: errNoAnswer}
	case ctx.Err() != nil:
		return &driver.Error{Driver: Name, Op: op, Kind: driver.ErrUnavailable, Err: ctx.Err()}
	case number != 0:
		return unavailable(op, "the database answers with error "+strconv.Itoa(number))
	}
	return &driver.Error{Driver: Name, Op: op, Kind: driver.ErrUnavailable, Err: errAway}
}
