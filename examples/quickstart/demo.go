package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

const (
	// hostPace is the time between two events of the host; a real PMS gets them
	// more slowly.
	hostPace     = 50 * time.Millisecond
	hostPaceReal = 2 * time.Second
	// redraw is how often the screen is drawn.
	redraw = 250 * time.Millisecond
	// patience is how long the outbox may take after the end of a run, and after
	// an interrupt.
	patience            = 20 * time.Second
	patienceInterrupted = 5 * time.Second
)

// demonstration is one run: import, events from both sides, and a quiet end.
type demonstration struct {
	opt    options
	p      *writeback.Practice
	host   *host
	office *practice // nil with a real PMS
	screen *view
	engine *running

	doc     settings.Document
	total   int
	resumed int
	title   string
	began   time.Time
}

// run returns nil when the demonstration came to its end or was interrupted.
func (d *demonstration) run(ctx context.Context) error {
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// Should the engine end by itself, so does the demonstration.
	go func() {
		select {
		case <-d.engine.done:
			cancel(d.engine.err)
		case <-work.Done():
		}
	}()
	err := d.flow(work)
	if ctx.Err() != nil {
		err = nil // asked for
	}
	if err == nil {
		err = d.drain(ctx)
	}
	return err
}

func (d *demonstration) flow(ctx context.Context) (err error) {
	d.began = time.Now()
	if d.doc, err = d.choose(ctx); err != nil {
		return err
	}
	for _, line := range describeSettings(d.doc) {
		d.screen.tell("Settings        %s", line)
	}
	if err := d.importPatients(ctx); err != nil {
		return err
	}
	if d.opt.writes() && !d.host.knowsSomebody() {
		return usage("-write-to-patient: the practice has no active patient %s with a birth date", d.opt.patient)
	}
	if d.resumed, err = d.host.resume(ctx, d.p); err != nil {
		return err
	}
	if d.resumed > 0 {
		d.screen.tell("Resumed         %d events whose submit the last run did not finish", d.resumed)
	}
	d.began = time.Now()
	stop := d.began.Add(d.opt.runFor - quiet(d.opt.runFor))
	d.title = "events are flowing"
	flowing, done := context.WithCancel(ctx)
	defer done()
	parts := []func(context.Context) error{}
	if d.opt.writes() {
		parts = append(parts, func(ctx context.Context) error { return d.host.work(ctx, d.p, d.opt.pace, stop) })
	}
	if d.office != nil {
		people, err := newStaff(ctx, d.office, func(what string) { d.screen.happened("staff " + what) })
		if err != nil {
			return err
		}
		parts = append(parts, func(ctx context.Context) error { return people.work(ctx, stop) })
	}
	return together(flowing,
		func(ctx context.Context) error {
			defer done() // the screen need not be drawn any longer
			return errors.Join(together(ctx, parts...), wait(ctx, time.Until(stop)))
		},
		d.watch)
}

// quiet is how long before the end the last event comes, so that it arrives.
func quiet(runFor time.Duration) time.Duration {
	return min(max(runFor/4, 2*time.Second), 5*time.Second)
}

// choose saves the practice's settings.
func (d *demonstration) choose(ctx context.Context) (settings.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return saveSettings(ctx, d.p, d.opt.writes())
}

// importPatients lets the host get to know everybody who is there already.
func (d *demonstration) importPatients(ctx context.Context) (err error) {
	d.title = "importing"
	if d.office != nil {
		if d.total, err = d.office.patientCount(ctx); err != nil {
			return err
		}
	}
	if err := d.p.Import(ctx, driver.PatientFeed); err != nil {
		return err
	}
	for {
		progress, err := d.show(ctx)
		if err != nil || progress.Done {
			return err
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// watch draws the screen until ctx ends.
func (d *demonstration) watch(ctx context.Context) error {
	for wait(ctx, redraw) == nil {
		if _, err := d.show(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

func (d *demonstration) show(ctx context.Context) (writeback.ImportProgress, error) {
	m := moment{title: d.title, since: time.Since(d.began), of: d.opt.runFor, host: d.host.counts(), total: d.total}
	var err error
	if m.health, err = d.p.Health(ctx); err != nil {
		return m.imported, err
	}
	imports, err := d.p.Imports(ctx)
	if err != nil {
		return m.imported, err
	}
	for _, i := range imports {
		if i.Feed == driver.PatientFeed {
			m.imported = i
		}
	}
	d.screen.show(m)
	return m.imported, nil
}

// drain waits for the end of the run's time and for the last item to arrive.
// What does not arrive in time is safe in the store, and the next run takes it
// up.
func (d *demonstration) drain(ctx context.Context) error {
	d.title = "nothing new is submitted; the rest arrives"
	end := d.began.Add(d.opt.runFor)
	giveUp := end.Add(patience)
	if ctx.Err() != nil {
		d.title = "interrupted; the rest arrives (Ctrl-C again ends at once)"
		end, giveUp = time.Now(), time.Now().Add(patienceInterrupted)
	}
	interrupted := ctx.Done()
	if ctx.Err() != nil {
		interrupted = nil
	}
	ctx = context.WithoutCancel(ctx)
	for {
		if _, err := d.show(ctx); err != nil {
			return err
		}
		health, err := d.p.Health(ctx)
		if err != nil {
			return err
		}
		now := time.Now()
		if now.After(giveUp) || !now.Before(end) && waiting(health) == 0 {
			return nil
		}
		select {
		case <-d.engine.done:
			return d.engine.err
		case <-interrupted:
			interrupted, end = nil, now
			giveUp = now.Add(patienceInterrupted)
		case <-time.After(redraw):
		}
	}
}

// summary counts, after the engine has ended.
func (d *demonstration) summary(ctx context.Context, interrupted bool) (summary, error) {
	counts := d.host.counts()
	sum := summary{
		Received: counts.received, Submitted: counts.submitted, Imported: counts.imported,
		Resumed: d.resumed, Interrupted: interrupted,
	}
	var err error
	if sum.States, err = states(ctx, d.p); err != nil {
		return sum, err
	}
	look := func(key string) (writeback.Item, error) { return d.p.ItemByKey(ctx, key) }
	if d.office == nil {
		v, err := judgeByItems(d.host.journal, look)
		sum.Written = v.written
		sum.judgeRun(nil)
		return sum, err
	}
	found, err := d.office.stands(ctx)
	if err != nil {
		return sum, err
	}
	v, err := judge(d.host.journal, found, d.doc, look)
	if err != nil {
		return sum, err
	}
	sum.Written, sum.Duplicates, sum.Lost = v.written, &v.duplicates, &v.lost
	sum.judgeRun(v.details)
	return sum, nil
}

// wait sleeps, or returns why it could not.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
}
