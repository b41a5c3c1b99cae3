package memdriver

import (
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// AddDemo adds n made-up patients, each with one appointment in the days around
// now. They are the same every time but for the dates. Phone numbers are from
// the range that is kept for fiction.
func (p *PMS) AddDemo(n int) {
	first := []string{"Alex", "Blake", "Casey", "Drew", "Emery", "Finley", "Gray", "Harper", "Indigo", "Jules", "Kai"}
	last := []string{"Ash", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Hazel", "Juniper", "Larch", "Maple", "Oak", "Pine", "Rowan"}
	day := driver.DateOf(p.Clock().UTC()).In(time.UTC)
	for i := range n {
		born := time.Date(1940+i%75, time.Month(1+i%12), 1+i%28, 0, 0, 0, 0, time.UTC)
		given := first[i%len(first)]
		id := p.AddPatient(driver.Patient{
			FirstName: driver.NewText(given),
			LastName:  driver.NewText(last[i%len(last)]),
			BirthDate: driver.NewBirthDate(driver.DateOf(born)),
			Phones:    []driver.Text{driver.NewText(fmt.Sprintf("(%03d) 555-01%02d", 201+i/100, i%100))},
			Email:     driver.NewText(fmt.Sprintf("%s.%d@example.com", given, i)),
		})
		p.AddAppointment(driver.Appointment{
			Patient:  id,
			Start:    day.AddDate(0, 0, i%28-7).Add(time.Duration(13+i%8) * time.Hour),
			Duration: time.Duration(30+30*(i%3)) * time.Minute,
			Provider: "DOC1",
		})
	}
}
