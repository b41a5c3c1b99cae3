package writeback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// Drift: what settings ask for breaks in the PMS, without anybody saving
// anything. It is looked for whenever catalogs are read or settings saved, and
// each change of it is one row of the audit log: what is known to be broken is a
// document that is written in the same change as that row.

// SettingsProblems returns what is wrong with the settings in force: they are
// checked against the practice's PMS as last seen, as if they were saved anew
// unchanged. An inactive provider shows here though nothing waits for it.
func (p *Practice) SettingsProblems(ctx context.Context) ([]settings.Problem, error) {
	if err := p.current(ctx); err != nil {
		return nil, err
	}
	if err := p.loadSettings(ctx); err != nil {
		return nil, err
	}
	return p.problemsNow(), nil
}

// problemsNow checks what is in force, as far as it is known here. What was saved
// is not resolved as a paste would be: the engine goes by its ids as they are.
func (p *Practice) problemsNow() []settings.Problem {
	p.mu.Lock()
	doc := p.settings
	p.mu.Unlock()
	catalogs, info := p.checkedBy()
	return settings.Validate(doc, catalogs, info, &doc)
}

// broken is one thing that settings ask for and that the PMS does not have.
type broken struct {
	Path string `json:"path"`
	Code string `json:"code"`
	// Of tells entries of a list apart, which move when another one goes: the id
	// of the reference, with the name of a form type.
	Of string `json:"of,omitempty"`
}

// same reports whether both say the same of one thing, wherever it stands in its
// list.
func (b broken) same(o broken) bool { return b.Code == o.Code && b.sameThing(o) }

// sameThing is same though the code be another one that takes its place: an
// option that was inactive and is gone now has not been mended.
func (b broken) sameThing(o broken) bool {
	path, _, _ := strings.Cut(b.Path, "[")
	other, _, _ := strings.Cut(o.Path, "[")
	return path == other && b.Of == o.Of &&
		(b.Code == o.Code || brokenCodes[b.Code].option && brokenCodes[o.Code].option)
}

func (b broken) event(practice, name string) Event {
	return Event{Practice: practice, Name: name, Actor: "engine", Detail: b.Path + " " + b.Code}
}

// brokenCodes are the problems that the PMS brings about, and whether they are of
// the option that was chosen.
var brokenCodes = map[string]struct {
	option bool
	words  string
}{
	settings.CodeProviderUnknown:  {true, "the provider is not in the PMS. What needs it waits until that is mended."},
	settings.CodeProviderInactive: {true, "the provider is inactive in the PMS. What needs it waits until that is mended."},
	settings.CodeOptionUnknown:    {true, "what was chosen is not in the PMS. What needs it waits until that is mended."},
	settings.CodeOptionInactive:   {true, "what was chosen is hidden or inactive in the PMS. What needs it waits until that is mended."},
	settings.CodeOptionAmbiguous:  {true, "the PMS has more than one option that this could be. What needs it waits until that is mended."},
	settings.CodeOptionReused:     {true, "the PMS has given the id to something else. What needs it waits until it is chosen again."},
	settings.CodeWrongList:        {true, "what was chosen is in another list of the PMS. What needs it waits until that is mended."},
	settings.CodeUnsupported:      {false, "the PMS does not offer this. What needs it waits until it does."},
	settings.CodeIntervalMinimum:  {false, "the PMS allows no interval that short. It is kept at the PMS's own pace."},
	settings.CodeNoteTypeRequired: {false, "the PMS asks for a note type. Notes wait until one is chosen."},
}

// brokenIn gathers what is broken in a saved document, in the order of the page.
func brokenIn(doc settings.Document, catalogs settings.Catalogs, info driver.Info) []broken {
	refs := map[string]string{}
	for _, r := range doc.References() {
		refs[r.Path] = r.Ref.ID
	}
	var out []broken
	for _, problem := range settings.Validate(doc, catalogs, info, &doc) {
		if _, ok := brokenCodes[problem.Code]; !ok {
			continue
		}
		b := broken{Path: problem.Path, Code: problem.Code, Of: refs[problem.Path]}
		if entry, ok := strings.CutSuffix(b.Path, ".folder"); ok {
			if name, err := settings.Get(doc, entry+".name"); err == nil {
				b.Of += "\n" + name.(string)
			}
		}
		if !slices.ContainsFunc(out, b.same) {
			out = append(out, b)
		}
	}
	return out
}

