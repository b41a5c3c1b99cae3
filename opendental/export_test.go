package opendental

import (
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Patience and TryEvery are what the tests let pass.
const (
	Patience  = patience
	TryEvery  = tryEvery
	AskAgain  = askAgain
	SettleFor = settleFor
)

// LetPass makes a joined connection take an outage of the database for longer.
func LetPass(conn driver.Conn, d time.Duration) {
	j := conn.(*joined)
	j.state.Lock()
	defer j.state.Unlock()
	j.born = j.born.Add(-d)
	if j.down != nil {
		j.down.since, j.down.again = j.down.since.Add(-d), j.down.again.Add(-d)
	}
}

// LetSettle makes a connection to the database take the making anew of a table for
// longer ago.
func LetSettle(conn driver.Conn, d time.Duration) {
	c, ok := conn.(*sqlConn)
	if j, joins := conn.(*joined); joins {
		c, ok = j.sqlConn, true
	}
	if ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.made.since = c.made.since.Add(-d)
	}
}
