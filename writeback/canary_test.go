package writeback_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	pmssync "github.com/pmswriteback/pms/sync"
	"github.com/pmswriteback/pms/writeback"
)

// canary is in every text that may be a patient's, and in nothing else. What
// follows it says where it came from.
const canary = "Quetzal"

// The birth date that patients of these tests have, as it might be printed.
var (
	canaryBorn  = driver.Date{Year: 1931, Month: 7, Day: 23}
	canaryDates = []string{"1931-07-23", "07/23/1931", "1931 July 23", "{1931 7 23}", "{1931, 7, 23}", "Year:1931", "July 23"}
)

// leaks finds the canary in what came out of the engine, also where it was
// encoded.
func leaks(out string) []string {
	var found []string
	seek := append([]string{
		canary, strings.ToLower(canary), strings.ToUpper(canary),
		fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprint([]byte(canary))[1:20],
	}, canaryDates...)
	for shift := range 3 {
		// Whatever stands before it, some of these letters are always the same.
		plain := strings.Repeat("x", shift) + canary
		coded := base64.StdEncoding.EncodeToString([]byte(plain))
		seek = append(seek, coded[(shift*8+5)/6:len(plain)*8/6-1])
	}
	for _, s := range seek {
		for rest := out; ; {
			i := strings.Index(rest, s)
			if i < 0 {
				break
			}
			found = append(found, rest[max(i-60, 0):min(i+60, len(rest))])
			rest = rest[i+len(s):]
		}
	}
	return found
}

func TestCanaryIsSeenWhereverItSings(t *testing.T) {
	t.Parallel()
	type inner struct{ Name string }
	type outer struct{ in driver.Text }
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "item", inner{canary + "Body"})
	for name, out := range map[string]string{
		"plain": "note " + canary + "Body", "lower": strings.ToLower(canary), "quoted": fmt.Sprintf("%q", canary), "hex": fmt.Sprintf("%x", "a "+canary),
		"bytes": fmt.Sprint([]byte("a " + canary)), "base64": base64.StdEncoding.EncodeToString([]byte("a" + canary)),
		"json bytes": fmt.Sprint(mustJSON([]byte("ab" + canary + "c"))), "log": logged.String(), "field": fmt.Sprintf("%+v", inner{canary}),
		"date": fmt.Sprintf("%+v", canaryBorn), "date text": canaryBorn.String(), "url": "https://x/?q=" + canary,
	} {
		require.NotEmpty(t, leaks(out), name)
	}
	require.Empty(t, leaks(fmt.Sprintf("%v %+v %#v", writeback.Text(canary), outer{in: writeback.Text(canary)}, driver.NewBirthDate(canaryBorn))))
}

func mustJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// sieve collects what comes out of the engine.
type sieve struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (s *sieve) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

// take adds a value in every form in which a host may print it.
func (s *sieve) take(values ...any) {
	for _, v := range values {
		fmt.Fprintf(s, "%v %+v %#v %s %q\n", v, v, v, v, v)
		if err, ok := v.(error); ok {
			for ; err != nil; err = errors.Unwrap(err) {
				fmt.Fprintf(s, "%v %+v %#v\n", err, err, err)
			}
			continue
		}
		data, err := json.Marshal(v)
		if err == nil {
			s.Write(data) //nolint:errcheck // a buffer
		}
	}
}

func (s *sieve) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// both logs as text and as JSON.
func (s *sieve) logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	return slog.New(tee{slog.NewJSONHandler(s, options), slog.NewTextHandler(s, options)})
}

type tee []slog.Handler

func (t tee) Enabled(context.Context, slog.Level) bool { return true }

func (t tee) Handle(ctx context.Context, r slog.Record) error {
	return errors.Join(t[0].Handle(ctx, r), t[1].Handle(ctx, r.Clone()))
}

func (t tee) WithAttrs(a []slog.Attr) slog.Handler { return tee{t[0].WithAttrs(a), t[1].WithAttrs(a)} }

