package writeback_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// pdfOf is a PDF of some bytes.
func pdfOf(size int) string { return "%PDF-1.7 " + strings.Repeat("x", size-9) }

// readCount counts what is read, and hides that the reader could tell its size.
type readCount struct {
	r    io.Reader
	read int
}

func (c *readCount) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read += n
	return n, err
}

// filed are the documents in the PMS by the keys of their items.
func (b *bed) filed() map[string]memdriver.Document {
	b.t.Helper()
	items, err := b.p.Items(b.t.Context(), writeback.ItemQuery{Limit: 1000})
	require.NoError(b.t, err)
	keys, filed := map[string]string{}, map[string]memdriver.Document{}
	for _, it := range items {
		for _, l := range it.Legs {
			keys[l.Ref] = it.Key
		}
	}
	for _, d := range b.pms.Documents() {
		filed[keys[d.Ref]] = d
	}
	return filed
}

// fieldProblem is the problem of the one field that is wrong.
func fieldProblem(t *testing.T, err error, field string) string {
	t.Helper()
	var input *writeback.InputError
	require.ErrorAs(t, err, &input)
	require.Len(t, input.Fields, 1)
	require.Equal(t, field, input.Fields[0].Field)
	return input.Fields[0].Problem
}

func TestWhatThePMSDoesNotTakeIsRefusedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		const limit = 3 << 20
		b.pms.SetInfo(func(i *driver.Info) {
			op := i.Ops[driver.OpDocument]
			op.MaxBytes, op.MIME = limit, []string{"application/pdf", "image/jpg"}
			i.Ops[driver.OpDocument] = op
		})
		b.save(nil)
		b.refresh()
		b.pass(time.Second)
		submit := func(key, mime string, content io.Reader) error {
			d := b.document(key)
			d.MIME, d.Content = mime, content
			return second(b.p.WriteDocument(t.Context(), d))
		}
		orphans := func() int {
			n, err := b.store.Sweep(t.Context(), -time.Hour)
			require.NoError(t, err)
			return n
		}

		file, err := os.Create(filepath.Join(t.TempDir(), "scan.pdf"))
		require.NoError(t, err)
		_, err = file.WriteString(pdfOf(limit + 1))
		require.NoError(t, err)
		for name, content := range map[string]io.Reader{
			"text": strings.NewReader(pdfOf(limit + 1)), "buffer": bytes.NewBufferString(pdfOf(limit + 1)), "file": file,
		} {
			if name == "file" {
				_, err = file.Seek(0, io.SeekStart)
				require.NoError(t, err)
			}
			problem := fieldProblem(t, submit("large", "application/pdf", content), "content")
			require.Contains(t, problem, fmt.Sprintf("larger than %d bytes, the limit of this PMS", limit), name)
			require.Zero(t, orphans(), "%s: what tells its size leaves nothing", name)
		}
		stream := &readCount{r: strings.NewReader(pdfOf(2 * limit))}
		fieldProblem(t, submit("large", "application/pdf", stream), "content")
		require.LessOrEqual(t, stream.read, limit+1, "no more is read than it takes to know")
		require.LessOrEqual(t, orphans(), 1, "the sweep takes what was stored of it")
		b.requireMissing("large")

		whole := &readCount{r: strings.NewReader(pdfOf(limit))}
		require.NoError(t, submit("fits", "application/pdf", whole))
		_, err = file.Seek(2, io.SeekStart)
		require.NoError(t, err)
		_, err = file.WriteAt([]byte("%PDF-"), 2)
		require.NoError(t, err)
		require.NoError(t, submit("fits from its third byte", "application/pdf", file), "a file is read from where it stands")
		require.NoError(t, submit("photo", "image/jpeg", strings.NewReader("\xff\xd8\xff\xe0")))
		png := &readCount{r: strings.NewReader("\x89PNG\r\n\x1a\n")}
		problem := fieldProblem(t, submit("scan", "image/png", png), "mime")
		require.Contains(t, problem, "application/pdf, image/jpg")
		require.Zero(t, png.read)
		b.requireMissing("scan")

		b.pass(time.Minute)
		filed := b.filed()
		require.Equal(t, int64(limit), filed["fits"].Size)
		require.Equal(t, int64(limit-1), filed["fits from its third byte"].Size)
		require.Equal(t, "image/jpg", filed["photo"].MIME, "the driver gets its own spelling")

		// What is not to be written needs no PMS to take it, and gets its record.
		b.save(func(d *settings.Document) { d.Documents.AccountStatement = settings.Ref{} })
		require.NoError(t, submit("off", "image/png", strings.NewReader("\x89PNG\r\n\x1a\n")))
		b.requireState("off", writeback.Skipped)
		b.save(func(d *settings.Document) { d.Documents.AccountStatement = settings.Ref{ID: "0202"} })
		b.pass(time.Minute)
		b.requireState("off", writeback.Skipped)
		b.must(b.p.Retry(t.Context(), b.item("off").ID, "dana"))
		b.pass(time.Minute)
		require.Equal(t, driver.ReasonMIMERefused, b.requireState("off", writeback.Failed).Reason)
	})
}

