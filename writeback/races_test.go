package writeback_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

func TestTwoEnginesSteppedByHandWriteEachItemOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{Latency: 50 * time.Millisecond}, func(c *writeback.Config) { c.Owner = "same" })
		first := b.eng
		b.save(nil)
		b.engine(func(c *writeback.Config) { c.Owner = "same" })
		for i := range 20 {
			b.must(b.p.PostPayment(t.Context(), b.payment(fmt.Sprintf("pay-%02d", i))))
		}
		var group sync.WaitGroup
		for _, eng := range []*writeback.Engine{first, b.eng, first, b.eng} {
			group.Go(func() {
				for range 50 {
					_, err := eng.Step(t.Context(), practiceID)
					require.NoError(t, err)
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		group.Wait()
		for i := range 20 {
			b.requireState(fmt.Sprintf("pay-%02d", i), writeback.Written)
		}
		require.Len(t, b.pms.Payments(), 20)
		require.NoError(t, first.Close())
		require.NoError(t, b.eng.Close())
	})
}

func TestPracticeThatComesAndGoesWhileItWritesLosesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{Latency: 70 * time.Millisecond}, nil)
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Second)
		for i := range 30 {
			b.must(b.p.PostPayment(t.Context(), b.payment(fmt.Sprintf("pay-%02d", i))))
			b.pass(10 * time.Millisecond)
			require.NoError(t, b.eng.RemovePractice(t.Context(), practiceID))
			var err error
			b.p, err = b.eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: practiceID, Location: b.location})
			require.NoError(t, err)
		}
		b.pass(10 * time.Minute)
		for i := range 30 {
			b.requireState(fmt.Sprintf("pay-%02d", i), writeback.Written)
		}
		require.Len(t, b.pms.Payments(), 30)
	})
}

func TestConcurrentRemoveAndAddKeepOneWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{Latency: 70 * time.Millisecond}, nil)
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Second)
		for i := range 20 {
			b.must(b.p.PostPayment(t.Context(), b.payment(fmt.Sprintf("pay-%02d", i))))
			var group sync.WaitGroup
			group.Go(func() { _ = b.eng.RemovePractice(t.Context(), practiceID) })
			group.Go(func() {
				_, err := b.eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: practiceID, Location: b.location})
				require.NoError(t, err)
			})
			b.pass(30 * time.Millisecond)
			group.Wait()
			var err error
			b.p, err = b.eng.AddPractice(t.Context(), writeback.PracticeConfig{ID: practiceID, Location: b.location})
			require.NoError(t, err)
		}
		b.pass(20 * time.Minute)
		for i := range 20 {
			b.requireState(fmt.Sprintf("pay-%02d", i), writeback.Written)
		}
		require.Len(t, b.pms.Payments(), 20)
	})
}

func TestShortOutageInTheMiddleOfABatchDelaysItShortly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bedOn(t, memdriver.Config{Latency: 20 * time.Millisecond}, nil)
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Second)
		for i := range 60 {
			n := b.note(fmt.Sprintf("note-%02d", i))
			n.Patient = writeback.PatientID(b.newPatient("Ada", fmt.Sprintf("Lovelace %c", 'A'+i)))
			b.must(b.p.WriteNote(t.Context(), n))
		}
		time.Sleep(50 * time.Millisecond)
		b.pms.SetOffline(true)
		require.Less(t, len(b.pms.Notes()), 60)
		b.pass(time.Second)
		b.pms.SetOffline(false)
		b.pass(20 * time.Second)
		require.Len(t, b.pms.Notes(), 60)
	})
}

// slowPing takes its time to fail, so that all who ask are under way together.
type slowPing struct{ *hooked }

func (s slowPing) Ping(ctx context.Context) error {
	time.Sleep(100 * time.Millisecond)
	return s.hooked.Ping(ctx)
}

func TestWritesThatFailTogetherAreOneOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.pms.SetInfo(func(i *driver.Info) { i.MaxCalls = 8 })
		b.engine(b.connectBy(func(c driver.Conn) driver.Conn { return slowPing{&hooked{Conn: c, hook: func(string, bool) {}}} }))
		b.start()
		defer b.stopped()
		b.save(nil)
		b.mode(writeback.Paused)
		b.pass(time.Second)
		for i := range 8 {
			n := b.note(fmt.Sprint("note-", i))
			n.Patient = writeback.PatientID(b.newPatient("Ada", fmt.Sprintf("Lovelace %c", 'A'+i)))
			b.must(b.p.WriteNote(t.Context(), n))
		}
		b.pms.SetOffline(true)
		b.mode(writeback.Live)
		b.pass(time.Second)
		require.Empty(t, b.pms.Notes())
		b.pms.SetOffline(false)
		b.pass(20 * time.Second)
		require.Len(t, b.pms.Notes(), 8)
	})
}