func (t tee) WithGroup(g string) slog.Handler { return tee{t[0].WithGroup(g), t[1].WithGroup(g)} }

func sing(where string) driver.Text { return writeback.Text(canary + where) }

// singAll submits an item of every kind, for a patient named in each way, with
// the canary in every text.
func singAll(b *bed, s *sieve, round string, appointment string) {
	ctx, p, at := b.t.Context(), b.p, time.Now()
	named := writeback.PatientNamed(canary+"First", canary+"Last", canaryBorn)
	for who, patient := range map[string]writeback.Patient{
		"id": writeback.PatientID(b.patient), "name": named, "phone": {Phone: sing("Phone")}, "host": writeback.HostPatient("h-1"),
		"nobody": writeback.PatientNamed(canary+"Nobody", canary+"Last", canaryBorn),
	} {
		key := round + "-" + who
		kinds := driver.NoteKinds()
		if round != "calm" {
			kinds = []driver.NoteKind{driver.IncomingCallTranscript, driver.OutgoingEmail}
			if who == "phone" || who == "host" {
				continue
			}
		}
		for _, kind := range kinds {
			n := writeback.Note{
				Key: key + "-" + string(kind), Kind: kind, Patient: patient, At: at, Subject: sing("Subject"), Body: sing("Body"),
				Number: sing("Number"), User: canary + "User", Result: canary + "Result", Duration: time.Minute, Attachments: []driver.Text{sing("File")},
			}
			if kind == driver.IncomingEmail {
				n.Body, n.HTML = driver.Text{}, writeback.Text("<p>"+canary+"HTML <a href='https://x.example/?q="+canary+"'>"+canary+"</a>")
			}
			it, err := p.WriteNote(ctx, n)
			s.take(it, err)
		}
		it, err := p.WriteDocument(ctx, writeback.Document{
			Key: key + "-doc", Kind: driver.InsuranceVerification, Patient: patient, At: at, Title: sing("Title"), MIME: "application/pdf",
			Content: strings.NewReader("%PDF-1.7 " + canary + "Content"),
		})
		s.take(it, err)
		it, err = p.SubmitForm(ctx, writeback.Form{
			Key: key + "-form", Category: driver.InformedConsent, Patient: patient, At: at, Title: sing("Title"), MIME: "application/pdf",
			Content: strings.NewReader("%PDF-1.7 " + strings.Repeat(canary+"Content", 100)),
		})
		s.take(it, err)
		it, err = p.PostPayment(ctx, writeback.Payment{
			Key: key + "-pay", Channel: driver.ChannelOnline, Patient: patient, At: at, Amount: driver.USD(10000), Fee: driver.USD(269), Memo: sing("Memo"),
		})
		s.take(it, err)
		it, err = p.Refund(ctx, writeback.Refund{Key: key + "-refund", Payment: key + "-pay", Amount: driver.USD(100), At: at, Memo: sing("Memo")})
		s.take(it, err)
	}
	it, err := p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{Key: round + "-status", Appointment: appointment, Confirmed: true})
	s.take(it, err)

	// What is refused.
	for _, bad := range []func() error{
		func() error {
			return second(p.WriteNote(ctx, writeback.Note{Key: canary + "\n", Patient: named, At: at, Body: writeback.Text(canary + card)}))
		},
		func() error {
			return second(p.WriteNote(ctx, writeback.Note{Key: "b", Kind: canary, Patient: writeback.PatientID(" " + canary), Body: writeback.Text(canary + "\xff")}))
		},
		func() error {
			return second(p.WriteNote(ctx, writeback.Note{Key: round + "-id-" + string(driver.OutgoingEmail), Kind: driver.OutgoingEmail, Patient: named, At: at, Body: sing("Other")}))
		},
		func() error {
			return second(p.WriteNote(ctx, writeback.Note{Key: "h", Kind: driver.IncomingEmail, Patient: named, At: at, HTML: writeback.Text("<p>" + canary + "<b>" + card + "</b>")}))
		},
		func() error {
			_, err := p.Items(ctx, writeback.ItemQuery{Patient: canary + " ", Cause: canary, Reasons: []driver.Reason{canary + " "}})
			return err
		},
		func() error {
			_, err := p.Bulk(ctx, writeback.Bulk{Action: canary, Actor: " " + canary, Query: writeback.ItemQuery{Patient: canary + "\n"}})
			return err
		},
		func() error {
			return second(p.WriteDocument(ctx, writeback.Document{Key: "d", Kind: canary, Patient: named, At: at, MIME: " " + canary, Content: strings.NewReader(canary)}))
		},
		func() error {
			return second(p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{Key: "s", Appointment: canary + " ", Basis: canary}))
		},
		func() error {
			return second(p.PostPayment(ctx, writeback.Payment{Key: "p", Channel: canary, Patient: named, Amount: driver.Money{Minor: 1, Currency: canary}, Memo: writeback.Text(canary + card)}))
		},
		func() error {
			return second(p.Refund(ctx, writeback.Refund{Key: "r", Payment: canary + "Key", Amount: driver.USD(1), At: at}))
		},
		func() error { return second(p.ItemByKey(ctx, canary+"Key")) },
		func() error { return second(p.Assign(ctx, "x", canary+"\n", "dana")) },
	} {
		err := bad()
		require.Error(b.t, err)
		s.take(err)
	}
}

