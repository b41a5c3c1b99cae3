package writeback_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// secret is in every bad value, and must be in no error.
const secret = "Xyzzy"

const card = "4111 1111 1111 1111"

func (b *bed) document(key string) writeback.Document {
	return writeback.Document{
		Key: key, Kind: driver.AccountStatement, Patient: writeback.PatientID(b.patient), At: time.Now(),
		Title: writeback.Text("March"), MIME: "application/pdf", Content: strings.NewReader("%PDF-1.7 " + key),
	}
}

func (b *bed) form(key string) writeback.Form {
	return writeback.Form{
		Key: key, Category: driver.InformedConsent, Type: "botox", Patient: writeback.PatientID(b.patient), At: time.Now(),
		Title: writeback.Text("Consent"), MIME: "application/pdf", Content: strings.NewReader("%PDF-1.7 " + key),
	}
}

type badInput struct {
	name, field string
	submit      func(ctx context.Context, b *bed) error
}

func badNote(name, field string, change func(*writeback.Note)) badInput {
	return badInput{"note: " + name, field, func(ctx context.Context, b *bed) error {
		n := b.note("k")
		change(&n)
		_, err := b.p.WriteNote(ctx, n)
		return err
	}}
}

func badDocument(name, field string, change func(*writeback.Document)) badInput {
	return badInput{"document: " + name, field, func(ctx context.Context, b *bed) error {
		d := b.document("k")
		change(&d)
		_, err := b.p.WriteDocument(ctx, d)
		return err
	}}
}

func badForm(name, field string, change func(*writeback.Form)) badInput {
	return badInput{"form: " + name, field, func(ctx context.Context, b *bed) error {
		f := b.form("k")
		change(&f)
		_, err := b.p.SubmitForm(ctx, f)
		return err
	}}
}

func badStatus(name, field string, change func(*writeback.AppointmentStatus)) badInput {
	return badInput{"status: " + name, field, func(ctx context.Context, b *bed) error {
		s := writeback.AppointmentStatus{Key: "k", Appointment: "77", Confirmed: true}
		change(&s)
		_, err := b.p.SetAppointmentStatus(ctx, s)
		return err
	}}
}

func badPayment(name, field string, change func(*writeback.Payment)) badInput {
	return badInput{"payment: " + name, field, func(ctx context.Context, b *bed) error {
		p := b.payment("k")
		change(&p)
		_, err := b.p.PostPayment(ctx, p)
		return err
	}}
}

func badRefund(name, field string, change func(*writeback.Refund)) badInput {
	return badInput{"refund: " + name, field, func(ctx context.Context, b *bed) error {
		r := writeback.Refund{Key: "k", Payment: "paid", Amount: driver.USD(100), At: time.Now()}
		change(&r)
		_, err := b.p.Refund(ctx, r)
		return err
	}}
}

