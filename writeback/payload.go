package writeback

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
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
	Verified    bool            `json:"verified,omitempty"`
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
	Charges []driver.Charge       `json:"charges,omitempty"`
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

// named reports whether a person is identified, by name and birth date.
func (d patientData) named() bool { return d.First != "" && d.Last != "" && d.Birth != "" }

// progress is what has become of an item's writing: the person it was matched
// to, what people decided, and the legs. Refs to PMS options that a leg has not
// yet been sent with are not in it: they are bound when it is sent.
type progress struct {
	Match matchResult `json:"match,omitzero"`
	// Approved is set by Transfer, Assign and the like: a person vouches for the
	// patient.
	Approved bool `json:"approved,omitempty"`
	// Separate freezes Payments.Separate at the submit.
	Separate bool `json:"separate,omitempty"`
	// Manual is set for a payment that was submitted while payments were not
	// posted by themselves: switching that on later does not post it.
	Manual bool `json:"manual,omitempty"`
	// PlanOnly is set for an item that was submitted while the practice only
	// planned: it is not written by itself later, until a person asks for it.
	PlanOnly bool `json:"plan_only,omitempty"`
	// PMS is the product whose ids the item names, "" while it was never reached.
	PMS string `json:"pms,omitempty"`
	// Planned is the settings revision by which it was planned without being sent.
	Planned int64 `json:"planned,omitempty"`
	Legs    []leg `json:"legs,omitempty"`
	// RefusedAt is when the PMS last refused it for something that can be mended.
	RefusedAt time.Time `json:"refused_at,omitzero"`
	// Replaced counts the characters of a note that the PMS cannot store.
	Replaced int `json:"replaced,omitempty"`
	// SHA256 is a document's hash, which stays when its content is purged.
	SHA256 string `json:"sha256,omitempty"`
	// Masked counts the card numbers that were masked at the submit.
	Masked int `json:"masked,omitempty"`
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
	// Looked is set when the leg was looked for after a restore, before it was
	// sent.
	Looked bool `json:"looked,omitempty"`
	// Prior is set after ErrIncomplete.
	Prior *driver.Receipt `json:"prior,omitempty"`
	// Doubt is set while the outcome of an earlier sending is not known and it may
	// be sent again: because that does no harm, or because a person said so.
	Doubt bool `json:"doubt,omitempty"`
	// Unseen is set when it was asked to be sent again together with many others,
	// so that it is nobody's word that the PMS does not have it.
	Unseen bool `json:"unseen,omitempty"`
	// Amount is frozen at the submit, for money legs.
	Amount driver.Money `json:"amount,omitzero"`
	Fee    bool         `json:"fee,omitempty"`
	// Offset is set for the adjustment that offsets the fee.
	Offset bool `json:"offset,omitempty"`
}

// sentOp is what was bound when a leg was first sent.
type sentOp struct {
	Provider string       `json:"provider,omitempty"`
	Patient  string       `json:"patient,omitempty"`
	Type     string       `json:"type,omitempty"`
	Body     string       `json:"body,omitempty"`
	Title    string       `json:"title,omitempty"`
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
	// lost is set when the document's bytes were asked for and are not in the store:
	// that does not get better by trying again.
	lost atomic.Bool
}

// neighbours is what a decision needs from other rows of the store.
type neighbours struct {
	// linked is the PMS id that Assign linked to the host's patient id.
	linked string
	// paid is the state of the payment that a refund is for, and leg its first leg.
	paid State
	leg  *leg
	// postedIn is the PMS in which that leg is, or may be.
	postedIn string
	// unreadable: that payment cannot be opened with the keys at hand.
	unreadable bool
	// same is what there is of the same document.
	same sameContent
}

func (it *item) nextLeg() *leg {
	for i := range it.pr.Legs {
		if it.pr.Legs[i].State != legDone {
			return &it.pr.Legs[i]
		}
	}
	return nil
}

// begun reports whether some of the item is in the PMS: a leg, or a leg except
// for its rest. Such an item is finished whatever the settings say by then, and
// never shows as not started.
func (it *item) begun() bool {
	for i := range it.pr.Legs {
		if l := &it.pr.Legs[i]; l.State == legDone || l.Prior != nil {
			return true
		}
	}
	return false
}

