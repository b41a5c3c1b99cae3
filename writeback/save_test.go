package writeback_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

func problemAt(problems []settings.Problem, path string) (settings.Problem, bool) {
	for _, p := range problems {
		if p.Path == path {
			return p, true
		}
	}
	return settings.Problem{}, false
}

func TestStaleSaveIsRefusedAndLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	ctx := t.Context()
	_, err := b.p.SaveSettings(ctx, chosen(), writeback.Save{Expect: 0, Actor: "dana"})
	require.NoError(t, err)
	theirs := chosen()
	theirs.Notes.Enabled[driver.MissedCall] = false
	_, err = b.p.SaveSettings(ctx, theirs, writeback.Save{Expect: 1, Actor: "kim", Reason: "too many"})
	require.NoError(t, err)
	mine := chosen()
	mine.Payments.Auto = false
	for _, expect := range []int64{0, 1, 7} {
		_, err = b.p.SaveSettings(ctx, mine, writeback.Save{Expect: expect, Actor: "dana"})
		require.ErrorIs(t, err, writeback.ErrStale, "expect %d", expect)
	}
	doc, rev, err := b.p.Settings(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 2, rev)
	require.Empty(t, settings.Diff(theirs, doc))
}

func TestOfManySavesAtOnceOneWins(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	var won, stale int
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			doc := chosen()
			doc.Payments.Auto = i%2 == 0
			_, err := b.p.SaveSettings(t.Context(), doc, writeback.Save{Actor: fmt.Sprint("person ", i)})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case errors.Is(err, writeback.ErrStale):
				stale++
			}
		})
	}
	group.Wait()
	require.Equal(t, 1, won)
	require.Equal(t, 19, stale)
	history, err := b.p.SettingsHistory(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, history, 1)
}

func TestSettingsWithErrorsAreNotSavedAndAllAreTold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.pass(time.Second)
		doc := chosen()
		doc.Sync.ProviderID = settings.Ref{ID: "doc1"} // case matters
		doc.Notes.Type = settings.Ref{ID: "9999"}
		doc.Statuses.UnconfirmedTarget = doc.Statuses.ConfirmedTarget
		doc.Intervals.AppointmentStatus = settings.Every(-time.Second)
		problems, err := b.p.SaveSettings(t.Context(), doc, writeback.Save{Actor: "dana"})
		require.ErrorIs(t, err, writeback.ErrProblems)
		require.True(t, settings.HasErrors(problems))
		for _, path := range []string{"sync.provider", "notes.type", "statuses.unconfirmed_target", "intervals.appointment_status"} {
			found := false
			for _, p := range problems {
				if strings.HasPrefix(p.Path, path) && p.Severity == settings.Error {
					found = true
					require.NotEmpty(t, p.Words)
					require.NotEmpty(t, p.Code)
				}
			}
			require.True(t, found, "%s in %v", path, problems)
		}
		_, rev, err := b.p.Settings(t.Context())
		require.NoError(t, err)
		require.Zero(t, rev)

		// A warning does not block.
		doc = chosen()
		doc.Statuses.Confirmed, doc.Statuses.ConfirmedTarget, doc.Statuses.UnconfirmedTarget = nil, settings.Ref{}, settings.Ref{}
		problems, err = b.p.SaveSettings(t.Context(), doc, writeback.Save{Actor: "dana"})
		require.NoError(t, err)
		require.NotEmpty(t, problems)
		require.False(t, settings.HasErrors(problems))
	})
}

func TestSaveNamesWhatIsWrongWithItself(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	for field, save := range map[string]writeback.Save{
		"actor":  {},
		"reason": {Actor: "dana", Reason: strings.Repeat(secret, 1000)},
		"expect": {Actor: "dana", Expect: -1},
	} {
		_, err := b.p.SaveSettings(t.Context(), chosen(), save)
		require.ErrorIs(t, err, writeback.ErrInvalid)
		require.ErrorContains(t, err, "writeback: save settings: "+field)
		require.NotContains(t, err.Error(), secret)
	}
}

