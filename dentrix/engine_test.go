package dentrix_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// host is an application at work on one stand-in office.
type host struct {
	*office
	t testing.TB
	p *writeback.Practice

	mu     sync.Mutex
	visits []writeback.AppointmentEvent
	states []writeback.AppointmentStatusEvent
	people []writeback.PatientEvent
}

func taken[E any](h *host, into *[]E) func(context.Context, string, []E) error {
	return func(_ context.Context, _ string, events []E) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		*into = append(*into, events...)
		return nil
	}
}

// newHost runs an engine on the office until the test ends.
func newHost(t testing.TB, o *office, zone *time.Location) *host {
	t.Helper()
	h := &host{office: o, t: t}
	dsn := o.dsn() + "&overlap=1m"
	eng, err := writeback.New(writeback.Config{
		HostName: "Acme", Store: memstore.New(), Spread: -1, WakePoll: 20 * time.Millisecond,
		Retry:   writeback.Backoff{Min: 20 * time.Millisecond, Max: 200 * time.Millisecond},
		Connect: func(context.Context, string) (driver.Connector, error) { return driver.Open(dentrix.Name, dsn) },
		Handlers: writeback.Handlers{
			AppointmentStatuses: taken(h, &h.states), Appointments: taken(h, &h.visits), NewPatients: taken(h, &h.people),
		},
	})
	require.NoError(t, err)
	h.p, err = eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: "main-street", Location: zone})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- eng.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
	h.eventually("the lists are read", func() bool {
		_, _, ok, err := h.p.Catalogs(t.Context())
		return err == nil && ok
	})
	doc := settings.Default()
	doc.Sync.ProviderID = settings.Ref{ID: "DDS2"}
	doc.Notes.Enabled = map[driver.NoteKind]bool{driver.IncomingCall: true}
	doc.Notes.Type = settings.Ref{ID: "3"}
	doc.Statuses.Confirmed = []settings.Ref{{ID: "2"}}
	doc.Statuses.ConfirmedTarget, doc.Statuses.UnconfirmedTarget = settings.Ref{ID: "2"}, settings.Ref{ID: "1"}
	doc.Payments.Auto = true
	doc.Payments.Types = map[driver.PaymentChannel]settings.Ref{
		driver.ChannelProvider: {ID: "1"}, driver.ChannelOnline: {ID: "7"}, driver.ChannelInOffice: {ID: "4"},
	}
	_, rev, err := h.p.Settings(t.Context())
	require.NoError(t, err)
	problems, err := h.p.SaveSettings(t.Context(), doc, writeback.Save{Expect: rev, Actor: "dana"})
	require.NoError(t, err, "%v", problems)
	return h
}

func (h *host) eventually(what string, f func() bool) {
	h.t.Helper()
	require.Eventually(h.t, f, 30*time.Second, 10*time.Millisecond, what)
}

// rests waits until an item is in a state, or in one that it does not leave.
func (h *host) rests(key string, state writeback.State) writeback.Item {
	h.t.Helper()
	var it writeback.Item
	h.eventually(key+" is "+string(state), func() bool {
		var err error
		it, err = h.p.ItemByKey(h.t.Context(), key)
		return err == nil && (it.State == state || it.State.Final() || it.State == writeback.Failed)
	})
	require.Equal(h.t, state, it.State, "%s: %s %s", key, it.Reason, it.Cause)
	return it
}

func (h *host) pay(key string) {
	h.t.Helper()
	_, err := h.p.PostPayment(h.t.Context(), writeback.Payment{
		Key: key, Channel: driver.ChannelOnline, Amount: driver.USD(10269), At: time.Now(),
		Patient: writeback.PatientNamed("Nora", "Sampleton", driver.Date{Year: 1985, Month: 12, Day: 10}),
	})
	require.NoError(h.t, err)
}

