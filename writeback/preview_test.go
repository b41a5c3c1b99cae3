package writeback_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// waitingRoom fills a practice with items that wait for all kinds of reasons,
// and takes its PMS off line.
func (b *bed) waitingRoom(before func(*settings.Document), pms func(*memdriver.PMS)) {
	t, ctx := b.t, b.t.Context()
	b.save(func(d *settings.Document) { d.Payments.Separate = true })
	b.pass(time.Second)
	paid := func(key string, channel driver.PaymentChannel, fee int64) {
		pay := b.payment(key)
		pay.Channel, pay.Fee = channel, driver.USD(fee)
		b.must(b.p.PostPayment(ctx, pay))
	}
	refund := func(of string) {
		b.must(b.p.Refund(ctx, writeback.Refund{Key: "refund of " + of, Payment: of, Amount: driver.USD(100), At: time.Now()}))
	}
	paid("posted", driver.ChannelOnline, 0)
	b.pms.Fail(memdriver.Fault{On: "write note", Times: 1, Err: driver.ReasonInvalid})
	b.must(b.p.WriteNote(ctx, b.note("failed")))
	b.pass(time.Second)

	// What other settings left behind.
	b.save(func(d *settings.Document) { d.Payments.Auto, d.Notes.Enabled[driver.IncomingCall] = false, false })
	paid("awaiting", driver.ChannelOnline, 0)
	b.must(b.p.WriteNote(ctx, b.note("skipped")))
	b.save(func(d *settings.Document) {
		d.Payments.Auto, d.Notes.Enabled[driver.IncomingCall] = true, true
		delete(d.Payments.Types, driver.ChannelInOffice)
	})

	// What the PMS refuses until something is mended, in part and whole.
	fee := func(cents int64) func(driver.Op) bool {
		return func(op driver.Op) bool { return op.(*driver.Payment).Amount == driver.USD(cents) }
	}
	b.pms.Fail(memdriver.Fault{On: "write payment", Match: fee(111), Err: driver.ReasonOptionInactive})
	paid("half", driver.ChannelOnline, 111)
	b.pms.Fail(memdriver.Fault{On: "write payment", Match: fee(222)})
	paid("on its way", driver.ChannelOnline, 222)
	refund("half")
	b.pms.Fail(memdriver.Fault{On: "write note", Err: driver.ReasonProviderInactive})
	b.must(b.p.WriteNote(ctx, b.note("refused")))
	b.pms.Fail(memdriver.Fault{On: "write document", Err: memdriver.Unauthorized(driver.ScopeOperation)})
	b.must(b.p.WriteDocument(ctx, b.document("closed")))
	nobody := b.note("nobody")
	nobody.Patient = writeback.PatientNamed("Grace", "Hopper", driver.Date{Year: 1906, Month: 12, Day: 9})
	b.must(b.p.WriteNote(ctx, nobody))
	b.pass(time.Second)
	if before != nil {
		b.save(before)
	}
	if pms != nil {
		pms(b.pms)
		b.refresh()
	}
	b.pass(time.Second)
	for key, state := range map[string]writeback.State{
		"posted": writeback.Written, "failed": writeback.Failed, "closed": writeback.Held, "nobody": writeback.NeedsPatient,
		"half": writeback.PartiallyPosted, "on its way": writeback.PartiallyPosted, "refused": writeback.Held, "refund of half": writeback.Held,
	} {
		b.requireState(key, state)
	}

	b.pms.SetOffline(true)
	for _, kind := range []driver.NoteKind{driver.IncomingCall, driver.MissedCall} {
		n := b.note("note " + string(kind))
		n.Kind = kind
		b.must(b.p.WriteNote(ctx, n))
	}
	somebody := b.note("somebody")
	somebody.Patient = writeback.PatientNamed("Ada", "Lovelace", driver.Date{Year: 1985, Month: 12, Day: 10})
	b.must(b.p.WriteNote(ctx, somebody))
	for _, kind := range []driver.DocumentKind{driver.AccountStatement, driver.InsuranceVerification} {
		d := b.document("document " + string(kind))
		d.Kind = kind
		b.must(b.p.WriteDocument(ctx, d))
	}
	for _, category := range driver.FormCategories() {
		f := b.form("form " + string(category))
		f.Category, f.Type = category, "type of "+string(category)
		b.must(b.p.SubmitForm(ctx, f))
	}
	for _, confirmed := range []bool{true, false} {
		b.must(b.p.SetAppointmentStatus(ctx, writeback.AppointmentStatus{
			Key: fmt.Sprint("confirmed ", confirmed), Appointment: b.appointment(48 * time.Hour), Confirmed: confirmed,
		}))
	}
	for _, channel := range driver.PaymentChannels() {
		paid("payment "+string(channel), channel, 0)
		paid("with fee "+string(channel), channel, 269)
	}
	refund("posted")
	refund("payment " + string(driver.ChannelOnline))
	b.pass(time.Minute)
	require.Empty(t, b.pms.Notes())
}