func TestProviderChangedBetweenLegsAttributesEachToItsOwn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) { d.Payments.Separate = true })
		b.pass(time.Second)
		second := b.pms.AddOption(driver.Providers, driver.Option{ID: "DOC7", Label: "Dr. Seven", Active: true})
		b.refresh()
		b.pass(time.Second)
		pay := b.payment("pay")
		pay.Fee = driver.USD(269)
		b.pms.Fail(memdriver.Fault{On: "write payment", Skip: 1, Times: 1, Effect: memdriver.After})
		b.pms.Fail(memdriver.Fault{On: "verify", Times: 1, Err: driver.ReasonUnsupported})
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(100 * time.Millisecond)
		b.save(func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: second}; d.Payments.Separate = false })
		b.pass(10 * time.Minute)
		b.requireState("pay", writeback.Written)
		list := b.pms.Payments()
		require.Len(t, list, 2)
		require.Equal(t, "DOC1", list[0].Provider)
		require.Equal(t, "DOC1", list[1].Provider)
	})
}

func TestSettingsSavedDuringAClaimAreInForce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		store := &saving{Store: b.store}
		b.engine(func(c *writeback.Config) { c.Store = store })
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Second)
		other := b.p
		store.mu.Lock()
		store.before = func() {
			doc, rev, err := other.Settings(context.Background())
			require.NoError(t, err)
			doc.Notes.Enabled[driver.IncomingCall] = false
			data, err := doc.Marshal()
			require.NoError(t, err)
			errs := b.store.Apply(context.Background(), []writeback.Change{{
				Practice: practiceID, Wake: true, Save: &writeback.Revision{Expect: rev, Document: data, Actor: "elsewhere"},
			}})
			require.NoError(t, errs[0])
		}
		store.mu.Unlock()
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(time.Minute)
		b.requireState("note", writeback.Skipped)
		require.Empty(t, b.pms.Notes())
	})
}

// saving calls before, once, before an item is claimed.
type saving struct {
	writeback.Store
	mu     sync.Mutex
	before func()
}

func (s *saving) Apply(ctx context.Context, changes []writeback.Change) []error {
	for _, c := range changes {
		if len(c.Items) > 0 && c.Items[0].Record.State == writeback.Writing {
			s.mu.Lock()
			if f := s.before; f != nil {
				s.before = nil
				f()
			}
			s.mu.Unlock()
		}
	}
	return s.Store.Apply(ctx, changes)
}

func TestRunAndCloseAtOnceEndInOneOfTwo(t *testing.T) {
	t.Parallel()
	for range 50 {
		b := newBed(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ran, closed := make(chan error, 1), make(chan error, 1)
		go func() { ran <- b.eng.Run(ctx) }()
		go func() { closed <- b.eng.Close() }()
		if err := <-closed; err == nil {
			require.ErrorIs(t, <-ran, writeback.ErrClosed)
			cancel()
			continue
		}
		cancel()
		require.ErrorIs(t, <-ran, context.Canceled)
	}
}

// slowReader gives the latest revision as it was when asked for, but late.
type slowReader struct {
	writeback.Store
	gate chan struct{}
	slow atomic.Bool
}

func (s *slowReader) Revision(ctx context.Context, practice string, rev int64) (writeback.Revision, error) {
	r, err := s.Store.Revision(ctx, practice, rev)
	if rev == 0 && s.slow.CompareAndSwap(true, false) {
		<-s.gate
	}
	return r, err
}

func (s *slowReader) Doc(ctx context.Context, practice, name string) (writeback.Doc, error) {
	d, err := s.Store.Doc(ctx, practice, name)
	if name == "mode" && s.slow.CompareAndSwap(true, false) {
		<-s.gate
	}
	return d, err
}

func TestSettingsThatWereReadBeforeASaveDoNotComeIntoForceAfterIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		store := &slowReader{Store: b.store, gate: make(chan struct{})}
		b.engine(func(c *writeback.Config) { c.Store = store })
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Second)
		late := make(chan error)
		store.slow.Store(true)
		go func() {
			_, _, err := b.p.Settings(t.Context())
			late <- err
		}()
		synctest.Wait()
		b.save(func(d *settings.Document) {
			d.Notes.Enabled[driver.IncomingCall], d.Intervals.AppointmentStatus = false, settings.Never()
		})
		close(store.gate)
		require.NoError(t, <-late)
		it := b.must(b.p.WriteNote(t.Context(), b.note("note")))
		require.Equal(t, writeback.Skipped, it.State)
		require.Zero(t, b.every(b.p, driver.AppointmentStatusFeed))
		_, rev, err := b.p.Settings(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(2), rev)
	})
}

func TestModeThatWasReadBeforeItWasSetDoesNotComeIntoForceAfterIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		store := &slowReader{Store: b.store, gate: make(chan struct{})}
		b.engine(func(c *writeback.Config) { c.Store = store })
		b.start()
		defer b.stopped()
		b.save(nil)
		b.pass(time.Second)
		store.slow.Store(true)
		late := make(chan error)
		go func() { late <- b.p.SetMode(t.Context(), writeback.PlanOnly, "ann", "") }()
		synctest.Wait()
		b.mode(writeback.Paused)
		close(store.gate)
		require.NoError(t, <-late)
		b.must(b.p.WriteNote(t.Context(), b.note("note")))
		b.pass(time.Second)
		require.Equal(t, writeback.ReasonPaused, b.requireState("note", writeback.Held).Reason)
	})
}
