package eaglesoft

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/pmswriteback/pms/driver"
)

// SuggestedOwner is the owner of Eaglesoft's tables in every public account of a
// live database. It has to be given all the same: nothing is assumed.
const SuggestedOwner = "PPM"

// DefaultTimeout is what [Config.Timeout] is when it is zero. A statement takes
// milliseconds; what takes longer waits for a lock.
const DefaultTimeout = 20 * time.Second

// DefaultVerifyAfter is what [Config.VerifyAfter] is when it is zero. SQL Anywhere
// gives a connection up whose client is silent for two minutes (LivenessTimeout)
// and rolls back what was not committed; the third minute is a margin.
const DefaultVerifyAfter = 3 * time.Minute

// DefaultFullPass is what [Config.FullPass] is when it is zero.
const DefaultFullPass = 24 * time.Hour

// Config says how to reach one practice's Eaglesoft and what may be done there. It
// prints without the connection's name, and without the initialisation
// statements.
type Config struct {
	// DB is a pool of the host's to the database, which the host closes. Up to four
	// of its connections are taken, for as long as they are used here. Nil means
	// Database.
	DB *sqlx.DB
	// Database is the name of an SQL driver and a data source name for it, from
	// which a pool is made for each connection. Exactly one of DB and Database is
	// set.
	Database DatabaseDSN
	// Init are statements that run on every new physical connection, right after it
	// was made (or taken out of DB) and after Session: the OEM authentication of SQL Anywhere, for which
	// company, application and signature come from the host's agreement with the
	// vendor. Without them Eaglesoft's database can be read and not written.
	//
	//	SET TEMPORARY OPTION connection_authentication='Company=...;Application=...;Signature=...'
	Init []driver.Secret
	// Session are the statements by which a new physical connection is made to read
	// only what is committed, and to give up waiting for a lock. Nil is those of
	// SQL Anywhere, see [DefaultSession].
	Session []string
	// Owner is the owner of the tables, such as SuggestedOwner. Required.
	Owner string
	// User is the code (provider_id) of the member of staff under whose name is
	// recorded what has no provider: at most three characters, active in Eaglesoft.
	// Required.
	User string
	// Practice is the practice_id that is recorded with what is written. Required;
	// Env.Site takes its place where it is set.
	Practice string
	// NoteClass is note_class of the notes written, one character. Empty is "T",
	// which both public accounts of such notes have.
	NoteClass string
	// Confirmations are the confirmation statuses. Nil is the fixed list that is
	// known, see [DefaultConfirmations].
	Confirmations []Confirmation
	// Classification tells visits from other records in the schedule. The zero value
	// is what is known, see [Classification].
	Classification Classification
	// Arrivals says what a number in arrival_status means. Nil is what is known: 4
	// is walked out, which is completed. Any other number but 0 counts as arrived.
	Arrivals map[int]driver.AppointmentState
	// Documents writes the files of documents. Nil means that documents are not
	// supported.
	Documents SmartDocWriter
	// Payments lets payments be posted. What the vendor permits is not public, so
	// that it takes the host's word. See the package's doc for what is posted.
	Payments bool
	// Timeout bounds one read, and one write as a whole; a document gets five minutes
	// more for its file. 0 is DefaultTimeout.
	Timeout time.Duration
	// VerifyAfter is how long after a write was sent it may still take effect; 0 is
	// DefaultVerifyAfter. Shorter values are for tests.
	VerifyAfter time.Duration
	// FullPass is how often all patients are read for those whom their date of entry
	// does not show as new (it is missing, or lies in the past); 0 is
	// DefaultFullPass.
	FullPass time.Duration
}

// Confirmation is a confirmation status.
type Confirmation struct {
	// ID is the number in appointment.confirmation_status.
	ID int
	// Label is what staff see.
	Label string
	// Role says what it means, RoleNone when that is open.
	Role driver.StatusRole
}

// DefaultConfirmations are the statuses as one shipped product has them, twice; no
// table of them was found in the database. An appointment without a status counts
// as 0.
func DefaultConfirmations() []Confirmation {
	return []Confirmation{
		{0, "Unconfirmed", driver.RoleUnconfirmed},
		{1, "Confirmed", driver.RoleConfirmed},
		{2, "Sent Email", driver.RoleOutreach},
		{3, "Left Message", driver.RoleOutreach},
		{4, "No Answer", driver.RoleOutreach},
		{5, "Phone Busy", driver.RoleOutreach},
		{6, "Waiting For Callback", driver.RoleOutreach},
		{7, "Other", driver.RoleNone},
	}
}

// Classification says what the bits of appointment.classification mean. A nil list
// is the one that is known; a list that is empty and not nil has nothing in it.
type Classification struct {
	// Scheduled marks patients' visits; nil is 1.
	Scheduled []int
	// Blocks marks blocked time and events of an operatory, which are no
	// appointments; nil is 2.
	Blocks []int
	// Gone marks what is no longer on the schedule, and is taken as cancelled; nil
	// is 16, 32 and 64. How these differ is not known, and what 4 means neither: a
	// record with that alone is left out.
	Gone []int
}