func TestHumanMistakesInAFileAreTold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		for _, file := range []string{`{"notes": {"enabeld": {}}}`, `{"intervals": {"appointment_status": -5}}`, `{"intervals": {"new_patients": 0}}`} {
			doc, problems, err := settings.Parse([]byte(file), settings.Human)
			require.NoError(t, err)
			if !settings.HasErrors(problems) {
				problems, err = b.p.SaveSettings(t.Context(), doc, writeback.Save{Actor: "dana"})
				require.ErrorIs(t, err, writeback.ErrProblems, file)
			}
			require.True(t, settings.HasErrors(problems), file)
		}
	})
}

func TestWhatWasBrokenAlreadyOnlyWarns(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		require.NoError(t, b.pms.RemoveOption(driver.PaymentTypes, "0402"))
		b.refresh()
		b.pass(time.Second)
		doc, rev, err := b.p.Settings(t.Context())
		require.NoError(t, err)
		doc.Notes.Enabled[driver.MissedCall] = false
		problems, err := b.p.SaveSettings(t.Context(), doc, writeback.Save{Expect: rev, Actor: "dana"})
		require.NoError(t, err, "staff can always switch something else off")
		p, found := problemAt(problems, "payments.types.online")
		require.True(t, found, "%v", problems)
		require.Equal(t, settings.Warning, p.Severity)
		// Chosen anew it is an error.
		doc.Payments.Types[driver.ChannelInOffice] = settings.Ref{ID: "0402"}
		_, err = b.p.SaveSettings(t.Context(), doc, writeback.Save{Expect: rev + 1, Actor: "dana"})
		require.ErrorIs(t, err, writeback.ErrProblems)
	})
}

func TestPastedTextBecomesAnID(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		options := b.pms.Options(driver.NoteTypes)
		doc, rev, err := b.p.Settings(t.Context())
		require.NoError(t, err)
		doc.Notes.Type = settings.Ref{ID: " " + options[1].Label + " "}
		checked, _, err := b.p.CheckSettings(t.Context(), doc)
		require.NoError(t, err)
		require.Equal(t, options[1].ID, checked.Notes.Type.ID)
		_, err = b.p.SaveSettings(t.Context(), doc, writeback.Save{Expect: rev, Actor: "dana"})
		require.NoError(t, err)
		doc, _, err = b.p.Settings(t.Context())
		require.NoError(t, err)
		require.Equal(t, settings.Ref{ID: options[1].ID, Label: options[1].Label}, doc.Notes.Type)
	})
}

func TestSaveWhileThePMSIsAwayIsMarkedAsNotChecked(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		b.pms.SetOffline(true)
		b.pass(time.Hour)
		doc, rev, err := b.p.Settings(t.Context())
		require.NoError(t, err)
		doc.Payments.Auto = false
		problems, err := b.p.SaveSettings(t.Context(), doc, writeback.Save{Expect: rev, Actor: "dana"})
		require.NoError(t, err)
		said := false
		for _, p := range problems {
			said = said || p.Code == settings.CodeNotChecked && strings.Contains(p.Words, "Not checked since")
		}
		require.True(t, said, "%v", problems)
	})
}

func TestEveryRevisionIsKeptAndCanBeRestored(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	ctx := t.Context()
	b.save(nil)
	b.save(func(d *settings.Document) { d.Payments.Auto = false })
	doc, rev, err := b.p.Settings(ctx)
	require.NoError(t, err)
	doc.Notes.Enabled = nil
	_, err = b.p.SaveSettings(ctx, doc, writeback.Save{Expect: rev, Actor: "kim", Reason: "notes are too many"})
	require.NoError(t, err)

	history, err := b.p.SettingsHistory(ctx, 10)
	require.NoError(t, err)
	require.Len(t, history, 3)
	for i, r := range history {
		require.EqualValues(t, 3-i, r.Number)
		require.False(t, r.At.IsZero())
	}
	require.Equal(t, "kim", history[0].Actor)
	require.Equal(t, "notes are too many", history[0].Reason)
	first, problems, err := settings.Parse(history[2].Document, settings.Stored)
	require.NoError(t, err)
	require.Empty(t, problems)
	_, err = b.p.SaveSettings(ctx, first, writeback.Save{Expect: 3, Actor: "dana", Reason: "restored 1"})
	require.NoError(t, err)
	doc, rev, err = b.p.Settings(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 4, rev)
	require.Empty(t, settings.Diff(first, doc))
	some, err := b.p.SettingsHistory(ctx, 2)
	require.NoError(t, err)
	require.Len(t, some, 2)
}

