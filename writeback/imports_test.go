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

// imported lets an import end and returns its progress.
func (b *bed) imported(feed driver.Feed, within time.Duration) writeback.ImportProgress {
	b.t.Helper()
	b.pass(within)
	list, err := b.p.Imports(b.t.Context())
	require.NoError(b.t, err)
	for _, i := range list {
		if i.Feed == feed {
			return i
		}
	}
	require.FailNow(b.t, "there is no such import")
	return writeback.ImportProgress{}
}

func TestImportDeliversEverythingKnownOrNot(t *testing.T) {
	day := 24 * time.Hour
	onEveryMake(t, func(b *bed) []string {
		var ids []string
		for i := range 30 {
			ids = append(ids, b.newPatient("Grace", "Hopper")+" found")
			b.appointment(time.Duration(i+1) * day)
		}
		b.pms.AddPhoto(b.patient, "image/png", []byte("face"))
		return append(ids, b.patient+" found")
	}, func(t *testing.T, b *bed, _ pmsMake, patients []string) {
		ids := b.news().ids()
		for _, feed := range []driver.Feed{driver.PatientFeed, driver.AppointmentFeed, driver.PhotoFeed} {
			want := map[driver.Feed]int{driver.PatientFeed: 31, driver.AppointmentFeed: 30, driver.PhotoFeed: 1}[feed]
			for range 2 {
				require.NoError(t, b.p.Import(t.Context(), feed))
				progress := b.imported(feed, 20*time.Second)
				require.True(t, progress.Done)
				require.GreaterOrEqual(t, progress.Records, want)
				require.Empty(t, progress.Failed)
				n := b.news()
				require.Len(t, n.inWords(), want)
				for _, w := range n.inWords() {
					require.Contains(t, w, " found")
				}
				if feed == driver.PatientFeed {
					require.ElementsMatch(t, patients, n.inWords())
				}
				ids = append(ids, n.ids()...)
			}
		}
		requireDistinct(t, ids)
		b.pass(aSweep)
		require.Empty(t, b.news().inWords(), "the loops tell nothing because of it")
		list, err := b.p.Imports(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 3)
	})
}

func TestImportDisturbsNoLaterNews(t *testing.T) {
	onEveryMake(t, nil, func(t *testing.T, b *bed, m pmsMake, _ []string) {
		id, still := b.appointment(48*time.Hour), b.appointment(48*time.Hour)
		b.pass(3 * time.Minute)
		b.news()
		require.NoError(t, b.p.Import(t.Context(), driver.AppointmentFeed))
		require.True(t, b.imported(driver.AppointmentFeed, 20*time.Second).Done)
		require.Equal(t, []string{id + " found", still + " found"}, b.news().inWords())

		require.NoError(t, b.pms.SetStatus(id, "0302"))
		require.NoError(t, b.pms.MoveAppointment(id, time.Now().Add(50*time.Hour)))
		b.pass(3 * time.Minute)
		require.Equal(t, []string{id + " moved", id + " status 0302"}, b.news().inWords())

		// What the feed has not told yet comes as what it is, from one of the two.
		require.NoError(t, b.pms.MoveAppointment(id, time.Now().Add(52*time.Hour)))
		fresh, newcomer := b.appointment(48*time.Hour), b.newPatient("New", "Comer")
		require.NoError(t, b.p.Import(t.Context(), driver.AppointmentFeed))
		require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
		b.pass(5 * time.Minute)
		n := b.news()
		count := func(word string) int {
			return len(slices.DeleteFunc(n.inWords(), func(w string) bool { return w != word }))
		}
		require.Equal(t, 1, count(id+" moved"))
		require.Equal(t, 1, count(fresh+" created"))
		require.Equal(t, 1, count(newcomer+" created"))
		require.Equal(t, 1, count(still+" found"))
		require.Equal(t, 1, count(b.patient+" found"))

		require.NoError(t, b.pms.DeleteAppointment(fresh))
		b.pass(m.sweep())
		require.Equal(t, []string{fresh + " deleted"}, b.news().inWords())
	})
}

func TestImportSurvivesARestartInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, feed := range []driver.Feed{driver.PatientFeed, driver.AppointmentFeed} {
		t.Run(string(feed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := bedOn(t, memdriver.Config{PageSize: 2}, nil)
				want := map[string]bool{}
				for range 20 {
					if feed == driver.PatientFeed {
						want[b.newPatient("Grace", "Hopper")+" found"] = true
					} else {
						want[b.appointment(48*time.Hour)+" found"] = true
					}
				}
				if feed == driver.PatientFeed {
					want[b.patient+" found"] = true
				}
				b.start()
				b.pass(3 * time.Minute)
				b.news()
				b.pms.SetLatency(2 * time.Second)
				require.NoError(t, b.p.Import(t.Context(), feed))
				progress := b.imported(feed, 15*time.Second)
				require.False(t, progress.Done)
				require.Positive(t, progress.Records)
				b.stopped()
				first := b.news()
				require.NotEmpty(t, first.inWords())

				b.engine(nil)
				b.start()
				progress = b.imported(feed, 3*time.Minute)
				require.True(t, progress.Done)
				require.GreaterOrEqual(t, progress.Records, len(want))
				require.LessOrEqual(t, progress.Records, len(want)+2)
				got := map[string]bool{}
				for _, w := range append(first.inWords(), b.news().inWords()...) {
					got[w] = true
				}
				require.Equal(t, want, got)
				b.pass(20 * time.Minute)
				require.Empty(t, b.news().inWords())
				b.stopped()
			})
		})
	}
}

