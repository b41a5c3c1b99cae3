package settings

import (
	"fmt"

	"github.com/pmswriteback/pms/driver"
)

// The default intervals, in seconds.
const (
	defaultAppointmentStatus  = 15
	defaultAppointmentChanges = 60
	defaultNewPatients        = 30
	defaultPhotoSweep         = 15 * 60
)

// Default returns the document of a practice that has chosen nothing. It writes
// nothing, posts no payment by itself, pulls no photos, and is valid to save as
// it is; the inbound intervals are filled in.
func Default() Document {
	return Document{Intervals: Intervals{
		AppointmentStatus:  Seconds(defaultAppointmentStatus),
		AppointmentChanges: Seconds(defaultAppointmentChanges),
		NewPatients:        Seconds(defaultNewPatients),
		PhotoSweep:         Seconds(defaultPhotoSweep),
	}}
}

// Initial returns Default with each interval no shorter than the minimum of the
// connected PMS, and a Warning with the reason for each that was raised.
func Initial(info driver.Info) (Document, []Problem) {
	doc := Default()
	var problems []Problem
	for i := range fields {
		f := &fields[i]
		if f.typ != TypeInterval {
			continue
		}
		least := info.Feeds[f.feed].MinInterval
		was := f.get(&doc).(Interval)
		if least <= was.Every {
			continue
		}
		f.set(&doc, Every(min(least, MaxInterval)))
		problems = append(problems, Problem{
			Path: f.path, Severity: Warning, Code: CodeIntervalRaised,
			Words: fmt.Sprintf("%s starts with %s instead of %s, because %s allows no shorter interval.",
				f.label, durationWords(min(least, MaxInterval)), was.Words(), productName(info)),
		})
	}
	return doc, problems
}

// InitialConfirmed returns the statuses that the PMS itself marks as confirmed,
// in its order: a first set for Statuses.Confirmed, which only the inbound side
// reads. It is empty where the PMS marks none. An id that stands for several
// different statuses is left out.
func InitialConfirmed(cats Catalogs) []Ref {
	var out []Ref
	for _, c := range Choices(cats, driver.AppointmentStatuses, driver.Info{}) {
		o, _ := cats.Lookup(driver.AppointmentStatuses, c.Ref.ID)
		if o.Role == driver.RoleConfirmed && cats.Standing(driver.AppointmentStatuses, c.Ref, false) == StandingGood {
			out = append(out, c.Ref)
		}
	}
	return out
}

// productName is what staff call the PMS.
func productName(info driver.Info) string {
	if info.Product == "" {
		return "the PMS"
	}
	return info.Product
}