func badInputs() []badInput {
	long, notUTF8 := strings.Repeat(secret, 2000), secret+"\xff"
	noDay := driver.Date{Year: 1985, Month: 2, Day: 30}
	list := []badInput{
		badNote("no key", "key", func(n *writeback.Note) { n.Key = "" }),
		badNote("long key", "key", func(n *writeback.Note) { n.Key = long }),
		badNote("key with a line break", "key", func(n *writeback.Note) { n.Key = secret + "\n" }),
		badNote("no patient", "patient", func(n *writeback.Note) { n.Patient = writeback.Patient{} }),
		badNote("patient id with a space", "patient.id", func(n *writeback.Note) { n.Patient.ID = secret + " " }),
		badNote("long host id", "patient.host_id", func(n *writeback.Note) { n.Patient.HostID = long }),
		badNote("no such birth date", "patient.birth", func(n *writeback.Note) { n.Patient = writeback.PatientNamed(secret, secret, noDay) }),
		badNote("card as a name", "patient.last", func(n *writeback.Note) {
			n.Patient = writeback.PatientNamed(secret, card, driver.Date{Year: 1985, Month: 2, Day: 1})
		}),
		badNote("no kind", "kind", func(n *writeback.Note) { n.Kind = "" }),
		badNote("no such kind", "kind", func(n *writeback.Note) { n.Kind = secret }),
		badNote("no time", "at", func(n *writeback.Note) { n.At = time.Time{} }),
		badNote("time out of range", "at", func(n *writeback.Note) { n.At = time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		badNote("empty body", "body", func(n *writeback.Note) { n.Kind, n.Body = driver.PatientNote, writeback.Text("") }),
		badNote("blank body", "body", func(n *writeback.Note) { n.Kind, n.Body = driver.PatientNote, writeback.Text(" \n\t") }),
		badNote("body that is not UTF-8", "body", func(n *writeback.Note) { n.Body = writeback.Text(notUTF8) }),
		badNote("body of two megabytes", "body", func(n *writeback.Note) { n.Body = writeback.Text(strings.Repeat(secret, 400_000)) }),
		badNote("card in the body", "body", func(n *writeback.Note) { n.Body = writeback.Text(secret + " pays by " + card + " 12/29") }),
		badNote("card in the subject", "subject", func(n *writeback.Note) { n.Subject = writeback.Text(secret + card) }),
		badNote("card in the result", "result", func(n *writeback.Note) { n.Result = secret + card }),
		badNote("card as the user", "user", func(n *writeback.Note) { n.User = secret + card }),
		badNote("card in a file's name", "attachments[1]", func(n *writeback.Note) {
			n.Attachments = []driver.Text{writeback.Text("a.pdf"), writeback.Text(secret + card)}
		}),
		badNote("too many files", "attachments", func(n *writeback.Note) { n.Attachments = make([]driver.Text, 101) }),
		badNote("long number", "number", func(n *writeback.Note) { n.Number = writeback.Text(long) }),
		badNote("html besides a body", "html", func(n *writeback.Note) { n.Kind, n.HTML = driver.IncomingEmail, writeback.Text(secret) }),
		badNote("html of a call", "html", func(n *writeback.Note) { n.Body, n.HTML = driver.Text{}, writeback.Text(secret) }),
		badNote("html that shows nothing", "html", func(n *writeback.Note) {
			n.Kind, n.Body, n.HTML = driver.IncomingEmail, driver.Text{}, writeback.Text("<style>"+secret+"</style>")
		}),
		badNote("card in the html", "html", func(n *writeback.Note) {
			n.Kind, n.Body, n.HTML = driver.IncomingEmail, driver.Text{}, writeback.Text(secret+"<b>4111</b>11111111<i>1111</i>")
		}),
		badNote("negative duration", "duration", func(n *writeback.Note) { n.Duration = -time.Second }),

		badDocument("no key", "key", func(d *writeback.Document) { d.Key = "" }),
		badDocument("no patient", "patient", func(d *writeback.Document) { d.Patient = writeback.Patient{} }),
		badDocument("no kind", "kind", func(d *writeback.Document) { d.Kind = "" }),
		badDocument("a form", "kind", func(d *writeback.Document) { d.Kind = driver.FormDocument }),
		badDocument("no time", "at", func(d *writeback.Document) { d.At = time.Time{} }),
		badDocument("no type", "mime", func(d *writeback.Document) { d.MIME = "" }),
		badDocument("another type", "mime", func(d *writeback.Document) { d.MIME = "image/png" }),
		badDocument("no such type", "mime", func(d *writeback.Document) { d.MIME = secret }),
		badDocument("any type", "mime", func(d *writeback.Document) { d.MIME = "image/*" }),
		badDocument("a program", "mime", func(d *writeback.Document) { d.Content = strings.NewReader("MZ\x90\x00" + secret) }),
		badDocument("a page said to be text", "mime", func(d *writeback.Document) {
			d.MIME, d.Content = "text/plain", strings.NewReader("<html>"+secret)
		}),
		badDocument("too large", "content", func(d *writeback.Document) { d.Content = strings.NewReader("%PDF-" + strings.Repeat(secret, 6<<20)) }),
		badDocument("no content", "content", func(d *writeback.Document) { d.Content = nil }),
		badDocument("empty content", "content", func(d *writeback.Document) { d.Content = strings.NewReader("") }),
		badDocument("card in the title", "title", func(d *writeback.Document) { d.Title = writeback.Text(secret + card) }),

		badForm("no key", "key", func(f *writeback.Form) { f.Key = "" }),
		badForm("no patient", "patient", func(f *writeback.Form) { f.Patient = writeback.Patient{} }),
		badForm("no category", "category", func(f *writeback.Form) { f.Category = "" }),
		badForm("no such category", "category", func(f *writeback.Form) { f.Category = secret }),
		badForm("type with a line break", "type", func(f *writeback.Form) { f.Type = secret + "\n" }),
		badForm("card as the type", "type", func(f *writeback.Form) { f.Type = secret + card }),
		badForm("empty content", "content", func(f *writeback.Form) { f.Content = strings.NewReader("") }),
		badForm("pdf said to be text", "mime", func(f *writeback.Form) { f.MIME = "text/plain" }),

		badStatus("no key", "key", func(s *writeback.AppointmentStatus) { s.Key = "" }),
		badStatus("no appointment", "appointment", func(s *writeback.AppointmentStatus) { s.Appointment = "" }),
		badStatus("appointment with spaces", "appointment", func(s *writeback.AppointmentStatus) { s.Appointment = " " + secret }),
		badStatus("basis from elsewhere", "basis", func(s *writeback.AppointmentStatus) { s.Basis = secret }),

		badPayment("no key", "key", func(p *writeback.Payment) { p.Key = "" }),
		badPayment("no patient", "patient", func(p *writeback.Payment) { p.Patient = writeback.Patient{} }),
		badPayment("no channel", "channel", func(p *writeback.Payment) { p.Channel = "" }),
		badPayment("no such channel", "channel", func(p *writeback.Payment) { p.Channel = secret }),
		badPayment("zero", "amount", func(p *writeback.Payment) { p.Amount = driver.USD(0) }),
		badPayment("negative", "amount", func(p *writeback.Payment) { p.Amount = driver.USD(-100) }),
		badPayment("over a million", "amount", func(p *writeback.Payment) { p.Amount = driver.USD(100_000_001) }),
		badPayment("no currency", "amount.currency", func(p *writeback.Payment) { p.Amount.Currency = "" }),
		badPayment("negative fee", "fee", func(p *writeback.Payment) { p.Fee = driver.USD(-1) }),
		badPayment("fee in another currency", "fee.currency", func(p *writeback.Payment) { p.Fee = driver.Money{Minor: 1, Currency: "CAD"} }),
		badPayment("amount beyond all numbers", "amount", func(p *writeback.Payment) { p.Amount = driver.USD(math.MaxInt64) }),
		badPayment("fee beyond all numbers", "fee", func(p *writeback.Payment) { p.Fee = driver.USD(math.MaxInt64) }),
		badPayment("total less than its parts", "total", func(p *writeback.Payment) { p.Fee, p.Total = driver.USD(269), driver.USD(10000) }),
		badPayment("total more than its parts", "total", func(p *writeback.Payment) { p.Total = driver.USD(10001) }),
		badPayment("total of nothing", "total", func(p *writeback.Payment) { p.Total = driver.USD(0) }),
		badPayment("negative total", "total", func(p *writeback.Payment) { p.Total = driver.USD(-10000) }),
		badPayment("total beyond all numbers", "total", func(p *writeback.Payment) { p.Total = driver.USD(math.MinInt64) }),
		badPayment("total in another currency", "total.currency", func(p *writeback.Payment) { p.Total = driver.Money{Minor: 10000, Currency: "CAD"} }),
		badPayment("total without a currency", "total.currency", func(p *writeback.Payment) { p.Total = driver.Money{Minor: 10000} }),
		badPayment("total of a wrong amount", "amount", func(p *writeback.Payment) { p.Amount, p.Total = driver.USD(0), driver.USD(1) }),
		badPayment("no time", "at", func(p *writeback.Payment) { p.At = time.Time{} }),
		badPayment("card in the memo", "memo", func(p *writeback.Payment) { p.Memo = writeback.Text(secret + " " + card) }),

		badRefund("no key", "key", func(r *writeback.Refund) { r.Key = "" }),
		badRefund("no payment", "payment", func(r *writeback.Refund) { r.Payment = "" }),
		badRefund("payment nobody knows", "payment", func(r *writeback.Refund) { r.Payment = secret }),
		badRefund("of a note", "payment", func(r *writeback.Refund) { r.Payment = "a-note" }),
		badRefund("of itself", "payment", func(r *writeback.Refund) { r.Payment = "k" }),
		badRefund("zero", "amount", func(r *writeback.Refund) { r.Amount = driver.USD(0) }),
		badRefund("more than was paid", "amount", func(r *writeback.Refund) { r.Amount = driver.USD(10001) }),
		badRefund("in another currency", "amount.currency", func(r *writeback.Refund) { r.Amount.Currency = "CAD" }),
		badRefund("no time", "at", func(r *writeback.Refund) { r.At = time.Time{} }),
		badRefund("card in the memo", "memo", func(r *writeback.Refund) { r.Memo = writeback.Text(card) }),
	}
	return list
}

func TestBadInputIsRefusedByFieldAndLeavesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.save(nil)
	b.must(b.p.PostPayment(t.Context(), b.payment("paid")))
	b.must(b.p.WriteNote(t.Context(), b.note("a-note")))
	for _, tc := range badInputs() {
		err := tc.submit(t.Context(), b)
		require.ErrorIs(t, err, writeback.ErrInvalid, tc.name)
		var input *writeback.InputError
		require.ErrorAs(t, err, &input, tc.name)
		var fields []string
		for _, f := range input.Fields {
			fields = append(fields, f.Field)
			require.NotEmpty(t, f.Problem)
		}
		require.Equal(t, []string{tc.field}, fields, tc.name)
		require.Contains(t, err.Error(), tc.field)
		for _, shown := range []string{err.Error(), fmt.Sprintf("%v %+v %#v", err, err, err)} {
			require.NotContains(t, shown, secret, tc.name)
			require.NotContains(t, shown, "4111", tc.name)
		}
	}
	items, err := b.p.Items(t.Context(), writeback.ItemQuery{})
	require.NoError(t, err)
	require.Len(t, items, 2)
	swept, err := b.store.Sweep(t.Context(), -time.Hour)
	require.NoError(t, err)
	require.Zero(t, swept, "not even bytes are left")
}

func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	_, err := b.p.WriteNote(t.Context(), writeback.Note{})
	var input *writeback.InputError
	require.ErrorAs(t, err, &input)
	require.Len(t, input.Fields, 5)
	require.Equal(t, "note", input.Op)
	require.NotErrorIs(t, err, writeback.ErrNotFound)
}