func TestSettingsHandedOutAreACopy(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.save(nil)
	doc, _, err := b.p.Settings(t.Context())
	require.NoError(t, err)
	doc.Notes.Enabled[driver.MissedCall] = false
	again, _, err := b.p.Settings(t.Context())
	require.NoError(t, err)
	require.True(t, again.Notes.Enabled[driver.MissedCall])
	saved := chosen()
	_, err = b.p.SaveSettings(t.Context(), saved, writeback.Save{Expect: 1, Actor: "dana"})
	require.NoError(t, err)
	saved.Notes.Enabled[driver.MissedCall] = false
	again, _, err = b.p.Settings(t.Context())
	require.NoError(t, err)
	require.True(t, again.Notes.Enabled[driver.MissedCall])
}

// every gives a loop's interval as Health tells it.
func (b *bed) every(p *writeback.Practice, feed driver.Feed) time.Duration {
	b.t.Helper()
	h, err := p.Health(b.t.Context())
	require.NoError(b.t, err)
	for _, l := range h.Loops {
		if l.Loop == string(feed) {
			return l.Every
		}
	}
	return -1
}

func TestSaveIsInForceWithinASecondHereAndFiveElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.start()
		here := b.p
		b.save(nil)
		b.pass(time.Minute)

		// Here: the engine that runs.
		b.save(func(d *settings.Document) {
			d.Intervals.AppointmentStatus = settings.Seconds(45)
			d.Notes.Enabled[driver.MissedCall] = false
		})
		b.pass(time.Second)
		require.Equal(t, 45*time.Second, b.every(here, driver.AppointmentStatusFeed))
		missed := b.note("missed")
		missed.Kind = driver.MissedCall
		b.must(here.WriteNote(t.Context(), missed))
		b.requireState("missed", writeback.Skipped)

		// Elsewhere: a second process on the same store saves.
		running, stop, run := b.eng, b.stop, b.run
		b.engine(nil)
		appointment := b.appointment(48 * time.Hour)
		b.save(func(d *settings.Document) {
			d.Intervals.AppointmentStatus = settings.Seconds(3)
			d.Sync.ProviderID = settings.Ref{ID: "HYG1"}
			d.Notes.Enabled[driver.MissedCall] = true
		})
		b.pass(5 * time.Second)
		require.Equal(t, 3*time.Second, b.every(here, driver.AppointmentStatusFeed))
		doc, rev, err := here.Settings(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 3, rev)
		require.Equal(t, "HYG1", doc.Sync.ProviderID.ID)
		// The loop goes by the new interval already.
		b.pass(time.Minute)
		require.NoError(t, b.pms.SetStatus(appointment, "0302"))
		b.pass(4 * time.Second)
		require.Len(t, got(b.host, func() []writeback.AppointmentStatusEvent { return b.host.statuses }), 1)
		// And what is written goes by the new provider.
		b.must(b.p.WriteNote(t.Context(), b.note("after")))
		running.Wake(practiceID)
		b.pass(2 * time.Second)
		require.Equal(t, "HYG1", b.pms.Notes()[0].Provider)
		stop()
		<-run
	})
}

func TestLongerIntervalAndOffTakeHoldAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Intervals.AppointmentStatus = settings.Seconds(5) })
		appointment := b.appointment(48 * time.Hour)
		b.pass(time.Minute)
		b.save(func(d *settings.Document) { d.Intervals.AppointmentStatus = settings.Never() })
		b.pass(time.Second)
		require.Zero(t, b.every(b.p, driver.AppointmentStatusFeed))
		require.NoError(t, b.pms.SetStatus(appointment, "0302"))
		b.pass(10 * time.Minute)
		require.Empty(t, got(b.host, func() []writeback.AppointmentStatusEvent { return b.host.statuses }))
		b.save(func(d *settings.Document) { d.Intervals.AppointmentStatus = settings.Seconds(5) })
		b.pass(2 * time.Second)
		require.Len(t, got(b.host, func() []writeback.AppointmentStatusEvent { return b.host.statuses }), 1, "it is due since long")
	})
}

