package writeback_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// inWords gives changes as "path: before, now after".
func inWords(changes []settings.Change) []string {
	words := []string{}
	for _, c := range changes {
		words = append(words, c.Path+": "+c.Before+", now "+c.After)
	}
	return words
}

func TestHistorySaysWhatEachSaveChanged(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	ctx := t.Context()
	doc := settings.Default()
	doc.Notes.Type = settings.Ref{ID: "0101"}
	saved := func(expect int64, actor, reason string) {
		t.Helper()
		_, err := b.p.SaveSettings(ctx, doc, writeback.Save{Expect: expect, Actor: actor, Reason: reason})
		require.NoError(t, err)
	}
	saved(0, "dana", "")
	doc.Payments.Auto = true
	doc.Intervals.NewPatients = settings.Never()
	saved(1, "kim", "as agreed")
	saved(2, "kim", "nothing changed")
	doc.Notes.Type = settings.Ref{ID: "0102"}
	saved(3, "dana", "")

	want := [][]string{
		{"notes.type: 0101, now 0102"},
		{},
		{"intervals.new_patients: 30 seconds, now off", "payments.auto: off, now on"},
		{"notes.type: none, now 0101"},
	}
	for limit, rows := range map[int]int{0: 4, -1: 4, 2: 2, 1: 1, 4: 4, 1 << 62: 4} {
		history, err := b.p.SettingsHistory(ctx, limit)
		require.NoError(t, err)
		require.Len(t, history, rows)
		for i, row := range history {
			require.EqualValues(t, 4-i, row.Number)
			require.Equal(t, want[i], inWords(row.Changes), "limit %d", limit)
			require.False(t, row.Damaged)
			require.False(t, row.At.IsZero())
		}
	}

	for _, tc := range []struct {
		from, to int64
		want     []string
	}{
		{1, 4, []string{"notes.type: 0101, now 0102", "intervals.new_patients: 30 seconds, now off", "payments.auto: off, now on"}},
		{4, 3, []string{"notes.type: 0102, now 0101"}},
		{0, 1, []string{"notes.type: none, now 0101"}},
		{2, 2, []string{}}, {0, 0, []string{}},
	} {
		changes, err := b.p.SettingsDiff(ctx, tc.from, tc.to)
		require.NoError(t, err)
		require.Equal(t, tc.want, inWords(changes), "%d to %d", tc.from, tc.to)
	}

	then, rev, err := b.p.SettingsRevision(ctx, 2)
	require.NoError(t, err)
	require.Equal(t, "kim", rev.Actor)
	require.Equal(t, "as agreed", rev.Reason)
	require.Equal(t, "0101", then.Notes.Type.ID)
	none, rev, err := b.p.SettingsRevision(ctx, 0)
	require.NoError(t, err)
	require.Zero(t, rev.Number)
	require.Empty(t, settings.Diff(settings.Default(), none))

	_, _, err = b.p.SettingsRevision(ctx, 5)
	require.ErrorIs(t, err, writeback.ErrNotFound)
	_, err = b.p.SettingsDiff(ctx, 1, 5)
	require.ErrorIs(t, err, writeback.ErrNotFound)
	_, err = b.p.SettingsDiff(ctx, 5, 1)
	require.ErrorIs(t, err, writeback.ErrNotFound)
	_, err = b.p.SettingsDiff(ctx, -1, 1)
	require.ErrorIs(t, err, writeback.ErrInvalid)
}

// One revision that a broken disk took does not hide the others.
func TestHistoryShowsAroundADamagedRevision(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	ctx := t.Context()
	b.save(nil)
	broken := writeback.Change{Practice: practiceID, Save: &writeback.Revision{Expect: 1, Document: []byte("{"), Actor: "disk"}}
	require.NoError(t, b.store.Apply(ctx, []writeback.Change{broken})[0])
	for i := range 2 {
		data, err := chosen().Marshal()
		require.NoError(t, err)
		whole := writeback.Change{Practice: practiceID, Save: &writeback.Revision{Expect: int64(2 + i), Document: data, Actor: "dana"}}
		require.NoError(t, b.store.Apply(ctx, []writeback.Change{whole})[0])
	}
	history, err := b.p.SettingsHistory(ctx, 10)
	require.NoError(t, err)
	damaged := []bool{}
	for _, row := range history {
		damaged = append(damaged, row.Damaged)
	}
	require.Equal(t, []bool{false, true, true, false}, damaged)
	require.Empty(t, history[0].Changes)
	require.NotEmpty(t, history[3].Changes)
	_, _, err = b.p.SettingsRevision(ctx, 2)
	require.ErrorContains(t, err, "settings revision 2")
	_, err = b.p.RestoreSettings(ctx, 2, writeback.Save{Expect: 4, Actor: "dana"})
	require.ErrorContains(t, err, "settings revision 2")
}

