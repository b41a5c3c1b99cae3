package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

// host is the application that embeds the engine: it has something to write back
// every moment, and it takes what comes from the practice.
type host struct {
	journal *journal
	// folder is part of every key and marker.
	folder string
	// only is the one patient to write to in a real PMS; empty in the emulated
	// one, where everybody is invented.
	only   string
	screen *view

	mu       sync.Mutex
	patients map[string]driver.Patient
	active   []string // the ids of patients to write to
	visits   map[string]visit
	said     map[string]bool // statuses that were submitted: each once per appointment
	payments []event         // not refunded yet
	seen     map[string]bool // ids of inbound events
	received map[driver.Feed]int
	imported int
	written  map[writeback.ItemKind]int
}

// visit is what the host knows of an appointment.
type visit struct {
	patient string
	start   time.Time
	status  writeback.Confirmation
	basis   string
}

func newHost(j *journal, folder, only string, screen *view) *host {
	h := &host{
		journal: j, folder: folder, only: only, screen: screen,
		patients: map[string]driver.Patient{}, visits: map[string]visit{}, said: map[string]bool{},
		seen: map[string]bool{}, received: map[driver.Feed]int{}, written: map[writeback.ItemKind]int{},
	}
	for _, e := range j.all() {
		h.remember(e)
	}
	return h
}

// handlers are what the host wants to hear of. Each is called again with the same
// events until it returns nil, so a real host would store what it got before it
// does, in one transaction with the ids of the events.
func (h *host) handlers() writeback.Handlers {
	return writeback.Handlers{
		AppointmentStatuses: h.onStatuses,
		Appointments:        h.onAppointments,
		NewPatients:         h.onPatients,
		Photos:              h.onPhotos,
		Items:               h.onItems,
	}
}

// news reports whether an inbound event is one that the host has not had yet,
// and counts it. What the engine found at its first look is no news.
func (h *host) news(feed driver.Feed, id string, change writeback.RecordChange, what string) bool {
	if h.seen[id] {
		return false
	}
	h.seen[id] = true
	if change != writeback.Found {
		h.received[feed]++
		h.screen.happened("received " + what)
	}
	return true
}

func (h *host) onStatuses(_ context.Context, _ string, events []writeback.AppointmentStatusEvent) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		h.news(driver.AppointmentStatusFeed, e.ID, writeback.Edited, "appointment "+e.Appointment.ID+" is "+string(e.Status))
		h.visits[e.Appointment.ID] = visitOf(e.Appointment, e.Status, e.Basis)
	}
	return nil
}

func (h *host) onAppointments(_ context.Context, _ string, events []writeback.AppointmentEvent) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		h.news(driver.AppointmentFeed, e.ID, e.Change, "appointment "+e.Appointment.ID+" "+string(e.Change))
		if e.Change == writeback.Deleted || e.Appointment.State != driver.AppointmentScheduled {
			delete(h.visits, e.Appointment.ID)
			continue
		}
		h.visits[e.Appointment.ID] = visitOf(e.Appointment, e.Status, e.Basis)
	}
	return nil
}

func visitOf(a driver.Appointment, status writeback.Confirmation, basis string) visit {
	return visit{patient: a.Patient, start: a.Start, status: status, basis: basis}
}

func (h *host) onPatients(_ context.Context, _ string, events []writeback.PatientEvent) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		h.news(driver.PatientFeed, e.ID, e.Change, "new patient "+e.Patient.ID)
		if e.Change == writeback.Found {
			h.imported++
		}
		_, known := h.patients[e.Patient.ID]
		h.patients[e.Patient.ID] = e.Patient
		if !known && e.Patient.State == driver.PatientActive && !e.Patient.BirthDate.IsZero() &&
			(h.only == "" || h.only == e.Patient.ID) {
			h.active = append(h.active, e.Patient.ID)
		}
	}
	return nil
}

func (h *host) onPhotos(ctx context.Context, _ string, events []writeback.PhotoEvent) error {
	for _, e := range events {
		// The bytes are to be had while the handler runs.
		size, err := download(ctx, e)
		if errors.Is(err, driver.ErrRejected) {
			size, err = 0, nil // replaced or deleted since: the next event brings the new one
		}
		if err != nil {
			return err
		}
		h.mu.Lock()
		h.news(driver.PhotoFeed, e.ID, e.Change, fmt.Sprintf("photo of patient %s, %d bytes", e.Photo.Patient, size))
		h.mu.Unlock()
	}
	return nil
}

func download(ctx context.Context, e writeback.PhotoEvent) (int64, error) {
	body, err := e.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }() // it was only read
	return io.Copy(io.Discard, body)
}

// onItems hears what became of what the host submitted.
func (h *host) onItems(_ context.Context, _ string, events []writeback.ItemEvent) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		if e.To == writeback.Queued {
			continue
		}
		if e.To == writeback.Written {
			h.written[e.Current.Kind]++
		}
		line := string(e.To) + " " + string(e.Current.Kind) + " " + e.Current.Key
		if e.To != writeback.Written {
			line += ": " + e.Words
		}
		h.screen.happened(line)
	}
	return nil
}

