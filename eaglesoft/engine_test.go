package eaglesoft_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
	"github.com/pmswriteback/pms/eaglesoft"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// host is an application at work on one practice: the engine, the driver and ODBC
// are the real ones.
type host struct {
	*office
	t       *testing.T
	p       *writeback.Practice
	patient string

	mu           sync.Mutex
	statuses     []writeback.AppointmentStatusEvent
	appointments []writeback.AppointmentEvent
	patients     []writeback.PatientEvent
}

// soon is how long anything may take on a busy machine.
const soon = 30 * time.Second

func newHost(t *testing.T) *host {
	t.Helper()
	zone, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	h := &host{office: newOffice(t, zone), t: t}
	h.SetClock(time.Now())
	h.patient = h.office.patient()
	cfg := h.config()
	cfg.VerifyAfter = 50 * time.Millisecond
	eng, err := writeback.New(writeback.Config{
		HostName: "Acme", Store: memstore.New(), Spread: -1, WakePoll: 20 * time.Millisecond,
		Retry:   writeback.Backoff{Min: 20 * time.Millisecond, Max: 200 * time.Millisecond},
		Connect: func(context.Context, string) (driver.Connector, error) { return eaglesoft.NewConnector(cfg) },
		Handlers: writeback.Handlers{
			AppointmentStatuses: taken(h, &h.statuses), Appointments: taken(h, &h.appointments), NewPatients: taken(h, &h.patients),
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
	doc.Sync.ProviderID = settings.Ref{ID: "DR1"}
	doc.Notes.Enabled = map[driver.NoteKind]bool{driver.IncomingCall: true}
	doc.Notes.Type = settings.Ref{ID: "7"}
	doc.Statuses.Confirmed = []settings.Ref{{ID: "1"}}
	doc.Statuses.ConfirmedTarget, doc.Statuses.UnconfirmedTarget = settings.Ref{ID: "1"}, settings.Ref{ID: "0"}
	doc.Payments.Auto = true
	doc.Payments.Types = map[driver.PaymentChannel]settings.Ref{driver.ChannelOnline: {ID: "2"}}
	_, rev, err := h.p.Settings(t.Context())
	require.NoError(t, err)
	problems, err := h.p.SaveSettings(t.Context(), doc, writeback.Save{Expect: rev, Actor: "dana"})
	require.NoError(t, err, "%v", problems)
	// What is there when a feed is read first is known, and not told.
	h.eventually("all feeds have been read", func() bool {
		health, err := h.p.Health(t.Context())
		require.NoError(t, err)
		read := 0
		for _, l := range health.Loops {
			if slices.Contains(feeds, driver.Feed(l.Loop)) && !l.LastOK.IsZero() {
				read++
			}
		}
		return read == len(feeds)
	})
	return h
}

func taken[E any](h *host, into *[]E) func(context.Context, string, []E) error {
	return func(_ context.Context, _ string, events []E) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		*into = append(*into, events...)
		return nil
	}
}

func (h *host) eventually(what string, f func() bool) {
	h.t.Helper()
	require.Eventually(h.t, f, soon, 5*time.Millisecond, what)
}

// feeds are those that Eaglesoft has.
var feeds = []driver.Feed{driver.AppointmentStatusFeed, driver.AppointmentFeed, driver.PatientFeed}

// poll reads all feeds now.
func (h *host) poll() {
	for _, feed := range feeds {
		require.NoError(h.t, h.p.SyncNow(h.t.Context(), feed))
	}
}

// written waits until an item is written.
func (h *host) written(key string) writeback.Item {
	h.t.Helper()
	var it writeback.Item
	h.eventually(key+" is written", func() bool {
		var err error
		it, err = h.p.ItemByKey(h.t.Context(), key)
		return err == nil && (it.State == writeback.Written || it.State.Final() || it.State == writeback.Failed)
	})
	require.Equal(h.t, writeback.Written, it.State, "%s: %s %s", key, it.Reason, it.Cause)
	return it
}

func (h *host) note(key string) {
	h.t.Helper()
	_, err := h.p.WriteNote(h.t.Context(), writeback.Note{
		Key: key, Kind: driver.IncomingCall, Patient: writeback.PatientID(h.patient), At: time.Now(), Body: writeback.Text("Asked about Friday."),
	})
	require.NoError(h.t, err)
}

// told waits until the host has been told of an appointment's status.
func (h *host) told(appointment, status string) {
	h.t.Helper()
	h.eventually("the host is told of the status "+status, func() bool {
		h.poll()
		h.mu.Lock()
		defer h.mu.Unlock()
		return slices.ContainsFunc(h.statuses, func(e writeback.AppointmentStatusEvent) bool {
			return e.Appointment.ID == appointment && e.Appointment.Status == status
		})
	})
}

func TestAHostHearsFromEaglesoftAndWritesToIt(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	visit := h.visit(h.patient)
	var basis string
	h.eventually("the host knows the visit", func() bool {
		h.poll()
		h.mu.Lock()
		defer h.mu.Unlock()
		i := slices.IndexFunc(h.appointments, func(e writeback.AppointmentEvent) bool { return e.Appointment.ID == visit })
		if i >= 0 {
			basis = h.appointments[i].Basis
		}
		return i >= 0
	})

	h.note("call")
	_, err := h.p.SetAppointmentStatus(t.Context(), writeback.AppointmentStatus{Key: "yes", Appointment: visit, Confirmed: true, Basis: basis})
	require.NoError(t, err)
	_, err = h.p.PostPayment(t.Context(), writeback.Payment{
		Key: "paid", Channel: driver.ChannelOnline, Patient: writeback.PatientNamed("Nora", "Sampleton", born), Amount: driver.USD(10269), At: time.Now(),
	})
	require.NoError(t, err)
	h.written("call")
	h.written("yes")
	h.written("paid")
	notes := h.Rows(driver.OpNote, h.patient)
	require.Len(t, notes, 1)
	require.Contains(t, notes[0].Text, "Asked about Friday.")
	require.Equal(t, "DR1", notes[0].Provider)
	require.Equal(t, "1", h.Status(visit))
	require.Len(t, h.Rows(driver.OpPayment, h.patient), 1)
	require.Equal(t, []string{"0.00"}, h.Texts("SELECT current_bal FROM PPM.patient WHERE patient_id=?", h.patient), "balances are Eaglesoft's")

	// Staff have the last word, and somebody new comes.
	h.Run("UPDATE PPM.appointment SET confirmation_status=3 WHERE appointment_id=?", visit)
	h.told(visit, "3")
	other := h.AddPatient(drivertest.NewPatient{First: "Ida", Last: "Newcomer", BirthDate: born})
	h.eventually("the host is told of the new patient", func() bool {
		h.poll()
		h.mu.Lock()
		defer h.mu.Unlock()
		return slices.ContainsFunc(h.patients, func(e writeback.PatientEvent) bool { return e.Patient.ID == other })
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Len(t, h.patients, 1, "who was there before is not new")
	requireAllowedForms(t, h.line.Statements())
}

func TestANoteWhoseCommitGotNoAnswerIsThereOnce(t *testing.T) {
	t.Parallel()
	for _, do := range []odbctest.Action{odbctest.CutBefore, odbctest.CutAfter} {
		t.Run(string(do), func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			lift := h.line.Strike(odbctest.Trouble{When: odbctest.IsCommit, Do: do, Times: 1})
			h.note("call")
			h.written("call")
			lift()
			require.Len(t, h.Rows(driver.OpNote, h.patient), 1)
		})
	}
}