// endless gives PDF bytes for ever and counts what is read.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "%PDF-1.7"[(e.read+int64(i))%8]
	}
	e.read += int64(len(p))
	return len(p), nil
}

// sink is a Submitter that forgets bytes.
type sink struct {
	writeback.Store
	bytes int64
}

func (s *sink) PutBlob(_ context.Context, _, _ string, _ int, chunk []byte) error {
	s.bytes += int64(len(chunk))
	return nil
}

func TestDocumentIsStreamedAndATooLargeOneIsRefusedEarly(t *testing.T) {
	b := newBed(t, nil)
	b.save(nil)
	to, at := &sink{Store: b.store}, time.Now()
	submit := func(size int64) (*endless, uint64, error) {
		content := &endless{}
		d := b.document(fmt.Sprint("doc-", size))
		d.At, d.Content = at, io.LimitReader(content, size)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := b.p.Via(to).WriteDocument(t.Context(), d)
		runtime.ReadMemStats(&after)
		return content, after.TotalAlloc - before.TotalAlloc, err
	}
	_, _, err := submit(25 << 20)
	require.NoError(t, err)
	require.GreaterOrEqual(t, to.bytes, int64(25<<20))

	content, _, err := submit(50 << 20)
	require.ErrorIs(t, err, writeback.ErrInvalid)
	require.ErrorContains(t, err, "content: is larger than 26214400 bytes, the limit of Config.MaxDocument")
	require.LessOrEqual(t, content.read, int64(25<<20+1), "what is too large is not read to its end")
	b.requireMissing("doc-52428800")

	// A key that is known is only hashed: no second copy is made.
	stored := to.bytes
	_, allocated, err := submit(25 << 20)
	require.NoError(t, err)
	require.Equal(t, stored, to.bytes)
	require.Less(t, allocated, uint64(8<<20), "memory does not grow with the document")
}