// looked prints all that a host can ask of a practice.
func looked(b *bed, s *sieve) int {
	ctx := b.t.Context()
	items, err := b.p.Items(ctx, writeback.ItemQuery{Limit: 10_000})
	s.take(err)
	for _, it := range items {
		s.take(it, &it)
		events, err := b.p.ItemEvents(ctx, it.ID)
		s.take(err)
		fmt.Fprintf(s, "%+v\n", events)
	}
	h, err := b.p.Health(ctx)
	s.take(h, &h, err)
	history, err := b.p.SettingsHistory(ctx, 10)
	s.take(history, err)
	work, err := b.p.WorkList(ctx, writeback.WorkQuery{})
	s.take(work, err)
	preview, err := b.p.Preview(ctx, settings.Default())
	s.take(preview, err)
	waiting, err := b.p.Bulk(ctx, writeback.Bulk{Action: writeback.ActionDismiss, Actor: "dana", DryRun: true, Query: writeback.ItemQuery{States: writeback.States()}})
	s.take(waiting, err)
	require.NotZero(b.t, waiting.Done)
	exported, err := b.p.ExportSettings(ctx)
	s.take(string(exported), err)
	doc, problems, err := b.p.InitialSettings(ctx)
	s.take(doc, problems, err)
	taken, err := b.p.ImportSettings(ctx, exported, writeback.TakeOver{Expect: 1, Actor: "dana", DryRun: true})
	s.take(taken, err)
	lists, info, _, err := b.p.Catalogs(ctx)
	s.take(lists, info, err)
	wrong, err := b.p.SettingsProblems(ctx)
	s.take(wrong, err)
	imports, err := b.p.Imports(ctx)
	s.take(imports, err, b.p, b.eng)
	b.host.mu.Lock()
	defer b.host.mu.Unlock()
	s.take(b.host.statuses, b.host.appointments, b.host.patients, b.host.items, b.host.practice, b.host.imports)
	return len(items)
}

