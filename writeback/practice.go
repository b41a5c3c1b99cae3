package writeback

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	pmssync "github.com/pmswriteback/pms/sync"
)

// Practice is one practice of an engine. Its methods are safe for concurrent
// use and work in any process, whether or not the engine runs there.
type Practice struct {
	e  *Engine
	id string
	// owner names this practice's worker in leases: two never share one, not even
	// in processes of one name, or while a removed practice comes back.
	owner string

	// mu guards what submitting, reading and stepping share.
	mu     sync.Mutex
	cfg    PracticeConfig
	loaded bool
	// loadedAt and settingsAt are when what is known was last read: all of it, and
	// the settings.
	loadedAt, settingsAt time.Time
	settings             settings.Document
	revision             int64
	catalogs             settings.Catalogs
	labels               labels
	info                 *driver.Info
	infoAsOf             time.Time
	// infoVersion is that of the stored Info that was last taken into use.
	infoVersion int64
	closed      map[driver.OpKind]driver.Scope
	// restoredAt is when the store was marked as restored from a back-up.
	restoredAt time.Time
	// mode is empty until it was read; modeVersion is its document's.
	mode        Mode
	modeVersion int64
	// awaited are documents for which others of the same content wait.
	awaited map[string]bool
	health  practiceHealth
	working bool // this process holds the lease

	// hintAt is when the practice's turn for a hint is. Engine.mu guards it.
	hintAt time.Time

	// due has its own lock.
	due *pmssync.Due
	// gone is set when the practice was removed; AddPractice makes another one.
	gone atomic.Bool
	// redecide asks the next step to decide again what waits.
	redecide atomic.Bool
	// back is set when the PMS answers again after it did not: it may have been
	// changed meanwhile, and settings been saved.
	back atomic.Bool

	// stepping is held by the one step that runs, which owns the rest.
	stepping sync.Mutex
	lease    *pmssync.Lease
	line     line
	hints    hinting
	// pace is the average time of a write, by which claims are measured out.
	pace time.Duration
	// decidedBy is the revision by which waiting items were last decided.
	decidedBy int64
	// checkedFor is the revision for which it was last told what is broken.
	checkedFor int64
	walks      map[string]*walk
	// looks are the appointments whose status is read again when a write of ours
	// is settled, by the name of their document; nil until read from the store.
	looks map[string]string
	// handling are the handlers that did not return in time, until they do.
	handling map[string]chan struct{}
	// wroteAt is when due items were last written.
	wroteAt time.Time
	// matchAfter is the item behind which matchAgain goes on, 0 for the first.
	matchAfter int64
	// salt keys the hashes of what was seen.
	salt []byte
	// tellAfter and importAfter put off what failed.
	tellAfter, importAfter       time.Time
	tellFailures, importFailures int
}

func newPractice(e *Engine, cfg PracticeConfig) *Practice {
	return &Practice{
		e: e, id: cfg.ID, owner: e.cfg.Owner + "/" + crand.Text(), cfg: cfg, settings: settings.Default(),
		due: pmssync.NewDue(rand.Float64), decidedBy: -1, checkedFor: -1,
		line: line{retry: e.cfg.Retry.New()}, walks: map[string]*walk{}, handling: map[string]chan struct{}{},
	}
}

// usable is the engine's, and ErrUnknownPractice for one that was removed.
func (p *Practice) usable() error {
	if p.gone.Load() {
		return ErrUnknownPractice
	}
	return p.e.usable()
}

// ID is the host's id of the practice.
func (p *Practice) ID() string { return p.id }

type practiceJSON struct {
	Location string `json:"location"`
	Site     string `json:"site,omitempty"`
}

func (c PracticeConfig) record() (PracticeRecord, error) {
	data, err := json.Marshal(practiceJSON{c.Location.String(), c.Site})
	return PracticeRecord{ID: c.ID, Config: data}, err
}

func parsePractice(r PracticeRecord) (PracticeConfig, error) {
	var j practiceJSON
	if err := json.Unmarshal(r.Config, &j); err != nil {
		return PracticeConfig{}, errors.New("writeback: the stored configuration is damaged; add the practice again")
	}
	loc, err := time.LoadLocation(j.Location)
	if err != nil {
		return PracticeConfig{}, fmt.Errorf("writeback: zone %q cannot be loaded (import time/tzdata)", j.Location)
	}
	return PracticeConfig{ID: r.ID, Location: loc, Site: j.Site}, nil
}

