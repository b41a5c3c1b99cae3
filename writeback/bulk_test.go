package writeback_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// failed submits notes and makes them failed; no engine runs.
func (b *bed) failed(n int) (ids []string) {
	b.t.Helper()
	for i := range n {
		it := b.must(b.p.WriteNote(b.t.Context(), b.note(fmt.Sprint("failed-", i))))
		b.put(it.ID, func(r *writeback.Record) {
			r.State, r.Reason, r.Active, r.Blocking = writeback.Failed, driver.ReasonTextRefused, false, false
		})
		ids = append(ids, it.ID)
	}
	return ids
}

func (b *bed) bulk(bulk writeback.Bulk) writeback.BulkResult {
	b.t.Helper()
	res, err := b.p.Bulk(b.t.Context(), bulk)
	require.NoError(b.t, err)
	return res
}

var isFailed = writeback.ItemQuery{States: []writeback.State{writeback.Failed}}

func TestBulkNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.failed(2)
	good := writeback.Bulk{Action: writeback.ActionDismiss, Query: isFailed, Actor: "dana"}
	fill := writeback.Bulk{Action: writeback.ActionBackfill, Query: writeback.ItemQuery{MaxAge: time.Hour}, Actor: "dana", Max: 10}
	for _, tc := range []struct {
		field  string
		from   writeback.Bulk
		change func(*writeback.Bulk)
	}{
		{"action", good, func(b *writeback.Bulk) { b.Action = "" }},
		{"action", good, func(b *writeback.Bulk) { b.Action = writeback.ActionTransfer }},
		{"action", good, func(b *writeback.Bulk) { b.Action = secret }},
		{"actor", good, func(b *writeback.Bulk) { b.Actor = "" }},
		{"actor", good, func(b *writeback.Bulk) { b.Actor = secret + "\n" }},
		{"reason", good, func(b *writeback.Bulk) { b.Reason = strings.Repeat(secret, 1000) }},
		{"max", good, func(b *writeback.Bulk) { b.Max = -1 }},
		{"max", good, func(b *writeback.Bulk) { b.Max = 10_001 }},
		{"query.states", good, func(b *writeback.Bulk) { b.Query.States = nil }},
		{"query.states", good, func(b *writeback.Bulk) { b.Query.States = []writeback.State{secret} }},
		{"query.states", good, func(b *writeback.Bulk) {
			b.Action, b.Query.States = writeback.ActionRetry, []writeback.State{writeback.Skipped}
		}},
		{"query.kinds", good, func(b *writeback.Bulk) { b.Query.Kinds = []writeback.ItemKind{secret} }},
		{"query.reasons", good, func(b *writeback.Bulk) { b.Query.Reasons = []driver.Reason{secret + " "} }},
		{"query.min_age", good, func(b *writeback.Bulk) { b.Query.MinAge = -1 }},
		{"query.max_age", good, func(b *writeback.Bulk) { b.Query.MinAge, b.Query.MaxAge = 2, 1 }},
		{"query.newest", good, func(b *writeback.Bulk) { b.Query.Newest = true }},
		{"query.limit", good, func(b *writeback.Bulk) { b.Query.Limit = 5 }},
		{"query.after", good, func(b *writeback.Bulk) { b.Query.After = -1 }},
		{"max", fill, func(b *writeback.Bulk) { b.Max = 0 }},
		{"query.max_age", fill, func(b *writeback.Bulk) { b.Query.MaxAge = 0 }},
		{"query.states", fill, func(b *writeback.Bulk) { b.Query.States = []writeback.State{writeback.Failed} }},
		{"query.kinds", fill, func(b *writeback.Bulk) { b.Query.Kinds = []writeback.ItemKind{writeback.KindPayment} }},
		{"query.kinds", fill, func(b *writeback.Bulk) { b.Query.Kinds = []writeback.ItemKind{writeback.KindRefund} }},
	} {
		bad := tc.from
		tc.change(&bad)
		res, err := b.p.Bulk(t.Context(), bad)
		var input *writeback.InputError
		require.ErrorAs(t, err, &input, "%s: %+v", tc.field, bad)
		require.Len(t, input.Fields, 1)
		require.Equal(t, tc.field, input.Fields[0].Field)
		require.NotContains(t, err.Error(), secret)
		require.Zero(t, res.Done)
	}
	items, err := b.p.Items(t.Context(), isFailed)
	require.NoError(t, err)
	require.Len(t, items, 2, "nothing was done")
}

