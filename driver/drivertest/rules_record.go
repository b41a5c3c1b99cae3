package drivertest

import (
	"time"

	"github.com/pmswriteback/pms/driver"
)

func recordRules() []rule {
	return []rule{
		{
			name:        "appointment/content",
			explanation: "An appointment is read as staff entered it, alone and in a window alike: patient, start, length, status, state, provider.",
			try:         tryAppointmentContent,
		}, {
			name:        "appointment/now",
			explanation: "ReadAppointment gives the appointment as it is now, not as it was read before: statuses are decided on it.",
			try: func(c *checker) {
				s := c.open()
				s.needReader()
				c.need("Staff.SetStatus", c.pms.Staff.SetStatus != nil)
				st := s.statuses(2)
				id := c.visit(s, c.patient(), st[0])
				for _, want := range []string{st[0], st[1], st[0]} {
					c.pms.Staff.SetStatus(id, want)
					a, err := s.appointment(c.ctx, id)
					if err != nil {
						c.Fatalf("ReadAppointment: %v", err)
					}
					if a.Status != want {
						c.Errorf("staff set the status %q, and the appointment is read with %q", want, a.Status)
					}
				}
			},
		}, {
			name:        "appointment/missing",
			explanation: "An appointment that is gone, or never was, is ErrRejected with ReasonAppointmentMissing.",
			try: func(c *checker) {
				s := c.open()
				s.needReader()
				_, err := s.appointment(c.ctx, "999999999")
				c.rejected("ReadAppointment of one that never was", err, driver.ReasonAppointmentMissing)
				c.need("Staff.DeleteAppointment", c.pms.Staff.DeleteAppointment != nil)
				id := c.visit(s, c.patient(), "")
				c.pms.Staff.DeleteAppointment(id)
				_, err = s.appointment(c.ctx, id)
				c.rejected("ReadAppointment of one that staff deleted", err, driver.ReasonAppointmentMissing)
			},
		},
	}
}

func (s *session) needReader() {
	if _, ok := s.conn.(driver.AppointmentReader); !ok {
		s.c.notApplicable("the connection is no driver.AppointmentReader")
	}
}

func tryAppointmentContent(c *checker) {
	s := c.open()
	patient, start, provider := c.patient(), c.tomorrow(14, 10), s.provider()
	status := ""
	if s.info.Catalogs[driver.AppointmentStatuses].Supported {
		status = s.statuses(2)[1]
	}
	id := c.visitAt(s, patient, status, start)
	for way, a := range s.readings(id, start) {
		if a.ID != id {
			c.Errorf("%s: the id is %q, want %q", way, a.ID, id)
		}
		if a.Patient != patient {
			c.Errorf("%s: the patient is %q, want %q", way, a.Patient, patient)
		}
		if !a.Start.Equal(start) {
			c.Errorf("%s: the start is %s, want %s", way, a.Start, start)
		}
		if a.Duration != 0 && a.Duration != 30*time.Minute {
			c.Errorf("%s: the length is %v, want 30 minutes", way, a.Duration)
		}
		if status != "" && a.Status != status {
			c.Errorf("%s: the status is %q, want %q", way, a.Status, status)
		}
		if a.State != driver.AppointmentScheduled {
			c.Errorf("%s: the state is %q, want %q", way, a.State, driver.AppointmentScheduled)
		}
		if a.Provider != "" && a.Provider != provider {
			c.Errorf("%s: the provider is %q, want %q", way, a.Provider, provider)
		}
		if !a.Note.IsEmpty() && !hasText(a.Note.Reveal(), "brings her old crown") {
			c.Errorf("%s: the note is not the one that staff wrote", way)
		}
	}
}