// driftEvents tells what was mended and what broke from one look to the next.
func driftEvents(practice string, was, is []broken) []Event {
	var events []Event
	for _, b := range was {
		if !slices.ContainsFunc(is, b.sameThing) {
			events = append(events, b.event(practice, EventSettingMended))
		}
	}
	for _, b := range is {
		if !slices.ContainsFunc(was, b.same) {
			events = append(events, b.event(practice, EventSettingBroken))
		}
	}
	return events
}

// storeChecked stores documents, and in the same change what they break or mend
// of the latest settings, by these catalogs. wake tells other processes.
func (p *Practice) storeChecked(ctx context.Context, catalogs settings.Catalogs, info driver.Info, docs []DocWrite, wake bool) error {
	for tries := 0; ; tries++ {
		if err := p.loadSettings(ctx); err != nil {
			return err
		}
		p.mu.Lock()
		doc, revision := p.settings, p.revision
		p.mu.Unlock()
		known, was, err := p.knownBroken(ctx)
		if err != nil {
			return err
		}
		var is []broken
		if revision > 0 { // before the first save nothing was chosen that could break
			is = brokenIn(doc, catalogs, info)
		}
		change := Change{
			Practice: p.id, Fence: p.lease.Fence(), Revision: revision,
			Docs: slices.Clone(docs), Events: driftEvents(p.id, was, is), Wake: wake,
		}
		if !slices.Equal(was, is) {
			data, err := json.Marshal(is)
			if err != nil {
				return errors.New("writeback: encode what is broken")
			}
			change.Docs = append(change.Docs, DocWrite{Name: docBroken, Value: data, Expect: known})
		}
		if len(change.Docs) > 0 {
			err = p.e.commit.Apply(ctx, []Change{change})[0]
		}
		if errors.Is(err, ErrStale) && tries < 5 {
			continue // somebody saved
		}
		if err == nil {
			p.checkedFor = revision
		}
		return err
	}
}

// knownBroken reads what was broken at the last look.
func (p *Practice) knownBroken(ctx context.Context) (version int64, list []broken, err error) {
	doc, err := p.e.cfg.Store.Doc(ctx, p.id, docBroken)
	if errors.Is(err, ErrNotFound) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, fmt.Errorf("writeback: read what is broken: %w", err)
	}
	if json.Unmarshal(doc.Value, &list) != nil {
		list = nil // it is told anew
	}
	return doc.Version, list, nil
}

// checkSaved tells what a save broke or mended, once the catalogs are known.
func (p *Practice) checkSaved(ctx context.Context) error {
	p.mu.Lock()
	revision, catalogs, info := p.revision, p.catalogs, p.info
	p.mu.Unlock()
	if info == nil || p.checkedFor == revision {
		return nil
	}
	if err := p.storeChecked(ctx, catalogs, *info, nil, false); err != nil {
		return fmt.Errorf("writeback: check settings: %w", err)
	}
	return nil
}

// checkFirst reads the catalogs before anything is written after an outage: the
// PMS may have been changed, and settings may have been saved that nobody could
// check. It reports whether what was decided before still stands. A PMS that
// answers, and whose catalogs cannot be read all the same, holds nothing up: what
// was read before counts.
func (p *Practice) checkFirst(ctx context.Context) (stands bool, err error) {
	p.mu.Lock()
	away := p.back.Load() || !p.health.connected && p.health.lastError != ""
	known, answered := p.health.unread, p.health.answers
	p.mu.Unlock()
	if !away || known || p.catalogsAge() <= time.Minute {
		return true, nil
	}
	if err := p.runLoop(ctx, loopCatalog); err != nil {
		return false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.health.loop(loopCatalog).failures == 0 {
		return false, nil // it is decided by what was read, or the PMS is still away
	}
	down := p.line.down(time.Now()) > 0
	if p.health.answers > answered || !down {
		p.health.unread = true // a refusal is an answer, too
	}
	return !down, nil
}

// lookAfterOutage has the catalogs read when the PMS is back: it may have been
// changed, and settings may have been saved that nobody could check.
func (p *Practice) lookAfterOutage() {
	if p.back.Swap(false) && p.catalogsAge() > time.Minute {
		p.due.Now(loopCatalog)
	}
}
