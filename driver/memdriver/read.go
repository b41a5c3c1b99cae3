package memdriver

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/pmswriteback/pms/driver"
)

// ReadCatalog implements driver.Cataloger.
func (c *conn) ReadCatalog(ctx context.Context, which driver.Catalog) ([]driver.Option, error) {
	var out []driver.Option
	err := c.do(ctx, callCatalog, string(which), nil, func(m mode) error {
		p := c.pms
		defer p.lock()()
		if !p.info.Load().Catalogs[which].Supported {
			return reject("read catalog", driver.ReasonUnsupported, nil)
		}
		out = cloneOptions(p.catalogs[which])
		if m.twice {
			out = append(out, cloneOptions(out)...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// FindPatients implements driver.PatientFinder.
func (c *conn) FindPatients(ctx context.Context, q driver.PatientQuery) ([]driver.Patient, error) {
	var out []driver.Patient
	by := q.By()
	err := c.do(ctx, callFind, string(by), nil, func(mode) error {
		p := c.pms
		defer p.lock()()
		switch {
		case by == "":
			return reject("find patients", driver.ReasonInvalid, errors.New("a PatientQuery has exactly one field set"))
		case !p.info.Load().Find[by].Supported:
			return reject("find patients", driver.ReasonUnsupported, nil)
		}
		for _, r := range p.findPatients(q, by) {
			out = append(out, c.patient(r))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ReadAppointment implements driver.AppointmentReader.
func (c *conn) ReadAppointment(ctx context.Context, id string) (driver.Appointment, error) {
	var out driver.Appointment
	err := c.do(ctx, callAppointment, "", nil, func(mode) error {
		p := c.pms
		defer p.lock()()
		e := p.appointments.get(id)
		if e == nil || !c.sees(e.rec.Site) {
			return reject("read appointment", driver.ReasonAppointmentMissing, nil)
		}
		out = c.appointment(e.rec)
		return nil
	})
	if err != nil {
		return driver.Appointment{}, err
	}
	return out, nil
}

// OpenPhoto implements driver.PhotoReader.
func (c *conn) OpenPhoto(ctx context.Context, id string) (io.ReadCloser, error) {
	var out io.ReadCloser
	err := c.do(ctx, callPhoto, "", nil, func(mode) error {
		p := c.pms
		defer p.lock()()
		e := p.photos.get(id)
		switch {
		case e == nil:
			return reject("open photo", driver.ReasonInvalid, errors.New("there is no such photo"))
		case e.rec.bytes == nil:
			return reject("open photo", driver.ReasonInvalid, errors.New("the photo's file cannot be found"))
		}
		out = io.NopCloser(bytes.NewReader(*e.rec.bytes)) // replaced, never changed
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// sees reports whether a record of this site shows on a connection. One without
// a site shows everywhere.
func (c *conn) sees(site string) bool {
	return c.env.Site == "" || site == "" || site == c.env.Site
}

// appointment gives a record's times in the practice's zone.
func (c *conn) appointment(r driver.Appointment) driver.Appointment {
	zone := c.env.Zone()
	if !r.Start.IsZero() {
		r.Start = r.Start.In(zone)
	}
	r.ModifiedAt = r.ModifiedAt.In(zone)
	return r
}

func (c *conn) patient(r driver.Patient) driver.Patient {
	r = clonePatient(r)
	r.CreatedAt, r.ModifiedAt = r.CreatedAt.In(c.env.Zone()), r.ModifiedAt.In(c.env.Zone())
	return r
}

func (c *conn) photo(r photo) driver.Photo {
	r.rec.TakenAt = r.rec.TakenAt.In(c.env.Zone())
	return r.rec
}