func photoRules() []rule {
	return []rule{
		{
			name:        "photo/bytes",
			explanation: "OpenPhoto gives the bytes of the file that the feed named, all and unchanged, and a Size that is known is theirs.",
			try: func(c *checker) {
				s := c.open()
				patient, content := c.patient(), picture(c, 1)
				ph := s.photoOf(patient, func() string { return c.pms.Staff.AddPhoto(patient, content) })
				if ph.Patient != patient {
					c.Errorf("the photo belongs to %q, want %q", ph.Patient, patient)
				}
				got, err := s.photo(c.ctx, ph.ID)
				if err != nil {
					c.Fatalf("OpenPhoto: %v", err)
				}
				if hash(got) != hash(content) {
					c.Errorf("OpenPhoto gives %d bytes that are not the %d of the file", len(got), len(content))
				}
				if ph.Size >= 0 && ph.Size != int64(len(content)) {
					c.Errorf("Size is %d, the file has %d bytes", ph.Size, len(content))
				}
			},
		}, {
			name:        "photo/tag",
			explanation: "Id or Tag changes when the bytes may have changed, and neither does otherwise: the engine fetches by them.",
			try: func(c *checker) {
				s := c.open()
				patient := c.patient()
				first := s.photoOf(patient, func() string { return c.pms.Staff.AddPhoto(patient, picture(c, 1)) })
				again := s.photoOf(patient, nil)
				if first.ID != again.ID || first.Tag != again.Tag {
					c.Errorf("nothing changed, and the photo (%q, tag %q) is now (%q, tag %q)", first.ID, first.Tag, again.ID, again.Tag)
				}
				c.need("Staff.ReplacePhoto", c.pms.Staff.ReplacePhoto != nil)
				content := picture(c, 2)
				c.tick(s)
				other := s.photoOf(patient, func() string { return c.pms.Staff.ReplacePhoto(patient, content) })
				if other.ID == first.ID && other.Tag == first.Tag {
					c.Errorf("the picture was replaced, and neither id nor tag changed")
				}
				got, err := s.photo(c.ctx, other.ID)
				if err != nil {
					c.Fatalf("OpenPhoto: %v", err)
				}
				if hash(got) != hash(content) {
					c.Errorf("the picture was replaced, and OpenPhoto does not give the new bytes")
				}
			},
		}, {
			name:        "photo/missing",
			explanation: "A photo that is gone is ErrRejected with ReasonInvalid.",
			try: func(c *checker) {
				s := c.open()
				s.needPhotos()
				_, err := s.photo(c.ctx, "999999999")
				c.rejected("OpenPhoto of one that never was", err, driver.ReasonInvalid)
			},
		}, {
			name:        "photo/cut",
			explanation: "When the connection breaks in the middle of a photo, reading it fails: half a picture must not pass for one.",
			try: func(c *checker) {
				s := c.open()
				patient, content := c.patient(), picture(c, 1)
				ph := s.photoOf(patient, func() string { return c.pms.Staff.AddPhoto(patient, content) })
				c.inject(Fault{Kind: FaultCutMiddle, Call: CallPhoto})
				if got, err := s.photo(c.ctx, ph.ID); err == nil && len(got) < len(content) {
					c.Errorf("%d of %d bytes came, and then the end of the file without an error", len(got), len(content))
				}
			},
		},
	}
}

func (s *session) needPhotos() driver.FeedInfo {
	f := s.info.Feeds[driver.PhotoFeed]
	if !f.Supported {
		s.c.notApplicable("photos: %s", f.Why)
	}
	return f
}

// photoOf reads a patient's photo from the feed, after staff have acted; without
// an act it reads what there is, by window.
func (s *session) photoOf(patient string, act func() string) driver.Photo {
	c, f := s.c, s.needPhotos()
	c.need("Staff.AddPhoto", c.pms.Staff.AddPhoto != nil)
	var w *walked
	switch {
	case f.Window:
		if act != nil {
			act()
		}
		w = s.walkWindow(driver.WindowQuery{Feed: driver.PhotoFeed})
	case act != nil:
		cursor := s.baseline(driver.PhotoFeed)
		act()
		w = s.walkChanges(driver.PhotoFeed, cursor, 0)
	default:
		c.notApplicable("photos are read by changes alone")
	}
	var found []driver.Photo
	for _, ph := range w.photos {
		if ph.Patient == patient {
			found = append(found, ph)
		}
	}
	if len(found) != 1 {
		c.Fatalf("the feed has %d photos of the patient, want 1", len(found))
	}
	return found[0]
}
