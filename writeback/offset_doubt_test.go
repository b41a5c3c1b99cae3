package writeback_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// scribe is a connection that writes down what is asked of it, by leg, and what
// was answered.
type scribe struct {
	*hooked
	mu   *sync.Mutex
	said *[]string
}

func (s scribe) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*s.said = append(*s.said, fmt.Sprintf(format, args...))
}

func (s scribe) Write(ctx context.Context, op driver.Op) (driver.Receipt, error) {
	r, err := driver.Write(ctx, s.Conn, op)
	outcome := "done"
	if e := driver.WriteError(err); e != nil {
		outcome = string(e.Kind)
	}
	s.note("write %s: %s", legOf(op), outcome)
	return r, err
}

func (s scribe) Verify(ctx context.Context, op driver.Op) (driver.Verdict, driver.Receipt, error) {
	v, r, err := driver.Verify(ctx, s.Conn, op)
	s.note("verify %s: %s", legOf(op), v)
	return v, r, err
}

// scribed makes the bed's engine one whose calls are written down; heard gives
// them and forgets them.
func (b *bed) scribed() (heard func() []string) {
	var mu sync.Mutex
	var said []string
	b.engine(b.connectBy(func(c driver.Conn) driver.Conn { return scribe{&hooked{Conn: c}, &mu, &said} }))
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		out := said
		said = nil
		return out
	}
}

// requireOrder checks what was asked of the PMS for one payment: no leg before
// the one before it is certain, and none again before it was looked for.
func requireOrder(t *testing.T, name string, said []string) {
	t.Helper()
	certain, doubt := map[string]bool{"": true}, map[string]bool{}
	before := map[string]string{"payment": "", "fee": "payment", "offset": "fee"}
	for _, s := range said {
		call, outcome, _ := strings.Cut(s, ": ")
		verb, leg, _ := strings.Cut(call, " ")
		require.True(t, certain[before[leg]], "%s: %s before its %s is certain: %q", name, s, before[leg], said)
		switch {
		case verb == "write" && doubt[leg]:
			t.Fatalf("%s: sent again before it was looked for: %q", name, said)
		case outcome == "done", outcome == "applied":
			certain[leg] = true
		case verb == "write":
			doubt[leg] = outcome == string(driver.ErrUnknownOutcome)
		case outcome == "absent":
			doubt[leg] = false
		}
	}
	require.True(t, certain["offset"], "%s: %q", name, said)
}

func TestThreeLegsArePostedOnceEachWhateverIsLost(t *testing.T) {
	t.Parallel()
	for _, leg := range legNames {
		t.Run(leg, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				heard := b.scribed()
				b.start()
				defer b.stopped()
				b.save(withOffsetOnly)
				b.pass(time.Second)
				for i, fault := range []memdriver.Fault{
					{Times: 1, Effect: memdriver.After},
					{Times: 1, Effect: memdriver.Before, Err: driver.ErrUnknownOutcome},
					{Times: 1, Effect: memdriver.Before, Err: fmt.Errorf("some error nobody classified")},
					{Times: 1, Effect: memdriver.Late, After: 20 * time.Second},
					{Times: 1, Effect: memdriver.Half},
					{Times: 3, Effect: memdriver.Before},
					{Times: 1, Effect: memdriver.Pass, Hang: memdriver.HangUntilDone},
				} {
					key := fmt.Sprint("pay-", i)
					fault.On, fault.Match = "write", isLeg(leg)
					b.pms.Fail(fault)
					b.feePaid(key)
					b.pass(20 * time.Minute)
					b.requireState(key, writeback.Written)
					require.Equal(t, []int{1, 1, 1}, b.posted(key), key)
					requireOrder(t, key, heard())
				}
			})
		})
	}
}