// What settings do to what waits already.
func TestWhatWaitsGoesByTheNewSettings(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		submit func(b *bed)
		change func(*settings.Document)
		state  writeback.State
		reason driver.Reason
		check  func(t *testing.T, b *bed)
	}{
		{"kind switched off", waitingNote, func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false }, writeback.Skipped, writeback.ReasonDisabled, nil},
		{"provider cleared", waitingNote, func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{} }, writeback.Skipped, writeback.ReasonNotConfigured, nil},
		{"type changed", waitingNote, func(d *settings.Document) { d.Notes.Type = settings.Ref{ID: "0102"} }, writeback.Written, "", func(t *testing.T, b *bed) {
			require.Equal(t, "0102", b.pms.Notes()[0].Type)
		}},
		{"provider changed", waitingNote, func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "HYG1"} }, writeback.Written, "", func(t *testing.T, b *bed) {
			require.Equal(t, "HYG1", b.pms.Notes()[0].Provider)
		}},
		{"payment, provider cleared", waitingPayment, func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{} }, writeback.Held, writeback.ReasonNotConfigured, func(t *testing.T, b *bed) {
			b.save(func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "DOC1"} })
			b.pass(time.Minute)
			b.requireState("waiting", writeback.Written)
		}},
		{"payment, type cleared", waitingPayment, func(d *settings.Document) { delete(d.Payments.Types, driver.ChannelOnline) }, writeback.Held, writeback.ReasonNotConfigured, func(t *testing.T, b *bed) {
			b.save(func(d *settings.Document) { d.Payments.Types[driver.ChannelOnline] = settings.Ref{ID: "0403"} })
			b.pass(time.Minute)
			b.requireState("waiting", writeback.Written)
			require.Equal(t, "0403", b.pms.Payments()[0].Type)
		}},
		{"payment, auto off", waitingPayment, func(d *settings.Document) { d.Payments.Auto = false }, writeback.AwaitingTransfer, writeback.ReasonAutoOff, func(t *testing.T, b *bed) {
			b.save(func(d *settings.Document) { d.Payments.Auto = true })
			b.pass(time.Hour)
			b.requireState("waiting", writeback.AwaitingTransfer)
			b.must(b.p.Transfer(t.Context(), b.item("waiting").ID, "dana"))
			b.pass(time.Minute)
			b.requireState("waiting", writeback.Written)
		}},
		{"payment, separate switched on", waitingPayment, func(d *settings.Document) { d.Payments.Separate = true }, writeback.Written, "", func(t *testing.T, b *bed) {
			require.Len(t, b.pms.Payments(), 1, "the legs were planned at the submit")
			require.Equal(t, driver.USD(10269), b.pms.Payments()[0].Amount)
		}},
		{"form, folder changed", func(b *bed) { b.must(b.p.SubmitForm(b.t.Context(), b.form("waiting"))) }, func(d *settings.Document) {
			d.Forms.Types = []settings.FormType{{Name: "Botox", Category: driver.InformedConsent, Folder: settings.Ref{ID: "0206"}}}
		}, writeback.Written, "", func(t *testing.T, b *bed) {
			require.Equal(t, "0206", b.pms.Documents()[0].Folder)
		}},
		{"document, folder cleared", func(b *bed) { b.must(b.p.WriteDocument(b.t.Context(), b.document("waiting"))) }, func(d *settings.Document) {
			d.Documents.AccountStatement = settings.Ref{}
		}, writeback.Skipped, writeback.ReasonDisabled, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *bed) {
				b.save(nil)
				b.pass(time.Second)
				b.pms.SetOffline(true)
				tc.submit(b)
				b.pass(time.Minute)
				b.requireState("waiting", writeback.Queued)
				b.save(tc.change)
				b.pass(time.Second)
				b.pms.SetOffline(false)
				b.pass(10 * time.Minute)
				it := b.requireState("waiting", tc.state)
				require.Equal(t, tc.reason, it.Reason)
				if tc.state != writeback.Written {
					require.Empty(t, b.pms.Notes())
					require.Empty(t, b.pms.Payments())
					require.Empty(t, b.pms.Documents())
				}
				if tc.check != nil {
					tc.check(t, b)
				}
			})
		})
	}
}

func waitingNote(b *bed) { b.must(b.p.WriteNote(b.t.Context(), b.note("waiting"))) }

