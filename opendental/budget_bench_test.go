package opendental_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
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

// The vendor allows one request a second in Remote mode; the benchmarks shorten
// that second to a twentieth, and answer 429 to whatever comes too early.
const (
	secondOf   = 50 * time.Millisecond
	waiting    = 500 // notes
	vendorRate = time.Second
)

// meter is an office in Remote mode that keeps what it was asked.
type meter struct {
	*opendentaltest.Server
	b        *testing.B
	provider int64
	patients []string

	mu       sync.Mutex
	requests []opendentaltest.Exchange
}

func newMeter(b *testing.B, patients int) *meter {
	b.Helper()
	m := &meter{b: b}
	var err error
	m.Server, err = opendentaltest.NewServer(opendentaltest.Config{
		Mode: opendentaltest.ModeRemote, Throttle: secondOf, ThrottleReject: true,
		Observe: func(e opendentaltest.Exchange) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.requests = append(m.requests, e)
		},
	})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, m.Close()) })
	p, err := m.AddProvider(b.Context(), opendentaltest.Provider{Abbr: "DOC", LName: "Albright"})
	require.NoError(b, err)
	m.provider = p.ProvNum
	for range patients {
		p, err := m.AddPatient(b.Context(), opendentaltest.Patient{LName: "Sampleton", FName: "Nora"})
		require.NoError(b, err)
		m.patients = append(m.patients, id(p.PatNum))
	}
	return m
}

