package writeback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// ImportProgress says how far an Import is.
type ImportProgress struct {
	Feed driver.Feed `json:"feed"`
	// Records were delivered so far, counted from 0 again when it starts over.
	// PMSs do not say how many there are.
	Records int `json:"records"`
	// Done is set when the last has been delivered.
	Done bool `json:"done"`
	// Failed says why it stopped, by kind; it is tried again.
	Failed string `json:"failed,omitempty"`
}

// Import walks all records of a feed, patients or the coming appointments or
// photos, and delivers each, whether or not it was delivered before: as Found,
// except that what the feed itself has not told yet comes as what it is, created
// or moved, and is not told again by the feed. It is done by the practice's
// steps, survives a restart (by starting over, with the same guarantee), and its
// progress is in Imports and told to Handlers.Imports. Asking again while one runs
// starts it over.
func (p *Practice) Import(ctx context.Context, feed driver.Feed) error {
	if err := p.usable(); err != nil {
		return err
	}
	if feed != driver.PatientFeed && feed != driver.AppointmentFeed && feed != driver.PhotoFeed {
		return &InputError{Op: "import", Fields: []FieldError{{"feed", "must be new_patients, appointments or photos"}}}
	}
	if !p.e.handles(feed) {
		return &InputError{Op: "import", Fields: []FieldError{{"feed", "has no handler in Config.Handlers"}}}
	}
	if err := p.load(ctx); err != nil {
		return err
	}
	if feed == driver.PhotoFeed && !p.runs(feed) {
		return &InputError{Op: "import", Fields: []FieldError{{"feed", "is off in the settings; switch photos on first"}}}
	}
	data, err := json.Marshal(ImportProgress{Feed: feed})
	if err != nil {
		return fmt.Errorf("writeback: import: encode")
	}
	change := Change{
		Practice: p.id, Wake: true,
		Docs: []DocWrite{{Name: docImport + string(feed), Value: data, Expect: -1}},
	}
	if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
		return fmt.Errorf("writeback: import: %w", err)
	}
	p.e.Wake(p.id)
	return nil
}

// Imports returns the progress of every import that was asked for.
func (p *Practice) Imports(ctx context.Context) ([]ImportProgress, error) {
	imports, err := p.imports(ctx)
	out := make([]ImportProgress, 0, len(imports))
	for _, i := range imports {
		out = append(out, i.ImportProgress)
	}
	return out, err
}

// storedImport is an import with the version of its document: when somebody else
// changed that, the import was asked for again.
type storedImport struct {
	ImportProgress
	version int64
}

func (p *Practice) imports(ctx context.Context) ([]storedImport, error) {
	docs, err := p.e.cfg.Store.Docs(ctx, p.id, docImport)
	if err != nil {
		return nil, fmt.Errorf("writeback: read imports: %w", err)
	}
	var out []storedImport
	for _, d := range docs {
		i := storedImport{version: d.Version}
		if err := json.Unmarshal(d.Value, &i.ImportProgress); err != nil {
			return nil, fmt.Errorf("writeback: %s is damaged", d.Name)
		}
		out = append(out, i)
	}
	return out, nil
}

// advanceImport stores what a page of an import made, together with how far the
// import is.
func (p *Practice) advanceImport(ctx context.Context, i *storedImport, progress ImportProgress, t taken) error {
	data, err := json.Marshal(progress)
	if err != nil {
		return fmt.Errorf("writeback: import: encode")
	}
	change := Change{
		Practice: p.id, Fence: p.lease.Fence(), Seen: t.seen,
		Docs: append(t.docs, DocWrite{Name: docImport + string(i.Feed), Value: data, Expect: i.version}),
	}
	if err := p.e.commit.Apply(context.WithoutCancel(ctx), []Change{change})[0]; err != nil {
		return fmt.Errorf("writeback: store import: %w", err)
	}
	i.ImportProgress = progress
	i.version++
	return nil
}

// runAsked takes up what SyncNow asked for, here or in another process. Somebody
// is waiting, so that a PMS that was down a moment ago is asked all the same.
func (p *Practice) runAsked(ctx context.Context) error {
	docs, err := p.e.cfg.Store.Docs(ctx, p.id, docNow)
	if err != nil || len(docs) == 0 {
		return err
	}
	change := Change{Practice: p.id, Fence: p.lease.Fence()}
	for _, d := range docs {
		p.due.Now(strings.TrimPrefix(d.Name, docNow))
		change.Docs = append(change.Docs, DocWrite{Name: d.Name, Expect: -1})
	}
	if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
		return fmt.Errorf("writeback: take up what was asked for: %w", err)
	}
	p.line.tryNow()
	return nil
}

