package writeback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// Save says how settings are saved.
type Save struct {
	// Expect is the revision that the change was made from, 0 for the first one.
	// ErrStale when somebody saved in between; nothing is lost then.
	Expect int64
	// Actor is who saves. Required. Reason is why, if they said.
	Actor, Reason string
}

// Settings returns the settings in force and their revision. A practice that never
// saved any has revision 0 and what [Practice.InitialSettings] gives.
func (p *Practice) Settings(ctx context.Context) (settings.Document, int64, error) {
	if err := p.current(ctx); err != nil {
		return settings.Document{}, 0, err
	}
	if err := p.loadSettings(ctx); err != nil {
		return settings.Document{}, 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settings.Clone(), p.revision, nil
}

// SaveSettings validates a document against the practice's PMS as last seen and
// saves it as a new revision, in force at once. It returns every problem; with
// one that is an error nothing is saved and the error is ErrProblems. Pasted
// texts in references are resolved to ids.
func (p *Practice) SaveSettings(ctx context.Context, doc settings.Document, save Save) ([]settings.Problem, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	if err := save.validate("save settings"); err != nil {
		return nil, err
	}
	if err := p.current(ctx); err != nil {
		return nil, err
	}
	before, err := p.revisionDocument(ctx, save.Expect)
	if err != nil {
		return nil, err
	}
	return p.save(ctx, doc, before, save, fmt.Sprintf("revision %d", save.Expect+1))
}

// errNotLatest tells who saves that somebody saved in between.
func (s Save) errNotLatest() error {
	return fmt.Errorf("writeback: save settings: revision %d is not the latest any more: %w", s.Expect, ErrStale)
}

// validate says what is wrong with the save itself.
func (s Save) validate(op string) error {
	c := inputCheck{e: InputError{Op: op}}
	if s.Actor == "" {
		c.bad("actor", "is empty; say who saves")
	}
	c.id("actor", s.Actor)
	c.remark("reason", s.Reason)
	if s.Expect < 0 {
		c.bad("expect", "is negative; give the revision that was shown")
	}
	return c.err()
}

// save checks a document against the one that was in force before, stores it as
// the next revision and takes it into use. detail goes into the audit log.
func (p *Practice) save(ctx context.Context, doc settings.Document, before *settings.Document, save Save, detail string) ([]settings.Problem, error) {
	doc, problems := p.check(doc, before)
	if settings.HasErrors(problems) {
		// What was changed in between may be what is wrong: that comes first.
		if err := p.loadSettings(ctx); err != nil {
			return problems, err
		}
		p.mu.Lock()
		latest := p.revision == save.Expect
		p.mu.Unlock()
		if !latest {
			return problems, save.errNotLatest()
		}
		return problems, ErrProblems
	}
	data, err := doc.Marshal()
	if err != nil {
		return problems, fmt.Errorf("writeback: save settings: %w", err)
	}
	remembered, err := p.labelsFor(doc).write()
	if err != nil {
		return problems, err
	}
	change := Change{
		Practice: p.id,
		Save:     &Revision{Expect: save.Expect, Document: data, Actor: save.Actor, Reason: save.Reason},
		Events:   []Event{{Practice: p.id, Name: EventSettingsSaved, Actor: save.Actor, Detail: detail}},
		Docs:     []DocWrite{remembered},
		Wake:     true,
	}
	if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
		if errors.Is(err, ErrStale) {
			return problems, save.errNotLatest()
		}
		return problems, fmt.Errorf("writeback: save settings: %w", err)
	}
	if err := p.loadLabels(ctx); err != nil {
		return problems, err
	}
	if err := p.loadSettings(ctx); err != nil {
		return problems, err
	}
	p.e.Wake(p.id)
	return problems, nil
}

// CheckSettings is SaveSettings without the saving: the document with pasted
// texts resolved, and every problem. It looks at no item, so that a page can call
// it at each change; what a save would do to the items is for [Practice.Preview].
func (p *Practice) CheckSettings(ctx context.Context, doc settings.Document) (settings.Document, []settings.Problem, error) {
	if err := p.current(ctx); err != nil {
		return doc, nil, err
	}
	p.mu.Lock()
	revision := p.revision
	p.mu.Unlock()
	before, err := p.revisionDocument(ctx, revision)
	if err != nil {
		return doc, nil, err
	}
	doc, problems := p.check(doc, before)
	return doc, problems, nil
}

// check resolves pasted texts, in the document and in what it replaces, and
// validates. What cannot be resolved is a problem of Validate's as well, which
// knows whether it was so before.
func (p *Practice) check(doc settings.Document, before *settings.Document) (settings.Document, []settings.Problem) {
	catalogs, info := p.checkedBy()
	doc = p.labelled(doc, before)
	doc, _ = settings.Normalize(doc, catalogs)
	if before != nil {
		was, _ := settings.Normalize(p.labelled(*before, nil), catalogs)
		before = &was
	}
	return doc, settings.Validate(doc, catalogs, info, before)
}

// checkedBy gives the catalogs by which settings are checked now, and the Info,
// zero while it was never reached. The catalogs are marked as stale while the PMS
// does not answer; where another process asks it, when they have not come in time.
func (p *Practice) checkedBy() (settings.Catalogs, driver.Info) {
	p.mu.Lock()
	catalogs, info := p.catalogs, driver.Info{}
	if p.info != nil {
		info = *p.info
	}
	stale := time.Since(catalogs.AsOf) > p.e.cfg.CatalogEvery*5/4
	if p.working {
		stale = !p.health.connected && p.health.lastError != ""
	}
	p.mu.Unlock()
	if stale && !catalogs.AsOf.IsZero() {
		catalogs.Stale = "Not checked since " + catalogs.AsOf.In(p.config().Location).Format("2006-01-02 3:04 PM") + ": the PMS has not been reached since then."
	}
	return catalogs, info
}

// revisionDocument returns the document of a revision, nil for 0.
func (p *Practice) revisionDocument(ctx context.Context, number int64) (*settings.Document, error) {
	if number == 0 {
		return nil, nil
	}
	doc, _, err := p.SettingsRevision(ctx, number)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("writeback: settings revision %d: %w", number, ErrStale)
	}
	if err != nil {
		return nil, err
	}
	return &doc, nil
}