func TestAnyRevisionCanBeRestored(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.pass(time.Second)
		b.save(nil) // 1
		first, _, err := b.p.Settings(ctx)
		require.NoError(t, err)
		b.save(func(d *settings.Document) { // 2
			d.Sync.ProviderID = settings.Ref{ID: "HYG1"}
			d.Notes.Enabled[driver.IncomingCall] = false
			d.Payments.Types[driver.ChannelOnline] = settings.Ref{ID: "0403"}
		})
		// What the first revision names is not there any more.
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		require.NoError(t, b.pms.RemoveOption(driver.PaymentTypes, "0402"))
		b.pms.SetInfo(func(i *driver.Info) {
			f := i.Feeds[driver.PatientFeed]
			f.MinInterval = time.Minute
			i.Feeds[driver.PatientFeed] = f
			i.Ops[driver.OpDocument] = driver.OpInfo{Support: driver.No("The licence ended.")}
		})
		b.refresh()
		b.pass(time.Second)

		problems, err := b.p.RestoreSettings(ctx, 1, writeback.Save{Expect: 2, Actor: "dana"})
		require.NoError(t, err, "%v", problems)
		for path, code := range map[string]string{
			"sync.provider": settings.CodeProviderInactive, "payments.types.online": settings.CodeOptionUnknown,
			"intervals.new_patients": settings.CodeIntervalMinimum, "documents.account_statement": settings.CodeUnsupported,
		} {
			p, found := problemAt(problems, path)
			require.True(t, found, "%s in %v", path, problems)
			require.Equal(t, code, p.Code)
			require.Equal(t, settings.Warning, p.Severity)
		}
		doc, rev, err := b.p.Settings(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 3, rev)
		require.True(t, doc.Equal(first))
		history, err := b.p.SettingsHistory(ctx, 1)
		require.NoError(t, err)
		require.Equal(t, "restored revision 1", history[0].Reason)
		require.Equal(t, "dana", history[0].Actor)
		require.NotEmpty(t, history[0].Changes)
		require.Contains(t, b.practiceLog(), "settings_saved: revision 3, restored from revision 1")

		// What needs it is held until it is mended.
		b.must(b.p.WriteNote(ctx, b.note("note")))
		b.requireState("note", writeback.Held)
		require.NoError(t, b.pms.SetProviderActive("DOC1", true))
		b.refresh()
		b.pass(time.Minute)
		b.requireState("note", writeback.Written)

		// The other one, with words of one's own.
		_, err = b.p.RestoreSettings(ctx, 2, writeback.Save{Expect: 3, Actor: "kim", Reason: "the first was a mistake"})
		require.NoError(t, err)
		history, err = b.p.SettingsHistory(ctx, 1)
		require.NoError(t, err)
		require.Equal(t, "the first was a mistake", history[0].Reason)
		require.EqualValues(t, 4, history[0].Number)
	})
}

