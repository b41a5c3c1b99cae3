package writeback

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// payload is what the host submitted, in the form the store keeps. It never
// changes after the submit. Texts are revealed here and nowhere else, and this
// type is neither printed nor logged.
type payload struct {
	Patient  patientData   `json:"patient,omitzero"`
	At       time.Time     `json:"at,omitzero"`
	Note     *noteData     `json:"note,omitempty"`
	Document *documentData `json:"document,omitempty"`
	Status   *statusData   `json:"status,omitempty"`
	Payment  *paymentData  `json:"payment,omitempty"`
	Refund   *refundData   `json:"refund,omitempty"`
}

type patientData struct {
	ID     string `json:"id,omitempty"`
	HostID string `json:"host_id,omitempty"`
	First  string `json:"first,omitempty"`
	Last   string `json:"last,omitempty"`
	Birth  string `json:"birth,omitempty"`
	Phone  string `json:"phone,omitempty"`
}

type noteData struct {
	Kind        driver.NoteKind `json:"kind"`
	Subject     string          `json:"subject,omitempty"`
	Body        string          `json:"body,omitempty"`
	Number      string          `json:"number,omitempty"`
	User        string          `json:"user,omitempty"`
	Result      string          `json:"result,omitempty"`
	Duration    time.Duration   `json:"duration,omitempty"`
	Attachments []string        `json:"attachments,omitempty"`
}

type documentData struct {
	Kind     driver.DocumentKind `json:"kind"`
	Category driver.FormCategory `json:"category,omitempty"`
	FormType string              `json:"form_type,omitempty"`
	Title    string              `json:"title,omitempty"`
	MIME     string              `json:"mime"`
	Size     int64               `json:"size"`
	SHA256   string              `json:"sha256"`
}

type statusData struct {
	Appointment string `json:"appointment"`
	Confirmed   bool   `json:"confirmed"`
	Basis       string `json:"basis,omitempty"`
}

type paymentData struct {
	Channel driver.PaymentChannel `json:"channel"`
	Amount  driver.Money          `json:"amount"`
	Fee     driver.Money          `json:"fee,omitzero"`
	Memo    string                `json:"memo,omitempty"`
}

type refundData struct {
	Payment string       `json:"payment"`
	Amount  driver.Money `json:"amount"`
	Memo    string       `json:"memo,omitempty"`
}

func patientDataOf(p Patient) patientData {
	return patientData{
		ID: p.ID, HostID: p.HostID, First: p.First.Reveal(), Last: p.Last.Reveal(),
		Birth: p.Birth.Reveal().String(), Phone: p.Phone.Reveal(),
	}
}

func (d patientData) patient() Patient {
	birth, _ := driver.ParseDate(d.Birth) // written by patientDataOf
	return Patient{
		ID: d.ID, HostID: d.HostID, First: Text(d.First), Last: Text(d.Last),
		Birth: driver.NewBirthDate(birth), Phone: Text(d.Phone),
	}
}

// progress is what has become of an item's writing: the person it was matched
// to, what people decided, and the legs. Refs to PMS options that a leg has not
// yet been sent with are not in it: they are bound when it is sent.
type progress struct {
	Match matchResult `json:"match,omitzero"`
	// Approved is set by Transfer, Assign and the like: a person vouches for the
	// patient.
	Approved bool `json:"approved,omitempty"`
	// Separate freezes Payments.Separate at the submit.
	Separate bool  `json:"separate,omitempty"`
	Legs     []leg `json:"legs,omitempty"`
	// AnyBasis is set when staff asked again for a status that had conflicted.
	AnyBasis bool `json:"any_basis,omitempty"`
}

// leg is one write to the PMS.
type leg struct {
	Name  string         `json:"name"`
	Ref   string         `json:"ref"`
	State legState       `json:"state,omitempty"`
	First time.Time      `json:"first,omitzero"` // first sent
	Last  time.Time      `json:"last,omitzero"`  // last sent
	Sent  *sentOp        `json:"sent,omitempty"` // as first sent
	Got   driver.Receipt `json:"got,omitzero"`
	// Prior is set after ErrIncomplete.
	Prior *driver.Receipt `json:"prior,omitempty"`
	// Amount is frozen at the submit, for money legs.
	Amount driver.Money `json:"amount,omitzero"`
	Fee    bool         `json:"fee,omitempty"`
}

