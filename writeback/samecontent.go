package writeback

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// The same bytes are filed once for a patient and a kind, under whatever keys
// they come. What counts is what is in the PMS, or may be, when a document's turn
// comes; so which of two came first does not matter.
//
// A document's Subject is a digest of its content, and from its first claim on
// of content and patient: one look-up finds all that may be in the PMS of the
// same for the same patient, however many patients get the same sheet. Equal
// contents share a lane, so that only one of them is being sent.
//
// A patient whose record was merged into another one in the PMS is another
// patient here, since no PMS tells: a document that was filed before may then be
// filed once more, and is never missing.

// isFile reports whether the item is a document or a form.
func (it *item) isFile() bool { return it.Kind == KindDocument || it.Kind == KindForm }

// contentDigest names the content and what it is filed as, for one patient or,
// with "", for all.
func (it *item) contentDigest(who string) string {
	d := it.p.Document
	what := []string{string(d.Kind), string(d.Category), strings.ToLower(d.FormType), d.SHA256, who}
	return derive("content", it.Practice, strings.Join(what, "\x00"), 15)
}

// setContent is for the submit.
func (it *item) setContent() {
	it.pr.SHA256 = it.p.Document.SHA256
	it.Subject = it.contentDigest("")
	it.Lane = "content:" + it.Subject
}

// patientDigests name the content for a patient of this PMS: ids mean something
// inside one PMS only. The last one is what a person's word left while the PMS
// was never reached.
func (p *Practice) patientDigests(it *item, who string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	unknown := it.contentDigest("\x00" + who)
	if p.info == nil || p.info.Product == "" {
		return []string{unknown}
	}
	return []string{it.contentDigest(p.info.Product + "\x00" + who), unknown}
}

// What names a patient in a digest: the PMS's id, or else all that the host gave.
func byPMSID(id string) string                { return "id\x00" + id }
func asTheyCame(it *item, k digestKey) string { return "named\x00" + patientLane(it, k) }

// setPatient notes whose record the item goes to.
func (p *Practice) setPatient(it *item, id string) {
	it.Patient = id
	if it.isFile() && id != "" {
		it.Subject = p.patientDigests(it, byPMSID(id))[0]
	}
}

// postedByHand notes whose record the item went to, or how it named the patient
// if the engine never knew.
func (p *Practice) postedByHand(ctx context.Context, it *item) error {
	if !it.isFile() || it.p.Document == nil {
		return nil
	}
	if err := p.gather(ctx, it, p.e.cfg.Store); err != nil {
		return err
	}
	if id := it.patientID(); id != "" {
		p.setPatient(it, id)
	} else {
		it.Subject = p.patientDigests(it, asTheyCame(it, p.e.seal.digests.oldest()))[0]
	}
	return nil
}

// sameContent is what the store has of the same content for the same patient.
type sameContent struct {
	// filed is in the PMS.
	filed *item
	// doubt is the id of one that may be.
	doubt string
	// subject names the content and the patient.
	subject string
}

// decideSame lets one that is in the PMS stand for another, and never sends one
// past another that may be there.
func decideSame(it *item) (decision, bool) {
	switch same := it.near.same; {
	case same.filed != nil:
		return decided(EventFiledBefore, ReasonFiledBefore, ""), true
	case same.doubt != "":
		return decided(EventHeld, ReasonWaitsForDocument, "document:"+same.doubt), true
	}
	return decision{}, false
}

// takeReceipt makes the item written by what another one wrote.
func (it *item) takeReceipt() {
	var got driver.Receipt
	if legs := it.near.same.filed.pr.Legs; len(legs) > 0 {
		got = legs[0].Got
	}
	got.Existed = true
	l := it.newLeg(string(it.Kind), driver.Money{}, false)
	l.State, l.Got = legDone, got
	it.pr.Legs = []leg{l}
	it.Attempts = 0
	it.Patient, it.Subject = it.patientID(), it.near.same.subject
}

