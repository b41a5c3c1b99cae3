package opendental_test

import (
	"context"
	"net/url"
	"strings"
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

// What the settings say, as an Open Dental office sees it: the engine, the driver
// and HTTP are the real ones, the office is emulated.

// host is an application at work on one office, whose patient is Nora Sampleton.
// The settings write everything; provider is the writeback provider, which is not
// the one that the office would take by itself.
type host struct {
	*opendentaltest.Server
	t    *testing.T
	zone *time.Location
	p    *writeback.Practice

	patient                              opendentaltest.Patient
	officesOwn, provider                 int64
	online, counter, terminal, surcharge int64 // payment types

	mu           sync.Mutex
	statuses     []writeback.AppointmentStatusEvent
	appointments []writeback.AppointmentEvent
	requests     []string // method and route, in order
}

var born = driver.Date{Year: 1985, Month: 12, Day: 10}

// soon is how long anything may take on a busy machine.
const soon = 30 * time.Second

// newHost serves an office, furnishes it, and runs an engine on it until the test
// ends.
func newHost(t *testing.T, cfg opendentaltest.Config, change func(*writeback.Config)) *host {
	t.Helper()
	h := &host{t: t}
	h.observe(&cfg)
	var err error
	h.Server, err = opendentaltest.NewServer(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	address, err := url.Parse(h.URL)
	require.NoError(t, err)
	address.Scheme = opendental.Name
	address.User = url.UserPassword(opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
	address.RawQuery = "mode=service&verify_after=100ms"
	h.furnish()
	t.Cleanup(h.run(change, func() (driver.Connector, error) { return driver.Open(opendental.Name, address.String()) }))
	return h
}

// observe sets the office's zone, takes its throttle away, and remembers what it
// is asked.
func (h *host) observe(cfg *opendentaltest.Config) {
	h.t.Helper()
	zone, err := time.LoadLocation("America/Chicago")
	require.NoError(h.t, err)
	cfg.Location, cfg.Throttle = zone, -1
	h.zone = zone
	cfg.Observe = func(e opendentaltest.Exchange) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.requests = append(h.requests, e.Method+" "+e.Route)
	}
}

// furnish gives the office providers, payment types and a patient.
func (h *host) furnish() {
	h.t.Helper()
	ctx := h.t.Context()
	for abbr, num := range map[string]*int64{"DOC1": &h.officesOwn, "DOC2": &h.provider} {
		p, err := h.AddProvider(ctx, opendentaltest.Provider{Abbr: abbr, FName: "Dana", LName: "Of " + abbr})
		require.NoError(h.t, err)
		*num = p.ProvNum
	}
	for name, num := range map[string]*int64{
		"Acme Payment": &h.online, "Addl. Payment (AA)": &h.counter, "Acme Terminal": &h.terminal, "Surcharge": &h.surcharge,
	} {
		*num = h.definition(opendentaltest.CategoryPaymentTypes, name)
	}
	var err error
	h.patient, err = h.AddPatient(ctx, opendentaltest.Patient{
		LName: "Sampleton", FName: "Nora", Birthdate: born.In(time.UTC), PriProv: h.officesOwn,
	})
	require.NoError(h.t, err)
}

// run starts an engine on the office and waits until it has read the lists. What
// it returns ends the engine.
func (h *host) run(change func(*writeback.Config), connect func() (driver.Connector, error)) (stop func()) {
	h.t.Helper()
	cfg := writeback.Config{
		HostName: "Acme", Store: memstore.New(), Spread: -1, WakePoll: 20 * time.Millisecond,
		Retry:   writeback.Backoff{Min: 20 * time.Millisecond, Max: 200 * time.Millisecond},
		Connect: func(context.Context, string) (driver.Connector, error) { return connect() },
		Handlers: writeback.Handlers{
			AppointmentStatuses: taken(h, &h.statuses), Appointments: taken(h, &h.appointments), NewPatients: taken(h, new([]writeback.PatientEvent)),
			Photos: taken(h, new([]writeback.PhotoEvent)),
		},
	}
	if change != nil {
		change(&cfg)
	}
	eng, err := writeback.New(cfg)
	require.NoError(h.t, err)
	h.p, err = eng.AddPractice(h.t.Context(), writeback.PracticeConfig{ID: "main-street", Location: h.zone})
	require.NoError(h.t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- eng.Run(ctx) }()
	h.lists("the lists are read", func(settings.Catalogs, driver.Info) bool { return true })
	return func() {
		cancel()
		require.ErrorIs(h.t, <-ended, context.Canceled)
	}
}

// taken makes a handler that remembers what it is given.
func taken[E any](h *host, into *[]E) func(context.Context, string, []E) error {
	return func(_ context.Context, _ string, events []E) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		*into = append(*into, events...)
		return nil
	}
}

// definition adds one to the office's lists.
func (h *host) definition(category int64, name string) int64 {
	h.t.Helper()
	d, err := h.AddDefinition(h.t.Context(), opendentaltest.Definition{Category: category, ItemName: name})
	require.NoError(h.t, err)
	return d.DefNum
}

// The definitions of a fresh Open Dental that the tests use.
const (
	unconfirmed, confirmed, texted              = 19, 21, 256
	misc, insuranceNotes                        = 239, 236
	insurance, statements                       = 131, 240
	patientInformation, letters, treatmentPlans = 138, 135, 132
	miscellaneous                               = 137
)

func ref(num int64) settings.Ref { return settings.Ref{ID: id(num)} }

// chosen are settings that write everything.
func (h *host) chosen() settings.Document {
	doc := settings.Default()
	doc.Sync.ProviderID = ref(h.provider)
	doc.Notes.Enabled = map[driver.NoteKind]bool{}
	for _, k := range driver.NoteKinds() {
		doc.Notes.Enabled[k] = true
	}
	doc.Notes.Type = ref(misc)
	doc.Documents.InsuranceVerification, doc.Documents.AccountStatement = ref(insurance), ref(statements)
	doc.Statuses.Confirmed = []settings.Ref{ref(confirmed)}
	doc.Statuses.ConfirmedTarget, doc.Statuses.UnconfirmedTarget = ref(confirmed), ref(unconfirmed)
	doc.Forms.ByCategory = map[driver.FormCategory]settings.Ref{
		driver.PatientIdentification: ref(patientInformation), driver.InformedConsent: ref(letters),
		driver.TreatmentPlan: ref(treatmentPlans), driver.ScannedDocuments: ref(miscellaneous),
	}
	doc.Payments.Auto = true
	doc.Payments.Types = map[driver.PaymentChannel]settings.Ref{
		driver.ChannelProvider: ref(h.counter), driver.ChannelOnline: ref(h.online), driver.ChannelInOffice: ref(h.terminal),
	}
	doc.Payments.SurchargeType = ref(h.surcharge)
	return doc
}

// save saves the chosen settings with a change, and returns the warnings.
func (h *host) save(change func(*settings.Document)) []settings.Problem {
	h.t.Helper()
	_, rev, err := h.p.Settings(h.t.Context())
	require.NoError(h.t, err)
	doc := h.chosen()
	if change != nil {
		change(&doc)
	}
	problems, err := h.p.SaveSettings(h.t.Context(), doc, writeback.Save{Expect: rev, Actor: "dana"})
	require.NoError(h.t, err, "%v", problems)
	return problems
}

func (h *host) eventually(what string, f func() bool) {
	h.t.Helper()
	require.Eventually(h.t, f, soon, 5*time.Millisecond, what)
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

func (h *host) must(it writeback.Item, err error) writeback.Item {
	h.t.Helper()
	require.NoError(h.t, err)
	return it
}

// nora is the patient by name and birth date, as a payment needs it.
func (h *host) nora() writeback.Patient { return writeback.PatientNamed("Nora", "Sampleton", born) }

func (h *host) note(key string, kind driver.NoteKind, body string) writeback.Item {
	h.t.Helper()
	return h.must(h.p.WriteNote(h.t.Context(), writeback.Note{
		Key: key, Kind: kind, Patient: writeback.PatientID(id(h.patient.PatNum)), At: h.Now(), Body: writeback.Text(body),
	}))
}

func (h *host) document(key string, kind driver.DocumentKind) writeback.Item {
	h.t.Helper()
	return h.must(h.p.WriteDocument(h.t.Context(), writeback.Document{
		Key: key, Kind: kind, Patient: writeback.PatientID(id(h.patient.PatNum)), At: h.Now(), Title: writeback.Text(key),
		MIME: "application/pdf", Content: strings.NewReader("%PDF-1.7 " + key),
	}))
}

func (h *host) form(key string, category driver.FormCategory, formType string) writeback.Item {
	h.t.Helper()
	return h.must(h.p.SubmitForm(h.t.Context(), writeback.Form{
		Key: key, Category: category, Type: formType, Patient: writeback.PatientID(id(h.patient.PatNum)), At: h.Now(),
		Title: writeback.Text(key), MIME: "application/pdf", Content: strings.NewReader("%PDF-1.7 " + key),
	}))
}

func (h *host) pay(key string, channel driver.PaymentChannel, fee int64) writeback.Item {
	h.t.Helper()
	return h.must(h.p.PostPayment(h.t.Context(), writeback.Payment{
		Key: key, Channel: channel, Patient: h.nora(), Amount: driver.USD(10000), Fee: driver.USD(fee), At: h.Now(),
	}))
}

func (h *host) status(key string, appointment int64, confirmed bool, basis string) writeback.Item {
	h.t.Helper()
	return h.must(h.p.SetAppointmentStatus(h.t.Context(), writeback.AppointmentStatus{
		Key: key, Appointment: id(appointment), Confirmed: confirmed, Basis: basis,
	}))
}

// visit books a visit in two days.
func (h *host) visit(status int64) int64 {
	h.t.Helper()
	a, err := h.AddAppointment(h.t.Context(), opendentaltest.Appointment{
		PatNum: h.patient.PatNum, AptDateTime: h.Now().Add(48 * time.Hour).Truncate(time.Minute), Confirmed: status,
	})
	require.NoError(h.t, err)
	return a.AptNum
}

func (h *host) confirmedNow(appointment int64) int64 {
	h.t.Helper()
	a, err := h.Appointment(h.t.Context(), appointment)
	require.NoError(h.t, err)
	return a.Confirmed
}

// locked runs f while nobody is told anything.
func locked[T any](h *host, f func() T) T {
	h.mu.Lock()
	defer h.mu.Unlock()
	return f()
}

// commlog finds what was written under a reference.
func (h *host) commlog(ref string) opendentaltest.Commlog {
	h.t.Helper()
	rows, err := h.Commlogs(h.t.Context())
	require.NoError(h.t, err)
	return only(h.t, rows, func(c opendentaltest.Commlog) bool { return strings.HasSuffix(c.Note, ref) })
}

func (h *host) filed(ref string) opendentaltest.Document {
	h.t.Helper()
	rows, err := h.Documents(h.t.Context())
	require.NoError(h.t, err)
	return only(h.t, rows, func(d opendentaltest.Document) bool { return strings.Contains(d.Description, ref) })
}

func (h *host) posted(ref string) opendentaltest.Payment {
	h.t.Helper()
	rows, err := h.Payments(h.t.Context())
	require.NoError(h.t, err)
	return only(h.t, rows, func(p opendentaltest.Payment) bool { return p.CheckNum == ref })
}

// only returns the one row that fits.
func only[T any](t *testing.T, rows []T, fits func(T) bool) T {
	t.Helper()
	var found []T
	for _, r := range rows {
		if fits(r) {
			found = append(found, r)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

// lists waits until what the engine knows of the office is as it should be.
func (h *host) lists(what string, are func(settings.Catalogs, driver.Info) bool) {
	h.t.Helper()
	h.eventually(what, func() bool {
		cats, info, ok, err := h.p.Catalogs(h.t.Context())
		return err == nil && ok && are(cats, info)
	})
}

// refreshed has the lists read anew, until an option is there and active or not.
func (h *host) refreshed(c driver.Catalog, num int64, active bool) {
	h.t.Helper()
	require.NoError(h.t, h.p.RefreshCatalogs(h.t.Context()))
	h.lists("the lists are read anew", func(cats settings.Catalogs, _ driver.Info) bool {
		o, there := cats.Lookup(c, id(num))
		return there && o.Active == active
	})
}
