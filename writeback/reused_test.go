package writeback_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

func TestReusedIDHoldsEverythingUntilAPersonConfirms(t *testing.T) {
	t.Parallel()
	for name, offline := range map[string]bool{"chosen from the list": false, "saved before the list was read": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				ctx := t.Context()
				b.pms.SetInfo(func(i *driver.Info) { i.ReusesIDs = true })
				if offline {
					b.save(nil)
				}
				b.start()
				if !offline {
					b.save(nil)
				}
				b.must(b.p.WriteNote(ctx, b.note("before")))
				b.pass(time.Minute)
				b.requireState("before", writeback.Written)

				require.NoError(t, b.pms.ReuseID(driver.Providers, "DOC1", "Dr. Else"))
				b.refresh()
				b.pass(time.Minute)
				id := b.appointment(48 * time.Hour)
				keys := b.submitAll("", id)[:5]
				b.pass(time.Minute)
				requireHeld := func() {
					t.Helper()
					for _, key := range keys {
						it := b.requireState(key, writeback.Held)
						require.Equal(t, writeback.ReasonIDReused, it.Reason)
						require.Equal(t, "id_reused:providers:DOC1", it.Cause)
					}
					require.Equal(t, 1, b.written())
				}
				requireHeld()
				// A host that saves ids alone, as it always did, does not confirm.
				bare := chosen()
				bare.Intervals.NewPatients = settings.Seconds(90)
				if offline {
					_, err := b.p.SaveSettings(ctx, bare, writeback.Save{Expect: 1, Actor: "dana"})
					require.NoError(t, err)
					b.pass(time.Minute)
					requireHeld()
				}
				// Neither a restart nor saving something else confirms.
				b.stopped()
				b.engine(nil)
				b.start()
				b.save(func(d *settings.Document) { d.Intervals.NewPatients = settings.Seconds(60) })
				b.pass(time.Hour)
				requireHeld()
				doc, rev, err := b.p.Settings(ctx)
				require.NoError(t, err)
				require.Equal(t, "Dr. Dana Drill", doc.Sync.ProviderID.Label, "what was chosen")
				problems, err := b.p.SaveSettings(ctx, doc, writeback.Save{Expect: rev, Actor: "dana"})
				require.NoError(t, err)
				require.Contains(t, codesOf(problems), settings.CodeOptionReused)

				b.save(func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "DOC1", Label: "Dr. Else"} })
				b.pass(time.Minute)
				for _, key := range keys {
					b.requireState(key, writeback.Written)
				}
				b.stopped()
			})
		})
	}
}

func codesOf(problems []settings.Problem) (codes []string) {
	for _, p := range problems {
		codes = append(codes, p.Code)
	}
	return codes
}

func TestInactiveWritebackProviderHoldsPaymentsOfAnotherProviderToo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Payments.Provider = settings.Ref{ID: "HYG1"} })
		require.NoError(t, b.pms.SetProviderActive("DOC1", false))
		b.refresh()
		b.pass(time.Second)
		b.must(b.p.PostPayment(t.Context(), b.payment("pay")))
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(time.Minute)
		h := b.health()
		require.Len(t, h.Issues, 1)
		require.Equal(t, "provider_inactive:DOC1", h.Issues[0].Cause)
		require.Equal(t, 2, h.Issues[0].Count)
		require.NoError(t, b.pms.SetProviderActive("DOC1", true))
		b.refresh()
		b.pass(time.Minute)
		require.Equal(t, "HYG1", b.pms.Payments()[0].Provider)
		require.Equal(t, "DOC1", b.pms.Notes()[0].Provider)
	})
}