func TestUncertainOffsetIsLookedForByItsOwnRules(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		heard := b.scribed()
		b.pms.SetInfo(func(i *driver.Info) {
			// Payments may be sent again without a look, adjustments may not.
			payment, adjustment := i.Ops[driver.OpPayment], i.Ops[driver.OpAdjustment]
			payment.Idempotent, adjustment.VerifyAfter = true, 3*time.Hour
			i.Ops[driver.OpPayment], i.Ops[driver.OpAdjustment] = payment, adjustment
		})
		b.start()
		defer b.stopped()
		b.save(withOffsetOnly)
		b.pass(time.Second)
		// The answer is lost, and the PMS carries it out hours later. Somebody
		// looks, does not find it, and may be in a hurry.
		for _, name := range []string{"patient", "hurried"} {
			b.pms.Fail(memdriver.Fault{On: "write adjustment", Times: 1, Effect: memdriver.Late, After: 2 * time.Hour})
			it := b.feePaid(name)
			b.pass(time.Hour)
			require.Empty(t, b.requireState(name, writeback.Uncertain).Reason, "it is too early to ask a person")
			if name == "hurried" {
				b.must(b.p.Retry(t.Context(), it.ID, "dana"))
			}
			b.pass(4 * time.Hour)
			b.requireState(name, writeback.Written)
			require.Equal(t, []int{1, 1, 1}, b.posted(name), name)
			requireOrder(t, name, heard())
		}

		// A PMS that cannot be asked leaves it to a person.
		b.pms.Fail(memdriver.Fault{On: "write adjustment", Times: 1, Effect: memdriver.After})
		trip := b.pms.Fail(memdriver.Fault{On: "verify adjustment", Err: driver.ReasonUnsupported})
		b.feePaid("unasked")
		b.pass(5 * time.Hour)
		stuck := b.requireState("unasked", writeback.Uncertain)
		require.Equal(t, writeback.ReasonOutcomeUnknown, stuck.Reason)
		require.Equal(t, "outcome_unknown:adjustment", stuck.Cause)
		trip.Clear()
		b.pass(2 * time.Hour)
		b.requireState("unasked", writeback.Written)
		require.Equal(t, []int{1, 1, 1}, b.posted("unasked"))

		// Its type is cleared while nobody knows whether it is there.
		for name, there := range map[string]int{"cleared, there": 1, "cleared, not there": 0} {
			fault := memdriver.Fault{On: "write adjustment", Times: 1, Effect: memdriver.After}
			if there == 0 {
				fault.Effect, fault.Err = memdriver.Before, driver.ErrUnknownOutcome
			}
			b.pms.Fail(fault)
			b.pms.Fail(memdriver.Fault{On: "verify adjustment", Times: 3})
			b.feePaid(name)
			b.pass(2 * time.Second)
			b.requireState(name, writeback.Uncertain)
			b.save(offsetType(""))
			b.pass(5 * time.Hour)
			require.Equal(t, []int{1, 1, there}, b.posted(name), name)
			if there == 0 {
				require.Equal(t, "not_configured:payments.offset_fee", b.requireState(name, writeback.PartiallyPosted).Cause)
			}
			b.save(withOffsetOnly)
			b.pass(time.Minute)
			b.requireState(name, writeback.Written)
			require.Equal(t, []int{1, 1, 1}, b.posted(name), name)
		}
	})
}

func TestCrashBetweenOrInLegsDoublesNone(t *testing.T) {
	t.Parallel()
	for _, leg := range legNames[1:] {
		for effect, name := range map[memdriver.Effect]string{memdriver.Before: "before", memdriver.After: "after", memdriver.Late: "late"} {
			t.Run(leg+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b := newBed(t, nil)
					frozen := &freezer{Store: b.store}
					b.engine(func(c *writeback.Config) { c.Store = frozen })
					b.start()
					b.save(withOffsetOnly)
					b.pass(time.Second)
					// The PMS is asked, and the process dies while it waits.
					trip := b.pms.Fail(memdriver.Fault{On: "write", Match: isLeg(leg), Times: 1, Effect: effect, After: 3 * time.Minute, Hang: memdriver.HangHard})
					b.feePaid("pay")
					<-trip.Reached()
					b.requireState("pay", writeback.Writing)
					frozen.frozen.Store(true)
					stopDead, runDead := b.stop, b.run
					b.engine(nil) // another process
					b.start()
					b.pass(3 * time.Minute)
					trip.Release()
					frozen.frozen.Store(false)
					stopDead()
					<-runDead
					b.pass(30 * time.Minute)
					b.requireState("pay", writeback.Written)
					require.Equal(t, []int{1, 1, 1}, b.posted("pay"))
					b.stopped()
				})
			})
		}
	}
	t.Run("between", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, nil)
			b.start()
			b.save(withOffsetOnly)
			b.pass(time.Second)
			trip := b.pms.Fail(memdriver.Fault{On: "write adjustment"})
			b.feePaid("pay")
			b.pass(time.Minute)
			require.Equal(t, []bool{true, true, false}, done(b.requireState("pay", writeback.PartiallyPosted)))
			b.stopped()
			trip.Clear()
			heard := b.scribed()
			b.start()
			b.pass(10 * time.Minute)
			b.requireState("pay", writeback.Written)
			require.Equal(t, []int{1, 1, 1}, b.posted("pay"))
			require.Equal(t, []string{"write offset: done"}, heard(), "what is there is left alone")
			b.stopped()
		})
	})
}

func TestRestoredStoreLooksForAnOffsetItMayHaveForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.pms.SetInfo(func(i *driver.Info) {
			// Payments may be sent again without a look, adjustments may not.
			payment := i.Ops[driver.OpPayment]
			payment.Idempotent = true
			i.Ops[driver.OpPayment] = payment
		})
		b.start()
		b.save(withOffsetOnly)
		pay := b.withFee("pay")
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(time.Minute)
		b.requireState("pay", writeback.Written)
		b.stopped()

		b.store = memstore.New() // the disk is gone
		heard := b.scribed()
		b.save(withOffsetOnly)
		b.must(b.p.PostPayment(t.Context(), pay))
		b.pass(time.Minute)
		require.NoError(t, b.eng.MarkRestored(t.Context(), "dana"))
		b.start()
		b.pass(10 * time.Minute)
		b.requireState("pay", writeback.Written)
		require.Equal(t, []string{"write payment: done", "write fee: done", "verify offset: applied"}, heard())
		require.Len(t, b.pms.Adjustments(), 1)
		b.stopped()
	})
}
