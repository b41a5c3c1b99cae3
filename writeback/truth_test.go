package writeback_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/writeback"
)

// mirror is a host that keeps a copy of the practice's appointments and patients
// from nothing but events. It knows events by their ids, as the documentation
// asks for, and may fail after it has taken some.
type mirror struct {
	mu           sync.Mutex
	ids          map[string]bool
	appointments map[string]driver.Appointment
	patients     map[string]int
	photos       map[string]string
	failing      func() bool
}

func newMirror() *mirror {
	return &mirror{
		ids: map[string]bool{}, appointments: map[string]driver.Appointment{}, patients: map[string]int{},
		photos: map[string]string{}, failing: func() bool { return false },
	}
}

// mirrored makes a handler that takes events one by one, each at most once, and
// may fail before and after any of them.
func mirrored[E any](m *mirror, id func(E) string, apply func(E)) func(context.Context, string, []E) error {
	return func(_ context.Context, _ string, events []E) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, e := range events {
			if m.failing() {
				return errHost
			}
			if !m.ids[id(e)] {
				m.ids[id(e)] = true
				apply(e)
			}
		}
		if m.failing() {
			return errHost
		}
		return nil
	}
}

func (m *mirror) handlers() writeback.Handlers {
	return writeback.Handlers{
		AppointmentStatuses: mirrored(m, func(e writeback.AppointmentStatusEvent) string { return e.ID }, func(e writeback.AppointmentStatusEvent) {
			if a, ok := m.appointments[e.Appointment.ID]; ok {
				a.Status = e.Appointment.Status
				m.appointments[a.ID] = a
			}
		}),
		Appointments: mirrored(m, func(e writeback.AppointmentEvent) string { return e.ID }, func(e writeback.AppointmentEvent) {
			if e.Change == writeback.Deleted {
				delete(m.appointments, e.Appointment.ID)
				return
			}
			m.appointments[e.Appointment.ID] = e.Appointment
		}),
		NewPatients: mirrored(m, func(e writeback.PatientEvent) string { return e.ID }, func(e writeback.PatientEvent) {
			m.patients[e.Patient.ID]++
		}),
		Photos: mirrored(m, func(e writeback.PhotoEvent) string { return e.ID }, func(e writeback.PhotoEvent) {
			m.photos[e.Photo.Patient] = e.Photo.Tag
		}),
	}
}

// shape is what has to agree of an appointment.
func shape(a driver.Appointment) string {
	return fmt.Sprint(a.Start.UTC().Format(time.RFC3339), " ", a.Operatory, " ", a.State, " ", a.Status, " ", a.Note.Reveal())
}

// TestHostsCopyEqualsThePMSWhateverHappens lets staff, the PMS, the host, the
// store and the process do what they like for a while, and compares.
func TestHostsCopyEqualsThePMSWhateverHappens(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { mirrorPlay(t, seed) })
		})
	}
}

func mirrorPlay(t *testing.T, seed uint64) {
	makes := pmsMakes()
	make := makes[int(seed)%len(makes)]
	if make.mute {
		make = makes[0] // it cannot tell a visit far away from one deleted
	}
	// The engine draws too, when it meets what may fail.
	var drawing sync.Mutex
	dealer := rand.New(rand.NewPCG(seed, 7))
	draw := func(n int) int {
		drawing.Lock()
		defer drawing.Unlock()
		return dealer.IntN(n)
	}
	b, m := bedOn(t, make.cfg, nil), newMirror()
	if make.info != nil {
		b.pms.SetInfo(make.info)
	}
	store := &leaky{Store: b.store}
	engine := func(c *writeback.Config) {
		oftenSwept(c)
		c.Store, c.Handlers = store, m.handlers()
	}
	b.engine(engine)
	var list, patients []string
	for range 4 {
		list = append(list, b.appointment(48*time.Hour))
	}
	b.start()
	b.save(withPhotos)
	b.pass(3 * time.Minute)

	pick := func() string { return list[draw(len(list))] }
	edit := func(f func(a *driver.Appointment)) func() {
		return func() { b.pms.EditAppointment(pick(), f) } //nolint:errcheck // it may be deleted
	}
	deals := []func(){
		edit(func(a *driver.Appointment) { a.Start = a.Start.Add(time.Duration(draw(5)-2) * time.Hour) }),
		edit(func(a *driver.Appointment) { a.Operatory = fmt.Sprint(draw(3)) }),
		edit(func(a *driver.Appointment) { a.Note = driver.NewText(fmt.Sprint(draw(3))) }),
		edit(func(a *driver.Appointment) { a.Status = []string{"0301", "0302", "0303"}[draw(3)] }),
		edit(func(a *driver.Appointment) { a.Status = []string{"0301", "0302", "0303"}[draw(3)] }),
		edit(func(a *driver.Appointment) {
			a.State = []driver.AppointmentState{driver.AppointmentScheduled, driver.AppointmentCancelled, driver.AppointmentArrived}[draw(3)]
		}),
		func() { list = append(list, b.appointment(time.Duration(24+draw(72))*time.Hour)) },
		func() { b.pms.DeleteAppointment(pick()) }, //nolint:errcheck // it may be deleted
		func() {
			id := pick()
			if _, there := b.pms.Appointment(id); !there { // undone
				b.pms.AddAppointment(driver.Appointment{ID: id, Patient: b.patient, Start: time.Now().Add(48 * time.Hour)})
			}
		},
		func() { patients = append(patients, b.newPatient("New", "Comer")) },
		func() {
			if photos := b.pms.Photos(); len(photos) > 0 {
				require.NoError(t, b.pms.ReplacePhoto(photos[0].ID, []byte{byte(draw(255))}))
				return
			}
			b.pms.AddPhoto(b.patient, "image/png", []byte("face"))
		},
		func() { b.pms.SetOffline(draw(2) == 0) },
		func() { b.pms.ExpireCursors() },
		func() {
			b.pms.Fail(memdriver.Fault{On: []string{"changes", "window", "read appointment"}[draw(3)], Times: 1 + draw(3)})
		},
		func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.failing = func() bool { return draw(3) == 0 }
		},
		func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.failing = func() bool { return false }
		},
		func() { store.fail(func(writeback.Change) bool { return draw(3) == 0 }) },
		func() { store.fail(nil) },
		func() {
			store.fail(nil) // adding the practice must work
			b.stopped()
			b.engine(engine)
			b.start()
		},
		func() { require.NoError(t, b.p.Import(t.Context(), driver.AppointmentFeed)) },
	}
	for range 60 {
		n := draw(len(deals))
		if n == len(deals)-1 {
			store.fail(nil)
		}
		deals[n]()
		if draw(3) > 0 {
			b.pass(time.Duration(draw(40)) * time.Second)
		}
	}
	store.fail(nil)
	m.mu.Lock()
	m.failing = func() bool { return false }
	m.mu.Unlock()
	b.pms.Heal()
	b.pass(30 * time.Minute)
	defer b.stopped()

	m.mu.Lock()
	defer m.mu.Unlock()
	want, got := map[string]string{}, map[string]string{}
	for _, a := range b.pms.Appointments() {
		want[a.ID] = shape(a)
	}
	for _, a := range m.appointments {
		got[a.ID] = shape(a)
	}
	require.Equal(t, want, got, "%s", make.name)
	for _, id := range patients {
		require.Equal(t, 1, m.patients[id], "each new patient once")
	}
	for _, photo := range b.pms.Photos() {
		require.Equal(t, photo.Tag, m.photos[photo.Patient])
	}
}
