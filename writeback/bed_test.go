package writeback_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// bed is an engine on a PMS and a store in memory, in a synctest bubble.
type bed struct {
	t        *testing.T
	pms      *memdriver.PMS
	store    writeback.Store
	eng      *writeback.Engine
	p        *writeback.Practice
	host     *host
	patient  string
	stop     func()
	run      chan error
	location *time.Location
}

// host remembers what it was given.
type host struct {
	mu           sync.Mutex
	statuses     []writeback.AppointmentStatusEvent
	appointments []writeback.AppointmentEvent
	patients     []writeback.PatientEvent
	photos       []writeback.PhotoEvent
	items        []writeback.ItemEvent
	practice     []writeback.PracticeEvent
	imports      []writeback.ImportProgress
	fail         map[string]error
}

func take[E any](h *host, feed string, list *[]E) func(context.Context, string, []E) error {
	return func(_ context.Context, _ string, events []E) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		if err := h.fail[feed]; err != nil {
			return err
		}
		*list = append(*list, events...)
		return nil
	}
}

func (h *host) handlers() writeback.Handlers {
	return writeback.Handlers{
		AppointmentStatuses: take(h, "appointment_status", &h.statuses),
		Appointments:        take(h, "appointments", &h.appointments),
		NewPatients:         take(h, "new_patients", &h.patients),
		Photos:              take(h, "photos", &h.photos),
		Items:               take(h, "items", &h.items),
		Practice:            take(h, "practice", &h.practice),
		Imports:             take(h, "imports", &h.imports),
	}
}

func (h *host) refuse(feed string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail == nil {
		h.fail = map[string]error{}
	}
	h.fail[feed] = err
}

// got runs f under the host's lock.
func got[T any](h *host, f func() T) T {
	h.mu.Lock()
	defer h.mu.Unlock()
	return f()
}

const practiceID = "main-street"

// inBubble runs f in a synctest bubble with a running engine.
func inBubble(t *testing.T, f func(t *testing.T, b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.start()
		defer b.stopped()
		f(t, b)
	})
}

func newBed(t *testing.T, change func(*writeback.Config)) *bed {
	t.Helper()
	location, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	b := &bed{t: t, pms: memdriver.New(memdriver.Config{}), store: memstore.New(), host: &host{}, location: location}
	b.patient = b.pms.AddPatient(driver.Patient{
		FirstName: driver.NewText("Ada"), LastName: driver.NewText("Lovelace"),
		BirthDate: driver.NewBirthDate(driver.Date{Year: 1985, Month: 12, Day: 10}),
	})
	b.engine(change)
	return b
}