// While nobody knows what the PMS takes, everything is accepted, and refused
// when its turn comes.
func TestLimitThatIsKnownLaterRefusesAtTheTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.pms.SetInfo(func(i *driver.Info) {
			op := i.Ops[driver.OpDocument]
			op.MaxBytes, op.MIME = 100, []string{"application/pdf"}
			i.Ops[driver.OpDocument] = op
		})
		b.pms.SetOffline(true)
		b.save(nil)
		large, png := b.document("large"), b.document("png")
		at := large.At
		large.Content = strings.NewReader(pdfOf(101))
		png.MIME, png.Content = "image/png", strings.NewReader("\x89PNG\r\n\x1a\n")
		b.must(b.p.WriteDocument(t.Context(), large))
		b.must(b.p.WriteDocument(t.Context(), png))
		b.start()
		b.requireState("large", writeback.Queued)
		b.pms.SetOffline(false)
		b.pass(10 * time.Minute)
		require.Equal(t, driver.ReasonTooLarge, b.requireState("large", writeback.Failed).Reason)
		require.Equal(t, driver.ReasonMIMERefused, b.requireState("png", writeback.Failed).Reason)
		require.Empty(t, b.pms.Documents())

		// The same key is the same item, although nobody could submit it anew.
		again := b.document("large")
		again.At, again.Content = at, strings.NewReader(pdfOf(101))
		require.Equal(t, b.item("large").ID, b.must(b.p.WriteDocument(t.Context(), again)).ID)
		fresh := b.document("fresh")
		fresh.Content = strings.NewReader(pdfOf(101))
		fieldProblem(t, second(b.p.WriteDocument(t.Context(), fresh)), "content")

		// The PMS takes more by now.
		b.pms.SetInfo(func(i *driver.Info) {
			op := i.Ops[driver.OpDocument]
			op.MaxBytes = 0
			i.Ops[driver.OpDocument] = op
		})
		b.refresh()
		b.pass(time.Second)
		b.must(b.p.Retry(t.Context(), b.item("large").ID, "dana"))
		b.pass(time.Minute)
		b.requireState("large", writeback.Written)
		b.stopped()
	})
}

func TestTemplateThatIsWrongIsAnErrorOfItsField(t *testing.T) {
	t.Parallel()
	for template, problem := range map[string]string{
		"{patient}": "{patient}", "{Title}": "{Title}", "{}": "{}", "{ title }": "{ title }", "{title": "brace", "title}": "brace", "{title}}": "brace",
		"{{title}}": "brace", "{title {date}}": "brace", "a\nb": "line breaks", "a\u2028b": "line breaks", "\xff": "UTF-8",
		strings.Repeat("x", 201): "200 bytes",
	} {
		cfg := writeback.Config{
			HostName: "Acme", Store: memstore.New(), DocumentTitle: template,
			Connect: func(context.Context, string) (driver.Connector, error) { return nil, errHost },
		}
		err := cfg.Validate()
		require.ErrorContains(t, err, "writeback: config: DocumentTitle: ", "%q", template)
		require.ErrorContains(t, err, problem, "%q", template)
		_, err = writeback.New(cfg)
		require.Error(t, err)
		cfg.DocumentTitle = strings.Repeat("x", 200)
		require.NoError(t, cfg.Validate())
	}
}

// The template may change while documents wait: it counts when they are sent,
// and what was sent keeps its title, which a look for it goes by.
func TestTitleIsFrozenWhenItIsFirstSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		titled := func(template string) { b.engine(func(c *writeback.Config) { c.DocumentTitle = template }) }
		titled("{kind}: {title}")
		b.start()
		b.save(nil)
		b.pass(time.Second)
		b.pms.SetInfo(func(i *driver.Info) {
			op := i.Ops[driver.OpDocument]
			op.Repertoire = driver.Windows1252
			i.Ops[driver.OpDocument] = op
		})
		b.refresh()
		b.pass(time.Second)
		var titles []string
		sent := func(op driver.Op) bool {
			titles = append(titles, op.(*driver.Document).Title.Reveal())
			return true
		}
		b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Effect: memdriver.After, Match: sent})
		b.pms.Fail(memdriver.Fault{On: "verify", Times: 1, Err: driver.ErrUnavailable, Match: sent})
		d, f := b.document("doc"), b.form("form")
		d.Title = writeback.Text("March\nand Łódź")
		b.must(b.p.WriteDocument(t.Context(), d))
		b.pass(time.Millisecond)
		b.requireState("doc", writeback.Uncertain)
		b.pms.SetOffline(true)
		b.must(b.p.SubmitForm(t.Context(), f))
		b.pass(time.Second)
		b.requireState("form", writeback.Queued)
		b.stopped()

		titled("{title} of {date}, {form_type}, by {host}")
		b.pms.SetOffline(false)
		b.pms.Fail(memdriver.Fault{On: "verify", Times: 1, Effect: memdriver.Pass, Match: sent})
		b.start()
		b.pass(10 * time.Minute)
		b.requireState("doc", writeback.Written)
		b.requireState("form", writeback.Written)
		require.Equal(t, "Account Statement: March and ?ód?", b.filed()["doc"].Title.Reveal())
		require.GreaterOrEqual(t, len(titles), 2)
		for _, title := range titles {
			require.Equal(t, titles[0], title, "the PMS is asked for what was sent")
		}
		day := f.At.In(b.location).Format(time.DateOnly)
		require.Equal(t, "Consent of "+day+", botox, by Acme", b.filed()["form"].Title.Reveal())

		f = b.form("card")
		f.Title, f.Type = writeback.Text("41111111"), "11111111"
		b.stopped()
		titled("{title}{form_type}")
		problem := fieldProblem(t, second(b.p.SubmitForm(t.Context(), f)), "title")
		require.Contains(t, problem, "card_number")
	})
}