func (b *bed) requireMissing(key string) {
	b.t.Helper()
	_, err := b.p.ItemByKey(b.t.Context(), key)
	require.ErrorIs(b.t, err, writeback.ErrNotFound)
}

func TestContentThatBreaksOffStoresNoItem(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.save(nil)
	d := b.document("doc")
	d.Content = io.MultiReader(strings.NewReader("%PDF-1.7"), brokenReader{})
	_, err := b.p.WriteDocument(t.Context(), d)
	require.ErrorIs(t, err, errHost)
	b.requireMissing("doc")
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errHost }

// everyKind submits one item of each kind; variant changes the content.
func everyKind(b *bed, at time.Time, variant string) map[string]func(ctx context.Context, p *writeback.Practice) (writeback.Item, error) {
	return map[string]func(ctx context.Context, p *writeback.Practice) (writeback.Item, error){
		"note": func(ctx context.Context, p *writeback.Practice) (writeback.Item, error) {
			n := b.note("note")
			n.At, n.Body = at, writeback.Text("Friday"+variant)
			return p.WriteNote(ctx, n)
		},
		"document": func(ctx context.Context, p *writeback.Practice) (writeback.Item, error) {
			d := b.document("document")
			d.At, d.Content = at, strings.NewReader("%PDF-1.7 "+variant)
			return p.WriteDocument(ctx, d)
		},
		"form": func(ctx context.Context, p *writeback.Practice) (writeback.Item, error) {
			f := b.form("form")
			f.At, f.Content = at, strings.NewReader("%PDF-1.7 "+variant)
			return p.SubmitForm(ctx, f)
		},
		"status": func(ctx context.Context, p *writeback.Practice) (writeback.Item, error) {
			return p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{Key: "status", Appointment: "77", Confirmed: variant == ""})
		},
		"payment": func(ctx context.Context, p *writeback.Practice) (writeback.Item, error) {
			pay := b.payment("payment")
			pay.At, pay.Amount = at, driver.USD(int64(10000+len(variant)))
			return p.PostPayment(ctx, pay)
		},
	}
}

