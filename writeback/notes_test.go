package writeback_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

func TestEachNoteKindThatIsOffIsRecordedAndNotWritten(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Notes.Enabled = nil })
		b.pass(time.Second)
		require.Len(t, driver.NoteKinds(), 14)
		for _, kind := range driver.NoteKinds() {
			n := b.note(string(kind))
			n.Kind = kind
			it := b.must(b.p.WriteNote(t.Context(), n))
			require.Equal(t, writeback.Skipped, it.State, kind)
		}
		b.pass(time.Hour)
		for _, kind := range driver.NoteKinds() {
			it := b.requireState(string(kind), writeback.Skipped)
			require.Equal(t, writeback.ReasonDisabled, it.Reason)
			require.Equal(t, "disabled:notes.enabled."+string(kind), it.Cause)
			require.NotEmpty(t, it.Words, "why is it not there?")
			events, err := b.p.ItemEvents(t.Context(), it.ID)
			require.NoError(t, err)
			require.Len(t, events, 1, "it was never queued")
			require.Equal(t, writeback.EventSkipped, events[0].Name)
		}
		require.Empty(t, b.pms.Notes())

		// Each is switched on by itself.
		for i, kind := range driver.NoteKinds() {
			b.save(func(d *settings.Document) { d.Notes.Enabled = map[driver.NoteKind]bool{kind: true} })
			for _, other := range driver.NoteKinds() {
				n := b.note(fmt.Sprint(kind, " on ", other))
				n.Kind = other
				want := writeback.Skipped
				if other == kind {
					want = writeback.Queued
				}
				require.Equal(t, want, b.must(b.p.WriteNote(t.Context(), n)).State, "%s while only %s is on", other, kind)
			}
			b.pass(time.Second)
			require.Len(t, b.pms.Notes(), i+1)
			require.Equal(t, kind, b.pms.Notes()[i].About)
		}
	})
}

func TestSwitchingAKindOffCancelsWhatHasNotStartedInEveryState(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(func(d *settings.Document) {
			d.Notes.TypeByKind = map[driver.NoteKind]settings.Ref{driver.TaskNote: {ID: "0102"}}
		})
		b.pass(time.Second)
		submit := func(key string, kind driver.NoteKind, who writeback.Patient) {
			n := b.note(key)
			n.Kind, n.Patient = kind, who
			b.must(b.p.WriteNote(ctx, n))
		}
		here := writeback.PatientID(b.patient)
		submit("nobody", driver.IncomingCall, nobody)
		require.NoError(t, b.pms.SetOptionActive(driver.NoteTypes, "0102", false))
		b.refresh()
		b.pass(time.Second)
		submit("held", driver.TaskNote, here)
		b.pms.Fail(memdriver.Fault{On: "write note", Err: driver.ErrUnavailable})
		submit("tried", driver.IncomingCall, here) // the PMS did not take it
		b.pass(time.Second)
		b.pms.SetOffline(true)
		submit("queued", driver.IncomingCall, here)
		submit("other", driver.OutgoingCall, here)
		b.requireState("nobody", writeback.NeedsPatient)
		b.requireState("held", writeback.Held)
		b.requireState("tried", writeback.Queued)
		b.requireState("queued", writeback.Queued)

		b.save(func(d *settings.Document) {
			d.Notes.Enabled[driver.IncomingCall], d.Notes.Enabled[driver.TaskNote] = false, false
		})
		b.pass(2 * time.Second)
		for _, key := range []string{"nobody", "held", "tried", "queued"} {
			require.Equal(t, writeback.ReasonDisabled, b.requireState(key, writeback.Skipped).Reason, key)
		}
		b.requireState("other", writeback.Queued)

		// On again, they stay cancelled.
		b.save(func(d *settings.Document) {
			d.Notes.Enabled[driver.IncomingCall], d.Notes.Enabled[driver.TaskNote] = true, true
			d.Notes.TypeByKind = nil
		})
		b.pms.Heal()
		b.pms.SetOffline(false)
		b.pass(time.Hour)
		for _, key := range []string{"nobody", "held", "tried", "queued"} {
			b.requireState(key, writeback.Skipped)
		}
		b.requireState("other", writeback.Written)
		require.Len(t, b.pms.Notes(), 1)
	})
}

func TestNoteTypeOfAKindGoesBeforeTheDefault(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) {
			d.Notes.TypeByKind = map[driver.NoteKind]settings.Ref{driver.IncomingSMS: {ID: "0102"}, driver.TaskNote: {ID: "0103"}}
		})
		for _, kind := range driver.NoteKinds() {
			n := b.note(string(kind))
			n.Kind = kind
			b.must(b.p.WriteNote(t.Context(), n))
		}
		b.pass(time.Minute)
		require.Len(t, b.pms.Notes(), 14)
		for _, n := range b.pms.Notes() {
			want := map[driver.NoteKind]string{driver.IncomingSMS: "0102", driver.TaskNote: "0103"}[n.About]
			if want == "" {
				want = "0101"
			}
			require.Equal(t, want, n.Type, n.About)
		}
	})
}

