package sync

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// Errors of Runner.Run.
var (
	ErrRunning = errors.New("sync: runner: Run is running already")
	ErrClosed  = errors.New("sync: runner: Run has ended; make a new Runner")
)

// Defaults of RunnerConfig.
const (
	DefaultMaxConcurrent = 64
	DefaultSpread        = 10 * time.Second
	DefaultLateAfter     = time.Second
)

// StepFunc does what is due for one practice and returns after how long the
// practice wants its next step: 0 for at once, behind those that wait already,
// less for never, until it is woken. After an error the Runner's back-off counts
// instead of next. ctx ends when the practice is removed or the Runner stops.
type StepFunc func(ctx context.Context, practice string) (next time.Duration, err error)

// RunnerConfig says what a Runner does. Everything but Step may be zero.
type RunnerConfig struct {
	// Step is called for each practice when it is due. Required.
	Step StepFunc
	// MaxConcurrent bounds how many steps run at once, and with it the Runner's
	// goroutines. 0 means DefaultMaxConcurrent.
	MaxConcurrent int
	// Spread is the window over which first steps are scattered, so that ten
	// thousand practices do not start in one second. 0 means DefaultSpread,
	// negative none. A practice that is woken does not wait for its turn.
	Spread time.Duration
	// Backoff is the delay after a Step's error, by the number of errors in a row.
	Backoff BackoffConfig
	// Grace is how long running steps may go on undisturbed once Run's context
	// has ended; then theirs is cancelled. 0 cancels it at once.
	Grace time.Duration
	// OnError is told of each error of a Step, before that practice's next step
	// and on its goroutine: it must not block. Not of context.Canceled after the
	// Runner cancelled the step itself. A panic of Step comes as *PanicError;
	// without OnError, where nobody would hear of it, a panic ends the process.
	OnError func(practice string, err error)
	// OnLate is told of steps that start more than LateAfter after they were due,
	// which means that MaxConcurrent is too small or the process is overloaded.
	// It must not block.
	OnLate func(practice string, late time.Duration)
	// LateAfter is the lateness that OnLate hears of. 0 means DefaultLateAfter.
	LateAfter time.Duration
}

// Validate returns everything that is wrong, joined, or nil.
func (c RunnerConfig) Validate() error {
	var errs []error
	if c.Step == nil {
		errs = append(errs, errors.New("sync: runner: Step is nil: give the function to run"))
	}
	if c.MaxConcurrent < 0 {
		errs = append(errs, errors.New("sync: runner: MaxConcurrent is negative: give 0 for the default"))
	}
	if c.Grace < 0 {
		errs = append(errs, errors.New("sync: runner: Grace is negative: give 0 to cancel steps at once"))
	}
	if c.LateAfter < 0 {
		errs = append(errs, errors.New("sync: runner: LateAfter is negative: give 0 for the default"))
	}
	errs = append(errs, c.Backoff.Validate())
	return errors.Join(errs...)
}

// Runner calls a step function for many practices in one process, each when it
// is due, never two steps of one practice at once, in the order in which they
// came due. A practice that waits costs an entry in a heap and no goroutine; one
// goroutine waits for the earliest, and one more runs for each step.
//
// A Runner is safe for concurrent use. Its methods may be called by a step,
// except RemoveWait for the step's own practice.
type Runner struct {
	cfg RunnerConfig
	// kick tells Run to look at the schedule again.
	kick chan struct{}
	// workers counts the goroutines that run steps.
	workers sync.WaitGroup

	mu        sync.Mutex
	state     runnerState
	stop      context.Context // Run's: no step starts once it has ended
	steps     context.Context // parent of the steps' contexts
	practices map[string]*actor
	leaving   int // of those, removed ones whose step still runs
	queue     schedule
	running   int
}

type runnerState uint8

const (
	idle runnerState = iota
	active
	closed
)

// actor is one practice. Its fields are guarded by Runner.mu.
type actor struct {
	practice string
	slot     slot
	failures int // errors in a row

	running bool
	woken   bool               // one more step is wanted at once
	removed bool               // to be forgotten when its step has ended
	again   bool               // added again since it was removed
	ctx     context.Context    // of the running step
	cancel  context.CancelFunc // of the running step
	ended   chan struct{}      // closed when the running step ends; made on demand
}

// NewRunner returns a Runner without practices, and starts nothing.
func NewRunner(cfg RunnerConfig) (*Runner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.MaxConcurrent == 0 {
		cfg.MaxConcurrent = DefaultMaxConcurrent
	}
	switch {
	case cfg.Spread == 0:
		cfg.Spread = DefaultSpread
	case cfg.Spread < 0:
		cfg.Spread = 0
	}
	if cfg.LateAfter == 0 {
		cfg.LateAfter = DefaultLateAfter
	}
	return &Runner{cfg: cfg, kick: make(chan struct{}, 1), practices: map[string]*actor{}}, nil
}