// stored are the raw bytes of the store.
func stored(b *bed, s *sieve) {
	ctx := b.t.Context()
	records, err := b.store.Items(ctx, writeback.ItemQuery{Practice: practiceID, Limit: 10_000})
	require.NoError(b.t, err)
	for _, r := range records {
		s.take(r)
		s.Write(r.Payload)  //nolint:errcheck // a buffer
		s.Write(r.Progress) //nolint:errcheck
		for n := 0; r.Blob != ""; n++ {
			chunk, err := b.store.Blob(ctx, practiceID, r.Blob, n)
			if errors.Is(err, writeback.ErrNotFound) {
				break
			}
			require.NoError(b.t, err)
			s.Write(chunk) //nolint:errcheck
		}
	}
	docs, err := b.store.Docs(ctx, practiceID, "")
	require.NoError(b.t, err)
	for _, d := range docs {
		s.take(d)
		s.Write(d.Value) //nolint:errcheck
	}
	events, err := b.store.Events(ctx, practiceID, 0, 100_000)
	require.NoError(b.t, err)
	fmt.Fprintf(s, "%+v\n", events)
	for _, feed := range driver.Feeds() {
		seen, err := b.store.SeenBetween(ctx, practiceID, feed, time.Time{}, time.Time{}, "", 10_000)
		require.NoError(b.t, err)
		s.take(seen)
	}
}

// canaryFaults make everything go wrong, a round for each way, with texts that a
// careless driver might put into its errors.
func canaryFaults() [][]memdriver.Fault {
	var rounds [][]memdriver.Fault
	for _, err := range []error{
		fmt.Errorf("INSERT INTO commlog VALUES (%q): duplicate", canary+"SQL"), fmt.Errorf("%s: %w", canary, driver.ErrRejected),
		driver.ErrUnavailable, driver.ErrUnknownOutcome, driver.ErrConflict, driver.ReasonPeriodClosed, driver.ReasonPatientArchived,
		driver.ReasonProviderInactive, memdriver.Busy(time.Second), memdriver.Unauthorized(driver.ScopeOperation),
		memdriver.Unauthorized(driver.ScopeWrites), memdriver.Unauthorized(driver.ScopeConnection),
	} {
		var round []memdriver.Fault
		for _, on := range []string{"write", "verify", "find", "info", "changes", "window", "photo", "connect", "ping", "catalog", "read appointment"} {
			round = append(round, memdriver.Fault{On: on, Times: 3, Err: err})
		}
		rounds = append(rounds, round)
	}
	for _, effect := range []memdriver.Effect{memdriver.After, memdriver.Late, memdriver.Half} {
		rounds = append(rounds, []memdriver.Fault{{On: "write", Times: 5, Effect: effect, After: time.Minute}})
	}
	return rounds
}