// untouched reports whether the PMS has, and was asked for, nothing of the item.
func (it *item) untouched() bool {
	for i := range it.pr.Legs {
		if l := &it.pr.Legs[i]; l.State != legPending || l.Prior != nil || l.Doubt || l.Looked || !l.First.IsZero() {
			return false
		}
	}
	return true
}

// unsent takes back that the leg was sent, once it is certain that the PMS has
// nothing of it: then it is bound anew before it is sent again, to what people
// have mended in the meantime. A leg that is there except for its rest stays as
// it was sent.
func (l *leg) unsent() {
	l.State = legPending
	if l.Prior != nil || l.Doubt {
		return
	}
	l.First, l.Last = time.Time{}, time.Time{}
}

// forget drops texts that are needed no more: a skipped note that is tried again
// is planned anew.
func (it *item) forget() {
	for i := range it.pr.Legs {
		l := &it.pr.Legs[i]
		if l.Sent != nil && (l.State == legDone || it.State.Final() || it.State == Skipped && it.untouched() && it.Reason != ReasonPlanOnly) {
			l.Sent.Body, l.Sent.Title = "", ""
		}
	}
}

// open decodes a record; seal does the reverse, in place.
func (s sealer) open(r Record) (*item, error) {
	it := &item{Record: r}
	for _, part := range []struct {
		data []byte
		name string
		into any
	}{{r.Payload, sealedPayload, &it.p}, {r.Progress, sealedProgress, &it.pr}} {
		if len(part.data) == 0 {
			continue
		}
		plain, err := s.unseal(part.data, r.Practice, r.ID+part.name)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(plain, part.into); err != nil {
			return nil, fmt.Errorf("writeback: item %s: stored content is damaged", r.ID)
		}
	}
	return it, nil
}

// What is sealed names its place in the row, so that neither rows nor columns
// can be swapped.
const sealedPayload, sealedProgress = "/payload", "/progress"

func (s sealer) sealProgress(it *item) error {
	it.forget()
	data, err := json.Marshal(&it.pr)
	if err != nil {
		return fmt.Errorf("writeback: item %s: encode progress", it.ID)
	}
	it.Progress, err = s.seal(data, it.Practice, it.ID+sealedProgress)
	return err
}

// sealPayload is for the submit: it also gives the item its hash.
func (s sealer) sealPayload(it *item) error {
	data, err := json.Marshal(&it.p)
	if err != nil {
		return fmt.Errorf("writeback: item %s: encode content", it.ID)
	}
	it.Hash = s.digests.newest().contentHash(it.Practice, it.Key, data)
	it.Payload, err = s.seal(data, it.Practice, it.ID+sealedPayload)
	return err
}

var base32NoPad = base32.StdEncoding.WithPadding(base32.NoPadding)

// newItemID makes an id that rises with time, so that a store's index of ids
// grows at its end instead of everywhere.
func newItemID() string {
	var b [15]byte
	ms := uint64(time.Now().UnixMilli())
	binary.BigEndian.PutUint64(b[:8], ms<<16)
	rand.Read(b[6:]) //nolint:errcheck // never fails
	return idEncoding.EncodeToString(b[:])
}

var idEncoding = base32.HexEncoding.WithPadding(base32.NoPadding)

// isOf reports whether a stored hash is that of the item's content, by any of the
// keys at hand.
func (s sealer) isOf(it *item, hash string) bool {
	data, err := json.Marshal(&it.p)
	return err == nil && slices.ContainsFunc(s.digests, func(k digestKey) bool {
		return k.contentHash(it.Practice, it.Key, data) == hash
	})
}

// legRef derives a Ref from the host's key, so that a restored store gives a leg
// the Ref it had.
func legRef(practice, key, name string) string {
	return derive("leg/"+name, practice, key, driver.RefLen*5/8)
}

func derive(what, practice, key string, bytes int) string {
	sum := sha256.Sum256([]byte("pms/1\x00" + what + "\x00" + practice + "\x00" + key))
	return base32NoPad.EncodeToString(sum[:bytes])
}
