package writeback_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// hintedEngine runs f with an engine that asks for hints each second, and whose
// intervals are long.
func hintedEngine(t *testing.T, change func(*writeback.Config), f func(t *testing.T, b *bed, c *counter, appointment string)) {
	t.Helper()
	var appointment string
	counted(t, func(cfg *writeback.Config) {
		cfg.HintEvery = time.Second
		if change != nil {
			change(cfg)
		}
	}, func(t *testing.T, b *bed, c *counter) {
		b.save(func(d *settings.Document) {
			d.Intervals.AppointmentStatus, d.Intervals.AppointmentChanges = settings.Every(6*time.Hour), settings.Every(6*time.Hour)
		})
		appointment = b.appointment(48 * time.Hour)
		b.pass(10 * time.Second)
		require.Equal(t, []string{appointment + " created"}, b.news().inWords())
		c.of("")
		f(t, b, c, appointment)
	})
}

func TestAHintBringsNewsLongBeforeTheInterval(t *testing.T) {
	t.Parallel()
	hintedEngine(t, nil, func(t *testing.T, b *bed, c *counter, id string) {
		for _, status := range []string{"0302", "0303", "0302"} {
			require.NoError(t, b.pms.SetStatus(id, status))
			b.pass(2 * time.Second)
			require.Equal(t, []string{id + " status " + status}, b.news().inWords())
		}
		require.NoError(t, b.pms.MoveAppointment(id, time.Now().Add(50*time.Hour)))
		b.pass(2 * time.Second)
		require.Equal(t, []string{id + " moved"}, b.news().inWords())
		b.pass(10 * time.Second)
		c.of("")
		b.pass(time.Minute)
		require.Zero(t, c.of("changes appointment"), "without news nothing is polled")
		n := c.of("hint")
		require.InDelta(t, 60, n, 15)
		require.LessOrEqual(t, n, 60, "once a second at the most")
	})
}

func TestWithoutHintEveryNothingIsAsked(t *testing.T) {
	t.Parallel()
	counted(t, nil, func(t *testing.T, b *bed, c *counter) {
		b.pass(time.Hour)
		require.Zero(t, c.of("hint"))
	})
	require.ErrorContains(t, writeback.Config{HintEvery: time.Millisecond}.Validate(), "HintEvery: is shorter than 200 ms")
	require.ErrorContains(t, writeback.Config{HintEvery: -time.Second}.Validate(), "HintEvery")
}

// hinting is a connection whose hints are what a func says.
type hinting struct {
	*hooked
	hint func() (driver.Hint, error)
}

func (h *hinting) ReadHint(context.Context, string) (driver.Hint, error) { return h.hint() }

func TestHintsThatAreSilentOrPanicLoseNothing(t *testing.T) {
	t.Parallel()
	for name, hint := range map[string]func() (driver.Hint, error){
		"silent": func() (driver.Hint, error) { return driver.Hint{Mark: "nothing"}, nil },
		"panics": func() (driver.Hint, error) { panic("out of range") },
		"foreign": func() (driver.Hint, error) {
			return driver.Hint{Feeds: []driver.Feed{"no such feed", driver.PhotoFeed}}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				asked := 0
				b.engine(func(cfg *writeback.Config) {
					cfg.HintEvery = time.Second
					b.connectBy(func(c driver.Conn) driver.Conn {
						return &hinting{&hooked{Conn: c}, func() (driver.Hint, error) { asked++; return hint() }}
					})(cfg)
				})
				b.start()
				defer b.stopped()
				b.save(nil)
				id := b.appointment(48 * time.Hour)
				b.pass(2 * time.Minute)
				b.news()
				require.NoError(t, b.pms.SetStatus(id, "0302"))
				b.pass(20 * time.Second)
				require.Equal(t, []string{id + " status 0302"}, b.news().inWords(), "at the interval")
				require.Positive(t, asked)
				health, err := b.p.Health(t.Context())
				require.NoError(t, err)
				require.True(t, health.Connected)
			})
		})
	}
}

func TestADriverWithoutHintsIsNotAsked(t *testing.T) {
	t.Parallel()
	counted(t, func(cfg *writeback.Config) { cfg.HintEvery = time.Second }, func(t *testing.T, b *bed, c *counter) {
		b.pms.SetInfo(func(i *driver.Info) {
			for f, fi := range i.Feeds {
				fi.Hints = false
				i.Feeds[f] = fi
			}
		})
		b.refresh()
		b.pass(time.Minute)
		c.of("")
		b.pass(10 * time.Minute)
		require.Zero(t, c.of("hint"))
	})
}