func TestBulkGoesOnWhereItEndedAndHasARowForEach(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.save(nil)
	ctx := t.Context()
	ids := b.failed(23)
	bulk := writeback.Bulk{Action: writeback.ActionDismiss, Query: isFailed, Actor: "dana", Reason: "old news", Max: 10, DryRun: true}

	dry := b.bulk(bulk)
	require.Equal(t, 10, dry.Done)
	require.Equal(t, ids[:10], dry.Items)
	require.True(t, dry.More)
	for _, id := range ids {
		it, err := b.p.Item(ctx, id)
		require.NoError(t, err)
		require.Equal(t, writeback.Failed, it.State, "a dry run changes nothing")
	}
	bulk.DryRun = false
	var done []string
	for i, want := range []int{10, 10, 3} {
		res := b.bulk(bulk)
		require.Equal(t, want, res.Done)
		require.Equal(t, map[writeback.State]int{writeback.Dismissed: want}, res.States)
		require.Equal(t, i < 2, res.More)
		done = append(done, res.Items...)
	}
	require.Equal(t, ids, done)
	last := b.bulk(bulk)
	require.Equal(t, writeback.BulkResult{}, last)
	for _, id := range ids {
		events, err := b.p.ItemEvents(ctx, id)
		require.NoError(t, err)
		row := events[len(events)-1]
		require.Equal(t, writeback.EventDismissed, row.Name)
		require.Equal(t, writeback.Failed, row.From)
		require.Equal(t, writeback.Dismissed, row.To)
		require.Equal(t, "dana", row.Actor)
		require.Equal(t, "old news", row.Detail)
	}
}

func TestBulkSelectsByEveryFieldOfTheQuery(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.save(nil)
	ids := b.failed(6)
	b.put(ids[1], func(r *writeback.Record) { r.Reason = driver.ReasonInvalid })
	b.put(ids[2], func(r *writeback.Record) { r.Cause = "cause" })
	b.put(ids[3], func(r *writeback.Record) { r.Patient = "77" })
	b.put(ids[4], func(r *writeback.Record) { r.State = writeback.Conflict })
	pay := b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
	b.put(pay.ID, func(r *writeback.Record) { r.State = writeback.Failed })
	for _, tc := range []struct {
		change func(*writeback.ItemQuery)
		want   []string
	}{
		{func(q *writeback.ItemQuery) { q.Reasons = []driver.Reason{driver.ReasonInvalid} }, ids[1:2]},
		{func(q *writeback.ItemQuery) { q.Cause = "cause" }, ids[2:3]},
		{func(q *writeback.ItemQuery) { q.Patient = "77" }, ids[3:4]},
		{func(q *writeback.ItemQuery) { q.States = []writeback.State{writeback.Conflict} }, ids[4:5]},
		{func(q *writeback.ItemQuery) { q.Kinds = []writeback.ItemKind{writeback.KindPayment} }, []string{pay.ID}},
		{func(q *writeback.ItemQuery) { q.MinAge = time.Hour }, nil},
		{func(q *writeback.ItemQuery) { q.MinIdle = time.Hour }, nil},
	} {
		q := writeback.ItemQuery{States: []writeback.State{writeback.Failed}}
		tc.change(&q)
		require.Equal(t, tc.want, b.bulk(writeback.Bulk{Action: writeback.ActionDismiss, Query: q, Actor: "dana"}).Items)
	}
	b.requireState("failed-0", writeback.Failed)
	b.requireState("failed-5", writeback.Failed)
	// Written and dismissed ones are not for anybody to decide about.
	res := b.bulk(writeback.Bulk{Action: writeback.ActionDismiss, Query: writeback.ItemQuery{States: writeback.States()}, Actor: "dana"})
	require.Equal(t, 2, res.Done)
	require.Equal(t, 5, res.NotAllowed)
	require.False(t, res.More)
}

// A crash or a full disk half way: what was done is done, and calling again does
// the rest.
func TestBulkThatIsCutShortIsFinishedByCallingAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	store := &leaky{Store: b.store}
	b.engine(func(c *writeback.Config) { c.Store = store })
	b.save(nil)
	ids := b.failed(9)
	store.fail(func(c writeback.Change) bool {
		return len(c.Items) > 0 && slices.Contains(ids[4:], c.Items[0].Record.ID)
	})
	bulk := writeback.Bulk{Action: writeback.ActionDismiss, Query: isFailed, Actor: "dana"}
	res, err := b.p.Bulk(t.Context(), bulk)
	require.ErrorIs(t, err, errLeaky)
	require.Equal(t, ids[:4], res.Items, "it is told what was done")
	for i := range 9 {
		want := writeback.Dismissed
		if i >= 4 {
			want = writeback.Failed
		}
		b.requireState(fmt.Sprint("failed-", i), want)
	}
	store.fail(nil)
	bulk.Query.After = res.After
	res = b.bulk(bulk)
	require.Equal(t, ids[4:], res.Items)
	for _, id := range ids {
		events, err := b.p.ItemEvents(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, events, 2, "submitted and dismissed, once each")
	}
}

