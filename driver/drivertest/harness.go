package drivertest

import (
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Harness is what a vendor hands to the suite: a way to get a PMS of its own
// for every case, and a few facts about it.
type Harness struct {
	// New gives a PMS that nobody else uses, for one case. It may hold rows of
	// its own; the suite adds what it needs through [Staff] and looks at nothing
	// else. Its practice lies in zone: wall times that staff enter are in it.
	// The PMS is released with tb.Cleanup. A failing tb fails the case, not the
	// suite. tb is not a *testing.T: it has no Run and no Parallel.
	New func(tb testing.TB, zone *time.Location) *PMS
	// Cannot says why an ability is missing, by the ability's name as the report
	// spells it: "Staff.AddPhoto", "Fault.cut_after", "Rows", "BadDSNs". A
	// missing ability with a reason is reported; without one it fails [Run]. Where
	// only some catalogs are fixed, "Staff.AddOption/appointment_statuses" names
	// one; "BadDSNs.Secret" says why no data source name has a secret.
	Cannot map[string]string
	// Options names the option to use as the Type or Folder of an operation.
	// The first active one of its catalog is taken for an operation not listed.
	Options map[driver.OpKind]string
	// Accepts lists what this PMS lets through where others refuse, such as a
	// payment for an archived patient (driver.ReasonPatientArchived). The suite
	// then asks for the effect instead of the refusal. The reasons that count
	// are ReasonPatientArchived, ReasonProviderInactive, ReasonOptionInactive,
	// ReasonAppointmentClosed and ReasonPeriodClosed: a driver that writes for a
	// patient who does not exist has no excuse.
	Accepts []driver.Reason
	// Secrets are the keys and passwords in DSN or Connector. None may show in
	// an error or a log record.
	Secrets []string
	// Crowd is how many patients the completeness rules make to cross the
	// driver's page size; 0 means 120.
	Crowd int
	// Patience is how long one case may take before it counts as hung; 0 means 30
	// seconds. A PMS with a slow clock or a narrow throttle wants more.
	Patience time.Duration
}

// PMS is one practice's PMS for one case, and the hands and eyes of the suite in
// it. Everything goes through ids and content, so that the PMS may be a fake in
// the process, an emulator behind HTTP, or the product on a test machine.
//
// A nil func is an ability that is missing; the rules that need it come out as
// not proved.
type PMS struct {
	// Connector reaches this PMS. It may be nil when Driver and DSN are given.
	Connector driver.Connector
	// Driver and DSN open a Connector by name. They are needed for the rules
	// about data source names; with them "a restart" is a new Connector, without
	// them it is a new Conn.
	Driver driver.Driver
	DSN    string
	// ForeignDSN is a good data source name of something that answers and is not
	// this PMS: another server's port, an empty web site. Ability "ForeignDSN".
	ForeignDSN string
	// BadDSNs are names that OpenConnector must refuse.
	BadDSNs []BadDSN
	// Site is Env.Site for all connections.
	Site string
	// OtherSite is the id of another clinic or location in the same PMS, for the
	// rule that Env.Site narrows what is read. Site must be set then. Ability
	// "OtherSite".
	OtherSite string

	// Now is the PMS's clock; nil means the process's.
	Now func() time.Time
	// Advance lets time pass for the PMS. Nil means that the clock is real, and
	// that the suite waits where it must (a tick of the change marks).
	Advance func(d time.Duration)
	// Skew sets the PMS's clock off against the host's by d. Ability "Skew".
	Skew func(d time.Duration)

	// Staff acts behind the driver's back.
	Staff Staff
	// Rows lists what the PMS's own tables hold for a patient: notes, documents,
	// payments, refunds or adjustments (driver.OpStatus is never asked for). Not through the
	// driver: by query, by file, or by the fake's memory. Deleted and voided
	// rows are left out. An unknown patient has none. Ability "Rows".
	Rows func(kind driver.OpKind, patient string) []Row
	// Status is the confirmation status of an appointment in the PMS's own
	// tables, empty when it is gone. Ability "Status".
	Status func(appointment string) string
	// Verified is the day on which a patient's insurance was last verified in the
	// PMS's own tables, zero for never. It and Staff.AddCoverage are missing where the
	// PMS keeps no such day: say so in Harness.Cannot. Ability "Verified".
	Verified func(patient string) driver.Date

	// Inject makes a fault last until lift is called. An error means that this
	// PMS cannot have that fault, and says why; it is then reported as not
	// proved. Ability "Fault.<kind>".
	Inject func(f Fault) (lift func(), err error)
}

// BadDSN is a data source name with a mistake in it.
type BadDSN struct {
	DSN string
	// Names is the part that is wrong, as the error must spell it: "port",
	// "mode". Empty when no part can be named.
	Names string
	// Secret is a password or key in DSN; the error must not repeat it.
	Secret string
}

// Row is a note, document, payment, refund or adjustment as the PMS's own tables
// hold it.
// A zero field means that this PMS does not keep it, and is not compared, except
// where the comment says otherwise.
type Row struct {
	// ID is the PMS's id.
	ID string
	// Patient is the PMS's id of the patient. Always set.
	Patient string
	// Type is the option's id: the note's type, the document's folder, the
	// payment's type.
	Type string
	// Provider is the id of the provider recorded with it.
	Provider string
	// Text is all text that staff can read in it, in one string: a note's body
	// as stored; a document's title and description; a payment's memo, check
	// number and reference; an adjustment's note. The Ref must be found in it.
	Text string
	// At is when what a note tells of happened, or the document's date.
	At time.Time
	// On is the posting date. Always set for payments, refunds and adjustments.
	On driver.Date
	// Amount is more than zero for payments and for refunds alike, however the
	// PMS signs them, and for an adjustment that raises what is owed. Always set
	// for these three.
	Amount driver.Money
	// Of is the id of the payment that a refund belongs to, or an adjustment.
	Of string
	// Charges are the charges that a payment pays, and with how much each, in any
	// order. Always set for a payment that pays some, where OpInfo.Charges is set.
	Charges []driver.Charge
	// SHA256 is the hash, hexadecimal, of a document's stored bytes. Always set
	// for documents.
	SHA256 string
	// MIME is a document's type.
	MIME string
}

func (h Harness) crowd() int {
	if h.Crowd > 0 {
		return h.Crowd
	}
	return 120
}

func (h Harness) patience() time.Duration {
	if h.Patience > 0 {
		return h.Patience
	}
	return 30 * time.Second
}

func (p *PMS) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}
