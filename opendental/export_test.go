package opendental

import (
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Patience and TryEvery are what the tests let pass.
const (
	Patience = patience
	TryEvery = tryEvery
	AskAgain = askAgain
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
