package opendental_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// The recommended set-up as a host has it: the engine on an office whose tables
// are in MariaDB, with the real clock of the server.
func TestHostHearsFromTheDatabaseAndWritesThroughTheAPI(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	h := &host{t: t}
	cfg := opendentaltest.Config{Store: opendentaltest.MySQLDB(d.root)}
	h.observe(&cfg)
	var err error
	h.Server, err = opendentaltest.NewServer(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	h.furnish()
	pool := d.open(t, nil)
	t.Cleanup(h.run(nil, func() (driver.Connector, error) {
		return opendental.NewConnector(opendental.Config{
			Mode: opendental.Service, URL: h.URL, DB: pool,
			DeveloperKey: driver.NewSecret(opendentaltest.DefaultDeveloperKey), CustomerKey: driver.NewSecret(opendentaltest.DefaultCustomerKey),
		})
	}))
	h.save(nil)
	h.lists("deletions are told", func(_ settings.Catalogs, info driver.Info) bool {
		return info.Feeds[driver.AppointmentFeed].Deletes && info.Ops[driver.OpPayment].Supported
	})
	visit, basis := h.known(unconfirmed)
	h.status("yes", visit, true, basis)
	h.rests("yes", writeback.Written)
	require.Equal(t, int64(confirmed), h.confirmedNow(visit))
	h.note("call", driver.IncomingCall, "Asked about Friday.")
	h.rests("call", writeback.Written)

	require.NoError(t, h.SetConfirmed(t.Context(), visit, texted))
	h.toldOf(visit, texted)
	require.NoError(t, h.DeleteAppointment(t.Context(), visit))
	h.poll()
	h.eventually("the host is told of the deletion", func() bool {
		return locked(h, func() bool {
			for _, e := range h.appointments {
				if e.Change == writeback.Deleted && e.Appointment.ID == id(visit) {
					return true
				}
			}
			return false
		})
	})
	for _, list := range []string{"/appointments", "/patients/Simple", "/providers"} {
		require.Zero(t, h.Count("GET", list), "%s is read from the database", list)
	}
	requireReadsOnly(t, d.heard())
}

// With intervals of hours, what staff do is with the host because of the hints.
func TestHostHearsAtOnceOfWhatSignalsHintAt(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(map[bool]string{false: "index", true: "history"}[plain], func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t)
			h := &host{t: t}
			cfg := opendentaltest.Config{Store: opendentaltest.MySQLDB(d.root)}
			h.observe(&cfg)
			var err error
			h.Server, err = opendentaltest.NewServer(cfg)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, h.Close()) })
			h.furnish()
			if plain {
				d.run("ALTER TABLE appointment DROP KEY DateTStamp")
			}
			pool := d.open(t, nil)
			t.Cleanup(h.run(func(c *writeback.Config) { c.HintEvery = 200 * time.Millisecond }, func() (driver.Connector, error) {
				return opendental.NewConnector(opendental.Config{DB: pool})
			}))
			h.save(func(doc *settings.Document) {
				*doc = settings.Default() // nothing is written
				doc.Intervals.AppointmentStatus, doc.Intervals.AppointmentChanges = settings.Every(6*time.Hour), settings.Every(6*time.Hour)
			})
			told := func(what string, is func(writeback.AppointmentEvent) bool) {
				t.Helper()
				h.eventually(what, func() bool {
					return locked(h, func() bool { return slices.ContainsFunc(h.appointments, is) })
				})
			}
			h.poll()
			h.eventually("hints are read", func() bool {
				return slices.ContainsFunc(d.heard(), func(s string) bool { return strings.Contains(s, "FROM signalod s WHERE") })
			})
			visit := h.visit(unconfirmed)
			told("booked", func(e writeback.AppointmentEvent) bool { return e.Appointment.ID == id(visit) })
			require.NoError(t, h.SetConfirmed(t.Context(), visit, texted))
			h.eventually("its status", func() bool {
				return locked(h, func() bool {
					return slices.ContainsFunc(h.statuses, func(e writeback.AppointmentStatusEvent) bool { return e.Appointment.Status == id(texted) })
				})
			})

			// It leaves without having been deleted.
			_, err = h.EditAppointment(t.Context(), visit, func(a *opendentaltest.Appointment) { a.AptStatus = opendentaltest.AptPlanned })
			require.NoError(t, err)
			told("gone", func(e writeback.AppointmentEvent) bool {
				return e.Change == writeback.Deleted && e.Appointment.ID == id(visit)
			})
			requireReadsOnly(t, d.heard())
		})
	}
}
