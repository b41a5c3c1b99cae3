package settings

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The bounds of an interval. A driver may ask for a longer minimum.
const (
	MinInterval = time.Second
	MaxInterval = 24 * time.Hour
)

// Interval says how often a loop runs. The zero value is an error in a document:
// off is said, not left out.
type Interval struct {
	// Every is the time from one run to the next, from MinInterval to
	// MaxInterval. It does not count while Off is set.
	Every time.Duration
	// Off stops the loop.
	Off bool
}

// Every returns the interval d.
func Every(d time.Duration) Interval { return Interval{Every: d} }

// Seconds returns the interval of n seconds.
func Seconds(n int) Interval { return Every(time.Duration(n) * time.Second) }

// Never returns the interval of a loop that is off.
func Never() Interval { return Interval{Off: true} }

// String gives the form in which [ParseInterval] and the document hold it: "off",
// whole seconds as "90", and a fraction as "1.5s".
func (i Interval) String() string {
	switch {
	case i.Off:
		return "off"
	case i.Every%time.Second == 0:
		return strconv.FormatInt(int64(i.Every/time.Second), 10)
	}
	return i.Every.String()
}

// Words gives what staff read: "off", "15 seconds", "15 minutes".
func (i Interval) Words() string {
	if i.Off {
		return "off"
	}
	return durationWords(i.Every)
}

// canonical drops what does not count.
func (i Interval) canonical() Interval {
	if i.Off {
		return Never()
	}
	return i
}

func (i Intervals) canonical() Intervals {
	i.AppointmentStatus = i.AppointmentStatus.canonical()
	i.AppointmentChanges = i.AppointmentChanges.canonical()
	i.NewPatients = i.NewPatients.canonical()
	i.PhotoSweep = i.PhotoSweep.canonical()
	return i
}

var errInterval = errors.New(`expected a number of seconds, a duration such as "2m", or "off"`)

// ParseInterval reads "off", a whole number of seconds ("90"), or a Go duration
// ("90s", "1.5s", "2m"). Values outside the bounds are read too: [Validate] has
// the words for them.
func ParseInterval(s string) (Interval, error) {
	s = strings.TrimSpace(s)
	if strings.EqualFold(s, "off") {
		return Never(), nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		// Beyond this a Duration would wrap around to a harmless-looking value.
		const most = int64(1<<63-1) / int64(time.Second)
		if n > most || n < -most {
			return Interval{}, errInterval
		}
		return Every(time.Duration(n) * time.Second), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return Interval{}, errInterval
	}
	return Every(d), nil
}

// durationWords writes d in the largest unit that leaves no remainder.
func durationWords(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		// 60 seconds is how the page says it, so a unit starts at two.
		if d%u.unit == 0 && (d >= 2*u.unit || u.unit == time.Second) {
			if n := int64(d / u.unit); n == 1 {
				return "1 " + u.name
			} else {
				return fmt.Sprintf("%d %ss", n, u.name)
			}
		}
	}
	return d.String()
}