// standing is where every item stands, by key.
func (b *bed) standing() map[string]writeback.Item {
	b.t.Helper()
	items, err := b.p.Items(b.t.Context(), writeback.ItemQuery{Limit: 1000})
	require.NoError(b.t, err)
	out := map[string]writeback.Item{}
	for _, it := range items {
		out[it.Key] = it
	}
	return out
}

// previewDrafts are changes of settings, and what of the waiting room they move
// for sure.
var previewDrafts = []struct {
	name string
	// before is in force when the items come, pms happens in the PMS.
	before func(*settings.Document)
	pms    func(*memdriver.PMS)
	draft  func(*settings.Document)
	// moves are items that must move, as "state reason".
	moves map[string]string
	// refused: the draft has an error, and cannot be saved.
	refused bool
}{
	{name: "nothing", draft: func(*settings.Document) {}, moves: map[string]string{"refused": "queued ", "half": "partially_posted "}},
	{name: "an interval", draft: func(d *settings.Document) { d.Intervals.NewPatients = settings.Seconds(77) }},
	{name: "one kind off", draft: func(d *settings.Document) { d.Notes.Enabled[driver.MissedCall] = false },
		moves: map[string]string{"note missed_call": "skipped disabled"}},
	{name: "all kinds off", draft: func(d *settings.Document) { d.Notes.Enabled = nil },
		moves: map[string]string{"note missed_call": "skipped disabled", "note incoming_call": "skipped disabled", "nobody": "skipped disabled", "refused": "skipped disabled"}},
	{name: "provider cleared", draft: func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{} },
		moves: map[string]string{"note missed_call": "skipped not_configured", "payment online": "held not_configured", "confirmed true": "skipped not_configured", "half": "partially_posted not_configured"}},
	{name: "provider changed", draft: func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "HYG1"} }},
	{name: "provider inactive since", pms: func(p *memdriver.PMS) { p.SetProviderActive("DOC1", false) }, //nolint:errcheck // it is there
		draft: func(d *settings.Document) { d.Notes.Enabled[driver.MissedCall] = false },
		moves: map[string]string{"note missed_call": "skipped disabled"}},
	{name: "another provider for one that is inactive", pms: func(p *memdriver.PMS) { p.SetProviderActive("DOC1", false) }, //nolint:errcheck // it is there
		draft: func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "HYG1"} },
		moves: map[string]string{"note missed_call": "queued ", "payment online": "queued "}},
	{name: "an inactive provider", draft: func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "DOC0"} }, refused: true,
		moves: map[string]string{"note missed_call": "held provider_inactive", "payment online": "held provider_inactive"}},
	{name: "note type vanished, another kind has its own", pms: func(p *memdriver.PMS) { p.RemoveOption(driver.NoteTypes, "0101") }, //nolint:errcheck // it is there
		draft: func(d *settings.Document) {
			d.Notes.TypeByKind = map[driver.NoteKind]settings.Ref{driver.MissedCall: {ID: "0102"}}
		}, moves: map[string]string{"note missed_call": "queued "}},
	{name: "note type cleared", draft: func(d *settings.Document) { d.Notes.Type = settings.Ref{} }, refused: true,
		moves: map[string]string{"note missed_call": "held not_configured"}},
	{name: "folders cleared", draft: func(d *settings.Document) { d.Documents = settings.Documents{} },
		moves: map[string]string{"document account_statement": "skipped disabled", "document insurance_verification": "skipped disabled", "closed": "skipped disabled"}},
	{name: "form folders cleared but for a type", draft: func(d *settings.Document) {
		d.Forms.ByCategory = nil
		d.Forms.Types = []settings.FormType{{Name: "type of informed_consent", Category: driver.InformedConsent, Folder: settings.Ref{ID: "0206"}}}
	}, moves: map[string]string{"form treatment_plan": "skipped disabled"}},
	{name: "confirmed target cleared", draft: func(d *settings.Document) { d.Statuses.ConfirmedTarget = settings.Ref{} },
		moves: map[string]string{"confirmed true": "skipped disabled"}},
	{name: "unconfirmed target cleared", draft: func(d *settings.Document) { d.Statuses.UnconfirmedTarget = settings.Ref{} },
		moves: map[string]string{"confirmed false": "skipped disabled"}},
	{name: "auto off", draft: func(d *settings.Document) { d.Payments.Auto = false },
		moves: map[string]string{"payment online": "awaiting_transfer auto_off", "payment in_office": ""}},
	{name: "auto on", before: func(d *settings.Document) { d.Payments.Auto = false },
		draft: func(d *settings.Document) { d.Payments.Auto = true }, moves: map[string]string{"awaiting": "", "payment online": ""}},
	{name: "a channel's type cleared", draft: func(d *settings.Document) { delete(d.Payments.Types, driver.ChannelOnline) },
		moves: map[string]string{"payment online": "held not_configured", "half": "partially_posted "}},
	{name: "a channel's type chosen", draft: func(d *settings.Document) { d.Payments.Types[driver.ChannelInOffice] = settings.Ref{ID: "0403"} },
		moves: map[string]string{"payment in_office": "queued "}},
	{name: "surcharge type cleared", draft: func(d *settings.Document) { d.Payments.SurchargeType = settings.Ref{} },
		moves: map[string]string{"on its way": "partially_posted not_configured", "with fee online": "held not_configured", "payment online": "", "half": "partially_posted not_configured"}},
	{name: "fees together", draft: func(d *settings.Document) { d.Payments.Separate = false }, moves: map[string]string{"with fee online": ""}},
	{name: "provider for payments", draft: func(d *settings.Document) { d.Payments.Provider = settings.Ref{ID: "HYG1"} }},
	{name: "an unsupported operation", pms: func(p *memdriver.PMS) {
		p.SetInfo(func(i *driver.Info) {
			i.Ops[driver.OpPayment] = driver.OpInfo{Support: driver.No("The licence ended.")}
		})
	}, draft: func(d *settings.Document) { d.Payments.Types = nil }},
}