// meddler is a store in which somebody moves items between a look and a change.
type meddler struct {
	writeback.Store
	meddle func()
}

func (m *meddler) Items(ctx context.Context, q writeback.ItemQuery) ([]writeback.Record, error) {
	records, err := m.Store.Items(ctx, q)
	if m.meddle != nil && len(records) > 0 {
		m.meddle()
		m.meddle = nil
	}
	return records, err
}

func TestBulkLeavesWhatSomebodyMovedMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	store := &meddler{Store: b.store}
	b.engine(func(c *writeback.Config) { c.Store = store })
	b.save(nil)
	ids := b.failed(5)
	store.meddle = func() {
		b.put(ids[1], func(r *writeback.Record) { r.State = writeback.Queued })  // retried by somebody
		b.put(ids[2], func(r *writeback.Record) { r.State = writeback.Written }) // posted by hand
		b.put(ids[3], func(r *writeback.Record) { r.Attempts++ })                // still what was meant
	}
	res := b.bulk(writeback.Bulk{Action: writeback.ActionDismiss, Query: isFailed, Actor: "dana"})
	require.Equal(t, 3, res.Done)
	require.ElementsMatch(t, []string{ids[0], ids[3], ids[4]}, res.Items)
	require.Equal(t, 2, res.Changed)
	require.False(t, res.More)
	b.requireState("failed-1", writeback.Queued)
	b.requireState("failed-2", writeback.Written)
}

// A person who retries many has not looked for each: what cannot be found out is
// not sent again, and nobody is overruled.
func TestBulkRetryOfPaymentsDoublesNone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		appointment := b.appointment(48 * time.Hour)
		b.save(func(d *settings.Document) { d.Intervals.AppointmentStatus = settings.Never() })
		b.pass(3 * time.Minute)
		basis := got(b.host, func() string { return b.host.appointments[0].Basis })
		blind := b.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ReasonUnsupported})
		lost := func(key string, effect memdriver.Effect) {
			b.pms.Fail(memdriver.Fault{On: "write payment", Times: 1, Effect: effect, Err: driver.ErrUnknownOutcome})
			b.must(b.p.PostPayment(ctx, b.payment(key)))
			b.pass(time.Second)
			b.requireState(key, writeback.Uncertain)
		}
		lost("there", memdriver.After)
		lost("not there", memdriver.Before)
		b.pms.Fail(memdriver.Fault{On: "write payment", Times: 1, Err: driver.ReasonPeriodClosed})
		b.must(b.p.PostPayment(ctx, b.payment("failed")))
		b.pms.Fail(memdriver.Fault{On: "write status", Times: 1, Err: driver.ErrConflict})
		b.must(b.p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{Key: "status", Appointment: appointment, Confirmed: true, Basis: basis}))
		b.pass(20 * time.Minute)
		b.requireState("failed", writeback.Failed)
		b.requireState("status", writeback.Conflict)
		require.Equal(t, writeback.ReasonOutcomeUnknown, b.requireState("not there", writeback.Uncertain).Reason)
		require.NoError(t, b.pms.SetStatus(appointment, "0303")) // what staff want

		bulk := writeback.Bulk{Action: writeback.ActionRetry, Actor: "dana", Query: writeback.ItemQuery{
			States: []writeback.State{writeback.Uncertain, writeback.Failed, writeback.Conflict},
		}}
		require.Equal(t, 4, b.bulk(bulk).Done)
		b.pass(10 * time.Minute)
		b.requireState("failed", writeback.Written)
		b.requireState("status", writeback.Conflict)
		b.requireState("there", writeback.Uncertain)
		b.requireState("not there", writeback.Uncertain)
		require.Len(t, b.pms.Payments(), 2, "one that is there unknown, one that had failed")

		// As soon as the PMS can tell, it is looked for, and the rest is sent.
		blind.Clear()
		bulk.Query.States = []writeback.State{writeback.Uncertain}
		require.Equal(t, 2, b.bulk(bulk).Done)
		b.pass(10 * time.Minute)
		b.requireState("there", writeback.Written)
		b.requireState("not there", writeback.Written)
		require.Len(t, b.pms.Payments(), 3)
		a, _ := b.pms.Appointment(appointment)
		require.Equal(t, "0303", a.Status)
	})
}