func (c Classification) withDefaults() Classification {
	if c.Scheduled == nil {
		c.Scheduled = []int{1}
	}
	if c.Blocks == nil {
		c.Blocks = []int{2}
	}
	if c.Gone == nil {
		c.Gone = []int{16, 32, 64}
	}
	return c
}

// DefaultSession are the statements of SQL Anywhere for [Config.Session]. By
// default it shows rows that are not committed yet (isolation level 0), so that a
// write of a dead connection looks done shortly before it is undone; and it waits
// for locks without end. Quoted names are names for ODBC anyway.
func DefaultSession() []string {
	return []string{
		"SET TEMPORARY OPTION quoted_identifier='On'",
		"SET TEMPORARY OPTION isolation_level='1'",
		"SET TEMPORARY OPTION blocking_timeout='10000'",
	}
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// Validate returns everything that is wrong, joined; each error names the field.
func (c Config) Validate() error {
	var problems []error
	wrong := func(text string) { problems = append(problems, errors.New("eaglesoft: "+text)) }
	switch {
	case c.DB != nil && !c.Database.IsZero():
		wrong("connection: give either DB or Database")
	case c.DB == nil && c.Database.IsZero():
		wrong("connection: missing; the name of the ODBC data source, or a connection string from Eaglesoft's settings, see the package's doc")
	case c.DB == nil:
		if problem := dsnProblem(c.Database); problem != "" {
			wrong(problem)
		}
	}
	for i, s := range c.Init {
		if strings.TrimSpace(s.Reveal()) == "" {
			wrong(fmt.Sprintf("init: statement %d is empty", i+1))
		}
	}
	switch {
	case c.Owner == "":
		wrong("owner: missing; the owner of Eaglesoft's tables, which is " + SuggestedOwner + " in all that is known")
	case !identifier.MatchString(c.Owner):
		wrong("owner: must be letters, digits and underscores, and begin with no digit")
	}
	switch {
	case c.User == "":
		wrong("user: missing; the code of the member of staff under whose name is written (Lists > Providers/Staff)")
	case len(c.User) > providerWidth || !isCode(c.User):
		wrong("user: must be a code of at most three characters without blanks (Lists > Providers/Staff)")
	}
	switch {
	case c.Practice == "":
		wrong("practice: missing; the practice_id of the practice, which is 1 where there is one")
	case !isPractice(c.Practice):
		wrong("practice: must be a number from 0 to 32767")
	}
	if c.NoteClass != "" && (len(c.NoteClass) != 1 || !isCode(c.NoteClass)) {
		wrong("note_class: must be one character")
	}
	seen := map[int]bool{}
	for _, s := range c.Confirmations {
		switch {
		case strings.TrimSpace(s.Label) == "":
			wrong(fmt.Sprintf("confirmations: %d has no label", s.ID))
		case seen[s.ID]:
			wrong(fmt.Sprintf("confirmations: %d is there twice", s.ID))
		}
		seen[s.ID] = true
	}
	known := c.Classification.withDefaults()
	for _, bit := range slices.Concat(known.Scheduled, known.Blocks, known.Gone) {
		if bit <= 0 || bit&(bit-1) != 0 {
			wrong("classification: must be powers of two, such as 1, 2 or 16")
			break
		}
	}
	for _, n := range []struct {
		name string
		d    time.Duration
	}{{"timeout", c.Timeout}, {"verify_after", c.VerifyAfter}, {"full_pass", c.FullPass}} {
		if n.d < 0 {
			wrong(n.name + ": must not be negative")
		}
	}
	return errors.Join(problems...)
}

// isCode reports whether s can be one of the codes that staff give and the ids that
// Eaglesoft makes: printable, without blanks, which are padding.
func isCode(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func isPractice(s string) bool {
	n, err := strconv.ParseUint(s, 10, 15)
	return err == nil && strconv.FormatUint(n, 10) == s
}

func (c Config) confirmations() []Confirmation {
	if c.Confirmations == nil {
		return DefaultConfirmations()
	}
	return c.Confirmations
}

func (c Config) confirmation(id string) (Confirmation, bool) {
	for _, s := range c.confirmations() {
		if strconv.Itoa(s.ID) == id {
			return s, true
		}
	}
	return Confirmation{}, false
}

func (c Config) session() []string {
	if c.Session == nil {
		return DefaultSession()
	}
	return c.Session
}

func (c Config) noteClass() string {
	if c.NoteClass == "" {
		return "T"
	}
	return c.NoteClass
}

func (c Config) timeout() time.Duration     { return orDefault(c.Timeout, DefaultTimeout) }
func (c Config) verifyAfter() time.Duration { return orDefault(c.VerifyAfter, DefaultVerifyAfter) }
func (c Config) fullPass() time.Duration    { return orDefault(c.FullPass, DefaultFullPass) }

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// String names the owner and the SQL driver, and nothing else.
func (c Config) String() string {
	owner := c.Owner
	if !identifier.MatchString(owner) {
		owner = "(no valid owner)"
	}
	if c.DB != nil {
		return "eaglesoft " + owner + " by the host's pool"
	}
	return "eaglesoft " + owner + " by " + c.Database.String()
}

// GoString is String.
func (c Config) GoString() string { return c.String() }

// Format prints String for every verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON gives String as a JSON string. It cannot be read back.
func (c Config) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(c.String())), nil }