func TestPreviewIsWhatASaveThenDoes(t *testing.T) {
	t.Parallel()
	for _, tc := range previewDrafts {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *bed) {
				ctx := t.Context()
				b.waitingRoom(tc.before, tc.pms)
				doc, rev, err := b.p.Settings(ctx)
				require.NoError(t, err)
				tc.draft(&doc)
				was := b.standing()

				preview, err := b.p.Preview(ctx, doc)
				require.NoError(t, err)
				require.Equal(t, was, b.standing(), "it changes nothing")
				_, still, err := b.p.Settings(ctx)
				require.NoError(t, err)
				require.Equal(t, rev, still)
				require.Equal(t, rev, preview.Revision)
				require.Equal(t, tc.refused, settings.HasErrors(preview.Problems), "%v", preview.Problems)
				requireSums(t, preview, was)

				want := map[string]string{}
				for key, it := range was {
					want[key] = where(it.State, it.Reason, it.Cause)
				}
				moves := map[string]string{}
				for _, it := range preview.Items {
					require.Equal(t, was[it.Key].ID, it.ID)
					require.Equal(t, was[it.Key].State, it.From)
					require.NotEmpty(t, it.Words)
					want[it.Key] = where(it.To, it.Reason, it.Cause)
					moves[it.Key] = fmt.Sprintf("%s %s", it.To, it.Reason)
				}
				for key, to := range tc.moves {
					require.Contains(t, was, key)
					require.Equal(t, to, moves[key], key)
				}
				for _, key := range []string{"awaiting", "skipped", "failed", "posted"} {
					require.NotContains(t, moves, key)
				}
				if tc.refused {
					return
				}

				problems, err := b.p.SaveSettings(ctx, doc, writeback.Save{Expect: preview.Revision, Actor: "dana"})
				require.NoError(t, err)
				require.Equal(t, problems, preview.Problems)
				b.pass(time.Second)
				saved, _, err := b.p.Settings(ctx)
				require.NoError(t, err)
				require.True(t, saved.Equal(preview.Draft))
				is := b.standing()
				for key, it := range is {
					if key != "on its way" {
						require.Equal(t, want[key], where(it.State, it.Reason, it.Cause), key)
					}
				}
				require.Len(t, is, len(want))
				b.pass(6 * time.Minute) // its turn came
				it := b.item("on its way")
				require.Equal(t, want["on its way"], where(it.State, it.Reason, it.Cause))
			})
		})
	}
}

