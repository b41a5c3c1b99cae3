package writeback

import (
	"context"
	"fmt"
	"io"

	"github.com/pmswriteback/pms/driver"
)

// pullPatients reads new patients. The first run walks all there are and sets
// the baseline: existing patients are not new. The position is taken before the
// walk, so that whoever changes or comes during it is looked at afterwards; a
// patient who is entered while the very first walk goes on may count as
// existing. Import tells of everybody.
func (p *Practice) pullPatients(ctx context.Context) error {
	info, err := p.knownInfo(ctx)
	if err != nil {
		return err
	}
	fi := info.Feeds[driver.PatientFeed]
	if !fi.Supported {
		return errFeed(driver.PatientFeed, fi.Why)
	}
	pos, err := p.position(ctx, string(driver.PatientFeed))
	if err != nil {
		return err
	}
	if !pos.Baseline {
		return p.patientBaseline(ctx, fi, &pos)
	}
	if !fi.Changes {
		return p.window(ctx, driver.WindowQuery{Feed: driver.PatientFeed}, func(page driver.Page) error {
			seen, err := p.takePatients(ctx, page.Patients, Created)
			if err != nil {
				return err
			}
			return p.advance(ctx, string(driver.PatientFeed), &position{}, position{}, seen)
		})
	}
	again, err := p.pages(ctx, driver.PatientFeed, &pos, func(page driver.Page) ([]SeenWrite, error) {
		return p.takePatients(ctx, page.Patients, Created)
	})
	if err != nil || !again {
		return err
	}
	// The cursor had expired: whoever came meanwhile shows in the window.
	err = p.window(ctx, driver.WindowQuery{Feed: driver.PatientFeed}, func(page driver.Page) error {
		seen, err := p.takePatients(ctx, page.Patients, Created)
		if err != nil {
			return err
		}
		return p.advance(ctx, string(driver.PatientFeed), &position{}, position{}, seen)
	})
	if err != nil {
		return err
	}
	before := pos
	pos.Baseline = true
	return p.advance(ctx, string(driver.PatientFeed), &pos, before, nil)
}

func (p *Practice) patientBaseline(ctx context.Context, fi driver.FeedInfo, pos *position) error {
	before := *pos
	if fi.Changes {
		var page driver.Page
		err := p.read(ctx, func(ctx context.Context, conn driver.Conn) (err error) {
			page, err = driver.ReadChanges(ctx, conn, driver.ChangesQuery{Feed: driver.PatientFeed})
			return err
		})
		if err != nil {
			return err
		}
		pos.Cursor = page.Next
	}
	if fi.Window {
		err := p.window(ctx, driver.WindowQuery{Feed: driver.PatientFeed}, func(page driver.Page) error {
			var seen []SeenWrite
			for _, patient := range page.Patients {
				seen = append(seen, SeenWrite{Feed: driver.PatientFeed, Seen: Seen{ID: patient.ID}})
			}
			return p.advance(ctx, string(driver.PatientFeed), &position{}, position{}, seen)
		})
		if err != nil {
			return err
		}
	}
	pos.Baseline = true
	return p.advance(ctx, string(driver.PatientFeed), pos, before, nil)
}

// takePatients delivers those who were not seen before.
func (p *Practice) takePatients(ctx context.Context, list []driver.Patient, change RecordChange) ([]SeenWrite, error) {
	ids := make([]string, len(list))
	for i, patient := range list {
		ids[i] = patient.ID
	}
	if len(ids) == 0 {
		return nil, nil
	}
	known, err := p.e.cfg.Store.Seen(ctx, p.id, driver.PatientFeed, ids)
	if err != nil {
		return nil, fmt.Errorf("writeback: read what was seen: %w", err)
	}
	var writes []SeenWrite
	var events []PatientEvent
	for _, patient := range list {
		if _, ok := known[patient.ID]; ok && change != Found {
			continue
		}
		s := known[patient.ID]
		s.ID, s.Rev = patient.ID, s.Rev+1
		known[patient.ID] = s
		writes = append(writes, SeenWrite{Feed: driver.PatientFeed, Seen: s})
		events = append(events, PatientEvent{ID: p.eventID(string(driver.PatientFeed), patient.ID, s.Rev), Change: change, Patient: patient})
	}
	if err := deliver(ctx, p, string(driver.PatientFeed), p.e.cfg.Handlers.NewPatients, events); err != nil {
		return nil, err
	}
	if len(events) > 0 {
		p.due.Now(string(driver.PhotoFeed)) // a new patient's photo comes with the patient
		return writes, p.patientsArrived(ctx)
	}
	return writes, nil
}

