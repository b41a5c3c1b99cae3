package writeback

import (
	"context"
	"fmt"

	"github.com/pmswriteback/pms/settings"
)

// SettingsRevision returns the document of a revision as it was saved, and who
// saved it, when and why. Number 0 is the library's defaults, with which every
// history begins; what the PMS adds to them before the first save is in
// [Practice.InitialSettings]. ErrNotFound when there is no such revision.
func (p *Practice) SettingsRevision(ctx context.Context, number int64) (settings.Document, Revision, error) {
	if number < 0 {
		return settings.Document{}, Revision{}, &InputError{Op: "settings revision", Fields: []FieldError{{"number", "is negative; give a revision's number, or 0 for the defaults"}}}
	}
	if number == 0 {
		return settings.Default(), Revision{}, nil
	}
	rev, err := p.e.cfg.Store.Revision(ctx, p.id, number)
	if err != nil {
		return settings.Document{}, Revision{}, fmt.Errorf("writeback: settings revision %d: %w", number, err)
	}
	doc, _, err := settings.Parse(rev.Document, settings.Stored)
	if err != nil {
		return settings.Document{}, Revision{}, fmt.Errorf("writeback: settings revision %d: %w", number, err)
	}
	return doc, rev, nil
}

// SettingsDiff lists what differs from one revision to another, in the order of
// the page and in words for staff. Number 0 is the defaults. ErrNotFound when
// there is no such revision.
func (p *Practice) SettingsDiff(ctx context.Context, from, to int64) ([]settings.Change, error) {
	a, _, err := p.SettingsRevision(ctx, from)
	if err != nil {
		return nil, err
	}
	b, _, err := p.SettingsRevision(ctx, to)
	if err != nil {
		return nil, err
	}
	return p.named(settings.Diff(a, b)), nil
}

// HistoryRow is a settings revision with what it changed.
type HistoryRow struct {
	Revision
	// Changes are the differences to the revision before it; the first one is
	// compared with the defaults. Empty when it was saved unchanged.
	Changes []settings.Change
	// Damaged is set when this revision or the one before it cannot be read any
	// more, so that nobody can tell what changed.
	Damaged bool
}

// The bounds of how many revisions a history shows.
const (
	historyRows    = 50
	maxHistoryRows = 1000
)

// SettingsHistory returns the latest revisions, newest first, each with what it
// changed. A limit of 0 or less is 50, and more than 1000 is 1000; older ones
// are there by number with [Practice.SettingsRevision].
func (p *Practice) SettingsHistory(ctx context.Context, limit int) ([]HistoryRow, error) {
	if limit <= 0 {
		limit = historyRows
	}
	limit = min(limit, maxHistoryRows)
	// One more, for what the oldest is compared with.
	revisions, err := p.e.cfg.Store.Revisions(ctx, p.id, limit+1)
	if err != nil {
		return nil, fmt.Errorf("writeback: settings history: %w", err)
	}
	rows := make([]HistoryRow, len(revisions))
	before, damaged := settings.Default(), false
	for i := len(revisions) - 1; i >= 0; i-- {
		doc, _, err := settings.Parse(revisions[i].Document, settings.Stored)
		rows[i] = HistoryRow{Revision: revisions[i], Damaged: damaged || err != nil}
		if !rows[i].Damaged {
			rows[i].Changes = p.named(settings.Diff(before, doc))
		}
		before, damaged = doc, err != nil
	}
	return rows[:min(len(rows), limit)], nil
}

// RestoreSettings saves the document of an earlier revision as the next one. Like
// any save it is in force at once, and ErrStale when somebody saved in between.
//
// What has changed in the PMS since then stops no restore: options that are gone
// or inactive, minimums that grew and operations that ended are warnings, and
// what needs them is held until that is mended. The rules within the document
// stay errors. ErrNotFound when there is no such revision. Save.Reason is
// "restored revision 3" when it is left empty.
func (p *Practice) RestoreSettings(ctx context.Context, number int64, save Save) ([]settings.Problem, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	if number < 1 {
		return nil, &InputError{Op: "restore settings", Fields: []FieldError{{"number", "is not a revision; give one of SettingsHistory"}}}
	}
	if save.Reason == "" {
		save.Reason = fmt.Sprintf("restored revision %d", number)
	}
	if err := save.validate("restore settings"); err != nil {
		return nil, err
	}
	if err := p.current(ctx); err != nil {
		return nil, err
	}
	doc, _, err := p.SettingsRevision(ctx, number)
	if err != nil {
		return nil, err
	}
	return p.save(ctx, doc, &doc, save, fmt.Sprintf("revision %d, restored from revision %d", save.Expect+1, number))
}

// named gives fields the labels that staff of this host know.
func (p *Practice) named(changes []settings.Change) []settings.Change {
	for i, c := range changes {
		plain, known := settings.FieldAt("", c.Path)
		if f, _ := settings.FieldAt(p.e.cfg.HostName, c.Path); known && plain.Label == c.Label {
			changes[i].Label = f.Label
		}
	}
	return changes
}
