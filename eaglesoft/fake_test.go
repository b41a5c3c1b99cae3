package eaglesoft_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
)

// fake is an SQL driver that reaches nothing.
type fake struct{}

func (fake) Open(string) (sqldriver.Conn, error) { return nil, errors.New("nothing there") }

func init() { sql.Register("fake", fake{}) }