// pullPhotos reads the photos and tells of those that are new or changed.
func (p *Practice) pullPhotos(ctx context.Context) error {
	info, err := p.knownInfo(ctx)
	if err != nil {
		return err
	}
	fi := info.Feeds[driver.PhotoFeed]
	if !fi.Supported {
		return errFeed(driver.PhotoFeed, fi.Why)
	}
	take := func(page driver.Page) ([]SeenWrite, error) { return p.takePhotos(ctx, page.Photos, Created) }
	pos, err := p.position(ctx, string(driver.PhotoFeed))
	if err != nil {
		return err
	}
	fresh := !pos.Baseline
	again := false
	if fi.Changes {
		if again, err = p.pages(ctx, driver.PhotoFeed, &pos, take); err != nil {
			return err
		}
		if !fresh && !again {
			return nil
		}
	}
	if fi.Window {
		change := Created
		if fresh {
			change = Found
		}
		err := p.window(ctx, driver.WindowQuery{Feed: driver.PhotoFeed}, func(page driver.Page) error {
			seen, err := p.takePhotos(ctx, page.Photos, change)
			if err != nil {
				return err
			}
			return p.advance(ctx, string(driver.PhotoFeed), &position{}, position{}, seen)
		})
		if err != nil {
			return err
		}
	}
	before := pos
	pos.Baseline = true
	return p.advance(ctx, string(driver.PhotoFeed), &pos, before, nil)
}

func (p *Practice) takePhotos(ctx context.Context, list []driver.Photo, fresh RecordChange) ([]SeenWrite, error) {
	ids := make([]string, len(list))
	for i, photo := range list {
		ids[i] = photo.Patient
	}
	if len(ids) == 0 {
		return nil, nil
	}
	known, err := p.e.cfg.Store.Seen(ctx, p.id, driver.PhotoFeed, ids)
	if err != nil {
		return nil, fmt.Errorf("writeback: read what was seen: %w", err)
	}
	var writes []SeenWrite
	var events []PhotoEvent
	for _, photo := range list {
		// A patient has one profile photo: what is remembered goes by the patient.
		tag := p.keyed("photo", photo.ID, photo.Tag)
		s, ok := known[photo.Patient]
		if ok && s.Status == tag {
			continue
		}
		change := fresh
		if ok {
			change = Edited
		}
		s = Seen{ID: photo.Patient, Status: tag, Rev: s.Rev + 1}
		known[photo.Patient] = s
		writes = append(writes, SeenWrite{Feed: driver.PhotoFeed, Seen: s})
		if photo.Size > p.e.cfg.MaxPhoto {
			continue
		}
		events = append(events, PhotoEvent{
			ID: p.eventID(string(driver.PhotoFeed), photo.Patient, s.Rev), Change: change, Photo: photo,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return p.openPhoto(ctx, photo.ID) },
		})
	}
	return writes, deliver(ctx, p, string(driver.PhotoFeed), p.e.cfg.Handlers.Photos, events)
}

// openPhoto opens a photo for the host, bounded.
func (p *Practice) openPhoto(ctx context.Context, id string) (io.ReadCloser, error) {
	conn, err := p.connected(ctx)
	if err != nil {
		return nil, err
	}
	body, err := driver.OpenPhoto(ctx, conn, id)
	if err != nil {
		return nil, driver.ReadError(err)
	}
	return &boundedReader{body: body, left: p.e.cfg.MaxPhoto}, nil
}

// boundedReader fails rather than cut a photo short in silence.
type boundedReader struct {
	body io.ReadCloser
	left int64
}

func (b *boundedReader) Read(buf []byte) (int, error) {
	n, err := b.body.Read(buf)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("writeback: the photo is larger than the limit")
	}
	return n, err
}

func (b *boundedReader) Close() error { return b.body.Close() }
