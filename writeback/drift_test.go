package writeback_test

import (
	"context"
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

// drifted returns the rows about broken and mended settings since the last call.
func (b *bed) drifted(since *int) []string {
	b.t.Helper()
	log := slices.DeleteFunc(b.practiceLog(), func(row string) bool { return row[:len("setting_")] != "setting_" })
	fresh := log[*since:]
	*since = len(log)
	return fresh
}

// reread has the catalogs read anew and lets the engine come to rest.
func (b *bed) reread() {
	b.refresh()
	b.pass(time.Second)
}

// brokenNow gives the problems of Health and of SettingsProblems, which are the
// same, as "path code".
func (b *bed) brokenNow() []string {
	b.t.Helper()
	problems, err := b.p.SettingsProblems(b.t.Context())
	require.NoError(b.t, err)
	require.Equal(b.t, problems, b.health().Settings)
	out := []string{}
	for _, p := range problems {
		require.Equal(b.t, settings.Warning, p.Severity)
		require.NotEmpty(b.t, p.Words)
		out = append(out, p.Path+" "+p.Code)
	}
	return out
}

func TestBrokenSettingIsToldOnceThoughNothingWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		var since int
		b.start()
		b.save(nil)
		b.pass(time.Second)
		require.Empty(t, b.brokenNow())
		require.Empty(t, b.drifted(&since))

		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		b.pass(20 * time.Minute) // by itself, on schedule
		require.Equal(t, []string{"setting_broken: sync.provider provider_inactive"}, b.drifted(&since))
		require.Equal(t, []string{"sync.provider provider_inactive"}, b.brokenNow())
		require.Empty(t, b.health().Issues, "nothing waits for it")
		again := func(because string) {
			t.Helper()
			b.reread()
			b.pass(20 * time.Minute)
			require.Empty(t, b.drifted(&since), because)
			require.Equal(t, []string{"sync.provider provider_inactive"}, b.brokenNow())
		}
		again("it is known")
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.MissedCall] = false })
		again("another save does not touch it")
		b.stopped()
		b.engine(nil)
		b.start()
		again("a restart does not forget it")
		stop, run := b.stop, b.run
		office := *b
		office.engine(nil)
		office.start()
		require.Equal(t, []string{"sync.provider provider_inactive"}, office.brokenNow(), "the same in the other process")
		stop()
		<-run
		b = &office
		b.pass(2 * time.Minute)
		require.True(t, b.health().Working)
		again("nor does another process that takes over")

		// Gone for good is another thing to be broken, and no mend.
		require.NoError(t, b.pms.RemoveOption(driver.Providers, "DOC1"))
		b.reread()
		require.Equal(t, []string{"setting_broken: sync.provider provider_unknown"}, b.drifted(&since))
		b.pms.AddProvider(driver.Option{ID: "DOC1", Label: "Dr. Dana Drill", Active: true})
		b.reread()
		require.Equal(t, []string{"setting_mended: sync.provider provider_unknown"}, b.drifted(&since))
		require.Empty(t, b.brokenNow())
		b.pass(time.Hour)
		require.Empty(t, b.drifted(&since))

		words := []string{}
		for _, e := range b.host.practice {
			require.Equal(t, practiceID, e.Practice)
			words = append(words, e.Words)
		}
		require.Equal(t, []string{
			"The settings were saved by dana: revision 1.",
			"Writeback Provider ID: the provider is inactive in the PMS. What needs it waits until that is mended.",
			"The settings were saved by dana: revision 2.",
			"Writeback Provider ID: the provider is not in the PMS. What needs it waits until that is mended.",
			"Writeback Provider ID is in order again.",
		}, words)
		b.stopped()
	})
}

