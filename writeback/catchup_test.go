package writeback_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/writeback"
)

func TestExpiredCursorLosesNothingAndTellsNothingTwice(t *testing.T) {
	day := 24 * time.Hour
	onEveryMake(t, nil, func(t *testing.T, b *bed, m pmsMake, _ []string) {
		b.appointment(2 * day)
		moved, doomed, confirmed := b.appointment(2*day), b.appointment(2*day), b.appointment(2*day)
		patient := b.newPatient("Known", "Already")
		photo := b.pms.AddPhoto(patient, "image/png", []byte("one"))
		b.pass(20 * time.Minute)
		ids := b.news().ids()
		for range 3 {
			b.pms.SetOffline(true)
			b.pass(time.Minute)
			require.NoError(t, b.pms.EditAppointment(moved, func(a *driver.Appointment) { a.Start = a.Start.Add(time.Hour) }))
			require.NoError(t, b.pms.SetStatus(confirmed, map[string]string{"0301": "0302", "0302": "0301"}[statusOf(b, confirmed)]))
			require.NoError(t, b.pms.DeleteAppointment(doomed))
			require.NoError(t, b.pms.ReplacePhoto(photo, []byte(time.Now().String())))
			fresh, newcomer := b.appointment(3*day), b.newPatient("New", "Comer")
			b.pms.ExpireCursors()
			b.pms.SetOffline(false)
			b.pass(30 * time.Minute)
			n := b.news()
			require.ElementsMatch(t, []string{
				moved + " moved", doomed + " deleted", fresh + " created", confirmed + " status " + statusOf(b, confirmed),
				newcomer + " created", photo + " edited",
			}, n.inWords())
			ids = append(ids, n.ids()...)
			doomed = fresh
		}
		requireDistinct(t, ids)
		b.pass(aSweep)
		require.Empty(t, b.news().inWords())
	})
}

func TestExpiredCursorWhoseCatchUpFailsForgetsNobody(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"the PMS", "the host", "a restart"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				b.start()
				b.pass(3 * time.Minute)
				b.news()
				b.pms.SetOffline(true)
				newcomer := b.newPatient("New", "Comer")
				b.pms.ExpireCursors()
				var trip *memdriver.Trip
				if how != "the host" {
					trip = b.pms.Fail(memdriver.Fault{On: "window new_patients"})
				} else {
					b.host.refuse("new_patients", errHost)
				}
				b.pms.SetOffline(false)
				b.pass(10 * time.Minute)
				require.Empty(t, b.news().patients)
				switch how {
				case "a restart":
					b.stopped()
					b.engine(nil)
					b.start()
					b.pass(time.Minute)
					trip.Clear()
				case "the PMS":
					trip.Clear()
				default:
					b.host.refuse("new_patients", nil)
				}
				b.pass(15 * time.Minute)
				require.Equal(t, []string{newcomer + " created"}, b.news().inWords())
				b.stopped()
			})
		})
	}
}

func TestSweepCorrectsWhatNoChangeMarkShows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		hide := false
		hidden := b.connectBy(func(c driver.Conn) driver.Conn {
			return &hooked{Conn: c, changed: func(p *driver.Page) {
				if hide {
					p.Appointments, p.Deleted = nil, nil
				}
			}}
		})
		b.engine(func(c *writeback.Config) {
			hidden(c)
			c.SweepEvery = time.Hour
		})
		day := 24 * time.Hour
		moved, confirmed, deleted := b.appointment(2*day), b.appointment(2*day), b.appointment(2*day)
		b.start()
		defer b.stopped()
		b.pass(20 * time.Minute) // past the first sweep
		require.NoError(t, b.pms.EditAppointment(moved, func(a *driver.Appointment) { a.Start = a.Start.Add(day) }))
		require.NoError(t, b.pms.SetStatus(confirmed, "0302"))
		require.NoError(t, b.pms.DeleteAppointment(deleted))
		b.pass(3 * time.Minute)
		ids := b.news().ids()
		// The database comes back from a back-up: rows differ, and nothing says so.
		hide = true
		require.NoError(t, b.pms.EditAppointment(moved, func(a *driver.Appointment) { a.Start = a.Start.Add(-day) }))
		require.NoError(t, b.pms.SetStatus(confirmed, "0301"))
		b.pms.AddAppointment(driver.Appointment{ID: deleted, Patient: b.patient, Start: time.Now().Add(2 * day)})
		b.pass(5 * time.Minute)
		require.Empty(t, b.news().inWords())
		b.pass(70 * time.Minute)
		n := b.news()
		require.ElementsMatch(t, []string{moved + " moved", confirmed + " status 0301", deleted + " created"}, n.inWords())
		requireDistinct(t, append(ids, n.ids()...))
		b.pass(70 * time.Minute)
		require.Empty(t, b.news().inWords())
	})
}