func (p *Practice) configure(cfg PracticeConfig) {
	p.mu.Lock()
	changed := p.cfg.Location.String() != cfg.Location.String() || p.cfg.Site != cfg.Site
	p.cfg = cfg
	p.mu.Unlock()
	if changed {
		p.line.reset()
	}
}

func (p *Practice) config() PracticeConfig {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cfg
}

// The names of the practice's documents in the store.
const (
	docInfo     = "info"
	docCatalog  = "catalog/"
	docCursor   = "cursor/"
	docLink     = "link/"
	docImport   = "import/"
	docEvents   = "events/handler"
	docNow      = "now/"
	docLook     = "look/"
	docSeenSalt = "seen/salt"
	docRestored = "restored"
	docMode     = "mode"
	docLabels   = "labels"
	docBroken   = "settings/broken"
)

// load reads settings, catalogs and Info from the store into the process: once
// where Run hears of changes or a step makes them, and else again when what is
// known has aged, since nobody says that something changed.
func (p *Practice) load(ctx context.Context) error {
	hears := p.e.running()
	p.mu.Lock()
	loaded := p.loaded && (hears || p.working || time.Since(p.loadedAt) < p.e.cfg.WakePoll)
	aged := time.Since(p.settingsAt) >= p.e.cfg.WakePoll
	p.mu.Unlock()
	if loaded {
		if !hears && aged {
			return p.loadSettings(ctx)
		}
		return nil
	}
	if err := p.loadSettings(ctx); err != nil {
		return err
	}
	if err := p.loadCatalogs(ctx); err != nil {
		return err
	}
	if err := p.loadLabels(ctx); err != nil {
		return err
	}
	if err := p.loadRestored(ctx); err != nil {
		return err
	}
	if err := p.loadMode(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	p.loaded, p.loadedAt = true, time.Now()
	p.mu.Unlock()
	return nil
}

// loadSettings takes the latest revision into use.
func (p *Practice) loadSettings(ctx context.Context) error {
	doc, number := settings.Default(), int64(0)
	rev, err := p.e.cfg.Store.Revision(ctx, p.id, 0)
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return fmt.Errorf("writeback: read settings: %w", err)
	default:
		p.mu.Lock()
		same := p.loaded && p.revision == rev.Number
		p.settingsAt = time.Now()
		p.mu.Unlock()
		if same {
			return nil
		}
		if doc, _, err = settings.Parse(rev.Document, settings.Stored); err != nil {
			return fmt.Errorf("writeback: settings revision %d: %w", rev.Number, err)
		}
		number = rev.Number
	}
	p.mu.Lock()
	if number < p.revision {
		p.mu.Unlock()
		return nil // somebody saved, and took that into use, since it was read
	}
	before := p.settings.Statuses
	if number == 0 {
		doc, _ = p.initial()
	}
	doc = doc.WithLabels(p.labels)
	p.settings, p.revision, p.settingsAt = doc, number, time.Now()
	p.mu.Unlock()
	p.setIntervals()
	if !slices.Equal(before.Confirmed, doc.Statuses.Confirmed) || before.UnconfirmedTarget != doc.Statuses.UnconfirmedTarget {
		p.due.Now(string(driver.AppointmentStatusFeed)) // what did not change may mean something else
	}
	return nil
}

// setIntervals sets the loops' intervals: the settings' own, or the PMS's minimum where
// that has grown above them.
func (p *Practice) setIntervals() {
	p.mu.Lock()
	defer p.mu.Unlock() // until they are set: an older document must not come last
	every := map[string]time.Duration{loopSweep: p.sweepEvery(), loopCatalog: p.e.cfg.CatalogEvery, loopMatch: matchEvery, loopAges: agesEvery}
	for _, f := range driver.Feeds() {
		every[string(f)] = p.every(p.settings, f)
	}
	for _, name := range sortedKeys(every) {
		p.due.Set(name, every[name])
	}
}