func TestHintsThatFailAreAskedLessAndHarmNothing(t *testing.T) {
	t.Parallel()
	hintedEngine(t, nil, func(t *testing.T, b *bed, c *counter, id string) {
		b.save(func(d *settings.Document) { d.Intervals.AppointmentStatus = settings.Seconds(30) })
		b.pass(time.Minute)
		c.of("")
		trip := b.pms.Fail(faultOf("hint", driver.ErrUnavailable))
		b.pass(10 * time.Minute)
		require.LessOrEqual(t, c.of("hint"), 15, "it backs off")
		require.GreaterOrEqual(t, c.of(statusFeed), 18, "the polls go on")
		health, err := b.p.Health(t.Context())
		require.NoError(t, err)
		require.True(t, health.Connected, "a hint says nothing of the connection")
		require.NoError(t, b.pms.SetStatus(id, "0303"))
		b.pass(40 * time.Second)
		require.Equal(t, []string{id + " status 0303"}, b.news().inWords())

		trip.Clear()
		b.pass(6 * time.Minute) // the longest back-off
		c.of("")
		b.pass(time.Minute)
		require.GreaterOrEqual(t, c.of("hint"), 40, "they are back")
	})
}

func TestAHintThatHangsKeepsNoWriteWaitingForLong(t *testing.T) {
	t.Parallel()
	hintedEngine(t, nil, func(t *testing.T, b *bed, _ *counter, _ string) {
		trip := b.pms.Fail(memdriver.Fault{On: "hint", Effect: memdriver.Pass, Hang: memdriver.HangUntilDone})
		b.pass(1500 * time.Millisecond)
		b.must(b.p.WriteNote(t.Context(), b.note("note-1")))
		b.pass(4 * time.Second)
		b.requireState("note-1", writeback.Written)
		trip.Clear()
		trip.Release()
	})
}

func TestWhileWritingIsPausedNoHintsAreRead(t *testing.T) {
	t.Parallel()
	hintedEngine(t, nil, func(t *testing.T, b *bed, c *counter, _ string) {
		require.NoError(t, b.p.SetMode(t.Context(), writeback.Paused, "dana", ""))
		b.pass(5 * time.Second)
		c.of("")
		b.pass(10 * time.Minute)
		require.Zero(t, c.of("hint"))
		require.NoError(t, b.p.SetMode(t.Context(), writeback.Live, "dana", ""))
		b.pass(30 * time.Second)
		require.Positive(t, c.of("hint"))
	})
}

func TestHintsKeepThePMSMinimum(t *testing.T) {
	t.Parallel()
	hintedEngine(t, nil, func(t *testing.T, b *bed, c *counter, id string) {
		b.pms.SetInfo(func(i *driver.Info) {
			for f, fi := range i.Feeds {
				fi.MinInterval = 20 * time.Second
				i.Feeds[f] = fi
			}
		})
		b.refresh()
		b.pass(time.Minute)
		c.of("")
		for n := range 60 { // staff at work all the time
			require.NoError(t, b.pms.SetStatus(id, []string{"0302", "0303"}[n%2]))
			b.pass(time.Second)
		}
		require.LessOrEqual(t, c.of(statusFeed), 3)
		b.pass(21 * time.Second)
		words := b.news().inWords()
		require.Equal(t, id+" status 0303", words[len(words)-1], "and the last is told")
	})
}

func TestAHandlerThatFailsIsNotCalledByHints(t *testing.T) {
	t.Parallel()
	hintedEngine(t, nil, func(t *testing.T, b *bed, c *counter, id string) {
		b.host.refuse("appointment_status", errHost)
		require.NoError(t, b.pms.SetStatus(id, "0302"))
		b.pass(5 * time.Second)
		require.Equal(t, 1, c.of(statusFeed))
		for n := range 50 {
			require.NoError(t, b.pms.SetStatus(id, []string{"0302", "0303"}[n%2]))
			b.pass(time.Second)
		}
		require.LessOrEqual(t, c.of(statusFeed), 2, "it has its back-off")
		b.host.refuse("appointment_status", nil)
		b.pass(10 * time.Minute)
		require.Equal(t, []string{id + " status 0303"}, b.news().inWords())
	})
}

func TestAFeedThatIsOffIsNotReadForAHint(t *testing.T) {
	t.Parallel()
	hintedEngine(t, nil, func(t *testing.T, b *bed, c *counter, id string) {
		b.save(func(d *settings.Document) { d.Intervals.AppointmentStatus = settings.Never() })
		b.pass(5 * time.Second)
		c.of("")
		require.NoError(t, b.pms.SetStatus(id, "0302"))
		b.pass(time.Minute)
		require.Zero(t, c.of(statusFeed))
		require.Positive(t, c.of(appointmentFeed))
	})
}
