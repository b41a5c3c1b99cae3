package writeback_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/writeback"
)

// progress returns what the host was told of imports since the last call, as
// "new_patients 4", "new_patients 4 done" or "new_patients 4 unavailable".
func (b *bed) progress() []string {
	list := got(b.host, func() []writeback.ImportProgress {
		out := b.host.imports
		b.host.imports = nil
		return out
	})
	words := []string{}
	for _, p := range list {
		word := fmt.Sprint(p.Feed, " ", p.Records)
		if p.Done {
			word += " done"
		}
		if p.Failed != "" {
			word += " " + p.Failed
		}
		words = append(words, word)
	}
	return words
}

func TestImportTellsItsProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{PageSize: 2}, nil)
		ctx := t.Context()
		for i := range 4 {
			b.newPatient("Grace", "Hopper")
			b.appointment(time.Duration(i+1) * time.Hour)
		}
		b.start()
		b.save(withPhotos)
		b.pass(3 * time.Minute)
		b.news()
		require.Empty(t, b.progress(), "the first look is no import")
		for feed, want := range map[driver.Feed][]string{
			driver.PatientFeed:     {"new_patients 0", "new_patients 2", "new_patients 4", "new_patients 5 done"},
			driver.AppointmentFeed: {"appointments 0", "appointments 2", "appointments 4 done"},
			driver.PhotoFeed:       {"photos 0", "photos 0 done"},
		} {
			require.NoError(t, b.p.Import(ctx, feed))
			b.pass(20 * time.Second)
			require.Equal(t, want, b.progress())
		}
		b.pass(time.Hour)
		require.Empty(t, b.progress(), "and no more")
		b.news()

		// The host that does not take it: the import waits, says so, and tells it
		// again; what was delivered with it comes again with the same ids.
		b.host.refuse("imports", errHost)
		require.NoError(t, b.p.Import(ctx, driver.PatientFeed))
		b.pass(10 * time.Minute)
		require.Empty(t, b.progress())
		require.Empty(t, b.news().patients, "it has not even begun")
		require.Equal(t, []string{"imports"}, b.health().BlockedByHost)
		require.Equal(t, "blocked by host", b.imported(driver.PatientFeed, 0).Failed)
		b.host.refuse("imports", nil)
		b.pass(10 * time.Minute)
		require.Equal(t, []string{"new_patients 0", "new_patients 2", "new_patients 4", "new_patients 5 done"}, b.progress())
		require.Empty(t, b.health().BlockedByHost)
		require.Empty(t, b.imported(driver.PatientFeed, 0).Failed)
		require.Len(t, b.news().patients, 5)

		// What else stops it is told too, once, and that it goes on.
		trip := b.pms.Fail(memdriver.Fault{On: "window new_patients", Skip: 1, Err: driver.ErrRejected})
		require.NoError(t, b.p.Import(ctx, driver.PatientFeed))
		b.pass(20 * time.Minute)
		require.Equal(t, []string{"new_patients 0", "new_patients 2", "new_patients 2 rejected"}, b.progress())
		trip.Clear()
		b.pass(20 * time.Minute)
		require.Equal(t, []string{"new_patients 4", "new_patients 5 done"}, b.progress())
		b.news()

		b.host.refuse("new_patients", errHost)
		require.NoError(t, b.p.Import(ctx, driver.PatientFeed))
		b.pass(10 * time.Minute)
		require.Equal(t, []string{"new_patients 0", "new_patients 0 blocked by host"}, b.progress())
		require.Equal(t, []string{"new_patients"}, b.health().BlockedByHost)
		b.host.refuse("new_patients", nil)
		b.pass(10 * time.Minute)
		require.Equal(t, []string{"new_patients 2", "new_patients 4", "new_patients 5 done"}, b.progress())
		b.stopped()
	})
}

func TestImportThatStartsOverSaysSo(t *testing.T) {
	t.Parallel()
	for _, again := range []string{"restart", "asked again"} {
		t.Run(again, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := bedOn(t, memdriver.Config{PageSize: 2}, nil)
				for range 29 {
					b.newPatient("Grace", "Hopper")
				}
				b.start()
				b.pass(3 * time.Minute)
				b.news()
				b.pms.SetLatency(2 * time.Second)
				require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
				b.pass(7 * time.Second)
				first := b.progress()
				require.Equal(t, "new_patients 0", first[0])
				require.Greater(t, len(first), 1)
				require.NotContains(t, first, "new_patients 30 done")
				if again == "restart" {
					b.stopped()
					b.engine(nil)
					b.start()
				} else {
					require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
				}
				b.pass(3 * time.Minute)
				rest := b.progress()
				start := slices.Index(rest, "new_patients 0")
				require.GreaterOrEqual(t, start, 0, "%v", rest)
				require.LessOrEqual(t, start, 3, "the step that was under way may finish: %v", rest)
				rest = rest[start:]
				require.Len(t, rest, 16)
				for i := 1; i < 15; i++ {
					require.Equal(t, fmt.Sprint("new_patients ", 2*i), rest[i])
				}
				require.Equal(t, "new_patients 30 done", rest[15])
				b.stopped()
			})
		})
	}
}

// The position moves only after the host took the progress: a crash in between
// tells the page again.
func TestImportMovesOnlyAfterItsProgressWasTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{PageSize: 2}, nil)
		b.newPatient("Grace", "Hopper")
		b.newPatient("Grace", "Hopper")
		store := &leaky{Store: b.store}
		b.engine(func(c *writeback.Config) { c.Store = store })
		b.start()
		b.pass(3 * time.Minute)
		b.news()
		store.fail(func(c writeback.Change) bool {
			return c.Fence != 0 && slices.ContainsFunc(c.Docs, func(d writeback.DocWrite) bool { return d.Name == "import/new_patients" })
		})
		require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
		b.pass(5 * time.Minute)
		told := b.progress()
		require.Equal(t, []string{"new_patients 0", "new_patients 2"}, told[:2])
		require.Contains(t, told[2:], "new_patients 2", "told again, for nobody knows that it was")
		require.NotContains(t, told, "new_patients 3 done")
		store.fail(nil)
		b.pass(10 * time.Minute)
		told = b.progress()
		require.Equal(t, "new_patients 3 done", told[len(told)-1])
		require.Len(t, unique(b.news().ids()), 3)
		b.stopped()
	})
}
