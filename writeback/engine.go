package writeback

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	pmssync "github.com/pmswriteback/pms/sync"
)

// Engine keeps the host and its practices' PMSs in step. Make one with [New],
// add practices, and call Run; submitting and reading work before and during
// Run, and in processes that never run it.
//
// All methods are safe for concurrent use.
type Engine struct {
	cfg    Config
	seal   sealer
	title  titleTemplate
	commit *groupStore
	runner *pmssync.Runner
	slots  chan struct{}

	mu        sync.Mutex
	practices map[string]*Practice
	state     engineState
}

type engineState uint8

const (
	idle engineState = iota
	running
	ended
)

// New checks the configuration and makes an engine. It starts nothing and does
// no I/O.
func New(cfg Config) (*Engine, error) {
	return newEngine(cfg, 5*time.Second, func(practice string, late time.Duration) {
		if cfg.Log != nil {
			cfg.Log.Warn("a step was late; the process has too much to do", "practice", practice, "late", late)
		}
	})
}

// newEngine is New with a say in what lateness is told of.
func newEngine(cfg Config, lateAfter time.Duration, onLate func(practice string, late time.Duration)) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	seal, err := newSealer(cfg.SealKeys)
	if err != nil {
		return nil, err
	}
	title, err := parseTitle(cfg.DocumentTitle)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, seal: seal, title: title,
		commit:    newGroupStore(cfg.Store),
		slots:     make(chan struct{}, cfg.MaxCalls),
		practices: map[string]*Practice{},
	}
	e.runner, err = pmssync.NewRunner(pmssync.RunnerConfig{
		Step: e.Step,
		// A step waits for a slot or a handler most of the time; what is bounded
		// is the PMS calls.
		MaxConcurrent: 4 * cfg.MaxCalls,
		Spread:        cfg.Spread,
		Backoff:       cfg.Retry,
		Grace:         cfg.Grace,
		LateAfter:     lateAfter,
		OnLate:        onLate,
		OnError: func(practice string, err error) {
			cfg.Log.Error("step failed", "practice", practice, "error", err)
		},
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// groupStore is the store with group commit: changes of many callers that wait
// at the same time share one commit.
type groupStore struct {
	Store
	committer *pmssync.Committer[Change]
}

func newGroupStore(s Store) *groupStore {
	return &groupStore{Store: s, committer: pmssync.NewCommitter(s.Apply, pmssync.CommitterConfig{})}
}

// Apply implements Submitter.
func (g *groupStore) Apply(ctx context.Context, changes []Change) []error {
	return g.committer.Do(ctx, changes...)
}

// running reports whether Run works, and with it hears of what others change.
func (e *Engine) running() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state == running
}

func (e *Engine) usable() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == ended {
		return ErrClosed
	}
	return nil
}

// Run works until ctx ends, and owns every goroutine the engine has: when it
// returns, the last has ended. A write in flight gets Config.Grace to finish.
// It returns ctx's error, ErrRunning when the engine runs already, or ErrClosed
// after an earlier Run.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	switch e.state {
	case running:
		e.mu.Unlock()
		return ErrRunning
	case ended:
		e.mu.Unlock()
		return ErrClosed
	}
	e.state = running
	e.mu.Unlock()
	defer e.end()

	_, woken, err := e.cfg.Store.Wakes(ctx, 0)
	if err != nil {
		return fmt.Errorf("writeback: run: read wakes: %w", err)
	}
	records, err := e.cfg.Store.Practices(ctx)
	if err != nil {
		return fmt.Errorf("writeback: run: read practices: %w", err)
	}
	for _, r := range records {
		if _, err := e.adopt(r); err != nil {
			return fmt.Errorf("writeback: run: practice %s: %w", r.ID, err)
		}
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return e.runner.Run(gctx) })
	group.Go(func() error { return e.watch(gctx, woken) })
	group.Go(func() error { return e.tidy(gctx) })
	group.Go(func() error { return e.hint(gctx) })
	if err := group.Wait(); ctx.Err() == nil {
		return err
	}
	return ctx.Err()
}

// Close ends the use of an engine that never ran: it gives up the leases and
// connections that Step took. ErrRunning while Run works, which does the same at
// its end; ErrClosed afterwards. It does not close the store.
func (e *Engine) Close() error {
	e.mu.Lock()
	state := e.state
	if state == idle {
		e.state = ended // Run cannot begin any more
	}
	e.mu.Unlock()
	switch state {
	case running:
		return fmt.Errorf("%w: end Run's context instead", ErrRunning)
	case ended:
		return ErrClosed
	}
	e.end()
	return nil
}

func (e *Engine) end() {
	e.mu.Lock()
	e.state = ended
	practices := make([]*Practice, 0, len(e.practices))
	for _, p := range e.practices {
		practices = append(practices, p)
	}
	e.mu.Unlock()
	for _, p := range practices {
		p.leave()
	}
}

// watch takes up what other processes did: practices woken, added, changed and
// removed. What happened before after needs no waking: every practice gets its
// first step anyway.
func (e *Engine) watch(ctx context.Context, after int64) error {
	var leaving sync.WaitGroup
	defer leaving.Wait()
	for {
		if !sleep(ctx, e.cfg.WakePoll) {
			return ctx.Err()
		}
		woken, next, err := e.cfg.Store.Wakes(ctx, after)
		if err != nil {
			if ctx.Err() == nil {
				e.cfg.Log.Error("wakes cannot be read", "error", err)
			}
			continue
		}
		after = next
		for _, id := range woken {
			e.takeUp(ctx, id, &leaving)
		}
	}
}