func TestKeyMeansOneItemOfOneContent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(nil)
		b.must(b.p.PostPayment(ctx, b.payment("paid")))
		at := time.Now()
		other, err := writeback.New(writeback.Config{HostName: "Acme", Store: b.store, Connect: func(context.Context, string) (driver.Connector, error) { return b.pms.Connector(), nil }})
		require.NoError(t, err)
		elsewhere, err := other.Practice(ctx, practiceID)
		require.NoError(t, err)

		for round, when := range []string{"before it is written", "after it was written"} {
			same, changed := everyKind(b, at, ""), everyKind(b, at, "!")
			refund := func(amount int64) func(ctx context.Context, p *writeback.Practice) (writeback.Item, error) {
				return func(ctx context.Context, p *writeback.Practice) (writeback.Item, error) {
					return p.Refund(ctx, writeback.Refund{Key: "refund", Payment: "paid", Amount: driver.USD(amount), At: at})
				}
			}
			same["refund"], changed["refund"] = refund(100), refund(101)
			for kind, submit := range same {
				first := b.must(submit(ctx, b.p))
				again := b.must(submit(ctx, b.p))
				there := b.must(submit(ctx, elsewhere))
				require.Equal(t, first.ID, again.ID, "%s, %s", kind, when)
				require.Equal(t, first.ID, there.ID, "%s, %s", kind, when)
				require.Equal(t, kind, string(first.Kind))
				_, err := changed[kind](ctx, b.p)
				require.ErrorIs(t, err, writeback.ErrKeyReused, "%s, %s", kind, when)
				_, err = changed[kind](ctx, elsewhere)
				require.ErrorIs(t, err, writeback.ErrKeyReused, "%s, %s", kind, when)
			}
			// A key belongs to one kind.
			n := b.note("payment")
			_, err = b.p.WriteNote(ctx, n)
			require.ErrorIs(t, err, writeback.ErrKeyReused)
			if round == 0 {
				b.pass(time.Minute)
				b.requireState("note", writeback.Written)
				b.requireState("payment", writeback.Written)
				b.requireState("refund", writeback.Written)
			}
		}
		b.pass(time.Minute)
		require.Len(t, b.pms.Notes(), 1)
		require.Len(t, b.pms.Documents(), 2)
		require.Len(t, b.pms.Payments(), 2)
		require.Len(t, b.pms.Refunds(), 1)
		items, err := b.p.Items(ctx, writeback.ItemQuery{})
		require.NoError(t, err)
		require.Len(t, items, 7)
		require.NoError(t, other.Close())
	})
}

