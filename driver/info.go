package driver

import "time"

// Info says as data what a connected PMS can do, and why it cannot do the rest.
// The engine decides by it, the settings page shows it, drivertest proves it. A
// map entry that is missing means not supported.
type Info struct {
	// Product and Version name the PMS as found: "Open Dental", "25.3.26".
	Product, Version string
	// Access says how it is reached, in staff words: "API, Service mode".
	Access string
	// Clock is the PMS's clock.
	Clock Clock
	// Catalogs, Feeds, Ops say what is supported.
	Catalogs map[Catalog]Support
	Feeds    map[Feed]FeedInfo
	Ops      map[OpKind]OpInfo
	// Find says by what patients can be looked up. FindByID and FindByBirthDate
	// are what matching needs.
	Find map[FindBy]Support
	// MaxCalls is how many calls may run at once on this connection; 0 means 1.
	MaxCalls int
	// ReusesIDs is set when the PMS may give the id of a deleted option to a new
	// one, so that an id alone does not identify.
	ReusesIDs bool
	// Notes are remarks for staff, such as "a read-only database user is advised".
	Notes []string
}

// Clock describes the PMS's clock.
type Clock struct {
	// Resolution of its change marks; 0 when it has none.
	Resolution time.Duration
	// Skew is the PMS's clock minus the host's when last read, zero when the PMS
	// does not tell its time.
	Skew time.Duration
}

// Support says whether something works, and if not, why.
type Support struct {
	// Supported is true when it works now.
	Supported bool
	// Why says in staff words why it does not: "Needs Open Dental 25.1 or
	// later." Never empty when Supported is false.
	Why string
	// Needs are what it takes, met or not, in staff words: "Permission tier
	// Documents". For the settings page.
	Needs []string
}

// Yes is the Support of what works.
func Yes(needs ...string) Support { return Support{Supported: true, Needs: needs} }

// No is the Support of what does not work, and why.
func No(why string, needs ...string) Support { return Support{Why: why, Needs: needs} }

// FeedInfo says how a feed can be read.
type FeedInfo struct {
	Support
	// MinInterval is the shortest interval that the PMS's terms or limits allow.
	MinInterval time.Duration
	// Changes is set when ReadChanges serves the feed; otherwise ReadWindow does.
	Changes bool
	// Deletes is set when ReadChanges reports deleted records. Otherwise they
	// show only in the difference between two windows.
	Deletes bool
	// Window is set when ReadWindow serves the feed.
	Window bool
	// Hints is set when ReadHint names the feed, as a rule, when it has news. Never
	// without a [Hinter].
	Hints bool
}

// OpInfo says how an operation is done.
type OpInfo struct {
	Support
	// MaxBytes and MaxChars limit one operation's payload (a note's body, a
	// document's content); 0 means no limit is known. Both hold.
	MaxBytes int64
	MaxChars int
	// MIME are the types that are taken; empty means any.
	MIME []string
	// Repertoire says which characters can be stored.
	Repertoire Repertoire
	// Idempotent is set when the same Op written twice has one effect, so that
	// it may be sent again without looking first.
	Idempotent bool
	// VerifyAfter is how long after the last sending Verify may still have to
	// answer VerdictUnknown, because the PMS may be at work on the request.
	VerifyAfter time.Duration
	// ProviderRecorded is set when the PMS records Header.Provider.
	ProviderRecorded bool
	// Charges is set when a payment's Charges are posted as they are given.
	Charges bool
	// HeldAs says how the PMS holds it when that is not obvious: a refund as a
	// "negative payment". In staff words.
	HeldAs string
	// TypeFrom is the catalog of the operation's Type or Folder; empty when it
	// takes none.
	TypeFrom Catalog
}

// Repertoire is a set of characters.
type Repertoire string

// The repertoires.
const (
	// UnicodeAll is all of Unicode.
	UnicodeAll Repertoire = ""
	// UnicodeBMP is up to U+FFFF: no emoji.
	UnicodeBMP Repertoire = "bmp"
	// Windows1252 is Western European.
	Windows1252 Repertoire = "windows-1252"
)