func TestOnePersonsWordCountsForOneItemOnly(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		b.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ReasonUnsupported})
		b.pms.Fail(memdriver.Fault{On: "write payment", Times: 1, Effect: memdriver.Before, Err: driver.ErrUnknownOutcome})
		it := b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.pass(20 * time.Minute)
		res := b.bulk(writeback.Bulk{Action: writeback.ActionRetry, Actor: "dana", Query: writeback.ItemQuery{States: []writeback.State{writeback.Uncertain}}})
		require.Equal(t, 1, res.Done)
		b.pass(20 * time.Minute)
		b.requireState("pay", writeback.Uncertain)
		require.Empty(t, b.pms.Payments())
		b.must(b.p.Retry(t.Context(), it.ID, "dana"))
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
		require.Len(t, b.pms.Payments(), 1)
	})
}

func TestBackfillWritesWhatWasSkippedOnceAndInOrder(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		on := func(on bool, kinds ...driver.NoteKind) {
			b.save(func(d *settings.Document) {
				for _, k := range kinds {
					d.Notes.Enabled[k] = on
				}
				if !on {
					d.Documents.AccountStatement, d.Statuses.ConfirmedTarget = settings.Ref{}, settings.Ref{}
				}
			})
		}
		on(false, driver.IncomingCall, driver.MissedCall, driver.TaskNote)
		b.pass(time.Second)
		b.must(b.p.WriteNote(ctx, b.note("too old")))
		b.pass(2 * time.Hour)
		missed, lost, held := b.note("missed"), b.note("lost"), b.note("held")
		missed.Kind, held.Kind = driver.MissedCall, driver.TaskNote
		lost.Patient = nobody
		b.must(b.p.WriteNote(ctx, missed))
		b.must(b.p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{Key: "status", Appointment: b.appointment(90 * time.Hour), Confirmed: true}))
		var keys []string
		for i := range 12 {
			n := b.note(fmt.Sprintf("note-%02d", i))
			n.Body = writeback.Text(n.Key)
			b.must(b.p.WriteNote(ctx, n))
			keys = append(keys, n.Key)
		}
		b.must(b.p.WriteNote(ctx, lost))
		b.must(b.p.WriteNote(ctx, held))
		b.must(b.p.WriteDocument(ctx, b.document("document")))
		b.must(b.p.PostPayment(ctx, b.payment("payment")))

		// Turning kinds on writes nothing by itself.
		on(true, driver.IncomingCall, driver.TaskNote)
		b.save(func(d *settings.Document) {
			d.Documents.AccountStatement, d.Statuses.ConfirmedTarget = settings.Ref{ID: "0202"}, settings.Ref{ID: "0302"}
		})
		b.pass(time.Hour - time.Minute)
		require.Empty(t, b.pms.Notes())
		bulk := writeback.Bulk{Action: writeback.ActionBackfill, Query: writeback.ItemQuery{MaxAge: time.Hour}, Actor: "dana", Reason: "asked by Dr. One", Max: 5}
		var done []string
		off := 0
		for calls := 1; ; calls++ {
			res := b.bulk(bulk)
			require.LessOrEqual(t, res.Done, 5)
			done, off = append(done, res.Items...), off+res.Off
			if !res.More {
				break
			}
			require.Less(t, calls, 10)
			bulk.Query.After = res.After
		}
		require.Equal(t, 15, len(done), "twelve, two, and the document")
		require.Equal(t, 1, off, "the missed call")
		b.pass(time.Minute)
		var written []string
		for _, n := range b.pms.Notes() {
			for _, key := range keys {
				if strings.Contains(n.Body.Reveal(), key+"\n") {
					written = append(written, key)
				}
			}
		}
		require.Equal(t, keys, written, "once each, in the order of their submission")
		require.Len(t, b.pms.Notes(), 13)
		b.requireState("held", writeback.Written)
		b.requireState("document", writeback.Written)
		b.requireState("lost", writeback.NeedsPatient)
		b.requireState("missed", writeback.Skipped)
		b.requireState("status", writeback.Skipped) // only when its kind is named
		b.requireState("too old", writeback.Skipped)
		events, err := b.p.ItemEvents(ctx, b.item("note-00").ID)
		require.NoError(t, err)
		require.Equal(t, writeback.EventBackfilled, events[1].Name)
		require.Equal(t, "dana", events[1].Actor)
		require.Equal(t, "asked by Dr. One", events[1].Detail)

		// Asked for again, and by two at once, it is written once all the same.
		bulk.Query = writeback.ItemQuery{MaxAge: 12 * time.Hour}
		results := make(chan writeback.BulkResult)
		for range 2 {
			go func() { results <- b.bulk(bulk) }()
		}
		require.Equal(t, 1, (<-results).Done+(<-results).Done, "only what was too old before")
		b.pass(time.Minute)
		require.Len(t, b.pms.Notes(), 14)
		require.Len(t, b.pms.Payments(), 1)
	})
}

func TestBackfilledItemsAreDecidedAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false })
		b.pass(time.Second)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = true })
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		b.refresh()
		b.pass(time.Second)
		bulk := writeback.Bulk{Action: writeback.ActionBackfill, Query: writeback.ItemQuery{MaxAge: time.Hour}, Actor: "dana", Max: 5, DryRun: true}
		require.Equal(t, map[writeback.State]int{writeback.Held: 1}, b.bulk(bulk).States)
		bulk.DryRun = false
		require.Equal(t, map[writeback.State]int{writeback.Held: 1}, b.bulk(bulk).States)
		require.Equal(t, driver.ReasonProviderInactive, b.requireState("note", writeback.Held).Reason)
		require.NoError(t, b.pms.SetProviderActive("DOC1", true))
		b.pass(20 * time.Minute)
		b.requireState("note", writeback.Written)
	})
}

// What the practice chose not to write is not kept for ever; and what was
// deleted is not there to be written.
func TestSkippedContentIsDeletedInTimeAndThenNobodyCanWriteIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *writeback.Config) { c.KeepContent = 24 * time.Hour })
		b.start()
		b.save(func(d *settings.Document) {
			quiet(d)
			d.Notes.Enabled[driver.IncomingCall] = false
			d.Documents.AccountStatement = settings.Ref{}
		})
		ctx := t.Context()
		b.pms.SetOffline(true)
		planned := b.note("planned")
		planned.Kind, planned.Body = driver.TaskNote, writeback.Text(secret)
		n, d := b.note("note"), b.document("document")
		n.Body, d.Title = writeback.Text(secret), writeback.Text(secret)
		for _, it := range []writeback.Item{b.must(b.p.WriteNote(ctx, n)), b.must(b.p.WriteDocument(ctx, d)), b.must(b.p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{Key: "status", Appointment: "77", Confirmed: true}))} {
			require.NotEmpty(t, it.Actions)
		}
		b.pms.SetOffline(false)
		b.pms.Fail(memdriver.Fault{On: "write note", Times: 2, Err: driver.ErrUnavailable})
		b.must(b.p.WriteNote(ctx, planned))
		b.pass(time.Second)
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.TaskNote] = false })
		b.pass(time.Second)
		b.requireState("planned", writeback.Skipped)
		b.requireState("note", writeback.Skipped)
		b.pass(23 * time.Hour)
		kept := &sieve{}
		stored(b, kept)
		require.Contains(t, kept.String(), secret, "until then it can be backfilled")
		b.pass(2 * time.Hour)
		kept = &sieve{}
		stored(b, kept)
		require.NotContains(t, kept.String(), secret)
		require.NotContains(t, kept.String(), "%PDF")

		b.save(func(d *settings.Document) {
			d.Notes.Enabled[driver.IncomingCall], d.Notes.Enabled[driver.TaskNote] = true, true
			d.Documents.AccountStatement = settings.Ref{ID: "0202"}
		})
		b.pass(2 * time.Hour)
		for _, key := range []string{"note", "document", "planned"} {
			it := b.requireState(key, writeback.Skipped)
			require.Equal(t, []writeback.ActionName{writeback.ActionDismiss}, it.Actions)
			for name, act := range acts {
				if name == writeback.EventDismissed {
					continue
				}
				_, err := act(ctx, b, it.ID)
				require.ErrorIs(t, err, writeback.ErrNotAllowed, name)
			}
			_, err := b.p.Retry(ctx, it.ID, "dana")
			require.ErrorContains(t, err, "KeepContent")
		}
		res := b.bulk(writeback.Bulk{Action: writeback.ActionBackfill, Query: writeback.ItemQuery{MaxAge: 1000 * time.Hour}, Actor: "dana", Max: 10})
		require.Zero(t, res.Done)
		require.Equal(t, 3, res.NotAllowed)
		n.Body = writeback.Text("other")
		require.ErrorIs(t, second(b.p.WriteNote(ctx, n)), writeback.ErrKeyReused, "its hash is kept")
		b.must(b.p.Dismiss(ctx, b.item("note").ID, "dana", ""))
		require.Empty(t, b.pms.Notes())
		b.stopped()
	})
}
