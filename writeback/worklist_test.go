package writeback_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// put changes a stored item as the engine might have.
func (b *bed) put(id string, change func(*writeback.Record)) {
	b.t.Helper()
	r, err := b.store.Item(b.t.Context(), practiceID, id)
	require.NoError(b.t, err)
	change(&r)
	errs := b.store.Apply(b.t.Context(), []writeback.Change{{Practice: practiceID, Items: []writeback.ItemWrite{{Record: r, Expect: r.Version}}}})
	require.NoError(b.t, errs[0])
}

// actsByName are the actions by their public names.
var actsByName = map[writeback.ActionName]string{
	writeback.ActionRetry: writeback.EventRetried, writeback.ActionDismiss: writeback.EventDismissed, writeback.ActionTransfer: writeback.EventTransferred,
	writeback.ActionAssign: writeback.EventAssigned, writeback.ActionMarkPosted: writeback.EventMarkedPosted,
}

// Every action in every state: it is offered exactly when it is allowed, needs
// an actor, and leaves a row in the audit log with them, or nothing at all.
func TestActionsAreOfferedAsTheyAreAllowedAndEachHasARow(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.save(nil)
	ctx := t.Context()
	tried := map[bool]int{}
	for kind, submit := range everyKind(b, time.Now(), "") {
		it := b.must(submit(ctx, b.p))
		for _, state := range writeback.States() {
			for name, event := range actsByName {
				b.put(it.ID, func(r *writeback.Record) { r.State, r.Reason, r.Cause = state, "", "" })
				offered := b.item(it.Key).Actions
				before, err := b.p.ItemEvents(ctx, it.ID)
				require.NoError(t, err)
				for _, nobody := range []func() error{
					func() error { return second(b.p.Retry(ctx, it.ID, "")) }, func() error { return second(b.p.Dismiss(ctx, it.ID, "", "x")) },
					func() error { return second(b.p.Transfer(ctx, it.ID, "")) }, func() error { return second(b.p.Assign(ctx, it.ID, b.patient, "")) },
					func() error { return second(b.p.MarkPosted(ctx, it.ID, "", "x")) },
				} {
					require.ErrorIs(t, nobody(), writeback.ErrInvalid)
				}
				_, err = acts[event](ctx, b, it.ID)
				require.Equal(t, slices.Contains(offered, name), err == nil, "%s of a %s that is %s: offered %v, got %v", name, kind, state, offered, err)
				tried[err == nil]++
				after, rowsErr := b.p.ItemEvents(ctx, it.ID)
				require.NoError(t, rowsErr)
				if err != nil {
					require.ErrorIs(t, err, writeback.ErrNotAllowed)
					require.Equal(t, before, after)
					continue
				}
				require.Len(t, after, len(before)+1)
				row := after[len(before)]
				require.Equal(t, event, row.Name)
				require.Equal(t, "dana", row.Actor)
				require.Equal(t, state, row.From)
			}
		}
	}
	require.Greater(t, tried[true], 100)
	require.Greater(t, tried[false], 150)
}

func TestWorkListGroupsWhatWaitsForSomebodyOrAMend(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.save(nil)
	ctx := t.Context()
	states := map[string]func(*writeback.Record){
		"held-1": func(r *writeback.Record) {
			r.State, r.Reason, r.Cause = writeback.Held, driver.ReasonProviderInactive, "provider_inactive:DOC1"
		},
		"held-2": func(r *writeback.Record) {
			r.State, r.Reason, r.Cause = writeback.Held, driver.ReasonProviderInactive, "provider_inactive:DOC1"
		},
		"held-3": func(r *writeback.Record) {
			r.State, r.Reason, r.Cause = writeback.Held, driver.ReasonOptionUnknown, "option_unknown:note_types:9"
		},
		"patient": func(r *writeback.Record) { r.State, r.Reason = writeback.NeedsPatient, writeback.ReasonNoPatient },
		"failed":  func(r *writeback.Record) { r.State, r.Reason = writeback.Failed, driver.ReasonTextRefused },
		"failed for a cause": func(r *writeback.Record) {
			r.State, r.Reason, r.Cause = writeback.Failed, driver.ReasonTextRefused, "some cause"
		},
		"conflict":   func(r *writeback.Record) { r.State, r.Reason = writeback.Conflict, writeback.ReasonStaffChanged },
		"transfer":   func(r *writeback.Record) { r.State, r.Reason = writeback.AwaitingTransfer, writeback.ReasonAutoOff },
		"partial":    func(r *writeback.Record) { r.State, r.Reason = writeback.PartiallyPosted, driver.ReasonAmountInvalid },
		"going on":   func(r *writeback.Record) { r.State = writeback.PartiallyPosted },
		"queued":     func(r *writeback.Record) { r.State = writeback.Queued },
		"unreadable": func(r *writeback.Record) { r.Reason, r.Cause = writeback.ReasonUnreadable, "unreadable" },
		"looking":    func(r *writeback.Record) { r.State = writeback.Uncertain },
		"gave up": func(r *writeback.Record) {
			r.State, r.Reason, r.Cause = writeback.Uncertain, writeback.ReasonOutcomeUnknown, "outcome_unknown:note"
		},
		"skipped": func(r *writeback.Record) {
			r.State, r.Reason, r.Cause = writeback.Skipped, writeback.ReasonDisabled, "disabled:x"
		},
		"written": func(r *writeback.Record) { r.State = writeback.Written },
		"expired": func(r *writeback.Record) { r.State, r.Reason = writeback.Expired, writeback.ReasonNoteExpired },
	}
	for key, change := range states {
		b.put(b.must(b.p.WriteNote(ctx, b.note(key))).ID, change)
	}
	list, err := b.p.WorkList(ctx, writeback.WorkQuery{})
	require.NoError(t, err)
	var keys []string
	for i, g := range list {
		require.NotEmpty(t, g.Words, "%+v", g)
		require.NotEmpty(t, g.NextStep, "%+v", g)
		require.False(t, g.Oldest.IsZero())
		if i > 0 {
			require.False(t, g.Oldest.Before(list[i-1].Oldest), "the longest waiting first")
		}
		rows, err := b.p.Items(ctx, g.Items())
		require.NoError(t, err)
		require.Len(t, rows, g.Count)
		for _, it := range rows {
			keys = append(keys, it.Key)
			require.Equal(t, g.Reason, it.Reason)
			require.Equal(t, g.Cause, it.Cause)
			require.False(t, g.Oldest.After(it.CreatedAt))
		}
	}
	require.ElementsMatch(t, []string{"held-1", "held-2", "held-3", "patient", "failed", "failed for a cause", "conflict", "transfer", "partial", "unreadable", "gave up"}, keys)
	require.Len(t, list, 10, "one cause is one group")

	for _, tc := range []struct {
		q    writeback.WorkQuery
		want int
	}{
		{writeback.WorkQuery{States: []writeback.State{writeback.Held}}, 3},
		{writeback.WorkQuery{States: []writeback.State{writeback.Written, writeback.Skipped}}, 2},
		{writeback.WorkQuery{Reasons: []driver.Reason{driver.ReasonProviderInactive}}, 2},
		{writeback.WorkQuery{Cause: "option_unknown:note_types:9"}, 1},
		{writeback.WorkQuery{Kinds: []writeback.ItemKind{writeback.KindPayment}}, 0},
		{writeback.WorkQuery{Kinds: []writeback.ItemKind{writeback.KindNote}, States: []writeback.State{writeback.Failed}}, 2},
	} {
		groups, err := b.p.WorkList(ctx, tc.q)
		require.NoError(t, err)
		count := 0
		for _, g := range groups {
			count += g.Count
		}
		require.Equal(t, tc.want, count, "%+v", tc.q)
	}
}

func TestItemsSelectByPatientAndTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.MissedCall] = false })
		ctx := t.Context()
		b.must(b.p.WriteNote(ctx, b.note("early")))
		skipped := b.note("skipped")
		skipped.Kind = driver.MissedCall
		it := b.must(b.p.WriteNote(ctx, skipped))
		b.pass(2 * time.Hour)
		late := b.note("late")
		late.Patient = writeback.PatientID(b.pms.AddPatient(driver.Patient{FirstName: writeback.Text("Other")}))
		b.must(b.p.WriteNote(ctx, late))
		b.must(b.p.Dismiss(ctx, it.ID, "dana", ""))
		b.pass(time.Minute)
		for _, tc := range []struct {
			q    writeback.ItemQuery
			want []string
		}{
			{writeback.ItemQuery{}, []string{"early", "skipped", "late"}},
			{writeback.ItemQuery{Newest: true, Limit: 2}, []string{"late", "skipped"}},
			{writeback.ItemQuery{Patient: b.patient}, []string{"early", "skipped"}},
			{writeback.ItemQuery{MinAge: time.Hour}, []string{"early", "skipped"}},
			{writeback.ItemQuery{MaxAge: time.Hour}, []string{"late"}},
			{writeback.ItemQuery{MaxIdle: time.Hour}, []string{"skipped", "late"}},
			{writeback.ItemQuery{MinIdle: time.Hour}, []string{"early"}},
		} {
			items, err := b.p.Items(ctx, tc.q)
			require.NoError(t, err)
			var keys []string
			for _, it := range items {
				keys = append(keys, it.Key)
			}
			require.Equal(t, tc.want, keys, "%+v", tc.q)
		}
	})
}

func TestAbsurdQueriesAreRefused(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	for field, q := range map[string]writeback.ItemQuery{
		"limit: ": {Limit: -1}, "limit: must": {Limit: 10_001}, "after": {After: -5}, "min_age": {MinAge: -time.Hour}, "max_age": {MaxAge: -time.Hour},
		"max_age: is less": {MinAge: 2 * time.Hour, MaxAge: time.Hour}, "min_idle": {MinIdle: -1}, "max_idle": {MaxIdle: -1},
		"states": {States: []writeback.State{secret}}, "kinds": {Kinds: []writeback.ItemKind{secret}}, "reasons": {Reasons: []driver.Reason{secret + " "}},
		"patient": {Patient: secret + "\n"}, "subject": {Subject: strings.Repeat(secret, 100)}, "cause": {Cause: strings.Repeat(secret, 1000)},
	} {
		_, err := b.p.Items(t.Context(), q)
		require.ErrorIs(t, err, writeback.ErrInvalid, field)
		require.ErrorContains(t, err, "writeback: items: "+field)
		require.NotContains(t, err.Error(), secret)
	}
	for field, q := range map[string]writeback.WorkQuery{
		"states": {States: []writeback.State{secret}}, "kinds": {Kinds: []writeback.ItemKind{secret}}, "reasons": {Reasons: []driver.Reason{secret + " "}},
		"cause": {Cause: strings.Repeat(secret, 1000)},
	} {
		_, err := b.p.WorkList(t.Context(), q)
		require.ErrorIs(t, err, writeback.ErrInvalid, field)
		require.ErrorContains(t, err, "writeback: work list: "+field)
	}
}