func TestEveryKindOfDriftIsTold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		var since int
		b.save(func(d *settings.Document) {
			d.Statuses.Confirmed = append(d.Statuses.Confirmed, settings.Ref{ID: "0303"}, settings.Ref{ID: "0306"})
			d.Forms.Types = []settings.FormType{
				{Name: "Botox", Category: driver.InformedConsent, Folder: settings.Ref{ID: "0206"}},
				{Name: "X-rays", Category: driver.InformedConsent, Folder: settings.Ref{ID: "0206"}},
			}
			d.Forms.ByCategory = nil
		})
		b.pass(time.Second)
		unsupported := func(i *driver.Info) {
			i.Ops[driver.OpPayment] = driver.OpInfo{Support: driver.No("The licence ended.")}
		}
		for _, step := range []struct {
			name string
			do   func() error
			want []string
		}{
			{"an entry of a set vanished", func() error { return b.pms.RemoveOption(driver.AppointmentStatuses, "0306") }, []string{
				"setting_broken: statuses.confirmed[2] option_unknown",
			}},
			{"the one before it was removed by staff", func() error {
				b.save(func(d *settings.Document) { d.Statuses.Confirmed = slices.Delete(d.Statuses.Confirmed, 1, 2) })
				return nil
			}, nil},
			{"a folder of two form types was hidden", func() error { return b.pms.SetOptionActive(driver.DocumentFolders, "0206", false) }, []string{
				"setting_broken: forms.types[0].folder option_inactive", "setting_broken: forms.types[1].folder option_inactive",
			}},
			{"one of them gets another", func() error {
				b.save(func(d *settings.Document) { d.Forms.Types[0].Folder = settings.Ref{ID: "0205"} })
				return nil
			}, []string{"setting_mended: forms.types[0].folder option_inactive"}},
			{"the set's entry came back, elsewhere in it by now", func() error {
				b.pms.AddOption(driver.AppointmentStatuses, driver.Option{ID: "0306", Label: "Done", Active: true})
				return nil
			}, []string{"setting_mended: statuses.confirmed[1] option_unknown"}},
			{"a minimum grew", func() error {
				b.pms.SetInfo(slowFeeds(map[driver.Feed]time.Duration{driver.PatientFeed: time.Hour}))
				return nil
			}, []string{"setting_broken: intervals.new_patients interval_below_minimum"}},
			{"an operation ended", func() error { b.pms.SetInfo(unsupported); return nil }, []string{
				"setting_broken: payments.types.provider unsupported", "setting_broken: payments.types.online unsupported",
				"setting_broken: payments.types.in_office unsupported",
			}},
			{"an id was reused", func() error { return b.pms.ReuseID(driver.NoteTypes, "0101", "Recall") }, []string{
				"setting_broken: notes.type option_reused",
			}},
			{"everything as it was", func() error {
				b.pms.SetInfo(func(i *driver.Info) {
					i.Ops[driver.OpPayment] = driver.OpInfo{Support: driver.Yes(), TypeFrom: driver.PaymentTypes}
					slowFeeds(map[driver.Feed]time.Duration{driver.PatientFeed: 0})(i)
				})
				require.NoError(t, b.pms.RenameOption(driver.NoteTypes, "0101", "Phone Call"))
				return b.pms.SetOptionActive(driver.DocumentFolders, "0206", true)
			}, []string{
				"setting_mended: notes.type option_reused", "setting_mended: intervals.new_patients interval_below_minimum",
				"setting_mended: forms.types[1].folder option_inactive",
				"setting_mended: payments.types.provider unsupported", "setting_mended: payments.types.online unsupported",
				"setting_mended: payments.types.in_office unsupported",
			}},
		} {
			require.NoError(t, step.do(), step.name)
			b.reread()
			want := step.want
			if want == nil {
				want = []string{}
			}
			require.Equal(t, want, b.drifted(&since), step.name)
			b.reread()
			require.Empty(t, b.drifted(&since), step.name)
		}
		for _, e := range b.host.practice {
			require.NotEmpty(t, e.Words)
			require.Equal(t, e.Name == writeback.EventSettingsSaved, e.Actor == "dana")
		}
		require.Contains(t, b.host.practice[1].Words, "Confirmed Appointment Status (entry 3): ")
	})
}

// Who takes over goes by what the former worker read last, even if nobody told.
func TestTakingOverTellsNothingAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		var since int
		b.start()
		b.save(nil)
		deaf := *b
		deaf.engine(func(c *writeback.Config) { c.WakePoll = 24 * time.Hour })
		deaf.start()
		require.Empty(t, deaf.brokenNow())
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		b.reread()
		require.Equal(t, []string{"setting_broken: sync.provider provider_inactive"}, b.drifted(&since))
		b.pms.SetOffline(true)
		b.stopped()
		deaf.pass(10 * time.Minute)
		require.True(t, deaf.health().Working)
		b.pms.SetOffline(false)
		deaf.pass(10 * time.Minute)
		require.Empty(t, b.drifted(&since))
		require.Equal(t, []string{"sync.provider provider_inactive"}, deaf.brokenNow())
		deaf.stopped()
	})
}

// What a save or a restore breaks or mends is told as well, without waiting for
// the next reading.
func TestSavesBreakAndMendToo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		var since int
		b.save(nil)
		b.pass(time.Second)
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		b.reread()
		require.Equal(t, []string{"setting_broken: sync.provider provider_inactive"}, b.drifted(&since))
		b.save(func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "HYG1"} })
		b.pass(time.Second)
		require.Equal(t, []string{"setting_mended: sync.provider provider_inactive"}, b.drifted(&since))
		_, err := b.p.RestoreSettings(t.Context(), 1, writeback.Save{Expect: 2, Actor: "dana"})
		require.NoError(t, err)
		b.pass(time.Second)
		require.Equal(t, []string{"setting_broken: sync.provider provider_inactive"}, b.drifted(&since))
		b.pass(time.Hour)
		require.Empty(t, b.drifted(&since))
	})
}