// Run runs steps until ctx ends, then starts no more, waits for those that run
// and returns nil. The goroutines of the Runner live within Run. ErrRunning when
// it runs already, ErrClosed when it did.
func (r *Runner) Run(ctx context.Context) error {
	cancel, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	r.serve(ctx)

	if r.cfg.Grace > 0 {
		defer time.AfterFunc(r.cfg.Grace, cancel).Stop()
	} else {
		cancel()
	}
	// No worker is added any more: ctx has ended, and that is looked at under
	// the lock under which one would be.
	r.workers.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = closed
	return nil
}

// open makes the Runner active and schedules what was added so far. cancel ends
// the steps.
func (r *Runner) open(ctx context.Context) (cancel context.CancelFunc, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.state {
	case active:
		return nil, ErrRunning
	case closed:
		return nil, ErrClosed
	case idle:
	}
	r.state = active
	r.stop = ctx
	// Not cancelled with ctx but by Run, so that there can be a grace.
	r.steps, cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, a := range r.practices {
		r.first(a)
	}
	return cancel, nil
}

// serve starts steps as they come due, until ctx ends.
func (r *Runner) serve(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait, scheduled := r.dispatch()
		if scheduled {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return
		case <-r.kick:
		case <-timer.C:
		}
	}
}

// dispatch starts a worker for each practice that is due, as far as
// MaxConcurrent allows, and returns how long until the next is due. Without a
// free worker nothing is scheduled: the next one that ends looks itself.
func (r *Runner) dispatch() (wait time.Duration, scheduled bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.running < r.cfg.MaxConcurrent {
		a, late := r.take()
		if a == nil {
			if r.queue.empty() {
				return 0, false
			}
			return time.Until(r.queue.earliest()), true
		}
		r.running++
		r.workers.Go(func() { r.work(a, late) })
	}
	return 0, false
}

// take removes the practice that is due first from the schedule and prepares its
// step; nil when none is due or the Runner stops. r.mu is held.
func (r *Runner) take() (a *actor, late time.Duration) {
	if r.queue.empty() || r.stop.Err() != nil {
		return nil, 0
	}
	late = time.Since(r.queue.earliest())
	if late < 0 {
		return nil, 0
	}
	a = r.queue.pop()
	a.running = true
	a.ctx, a.cancel = context.WithCancel(r.steps)
	return a, late
}

// work runs the step of a, and then those of others that are due.
func (r *Runner) work(a *actor, late time.Duration) {
	// Deferred, for a step may end its goroutine by runtime.Goexit.
	defer func() {
		r.mu.Lock()
		r.running--
		r.mu.Unlock()
		r.nudge()
	}()
	for a != nil {
		if late > r.cfg.LateAfter && r.cfg.OnLate != nil {
			r.cfg.OnLate(a.practice, late)
		}
		r.step(a)
		r.mu.Lock()
		a, late = r.take()
		r.mu.Unlock()
	}
}

// step runs one step and schedules the next.
func (r *Runner) step(a *actor) {
	var next time.Duration
	var err error
	returned := false
	defer func() {
		cancelled := a.ctx.Err() != nil && errors.Is(err, context.Canceled)
		if !returned {
			// Without OnError nobody would hear of a panic: let it go on.
			var value any
			if r.cfg.OnError != nil {
				value = recover()
			}
			err = newPanicError("step", value)
		}
		a.cancel()
		if err != nil && !cancelled && r.cfg.OnError != nil {
			r.cfg.OnError(a.practice, err)
		}
		r.settle(a, next, err)
	}()
	next, err = r.cfg.Step(a.ctx, a.practice)
	returned = true
}

// settle ends a step and schedules the practice's next.
func (r *Runner) settle(a *actor, next time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.running, a.ctx, a.cancel = false, nil, nil
	if a.ended != nil {
		close(a.ended)
		a.ended = nil
	}
	if a.removed {
		if !a.again {
			r.leaving--
			delete(r.practices, a.practice)
			return
		}
		*a = actor{practice: a.practice, slot: a.slot, woken: a.woken}
		r.first(a)
		return
	}
	if err != nil {
		a.failures++
		next = r.cfg.Backoff.Delay(a.failures, rand.Float64())
	} else {
		a.failures = 0
	}
	switch {
	case a.woken:
		a.woken = false
		r.arm(a, 0)
	case next >= 0:
		r.arm(a, next)
	}
}

// first schedules the first step of a practice: at once when it was woken, else
// somewhere in the window of Spread. r.mu is held.
func (r *Runner) first(a *actor) {
	switch {
	case a.woken:
		a.woken = false
		r.arm(a, 0)
	case r.cfg.Spread > 0:
		r.arm(a, rand.N(r.cfg.Spread))
	default:
		r.arm(a, 0)
	}
}

// arm makes a practice due in a while. r.mu is held.
func (r *Runner) arm(a *actor, in time.Duration) {
	r.queue.set(a, time.Now().Add(in))
	if r.queue.isFirst(a) && r.running < r.cfg.MaxConcurrent {
		r.nudge()
	}
}

// nudge makes Run look at the schedule again.
func (r *Runner) nudge() {
	select {
	case r.kick <- struct{}{}:
	default: // it will look anyway
	}
}
