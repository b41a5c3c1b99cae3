package writeback

import (
	"context"
	"fmt"
	"io"
	"time"

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
		return p.everyPatient(ctx)
	}
	err = p.pages(ctx, driver.PatientFeed, &pos, func(page driver.Page) (taken, error) {
		return p.takePatients(ctx, page.Patients)
	})
	if err != nil || !pos.Behind {
		return err
	}
	// The cursor had expired: whoever came meanwhile shows in the window.
	if fi.Window {
		if err := p.everyPatient(ctx); err != nil {
			return err
		}
	}
	before := pos
	pos.Behind = false
	return p.advance(ctx, string(driver.PatientFeed), &pos, before, taken{})
}

// everyPatient looks for new patients among all there are.
func (p *Practice) everyPatient(ctx context.Context) error {
	return p.window(ctx, driver.WindowQuery{Feed: driver.PatientFeed}, func(page driver.Page) (taken, error) {
		return p.takePatients(ctx, page.Patients)
	})
}

func (p *Practice) patientBaseline(ctx context.Context, fi driver.FeedInfo, pos *position) error {
	before := *pos
	if err := p.forgetPatients(ctx); err != nil {
		return err
	}
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
		err := p.window(ctx, driver.WindowQuery{Feed: driver.PatientFeed}, func(page driver.Page) (taken, error) {
			return p.rememberPatients(ctx, page.Patients)
		})
		if err != nil {
			return err
		}
	}
	pos.Baseline = true
	return p.advance(ctx, string(driver.PatientFeed), pos, before, taken{})
}

// forgetPatients takes for gone whoever is remembered from before a baseline:
// they were of another PMS, and whoever has their ids in this one may be new. The
// rows stay, because the ids of events go by them.
func (p *Practice) forgetPatients(ctx context.Context) error {
	after := ""
	for {
		list, err := p.e.cfg.Store.SeenBetween(ctx, p.id, driver.PatientFeed, time.Time{}, time.Time{}, after, 1000)
		if err != nil {
			return fmt.Errorf("writeback: read what was seen: %w", err)
		}
		change := Change{Practice: p.id, Fence: p.lease.Fence()}
		for _, s := range list {
			after = s.ID
			if !s.gone() {
				s.Hash = goneHash
				change.Seen = append(change.Seen, SeenWrite{Feed: driver.PatientFeed, Seen: s})
			}
		}
		if len(change.Seen) > 0 {
			if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
				return fmt.Errorf("writeback: forget the patients of the former PMS: %w", err)
			}
		}
		if len(list) < 1000 {
			return nil
		}
	}
}

// rememberPatients takes patients for known, without telling of them.
func (p *Practice) rememberPatients(ctx context.Context, list []driver.Patient) (t taken, err error) {
	ids := make([]string, len(list))
	for i, patient := range list {
		ids[i] = patient.ID
	}
	known, err := p.seen(ctx, driver.PatientFeed, ids)
	if err != nil {
		return t, err
	}
	for _, id := range ids {
		if s, ok := known[id]; !ok || s.gone() {
			t.seen = append(t.seen, SeenWrite{Feed: driver.PatientFeed, Seen: Seen{ID: id, Hash: toldHash, Rev: s.Rev}})
		}
	}
	return t, nil
}

// takePatients gives the host those who were not seen before, and once more whoever
// was told without a name or a birth date and has them now.
func (p *Practice) takePatients(ctx context.Context, list []driver.Patient) (taken, error) {
	return p.givePatients(ctx, list, false)
}

// importPatients gives the host everybody: as found those who were told before.
func (p *Practice) importPatients(ctx context.Context, list []driver.Patient) (taken, error) {
	return p.givePatients(ctx, list, true)
}

// isComplete reports whether a patient has what others are matched by. In some PMSs
// staff store a patient before they have filled everything in.
func isComplete(patient driver.Patient) bool {
	return !patient.LastName.IsEmpty() && !patient.FirstName.IsEmpty() && !patient.BirthDate.IsZero()
}

