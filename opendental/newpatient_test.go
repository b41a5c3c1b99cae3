package opendental_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// Open Dental stores a patient when staff open the window for a new one, and what
// they fill in when they close it.
func TestTheHostHearsWhoANewPatientIsOnceStaffHaveFilledItIn(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]bool{"API": false, "database": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _, pool := newHostOnTables(t)
			var people []writeback.PatientEvent
			t.Cleanup(h.run(func(c *writeback.Config) { c.Handlers.NewPatients = taken(h, &people) }, func() (driver.Connector, error) {
				if database {
					return opendental.NewConnector(opendental.Config{DB: pool})
				}
				return opendental.NewConnector(opendental.Config{
					Mode: opendental.Service, URL: h.URL,
					DeveloperKey: driver.NewSecret(opendentaltest.DefaultDeveloperKey), CustomerKey: driver.NewSecret(opendentaltest.DefaultCustomerKey),
				})
			}))
			h.save(func(doc *settings.Document) {
				*doc = settings.Default()
				doc.Intervals.NewPatients = settings.Every(time.Second)
			})
			require.NoError(t, h.p.SyncNow(t.Context(), driver.PatientFeed))
			known := h.begun(driver.PatientFeed)
			h.eventually("the patients are known", known)
			told := func(change writeback.RecordChange, born bool) func() bool {
				return func() bool {
					_ = h.p.SyncNow(t.Context(), driver.PatientFeed)
					return locked(h, func() bool {
						return len(people) > 0 && people[len(people)-1].Change == change && people[len(people)-1].Patient.BirthDate.IsZero() != born
					})
				}
			}
			p, err := h.AddPatient(t.Context(), opendentaltest.Patient{LName: "Quill", FName: "A"})
			require.NoError(t, err)
			h.eventually("a patient was entered", told(writeback.Created, false))
			_, err = h.EditPatient(t.Context(), p.PatNum, func(p *opendentaltest.Patient) {
				p.FName, p.Birthdate = "Ada", time.Date(1980, 2, 29, 0, 0, 0, 0, h.zone)
			})
			require.NoError(t, err)
			h.eventually("and filled in", told(writeback.Edited, true))
			require.Len(t, people, 2)
			require.Equal(t, "Ada", people[1].Patient.FirstName.Reveal())
		})
	}
}

// begun reports whether a feed has been read.
func (h *host) begun(feed driver.Feed) func() bool {
	from := time.Now()
	return func() bool {
		health, err := h.p.Health(h.t.Context())
		require.NoError(h.t, err)
		for _, c := range health.Loops {
			if c.Loop == string(feed) && c.LastOK.After(from) {
				return true
			}
		}
		return false
	}
}
