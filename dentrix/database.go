package dentrix

import (
	"context"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// database is the pool of a connection. This file, and send in write.go, are where
// statements leave.
type database struct {
	*sqlpms.DB
}

// dialect is c-tree's. What its errors mean is known by their SQLSTATE, and what the
// vendor's procedures raise by the vendor's codes.
func dialect() sqlpms.Dialect {
	return sqlpms.Dialect{
		Name: "c-tree",
		Ping: "SELECT COUNT(*) AS n FROM admin.options WHERE optionkey = '" + dataVersion + "'",
		Classify: func(d sqlpms.Diagnosis) sqlpms.Fault {
			m, ok := meaningOf(d.Native, nil)
			if !ok {
				return sqlpms.Fault{}
			}
			return sqlpms.Fault{Class: sqlpms.ClassOther, Words: apiRefused, Kind: m.kind, Reason: m.reason, RetryAfter: m.pause}
		},
	}
}

const apiRefused = "a procedure of Dentrix refused"

func openDatabase(op string, cfg Config) (*database, error) {
	pms := sqlpms.Config{Name: Name, Dialect: dialect(), MaxConns: maxCalls, Timeout: cfg.timeout()}
	if cfg.DB != nil {
		pms.Pool = cfg.DB.DB
	} else {
		pms.SQLDriver, pms.DSN = cfg.Database.SQLDriver(), cfg.Database.Secret()
	}
	db, err := sqlpms.Open(pms)
	if err != nil {
		return nil, rejected(op, driver.ReasonInvalid, "the SQL driver refuses the connection string")
	}
	return &database{db}, nil
}

// all reads every row of a statement.
func all[T any](ctx context.Context, db *database, op string, s sqlpms.Statement, read func(*sqlpms.Row) T) ([]T, error) {
	var out []T
	err := db.Each(ctx, op, s, func(r *sqlpms.Row) (bool, error) {
		out = append(out, read(r))
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// called reads every row of the first result of a procedure that only reads.
func called[T any](ctx context.Context, db *database, op string, s sqlpms.Statement, read func(*sqlpms.Row) T) ([]T, error) {
	var out []T
	err := db.Call(ctx, op, s, func(set int, r *sqlpms.Row) error {
		if set == 1 {
			out = append(out, read(r))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// refusals are the classes of errors by which an engine refuses a statement as it
// is: what it names is missing, forbidden or unknown.
var refusals = []sqlpms.Class{sqlpms.ClassDenied, sqlpms.ClassMissing, sqlpms.ClassStatement, sqlpms.ClassOther, sqlpms.ClassValue, sqlpms.ClassReadOnly}

// refusalOf is the refusal in an error, nil when there is none.
func refusalOf(err error) *sqlpms.Fault { return sqlpms.FaultOf(err, refusals...) }