func where(s writeback.State, r driver.Reason, cause string) string {
	return fmt.Sprintf("%s %s %s", s, r, cause)
}

// requireSums checks that a preview accounts for every item that is not final.
func requireSums(t *testing.T, preview writeback.Preview, was map[string]writeback.Item) {
	t.Helper()
	looked, moving, untouched, open := 0, 0, 0, 0
	for _, g := range preview.Groups {
		looked += g.Count
		if g.Moves {
			moving += g.Count
			require.NotEmpty(t, g.Words)
			continue
		}
		require.Equal(t, g.From, g.To)
		require.Equal(t, g.FromReason, g.Reason)
	}
	for _, n := range preview.Untouched {
		untouched += n
	}
	for _, it := range was {
		if !it.State.Final() {
			open++
		}
	}
	require.Equal(t, preview.Looked, looked)
	require.Equal(t, preview.Moving, moving)
	require.Len(t, preview.Items, moving)
	require.False(t, preview.Cut)
	require.Equal(t, open, looked+untouched)
	require.Positive(t, preview.Untouched[writeback.AwaitingTransfer])
	require.Equal(t, 1, preview.Untouched[writeback.Skipped])
	require.Equal(t, 1, preview.Untouched[writeback.Failed])
	require.Zero(t, preview.Untouched[writeback.Written])
}

// A page that is served by another process than the one that works shows the
// same.
func TestPreviewIsTheSameInEveryProcess(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.waitingRoom(nil, nil)
		office := *b
		office.engine(nil)
		doc, _, err := b.p.Settings(t.Context())
		require.NoError(t, err)
		doc.Documents.InsuranceVerification = settings.Ref{}
		here, err := b.p.Preview(t.Context(), doc)
		require.NoError(t, err)
		there, err := office.p.Preview(t.Context(), doc)
		require.NoError(t, err)
		require.Equal(t, here.Groups, there.Groups)
		require.Equal(t, here.Items, there.Items)
		require.Equal(t, here.Untouched, there.Untouched)
	})
}

func TestPreviewIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil) // nothing runs
		b.save(nil)
		store := &manyItems{Store: b.store, t: t}
		b.engine(func(c *writeback.Config) { c.Store = store })
		it := b.must(b.p.WriteNote(t.Context(), b.note("note")))
		record, err := b.store.Item(t.Context(), practiceID, it.ID)
		require.NoError(t, err)
		doc := chosen()
		doc.Notes.Enabled = nil
		for _, tc := range []struct{ there, looked, listed int }{
			{501, 501, 500}, {writeback.MaxPreviewed, writeback.MaxPreviewed, 500}, {writeback.MaxPreviewed + 1, writeback.MaxPreviewed, 500},
		} {
			store.record, store.n = record, tc.there
			preview, err := b.p.Preview(t.Context(), doc)
			require.NoError(t, err)
			require.Equal(t, tc.looked, preview.Looked)
			require.Equal(t, tc.looked, preview.Moving)
			require.Len(t, preview.Items, tc.listed)
			require.Equal(t, tc.there > tc.looked, preview.Cut)
			require.Len(t, preview.Groups, 1)
			require.Equal(t, tc.looked, preview.Groups[0].Count)
		}
	})
}

// manyItems is a store that has one item many times.
type manyItems struct {
	writeback.Store
	t      *testing.T
	record writeback.Record
	n      int
}

func (m *manyItems) Items(_ context.Context, q writeback.ItemQuery) ([]writeback.Record, error) {
	var out []writeback.Record
	for seq := q.After + 1; seq <= int64(m.n) && len(out) < q.Limit; seq++ {
		r := m.record
		r.Seq = seq
		out = append(out, r)
	}
	return out, nil
}
