package memdriver

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/pmswriteback/pms/driver"
)

// photo is a picture and its bytes, behind a pointer so that they do not print.
type photo struct {
	rec   driver.Photo
	bytes *[]byte
}

// AddPhoto adds a profile photo of a patient and returns its id.
func (p *PMS) AddPhoto(patient, mime string, content []byte) string {
	defer p.lock()()
	id, now := p.newID("pho"), p.Clock()
	p.seq++
	content = bytes.Clone(content)
	p.photos.put(id, photo{
		rec:   driver.Photo{ID: id, Patient: patient, Tag: "t" + strconv.FormatUint(p.seq, 10), TakenAt: now, Size: int64(len(content)), MIME: mime},
		bytes: &content,
	}, p.seq, now)
	return id
}

// ReplacePhoto gives a photo other bytes under the same id; its Tag changes.
func (p *PMS) ReplacePhoto(id string, content []byte) error {
	defer p.lock()()
	e := p.photos.get(id)
	if e == nil {
		return missing("photo", id)
	}
	content = bytes.Clone(content)
	p.seq++
	e.rec.bytes = &content
	e.rec.rec.Size, e.rec.rec.Tag = int64(len(content)), "t"+strconv.FormatUint(p.seq, 10)
	p.photos.touch(e, p.seq, p.Clock())
	return nil
}

// LosePhotoFile loses a photo's bytes and keeps its record, as when the folder
// of pictures is not where the PMS says.
func (p *PMS) LosePhotoFile(id string) error {
	defer p.lock()()
	e := p.photos.get(id)
	if e == nil {
		return missing("photo", id)
	}
	e.rec.bytes = nil
	return nil
}

// DeletePhoto removes a photo for good.
func (p *PMS) DeletePhoto(id string) error {
	defer p.lock()()
	e := p.photos.get(id)
	if e == nil {
		return missing("photo", id)
	}
	e.gone = true
	e.rec.bytes = nil
	p.seq++
	p.photos.touch(e, p.seq, p.Clock())
	return nil
}

// Photos returns the records of all photos in the order in which they were
// added.
func (p *PMS) Photos() []driver.Photo {
	defer p.lock()()
	var out []driver.Photo
	for _, ph := range p.photos.live() {
		out = append(out, ph.rec)
	}
	return slices.Clip(out)
}