func TestNoPatientDataComesOutOfTheEngine(t *testing.T) {
	t.Parallel()
	for _, sealed := range []bool{true, false} {
		t.Run(fmt.Sprintf("sealed %v", sealed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &sieve{}
				b := newBed(t, nil)
				b.patient = b.pms.AddPatient(driver.Patient{
					FirstName: sing("First"), LastName: sing("Last"), BirthDate: driver.NewBirthDate(canaryBorn),
					Phones: []driver.Text{sing("Phone")}, Email: sing("Mail"),
				})
				photo := b.pms.AddPhoto(b.patient, "image/png", []byte("\x89PNG\r\n\x1a\n"+canary))
				careless := fmt.Errorf("host: %s", canary)
				handlers := b.host.handlers()
				handlers.Photos = func(ctx context.Context, practice string, events []writeback.PhotoEvent) error {
					s.take(events)
					for _, e := range events {
						r, err := e.Open(ctx)
						s.take(err)
						if err == nil {
							_, _ = io.Copy(io.Discard, r)
							s.take(r.Close())
						}
					}
					return b.host.handlers().Photos(ctx, practice, events)
				}
				connects := 0
				change := func(c *writeback.Config) {
					c.Log, c.Handlers = s.logger(), handlers
					c.Retry = pmssync.BackoffConfig{Min: time.Second, Max: 4 * time.Second}
					c.Connect = func(context.Context, string) (driver.Connector, error) {
						if connects++; connects%2 == 0 {
							return nil, careless
						}
						return b.pms.Connector(), nil
					}
					if sealed {
						c.SealKeys = []writeback.SealKey{{ID: "2025", Key: bytes.Repeat([]byte{7}, 32)}}
					}
				}
				b.engine(change)
				b.start()
				b.save(func(d *settings.Document) {
					withOffset(d)
					d.Intervals.Photos = true
				})
				b.pass(time.Second)
				appointment := b.appointment(200 * time.Hour)
				require.NoError(t, b.pms.EditAppointment(appointment, func(a *driver.Appointment) { a.Note = sing("AppointmentNote") }))

				singAll(b, s, "calm", appointment)
				s.take(b.p.Import(t.Context(), driver.PatientFeed), b.p.Import(t.Context(), driver.PhotoFeed))
				b.pass(2 * time.Minute)
				s.take(b.pms.ReplacePhoto(photo, []byte("\x89PNG\r\n\x1a\n"+canary+"2")))

				feeds := []string{"items", "appointments", "new_patients", "photos", "appointment_status"}
				for i, round := range canaryFaults() {
					if !sealed && i%4 > 0 {
						continue // it was all tried under seal
					}
					b.pms.Heal()
					for _, fault := range round {
						b.pms.Fail(fault)
					}
					for _, feed := range feeds {
						b.host.refuse(feed, careless)
					}
					singAll(b, s, fmt.Sprint("fault-", i), appointment)
					b.pms.AddPatient(driver.Patient{FirstName: sing("First"), LastName: sing("New"), BirthDate: driver.NewBirthDate(canaryBorn)})
					b.refresh()
					b.pass(20 * time.Second)
					h, err := b.p.Health(t.Context())
					s.take(h, err)
					for _, feed := range feeds {
						b.host.refuse(feed, nil)
					}
					b.pass(time.Minute)
				}
				// People act on whatever waits by now.
				waiting, err := b.p.Items(t.Context(), writeback.ItemQuery{Limit: 10_000})
				require.NoError(t, err)
				for i, it := range waiting {
					name := []string{writeback.EventRetried, writeback.EventAssigned, writeback.EventTransferred, writeback.EventMarkedPosted}[i%4]
					after, err := acts[name](t.Context(), b, it.ID)
					s.take(after, err)
				}
				b.pms.Heal()
				b.pass(30 * time.Minute)
				items := looked(b, s)
				b.stopped()
				s.take(b.eng.Run(t.Context()))

				// The canary was there all the time.
				require.Greater(t, items, 150)
				require.Contains(t, b.pms.Notes()[0].Body.Reveal(), canary+"Body")
				require.NotEmpty(t, b.pms.Payments())
				require.NotEmpty(t, b.pms.Refunds())
				require.NotEmpty(t, b.pms.Documents())
				require.NotEmpty(t, got(b.host, func() []writeback.PatientEvent { return b.host.patients }))
				require.NotEmpty(t, got(b.host, func() []writeback.PhotoEvent { return b.host.photos }))
				out := s.String()
				if sealed {
					requireSaid(t, out)
				}
				require.Empty(t, first(leaks(out), 5))

				raw := &sieve{}
				stored(b, raw)
				if sealed {
					require.Empty(t, first(leaks(raw.String()), 5), "in the store")
				} else {
					require.NotEmpty(t, leaks(raw.String()), "without a key it is there, so that it would have been found")
				}
			})
		})
	}
}

// requireSaid makes sure that enough went wrong to be talked about.
func requireSaid(t *testing.T, out string) {
	t.Helper()
	for _, said := range []string{
		"the PMS cannot be used", "not delivered", "loop failed", "the host gave no connector", `"level":"WARN"`, "level=WARN", "period_closed", "key was used before",
	} {
		require.True(t, strings.Contains(out, said), "too little was tried: nothing said %q", said)
	}
}

func first(list []string, n int) []string { return list[:min(len(list), n)] }