// runImports carries imports on, a page at a time, within the step's budget.
func (p *Practice) runImports(ctx context.Context, end time.Time) (time.Duration, error) {
	imports, err := p.imports(ctx)
	if err != nil {
		return 0, err
	}
	wait, busy := time.Duration(-1), false
	defer func() {
		if !busy {
			p.forgetHandler(handlerImports)
		}
	}()
	for _, i := range imports {
		if i.Done || !p.e.handles(i.Feed) || i.Feed == driver.PhotoFeed && !p.runs(i.Feed) {
			continue
		}
		busy = true
		if down := p.line.down(time.Now()); down > 0 {
			wait = soonest(wait, down)
			continue
		}
		if until := time.Until(p.importAfter); until > 0 {
			wait = soonest(wait, until)
			continue
		}
		more, err := p.runImport(ctx, &i, end)
		switch {
		case err == nil:
			p.importFailures = 0
			if more {
				wait = 0
			}
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case errors.Is(err, ErrStale):
			wait = 0 // asked for again in between
		case errors.Is(err, ErrFenced) || p.lease == nil:
			return 0, err
		default:
			p.importFailures++
			again := p.e.cfg.Retry.Delay(p.importFailures, 0.5)
			p.importAfter = time.Now().Add(again)
			wait = soonest(wait, again)
			p.importFailed(ctx, &i, err)
			p.e.cfg.Log.Warn("import failed", "practice", p.id, "feed", i.Feed, "error", safeError(err), "again_in", again)
		}
	}
	return wait, nil
}

// importFailed shows why an import does not go on; it is only for showing.
func (p *Practice) importFailed(ctx context.Context, i *storedImport, err error) {
	w := p.walks[string(i.Feed)]
	failed := failureKind(err)
	if i.Failed == failed || w == nil {
		return
	}
	progress := i.ImportProgress
	progress.Failed = failed
	var host *handlerError
	if !(errors.As(err, &host) && host.feed == handlerImports) && p.tellImport(ctx, progress) != nil {
		return // at the next failure, then
	}
	if p.advanceImport(ctx, i, progress, taken{}) == nil {
		w.version = i.version
	}
}

// failureKind names an error in a word that staff can be shown.
func failureKind(err error) string {
	var host *handlerError
	var e *driver.Error
	switch {
	case errors.As(err, &host):
		return "blocked by host"
	case errors.As(err, &e):
		return string(e.Kind)
	}
	return "store"
}

// tellImport tells the host how far an import is.
func (p *Practice) tellImport(ctx context.Context, progress ImportProgress) error {
	if p.e.cfg.Handlers.Imports == nil {
		return nil
	}
	return deliver(ctx, p, handlerImports, p.e.cfg.Handlers.Imports, []ImportProgress{progress})
}

// walk is a window that is being read, across steps.
type walk struct {
	token string
	from  time.Time
	// version is that of the import's document when the walk last stored it.
	version int64
	// begun is set when the host was told that it starts.
	begun bool
}

// runImport reads pages of an import until its end or the step's. more asks for
// another step at once.
func (p *Practice) runImport(ctx context.Context, i *storedImport, end time.Time) (more bool, err error) {
	w := p.walks[string(i.Feed)]
	if w == nil || w.version != i.version {
		w = &walk{from: p.today(), version: i.version}
		p.walks[string(i.Feed)] = w
	}
	if !w.begun {
		i.Records = 0
		if err := p.tellImport(ctx, ImportProgress{Feed: i.Feed}); err != nil {
			return false, err
		}
		w.begun = true
	}
	if err := p.greet(ctx); err != nil {
		return false, err
	}
	q := driver.WindowQuery{Feed: i.Feed, Token: w.token}
	how := look{window: true, all: true, today: w.from}
	if i.Feed == driver.AppointmentFeed {
		pos, err := p.position(ctx, string(i.Feed))
		if err != nil {
			return false, err
		}
		how.until = pos.Until
		q.From, q.To = w.from, w.from.Add(p.e.cfg.SweepAhead)
	}
	for {
		var page driver.Page
		err := p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
			page, err = driver.ReadWindow(ctx, conn, q)
			return err
		})
		if errors.Is(err, driver.ErrCursorExpired) && q.Token != "" {
			delete(p.walks, string(i.Feed)) // another connection: from the start
			return true, nil
		}
		if err != nil {
			return false, err
		}
		var t taken
		switch i.Feed {
		case driver.PatientFeed:
			t, err = p.importPatients(ctx, page.Patients)
		case driver.PhotoFeed:
			t, err = p.importPhotos(ctx, page.Photos)
		default:
			t, err = p.takeAppointments(ctx, i.Feed, page.Appointments, nil, how)
		}
		if err != nil {
			return false, err
		}
		progress := ImportProgress{Feed: i.Feed, Records: i.Records + page.Len(), Done: !page.More}
		if err := p.tellImport(ctx, progress); err != nil {
			return false, err
		}
		if err := p.advanceImport(ctx, i, progress, t); err != nil {
			return false, err
		}
		if i.Done {
			delete(p.walks, string(i.Feed))
			return true, nil // what it set going need not wait for the next loop
		}
		if page.Next == "" || page.Next == q.Token {
			return false, errNoProgress(i.Feed)
		}
		q.Token, w.token, w.version = page.Next, page.Next, i.version
		if time.Now().After(end) {
			return true, nil
		}
		if err := p.breathe(ctx); err != nil {
			return false, err
		}
		if p.walks[string(i.Feed)] != w {
			return true, nil // the PMS was changed in between: from the start
		}
	}
}
