package opendental_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

const (
	// freshChanges are staff's changes in one run, spread over freshFor: two of the
	// intervals at which statuses are read by default.
	freshChanges = 60
	freshFor     = 30 * time.Second
)

// BenchmarkFreshness measures how long it takes from staff's change of a status in
// the database to the host's handler, at the intervals that settings have by
// default, without hints and with one a second, and what the database is asked
// meanwhile. One run takes half a minute of real time.
func BenchmarkFreshness(b *testing.B) {
	for _, c := range []struct {
		name  string
		hints time.Duration
	}{{"hints=none", 0}, {"hints=1s", time.Second}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				late, queries := freshness(b, c.hints)
				slices.Sort(late)
				b.ReportMetric(late[len(late)/2].Seconds(), "s-p50")
				b.ReportMetric(late[len(late)*99/100].Seconds(), "s-p99")
				b.ReportMetric(queries, "queries/min")
			}
		})
	}
}

func freshness(b *testing.B, hintEvery time.Duration) (late []time.Duration, queriesPerMinute float64) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(b, err)
	d := newDatabase(b)
	office, err := opendentaltest.NewOffice(opendentaltest.Config{Store: opendentaltest.MySQLDB(d.root), Location: chicago})
	require.NoError(b, err)
	defer func() { _ = office.Close() }()
	patient, err := office.AddPatient(ctx, opendentaltest.Patient{FName: "Ada", LName: "Quill"})
	require.NoError(b, err)
	visits := make([]string, freshChanges)
	nums := make([]int64, freshChanges)
	for i := range visits {
		a, err := office.AddAppointment(ctx, opendentaltest.Appointment{PatNum: patient.PatNum, AptDateTime: office.Now().Add(48 * time.Hour), Confirmed: unconfirmed})
		require.NoError(b, err)
		nums[i], visits[i] = a.AptNum, id(a.AptNum)
	}

	var mu sync.Mutex
	known, heard := map[string]bool{}, map[string]time.Time{}
	pool := d.open(b, nil)
	eng, err := writeback.New(writeback.Config{
		HostName: "Acme", Store: memstore.New(), Spread: -1, HintEvery: hintEvery,
		Connect: func(context.Context, string) (driver.Connector, error) {
			return opendental.NewConnector(opendental.Config{DB: pool})
		},
		Handlers: writeback.Handlers{
			AppointmentStatuses: func(_ context.Context, _ string, events []writeback.AppointmentStatusEvent) error {
				mu.Lock()
				defer mu.Unlock()
				for _, e := range events {
					heard[e.Appointment.ID] = time.Now()
				}
				return nil
			},
			Appointments: func(_ context.Context, _ string, events []writeback.AppointmentEvent) error {
				mu.Lock()
				defer mu.Unlock()
				for _, e := range events {
					known[e.Appointment.ID] = true
				}
				return nil
			},
			NewPatients: func(context.Context, string, []writeback.PatientEvent) error { return nil },
		},
	})
	require.NoError(b, err)
	p, err := eng.AddPractice(ctx, writeback.PracticeConfig{ID: "main-street", Location: chicago})
	require.NoError(b, err)
	ended := make(chan error, 1)
	go func() { ended <- eng.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	_, rev, err := p.Settings(ctx)
	require.NoError(b, err)
	require.Eventually(b, func() bool {
		_, err := p.SaveSettings(ctx, settings.Default(), writeback.Save{Expect: rev, Actor: "dana"})
		return err == nil
	}, soon, 100*time.Millisecond)
	for _, feed := range []driver.Feed{driver.AppointmentFeed, driver.AppointmentStatusFeed} {
		require.NoError(b, p.SyncNow(ctx, feed))
	}
	require.Eventually(b, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(known) == freshChanges
	}, soon, 10*time.Millisecond)
	time.Sleep(3 * time.Second) // hints begin

	began, before := time.Now(), len(d.heard())
	at := make([]time.Duration, freshChanges)
	for i := range at {
		at[i] = rand.N(freshFor)
	}
	slices.Sort(at)
	changed := map[string]time.Time{}
	for i, when := range at {
		time.Sleep(time.Until(began.Add(when)))
		require.NoError(b, office.SetConfirmed(ctx, nums[i], texted))
		changed[visits[i]] = time.Now()
	}
	time.Sleep(time.Until(began.Add(freshFor)))
	queriesPerMinute = float64(len(d.heard())-before) / freshFor.Minutes()
	require.Eventually(b, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(heard) == freshChanges
	}, time.Minute, 10*time.Millisecond)
	for visit, when := range changed {
		late = append(late, heard[visit].Sub(when))
	}
	return late, queriesPerMinute
}
