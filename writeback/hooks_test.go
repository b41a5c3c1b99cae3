package writeback_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// bedOn is newBed on a PMS of another make.
func bedOn(t *testing.T, pms memdriver.Config, change func(*writeback.Config)) *bed {
	t.Helper()
	location, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	b := &bed{t: t, pms: memdriver.New(pms), store: memstore.New(), host: &host{}, location: location}
	b.patient = b.newPatient("Ada", "Lovelace")
	b.engine(change)
	return b
}

func (b *bed) newPatient(first, last string) string {
	return b.pms.AddPatient(driver.Patient{
		FirstName: driver.NewText(first), LastName: driver.NewText(last),
		BirthDate: driver.NewBirthDate(driver.Date{Year: 1985, Month: 12, Day: 10}),
	})
}

// withPhotos is saved by tests of photos.
func withPhotos(d *settings.Document) { d.Intervals.Photos = true }

func withoutPhotos(d *settings.Document) { d.Intervals.Photos = false }

// told is what the host was told in a while.
type told struct {
	statuses     []writeback.AppointmentStatusEvent
	appointments []writeback.AppointmentEvent
	patients     []writeback.PatientEvent
	photos       []writeback.PhotoEvent
	items        []writeback.ItemEvent
}

// news returns what the host was told since the last call.
func (b *bed) news() told {
	return got(b.host, func() told {
		h := b.host
		out := told{h.statuses, h.appointments, h.patients, h.photos, h.items}
		h.statuses, h.appointments, h.patients, h.photos, h.items = nil, nil, nil, nil, nil
		return out
	})
}

// inWords gives events of appointments, patients, photos and statuses as
// "apt-1 moved", in the order in which they came per feed.
func (n told) inWords() []string {
	words := []string{}
	for _, e := range n.appointments {
		words = append(words, e.Appointment.ID+" "+string(e.Change))
	}
	for _, e := range n.statuses {
		words = append(words, e.Appointment.ID+" status "+e.Appointment.Status)
	}
	for _, e := range n.patients {
		words = append(words, e.Patient.ID+" "+string(e.Change))
	}
	for _, e := range n.photos {
		words = append(words, e.Photo.ID+" "+string(e.Change))
	}
	return words
}

func (n told) ids() []string {
	var ids []string
	for _, e := range n.appointments {
		ids = append(ids, e.ID)
	}
	for _, e := range n.statuses {
		ids = append(ids, e.ID)
	}
	for _, e := range n.patients {
		ids = append(ids, e.ID)
	}
	for _, e := range n.photos {
		ids = append(ids, e.ID)
	}
	return ids
}

// hooked is a connection to the bed's PMS that calls a function before and after
// its calls, and may hide what the PMS says.
type hooked struct {
	driver.Conn
	hook func(call string, after bool)
	// page may change every page, changed only those of changes.
	page, changed func(*driver.Page)
}

// hook makes the engine's connections call f around their calls, by the names of
// memdriver.Traffic and the feed: "read appointment", "write", "changes
// appointment_status".
func (b *bed) hook(f func(call string, after bool)) func(*writeback.Config) {
	return b.connectBy(func(c driver.Conn) driver.Conn { return &hooked{Conn: c, hook: f} })
}

// connectBy puts a wrapper around the engine's connections.
func (b *bed) connectBy(wrap func(driver.Conn) driver.Conn) func(*writeback.Config) {
	return func(cfg *writeback.Config) {
		cfg.Connect = func(context.Context, string) (driver.Connector, error) { return wrapConnector{b, wrap}, nil }
	}
}

type wrapConnector struct {
	b    *bed
	wrap func(driver.Conn) driver.Conn
}

func (w wrapConnector) Connect(ctx context.Context, env driver.Env) (driver.Conn, error) {
	conn, err := w.b.pms.Connector().Connect(ctx, env)
	if err != nil {
		return nil, err
	}
	return w.wrap(conn), nil
}

func (h *hooked) around(call string) func() {
	if h.hook == nil {
		return func() {}
	}
	h.hook(call, false)
	return func() { h.hook(call, true) }
}

func (h *hooked) ReadCatalog(ctx context.Context, c driver.Catalog) ([]driver.Option, error) {
	return driver.ReadCatalog(ctx, h.Conn, c)
}

func (h *hooked) FindPatients(ctx context.Context, q driver.PatientQuery) ([]driver.Patient, error) {
	return driver.FindPatients(ctx, h.Conn, q)
}

func (h *hooked) ReadChanges(ctx context.Context, q driver.ChangesQuery) (driver.Page, error) {
	defer h.around("changes " + string(q.Feed))()
	page, err := driver.ReadChanges(ctx, h.Conn, q)
	if h.changed != nil {
		h.changed(&page)
	}
	if h.page != nil {
		h.page(&page)
	}
	return page, err
}

func (h *hooked) ReadHint(ctx context.Context, mark string) (driver.Hint, error) {
	defer h.around("hint")()
	return driver.ReadHint(ctx, h.Conn, mark)
}

func (h *hooked) ReadWindow(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	defer h.around("window " + string(q.Feed))()
	page, err := driver.ReadWindow(ctx, h.Conn, q)
	if h.page != nil {
		h.page(&page)
	}
	return page, err
}

func (h *hooked) ReadAppointment(ctx context.Context, id string) (driver.Appointment, error) {
	defer h.around("read appointment")()
	return driver.ReadAppointment(ctx, h.Conn, id)
}

func (h *hooked) OpenPhoto(ctx context.Context, id string) (io.ReadCloser, error) {
	return driver.OpenPhoto(ctx, h.Conn, id)
}

func (h *hooked) Write(ctx context.Context, op driver.Op) (driver.Receipt, error) {
	defer h.around("write")()
	return driver.Write(ctx, h.Conn, op)
}

func (h *hooked) Verify(ctx context.Context, op driver.Op) (driver.Verdict, driver.Receipt, error) {
	defer h.around("verify")()
	return driver.Verify(ctx, h.Conn, op)
}

// leaky is a store whose Apply fails for the changes that match, as long as it
// is told to.
type leaky struct {
	writeback.Store
	mu    sync.Mutex
	fails func(writeback.Change) bool
	hits  int
}

var errLeaky = errors.New("the disk is full")

func (l *leaky) fail(f func(writeback.Change) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fails, l.hits = f, 0
}

func (l *leaky) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hits
}

func (l *leaky) Apply(ctx context.Context, changes []writeback.Change) []error {
	errs := make([]error, len(changes))
	var pass []writeback.Change
	var at []int
	l.mu.Lock()
	for i, c := range changes {
		if l.fails != nil && l.fails(c) {
			errs[i] = errLeaky
			l.hits++
			continue
		}
		pass, at = append(pass, c), append(at, i)
	}
	l.mu.Unlock()
	for i, err := range l.Store.Apply(ctx, pass) {
		errs[at[i]] = err
	}
	return errs
}

// settles says that a change is the one after the host took events of a feed: it
// holds what was seen for sure.
func settles(feed driver.Feed) func(writeback.Change) bool {
	return func(c writeback.Change) bool {
		for _, s := range c.Seen {
			if s.Feed == feed && !strings.HasPrefix(s.Seen.Hash, "?") {
				return true
			}
		}
		return false
	}
}

// requireDistinct fails when an id came twice.
func requireDistinct(t *testing.T, ids []string) {
	t.Helper()
	seen := map[string]bool{}
	for i, id := range ids {
		require.NotEmpty(t, id)
		require.False(t, seen[id], fmt.Sprintf("event %d has the id of an earlier one", i))
		seen[id] = true
	}
}
