package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// contents says how often each content stands in a PMS's tables. A content is
// what a person would see there: a note's marker in that patient's record, an
// amount in that patient's ledger, a status that an appointment was given. The
// engine's own references are not used: they are part of what is being proved.
type contents map[string]int

func noteContent(patient, marker string) string { return "note " + patient + " " + marker }
func fileContent(patient, marker string) string { return "file " + patient + " " + marker }
func paymentContent(patient string, cents int64, marker string) string {
	return fmt.Sprintf("payment %s %d %s", patient, cents, marker)
}
func refundContent(patient string, cents int64) string {
	return fmt.Sprintf("refund %s %d", patient, cents)
}
func statusContent(appointment, status string) string { return "status " + appointment + " " + status }

// nowContent is the status that an appointment has at the end.
func nowContent(appointment, status string) string { return "now " + appointment + " " + status }

// wanted are the contents that an event puts into the PMS.
func (e event) wanted(doc settings.Document) []string {
	switch e.Kind {
	case writeback.KindNote:
		list := []string{noteContent(e.Patient, e.Marker)}
		if e.Long {
			list = append(list, noteContent(e.Patient, e.endMarker()))
		}
		return list
	case writeback.KindDocument, writeback.KindForm:
		return []string{fileContent(e.Patient, e.Marker)}
	case writeback.KindStatus:
		return []string{statusContent(e.Appointment, doc.StatusTarget(e.About == aboutConfirmed).ID)}
	case writeback.KindPayment:
		list := []string{paymentContent(e.Patient, e.Amount, e.Marker)}
		if e.Fee > 0 {
			list = append(list, paymentContent(e.Patient, e.Fee, e.Marker))
		}
		return list
	case writeback.KindRefund:
		return []string{refundContent(e.Patient, e.Amount)}
	}
	return nil
}

var markers = regexp.MustCompile(`QS-[a-z0-9]+-\d{8}z?`)

// sourceAPI is who changed an appointment, in its history: the API Service.
const sourceAPI = 6

// stands reads the practice's own tables.
func (p *practice) stands(ctx context.Context) (contents, error) {
	found := contents{}
	notes, err := p.Commlogs(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		for _, m := range markers.FindAllString(n.Note, -1) {
			found[noteContent(number(n.PatNum), m)]++
		}
	}
	documents, err := p.Documents(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range documents {
		for _, m := range markers.FindAllString(string(d.Content), -1) {
			found[fileContent(number(d.PatNum), m)]++
		}
	}
	payments, err := p.Payments(ctx)
	if err != nil {
		return nil, err
	}
	for _, pay := range payments {
		cents := int64(math.Round(pay.PayAmt * 100))
		if cents < 0 {
			found[refundContent(number(pay.PatNum), -cents)]++
			continue
		}
		found[paymentContent(number(pay.PatNum), cents, markers.FindString(pay.PayNote))]++
	}
	return found, p.standingStatuses(ctx, found)
}

// standingStatuses counts each change of a status that came through the API. An
// appointment's history has a row for every change of anything, so a row counts
// when its status differs from the one before.
func (p *practice) standingStatuses(ctx context.Context, found contents) error {
	history, err := p.HistAppointments(ctx)
	if err != nil {
		return err
	}
	before := map[int64]int64{}
	for _, row := range history {
		if row.ApptSource == sourceAPI && row.HistApptAction == opendentaltest.HistChanged && before[row.AptNum] != row.Confirmed {
			found[statusContent(number(row.AptNum), number(row.Confirmed))]++
		}
		before[row.AptNum] = row.Confirmed
	}
	appointments, err := p.Appointments(ctx)
	for _, a := range appointments {
		found[nowContent(number(a.AptNum), number(a.Confirmed))]++
	}
	return err
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// verdict is what the journal and the PMS's tables say together.
type verdict struct {
	written    map[writeback.ItemKind]int
	duplicates int
	lost       int
	// details name what was lost or doubled, by key.
	details []string
}

// judge holds the journal against what stands in the PMS. look gives the
// engine's item of a key; it is asked only about what is not in the PMS.
func judge(j *journal, found contents, doc settings.Document, look func(key string) (writeback.Item, error)) (verdict, error) {
	v := verdict{written: map[writeback.ItemKind]int{}}
	for _, kind := range writeback.ItemKinds() {
		v.written[kind] = 0
	}
	events := j.all()
	last := map[string]string{} // appointment to the last status that the host said
	for _, e := range events {
		if e.Kind == writeback.KindStatus {
			last[e.Appointment] = e.Key
		}
	}
	for _, e := range events {
		whole := true
		for _, content := range e.wanted(doc) {
			switch n := found[content]; {
			case n == 0:
				// Where the status before it was superseded unsent, the appointment has
				// the last one already, and there is nothing to change. An earlier one
				// gets no such benefit: it must have left its trace.
				whole = whole && last[e.Appointment] == e.Key && found[nowContent(e.Appointment, doc.StatusTarget(e.About == aboutConfirmed).ID)] > 0
			case n > 1:
				v.duplicates += n - 1
				v.details = append(v.details, fmt.Sprintf("%s %s stands %d times in the PMS", e.Kind, e.Key, n))
			}
		}
		if whole {
			v.written[e.Kind]++
			continue
		}
		if !j.isAcked(e.Key) {
			continue // nobody was told that it had arrived
		}
		item, err := look(e.Key)
		switch {
		case errors.Is(err, writeback.ErrNotFound):
			v.lost++
			v.details = append(v.details, fmt.Sprintf("%s %s was acknowledged and is nowhere", e.Kind, e.Key))
		case err != nil:
			return v, err
		case !accounted(item):
			v.lost++
			v.details = append(v.details, fmt.Sprintf("%s %s is not in the PMS, and its item says %s (%s)", e.Kind, e.Key, item.State, item.Reason))
		}
	}
	return v, nil
}

// accounted reports whether an item that is not in the PMS says why.
func accounted(item writeback.Item) bool {
	switch item.State {
	case writeback.Written:
		return false
	case writeback.Queued, writeback.Writing, writeback.Uncertain, writeback.Superseded:
		return true // on its way, or a newer one took its place
	}
	return item.Reason != ""
}

// judgeByItems is all that can be said of a real PMS, whose tables are not ours
// to read: what the engine's items say.
func judgeByItems(j *journal, look func(key string) (writeback.Item, error)) (verdict, error) {
	v := verdict{written: map[writeback.ItemKind]int{}}
	for _, kind := range writeback.ItemKinds() {
		v.written[kind] = 0
	}
	for _, e := range j.all() {
		item, err := look(e.Key)
		if err != nil && !errors.Is(err, writeback.ErrNotFound) {
			return v, err
		}
		if item.State == writeback.Written {
			v.written[e.Kind]++
		}
	}
	return v, nil
}

// states counts the engine's items by state.
func states(ctx context.Context, p *writeback.Practice) (map[writeback.State]int, error) {
	health, err := p.Health(ctx)
	return health.Items, err
}