func TestRecordThatComesBackIsNewsWithANewID(t *testing.T) {
	onEveryMake(t, nil, func(t *testing.T, b *bed, m pmsMake, _ []string) {
		id := b.appointment(48 * time.Hour)
		b.pass(m.sweep())
		ids := b.news().ids()
		for range 3 {
			require.NoError(t, b.pms.DeleteAppointment(id))
			b.pass(m.sweep())
			n := b.news()
			require.Equal(t, []string{id + " deleted"}, n.inWords())
			ids = append(ids, n.ids()...)
			b.pms.AddAppointment(driver.Appointment{ID: id, Patient: b.patient, Start: time.Now().Add(48 * time.Hour), Status: "0301"})
			b.pass(m.sweep())
			n = b.news()
			require.Equal(t, []string{id + " created"}, n.inWords())
			ids = append(ids, n.ids()...)
			require.NoError(t, b.pms.SetStatus(id, "0302"))
			b.pass(m.sweep())
			n = b.news()
			require.Equal(t, []string{id + " status 0302"}, n.inWords())
			ids = append(ids, n.ids()...)
		}
		requireDistinct(t, ids)
	})
}

func TestChangesOfARecordComeInOrder(t *testing.T) {
	onEveryMake(t, nil, func(t *testing.T, b *bed, m pmsMake, _ []string) {
		b.news()
		var list []string
		for range 7 {
			list = append(list, b.appointment(48*time.Hour))
		}
		b.pass(m.sweep())
		b.news()
		last := map[string]time.Time{}
		for i := range 20 {
			for _, id := range list {
				require.NoError(t, b.pms.EditAppointment(id, func(a *driver.Appointment) { a.Start = a.Start.Add(time.Duration(i+1) * time.Minute) }))
				time.Sleep(time.Second)
			}
			b.pass(20 * time.Second)
		}
		b.pass(3 * time.Minute)
		for _, e := range b.news().appointments {
			require.Equal(t, writeback.Moved, e.Change)
			require.True(t, last[e.Appointment.ID].Before(e.Appointment.Start), "an older state after a newer one")
			last[e.Appointment.ID] = e.Appointment.Start
		}
		for _, id := range list {
			a, _ := b.pms.Appointment(id)
			require.True(t, last[id].Equal(a.Start), "the host ends with what the PMS has")
		}
	})
}

func TestPhotosComeOnlyWhenSwitchedOnAndWithinTheirSize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		var opened []string
		unsized := false
		wrap := b.connectBy(func(c driver.Conn) driver.Conn {
			return &hooked{Conn: c, page: func(p *driver.Page) {
				for i := range p.Photos {
					if unsized {
						p.Photos[i].Size = -1
					}
				}
			}}
		})
		b.engine(func(c *writeback.Config) {
			wrap(c)
			c.MaxPhoto = 10
			c.Handlers.Photos = func(ctx context.Context, _ string, events []writeback.PhotoEvent) error {
				for _, e := range events {
					body, err := e.Open(ctx)
					if err != nil {
						opened = append(opened, "cannot be opened")
						continue
					}
					data, err := io.ReadAll(body)
					opened = append(opened, fmt.Sprintf("%s %v", data, err))
				}
				return nil
			}
		})
		b.start()
		defer b.stopped()
		photo := b.pms.AddPhoto(b.patient, "image/png", []byte("ten bytes!"))
		b.save(nil)
		b.pass(time.Hour)
		require.Empty(t, opened, "photos are off until somebody switches them on")
		require.Zero(t, b.pms.Traffic().Calls["photo"])
		require.Error(t, b.p.SyncNow(t.Context(), driver.PhotoFeed), "switched off is off")
		require.Error(t, b.p.Import(t.Context(), driver.PhotoFeed))

		b.save(withPhotos)
		b.pass(3 * time.Minute)
		require.Equal(t, []string{"ten bytes! <nil>"}, opened)
		b.pass(time.Hour)
		require.Len(t, opened, 1, "unchanged ones do not come again")

		require.NoError(t, b.pms.ReplacePhoto(photo, []byte("eleven byte")))
		b.pass(20 * time.Minute)
		require.Len(t, opened, 1, "too large")
		require.NoError(t, b.pms.ReplacePhoto(photo, []byte("small")))
		b.pass(20 * time.Minute)
		require.Equal(t, "small <nil>", opened[1])

		// A PMS that does not know the size is read up to the limit and no further.
		unsized = true
		require.NoError(t, b.pms.ReplacePhoto(photo, []byte("eleven byte")))
		b.pass(20 * time.Minute)
		require.Contains(t, opened[2], "larger than the limit")
		require.NoError(t, b.pms.ReplacePhoto(photo, []byte("lost")))
		require.NoError(t, b.pms.LosePhotoFile(photo))
		b.pass(20 * time.Minute)
		require.Equal(t, "cannot be opened", opened[3])
		require.Len(t, opened, 4)
	})
}
