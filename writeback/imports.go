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
	// Records were delivered so far. PMSs do not say how many there are.
	Records int `json:"records"`
	// Done is set when the last has been delivered.
	Done bool `json:"done"`
	// Failed says why it stopped, by kind; it is tried again.
	Failed string `json:"failed,omitempty"`
}

// Import walks all records of a feed, patients or the coming appointments or
// photos, and delivers each as Found, whether or not it was delivered before. It
// is done by the practice's steps, survives a restart (by starting over, with the
// same guarantee), and its progress is in Imports.
func (p *Practice) Import(ctx context.Context, feed driver.Feed) error {
	if err := p.e.usable(); err != nil {
		return err
	}
	if feed != driver.PatientFeed && feed != driver.AppointmentFeed && feed != driver.PhotoFeed {
		return &InputError{Op: "import", Fields: []FieldError{{"feed", "must be new_patients, appointments or photos"}}}
	}
	if !p.e.handles(feed) {
		return &InputError{Op: "import", Fields: []FieldError{{"feed", "has no handler in Config.Handlers"}}}
	}
	return p.storeImport(ctx, ImportProgress{Feed: feed}, true)
}

// Imports returns the progress of every import that was asked for.
func (p *Practice) Imports(ctx context.Context) ([]ImportProgress, error) {
	docs, err := p.e.cfg.Store.Docs(ctx, p.id, docImport)
	if err != nil {
		return nil, err
	}
	var out []ImportProgress
	for _, d := range docs {
		var progress ImportProgress
		if err := json.Unmarshal(d.Value, &progress); err != nil {
			return nil, fmt.Errorf("writeback: %s is damaged", d.Name)
		}
		out = append(out, progress)
	}
	return out, nil
}

func (p *Practice) storeImport(ctx context.Context, progress ImportProgress, wake bool) error {
	data, err := json.Marshal(progress)
	if err != nil {
		return err
	}
	change := Change{
		Practice: p.id, Wake: wake,
		Docs: []DocWrite{{Name: docImport + string(progress.Feed), Value: data, Expect: -1}},
	}
	if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
		return fmt.Errorf("writeback: import: %w", err)
	}
	if wake {
		p.e.Wake(p.id)
	}
	return nil
}

// runAsked takes up what SyncNow asked for, here or in another process.
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
	return p.e.commit.Apply(ctx, []Change{change})[0]
}

// runImports carries imports on, a page at a time, within the step's budget.
func (p *Practice) runImports(ctx context.Context, end time.Time) (time.Duration, error) {
	imports, err := p.Imports(ctx)
	if err != nil {
		return 0, err
	}
	wait := time.Duration(-1)
	for _, progress := range imports {
		if progress.Done {
			continue
		}
		if down := p.line.down(time.Now()); down > 0 {
			wait = soonest(wait, down)
			continue
		}
		if until := time.Until(p.importAfter); until > 0 {
			wait = soonest(wait, until)
			continue
		}
		more, err := p.runImport(ctx, progress, end)
		if err != nil {
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			p.importFailures++
			again := p.e.cfg.Retry.Delay(p.importFailures, 0.5)
			p.importAfter = time.Now().Add(again)
			wait = soonest(wait, again)
			p.e.cfg.Log.Warn("import failed", "practice", p.id, "feed", progress.Feed, "error", safeError(err), "again_in", again)
			continue
		}
		p.importFailures = 0
		if more {
			wait = 0
		}
	}
	return wait, nil
}

func (p *Practice) runImport(ctx context.Context, progress ImportProgress, end time.Time) (more bool, err error) {
	feed := progress.Feed
	w := p.walks[string(feed)]
	if w == nil || progress.Records == 0 {
		w = &walk{}
		p.walks[string(feed)] = w
		progress.Records = 0
	}
	q := driver.WindowQuery{Feed: feed, Token: w.token}
	if feed == driver.AppointmentFeed {
		if w.from.IsZero() {
			zone := p.config().Location
			w.from = driver.DateOf(time.Now().In(zone)).In(zone)
		}
		q.From, q.To = w.from, w.from.Add(p.e.cfg.SweepAhead)
	}
	for {
		var page driver.Page
		err := p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
			page, err = driver.ReadWindow(ctx, conn, q)
			return err
		})
		if err != nil {
			if errors.Is(err, driver.ErrCursorExpired) {
				delete(p.walks, string(feed)) // another connection: from the start
				progress.Records = 0
				return true, p.storeImport(ctx, progress, false)
			}
			return false, err
		}
		var seen []SeenWrite
		switch feed {
		case driver.PatientFeed:
			seen, err = p.takePatients(ctx, page.Patients, Found)
		case driver.PhotoFeed:
			seen, err = p.importPhotos(ctx, page.Photos)
		default:
			seen, err = p.importAppointments(ctx, page.Appointments)
		}
		if err != nil {
			return false, err
		}
		if err := p.advance(ctx, string(feed), &position{}, position{}, seen); err != nil {
			return false, err
		}
		progress.Records += page.Len()
		progress.Done = !page.More
		if err := p.storeImport(ctx, progress, false); err != nil {
			return false, err
		}
		if progress.Done {
			delete(p.walks, string(feed))
			return false, nil
		}
		q.Token, w.token = page.Next, page.Next
		if time.Now().After(end) {
			return true, nil
		}
	}
}

// importAppointments delivers records whether or not they are known.
func (p *Practice) importAppointments(ctx context.Context, list []driver.Appointment) ([]SeenWrite, error) {
	ids := make([]string, len(list))
	for i, a := range list {
		ids[i] = a.ID
	}
	known, err := p.e.cfg.Store.Seen(ctx, p.id, driver.AppointmentFeed, ids)
	if err != nil {
		return nil, err
	}
	for id, s := range known {
		s.Hash = "" // as if it had changed
		known[id] = s
	}
	var writes []SeenWrite
	events := p.diffAppointments(list, known, true, func(s Seen) {
		known[s.ID] = s
		writes = append(writes, SeenWrite{Feed: driver.AppointmentFeed, Seen: s})
	})
	for i := range events {
		events[i].Change = Found
	}
	return writes, deliver(ctx, p, string(driver.AppointmentFeed), p.e.cfg.Handlers.Appointments, events)
}

func (p *Practice) importPhotos(ctx context.Context, list []driver.Photo) ([]SeenWrite, error) {
	return p.takePhotos(ctx, list, Found)
}