func (m *meter) connector() (driver.Connector, error) {
	u, err := url.Parse(m.URL)
	require.NoError(m.b, err)
	u.Scheme, u.User = opendental.Name, url.UserPassword(opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
	u.RawQuery = url.Values{"mode": {"remote"}, "rate": {secondOf.String()}}.Encode()
	return driver.Open(opendental.Name, u.String())
}

func (m *meter) connect() driver.Conn {
	k, err := m.connector()
	require.NoError(m.b, err)
	conn, err := k.Connect(m.b.Context(), driver.Env{Location: time.UTC})
	require.NoError(m.b, err)
	m.b.Cleanup(func() { _ = conn.Close() })
	return conn
}

// of is whom the nth of the notes that wait is about: a patient's notes come one
// after the other.
func (m *meter) of(n int) string { return m.patients[n*len(m.patients)/waiting] }

func (m *meter) note(n int) *driver.Note {
	ref := []byte("ABCDEFGHIJKLMNOP")
	for i, rest := 15, n; rest > 0; i, rest = i-1, rest/26 {
		ref[i] = byte('A' + rest%26)
	}
	now := time.Now()
	return &driver.Note{
		Header: driver.Header{Ref: string(ref), Patient: m.of(n), FirstSent: now, LastSent: now},
		About:  driver.IncomingSMS, Type: id(misc), At: now, Body: driver.NewText("See you on Friday\n" + string(ref)), Part: 1, Parts: 1,
	}
}

// taken gives the requests since the last call.
func (m *meter) taken() []opendentaltest.Exchange {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.requests
	m.requests = nil
	return out
}

// report says how much of the throttle was used, from the first request to the
// last note.
func (m *meter) report() {
	all := m.taken()
	first, last, served, refused := time.Time{}, time.Time{}, 0, 0
	written, polls := 0, 0
	for i, e := range all {
		if e.Method == http.MethodPost && e.Route == "/commlogs" && e.Status == http.StatusCreated {
			last, served = e.Started, i
			written++
		}
		if first.IsZero() {
			first = e.Started
		}
		if e.Status == http.StatusTooManyRequests {
			refused++
		}
		if e.Method == http.MethodGet && (e.Route == "/appointments" || e.Route == "/patients/Simple") {
			polls++
		}
	}
	require.Equal(m.b, waiting, written)
	m.b.ReportMetric(100*float64(served)*secondOf.Seconds()/last.Sub(first).Seconds(), "%throttle")
	m.b.ReportMetric(float64(served+1-polls)/waiting, "requests/note")
	m.b.ReportMetric(float64(polls), "polls")
	m.b.ReportMetric(float64(refused), "429s")
	m.b.ReportMetric(float64(last.Sub(first)/secondOf)*vendorRate.Minutes(), "office-min")
}

// poll reads the feeds at their default intervals, shortened likewise, until the
// context ends.
func (m *meter) poll(ctx context.Context, conn driver.Conn) {
	read := func(feed driver.Feed, every time.Duration) {
		q := driver.ChangesQuery{Feed: feed}
		for tick := time.NewTicker(every / (vendorRate / secondOf)); ; {
			page, err := driver.ReadChanges(ctx, conn, q)
			if err == nil {
				q.Cursor = page.Next
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
				return
			}
		}
	}
	var loops sync.WaitGroup
	loops.Go(func() { read(driver.AppointmentStatusFeed, 15*time.Second) })
	loops.Go(func() { read(driver.AppointmentFeed, 60*time.Second) })
	loops.Go(func() { read(driver.PatientFeed, 30*time.Second) })
	loops.Wait()
}

// BenchmarkBudget has 500 notes wait in an office in Remote mode, and says how
// much of the allowed requests is used until the last one is written (%throttle),
// how many requests a note takes, how often the office refused one for coming too
// early (429s), and how long it would take at one request a second (office-min).
// Beside them the feeds are polled at the default intervals, shortened likewise:
// by the engine, or through a connection of its own.
func BenchmarkBudget(b *testing.B) {
	for _, patients := range []int{waiting, waiting / 10} {
		b.Run(fmt.Sprintf("patients=%d/driver", patients), func(b *testing.B) {
			for b.Loop() {
				m := newMeter(b, patients)
				conn, other := m.connect(), m.connect()
				ctx, stop := context.WithCancel(b.Context())
				var polling sync.WaitGroup
				polling.Go(func() { m.poll(ctx, other) })
				m.taken()
				for n := range waiting {
					for {
						_, err := driver.Write(ctx, conn, m.note(n))
						if err == nil {
							break
						}
						require.ErrorIs(b, err, driver.ErrUnavailable)
						time.Sleep(driver.WriteError(err).RetryAfter)
					}
				}
				stop()
				polling.Wait()
				m.report()
			}
		})
		b.Run(fmt.Sprintf("patients=%d/engine", patients), func(b *testing.B) {
			for b.Loop() {
				newMeter(b, patients).throughTheEngine()
			}
		})
	}
}

// BenchmarkRequests counts what a written item and a poll take in Remote mode:
// the first of a kind, which looks at everything, and the ones after it.
func BenchmarkRequests(b *testing.B) {
	for _, kind := range driver.OpKinds() {
		b.Run("write/"+string(kind), func(b *testing.B) {
			p := newPractice(b, opendentaltest.Config{Mode: opendentaltest.ModeRemote}, "rate", "10ms")
			count := func() (requests float64) {
				op := p.op(kind)
				p.ResetCounts()
				_, err := driver.Write(b.Context(), p.conn, op)
				require.NoError(b, err)
				for _, n := range p.Counts() {
					requests += float64(n)
				}
				return requests
			}
			first, total := count(), 0.0
			for b.Loop() {
				total += count()
			}
			b.ReportMetric(first, "requests/first")
			b.ReportMetric(total/float64(b.N), "requests/next")
		})
	}
	for _, feed := range []driver.Feed{driver.AppointmentStatusFeed, driver.AppointmentFeed, driver.PatientFeed} {
		b.Run("poll/"+string(feed), func(b *testing.B) {
			p := newPractice(b, opendentaltest.Config{Mode: opendentaltest.ModeRemote}, "rate", "1ms")
			page, err := driver.ReadChanges(b.Context(), p.conn, driver.ChangesQuery{Feed: feed})
			require.NoError(b, err)
			p.ResetCounts()
			for b.Loop() {
				page, err = driver.ReadChanges(b.Context(), p.conn, driver.ChangesQuery{Feed: feed, Cursor: page.Next})
				require.NoError(b, err)
			}
			requests := 0
			for _, n := range p.Counts() {
				requests += n
			}
			b.ReportMetric(float64(requests)/float64(b.N), "requests/poll")
		})
	}
}

// throughTheEngine has the notes wait before the engine may write.
func (m *meter) throughTheEngine() {
	ctx, stop := context.WithCancel(m.b.Context())
	defer stop()
	done := make(chan struct{})
	var mu sync.Mutex
	written := 0
	eng, err := writeback.New(writeback.Config{
		HostName: "Acme", Store: memstore.New(), Spread: -1,
		Connect: func(context.Context, string) (driver.Connector, error) { return m.connector() },
		Handlers: writeback.Handlers{
			AppointmentStatuses: nothing[writeback.AppointmentStatusEvent], Appointments: nothing[writeback.AppointmentEvent],
			NewPatients: nothing[writeback.PatientEvent],
			Items: func(_ context.Context, _ string, events []writeback.ItemEvent) error {
				mu.Lock()
				defer mu.Unlock()
				for _, e := range events {
					if e.To == writeback.Written {
						if written++; written == waiting {
							close(done)
						}
					}
				}
				return nil
			},
		},
	})
	require.NoError(m.b, err)
	p, err := eng.AddPractice(ctx, writeback.PracticeConfig{ID: "main-street", Location: time.UTC})
	require.NoError(m.b, err)
	ended := make(chan error, 1)
	go func() { ended <- eng.Run(ctx) }()
	require.Eventually(m.b, func() bool {
		_, _, known, err := p.Catalogs(ctx)
		return err == nil && known
	}, soon, 10*time.Millisecond)
	require.NoError(m.b, p.SetMode(ctx, writeback.Paused, "bench", ""))
	doc := settings.Default()
	doc.Sync.ProviderID = ref(m.provider)
	doc.Notes.Enabled = map[driver.NoteKind]bool{driver.IncomingSMS: true}
	doc.Notes.Type = ref(misc)
	doc.Intervals.AppointmentStatus, doc.Intervals.AppointmentChanges, doc.Intervals.NewPatients = settings.Every(time.Second), settings.Every(3*time.Second), settings.Every(2*time.Second)
	_, rev, err := p.Settings(ctx)
	require.NoError(m.b, err)
	problems, err := p.SaveSettings(ctx, doc, writeback.Save{Expect: rev, Actor: "bench"})
	require.NoError(m.b, err, "%v", problems)
	for n := range waiting {
		_, err := p.WriteNote(ctx, writeback.Note{
			Key: fmt.Sprint("note-", n), Kind: driver.IncomingSMS, Patient: writeback.PatientID(m.of(n)),
			At: time.Now(), Body: writeback.Text("See you on Friday"),
		})
		require.NoError(m.b, err)
	}
	m.taken()
	require.NoError(m.b, p.SetMode(ctx, writeback.Live, "bench", ""))
	<-done
	stop()
	<-ended
	m.report()
}

func nothing[E any](context.Context, string, []E) error { return nil }