// A long note comes in numbered parts, by the PMS's limit in characters and in
// bytes, each with a reference of its own; an answer that is lost in the middle
// doubles none.
func TestLongNoteComesInNumberedPartsEachOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.pms.SetInfo(func(i *driver.Info) {
			op := i.Ops[driver.OpNote]
			op.MaxChars, op.MaxBytes = 200, 260
			i.Ops[driver.OpNote] = op
		})
		b.refresh()
		b.save(nil)
		b.pass(time.Second)
		b.pms.Fail(memdriver.Fault{On: "write note", Skip: 2, Times: 1, Effect: memdriver.After, Err: driver.ErrUnknownOutcome})
		n := b.note("long")
		n.Kind, n.Body = driver.IncomingCallTranscript, writeback.Text(strings.Repeat("What about Friday? Ça va très bien, à bientôt. ", 30))
		b.must(b.p.WriteNote(t.Context(), n))
		b.pass(10 * time.Minute)
		it := b.requireState("long", writeback.Written)
		parts := b.pms.Notes()
		require.Greater(t, len(parts), 8)
		require.Len(t, it.Legs, len(parts))
		refs := map[string]bool{}
		for i, part := range parts {
			body := part.Body.Reveal()
			require.LessOrEqual(t, utf8.RuneCountInString(body), 200)
			require.LessOrEqual(t, len(body), 260)
			require.True(t, strings.HasSuffix(body, fmt.Sprintf("\n[Acme (%d/%d)] %s", i+1, len(parts), it.Legs[i].Ref)), body)
			require.False(t, refs[it.Legs[i].Ref], "each part has its own key")
			refs[it.Legs[i].Ref] = true
		}
		require.Zero(t, it.Replaced)
	})
}

func TestNoteGoesToThePatientHoweverTheyAreNamed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(nil)
		b.pass(time.Second)
		submit := func(key string, who writeback.Patient) writeback.Item {
			n := b.note(key)
			n.Patient = who
			return b.must(b.p.WriteNote(ctx, n))
		}
		link := submit("link", writeback.HostPatient("h-17"))
		b.must(b.p.Assign(ctx, link.ID, b.patient, "dana"))
		born := driver.Date{Year: 1985, Month: 12, Day: 10}
		submit("by id", writeback.PatientID(b.patient))
		submit("by linked id", writeback.HostPatient("h-17"))
		submit("by name", writeback.PatientNamed("ADA", "Love-Lace Jr.", born))
		submit("by phone", writeback.PatientPhone("555-0100"))
		submit("by unlinked id", writeback.HostPatient("h-18"))
		submit("by another name", writeback.PatientNamed("Lovelace", "Ada", born))
		submit("by another birth date", writeback.PatientNamed("Ada", "Lovelace", driver.Date{Year: 1985, Month: 12, Day: 11}))
		submit("by name alone", writeback.Patient{First: writeback.Text("Ada"), Last: writeback.Text("Lovelace")})
		b.pass(time.Minute)
		for _, key := range []string{"link", "by id", "by linked id", "by name"} {
			require.Equal(t, b.patient, b.requireState(key, writeback.Written).Patient, key)
		}
		for _, key := range []string{"by phone", "by unlinked id", "by another name", "by another birth date", "by name alone"} {
			it := b.requireState(key, writeback.NeedsPatient)
			require.Equal(t, writeback.ReasonNoPatient, it.Reason, "never written to a guess")
			require.Contains(t, it.Actions, writeback.ActionAssign)
		}
		require.Len(t, b.pms.Notes(), 4)
	})
}

func TestHTMLMailIsWrittenPlainAndIsOneItem(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.save(nil)
		n := b.note("mail")
		n.Kind, n.Body, n.Subject = driver.IncomingEmail, driver.Text{}, writeback.Text("Friday")
		n.HTML = writeback.Text("<style>p{}</style><p>Dear Ada,</p><ul><li>card<li>x-ray</ul><img src=p.gif width=1 height=1>")
		n.Attachments = []driver.Text{writeback.Text("a.pdf")}
		first := b.must(b.p.WriteNote(ctx, n))
		require.Equal(t, first.ID, b.must(b.p.WriteNote(ctx, n)).ID)
		other := n
		other.HTML = writeback.Text("<p>Dear Bob,</p>")
		require.ErrorIs(t, second(b.p.WriteNote(ctx, other)), writeback.ErrKeyReused)
		b.pass(time.Minute)
		require.Equal(t, first.ID, b.must(b.p.WriteNote(ctx, n)).ID)
		require.Len(t, b.pms.Notes(), 1)
		body := b.pms.Notes()[0].Body.Reveal()
		require.Contains(t, body, "\nSubject: Friday\nAttachments: a.pdf\nDear Ada,\n\n- card\n- x-ray\n[Acme] ")
		kept := &sieve{}
		stored(b, kept)
		require.NotContains(t, kept.String(), "<p>", "the HTML is not kept")
	})
}
