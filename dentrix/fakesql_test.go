package dentrix_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
)

func init() { sql.Register("fake", fakeSQL{}) }

// fakeSQL is the host's SQL driver in examples that connect to nothing.
type fakeSQL struct{}

func (fakeSQL) Open(string) (sqldriver.Conn, error) { return nil, errors.New("nothing is there") }