// An application as a vendor ships it: the engine, the driver, the SQL driver and
// ODBC are the real ones, the office is a stand-in.
func TestAHostWritesToDentrixOnceAndHearsFromIt(t *testing.T) {
	t.Parallel()
	zone := chicago(t)
	o := openOffice(t, zone, time.Now())
	nora := got(o.AddPatient(t.Context(), dentrixtest.Patient{First: "Nora", Last: "Sampleton", Born: "1985-12-10"}))(o)
	id := strconv.Itoa(nora)
	h := newHost(t, o, zone)

	_, err := h.p.WriteNote(t.Context(), writeback.Note{
		Key: "call", Kind: driver.IncomingCall, Patient: writeback.PatientID(id), At: time.Now(), Body: writeback.Text("Asked about Friday."),
	})
	require.NoError(t, err)
	item := h.rests("call", writeback.Written)
	notes, err := o.Notes(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, notes, 1)
	require.Equal(t, "DDS2", notes[0].Provider)
	require.Contains(t, notes[0].Text, item.Legs[0].Ref)

	h.pay("pay")
	h.rests("pay", writeback.Written)

	// The answer to COMMIT is lost, and then a COMMIT is: each payment is there once.
	lift := o.line.Strike(odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutAfter, Times: 1})
	h.pay("cut after")
	h.rests("cut after", writeback.Written)
	lift()
	lift = o.line.Strike(odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutBefore, Times: 1})
	h.pay("cut before")
	h.rests("cut before", writeback.Written)
	lift()
	payments, err := o.Payments(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, payments, 3)
	for _, row := range payments {
		require.Equal(t, int64(-10269), row.Cents)
		require.Equal(t, "7", row.Type)
	}

	// What is there when a feed is read first is known, and not told.
	h.eventually("all feeds have been read", func() bool {
		health, err := h.p.Health(t.Context())
		require.NoError(t, err)
		read := 0
		for _, l := range health.Loops {
			feed := driver.Feed(l.Loop)
			if (feed == driver.AppointmentStatusFeed || feed == driver.AppointmentFeed || feed == driver.PatientFeed) && !l.LastOK.IsZero() {
				read++
			}
		}
		return read == 3
	})

	// Staff book a visit, and confirm it; somebody else walks in.
	visit := o.visit(id, time.Now().Add(50*time.Hour), 1)
	walkIn := o.visit("0", time.Now().Add(51*time.Hour), 1)
	stranger := got(o.AddPatient(t.Context(), dentrixtest.Patient{First: "New", Last: "Person", Born: "2001-01-01"}))(o)
	seen := func(f func() bool) func() bool {
		return func() bool {
			for _, feed := range []driver.Feed{driver.AppointmentStatusFeed, driver.AppointmentFeed, driver.PatientFeed} {
				_ = h.p.SyncNow(t.Context(), feed)
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			return f()
		}
	}
	h.eventually("the visits and the patient are told", seen(func() bool {
		a, b, c := false, false, false
		for _, e := range h.visits {
			a = a || e.Appointment.ID == visit && e.Appointment.Patient == id
			b = b || e.Appointment.ID == walkIn && e.Appointment.NewPatient
		}
		for _, e := range h.people {
			c = c || e.Patient.ID == strconv.Itoa(stranger)
			require.NotEqual(t, id, e.Patient.ID, "who was there before is not new")
		}
		return a && b && c
	}))
	require.NoError(t, o.SetNow(t.Context(), o.Now().Add(time.Second)))
	require.NoError(t, o.SetStatus(t.Context(), number(o, visit), 2))
	basis := ""
	h.eventually("the status is told", seen(func() bool {
		for _, e := range h.states {
			if e.Appointment.ID == visit && e.Appointment.Status == "2" {
				basis = e.Basis
				return true
			}
		}
		return false
	}))

	// The host unconfirms it.
	_, err = h.p.SetAppointmentStatus(t.Context(), writeback.AppointmentStatus{Key: "no", Appointment: visit, Confirmed: false, Basis: basis})
	require.NoError(t, err)
	h.rests("no", writeback.Written)
	now, err := o.Status(t.Context(), visit)
	require.NoError(t, err)
	require.Equal(t, "1", now)
}