// work submits one event after the other until stop, and each kind at least
// once.
func (h *host) work(ctx context.Context, p *writeback.Practice, pace time.Duration, stop time.Time) error {
	day := workday()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for n := 0; time.Now().Before(stop) || n < len(day); n++ {
		if e, ok := h.next(day[n%len(day)], n >= len(day)); ok {
			if err := h.submit(ctx, p, e); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	return nil
}

// submit is how an event leaves the host: written down, given to the engine,
// acknowledged. Whatever the engine's error, nothing is lost by asking again
// with the same key.
func (h *host) submit(ctx context.Context, p *writeback.Practice, e event) error {
	if err := h.journal.submit(e); err != nil {
		return err
	}
	h.mu.Lock()
	h.remember(e)
	h.mu.Unlock()
	return h.give(ctx, p, e)
}

// resume submits again what a kill cut off between the submit and its
// acknowledgement.
func (h *host) resume(ctx context.Context, p *writeback.Practice) (int, error) {
	left := h.journal.open()
	for _, e := range left {
		if err := h.give(ctx, p, e); err != nil {
			return 0, err
		}
	}
	return len(left), nil
}

func (h *host) give(ctx context.Context, p *writeback.Practice, e event) error {
	h.mu.Lock()
	payer := h.payer(e.Patient)
	h.mu.Unlock()
	for tries := 1; ; tries++ {
		err := e.submit(ctx, p, payer)
		if err == nil {
			return h.journal.ack(e.Key)
		}
		switch {
		case ctx.Err() != nil:
			return nil // the next run submits it
		case errors.Is(err, writeback.ErrInvalid), errors.Is(err, writeback.ErrKeyReused), tries == 5:
			return fmt.Errorf("submit %s %s: %w", e.Kind, e.Key, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// payer names a patient well enough for money.
func (h *host) payer(id string) writeback.Patient {
	known := h.patients[id]
	return writeback.Patient{ID: id, First: known.FirstName, Last: known.LastName, Birth: known.BirthDate}
}

// knowsSomebody reports whether there is a patient to write to.
func (h *host) knowsSomebody() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.active) > 0
}

// remember keeps what later events depend on.
func (h *host) remember(e event) {
	switch e.Kind {
	case writeback.KindStatus:
		h.said[e.Appointment+" "+e.About] = true
	case writeback.KindPayment:
		h.payments = append(h.payments, e)
	case writeback.KindRefund:
		h.payments = slices.DeleteFunc(h.payments, func(p event) bool { return p.Key == e.Payment })
	}
}

// task is one thing in a host's day.
type task struct {
	kind  writeback.ItemKind
	about string
	fee   bool
}

// workday has every kind of event, mixed as they come.
func workday() []task {
	var rest []task
	for _, kind := range driver.DocumentKinds() {
		if kind != driver.FormDocument {
			rest = append(rest, task{kind: writeback.KindDocument, about: string(kind)})
		}
	}
	for _, category := range driver.FormCategories() {
		rest = append(rest, task{kind: writeback.KindForm, about: string(category)})
	}
	for i, channel := range driver.PaymentChannels() {
		rest = append(rest, task{kind: writeback.KindPayment, about: string(channel), fee: i > 0}, task{kind: writeback.KindStatus})
	}
	rest = append(rest, task{kind: writeback.KindRefund}, task{kind: writeback.KindPayment, about: string(driver.ChannelOnline)})
	var day []task
	for i, kind := range driver.NoteKinds() {
		day = append(day, task{kind: writeback.KindNote, about: string(kind)})
		if i < len(rest) {
			day = append(day, rest[i])
		}
	}
	return day
}

// next makes the event of a task, if there is occasion for it.
func (h *host) next(t task, long bool) (event, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.active) == 0 {
		return event{}, false
	}
	n := h.journal.size() + 1
	e := event{
		Key: fmt.Sprintf("%s-%08d", h.folder, n), Marker: fmt.Sprintf("QS-%s-%08d", h.folder, n),
		Kind: t.kind, About: t.about, At: time.Now().UTC().Truncate(time.Second),
		Patient: h.active[rand.IntN(len(h.active))],
	}
	switch t.kind {
	case writeback.KindNote:
		// A call of an hour, now and then.
		e.Long = long && t.about == string(driver.IncomingCallTranscript)
	case writeback.KindStatus:
		return h.nextStatus(e)
	case writeback.KindPayment:
		e.Amount = 1_500 + 13*int64(n)
		if t.fee {
			e.Fee = e.Amount * 269 / 10_000 // what the card costs
		}
	case writeback.KindRefund:
		if len(h.payments) == 0 {
			return event{}, false
		}
		paid := h.payments[0]
		e.Payment, e.Patient, e.Amount = paid.Key, paid.Patient, paid.Amount
	}
	return e, true
}

// nextStatus finds an appointment that the patient confirms or unconfirms in the
// host. The appointment's event gave a basis, with which the engine can tell
// whether staff decided otherwise in the meantime.
func (h *host) nextStatus(e event) (event, bool) {
	for id, v := range h.visits {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || n%2 != 0 || time.Until(v.start) < time.Hour || h.only != "" && h.only != v.patient {
			continue
		}
		e.About = aboutConfirmed
		if v.status == writeback.Confirmed {
			e.About = aboutUnconfirmed
		}
		if h.said[id+" "+e.About] {
			continue
		}
		e.Appointment, e.Patient, e.Basis = id, v.patient, v.basis
		v.status = map[string]writeback.Confirmation{aboutConfirmed: writeback.Confirmed, aboutUnconfirmed: writeback.Unconfirmed}[e.About]
		h.visits[id] = v
		return e, true
	}
	return event{}, false
}

// hostCounts is what the host knows at a moment.
type hostCounts struct {
	submitted int
	written   map[writeback.ItemKind]int
	received  map[driver.Feed]int
	imported  int
}

func (h *host) counts() hostCounts {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := hostCounts{
		submitted: h.journal.size(), imported: h.imported,
		written: map[writeback.ItemKind]int{}, received: map[driver.Feed]int{},
	}
	for _, kind := range writeback.ItemKinds() {
		c.written[kind] = h.written[kind]
	}
	for _, feed := range driver.Feeds() {
		c.received[feed] = h.received[feed]
	}
	return c
}