func (p *Practice) givePatients(ctx context.Context, list []driver.Patient, all bool) (taken, error) {
	if len(list) == 0 {
		return taken{}, nil
	}
	pos, err := p.position(ctx, string(driver.PatientFeed))
	if err != nil {
		return taken{}, err
	}
	ids := make([]string, len(list))
	for i, patient := range list {
		ids[i] = patient.ID
	}
	n, err := newNews[PatientEvent](ctx, p, driver.PatientFeed, ids)
	if err != nil {
		return taken{}, err
	}
	for _, patient := range list {
		s := n.known[patient.ID]
		settled, _, _ := s.settled()
		hash := toldHash
		if !isComplete(patient) {
			hash = partHash
		}
		if n.told[patient.ID] || !all && (settled == toldHash || settled == hash) {
			continue
		}
		change := Created
		switch {
		case settled == partHash && !all:
			change = Edited
		case settled == toldHash, settled == partHash, !pos.Baseline:
			change = Found
		}
		s.ID = patient.ID
		mark := s.telling(string(change))
		told := Seen{ID: patient.ID, Hash: hash, Rev: mark.Rev}
		n.tell(mark, told, PatientEvent{ID: p.eventID(string(n.feed), patient.ID, told.Rev), Change: change, Patient: patient})
	}
	t, err := n.give(ctx, p, p.e.cfg.Handlers.NewPatients)
	if err != nil || len(n.events) == 0 {
		return t, err
	}
	p.due.Now(string(driver.PhotoFeed)) // a new patient's photo comes with the patient
	var born []driver.Date
	for _, e := range n.events {
		if birth := e.Patient.BirthDate.Reveal(); !birth.IsZero() {
			born = append(born, birth)
		}
	}
	if len(born) > 0 {
		if err := p.matchAgain(ctx, born...); err != nil {
			if p.lease == nil {
				return taken{}, err
			}
			p.matchAfter = 0
			p.due.Now(loopMatch) // the patients are told of all the same
		}
	}
	return t, nil
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
	pos, err := p.position(ctx, string(driver.PhotoFeed))
	if err != nil {
		return err
	}
	fresh := Created
	if !pos.Baseline {
		fresh = Found
	}
	if fi.Changes {
		err := p.pages(ctx, driver.PhotoFeed, &pos, func(page driver.Page) (taken, error) {
			return p.takePhotos(ctx, page.Photos, fresh)
		})
		if err != nil || pos.Baseline && !pos.Behind {
			return err
		}
	}
	if fi.Window {
		err := p.window(ctx, driver.WindowQuery{Feed: driver.PhotoFeed}, func(page driver.Page) (taken, error) {
			return p.takePhotos(ctx, page.Photos, fresh)
		})
		if err != nil {
			return err
		}
	}
	before := pos
	pos.Baseline, pos.Behind = true, false
	return p.advance(ctx, string(driver.PhotoFeed), &pos, before, taken{})
}

// takePhotos gives the host the photos that it does not have.
func (p *Practice) takePhotos(ctx context.Context, list []driver.Photo, fresh RecordChange) (taken, error) {
	return p.givePhotos(ctx, list, fresh, false)
}

// importPhotos gives the host all photos.
func (p *Practice) importPhotos(ctx context.Context, list []driver.Photo) (taken, error) {
	return p.givePhotos(ctx, list, Found, true)
}

func (p *Practice) givePhotos(ctx context.Context, list []driver.Photo, fresh RecordChange, all bool) (taken, error) {
	if len(list) == 0 {
		return taken{}, nil
	}
	ids := make([]string, len(list))
	for i, photo := range list {
		ids[i] = photo.Patient
	}
	n, err := newNews[PhotoEvent](ctx, p, driver.PhotoFeed, ids)
	if err != nil {
		return taken{}, err
	}
	for _, photo := range list {
		// A patient has one profile photo: what is remembered goes by the patient.
		tag := p.keyed("photo", photo.ID, photo.Tag)
		s := n.known[photo.Patient]
		if s.Hash == tag && (!all || n.told[photo.Patient]) {
			continue
		}
		change := fresh
		if settled, _, _ := s.settled(); settled != "" && settled != tag {
			change = Edited
		}
		s.ID = photo.Patient
		mark := s.telling(tag)
		told := Seen{ID: photo.Patient, Hash: tag, Rev: mark.Rev}
		if photo.Size > p.e.cfg.MaxPhoto {
			n.note(told)
			continue
		}
		n.tell(mark, told, PhotoEvent{
			ID: p.eventID(string(n.feed), photo.Patient, told.Rev), Change: change, Photo: photo,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return p.openPhoto(ctx, photo.ID) },
		})
	}
	return n.give(ctx, p, p.e.cfg.Handlers.Photos)
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