// every is the interval at which a feed is read, 0 when it is not; mu is held.
func (p *Practice) every(doc settings.Document, f driver.Feed) time.Duration {
	info := driver.Info{}
	if p.info != nil {
		info = *p.info
	}
	every, on := doc.PacedInterval(f, info)
	if !on || !p.e.handles(f) {
		return 0
	}
	return every
}

// sweepEvery is the interval of the sweep, 0 when no feed needs it; mu is held.
func (p *Practice) sweepEvery() time.Duration {
	if p.every(p.settings, driver.AppointmentFeed) == 0 && p.every(p.settings, driver.AppointmentStatusFeed) == 0 {
		return 0
	}
	return p.e.cfg.SweepEvery
}

const (
	loopSweep   = "sweep"
	loopCatalog = "catalog"
	loopMatch   = "match"
)

// matchEvery is how often items that wait for a patient look again without a new
// patient's arrival: one may have been corrected in the PMS.
const matchEvery = time.Hour

func (e *Engine) handles(f driver.Feed) bool {
	h := e.cfg.Handlers
	switch f {
	case driver.AppointmentStatusFeed:
		return h.AppointmentStatuses != nil
	case driver.AppointmentFeed:
		return h.Appointments != nil
	case driver.PatientFeed:
		return h.NewPatients != nil
	case driver.PhotoFeed:
		return h.Photos != nil
	}
	return false
}

// view is what decisions are made from, as known here and now.
func (p *Practice) view(ctx context.Context) (view, error) {
	if err := p.load(ctx); err != nil {
		return view{}, err
	}
	return p.viewNow(), nil
}

func (p *Practice) viewNow() view {
	p.mu.Lock()
	defer p.mu.Unlock()
	return view{
		settings: p.settings, revision: p.revision, catalogs: p.catalogs, info: p.info,
		closed: p.closed, mode: p.mode, now: time.Now(),
		notesExpire: p.e.cfg.NotesExpire, formsAskAfter: p.e.cfg.FormsAskAfter, restoredAt: p.restoredAt,
	}
}

// gather reads what a decision about the item needs from other rows.
func (p *Practice) gather(ctx context.Context, it *item, from Submitter) error {
	if host := it.p.Patient.HostID; host != "" {
		doc, err := from.Doc(ctx, p.id, docLink+derive("link", p.id, host, 20))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		it.near.linked = string(doc.Value)
	}
	if it.Kind == KindRefund {
		record, err := from.ItemByKey(ctx, p.id, it.p.Refund.Payment)
		if err != nil {
			if errors.Is(err, ErrNotFound) {
				return nil
			}
			return err
		}
		it.near.paid = record.State
		paid, err := p.e.seal.open(record)
		if err != nil {
			// One item is not to stop all others.
			it.near.unreadable = true
			return nil
		}
		if len(paid.pr.Legs) > 0 {
			it.near.leg = &paid.pr.Legs[0]
			if !it.near.leg.First.IsZero() {
				it.near.postedIn = paid.pr.PMS
			}
		}
	}
	return nil
}

// forgetLoaded has everything read anew that others may have stored.
func (p *Practice) forgetLoaded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loaded = false
}

// wakeUp takes note that somebody changed something elsewhere.
func (p *Practice) wakeUp() {
	p.forgetLoaded()
	p.redecide.Store(true)
	p.e.runner.Wake(p.id)
}

// leave gives up the lease and the connection, after the last step.
func (p *Practice) leave() {
	p.stepping.Lock()
	defer p.stepping.Unlock()
	for _, late := range p.handling {
		<-late // the host's code ignores that its time is over: nothing else can be done
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	p.dropLease(ctx)
	p.line.reset()
}

func (p *Practice) dropLease(ctx context.Context) {
	p.setWorking(false)
	if p.lease != nil {
		if err := p.lease.Release(ctx); err != nil {
			p.e.cfg.Log.Warn("lease was not released; it lapses by itself", "practice", p.id, "error", err)
		}
		p.lease = nil
	}
}

// works reports whether this process holds the lease.
func (p *Practice) works() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.working
}

func (p *Practice) setWorking(w bool) {
	p.mu.Lock()
	p.working = w
	p.mu.Unlock()
}

func (p *Practice) publicOf(r Record) (Item, error) {
	it, err := p.e.seal.open(r)
	if err != nil {
		return Item{}, err
	}
	return it.public(), nil
}
