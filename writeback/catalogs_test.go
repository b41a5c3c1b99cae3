package writeback_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// A new practice has to choose among the options of its PMS, whatever else the
// host reads.
func TestOptionsAreReadAtOnceThoughNothingElseIsRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *writeback.Config) { c.Handlers = writeback.Handlers{} })
		b.start()
		defer b.stopped()
		lists, _, known, err := b.p.Catalogs(t.Context())
		require.NoError(t, err)
		require.True(t, known)
		require.Len(t, lists.Lists, len(driver.Catalogs()))
	})
}

// A refresh reads Info and then one list after the other. Whichever fails, all
// that was read before stays in force as it was.
func TestCatalogsAreReadAllOrNone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(nil)
		b.pass(time.Second)
		calls := []string{"info"}
		for _, c := range driver.Catalogs() {
			calls = append(calls, "catalog "+string(c))
		}
		for i, on := range calls {
			for _, kind := range []driver.Kind{driver.ErrUnavailable, driver.ErrRejected} {
				lists, info, known, err := b.p.Catalogs(ctx)
				require.NoError(t, err)
				require.True(t, known)
				// Everything is another one by now.
				label := fmt.Sprintf("%s %s", on, kind)
				for _, c := range driver.Catalogs() {
					require.NoError(t, b.pms.RenameOption(c, b.pms.Options(c)[0].ID, label))
				}
				b.pms.AddOption(driver.NoteTypes, driver.Option{ID: label, Label: label, Active: true})
				b.pms.SetInfo(func(i *driver.Info) { i.Version = label })
				trip := b.pms.Fail(memdriver.Fault{On: on, Err: kind})
				b.reread()
				require.Positive(t, trip.Hits(), label)

				after, infoAfter, known, err := b.p.Catalogs(ctx)
				require.NoError(t, err)
				require.True(t, known)
				require.Equal(t, lists.Lists, after.Lists, label)
				require.Equal(t, lists.AsOf, after.AsOf, label)
				require.Equal(t, info, infoAfter, label)
				require.Equal(t, lists.AsOf, b.health().CatalogsAsOf)
				stored, err := b.store.Docs(ctx, practiceID, "catalog/")
				require.NoError(t, err)
				require.Len(t, stored, len(driver.Catalogs()))
				for _, d := range stored {
					require.NotContains(t, string(d.Value), label)
				}
				// Items go on by the old ones; that the PMS has a new note type is
				// not known yet.
				key := fmt.Sprint("note ", i, kind)
				b.must(b.p.WriteNote(ctx, b.note(key)))
				b.pass(10 * time.Second)
				b.requireState(key, writeback.Written)
				unread := chosen()
				unread.Notes.Type = settings.Ref{ID: label}
				_, problems, err := b.p.CheckSettings(ctx, unread)
				require.NoError(t, err)
				require.True(t, settings.HasErrors(problems))

				// The next one mends it, by itself.
				trip.Clear()
				b.pass(20 * time.Minute)
				after, infoAfter, _, err = b.p.Catalogs(ctx)
				require.NoError(t, err)
				require.True(t, after.AsOf.After(lists.AsOf))
				require.Equal(t, label, infoAfter.Version)
				for _, c := range driver.Catalogs() {
					require.Equal(t, label, after.Lists[c][0].Label)
				}
				_, problems, err = b.p.CheckSettings(ctx, unread)
				require.NoError(t, err)
				require.False(t, settings.HasErrors(problems), "%v", problems)
			}
		}
	})
}

// doubled is a connection whose catalogs have an option twice.
type doubled struct {
	hooked
	mu    sync.Mutex
	twice map[driver.Catalog]driver.Option
}

func (d *doubled) ReadCatalog(ctx context.Context, c driver.Catalog) ([]driver.Option, error) {
	list, err := d.hooked.ReadCatalog(ctx, c)
	d.mu.Lock()
	defer d.mu.Unlock()
	if o, ok := d.twice[c]; ok && err == nil {
		list = append(list, o)
	}
	return list, err
}

func (d *doubled) double(c driver.Catalog, o driver.Option) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.twice = map[driver.Catalog]driver.Option{c: o}
}

func TestSameOptionTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		ctx := t.Context()
		conn := &doubled{}
		b.engine(b.connectBy(func(c driver.Conn) driver.Conn { conn.Conn = c; return conn }))
		b.start()
		defer b.stopped()
		b.save(nil)
		for _, tc := range []struct {
			catalog          driver.Catalog
			id, path, cause  string
			reason           driver.Reason
			needs, needsNone string
		}{
			{driver.NoteTypes, "0101", "notes.type", "id_ambiguous:note_types:0101", writeback.ReasonIDAmbiguous, "note", "payment"},
			{driver.Providers, "DOC1", "sync.provider", "id_ambiguous:providers:DOC1", writeback.ReasonIDAmbiguous, "note", ""},
			{driver.PaymentTypes, "0402", "payments.types.online", "id_ambiguous:payment_types:0402", writeback.ReasonIDAmbiguous, "payment", "note"},
		} {
			options := b.pms.Options(tc.catalog)
			row := options[slices.IndexFunc(options, func(o driver.Option) bool { return o.ID == tc.id })]
			submit := func(kind, key string) {
				if kind == "payment" {
					b.must(b.p.PostPayment(ctx, b.payment(key)))
				} else {
					b.must(b.p.WriteNote(ctx, b.note(key)))
				}
			}
			key := func(s string) string { return string(tc.catalog) + " " + s }

			// The same row twice, as a PMS's own list may have it.
			conn.double(tc.catalog, row)
			b.reread()
			submit(tc.needs, key("same row"))
			b.pass(time.Second)
			b.requireState(key("same row"), writeback.Written)
			require.Empty(t, b.brokenNow())

			// Two that differ: nobody knows which is meant.
			other := row
			other.Label += " II"
			conn.double(tc.catalog, other)
			b.reread()
			for i := range 3 {
				submit(tc.needs, key(fmt.Sprint(i)))
			}
			b.pass(time.Minute)
			for i := range 3 {
				it := b.requireState(key(fmt.Sprint(i)), writeback.Held)
				require.Equal(t, tc.reason, it.Reason)
				require.NotEmpty(t, it.NextStep)
			}
			issues := b.health().Issues
			require.Len(t, issues, 1, "one cause")
			require.Equal(t, tc.cause, issues[0].Cause)
			require.Equal(t, 3, issues[0].Count)
			require.Equal(t, []string{tc.path + " " + settings.CodeOptionAmbiguous}, b.brokenNow())
			if tc.needsNone != "" {
				submit(tc.needsNone, key("needs it not"))
				b.pass(time.Second)
				b.requireState(key("needs it not"), writeback.Written)
			}

			// Mended in the PMS, they go on by themselves.
			conn.double("", driver.Option{})
			b.pass(20 * time.Minute)
			for i := range 3 {
				b.requireState(key(fmt.Sprint(i)), writeback.Written)
			}
			require.Empty(t, b.health().Issues)
			require.Empty(t, b.brokenNow())
		}
	})
}

func TestCatalogsAreTheSameInEveryProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		ctx := t.Context()
		b.start()
		b.save(nil)
		b.pass(time.Second)
		idle := *b
		idle.engine(nil) // serves pages, and never runs
		running := *b
		running.engine(nil)
		running.start()
		seen := func(p *writeback.Practice) (string, time.Duration) {
			lists, info, known, err := p.Catalogs(ctx)
			require.NoError(t, err)
			require.True(t, known)
			return info.Version + lists.Lists[driver.NoteTypes][0].Label, time.Since(lists.AsOf)
		}
		for i, asks := range []*writeback.Practice{b.p, idle.p, running.p, nil} {
			version := fmt.Sprint("v", i)
			b.pms.SetInfo(func(i *driver.Info) { i.Version = version })
			require.NoError(t, b.pms.RenameOption(driver.NoteTypes, "0101", version))
			b.pms.AddOption(driver.NoteTypes, driver.Option{ID: version, Active: true})
			wait := 5 * time.Second
			if asks == nil {
				wait = 20 * time.Minute // on schedule
			} else {
				require.NoError(t, asks.RefreshCatalogs(t.Context()))
			}
			b.pass(wait)
			for _, p := range []*writeback.Practice{b.p, idle.p, running.p} {
				what, age := seen(p)
				require.Equal(t, version+version, what)
				require.Less(t, age, 17*time.Minute)
				// And what is saved there is checked by it.
				doc, _, err := p.Settings(ctx)
				require.NoError(t, err)
				doc.Notes.Type = settings.Ref{ID: version}
				_, problems, err := p.CheckSettings(ctx, doc)
				require.NoError(t, err)
				require.Empty(t, problems)
			}
		}
		// That nothing changed is known everywhere, too.
		b.pass(time.Hour)
		for _, p := range []*writeback.Practice{b.p, idle.p, running.p} {
			_, age := seen(p)
			require.Less(t, age, 17*time.Minute)
			problems, err := p.SettingsProblems(ctx)
			require.NoError(t, err)
			require.Empty(t, problems)
		}
		// What is submitted there is decided by it.
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		b.refresh()
		b.pass(5 * time.Second)
		for i, p := range []*writeback.Practice{b.p, idle.p, running.p} {
			it := b.must(p.WriteNote(ctx, b.note(fmt.Sprint("note ", i))))
			require.Equal(t, writeback.Held, it.State)
		}
		require.NoError(t, b.pms.SetProviderActive("DOC1", true))
		b.refresh()
		b.pass(5 * time.Second)
		for i := range 3 {
			b.requireState(fmt.Sprint("note ", i), writeback.Written)
		}
		// While nobody reaches the PMS, every process says so.
		b.pms.SetOffline(true)
		b.pass(time.Hour)
		for _, p := range []*writeback.Practice{b.p, idle.p, running.p} {
			problems, err := p.SettingsProblems(ctx)
			require.NoError(t, err)
			require.Len(t, problems, 1)
			require.Equal(t, settings.CodeNotChecked, problems[0].Code)
		}
		running.stopped()
		b.stopped()
	})
}