func waitingPayment(b *bed) {
	pay := b.payment("waiting")
	pay.Fee = driver.USD(269)
	b.must(b.p.PostPayment(b.t.Context(), pay))
}

func TestKindSwitchedOnTakesNewEventsOnly(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false })
		b.must(b.p.WriteNote(t.Context(), b.note("before")))
		b.requireState("before", writeback.Skipped)
		b.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = true })
		b.must(b.p.WriteNote(t.Context(), b.note("after")))
		b.pass(time.Hour)
		b.requireState("before", writeback.Skipped)
		b.requireState("after", writeback.Written)
		// A backfill asks for each that it wants.
		b.must(b.p.Retry(t.Context(), b.item("before").ID, "dana"))
		b.pass(time.Minute)
		b.requireState("before", writeback.Written)
		require.Len(t, b.pms.Notes(), 2)
	})
}

func TestProviderThatGoesInactiveHoldsEverythingUntilItIsBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		b.refresh()
		b.pass(time.Second)
		for kind, submit := range everyKind(b, time.Now(), "") {
			it := b.must(submit(t.Context(), b.p))
			require.Equal(t, writeback.Held, it.State, kind)
			require.Equal(t, driver.ReasonProviderInactive, it.Reason, kind)
			require.NotEmpty(t, it.NextStep)
		}
		h, err := b.p.Health(t.Context())
		require.NoError(t, err)
		require.Len(t, h.Issues, 1, "one cause, however many items")
		require.NoError(t, b.pms.SetProviderActive("DOC1", true))
		b.pass(20 * time.Minute)
		for _, key := range []string{"note", "document", "form", "payment"} {
			b.requireState(key, writeback.Written)
		}
	})
}

// A leg that the PMS refused goes by what was mended since.
func TestRefusedItemGoesByWhatWasMended(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		// The catalogs do not show it yet.
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.pass(5 * time.Minute)
		for _, key := range []string{"note", "pay"} {
			it := b.requireState(key, writeback.Held)
			require.Equal(t, driver.ReasonProviderInactive, it.Reason)
			require.Equal(t, "provider_inactive:DOC1", it.Cause)
		}
		b.save(func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "HYG1"} })
		b.pass(time.Minute)
		b.requireState("note", writeback.Written)
		b.requireState("pay", writeback.Written)
		require.Equal(t, "HYG1", b.pms.Notes()[0].Provider)
		require.Equal(t, "HYG1", b.pms.Payments()[0].Provider)
	})
}

func TestPMSThatContradictsItsCatalogsIsNotHammered(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		b.pms.Fail(faultOf("write note", driver.ReasonProviderInactive))
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(time.Hour)
		it := b.requireState("note", writeback.Held)
		events, err := b.p.ItemEvents(t.Context(), it.ID)
		require.NoError(t, err)
		held := 0
		for _, e := range events {
			if e.Name == writeback.EventHeld {
				held++
			}
		}
		require.LessOrEqual(t, held, 8, "it is tried again with each catalog, not all the time")
		require.GreaterOrEqual(t, held, 3)
		b.pms.Heal()
		b.pass(20 * time.Minute)
		b.requireState("note", writeback.Written)
	})
}

// A form that was filled in while somebody else saved is told so, whatever else
// is wrong with it.
func TestStaleSaveIsToldAsStaleEvenIfItHasErrors(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		doc, rev, err := b.p.Settings(t.Context())
		require.NoError(t, err)
		b.save(func(d *settings.Document) { d.Payments.Auto = false })
		doc.Sync.ProviderID = settings.Ref{ID: "nobody"}
		problems, err := b.p.SaveSettings(t.Context(), doc, writeback.Save{Expect: rev, Actor: "dana"})
		require.ErrorIs(t, err, writeback.ErrStale)
		require.True(t, settings.HasErrors(problems))
	})
}

func TestWordsForStaffNameTheFieldThatIsMissing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) {
			delete(d.Payments.Types, driver.ChannelOnline)
			d.Notes.Enabled[driver.IncomingCall] = false
		})
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		require.Equal(t, "The settings lack this: Payment Sync Settings, Customer Online Payment.", b.item("pay").Words)
		require.Equal(t, b.item("pay").Words, b.health().Issues[0].Words)
		require.Equal(t, "The settings say not to write this: Note Write Back Settings, Incoming Call.", b.item("note").Words)
	})
}