// sentOp is what was bound when a leg was first sent.
type sentOp struct {
	Provider string       `json:"provider,omitempty"`
	Patient  string       `json:"patient,omitempty"`
	Type     string       `json:"type,omitempty"`
	Body     string       `json:"body,omitempty"`
	Part     int          `json:"part,omitempty"`
	Parts    int          `json:"parts,omitempty"`
	From     string       `json:"from,omitempty"`
	To       string       `json:"to,omitempty"`
	Of       string       `json:"of,omitempty"`
	OfRef    string       `json:"of_ref,omitempty"`
	OfAmount driver.Money `json:"of_amount,omitzero"`
	PostedOn driver.Date  `json:"posted_on,omitzero"`
}

type legState string

const (
	legPending legState = ""
	legSending legState = "sending"
	legDone    legState = "done"
)

// item is a stored item, opened.
type item struct {
	Record
	p    payload
	pr   progress
	near neighbours
}

// neighbours is what a decision needs from other rows of the store.
type neighbours struct {
	// linked is the PMS id that Assign linked to the host's patient id.
	linked string
	// paid is the state of the payment that a refund is for, and leg its first leg.
	paid State
	leg  *leg
	// refunded is what earlier refunds of that payment took, in minor units.
	refunded int64
}

func (it *item) nextLeg() *leg {
	for i := range it.pr.Legs {
		if it.pr.Legs[i].State != legDone {
			return &it.pr.Legs[i]
		}
	}
	return nil
}

func (it *item) doneLegs() int {
	n := 0
	for i := range it.pr.Legs {
		if it.pr.Legs[i].State == legDone {
			n++
		}
	}
	return n
}

// open decodes a record; seal does the reverse, in place.
func (s sealer) open(r Record) (*item, error) {
	it := &item{Record: r}
	for _, part := range []struct {
		data []byte
		into any
	}{{r.Payload, &it.p}, {r.Progress, &it.pr}} {
		if len(part.data) == 0 {
			continue
		}
		plain, err := s.unseal(part.data, r.Practice, r.ID)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(plain, part.into); err != nil {
			return nil, fmt.Errorf("writeback: item %s: stored content is damaged", r.ID)
		}
	}
	return it, nil
}

func (s sealer) sealProgress(it *item) error {
	data, err := json.Marshal(&it.pr)
	if err != nil {
		return fmt.Errorf("writeback: item %s: encode progress", it.ID)
	}
	it.Progress, err = s.seal(data, it.Practice, it.ID)
	return err
}

// sealPayload is for the submit: it also gives the item its hash.
func (s sealer) sealPayload(it *item) error {
	data, err := json.Marshal(&it.p)
	if err != nil {
		return fmt.Errorf("writeback: item %s: encode content", it.ID)
	}
	it.Hash = contentHash(it.Practice, it.Key, data)
	it.Payload, err = s.seal(data, it.Practice, it.ID)
	return err
}

// contentHash tells same content from other content under one key. The key and
// practice go in, so that equal notes of two patients have different hashes.
func contentHash(practice, key string, data []byte) string {
	h := sha256.New()
	h.Write([]byte(practice + "\x00" + key + "\x00"))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

var base32NoPad = base32.StdEncoding.WithPadding(base32.NoPadding)

// itemID and legRef derive ids from the host's key, so that whoever has the key
// can say them, and so that a restored store gives a leg the Ref it had.
func itemID(practice, key string) string { return derive("item", practice, key, 15) }

func legRef(practice, key, name string) string {
	return derive("leg/"+name, practice, key, driver.RefLen*5/8)
}

func derive(what, practice, key string, bytes int) string {
	sum := sha256.Sum256([]byte("pms/1\x00" + what + "\x00" + practice + "\x00" + key))
	return base32NoPad.EncodeToString(sum[:bytes])
}