func TestRestoreIsComparedAndSet(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	ctx := t.Context()
	b.save(nil)
	b.save(func(d *settings.Document) { d.Payments.Auto = false })
	for name, tc := range map[string]struct {
		number int64
		save   writeback.Save
		want   error
		words  string
	}{
		"stale":          {1, writeback.Save{Expect: 1, Actor: "dana"}, writeback.ErrStale, "revision 1 is not the latest"},
		"from nothing":   {1, writeback.Save{Actor: "dana"}, writeback.ErrStale, "revision 0 is not the latest"},
		"ahead":          {1, writeback.Save{Expect: 9, Actor: "dana"}, writeback.ErrStale, "revision 9 is not the latest"},
		"no such":        {3, writeback.Save{Expect: 2, Actor: "dana"}, writeback.ErrNotFound, "settings revision 3"},
		"no actor":       {1, writeback.Save{Expect: 2}, writeback.ErrInvalid, "restore settings: actor: is empty"},
		"no revision":    {0, writeback.Save{Expect: 2, Actor: "dana"}, writeback.ErrInvalid, "restore settings: number"},
		"an endless why": {1, writeback.Save{Expect: 2, Actor: "dana", Reason: strings.Repeat("why ", 999)}, writeback.ErrInvalid, "restore settings: reason"},
		"not text":       {1, writeback.Save{Expect: 2, Actor: "dana", Reason: "\xff"}, writeback.ErrInvalid, "restore settings: reason: is not UTF-8"},
	} {
		_, err := b.p.RestoreSettings(ctx, tc.number, tc.save)
		require.ErrorIs(t, err, tc.want, name)
		require.ErrorContains(t, err, tc.words, name)
	}
	_, rev, err := b.p.Settings(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 2, rev, "nothing was saved")
}

// A revision of an older library may break a rule that is newer.
func TestRulesWithinADocumentHoldForARestoreToo(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	ctx := t.Context()
	doc := chosen()
	doc.Statuses.UnconfirmedTarget = doc.Statuses.ConfirmedTarget
	data, err := doc.Marshal()
	require.NoError(t, err)
	old := writeback.Change{Practice: practiceID, Save: &writeback.Revision{Document: data, Actor: "old"}}
	require.NoError(t, b.store.Apply(ctx, []writeback.Change{old})[0])
	b.save(func(d *settings.Document) { d.Statuses.UnconfirmedTarget = settings.Ref{ID: "0301"} })
	problems, err := b.p.RestoreSettings(ctx, 1, writeback.Save{Expect: 2, Actor: "dana"})
	require.ErrorIs(t, err, writeback.ErrProblems)
	_, found := problemAt(problems, "statuses.unconfirmed_target")
	require.True(t, found)
}

// A text that was pasted before the PMS was ever reached, and that turns out to
// fit nothing or too much, stops nothing else.
func TestPastedTextThatWasSavedUnreadNeverBlocksAnotherChange(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]string{
		"DD": settings.CodeOptionAmbiguous, "nobody": settings.CodeProviderUnknown, "RT": settings.CodeProviderInactive,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				ctx := t.Context()
				b.pms.AddProvider(driver.Option{Label: "Dr. Dee Dee", Aliases: []string{"DD"}, Active: true})
				doc := chosen()
				doc.Sync.ProviderID = settings.Ref{ID: text}
				_, err := b.p.SaveSettings(ctx, doc, writeback.Save{Actor: "dana"})
				require.NoError(t, err)
				b.start()
				defer b.stopped()
				b.pass(time.Second)
				doc, _, err = b.p.Settings(ctx)
				require.NoError(t, err)
				doc.Notes.Enabled[driver.MissedCall] = false
				problems, err := b.p.SaveSettings(ctx, doc, writeback.Save{Expect: 1, Actor: "dana"})
				require.NoError(t, err, "%v", problems)
				p, found := problemAt(problems, "sync.provider")
				require.True(t, found)
				require.Equal(t, code, p.Code)
				problems, err = b.p.RestoreSettings(ctx, 1, writeback.Save{Expect: 2, Actor: "dana"})
				require.NoError(t, err, "%v", problems)
			})
		})
	}
}

// practiceLog gives the audit log's rows about the practice, as "name: detail".
func (b *bed) practiceLog() []string {
	b.t.Helper()
	rows, err := b.store.Events(context.Background(), practiceID, 0, 10_000)
	require.NoError(b.t, err)
	log := []string{}
	for _, e := range rows {
		if e.Item == "" {
			log = append(log, e.Name+": "+e.Detail)
		}
	}
	return log
}

func TestHistoryCallsFieldsAsTheHostsStaffDo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.save(func(d *settings.Document) { d.Statuses.UnconfirmedTarget = settings.Ref{} })
		changes, err := b.p.SettingsDiff(t.Context(), 1, 2)
		require.NoError(t, err)
		require.Len(t, changes, 1)
		require.Equal(t, "Unconfirmed in Acme", changes[0].Label)
		history, err := b.p.SettingsHistory(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, changes, history[0].Changes)
	})
}