func TestImportThatIsInterruptedTellsTheSameEventsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		store := &leaky{Store: b.store}
		b.engine(func(c *writeback.Config) { c.Store = store })
		b.appointment(48 * time.Hour)
		b.start()
		defer b.stopped()
		b.pass(3 * time.Minute)
		b.news()
		store.fail(func(c writeback.Change) bool { return settles(driver.PatientFeed)(c) && len(c.Docs) > 0 })
		require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
		progress := b.imported(driver.PatientFeed, 10*time.Minute)
		require.False(t, progress.Done)
		require.Equal(t, "store", progress.Failed)
		require.Greater(t, store.count(), 2)
		store.fail(nil)
		progress = b.imported(driver.PatientFeed, 10*time.Minute)
		require.True(t, progress.Done)
		require.Empty(t, progress.Failed)
		n := b.news()
		require.Greater(t, len(n.patients), 2)
		require.Len(t, unique(n.ids()), 1)
	})
}

func TestImportWaitsForHostAndPMSAndSaysSo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.pass(3 * time.Minute)
		b.news()
		b.host.refuse("new_patients", errHost)
		require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
		require.Equal(t, "blocked by host", b.imported(driver.PatientFeed, time.Minute).Failed)
		b.host.refuse("new_patients", nil)
		require.True(t, b.imported(driver.PatientFeed, 10*time.Minute).Done)
		require.Len(t, b.news().patients, 1)

		trip := b.pms.Fail(memdriver.Fault{On: "window new_patients", Err: driver.ErrRejected})
		require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
		require.Equal(t, string(driver.ErrRejected), b.imported(driver.PatientFeed, time.Minute).Failed)
		calls := b.pms.Traffic().Calls["window"]
		b.pass(time.Hour)
		require.Less(t, b.pms.Traffic().Calls["window"]-calls, 30)
		trip.Clear()
		require.True(t, b.imported(driver.PatientFeed, 10*time.Minute).Done)
		require.Len(t, b.news().patients, 1)
	})
}

func TestImportAskedForAgainWhileItRunsStartsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{PageSize: 2}, nil)
		for range 20 {
			b.newPatient("Grace", "Hopper")
		}
		b.start()
		defer b.stopped()
		b.pass(3 * time.Minute)
		b.news()
		b.pms.SetLatency(2 * time.Second)
		require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
		b.pass(15 * time.Second)
		before := b.news().inWords()
		require.NotEmpty(t, before)
		require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
		progress := b.imported(driver.PatientFeed, 5*time.Minute)
		require.True(t, progress.Done)
		require.Equal(t, 21, progress.Records)
		after := map[string]bool{}
		for _, w := range b.news().inWords() {
			after[w] = true
		}
		for _, w := range before {
			require.True(t, after[w], "from the first on")
		}
	})
}

func TestImportOfPagesWithoutRecordsEnds(t *testing.T) {
	t.Parallel()
	// A driver may answer a day on which nobody comes by an empty page.
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{PageSize: 1}, nil)
		hide := false
		b.engine(b.connectBy(func(c driver.Conn) driver.Conn {
			return &hooked{Conn: c, page: func(p *driver.Page) {
				if hide && len(p.Patients) > 0 && p.Patients[0].ID != b.patient {
					p.Patients = nil
				}
			}}
		}))
		for range 10 {
			b.newPatient("Grace", "Hopper")
		}
		b.start()
		defer b.stopped()
		b.pass(3 * time.Minute)
		b.news()
		hide = true
		require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
		progress := b.imported(driver.PatientFeed, time.Minute)
		require.True(t, progress.Done)
		require.Equal(t, 1, progress.Records)
	})
}

func TestImportOfWhatCannotBeImportedSaysWhy(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		for feed, words := range map[driver.Feed]string{
			driver.AppointmentStatusFeed: "must be", "weather": "must be", driver.PhotoFeed: "is off in the settings",
		} {
			err := b.p.Import(t.Context(), feed)
			require.ErrorIs(t, err, writeback.ErrInvalid)
			require.ErrorContains(t, err, words)
		}
		list, err := b.p.Imports(t.Context())
		require.NoError(t, err)
		require.Empty(t, list)
	})
}

func TestImportOfManyPatientsLeavesRoomForWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{PageSize: 1, Latency: time.Second}, nil)
		for range 100 {
			b.newPatient("Grace", "Hopper")
		}
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(5 * time.Minute)
		b.news()
		require.NoError(t, b.p.Import(t.Context(), driver.PatientFeed))
		b.pass(20 * time.Second)
		for i := range 3 {
			key := fmt.Sprint("note", i)
			b.must(b.p.WriteNote(t.Context(), b.note(key)))
			b.pass(15 * time.Second)
			b.requireState(key, writeback.Written)
		}
		require.False(t, b.imported(driver.PatientFeed, 0).Done)
		require.True(t, b.imported(driver.PatientFeed, 5*time.Minute).Done)
		require.Len(t, b.news().patients, 101)
	})
}
