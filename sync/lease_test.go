package sync_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	pmssync "github.com/pmswriteback/pms/sync"
)

// leases is a LeaseStore in memory, on the bubble's clock.
type leases struct {
	mu      sync.Mutex
	owner   string
	fence   int64
	expires time.Time
	renewed int
	down    error
	hang    bool
	gaveUp  bool
}

func (s *leases) Acquire(_ context.Context, _, owner string, ttl time.Duration) (int64, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return 0, false, s.down
	}
	held := s.owner != "" && time.Now().Before(s.expires)
	if held && s.owner != owner {
		return 0, false, nil
	}
	if !held || s.owner != owner {
		s.fence++
	}
	s.owner, s.expires = owner, time.Now().Add(ttl)
	return s.fence, true, nil
}

func (s *leases) Renew(ctx context.Context, _, owner string, fence int64, ttl time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renewed++
	if s.hang {
		s.mu.Unlock()
		<-ctx.Done()
		time.Sleep(time.Second) // it takes its time to give up
		s.mu.Lock()
		s.gaveUp = true
		return false, ctx.Err()
	}
	if s.down != nil {
		return false, s.down
	}
	if s.owner != owner || s.fence != fence {
		return false, nil
	}
	s.expires = time.Now().Add(ttl)
	return true, nil
}

func (s *leases) Release(_ context.Context, _, owner string, fence int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	if s.owner == owner && s.fence == fence {
		s.owner = ""
	}
	return nil
}

func (s *leases) set(change func(*leases)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *leases) renewals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renewed
}

const ttl = time.Minute

func TestLeaseIsHeldByOneOwnerAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &leases{}
		first, err := pmssync.Acquire(t.Context(), s, "p", "one", ttl)
		require.NoError(t, err)
		require.EqualValues(t, 1, first.Fence())
		_, err = pmssync.Acquire(t.Context(), s, "p", "two", ttl)
		require.ErrorIs(t, err, pmssync.ErrLeaseHeld)
		_, err = pmssync.Hold(t.Context(), s, "p", "two", ttl)
		require.ErrorIs(t, err, pmssync.ErrLeaseHeld)

		require.NoError(t, first.Release(t.Context()))
		require.False(t, first.Valid(time.Now()))
		require.NoError(t, first.Release(t.Context()), "releasing twice is harmless")
		second, err := pmssync.Acquire(t.Context(), s, "p", "two", ttl)
		require.NoError(t, err)
		require.EqualValues(t, 2, second.Fence())
		require.ErrorIs(t, first.Renew(t.Context()), pmssync.ErrLeaseLost)
		require.ErrorIs(t, first.Ensure(t.Context()), pmssync.ErrLeaseLost)
	})
}

func TestLeaseEnsureAsksTheStoreOnlyWhenHalfOfItsTimeIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &leases{}
		l, err := pmssync.Acquire(t.Context(), s, "p", "one", ttl)
		require.NoError(t, err)
		time.Sleep(ttl / 2)
		require.NoError(t, l.Ensure(t.Context()))
		require.Zero(t, s.renewals())
		time.Sleep(time.Nanosecond)
		require.NoError(t, l.Ensure(t.Context()))
		require.Equal(t, 1, s.renewals())
		require.True(t, l.Valid(time.Now().Add(ttl-1)))
		require.False(t, l.Valid(time.Now().Add(ttl)))
	})
}

func TestLeaseThatLapsedComesBackUnlessSomebodyTookIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &leases{}
		l, err := pmssync.Acquire(t.Context(), s, "p", "one", ttl)
		require.NoError(t, err)
		time.Sleep(2 * ttl)
		require.False(t, l.Valid(time.Now()))
		require.NoError(t, l.Ensure(t.Context()))
		require.True(t, l.Valid(time.Now()))

		time.Sleep(2 * ttl)
		other, err := pmssync.Acquire(t.Context(), s, "p", "two", ttl)
		require.NoError(t, err)
		require.Greater(t, other.Fence(), l.Fence())
		require.ErrorIs(t, l.Ensure(t.Context()), pmssync.ErrLeaseLost)
		require.NoError(t, other.Release(t.Context()))
		renewals := s.renewals()
		require.ErrorIs(t, l.Renew(t.Context()), pmssync.ErrLeaseLost, "lost is lost for good")
		require.Equal(t, renewals, s.renewals())
	})
}

func TestLeaseOutlivesAStoreThatFailsForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &leases{}
		l, err := pmssync.Acquire(t.Context(), s, "p", "one", ttl)
		require.NoError(t, err)
		time.Sleep(ttl * 3 / 4)
		down := errors.New("down")
		s.set(func(s *leases) { s.down = down })
		err = l.Ensure(t.Context())
		require.ErrorIs(t, err, down)
		require.NotErrorIs(t, err, pmssync.ErrLeaseLost)
		require.EqualError(t, err, "sync: lease: renew: down")
		require.True(t, l.Valid(time.Now()))
		s.set(func(s *leases) { s.down = nil })
		require.NoError(t, l.Ensure(t.Context()))

		s.set(func(s *leases) { s.down = down })
		require.ErrorIs(t, l.Release(t.Context()), down)
		require.False(t, l.Valid(time.Now()), "not to be used any more, whatever the store says")
		_, err = pmssync.Acquire(t.Context(), s, "p", "two", ttl)
		require.EqualError(t, err, "sync: lease: acquire: down")
		_, err = pmssync.Acquire(t.Context(), s, "p", "two", 0)
		require.ErrorContains(t, err, "ttl")
	})
}

