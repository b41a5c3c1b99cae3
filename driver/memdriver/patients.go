package memdriver

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// patientIndex finds patients by birth date and phone. Its keys are hashes, so
// that the index holds no readable patient data; what is found is compared
// again.
type patientIndex struct {
	byBirth, byPhone map[uint64][]*entry[driver.Patient]
}

func (x *patientIndex) init() {
	x.byBirth = map[uint64][]*entry[driver.Patient]{}
	x.byPhone = map[uint64][]*entry[driver.Patient]{}
}

func (p *PMS) birthKey(d driver.Date) uint64 { return maphash.Comparable(p.seed, d) }

func (p *PMS) phoneKey(phone string) uint64 { return maphash.String(p.seed, phoneDigits(phone)) }

// phoneDigits is what counts in a North American number: its last ten digits.
func phoneDigits(phone string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
	return digits[max(0, len(digits)-10):]
}

// indexPatient adds e to the index, or takes it out.
func (p *PMS) indexPatient(e *entry[driver.Patient], add bool) {
	set := func(m map[uint64][]*entry[driver.Patient], key uint64) {
		list := m[key]
		switch n := len(list); {
		case !add:
			list = slices.DeleteFunc(list, func(o *entry[driver.Patient]) bool { return o == e })
		case n == 0 || list[n-1] != e: // a number may be there twice
			list = append(list, e)
		}
		if m[key] = list; len(list) == 0 {
			delete(m, key)
		}
	}
	if !e.rec.BirthDate.IsZero() {
		set(p.index.byBirth, p.birthKey(e.rec.BirthDate.Reveal()))
	}
	for _, phone := range e.rec.Phones {
		if phoneDigits(phone.Reveal()) != "" {
			set(p.index.byPhone, p.phoneKey(phone.Reveal()))
		}
	}
}

// findPatients answers a query whose By is by.
func (p *PMS) findPatients(q driver.PatientQuery, by driver.FindBy) []driver.Patient {
	var out []driver.Patient
	switch by {
	case driver.FindByID:
		if e := p.patients.get(q.ID); e != nil {
			out = append(out, clonePatient(e.rec))
		}
	case driver.FindByBirthDate:
		for _, e := range p.index.byBirth[p.birthKey(q.BirthDate.Reveal())] {
			if e.rec.BirthDate.Equal(q.BirthDate) {
				out = append(out, clonePatient(e.rec))
			}
		}
	case driver.FindByPhone:
		want := phoneDigits(q.Phone.Reveal())
		if want == "" {
			return nil
		}
		for _, e := range p.index.byPhone[p.phoneKey(want)] {
			if slices.ContainsFunc(e.rec.Phones, func(t driver.Text) bool { return phoneDigits(t.Reveal()) == want }) {
				out = append(out, clonePatient(e.rec))
			}
		}
	}
	return out
}

func clonePatient(r driver.Patient) driver.Patient {
	r.Phones = slices.Clone(r.Phones)
	return r
}

// AddPatient adds a patient and returns the id. An empty ID is chosen by the
// PMS, an empty State is active, a zero CreatedAt is now. An ID that is taken
// panics.
func (p *PMS) AddPatient(r driver.Patient) string {
	defer p.lock()()
	now := p.Clock()
	if r.ID == "" {
		r.ID = p.newID("pat")
	}
	mustBeFree(p.patients.get(r.ID) == nil, "patient", r.ID)
	if r.State == "" {
		r.State = driver.PatientActive
	}
	if r.CreatedAt.IsZero() {
		r.CreatedAt = now
	}
	r.ModifiedAt = now
	p.seq++
	p.patients.put(r.ID, clonePatient(r), p.seq, now)
	p.indexPatient(p.patients.get(r.ID), true)
	return r.ID
}

// EditPatient changes a patient's record. ID and ModifiedAt are the PMS's.
func (p *PMS) EditPatient(id string, edit func(*driver.Patient)) error {
	defer p.lock()()
	e := p.patients.get(id)
	if e == nil {
		return missing("patient", id)
	}
	p.indexPatient(e, false)
	r := clonePatient(e.rec)
	edit(&r)
	now := p.Clock()
	r.ID, r.ModifiedAt = id, now
	e.rec = clonePatient(r)
	p.indexPatient(e, true)
	p.seq++
	p.patients.touch(e, p.seq, now)
	return nil
}

// ArchivePatient archives a patient: reads show the record, writes are refused.
func (p *PMS) ArchivePatient(id string) error {
	return p.EditPatient(id, func(r *driver.Patient) { r.State = driver.PatientArchived })
}

// DeletePatient removes a patient for good. Appointments and rows stay.
func (p *PMS) DeletePatient(id string) error {
	defer p.lock()()
	e := p.patients.get(id)
	if e == nil {
		return missing("patient", id)
	}
	p.indexPatient(e, false)
	e.gone = true
	p.seq++
	p.patients.touch(e, p.seq, p.Clock())
	return nil
}

// Patient returns a patient.
func (p *PMS) Patient(id string) (driver.Patient, bool) {
	defer p.lock()()
	e := p.patients.get(id)
	if e == nil {
		return driver.Patient{}, false
	}
	return clonePatient(e.rec), true
}

// Patients returns all patients in the order in which they were added.
func (p *PMS) Patients() []driver.Patient {
	defer p.lock()()
	out := p.patients.live()
	for i := range out {
		out[i] = clonePatient(out[i])
	}
	return out
}