// engine makes a fresh engine on the same store and PMS, as after a restart.
func (b *bed) engine(change func(*writeback.Config)) {
	cfg := writeback.Config{
		HostName: "Acme", Store: b.store, Handlers: b.host.handlers(), Spread: -1,
		Connect: func(context.Context, string) (driver.Connector, error) { return b.pms.Connector(), nil },
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	b.eng, err = writeback.New(cfg)
	require.NoError(b.t, err)
	b.p, err = b.eng.AddPractice(b.t.Context(), writeback.PracticeConfig{ID: practiceID, Location: b.location})
	require.NoError(b.t, err)
}

func (b *bed) start() {
	ctx, cancel := context.WithCancel(b.t.Context())
	run, eng := make(chan error, 1), b.eng
	b.run = run
	go func() { run <- eng.Run(ctx) }()
	b.stop = cancel
	time.Sleep(time.Second) // the bubble's clock: the first step is over
	synctest.Wait()
}

func (b *bed) stopped() {
	b.stop()
	require.ErrorIs(b.t, <-b.run, context.Canceled)
}

// pass lets time go by and the engine come to rest.
func (b *bed) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// chosen are settings that write everything memdriver takes.
func chosen() settings.Document {
	ref := func(id string) settings.Ref { return settings.Ref{ID: id} }
	doc := settings.Default()
	doc.Sync.ProviderID = ref("DOC1")
	doc.Notes.Enabled = map[driver.NoteKind]bool{}
	for _, k := range driver.NoteKinds() {
		doc.Notes.Enabled[k] = true
	}
	doc.Notes.Type = ref("0101")
	doc.Documents.InsuranceVerification, doc.Documents.AccountStatement = ref("0201"), ref("0202")
	doc.Statuses.Confirmed = []settings.Ref{ref("0302")}
	doc.Statuses.ConfirmedTarget, doc.Statuses.UnconfirmedTarget = ref("0302"), ref("0301")
	doc.Forms.ByCategory = map[driver.FormCategory]settings.Ref{
		driver.PatientIdentification: ref("0203"), driver.InformedConsent: ref("0204"),
		driver.TreatmentPlan: ref("0205"), driver.ScannedDocuments: ref("0206"),
	}
	doc.Payments.Auto = true
	doc.Payments.Types = map[driver.PaymentChannel]settings.Ref{
		driver.ChannelProvider: ref("0405"), driver.ChannelOnline: ref("0402"), driver.ChannelInOffice: ref("0403"),
	}
	doc.Payments.SurchargeType = ref("0404")
	return doc
}

// save saves settings, which must have no errors.
func (b *bed) save(change func(*settings.Document)) {
	b.t.Helper()
	doc, rev, err := b.p.Settings(b.t.Context())
	require.NoError(b.t, err)
	if rev == 0 {
		doc = chosen()
	}
	if change != nil {
		change(&doc)
	}
	problems, err := b.p.SaveSettings(b.t.Context(), doc, writeback.Save{Expect: rev, Actor: "dana"})
	require.NoError(b.t, err, "%v", problems)
}

// refresh has the catalogs read anew.
func (b *bed) refresh() {
	b.t.Helper()
	require.NoError(b.t, b.p.RefreshCatalogs(b.t.Context()))
}

func (b *bed) note(key string) writeback.Note {
	return writeback.Note{
		Key: key, Kind: driver.IncomingCall, Patient: writeback.PatientID(b.patient),
		At: time.Now(), Body: writeback.Text("Asked about Friday."),
	}
}

func (b *bed) payment(key string) writeback.Payment {
	return writeback.Payment{
		Key: key, Channel: driver.ChannelOnline, At: time.Now(), Amount: driver.USD(10000),
		Patient: writeback.PatientNamed("Ada", "Lovelace", driver.Date{Year: 1985, Month: 12, Day: 10}),
	}
}

func (b *bed) item(key string) writeback.Item {
	b.t.Helper()
	it, err := b.p.ItemByKey(b.t.Context(), key)
	require.NoError(b.t, err)
	return it
}

func (b *bed) requireState(key string, want writeback.State) writeback.Item {
	b.t.Helper()
	it := b.item(key)
	require.Equal(b.t, want, it.State, "reason %q cause %q", it.Reason, it.Cause)
	return it
}

func (b *bed) must(it writeback.Item, err error) writeback.Item {
	b.t.Helper()
	require.NoError(b.t, err)
	return it
}

func (b *bed) appointment(in time.Duration) string {
	return b.pms.AddAppointment(driver.Appointment{
		Patient: b.patient, Start: time.Now().Add(in), Duration: time.Hour, Status: "0301", State: driver.AppointmentScheduled,
		Operatory: "1", Provider: "DOC1",
	})
}

var errHost = errors.New("the host's database is away")

func TestEverythingIsWrittenOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		appointment := b.appointment(48 * time.Hour)
		b.save(nil)
		b.must(b.p.WriteNote(ctx, b.note("note-1")))
		b.must(b.p.WriteDocument(ctx, writeback.Document{
			Key: "doc-1", Kind: driver.InsuranceVerification, Patient: writeback.PatientID(b.patient), At: time.Now(),
			Title: writeback.Text("Delta"), MIME: "application/pdf", Content: strings.NewReader("%PDF-1.7 x"),
		}))
		b.must(b.p.SubmitForm(ctx, writeback.Form{
			Key: "form-1", Category: driver.InformedConsent, Patient: writeback.PatientID(b.patient), At: time.Now(),
			Title: writeback.Text("Consent"), MIME: "application/pdf", Content: strings.NewReader("%PDF-1.7 y"),
		}))
		b.must(b.p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{Key: "status-1", Appointment: appointment, Confirmed: true}))
		b.must(b.p.PostPayment(ctx, b.payment("pay-1")))
		b.must(b.p.Refund(ctx, writeback.Refund{Key: "refund-1", Payment: "pay-1", Amount: driver.USD(2500), At: time.Now()}))
		b.pass(5 * time.Second)

		for _, key := range []string{"note-1", "doc-1", "form-1", "status-1", "pay-1", "refund-1"} {
			b.requireState(key, writeback.Written)
		}
		notes := b.pms.Notes()
		require.Len(t, notes, 1)
		require.Contains(t, notes[0].Body.Reveal(), "Asked about Friday.")
		require.True(t, strings.HasSuffix(notes[0].Body.Reveal(), b.item("note-1").Legs[0].Ref))
		require.Len(t, b.pms.Documents(), 2)
		require.Len(t, b.pms.Payments(), 1)
		require.Equal(t, driver.USD(10000), b.pms.Payments()[0].Amount)
		require.Len(t, b.pms.Refunds(), 1)
		a, _ := b.pms.Appointment(appointment)
		require.Equal(t, "0302", a.Status)

		b.pass(time.Minute)
		require.Len(t, b.pms.Notes(), 1)
		require.Empty(t, b.host.statuses, "our own write is no news")
	})
}

// faultOf makes all calls of a name fail for a reason.
func faultOf(on string, err error) memdriver.Fault { return memdriver.Fault{On: on, Err: err} }