func (e *Engine) takeUp(ctx context.Context, id string, leaving *sync.WaitGroup) {
	r, err := e.cfg.Store.Practice(ctx, id)
	if err == nil && r.Removed {
		// What runs may take its time; the other practices do not wait for it.
		leaving.Go(func() { e.drop(ctx, id) }) //nolint:errcheck // only ctx's end stops it
		return
	}
	if err == nil {
		var p *Practice
		if p, err = e.adopt(r); err == nil {
			p.wakeUp()
		}
	}
	if err != nil && ctx.Err() == nil {
		e.cfg.Log.Error("a practice cannot be read", "practice", id, "error", err)
	}
}

// drop ends the practice's work in this process.
func (e *Engine) drop(ctx context.Context, id string) error {
	e.mu.Lock()
	p := e.practices[id]
	delete(e.practices, id)
	e.mu.Unlock()
	if p == nil {
		return nil
	}
	p.gone.Store(true)
	if err := e.runner.RemoveWait(ctx, id); err != nil {
		return err
	}
	p.leave()
	return nil
}

// tidy deletes what is not needed any more.
func (e *Engine) tidy(ctx context.Context) error {
	for {
		if !sleep(ctx, time.Hour) {
			return ctx.Err()
		}
		// A blob is stored before its item; a day is longer than any upload.
		if _, err := e.cfg.Store.Sweep(ctx, 24*time.Hour); err != nil && ctx.Err() == nil {
			e.cfg.Log.Error("orphaned documents cannot be swept", "error", err)
		}
		if e.cfg.KeepContent < 0 {
			continue
		}
		records, err := e.cfg.Store.Practices(ctx)
		if err != nil {
			continue
		}
		for _, r := range records {
			if err := e.forgetPlans(ctx, r.ID); err != nil && ctx.Err() == nil {
				e.cfg.Log.Error("planned items cannot be tidied", "practice", r.ID, "error", err)
			}
			for {
				n, err := e.cfg.Store.Purge(ctx, r.ID, []State{Written, Superseded, Expired, Dismissed, Skipped}, e.cfg.KeepContent, 500)
				if err != nil || n < 500 {
					break
				}
			}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// AddPractice stores a practice and takes it into the engine: into this one at
// once, into others on the same store within seconds. It is idempotent; a
// changed configuration takes the place of the old one.
func (e *Engine) AddPractice(ctx context.Context, cfg PracticeConfig) (*Practice, error) {
	if err := e.usable(); err != nil {
		return nil, err
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	record, err := cfg.record()
	if err != nil {
		return nil, err
	}
	if err := e.cfg.Store.PutPractice(ctx, record); err != nil {
		return nil, fmt.Errorf("writeback: add practice: %w", err)
	}
	p, err := e.adopt(record)
	if err != nil {
		return nil, err
	}
	if err := firstError(e.commit.Apply(ctx, []Change{{Practice: cfg.ID, Wake: true}})); err != nil {
		return nil, fmt.Errorf("writeback: add practice: %w", err)
	}
	return p, nil
}

// adopt makes the practice known in this process.
func (e *Engine) adopt(r PracticeRecord) (*Practice, error) {
	cfg, err := parsePractice(r)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	p := e.practices[r.ID]
	if p == nil {
		p = newPractice(e, cfg)
		e.practices[r.ID] = p
	}
	e.mu.Unlock()
	p.configure(cfg)
	e.runner.Add(r.ID)
	return p, nil
}

// Practice returns a practice that was added here or elsewhere on the same
// store; ErrUnknownPractice otherwise.
func (e *Engine) Practice(ctx context.Context, id string) (*Practice, error) {
	e.mu.Lock()
	p := e.practices[id]
	e.mu.Unlock()
	if p != nil {
		return p, nil
	}
	r, err := e.cfg.Store.Practice(ctx, id)
	if err == nil && r.Removed {
		err = ErrUnknownPractice
	}
	if err != nil {
		return nil, fmt.Errorf("writeback: practice %q: %w", id, err)
	}
	return e.adopt(r)
}

// Practices returns the ids of all practices on the store.
func (e *Engine) Practices(ctx context.Context) ([]string, error) {
	records, err := e.cfg.Store.Practices(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	return ids, nil
}

// RemovePractice stops the practice's work, waits until what runs here has
// ended, and keeps everything it has in the store: AddPractice brings it back.
func (e *Engine) RemovePractice(ctx context.Context, id string) error {
	r, err := e.cfg.Store.Practice(ctx, id)
	if err != nil {
		return fmt.Errorf("writeback: remove practice %q: %w", id, err)
	}
	r.Removed = true
	if err := e.cfg.Store.PutPractice(ctx, r); err != nil {
		return fmt.Errorf("writeback: remove practice: %w", err)
	}
	if err := e.drop(ctx, id); err != nil {
		return err
	}
	return firstError(e.commit.Apply(ctx, []Change{{Practice: id, Wake: true}}))
}

// Wake asks for a step of the practice in this process as soon as possible. A
// hint: what is due is found without it.
func (e *Engine) Wake(practice string) { e.runner.Wake(practice) }

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