// lookForSame looks for others of the same content once the patient is known. One
// of which something is in the PMS is finished; one that a restored store may
// have forgotten is looked for first; and one that may be in the PMS itself does
// not wait for another that may be: each would wait for the other.
func (p *Practice) lookForSame(ctx context.Context, it *item) error {
	it.near.same = sameContent{}
	if !it.isFile() || it.begun() || it.patientID() == "" || p.forgotten(it) {
		return nil
	}
	same, err := p.findSame(ctx, it)
	if err != nil {
		return err
	}
	if same.doubt != "" {
		// From here on we hear of it; it may have been settled before.
		p.await(same.doubt)
		if same, err = p.findSame(ctx, it); err != nil {
			return err
		}
	}
	it.near.same = same
	return nil
}

// mayBeThere are the states in which an item that was claimed may wait. Whether
// the PMS may have it shows in its state or its leg.
var mayBeThere = []State{Queued, Held, Writing, Uncertain, PartiallyPosted, NeedsPatient, Failed, Conflict, Skipped}

func (p *Practice) findSame(ctx context.Context, it *item) (same sameContent, err error) {
	subjects := p.patientDigests(it, byPMSID(it.patientID()))
	same.subject = subjects[0]
	if it.p.Patient.ID == "" {
		for _, k := range p.e.seal.digests {
			subjects = append(subjects, p.patientDigests(it, asTheyCame(it, k))...)
		}
	}
	for _, subject := range subjects {
		err := p.eachOf(ctx, it, ItemQuery{Subject: subject, States: []State{Written}, Limit: 2}, func(other *item, _ error) bool {
			same.filed = other // if it cannot be opened, without its receipt
			return false
		})
		if err != nil || same.filed != nil {
			return same, err
		}
	}
	if it.doubtful() {
		return same, nil
	}
	err = p.eachOf(ctx, it, ItemQuery{Subject: same.subject, States: mayBeThere, Limit: 1000}, func(other *item, unreadable error) bool {
		if unreadable != nil || other.doubtful() {
			same.doubt = other.ID
		}
		return same.doubt == ""
	})
	if err != nil || same.doubt != "" || p.restoreMark().IsZero() {
		return same, err
	}
	// Of what was never sent since a restore nobody knows yet; but what waits with
	// the ids of a former PMS is not in this one.
	v := p.viewNow()
	query := ItemQuery{Subject: it.contentDigest(""), States: []State{Queued, Held}, Limit: 1000}
	err = p.eachOf(ctx, it, query, func(other *item, unreadable error) bool {
		if unreadable == nil && p.forgotten(other) && !other.foreign(v) && p.samePatient(ctx, other, it) {
			same.doubt = other.ID
		}
		return same.doubt == ""
	})
	return same, err
}

// eachOf opens the other items that fit, until f returns false.
func (p *Practice) eachOf(ctx context.Context, it *item, q ItemQuery, f func(other *item, unreadable error) bool) error {
	q.Practice = p.id
	records, err := p.e.cfg.Store.Items(ctx, q)
	if err != nil {
		return fmt.Errorf("writeback: read documents of the same content: %w", err)
	}
	for _, r := range records {
		if r.ID == it.ID {
			continue
		}
		other, err := p.e.seal.open(r)
		if err != nil {
			other = &item{Record: r}
		}
		if !f(other, err) {
			return nil
		}
	}
	return nil
}

// samePatient is for another one whose patient may not have been looked up yet.
func (p *Practice) samePatient(ctx context.Context, other, it *item) bool {
	if err := p.gather(ctx, other, p.e.cfg.Store); err != nil {
		return true // until it can be read
	}
	if id := other.patientID(); id != "" {
		return id == it.patientID()
	}
	return other.p.Patient == it.p.Patient
}

// doubtful reports whether the PMS may have the item, or has it except for a
// rest. The state alone does not tell: one that somebody tries again is queued.
func (it *item) doubtful() bool {
	return slices.ContainsFunc(it.pr.Legs, func(l leg) bool {
		return l.State == legSending || l.State != legDone && (l.Doubt || l.Prior != nil)
	})
}

// await remembers that others wait for what becomes of an item.
func (p *Practice) await(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.awaited == nil {
		p.awaited = map[string]bool{}
	}
	p.awaited[id] = true
}

// stored takes note that an item was stored, and lets those decide again that
// wait for it once it is known whether the PMS has it. What a person, or another
// process, does to it asks for that anyway.
func (p *Practice) stored(it *item) error {
	it.Version++
	if !it.isFile() || it.doubtful() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.awaited[it.ID] {
		delete(p.awaited, it.ID)
		p.redecide.Store(true)
	}
	return nil
}