func TestHeldLeaseIsRenewedUntilItIsReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &leases{}
		held, err := pmssync.Hold(t.Context(), s, "p", "one", ttl)
		require.NoError(t, err)
		time.Sleep(10*ttl + time.Second)
		synctest.Wait()
		require.NoError(t, held.Context().Err())
		require.True(t, held.Valid(time.Now()))
		require.Equal(t, 30, s.renewals())

		require.NoError(t, held.Release(t.Context()))
		require.ErrorIs(t, held.Context().Err(), context.Canceled)
		require.NotErrorIs(t, context.Cause(held.Context()), pmssync.ErrLeaseLost)
		time.Sleep(10 * ttl)
		require.Equal(t, 30, s.renewals(), "nothing is renewed after the release")
	})
}

func TestHeldLeaseEndsItsWorkWhenAnotherTakesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &leases{}
		held, err := pmssync.Hold(t.Context(), s, "p", "one", ttl)
		require.NoError(t, err)
		s.set(func(s *leases) { s.owner, s.fence = "two", s.fence+1 })
		time.Sleep(ttl / 3)
		synctest.Wait()
		require.ErrorIs(t, context.Cause(held.Context()), pmssync.ErrLeaseLost)
		require.NoError(t, held.Release(t.Context()))
		require.Equal(t, "two", s.owner, "what is another's is not released")
	})
}

func TestHeldLeaseTriesAgainAndEndsItsWorkBeforeTheLeaseLapses(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]func(*leases){
		"the store fails": func(s *leases) { s.down = errors.New("down") },
		"the store hangs": func(s *leases) { s.hang = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				s := &leases{}
				held, err := pmssync.Hold(t.Context(), s, "p", "one", ttl)
				require.NoError(t, err)
				s.set(failure)
				<-held.Context().Done()
				require.Equal(t, ttl*9/10, time.Since(start))
				require.ErrorIs(t, context.Cause(held.Context()), pmssync.ErrLeaseLost)
				require.True(t, held.Valid(time.Now()), "there is a tenth of its time left to stop in")
				s.set(func(s *leases) { s.down, s.hang = nil, false })
				require.NoError(t, held.Release(t.Context()))
			})
		})
	}
	t.Run("the store comes back in time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &leases{down: nil}
			held, err := pmssync.Hold(t.Context(), s, "p", "one", ttl)
			require.NoError(t, err)
			s.set(func(s *leases) { s.down = errors.New("down") })
			time.Sleep(ttl * 3 / 4)
			s.set(func(s *leases) { s.down = nil })
			time.Sleep(ttl)
			synctest.Wait()
			require.NoError(t, held.Context().Err())
			require.NoError(t, held.Release(t.Context()))
		})
	})
}

func TestKeepStopsWithItsContextAndWaitsForARenewalUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &leases{hang: true}
		l, err := pmssync.Acquire(t.Context(), s, "p", "one", ttl)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		work, stop := l.Keep(ctx)
		time.Sleep(ttl/3 + 1)
		require.Equal(t, 1, s.renewals())
		cancel()
		require.ErrorIs(t, work.Err(), context.Canceled)
		stop()
		require.True(t, s.gaveUp, "stop did not wait for the renewal")
		stop()
		time.Sleep(ttl)
		require.Equal(t, 1, s.renewals())
	})
}

func TestKeepSeesARenewalByOtherMeans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &leases{}
		l, err := pmssync.Acquire(t.Context(), s, "p", "one", ttl)
		require.NoError(t, err)
		work, stop := l.Keep(t.Context())
		defer stop()
		s.set(func(s *leases) { s.down = errors.New("down") })
		time.Sleep(ttl * 85 / 100)
		s.set(func(s *leases) { s.down = nil })
		require.NoError(t, l.Renew(t.Context()))
		s.set(func(s *leases) { s.down = errors.New("down") })
		time.Sleep(ttl * 8 / 10)
		synctest.Wait()
		require.NoError(t, work.Err())
		time.Sleep(ttl / 5)
		synctest.Wait()
		require.ErrorIs(t, context.Cause(work), pmssync.ErrLeaseLost)
	})
}

func TestKeepRenewsSoonWhatHasLittleTimeLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &leases{}
		l, err := pmssync.Acquire(t.Context(), s, "p", "one", ttl)
		require.NoError(t, err)
		time.Sleep(ttl * 6 / 10)
		work, stop := l.Keep(t.Context())
		defer stop()
		synctest.Wait()
		require.Equal(t, 1, s.renewals())
		time.Sleep(5 * ttl)
		synctest.Wait()
		require.NoError(t, work.Err())
	})
}