// What two hosts may write differently is the same content all the same.
func TestSameContentIsTheSameHoweverItIsSaid(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	at := time.Date(2025, 3, 3, 9, 0, 0, 123456789, b.location)
	pay := b.payment("pay")
	pay.At = at
	first := b.must(b.p.PostPayment(t.Context(), pay))
	pay.At, pay.Fee, pay.Total = at.UTC().Truncate(time.Millisecond), driver.USD(0), pay.Amount
	require.Equal(t, first.ID, b.must(b.p.PostPayment(t.Context(), pay)).ID)

	for i, mime := range []string{"application/pdf", "Application/PDF; charset=binary", "application/x-pdf"} {
		d := b.document("doc")
		d.At, d.MIME = at, mime
		it := b.must(b.p.WriteDocument(t.Context(), d))
		if i == 0 {
			first = it
		}
		require.Equal(t, first.ID, it.ID, mime)
	}
}

func TestSettingsDoNotMakeAnotherContent(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.save(nil)
	pay := b.payment("pay")
	pay.Fee = driver.USD(269)
	first := b.must(b.p.PostPayment(t.Context(), pay))
	b.save(func(d *settings.Document) { d.Payments.Separate, d.Payments.Auto = true, false })
	again := b.must(b.p.PostPayment(t.Context(), pay))
	require.Equal(t, first.ID, again.ID)
	require.Len(t, again.Legs, 1, "the legs are those of the first time")
}

func TestManyAtOnceAreOneItem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.save(nil)
		first := b.p
		b.start()
		b.engine(nil) // another process on the same store
		second := b.p
		at := time.Now()
		for kind, submit := range everyKind(b, at, "") {
			var mu sync.Mutex
			ids := map[string]int{}
			var group sync.WaitGroup
			for i := range 50 {
				group.Go(func() {
					p := first
					if i%2 == 1 {
						p = second
					}
					it, err := submit(t.Context(), p)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						ids[err.Error()]++
						return
					}
					ids[it.ID]++
				})
			}
			group.Wait()
			require.Len(t, ids, 1, kind)
		}
		b.pass(time.Minute)
		require.Len(t, b.pms.Notes(), 1)
		require.Len(t, b.pms.Documents(), 2)
		require.Len(t, b.pms.Payments(), 1)
		swept, err := b.store.Sweep(t.Context(), 0)
		require.NoError(t, err)
		require.LessOrEqual(t, swept, 98, "bytes of those that came second are left for the sweep")
		for _, d := range b.pms.Documents() {
			require.NotEmpty(t, d.Bytes())
		}
		b.stopped()
	})
}

func TestUnknownAndRemovedPracticesTakeNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		_, err := b.eng.Practice(t.Context(), "nowhere")
		require.ErrorIs(t, err, writeback.ErrUnknownPractice)
		require.ErrorIs(t, b.eng.RemovePractice(t.Context(), "nowhere"), writeback.ErrUnknownPractice)
		_, err = b.eng.Step(t.Context(), "nowhere")
		require.ErrorIs(t, err, writeback.ErrUnknownPractice)

		b.must(b.p.WriteNote(t.Context(), b.note("before")))
		require.NoError(t, b.eng.RemovePractice(t.Context(), practiceID))
		for kind, submit := range everyKind(b, time.Now(), "") {
			_, err := submit(t.Context(), b.p)
			require.ErrorIs(t, err, writeback.ErrUnknownPractice, kind)
		}
		_, err = b.p.SaveSettings(t.Context(), chosen(), writeback.Save{Actor: "dana"})
		require.ErrorIs(t, err, writeback.ErrUnknownPractice)
		_, err = b.eng.Practice(t.Context(), practiceID)
		require.ErrorIs(t, err, writeback.ErrUnknownPractice)
		back, err := b.eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: practiceID, Location: b.location})
		require.NoError(t, err)
		_, err = back.ItemByKey(t.Context(), "before")
		require.NoError(t, err, "it has everything it had")
		b.must(back.WriteNote(t.Context(), b.note("after")))
	})
}

func TestEngineRunsOnceAndClosesOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.start()
		require.ErrorIs(t, b.eng.Run(t.Context()), writeback.ErrRunning)
		require.ErrorIs(t, b.eng.Close(), writeback.ErrRunning)
		b.stopped()
		require.ErrorIs(t, b.eng.Run(t.Context()), writeback.ErrClosed)
		require.ErrorIs(t, b.eng.Close(), writeback.ErrClosed)

		b.engine(nil)
		require.NoError(t, b.eng.Close())
		require.ErrorIs(t, b.eng.Close(), writeback.ErrClosed)
		require.ErrorIs(t, b.eng.Run(t.Context()), writeback.ErrClosed)
		for kind, submit := range everyKind(b, time.Now(), "") {
			_, err := submit(t.Context(), b.p)
			require.ErrorIs(t, err, writeback.ErrClosed, kind)
		}
		_, err := b.p.SaveSettings(t.Context(), chosen(), writeback.Save{Actor: "dana"})
		require.ErrorIs(t, err, writeback.ErrClosed)
		_, err = b.p.Dismiss(t.Context(), "x", "dana", "")
		require.ErrorIs(t, err, writeback.ErrClosed)
		_, err = b.eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: "x", Location: b.location})
		require.ErrorIs(t, err, writeback.ErrClosed)
		_, err = b.eng.Step(t.Context(), practiceID)
		require.ErrorIs(t, err, writeback.ErrClosed)
	})
}

func TestStoreThatFailsIsToldOfAndNothingIsHalfDone(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.save(nil)
	store := memstore.New()
	eng, err := writeback.New(writeback.Config{HostName: "Acme", Store: store, Connect: func(context.Context, string) (driver.Connector, error) { return nil, errHost }})
	require.NoError(t, err)
	p, err := eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: practiceID, Location: b.location})
	require.NoError(t, err)
	require.NoError(t, store.Close())
	for kind, submit := range everyKind(b, time.Now(), "") {
		_, err := submit(t.Context(), p)
		require.Error(t, err, kind)
		require.False(t, errors.Is(err, writeback.ErrInvalid), kind)
	}
}

func TestPracticeConfigNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	for field, cfg := range map[string]writeback.PracticeConfig{
		"id":       {Location: b.location},
		"site":     {ID: "x", Location: b.location, Site: " " + secret},
		"location": {ID: "x"},
	} {
		_, err := b.eng.AddPractice(t.Context(), cfg)
		require.ErrorIs(t, err, writeback.ErrInvalid)
		require.ErrorContains(t, err, "writeback: practice: "+field+": ")
		require.NotContains(t, err.Error(), secret)
	}
	_, err := b.eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: "x", Location: time.FixedZone("Here", 3600)})
	require.ErrorIs(t, err, writeback.ErrInvalid)
}
