package dentrix_test

import (
	"testing"
	"time"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

func TestTheDriverKeepsTheContractOverODBC(t *testing.T) {
	t.Parallel()
	odbctest.Need(t)
	other := mariadbtest.Start(t, mariadbtest.Options{})
	foreign := dentrix.FormatDSN(odbctest.DriverName, driver.NewSecret(odbctest.Login{Socket: other.Socket}.DSN(t)), nil)
	var sent []string
	drivertest.Run(t, drivertest.Harness{
		Crowd: 30,
		New: func(tb testing.TB, zone *time.Location) *drivertest.PMS {
			o := openOffice(tb, zone, time.Now())
			tb.Cleanup(func() { sent = append(sent, o.line.Statements()...) })
			return o.pms(foreign)
		},
		Secrets: []string{dentrixtest.Password},
		Cannot: map[string]string{
			"Staff.AddOption/" + string(driver.NoteTypes): "the types of Office Journal entries are fixed",
			"OtherSite": "a database holds one location",
		},
	})
	requireForms(t, sent)
}
