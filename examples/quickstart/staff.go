package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// staffPace is the time between two things that staff do.
const staffPace = 120 * time.Millisecond

// staff are the people at the practice, who use Open Dental and have never heard
// of the host.
//
// They leave appointments with an even number to the host, and the host leaves
// the odd ones to them, so that what is counted at the end is exact. Where both
// change the same one, the engine lets staff's change stand and says so.
type staff struct {
	office *practice
	rnd    *rand.Rand
	photos []int64 // documents that are profile photos
	done   func(what string)
}

func newStaff(ctx context.Context, office *practice, done func(string)) (*staff, error) {
	s := &staff{office: office, rnd: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), done: done}
	documents, err := office.Documents(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range documents {
		if d.ImgType == 2 && !d.Pending {
			s.photos = append(s.photos, d.DocNum)
		}
	}
	return s, nil
}

// work goes round what there is to do until stop, and at least once.
func (s *staff) work(ctx context.Context, stop time.Time) error {
	day := []func(context.Context) error{
		s.confirm, s.addPatient, s.move, s.replacePhoto, s.addAppointment, s.confirm, s.edit, s.openDocument, s.breakOne, s.delete,
	}
	pace := time.NewTicker(staffPace)
	defer pace.Stop()
	for n := 0; time.Now().Before(stop) || n < len(day); n++ {
		if err := day[n%len(day)](ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("staff: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pace.C:
		}
	}
	return nil
}

// appointment picks one of staff's own that is still to come.
func (s *staff) appointment(ctx context.Context) (opendentaltest.Appointment, bool, error) {
	var id int64
	soon := s.office.Now().Add(time.Hour).Format("2006-01-02 15:04:05")
	err := s.office.DB().QueryRowContext(ctx,
		"SELECT AptNum FROM appointment WHERE AptNum % 2 = 1 AND AptStatus = 1 AND AptDateTime > ? ORDER BY (AptNum * ?) % 1009 LIMIT 1",
		soon, 1+s.rnd.IntN(1008)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return opendentaltest.Appointment{}, false, nil
	}
	if err != nil {
		return opendentaltest.Appointment{}, false, err
	}
	a, err := s.office.Appointment(ctx, id)
	return a, err == nil, err
}

// on does something with one of staff's appointments, if there is one.
func (s *staff) on(ctx context.Context, what string, f func(opendentaltest.Appointment) error) error {
	a, ok, err := s.appointment(ctx)
	if err != nil || !ok {
		return err
	}
	if err := f(a); err != nil {
		return err
	}
	s.done(what + " appointment " + strconv.FormatInt(a.AptNum, 10))
	return nil
}

func (s *staff) confirm(ctx context.Context) error {
	return s.on(ctx, "confirmed or unconfirmed", func(a opendentaltest.Appointment) error {
		name := "Confirmed"
		if now, err := s.office.DefNum(ctx, opendentaltest.CategoryApptConfirmed, name); err != nil || a.Confirmed == now {
			name = "Unconfirmed"
		}
		status, err := s.office.DefNum(ctx, opendentaltest.CategoryApptConfirmed, name)
		if err != nil {
			return err
		}
		return s.office.SetConfirmed(ctx, a.AptNum, status)
	})
}

func (s *staff) move(ctx context.Context) error {
	return s.on(ctx, "moved", func(a opendentaltest.Appointment) error {
		_, err := s.office.MoveAppointment(ctx, a.AptNum, a.AptDateTime.Add(time.Duration(1+s.rnd.IntN(8))*15*time.Minute), 0)
		return err
	})
}

func (s *staff) edit(ctx context.Context) error {
	return s.on(ctx, "edited", func(a opendentaltest.Appointment) error {
		_, err := s.office.EditAppointment(ctx, a.AptNum, func(a *opendentaltest.Appointment) {
			a.Note = fmt.Sprintf("Premedicate. Remark %d.", s.rnd.IntN(1e6))
		})
		return err
	})
}

func (s *staff) breakOne(ctx context.Context) error {
	return s.on(ctx, "broke", func(a opendentaltest.Appointment) error {
		return s.office.BreakAppointment(ctx, a.AptNum, s.rnd.IntN(2) == 0)
	})
}

func (s *staff) delete(ctx context.Context) error {
	return s.on(ctx, "deleted", func(a opendentaltest.Appointment) error {
		return s.office.DeleteAppointment(ctx, a.AptNum)
	})
}

// addAppointment makes two, so that staff and host each get one.
func (s *staff) addAppointment(ctx context.Context) error {
	for range 2 {
		var patient int64
		if err := s.office.DB().QueryRowContext(ctx,
			"SELECT PatNum FROM patient WHERE PatStatus = 0 ORDER BY (PatNum * ?) % 1009 LIMIT 1", 1+s.rnd.IntN(1008)).Scan(&patient); err != nil {
			return err
		}
		if err := s.schedule(ctx, patient); err != nil {
			return err
		}
	}
	return nil
}

func (s *staff) schedule(ctx context.Context, patient int64) error {
	day := s.office.Now().AddDate(0, 0, 1+s.rnd.IntN(20))
	start := time.Date(day.Year(), day.Month(), day.Day(), 8+s.rnd.IntN(8), 15*s.rnd.IntN(4), 0, 0, day.Location())
	a, err := s.office.AddAppointment(ctx, opendentaltest.Appointment{
		PatNum: patient, AptDateTime: start, Op: int64(1 + s.rnd.IntN(4)), Pattern: "/XXXXXX/", ProcDescript: "PerEx",
	})
	if err == nil {
		s.done("scheduled appointment " + strconv.FormatInt(a.AptNum, 10))
	}
	return err
}

// addPatient enters somebody new with a first visit and a photo. The names are
// invented.
func (s *staff) addPatient(ctx context.Context) error {
	first := []string{"Agatha", "Bertram", "Cordelia", "Desmond", "Euphemia", "Fabian", "Guinevere", "Hector"}
	last := []string{"Amberley", "Brackenridge", "Copperfield", "Dunwoody", "Eldermere", "Foxglove", "Greenholt"}
	p, err := s.office.AddPatient(ctx, opendentaltest.Patient{
		FName: first[s.rnd.IntN(len(first))], LName: last[s.rnd.IntN(len(last))], Gender: opendentaltest.GenderUnknown,
		Birthdate:     time.Date(1940+s.rnd.IntN(75), time.Month(1+s.rnd.IntN(12)), 1+s.rnd.IntN(28), 0, 0, 0, 0, time.UTC),
		WirelessPhone: fmt.Sprintf("(503)555-01%02d", s.rnd.IntN(100)),
	})
	if err != nil {
		return err
	}
	s.done("entered patient " + strconv.FormatInt(p.PatNum, 10))
	if err := s.schedule(ctx, p.PatNum); err != nil {
		return err
	}
	photo, err := s.office.AddPhoto(ctx, p.PatNum, ".png", s.picture())
	if err == nil {
		s.photos = append(s.photos, photo.DocNum)
	}
	return err
}

func (s *staff) replacePhoto(ctx context.Context) error {
	if len(s.photos) == 0 {
		return nil
	}
	id := s.photos[s.rnd.IntN(len(s.photos))]
	if err := s.office.ReplacePhoto(ctx, id, s.picture()); err != nil {
		return err
	}
	s.done("replaced photo " + strconv.FormatInt(id, 10))
	return nil
}

// openDocument looks at a document that the host filed. At its first view the
// program gives a document another number: nothing may depend on the old one.
func (s *staff) openDocument(ctx context.Context) error {
	var id int64
	err := s.office.DB().QueryRowContext(ctx,
		"SELECT DocNum FROM document WHERE FileName = 'x' ORDER BY DocNum LIMIT 1").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := s.office.ViewDocument(ctx, id); err != nil {
		return err
	}
	s.done("opened document " + strconv.FormatInt(id, 10))
	return nil
}

// picture makes a small picture that looks like no other.
func (s *staff) picture() []byte {
	shade := func() uint8 { return uint8(s.rnd.UintN(256)) }
	img := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{
		color.RGBA{shade(), shade(), shade(), 255}, color.RGBA{shade(), shade(), shade(), 255},
	})
	for y := 2; y < 6; y++ {
		for x := 2; x < 6; x++ {
			img.SetColorIndex(x, y, 1)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("quickstart: encoding a picture in memory failed: " + err.Error())
	}
	return b.Bytes()
}