// Saved while the PMS could not be asked, it is checked when that is back, whether
// or not something waits for it.
func TestSettingsSavedOfflineAreCheckedOnReconnect(t *testing.T) {
	t.Parallel()
	for _, waits := range []bool{true, false} {
		inBubble(t, func(t *testing.T, b *bed) {
			ctx := t.Context()
			var since int
			b.save(nil)
			b.pass(time.Minute)
			b.pms.SetOffline(true)
			b.pass(5 * time.Minute)
			require.NoError(t, b.pms.RemoveOption(driver.NoteTypes, "0102"))
			doc, rev, err := b.p.Settings(ctx)
			require.NoError(t, err)
			doc.Notes.Type = settings.Ref{ID: "0102"}
			problems, err := b.p.SaveSettings(ctx, doc, writeback.Save{Expect: rev, Actor: "dana"})
			require.NoError(t, err, "by the last lists it is there")
			require.Len(t, problems, 1)
			require.Equal(t, settings.CodeNotChecked, problems[0].Code)
			require.Contains(t, problems[0].Words, "Not checked since")
			require.Equal(t, []string{" not_checked"}, b.brokenNow())
			if waits {
				b.must(b.p.WriteNote(ctx, b.note("note")))
				b.requireState("note", writeback.Queued)
			}

			b.pms.SetOffline(false)
			b.pass(5*time.Minute + 10*time.Second) // the longest back-off, and no regular reading
			require.Equal(t, []string{"setting_broken: notes.type option_unknown"}, b.drifted(&since))
			require.Equal(t, []string{"notes.type option_unknown"}, b.brokenNow())
			if !waits {
				b.must(b.p.WriteNote(ctx, b.note("note")))
			}
			require.Equal(t, "option_unknown:note_types:0102", b.requireState("note", writeback.Held).Cause)
			b.save(func(d *settings.Document) { d.Notes.Type = settings.Ref{ID: "0101"} })
			b.pass(10 * time.Second)
			require.Equal(t, []string{"setting_mended: notes.type option_unknown"}, b.drifted(&since))
			b.requireState("note", writeback.Written)
		})
	}
}

// What was saved offline is checked before anything is written by it, and not
// because the PMS would refuse it: an id that was given to something else is
// taken by every PMS.
func TestNothingIsWrittenAfterAnOutageBeforeTheListsWereRead(t *testing.T) {
	t.Parallel()
	for fails, fault := range map[string]memdriver.Fault{
		"":          {},
		"one list":  {On: "catalog note_types"},
		"all there": {On: "info", Err: driver.ReasonUnsupported}, // an answer, and no outage
	} {
		inBubble(t, func(t *testing.T, b *bed) {
			b.pms.SetInfo(func(i *driver.Info) { i.ReusesIDs = true })
			b.save(nil)
			b.refresh()
			b.pass(time.Minute)
			b.pms.SetOffline(true)
			b.pass(5 * time.Minute)
			require.NoError(t, b.pms.ReuseID(driver.NoteTypes, "0102", "Do not use"))
			b.save(func(d *settings.Document) { d.Notes.Type = settings.Ref{ID: "0102"} })
			b.must(b.p.WriteNote(t.Context(), b.note("note")))
			b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
			b.pass(10 * time.Minute)
			if fails != "" { // what cannot be read stops nothing for ever
				b.pms.Fail(fault)
			}
			b.pms.SetOffline(false)
			b.pass(15 * time.Minute)
			b.requireState("pay", writeback.Written)
			if fails == "" {
				require.Equal(t, writeback.ReasonIDReused, b.requireState("note", writeback.Held).Reason)
				require.Empty(t, b.pms.Notes())
			}
		})
	}
}

// A save that comes between reading and storing is what is checked then.
func TestDriftIsToldOfTheLatestSettings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		store := &meddled{Store: b.store}
		b.engine(func(c *writeback.Config) { c.Store = store })
		b.start()
		defer b.stopped()
		var since int
		b.save(nil)
		b.pass(time.Second)
		office := *b
		office.engine(nil)
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		store.before(func() {
			office.save(func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "HYG1"} })
		})
		b.reread()
		require.Empty(t, b.drifted(&since), "nothing that is in force is broken")
		require.Empty(t, b.brokenNow())
		_, rev, err := b.p.Settings(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, rev)

		// What could not be stored is neither in force nor told.
		require.NoError(t, b.pms.SetProviderActive("HYG1", false))
		store.refuse(true)
		b.reread()
		require.Empty(t, b.drifted(&since))
		require.Empty(t, b.brokenNow())
		store.refuse(false)
		b.reread()
		require.Equal(t, []string{"setting_broken: sync.provider provider_inactive"}, b.drifted(&since))
	})
}

// meddled is a store that does something else before catalogs are stored, or
// does not store them.
type meddled struct {
	writeback.Store
	mu    sync.Mutex
	first func()
	no    bool
}

func (m *meddled) before(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.first = f
}

func (m *meddled) refuse(no bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.no = no
}

func (m *meddled) Apply(ctx context.Context, changes []writeback.Change) []error {
	for _, c := range changes {
		if slices.ContainsFunc(c.Docs, func(d writeback.DocWrite) bool { return d.Name == "info" }) {
			m.mu.Lock()
			first, no := m.first, m.no
			m.first = nil
			m.mu.Unlock()
			if first != nil {
				first()
			}
			if no {
				return slices.Repeat([]error{errLeaky}, len(changes))
			}
		}
	}
	return m.Store.Apply(ctx, changes)
}
