package memdriver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// ReadCatalog implements driver.Cataloger.
func (b *brokenConn) ReadCatalog(ctx context.Context, which driver.Catalog) ([]driver.Option, error) {
	if b.p.broken("conn/context") {
		ctx = context.WithoutCancel(ctx)
	}
	out, err := driver.ReadCatalog(ctx, b.Conn, which)
	switch {
	case err == nil:
	case b.p.broken("conn/unauthorized") && errors.Is(err, driver.ErrUnauthorized):
		return nil, reject("read catalog", driver.ReasonInvalid, nil)
	case b.p.broken("catalog/whole-or-error") && b.cut(ctx, err):
		all := b.p.Options(which)
		return all[:len(all)/2], nil
	case b.p.broken("catalog/unsupported") && !which.Valid():
		return nil, nil
	default:
		return nil, err
	}
	if b.p.broken("catalog/inactive-kept") {
		out = slices.DeleteFunc(out, func(o driver.Option) bool { return !o.Active })
	}
	if b.p.broken("catalog/stable") && b.raw.serial%2 == 0 {
		slices.Reverse(out)
	}
	for i := range out {
		o := &out[i]
		if b.p.broken("catalog/complete") {
			o.Label = strings.ToValidUTF8(strings.Map(func(r rune) rune { return min(r, '~') }, o.Label), "")
		}
		if b.p.broken("catalog/renamed") {
			b.mu.Lock()
			if was, ok := b.labels[o.ID]; ok {
				o.Label = was
			}
			b.labels[o.ID] = o.Label
			b.mu.Unlock()
		}
	}
	return out, nil
}

// FindPatients implements driver.PatientFinder.
func (b *brokenConn) FindPatients(ctx context.Context, q driver.PatientQuery) ([]driver.Patient, error) {
	by := q.By()
	if b.p.broken("errors/logs") {
		b.raw.env.Logger().Debug("find patients", "phone", q.Phone.Reveal(), "born", q.BirthDate.Reveal().String())
	}
	if b.p.broken("find/id-exact") {
		q.ID = strings.TrimSpace(q.ID)
	}
	if b.p.broken("find/fresh") && by == driver.FindByBirthDate {
		b.mu.Lock()
		stale, looked := b.found, b.looked
		b.mu.Unlock()
		if looked {
			return stale, nil
		}
	}
	out, err := driver.FindPatients(ctx, b.Conn, q)
	switch {
	case err == nil:
	case b.p.broken("conn/offline") && b.p.offline.Load(),
		b.p.broken("conn/closed") && b.raw.isClosed():
		return nil, nil
	case b.p.broken("find/cut") && b.cut(ctx, err):
		all := b.p.Patients()
		return all[:len(all)/2], nil
	case b.p.broken("find/illegal") && by == "":
		return b.p.Patients(), nil
	case b.p.broken("errors/form") && by == "":
		return nil, reject("find patients", "no_field", nil)
	case b.p.broken("errors/no-url") && errors.Is(err, driver.ErrUnavailable):
		return nil, fail("find patients", driver.ErrUnavailable, &url.Error{Op: "Get", URL: "http://127.0.0.1/", Err: io.ErrUnexpectedEOF})
	default:
		return nil, err
	}
	return b.breakPatients(q, by, out)
}

func (b *brokenConn) breakPatients(q driver.PatientQuery, by driver.FindBy, out []driver.Patient) ([]driver.Patient, error) {
	switch {
	case b.p.broken("find/deleted") && by == driver.FindByID:
		unlock := b.p.lock()
		if e := b.p.patients.byID[q.ID]; e != nil && e.gone {
			out = append(out, e.rec)
		}
		unlock()
	case b.p.broken("find/none") && len(out) == 0:
		return nil, reject("find patients", driver.ReasonPatientNotFound, nil)
	case b.p.broken("find/crowd"):
		out = out[:min(len(out), 12)]
	case b.p.broken("find/by-birth-date") && by == driver.FindByBirthDate:
		out = slices.DeleteFunc(out, func(r driver.Patient) bool { return r.State == driver.PatientArchived })
	case b.p.broken("find/by-phone") && by == driver.FindByPhone:
		out = slices.DeleteFunc(out, func(r driver.Patient) bool {
			return !slices.ContainsFunc(r.Phones, q.Phone.Equal)
		})
	case b.p.broken("find/fresh") && by == driver.FindByBirthDate:
		b.mu.Lock()
		b.found, b.looked = slices.Clone(out), true
		b.mu.Unlock()
	}
	for i := range out {
		r := &out[i]
		switch {
		case b.p.broken("find/by-id") && by == driver.FindByID:
			r.FirstName, r.LastName = r.LastName, r.FirstName
		case b.p.broken("find/archived"):
			r.State = driver.PatientActive
		case b.p.broken("find/no-birth-date") && r.BirthDate.IsZero():
			r.BirthDate = driver.NewBirthDate(driver.Date{Year: 1, Month: 1, Day: 1})
		}
	}
	return out, nil
}

// ReadAppointment implements driver.AppointmentReader.
func (b *brokenConn) ReadAppointment(ctx context.Context, id string) (driver.Appointment, error) {
	b.mu.Lock()
	stale, ok := b.seen[id]
	b.mu.Unlock()
	if ok && b.p.broken("appointment/now") {
		return stale, nil
	}
	a, err := driver.ReadAppointment(ctx, b.Conn, id)
	if err != nil {
		if b.p.broken("appointment/missing") && errors.Is(err, driver.ReasonAppointmentMissing) {
			return a, reject("read appointment", driver.ReasonInvalid, nil)
		}
		return a, err
	}
	b.breakAppointment(&a)
	b.mu.Lock()
	b.seen[id] = a
	b.mu.Unlock()
	return a, nil
}

func (b *brokenConn) breakAppointment(a *driver.Appointment) {
	_, offset := a.Start.Zone()
	switch {
	case b.p.broken("zone/pms-times"): // the wall time, taken for UTC
		_, here := a.ModifiedAt.Zone()
		a.ModifiedAt = a.ModifiedAt.Add(secondsOf(here))
	case b.p.broken("zone/wall-times"): // an offset of whole hours
		a.Start = a.Start.Add(secondsOf(offset % 3600))
	case b.p.broken("zone/summer-time"): // the offset of winter, all year
		zone := b.raw.env.Zone()
		_, winter := a.Start.AddDate(0, 1-int(a.Start.Month()), 1-a.Start.Day()).In(zone).Zone()
		a.Start = a.Start.Add(secondsOf(offset - winter))
	case b.p.broken("appointment/content"):
		a.Duration += secondsOf(900)
	}
}

// OpenPhoto implements driver.PhotoReader.
func (b *brokenConn) OpenPhoto(ctx context.Context, id string) (io.ReadCloser, error) {
	r, err := driver.OpenPhoto(ctx, b.Conn, id)
	switch {
	case b.p.broken("photo/missing") && errors.Is(err, driver.ReasonInvalid):
		return io.NopCloser(bytes.NewReader(nil)), nil
	case b.p.broken("photo/cut") && b.cut(ctx, err):
		return io.NopCloser(strings.NewReader("half")), nil
	case err != nil:
		return nil, err
	case b.p.broken("photo/bytes"):
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(r, 100), r}, nil
	}
	return r, nil
}
