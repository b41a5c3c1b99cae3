package writeback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/settings"
)

// TakeOver says how settings that come from elsewhere are taken over.
type TakeOver struct {
	// Expect, Actor and Reason are those of a [Save]. Without a Reason the history
	// says where the settings came from.
	Expect int64
	Actor  string
	Reason string
	// DryRun works everything out and saves nothing.
	DryRun bool
}

func (h TakeOver) save() Save { return Save{Expect: h.Expect, Actor: h.Actor, Reason: h.Reason} }

// TakenOver is what becomes of settings that come from elsewhere: the same for a
// dry run, and when problems kept it from being saved.
type TakenOver struct {
	// Report has a row for each reference, what changes, and every problem.
	settings.Report
	// Settings are the outcome. What was not saved is a draft: mend its problems
	// and give it to [Practice.SaveSettings].
	Settings settings.Document `json:"settings"`
	// Revision is what it was saved as, 0 when it was not.
	Revision int64 `json:"revision"`
}

// ExportSettings returns the settings in force as a file for
// [Practice.ImportSettings], here or anywhere else: JSON as [settings.Export]
// says, with the labels that the PMS shows. It holds no secret and nothing of
// patients.
func (p *Practice) ExportSettings(ctx context.Context) ([]byte, error) {
	doc, _, err := p.Settings(ctx)
	if err != nil {
		return nil, err
	}
	place, err := p.place(ctx, nil)
	if err != nil {
		return nil, err
	}
	data, err := settings.NewExport(doc, place, time.Now()).Marshal()
	if err != nil {
		return nil, fmt.Errorf("writeback: export settings: %w", err)
	}
	return data, nil
}

// ImportSettings takes over an exported file in place of the settings in force.
// Back in the practice and PMS that it is from, ids count; anywhere else every
// reference is found anew by its label, or cleared and reported. See
// [settings.Export.Into].
//
// A file that cannot be read is an *InputError for "data". ErrProblems when
// something in its settings is wrong or the outcome has errors: the problems are
// in the report, and nothing is saved. ErrStale when Expect is not the latest
// revision. settings.ErrNotRead when labels are needed and this practice's PMS was
// never reached.
func (p *Practice) ImportSettings(ctx context.Context, data []byte, how TakeOver) (TakenOver, error) {
	const op = "import settings"
	if err := how.save().validate(op); err != nil {
		return TakenOver{}, err
	}
	export, problems, err := settings.ParseExport(data)
	if err != nil {
		c := inputCheck{e: InputError{Op: op}}
		c.bad("data", errors.Unwrap(err).Error())
		return TakenOver{}, c.err()
	}
	if settings.HasErrors(problems) {
		// What is wrong has its default, which nobody chose: it is not worked out
		// what would become of it.
		return TakenOver{Report: settings.Report{Problems: problems}}, ErrProblems
	}
	if how.Reason == "" {
		how.Reason = fmt.Sprintf("imported from an export of practice %s of %s", export.Practice, export.At.Format("2006-01-02 15:04 MST"))
	}
	return p.takeOver(ctx, op, how, export.Into)
}

// CopySettings takes over the settings in force of another practice of the same
// engine: every reference is found anew by its label, or cleared and reported.
// See [settings.Translate]. Errors are as for [Practice.ImportSettings], and an
// *InputError for "from": nil, this practice, another engine's, or one that never
// saved settings.
func (p *Practice) CopySettings(ctx context.Context, from *Practice, how TakeOver) (TakenOver, error) {
	const op = "copy settings"
	if err := how.save().validate(op); err != nil {
		return TakenOver{}, err
	}
	doc, source, err := p.copySource(ctx, op, from)
	if err != nil {
		return TakenOver{}, err
	}
	if how.Reason == "" {
		how.Reason = "copied from practice " + from.id
	}
	return p.takeOver(ctx, op, how, func(to settings.Place) (settings.Document, settings.Report, error) {
		return settings.Translate(doc, source, to)
	})
}

// copySource reads what is to be copied.
func (p *Practice) copySource(ctx context.Context, op string, from *Practice) (settings.Document, settings.Place, error) {
	c := inputCheck{e: InputError{Op: op}}
	switch {
	case from == nil:
		c.bad("from", "is nil; give the practice to copy from")
	case from.e != p.e:
		c.bad("from", "is of another engine; export its settings and import them")
	case from.id == p.id:
		c.bad("from", "is this practice itself")
	}
	if err := c.err(); err != nil {
		return settings.Document{}, settings.Place{}, err
	}
	if err := from.usable(); err != nil {
		return settings.Document{}, settings.Place{}, fmt.Errorf("writeback: %s: practice %s: %w", op, from.id, err)
	}
	doc, revision, err := from.Settings(ctx)
	if err != nil {
		return settings.Document{}, settings.Place{}, err
	}
	if revision == 0 {
		// The defaults would take the place of what this practice has chosen.
		c.bad("from", "has never saved settings; there is nothing to copy")
		return settings.Document{}, settings.Place{}, c.err()
	}
	source, err := from.place(ctx, nil)
	return doc, source, err
}

// takeOver works out what settings become here, and saves them unless it is a dry
// run.
func (p *Practice) takeOver(ctx context.Context, op string, how TakeOver, work func(settings.Place) (settings.Document, settings.Report, error)) (TakenOver, error) {
	if err := p.usable(); err != nil {
		return TakenOver{}, err
	}
	_, latest, err := p.Settings(ctx)
	if err != nil {
		return TakenOver{}, err
	}
	if latest != how.Expect {
		return TakenOver{}, fmt.Errorf("writeback: %s: revision %d is not the latest: %w", op, how.Expect, ErrStale)
	}
	before, err := p.revisionDocument(ctx, how.Expect)
	if err != nil {
		return TakenOver{}, err
	}
	place, err := p.place(ctx, before)
	if err != nil {
		return TakenOver{}, err
	}
	doc, report, err := work(place)
	if errors.Is(err, settings.ErrNotRead) {
		err = settings.ErrNotRead
	}
	if err != nil {
		return TakenOver{}, fmt.Errorf("writeback: %s: %w", op, err)
	}
	// The engine knows besides how old the catalogs are.
	doc, problems := p.check(doc, before)
	report.Problems = settings.Merge(report.Problems, problems)
	out := TakenOver{Report: report, Settings: doc}
	if settings.HasErrors(out.Problems) {
		return out, ErrProblems
	}
	if how.DryRun {
		return out, nil
	}
	problems, err = p.SaveSettings(ctx, doc, how.save())
	out.Problems = settings.Merge(out.Problems, problems)
	if err != nil {
		return out, err
	}
	out.Revision = how.Expect + 1
	return out, nil
}

// place is this practice as settings are carried from it or to it.
func (p *Practice) place(ctx context.Context, saved *settings.Document) (settings.Place, error) {
	catalogs, info, _, err := p.Catalogs(ctx)
	if err != nil {
		return settings.Place{}, err
	}
	return settings.Place{Practice: p.id, Catalogs: catalogs, Info: info, Saved: saved}, nil
}
