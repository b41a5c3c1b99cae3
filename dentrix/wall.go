package dentrix

import (
	"time"

	"github.com/pmswriteback/pms/driver/sqlpms"
)

// moment is when the practice's clocks showed a wall time: of two such moments, in the
// hour that comes twice, the one that is nearer to now.
func moment(wall time.Time, loc *time.Location, now time.Time) time.Time {
	first := sqlpms.Moment(wall, loc)
	if from, to, twice := sqlpms.Repeated(wall, loc); twice {
		if second := first.Add(to.Sub(from)); second.Sub(now).Abs() < first.Sub(now).Abs() {
			return second
		}
	}
	return first
}
